//! Reading what a restore starts from: manifests and snapshots on one side, the target on the other.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    config::Settings,
    error::{Error, ErrorName},
    facts::{TableState, cluster::ClusterFacts},
    foreign,
    ident::{DatabaseName, QualifiedTable, TableId, TableName},
    label::SnapshotLabel,
    manifest::{BackupRecord, Manifest},
    ops::Ops,
    plan::{
        backup::Selection,
        foreign::Origin,
        restore::{Phase, RestoreRequest, Slot, SnapshotSource, Source, Target},
    },
    read::{self, Around, DatabaseReading},
    sql::{ops::steps::RestoreRow, show},
    starrocks::Client,
    time::SnapshotTimestamp,
    track,
    version::EngineLine,
};

use crate::work::Stored;

/// Each label with its manifest and every snapshot that holds a part of it.
pub(crate) async fn read_sources(
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
            sources.push(crate::foreign::read(settings, client, record).await?);
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
            match crate::foreign::without_snapshot(record, restore, steps) {
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

pub(crate) async fn engine_line(client: &mut Client) -> Result<EngineLine, Error> {
    let version = client.fetch_optional(&show::version()).await?;
    let text = version.map(|row| row.value).unwrap_or_default();
    text.parse()
        .map_err(|error: shared::version::InvalidVersion| {
            Error::new(ErrorName::UnsupportedCluster, error.to_string())
        })
}

/// Everything of the target that the planner asks for.
pub(crate) async fn read_target(
    settings: &Settings,
    client: &mut Client,
    cluster: &ClusterFacts,
    request: &RestoreRequest,
    sources: &[Source],
    execution: &shared::ident::ExecutionId,
) -> Result<Target, Error> {
    let existing: BTreeSet<DatabaseName> = client
        .fetch(&show::databases())
        .await?
        .into_iter()
        .map(|row| row.0)
        .collect();
    let mut selections: BTreeMap<DatabaseName, Selection> = BTreeMap::new();
    for source in sources {
        let database = request.target(&source.manifest.database);
        if existing.contains(database) {
            let names = names(request, &source.manifest)?;
            match selections
                .entry(database.clone())
                .or_insert_with(|| Selection::Names(BTreeSet::new()))
            {
                Selection::Names(all) => all.extend(names),
                Selection::Everything => {}
            }
        }
    }
    let readings = read::read_databases(client, &selections, execution).await?;
    let live_backends = cluster.live_backends().ok_or_else(|| {
        Error::new(
            ErrorName::AccessDenied,
            "the live backends cannot be counted",
        )
        .hint(
            "no partition can have more replicas than backends: the backup user needs OPERATE ON SYSTEM; \
             `starrocks-br doctor` prints the GRANT",
        )
    })?;
    let around = read_around(client, request, sources, &readings).await?;
    let ours = Ops::new(client, settings.ops_database())
        .tables_of_restores()
        .await?;
    Ok(Target {
        engine: engine_line(client).await?,
        live_backends: u16::try_from(live_backends).unwrap_or(u16::MAX),
        databases: readings
            .into_iter()
            .map(|(name, reading)| (name, reading.facts))
            .collect(),
        ours,
        ages: around.ages,
        grants: around.grants,
        routine_loads: around.routine_loads,
        last_loads: around.last_loads,
        unread: around.unread,
        now: read::utc_now(client).await?,
    })
}

/// Grants and routine loads of the tables that could go aside, and how old what is in the way is.
async fn read_around(
    client: &mut Client,
    request: &RestoreRequest,
    sources: &[Source],
    readings: &BTreeMap<DatabaseName, DatabaseReading>,
) -> Result<Around, Error> {
    let mut live = BTreeSet::new();
    for source in sources {
        let database = request.target(&source.manifest.database);
        let Some(reading) = readings.get(database) else {
            continue;
        };
        let tables = source.manifest.tables.iter().map(|table| &table.table);
        live.extend(
            tables
                .filter(|table| reading.facts.tables.contains_key(*table))
                .map(|table| QualifiedTable::new(database, table)),
        );
    }
    let databases = readings.keys().cloned().collect();
    read::read_around(client, &databases, &live).await
}

/// Every name that the restore could meet: the live ones and those of its own slots.
fn names(request: &RestoreRequest, manifest: &Manifest) -> Result<BTreeSet<TableName>, Error> {
    let slots = [
        Slot::Live,
        Slot::Staged,
        Slot::Helper(1),
        Slot::Helper(2),
        Slot::Before,
        Slot::Undone,
    ];
    let mut names = BTreeSet::new();
    for table in &manifest.tables {
        for slot in slots {
            names.insert(request.name(&table.table, slot)?);
        }
    }
    names.extend(manifest.objects.iter().map(|object| object.name.clone()));
    Ok(names)
}

/// Every table of a database with its id and state; none where the database does not exist.
pub(crate) async fn tables(
    client: &mut Client,
    database: &DatabaseName,
) -> Result<BTreeMap<TableName, (TableId, TableState)>, Error> {
    let databases = client.fetch(&show::proc_databases()).await?;
    let Some(found) = databases.into_iter().find(|row| row.name == *database) else {
        return Ok(BTreeMap::new());
    };
    let rows = client.fetch(&show::proc_tables(found.id)).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.name, (row.id, row.state)))
        .collect())
}
