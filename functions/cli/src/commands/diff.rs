//! `diff`: what changed from one label to another.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::{digest::Fingerprint, error::Error, label::SnapshotLabel, manifest::Manifest};

use super::Session;
use crate::{Done, args::Output, render};

type Partitions = BTreeMap<(String, String), (i64, Option<Fingerprint>)>;

impl Session<'_> {
    pub(super) async fn diff(&mut self, from: &str, to: &str) -> Done {
        let (of, from) = self.partitions_of(from).await?;
        let (other, to) = self.partitions_of(to).await?;
        if of.database != other.database {
            return Err(Error::invalid_input(format!(
                "{} is a label of database {}, and {} is one of {}: they have nothing in common",
                of.label, of.database, other.label, other.database
            ))
            .hint("starrocks-br list shows which label is of which database"));
        }
        let mut rows: Vec<[String; 3]> = Vec::new();
        for (key, content) in &to {
            match from.get(key) {
                None => rows.push([key.0.clone(), key.1.clone(), "added".to_owned()]),
                Some(before) if before != content || content.1.is_none() => {
                    rows.push([key.0.clone(), key.1.clone(), "changed".to_owned()]);
                }
                Some(_) => {}
            }
        }
        let dropped = from.keys().filter(|key| !to.contains_key(*key));
        rows.extend(dropped.map(|key| [key.0.clone(), key.1.clone(), "dropped".to_owned()]));
        rows.sort();
        match self.output {
            Output::Json => {
                let rows: Vec<Value> = rows
                    .iter()
                    .map(|row| json!({ "table": row[0], "partition": row[1], "change": row[2] }))
                    .collect();
                self.terminal.print(&render::pretty(&json!(rows)));
            }
            Output::Text if rows.is_empty() => self.terminal.print("no difference"),
            Output::Text => {
                self.terminal
                    .print(&render::table(["TABLE", "PARTITION", "CHANGE"], &rows));
            }
        }
        Ok(())
    }

    async fn partitions_of(&self, label: &str) -> Result<(Manifest, Partitions), Error> {
        let label: SnapshotLabel = label.parse()?;
        let mut client = self.connect_to_ops().await?;
        let record = self.ops(&mut client).known_backup(&label).await?;
        let manifest: Manifest = self.ops(&mut client).manifest(&record).await?;
        client.close().await;
        let partitions = manifest
            .tables
            .iter()
            .flat_map(|table| {
                table.partitions.iter().map(|own| {
                    let key = (table.table.to_string(), own.name.to_string());
                    (key, (table.table_id.0, own.fingerprint))
                })
            })
            .collect();
        Ok((manifest, partitions))
    }
}
