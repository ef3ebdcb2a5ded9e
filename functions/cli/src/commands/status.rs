//! `status`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::{
    error::Error,
    ident::DatabaseName,
    job::Phase,
    plan::left::{self, Left},
    read,
    sql::show,
    starrocks::Client,
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
                    "labels": restore.labels(),
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
        let (left, unseen) = self.left_by_restores(&mut client, &held).await?;
        client.close().await;
        let status = json!({
            "databases": databases,
            "backups": jobs,
            "restores": restores,
            "left_by_restores": left,
            "left_not_seen": unseen,
        });
        match self.output {
            Output::Json => self.terminal.print(&render::pretty(&status)),
            Output::Text => self.terminal.print(&text(&status)),
        }
        Ok(())
    }

    /// With the databases in which not every table can be seen.
    async fn left_by_restores(
        &self,
        client: &mut Client,
        held: &BTreeSet<DatabaseName>,
    ) -> Result<(Vec<Left>, Vec<DatabaseName>), Error> {
        let restores = self.ops(client).asides().await?;
        let worked_in: BTreeSet<DatabaseName> = restores
            .iter()
            .flat_map(|one| one.restore.databases().unwrap_or_default())
            .collect();
        let known = client.fetch(&show::databases()).await?;
        let there: BTreeSet<&DatabaseName> = known
            .iter()
            .map(|row| &row.0)
            .filter(|name| worked_in.contains(name))
            .collect();
        if there.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let listings = read::read_listings(client, &there).await?;
        let unseen = listings.iter().filter(|(_, listing)| !listing.complete);
        let unseen = unseen.map(|(name, _)| name.clone()).collect();
        Ok((left::still_there(&restores, &listings, held), unseen))
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
    let left: Vec<[String; 4]> = list("left_by_restores").iter().map(left_row).collect();
    if !left.is_empty() {
        let headings = ["LEFT BY A RESTORE", "RESTORE", "AGE", "WHAT TO DO"];
        sections.push(render::table(headings, &left));
    }
    let unseen: Vec<String> = list("left_not_seen").iter().map(word).collect();
    if !unseen.is_empty() {
        sections.push(format!(
            "not every table of {} can be seen: restores may have left more there (starrocks-br doctor \
             prints the GRANT)",
            unseen.join(", ")
        ));
    }
    match sections.is_empty() {
        true => "nothing is running".to_owned(),
        false => sections.join("\n\n"),
    }
}

fn left_row(row: &Value) -> [String; 4] {
    [
        format!("{}.{}", word(&row["database"]), word(&row["table"])),
        word(&row["restore_id"]),
        word(&row["age"]),
        word(&row["next"]),
    ]
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
    [id, labels(&row["labels"]), state, next]
}

/// A restore of a group has one of each database, and a line has an end.
fn labels(all: &Value) -> String {
    const SHOWN: usize = 3;
    let all = all.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text: Vec<String> = all.iter().take(SHOWN).map(word).collect();
    if all.len() > SHOWN {
        text.push(format!("{} more", all.len() - SHOWN));
    }
    text.join(", ")
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}
