//! Between the first reading and the pin anything may happen. Each case ends in a label whose rows are
//! those of the pin, or says that it does not.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};
use starrocks_emulator::{
    Profile,
    engine::Engine,
    faults::{Fault, When},
    jobs::{faults::At, state::BackupState},
    reply::Reply,
};
use tests::{cluster::Cluster, flow};

const TABLES: [&str; 3] = ["orders", "still", "other"];
const RANGE: &str = "(k DATE NOT NULL, id INT NOT NULL) DUPLICATE KEY(k, id) PARTITION BY RANGE(k) (\
     PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03'), \
     PARTITION p3 VALUES LESS THAN ('2026-01-04'), PARTITION p4 VALUES LESS THAN ('2026-01-05')) \
     DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')";

/// What somebody else does meanwhile.
const MEDDLING: [(&str, &str); 11] = [
    ("load", "INSERT INTO sales.orders VALUES ('2026-01-02', 22)"),
    (
        "load into another table",
        "INSERT INTO sales.still VALUES ('2026-01-02', 22)",
    ),
    (
        "load into a new partition",
        "ALTER TABLE sales.orders ADD PARTITION p5 VALUES LESS THAN ('2026-01-06');\nINSERT INTO sales.orders VALUES ('2026-01-05', 5)",
    ),
    (
        "drop partition",
        "ALTER TABLE sales.orders DROP PARTITION p2 FORCE",
    ),
    (
        "drop a partition that is referenced",
        "ALTER TABLE sales.orders DROP PARTITION p4 FORCE",
    ),
    ("truncate", "TRUNCATE TABLE sales.orders PARTITION (p2)"),
    (
        "overwrite",
        "INSERT OVERWRITE sales.orders PARTITION(p2) SELECT '2026-01-02', 77",
    ),
    (
        "schema change",
        "ALTER TABLE sales.orders ADD COLUMN x INT NULL",
    ),
    ("swap", "ALTER TABLE sales.orders SWAP WITH other"),
    ("drop table", "DROP TABLE sales.orders FORCE"),
    (
        "drop and make again",
        "DROP TABLE sales.orders FORCE;\nCREATE TABLE sales.orders LIKE sales.still;\nINSERT INTO sales.orders VALUES ('2026-01-01', 100)",
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// After R0, before BACKUP is sent.
    Planned,
    /// BACKUP is accepted, its versions are not captured.
    Submitted,
    /// Versions are captured, files are on their way.
    Pinned,
    /// A look has taken the second reading, and the upload goes on for long.
    Read,
}

type Rows = BTreeMap<&'static str, Vec<Vec<Option<String>>>>;

fn run(engine: &mut Engine, statements: &str) {
    for statement in statements.split(";\n") {
        engine
            .execute_as_root(Some("sales"), statement)
            .unwrap_or_else(|error| panic!("{statement}: {}", error.message));
    }
}

fn rows(engine: &mut Engine, database: &str) -> Rows {
    TABLES
        .into_iter()
        .filter_map(|table| {
            let reply = engine.execute_as_root(None, &format!("SELECT * FROM {database}.{table}"));
            let Ok(Reply::Rows(mut result)) = reply else {
                return None;
            };
            result.rows.sort();
            Some((table, result.rows))
        })
        .collect()
}

async fn shop() -> Cluster {
    let cluster = Cluster::start(Profile::V3_5).await;
    let loads = "('2026-01-01', 1), ('2026-01-02', 2), ('2026-01-03', 3), ('2026-01-04', 4)";
    cluster.sql("CREATE DATABASE sales").await;
    for table in TABLES {
        cluster
            .sql(&format!(
                "CREATE TABLE sales.{table} {RANGE};\nINSERT INTO sales.{table} VALUES {loads}"
            ))
            .await;
    }
    cluster.group("nightly", &["sales.*"]).await;
    cluster
}

type Pins = Arc<Mutex<Vec<Rows>>>;

/// Remembers what every pin saw: the last one is the label's.
fn watch_pins(cluster: &Cluster) -> Pins {
    let pins = Pins::default();
    cluster
        .emulator
        .with_engine(|engine| watch_next_pin(engine, Arc::clone(&pins)));
    pins
}

fn watch_next_pin(engine: &mut Engine, pins: Pins) {
    let at = At::backup("sales", BackupState::Snapshoting);
    engine.jobs.faults.at_state(at, move |engine| {
        let now = rows(engine, "sales");
        pins.lock().unwrap().push(now);
        watch_next_pin(engine, pins);
    });
}

fn meddle(cluster: &Cluster, moment: Moment, statements: &'static str) {
    let state = match moment {
        Moment::Planned => {
            return at_statement(cluster, "`backup_partitions`", |engine| {
                run(engine, statements)
            });
        }
        Moment::Read => {
            upload_for_long(cluster);
            return at_statement(cluster, READ, |engine| run(engine, statements));
        }
        Moment::Submitted => BackupState::Pending,
        Moment::Pinned => BackupState::Uploading,
    };
    cluster.emulator.with_engine(|engine| {
        engine
            .jobs
            .faults
            .at_state(At::backup("sales", state), move |engine| {
                run(engine, statements)
            });
    });
}

/// The first statement after the second reading was kept.
const READ: &str = "phase = 'PINNED'";

fn upload_for_long(cluster: &Cluster) {
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.upload_ticks = 40);
}

