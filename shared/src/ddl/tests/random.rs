//! Random tables printed the way the engine prints them, and broken text.

use proptest::prelude::*;

use super::{K, table};
use crate::{
    ddl::Ddl,
    facts::{ColumnFacts, Distribution, Partitioning},
};

#[derive(Debug, Clone)]
struct Table {
    name: String,
    columns: Vec<Column>,
    index_comment: Option<String>,
    comment: Option<String>,
    /// Values of LIST partitions, printed unescaped.
    partitions: Option<Vec<Vec<String>>>,
    random: bool,
    properties: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    sql_type: &'static str,
    nullable: bool,
    default: Option<String>,
    generated: Option<String>,
    comment: String,
}

/// Text with everything in it that could be taken for syntax.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            "a",
            "é",
            " ",
            "'",
            "\"",
            "\\",
            "(",
            ")",
            ",",
            "\n",
            ")\nDISTRIBUTED BY ",
            "COMMENT",
            ";",
            "[",
            "--",
            "/*",
            "AS",
            "INDEX ",
            "`",
        ]),
        0..8,
    )
    .prop_map(|pieces| pieces.concat())
}

fn name() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("n{}", text.replace('`', "")))
}

fn column() -> impl Strategy<Value = Column> {
    let types = vec![
        "int(11)",
        "varchar(20)",
        "decimal(18, 2)",
        "struct<A int(11), `b c` array<map<varchar(10),json>>>",
        "datetime",
    ];
    let generated = prop::sample::select(vec![
        "`k` + 1",
        "if(`k` > 1, [1, 2], `c`)",
        "f('a)', \"b\")",
    ]);
    (
        name(),
        prop::sample::select(types),
        any::<bool>(),
        prop::option::of(text()),
        prop::option::of(generated.prop_map(str::to_owned)),
        text(),
    )
        .prop_map(
            |(name, sql_type, nullable, default, generated, comment)| Column {
                name,
                sql_type,
                nullable,
                default: default.filter(|_| generated.is_none()),
                generated,
                comment,
            },
        )
}

fn random_table() -> impl Strategy<Value = Table> {
    let one_line = || text().prop_map(|text| text.replace('\n', " "));
    let values = prop::collection::vec(prop::collection::vec(text(), 1..3), 0..4);
    (
        name(),
        prop::collection::vec(column(), 1..6),
        prop::option::of(one_line()),
        prop::option::of(text()),
        prop::option::of(values),
        any::<bool>(),
        prop::collection::vec(("[a-z.]{1,9}", one_line()), 1..4),
    )
        .prop_map(
            |(name, columns, index_comment, comment, partitions, random, properties)| Table {
                name,
                columns,
                index_comment,
                comment,
                partitions,
                random,
                properties,
            },
        )
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn escape_default(text: &str) -> String {
    escape(text).replace('\n', "\\n")
}

fn print(table: &Table, with_partitions: bool) -> String {
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let mut line = format!("  `{}` {} ", column.name, column.sql_type);
            line += if column.nullable {
                "NULL "
            } else {
                "NOT NULL "
            };
            if let Some(default) = &column.default {
                line += &format!("DEFAULT \"{}\" ", escape_default(default));
            }
            if let Some(generated) = &column.generated {
                line += &format!("AS {generated} ");
            }
            line + &format!("COMMENT \"{}\"", escape(&column.comment))
        })
        .collect();
    if let Some(comment) = &table.index_comment {
        lines.push(format!("  INDEX i (`k`) USING BITMAP COMMENT '{comment}'"));
    }
    let key = &table.columns[0].name;
    let mut text = format!(
        "CREATE TABLE `{}` (\n{}\n) ENGINE=OLAP \nDUPLICATE KEY(`{key}`)",
        table.name,
        lines.join(",\n")
    );
    if let Some(comment) = &table.comment {
        text += &format!("\nCOMMENT \"{}\"", escape(comment));
    }
    if let Some(partitions) = &table.partitions {
        let items: Vec<String> = partitions
            .iter()
            .enumerate()
            .map(|(number, values)| {
                let values: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
                format!("  PARTITION p{number} VALUES IN ({})", values.join(", "))
            })
            .collect();
        let list = match with_partitions {
            true => format!("(\n{}\n)", items.join(",\n")),
            false => "()".to_owned(),
        };
        text += &format!("\nPARTITION BY LIST(`{key}`){list}");
    }
    text += match table.random {
        true => "\nDISTRIBUTED BY RANDOM",
        false => "\nDISTRIBUTED BY HASH(`k`) BUCKETS 4 ",
    };
    let properties: Vec<String> = table
        .properties
        .iter()
        .map(|(key, value)| format!("\"{key}\" = \"{value}\""))
        .collect();
    text + &format!("\nPROPERTIES (\n{}\n);", properties.join(",\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_was_printed_is_read_back(table in random_table()) {
        let ddl = Ddl::parse(&print(&table, true))
            .map_err(|error| TestCaseError::fail(format!("{error}\n{}", print(&table, true))))?;
        prop_assert_eq!(ddl.table.as_str(), &table.name);
        prop_assert_eq!(ddl.comment.as_ref(), table.comment.as_ref());
        let columns: Vec<ColumnFacts> = table
            .columns
            .iter()
            .map(|column| ColumnFacts {
                name: column.name.parse().unwrap(),
                sql_type: column.sql_type.to_owned(),
                nullable: column.nullable,
                is_key: column.name == table.columns[0].name,
                aggregation: None,
                default: column.default.as_deref().map(|text| format!("\"{}\"", escape_default(text))),
                auto_increment: false,
                generated: column.generated.clone(),
            })
            .collect();
        prop_assert_eq!(&ddl.columns, &columns);
        let partitioned = matches!(ddl.partitioning, Partitioning::List { automatic: false, .. });
        prop_assert_eq!(partitioned, table.partitions.is_some());
        prop_assert_eq!(ddl.distribution == Distribution::Random, table.random);
        prop_assert_eq!(&ddl.properties, &table.properties);
        prop_assert_eq!(ddl.without_partitions(), print(&table, false));
        let renamed = ddl.with_name(&"other".parse().unwrap());
        prop_assert_eq!(renamed, print(&Table { name: "other".into(), ..table }, true));
    }

    #[test]
    fn broken_text_is_an_error_and_never_a_panic(from in 0_usize..400, length in 0_usize..40) {
        let columns = format!("{K},\n  `é` struct<a int(11)> NULL DEFAULT \"x\" COMMENT \"y\"");
        let text = table(&columns, "\nPARTITION BY LIST(`k`)(\n  PARTITION p VALUES IN ('a')\n)");
        let kept = |at: usize| at < from || at >= from + length;
        let broken: String = text
            .chars()
            .enumerate()
            .filter(|(at, _)| kept(*at))
            .map(|(_, character)| character)
            .collect();
        if let Ok(ddl) = Ddl::parse(&broken) {
            prop_assert_eq!(ddl.with_name(&ddl.table).len() >= broken.len(), true);
        }
    }
}
