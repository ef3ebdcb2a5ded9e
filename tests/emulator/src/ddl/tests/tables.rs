//! Tables and views as they are shown.

use super::support::{Fixture, int};
use crate::{Profile, catalog::TableKind, information_schema};

const TABLES: [&str; 9] = [
    "CREATE TABLE t1 (k INT NOT NULL COMMENT \"the \\\"key\\\"\", v VARCHAR(20) DEFAULT \"a\\\"b\") \
     DUPLICATE KEY(k) COMMENT \"c\" DISTRIBUTED BY HASH(k) BUCKETS 3",
    "CREATE TABLE t2 (k DATE NOT NULL, v STRING) DUPLICATE KEY(k) PARTITION BY RANGE(k) \
     (PARTITION p1 VALUES LESS THAN (\"2025-01-02\"), PARTITION pmax VALUES LESS THAN (MAXVALUE)) \
     DISTRIBUTED BY HASH(k) BUCKETS 1",
    "CREATE TABLE t3 (c VARCHAR(10) NOT NULL, d INT NOT NULL) DUPLICATE KEY(c, d) PARTITION BY LIST(c, d) \
     (PARTITION p1 VALUES IN ((\"a\", \"1\"), (\"b\", \"2\"))) DISTRIBUTED BY RANDOM BUCKETS 2",
    "CREATE TABLE t4 (d DATETIME NOT NULL, v INT) DUPLICATE KEY(d) PARTITION BY date_trunc('month', d) \
     DISTRIBUTED BY HASH(d)",
    "CREATE TABLE t5 (a VARCHAR(10), b DATE) DUPLICATE KEY(a) PARTITION BY (a, b) DISTRIBUTED BY HASH(a) BUCKETS 1",
    "CREATE TABLE t6 (id BIGINT NOT NULL AUTO_INCREMENT, v DECIMAL(18, 2), g BIGINT AS id + 1 COMMENT \"sum\", \
     ts DATETIME DEFAULT CURRENT_TIMESTAMP) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 ORDER BY(v) \
     PROPERTIES(\"enable_persistent_index\"=\"false\")",
    "CREATE TABLE t7 (k INT, s BIGINT SUM DEFAULT \"0\", h HLL HLL_UNION, r ARRAY<INT> REPLACE) AGGREGATE KEY(k) \
     DISTRIBUTED BY HASH(k) BUCKETS 1",
    "CREATE TABLE t8 (k INT, m MAP<STRING, STRUCT<a INT, b ARRAY<DATE>>>, j JSON) UNIQUE KEY(k) \
     DISTRIBUTED BY HASH(k) BUCKETS 1",
    "CREATE TABLE `odd name é` (`from` INT, `a b` LARGEINT) DISTRIBUTED BY HASH(`from`) BUCKETS 1",
];

/// What SHOW CREATE TABLE prints makes the same table.
#[test]
fn shown_definitions_define_the_same() {
    for profile in Profile::ALL {
        let mut fe = Fixture::new(profile);
        for sql in TABLES {
            fe.run(sql);
        }
        for name in fe.column("SHOW TABLES", "Tables_in_d") {
            let shown = fe.rows(&format!("SHOW CREATE TABLE `{name}`"))[0][1].clone();
            fe.run(&format!("DROP TABLE `{name}` FORCE"));
            fe.run(&shown);
            let again = fe.rows(&format!("SHOW CREATE TABLE `{name}`"))[0][1].clone();
            assert_eq!(shown, again);
        }
    }
}

/// Every row of every table of the information schema is as wide as DESC says.
#[test]
fn information_schema_rows_fit_their_columns() {
    for profile in Profile::ALL {
        let mut fe = Fixture::new(profile);
        for sql in TABLES {
            fe.run(sql);
        }
        fe.run("CREATE VIEW vw AS SELECT k FROM t1");
        fe.run("CREATE MATERIALIZED VIEW mv REFRESH MANUAL AS SELECT k FROM t1");
        let filled = [
            "be_tablets",
            "columns",
            "materialized_views",
            "partitions_meta",
            "schemata",
            "tables",
            "tables_config",
            "views",
        ];
        for table in filled {
            let (columns, rows) = fe.engine.information_schema(&fe.session, table).unwrap();
            assert_eq!(
                columns.len(),
                information_schema::columns(profile, table).unwrap().len()
            );
            assert!(!rows.is_empty(), "{table}");
            for row in rows {
                assert_eq!(row.len(), columns.len(), "{table}: {row:?}");
            }
        }
    }
}

