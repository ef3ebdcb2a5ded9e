//! What was read from a cluster, typed. Planners take these; only executors make them.
//!
//! **Fingerprint of a partition**: a digest over the sorted list of its physical rows in
//! `information_schema.partitions_meta`: (table id, partition id, visible version, visible version
//! time, version epoch). Every load raises the version, TRUNCATE and INSERT OVERWRITE give a new
//! partition id, SWAP and re-creation another table id, RESTORE another time or epoch. Compaction,
//! balancing and property changes alter none of them. Compared for equality only.
//!
//! **Schema hash of a table**: a digest over each index (id, name, SchemaVersion, SchemaHash), key
//! model, columns (type, nullability, default, aggregation, generated expression), partition type and
//! expression, distribution, and bloom filter columns. SHOW CREATE TABLE alone does not do: it is the
//! same after a column was dropped and added again, and shows no rollup.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    digest::{Fingerprint, SchemaHash},
    ident::{ColumnName, DatabaseId, DatabaseName, PartitionId, PartitionName, TableId, TableName},
};

pub mod cluster;
pub mod snapshot;

/// The hidden partition of an automatic table. Without it in a snapshot, an INSERT into a new period
/// fails on the restored table.
pub const SHADOW_PARTITION: &str = "$shadow_automatic_partition";

/// One database at one reading (R0 or R1).
#[derive(Debug, Clone)]
pub struct DatabaseFacts {
    pub database: DatabaseName,
    pub database_id: DatabaseId,
    /// Tables of the group that can be read in full.
    pub tables: BTreeMap<TableName, TableFacts>,
    /// Views, materialized views and functions: kept as DDL, never part of a snapshot.
    pub objects: Vec<ObjectFacts>,
    /// Every table, view and materialized view of the database, unfiltered by privileges: the proof
    /// that a table which is not in it was dropped. Names that came or went while the facts were read
    /// are left out. `None` if it could not be read; then absence proves nothing.
    pub listing: Option<BTreeSet<TableName>>,
}

#[derive(Debug, Clone)]
pub struct TableFacts {
    pub table: TableName,
    pub table_id: TableId,
    pub state: TableState,
    pub engine: TableEngine,
    pub schema_hash: SchemaHash,
    /// SHOW CREATE TABLE without its partitions.
    pub ddl: String,
    pub key_model: KeyModel,
    pub partitioning: Partitioning,
    pub distribution: Distribution,
    pub columns: Vec<ColumnFacts>,
    /// A schema change, rollup or optimize job is running: counts as changed.
    pub schema_job_running: bool,
    pub has_temp_partitions: bool,
    /// Includes the system partition of automatic tables.
    pub partitions: Vec<PartitionFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionFacts {
    pub name: PartitionName,
    pub fingerprint: Fingerprint,
    /// NEXT_VERSION > VISIBLE_VERSION + 1: transactions are committed but not yet visible.
    pub pending: bool,
    /// `$shadow_automatic_partition`: stored and restored, outside verification.
    pub system: bool,
    /// Range or list text as partitions_meta prints it; empty for an unpartitioned table. Shared,
    /// because the tables of a database tend to have the same ranges.
    pub value: Arc<str>,
    pub buckets: u32,
    pub replication_num: u16,
    /// Figures of the engine's tablet reports: up to a minute old, for estimates only.
    pub row_count: u64,
    pub data_size: u64,
}

/// One row of `partitions_meta`: a partition of a RANDOM table can have several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhysicalPartition {
    pub table_id: TableId,
    pub partition_id: PartitionId,
    pub visible_version: i64,
    /// As printed in a session with `time_zone = '+00:00'`. Part of an identity, never a clock.
    pub visible_version_time: String,
    pub version_epoch: i64,
}

impl Fingerprint {
    /// The fingerprint of a partition with these physical rows, in any order.
    pub fn of_partition(rows: &mut [PhysicalPartition]) -> Fingerprint {
        rows.sort_unstable();
        let texts: Vec<String> = rows
            .iter()
            .map(|row| {
                format!(
                    "{}|{}|{}|{}|{}",
                    row.table_id,
                    row.partition_id,
                    row.visible_version,
                    row.visible_version_time,
                    row.version_epoch
                )
            })
            .collect();
        Fingerprint::of(texts.iter().map(String::as_bytes))
    }
}

/// One row of `SHOW PROC '/dbs/<db>/<table>/index_schema'`: the base index or a rollup.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexFacts {
    pub id: i64,
    pub name: String,
    /// Rises with every change of the schema.
    pub schema_version: i64,
    pub schema_hash: i64,
}

/// The State column of `SHOW PROC '/dbs/<db>'`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableState {
    Normal,
    Restore,
    SchemaChange,
    Rollup,
    /// Any other word, kept for messages.
    Other(String),
}

