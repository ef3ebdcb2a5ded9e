//! Small databases, and plans of them.

use super::*;
use crate::{
    digest::{Fingerprint, SchemaHash},
    facts::{ColumnFacts, Distribution, KeyModel, SHADOW_PARTITION, TableEngine, TableState},
    ident::DatabaseId,
};

pub(super) fn print(number: u64) -> Fingerprint {
    Fingerprint::of([number.to_le_bytes().as_slice()])
}

pub(super) fn schema(number: u64) -> SchemaHash {
    SchemaHash::of([number.to_le_bytes().as_slice()])
}

pub(super) fn name(text: &str) -> TableName {
    text.parse().unwrap()
}

/// `p1 = 7` is partition p1 with fingerprint 7; a name with `!` has invisible transactions.
pub(super) fn partitions(text: &str) -> Vec<PartitionFacts> {
    text.split_whitespace()
        .map(|item| {
            let (name, number) = item.split_once('=').unwrap();
            PartitionFacts {
                name: name.trim_end_matches('!').parse().unwrap(),
                fingerprint: print(number.parse().unwrap()),
                pending: name.ends_with('!'),
                system: name == SHADOW_PARTITION,
                value: "[types: [INT]; keys: [1]; ..types: [INT]; keys: [2]; )".into(),
                buckets: 1,
                replication_num: 1,
                row_count: 0,
                data_size: 1,
            }
        })
        .collect()
}

pub(super) fn table(text: &str) -> TableFacts {
    TableFacts {
        table: name("t"),
        table_id: TableId(1),
        state: TableState::Normal,
        engine: TableEngine::Olap,
        schema_hash: schema(1),
        ddl: "CREATE TABLE".into(),
        key_model: KeyModel::Duplicate,
        partitioning: Partitioning::Range {
            columns: vec!["k".parse().unwrap()],
        },
        distribution: Distribution::Hash,
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
        schema_job_running: false,
        has_temp_partitions: false,
        partitions: partitions(text),
    }
}

pub(super) fn facts(tables: impl IntoIterator<Item = (&'static str, TableFacts)>) -> DatabaseFacts {
    let tables: std::collections::BTreeMap<_, _> = tables
        .into_iter()
        .map(|(text, table)| {
            let table = TableFacts {
                table: name(text),
                ..table
            };
            (name(text), table)
        })
        .collect();
    DatabaseFacts {
        database: "sales".parse().unwrap(),
        database_id: DatabaseId(1),
        listing: Some(tables.keys().cloned().collect()),
        tables,
        objects: Vec::new(),
    }
}

pub(super) fn request<'a>(label: &str, basis: Basis<'a>) -> BackupRequest<'a> {
    static NO_LEFTOVERS: Leftovers = Leftovers {
        tables: BTreeSet::new(),
    };
    BackupRequest {
        label: label.parse().unwrap(),
        plan_id: "plan".parse().unwrap(),
        basis,
        selection: &Selection::Everything,
        leftovers: &NO_LEFTOVERS,
        list_supported: true,
        on_unsupported: OnUnsupported::Fail,
        limits: Limits::DEFAULT,
    }
}

pub(super) const FULL: Basis<'static> = Basis::Full { last: None };

pub(super) fn full(facts: DatabaseFacts) -> Manifest {
    plan(facts, request("full", FULL)).unwrap().manifest
}

pub(super) fn incremental(baseline: &Manifest, facts: DatabaseFacts) -> BackupPlan {
    plan(facts, request("inc", Basis::Incremental { baseline })).unwrap()
}

/// The partitions of table `t`, each with where it is stored, and what BACKUP names of it.
pub(super) fn outcome(plan: &BackupPlan) -> String {
    let stored = plan
        .manifest
        .tables
        .iter()
        .flat_map(|table| &table.partitions)
        .map(|partition| format!("{}@{}", partition.name, partition.stored_in))
        .collect::<Vec<_>>()
        .join(" ");
    let named = plan
        .named_tables()
        .into_iter()
        .map(|named| match named.partitions {
            None => format!("{}", named.table),
            Some(partitions) => {
                let names: Vec<&str> = partitions.iter().map(PartitionName::as_str).collect();
                format!("{}({})", named.table, names.join(" "))
            }
        })
        .collect::<Vec<_>>()
        .join(" ");
    format!("{stored} | {named}")
}

pub(super) fn automatic(text: &str) -> TableFacts {
    TableFacts {
        partitioning: Partitioning::List {
            columns: vec!["k".parse().unwrap()],
            automatic: true,
        },
        partitions: partitions(text)
            .into_iter()
            .map(|partition| PartitionFacts {
                value: "[[\"1\"]]".into(),
                ..partition
            })
            .collect(),
        ..table("")
    }
}

pub(super) fn unpartitioned(text: &str) -> TableFacts {
    TableFacts {
        partitioning: Partitioning::Unpartitioned,
        partitions: partitions(text),
        ..table("")
    }
}
