//! `status` and `cancel`.

use serde_json::{Value, json};
use shared::{
    error::{Error, ErrorName},
    ident::DatabaseName,
    job::Phase,
    sql::{backup::cancel_backup, show},
};

use super::Session;
use crate::{Done, args::Output, render};

impl Session<'_> {
    pub(super) async fn status(&mut self) -> Done {
        let mut client = self.connect_to_ops().await?;
        let mut databases: Vec<Value> = Vec::new();
        for row in client.fetch(&show::databases()).await? {
            let lease = self.ops(&mut client).newest_lease(&row.0).await?;
            let claims = self.ops(&mut client).open_claims(&row.0).await?;
            let held = lease.filter(|lease| lease.seconds_left > 0);
            if held.is_none() && claims.is_empty() {
                continue;
            }
            databases.push(json!({
                "database": row.0,
                "held_by": held.as_ref().map(|lease| &lease.execution),
                "until": held.as_ref().map(|lease| lease.expires_at),
                "labels": claims
                    .iter()
                    .map(|claim| json!({ "label": claim.label, "phase": claim.phase.as_str() }))
                    .collect::<Vec<_>>(),
            }));
        }
        let jobs: Vec<Value> = client
            .fetch(&show::backups())
            .await?
            .iter()
            .filter(|job| job.state.phase() == Phase::Running)
            .map(|job| {
                json!({ "database": job.database, "label": job.label, "state": job.state.as_str() })
            })
            .collect();
        let restores: Vec<Value> = self
            .ops(&mut client)
            .restores()
            .await?
            .iter()
            .map(|restore| {
                json!({
                    "restore_id": restore.id,
                    "label": restore.label,
                    "state": restore.state,
                    "status": restore.status,
                    "error_message": restore.error_message,
                })
            })
            .collect();
        client.close().await;
        let status = json!({ "databases": databases, "backups": jobs, "restores": restores });
        match self.output {
            Output::Json => self.terminal.print(&render::pretty(&status)),
            Output::Text => self.terminal.print(&text(&status)),
        }
        Ok(())
    }

    pub(super) async fn cancel(&mut self, database: &str) -> Done {
        let database: DatabaseName = database.parse()?;
        let mut client = self.connect_to_ops().await?;
        let jobs = client.fetch(&show::backup(&database)).await?;
        let running = jobs.iter().find(|job| job.state.phase() == Phase::Running);
        let Some(job) = running else {
            return Err(Error::new(
                ErrorName::NotFound,
                format!("no backup is running in database {database}"),
            )
            .hint("starrocks-br status shows what is running"));
        };
        client.run(&cancel_backup(&database)).await?;
        client.close().await;
        self.terminal.print(&format!(
            "cancelled {}; the execution that follows it records that",
            job.label
        ));
        Ok(())
    }
}

fn text(status: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut sections = Vec::new();
    let list = |key: &str| status[key].as_array().cloned().unwrap_or_default();
    let databases: Vec<[String; 4]> = list("databases")
        .iter()
        .map(|row| {
            let labels: Vec<String> = row["labels"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|own| format!("{} {}", word(&own["label"]), word(&own["phase"])))
                .collect();
            [
                word(&row["database"]),
                word(&row["held_by"]),
                word(&row["until"]),
                labels.join(", "),
            ]
        })
        .collect();
    if !databases.is_empty() {
        let headings = ["DATABASE", "HELD BY", "UNTIL (UTC)", "LABELS IN WORK"];
        sections.push(render::table(headings, &databases));
    }
    let jobs: Vec<[String; 3]> = list("backups")
        .iter()
        .map(|row| {
            [
                word(&row["database"]),
                word(&row["label"]),
                word(&row["state"]),
            ]
        })
        .collect();
    if !jobs.is_empty() {
        sections.push(render::table(
            ["DATABASE", "BACKUP IN STARROCKS", "STATE"],
            &jobs,
        ));
    }
    let restores: Vec<[String; 4]> = list("restores")
        .iter()
        .map(|row| {
            [
                word(&row["restore_id"]),
                word(&row["label"]),
                word(&row["state"]),
                word(&row["status"]),
            ]
        })
        .collect();
    if !restores.is_empty() {
        sections.push(render::table(
            ["RESTORE", "LABEL", "STATE", "STATUS"],
            &restores,
        ));
    }
    match sections.is_empty() {
        true => "nothing is in work".to_owned(),
        false => sections.join("\n\n"),
    }
}
