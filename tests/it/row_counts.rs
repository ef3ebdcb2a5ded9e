//! Rows are counted while the upload runs, and a restore is held against those counts.

use serde_json::{Value, json};
use shared::ops::Ops;
use starrocks_emulator::{
    Profile,
    engine::Engine,
    faults::{Fault, When},
};
use tests::{
    cluster::{Cluster, NULL},
    flow,
};

const RANGE: &str = "(k DATE NOT NULL, id INT NOT NULL) DUPLICATE KEY(k, id) PARTITION BY RANGE(k) (\
     PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03'), \
     PARTITION p3 VALUES LESS THAN ('2026-01-04')) \
     DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')";

async fn shop() -> Cluster {
    let cluster = Cluster::start(Profile::V3_5).await;
    cluster
        .sql(&format!(
            "CREATE DATABASE sales;
             CREATE TABLE sales.orders {RANGE};
             INSERT INTO sales.orders VALUES ('2026-01-01', 1), ('2026-01-02', 2), ('2026-01-02', 3);
             CREATE TABLE sales.users (id INT NOT NULL) DUPLICATE KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             INSERT INTO sales.users VALUES (1), (2), (3), (4)"
        ))
        .await;
    cluster.group("nightly", &["sales.*"]).await;
    cluster
}

/// `p1=1` of every partition of the newest label, `?` where the count is not known.
async fn counts(cluster: &Cluster, kind: &str) -> String {
    let label = cluster
        .one(&format!(
            "SELECT label FROM ops.backup_history WHERE backup_type = '{kind}'"
        ))
        .await;
    let label = label.parse().expect("a label");
    let settings = cluster.settings();
    let mut client = cluster.context().connect().await.expect("a connection");
    let mut ops = Ops::new(&mut client, settings.ops_database());
    let record = ops.known_backup(&label).await.expect("its record");
    let manifest = ops.manifest(&record).await.expect("its manifest");
    let mut shown = Vec::new();
    for table in &manifest.tables {
        for partition in &table.partitions {
            let count = partition.row_count.map(|count| count.to_string());
            let count = count.unwrap_or_else(|| "?".to_owned());
            shown.push(format!("{}.{}={count}", table.table, partition.name));
        }
    }
    shown.join(" ")
}

async fn rows_total(cluster: &Cluster, kind: &str) -> String {
    cluster
        .one(&format!(
            "SELECT rows_total FROM ops.backup_history WHERE backup_type = '{kind}'"
        ))
        .await
}

fn input(kind: &str) -> Value {
    json!({ "group": "nightly", "kind": kind })
}

fn uploads_for_long(cluster: &Cluster) {
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.upload_ticks = 40);
}

fn load(engine: &mut Engine) {
    engine
        .execute_as_root(None, "INSERT INTO sales.orders VALUES ('2026-01-02', 22)")
        .expect("a load");
}

/// Runs once, before the first statement that contains `words`.
fn at_statement(cluster: &Cluster, words: &'static str, act: fn(&mut Engine)) {
    let emulator = std::sync::Arc::clone(&cluster.emulator);
    let done = std::sync::atomic::AtomicBool::new(false);
    let meddler = move |sql: &str| {
        if sql.contains(words) && !done.swap(true, std::sync::atomic::Ordering::SeqCst) {
            emulator.with_engine(act);
        }
        false
    };
    cluster
        .emulator
        .faults()
        .always(When::Matches(Box::new(meddler)), Fault::DropBefore);
}