impl TableState {
    pub fn from_engine(text: &str) -> TableState {
        match text {
            "NORMAL" => TableState::Normal,
            "RESTORE" | "RESTORE_WITH_LOAD" => TableState::Restore,
            "SCHEMA_CHANGE" => TableState::SchemaChange,
            "ROLLUP" => TableState::Rollup,
            other => TableState::Other(other.to_owned()),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            TableState::Normal => "NORMAL",
            TableState::Restore => "RESTORE",
            TableState::SchemaChange => "SCHEMA_CHANGE",
            TableState::Rollup => "ROLLUP",
            TableState::Other(other) => other,
        }
    }
}

/// Whether StarRocks can back the table up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableEngine {
    Olap,
    /// MYSQL, HIVE, CLOUD_NATIVE ...: BACKUP refuses the whole statement because of it.
    Other(String),
}

/// What stands in a database, by names, ids and engines alone.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    pub tables: BTreeMap<TableName, (TableId, TableEngine)>,
    pub views: BTreeSet<TableName>,
    /// Nothing else is there.
    pub complete: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyModel {
    Duplicate,
    Aggregate,
    Unique,
    Primary,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Partitioning {
    /// One partition, named like the table; in a manifest its key is `*`.
    Unpartitioned,
    Range {
        columns: Vec<ColumnName>,
    },
    /// `PARTITION BY LIST(...)`, or `PARTITION BY (a, b)` where `automatic`.
    List {
        columns: Vec<ColumnName>,
        automatic: bool,
    },
    /// Automatic RANGE on an expression: `date_trunc('day', ts)`, `time_slice(...)`.
    Expression {
        column: ColumnName,
        expression: String,
    },
    /// Anything else, as printed: RANGE on an expression, or several expressions at once. Its
    /// partitions cannot be added by hand from what the engine prints.
    Opaque {
        text: String,
        automatic: bool,
    },
}

impl Partitioning {
    /// Automatic tables make partitions on INSERT and own [`SHADOW_PARTITION`].
    pub fn is_automatic(&self) -> bool {
        match self {
            Partitioning::Unpartitioned | Partitioning::Range { .. } => false,
            Partitioning::List { automatic, .. } | Partitioning::Opaque { automatic, .. } => {
                *automatic
            }
            Partitioning::Expression { .. } => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    Hash,
    Random,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnFacts {
    pub name: ColumnName,
    /// As SHOW CREATE TABLE prints it, in lower case: `int(11)`, `varchar(20)`, `array<int(11)>`.
    pub sql_type: String,
    pub nullable: bool,
    pub is_key: bool,
    pub aggregation: Option<String>,
    pub default: Option<String>,
    pub auto_increment: bool,
    /// The expression of a generated column: such a column is never named in an INSERT.
    pub generated: Option<String>,
}

/// A view, materialized view or function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectFacts {
    /// A function's name is its signature: `f(INT, VARCHAR)`.
    pub name: TableName,
    pub kind: ObjectKind,
    pub ddl: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    Table,
    View,
    MaterializedView,
    Function,
}

impl ObjectKind {
    /// As in the column `kind` of `backup_tables`.
    pub fn as_str(self) -> &'static str {
        match self {
            ObjectKind::Table => "table",
            ObjectKind::View => "view",
            ObjectKind::MaterializedView => "materialized_view",
            ObjectKind::Function => "function",
        }
    }
}

impl FromStr for ObjectKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            ObjectKind::Table,
            ObjectKind::View,
            ObjectKind::MaterializedView,
            ObjectKind::Function,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| format!("unknown kind of object '{text}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> PhysicalPartition {
        PhysicalPartition {
            table_id: TableId(1),
            partition_id: PartitionId(2),
            visible_version: 3,
            visible_version_time: "2026-03-01 00:00:00".into(),
            version_epoch: 4,
        }
    }

    #[test]
    fn every_part_of_a_physical_row_counts() {
        let base = Fingerprint::of_partition(&mut [row()]);
        let changed = [
            PhysicalPartition {
                table_id: TableId(9),
                ..row()
            },
            PhysicalPartition {
                partition_id: PartitionId(9),
                ..row()
            },
            PhysicalPartition {
                visible_version: 9,
                ..row()
            },
            PhysicalPartition {
                visible_version_time: "2026-03-01 00:00:01".into(),
                ..row()
            },
            PhysicalPartition {
                version_epoch: 9,
                ..row()
            },
        ];
        for other in changed {
            assert_ne!(
                Fingerprint::of_partition(&mut [other.clone()]),
                base,
                "{other:?}"
            );
        }
        assert_ne!(Fingerprint::of_partition(&mut [row(), row()]), base);
    }

    #[test]
    fn order_of_physical_rows_does_not_count() {
        let other = PhysicalPartition {
            partition_id: PartitionId(9),
            ..row()
        };
        assert_eq!(
            Fingerprint::of_partition(&mut [row(), other.clone()]),
            Fingerprint::of_partition(&mut [other, row()])
        );
    }
}
