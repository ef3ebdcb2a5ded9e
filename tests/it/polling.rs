//! Jobs that stall, are cancelled, or are nowhere to be found.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use starrocks_emulator::{
    Emulator, Profile,
    faults::{Fault, When},
    jobs::{faults::At, state::BackupState},
};
use tests::{
    cluster::Cluster,
    flow,
    kill::Kill,
    shop::{shop, start},
};

fn full() -> Value {
    json!({ "group": "nightly", "kind": "full" })
}

fn uploading() -> At {
    At::backup("sales", BackupState::Uploading)
}

async fn history(cluster: &Cluster) -> Vec<Vec<String>> {
    cluster
        .rows("SELECT label, status FROM ops.backup_history")
        .await
}

/// Backends retry a failed upload for ever, and the job's status stays OK meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_upload_is_cancelled_with_the_engines_words() {
    let cluster = shop(Profile::V3_5).await;
    cluster.emulator.with_engine(|engine| {
        engine
            .jobs
            .faults
            .fail_tasks(uploading(), "no such bucket: backups")
    });
    let error = flow::backup(&cluster, full())
        .await
        .result
        .expect_err("it stalls")
        .to_string();
    assert!(error.contains("no such bucket: backups"), "{error}");
    assert!(error.contains("BackupFailed"), "{error}");
    let waited = cluster
        .one(&format!(
            "SELECT TIMESTAMPDIFF(MINUTE, '{}', UTC_TIMESTAMP())",
            cluster.at("2026-03-01 04:00:00")
        ))
        .await;
    let waited: i64 = waited.parse().unwrap();
    assert!((60..90).contains(&waited), "{waited} minutes");
    let job = cluster.rows("SHOW BACKUP FROM sales").await;
    assert!(job[0].contains(&"CANCELLED".to_owned()), "{job:?}");
}

