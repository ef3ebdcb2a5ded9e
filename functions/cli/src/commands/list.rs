//! `list`.

use serde_json::{Value, json};
use shared::{ident::GroupName, manifest::BackupRecord};

use super::Session;
use crate::{Done, args::Output, render};

impl Session<'_> {
    pub(super) async fn list(&mut self, group: Option<&str>) -> Done {
        let mut client = self.connect_to_ops().await?;
        let mut records = self.ops(&mut client).backups().await?;
        if let Some(group) = group {
            let group: GroupName = group.parse()?;
            records.retain(|record| record.group.as_ref() == Some(&group));
            if records.is_empty() {
                // A group of which nothing is recorded may be misspelt.
                self.ops(&mut client).group(&group).await?;
            }
        }
        client.close().await;
        match self.output {
            Output::Json => {
                let rows: Vec<Value> = records.iter().map(to_json).collect();
                self.terminal.print(&render::pretty(&json!(rows)));
            }
            Output::Text if records.is_empty() => self.terminal.print(
                "no backup is recorded yet: starrocks-br backup full --group GROUP makes the first",
            ),
            Output::Text => {
                let rows: Vec<[String; 9]> = records.iter().map(to_row).collect();
                self.terminal.print(&render::table(
                    [
                        "LABEL",
                        "KIND",
                        "STATUS",
                        "GROUP",
                        "DATABASE",
                        "PINNED AT (UTC)",
                        "CUT",
                        "PARTITIONS STORED",
                        "BYTES",
                    ],
                    &rows,
                ));
            }
        }
        Ok(())
    }
}

fn to_row(record: &BackupRecord) -> [String; 9] {
    let stored = match (record.partitions_stored, record.partitions_total) {
        (Some(stored), Some(total)) => format!("{stored} of {total}"),
        _ => "-".to_owned(),
    };
    [
        record.label.to_string(),
        record.kind.to_string(),
        record.status.as_str().to_owned(),
        // The Python tool records neither.
        render::or_dash(record.group.as_ref()),
        render::or_dash(record.database.as_ref()),
        render::or_dash(record.pinned_at),
        render::or_dash(record.cut),
        stored,
        record
            .bytes_stored
            .map_or_else(|| "-".to_owned(), render::bytes),
    ]
}

pub(super) fn to_json(record: &BackupRecord) -> Value {
    json!({
        "label": record.label,
        "kind": record.kind,
        "status": record.status,
        "group": record.group,
        "database": record.database,
        "repository": record.repository,
        "execution_id": record.execution_id,
        "baseline_label": record.baseline,
        "cut": record.cut,
        "planned_at": record.planned_at,
        "pinned_at": record.pinned_at,
        "snapshot_timestamp": record.snapshot_timestamp,
        "partitions_total": record.partitions_total,
        "partitions_stored": record.partitions_stored,
        "bytes_stored": record.bytes_stored.map(|bytes| bytes.to_string()),
        "engine_version": record.engine_version,
        "retention_class": record.retention_class,
        "expires_at": record.expires_at,
        "error_message": record.error_message,
        "made_by_us": record.plan_digest.is_some(),
    })
}