#[test]
fn partitions_meta_tells_versions_and_temporary_partitions() {
    let mut fe = Fixture::new(Profile::V4_1);
    for sql in TABLES {
        fe.run(sql);
    }
    fe.run("ALTER TABLE t2 ADD TEMPORARY PARTITION tp VALUES LESS THAN (\"2025-01-02\")");
    fe.load("t1", "t1", vec![vec![int(1), "x".to_owned().into()]]);
    let id = fe.table("t1").partitions.get("t1").unwrap().physical_id;
    assert_eq!(
        fe.rows(
            "SELECT PARTITION_ID, VISIBLE_VERSION, NEXT_VERSION, ROW_COUNT, BUCKETS, VISIBLE_VERSION_TIME \
             FROM information_schema.partitions_meta WHERE DB_NAME = 'd' AND TABLE_NAME = 't1'"
        ),
        [[&id.to_string(), "2", "3", "1", "3", "2026-11-21 10:00:00"]]
    );
    assert_eq!(
        fe.rows(
            "SELECT PARTITION_NAME, IS_TEMP, PARTITION_VALUE FROM information_schema.partitions_meta \
             WHERE TABLE_NAME IN ('t2', 't5') ORDER BY PARTITION_NAME"
        ),
        [
            ["$shadow_automatic_partition", "0", ""],
            ["p1", "0", "[types: [DATE]; keys: [0000-01-01]; ..types: [DATE]; keys: [2025-01-02]; )"],
            ["pmax", "0", "[types: [DATE]; keys: [2025-01-02]; ..types: [DATE]; keys: [MAXVALUE]; )"],
            ["tp", "1", "[types: [DATE]; keys: [0000-01-01]; ..types: [DATE]; keys: [2025-01-02]; )"],
        ]
    );
}

#[test]
fn dropped_tables_can_be_recovered() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(TABLES[0]);
    fe.load("t1", "t1", vec![vec![int(1), "x".to_owned().into()]]);
    fe.run("DROP TABLE t1");
    fe.run(TABLES[0]);
    fe.fail("RECOVER TABLE t1");
    fe.run("DROP TABLE t1 FORCE");
    fe.run("RECOVER TABLE t1");
    assert_eq!(fe.rows("SELECT k FROM t1"), [["1"]]);
    fe.run("DROP DATABASE d");
    fe.run("RECOVER DATABASE d");
    assert_eq!(fe.rows("SELECT k FROM t1"), [["1"]]);
    fe.run("DROP TABLE t1");
    fe.days(2);
    fe.fail("RECOVER TABLE t1");
    fe.run("DROP DATABASE d FORCE");
    fe.fail("RECOVER DATABASE d");
}

#[test]
fn views_are_kept_with_qualified_names() {
    let rows = [
        ("SELECT k FROM t1", "SELECT `d`.`t1`.`k`\nFROM `d`.`t1`"),
        (
            "select k, v + 1 as v1 from t1 where k > 0 and v in ('a', 'b') order by k limit 3",
            "SELECT `d`.`t1`.`k`, `d`.`t1`.`v` + 1 AS `v1`\nFROM `d`.`t1`\nWHERE `d`.`t1`.`k` > 0 AND \
             `d`.`t1`.`v` IN ('a', 'b')\nORDER BY `d`.`t1`.`k`\nLIMIT 3",
        ),
        (
            "SELECT x.k, count(*) AS n FROM t1 x JOIN d.t2 AS y ON x.v = y.v GROUP BY x.k",
            "SELECT `x`.`k`, count(*) AS `n`\nFROM `d`.`t1` AS `x` JOIN `d`.`t2` AS `y` ON `x`.`v` = `y`.`v`\n\
             GROUP BY `x`.`k`",
        ),
    ];
    let mut fe = Fixture::new(Profile::V3_5);
    fe.run(TABLES[0]);
    fe.run(TABLES[1]);
    for (query, expected) in rows {
        fe.run(&format!("CREATE OR REPLACE VIEW vw AS {query}"));
        let TableKind::View { definition, typed } = &fe.table("vw").kind else {
            panic!("not a view");
        };
        assert_eq!(definition, expected);
        assert_eq!(typed, query);
        fe.rows("SELECT * FROM vw");
    }
}

#[test]
fn busy_tables_take_no_alter() {
    let mut fe = Fixture::new(Profile::V3_3);
    fe.run(TABLES[0]);
    fe.run(TABLES[1]);
    fe.run("ALTER TABLE t1 ADD ROLLUP r1 (v, k)");
    let error = fe.fail("ALTER TABLE t1 RENAME z");
    assert!(
        error.message.starts_with(
            "A materialized view or rollup index is being created on the table \"t1\""
        ),
        "{}",
        error.message
    );
    fe.tick(4);
    assert_eq!(
        fe.column("SHOW PROC '/dbs/d/t1/index_schema'", "IndexName"),
        ["t1", "r1"]
    );
    fe.run("ALTER TABLE t1 RENAME z");
}

