//! Restoring a label that another tool made: from its one snapshot, whose list of names stands in for
//! the manifest.

use std::collections::BTreeMap;

use shared::{
    config::Settings,
    error::{Error, ErrorName},
    foreign,
    manifest::BackupRecord,
    ops::Ops,
    plan::{
        foreign::named,
        restore::{Phase, RestoreRequest, Slot, SnapshotSource, Source, Step, policy},
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

/// The way back must not hang on a snapshot: once all is built and verified, the tables that the steps
/// name are all that is needed of a foreign label.
pub(crate) async fn without_snapshot(
    settings: &Settings,
    client: &mut Client,
    restore: &RestoreRow,
    request: &RestoreRequest,
    steps: &[Stored],
    error: Error,
) -> Result<Vec<Source>, Error> {
    let is_gone = matches!(
        error.name,
        ErrorName::NotFound | ErrorName::RepositoryUnavailable | ErrorName::BackupFailed
    );
    let is_built = steps
        .iter()
        .all(|step| step.is_done() || step.planned.phase > Phase::Verify);
    let ([label], true, true) = (request.labels.as_slice(), is_gone, is_built) else {
        return Err(error);
    };
    let record = Ops::new(client, settings.ops_database())
        .known_backup(label)
        .await?;
    let database = restore.databases().unwrap_or_default().pop();
    let (Some(database), true) = (database, foreign::is_foreign(&record)) else {
        return Err(error);
    };
    let tables = steps.iter().filter_map(|step| step.planned.step.table());
    let tables = tables.map(|table| table.table.clone()).collect();
    let (manifest, origin) = named(&record, &database, tables);
    Ok(vec![Source {
        snapshots: BTreeMap::new(),
        manifest,
        origin,
        record,
    }])
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
        let active = policy::active(&properties);
        if active.is_empty() {
            return Ok(Progress::Done);
        }
        let live = self.name_of(table, Slot::Live)?;
        let database = self.database_of(table)?;
        for policy in &active {
            let property = policy.property();
            let value = policy.value(&properties).unwrap_or_default();
            let note = format!(
                "{database}.{live} has {property} switched off, because it could drop restored \
                 partitions. When it may: ALTER TABLE `{database}`.`{live}` SET (\"{property}\" = \
                 \"{value}\")"
            );
            if !self.steps[index].detail.notes.contains(&note) {
                self.steps[index].detail.notes.push(note);
            }
        }
        self.begin(client, index).await?;
        for policy in active {
            let sent = self.context().hold(table, *slot, policy)?;
            self.send_one(client, index, &sent).await?;
        }
        Ok(Progress::Done)
    }
}
