use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;

use super::*;
use crate::{
    digest::{Fingerprint, SchemaHash},
    facts::{ColumnFacts, TableEngine, TableState},
    ident::TableId,
    sql::partition::Step,
};

fn columns(names: &str) -> Vec<ColumnName> {
    names
        .split(", ")
        .map(|name| name.parse().unwrap())
        .collect()
}

fn range_of(names: &str) -> Partitioning {
    Partitioning::Range {
        columns: columns(names),
    }
}

fn list_of(names: &str, automatic: bool) -> Partitioning {
    Partitioning::List {
        columns: columns(names),
        automatic,
    }
}

/// (version, column, partition key, value) of every partition that the recordings show.
fn recorded_values() -> BTreeSet<(String, String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts");
    let mut values = BTreeSet::new();
    for version in ["3.3", "3.3-list", "3.5", "4.1"] {
        for file in fs::read_dir(root.join(version)).unwrap() {
            let lines = fs::read_to_string(file.unwrap().path()).unwrap();
            for line in lines.lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                let result = &line["result"];
                let position = |name: &str| {
                    let columns = result["columns"].as_array()?;
                    columns.iter().position(|column| column["name"] == name)
                };
                let Some(key) = position("PartitionKey") else {
                    continue;
                };
                for kind in ["Range", "List"] {
                    let Some(at) = position(kind) else { continue };
                    for row in result["rows"].as_array().into_iter().flatten() {
                        let text = |at: usize| row[at].as_str().unwrap().to_owned();
                        values.insert((version.to_owned(), kind.to_owned(), text(key), text(at)));
                    }
                }
            }
        }
    }
    values
}

fn print_range(types: &str, lower: &[RangeBound], upper: &[RangeBound]) -> String {
    let border = |bounds: &[RangeBound]| {
        let keys: Vec<&str> = bounds
            .iter()
            .map(|bound| match bound {
                RangeBound::Value(value) => value.as_str(),
                RangeBound::MaxValue => "MAXVALUE",
            })
            .collect();
        format!("types: [{types}]; keys: [{}]; ", keys.join(", "))
    };
    format!("[{}..{})", border(lower), border(upper))
}

fn print_json(tuples: &[Vec<Option<String>>]) -> String {
    // The engine writes quotes of both kinds in an escaped form of its own.
    let text = serde_json::to_string(tuples).unwrap();
    text.replace('\'', "\\u0027")
}

fn print_quoted(tuples: &[Vec<Option<String>>], nested: bool) -> String {
    let tuples: Vec<String> = tuples
        .iter()
        .map(|tuple| {
            let values: Vec<String> = tuple
                .iter()
                .map(|value| format!("'{}'", value.as_deref().unwrap_or("NULL")))
                .collect();
            match nested {
                true => format!("({})", values.join(", ")),
                false => values.join(", "),
            }
        })
        .collect();
    format!("({})", tuples.join(", "))
}

#[test]
fn every_recorded_value_is_read_and_printed_back() {
    let recorded = recorded_values();
    assert!(recorded.len() > 60, "{} values only", recorded.len());
    let mut ambiguous = 0;
    for (version, kind, key, text) in recorded {
        let partitioning = match (key.as_str(), kind.as_str()) {
            ("", _) => Partitioning::Unpartitioned,
            (_, "Range") => range_of(&key),
            _ => list_of(&key, key.contains(", ")),
        };
        let printed = match PartitionValue::parse(&text, &partitioning) {
            Ok(PartitionValue::All) => String::new(),
            Ok(PartitionValue::Range { lower, upper }) => {
                let types = if text.contains("DATETIME") {
                    "DATETIME"
                } else {
                    "DATE"
                };
                print_range(types, &lower, &upper)
            }
            Ok(PartitionValue::List { tuples }) => match version.starts_with("3.3") {
                true => print_quoted(&tuples, tuples[0].len() > 1),
                false => print_json(&tuples),
            },
            Err(ValueError::NullOrText) => {
                assert!(text.contains("NULL"), "{text}");
                ambiguous += 1;
                continue;
            }
            Err(error) => panic!("{version} {text}: {error}"),
        };
        assert_eq!(printed, text, "{version}");
    }
    assert_eq!(ambiguous, 3, "one in each of the three versions");
}

