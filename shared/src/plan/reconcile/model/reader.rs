//! The facts as they are read from a cluster that does not stand still: partitions and schema of each
//! table at different moments, ids before and after, and a table whose id differs read again.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Cluster, Kind, Partition, Table};
use crate::{
    digest::{Fingerprint, SchemaHash},
    facts::{
        ColumnFacts, DatabaseFacts, Distribution, KeyModel, PartitionFacts, Partitioning,
        PhysicalPartition, SHADOW_PARTITION, TableEngine, TableFacts, TableState,
    },
    ident::{DatabaseId, PartitionId, TableId, TableName},
};

pub(super) struct Reading {
    pub(super) facts: DatabaseFacts,
    /// Rows of each partition at the moment it was read.
    pub(super) rows: BTreeMap<String, BTreeMap<String, u64>>,
}

/// `meanwhile` runs between any two looks at the cluster.
pub(super) fn read(cluster: &mut Cluster, meanwhile: &mut dyn FnMut(&mut Cluster)) -> Reading {
    let mut before = ids(cluster);
    let mut to_read: Vec<String> = before.keys().cloned().collect();
    let mut tables = BTreeMap::new();
    let mut rows = BTreeMap::new();
    for _ in 0..3 {
        for name in to_read.drain(..) {
            meanwhile(cluster);
            let Some(partitions) = cluster
                .tables
                .get(&name)
                .map(|table| table.partitions.clone())
            else {
                continue;
            };
            meanwhile(cluster);
            let Some(schema) = cluster.tables.get(&name) else {
                continue;
            };
            let content = partitions
                .iter()
                .map(|(name, part)| (name.clone(), part.rows));
            rows.insert(name.clone(), content.collect());
            tables.insert(
                name.clone(),
                table(&name, before[&name], schema, &partitions),
            );
        }
        meanwhile(cluster);
        let after = ids(cluster);
        let stood_still = |name: &String| before.get(name) == after.get(name);
        tables.retain(|name, _| stood_still(name));
        to_read = after
            .keys()
            .filter(|name| !tables.contains_key(*name))
            .cloned()
            .collect();
        before = after;
        if to_read.is_empty() {
            break;
        }
    }
    let listing: BTreeSet<TableName> = before
        .keys()
        .filter(|name| tables.contains_key(*name))
        .map(|name| name.parse().unwrap())
        .collect();
    let facts = DatabaseFacts {
        database: "sales".parse().unwrap(),
        database_id: DatabaseId(1),
        tables: tables
            .into_values()
            .map(|table| (table.table.clone(), table))
            .collect(),
        objects: Vec::new(),
        listing: Some(listing),
    };
    Reading { facts, rows }
}

fn ids(cluster: &Cluster) -> BTreeMap<String, i64> {
    let tables = cluster.tables.iter();
    tables
        .map(|(name, table)| (name.clone(), table.id))
        .collect()
}

fn table(
    name: &str,
    id: i64,
    schema: &Table,
    partitions: &BTreeMap<String, Partition>,
) -> TableFacts {
    let column = "k".parse().unwrap();
    TableFacts {
        table: name.parse().unwrap(),
        table_id: TableId(id),
        state: TableState::Normal,
        engine: TableEngine::Olap,
        schema_hash: SchemaHash::of([
            schema.id.to_le_bytes().as_slice(),
            schema.schema_version.to_le_bytes().as_slice(),
        ]),
        ddl: String::new(),
        key_model: KeyModel::Duplicate,
        partitioning: match schema.kind {
            Kind::Unpartitioned => Partitioning::Unpartitioned,
            Kind::Automatic => Partitioning::List {
                columns: vec![column],
                automatic: true,
            },
            Kind::Range | Kind::Random => Partitioning::Range {
                columns: vec![column],
            },
        },
        distribution: match schema.kind {
            Kind::Random => Distribution::Random,
            _ => Distribution::Hash,
        },
        columns: vec![ColumnFacts {
            name: "k".parse().unwrap(),
            sql_type: "int(11)".into(),
            nullable: false,
            is_key: true,
            aggregation: None,
            default: None,
            auto_increment: false,
            generated: None,
        }],
        schema_job_running: schema.job_running,
        has_temp_partitions: false,
        partitions: partitions
            .iter()
            .map(|(name, partition)| facts(id, schema.kind, name, partition))
            .collect(),
    }
}

fn facts(table_id: i64, kind: Kind, name: &str, partition: &Partition) -> PartitionFacts {
    let value = match kind {
        Kind::Unpartitioned => String::new(),
        Kind::Automatic => format!("[[\"{name}\"]]"),
        Kind::Range | Kind::Random => {
            "[types: [INT]; keys: [1]; ..types: [INT]; keys: [2]; )".to_owned()
        }
    };
    PartitionFacts {
        name: name.parse().unwrap(),
        fingerprint: Fingerprint::of_partition(&mut [PhysicalPartition {
            table_id: TableId(table_id),
            partition_id: PartitionId(partition.id),
            visible_version: partition.version,
            visible_version_time: partition.time.to_string(),
            version_epoch: partition.epoch,
        }]),
        pending: partition.pending.is_some(),
        system: name == SHADOW_PARTITION,
        value: value.into(),
        buckets: 1,
        replication_num: 1,
        row_count: 0,
        data_size: 0,
    }
}
