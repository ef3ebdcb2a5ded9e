//! Labels that another tool made: what they stand for follows from their one snapshot, and from
//! nothing else.
//!
//! Such a label has a row in the history and names in `backup_partitions`: no plan, no fingerprints,
//! no definitions, no sizes. A full is all that its snapshot holds, so a manifest of names can be
//! derived and restored. An incremental is not: which partitions of its full were dropped or loaded
//! meanwhile is not on record, so only what its own snapshot holds can be restored, by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    digest::SchemaHash,
    facts::{ObjectKind, Partitioning, SHADOW_PARTITION, TableFacts, snapshot::SnapshotTable},
    flow::RestoreScope,
    ident::{DatabaseName, PartitionName, PlanId, TableId, TableName},
    label::{BackupKind, SnapshotLabel},
    manifest::{
        BackupRecord, Manifest, ManifestObject, ManifestPartition, ManifestTable, UNPARTITIONED_KEY,
    },
};

/// Who made a label, and so what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// Planned by this program: its manifest was written before BACKUP was sent.
    #[default]
    Ours,
    /// Made by another tool. In its manifest only names are known: every id, digest, definition, size
    /// and number of replicas is empty and must not be read.
    Foreign {
        /// What that tool recorded of a table and its snapshot does not hold.
        missing: BTreeMap<TableName, BTreeSet<String>>,
    },
}

impl Origin {
    pub fn is_foreign(&self) -> bool {
        matches!(self, Origin::Foreign { .. })
    }
}

/// What the snapshot of a foreign label holds, as SHOW SNAPSHOT prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub database: DatabaseName,
    pub tables: BTreeMap<TableName, SnapshotTable>,
}

const NO_PARTITION: &str = "the snapshot lists it without partitions, so it is a view, or a table that \
     had none; its definition is not on record";

/// The manifest of a label that another tool made. `recorded`: the names that it wrote itself.
pub fn derive(
    record: &BackupRecord,
    content: &Content,
    recorded: &[(TableName, String)],
) -> (Manifest, Origin) {
    let stored_in = Arc::new(record.label.clone());
    let mut tables = Vec::new();
    let mut objects = Vec::new();
    for (name, found) in &content.tables {
        match found.partitions.is_empty() {
            false => tables.push(table(name, &found.partitions, &stored_in)),
            true => objects.push(ManifestObject {
                name: name.clone(),
                kind: ObjectKind::Table,
                ddl: String::new(),
                skipped_reason: Some(NO_PARTITION.to_owned()),
            }),
        }
    }
    let manifest = Manifest {
        label: record.label.clone(),
        database: content.database.clone(),
        plan_id: plan_id(),
        kind: record.kind,
        tables,
        objects,
    };
    let missing = missing(content, recorded);
    (manifest, Origin::Foreign { missing })
}

/// A manifest of tables without their partitions: what is left when the snapshot is gone.
pub fn named(
    record: &BackupRecord,
    database: &DatabaseName,
    tables: BTreeSet<TableName>,
) -> (Manifest, Origin) {
    let stored_in = Arc::new(record.label.clone());
    let none = BTreeSet::new();
    let tables = tables.iter();
    let manifest = Manifest {
        label: record.label.clone(),
        database: database.clone(),
        plan_id: plan_id(),
        kind: record.kind,
        tables: tables.map(|name| table(name, &none, &stored_in)).collect(),
        objects: Vec::new(),
    };
    let missing = BTreeMap::new();
    (manifest, Origin::Foreign { missing })
}

/// It names no rows: the manifest is derived whenever it is needed.
fn plan_id() -> PlanId {
    "not-planned".parse().expect("a word is an id")
}

