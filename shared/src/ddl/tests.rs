use std::{fs, path::Path};

use super::*;

mod random;

/// Every text of SHOW CREATE TABLE in the recordings, with the file that has it.
fn recorded() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts");
    let mut texts = Vec::new();
    for version in ["3.3", "3.3-list", "3.5", "4.1"] {
        for file in fs::read_dir(root.join(version)).unwrap() {
            let path = file.unwrap().path();
            for line in fs::read_to_string(&path).unwrap().lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                let sql = line["sql"].as_str().unwrap_or_default();
                let rows = line["result"]["rows"].as_array();
                if sql.to_uppercase().starts_with("SHOW CREATE TABLE") {
                    for row in rows.into_iter().flatten() {
                        let text = row[1].as_str().unwrap().to_owned();
                        texts.push((path.display().to_string(), text));
                    }
                }
            }
        }
    }
    texts
}

#[test]
fn every_recorded_table_is_read() {
    let recorded = recorded();
    assert!(recorded.len() > 80, "{} texts only", recorded.len());
    for (file, text) in recorded {
        let ddl = match Ddl::parse(&text) {
            Ok(ddl) => ddl,
            Err(DdlError::NotATable(ObjectKind::View)) if text.starts_with("CREATE VIEW") => {
                continue;
            }
            Err(DdlError::OtherEngine(engine)) if engine == "SCHEMA" => continue,
            Err(error) => panic!("{file}: {error}\n{text}"),
        };
        assert!(!ddl.columns.is_empty(), "{file}");
        assert!(ddl.property("replication_num").is_some(), "{file}");
        assert_eq!(ddl.with_name(&ddl.table), text, "{file}");

        let bare = ddl.without_partitions();
        assert!(!bare.contains("VALUES"), "{file}: {bare}");
        let again = Ddl::parse(&bare).unwrap();
        assert_eq!(schema_hash(&[], &again), schema_hash(&[], &ddl), "{file}");
        assert_eq!(again.without_partitions(), bare, "{file}");
    }
}