#[test]
fn table_of_a_query_has_its_columns_and_rows() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(TABLES[0]);
    fe.load("t1", "t1", vec![vec![int(1), "x".to_owned().into()]]);
    fe.run(
        "CREATE TABLE c1 PROPERTIES(\"replication_num\"=\"1\") AS SELECT k, v, k + 1 AS n FROM t1",
    );
    assert_eq!(fe.rows("SELECT * FROM c1"), [["1", "x", "2"]]);
    assert_eq!(
        fe.column("DESC c1", "Type"),
        ["int", "varchar(20)", "bigint"]
    );
    fe.run("CREATE TABLE c2 (a, b) AS SELECT k, v FROM t1");
    assert_eq!(fe.column("DESC c2", "Field"), ["a", "b"]);
    fe.fail("CREATE TABLE c3 AS SELECT nope FROM t1");
    fe.fail("SHOW CREATE TABLE c3");
}

#[test]
fn materialized_view_holds_what_its_query_answered() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(TABLES[0]);
    fe.load("t1", "t1", vec![vec![int(1), "x".to_owned().into()]]);
    fe.run(
        "CREATE MATERIALIZED VIEW mv REFRESH MANUAL AS SELECT k, count(*) AS n FROM t1 GROUP BY k",
    );
    assert_eq!(fe.rows("SELECT * FROM mv"), [["1", "1"]]);
    fe.load("t1", "t1", vec![vec![int(1), "y".to_owned().into()]]);
    assert_eq!(fe.rows("SELECT * FROM mv"), [["1", "1"]]);
    fe.run("REFRESH MATERIALIZED VIEW mv");
    assert_eq!(fe.rows("SELECT * FROM mv"), [["1", "2"]]);
    fe.run("ALTER TABLE t1 RENAME t1_old");
    assert_eq!(
        fe.column("SHOW MATERIALIZED VIEWS", "inactive_reason"),
        ["base-table renamed: t1"]
    );
    fe.fail("REFRESH MATERIALIZED VIEW mv");
}

#[test]
fn disks_of_a_backend_are_listed() {
    let mut fe = Fixture::new(Profile::V4_1);
    let id = fe.column("SHOW BACKENDS", "BackendId").remove(0);
    assert_eq!(
        fe.column(&format!("SHOW PROC '/backends/{id}'"), "AvailCapacity"),
        fe.column("SHOW BACKENDS", "AvailCapacity")
    );
    fe.fail("SHOW PROC '/backends/1'");
}

#[test]
fn names_of_other_catalogs_are_refused() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(TABLES[0]);
    assert_eq!(fe.rows("DESC default_catalog.d.t1").len(), 2);
    let error = fe.fail("DESC hive.d.t1");
    assert!(error.message.contains("Unknown catalog 'hive'"));
}

#[test]
fn loads_and_runs_of_tasks_are_listed() {
    for profile in Profile::ALL {
        let mut fe = Fixture::new(profile);
        fe.run(TABLES[0]);
        fe.run("INSERT INTO t1 WITH LABEL first VALUES (1, 'a'), (2, 'b')");
        assert_eq!(
            fe.rows("SELECT STATE, SINK_ROWS FROM information_schema.loads WHERE LABEL = 'first'"),
            [["FINISHED", "2"]]
        );
        fe.run("SUBMIT TASK copy AS INSERT INTO t1 SELECT k + 10, v FROM t1");
        for _ in 0..5 {
            fe.tick(1);
        }
        assert_eq!(
            fe.rows("SELECT STATE FROM information_schema.task_runs WHERE TASK_NAME = 'copy'"),
            [["SUCCESS"]]
        );
        assert_eq!(fe.rows("SELECT count(*) FROM t1"), [["4"]]);
    }
}

/// Nearly any text names a table; NUL and more than 1,024 characters do not.
#[test]
fn names_of_tables_and_views() {
    let mut fe = Fixture::new(Profile::V4_1);
    let columns = "(k INT) DISTRIBUTED BY HASH(k) BUCKETS 1";
    let longest = "é".repeat(1_024);
    for name in ["it's; -- \"x\"", "%", "new\nline", "1", longest.as_str()] {
        fe.run(&format!("CREATE TABLE `{name}` {columns}"));
    }
    fe.run(&format!("CREATE TABLE t {columns}"));
    for name in ["a\0b", &format!("{longest}é")] {
        for statement in [
            format!("CREATE TABLE `{name}` {columns}"),
            format!("CREATE VIEW `{name}` AS SELECT k FROM t"),
            format!("ALTER TABLE t RENAME `{name}`"),
        ] {
            assert_eq!(fe.fail(&statement).code, 1103, "{statement:?}");
        }
    }
}
