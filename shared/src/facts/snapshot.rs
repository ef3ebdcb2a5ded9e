//! What a snapshot in a repository holds, as far as the engine or the bucket tells.

use std::collections::{BTreeMap, BTreeSet};

use crate::ident::{PartitionName, TableId, TableName};

/// Every object of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotObjects {
    pub tables: BTreeMap<TableName, SnapshotTable>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotTable {
    /// Known only from `__info` in the bucket; SHOW SNAPSHOT prints names alone. With it, a table
    /// that was swapped away at the pin and back again before the second reading is found out.
    pub table_id: Option<TableId>,
    /// An unpartitioned table has one, named like the table.
    pub partitions: BTreeSet<PartitionName>,
}

impl SnapshotObjects {
    /// From names alone, as SHOW SNAPSHOT ... AND TIMESTAMP prints them.
    pub fn from_names(tables: BTreeMap<TableName, BTreeSet<PartitionName>>) -> SnapshotObjects {
        let tables = tables
            .into_iter()
            .map(|(table, partitions)| {
                let content = SnapshotTable {
                    table_id: None,
                    partitions,
                };
                (table, content)
            })
            .collect();
        SnapshotObjects { tables }
    }
}