/// Does something once, right before the first statement that contains `words`.
fn at_statement(
    cluster: &Cluster,
    words: &'static str,
    act: impl Fn(&mut Engine) + Send + 'static,
) {
    let emulator = Arc::clone(&cluster.emulator);
    let done = AtomicBool::new(false);
    let meddler = move |sql: &str| {
        if sql.contains(words) && !done.swap(true, Ordering::SeqCst) {
            emulator.with_engine(&act);
        }
        false
    };
    cluster
        .emulator
        .faults()
        .always(When::Matches(Box::new(meddler)), Fault::DropBefore);
}

/// The newest label, and the rows that a restore of it brings into another database.
async fn restored(cluster: &Cluster, label: &str) -> Rows {
    let input = json!({ "target_label": label, "into_database": "copy" });
    flow::restore(cluster, input).await.output();
    cluster.emulator.with_engine(|engine| rows(engine, "copy"))
}

async fn case(kind: &str, moment: Moment, name: &str, statements: &'static str) {
    let what = format!("{kind}, {moment:?}: {name}");
    let cluster = shop().await;
    if kind == "incremental" {
        flow::full(&cluster, "nightly").await;
        // p1 and p2 are stored by the incremental, p3 and p4 referenced.
        cluster
            .sql("INSERT INTO sales.orders VALUES ('2026-01-01', 11), ('2026-01-02', 12)")
            .await;
    }
    let pins = watch_pins(&cluster);
    meddle(&cluster, moment, statements);
    let ended = flow::backup(&cluster, json!({ "group": "nightly", "kind": kind })).await;
    cluster.emulator.faults().clear();
    let output = match ended.result {
        Ok(output) => output,
        Err(error) => {
            // A referenced table that went can make the label partial: it is said, by name.
            let text = error.to_string();
            assert_ne!(moment, Moment::Read, "{what}: {text}");
            assert!(
                text.contains("PartialBackup") && text.contains("orders"),
                "{what}: {text}"
            );
            return;
        }
    };
    let database = &output["summary"]["databases"][0];
    let label = database["label"].as_str().expect("a label");
    let pinned = match database["snapshot_timestamp"].is_null() {
        // Nothing was left to store, so no BACKUP was sent: the label is what is there.
        true => cluster.emulator.with_engine(|engine| rows(engine, "sales")),
        false => pins.lock().unwrap().last().cloned().expect("a pin"),
    };
    let found = restored(&cluster, label).await;
    match database["cut"].as_str() {
        Some("exact") => assert_eq!(found, pinned, "{what}: {label}"),
        // Said wherever the label is shown; only an incremental can be.
        Some("torn") => assert!(kind == "incremental" && moment != Moment::Read, "{what}"),
        other => panic!("{what}: cut {other:?}"),
    }
    next_incremental_misses_nothing(&cluster, &what).await;
}

/// Whatever happened: the next incremental, which nobody disturbs, is what is there.
async fn next_incremental_misses_nothing(cluster: &Cluster, what: &str) {
    cluster.advance(60);
    let output = flow::incremental(cluster, "nightly").await;
    let label = output["summary"]["databases"][0]["label"]
        .as_str()
        .expect("a label")
        .to_owned();
    let now = cluster.emulator.with_engine(|engine| rows(engine, "sales"));
    cluster.sql("DROP DATABASE copy FORCE").await;
    cluster.advance(60);
    assert_eq!(
        restored(cluster, &label).await,
        now,
        "{what}: the next incremental"
    );
}

