use super::Fixture;
use crate::Profile;

#[test]
fn primary_keys_take_the_last_row() {
    let mut f = Fixture::new(Profile::V3_5);
    f.run("CREATE TABLE p (id INT NOT NULL, v INT, w VARCHAR(5) DEFAULT \"d\") PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    let ok = f.ok("INSERT INTO p VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 3, 'c')");
    assert_eq!(ok.affected, 3);
    f.check("SELECT * FROM p ORDER BY id", "1|2|b\n2|3|c");
    // 3.5 fills the columns that an INSERT leaves out with their defaults.
    f.run("INSERT INTO p (id, v) VALUES (1, 9)");
    f.check("SELECT * FROM p WHERE id = 1", "1|9|d");

    let ok = f.ok("UPDATE p SET v = v + 1, w = concat(w, '!') WHERE id <= 2");
    assert_eq!(ok.affected, 2);
    assert!(ok.info.starts_with("{'label':'update_"), "{ok:?}");
    f.check("SELECT * FROM p ORDER BY id", "1|10|d!\n2|4|c!");
    let ok = f.ok("UPDATE p SET v = 0 WHERE id = 77");
    assert_eq!(ok.affected, 0);
    let before = f.versions("p");
    f.run("UPDATE p SET v = 0 WHERE id = 77");
    assert_eq!(f.versions("p"), before);

    let ok = f.ok("DELETE FROM p WHERE v > 5");
    assert_eq!(ok.affected, 1);
    f.check("SELECT * FROM p", "2|4|c!");
    for (sql, message) in [
        (
            "UPDATE p SET id = 3 WHERE id = 2",
            "Getting analyzing error. Detail message: primary key column cannot be updated: id.",
        ),
        (
            "DELETE FROM p",
            "Getting analyzing error. Detail message: Delete must specify where clause to prevent full table delete.",
        ),
    ] {
        assert_eq!(f.fail(sql).message, message);
    }
}

#[test]
fn a_partial_insert_keeps_other_columns_in_4_1() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run("CREATE TABLE p (id INT NOT NULL, v INT, w VARCHAR(5) DEFAULT \"d\") PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    f.run("INSERT INTO p VALUES (1, 1, 'a')");
    f.run("INSERT INTO p (id, v) VALUES (1, 9), (2, 8)");
    f.check("SELECT * FROM p ORDER BY id", "1|9|a\n2|8|d");
}

#[test]
fn unique_keys_replace_and_null_is_a_key() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run("CREATE TABLE u (k INT, v INT) UNIQUE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1");
    f.run("INSERT INTO u VALUES (NULL, 1), (1, 1)");
    f.run("INSERT INTO u VALUES (NULL, 2)");
    f.check("SELECT * FROM u ORDER BY k", "NULL|2\n1|1");
    let error = f.fail("UPDATE u SET v = 1 WHERE k = 1");
    assert_eq!(error.message, "table u does not support update");
    let ok = f.ok("DELETE FROM u WHERE k = 1");
    assert_eq!((ok.affected, ok.info.as_str()), (0, ""));
    f.check("SELECT * FROM u", "NULL|2");
}

#[test]
fn aggregate_keys_aggregate() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run(
        "CREATE TABLE a (k INT, s BIGINT SUM, d DECIMAL(10, 2) SUM, lo INT MIN, hi VARCHAR(5) MAX, r INT REPLACE, \
         n INT REPLACE_IF_NOT_NULL, b BITMAP BITMAP_UNION, h HLL HLL_UNION) AGGREGATE KEY(k) \
         DISTRIBUTED BY HASH(k) BUCKETS 1",
    );
    f.run("INSERT INTO a VALUES (1, 5, 0.10, 5, 'b', 1, 1, to_bitmap(1), hll_hash('x'))");
    f.run("INSERT INTO a VALUES (1, 6, 0.20, 4, 'a', 2, NULL, to_bitmap(2), hll_hash('x')), (2, NULL, NULL, NULL, NULL, NULL, NULL, bitmap_empty(), hll_empty())");
    f.check(
        "SELECT k, s, d, lo, hi, r, n, bitmap_to_string(b), hll_cardinality(h) FROM a ORDER BY k",
        "1|11|0.30|4|b|2|1|1,2|1\n2|NULL|NULL|NULL|NULL|NULL|NULL||0",
    );
    f.check("SELECT b, h FROM a WHERE k = 1", "NULL|NULL");
    f.check(
        "SELECT bitmap_union_count(b), hll_union_agg(h) FROM a",
        "2|1",
    );
}