/// SHOW SNAPSHOT prints an unpartitioned table with one partition of its own name. A partitioned one
/// can look like that too: [`as_restored`] tells them apart when the table is there.
fn table(
    name: &TableName,
    partitions: &BTreeSet<PartitionName>,
    stored_in: &Arc<SnapshotLabel>,
) -> ManifestTable {
    let unpartitioned = is_named_like(name, partitions);
    let partition = |partition: &PartitionName| ManifestPartition {
        name: match unpartitioned {
            true => UNPARTITIONED_KEY.parse().expect("a star is a name"),
            false => partition.clone(),
        },
        fingerprint: None,
        stored_in: Arc::clone(stored_in),
        system: partition.as_str() == SHADOW_PARTITION,
        value: "".into(),
        buckets: 0,
        replication_num: 0,
        row_count: None,
        data_size: 0,
    };
    ManifestTable {
        table: name.clone(),
        table_id: TableId(0),
        schema_hash: SchemaHash::of([]),
        ddl: String::new(),
        unpartitioned,
        partitions: partitions.iter().map(partition).collect(),
    }
}

fn is_named_like(name: &TableName, partitions: &BTreeSet<PartitionName>) -> bool {
    partitions.len() == 1
        && partitions
            .iter()
            .all(|partition| partition.as_str() == name.as_str())
}

fn missing(
    content: &Content,
    recorded: &[(TableName, String)],
) -> BTreeMap<TableName, BTreeSet<String>> {
    let mut missing: BTreeMap<TableName, BTreeSet<String>> = BTreeMap::new();
    for (table, partition) in recorded {
        let held = content.tables.get(table).is_some_and(|found| {
            let mut names = found.partitions.iter();
            names.any(|name| name.as_str() == partition)
        });
        if !held {
            let partitions = missing.entry(table.clone()).or_default();
            partitions.insert(partition.clone());
        }
    }
    missing
}

/// Why a foreign label cannot be restored as asked. A full can; of an incremental, what its own
/// snapshot holds can be named: partitions, or tables that have only one.
pub fn refuse(manifest: &Manifest, scope: &RestoreScope) -> Option<&'static str> {
    if manifest.kind == BackupKind::Full || !scope.partitions.is_empty() {
        return None;
    }
    let is_whole = |name: &TableName| {
        let mut tables = manifest.tables.iter();
        tables.any(|table| table.table == *name && table.unpartitioned)
    };
    if !scope.tables.is_empty() && scope.tables.iter().all(is_whole) {
        return None;
    }
    Some(
        "is an incremental of another tool, which records neither its full nor what was dropped \
         since, and takes for unchanged what its clocks say: which state it stands for is not known",
    )
}

