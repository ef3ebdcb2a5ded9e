//! Readings of a cluster: from rows to [`crate::facts`].
//!
//! Nothing that takes several statements to read stands still meanwhile. So ids are read before and
//! after everything else, and a table whose id differs is read again.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::{Error, ErrorName},
    facts::{DatabaseFacts, Listing, TableEngine, TableFacts},
    ident::{DatabaseName, ExecutionId, QualifiedTable, TableName},
    manifest::Manifest,
    plan::backup::Selection,
    starrocks::{Client, ClientError, FailureKind},
};

mod around;
mod catalog;
mod cluster;
mod grants;
mod objects;
mod partitions;
mod table;

pub use around::{Around, read_around};
pub use cluster::{read_cluster, read_repository, utc_now};
pub use grants::{account, read_grants};

use catalog::Catalog;
use partitions::Partitions;
use table::Unreadable;

/// One database, read.
#[derive(Debug, Clone)]
pub struct DatabaseReading {
    pub facts: DatabaseFacts,
    /// What is there and could not be read, with the engine's words.
    pub unreadable: BTreeMap<TableName, String>,
}

/// How often tables that changed meanwhile are read again.
const ROUNDS: u32 = 5;

pub async fn read_database(
    client: &mut Client,
    database: &DatabaseName,
    selection: &Selection,
    execution: &ExecutionId,
) -> Result<DatabaseReading, Error> {
    let selections = BTreeMap::from([(database.clone(), selection.clone())]);
    let mut readings = read_databases(client, &selections, execution).await?;
    readings
        .remove(database)
        .ok_or_else(|| Error::internal(format!("database {database} was not read")))
}

/// The tables of a plan once more: the second reading R1.
pub async fn read_again(
    client: &mut Client,
    planned: &Manifest,
    execution: &ExecutionId,
) -> Result<DatabaseReading, Error> {
    let names = planned.tables.iter().map(|table| table.table.clone());
    let selection = Selection::Names(names.collect());
    read_database(client, &planned.database, &selection, execution).await
}

/// Several databases with one look at all partitions: the engine makes the rows of every database
/// whichever is asked for. Without OPERATE a schema hash is one of `execution` alone: the versions of
/// a schema cannot be seen then, so no later execution may take the schema for unchanged.
pub async fn read_databases(
    client: &mut Client,
    selections: &BTreeMap<DatabaseName, Selection>,
    execution: &ExecutionId,
) -> Result<BTreeMap<DatabaseName, DatabaseReading>, Error> {
    let mut before = Catalog::read(client, selections.keys()).await?;
    let mut read = ReadTables::default();
    let mut open = wanted(&before, selections);
    for _ in 0..ROUNDS {
        read.read(client, &before, &open, execution).await?;
        let after = Catalog::read(client, selections.keys()).await?;
        open = wanted(&after, selections)
            .into_iter()
            .filter(|key| !read.holds(key, &before, &after))
            .collect();
        read.forget_gone(&after);
        before = after;
        if open.is_empty() {
            return read.finish(client, &before, selections).await;
        }
        for key in &open {
            read.tables.remove(key);
            read.unreadable.remove(key);
        }
    }
    let names: Vec<String> = open.iter().map(QualifiedTable::to_string).collect();
    Err(Error::new(
        ErrorName::JobConflict,
        format!(
            "tables changed again and again while they were read: {}",
            names.join(", ")
        ),
    )
    .hint("let the job that swaps or re-creates them finish, then run this again"))
}

/// Without a look at any partition.
pub async fn read_listings(
    client: &mut Client,
    databases: &BTreeSet<&DatabaseName>,
) -> Result<BTreeMap<DatabaseName, Listing>, Error> {
    let catalog = Catalog::read(client, databases.iter().copied()).await?;
    let listing = |database: &DatabaseName| Listing {
        tables: catalog
            .tables(database)
            .map(|listed| (listed.name.clone(), (listed.id, listed.engine.clone())))
            .collect(),
        views: catalog
            .views(database)
            .map(|(name, _)| name.clone())
            .collect(),
        complete: catalog.listing(database).is_some(),
    };
    let named = databases
        .iter()
        .map(|name| ((*name).clone(), listing(name)));
    Ok(named.collect())
}

