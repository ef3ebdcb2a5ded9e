use super::Fixture;
use crate::{
    Profile,
    reply::{Column, WireType},
};

fn fixture() -> Fixture {
    let mut fixture = Fixture::new(Profile::V4_1);
    fixture.run(
        "CREATE TABLE sales (id INT NOT NULL, city VARCHAR(20), amount DECIMAL(10, 2), day DATE) \
         DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
    );
    fixture.run(
        "INSERT INTO sales VALUES (1, 'ny', 10.10, '2025-01-01'), (2, 'ny', 9.90, '2025-01-02'), \
         (3, 'la', 100, '2025-01-02'), (4, NULL, NULL, NULL)",
    );
    fixture.run(
        "CREATE TABLE cities (name VARCHAR(20) NOT NULL, state VARCHAR(20)) PRIMARY KEY(name) \
         DISTRIBUTED BY HASH(name) BUCKETS 1",
    );
    fixture.run("INSERT INTO cities VALUES ('ny', 'New York'), ('sf', 'California')");
    fixture
}

#[test]
fn filters_orders_and_limits() {
    let mut f = fixture();
    f.check(
        "SELECT id FROM sales WHERE amount > 9.9 ORDER BY amount",
        "1\n3",
    );
    f.check(
        "SELECT id FROM sales WHERE amount >= '9.9' ORDER BY amount DESC",
        "3\n1\n2",
    );
    f.check("SELECT id FROM sales ORDER BY amount LIMIT 2", "4\n2");
    f.check("SELECT id FROM sales ORDER BY 1 DESC LIMIT 1, 2", "3\n2");
    f.check("SELECT id FROM sales WHERE city LIKE 'N%'", "");
    f.check(
        "SELECT id FROM sales WHERE city LIKE 'n_' ORDER BY id",
        "1\n2",
    );
    f.check(
        "SELECT id FROM sales WHERE city IN ('la', 'sf') OR amount IS NULL ORDER BY id",
        "3\n4",
    );
    f.check(
        "SELECT id FROM sales WHERE amount IN (100, 9.9) ORDER BY id",
        "2\n3",
    );
    f.check("SELECT id FROM sales WHERE day = '2025-1-1'", "1");
    f.check(
        "SELECT id FROM sales WHERE day > '2025-01-01 12:00:00' ORDER BY id",
        "2\n3",
    );
    f.check("SELECT id FROM sales WHERE NOT (id BETWEEN 2 AND 4)", "1");
    f.check(
        "SELECT s.id AS `a b` FROM d.sales AS s WHERE s.id <=> NULL",
        "",
    );
}

#[test]
fn groups_and_aggregates() {
    let mut f = fixture();
    f.check(
        "SELECT city, COUNT(*), SUM(amount), MIN(amount), MAX(day) FROM sales GROUP BY city ORDER BY city",
        "NULL|1|NULL|NULL|NULL\nla|1|100.00|100.00|2025-01-02\nny|2|20.00|9.90|2025-01-02",
    );
    f.check(
        "SELECT city AS c, AVG(amount) a FROM sales GROUP BY 1 HAVING a > 50",
        "la|100.00000000",
    );
    f.check(
        "SELECT COUNT(DISTINCT city), COUNT(city), COUNT(DISTINCT city, day) FROM sales",
        "2|3|3",
    );
    f.check(
        "SELECT GROUP_CONCAT(city ORDER BY id DESC SEPARATOR '-') FROM sales",
        "la-ny-ny",
    );
    f.check(
        "SELECT group_concat(DISTINCT city) FROM sales WHERE city = 'ny'",
        "ny",
    );
    f.check("SELECT COUNT(*) FROM sales WHERE id > 100", "0");
    f.check("SELECT SUM(id) FROM sales WHERE id > 100", "NULL");
    f.check(
        "SELECT DISTINCT city FROM sales ORDER BY city",
        "NULL\nla\nny",
    );
    f.check(
        "SELECT upper(city) FROM sales WHERE city IS NOT NULL GROUP BY upper(city) ORDER BY upper(city)",
        "LA\nNY",
    );
    for sql in [
        "SELECT id, COUNT(*) FROM sales",
        "SELECT id, COUNT(*) FROM sales GROUP BY city",
    ] {
        let error = f.fail(sql);
        assert!(
            error.message.contains("must be an aggregate expression"),
            "{error:?}"
        );
    }
}

