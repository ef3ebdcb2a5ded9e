//! Partitions: names, bounds, ids and rows.

use std::time::Instant;

use proptest::prelude::*;

use super::support::{Fixture, int, text};
use crate::{
    Profile,
    catalog::{Bound, BoundKey, Partition, PartitionValue, Partitions},
};

const RANGE: &str = "CREATE TABLE r (k DATE NOT NULL, v INT) DUPLICATE KEY(k) PARTITION BY RANGE(k) \
     (PARTITION p1 VALUES LESS THAN (\"2025-01-02\"), PARTITION p2 VALUES LESS THAN (\"2025-01-03\")) \
     DISTRIBUTED BY HASH(k) BUCKETS 1";

#[test]
fn temporary_partition_takes_name_and_place() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(RANGE);
    fe.load("r", "p1", vec![vec![text("2025-01-01"), int(1)]]);
    fe.run("ALTER TABLE r ADD TEMPORARY PARTITION tp VALUES LESS THAN (\"2025-01-02\")");
    let temporary = fe.table("r").temp_partitions.get("tp").unwrap().physical_id;
    let table = fe.table("r").clone();
    fe.engine
        .rows
        .write(&table, temporary, &[vec![text("2024-12-31"), int(2)]])
        .unwrap();
    fe.run("ALTER TABLE r REPLACE PARTITION (p1) WITH TEMPORARY PARTITION (tp)");
    let replaced = fe.table("r").partitions.get("p1").unwrap();
    assert_eq!(replaced.physical_id, temporary);
    assert_eq!(fe.rows("SELECT k, v FROM r"), [["2024-12-31", "2"]]);
    assert!(fe.table("r").temp_partitions.is_empty());
}

#[test]
fn temporary_partition_of_another_range_does_not_replace() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(RANGE);
    fe.run("ALTER TABLE r ADD TEMPORARY PARTITION tp VALUES LESS THAN (\"2025-01-01\")");
    fe.fail("ALTER TABLE r REPLACE PARTITION (p1) WITH TEMPORARY PARTITION (tp)");
    assert_eq!(fe.partition_names("r"), ["p1", "p2"]);
    assert_eq!(fe.table("r").temp_partitions.len(), 1);
}

#[test]
fn truncated_partition_is_another_one() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(RANGE);
    fe.load("r", "p1", vec![vec![text("2025-01-01"), int(1)]]);
    fe.load("r", "p2", vec![vec![text("2025-01-02"), int(2)]]);
    let before = fe.table("r").partitions.get("p1").unwrap().clone();
    fe.run("TRUNCATE TABLE r PARTITION (p1)");
    let after = fe.table("r").partitions.get("p1").unwrap();
    assert_ne!(before.physical_id, after.physical_id);
    assert_ne!(before.version_epoch, after.version_epoch);
    assert_eq!(after.visible_version, 1);
    assert_eq!(fe.rows("SELECT v FROM r"), [["2"]]);
}

#[test]
fn swap_moves_names_only() {
    let mut fe = Fixture::new(Profile::V3_5);
    fe.run(RANGE);
    fe.run("CREATE TABLE s LIKE r");
    fe.load("r", "p1", vec![vec![text("2025-01-01"), int(1)]]);
    let (r, s) = (fe.table("r").id, fe.table("s").id);
    fe.run("ALTER TABLE r SWAP WITH s");
    assert_eq!((fe.table("r").id, fe.table("s").id), (s, r));
    assert_eq!(fe.rows("SELECT v FROM s"), [["1"]]);
    assert!(fe.rows("SELECT v FROM r").is_empty());
    fe.run("ALTER TABLE s RENAME z");
    assert_eq!(fe.rows("SELECT v FROM z"), [["1"]]);
    assert_eq!(fe.table("z").id, r);
}

#[test]
fn rows_fall_into_their_partition() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(RANGE);
    fe.run(
        "CREATE TABLE l (c VARCHAR(9) NOT NULL, v INT) DUPLICATE KEY(c) PARTITION BY LIST(c) \
            (PARTITION pa VALUES IN (\"a\", \"aa\"), PARTITION pb VALUES IN (\"b\")) \
            DISTRIBUTED BY HASH(c) BUCKETS 1",
    );
    let holding = |fe: &Fixture, table: &str, value: Option<&str>| {
        fe.table(table)
            .partition_holding(&[value.map(String::from)])
            .map(|partition| partition.name.clone())
    };
    let rows = [
        ("r", Some("1999-01-01"), Some("p1")),
        ("r", Some("2025-01-01"), Some("p1")),
        ("r", Some("2025-01-02"), Some("p2")),
        ("r", Some("2025-01-03"), None),
        ("r", None, Some("p1")),
        ("l", Some("aa"), Some("pa")),
        ("l", Some("b"), Some("pb")),
        ("l", Some("c"), None),
    ];
    for (table, value, expected) in rows {
        assert_eq!(holding(&fe, table, value).as_deref(), expected, "{value:?}");
    }
}

