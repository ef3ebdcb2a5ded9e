//! Whatever is legal as a name or a value changes nothing of a statement but that name or value.

use std::{num::NonZeroU16, time::Duration};

use proptest::prelude::*;

use super::quoted_tokens;
use crate::{
    facts::ColumnFacts,
    ident::{
        ColumnName, DatabaseName, PartitionName, QualifiedTable, RepositoryName, TableName,
        TaskName,
    },
    label::{LoadLabel, SnapshotLabel},
    sql::{
        Query,
        admin::{self, Privilege},
        backup::{self, BackupObject},
        checksum,
        copy::{self, Copy, TargetPart},
        partition::{self, Bound, HashBuckets, NewPartition, PartitionValues, Step},
        restore::{self, Restore, RestoreObject},
        show,
    },
    time::SnapshotTimestamp,
    version::EngineLine,
};

/// One name or value of each kind.
#[derive(Debug, Clone)]
struct Words {
    database: DatabaseName,
    table: TableName,
    other_table: TableName,
    column: ColumnName,
    partition: PartitionName,
    other_partition: PartitionName,
    label: SnapshotLabel,
    text: String,
    other_text: String,
}

impl Words {
    /// Told apart from each other and from everything that a statement says by itself.
    fn plain() -> Words {
        Words {
            database: "plain_database".parse().unwrap(),
            table: "plain_table".parse().unwrap(),
            other_table: "plain_other_table".parse().unwrap(),
            column: "plain_column".parse().unwrap(),
            partition: "plain_partition".parse().unwrap(),
            other_partition: "plain_other_partition".parse().unwrap(),
            label: "plain_label".parse().unwrap(),
            text: "plain text".into(),
            other_text: "plain other text".into(),
        }
    }

    fn all(&self) -> [&str; 9] {
        [
            self.database.as_str(),
            self.table.as_str(),
            self.other_table.as_str(),
            self.column.as_str(),
            self.partition.as_str(),
            self.other_partition.as_str(),
            self.label.as_str(),
            &self.text,
            &self.other_text,
        ]
    }
}

fn words() -> impl Strategy<Value = Words> {
    fn name<T: std::str::FromStr + std::fmt::Debug>() -> impl Strategy<Value = T> {
        any::<String>().prop_filter_map("not a legal name", |text| text.parse().ok())
    }
    let database = "[a-zA-Z][-a-zA-Z0-9_~!@#$%^&<>=+]{0,20}"
        .prop_map(|text| text.parse::<DatabaseName>().unwrap());
    let names = (database, name(), name(), name(), name(), name(), name());
    (names, any::<String>(), any::<String>()).prop_map(|(names, text, other_text)| {
        let (database, table, other_table, column, partition, other_partition, label) = names;
        Words {
            database,
            table,
            other_table,
            column,
            partition,
            other_partition,
            label,
            text,
            other_text,
        }
    })
}

