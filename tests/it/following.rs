//! RESTORE jobs that stall, that must not be cancelled any more, or that nobody shows.

use std::sync::Arc;

use serde_json::{Value, json};
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
    jobs::{faults::At, state::RestoreState},
};
use tests::{cluster::Cluster, flow, meddle, shop::damaged_shop};

const ORDERS: &str = "SELECT id FROM sales.orders";

fn input() -> Value {
    json!({ "target_label": "sales_20260301_full" })
}

fn at(state: RestoreState) -> At {
    At::restore("sales", state)
}

async fn minutes(cluster: &Cluster) -> i64 {
    let minutes = cluster
        .one(&format!(
            "SELECT TIMESTAMPDIFF(MINUTE, '{}', UTC_TIMESTAMP())",
            cluster.at("2026-03-01 04:00:00")
        ))
        .await;
    minutes.parse().unwrap()
}

/// A look at the job, when it is this many minutes later.
fn look_after(cluster: &Cluster, minutes: i64) -> impl FnMut(&str) -> bool + Send + 'static {
    let emulator = Arc::clone(&cluster.emulator);
    let now = move || emulator.with_engine(|engine| engine.clock.now().as_second());
    let start = now();
    move |sql| sql.starts_with("SHOW RESTORE") && now() - start > 60 * minutes
}

