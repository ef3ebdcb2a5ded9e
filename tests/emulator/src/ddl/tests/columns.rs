//! Rows through changes of columns.

use rusqlite::types::Value;

use super::support::{Fixture, int, text};
use crate::{Profile, catalog::TableState};

/// A DUPLICATE KEY table `t (k INT, v INT, s VARCHAR(10))` with two rows.
fn with_rows() -> Fixture {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(
        "CREATE TABLE t (k INT NOT NULL, v INT, s VARCHAR(10)) DUPLICATE KEY(k) \
         DISTRIBUTED BY HASH(k) BUCKETS 1",
    );
    fe.load(
        "t",
        "t",
        vec![
            vec![int(1), int(10), text("a")],
            vec![int(2), Value::Null, text("b")],
        ],
    );
    fe
}

#[test]
fn new_column_has_its_default_in_old_rows() {
    let mut fe = with_rows();
    fe.run("ALTER TABLE t ADD COLUMN n INT DEFAULT \"7\" AFTER k");
    fe.run("ALTER TABLE t ADD COLUMN (x STRING, y DATETIME)");
    assert_eq!(
        fe.rows("SELECT * FROM t ORDER BY k"),
        [
            ["1", "7", "10", "a", "NULL", "NULL"],
            ["2", "7", "NULL", "b", "NULL", "NULL"]
        ]
    );
    assert_eq!(
        fe.column("SHOW ALTER TABLE COLUMN FROM d", "State"),
        ["FINISHED", "FINISHED"]
    );
    assert_eq!(fe.table("t").indexes[0].schema_version, 2);
}

/// What a backup must notice: the definition is the same, the data is not.
#[test]
fn column_dropped_and_added_again_is_another_column() {
    let mut fe = with_rows();
    let before = fe.rows("SHOW CREATE TABLE t");
    fe.run("ALTER TABLE t DROP COLUMN v");
    fe.run("ALTER TABLE t ADD COLUMN v INT AFTER k");
    assert_eq!(fe.rows("SHOW CREATE TABLE t"), before);
    assert_eq!(
        fe.rows("SELECT k, v, s FROM t ORDER BY k"),
        [["1", "NULL", "a"], ["2", "NULL", "b"]]
    );
    assert_eq!(
        fe.column("SHOW PROC '/dbs/d/t/index_schema'", "SchemaVersion"),
        ["2"]
    );
    let partition = fe.table("t").partitions.get("t").unwrap();
    assert_eq!(partition.visible_version, 2);
}

#[test]
fn change_of_type_is_a_job() {
    let mut fe = with_rows();
    let index = fe.table("t").indexes[0].id;
    fe.run("ALTER TABLE t MODIFY COLUMN v VARCHAR(20)");
    assert_eq!(fe.table("t").state, TableState::SchemaChange);
    let error = fe.fail("ALTER TABLE t ADD COLUMN z INT");
    assert!(
        error
            .message
            .starts_with("A schema change operation is in progress on the table t."),
        "{}",
        error.message
    );
    let mut states = Vec::new();
    for _ in 0..4 {
        states.extend(fe.column("SHOW ALTER TABLE COLUMN FROM d", "State"));
        fe.tick(1);
    }
    assert_eq!(states, ["PENDING", "WAITING_TXN", "RUNNING", "FINISHED"]);
    assert_eq!(fe.table("t").state, TableState::Normal);
    assert_ne!(fe.table("t").indexes[0].id, index);
    assert_eq!(fe.rows("SELECT v FROM t ORDER BY k"), [["10"], ["NULL"]]);
    assert_eq!(fe.rows("DESC t")[1][1], "varchar(20)");
}

#[test]
fn cancelled_change_leaves_the_table_as_it_was() {
    let mut fe = with_rows();
    let before = fe.rows("SHOW CREATE TABLE t");
    fe.run("ALTER TABLE t MODIFY COLUMN v BIGINT");
    fe.run("CANCEL ALTER TABLE COLUMN FROM t");
    fe.tick(5);
    assert_eq!(fe.rows("SHOW CREATE TABLE t"), before);
    assert_eq!(
        fe.column("SHOW ALTER TABLE COLUMN FROM d", "State"),
        ["CANCELLED"]
    );
}

#[test]
fn renamed_column_keeps_its_values() {
    let mut fe = with_rows();
    fe.run("ALTER TABLE t RENAME COLUMN s TO name");
    assert_eq!(
        fe.rows("SELECT k, name FROM t ORDER BY k"),
        [["1", "a"], ["2", "b"]]
    );
    fe.run("ALTER TABLE t RENAME COLUMN k TO id");
    assert_eq!(fe.table("t").key_columns, ["id"]);
    assert_eq!(fe.rows("SELECT id FROM t ORDER BY id"), [["1"], ["2"]]);
}

/// The encoded key is rebuilt, so that later loads still replace.
#[test]
fn keys_hold_after_a_change() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(
        "CREATE TABLE p (k INT NOT NULL, v INT) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1",
    );
    fe.load("p", "p", vec![vec![int(1), int(1)], vec![int(2), int(2)]]);
    fe.run("ALTER TABLE p ADD COLUMN w INT DEFAULT \"5\"");
    fe.load("p", "p", vec![vec![int(2), int(20), int(6)]]);
    assert_eq!(
        fe.rows("SELECT * FROM p ORDER BY k"),
        [["1", "1", "5"], ["2", "20", "6"]]
    );
}

#[test]
fn refused_changes_say_why() {
    let mut fe = with_rows();
    let rows = [
        (
            "ALTER TABLE t ADD COLUMN v INT",
            "Can not add column which already exists in column id: v, you can remove `v` int(11) NULL COMMENT \"\" and try again.",
        ),
        (
            "ALTER TABLE t DROP COLUMN nope",
            "Column does not exists: nope",
        ),
        (
            "ALTER TABLE t DROP COLUMN k",
            "Distribution column[k] cannot be dropped",
        ),
        (
            "ALTER TABLE t MODIFY COLUMN s VARCHAR(5)",
            "Cannot shorten string length",
        ),
        (
            "ALTER TABLE t MODIFY COLUMN s BITMAP",
            "Can not change VARCHAR to BITMAP",
        ),
        (
            "ALTER TABLE t ADD COLUMN z INT AFTER nope",
            "Column[nope] does not found",
        ),
    ];
    for (sql, message) in rows {
        assert_eq!(fe.fail(sql).message, message, "{sql}");
    }
}

#[test]
fn without_fast_evolution_a_new_column_is_a_job() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(
        "CREATE TABLE t (k INT NOT NULL) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 \
         PROPERTIES(\"fast_schema_evolution\"=\"false\")",
    );
    fe.run("ALTER TABLE t ADD COLUMN n INT");
    assert_eq!(fe.rows("DESC t").len(), 1);
    fe.tick(3);
    assert_eq!(fe.rows("DESC t").len(), 2);
}