#[test]
fn joins_subqueries_and_sets() {
    let mut f = fixture();
    f.check(
        "SELECT s.id, c.state FROM sales s LEFT JOIN cities c ON s.city = c.name ORDER BY s.id",
        "1|New York\n2|New York\n3|NULL\n4|NULL",
    );
    f.check(
        "SELECT c.name, s.id FROM sales s RIGHT JOIN cities c ON s.city = c.name ORDER BY 1, 2",
        "ny|1\nny|2\nsf|NULL",
    );
    f.check("SELECT count(*) FROM sales, cities", "8");
    f.check(
        "SELECT id FROM sales JOIN cities ON city = name WHERE id < 2",
        "1",
    );
    f.check(
        "SELECT id FROM sales s LEFT SEMI JOIN cities c ON s.city = c.name ORDER BY id",
        "1\n2",
    );
    f.check(
        "SELECT id FROM sales s LEFT ANTI JOIN cities c ON s.city = c.name ORDER BY id",
        "3\n4",
    );
    f.check(
        "SELECT id FROM sales WHERE city IN (SELECT name FROM cities) ORDER BY id",
        "1\n2",
    );
    f.check(
        "SELECT name FROM cities c WHERE NOT EXISTS (SELECT 1 FROM sales s WHERE s.city = c.name)",
        "sf",
    );
    f.check(
        "SELECT id, (SELECT state FROM cities c WHERE c.name = s.city) FROM sales s WHERE id < 2",
        "1|New York",
    );
    f.check(
        "SELECT MAX(x) FROM (SELECT id * 2 AS x FROM sales) AS t",
        "8",
    );
    f.check(
        "WITH big AS (SELECT * FROM sales WHERE amount > 10) SELECT a.id, b.id FROM big a JOIN big b ON \
         a.id < b.id",
        "1|3",
    );
    f.check(
        "SELECT 1 UNION ALL SELECT 1.5 UNION ALL SELECT NULL ORDER BY 1",
        "NULL\n1.0\n1.5",
    );
    f.check(
        "SELECT city FROM sales UNION SELECT name FROM cities ORDER BY city DESC",
        "sf\nny\nla\nNULL",
    );
    f.check(
        "SELECT name FROM cities EXCEPT SELECT city FROM sales",
        "sf",
    );
    f.check(
        "(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1 DESC LIMIT 1",
        "2",
    );
    f.check(
        "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(n, s) ORDER BY n DESC",
        "2|b\n1|a",
    );
    f.check("SELECT 1 UNION SELECT 1 UNION ALL SELECT 1", "1\n1");
    let counts: Vec<String> = (0..1_000)
        .map(|at| format!("SELECT {at} AS n, COUNT(*) AS c FROM sales"))
        .collect();
    let counts = counts.join(" UNION ALL ");
    f.check(
        &format!("SELECT COUNT(*), SUM(n), SUM(c) FROM ({counts}) t"),
        "1000|499500|4000",
    );
    let tests: Vec<String> = (0..3_000).map(|at| format!("id = {at}")).collect();
    f.check(
        &format!("SELECT COUNT(*) FROM sales WHERE {}", tests.join(" OR ")),
        "4",
    );
    let error = f.fail("SELECT (SELECT id FROM sales)");
    assert!(error.message.contains("Expected LE 1"), "{error:?}");
}

#[test]
fn windows() {
    let mut f = fixture();
    f.check(
        "SELECT id, ROW_NUMBER() OVER (PARTITION BY city ORDER BY id DESC) AS n FROM sales ORDER BY id",
        "1|2\n2|1\n3|1\n4|1",
    );
    f.check(
        "SELECT id, SUM(amount) OVER (ORDER BY id) FROM sales WHERE amount IS NOT NULL ORDER BY id",
        "1|10.10\n2|20.00\n3|120.00",
    );
    f.check(
        "SELECT x.id FROM (SELECT id, rank() OVER (ORDER BY day) AS r FROM sales WHERE day IS NOT NULL) x \
         WHERE x.r = 2 ORDER BY x.id",
        "2\n3",
    );
    f.check(
        "SELECT id, LAG(id, 1) OVER (ORDER BY id) FROM sales LIMIT 2",
        "1|NULL\n2|1",
    );
}