#[test]
fn values() {
    let text = |value: &str| Some(value.to_owned());
    let tuples = |tuples: Vec<Vec<Option<String>>>| Ok(PartitionValue::List { tuples });
    let cases = [
        (
            "[[\"it\\u0027s\",\"a\\\"b\"]]",
            list_of("a, b", true),
            tuples(vec![vec![text("it's"), text("a\"b")]]),
        ),
        (
            "(('it's', 'a\"b'))",
            list_of("a, b", true),
            tuples(vec![vec![text("it's"), text("a\"b")]]),
        ),
        (
            "('ny', 'boston')",
            list_of("city", false),
            tuples(vec![vec![text("ny")], vec![text("boston")]]),
        ),
        (
            "(('a', '1'), ('b', '2'))",
            list_of("a, b", false),
            tuples(vec![vec![text("a"), text("1")], vec![text("b"), text("2")]]),
        ),
        (
            "[[\"x\",null]]",
            list_of("a, b", true),
            tuples(vec![vec![text("x"), None]]),
        ),
        (
            "[[\"x\",\"NULL\"]]",
            list_of("a, b", true),
            Err(ValueError::NullOrText),
        ),
        ("('NULL')", list_of("a", false), Err(ValueError::NullOrText)),
        (
            "(('a', 'b', 'c'))",
            list_of("a, b", false),
            Err(ValueError::Columns {
                expected: 2,
                found: 3,
            }),
        ),
        ("('a', 'b')", list_of("a", true), Err(unknown("('a', 'b')"))),
        (
            "(('a', 'b', 'c'))",
            list_of("a, b", true),
            Err(unknown("(('a', 'b', 'c'))")),
        ),
        (
            "[[\"a\"],[\"b\"]]",
            list_of("a", true),
            Err(ValueError::Tuples(2)),
        ),
        ("[]", list_of("a", true), Err(unknown("[]"))),
        ("", list_of("a", true), Err(unknown(""))),
        (
            "[types: [INT, DATE]; keys: [-2147483648, 2026-03-01]; ..types: [INT, DATE]; keys: [10, \
             MAXVALUE]; )",
            range_of("a, b"),
            Ok(PartitionValue::Range {
                lower: vec![
                    RangeBound::Value("-2147483648".into()),
                    RangeBound::Value("2026-03-01".into()),
                ],
                upper: vec![RangeBound::Value("10".into()), RangeBound::MaxValue],
            }),
        ),
        (
            "[types: [INT]; keys: [1]; ..types: [INT]; keys: [2]; )",
            range_of("a, b"),
            Err(ValueError::Columns {
                expected: 2,
                found: 1,
            }),
        ),
        (
            "[types: [INT]; keys: [x]; ..types: [INT]; keys: [2]; )",
            range_of("a"),
            Err(unknown(
                "[types: [INT]; keys: [x]; ..types: [INT]; keys: [2]; )",
            )),
        ),
        (
            "anything",
            Partitioning::Unpartitioned,
            Err(unknown("anything")),
        ),
    ];
    for (text, partitioning, expected) in cases {
        assert_eq!(
            PartitionValue::parse(text, &partitioning),
            expected,
            "{text}"
        );
    }
}

fn unknown(text: &str) -> ValueError {
    ValueError::Unknown(text.to_owned())
}

