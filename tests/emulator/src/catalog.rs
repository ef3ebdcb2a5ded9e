//! Names, ids, schemas and versions: what a frontend keeps in memory. Rows live in `rows`.

mod partition;
mod table;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use self::{
    partition::{Bound, BoundKey, Partition, PartitionValue, Partitions, SHADOW_PARTITION},
    table::{
        ColumnDef, ColumnDefault, Distribution, Index, KeyModel, Partitioning, Table, TableKind,
        TableState,
    },
};
use crate::reply::{SqlError, SqlResult};

/// The catalog of tables that live in the cluster itself.
pub const DEFAULT_CATALOG: &str = "default_catalog";

/// Databases that every frontend has, made by itself; nothing in them can be changed.
pub const SYSTEM_DATABASES: [&str; 2] = ["information_schema", "sys"];

/// Ids below this one belong to the nodes of the cluster.
const FIRST_OBJECT_ID: i64 = 10_101;

/// Backends have the first ids of a cluster.
pub const FIRST_BACKEND_ID: i64 = 10_001;

#[derive(Debug, Default)]
pub struct Catalog {
    pub databases: BTreeMap<String, Database>,
    pub recycle_bin: RecycleBin,
    last_id: i64,
    last_epoch: i64,
}

/// What DROP without FORCE leaves for RECOVER, with the time of the drop. It holds one object of a
/// name; the one before it is gone for good.
#[derive(Debug, Default)]
pub struct RecycleBin {
    /// By database id and name.
    pub tables: BTreeMap<(i64, String), (Timestamp, Table)>,
    pub databases: BTreeMap<String, (Timestamp, Database)>,
}

impl RecycleBin {
    /// Ids of the tables that went in before a time; they are taken out.
    pub fn expire(&mut self, before: Timestamp) -> Vec<i64> {
        let tables = self.tables.extract_if(.., |_, (at, _)| *at < before);
        let mut ids: Vec<i64> = tables.map(|(_, (_, table))| table.id).collect();
        let databases = self.databases.extract_if(.., |_, (at, _)| *at < before);
        for (_, (_, database)) in databases {
            ids.extend(database.tables.values().map(|table| table.id));
        }
        ids
    }
}

#[derive(Debug)]
pub struct Database {
    pub id: i64,
    pub name: String,
    /// Tables, views and materialized views share one namespace. Names are case sensitive.
    pub tables: BTreeMap<String, Table>,
    /// By signature (`f(int)`), the CREATE FUNCTION statement.
    pub functions: BTreeMap<String, String>,
}

impl Catalog {
    /// The next id of any object: ids are unique over the whole cluster and never reused.
    pub fn next_id(&mut self) -> i64 {
        self.last_id = (self.last_id + 1).max(FIRST_OBJECT_ID);
        self.last_id
    }

    /// A fresh VERSION_EPOCH: assigned when a partition is created, time-based and unique.
    pub fn next_epoch(&mut self, now: Timestamp) -> i64 {
        self.last_epoch = (self.last_epoch + 1).max(now.as_millisecond() << 16);
        self.last_epoch
    }

    pub fn database(&self, name: &str) -> SqlResult<&Database> {
        self.databases
            .get(name)
            .ok_or_else(|| SqlError::unknown_database(name))
    }

    pub fn database_mut(&mut self, name: &str) -> SqlResult<&mut Database> {
        self.databases
            .get_mut(name)
            .ok_or_else(|| SqlError::unknown_database(name))
    }

    /// `true` for a database of users or of the system.
    pub fn has_database(&self, name: &str) -> bool {
        self.databases.contains_key(name) || is_system_database(name)
    }

    /// Adds an empty database and returns its id; the name must be free.
    pub fn create_database(&mut self, name: &str) -> i64 {
        let id = self.next_id();
        self.databases.insert(
            name.to_owned(),
            Database {
                id,
                name: name.to_owned(),
                tables: BTreeMap::new(),
                functions: BTreeMap::new(),
            },
        );
        id
    }

    pub fn find_table(&self, database: &str, table: &str) -> Option<&Table> {
        self.databases.get(database)?.tables.get(table)
    }

    pub fn find_table_mut(&mut self, database: &str, table: &str) -> Option<&mut Table> {
        self.databases.get_mut(database)?.tables.get_mut(table)
    }

    /// A table, view or materialized view, or the analyzer's error for a missing one.
    pub fn table(&self, database: &str, table: &str) -> SqlResult<&Table> {
        self.database(database)?
            .tables
            .get(table)
            .ok_or_else(|| table_not_found(table))
    }

    pub fn table_mut(&mut self, database: &str, table: &str) -> SqlResult<&mut Table> {
        self.database_mut(database)?
            .tables
            .get_mut(table)
            .ok_or_else(|| table_not_found(table))
    }

    pub fn table_by_id(&self, id: i64) -> Option<(&Database, &Table)> {
        self.databases.values().find_map(|database| {
            let table = database.tables.values().find(|table| table.id == id)?;
            Some((database, table))
        })
    }

    pub fn table_by_id_mut(&mut self, id: i64) -> Option<&mut Table> {
        self.databases
            .values_mut()
            .find_map(|database| database.tables.values_mut().find(|table| table.id == id))
    }

    pub fn database_by_id(&self, id: i64) -> Option<&Database> {
        self.databases.values().find(|database| database.id == id)
    }

    /// Puts a table under its own name, over one of that name.
    pub fn insert_table(&mut self, database: &str, table: Table) -> SqlResult<()> {
        let tables = &mut self.database_mut(database)?.tables;
        tables.insert(table.name.clone(), table);
        Ok(())
    }

    /// A committed load made rows visible in this partition: version up by one [facts 5].
    pub fn bump_version(&mut self, table_id: i64, physical_id: i64, now: Timestamp) {
        let Some(table) = self.table_by_id_mut(table_id) else {
            return;
        };
        if let Some(partition) = table.partition_by_physical_id_mut(physical_id) {
            partition.bump_version(now);
        }
    }

    /// A new, empty partition with fresh ids, at version 1.
    pub fn new_partition(
        &mut self,
        name: impl Into<String>,
        value: PartitionValue,
        buckets: u32,
        replication_num: u32,
        now: Timestamp,
    ) -> Partition {
        Partition {
            id: self.next_id(),
            physical_id: self.next_id(),
            name: name.into(),
            value,
            buckets,
            replication_num,
            visible_version: 1,
            visible_version_time: now,
            next_version: 2,
            data_version: 1,
            version_epoch: self.next_epoch(now),
            tablets: (0..buckets).map(|_| self.next_id()).collect(),
        }
    }
}

pub fn is_system_database(name: &str) -> bool {
    SYSTEM_DATABASES
        .iter()
        .any(|system| system.eq_ignore_ascii_case(name))
}

/// What most statements answer for a missing table.
pub fn table_not_found(table: &str) -> SqlError {
    SqlError::analyzing(format!("Table {table} is not found"))
}