fn sent(cluster: &Cluster, words: &str) -> usize {
    let journal = cluster.emulator.faults().journal();
    journal
        .iter()
        .filter(|entry| entry.sql.contains(words))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_stands_still_is_counted_and_what_is_referenced_keeps_its_count() {
    let cluster = shop().await;
    flow::full(&cluster, "nightly").await;
    let all = "orders.p1=1 orders.p2=2 orders.p3=0 users.*=4";
    assert_eq!(counts(&cluster, "full").await, all);
    assert_eq!(rows_total(&cluster, "full").await, "7");

    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-03', 5)")
        .await;
    cluster.emulator.faults().reset_journal();
    flow::incremental(&cluster, "nightly").await;
    let all = "orders.p1=1 orders.p2=2 orders.p3=1 users.*=4";
    assert_eq!(counts(&cluster, "incremental").await, all);
    assert_eq!(rows_total(&cluster, "incremental").await, "8");
    assert_eq!(sent(&cluster, "partition_index"), 1, "one statement counts");
    let manifest = sent(&cluster, "INSERT INTO `ops`.`backup_partitions`");
    assert_eq!(manifest, 1, "nothing is written again for its counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_loaded_before_the_pin_has_no_count() {
    let cluster = shop().await;
    // Between R0 and the pin, before it is counted: the count is of other rows than the snapshot might
    // have.
    at_statement(&cluster, "partition_index", load);
    flow::full(&cluster, "nightly").await;
    cluster.emulator.faults().clear();
    let all = "orders.p1=1 orders.p2=? orders.p3=0 users.*=4";
    assert_eq!(counts(&cluster, "full").await, all);
    assert_eq!(rows_total(&cluster, "full").await, NULL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_during_the_upload_takes_no_count_away() {
    let cluster = shop().await;
    uploads_for_long(&cluster);
    at_statement(&cluster, "phase = 'PINNED'", load);
    flow::full(&cluster, "nightly").await;
    cluster.emulator.faults().clear();
    assert_eq!(rows_total(&cluster, "full").await, "7");
    assert_eq!(readings(&cluster).len(), 2, "R0 and R1");
}

/// Looks that cannot count before one has seen the pin.
async fn counted_late(disturb: impl FnOnce(&Cluster)) -> Cluster {
    let cluster = shop().await;
    uploads_for_long(&cluster);
    let pinned = std::sync::atomic::AtomicBool::new(false);
    let too_early = move |sql: &str| {
        use std::sync::atomic::Ordering;
        if sql.contains("phase = 'PINNED'") {
            pinned.store(true, Ordering::SeqCst);
        }
        sql.contains("query_timeout = 60") && !pinned.load(Ordering::SeqCst)
    };
    disturb(&cluster);
    let faults = cluster.emulator.faults();
    faults.always(When::Matches(Box::new(too_early)), Fault::DropBefore);
    flow::full(&cluster, "nightly").await;
    cluster.emulator.faults().clear();
    assert_eq!(readings(&cluster).len(), 3, "R0, R1 and the proof");
    cluster
}

/// The statements that read partitions.
fn readings(cluster: &Cluster) -> Vec<String> {
    let journal = cluster.emulator.faults().journal().into_iter();
    let sent = journal.map(|entry| entry.sql);
    sent.filter(|sql| sql.contains("partitions_meta")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_after_the_second_reading_is_proven_by_another_or_left_out() {
    let cluster = counted_late(|_| {}).await;
    let all = "orders.p1=1 orders.p2=2 orders.p3=0 users.*=4";
    assert_eq!(counts(&cluster, "full").await, all);

    // Loaded after it was counted: what was counted is the snapshot's, but nothing proves it.
    let cluster = counted_late(|cluster| at_statement(cluster, "SET row_counts = '", load)).await;
    let all = "orders.p1=1 orders.p2=? orders.p3=0 users.*=4";
    assert_eq!(counts(&cluster, "full").await, all);

    // Loaded before it was counted, and after the pin: the count would be wrong.
    let cluster = counted_late(|cluster| at_statement(cluster, "phase = 'PINNED'", load)).await;
    assert_eq!(counts(&cluster, "full").await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_nothing_is_counted_and_nothing_read_a_third_time() {
    let cluster = shop().await;
    uploads_for_long(&cluster);
    let mut input = input("full");
    input["row_counts"] = json!(false);
    flow::backup(&cluster, input).await.output();
    assert_eq!(sent(&cluster, "partition_index"), 0);
    assert_eq!(readings(&cluster).len(), 2, "R0 and R1");
    assert_eq!(rows_total(&cluster, "full").await, NULL);
}

/// Partitions that go while they are counted cost the others nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_dropped_is_not_counted_and_the_others_are() {
    let cluster = shop().await;
    at_statement(&cluster, "partition_index", |engine| {
        let drop = "ALTER TABLE sales.orders DROP PARTITION p1 FORCE";
        engine.execute_as_root(None, drop).expect("it is dropped");
    });
    flow::full(&cluster, "nightly").await;
    cluster.emulator.faults().clear();
    let all = "orders.p2=2 orders.p3=0 users.*=4";
    assert_eq!(counts(&cluster, "full").await, all);
    assert_eq!(rows_total(&cluster, "full").await, "6");
}

/// A proxy gives a long statement up by cutting the connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_is_cut_off_costs_neither_the_backup_nor_the_other_counts() {
    let cluster = shop().await;
    let cut = |sql: &str| sql.contains("partition_index") && sql.contains("`users`");
    let faults = cluster.emulator.faults();
    faults.always(When::Matches(Box::new(cut)), Fault::DropBefore);
    flow::full(&cluster, "nightly").await;
    cluster.emulator.faults().clear();
    let all = "orders.p1=1 orders.p2=2 orders.p3=0 users.*=?";
    assert_eq!(counts(&cluster, "full").await, all);
    assert_eq!(rows_total(&cluster, "full").await, NULL);
}

/// A full, an incremental, and the tables gone.
async fn lost() -> Cluster {
    let cluster = shop().await;
    flow::full(&cluster, "nightly").await;
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-03', 5)")
        .await;
    flow::incremental(&cluster, "nightly").await;
    cluster
        .sql("DROP TABLE sales.orders FORCE;\nDROP TABLE sales.users FORCE")
        .await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_held_against_the_counts_and_leaves_nothing_uncompared() {
    let cluster = lost().await;
    let input = json!({ "target_label": "sales_20260301_inc" });
    flow::restore(&cluster, input).await.output();
    let details = cluster
        .rows("SELECT detail FROM ops.restore_steps WHERE kind = 'verify'")
        .await;
    assert!(!details.is_empty());
    for detail in details {
        assert!(!detail[0].contains("not compared"), "{detail:?}");
    }
    let rows = "SELECT rows_verified FROM ops.restore_history";
    assert_eq!(cluster.one(rows).await, "8");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_table_that_lost_a_row_is_not_verified() {
    let cluster = lost().await;
    // Right before it is counted.
    at_statement(&cluster, "partition_index", |engine| {
        let delete = "DELETE FROM sales.orders_restored WHERE id = 2";
        engine.execute_as_root(None, delete).expect("a row is lost");
    });
    let input = json!({ "target_label": "sales_20260301_inc" });
    let error = flow::restore(&cluster, input).await.error();
    cluster.emulator.faults().clear();
    assert_eq!(error.error, "VerificationFailed", "{error:?}");
    assert!(error.cause.contains("orders_restored"), "{error:?}");
}

fn with_checksum(swap: &str) -> Value {
    json!({ "target_label": "sales_20260301_inc", "checksum": true, "swap": swap })
}

async fn notes(cluster: &Cluster) -> String {
    let details = cluster
        .rows("SELECT detail FROM ops.restore_steps WHERE kind = 'verify'")
        .await;
    details.concat().join(" ")
}

/// A full and an incremental, and what is live is still that.
async fn kept() -> Cluster {
    let cluster = shop().await;
    flow::full(&cluster, "nightly").await;
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-03', 5)")
        .await;
    flow::incremental(&cluster, "nightly").await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checksum_is_held_against_what_still_lives() {
    let cluster = kept().await;
    flow::restore(&cluster, with_checksum("manual"))
        .await
        .output();
    let text = cluster
        .one("SELECT verification_checksum FROM ops.restore_history")
        .await;
    let sums: std::collections::BTreeMap<String, String> =
        serde_json::from_str(&text).expect("sums of tables");
    assert!(sums.contains_key("sales.users_restored"), "{sums:?}");
    assert!(sums.values().all(|sum| sum != "0"), "{sums:?}");
    let notes = notes(&cluster).await;
    assert!(!notes.contains("not compared"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_checksum_has_nothing_to_compare_with_is_said() {
    let cluster = kept().await;
    cluster.sql("INSERT INTO sales.users VALUES (9)").await;
    flow::restore(&cluster, with_checksum("manual"))
        .await
        .output();
    let notes = notes(&cluster).await;
    assert!(
        notes.contains("1 partitions of 'users_restored' not compared by checksum"),
        "{notes}"
    );
    assert!(!notes.contains("'orders_restored' not compared"), "{notes}");
}

/// The same number of rows, another value: only a checksum finds it.
#[tokio::test(flavor = "multi_thread")]
async fn a_checksum_finds_a_value_that_was_altered() {
    for checksum in [false, true] {
        let cluster = kept().await;
        let emulator = std::sync::Arc::clone(&cluster.emulator);
        let done = std::sync::atomic::AtomicBool::new(false);
        let alter = move |sql: &str| {
            let now = sql.contains("`users_restored` PARTITION (`users_restored`)");
            if now && !done.swap(true, std::sync::atomic::Ordering::SeqCst) {
                emulator.with_engine(|engine| {
                    for statement in [
                        "DELETE FROM sales.users_restored WHERE id = 3",
                        "INSERT INTO sales.users_restored VALUES (33)",
                    ] {
                        engine
                            .execute_as_root(None, statement)
                            .expect("it is altered");
                    }
                });
            }
            false
        };
        let faults = cluster.emulator.faults();
        faults.always(When::Matches(Box::new(alter)), Fault::DropBefore);
        let mut input = with_checksum("manual");
        input["checksum"] = json!(checksum);
        let ended = flow::restore(&cluster, input).await;
        cluster.emulator.faults().clear();
        match checksum {
            false => {
                ended.output();
            }
            true => {
                let error = ended.error();
                assert_eq!(error.error, "VerificationFailed", "{error:?}");
                assert!(error.cause.contains("users_restored"), "{error:?}");
            }
        }
    }
}
