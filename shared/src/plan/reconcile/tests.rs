use std::collections::BTreeSet;

use super::*;
use crate::{
    digest::{Fingerprint, SchemaHash},
    facts::{
        DatabaseFacts, Distribution, KeyModel, PartitionFacts, Partitioning, TableEngine,
        TableFacts, TableState,
    },
    ident::{DatabaseId, TableId},
    job::PinMark,
    label::BackupKind,
    plan::kept_reading::KeptReading,
};

/// As it comes back from where it is kept.
pub(super) fn kept(planned: &Manifest, after: &DatabaseFacts) -> SecondReading {
    let reading = SecondReading::of(planned, after);
    let kept = KeptReading {
        pin: PinMark::new("7", "2026-03-01 04:00:06"),
        counted: None,
        reading: reading.clone(),
    };
    let text = kept.to_text(planned).unwrap();
    let kept = KeptReading::parse(&text, planned).unwrap();
    assert_eq!(kept.reading, reading);
    kept.reading
}

fn reconciled(
    planned: Manifest,
    snapshot: &SnapshotObjects,
    after: &DatabaseFacts,
) -> Result<Reconciliation, ForeignSnapshot> {
    let after = kept(&planned, after);
    reconcile(planned, snapshot, &after)
}

fn print(number: u64) -> Fingerprint {
    Fingerprint::of([number.to_le_bytes().as_slice()])
}

fn schema(number: u64) -> SchemaHash {
    SchemaHash::of([number.to_le_bytes().as_slice()])
}

/// `p1=7@full` is partition p1 with fingerprint 7, stored in label `full`.
fn planned(table_id: i64, text: &str) -> ManifestTable {
    let partitions = text.split_whitespace().map(|item| {
        let (name, rest) = item.split_once('=').unwrap();
        let (number, label) = rest.split_once('@').unwrap();
        ManifestPartition {
            name: name.parse().unwrap(),
            fingerprint: Some(print(number.parse().unwrap())),
            stored_in: Arc::new(label.parse().unwrap()),
            system: name.starts_with('$'),
            value: "planned".into(),
            buckets: 1,
            replication_num: 2,
            row_count: Some(10),
            data_size: 0,
        }
    });
    ManifestTable {
        table: "t".parse().unwrap(),
        table_id: TableId(table_id),
        schema_hash: schema(1),
        ddl: "CREATE TABLE".into(),
        unpartitioned: text.starts_with('*'),
        partitions: partitions.collect(),
    }
}

fn manifest(table: ManifestTable) -> Manifest {
    Manifest {
        label: "inc".parse().unwrap(),
        database: "sales".parse().unwrap(),
        plan_id: "plan".parse().unwrap(),
        kind: BackupKind::Incremental,
        tables: vec![table],
        objects: Vec::new(),
    }
}

fn now(table_id: i64, text: &str) -> TableFacts {
    let partitions = text.split_whitespace().map(|item| {
        let (name, number) = item.split_once('=').unwrap();
        PartitionFacts {
            name: name.parse().unwrap(),
            fingerprint: print(number.parse().unwrap()),
            pending: false,
            system: name.starts_with('$'),
            value: "read".into(),
            buckets: 8,
            replication_num: 3,
            row_count: 0,
            data_size: 5,
        }
    });
    TableFacts {
        table: "t".parse().unwrap(),
        table_id: TableId(table_id),
        state: TableState::Normal,
        engine: TableEngine::Olap,
        schema_hash: schema(1),
        ddl: String::new(),
        key_model: KeyModel::Duplicate,
        partitioning: Partitioning::Unpartitioned,
        distribution: Distribution::Hash,
        columns: Vec::new(),
        schema_job_running: false,
        has_temp_partitions: false,
        partitions: partitions.collect(),
    }
}

