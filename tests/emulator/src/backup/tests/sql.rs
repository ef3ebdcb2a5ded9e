//! The same with statements only, as clients see it.

use super::support::Fixture;
use crate::{
    Profile,
    engine::Engine,
    jobs::{At, BackupState, RestoreState},
};

fn fixture(profile: Profile) -> Fixture {
    let mut f = Fixture::new(profile);
    f.run("CREATE DATABASE d");
    f.run("USE d");
    f
}

fn same_rows(f: &mut Fixture, one: &str, other: &str) {
    let ours = f.rows(&format!("SELECT * FROM {one} ORDER BY 1, 2"));
    let theirs = f.rows(&format!("SELECT * FROM {other} ORDER BY 1, 2"));
    assert!(!ours.is_empty(), "{one} is empty");
    assert_eq!(ours, theirs, "{one} and {other}");
}

#[test]
fn every_key_model_and_type_comes_back() {
    for profile in Profile::ALL {
        let mut f = fixture(profile);
        f.run(
            "CREATE TABLE dup (id INT NOT NULL, k2 INT, b BOOLEAN, t TINYINT, s SMALLINT, l BIGINT, \
             h LARGEINT, f FLOAT, g DOUBLE, c DECIMAL(38, 10), d DATE, m DATETIME, v VARCHAR(100), \
             x STRING, j JSON, a ARRAY<INT>, y VARBINARY) \
             DUPLICATE KEY(id, k2) DISTRIBUTED BY HASH(id) BUCKETS 3",
        );
        f.run(
            "INSERT INTO dup VALUES \
             (1, 1, true, 127, -32768, 9223372036854775807, 170141183460469231731687303715884105727, \
              1.5, 1e-300, 12345678901234567890.0123456789, '0000-01-01', '2026-11-21 23:59:59.999999', \
              'it''s \"q\" \\\\ \\n 日本', '', parse_json('{\"a\": [1, null]}'), [1, 2, NULL], x'00ff'), \
             (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), \
             (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        );
        f.run(
            "CREATE TABLE pk (id INT NOT NULL, v STRING, u INT) PRIMARY KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS 2",
        );
        f.run("INSERT INTO pk VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)");
        f.run("UPDATE pk SET v = 'changed' WHERE id = 2");
        f.run("DELETE FROM pk WHERE id = 3");
        f.run(
            "CREATE TABLE uni (id INT NOT NULL, v STRING) UNIQUE KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS 1",
        );
        f.run("INSERT INTO uni VALUES (1, 'old')");
        f.run("INSERT INTO uni VALUES (1, 'new'), (2, 'x')");
        f.run(
            "CREATE TABLE agg (id INT NOT NULL, n BIGINT SUM, m INT MAX, r STRING REPLACE) \
             AGGREGATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
        );
        f.run("INSERT INTO agg VALUES (1, 10, 5, 'a')");
        f.run("INSERT INTO agg VALUES (1, 5, 7, 'b'), (2, 1, 1, 'c')");

        f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (dup, pk, uni, agg)");
        let on = "ON (dup AS dup2, pk AS pk2, uni AS uni2, agg AS agg2)";
        assert_eq!(f.restore("d", "l", on), "[OK]", "{profile:?}");
        for table in ["dup", "pk", "uni", "agg"] {
            same_rows(&mut f, table, &format!("{table}2"));
        }
        // Aggregation goes on where it was.
        for table in ["agg", "agg2"] {
            f.run(&format!("INSERT INTO {table} VALUES (1, 100, 6, 'z')"));
        }
        same_rows(&mut f, "agg", "agg2");

        f.run("UPDATE pk SET u = u + 100 WHERE id = 1");
        f.run("DELETE FROM pk WHERE id = 2");
        f.run("INSERT INTO pk VALUES (9, 'late', 9)");
        assert_eq!(f.restore("d", "l", "ON (pk)"), "[OK]");
        same_rows(&mut f, "pk2", "pk");
    }
}

/// A full and an incremental, put together under the original name in a scratch database.
#[test]
fn a_chain_under_the_original_name_gives_the_later_state() {
    for profile in [Profile::V3_5, Profile::V4_1] {
        let mut f = fixture(profile);
        f.run(
            "CREATE TABLE ev (ts DATETIME NOT NULL, id INT) DUPLICATE KEY(ts) \
             PARTITION BY date_trunc('day', ts) DISTRIBUTED BY HASH(id) BUCKETS 2",
        );
        f.run("INSERT INTO ev VALUES ('2026-01-01 01:00:00', 1), ('2026-01-02 02:00:00', 2)");
        f.backup("d", "BACKUP SNAPSHOT d.base TO r ON (ev)");
        f.run("INSERT INTO ev VALUES ('2026-01-02 03:00:00', 3), ('2026-01-03 03:00:00', 4)");
        f.backup(
            "d",
            "BACKUP SNAPSHOT d.inc TO r ON (ev PARTITION (p20260102, p20260103))",
        );
        f.run("INSERT INTO ev VALUES ('2026-01-01 09:00:00', 99)");

        f.run("CREATE DATABASE scratch");
        assert_eq!(f.restore("scratch", "base", "ON (ev)"), "[OK]");
        assert_eq!(
            f.restore("scratch", "inc", "ON (ev PARTITION (p20260102, p20260103))"),
            "[OK]"
        );
        assert_eq!(
            f.rows("SELECT id FROM scratch.ev ORDER BY id"),
            [["1"], ["2"], ["3"], ["4"]]
        );
        let shadow = "SELECT PARTITION_NAME FROM information_schema.partitions_meta \
                      WHERE DB_NAME = 'scratch' AND PARTITION_NAME LIKE '$%'";
        assert_eq!(f.rows(shadow), [["$shadow_automatic_partition"]]);
        f.run("INSERT INTO scratch.ev VALUES ('2026-02-01 00:00:00', 5)");
        assert_eq!(f.cell("SELECT count(*) AS n FROM scratch.ev", "n"), "5");

        // From a list of partitions, the hidden one stays away unless it is named.
        f.run("CREATE DATABASE other");
        assert_eq!(f.restore("other", "inc", "ON (ev)"), "[OK]");
        let shadow = shadow.replace("scratch", "other");
        assert!(f.rows(&shadow).is_empty());
    }
}

/// Base and increment under aliases, copied together and swapped in: the overlay of a restore.
#[test]
fn aliases_are_copied_together_and_swapped_in() {
    let mut f = fixture(Profile::V4_1);
    f.run(
        "CREATE TABLE t (k DATE NOT NULL, id INT) DUPLICATE KEY(k) PARTITION BY RANGE(k) \
         (PARTITION p1 VALUES LESS THAN ('2025-01-02'), PARTITION p2 VALUES LESS THAN ('2025-01-03')) \
         DISTRIBUTED BY HASH(id) BUCKETS 1",
    );
    f.run("INSERT INTO t VALUES ('2025-01-01', 1), ('2025-01-02', 2)");
    f.backup("d", "BACKUP SNAPSHOT d.base TO r ON (t)");
    f.run("ALTER TABLE t ADD PARTITION p3 VALUES LESS THAN ('2025-01-04')");
    f.run("INSERT INTO t VALUES ('2025-01-02', 22), ('2025-01-03', 3)");
    f.backup("d", "BACKUP SNAPSHOT d.inc TO r ON (t PARTITION (p2, p3))");
    f.run("DELETE FROM t WHERE id = 1");

    assert_eq!(
        f.restore("d", "base", "ON (t PARTITION (p1) AS t_new)"),
        "[OK]"
    );
    assert_eq!(f.restore("d", "inc", "ON (t AS t_inc)"), "[OK]");
    for partition in [
        "p2 VALUES LESS THAN ('2025-01-03')",
        "p3 VALUES LESS THAN ('2025-01-04')",
    ] {
        f.run(&format!("ALTER TABLE t_new ADD PARTITION {partition}"));
    }
    for partition in ["p2", "p3"] {
        f.run(&format!(
            "INSERT INTO t_new PARTITION ({partition}) (k, id) SELECT k, id FROM t_inc PARTITION ({partition})"
        ));
    }
    f.run("DROP TABLE t_inc FORCE");
    f.run("ALTER TABLE t SWAP WITH t_new");
    assert_eq!(
        f.rows("SELECT id FROM t ORDER BY id"),
        [["1"], ["2"], ["3"], ["22"]]
    );
    assert_eq!(
        f.rows("SELECT id FROM t_new ORDER BY id"),
        [["2"], ["3"], ["22"]]
    );
}

#[test]
fn a_restoring_table_is_closed_and_its_live_twin_is_not() {
    let mut f = fixture(Profile::V4_1);
    f.run("CREATE TABLE t (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    f.run("INSERT INTO t VALUES (1)");
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (t)");
    f.start_restore("d", "l", "ON (t AS t2)");
    f.ticks(3);
    let error = f.fail("SELECT * FROM t2");
    assert_eq!(error.code, 5014);
    let error = f.fail("INSERT INTO t2 VALUES (2)");
    assert_eq!(
        error.message,
        "fail to execute commit task: Cannot write RESTORE state table \"t2\""
    );
    f.run("INSERT INTO t VALUES (2)");
    f.finish("SHOW RESTORE FROM d");
    assert_eq!(f.rows("SELECT * FROM t2"), [["1"]]);
    assert_eq!(f.rows("SELECT * FROM t ORDER BY 1"), [["1"], ["2"]]);
}

#[test]
fn auto_increment_may_move_backwards() {
    let mut f = fixture(Profile::V4_1);
    f.run(
        "CREATE TABLE t (id BIGINT NOT NULL AUTO_INCREMENT, v INT) PRIMARY KEY(id) \
         DISTRIBUTED BY HASH(id) BUCKETS 1",
    );
    f.run("INSERT INTO t (v) VALUES (1), (2)");
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (t)");
    let before = f
        .engine
        .catalog
        .find_table("d", "t")
        .unwrap()
        .auto_increment;
    f.run("INSERT INTO t (v) VALUES (3), (4)");
    assert_ne!(
        f.engine
            .catalog
            .find_table("d", "t")
            .unwrap()
            .auto_increment,
        before
    );
    assert_eq!(f.restore("d", "l", "ON (t)"), "[OK]");
    assert_eq!(
        f.engine
            .catalog
            .find_table("d", "t")
            .unwrap()
            .auto_increment,
        before
    );
    assert_eq!(f.restore("d", "l", "ON (t AS t2)"), "[OK]");
    assert_eq!(
        f.engine
            .catalog
            .find_table("d", "t2")
            .unwrap()
            .auto_increment,
        before
    );
}

#[test]
fn list_partitions_are_not_added_and_their_values_not_compared() {
    let mut f = fixture(Profile::V4_1);
    f.run(
        "CREATE TABLE t (c VARCHAR(10) NOT NULL, id INT) DUPLICATE KEY(c) PARTITION BY LIST(c) \
         (PARTITION pa VALUES IN ('a'), PARTITION pb VALUES IN ('b')) DISTRIBUTED BY HASH(c) BUCKETS 1",
    );
    f.run("INSERT INTO t VALUES ('a', 1), ('b', 2)");
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (t)");
    f.run("ALTER TABLE t DROP PARTITION pa FORCE");
    assert_eq!(
        f.restore("d", "l", "ON (t PARTITION (pa))"),
        "[COMMON_ERROR, msg: No partition exist in single partitioned table t]"
    );
    f.run("ALTER TABLE t ADD PARTITION pa VALUES IN ('zzz')");
    assert_eq!(f.restore("d", "l", "ON (t PARTITION (pa))"), "[OK]");
    assert_eq!(
        f.rows("SELECT c, id FROM t ORDER BY id"),
        [["a", "1"], ["b", "2"]]
    );
}

/// A restored history table loses its history to its own properties.
#[test]
fn dynamic_partitions_are_on_again_after_a_restore() {
    let mut f = fixture(Profile::V4_1);
    f.run(
        "CREATE TABLE t (k DATE NOT NULL, id INT) DUPLICATE KEY(k) PARTITION BY RANGE(k) () \
         DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('dynamic_partition.enable' = 'true', \
         'dynamic_partition.time_unit' = 'DAY', 'dynamic_partition.start' = '-1', \
         'dynamic_partition.end' = '1', 'dynamic_partition.prefix' = 'p', \
         'dynamic_partition.buckets' = '1')",
    );
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (t)");
    let day = jiff::SignedDuration::from_hours(24);
    f.run("ALTER TABLE t SET ('dynamic_partition.enable' = 'false')");
    f.engine.clock.advance(day * 5);
    assert_eq!(f.restore("d", "l", "ON (t AS t2)"), "[OK]");
    let names = "SELECT PARTITION_NAME FROM information_schema.partitions_meta \
                 WHERE TABLE_NAME = 't2' ORDER BY 1";
    assert_eq!(f.rows(names), [["p20261121"], ["p20261122"]]);
    f.engine.advance(jiff::SignedDuration::from_mins(11));
    assert_eq!(f.rows(names), [["p20261126"], ["p20261127"]]);
}

#[test]
fn rollups_and_views_come_back() {
    let mut f = fixture(Profile::V4_1);
    f.run("CREATE TABLE t (k INT NOT NULL, a INT, b INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1");
    f.run("INSERT INTO t VALUES (1, 2, 3)");
    f.run("ALTER TABLE t ADD ROLLUP t_a (a, k)");
    f.ticks(40);
    f.run("CREATE VIEW v AS SELECT k FROM t");
    f.backup("d", "BACKUP SNAPSHOT d.l TO r");
    f.run("DROP VIEW v");
    f.run("CREATE VIEW v AS SELECT a FROM t");
    assert_eq!(f.restore("d", "l", "ON (t AS t2, v)"), "[OK]");
    let names = |f: &mut Fixture, table: &str| -> Vec<String> {
        let rows = f.rows(&format!("SHOW PROC '/dbs/d/{table}/index_schema'"));
        rows.into_iter().map(|row| row[1].clone()).collect()
    };
    assert_eq!(names(&mut f, "t"), ["t", "t_a"]);
    assert_eq!(names(&mut f, "t2"), ["t2", "t_a"]);
    same_rows(&mut f, "t", "t2");
    assert_eq!(f.rows("SELECT k FROM v"), [["1"]]);
    assert_eq!(
        f.restore("d", "l", "ON (v AS t2)"),
        "[BAD_REPLACE, msg: Table: t2 has existed and it is not a View]"
    );
    assert_eq!(
        f.restore("d", "l", "ON (t AS v)"),
        "[COMMON_ERROR, msg: Only support restore OLAP table: v]"
    );
}

#[test]
fn the_trap_of_swap_with_statements() {
    let mut f = fixture(Profile::V4_1);
    f.run("CREATE TABLE t (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    f.run("INSERT INTO t VALUES (1)");
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (t)");
    f.run("INSERT INTO t VALUES (2)");
    f.start_restore("d", "l", "ON (t AS t2)");
    f.ticks(3);
    assert!(
        f.fail("ALTER TABLE t2 SWAP WITH t")
            .message
            .contains("restore operation is in progress")
    );
    f.run("ALTER TABLE t SWAP WITH t2");
    f.finish("SHOW RESTORE FROM d");
    assert_eq!(f.fail("SELECT * FROM t").code, 5014);
    f.ticks(1000);
    assert_eq!(f.fail("SELECT * FROM t").code, 5014, "for ever");
    assert_eq!(f.rows("SELECT * FROM t2 ORDER BY 1"), [["1"], ["2"]]);

    // A cancel after the swap drops the new table by its id, under the live name.
    let mut f = fixture(Profile::V4_1);
    f.run("CREATE TABLE t (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (t)");
    f.start_restore("d", "l", "ON (t AS t2)");
    f.ticks(3);
    f.run("ALTER TABLE t SWAP WITH t2");
    f.run("CANCEL RESTORE FROM d");
    assert_eq!(f.rows("SHOW TABLES"), [["t2"]]);
}

/// Statements between submit, pin and end, run by hooks.
#[test]
fn statements_can_be_run_at_every_state() {
    let mut f = fixture(Profile::V3_5);
    f.run("CREATE TABLE t (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    let insert = |value: i32| {
        move |engine: &mut Engine| {
            let sql = format!("INSERT INTO t VALUES ({value})");
            engine.execute_as_root(Some("d"), &sql).unwrap();
        }
    };
    let faults = &mut f.engine.jobs.faults;
    faults.at_state(At::backup("d", BackupState::Pending), insert(1));
    faults.at_state(At::backup("d", BackupState::Snapshoting), insert(2));
    faults.at_state(At::restore("d", RestoreState::Committing), insert(3));
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (t)");
    assert_eq!(f.restore("d", "l", "ON (t AS t2)"), "[OK]");
    assert!(f.engine.jobs.faults.pending().is_empty());
    assert_eq!(f.rows("SELECT * FROM t2"), [["1"]]);
    assert_eq!(f.rows("SELECT * FROM t ORDER BY 1"), [["1"], ["2"], ["3"]]);
}
