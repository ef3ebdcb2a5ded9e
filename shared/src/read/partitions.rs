//! Partitions of many tables in one pass over `partitions_meta`, row by row: 100,000 partitions are
//! usual, and only what a manifest needs of them is kept.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    digest::Fingerprint,
    facts::{PartitionFacts, PhysicalPartition, SHADOW_PARTITION, TableFacts},
    ident::{DatabaseName, PartitionName, QualifiedTable, TableId},
    sql::show::{self, PartitionRow},
    starrocks::{Client, ClientError},
};

/// Partitions by database and table.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    tables: HashMap<QualifiedTable, TablePartitions>,
    /// The tables of a database tend to have the same ranges.
    values: HashSet<Arc<str>>,
}

#[derive(Debug, Default)]
struct TablePartitions {
    partitions: BTreeMap<PartitionName, Partition>,
    has_temporary: bool,
}

#[derive(Debug)]
struct Partition {
    rows: Vec<PhysicalPartition>,
    pending: bool,
    value: Arc<str>,
    buckets: u32,
    replication_num: u16,
    row_count: u64,
    data_size: u64,
}

impl Partitions {
    pub(super) async fn read(
        client: &mut Client,
        wanted: &BTreeSet<QualifiedTable>,
    ) -> Result<Partitions, ClientError> {
        let databases: BTreeSet<&DatabaseName> =
            wanted.iter().map(|table| &table.database).collect();
        if databases.is_empty() {
            return Ok(Partitions::default());
        }
        let query = show::partitions_meta(databases);
        client
            .fold(&query, Partitions::default, |partitions, row| {
                let table = QualifiedTable::new(&row.database, &row.table);
                if wanted.contains(&table) {
                    partitions.add(table, row);
                }
            })
            .await
    }

    fn add(&mut self, table: QualifiedTable, row: PartitionRow) {
        let value = match self.values.get(&*row.value) {
            Some(value) => value.clone(),
            None => {
                let value: Arc<str> = row.value.into();
                self.values.insert(value.clone());
                value
            }
        };
        let table = self.tables.entry(table).or_default();
        if row.temporary {
            table.has_temporary = true;
            return;
        }
        let partition = table
            .partitions
            .entry(row.partition)
            .or_insert_with(|| Partition {
                rows: Vec::new(),
                pending: false,
                value,
                buckets: 0,
                replication_num: row.replication_num,
                row_count: 0,
                data_size: 0,
            });
        partition.pending |= row.next_version > row.visible_version + 1;
        partition.buckets += row.buckets;
        partition.row_count += row.row_count;
        partition.data_size += row.data_size;
        partition.rows.push(PhysicalPartition {
            // The rows do not tell it; it is filled in when the table takes them.
            table_id: TableId(0),
            partition_id: row.partition_id,
            visible_version: row.visible_version,
            visible_version_time: row.visible_version_time,
            version_epoch: row.version_epoch,
        });
    }

    /// Hands a table its partitions.
    pub(super) fn give(&mut self, table: &QualifiedTable, facts: &mut TableFacts) {
        let Some(table) = self.tables.remove(table) else {
            return;
        };
        facts.has_temp_partitions = table.has_temporary;
        facts.partitions = table
            .partitions
            .into_iter()
            .map(|(name, mut partition)| {
                for row in &mut partition.rows {
                    row.table_id = facts.table_id;
                }
                PartitionFacts {
                    fingerprint: Fingerprint::of_partition(&mut partition.rows),
                    pending: partition.pending,
                    system: name.as_str() == SHADOW_PARTITION,
                    name,
                    value: partition.value,
                    buckets: partition.buckets,
                    replication_num: partition.replication_num,
                    row_count: partition.row_count,
                    data_size: partition.data_size,
                }
            })
            .collect();
    }
}