fn after(tables: impl IntoIterator<Item = (&'static str, TableFacts)>) -> DatabaseFacts {
    DatabaseFacts {
        database: "sales".parse().unwrap(),
        database_id: DatabaseId(1),
        tables: tables
            .into_iter()
            .map(|(name, table)| (name.parse().unwrap(), table))
            .collect(),
        objects: Vec::new(),
        listing: None,
    }
}

fn snapshot(table_id: Option<i64>, partitions: &str) -> SnapshotObjects {
    let names: BTreeSet<PartitionName> = partitions
        .split_whitespace()
        .map(|name| name.parse().unwrap())
        .collect();
    let mut objects = SnapshotObjects::from_names([("t".parse().unwrap(), names)].into());
    for table in objects.tables.values_mut() {
        table.table_id = table_id.map(TableId);
    }
    objects
}

fn none() -> SnapshotObjects {
    SnapshotObjects::default()
}

/// `p1=7@full` again, `?` where there is no fingerprint; then the cut; or why the table is invalid.
fn outcome(planned: ManifestTable, snapshot: &SnapshotObjects, after: &DatabaseFacts) -> String {
    let numbers: BTreeMap<Fingerprint, u64> =
        (0..100).map(|number| (print(number), number)).collect();
    let result = reconciled(manifest(planned), snapshot, after).unwrap();
    if let [invalid] = result.invalid.as_slice() {
        let object = &result.manifest.objects[0];
        assert_eq!(object.skipped_reason, Some(invalid.reason.to_string()));
        assert!(result.manifest.tables.is_empty());
        return format!("{:?}", invalid.reason);
    }
    let mut text = String::new();
    for partition in &result.manifest.tables[0].partitions {
        let print = partition
            .fingerprint
            .map_or("?".into(), |print| numbers[&print].to_string());
        text += &format!("{}={print}@{} ", partition.name, partition.stored_in);
    }
    text + result.cut.as_str()
}

#[test]
fn interleavings() {
    let whole = || planned(1, "p1=1@inc p2=2@inc");
    let part = || planned(1, "p1=1@full p2=2@inc");
    let nothing = || planned(1, "p1=1@full p2=2@full");
    let still = |text: &str| after([("t", now(1, text))]);
    let other = |text: &str| after([("t", now(2, text))]);
    let renamed = |text: &str| after([("u", now(1, text))]);
    let altered = |text: &str| {
        let table = TableFacts {
            schema_hash: schema(2),
            ..now(1, text)
        };
        after([("t", table)])
    };
    let gone = || after([]);
    let both = || snapshot(None, "p1 p2");
    let with_id = |id| snapshot(Some(id), "p1 p2");
    let second = || snapshot(None, "p2");
    let same = "p1=1 p2=2";

    let cases = [
        // Everything stored.
        (whole(), both(), still(same), "p1=1@inc p2=2@inc exact"),
        (
            whole(),
            both(),
            still("p1=7 p2=8"),
            "p1=1@inc p2=2@inc exact",
        ),
        (whole(), second(), still("p2=2"), "p2=2@inc exact"),
        (
            whole(),
            snapshot(None, "p1 p2 p3"),
            still(same),
            "p1=1@inc p2=2@inc p3=?@inc exact",
        ),
        (
            whole(),
            snapshot(None, "p0 p1 p2"),
            still(same),
            "p0=?@inc p1=1@inc p2=2@inc exact",
        ),
        (whole(), snapshot(None, ""), still(""), "exact"),
        (whole(), none(), still(same), "NotInSnapshot"),
        (whole(), both(), altered(same), "SchemaChanged"),
        (whole(), both(), other(same), "OtherTable"),
        (whole(), with_id(2), still(same), "OtherTableInSnapshot"),
        (whole(), with_id(1), other(same), "p1=?@inc p2=?@inc exact"),
        (whole(), both(), gone(), "p1=?@inc p2=?@inc exact"),
        (whole(), both(), renamed(same), "p1=?@inc p2=?@inc exact"),
        (
            whole(),
            with_id(1),
            renamed(same),
            "p1=1@inc p2=2@inc exact",
        ),
        // Some stored, some referenced.
        (part(), second(), still(same), "p1=1@full p2=2@inc exact"),
        (
            part(),
            second(),
            still("p1=1 p2=7"),
            "p1=1@full p2=2@inc exact",
        ),
        (part(), second(), still("p1=1"), "p1=1@full p2=2@inc exact"),
        (
            part(),
            second(),
            still("p1=7 p2=2"),
            "p1=1@full p2=2@inc torn",
        ),
        (part(), second(), still("p2=2"), "p1=1@full p2=2@inc torn"),
        (
            part(),
            second(),
            still("p1=1 p2=2 p3=3"),
            "p1=1@full p2=2@inc torn",
        ),
        // Dropped before the pin, and made again after it.
        (
            planned(1, "p1=1@full p2=2@inc p3=3@inc"),
            snapshot(None, "p3"),
            still("p1=1 p2=9 p3=3"),
            "p1=1@full p3=3@inc torn",
        ),
        (
            planned(1, "p1=1@full p2=2@inc p3=3@inc"),
            snapshot(None, "p3"),
            still("p1=1 p3=3"),
            "p1=1@full p3=3@inc exact",
        ),
        (part(), none(), still(same), "NotInSnapshot"),
        (part(), second(), altered(same), "SchemaChanged"),
        (part(), second(), other(same), "OtherTable"),
        (part(), second(), gone(), "Gone"),
        (part(), snapshot(Some(1), "p2"), gone(), "Gone"),
        (
            part(),
            snapshot(Some(1), "p2"),
            renamed(same),
            "p1=1@full p2=2@inc exact",
        ),
        (
            part(),
            snapshot(Some(1), "p2"),
            renamed("p1=7 p2=2"),
            "p1=1@full p2=2@inc torn",
        ),
        // Nothing stored.
        (nothing(), none(), still(same), "p1=1@full p2=2@full exact"),
        (
            nothing(),
            none(),
            still("p1=1 p2=7"),
            "p1=1@full p2=2@full torn",
        ),
        (nothing(), none(), still("p1=1"), "p1=1@full p2=2@full torn"),
        (
            nothing(),
            none(),
            still("p1=1 p2=2 p3=3"),
            "p1=1@full p2=2@full torn",
        ),
        (nothing(), none(), altered(same), "p1=1@full p2=2@full torn"),
        (nothing(), none(), other(same), "p1=1@full p2=2@full torn"),
        (nothing(), none(), gone(), "p1=1@full p2=2@full torn"),
        (planned(1, ""), none(), still(""), "exact"),
        (planned(1, ""), none(), still("p1=1"), "torn"),
        // Unpartitioned: the partition is named like the table.
        (
            planned(1, "*=1@inc"),
            snapshot(None, "t"),
            still("t=1"),
            "*=1@inc exact",
        ),
        (
            planned(1, "*=1@inc"),
            snapshot(None, "t"),
            still("t=2"),
            "*=1@inc exact",
        ),
        (
            planned(1, "*=1@full"),
            none(),
            still("t=1"),
            "*=1@full exact",
        ),
        (
            planned(1, "*=1@full"),
            none(),
            still("t=2"),
            "*=1@full torn",
        ),
        (
            planned(1, "*=1@inc"),
            snapshot(None, "t"),
            gone(),
            "*=?@inc exact",
        ),
        // Made anew, with and without partitions, and dropped again.
        (planned(1, "*=1@inc"), snapshot(None, "p1"), gone(), "Gone"),
        (whole(), snapshot(None, "t"), gone(), "Gone"),
        (
            planned(1, "*=1@inc"),
            snapshot(None, ""),
            still("t=1"),
            "NotInSnapshot",
        ),
        // A system partition changes nothing.
        (
            planned(1, "$s=1@full p1=1@full"),
            none(),
            still("$s=2 $u=3 p1=1"),
            "$s=1@full p1=1@full exact",
        ),
        (
            planned(1, "p1=1@inc"),
            snapshot(None, "$s p1"),
            still("$s=2 p1=1"),
            "$s=?@inc p1=1@inc exact",
        ),
    ];
    for (number, (planned, snapshot, after, expected)) in cases.into_iter().enumerate() {
        assert_eq!(
            outcome(planned, &snapshot, &after),
            expected,
            "case {number}"
        );
    }
}

#[test]
fn a_partition_found_in_the_snapshot_takes_its_figures_from_the_second_reading() {
    let planned = planned(1, "p1=1@inc");
    let pinned = snapshot(None, "p1 p2 p3");
    let after = after([("t", now(1, "p1=1 p2=2"))]);
    let result = reconciled(manifest(planned), &pinned, &after).unwrap();
    let figures: Vec<(&str, u32, u16)> = result.manifest.tables[0]
        .partitions
        .iter()
        .map(|partition| {
            (
                &*partition.value,
                partition.buckets,
                partition.replication_num,
            )
        })
        .collect();
    assert_eq!(figures, [("planned", 1, 2), ("read", 8, 3), ("", 0, 2)]);
}

#[test]
fn a_count_goes_where_the_content_changed_until_the_second_reading() {
    let planned = planned(1, "p1=1@full p2=2@inc p3=3@inc");
    let pinned = snapshot(None, "p2 p3");
    let after = after([("t", now(1, "p1=7 p2=2 p3=8"))]);
    let result = reconciled(manifest(planned), &pinned, &after).unwrap();
    let counts: Vec<Option<u64>> = result.manifest.tables[0]
        .partitions
        .iter()
        .map(|partition| partition.row_count)
        .collect();
    // What is referenced is in the older snapshot, as it was counted.
    assert_eq!(counts, [Some(10), Some(10), None]);
}

/// Nobody knows any more whether what was pinned is what was counted.
#[test]
fn of_a_table_that_is_gone_no_count_is_kept() {
    let pinned = snapshot(None, "p1 p2");
    let planned = manifest(planned(1, "p1=1@inc p2=2@inc"));
    let result = reconciled(planned, &pinned, &after([])).unwrap();
    let partitions = &result.manifest.tables[0].partitions;
    assert_eq!(partitions.len(), 2);
    assert!(partitions.iter().all(|own| own.row_count.is_none()));
}

#[test]
fn a_snapshot_of_somebody_else_is_refused() {
    let names = [("t", "p1"), ("theirs", "p1")].map(|(table, partition)| {
        let partitions = BTreeSet::from([partition.parse().unwrap()]);
        (table.parse().unwrap(), partitions)
    });
    let snapshot = SnapshotObjects::from_names(names.into());
    let refused = reconciled(manifest(planned(1, "p1=1@inc")), &snapshot, &after([])).unwrap_err();
    assert_eq!(refused.tables, "theirs");
    assert_eq!(Error::from(refused).name, ErrorName::BackupFailed);
}

#[test]
fn one_swapped_table_puts_the_others_in_doubt() {
    let mut manifest = manifest(planned(1, "p1=1@inc"));
    manifest.tables.push(ManifestTable {
        table: "u".parse().unwrap(),
        table_id: TableId(2),
        ..planned(2, "p1=1@full")
    });
    let after = after([("t", now(1, "p1=1")), ("u", now(2, "p1=1"))]);
    let result = reconciled(manifest, &snapshot(Some(2), "p1"), &after).unwrap();
    assert_eq!(
        result.invalid[0].reason,
        InvalidReason::OtherTableInSnapshot
    );
    assert_eq!(result.cut, Cut::Torn);
}
