//! Names, ids, schemas and versions: what a frontend keeps in memory. Rows live in `rows`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default)]
pub struct Catalog {
    pub databases: BTreeMap<String, Database>,
    last_id: i64,
    last_epoch: i64,
}

impl Catalog {
    /// The next id of any object: ids are unique over the whole cluster and never reused.
    pub fn next_id(&mut self) -> i64 {
        self.last_id = self.last_id.max(10_000) + 1;
        self.last_id
    }

    /// A fresh VERSION_EPOCH: assigned when a partition is created, time-based and unique.
    pub fn next_epoch(&mut self, now: Timestamp) -> i64 {
        self.last_epoch = (self.last_epoch + 1).max(now.as_millisecond() << 16);
        self.last_epoch
    }
}

#[derive(Debug)]
pub struct Database {
    pub id: i64,
    pub name: String,
    /// Tables, views and materialized views share one namespace. Names are case sensitive.
    pub tables: BTreeMap<String, Table>,
    pub functions: BTreeMap<String, String>,
}

/// Serialized into `__meta` of a snapshot, which is how RESTORE gets schema and partitions back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Table {
    pub id: i64,
    pub name: String,
    pub kind: TableKind,
    pub columns: Vec<ColumnDef>,
    pub key_model: KeyModel,
    pub key_columns: Vec<String>,
    pub partitioning: Partitioning,
    /// In creation order; never includes temporary partitions.
    pub partitions: Vec<Partition>,
    pub temp_partitions: Vec<Partition>,
    pub distribution: Distribution,
    /// The base index first, then rollups.
    pub indexes: Vec<Index>,
    pub sort_key: Vec<String>,
    pub comment: String,
    /// Properties that SHOW CREATE TABLE prints, sorted by key.
    pub properties: BTreeMap<String, String>,
    pub state: TableState,
    /// The next value that AUTO_INCREMENT hands out.
    pub auto_increment: Option<i64>,
    pub created: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableKind {
    Olap,
    View {
        definition: String,
    },
    MaterializedView {
        definition: String,
        refresh: String,
        inactive_reason: Option<String>,
    },
    /// ENGINE=mysql and the like: visible, never part of a backup.
    External {
        engine: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyModel {
    Duplicate,
    Aggregate,
    Unique,
    Primary,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDef {
    pub name: String,
    /// StarRocks' own spelling, as SHOW CREATE TABLE prints it: `int(11)`, `varchar(20)`, `decimal(18, 2)`.
    pub sql_type: String,
    pub nullable: bool,
    pub is_key: bool,
    /// `SUM`, `REPLACE`, `HLL_UNION` ... for AGGREGATE tables.
    pub aggregation: Option<String>,
    pub default: Option<ColumnDefault>,
    pub auto_increment: bool,
    /// The expression of a generated column.
    pub generated: Option<String>,
    pub comment: String,
    /// Identifies the column over drop and add: a column added again is another column.
    pub unique_id: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnDefault {
    Literal(String),
    CurrentTimestamp,
    Expression(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Partitioning {
    None,
    /// `PARTITION BY RANGE(cols)`.
    Range {
        columns: Vec<String>,
    },
    /// `PARTITION BY LIST(cols)`; `automatic` for `PARTITION BY (a, b)`.
    List {
        columns: Vec<String>,
        automatic: bool,
    },
    /// `PARTITION BY date_trunc('day', ts)` or `time_slice(...)`: automatic RANGE on one column.
    Expression {
        column: String,
        expression: String,
    },
}

impl Partitioning {
    /// Automatic tables own the hidden partition `$shadow_automatic_partition`.
    pub fn is_automatic(&self) -> bool {
        matches!(
            self,
            Partitioning::Expression { .. }
                | Partitioning::List {
                    automatic: true,
                    ..
                }
        )
    }
}

pub const SHADOW_PARTITION: &str = "$shadow_automatic_partition";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionValue {
    /// The only partition of an unpartitioned table.
    Unpartitioned,
    /// `[lower, upper)`; one bound per partition column, as text in the column's type.
    Range {
        lower: Vec<Bound>,
        upper: Vec<Bound>,
    },
    /// Tuples of values; `None` is NULL.
    List(Vec<Vec<Option<String>>>),
    Shadow,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bound {
    Min,
    Value(String),
    Max,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Partition {
    /// Logical id.
    pub id: i64,
    /// What SHOW PARTITIONS and partitions_meta print, and the key of the partition's rows.
    pub physical_id: i64,
    pub name: String,
    pub value: PartitionValue,
    pub buckets: u32,
    pub replication_num: u32,
    pub visible_version: i64,
    /// Commit time of the visible version; creation time for version 1.
    pub visible_version_time: Timestamp,
    pub next_version: i64,
    pub data_version: i64,
    pub version_epoch: i64,
    pub tablets: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Distribution {
    Hash {
        columns: Vec<String>,
        buckets: Option<u32>,
    },
    Random {
        buckets: Option<u32>,
    },
}

/// One line of `SHOW PROC '/dbs/<db>/<table>/index_schema'`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Index {
    pub id: i64,
    pub name: String,
    pub schema_version: i64,
    pub schema_hash: i64,
    /// Column names of a rollup in its own order; empty for the base index, which has all columns.
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableState {
    Normal,
    Restore,
    SchemaChange,
    Rollup,
}