/// Every statement that has a place for a name or a value.
fn statements(words: &Words) -> Vec<String> {
    let Words {
        database,
        table,
        other_table,
        column,
        partition,
        other_partition,
        label,
        text,
        other_text,
    } = words;
    let repository: RepositoryName = "nightly".parse().unwrap();
    let timestamp: SnapshotTimestamp = "2026-03-01-04-00-00-123".parse().unwrap();
    let task: TaskName = "task".parse().unwrap();
    let load_label: LoadLabel = "load".parse().unwrap();
    let qualified = QualifiedTable::new(database, table);
    let other = QualifiedTable::new(database, other_table);
    let partitions = [partition.clone(), other_partition.clone()];
    let columns = [column.clone()];
    let day = Duration::from_secs(86_400);
    let mut all: Vec<String> = Vec::new();
    let mut add = |text: &dyn std::fmt::Display| all.push(text.to_string());

    add(&show::frontend_config(text));
    add(&show::variable(text));
    add(&show::tables_config([database]));
    add(&show::visible_tables(database));
    add(&show::columns(&qualified));
    add(&show::create_table(&qualified));
    add(&show::create_view(&qualified));
    add(&show::create_materialized_view(&qualified));
    add(&show::materialized_views(database));
    add(&show::functions(database));
    add(&show::column_jobs(database));
    add(&show::rollup_jobs(database));
    add(&show::optimize_jobs(database));
    add(&show::partitions_meta([database]));
    add(&show::backup(database));
    add(&show::restore(database));
    add(&show::snapshots_named(&repository, [label]));
    add(&show::snapshot_details(&repository, label, &timestamp));
    add(&show::task_runs(database, &task));

    let objects = [
        BackupObject {
            table,
            partitions: Some(&partitions),
        },
        BackupObject {
            table: other_table,
            partitions: None,
        },
    ];
    add(&backup::backup(database, label, &repository, &objects, day).unwrap());
    add(&backup::cancel_backup(database));

    let objects = [
        RestoreObject {
            table,
            partitions: Some(&partitions),
            alias: Some(other_table),
        },
        RestoreObject {
            table: other_table,
            partitions: None,
            alias: None,
        },
    ];
    add(&restore::restore(&Restore {
        target: database,
        label,
        repository: &repository,
        timestamp: &timestamp,
        objects: &objects,
        replication_num: NonZeroU16::MIN,
        timeout: day,
    })
    .unwrap());
    add(&restore::cancel_restore(database));
    add(&restore::swap(&qualified, other_table));
    add(&restore::rename(&qualified, other_table));
    add(&restore::drop_table(&qualified));
    add(&restore::create_database(database));
    add(&restore::drop_database(database));
    add(&restore::create_like(&other, &qualified));
    add(&restore::set_properties(
        &qualified,
        [(text.as_str(), other_text.as_str())],
    ));
    add(
        &restore::set_partition_properties(&qualified, &partitions, [("k", text.as_str())])
            .unwrap(),
    );
    add(&restore::activate_materialized_view(&qualified));

    let range = NewPartition {
        name: partition,
        values: PartitionValues::Range {
            lower: vec![Bound::Value(text)],
            upper: vec![Bound::Value(other_text)],
        },
        distribution: Some(HashBuckets {
            columns: &columns,
            buckets: 3,
        }),
    };
    add(&partition::add_partition(&qualified, &range).unwrap());
    add(&partition::add_temporary_partition(&qualified, &range).unwrap());
    let list = NewPartition {
        values: PartitionValues::List {
            tuples: vec![vec![Some(text), Some(other_text)]],
        },
        distribution: None,
        ..range
    };
    add(&partition::add_partition(&qualified, &list).unwrap());
    add(&partition::add_automatic_partitions(
        &qualified,
        text,
        other_text,
        Step::Day,
    ));
    add(&partition::replace_partition(
        &qualified,
        partition,
        other_partition,
    ));
    add(&partition::drop_temporary_partition(&qualified, partition));
    add(&partition::truncate(&qualified, Some(&partitions)).unwrap());

    let copy = Copy {
        from: &qualified,
        from_partition: Some(partition),
        to: &other,
        to_part: TargetPart::Partition(other_partition),
        columns: &columns,
    };
    let insert = copy::insert_select(&copy).unwrap();
    add(&insert);
    add(&copy::insert_select_with_label(&copy, &load_label).unwrap());
    add(&copy::insert_overwrite(&copy).unwrap());
    add(&copy::submit_task(
        database,
        &task,
        &insert,
        day,
        EngineLine::new(4, 1),
    ));
    add(&copy::count_rows(&qualified));
    add(&copy::count_partitions(&qualified, &partitions).unwrap());
    let fact = ColumnFacts {
        name: column.clone(),
        sql_type: "varchar(20)".into(),
        nullable: true,
        is_key: false,
        aggregation: None,
        default: None,
        auto_increment: false,
        generated: None,
    };
    let checksum: Query<checksum::Checksum> =
        checksum::checksum(&qualified, Some(&partitions), &[fact])
            .unwrap()
            .query;
    add(&checksum);

    add(&admin::use_database(database));
    for privilege in [
        Privilege::BackUpTables(database),
        Privilege::RestoreTables(database),
        Privilege::OpsTables(database),
        Privilege::CreateTable(database),
        Privilege::CreateDefinitions(database),
    ] {
        let account = show::Account {
            user: text.to_owned(),
            host: other_text.to_owned(),
            is_domain: false,
        };
        add(&admin::grant(privilege, &account));
    }
    all
}

/// A statement with a hole for each quoted token, and the tokens.
fn split(statement: &str) -> (String, Vec<String>) {
    let tokens = quoted_tokens(statement);
    let mut skeleton = String::new();
    let mut end = 0;
    for token in &tokens {
        skeleton.push_str(&statement[end..token.range.start]);
        skeleton.push(token.quote);
        end = token.range.end;
    }
    skeleton.push_str(&statement[end..]);
    (
        skeleton,
        tokens.into_iter().map(|token| token.value).collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_word_changes_nothing_but_itself(words in words()) {
        let plain = Words::plain();
        for (with_plain, with_words) in statements(&plain).iter().zip(statements(&words)) {
            let (expected_skeleton, plain_tokens) = split(with_plain);
            let (skeleton, tokens) = split(&with_words);
            prop_assert_eq!(&skeleton, &expected_skeleton);
            let expected: Vec<&str> = plain_tokens
                .iter()
                .map(|token| {
                    let place = plain.all().iter().position(|word| word == token);
                    place.map_or(token.as_str(), |place| words.all()[place])
                })
                .collect();
            prop_assert_eq!(tokens, expected, "{}", with_words);
        }
    }
}
