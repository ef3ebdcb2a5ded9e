//! `show`.

use serde_json::{Value, json};
use shared::{
    label::{BackupKind, SnapshotLabel},
    manifest::{BackupRecord, Cut, Manifest},
    time::UtcTime,
};

use super::{Session, list};
use crate::{Done, args::Output, render};

impl Session<'_> {
    pub(super) async fn show(&mut self, label: &str, ddl: bool, partitions: bool) -> Done {
        let label: SnapshotLabel = label.parse()?;
        let mut client = self.connect_to_ops().await?;
        let record = self.ops(&mut client).known_backup(&label).await?;
        let manifest = match record.plan_digest {
            Some(_) => Some(self.ops(&mut client).manifest(&record).await?),
            None => None,
        };
        let bare = match &manifest {
            Some(_) => Vec::new(),
            None => self.ops(&mut client).bare_partitions(&label).await?,
        };
        client.close().await;
        let bare: Vec<String> = bare
            .iter()
            .map(|row| format!("{}.{} {}", row.database, row.table, row.partition))
            .collect();
        match self.output {
            Output::Json => {
                let mut value = list::to_json(&record);
                value["tables"] = manifest.as_ref().map_or(Value::Null, tables_json);
                value["objects"] = manifest.as_ref().map_or(Value::Null, objects_json);
                value["recorded_names"] = json!(bare);
                self.terminal.print(&render::pretty(&value));
            }
            Output::Text => {
                let mut text = head(&record);
                match &manifest {
                    Some(manifest) => text.push_str(&body(manifest, ddl, partitions)),
                    None => {
                        text.push_str(what_another_tool_made(&record));
                        text.push_str(&bare.join("\n"));
                    }
                }
                self.terminal.print(text.trim_end());
            }
        }
        Ok(())
    }
}

/// What can be done with a label that has no manifest.
fn what_another_tool_made(record: &BackupRecord) -> &'static str {
    match (record.status.is_restorable(), record.kind) {
        (false, _) => "\nmade by another tool; it did not end well, so it cannot be restored\n",
        (true, BackupKind::Full) => {
            "\nmade by another tool, which recorded these names: it can be restored as its snapshot \
             holds it, and is never a baseline\n"
        }
        (true, BackupKind::Incremental) => {
            "\nmade by another tool, which recorded these names: which state it stands for is not \
             known, so only what its own snapshot holds can be restored, by --table and --partition\n"
        }
    }
}

fn head(record: &BackupRecord) -> String {
    let mut lines = vec![
        format!("label        {}", record.label),
        format!("kind         {}", record.kind),
        format!("status       {}", record.status.as_str()),
        format!("group        {}", render::or_dash(record.group.as_ref())),
        format!("database     {}", render::or_dash(record.database.as_ref())),
        format!("repository   {}", record.repository),
        format!("baseline     {}", render::or_dash(record.baseline.as_ref())),
        format!("cut          {}", cut(record.cut)),
        format!("planned at   {}", utc(record.planned_at)),
        format!("pinned at    {}", utc(record.pinned_at)),
        format!(
            "snapshot     {}",
            render::or_dash(record.snapshot_timestamp.as_ref())
        ),
        format!(
            "engine       {}",
            render::or_dash(record.engine_version.as_ref())
        ),
    ];
    lines.push(match (record.retention_class, record.expires_at) {
        (Some(class), Some(until)) => {
            format!("kept         as {}, until {until} UTC", class.as_str())
        }
        _ => "kept         no end is recorded".to_owned(),
    });
    if let Some(message) = &record.error_message {
        lines.push(format!("error        {message}"));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn utc(time: Option<UtcTime>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{time} UTC"))
}

fn cut(cut: Option<Cut>) -> String {
    match cut {
        None => "-".to_owned(),
        Some(Cut::Exact) => "exact: everything in it is of one instant".to_owned(),
        Some(Cut::Torn) => "torn: referenced partitions changed while it was made".to_owned(),
    }
}

fn body(manifest: &Manifest, ddl: bool, partitions: bool) -> String {
    let rows: Vec<[String; 4]> = manifest
        .tables
        .iter()
        .map(|table| {
            let stored = table
                .partitions
                .iter()
                .filter(|own| *own.stored_in == manifest.label)
                .count();
            let bytes = table.partitions.iter().map(|own| own.data_size).sum();
            [
                table.table.to_string(),
                table.partitions.len().to_string(),
                stored.to_string(),
                render::bytes(bytes),
            ]
        })
        .collect();
    let mut text = String::from("\n");
    text.push_str(&render::table(
        ["TABLE", "PARTITIONS", "STORED HERE", "BYTES"],
        &rows,
    ));
    text.push('\n');
    for object in &manifest.objects {
        let reason = match &object.skipped_reason {
            Some(reason) => format!("left out: {reason}"),
            None => "kept as its definition".to_owned(),
        };
        text.push_str(&format!(
            "{} {}: {reason}\n",
            object.kind.as_str(),
            object.name
        ));
    }
    if partitions {
        let rows: Vec<[String; 3]> = manifest
            .tables
            .iter()
            .flat_map(|table| {
                table.partitions.iter().map(|own| {
                    [
                        table.table.to_string(),
                        own.name.to_string(),
                        own.stored_in.to_string(),
                    ]
                })
            })
            .collect();
        text.push('\n');
        text.push_str(&render::table(["TABLE", "PARTITION", "STORED IN"], &rows));
        text.push('\n');
    }
    if ddl {
        text.push_str("\nThe definitions, without partitions: --partitions lists those.\n");
        for ddl in manifest
            .tables
            .iter()
            .map(|table| &table.ddl)
            .chain(manifest.objects.iter().map(|object| &object.ddl))
        {
            text.push_str(&format!("\n{ddl}\n"));
        }
    }
    text
}

fn tables_json(manifest: &Manifest) -> Value {
    manifest
        .tables
        .iter()
        .map(|table| {
            let partitions: Vec<Value> = table
                .partitions
                .iter()
                .map(|own| json!({ "name": own.name, "stored_in": own.stored_in.as_str() }))
                .collect();
            json!({ "table": table.table, "ddl": table.ddl, "partitions": partitions })
        })
        .collect()
}

fn objects_json(manifest: &Manifest) -> Value {
    manifest
        .objects
        .iter()
        .map(|object| {
            json!({
                "name": object.name,
                "kind": object.kind,
                "ddl": object.ddl,
                "skipped_reason": object.skipped_reason,
            })
        })
        .collect()
}
