use super::Fixture;
use crate::Profile;

#[test]
fn ranges_take_their_rows_and_only_their_versions_rise() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run(
        "CREATE TABLE r (d DATE NOT NULL, v INT) DUPLICATE KEY(d) PARTITION BY RANGE(d) (\
         PARTITION p1 VALUES [('1999-01-01'), ('2025-01-02')), PARTITION p2 VALUES [('2025-01-02'), ('2025-01-03')), \
         PARTITION p3 VALUES [('2025-01-05'), ('2025-01-06'))) DISTRIBUTED BY HASH(d) BUCKETS 1",
    );
    f.run("INSERT INTO r VALUES ('1999-01-01', 1), ('2025-01-01', 2), ('2025-01-02', 3)");
    assert_eq!(f.versions("r"), "p1:2 p2:2 p3:1");
    f.check("SELECT v FROM r PARTITION (p1) ORDER BY v", "1\n2");
    f.check("SELECT v FROM r PARTITIONS (p2, p3)", "3");
    // A gap takes no rows.
    f.fail("INSERT INTO r VALUES ('2025-01-04', 4)");
    f.fail("INSERT INTO r PARTITION (p2) VALUES ('2025-01-01', 4)");
    f.run("INSERT INTO r PARTITION (p3, p2) VALUES ('2025-01-05', 5)");
    assert_eq!(f.versions("r"), "p1:2 p2:2 p3:2");
    let error = f.fail("SELECT * FROM r PARTITION (nope)");
    assert_eq!(
        error.message,
        "Getting analyzing error. Detail message: Unknown partition 'nope' in table 'r'."
    );
}

#[test]
fn ranges_of_numbers_and_of_several_columns() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run(
        "CREATE TABLE n (k INT NOT NULL, v INT) DUPLICATE KEY(k) PARTITION BY RANGE(k) (\
         PARTITION a VALUES LESS THAN ('9'), PARTITION b VALUES LESS THAN ('100'), \
         PARTITION c VALUES LESS THAN (MAXVALUE)) DISTRIBUTED BY HASH(k) BUCKETS 1",
    );
    f.run("INSERT INTO n VALUES (-5, 0), (8, 0), (9, 0), (10, 0), (99, 0), (100, 0), (1000, 0)");
    f.check("SELECT k FROM n PARTITION (a) ORDER BY k", "-5\n8");
    f.check("SELECT k FROM n PARTITION (b) ORDER BY k", "9\n10\n99");
    f.check("SELECT COUNT(*) FROM n PARTITION (c)", "2");
    f.run(
        "CREATE TABLE m (x INT NOT NULL, y INT NOT NULL) DUPLICATE KEY(x, y) PARTITION BY RANGE(x, y) (\
         PARTITION a VALUES LESS THAN ('1', '5'), PARTITION b VALUES LESS THAN ('2', '0')) \
         DISTRIBUTED BY HASH(x) BUCKETS 1",
    );
    f.run("INSERT INTO m VALUES (0, 99), (1, 4), (1, 5), (1, 99)");
    f.check(
        "SELECT x, y FROM m PARTITION (a) ORDER BY 1, 2",
        "0|99\n1|4",
    );
    f.check(
        "SELECT x, y FROM m PARTITION (b) ORDER BY 1, 2",
        "1|5\n1|99",
    );
    f.fail("INSERT INTO m VALUES (2, 0)");
}

#[test]
fn lists_take_their_values() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run(
        "CREATE TABLE l (c VARCHAR(10) NOT NULL, v INT) DUPLICATE KEY(c) PARTITION BY LIST(c) (\
         PARTITION east VALUES IN ('ny', 'boston'), PARTITION west VALUES IN ('la')) \
         DISTRIBUTED BY HASH(c) BUCKETS 1",
    );
    f.run("INSERT INTO l VALUES ('ny', 1), ('boston', 2), ('la', 3)");
    f.check("SELECT v FROM l PARTITION (east) ORDER BY v", "1\n2");
    f.fail("INSERT INTO l VALUES ('sf', 1)");
}

