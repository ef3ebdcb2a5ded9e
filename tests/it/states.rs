//! What states carry: ids and small numbers. AWS shows every document in its console, and ends an
//! execution at 262,144 bytes.

use std::ops::Range;

use cli::asl::{Machine, Placeholders, resources};
use serde_json::{Value, json};
use shared::{plan::polling, state_size};
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
    jobs::{faults::At, state::BackupState},
    reply::SqlError,
};
use tests::{
    cluster::{Cluster, PASSWORD},
    cost::{self, CALLS, Cost},
    flow::{self, Ended},
    witness::{Seen, Witness},
};

const LIMIT: usize = 32 * 1024;
const DATABASES: u32 = 20;
/// More than most have.
const MANY: u32 = 120;

/// Longer than most.
fn name(number: u32) -> String {
    format!("warehouse_of_the_northern_region_{number:02}")
}

async fn many(databases: u32, tables: u32) -> Cluster {
    let cluster = Cluster::start(Profile::V4_1).await;
    for number in 0..databases {
        let name = name(number);
        let tables: Vec<String> = (0..tables)
            .map(|table| {
                format!(
                    "CREATE TABLE {name}.facts_of_subject_{table} (id INT NOT NULL) DUPLICATE KEY(id) \
                     DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');\n\
                     INSERT INTO {name}.facts_of_subject_{table} VALUES (1)"
                )
            })
            .collect();
        cluster
            .sql(&format!("CREATE DATABASE {name};\n{}", tables.join(";\n")))
            .await;
        cluster.group("nightly", &[&format!("{name}.*")]).await;
    }
    cluster
}

/// The password, and the keys of the repository.
fn secrets() -> Witness {
    Witness::of_secrets(&[PASSWORD, "secret_key", "access_key"])
}

async fn run(cluster: &Cluster, machine: &Machine, input: Value) -> (Ended, Seen) {
    let witness = secrets();
    let observed = witness.clone();
    let see = move |event: &cli::asl::Event<'_>| observed.observe(event);
    let ended = flow::watched(cluster, machine, input, see).await;
    (ended, witness.seen())
}

fn check(what: &str, seen: &Seen) {
    assert!(seen.leaks.is_empty(), "{what}: {:?}", seen.leaks);
    let (bytes, state) = &seen.largest;
    assert!(*bytes < LIMIT, "{what}: {bytes} bytes in {state}");
    assert!(*bytes > 0, "{what}: the witness sees documents");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_state_carries_a_secret_or_much() {
    let cluster = many(DATABASES, 5).await;
    let backup = resources::backup().unwrap();
    let input = json!({ "group": "nightly", "kind": "full" });
    let (ended, seen) = run(&cluster, &backup, input).await;
    ended.output();
    check("full", &seen);

    for table in 0..5 {
        cluster
            .sql(&format!(
                "TRUNCATE TABLE {}.facts_of_subject_{table}",
                name(7)
            ))
            .await;
    }
    let label = format!("{}_20260301_full", name(7));
    let restore = resources::restore().unwrap();
    let (ended, seen) = run(&cluster, &restore, json!({ "target_label": label })).await;
    check("restore", &seen);
    let undo = ended.output()["summary"]["next_input"].clone();
    let (ended, seen) = run(&cluster, &restore, undo).await;
    ended.output();
    check("undo", &seen);

    let (_, seen) = run(&cluster, &resources::audit().unwrap(), json!({})).await;
    check("audit", &seen);
}

const WORDS: &str = "the broker said that it has lost its disk. ";

fn all_fail(cluster: &Cluster, databases: Range<u32>) {
    cluster.emulator.with_engine(|engine| {
        for number in databases {
            let at = At::backup(name(number), BackupState::Uploading);
            engine
                .jobs
                .faults
                .cancel(at, "COMMON_ERROR", &WORDS.repeat(200));
        }
    });
}

/// As above, and some are refused at once: what Catch puts into the state is cut too. Each still says what
/// to do, and all are recorded.
#[tokio::test(flavor = "multi_thread")]
async fn many_databases_that_fail_at_once_are_all_recorded_and_say_what_to_do() {
    let cluster = many(MANY, 1).await;
    all_fail(&cluster, MANY / 2..MANY);
    let refused: Vec<String> = (0..MANY / 2)
        .map(|number| format!("BACKUP SNAPSHOT `{}`", name(number)))
        .collect();
    let is_refused = move |sql: &str| refused.iter().any(|begin| sql.starts_with(begin));
    let words = SqlError::new(1064, "42000", WORDS.repeat(200));
    let faults = cluster.emulator.faults();
    faults.always(When::Matches(Box::new(is_refused)), Fault::Refuse(words));
    let backup = resources::backup().unwrap();
    let input = json!({ "group": "nightly", "kind": "full" });
    let (ended, seen) = run(&cluster, &backup, input).await;
    let error = ended.error();
    assert_eq!(error.error, "BackupFailed", "{error:?}");
    // As the answer of a function, no longer than what Step Functions take.
    let answer = json!({ "errorType": error.error, "errorMessage": error.cause }).to_string();
    assert!(answer.len() < 32_768, "{}", answer.len());
    for number in [0, MANY / 2, MANY - 1] {
        assert!(error.cause.contains(&name(number)), "{}", error.cause);
    }
    let (bytes, state) = &seen.largest;
    assert!(
        *bytes < state_size::LIMIT * 3 / 4,
        "{bytes} bytes in {state}"
    );
    let failed = "SELECT COUNT(*) FROM ops.backup_history WHERE status IN ('CANCELLED', 'FAILED')";
    assert_eq!(cluster.one(failed).await, MANY.to_string());
}

/// What precheck computes is what there is, and no less.
#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_many_databases_is_as_large_as_it_was_computed() {
    let cluster = many(DATABASES, 1).await;
    let backup = resources::backup().unwrap();
    let input = json!({ "group": "nightly", "kind": "full" });
    let (ended, seen) = run(&cluster, &backup, input).await;
    ended.output();
    let names: Vec<_> = (0..DATABASES).map(|n| name(n).parse().unwrap()).collect();
    let computed = state_size::state_bytes(&names);
    let (bytes, state) = &seen.largest;
    assert!(
        (computed * 7 / 10..=computed).contains(bytes),
        "computed {computed}, {bytes} in {state}"
    );
}