#[test]
fn automatic_tables_grow_partitions() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(
        "CREATE TABLE e (d DATETIME NOT NULL, v INT) DUPLICATE KEY(d) \
            PARTITION BY time_slice(d, INTERVAL 6 HOUR) DISTRIBUTED BY HASH(d) BUCKETS 1",
    );
    fe.run(
        "CREATE TABLE a (c VARCHAR(99) NOT NULL, d DATE, v INT) DUPLICATE KEY(c) \
            PARTITION BY (c, d) DISTRIBUTED BY HASH(c) BUCKETS 1",
    );
    let mut grow = |table: &str, values: &[Option<&str>]| {
        let values: Vec<Option<String>> = values.iter().map(|v| v.map(String::from)).collect();
        let id = fe
            .engine
            .add_automatic_partition("d", table, &values)
            .unwrap();
        let table = fe.table(table);
        let held = table.partition_holding(&values).unwrap();
        assert_eq!(held.physical_id, id);
        held.name.clone()
    };
    assert_eq!(grow("e", &[Some("2026-01-01 07:30:00")]), "p2026010106");
    assert_eq!(
        grow("a", &[Some("it's"), Some("2026-01-02")]),
        "pit27s_20260102"
    );
    assert_eq!(grow("a", &[Some("NY"), None]), "pNY_NULL");
    // The frontend compares partition names without case.
    assert_eq!(grow("a", &[Some("ny"), None]), "pny_NULL_1");
}

#[test]
fn ranges_may_not_meet() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(RANGE);
    let before = fe.partition_names("r");
    let rows = [
        "ALTER TABLE r ADD PARTITION x VALUES [(\"2025-01-01\"), (\"2025-01-05\"))",
        "ALTER TABLE r ADD PARTITION x VALUES [(\"2020-01-01\"), (\"2020-01-05\"))",
        "ALTER TABLE r ADD PARTITIONS START (\"2025-01-02\") END (\"2025-01-09\") EVERY (INTERVAL 1 DAY)",
        "ALTER TABLE r ADD PARTITION P1 VALUES LESS THAN (\"2025-02-01\")",
    ];
    for sql in rows {
        fe.fail(sql);
        assert_eq!(fe.partition_names("r"), before, "{sql}");
    }
    fe.run("ALTER TABLE r ADD PARTITION x VALUES [(\"2025-01-03\"), (\"2025-01-05\"))");
}

/// Numbers compare by value: 9 is below 10, 100 above.
#[test]
fn several_columns_make_a_range() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(
        "CREATE TABLE m (a INT NOT NULL, b DATE NOT NULL, v INT) DUPLICATE KEY(a, b) \
         PARTITION BY RANGE(a, b) (PARTITION p1 VALUES LESS THAN (\"10\", \"2025-01-02\"), \
         PARTITION p2 VALUES LESS THAN (\"100\", \"2025-01-01\")) DISTRIBUTED BY HASH(a) BUCKETS 1",
    );
    let rows = [
        (["9", "2025-06-01"], Some("p1")),
        (["10", "2025-01-01"], Some("p1")),
        (["10", "2025-01-02"], Some("p2")),
        (["100", "2024-12-31"], Some("p2")),
        (["100", "2025-01-01"], None),
    ];
    for (values, expected) in rows {
        let values = values.map(|value| Some(value.to_owned()));
        let held = fe.table("m").partition_holding(&values);
        let name = held.map(|partition| partition.name.as_str());
        assert_eq!(name, expected, "{values:?}");
    }
}