#[test]
fn automatic_tables_grow_partitions() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run(
        "CREATE TABLE e (d DATETIME NOT NULL, v INT) DUPLICATE KEY(d) PARTITION BY date_trunc('day', d) \
         DISTRIBUTED BY HASH(d) BUCKETS 1",
    );
    f.run("INSERT INTO e VALUES ('2025-01-01 10:00:00', 1), ('2025-01-03 00:00:00', 2), ('2025-01-01 23:59:59', 3)");
    assert_eq!(
        f.versions("e"),
        "$shadow_automatic_partition:1 p20250101:2 p20250103:2"
    );
    f.run("INSERT INTO e VALUES ('2025-01-03 12:00:00', 4)");
    assert_eq!(
        f.versions("e"),
        "$shadow_automatic_partition:1 p20250101:2 p20250103:3"
    );
    f.check("SELECT v FROM e PARTITION (p20250103) ORDER BY v", "2\n4");

    f.run(
        "CREATE TABLE a (c VARCHAR(10) NOT NULL, b VARCHAR(10), v INT) DUPLICATE KEY(c) PARTITION BY (c, b) \
         DISTRIBUTED BY HASH(c) BUCKETS 1",
    );
    f.run("INSERT INTO a VALUES ('x', 'y', 1), ('x', NULL, 2), ('x', 'y', 3)");
    assert_eq!(
        f.engine.catalog.table("d", "a").unwrap().partitions.len(),
        3
    );
    f.check("SELECT SUM(v) FROM a PARTITION (px_y)", "4");
}

#[test]
fn overwrite_makes_new_partitions() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run(
        "CREATE TABLE r (d DATE NOT NULL, v INT) DUPLICATE KEY(d) PARTITION BY RANGE(d) (\
         PARTITION p1 VALUES LESS THAN ('2025-01-02'), PARTITION p2 VALUES LESS THAN ('2025-01-03')) \
         DISTRIBUTED BY HASH(d) BUCKETS 1",
    );
    f.run("INSERT INTO r VALUES ('2025-01-01', 1), ('2025-01-02', 2)");
    f.run("INSERT INTO r VALUES ('2025-01-01', 1), ('2025-01-02', 2)");
    let id = |f: &Fixture, name: &str| {
        let table = f.engine.catalog.table("d", "r").unwrap();
        table.partitions.get(name).unwrap().physical_id
    };
    let (p1, p2) = (id(&f, "p1"), id(&f, "p2"));
    f.run("INSERT OVERWRITE r PARTITION (p2) SELECT d, v * 10 FROM r PARTITION (p2)");
    assert_eq!(id(&f, "p1"), p1);
    assert_ne!(id(&f, "p2"), p2);
    assert_eq!(f.versions("r"), "p1:3 p2:2");
    f.check("SELECT v FROM r ORDER BY v", "1\n1\n20\n20");
    f.run("INSERT OVERWRITE r VALUES ('2025-01-01', 5)");
    assert_eq!(f.versions("r"), "p1:2 p2:1");
    f.check("SELECT v FROM r", "5");
}

#[test]
fn temporary_partitions_stay_apart() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run(
        "CREATE TABLE r (d DATE NOT NULL, v INT) DUPLICATE KEY(d) PARTITION BY RANGE(d) (\
         PARTITION p1 VALUES LESS THAN ('2025-01-02')) DISTRIBUTED BY HASH(d) BUCKETS 1",
    );
    f.run("INSERT INTO r VALUES ('2025-01-01', 1)");
    f.run("ALTER TABLE r ADD TEMPORARY PARTITION tp VALUES LESS THAN ('2025-01-02')");
    f.run("INSERT INTO r TEMPORARY PARTITION (tp) SELECT d, v + 1 FROM r PARTITION (p1)");
    f.check("SELECT v FROM r", "1");
    f.check("SELECT v FROM r TEMPORARY PARTITION (tp)", "2");
    f.run("ALTER TABLE r REPLACE PARTITION (p1) WITH TEMPORARY PARTITION (tp)");
    f.check("SELECT v FROM r", "2");
    f.check("SELECT v FROM r PARTITION (p1)", "2");
    f.run("TRUNCATE TABLE r");
    f.check("SELECT COUNT(*) FROM r", "0");
}
