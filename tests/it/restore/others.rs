//! What somebody else does in the database that is restored.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::json;
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
};
use tests::{flow, meddle, shop::damaged_shop};

use super::shop;

/// A table that is swapped away while it is being restored stays in that state for ever, and the engine does
/// not refuse it.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_into_which_somebody_restores_between_two_swaps_is_not_swapped_away() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE TABLE sales.people LIKE sales.orders;\n\
             INSERT INTO sales.people VALUES ('2026-01-01', 1, 'a')",
        )
        .await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    cluster.sql("TRUNCATE TABLE sales.people").await;
    let ids = "SELECT TABLE_ID FROM information_schema.tables_config WHERE TABLE_NAME = 'people'";
    let before = cluster.rows(ids).await;
    let timestamp = cluster
        .one("SELECT snapshot_timestamp FROM ops.backup_history")
        .await;
    let theirs = format!(
        "RESTORE SNAPSHOT sales.sales_20260301_full FROM repo ON (people) \
         PROPERTIES ('backup_timestamp' = '{timestamp}', 'replication_num' = '1')"
    );
    let begun = meddle::before(
        &cluster,
        |sql| sql.contains("`orders` SWAP WITH"),
        1,
        move |engine| meddle::run(engine, &theirs),
    );
    let error = flow::restore(&cluster, json!({ "target_label": "sales_20260301_full" }))
        .await
        .error();
    assert!(begun.has_come_about());
    let said = ["RESTORE is running", "is in state RESTORE"];
    assert!(
        said.iter().any(|words| error.cause.contains(words)),
        "{error:?}"
    );
    assert_eq!(cluster.rows(ids).await, before);
    // It comes to its end, and so does ours.
    cluster.advance(600);
    let people = "SELECT id FROM sales.people";
    assert_eq!(cluster.rows(people).await, [["1"]]);
    let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
    let done = flow::restore(&cluster, json!({ "resume": id }))
        .await
        .output();
    assert_eq!(done["summary"]["state"], json!("PROMOTED"));
    assert_eq!(cluster.rows(people).await, [["1"]]);
}

/// The backup counted nothing, so rows are held against the live table, which is loaded into right then.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_into_the_live_table_while_it_is_counted_is_no_difference() {
    let cluster = shop(Profile::V3_5).await;
    cluster.group("nightly", &["sales.*"]).await;
    let input = json!({ "group": "nightly", "kind": "full", "row_counts": false });
    flow::backup(&cluster, input).await.output();
    let load = meddle::once_before(
        &cluster,
        |sql| sql.contains("COUNT(") && sql.contains("FROM `sales`.`orders` "),
        "INSERT INTO sales.orders VALUES ('2026-01-02', 5, 'just now')",
    );
    let input = json!({ "target_label": "sales_20260301_full" });
    let done = flow::restore(&cluster, input).await.output();
    assert!(load.has_come_about());
    assert_eq!(done["summary"]["state"], json!("PROMOTED"));
    let detail = "SELECT detail FROM ops.restore_steps WHERE kind = 'verify'";
    let notes = cluster.one(detail).await;
    assert!(notes.contains("counted, not compared"), "{notes}");
}

/// Its answer never comes, and another label stands under the very name that it was to make: as many rows, and
/// others.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_of_another_label_is_not_taken_for_the_own() {
    let cluster = damaged_shop(Profile::V3_5).await;
    cluster.advance(60);
    flow::full(&cluster, "nightly").await;
    let timestamp = cluster
        .one("SELECT snapshot_timestamp FROM ops.backup_history WHERE label = 'sales_20260301_full_r1'")
        .await;
    let theirs = format!(
        "RESTORE SNAPSHOT sales.sales_20260301_full_r1 FROM repo ON (orders AS orders_restored) \
         PROPERTIES ('backup_timestamp' = '{timestamp}', 'replication_num' = '1')"
    );
    let emulator = Arc::clone(&cluster.emulator);
    let done = AtomicBool::new(false);
    let instead = move |sql: &str| {
        let first = sql.starts_with("RESTORE") && !done.swap(true, Ordering::SeqCst);
        if first {
            emulator.with_engine(|engine| meddle::run(engine, &theirs));
        }
        first
    };
    cluster
        .emulator
        .faults()
        .always(When::Matches(Box::new(instead)), Fault::DropBefore);
    let error = flow::restore(&cluster, json!({ "target_label": "sales_20260301_full" }))
        .await
        .error();
    assert!(error.cause.contains("another RESTORE"), "{error:?}");
    let live = "SELECT id FROM sales.orders";
    assert_eq!(cluster.rows(live).await, [["2"]], "it was not touched");
}
