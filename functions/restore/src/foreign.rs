//! Restoring a label that another tool made: from its one snapshot, whose list of names stands in for
//! the manifest.

use std::collections::BTreeMap;

use shared::{
    config::Settings,
    error::Error,
    foreign,
    manifest::BackupRecord,
    plan::{
        foreign::named,
        restore::{
            SnapshotSource, Source, Step,
            held::{left_off, to_hold},
        },
    },
    sql::ops::steps::RestoreRow,
    starrocks::Client,
};

use crate::{
    execute::Progress,
    work::{Stored, Work, failed},
};

pub(crate) async fn read(
    settings: &Settings,
    client: &mut Client,
    record: BackupRecord,
) -> Result<Source, Error> {
    let label = foreign::read(client, settings.ops_database(), &record).await?;
    let snapshot = SnapshotSource {
        repository: label.repository,
        timestamp: label.timestamp,
        engine_version: None,
    };
    Ok(Source {
        snapshots: BTreeMap::from([(record.label.clone(), snapshot)]),
        manifest: label.manifest,
        origin: label.origin,
        record,
    })
}

/// Of a label whose snapshot is not needed any more, the tables that the steps name are all.
pub(crate) fn without_snapshot(
    record: BackupRecord,
    restore: &RestoreRow,
    steps: &[Stored],
) -> Option<Source> {
    let [database] = &restore.databases().ok()?[..] else {
        return None;
    };
    let tables = steps.iter().filter_map(|step| step.planned.step.table());
    let tables = tables.map(|table| table.table.clone()).collect();
    let (manifest, origin) = named(&record, database, tables);
    Some(Source {
        snapshots: BTreeMap::new(),
        manifest,
        origin,
        record,
    })
}

impl Work<'_> {
    /// Switches off what the restored table's own definition says. What is switched off is stored
    /// before it is: a repeat would not find it any more.
    pub(crate) async fn hold_what_drops(
        &mut self,
        client: &mut Client,
        index: usize,
    ) -> Result<Progress, Error> {
        let planned = self.steps[index].planned.clone();
        let Step::HoldWhatDrops { table, slot } = &planned.step else {
            return Err(Error::internal("another step than holding was given"));
        };
        let name = self.name_of(table, *slot)?;
        let restored = self.read_table(client, table, *slot).await?;
        let restored =
            restored.ok_or_else(|| failed(&planned, format!("'{name}' is not there")))?;
        let properties = shared::ddl::Ddl::parse(&restored.ddl)
            .map_err(|error| failed(&planned, format!("the definition of '{name}': {error}")))?
            .properties;
        let active = to_hold(&properties);
        if active.is_empty() {
            return Ok(Progress::Done);
        }
        let live = self.live_name(table)?;
        for (policy, value) in &active {
            let note = left_off(&live, *policy, value, "it could drop restored partitions");
            self.steps[index].detail.note(note);
        }
        self.begin(client, index).await?;
        for (policy, _) in active {
            let off = policy.off();
            let sent = self.context().set_policy(table, *slot, policy, off)?;
            self.send_one(client, index, &sent).await?;
        }
        Ok(Progress::Done)
    }
}
