use std::{fmt::Write, time::Instant};

use super::Fixture;
use crate::Profile;

/// A debug build takes half a second at most; this leaves room for a busy machine.
const LIMIT_SECONDS: f64 = 3.0;

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    let seconds = started.elapsed().as_secs_f64();
    assert!(seconds < LIMIT_SECONDS, "{what} took {seconds:.2} s");
    result
}

/// 10,000 rows of 20 columns, as a manifest is written.
#[test]
fn a_full_insert_is_fast() {
    let mut f = Fixture::new(Profile::V4_1);
    let columns: Vec<String> = (0..19)
        .map(|at| match at % 4 {
            0 => format!("c{at} BIGINT"),
            1 => format!("c{at} VARCHAR(100)"),
            2 => format!("c{at} DATETIME"),
            _ => format!("c{at} DECIMAL(20, 2)"),
        })
        .collect();
    f.run(&format!(
        "CREATE TABLE m (id VARCHAR(40) NOT NULL, {}) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
        columns.join(", ")
    ));
    let mut sql = String::from("INSERT INTO m VALUES ");
    for row in 0..10_000 {
        if row > 0 {
            sql.push(',');
        }
        write!(sql, "('{row:032}'").unwrap();
        for at in 0..19 {
            match at % 4 {
                0 => write!(sql, ",{}", row * at),
                1 => write!(sql, ",'p2025{row:04}_some_name_of_a_partition'"),
                2 if at == 2 => write!(sql, ",UTC_TIMESTAMP()"),
                2 => write!(sql, ",'2025-01-02 03:04:05'"),
                _ => write!(sql, ",{row}.25"),
            }
            .unwrap();
        }
        sql.push(')');
    }
    timed("INSERT of 10,000 rows", || f.run(&sql));
    for copy in 1..10 {
        f.run(&format!("INSERT INTO m SELECT concat('{copy}', id), c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18 FROM m WHERE length(id) = 32"));
    }
    timed("a query over 100,000 rows", || {
        f.check(
            "SELECT COUNT(*), SUM(c3), MAX(c1) FROM m WHERE c0 >= 0 AND c6 = '2025-01-02 03:04:05'",
            "100000|499975000.00|p20259999_some_name_of_a_partition",
        );
    });
    timed("a full fetch of 10,000 rows", || {
        f.rows("SELECT * FROM m WHERE length(id) = 32 ORDER BY id")
    });
}

/// What a plan reads of a table with 10,000 partitions.
#[test]
fn ten_thousand_partitions_are_read_fast() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run(
        "CREATE TABLE p (d INT NOT NULL, v INT) DUPLICATE KEY(d) PARTITION BY RANGE(d) (\
         START ('0') END ('10000') EVERY (1)) DISTRIBUTED BY HASH(d) BUCKETS 1",
    );
    let rows: Vec<String> = (0..10_000).map(|d| format!("({d}, {d})")).collect();
    let insert = format!("INSERT INTO p VALUES {}", rows.join(","));
    timed("INSERT into 10,000 partitions", || f.run(&insert));
    timed("partitions_meta", || {
        f.check(
            "SELECT COUNT(*), SUM(ROW_COUNT), MIN(VISIBLE_VERSION) FROM information_schema.partitions_meta \
             WHERE DB_NAME = 'd' AND IS_TEMP = 0 AND PARTITION_NAME NOT LIKE '$%'",
            "10000|10000|2",
        );
    });
}
