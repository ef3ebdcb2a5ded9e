//! `status` and `cancel`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::{
    audit::{Action, Subject},
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
        let mut held: BTreeSet<DatabaseName> = BTreeSet::new();
        for row in client.fetch(&show::databases()).await? {
            let lease = self.ops(&mut client).newest_lease(&row.0).await?;
            let claims = self.ops(&mut client).open_claims(&row.0).await?;
            let is_held = lease.as_ref().is_some_and(|lease| lease.seconds_left > 0);
            if !is_held && claims.is_empty() {
                continue;
            }
            if is_held {
                held.insert(row.0.clone());
            }
            databases.push(json!({
                "database": row.0,
                "held_by": lease.as_ref().map(|lease| &lease.execution),
                "until": lease.as_ref().map(|lease| lease.expires_at),
                "expired": !is_held,
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
                    "held": restore
                        .databases()
                        .ok()
                        .map(|own| own.iter().any(|database| held.contains(database))),
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
        let known = client.fetch(&show::databases()).await?;
        if !known.iter().any(|known| known.0 == database) {
            return Err(Error::new(
                ErrorName::NotFound,
                format!("there is no database '{database}', or it may not be seen"),
            )
            .hint("starrocks-br status shows what is running"));
        }
        let jobs = client.fetch(&show::backup(&database)).await?;
        let running = jobs.iter().find(|job| job.state.phase() == Phase::Running);
        let Some(job) = running else {
            return Err(Error::new(
                ErrorName::NotFound,
                format!("no backup is running in database {database}"),
            )
            .hint("starrocks-br status shows what is running"));
        };
        Subject {
            action: Action::Cancel,
            execution: "",
            label: &job.label,
            restore: "",
            databases: std::slice::from_ref(&database),
            object: "",
        }
        .around(client.run(&cancel_backup(&database)))
        .await?;
        client.close().await;
        match self.output {
            Output::Json => self.terminal.print(&render::pretty(&json!({
                "database": database,
                "cancelled": job.label,
            }))),
            Output::Text => self.terminal.print(&format!(
                "cancelled {} in database {database}; the run that waits for it records it as CANCELLED",
                job.label
            )),
        }
        Ok(())
    }
}

fn text(status: &Value) -> String {
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
                match row["expired"].as_bool() {
                    Some(true) => format!("{}, expired", word(&row["until"])),
                    _ => word(&row["until"]),
                },
                labels.join(", "),
            ]
        })
        .collect();
    if !databases.is_empty() {
        let headings = ["DATABASE", "HELD BY", "UNTIL (UTC)", "LABELS IN WORK"];
        sections.push(render::table(headings, &databases));
    }
    if list("databases").iter().any(|row| row["expired"] == true) {
        sections.push(
            "expired: that run is dead. The next backup of its group brings its labels to their end"
                .to_owned(),
        );
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
    let restores: Vec<[String; 4]> = list("restores").iter().map(restore_row).collect();
    if !restores.is_empty() {
        sections.push(render::table(
            ["RESTORE", "LABEL", "STATE", "NEXT"],
            &restores,
        ));
    }
    match sections.is_empty() {
        true => "nothing is in work".to_owned(),
        false => sections.join("\n\n"),
    }
}

fn restore_row(row: &Value) -> [String; 4] {
    let id = word(&row["restore_id"]);
    let (state, next) = match (word(&row["status"]).as_str(), word(&row["state"]).as_str()) {
        ("FAILED", _) => (
            "FAILED".to_owned(),
            format!("starrocks-br restore resume {id}"),
        ),
        (_, "VERIFIED") => (
            "VERIFIED".to_owned(),
            format!("starrocks-br restore promote {id}"),
        ),
        ("RUNNING", state) if row["held"] == false => (
            state.to_owned(),
            format!("its run is dead: starrocks-br restore resume {id}"),
        ),
        ("RUNNING", state) => (
            state.to_owned(),
            format!("in work; if its run was stopped: starrocks-br restore resume {id}"),
        ),
        (_, "PROMOTED") => (
            "PROMOTED".to_owned(),
            format!("to put back what lived before: starrocks-br restore undo {id}"),
        ),
        // The Python tool records no state.
        (status, "-") => (status.to_owned(), "-".to_owned()),
        (_, state) => (state.to_owned(), "-".to_owned()),
    };
    [id, word(&row["label"]), state, next]
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}