/// 100,000 partitions are made, found and listed without a look at each of them per statement.
#[test]
fn a_table_may_have_many_partitions() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(
        "CREATE TABLE big (k DATE NOT NULL) DUPLICATE KEY(k) PARTITION BY RANGE(k) () \
            DISTRIBUTED BY HASH(k) BUCKETS 1",
    );
    let started = Instant::now();
    fe.engine
        .create_many_partitions("d", "big", 100_000)
        .unwrap();
    let made = started.elapsed();
    assert_eq!(fe.table("big").partitions.len(), 100_000);

    let started = Instant::now();
    for day in 0..1000 {
        let key = BoundKey::from(format!("20{:02}-01-15", day % 100).as_str());
        let table = fe.table("big");
        let held = table.partitions.holding(&[key]).unwrap();
        assert!(table.partitions.get(&held.name).is_some());
    }
    fe.run("ALTER TABLE big DROP PARTITION p20000101");
    fe.run("ALTER TABLE big ADD PARTITION again VALUES [(\"2000-01-01\"), (\"2000-01-02\"))");
    let found = started.elapsed();

    let started = Instant::now();
    let (_, rows) = fe
        .engine
        .information_schema(&fe.session, "partitions_meta")
        .unwrap();
    let listed = started.elapsed();
    assert_eq!(rows.len(), 100_000);
    let limit = std::time::Duration::from_secs(20);
    assert!(
        made < limit && found < limit / 10 && listed < limit,
        "made in {made:?}, found in {found:?}, listed in {listed:?}"
    );
}

proptest! {
    /// The indexes answer as a look at every partition would, whatever was added, renamed, replaced
    /// and dropped before.
    #[test]
    fn indexes_agree_with_a_scan(steps in prop::collection::vec((0..5_u8, 0..40_i64, 1..9_i64), 1..60)) {
        let mut partitions = Partitions::default();
        let mut plain: Vec<(String, i64, i64)> = Vec::new();
        for (number, (action, lower, length)) in steps.into_iter().enumerate() {
            let (name, upper) = (format!("p{number}"), lower + length);
            let at = usize::try_from(lower).unwrap();
            match action {
                0..=2 => {
                    let free = plain.iter().all(|(_, low, high)| upper <= *low || lower >= *high);
                    let (low, high) = (bound(lower), bound(upper));
                    prop_assert_eq!(partitions.overlapping(&low, &high).is_none(), free);
                    if free {
                        partitions.push(range(&name, number as i64, lower, upper));
                        plain.push((name, lower, upper));
                    }
                }
                3 if !plain.is_empty() => {
                    let index = at % plain.len();
                    let (gone, ..) = plain.remove(index);
                    prop_assert_eq!(partitions.remove(&gone.to_uppercase()).unwrap().name, gone);
                }
                4 if !plain.is_empty() => {
                    let index = at % plain.len();
                    let old = plain[index].clone();
                    partitions.replace(&old.0, range(&old.0, 1000 + number as i64, old.1, old.2));
                    partitions.rename(&old.0, &name);
                    plain[index].0 = name;
                }
                _ => {}
            }
            let names: Vec<&str> = partitions.iter().map(|one| one.name.as_str()).collect();
            let expected: Vec<&str> = plain.iter().map(|one| one.0.as_str()).collect();
            prop_assert_eq!(names, expected);
            for key in -1..50_i64 {
                let held = partitions.holding(&[BoundKey::Number(i128::from(key))]);
                let expected = plain.iter().find(|(_, low, high)| (*low..*high).contains(&key));
                prop_assert_eq!(
                    held.map(|one| one.name.as_str()),
                    expected.map(|one| one.0.as_str())
                );
            }
            for (name, lower, upper) in &plain {
                let found = partitions.get(name).unwrap();
                prop_assert_eq!(&found.value, &range(name, 0, *lower, *upper).value);
                let by_id = partitions.by_physical_id(found.physical_id);
                prop_assert_eq!(by_id.map(|one| one.name.as_str()), Some(name.as_str()));
            }
        }
    }
}

fn bound(value: i64) -> Vec<Bound> {
    vec![Bound::Value(value.to_string())]
}

fn range(name: &str, physical_id: i64, lower: i64, upper: i64) -> Partition {
    Partition {
        id: physical_id,
        physical_id,
        name: name.to_owned(),
        value: PartitionValue::Range {
            lower: bound(lower),
            upper: bound(upper),
        },
        buckets: 1,
        replication_num: 1,
        visible_version: 1,
        visible_version_time: jiff::Timestamp::UNIX_EPOCH,
        next_version: 2,
        data_version: 1,
        version_epoch: 1,
        tablets: Vec::new(),
    }
}
