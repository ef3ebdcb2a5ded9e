//! BACKUP is sent once: what is looked at right before, and after an answer that may be wrong.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::json;
use shared::error::ErrorName;
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
    reply::SqlError,
};
use tests::{
    cluster::Cluster,
    flow, meddle,
    shop::{shop, start},
};

/// After the precheck, and before BACKUP is sent.
#[tokio::test(flavor = "multi_thread")]
async fn another_tool_that_begins_meanwhile_is_not_run_into() {
    let cluster = shop(Profile::V3_5).await;
    let begun = meddle::once_before(
        &cluster,
        |sql| sql.contains("SET phase = 'PLANNED'"),
        "INSERT INTO ops.run_status (scope, label, state) VALUES ('backup', 'theirs', 'ACTIVE')",
    );
    let context = cluster.context();
    let error = flow::call(&context, "StartBackup", start("one"))
        .await
        .unwrap_err();
    assert!(begun.has_come_about());
    assert_eq!(error.name, ErrorName::JobConflict, "{error}");
    assert!(error.message.contains("'theirs'"), "{error}");
    assert_eq!(cluster.rows("SHOW BACKUP FROM sales").await.len(), 0);
    // The plan stays as it is, and is sent when the other one has ended.
    cluster
        .sql("UPDATE ops.run_status SET state = 'FINISHED' WHERE label = 'theirs'")
        .await;
    let job = flow::call(&context, "StartBackup", start("one"))
        .await
        .expect("it submits");
    assert_eq!(job["label"], json!("sales_20260301_full"), "{job}");
}

/// The first BACKUP is executed all the same.
fn accept_and_answer(cluster: &Cluster, error: SqlError) {
    let emulator = Arc::clone(&cluster.emulator);
    let done = AtomicBool::new(false);
    let accepts = move |sql: &str| {
        let first = sql.starts_with("BACKUP") && !done.swap(true, Ordering::SeqCst);
        if first {
            let accepted = emulator.with_engine(|engine| engine.execute_as_root(None, sql));
            accepted.expect("it is accepted");
        }
        first
    };
    let faults = cluster.emulator.faults();
    faults.always(When::Matches(Box::new(accepts)), Fault::Refuse(error));
}

/// A frontend that passes it on to the leader answers with an error of its own where the leader is slow.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_accepted_and_answered_with_an_error_is_followed() {
    for words in [
        "failed to forward to the leader: rpc timeout",
        "Unknown table 'orders'",
        "Snapshot with name 'sales_20260301_full' already exist in repository",
    ] {
        let cluster = shop(Profile::V3_5).await;
        accept_and_answer(&cluster, SqlError::analyzing(words));
        flow::full(&cluster, "nightly").await;
        let history = "SELECT label, status FROM ops.backup_history";
        assert_eq!(
            cluster.rows(history).await,
            [["sales_20260301_full", "FINISHED"]],
            "{words}"
        );
        assert_eq!(cluster.rows("SHOW SNAPSHOT ON repo").await.len(), 1);
    }
}