async fn resume(cluster: &Cluster) -> Value {
    let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
    flow::restore(cluster, json!({ "resume": id }))
        .await
        .output()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_download_is_cancelled_with_the_engines_words_and_can_be_resumed() {
    let cluster = damaged_shop(Profile::V3_5).await;
    let downloading = at(RestoreState::Downloading);
    cluster.emulator.with_engine(|engine| {
        let faults = &mut engine.jobs.faults;
        faults.fail_tasks(downloading.clone(), "get nothing from remote path: x");
    });
    let error = flow::restore(&cluster, input()).await.error();
    assert_eq!(error.error, "RestoreFailed", "{error:?}");
    assert!(
        error.cause.contains("get nothing from remote path: x"),
        "{error:?}"
    );
    assert!(error.cause.contains("stalled"), "{error:?}");
    let waited = minutes(&cluster).await;
    assert!((60..90).contains(&waited), "{waited} minutes");
    let job = cluster.rows("SHOW RESTORE FROM sales").await;
    assert!(job[0].contains(&"CANCELLED".to_owned()), "{job:?}");
    assert_eq!(cluster.rows(ORDERS).await, [["2"]]);

    cluster
        .emulator
        .with_engine(|engine| engine.jobs.faults.heal_tasks(&downloading));
    assert_eq!(
        resume(&cluster).await["summary"]["state"],
        json!("PROMOTED")
    );
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_recovers_is_a_restore() {
    let cluster = damaged_shop(Profile::V3_5).await;
    let downloading = at(RestoreState::Downloading);
    cluster.emulator.with_engine(|engine| {
        engine
            .jobs
            .faults
            .fail_tasks(downloading.clone(), "timeout");
    });
    let healed = meddle::before(&cluster, look_after(&cluster, 40), 1, move |engine| {
        engine.jobs.faults.heal_tasks(&downloading)
    });
    flow::restore(&cluster, input()).await.output();
    assert!(healed.has_come_about());
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_does_not_begin_is_cancelled_after_half_an_hour() {
    let cluster = damaged_shop(Profile::V3_5).await;
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.faults.hold(at(RestoreState::Pending)));
    let error = flow::restore(&cluster, input()).await.error();
    assert!(error.cause.contains("PENDING"), "{error:?}");
    let waited = minutes(&cluster).await;
    assert!((30..45).contains(&waited), "{waited} minutes");
}

/// From COMMIT on a cancel can leave data unreadable.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_commits_is_never_cancelled() {
    let cluster = damaged_shop(Profile::V3_5).await;
    let committing = at(RestoreState::Committing);
    cluster.emulator.with_engine(|engine| {
        let faults = &mut engine.jobs.faults;
        faults.fail_tasks(committing.clone(), "fail to move");
    });
    let heal = committing.clone();
    let start = minutes(&cluster).await;
    let done = meddle::before(&cluster, look_after(&cluster, 4 * 60), 1, move |engine| {
        engine.jobs.faults.heal_tasks(&heal)
    });
    flow::restore(&cluster, input()).await.output();
    assert!(done.has_come_about());
    assert!(minutes(&cluster).await - start > 200);
    let journal = cluster.emulator.faults().journal();
    assert!(!journal.iter().any(|entry| entry.sql.starts_with("CANCEL")));
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
}

/// The tables are being restored, and SHOW RESTORE shows nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_not_shown_is_looked_for_and_then_called_lost() {
    let cluster = damaged_shop(Profile::V3_5).await;
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.faults.hold(at(RestoreState::Downloading)));
    let mut looks = 0;
    let hide = meddle::before(
        &cluster,
        move |sql| {
            looks += u32::from(sql.starts_with("SHOW RESTORE"));
            looks == 4
        },
        1,
        |engine| engine.jobs.forget("sales"),
    );
    let error = flow::restore(&cluster, input()).await.error();
    assert!(hide.has_come_about());
    assert_eq!(error.error, "TrackingLost", "{error:?}");
    assert!(error.cause.contains("sales_20260301_full"), "{error:?}");
    let waited = minutes(&cluster).await;
    assert!((10..20).contains(&waited), "{waited} minutes");
    assert_eq!(cluster.rows(ORDERS).await, [["2"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_dropped_meanwhile_ends_the_restore() {
    let cluster = damaged_shop(Profile::V3_5).await;
    cluster.emulator.with_engine(|engine| {
        engine
            .jobs
            .faults
            .at_state(at(RestoreState::Downloading), |engine| {
                meddle::run(engine, "DROP DATABASE sales FORCE");
            });
    });
    let error = flow::restore(&cluster, input()).await.error();
    assert_eq!(error.error, "RestoreFailed", "{error:?}");
    assert!(error.cause.contains("sales was dropped"), "{error:?}");
}

/// An answer that never came: the look finds the job.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_whose_answer_was_lost_is_followed_and_not_sent_again() {
    let cluster = damaged_shop(Profile::V3_5).await;
    cluster.emulator.faults().once(
        When::Contains("RESTORE SNAPSHOT".to_owned()),
        Fault::DropAfter,
    );
    flow::restore(&cluster, input()).await.output();
    let journal = cluster.emulator.faults().journal();
    let sent = journal
        .iter()
        .filter(|entry| entry.sql.starts_with("RESTORE SNAPSHOT"));
    assert_eq!(sent.count(), 1);
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
}

/// As of a backup: state, percent, and how much there is in all.
#[tokio::test(flavor = "multi_thread")]
async fn progress_is_shown() {
    let cluster = damaged_shop(Profile::V3_5).await;
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.faults.hold(at(RestoreState::Downloading)));
    let context = cluster.context();
    let execution = json!({ "Id": "by-hand", "StartTime": "2026-03-01T05:00:00Z" });
    let precheck = json!({
        "operation": "restore", "machine": "any", "input": input(), "execution": execution,
    });
    let run = flow::call(&context, "Precheck", precheck).await.unwrap()["run"].clone();
    for operation in ["plan", "steps"] {
        let payload = json!({ "operation": operation, "run": run });
        flow::call(&context, "Restore", payload).await.unwrap();
    }
    cluster.advance(20);
    let payload = json!({ "operation": "restore", "run": run, "wait_seconds": 5 });
    let seen = flow::call(&context, "PollStatus", payload).await.unwrap();
    assert_eq!(seen["state"], json!("running"), "{seen}");
    let job = &seen["jobs"][0];
    assert_eq!(job["label"], json!("sales_20260301_full"), "{seen}");
    assert_eq!(job["progress"]["state"], json!("DOWNLOADING"), "{seen}");
    assert!(
        job["size"].as_str().is_some_and(|size| size.ends_with('B')),
        "{seen}"
    );
}
