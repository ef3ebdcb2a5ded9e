//! Arbitrary text in every position where a person or an event gives one: it is refused and nothing
//! changes, or it comes back as it is.

mod configuration;
mod tables;

use std::{collections::BTreeMap, future::Future};

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};
use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{
    cluster::Cluster,
    command::{self, Said, command},
    flow,
};

use super::{name, run};

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