/// Errors that clear up are none: TaskErrMsg stays filled on a job that then finishes.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_recovers_is_a_backup() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.faults.fail_tasks(uploading(), "timeout"));
    // Half an hour of looks, then the store is back.
    let emulator = std::sync::Arc::clone(&cluster.emulator);
    let looks = std::sync::atomic::AtomicU32::new(0);
    let heal = move |sql: &str| {
        let look = sql.starts_with("SHOW BACKUP");
        if look && looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 30 {
            emulator.with_engine(|engine| engine.jobs.faults.heal_tasks(&uploading()));
        }
        false
    };
    cluster
        .emulator
        .faults()
        .always(When::Matches(Box::new(heal)), Fault::DropBefore);
    flow::backup(&cluster, full()).await.output();
    assert_eq!(
        history(&cluster).await,
        [["sales_20260301_full", "FINISHED"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_may_pass_is_tried_once_more() {
    let cluster = shop(Profile::V3_5).await;
    let cancel = |cluster: &Cluster| {
        cluster.emulator.with_engine(|engine| {
            let at = At::backup("sales", BackupState::Snapshoting);
            let words = "make snapshot failed, version already merged";
            engine
                .jobs
                .faults
                .cancel(at, "OLAP_VERSION_ALREADY_MERGED", words);
        });
    };
    cancel(&cluster);
    flow::backup(&cluster, full()).await.output();
    assert_eq!(
        history(&cluster).await,
        [
            ["sales_20260301_full", "CANCELLED"],
            ["sales_20260301_full_r1", "FINISHED"]
        ]
    );

    cancel(&cluster);
    cancel(&cluster);
    cluster.advance(24 * 3600);
    let error = flow::backup(&cluster, full())
        .await
        .result
        .expect_err("twice")
        .to_string();
    assert!(error.contains("OLAP_VERSION_ALREADY_MERGED"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_will_not_pass_is_a_failure_at_once() {
    let cluster = shop(Profile::V3_5).await;
    cluster.emulator.with_engine(|engine| {
        engine
            .jobs
            .faults
            .cancel(uploading(), "COMMON_ERROR", "user cancelled");
    });
    let error = flow::backup(&cluster, full())
        .await
        .result
        .expect_err("cancelled")
        .to_string();
    assert!(error.contains("user cancelled"), "{error}");
    assert_eq!(
        history(&cluster).await,
        [["sales_20260301_full", "CANCELLED"]]
    );
}

/// Half of a long upload is worth more than a new beginning, unless somebody said what comes after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_on_beyond_its_window_unless_it_was_told_not_to() {
    for (on_overdue, end) in [("continue", "running"), ("cancel", "cancelled")] {
        let cluster = shop(Profile::V3_5).await;
        let context = cluster.context();
        cluster
            .emulator
            .with_engine(|engine| engine.jobs.faults.hold(uploading()));
        let mut event = start("one");
        event["run"]["window_seconds"] = json!(3600);
        event["run"]["on_overdue"] = json!(on_overdue);
        let job = flow::call(&context, "StartBackup", event.clone()).await;
        let look = json!({
            "operation": "backup", "run": event["run"], "jobs": [job.unwrap()], "wait_seconds": 60,
        });
        cluster.advance(3_500);
        let seen = flow::call(&context, "PollStatus", look.clone())
            .await
            .unwrap();
        assert_eq!(
            (&seen["state"], &seen["overdue"]),
            (&json!("running"), &json!(false))
        );
        cluster.advance(200);
        let seen = flow::call(&context, "PollStatus", look.clone())
            .await
            .unwrap();
        assert_eq!(seen["jobs"][0]["state"], json!(end), "{on_overdue}: {seen}");
        assert_eq!(seen["overdue"], json!(on_overdue == "continue"), "{seen}");
        // Nobody follows for ever.
        cluster.advance(3_700);
        let seen = flow::call(&context, "PollStatus", look).await.unwrap();
        let job = &seen["jobs"][0];
        assert_eq!(job["state"], json!("cancelled"), "{seen}");
        assert!(
            job["detail"].as_str().unwrap().contains("TIMEOUT"),
            "{seen}"
        );
    }
}

/// Another job takes the row of SHOW BACKUP; the repository still has the snapshot.
#[tokio::test(flavor = "multi_thread")]
async fn a_finished_backup_whose_row_was_replaced_is_found_in_the_repository() {
    let cluster = shop(Profile::V3_5).await;
    cluster.emulator.with_engine(|engine| {
        let finished = At::backup("sales", BackupState::Finished);
        engine.jobs.faults.at_state(finished, |engine| {
            engine
                .execute_as_root(None, "BACKUP SNAPSHOT sales.by_hand TO repo ON (orders)")
                .expect("the slot is free");
        });
    });
    flow::backup(&cluster, full()).await.output();
    assert_eq!(
        history(&cluster).await,
        [["sales_20260301_full", "FINISHED"]]
    );
}

/// Two clusters with the same label at the same moment: neither snapshot can ever be restored.
#[tokio::test(flavor = "multi_thread")]
async fn a_label_with_two_timestamps_is_a_failure_that_names_both() {
    let cluster = shop(Profile::V3_5).await;
    let other = cluster.beside(Profile::V3_5);
    other
        .sql(&format!(
            "{};\nCREATE DATABASE sales;\nCREATE TABLE sales.orders (id INT NOT NULL) DUPLICATE KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
            tests::cluster::create_repository()
        ))
        .await;
    let theirs = std::sync::Arc::clone(&other.emulator);
    cluster.emulator.with_engine(|engine| {
        engine
            .jobs
            .faults
            .at_state(At::backup("sales", BackupState::Pending), move |_| {
                theirs.with_engine(|engine| {
                    engine
                        .execute_as_root(
                            None,
                            "BACKUP SNAPSHOT sales.sales_20260301_full TO repo ON (orders)",
                        )
                        .expect("the label is still free");
                });
                theirs.advance(jiff::SignedDuration::from_secs(120));
            });
    });
    let error = flow::backup(&cluster, full())
        .await
        .result
        .expect_err("poisoned")
        .to_string();
    assert!(error.contains("BackupFailed"), "{error}");
    assert!(
        [1, 5].into_iter().all(|day| {
            let time = cluster.at(&format!("2026-03-0{day} 04:00"));
            error.contains(&format!("{}-", &time[..10]))
        }),
        "{error}"
    );
}

/// A cluster with the same repository, database and schedule, and other rows.
async fn twin(cluster: &Cluster) -> Cluster {
    let twin = cluster.beside(Profile::V3_5);
    twin.sql(&format!(
        "{};\nCREATE DATABASE sales;\nCREATE TABLE sales.orders (id INT NOT NULL) DUPLICATE KEY(id) \
         DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');\n\
         INSERT INTO sales.orders VALUES (666)",
        tests::cluster::create_repository()
    ))
    .await;
    twin
}

/// The twin makes the snapshot that we have planned, from its first to its last object.
fn back_up_in(twin: &Emulator) {
    twin.with_engine(|engine| {
        let backup = "BACKUP SNAPSHOT sales.sales_20260301_full TO repo ON (orders)";
        engine.execute_as_root(None, backup).expect("a free label");
    });
    twin.advance(jiff::SignedDuration::from_secs(120));
}

async fn rows_of_ours_are_in(cluster: &Cluster, label: &str) {
    let input = json!({ "target_label": label, "into_database": "copy" });
    flow::restore(cluster, input).await.output();
    assert_eq!(cluster.rows("SELECT id FROM copy.orders").await, [["1"]]);
}

/// Whatever is in the repository under our label, another cluster's rows are never ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_another_cluster_took_after_the_plan_is_given_up() {
    let cluster = shop(Profile::V3_5).await;
    let theirs = twin(&cluster).await;
    let emulator = std::sync::Arc::clone(&theirs.emulator);
    let done = AtomicBool::new(false);
    let meddler = move |sql: &str| {
        if sql.starts_with("BACKUP SNAPSHOT") && !done.swap(true, Ordering::SeqCst) {
            back_up_in(&emulator);
        }
        false
    };
    let faults = cluster.emulator.faults();
    faults.always(When::Matches(Box::new(meddler)), Fault::DropBefore);
    flow::backup(&cluster, full()).await.output();
    faults.clear();
    assert_eq!(
        history(&cluster).await,
        [
            ["sales_20260301_full", "FAILED"],
            ["sales_20260301_full_r1", "FINISHED"]
        ]
    );
    rows_of_ours_are_in(&cluster, "sales_20260301_full_r1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_another_cluster_took_after_our_run_died_is_not_adopted() {
    let undisturbed = shop(Profile::V3_5).await;
    undisturbed.emulator.faults().reset_journal();
    flow::backup(&undisturbed, full()).await.output();
    let journal = undisturbed.emulator.faults().journal();
    let backup = journal
        .iter()
        .find(|entry| entry.sql.starts_with("BACKUP SNAPSHOT"))
        .expect("a BACKUP");
    let cluster = shop(Profile::V3_5).await;
    let theirs = twin(&cluster).await;
    let kill = Kill {
        statement: backup.number,
        executed: false,
    };
    assert!(flow::backup_until_killed(&cluster, full(), kill).await);
    back_up_in(&theirs.emulator);
    cluster.advance(21 * 60);
    flow::backup(&cluster, full()).await.output();
    assert_eq!(
        history(&cluster).await,
        [
            ["sales_20260301_full", "FAILED"],
            ["sales_20260301_full_r1", "FINISHED"]
        ]
    );
    rows_of_ours_are_in(&cluster, "sales_20260301_full_r1").await;
}

/// A label whose snapshot was deleted is free for everybody.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_cluster_put_in_the_place_of_our_snapshot_is_not_restored() {
    let cluster = shop(Profile::V3_5).await;
    let theirs = twin(&cluster).await;
    flow::backup(&cluster, full()).await.output();
    cluster.remove_snapshot("sales_20260301_full");
    theirs.advance(3_600);
    back_up_in(&theirs.emulator);
    for database in [None, Some("copy")] {
        let input = json!({ "target_label": "sales_20260301_full", "into_database": database });
        let error = flow::restore(&cluster, input).await.error();
        assert_eq!(error.error, "NotFound", "{error:?}");
        assert!(error.cause.contains("is gone"), "{error:?}");
    }
    assert_eq!(cluster.rows("SELECT id FROM sales.orders").await, [["1"]]);
}

/// While a job is shown at work, a look asks for nothing but the lease, the claim and the job: nights
/// have thousands of looks.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_a_job_at_work_sends_few_statements() {
    let cluster = shop(Profile::V3_5).await;
    let context = cluster.context();
    cluster.emulator.with_engine(|engine| {
        let uploading = At::backup("sales", BackupState::Uploading);
        engine.jobs.faults.hold(uploading);
    });
    let event = start("one");
    let mut jobs = json!([flow::call(&context, "StartBackup", event.clone())
        .await
        .unwrap()]);
    let faults = cluster.emulator.faults();
    // The first looks see the pin, and count; the last one sees what it has seen before.
    for _ in 0..4 {
        faults.reset_journal();
        cluster.advance(60);
        let look = json!({
            "operation": "backup", "run": event["run"], "jobs": jobs, "wait_seconds": 60,
        });
        let mut seen = flow::call(&context, "PollStatus", look).await.unwrap();
        assert_eq!(seen["state"], json!("running"), "{seen}");
        jobs = seen["jobs"].take();
    }
    let journal = faults.journal().into_iter().map(|entry| entry.sql);
    let sent: Vec<String> = journal
        .filter(|sql| !sql.starts_with("SET "))
        .map(|sql| sql.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        sent,
        [
            "SHOW FRONTENDS",
            "SELECT generation,",
            "UPDATE `ops`.`run_status`",
            "SELECT label,",
            "SHOW BACKUP",
        ]
    );
}
