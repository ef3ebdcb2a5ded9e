//! Kinds of tables beside those of `kinds`: types, ranges over several columns, values that are NULL.

use super::kinds::Kind;

pub(super) const KINDS: [Kind; 5] = [
    Kind {
        name: "two_columns",
        create: "CREATE TABLE sales.two_columns (d DATE NOT NULL, region INT NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, region, id) \
             PARTITION BY RANGE(d, region) (PARTITION p1 VALUES LESS THAN ('2026-01-02', '5'), \
             PARTITION p2 VALUES LESS THAN ('2026-01-02', '10'), PARTITION p3 VALUES LESS THAN ('2026-01-03', '1000')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.two_columns VALUES ('2026-01-01', 9, 1), ('2026-01-02', 4, 2), ('2026-01-02', 7, 3), ('2026-01-02', 10, 4), ('2026-01-03', 1, 5)",
        change: "INSERT INTO sales.two_columns VALUES ('2026-01-02', 5, 6);\n\
             ALTER TABLE sales.two_columns ADD PARTITION p4 VALUES LESS THAN ('2026-01-04', '0');\n\
             INSERT INTO sales.two_columns VALUES ('2026-01-03', 2147483647, 7)",
        damage: "TRUNCATE TABLE sales.two_columns",
        next: "",
        splice: &["p2", "p4"],
    },
    Kind {
        name: "with_null",
        create: "CREATE TABLE sales.with_null (id INT NOT NULL, city STRING NULL) DUPLICATE KEY(id) \
             PARTITION BY LIST(city) (PARTITION nowhere VALUES IN (NULL), PARTITION west VALUES IN ('la', 'sf')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.with_null VALUES (1, NULL), (2, 'la')",
        change: "INSERT INTO sales.with_null VALUES (3, NULL), (4, 'sf')",
        damage: "TRUNCATE TABLE sales.with_null",
        next: "",
        splice: &["west"],
    },
    Kind {
        name: "hourly",
        create: "CREATE TABLE sales.hourly (d DATETIME NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
             PARTITION BY date_trunc('hour', d) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        // The hours around the one that New York has twice, and the one that it lacks.
        load: "INSERT INTO sales.hourly VALUES ('2026-11-01 00:59:59', 1), ('2026-11-01 01:00:00', 2), ('2026-11-01 02:30:00', 3), ('2026-03-08 02:30:00', 4), ('2026-11-01 04:00:00', 8), ('2026-11-01 05:00:00', 9), ('2026-11-01 06:00:00', 10)",
        change: "INSERT INTO sales.hourly VALUES ('2026-11-01 01:59:59', 5), ('2026-11-01 03:00:00', 6), ('2026-03-08 02:59:59', 7)",
        damage: "TRUNCATE TABLE sales.hourly",
        next: "INSERT INTO sales.hourly VALUES ('2026-11-02 05:00:00', 77)",
        splice: &["p2026110101", "p2026110103"],
    },
    Kind {
        name: "typed",
        create: "CREATE TABLE sales.typed (d DATE NOT NULL, id INT NOT NULL, ok BOOLEAN, t TINYINT, s SMALLINT, b BIGINT, l LARGEINT, \
             f FLOAT, x DOUBLE, m DECIMAL(38, 10), c CHAR(3), at DATETIME, j JSON, a ARRAY<INT>, p MAP<INT, VARCHAR(10)>, \
             st STRUCT<x INT, y VARCHAR(10)>) DUPLICATE KEY(d, id) \
             PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.typed VALUES \
             ('2026-01-01', 1, true, -128, 32767, -9223372036854775808, -170141183460469231731687303715884105728, 0.1, 1e308, \
             '1234567890123456789012345678.0123456789', 'abc', '2026-01-01 00:00:00.000001', '{\"a\": [1, null]}', [1, NULL, 3], map(1, 'a', 2, NULL), row(1, 'x')), \
             ('2026-01-02', 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        change: "INSERT INTO sales.typed VALUES \
             ('2026-01-02', 3, false, 127, -32768, 9223372036854775807, 170141183460469231731687303715884105727, -1.5, 0.1, \
             '-0.0000000001', '', '9999-12-31 23:59:59.999999', '\"NULL\"', [], map(5, ''), row(NULL, 'NULL'))",
        damage: "TRUNCATE TABLE sales.typed",
        next: "INSERT INTO sales.typed (d, id) VALUES ('2026-01-02', 77)",
        splice: &["p1", "p2"],
    },
    Kind {
        name: "sketched",
        create: "CREATE TABLE sales.sketched (d DATE NOT NULL, id INT NOT NULL, seen BITMAP BITMAP_UNION, users HLL HLL_UNION) AGGREGATE KEY(d, id) \
             PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
        load: "INSERT INTO sales.sketched VALUES ('2026-01-01', 1, to_bitmap(1), hll_hash(1)), ('2026-01-02', 2, to_bitmap(2), hll_hash(2))",
        change: "INSERT INTO sales.sketched VALUES ('2026-01-02', 2, to_bitmap(22), hll_hash(22))",
        damage: "INSERT INTO sales.sketched VALUES ('2026-01-02', 2, to_bitmap(99), hll_hash(99)), ('2026-01-01', 1, to_bitmap(9), hll_hash(9))",
        next: "INSERT INTO sales.sketched VALUES ('2026-01-02', 77, to_bitmap(1), hll_hash(1))",
        splice: &[],
    },
];

/// What is shown of its rows: a sketch itself reads as NULL.
pub(super) fn shown(table: &str) -> &'static str {
    match table {
        "sketched" => "d, id, bitmap_to_string(seen), hll_cardinality(users)",
        _ => "*",
    }
}