proptest! {
    #[test]
    fn json_lists_come_back(
        tuples in prop::collection::vec(prop::collection::vec(".{0,6}", 2), 1..4)
    ) {
        let tuples: Vec<Vec<Option<String>>> = tuples
            .into_iter()
            .map(|tuple| tuple.into_iter().map(Some).collect())
            .collect();
        let parsed = PartitionValue::parse(&print_json(&tuples), &list_of("a, b", false));
        prop_assert_eq!(parsed, Ok(PartitionValue::List { tuples }));
    }

    /// Whatever a value is: what is read from the form of 3.3 is right, or it is refused.
    #[test]
    fn quoted_tuples_of_automatic_tables_come_back_or_are_refused(
        tuple in prop::collection::vec("['a, ()]{0,6}", 1..4)
    ) {
        let tuples = vec![tuple.into_iter().map(Some).collect::<Vec<_>>()];
        let names = ["a", "a, b", "a, b, c"][tuples[0].len() - 1];
        let text = print_quoted(&tuples, tuples[0].len() > 1);
        if let Ok(value) = PartitionValue::parse(&text, &list_of(names, true)) {
            prop_assert_eq!(value, PartitionValue::List { tuples });
        }
    }
}

#[test]
fn steps() {
    for (expression, expected) in [
        ("date_trunc('day', ts)", Some(Step::Day)),
        ("date_trunc('HOUR', `ts`)", Some(Step::Hour)),
        ("date_trunc(\"month\", ts)", Some(Step::Month)),
        ("date_trunc('year', ts)", Some(Step::Year)),
        ("date_trunc('week', ts)", None),
        ("date_trunc('quarter', ts)", None),
        ("date_trunc('minute', ts)", None),
        ("time_slice(d, 1, 'day', 'floor')", Some(Step::Day)),
        ("time_slice(d, INTERVAL 1 DAY)", Some(Step::Day)),
        ("time_slice(d, INTERVAL 1 DAY, floor)", Some(Step::Day)),
        ("time_slice(d, 6, 'hour', 'floor')", None),
        ("time_slice(d, INTERVAL 6 HOUR)", None),
        ("time_slice(d, 1, 'day', 'ceil')", None),
        ("from_unixtime(ts)", None),
        ("ts", None),
    ] {
        assert_eq!(period::step_of(expression).ok(), expected, "{expression}");
    }
}

fn day(from: &str, to: &str) -> String {
    let bound = |text: &str| vec![RangeBound::Value(text.to_owned())];
    print_range("DATE", &bound(from), &bound(to))
}

#[test]
fn only_what_the_engine_would_make_can_be_made_again() {
    for (name, from, to, step, expected) in [
        ("p20260301", "2026-03-01", "2026-03-02", Step::Day, true),
        (
            "p20260301",
            "2026-03-01 00:00:00",
            "2026-03-02 00:00:00",
            Step::Day,
            true,
        ),
        ("p202602", "2026-02-01", "2026-03-01", Step::Month, true),
        ("p2026", "2026-01-01", "2027-01-01", Step::Year, true),
        (
            "p2026030123",
            "2026-03-01 23:00:00",
            "2026-03-02 00:00:00",
            Step::Hour,
            true,
        ),
        // Merged from several days.
        ("p202603", "2026-03-01", "2026-04-01", Step::Day, false),
        ("p20260301", "2026-03-01", "2026-03-03", Step::Day, false),
        // Another name.
        ("p_march", "2026-03-01", "2026-03-02", Step::Day, false),
        // Another offset.
        (
            "p20260301",
            "2026-03-01 06:00:00",
            "2026-03-02 06:00:00",
            Step::Day,
            false,
        ),
        ("p202602", "2026-02-02", "2026-03-02", Step::Month, false),
    ] {
        let value = PartitionValue::parse(&day(from, to), &range_of("d")).unwrap();
        let made = period::is_made_by_engine(&name.parse().unwrap(), &value, step);
        assert_eq!(made, expected, "{name} {from} {to}");
    }
}