fn ddl(text: &str) -> Ddl {
    Ddl::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A table with `columns` inside the parentheses and `middle` between key and distribution.
fn table(columns: &str, middle: &str) -> String {
    format!(
        "CREATE TABLE `t` (\n{columns}\n) ENGINE=OLAP \nDUPLICATE KEY(`k`){middle}\n\
         DISTRIBUTED BY HASH(`k`) BUCKETS 1 \nPROPERTIES (\n\"replication_num\" = \"1\"\n);"
    )
}

const K: &str = "  `k` int(11) NOT NULL COMMENT \"\"";

fn name(text: &str) -> ColumnName {
    text.parse().unwrap()
}

#[test]
fn columns_of_every_kind() {
    let columns = [
        K,
        "  `amount` decimal(18, 2) NULL DEFAULT \"0\" COMMENT \"a, \\\"b\\\" (c)\\\\\"",
        "  `s` struct<a int(11), `b c` array<map<varchar(10),double>>> NULL COMMENT \"\"",
        "  `at` datetime NULL DEFAULT CURRENT_TIMESTAMP COMMENT \"\"",
        "  `id` varchar(36) NULL DEFAULT (uuid()) COMMENT \"\"",
        "  `text` varchar(9) NULL DEFAULT \"x) COMMENT \\\"y\\\", `z`\" COMMENT \"\"",
        "  `g` int(11) NULL AS if(`k` > 1, length('it''s, (' ), [1, 2][1]) COMMENT \"\"",
        "  `comment` int(11) NULL AS `comment` + 1 COMMENT \"COMMENT \\\"x\\\"\"",
        "  INDEX odd (`k`) USING BITMAP COMMENT 'it's, (a', `x`'",
        "  INDEX gin (`text`) USING GIN(\"imp_lib\" = \"clucene\") COMMENT ''",
    ];
    let read = ddl(&table(&columns.join(",\n"), ""));
    let seen: Vec<(&str, &str, Option<&str>, Option<&str>)> = read
        .columns
        .iter()
        .map(|column| {
            (
                column.name.as_str(),
                column.sql_type.as_str(),
                column.default.as_deref(),
                column.generated.as_deref(),
            )
        })
        .collect();
    let expected = [
        ("k", "int(11)", None, None),
        ("amount", "decimal(18, 2)", Some("\"0\""), None),
        (
            "s",
            "struct<a int(11), `b c` array<map<varchar(10),double>>>",
            None,
            None,
        ),
        ("at", "datetime", Some("CURRENT_TIMESTAMP"), None),
        ("id", "varchar(36)", Some("(uuid())"), None),
        (
            "text",
            "varchar(9)",
            Some("\"x) COMMENT \\\"y\\\", `z`\""),
            None,
        ),
        (
            "g",
            "int(11)",
            None,
            Some("if(`k` > 1, length('it''s, (' ), [1, 2][1])"),
        ),
        ("comment", "int(11)", None, Some("`comment` + 1")),
    ];
    assert_eq!(seen, expected);
    assert!(read.columns[0].is_key && !read.columns[0].nullable);
    assert!(!read.columns[1].is_key && read.columns[1].nullable);
}

#[test]
fn aggregations() {
    let text = "CREATE TABLE `agg` (\n  `k` int(11) NOT NULL COMMENT \"\",\n  \
                `s` bigint(20) SUM NULL DEFAULT \"0\" COMMENT \"\",\n  \
                `h` hll HLL_UNION NOT NULL COMMENT \"\",\n  \
                `a` double avg(double) NULL COMMENT \"\"\n) ENGINE=OLAP \nAGGREGATE KEY(`k`)\n\
                DISTRIBUTED BY RANDOM BUCKETS 3\nORDER BY(`k`)\nPROPERTIES (\n\
                \"bloom_filter_columns\" = \"k\",\n\"note\" = \"a \"b\", (c)\"\n);";
    let read = ddl(text);
    let aggregations: Vec<Option<&str>> = read
        .columns
        .iter()
        .map(|column| column.aggregation.as_deref())
        .collect();
    assert_eq!(
        aggregations,
        [None, Some("SUM"), Some("HLL_UNION"), Some("avg(double)")]
    );
    assert_eq!(read.key_model, KeyModel::Aggregate);
    assert_eq!(read.distribution, Distribution::Random);
    assert_eq!(read.buckets, Some(3));
    assert_eq!(read.order_by, [name("k")]);
    assert_eq!(read.bloom_filter_columns(), Some("k"));
    assert_eq!(read.property("note"), Some("a \"b\", (c)"));
}

#[test]
fn partitionings() {
    let columns = format!("{K},\n  `d` datetime NOT NULL COMMENT \"\"");
    let list = |automatic| Partitioning::List {
        columns: vec![name("k"), name("d")],
        automatic,
    };
    let expression = |text: &str| Partitioning::Expression {
        column: name("d"),
        expression: text.into(),
    };
    let opaque = |text: &str, automatic| Partitioning::Opaque {
        text: text.into(),
        automatic,
    };
    let cases = [
        (
            "RANGE(`k`, `d`)\n()",
            Partitioning::Range {
                columns: vec![name("k"), name("d")],
            },
        ),
        (
            "RANGE(from_unixtime(`k`))\n(PARTITION p VALUES [(\"1\"), (\"2\"))(\"replication_num\" = \
             \"3\"))",
            opaque("RANGE(from_unixtime(`k`))", false),
        ),
        ("LIST(`k`,`d`)(\n\n)", list(false)),
        ("(`k`,`d`)", list(true)),
        ("date_trunc('day', d)", expression("date_trunc('day', d)")),
        (
            "time_slice(`d`, 6, 'hour', 'floor')",
            expression("time_slice(`d`, 6, 'hour', 'floor')"),
        ),
        (
            "date_trunc('month', `d`),`k`",
            opaque("date_trunc('month', `d`),`k`", true),
        ),
        (
            "(date_trunc('month', `d`),`k`)",
            opaque("(date_trunc('month', `d`),`k`)", true),
        ),
    ];
    for (text, expected) in cases {
        let read = ddl(&table(&columns, &format!("\nPARTITION BY {text}")));
        assert_eq!(read.partitioning, expected);
    }
}

#[test]
fn a_list_ends_where_the_rest_is_a_statement() {
    let odd =
        "LIST(`k`)(\n  PARTITION p VALUES IN ('it's', ')\n)\nDISTRIBUTED BY HASH(`x`)', 'a\"b')\n)";
    let read = ddl(&table(K, &format!("\nPARTITION BY {odd}")));
    assert_eq!(
        read.without_partitions(),
        table(K, "\nPARTITION BY LIST(`k`)()")
    );
}

#[test]
fn renames_only_the_table() {
    let text = table("  `t` int(11) NOT NULL COMMENT \"`t`\"", "").replace("KEY(`k`)", "KEY(`t`)");
    let new = "it's \"new\" é".parse().unwrap();
    let renamed = ddl(&text).with_name(&new);
    assert_eq!(ddl(&renamed).table, new);
    assert_eq!(renamed.replacen("it's \"new\" é", "t", 1), text);
}

#[test]
fn other_objects_are_named() {
    let view = Ddl::parse("CREATE VIEW `v` (`k`) AS SELECT 1;").unwrap_err();
    assert_eq!(view, DdlError::NotATable(ObjectKind::View));
    let external = "CREATE EXTERNAL TABLE `e` (\n  `k` int(11) NULL COMMENT \"\"\n) ENGINE=MYSQL \n\
                    PROPERTIES (\n\"host\" = \"h\"\n);";
    let external = Ddl::parse(external).unwrap_err();
    assert_eq!(external, DdlError::OtherEngine("MYSQL".into()));
}

#[test]
fn every_change_of_shape_changes_the_hash() {
    let base = table(K, "\nPARTITION BY RANGE(`k`)\n()");
    let hash = |text: &str| schema_hash(&[index(0)], &ddl(text));
    fn index(version: i64) -> IndexFacts {
        IndexFacts {
            id: 1,
            name: "t".into(),
            schema_version: version,
            schema_hash: 7,
        }
    }
    for (from, to) in [
        ("int(11)", "bigint(20)"),
        ("NOT NULL", "NULL"),
        ("NOT NULL", "NOT NULL DEFAULT \"1\""),
        ("DUPLICATE", "PRIMARY"),
        ("RANGE(`k`)\n()", "date_trunc('day', k)"),
        ("HASH(`k`)", "RANDOM"),
        (
            "\"replication_num\" = \"1\"",
            "\"bloom_filter_columns\" = \"k\"",
        ),
    ] {
        let changed = base.replacen(from, to, 1);
        assert_ne!(changed, base, "{from}");
        assert_ne!(hash(&changed), hash(&base), "{from} -> {to}");
    }
    for (from, to) in [
        ("\"replication_num\" = \"1\"", "\"replication_num\" = \"3\""),
        ("COMMENT \"\"", "COMMENT \"other\""),
        ("BUCKETS 1", "BUCKETS 2"),
        ("\n()", "\n(PARTITION p VALUES [(\"1\"), (\"2\")))"),
        ("`t`", "`renamed`"),
    ] {
        let same = base.replacen(from, to, 1);
        assert_ne!(same, base, "{from}");
        assert_eq!(hash(&same), hash(&base), "{from} -> {to}");
    }
    let read = ddl(&base);
    let with = |indexes: &[IndexFacts]| schema_hash(indexes, &read);
    assert_ne!(with(&[index(0)]), with(&[index(1)]));
    assert_ne!(with(&[index(0)]), with(&[index(0), index(0)]));
    let rollup = || IndexFacts { id: 2, ..index(0) };
    assert_eq!(with(&[index(0), rollup()]), with(&[rollup(), index(0)]));
}
