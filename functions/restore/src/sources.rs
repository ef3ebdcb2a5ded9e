//! What a restore is made from: each label's manifest, and every snapshot that holds a part of it.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    config::Settings,
    error::{Error, ErrorName},
    foreign,
    label::SnapshotLabel,
    manifest::{BackupRecord, Manifest},
    ops::Ops,
    plan::{
        foreign::{Origin, named},
        restore::{Phase, RestoreRequest, SnapshotSource, Source},
    },
    sql::ops::steps::RestoreRow,
    starrocks::Client,
    time::SnapshotTimestamp,
    track,
};

use crate::stored::Stored;

/// Each label with its manifest and every snapshot that holds a part of it.
pub(crate) async fn read(
    settings: &Settings,
    client: &mut Client,
    labels: &[SnapshotLabel],
) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::with_capacity(labels.len());
    for label in labels {
        let record = Ops::new(client, settings.ops_database())
            .known_backup(label)
            .await?;
        if foreign::is_foreign(&record) {
            sources.push(read_foreign(settings, client, record).await?);
            continue;
        }
        let manifest = Ops::new(client, settings.ops_database())
            .manifest(&record)
            .await?;
        let snapshots = read_snapshots(settings, client, &manifest, &record).await?;
        sources.push(Source {
            origin: Origin::Ours,
            record,
            manifest,
            snapshots,
        });
    }
    Ok(sources)
}

/// Neither what becomes live nor the way back may hang on the repository: once all is built and
/// verified, the manifests are enough.
pub(crate) async fn without_snapshots(
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
    if !is_gone || !is_built {
        return Err(error);
    }
    let mut sources = Vec::with_capacity(request.labels.len());
    for label in &request.labels {
        let mut ops = Ops::new(client, settings.ops_database());
        let record = ops.known_backup(label).await?;
        if foreign::is_foreign(&record) {
            match foreign_without_snapshot(record, restore, steps) {
                Some(source) => sources.push(source),
                None => return Err(error),
            }
            continue;
        }
        sources.push(Source {
            origin: Origin::Ours,
            manifest: ops.manifest(&record).await?,
            snapshots: BTreeMap::new(),
            record,
        });
    }
    Ok(sources)
}

/// A label that another tool made: its one snapshot, whose list of names stands in for the manifest.
async fn read_foreign(
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

/// Of such a label, once its snapshot is not needed any more, the tables that the steps name are all.
fn foreign_without_snapshot(
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

async fn read_snapshots(
    settings: &Settings,
    client: &mut Client,
    manifest: &Manifest,
    record: &BackupRecord,
) -> Result<BTreeMap<SnapshotLabel, SnapshotSource>, Error> {
    let labels: BTreeSet<&SnapshotLabel> = manifest
        .tables
        .iter()
        .flat_map(|table| &table.partitions)
        .map(|partition| &*partition.stored_in)
        .collect();
    let mut snapshots = BTreeMap::new();
    for label in labels {
        let holder = match *label == record.label {
            true => Some(record.clone()),
            false => {
                Ops::new(client, settings.ops_database())
                    .backup(label)
                    .await?
            }
        };
        let repository = match &holder {
            Some(holder) => holder.repository.parse()?,
            None => settings.repository()?.clone(),
        };
        // A snapshot that is gone is left out: the planner refuses what needs it, by name.
        if let Some(timestamp) = track::timestamp_of(client, &repository, label).await? {
            is_the_recorded(holder.as_ref(), &timestamp)?;
            let engine_version = holder.and_then(|holder| holder.engine_version);
            snapshots.insert(
                label.clone(),
                SnapshotSource {
                    repository,
                    timestamp,
                    engine_version,
                },
            );
        }
    }
    Ok(snapshots)
}

/// The label is free again for everybody once its snapshot is deleted: what stands there now may be
/// another cluster's.
fn is_the_recorded(holder: Option<&BackupRecord>, found: &SnapshotTimestamp) -> Result<(), Error> {
    let Some(record) = holder else { return Ok(()) };
    match &record.snapshot_timestamp {
        Some(recorded) if recorded != found => Err(Error::new(
            ErrorName::NotFound,
            format!(
                "the snapshot of label '{}' is gone: repository {} has one of {found} under its name, and \
                 the backup's is of {recorded}",
                record.label, record.repository
            ),
        )
        .hint("somebody deleted it, and another cluster may have made the other one: restore another label")),
        _ => Ok(()),
    }
}