fn table(partitioning: Partitioning) -> TableFacts {
    TableFacts {
        table: "t".parse().unwrap(),
        table_id: TableId(1),
        state: TableState::Normal,
        engine: TableEngine::Olap,
        schema_hash: SchemaHash::of([]),
        ddl: String::new(),
        key_model: KeyModel::Duplicate,
        partitioning,
        distribution: Distribution::Hash,
        columns: vec![column("k", "int(11)")],
        schema_job_running: false,
        has_temp_partitions: false,
        partitions: Vec::new(),
    }
}

fn column(name: &str, sql_type: &str) -> ColumnFacts {
    ColumnFacts {
        name: name.parse().unwrap(),
        sql_type: sql_type.into(),
        nullable: true,
        is_key: false,
        aggregation: None,
        default: None,
        auto_increment: false,
        generated: None,
    }
}

fn partition(name: &str, value: &str, system: bool) -> PartitionFacts {
    PartitionFacts {
        name: name.parse().unwrap(),
        fingerprint: Fingerprint::of([]),
        pending: false,
        system,
        value: value.into(),
        buckets: 1,
        replication_num: 1,
        row_count: 0,
        data_size: 0,
    }
}

#[test]
fn tables_that_can_be_put_together() {
    let expression = |text: &str| Partitioning::Expression {
        column: "d".parse().unwrap(),
        expression: text.into(),
    };
    let shadow = partition("$shadow_automatic_partition", "", true);
    let march = partition("p20260301", &day("2026-03-01", "2026-03-02"), false);
    let null = partition("pnull", "[[\"NULL\"]]", false);
    let daily = || table(expression("date_trunc('day', d)"));
    let check = |table: &TableFacts, changed: &[&PartitionFacts], expected: &str| {
        let reason = whole_or_nothing(table, changed.iter().copied());
        let reason = reason.map_or_else(String::new, |reason| reason.to_string());
        assert!(
            if expected.is_empty() {
                reason.is_empty()
            } else {
                reason.contains(expected)
            },
            "'{reason}' for '{expected}'"
        );
    };

    check(&daily(), &[&shadow, &march], "");
    check(&table(Partitioning::Unpartitioned), &[], "");
    check(&table(list_of("c", true)), &[&shadow], "");
    check(&table(list_of("c", true)), &[&shadow, &null], "NULL");
    let merged = partition("p202603", &day("2026-03-01", "2026-04-01"), false);
    check(&daily(), &[&march, &merged], "p202603 is not one period");
    check(
        &table(expression("time_slice(d, 6, 'hour', 'floor')")),
        &[],
        "steps of 1 only",
    );
    check(
        &table(Partitioning::Opaque {
            text: "RANGE(f(`k`))".into(),
            automatic: false,
        }),
        &[],
        "RANGE(f(`k`))",
    );

    let mut random = daily();
    random.distribution = Distribution::Random;
    check(&random, &[&march], "randomly");
    let with = |column: ColumnFacts, key_model: KeyModel| {
        let mut table = daily();
        table.key_model = key_model;
        table.columns.push(column);
        table
    };
    let aggregated = |sql_type: &str, aggregation: &str| ColumnFacts {
        aggregation: Some(aggregation.into()),
        ..column("a", sql_type)
    };
    let counter = ColumnFacts {
        auto_increment: true,
        ..column("id", "bigint(20)")
    };
    let generated = ColumnFacts {
        generated: Some("f(`k`)".into()),
        ..column("g", "unheard")
    };
    check(&with(counter, KeyModel::Primary), &[], "AUTO_INCREMENT");
    check(&with(generated, KeyModel::Duplicate), &[&march], "");
    check(
        &with(column("b", "bitmap"), KeyModel::Duplicate),
        &[],
        "bitmap",
    );
    check(
        &with(aggregated("bigint(20)", "SUM"), KeyModel::Aggregate),
        &[&march],
        "",
    );
    check(
        &with(aggregated("hll", "HLL_UNION"), KeyModel::Aggregate),
        &[],
        "hll",
    );
    check(
        &with(aggregated("double", "avg(double)"), KeyModel::Aggregate),
        &[],
        "avg(double)",
    );
}
