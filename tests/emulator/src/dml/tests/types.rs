use super::Fixture;
use crate::Profile;

#[test]
fn every_type_comes_back_as_it_went_in() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run(
        "CREATE TABLE t (id INT NOT NULL, b BOOLEAN, ti TINYINT, si SMALLINT, bi BIGINT, li LARGEINT, \
         f FLOAT, d DOUBLE, dec1 DECIMAL(10, 2), dec2 DECIMAL(38, 10), dt DATE, ts DATETIME, c CHAR(5), \
         v VARCHAR(50), s STRING, j JSON, a ARRAY<INT>, m MAP<INT, VARCHAR(10)>, \
         st STRUCT<x INT, y VARCHAR(10)>, vb VARBINARY) \
         DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
    );
    f.run(
        r#"INSERT INTO t VALUES
           (1, true, -128, 32767, -9223372036854775808, 170141183460469231731687303715884105727,
            0.1, -2.5e10, 1.5, '12345678901234567890.0123456789', '2025-01-02', '2025-01-02 03:04:05.000006',
            'abc', 'it''s \\ "x" \n', '', '{"a": [1, null]}', [1, 2, NULL], map(1, 'x'), row(7, 'y'), 'raw'),
           (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL)"#,
    );
    f.check(
        "SELECT * FROM t WHERE id = 1",
        "1|1|-128|32767|-9223372036854775808|170141183460469231731687303715884105727|0.1|-25000000000|1.50|\
         12345678901234567890.0123456789|2025-01-02|2025-01-02 03:04:05.000006|abc|it's \\ \"x\" \n||\
         {\"a\": [1, null]}|[1,2,null]|{1:\"x\"}|{\"x\":7,\"y\":\"y\"}|raw",
    );
    f.check(
        "SELECT * FROM t WHERE id = 2",
        "2|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL",
    );
    // And through a copy, as overlays and splices make them.
    f.run("CREATE TABLE u LIKE t");
    f.run("INSERT INTO u SELECT * FROM t");
    let original = f.rows("SELECT * FROM t ORDER BY id");
    f.check("SELECT * FROM u ORDER BY id", &original);
    f.check(
        "SELECT a[1], m[1], st.y, j->'a', array_join(a, ',') FROM t WHERE id = 1",
        "1|x|y|[1, null]|1,2",
    );
    f.check(
        "SELECT CAST(to_json(m) AS STRING), hex(vb), CAST(j AS STRING) FROM t WHERE id = 1",
        "{\"1\": \"x\"}|726177|{\"a\": [1, null]}",
    );
}

#[test]
fn wide_numbers_are_exact() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run("CREATE TABLE t (k LARGEINT NOT NULL, v DECIMAL(20, 3)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1");
    f.run("INSERT INTO t VALUES (9223372036854775808, 0.1), (-5, 0.2), (9, 10), (10, 9)");
    f.check(
        "SELECT k FROM t ORDER BY k",
        "-5\n9\n10\n9223372036854775808",
    );
    f.check(
        "SELECT v FROM t ORDER BY v DESC",
        "10.000\n9.000\n0.200\n0.100",
    );
    f.check(
        "SELECT SUM(k), SUM(v), MAX(k), MIN(v) FROM t",
        "9223372036854775822|19.300|9223372036854775808|0.100",
    );
    f.check("SELECT k FROM t WHERE v = 10", "9");
    f.check(
        "SELECT k FROM t WHERE k > 9 AND v < 9.5 ORDER BY k",
        "10\n9223372036854775808",
    );
    f.check(
        "SELECT 0.1 + 0.2, 1.10 * 3, 10.0 / 4, 7.5 % 2",
        "0.3|3.30|2.5000000|1.5",
    );
    f.check("SELECT SUM(CAST(id AS LARGEINT)) FROM (SELECT 9223372036854775807 AS id UNION ALL SELECT 9223372036854775807) x",
        "18446744073709551614");
    f.check(
        "SELECT 1 / 2, 7 % 3, 7 DIV 2, -3 * 4, 1 / 0",
        "0.5|1|3|-12|NULL",
    );
    f.check("SELECT count(*) FROM t WHERE k = 10.0", "1");
}

#[test]
fn texts_compare_by_bytes() {
    let mut f = Fixture::new(Profile::V4_1);
    f.check(
        "SELECT 'a' = 'A', 'a' < 'B', 'ä' > 'z', 'a' = 'a '",
        "0|0|1|0",
    );
    f.check(
        "SELECT 1 = '1', '01' = 1, 'x' = 0, 1.50 = '1.5'",
        "1|1|NULL|1",
    );
}
