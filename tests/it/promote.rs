//! From verified to live, and back.

use serde_json::{Value, json};
use shared::error::ErrorName;
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
};
use tests::{cluster::Cluster, flow, shop::damaged_shop};

const ORDERS: &str = "SELECT id FROM sales.orders";

fn target(more: Value) -> Value {
    let mut input = json!({ "target_label": "sales_20260301_full" });
    for (key, value) in more.as_object().expect("an object") {
        input[key] = value.clone();
    }
    input
}

async fn names(cluster: &Cluster) -> Vec<String> {
    let rows = cluster.rows("SHOW TABLES FROM sales").await;
    rows.into_iter().map(|row| row[0].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_refused_leaves_the_restore_what_it_is() {
    let cluster = damaged_shop(Profile::V4_1).await;
    let history = "SELECT state, status, error_message FROM ops.restore_history";
    let promoted = flow::restore(&cluster, target(json!({}))).await.output();
    let undo = promoted["summary"]["next_input"].clone();
    let id = promoted["summary"]["restore_id"].clone();
    let before = cluster.rows(history).await;
    let error = flow::restore(&cluster, json!({ "promote": id, "dry_run": true }))
        .await
        .error();
    assert_eq!(error.error, "InvalidInput", "{error:?}");
    assert_eq!(cluster.rows(history).await, before);
    flow::restore(&cluster, undo.clone()).await.output();
    let before = cluster.rows(history).await;
    let error = flow::restore(&cluster, undo).await.error();
    assert_eq!(error.error, "InvalidInput", "{error:?}");
    assert_eq!(cluster.rows(history).await, before);
}

/// `restore.asl.json` is deployed twice, so that on-call may stage and only few may promote.
#[tokio::test(flavor = "multi_thread")]
async fn the_machine_that_stages_never_swaps_and_the_other_does_nothing_else() {
    let cluster = damaged_shop(Profile::V4_1).await;
    let held = flow::restore_in(&cluster, "stage", target(json!({})))
        .await
        .output();
    assert_eq!(held["summary"]["state"], json!("VERIFIED"));
    assert_eq!(cluster.rows(ORDERS).await, [["2"]]);
    let next = held["summary"]["next_input"].clone();
    for (machine, input) in [
        ("stage", next.clone()),
        ("stage", target(json!({ "swap": "auto" }))),
        ("promote", target(json!({}))),
        (
            "promote",
            json!({ "resume": held["summary"]["restore_id"] }),
        ),
    ] {
        let error = flow::restore_in(&cluster, machine, input.clone())
            .await
            .error();
        assert_eq!(error.error, "InvalidInput", "{machine} {input}: {error:?}");
    }
    assert_eq!(cluster.rows(ORDERS).await, [["2"]]);
    let promoted = flow::restore_in(&cluster, "promote", next).await.output();
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
    let next = promoted["summary"]["next_input"].clone();
    flow::restore_in(&cluster, "promote", next).await.output();
    assert_eq!(cluster.rows(ORDERS).await, [["2"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_swap_waits_and_its_output_is_the_next_input() {
    let cluster = damaged_shop(Profile::V4_1).await;
    let held = flow::restore(&cluster, target(json!({ "swap": "manual" })))
        .await
        .output();
    assert_eq!(held["summary"]["state"], json!("VERIFIED"));
    assert_eq!(
        cluster.rows(ORDERS).await,
        [["2"]],
        "nothing live was touched"
    );
    promoted_and_undone(&cluster, &held).await;
    assert!(
        names(&cluster)
            .await
            .iter()
            .any(|name| name.starts_with("orders_undone_"))
    );
}

/// There and back again, each as the answer before says it.
async fn promoted_and_undone(cluster: &Cluster, held: &Value) {
    let promoted = flow::restore(cluster, held["summary"]["next_input"].clone())
        .await
        .output();
    assert_eq!(promoted["summary"]["state"], json!("PROMOTED"));
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
    let undone = flow::restore(cluster, promoted["summary"]["next_input"].clone())
        .await
        .output();
    assert_eq!(undone["summary"]["state"], json!("UNDONE"));
    assert_eq!(cluster.rows(ORDERS).await, [["2"]]);
}

/// What is built and verified needs no snapshot to become live, nor to go back.
#[tokio::test(flavor = "multi_thread")]
async fn neither_the_promotion_nor_the_way_back_needs_the_repository() {
    let cluster = damaged_shop(Profile::V4_1).await;
    let held = flow::restore(&cluster, target(json!({ "swap": "manual" })))
        .await
        .output();
    cluster.sql("DROP REPOSITORY repo").await;
    promoted_and_undone(&cluster, &held).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn promoting_or_undoing_twice_is_refused() {
    let cluster = damaged_shop(Profile::V4_1).await;
    let done = flow::restore(&cluster, target(json!({}))).await.output();
    let id = done["summary"]["restore_id"].clone();
    flow::restore(&cluster, json!({ "undo": id }))
        .await
        .output();
    for action in ["undo", "promote"] {
        let error = flow::restore(&cluster, json!({ action: id })).await.error();
        assert_eq!(error.error, "InvalidInput", "{error:?}");
        assert_eq!(cluster.rows(ORDERS).await, [["2"]]);
    }
    let error = flow::restore(&cluster, json!({ "promote": "nope" }))
        .await
        .error();
    assert_eq!(error.error, "NotFound", "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing_and_its_plan_is_what_is_executed() {
    let cluster = damaged_shop(Profile::V4_1).await;
    let planned = flow::restore(&cluster, target(json!({ "dry_run": true })))
        .await
        .output();
    assert_eq!(names(&cluster).await, ["orders"]);
    assert_eq!(
        cluster.rows("SELECT * FROM ops.restore_history").await,
        Vec::<Vec<String>>::new()
    );
    let digest = planned["summary"]["plan"]["digest"].clone();
    let other = target(json!({ "expect_plan": "0123456789abcdef0123456789abcdef" }));
    let error = flow::restore(&cluster, other).await.error();
    assert_eq!(error.error, "InvalidInput", "{error:?}");
    flow::restore(&cluster, target(json!({ "expect_plan": digest })))
        .await
        .output();
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_left_over_of_somebody_else_is_named_and_not_touched() {
    let cluster = damaged_shop(Profile::V4_1).await;
    cluster
        .sql("CREATE TABLE sales.orders_restored LIKE sales.orders")
        .await;
    let error = flow::restore(&cluster, target(json!({}))).await.error();
    assert!(error.cause.contains("orders_restored"), "{error:?}");
    assert_eq!(names(&cluster).await, ["orders", "orders_restored"]);
    flow::restore(&cluster, target(json!({ "rename_suffix": "_again" })))
        .await
        .output();
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
}

/// The table that a person loads into between verification and promotion is not what was verified.
#[tokio::test(flavor = "multi_thread")]
async fn what_changed_after_it_was_verified_does_not_become_live() {
    let cluster = damaged_shop(Profile::V4_1).await;
    let held = flow::restore(&cluster, target(json!({ "swap": "manual" })))
        .await
        .output();
    cluster
        .sql("INSERT INTO sales.orders_restored VALUES (99)")
        .await;
    let error = flow::restore(&cluster, held["summary"]["next_input"].clone())
        .await
        .error();
    assert_eq!(error.error, "VerificationFailed", "{error:?}");
    assert_eq!(cluster.rows(ORDERS).await, [["2"]]);
}

/// What was shown and stored is what is sent, or nothing is.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_altered_since_it_was_planned_is_not_executed() {
    let cluster = damaged_shop(Profile::V4_1).await;
    let held = flow::restore(&cluster, target(json!({ "swap": "manual" })))
        .await
        .output();
    let other = "0".repeat(32);
    let altered = format!("UPDATE ops.restore_steps SET digest = '{other}' WHERE kind = 'swap'");
    cluster.sql(&altered).await;
    let error = flow::restore(&cluster, held["summary"]["next_input"].clone())
        .await
        .error();
    assert_eq!(error.error, "RestoreFailed", "{error:?}");
    assert!(
        error.cause.contains("not those that were planned"),
        "{error:?}"
    );
    assert_eq!(cluster.rows(ORDERS).await, [["2"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_table_that_was_replaced_meanwhile_is_not_swapped_away() {
    let cluster = damaged_shop(Profile::V4_1).await;
    let held = flow::restore(&cluster, target(json!({ "swap": "manual" })))
        .await
        .output();
    cluster
        .sql(
            "DROP TABLE sales.orders FORCE;\nCREATE TABLE sales.orders LIKE sales.orders_restored;\n\
             INSERT INTO sales.orders VALUES (3)",
        )
        .await;
    let error = flow::restore(&cluster, held["summary"]["next_input"].clone())
        .await
        .error();
    assert!(error.cause.contains("replaced"), "{error:?}");
    assert_eq!(cluster.rows(ORDERS).await, [["3"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_restore_goes_on_when_it_is_resumed() {
    use starrocks_emulator::jobs::{faults::At, state::RestoreState};
    let cluster = damaged_shop(Profile::V4_1).await;
    cluster.emulator.with_engine(|engine| {
        let at = At::restore("sales", RestoreState::Downloading);
        engine.jobs.faults.cancel(
            at,
            "COMMON_ERROR",
            "user cancelled, current state: DOWNLOADING",
        );
    });
    let error = flow::restore(&cluster, target(json!({}))).await.error();
    assert!(error.cause.contains("user cancelled"), "{error:?}");
    assert!(error.cause.contains("restore resume"), "{error:?}");
    assert_eq!(cluster.rows(ORDERS).await, [["2"]]);
    let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
    let resumed = flow::restore(&cluster, json!({ "resume": id }))
        .await
        .output();
    assert_eq!(resumed["summary"]["state"], json!("PROMOTED"));
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistyped_input_creates_nothing() {
    let cluster = damaged_shop(Profile::V4_1).await;
    for (input, name) in [
        (json!({ "target_label": "nope" }), "NotFound"),
        (
            json!({ "target_lable": "sales_20260301_full" }),
            "InvalidInput",
        ),
        (json!({}), "InvalidInput"),
        (target(json!({ "tables": ["nope"] })), "NotFound"),
        (target(json!({ "partitions": ["p1"] })), "InvalidInput"),
        (target(json!({ "into_database": "a b" })), "InvalidInput"),
        (target(json!({ "swap": "perhaps" })), "InvalidInput"),
    ] {
        let error = flow::restore(&cluster, input.clone()).await.error();
        assert_eq!(error.error, name, "{input}: {error:?}");
        assert_eq!(names(&cluster).await, ["orders"], "{input}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_backup_before_a_time_is_found() {
    let cluster = damaged_shop(Profile::V4_1).await;
    cluster.advance(3600);
    flow::full(&cluster, "nightly").await;
    let early = json!({ "group": "nightly", "as_of": cluster.at("2026-03-01 04:30:00") });
    flow::restore(&cluster, early).await.output();
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
    cluster.advance(60);
    flow::restore(&cluster, json!({ "group": "nightly" }))
        .await
        .output();
    assert_eq!(cluster.rows(ORDERS).await, [["2"]]);
    let never = json!({ "group": "nightly", "as_of": cluster.at("2026-03-01 03:00:00") });
    assert_eq!(
        flow::restore(&cluster, never).await.error().error,
        "NotFound"
    );
}

/// A call is killed while the frontend still executes its SWAP: a repeat that sent its own would have the
/// late one swap back.
#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_is_late_is_waited_for() {
    let cluster = damaged_shop(Profile::V4_1).await;
    let held = flow::restore(&cluster, target(json!({ "swap": "manual" })))
        .await
        .output();
    let context = cluster.context();
    let faults = cluster.emulator.faults();
    let execution = json!({ "Id": "by-hand", "StartTime": "2026-03-01T05:00:00Z" });
    let precheck = json!({
        "operation": "restore", "machine": "any", "input": held["summary"]["next_input"],
        "execution": execution,
    });
    let run = flow::call(&context, "Precheck", precheck).await.unwrap()["run"].clone();
    let promote = || json!({ "operation": "promote", "run": run });
    let swaps = || {
        let journal = faults.journal();
        let swaps = journal
            .iter()
            .filter(|entry| entry.sql.contains(" SWAP WITH "));
        swaps.count()
    };
    let late = std::time::Duration::from_secs(8);
    faults.once(When::Contains(" SWAP WITH ".into()), Fault::Delay(late));
    let killed = tokio::spawn({
        let (context, payload) = (cluster.context(), promote());
        async move { flow::call(&context, "Restore", payload).await }
    });
    while swaps() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    killed.abort();
    let error = flow::call(&context, "Restore", promote())
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::JobConflict, "{error}");
    assert_eq!(swaps(), 1);
    while flow::call(&context, "Restore", promote()).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(swaps(), 1);
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
}