#[test]
fn views_and_common_names() {
    let mut f = fixture();
    f.check("SELECT sales.id FROM sales WHERE d.sales.id = 1", "1");
    f.check("SELECT COUNT(*) FROM default_catalog.d.sales", "4");
    let error = f.fail("SELECT name FROM cities c JOIN cities b ON c.name = b.name");
    assert!(
        error.message.contains("Column 'name' is ambiguous"),
        "{error:?}"
    );
    f.check(
        "SELECT name FROM cities c JOIN cities b USING (name) ORDER BY 1",
        "ny\nsf",
    );
    f.check(
        "SELECT * FROM cities c JOIN cities b USING (name) WHERE name = 'ny'",
        "ny|New York|New York",
    );
}

#[test]
fn errors_are_the_recorded_ones() {
    let mut f = fixture();
    for (sql, code, sqlstate, message) in [
        (
            "SELECT * FROM nope.t",
            5501,
            "3F000",
            "Unknown database 'nope'.",
        ),
        (
            "SELECT * FROM nope",
            5502,
            "42602",
            "Unknown table 'd.nope'.",
        ),
        (
            "SELECT * FROM information_schema.nope",
            5502,
            "42602",
            "Unknown table 'information_schema.nope'.",
        ),
        (
            "SELECT nope FROM sales",
            1064,
            "HY000",
            "Column 'nope' cannot be resolved.",
        ),
        (
            "SELECT frob(1)",
            1064,
            "HY000",
            "No matching function with signature: frob(tinyint(4)).",
        ),
    ] {
        let error = f.fail(sql);
        assert_eq!(
            (error.code, error.sqlstate, error.message),
            (
                code,
                sqlstate,
                format!("Getting analyzing error. Detail message: {message}")
            )
        );
    }
    f.session.database = None;
    assert_eq!(f.fail("SELECT * FROM sales").code, 1046);
}

#[test]
fn columns_look_as_recorded() {
    let mut f = fixture();
    let columns = f.columns(
        "SELECT 1, 'x', NULL, 1.5, id, city, COUNT(*) c, SUM(amount), VERSION(), USER(), a.id + 1 \
         FROM sales a GROUP BY id, city",
    );
    let shape = |column: &Column| {
        (
            column.name.clone(),
            column.wire_type,
            column.length,
            column.decimals,
        )
    };
    let shapes: Vec<_> = columns.iter().map(shape).collect();
    let expect = [
        ("1", WireType::Tiny, 4, 0),
        ("'x'", WireType::VarString, 192, 0),
        ("NULL", WireType::Tiny, 1, 0),
        ("1.5", WireType::NewDecimal, 6, 1),
        ("id", WireType::Long, 11, 0),
        ("city", WireType::VarString, 60, 0),
        ("c", WireType::LongLong, 20, 0),
        ("sum(amount)", WireType::NewDecimal, 42, 2),
        ("version()", WireType::VarString, 192, 0),
        ("USER()", WireType::VarString, 192, 0),
        ("id + 1", WireType::LongLong, 20, 0),
    ];
    assert_eq!(
        shapes,
        expect.map(|(name, wire_type, length, decimals)| (
            name.to_owned(),
            wire_type,
            length,
            decimals
        ))
    );
}