async fn all(kind: &str, moment: Moment) {
    for (name, statements) in MEDDLING {
        case(kind, moment, name, statements).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_between_plan_and_submit() {
    all("full", Moment::Planned).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_between_submit_and_pin() {
    all("full", Moment::Submitted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_after_the_pin() {
    all("full", Moment::Pinned).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incremental_between_plan_and_submit() {
    all("incremental", Moment::Planned).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incremental_between_submit_and_pin() {
    all("incremental", Moment::Submitted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incremental_after_the_pin() {
    all("incremental", Moment::Pinned).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_during_a_long_upload() {
    all("full", Moment::Read).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incremental_during_a_long_upload() {
    all("incremental", Moment::Read).await;
}

/// A partition that is referenced is loaded: whether that tears the label depends on the pin alone.
async fn cut_of_an_incremental(disturb: impl FnOnce(&Cluster)) -> (Cluster, String, String) {
    let cluster = shop().await;
    flow::full(&cluster, "nightly").await;
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-01', 11)")
        .await;
    disturb(&cluster);
    let output = flow::incremental(&cluster, "nightly").await;
    cluster.emulator.faults().clear();
    let database = &output["summary"]["databases"][0];
    let text = |field: &str| database[field].as_str().expect("a text").to_owned();
    let (label, cut) = (text("label"), text("cut"));
    (cluster, label, cut)
}

const INTO_P4: &str = "INSERT INTO sales.orders VALUES ('2026-01-04', 44)";

#[tokio::test(flavor = "multi_thread")]
async fn a_load_before_the_pin_tears_and_one_during_the_upload_does_not() {
    let (_, _, cut) = cut_of_an_incremental(|cluster| {
        meddle(cluster, Moment::Submitted, INTO_P4);
    })
    .await;
    assert_eq!(cut, "torn");
    let (cluster, label, cut) = cut_of_an_incremental(|cluster| {
        meddle(cluster, Moment::Read, INTO_P4);
    })
    .await;
    assert_eq!(cut, "exact");
    let found = restored(&cluster, &label).await;
    assert!(!format!("{found:?}").contains("44"), "{found:?}");
}

/// A reading of the first pin says nothing of the second: the load between them is seen all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_reading_of_a_pin_that_was_lost_is_not_used() {
    let (cluster, _, cut) = cut_of_an_incremental(|cluster| {
        upload_for_long(cluster);
        at_statement(cluster, READ, |engine| {
            run(engine, INTO_P4);
            engine.forget_pins();
        });
    })
    .await;
    assert_eq!(cut, "torn");
    let kept = "SELECT COUNT(*) FROM ops.backup_history \
                WHERE second_reading IS NOT NULL AND backup_type <> 'full'";
    assert_eq!(cluster.one(kept).await, "1", "one was kept");
}

/// What was kept is used whole or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_reading_that_was_altered_is_refused() {
    let cluster = shop().await;
    upload_for_long(&cluster);
    at_statement(&cluster, READ, |engine| {
        let alter = "UPDATE ops.backup_history SET second_reading = CONCAT(second_reading, ' ') \
                     WHERE second_reading IS NOT NULL";
        engine.execute_as_root(None, alter).expect("it is altered");
    });
    let input = json!({ "group": "nightly", "kind": "full" });
    let error = flow::backup(&cluster, input)
        .await
        .result
        .expect_err("it is refused");
    let text = error.to_string();
    assert!(text.contains("second_reading of label"), "{text}");
}

/// The first pin is lost with the frontend, and the second one captures newer versions.
#[tokio::test(flavor = "multi_thread")]
async fn a_frontend_that_restarts_pins_again() {
    let cluster = shop().await;
    let pins = watch_pins(&cluster);
    cluster.emulator.with_engine(|engine| {
        engine
            .jobs
            .faults
            .at_state(At::backup("sales", BackupState::Snapshoting), |engine| {
                run(engine, "INSERT INTO sales.orders VALUES ('2026-01-03', 33)");
                engine.restart_jobs();
            });
    });
    let output = flow::full(&cluster, "nightly").await;
    let label = output["summary"]["databases"][0]["label"]
        .as_str()
        .expect("a label")
        .to_owned();
    let pinned = pins.lock().unwrap().clone();
    assert!(pinned.len() >= 2, "it was pinned twice");
    assert_eq!(Some(&restored(&cluster, &label).await), pinned.last());
    let next: Value = flow::incremental(&cluster, "nightly").await;
    assert_eq!(next["summary"]["databases"][0]["status"], json!("FINISHED"));
}