#[test]
fn update_joins_and_subqueries() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run(
        "CREATE TABLE p (id INT NOT NULL, v INT) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
    );
    f.run("CREATE TABLE q LIKE p");
    f.run("INSERT INTO p VALUES (1, 1), (2, 2), (3, 3)");
    f.run("INSERT INTO q VALUES (1, 10), (3, 30)");
    f.run("UPDATE p SET v = q.v FROM q WHERE p.id = q.id");
    f.check("SELECT * FROM p ORDER BY id", "1|10\n2|2\n3|30");
    f.run("DELETE FROM p WHERE id IN (SELECT id FROM q WHERE v > 10)");
    f.run("DELETE FROM p USING q WHERE p.id = q.id");
    f.check("SELECT * FROM p", "2|2");
}

#[test]
fn rows_follow_changes_of_columns() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run("CREATE TABLE p (id INT NOT NULL, v INT, w VARCHAR(5)) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    f.run("INSERT INTO p VALUES (1, 10, 'a'), (2, NULL, 'b')");
    f.run("ALTER TABLE p ADD COLUMN x DECIMAL(5, 2) DEFAULT \"1.5\"");
    f.run("ALTER TABLE p ADD COLUMN t DATETIME DEFAULT CURRENT_TIMESTAMP");
    f.check(
        "SELECT * FROM p ORDER BY id",
        "1|10|a|1.50|2026-11-21 10:00:00\n2|NULL|b|1.50|2026-11-21 10:00:00",
    );
    f.run("ALTER TABLE p DROP COLUMN t");
    f.run("ALTER TABLE p RENAME COLUMN w TO z");
    f.run("UPDATE p SET z = 'c' WHERE id = 2");
    f.check("SELECT z FROM p ORDER BY id", "a\nc");
    f.run("ALTER TABLE p MODIFY COLUMN v BIGINT");
    f.advance(60);
    f.run("INSERT INTO p (id, v) VALUES (1, 3000000000)");
    f.check("SELECT id, v FROM p ORDER BY id", "1|3000000000\n2|NULL");
    f.run("ALTER TABLE p DROP COLUMN z");
    f.run("ALTER TABLE p ADD COLUMN z VARCHAR(5)");
    f.check(
        "SELECT * FROM p ORDER BY id",
        "1|3000000000|1.50|NULL\n2|NULL|1.50|NULL",
    );
    f.run("ALTER TABLE p ADD COLUMN g BIGINT AS v * 2");
    f.advance(60);
    f.check("SELECT id, g FROM p ORDER BY id", "1|6000000000\n2|NULL");
    f.run("UPDATE p SET v = 4 WHERE id = 2");
    f.check("SELECT id, g FROM p ORDER BY id", "1|6000000000\n2|8");
}

#[test]
fn names_may_change_and_rows_stay() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run("CREATE TABLE a (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    f.run("CREATE TABLE b LIKE a");
    f.run("INSERT INTO a VALUES (1)");
    f.run("INSERT INTO b VALUES (2), (3)");
    f.run("ALTER TABLE a SWAP WITH b");
    f.check("SELECT id FROM a ORDER BY id", "2\n3");
    f.run("ALTER TABLE a RENAME c");
    f.check("SELECT COUNT(*) FROM c", "2");
    f.run("DROP TABLE c FORCE");
    assert_eq!(f.fail("SELECT * FROM c").code, 5502);
    f.check("SELECT id FROM b", "1");
}

#[test]
fn views_are_read_in_their_own_database() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run("CREATE TABLE a (id INT NOT NULL, v INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    f.run("INSERT INTO a VALUES (1, 5), (2, 6)");
    f.run("CREATE VIEW w (x, y) AS SELECT id, v * 2 FROM a WHERE v > 5");
    f.run("CREATE DATABASE e");
    f.run("USE e");
    f.check("SELECT y FROM d.w", "12");
    f.check("SELECT t.x FROM d.w AS t WHERE t.y = 12", "2");
    f.fail("INSERT INTO d.w VALUES (1, 1)");

    f.run("CREATE USER reader IDENTIFIED BY 'x'");
    f.run("GRANT SELECT ON VIEW d.w TO USER reader");
    f.session.identity = crate::privileges::Identity::new("reader", "%");
    f.check("SELECT y FROM d.w", "12");
    assert_eq!(f.fail("SELECT * FROM d.a").code, 5203);
}

#[test]
fn sizes_follow_the_rows() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run("CREATE TABLE p (id INT NOT NULL, v VARCHAR(100)) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    let size = |f: &Fixture| {
        let table = f.engine.catalog.table("d", "p").unwrap();
        let partition = table.partitions.iter().next().unwrap();
        let size = f.engine.rows.size(partition.physical_id);
        (size.rows, size.bytes)
    };
    assert_eq!(size(&f), (0, 0));
    for _ in 0..3 {
        f.run("INSERT INTO p VALUES (1, '123456789012'), (2, '123456789012')");
    }
    assert_eq!(size(&f), (2, 40));
    f.run("DELETE FROM p WHERE id = 1");
    assert_eq!(size(&f), (1, 20));
    f.run("TRUNCATE TABLE p");
    assert_eq!(size(&f), (0, 0));
}