/// A table as it turned out to be once it was restored. Fails where a label that stands for a part of
/// the table was taken for all of it.
pub fn as_restored(
    table: &ManifestTable,
    kind: BackupKind,
    restored: &TableFacts,
) -> Result<ManifestTable, String> {
    let mut table = table.clone();
    if !table.unpartitioned || restored.partitioning == Partitioning::Unpartitioned {
        return Ok(table);
    }
    if kind == BackupKind::Incremental {
        return Err(
            "it is partitioned, and the incremental of another tool holds one partition of it, \
             named like the table: name that partition too"
                .to_owned(),
        );
    }
    table.unpartitioned = false;
    for partition in &mut table.partitions {
        partition.name = table
            .table
            .as_str()
            .parse()
            .map_err(|error| format!("{error}"))?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::restore::samples;

    fn content(tables: &[(&str, &[&str])]) -> Content {
        let tables = tables.iter().map(|(table, partitions)| {
            let found = SnapshotTable {
                table_id: None,
                partitions: partitions
                    .iter()
                    .map(|name| name.parse().unwrap())
                    .collect(),
            };
            (table.parse().unwrap(), found)
        });
        Content {
            database: "shop".parse().unwrap(),
            tables: tables.collect(),
        }
    }

    fn record(kind: BackupKind) -> BackupRecord {
        let label = "shop_20260301_full".parse().unwrap();
        BackupRecord {
            kind,
            ..samples::record(&label, &"other".parse().unwrap())
        }
    }

    fn derived(kind: BackupKind, tables: &[(&str, &[&str])]) -> Manifest {
        derive(&record(kind), &content(tables), &[]).0
    }

    #[test]
    fn a_manifest_has_the_names_of_the_snapshot_and_no_others() {
        let tables: [(&str, &[&str]); 3] = [
            ("dim", &["dim"]),
            ("events", &["$shadow_automatic_partition", "p1", "p2"]),
            ("view", &[]),
        ];
        let manifest = derived(BackupKind::Full, &tables);
        let shape: Vec<String> = manifest
            .tables
            .iter()
            .map(|table| {
                let names = table.partitions.iter();
                let names: Vec<String> = names
                    .map(|own| format!("{}{}", own.name, if own.system { "!" } else { "" }))
                    .collect();
                format!("{} {} {names:?}", table.table, table.unpartitioned)
            })
            .collect();
        assert_eq!(
            shape,
            [
                "dim true [\"*\"]",
                "events false [\"$shadow_automatic_partition!\", \"p1\", \"p2\"]"
            ]
        );
        assert_eq!(manifest.database.as_str(), "shop");
        assert_eq!(manifest.objects.len(), 1);
        // Derived again it is the same: steps refer to it by number.
        let again = derived(BackupKind::Full, &tables);
        assert_eq!(again.digest(), manifest.digest());
    }

    #[test]
    fn what_was_recorded_and_is_not_held_is_told() {
        let recorded = [("t", "p1"), ("t", "p2"), ("gone", "gone")]
            .map(|(table, partition)| (table.parse().unwrap(), partition.to_owned()));
        let (_, origin) = derive(
            &record(BackupKind::Full),
            &content(&[("t", &["p1"])]),
            &recorded,
        );
        let Origin::Foreign { missing } = origin else {
            panic!("{origin:?}");
        };
        let missing: Vec<String> = missing
            .iter()
            .map(|(table, partitions)| format!("{table} {partitions:?}"))
            .collect();
        assert_eq!(missing, ["gone {\"gone\"}", "t {\"p2\"}"]);
    }

    #[test]
    fn an_incremental_is_restored_by_name_only() {
        let tables: [(&str, &[&str]); 2] = [("dim", &["dim"]), ("events", &["p1"])];
        let incremental = derived(BackupKind::Incremental, &tables);
        let full = derived(BackupKind::Full, &tables);
        for (tables, partitions, possible) in [
            (&[][..], &[][..], false),
            (&["events"], &[], false),
            (&["dim", "events"], &[], false),
            (&["nothing"], &[], false),
            (&["dim"], &[], true),
            (&["events"], &["p1"], true),
        ] {
            let scope = RestoreScope {
                tables: tables.iter().map(|name| name.parse().unwrap()).collect(),
                partitions: partitions
                    .iter()
                    .map(|name| name.parse().unwrap())
                    .collect(),
            };
            assert_eq!(
                refuse(&incremental, &scope).is_none(),
                possible,
                "{scope:?}"
            );
            assert_eq!(refuse(&full, &scope), None);
        }
    }

    #[test]
    fn a_partition_may_be_named_like_its_table() {
        let table = &derived(BackupKind::Full, &[("t", &["t"])]).tables[0];
        let mut restored = samples::live(&samples::shop().manifest.tables[1], TableId(1));
        let whole = as_restored(table, BackupKind::Full, &restored).unwrap();
        assert!(!whole.unpartitioned);
        assert_eq!(whole.partitions[0].name.as_str(), "t");
        assert!(as_restored(table, BackupKind::Incremental, &restored).is_err());
        restored.partitioning = Partitioning::Unpartitioned;
        for kind in [BackupKind::Full, BackupKind::Incremental] {
            assert_eq!(as_restored(table, kind, &restored).as_ref(), Ok(table));
        }
    }
}