/// Tables of the selections that are there.
fn wanted(
    catalog: &Catalog,
    selections: &BTreeMap<DatabaseName, Selection>,
) -> BTreeSet<QualifiedTable> {
    let mut wanted = BTreeSet::new();
    for (database, selection) in selections {
        for listed in catalog.tables(database) {
            if selection.contains(&listed.name) {
                wanted.insert(QualifiedTable::new(database, &listed.name));
            }
        }
    }
    wanted
}

#[derive(Debug, Default)]
struct ReadTables {
    tables: BTreeMap<QualifiedTable, TableFacts>,
    unreadable: BTreeMap<QualifiedTable, String>,
}

impl ReadTables {
    async fn read(
        &mut self,
        client: &mut Client,
        catalog: &Catalog,
        wanted: &BTreeSet<QualifiedTable>,
        execution: &ExecutionId,
    ) -> Result<(), Error> {
        let mut partitions = Partitions::read(client, wanted).await?;
        for key in wanted {
            let Some(listed) = catalog.table(key) else {
                continue;
            };
            match table::read(client, catalog, key, listed, execution).await {
                Ok(mut facts) => {
                    partitions.give(key, &mut facts);
                    self.tables.insert(key.clone(), facts);
                }
                // Dropped just now, or not to be read: the next listing tells which.
                Err(Unreadable::Engine(error)) if is_about_the_table(&error) => {
                    let words = error.engine_words().unwrap_or_default();
                    self.unreadable.insert(key.clone(), words.to_owned());
                }
                Err(Unreadable::Engine(error)) => return Err(error.into()),
                Err(Unreadable::Text(words)) => {
                    self.unreadable.insert(key.clone(), words);
                }
            }
        }
        Ok(())
    }

    /// Whether what was read is of the table that was there all the time, with all its partitions: a
    /// count below that of both listings means that rows were left out.
    fn holds(&mut self, key: &QualifiedTable, before: &Catalog, after: &Catalog) -> bool {
        let (Some(first), Some(last)) = (before.table(key), after.table(key)) else {
            return false;
        };
        if first.id != last.id {
            return false;
        }
        let Some(facts) = self.tables.get_mut(key) else {
            return self.unreadable.contains_key(key);
        };
        // A job that runs at either end may have changed the table in between.
        facts.schema_job_running |= last.schema_job_running;
        facts.state = last.state.clone();
        let least = first.partitions.min(last.partitions).unwrap_or_default();
        facts.engine != TableEngine::Olap || facts.partitions.len() as u64 >= least
    }

    fn forget_gone(&mut self, now: &Catalog) {
        self.tables.retain(|key, _| now.table(key).is_some());
        self.unreadable.retain(|key, _| now.table(key).is_some());
    }

    async fn finish(
        self,
        client: &mut Client,
        catalog: &Catalog,
        selections: &BTreeMap<DatabaseName, Selection>,
    ) -> Result<BTreeMap<DatabaseName, DatabaseReading>, Error> {
        let mut readings = BTreeMap::new();
        for database in selections.keys() {
            let facts = DatabaseFacts {
                database: database.clone(),
                database_id: catalog.database_id(database)?,
                tables: BTreeMap::new(),
                objects: Vec::new(),
                listing: catalog.listing(database),
            };
            let unreadable = BTreeMap::new();
            readings.insert(database.clone(), DatabaseReading { facts, unreadable });
        }
        for (key, facts) in self.tables {
            if let Some(reading) = readings.get_mut(&key.database) {
                reading.facts.tables.insert(key.table, facts);
            }
        }
        for (key, words) in self.unreadable {
            if let Some(reading) = readings.get_mut(&key.database) {
                reading.unreadable.insert(key.table, words);
            }
        }
        for (database, selection) in selections {
            if let Some(reading) = readings.get_mut(database) {
                objects::read(client, catalog, database, selection, reading).await?;
            }
        }
        Ok(readings)
    }
}

/// A failure that says something about one table and nothing about the cluster.
fn is_about_the_table(error: &ClientError) -> bool {
    matches!(
        error.kind(),
        FailureKind::AccessDenied
            | FailureKind::UnknownTable
            | FailureKind::RestoreState
            | FailureKind::TableBusy
            | FailureKind::Other
    )
}
