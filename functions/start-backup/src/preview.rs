//! What a backup would do now, for a person to look at: the same reading and the same decisions as
//! those of a backup, without lease, label and BACKUP.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shared::{
    error::Error,
    ident::{DatabaseName, TableName},
    label::SnapshotLabel,
    manifest::{Manifest, ManifestTable},
    plan::{Decision, backup::BackupPlan},
    starrocks::Client,
};

use crate::{Work, ground::Decided};

#[derive(Debug, Serialize)]
pub(crate) struct Preview {
    database: DatabaseName,
    /// Free now; taken only by a backup.
    label: SnapshotLabel,
    baseline: Option<SnapshotLabel>,
    tables: Vec<TablePreview>,
    /// Views, materialized views and functions that are kept as their definitions.
    definitions: Vec<Definition>,
    /// What of the group is not in the label, or not any more, and why.
    left_out: Vec<Decision>,
    /// Labels that an earlier run left in work: a backup brings them to their end first.
    in_work: Vec<SnapshotLabel>,
    partitions_total: u64,
    partitions_stored: u64,
    /// As text, as everywhere: JSON numbers lose digits beyond 2^53.
    bytes_total: String,
    bytes_stored: String,
}

#[derive(Debug, Serialize)]
struct TablePreview {
    table: TableName,
    action: &'static str,
    reason: String,
    partitions_total: u64,
    partitions_stored: u64,
    bytes_total: String,
    bytes_stored: String,
}

#[derive(Debug, Serialize)]
struct Definition {
    name: TableName,
    kind: &'static str,
}

impl Work<'_> {
    pub(crate) async fn preview(&self, client: &mut Client) -> Result<Preview, Error> {
        let in_work = self.ops(client).open_claims(self.database).await?;
        let ground = self.ground(client).await?;
        let label = self.free_label(client, &BTreeSet::new()).await?;
        // Whether LIST tables can be backed up is known once BACKUP has been sent: taken for granted,
        // as by the first plan of a backup.
        let Decided { plan, .. } = self.decide(client, &ground, &label, true).await?;
        Ok(Preview::new(
            plan,
            ground.baseline(self.run.kind).cloned(),
            in_work.into_iter().map(|claim| claim.label).collect(),
        ))
    }
}

impl Preview {
    fn new(
        plan: BackupPlan,
        baseline: Option<SnapshotLabel>,
        in_work: Vec<SnapshotLabel>,
    ) -> Preview {
        let BackupPlan {
            manifest,
            decisions,
        } = plan;
        let mut decisions: BTreeMap<String, Decision> = decisions
            .into_iter()
            .map(|decision| (decision.subject.clone(), decision))
            .collect();
        let tables: Vec<TablePreview> = manifest
            .tables
            .iter()
            .map(|table| {
                let decision = decisions
                    .remove(&format!("table {}", table.table))
                    .expect("the planner decides about every table of its manifest");
                TablePreview::new(&manifest, table, decision)
            })
            .collect();
        let kept = manifest
            .objects
            .iter()
            .filter(|object| object.skipped_reason.is_none());
        Preview {
            definitions: kept
                .map(|object| Definition {
                    name: object.name.clone(),
                    kind: object.kind.as_str(),
                })
                .collect(),
            left_out: decisions.into_values().collect(),
            partitions_total: manifest.partitions_total(),
            partitions_stored: manifest.partitions_stored(),
            bytes_total: manifest.tables.iter().map(bytes).sum::<u64>().to_string(),
            bytes_stored: manifest.bytes_stored().to_string(),
            database: manifest.database,
            label: manifest.label,
            baseline,
            tables,
            in_work,
        }
    }
}

impl TablePreview {
    fn new(manifest: &Manifest, table: &ManifestTable, decision: Decision) -> TablePreview {
        let stored = table
            .partitions
            .iter()
            .filter(|own| *own.stored_in == manifest.label);
        let (count, size) = stored.fold((0, 0), |(count, size), own| {
            (count + 1, size + own.data_size)
        });
        TablePreview {
            table: table.table.clone(),
            action: decision.action,
            reason: decision.reason,
            partitions_total: table.partitions.len() as u64,
            partitions_stored: count,
            bytes_total: bytes(table).to_string(),
            bytes_stored: u64::to_string(&size),
        }
    }
}

fn bytes(table: &ManifestTable) -> u64 {
    table.partitions.iter().map(|own| own.data_size).sum()
}
