//! One job per database, whoever asks.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use shared::error::ErrorName;
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
};
use tests::{
    flow,
    shop::{shop, start},
};

#[tokio::test(flavor = "multi_thread")]
async fn of_runs_at_the_same_instant_exactly_one_goes_on() {
    for _ in 0..5 {
        let cluster = shop(Profile::V3_5).await;
        let contexts: Vec<_> = (0..6).map(|_| cluster.context()).collect();
        let runs = contexts
            .iter()
            .enumerate()
            .map(|(number, context)| async move {
                flow::call(context, "StartBackup", start(&format!("run-{number}"))).await
            });
        let answers = futures_util::future::join_all(runs).await;
        let winners: Vec<usize> = (0..answers.len())
            .filter(|number| answers[*number].is_ok())
            .collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        for answer in &answers {
            let Err(error) = answer else { continue };
            assert_eq!(error.name, ErrorName::JobConflict, "{error}");
            let holder = format!("held by execution run-{}", winners[0]);
            assert!(error.message.contains(&holder), "{error}");
        }
        assert_eq!(cluster.rows("SHOW BACKUP FROM sales").await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_ran_out_is_taken_over() {
    let cluster = shop(Profile::V3_5).await;
    let context = cluster.context();
    flow::call(&context, "StartBackup", start("dead"))
        .await
        .expect("it starts");
    let error = flow::call(&context, "StartBackup", start("next"))
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::JobConflict);
    cluster.advance(21 * 60);
    let job = flow::call(&context, "StartBackup", start("next"))
        .await
        .expect("it adopts");
    assert_eq!(
        (&job["label"], &job["state"]),
        (&json!("sales_20260301_full"), &json!("running"))
    );
    // It ended unseen, so the first look finds its end, and writes down what every look would.
    let look = json!({
        "operation": "backup", "run": start("next")["run"], "jobs": [job], "wait_seconds": 0,
    });
    let seen = flow::call(&context, "PollStatus", look)
        .await
        .expect("a look");
    assert_eq!(seen["jobs"][0]["state"], json!("finished"));
    let pinned = "SELECT COUNT(*) FROM ops.backup_history WHERE pinned_at IS NOT NULL";
    assert_eq!(cluster.one(pinned).await, "1");
}

/// StarRocks may answer before rows can be read: nobody may take that for rows that are not there.
#[tokio::test(flavor = "multi_thread")]
async fn writes_that_become_visible_late_are_waited_for() {
    let cluster = shop(Profile::V3_5).await;
    let emulator = std::sync::Arc::clone(&cluster.emulator);
    emulator.with_engine(|engine| engine.loads.publish_delay = jiff::SignedDuration::from_secs(2));
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let ticking = std::sync::Arc::clone(&stop);
    let ticker = tokio::task::spawn_blocking(move || {
        while !ticking.load(std::sync::atomic::Ordering::SeqCst) {
            std::thread::sleep(std::time::Duration::from_millis(50));
            emulator.advance(jiff::SignedDuration::from_secs(1));
        }
    });
    let output = flow::full(&cluster, "nightly").await;
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    ticker.await.unwrap();
    assert_eq!(
        output["summary"]["databases"][0]["status"],
        json!("FINISHED")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_given_back_is_not_taken_up_again() {
    let cluster = shop(Profile::V3_5).await;
    let settings = cluster.settings();
    let mut client = cluster.context().connect().await.unwrap();
    let mut ops = shared::ops::Ops::new(&mut client, settings.ops_database());
    let sales = "sales".parse().unwrap();
    let execution = "one".parse().unwrap();
    let call = "call-1".parse().unwrap();
    let lease = ops.acquire_lease(&sales, &execution, &call).await.unwrap();
    ops.release_lease(&sales, &execution).await.unwrap();
    let refused = ops.verify_lease(&lease).await.unwrap_err();
    assert_eq!(refused.name, ErrorName::JobConflict);
    assert_eq!(ops.leases_of(&execution).await.unwrap(), []);
}

/// What nobody could find any more may still be at work.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_of_a_lost_label_stays_held_until_the_lease_has_run_out() {
    let cluster = shop(Profile::V3_5).await;
    let context = cluster.context();
    let mut job = flow::call(&context, "StartBackup", start("lost"))
        .await
        .expect("it starts");
    job["state"] = json!("lost");
    let payload = json!({ "operation": "record", "run": start("lost")["run"], "job": job });
    let outcome = flow::call(&context, "RecordHistory", payload)
        .await
        .expect("it is recorded");
    assert_eq!(outcome["status"], json!("LOST"), "{outcome}");
    let error = flow::call(&context, "StartBackup", start("next"))
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::JobConflict, "{error}");
    cluster.advance(21 * 60);
    let job = flow::call(&context, "StartBackup", start("next"))
        .await
        .expect("it adopts");
    assert_eq!(job["label"], json!("sales_20260301_full"), "{job}");
}

/// Whoever takes a database over ends what was begun there, and has done nothing of its own by that.
#[tokio::test(flavor = "multi_thread")]
async fn work_of_another_group_is_brought_to_its_end_and_then_the_own_is_done() {
    let cluster = shop(Profile::V3_5).await;
    flow::call(&cluster.context(), "StartBackup", start("dead"))
        .await
        .expect("it starts");
    cluster.group("other", &["sales.*"]).await;
    cluster.advance(21 * 60);
    let output = flow::full(&cluster, "other").await;
    assert_eq!(
        output["summary"]["databases"][0]["label"],
        json!("sales_20260301_full_r1")
    );
    let history = "SELECT label, inventory_group, status FROM ops.backup_history";
    assert_eq!(
        cluster.rows(history).await,
        [
            ["sales_20260301_full", "nightly", "FINISHED"],
            ["sales_20260301_full_r1", "other", "FINISHED"],
        ]
    );
}

/// No answer came to its claim, and the row that is there is not its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_another_database_took_is_left_to_it() {
    let cluster = shop(Profile::V3_5).await;
    let emulator = std::sync::Arc::clone(&cluster.emulator);
    let done = AtomicBool::new(false);
    let takes = move |sql: &str| {
        let first = sql.contains("'CLAIMED'") && !done.swap(true, Ordering::SeqCst);
        if first {
            emulator.with_engine(|engine| {
                tests::meddle::run(
                    engine,
                    "INSERT INTO ops.run_status (scope, label, state, execution_id, database_name, generation, \
                     phase) VALUES ('backup', 'sales_20260301_full', 'ACTIVE', 'other', 'sales_', 1, 'CLAIMED')",
                );
            });
        }
        first
    };
    let faults = cluster.emulator.faults();
    faults.always(When::Matches(Box::new(takes)), Fault::DropBefore);
    let job = flow::call(&cluster.context(), "StartBackup", start("run"))
        .await
        .expect("it takes the next one");
    assert_eq!(job["label"], json!("sales_20260301_full_r1"), "{job}");
    let theirs =
        "SELECT execution_id, phase FROM ops.run_status WHERE label = 'sales_20260301_full'";
    assert_eq!(cluster.rows(theirs).await, [["other", "CLAIMED"]]);
}
