//! Arbitrary text in every position where a person or an event gives one: it is refused and nothing
//! changes, or it comes back as it is.

use std::{collections::BTreeMap, future::Future};

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};
use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{
    cluster::Cluster,
    command::{self, Said, command, command_with, configuration},
    flow,
};

use super::{literal, name, run};

/// What means something to SQL, a shell, a pattern, a path, JSON, YAML or us.
const FRAGMENTS: [&str; 40] = [
    "'",
    "\"",
    "`",
    "\\",
    ";",
    "--",
    "/*",
    "*/",
    "#",
    "%",
    "_",
    "$",
    "{}",
    "${x}",
    "\n",
    "\r",
    "\t",
    "\0",
    " ",
    ".",
    "..",
    "/",
    "*",
    "?",
    ":",
    "@",
    "-",
    "~",
    "<",
    "=",
    ",",
    "(",
    ")",
    "' OR 1=1 -- ",
    "\"; DROP TABLE sales.orders; --",
    "-v#r",
    "select",
    "NULL",
    "é中",
    "🎉\u{202e}",
];

fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => prop::sample::select(&FRAGMENTS[..]).prop_map(str::to_owned),
        3 => "[a-zA-Z0-9_]{1,4}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}

/// The same cases in every run, so that a failure is not of one run only.
fn check<S, F, T>(cases: u32, strategy: S, mut test: T)
where
    S: Strategy,
    F: Future<Output = ()>,
    T: FnMut(S::Value) -> F,
{
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 20,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, random);
    let test = std::cell::RefCell::new(&mut test);
    let result = runner.run(&strategy, |value| {
        let one = (test.borrow_mut())(value);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(one));
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, value)) => panic!("{value:?}: {reason}"),
        Err(error) => panic!("{error}"),
    }
}

async fn shop() -> Cluster {
    let cluster = Cluster::start(Profile::V4_1).await;
    command::create_user(&cluster).await;
    cluster
        .sql(
            "CREATE DATABASE sales;
             CREATE TABLE sales.orders (id INT NOT NULL) DUPLICATE KEY(id) PARTITION BY RANGE(id) \
             (PARTITION p1 VALUES LESS THAN ('10'), PARTITION p2 VALUES LESS THAN ('20')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             INSERT INTO sales.orders VALUES (1), (11)",
        )
        .await;
    cluster.group("nightly", &["sales.orders"]).await;
    flow::full(&cluster, "nightly").await;
    cluster
}

const LABEL: &str = "sales_20260301_full";

/// Everything that a person would miss. Leases come and go.
async fn state(cluster: &Cluster) -> BTreeMap<&'static str, Vec<Vec<String>>> {
    let mut state = BTreeMap::new();
    for query in [
        "SHOW DATABASES",
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.tables \
         WHERE TABLE_SCHEMA <> 'information_schema'",
        "SELECT DB_NAME, TABLE_NAME, PARTITION_NAME, PARTITION_ID, VISIBLE_VERSION \
         FROM information_schema.partitions_meta WHERE DB_NAME <> 'ops'",
        "SELECT id FROM sales.orders",
        "SELECT * FROM ops.table_inventory",
        "SELECT * FROM ops.backup_history",
        "SELECT * FROM ops.backup_partitions",
        "SELECT * FROM ops.backup_tables",
        "SELECT * FROM ops.restore_history",
        "SELECT * FROM ops.restore_steps",
        "SELECT * FROM ops.run_status WHERE scope <> 'lease'",
        "SHOW SNAPSHOT ON repo",
        "SHOW REPOSITORIES",
    ] {
        state.insert(query, cluster.rows(query).await);
    }
    state
}

async fn assert_unchanged(
    cluster: &Cluster,
    before: &BTreeMap<&'static str, Vec<Vec<String>>>,
    given: &str,
) {
    for (query, rows) in state(cluster).await {
        assert_eq!(rows, before[query], "{given:?} changed {query}");
    }
}

/// The names of the errors that say that an input is no good.
fn is_refusal(error: &str) -> bool {
    ["InvalidInput", "InvalidConfig", "NotFound"].contains(&error)
}

impl Refused for Said {
    fn refused(&self) -> bool {
        assert!(
            [0, 2, 7].contains(&self.code),
            "exit code {}: {}{}",
            self.code,
            self.out,
            self.err
        );
        self.code != 0
    }
}

