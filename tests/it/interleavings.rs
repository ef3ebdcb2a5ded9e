//! Between the first reading and the pin anything may happen. Each case ends in a label whose rows are
//! those of the pin, or says that it does not.

mod table;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// After R0, before BACKUP is sent.
    Planned,
    /// BACKUP is accepted, its versions are not captured.
    Submitted,
    /// Versions are captured, and nobody has looked since.
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
    shop_of(Profile::V3_5).await
}

async fn shop_of(profile: Profile) -> Cluster {
    let cluster = Cluster::start(profile).await;
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
            return at_statement(cluster, MANIFEST, |engine| run(engine, statements));
        }
        Moment::Read => {
            upload_for_long(cluster);
            return at_statement(cluster, READ, |engine| run(engine, statements));
        }
        Moment::Submitted => BackupState::Pending,
        Moment::Pinned => BackupState::Snapshoting,
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

/// What is written when R0 was read. An incremental reads the table before that.
const MANIFEST: &str = "INSERT INTO `ops`.`backup_partitions`";

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

/// Whatever happened: the next incremental, which nobody disturbs, is what is there.
async fn next_incremental_misses_nothing(cluster: &Cluster, what: &str) {
    cluster.advance(60);
    let output = flow::incremental(cluster, "nightly").await;
    let label = output["summary"]["databases"][0]["label"]
        .as_str()
        .expect("a label")
        .to_owned();
    let now = cluster.emulator.with_engine(|engine| rows(engine, "sales"));
    cluster.sql("DROP DATABASE IF EXISTS copy FORCE").await;
    cluster.advance(60);
    assert_eq!(
        restored(cluster, &label).await,
        now,
        "{what}: the next incremental"
    );
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

fn alter_at_every_pin(engine: &mut Engine, number: u32) {
    let at = At::backup("sales", BackupState::Snapshoting);
    engine.jobs.faults.at_state(at, move |engine| {
        run(
            engine,
            &format!("ALTER TABLE sales.orders ADD COLUMN x{number} INT NULL"),
        );
        alter_at_every_pin(engine, number + 1);
    });
}

/// Planned again once, and then what stood still is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_altered_at_every_pin_is_left_out_and_named() {
    for kind in ["full", "incremental"] {
        let cluster = shop().await;
        if kind == "incremental" {
            flow::full(&cluster, "nightly").await;
            cluster
                .sql("INSERT INTO sales.still VALUES ('2026-01-01', 11)")
                .await;
            cluster
                .sql("INSERT INTO sales.orders VALUES ('2026-01-01', 11)")
                .await;
        }
        cluster
            .emulator
            .with_engine(|engine| alter_at_every_pin(engine, 0));
        let ended = flow::backup(&cluster, json!({ "group": "nightly", "kind": kind })).await;
        let error = ended.error();
        assert_eq!(error.error, "PartialBackup", "{kind}: {error:?}");
        assert!(error.cause.contains("orders"), "{kind}: {error:?}");
        assert!(!error.cause.contains("still"), "{kind}: {error:?}");
        let label = cluster
            .one("SELECT label FROM ops.backup_history WHERE status = 'PARTIAL' ORDER BY planned_at DESC LIMIT 1")
            .await;
        let mut expected = cluster.emulator.with_engine(|engine| rows(engine, "sales"));
        expected.remove("orders");
        assert_eq!(restored(&cluster, &label).await, expected, "{kind}");
    }
}
