//! Tables, views and materialized views.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BoundKey, Partition, Partitions};

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
    /// Never includes temporary partitions.
    pub partitions: Partitions,
    pub temp_partitions: Partitions,
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

impl Table {
    /// `true` where rows are stored and partitions have versions: OLAP tables and materialized views.
    pub fn has_partitions(&self) -> bool {
        matches!(
            self.kind,
            TableKind::Olap | TableKind::MaterializedView { .. }
        )
    }

    /// The same table with no partitions.
    pub fn clone_without_partitions(&self) -> Table {
        Table {
            id: self.id,
            name: self.name.clone(),
            kind: self.kind.clone(),
            columns: self.columns.clone(),
            key_model: self.key_model,
            key_columns: self.key_columns.clone(),
            partitioning: self.partitioning.clone(),
            partitions: Partitions::default(),
            temp_partitions: Partitions::default(),
            distribution: self.distribution.clone(),
            indexes: self.indexes.clone(),
            sort_key: self.sort_key.clone(),
            comment: self.comment.clone(),
            properties: self.properties.clone(),
            state: self.state,
            auto_increment: self.auto_increment,
            created: self.created,
        }
    }

    /// `NORMAL`, `RESTORE`, `SCHEMA_CHANGE`, `ROLLUP`.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            TableState::Normal => "NORMAL",
            TableState::Restore => "RESTORE",
            TableState::SchemaChange => "SCHEMA_CHANGE",
            TableState::Rollup => "ROLLUP",
        }
    }

    /// `DUP_KEYS` and the like.
    pub fn keys_type(&self) -> &'static str {
        match self.key_model {
            KeyModel::Duplicate => "DUP_KEYS",
            KeyModel::Aggregate => "AGG_KEYS",
            KeyModel::Unique => "UNIQUE_KEYS",
            KeyModel::Primary => "PRIMARY_KEYS",
        }
    }

    /// The columns of an index in its own order. In a rollup of a DUPLICATE table all are keys up to
    /// the length of a short key.
    pub fn index_columns(&self, index: &Index) -> impl Iterator<Item = ColumnDef> {
        let columns: Vec<ColumnDef> = if index.columns.is_empty() {
            self.columns.clone()
        } else {
            let rolled = self.key_model == KeyModel::Duplicate;
            index
                .columns
                .iter()
                .filter_map(|name| self.column(name))
                .enumerate()
                .map(|(at, column)| ColumnDef {
                    is_key: if rolled { at < 3 } else { column.is_key },
                    ..column.clone()
                })
                .collect()
        };
        columns.into_iter()
    }

    pub fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The partition that a row falls into, by the values of its partition columns as text in their
    /// types. NULL falls into the lowest range.
    pub fn partition_holding(&self, values: &[Option<String>]) -> Option<&Partition> {
        match &self.partitioning {
            Partitioning::None => self.partitions.get(&self.name),
            Partitioning::List { .. } => self.partitions.listing(values),
            Partitioning::Range { .. } | Partitioning::Expression { .. } => {
                let key: Vec<BoundKey> = values
                    .iter()
                    .map(|value| match value {
                        Some(text) => BoundKey::from(text.as_str()),
                        None => BoundKey::Min,
                    })
                    .collect();
                self.partitions.holding(&key)
            }
        }
    }

    pub fn partition_by_physical_id(&self, physical_id: i64) -> Option<&Partition> {
        self.partitions
            .by_physical_id(physical_id)
            .or_else(|| self.temp_partitions.by_physical_id(physical_id))
    }

    pub fn partition_by_physical_id_mut(&mut self, physical_id: i64) -> Option<&mut Partition> {
        match self.partitions.by_physical_id_mut(physical_id) {
            Some(partition) => Some(partition),
            None => self.temp_partitions.by_physical_id_mut(physical_id),
        }
    }

    /// Gives the table another name, and with it the base index and, where there is no partitioning,
    /// the partition.
    pub fn rename(&mut self, name: &str) {
        let old = std::mem::replace(&mut self.name, name.to_owned());
        if let Some(base) = self.indexes.first_mut() {
            name.clone_into(&mut base.name);
        }
        if self.partitioning == Partitioning::None {
            self.partitions.rename(&old, name);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableKind {
    Olap,
    View {
        /// The query with all names qualified: what runs.
        definition: String,
        typed: String,
    },
    MaterializedView {
        definition: String,
        typed: String,
        /// What follows REFRESH, as typed.
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

    /// For RANGE and LIST; the text of an expression keeps the names it has.
    pub fn rename_column(&mut self, name: &str, new_name: &str) {
        let rename = |other: &mut String| {
            if other.eq_ignore_ascii_case(name) {
                new_name.clone_into(other);
            }
        };
        match self {
            Partitioning::None | Partitioning::Expression { .. } => {}
            Partitioning::Range { columns } | Partitioning::List { columns, .. } => {
                columns.iter_mut().for_each(rename);
            }
        }
    }

    pub fn columns(&self) -> &[String] {
        match self {
            Partitioning::None => &[],
            Partitioning::Range { columns } | Partitioning::List { columns, .. } => columns,
            Partitioning::Expression { column, .. } => std::slice::from_ref(column),
        }
    }
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