trait Refused {
    fn refused(&self) -> bool;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_is_no_label_changes_nothing() {
    let cluster = &shop().await;
    let before = &state(cluster).await;
    check(30, text(), |label| async move {
        for arguments in [
            vec!["show", &label],
            vec!["show", "--partitions", "--", &label],
            vec!["diff", LABEL, &label],
            vec!["restore", "--yes", "--target-label", &label],
            vec!["restore", "promote", "--yes", &label],
            vec!["restore", "undo", "--yes", &label],
            vec!["restore", "resume", "--yes", &label],
            vec!["cancel", &label],
            vec!["list", "--group", &label],
        ] {
            let said = command(cluster, &arguments).await;
            let listed = arguments[0] == "list";
            assert!(said.refused() || listed, "{arguments:?}: {}", said.out);
            if listed && said.code == 0 {
                assert!(!said.out.contains(LABEL), "{arguments:?}: {}", said.out);
            }
        }
        for input in [
            json!({ "target_label": label }),
            json!({ "execution": label }),
            json!({ "group": label }),
            json!({ "group": "nightly", "as_of": label }),
            json!({ "promote": label }),
            json!({ "undo": label }),
            json!({ "resume": label }),
            json!({ "target_label": LABEL, "tables": [label] }),
            json!({ "target_label": LABEL, "tables": ["orders"], "partitions": [label] }),
            json!({ "target_label": LABEL, "swap": label }),
            json!({ "target_label": LABEL, "expect_plan": label }),
        ] {
            let error = flow::restore(cluster, input.clone()).await.error();
            assert!(is_refusal(&error.error), "{input}: {error:?}");
        }
        for input in [
            json!({ "group": label, "kind": "full" }),
            json!({ "group": "nightly", "kind": label }),
            json!({ "group": "nightly", "kind": "incremental", "baseline": label }),
            json!({ "group": "nightly", "kind": "full", "on_unsupported": label }),
            json!({ "group": "nightly", "kind": "full", label.clone(): "x" }),
        ] {
            let error = flow::backup(cluster, input.clone()).await.error();
            assert!(is_refusal(&error.error), "{input}: {error:?}");
        }
        assert_unchanged(cluster, before, &label).await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_and_its_tables_come_back_as_they_are() {
    let cluster = &shop().await;
    check(30, (text(), text()), |(group, table)| async move {
        let named = format!("sales.{table}");
        let arguments = ["group", "add", "--", &group, "sales.orders", &named];
        let said = command(cluster, &arguments).await;
        if !said.refused() {
            let listed = command(cluster, &["--output", "json", "group", "list"]).await;
            let listed: Value = serde_json::from_str(&listed.out).expect("JSON");
            let row = json!({ "group": group, "database": "sales", "table": table });
            assert!(listed.as_array().unwrap().contains(&row), "{row}: {listed}");
            // Everything that is in it is asked for: what does not exist is refused by name.
            let error = flow::backup(cluster, json!({ "group": group, "kind": "full" })).await;
            if table != "*" && table != "orders" {
                let error = error.error();
                assert!(
                    ["NotFound", "PrecheckFailed", "BackupFailed"].contains(&error.error.as_str()),
                    "{error:?}"
                );
            }
            let arguments = ["group", "remove", "--", &group, "sales.orders", &named];
            assert_eq!(command(cluster, &arguments).await.code, 0);
        }
        let inventory = "SELECT * FROM ops.table_inventory";
        assert_eq!(
            cluster.rows(inventory).await.len(),
            1,
            "{group:?} {table:?}"
        );
        let said = command(cluster, &["group", "add", "--", "nightly", &table]).await;
        assert!(said.refused() || table.contains('.'), "{table:?}");
        let _ = command(cluster, &["group", "remove", "--", "nightly", &table]).await;
        // Whatever stood in the group, nothing was backed up and no name was touched.
        let rows = "SELECT id FROM sales.orders";
        assert_eq!(cluster.rows(rows).await, [["1"], ["11"]]);
        let label = "SELECT label FROM ops.backup_history WHERE status = 'FINISHED'";
        assert_eq!(cluster.rows(label).await, [[LABEL]]);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_becomes_the_label_or_is_refused() {
    let cluster = &shop().await;
    check(30, text(), |given| async move {
        let before = state(cluster).await;
        let input = json!({ "group": "nightly", "kind": "full", "name": given });
        match flow::backup(cluster, input).await.result {
            Ok(output) => {
                let label = output["summary"]["databases"][0]["label"].as_str().unwrap();
                let stem = given.strip_suffix("-v#r").unwrap_or(&given);
                let stem = stem.strip_suffix("_v#r").unwrap_or(stem);
                assert!(label.starts_with(stem), "{given:?}: {label}");
                assert!(
                    label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
                    "{label:?}"
                );
                let held = cluster.rows("SHOW SNAPSHOT ON repo").await;
                assert!(held.iter().any(|row| row[0] == label), "{held:?}");
            }
            Err(error) => {
                let text = format!("{error:?}");
                assert!(text.contains("InvalidInput"), "{given:?}: {text}");
                assert_unchanged(cluster, &before, &given).await;
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suffix_and_a_database_are_taken_as_they_are_or_refused() {
    let cluster = &shop().await;
    check(30, text(), |given| async move {
        let before = state(cluster).await;
        let input = json!({ "target_label": LABEL, "rename_suffix": given, "dry_run": true });
        if let Err(error) = flow::restore(cluster, input).await.result {
            let text = format!("{error:?}");
            assert!(text.contains("InvalidInput"), "{given:?}: {text}");
        }
        assert_unchanged(cluster, &before, &given).await;
        let input = json!({ "target_label": LABEL, "into_database": given });
        match flow::restore(cluster, input).await.result {
            Ok(_) => {
                let rows = format!("SELECT id FROM {}.orders", name(&given));
                assert_eq!(cluster.rows(&rows).await, [["1"], ["11"]], "{given:?}");
                run(cluster, format!("DROP DATABASE {} FORCE", name(&given))).await;
                cluster.advance(60);
            }
            Err(error) => {
                let text = format!("{error:?}");
                assert!(text.contains("InvalidInput"), "{given:?}: {text}");
                assert_unchanged(cluster, &before, &given).await;
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_taken_as_it_is_or_refused() {
    let cluster = &shop().await;
    check(30, text(), |given| async move {
        let before = state(cluster).await;
        // YAML reads JSON, so the text stands there as it is.
        let quoted = serde_json::to_string(&given).expect("JSON");
        for (key, codes) in [
            ("repository", &[2, 7][..]),
            ("database", &[0, 2, 7]),
            ("time_zone", &[0, 2]),
            ("window_hours", &[2]),
            ("stall_minutes", &[2]),
            ("min_free_disk_percent", &[2]),
            ("user", &[2, 8]),
            ("tls", &[2]),
            (given.as_str(), &[2]),
        ] {
            let more = match key == given {
                true => format!("{quoted}: 1\n"),
                false => format!("{key}: {quoted}\n"),
            };
            let file = match key {
                "repository" | "user" => replaced(cluster, key, &quoted),
                _ => configuration(cluster, &more),
            };
            let said = command_with(&file, &["init"]).await;
            let number = given.trim().parse::<u32>().is_ok();
            assert!(
                codes.contains(&said.code) || number,
                "{key}: {given:?}: {} {}",
                said.code,
                said.err
            );
        }
        assert_unchanged(cluster, &before, &given).await;
        ops_database(cluster, &given, &quoted).await;
        inventory(cluster, &given, &quoted).await;
        assert_unchanged(cluster, &before, &given).await;
    });
}

fn replaced(cluster: &Cluster, key: &str, quoted: &str) -> tempfile::NamedTempFile {
    use std::io::Write as _;
    let file = configuration(cluster, "");
    let text = std::fs::read_to_string(file.path()).expect("a text");
    let lines = text.lines().map(|line| match line.split_once(": ") {
        Some((found, _)) if found == key => format!("{key}: {quoted}\n"),
        _ => format!("{line}\n"),
    });
    let mut replaced = tempfile::NamedTempFile::new().expect("a temporary file");
    let text: String = lines.collect();
    replaced.write_all(text.as_bytes()).expect("written");
    replaced
}

async fn ops_database(cluster: &Cluster, given: &str, quoted: &str) {
    let file = configuration(cluster, &format!("ops_database: {quoted}\n"));
    if !command_with(&file, &["init"]).await.refused() {
        let tables = cluster
            .rows(&format!("SHOW TABLES FROM {}", name(given)))
            .await;
        assert_eq!(tables.len(), 7, "{given:?}: {tables:?}");
        assert_eq!(command_with(&file, &["list"]).await.code, 0);
        run(cluster, format!("DROP DATABASE {} FORCE", name(given))).await;
    }
}

async fn inventory(cluster: &Cluster, given: &str, quoted: &str) {
    for (group, database, table) in [
        (quoted, "\"sales\"", "\"orders\""),
        ("\"other\"", quoted, "\"orders\""),
        ("\"other\"", "\"sales\"", quoted),
    ] {
        let more = format!(
            "table_inventory:\n  - group: {group}\n    tables:\n      - database: {database}\n        \
             table: {table}\n"
        );
        let file = configuration(cluster, &more);
        if command_with(&file, &["init"]).await.refused() {
            continue;
        }
        let listed = command(cluster, &["--output", "json", "group", "list"]).await;
        let listed: Value = serde_json::from_str(&listed.out).expect("JSON");
        let text = |quoted: &str| serde_json::from_str::<Value>(quoted).expect("JSON");
        let row = json!({
            "group": text(group), "database": text(database), "table": text(table)
        });
        assert!(
            listed.as_array().unwrap().contains(&row),
            "{given:?}: {listed}"
        );
        run(
            cluster,
            format!(
                "DELETE FROM ops.table_inventory WHERE inventory_group = {} AND database_name = {} \
                 AND table_name = {}",
                literal(row["group"].as_str().unwrap()),
                literal(row["database"].as_str().unwrap()),
                literal(row["table"].as_str().unwrap())
            ),
        )
        .await;
    }
}

/// As many different texts as asked for, the same in every run.
fn texts(count: usize) -> Vec<String> {
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let mut texts: Vec<String> = Vec::new();
    while texts.len() < count {
        let tree = text().new_tree(&mut runner).expect("a text");
        let text = tree.current();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// Tables of every name, column of every name, LIST of every value: what the server takes is backed up
/// and comes back, what it does not take is not ours to see.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_server_takes_comes_back() {
    for profile in [Profile::V3_5, Profile::V4_1] {
        let cluster = &Cluster::start(profile).await;
        cluster.sql("CREATE DATABASE sales").await;
        cluster.group("nightly", &["sales.*"]).await;
        let mut made = Vec::new();
        for (number, given) in texts(24).into_iter().enumerate() {
            made.extend(table(cluster, number, &given).await);
        }
        assert!(made.len() > 36, "{} tables were made", made.len());
        let full = super::label_of(&flow::full(cluster, "nightly").await);
        for (number, own) in made.iter().enumerate() {
            let rows = format!("INSERT INTO sales.{} SELECT * FROM sales.{0}", name(own));
            if number % 2 == 0 {
                run(cluster, rows).await;
            }
        }
        let before = content(cluster, "sales", &made).await;
        let label = super::label_of(&flow::incremental(cluster, "nightly").await);
        for own in &made {
            run(cluster, format!("TRUNCATE TABLE sales.{}", name(own))).await;
        }
        flow::restore(cluster, json!({ "target_label": label }))
            .await
            .output();
        assert_eq!(content(cluster, "sales", &made).await, before);
        cluster.advance(60);
        let input = json!({ "target_label": label, "into_database": "copy" });
        flow::restore(cluster, input).await.output();
        assert_eq!(content(cluster, "copy", &made).await, before);
        assert_ne!(full, label);
    }
}

async fn content(cluster: &Cluster, database: &str, tables: &[String]) -> Vec<Vec<Vec<String>>> {
    let mut content = Vec::new();
    for own in tables {
        let query = format!("SELECT * FROM {database}.{}", name(own));
        content.push(cluster.rows(&query).await);
    }
    content
}

/// A RANGE table of that name, and a LIST table that holds the text; the names that were made.
async fn table(cluster: &Cluster, number: usize, given: &str) -> Vec<String> {
    use mysql_async::prelude::Queryable;
    let mut connection = cluster.connection().await;
    let mut made = Vec::new();
    // Backquoted, a backtick would be dropped by the server, and another name be made.
    if !given.contains('`') {
        let own = name(given);
        let statement = format!(
            "CREATE TABLE sales.{own} (`k` INT NOT NULL COMMENT {comment}, {own} STRING) \
             DUPLICATE KEY(`k`) COMMENT {comment} PARTITION BY RANGE(`k`) \
             (PARTITION p1 VALUES LESS THAN ('10'), PARTITION p2 VALUES LESS THAN ('20')) \
             DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES('replication_num'='1')",
            comment = literal(given)
        );
        if connection.query_drop(statement).await.is_ok() {
            let value = literal(given);
            let rows = format!("INSERT INTO sales.{own} VALUES (1, {value}), (11, {value})");
            connection.query_drop(rows).await.expect("rows");
            made.push(given.to_owned());
        }
    }
    let own = format!("list{number}");
    let statement = format!(
        "CREATE TABLE sales.{own} (`c` VARCHAR(99) NOT NULL, `id` INT) DUPLICATE KEY(`c`) \
         PARTITION BY LIST(`c`) (PARTITION p1 VALUES IN ({value}, 'x{number}'), \
         PARTITION p2 VALUES IN ('y')) \
         DISTRIBUTED BY HASH(`id`) BUCKETS 1 PROPERTIES('replication_num'='1')",
        value = literal(given)
    );
    if connection.query_drop(statement).await.is_ok() {
        let rows = format!(
            "INSERT INTO sales.{own} VALUES ({}, 1), ('y', 2)",
            literal(given)
        );
        connection.query_drop(rows).await.expect("rows");
        made.push(own);
    }
    connection.disconnect().await.expect("goodbye");
    made
}
