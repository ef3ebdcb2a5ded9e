//! Reading what a restore meets: the cluster that it goes into.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    config::Settings,
    error::{Error, ErrorName},
    facts::{TableState, cluster::ClusterFacts},
    ident::{DatabaseName, QualifiedTable, TableId, TableName},
    manifest::Manifest,
    ops::Ops,
    plan::{
        backup::Selection,
        restore::{RestoreRequest, Slot, Source, Target},
    },
    read::{self, Around, DatabaseReading},
    sql::show,
    starrocks::Client,
    version::EngineLine,
};

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