#[test]
fn odd_corners() {
    let mut f = fixture();
    f.run("CREATE TABLE n (id INT NOT NULL, tags ARRAY<VARCHAR(5)>, w LARGEINT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    f.run("INSERT INTO n VALUES (1, ['a', 'b'], 5), (2, [], 99999999999999999999)");
    f.check(
        "SELECT id, x FROM n, unnest(tags) AS u(x) ORDER BY id, x",
        "1|a\n1|b",
    );
    f.check(
        "SELECT id, unnest FROM n CROSS JOIN LATERAL unnest(tags) ORDER BY unnest",
        "1|a\n1|b",
    );
    f.check(
        "SELECT id FROM n WHERE w IN (SELECT id + 3 FROM sales) ORDER BY id",
        "1",
    );
    f.check(
        "SELECT id FROM sales WHERE city NOT IN (SELECT city FROM sales)",
        "",
    );
    f.check("SELECT id FROM n WHERE (id, w) IN ((1, 5), (2, 6))", "1");
    f.check(
        "SELECT TABLE_NAME FROM information_schema.tables WHERE TABLE_SCHEMA = 'd' ORDER BY 1",
        "cities\nn\nsales",
    );
    f.run("CREATE TABLE copy (name VARCHAR(100), rows_ BIGINT) DUPLICATE KEY(name) DISTRIBUTED BY HASH(name) BUCKETS 1");
    f.run("INSERT INTO copy SELECT TABLE_NAME, SUM(ROW_COUNT) FROM information_schema.partitions_meta WHERE DB_NAME = 'd' GROUP BY TABLE_NAME");
    f.check(
        "SELECT * FROM copy ORDER BY name",
        "cities|2\ncopy|0\nn|2\nsales|4",
    );
    f.check(
        "SELECT @@autocommit, @@session.sql_mode, @undefined",
        "1|ONLY_FULL_GROUP_BY|NULL",
    );
    f.run("SET @x = 5");
    f.check("SELECT @x + 1", "6");
    f.check(
        "SELECT id, city FROM sales WHERE city = 'ny' AND id IN (1, 3) -- comment",
        "1|ny",
    );
    f.check(
        "SELECT /*+ SET_VAR(query_timeout = 10) */ COUNT(*) FROM sales # more",
        "4",
    );
    f.check(
        "SELECT \"double\", 'sin''gle', `id` FROM `d`.`sales` WHERE `id` = 1",
        "double|sin'gle|1",
    );
    f.check(
        "SELECT SUM(CASE WHEN city = 'ny' THEN amount ELSE 0 END) FROM sales",
        "20.00",
    );
    f.check(
        "SELECT COUNT(*) FROM sales WHERE day + INTERVAL 1 DAY > '2025-01-02 00:00:00'",
        "2",
    );
    f.check("SELECT city, COUNT(*) AS n FROM sales GROUP BY city HAVING COUNT(*) > 1 ORDER BY n DESC LIMIT 5", "ny|2");
    f.check("SELECT MAX(id) + MIN(id), COUNT(*) * 2 FROM sales", "5|8");
    f.check("SELECT IF(COUNT(*) > 3, 'many', 'few') FROM sales", "many");
    f.check("SELECT a.id FROM sales a WHERE a.amount = (SELECT MAX(b.amount) FROM sales b WHERE b.city = a.city) ORDER BY 1", "1\n3");
    f.check(
        "SELECT id % 2 AS odd, COUNT(*) FROM sales GROUP BY odd ORDER BY odd",
        "0|2\n1|2",
    );
    f.check(
        "SELECT * FROM (SELECT id FROM sales ORDER BY id DESC LIMIT 2) t ORDER BY id",
        "3\n4",
    );
    f.check(
        "SELECT CAST(NULL AS DATE) IS NULL, COALESCE(day, '2000-01-01') FROM sales WHERE id = 4",
        "1|2000-01-01",
    );
    f.check("SELECT x FROM (SELECT 1 AS x UNION ALL SELECT 2) t WHERE EXISTS (SELECT 1 FROM sales WHERE id = x + 2) ORDER BY x", "1\n2");
}

/// A connection's thread has a stack of 2 MB, as the thread of a test has.
#[test]
fn deep_nesting_is_an_answer_or_an_error() {
    let mut f = fixture();
    for depth in [10, 20, 40, 100, 1_000] {
        for (open, close) in [
            ("abs(", ")"),
            ("(", ")"),
            ("1 + (", ")"),
            ("CASE WHEN 1 THEN ", " END"),
        ] {
            let sql = format!(
                "SELECT {}id{} FROM sales",
                open.repeat(depth),
                close.repeat(depth)
            );
            let answer = f.engine.execute(&mut f.session, &sql);
            assert!(answer.is_ok() || depth > 20, "{depth} {open}: {answer:?}");
        }
        let sql = format!(
            "SELECT * FROM {}sales{}",
            "(SELECT * FROM ".repeat(depth),
            ") t".repeat(depth)
        );
        let answer = f.engine.execute(&mut f.session, &sql);
        assert!(
            answer.is_ok() || depth > 10,
            "{depth} subqueries: {answer:?}"
        );
    }
}