/// Every database fails, and the engine has much to say of each. States then carry more, and never what
/// would end the execution before it is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn long_words_of_the_engine_end_no_execution() {
    let cluster = many(DATABASES, 5).await;
    all_fail(&cluster, 0..DATABASES);
    let backup = resources::backup().unwrap();
    let input = json!({ "group": "nightly", "kind": "full" });
    let (ended, seen) = run(&cluster, &backup, input).await;
    let error = ended.error();
    assert_eq!(error.error, "BackupFailed");
    assert!(error.cause.contains("has lost its disk"), "{}", error.cause);
    assert!(seen.leaks.is_empty(), "{:?}", seen.leaks);
    let (bytes, state) = &seen.largest;
    assert!(*bytes < 4 * LIMIT, "{bytes} bytes in {state}");
    let failed = "SELECT COUNT(*) FROM ops.backup_history WHERE status = 'CANCELLED'";
    assert_eq!(cluster.one(failed).await, DATABASES.to_string());
}

/// The witness would see a secret if there were one.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_state_is_seen() {
    let cluster = Cluster::start(Profile::V4_1).await;
    let placeholders = Placeholders {
        functions: &[],
        others: &[],
    };
    let leak = json!({"StartAt": "Leak", "States": {
        "Leak": {"Type": "Pass", "Result": {"password": PASSWORD}, "End": true},
    }});
    let machine = Machine::load(&leak.to_string(), placeholders).unwrap();
    let (_, seen) = run(&cluster, &machine, json!({})).await;
    assert_eq!(seen.leaks.len(), 1, "{:?}", seen.leaks);
    assert!(seen.leaks[0].starts_with("Leak: "));
}

/// Step Functions ends an execution at 25,000 events; precheck computes beforehand what there will be.
#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_long_backup_is_as_it_was_computed() {
    let seen = cost::watch(4, 6).await;
    let computed = polling::history_events(4, 6 * 3600);
    let counted = u64::from(seen.history_events);
    assert!(
        (counted..counted + 100).contains(&computed),
        "computed {computed}, counted {counted}"
    );
    assert!(Cost::of(&seen).total() < 0.05);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_history_has_no_room_for_is_refused() {
    let cluster = tests::shop::shop(Profile::V4_1).await;
    let input = json!({ "group": "nightly", "kind": "full" });
    let refused = [("STARROCKS_BR_WINDOW_HOURS", "54")];
    let error = flow::backup_as(&cluster, input.clone(), &refused)
        .await
        .error();
    assert_eq!(error.error, "InvalidConfig");
    assert!(error.cause.contains("12000"), "{}", error.cause);
    assert_eq!(
        cluster.one("SELECT COUNT(*) FROM ops.run_status").await,
        "0"
    );
    let accepted = [("STARROCKS_BR_WINDOW_HOURS", "53")];
    flow::backup_as(&cluster, input, &accepted).await.output();
}

/// The cost model assumes the memory that is deployed.
#[test]
fn the_cost_model_knows_the_memory_of_the_functions() {
    let terraform = include_str!("../../infra/functions.tf");
    for call in CALLS {
        let row = terraform
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{} ", call.folder)));
        let row = row.unwrap_or_else(|| panic!("no function {}", call.folder));
        let memory = format!("memory = {},", call.memory_mb);
        assert!(row.contains(&memory), "{row}: not {memory}");
    }
}
