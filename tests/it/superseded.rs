//! A call that was given up goes on somewhere, beside its repeat or its successor: it does no harm.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use shared::{
    context::Context,
    error::{Error, ErrorName},
};
use starrocks_emulator::{
    Profile,
    faults::{Fault, Hold, When},
    reply::SqlError,
};
use tests::{
    cluster::Cluster,
    flow,
    shop::{damaged_shop, shop, start},
};

fn has_arrived(cluster: &Cluster, start: &str) -> bool {
    let journal = cluster.emulator.faults().journal();
    journal.iter().any(|entry| entry.sql.starts_with(start))
}

/// Two calls of a function: one that is held at a statement, which shows by `is_held`, and its repeat, after
/// whose end it goes on. What the first answered, and what the repeat did.
async fn held_and_repeated(
    context: &Context,
    (function, payload): (&str, Value),
    hold: Hold,
    is_held: impl Fn() -> bool,
) -> (Result<Value, Error>, Result<Value, Error>) {
    let repeat = async {
        while !is_held() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let repeat = flow::call(context, function, payload.clone()).await;
        hold.release();
        repeat
    };
    tokio::join!(flow::call(context, function, payload.clone()), repeat)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_call_finds_its_generation_superseded() {
    let cluster = shop(Profile::V3_5).await;
    let settings = cluster.settings();
    let mut client = cluster.context().connect().await.unwrap();
    let mut ops = shared::ops::Ops::new(&mut client, settings.ops_database());
    let sales = "sales".parse().unwrap();
    let execution = "one".parse().unwrap();
    let first = ops
        .acquire_lease(&sales, &execution, &"call-1".parse().unwrap())
        .await
        .unwrap();
    ops.verify_lease(&first).await.unwrap();
    let second = ops
        .acquire_lease(&sales, &execution, &"call-2".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        ops.verify_lease(&first).await.unwrap_err().name,
        ErrorName::JobConflict
    );
    ops.verify_lease(&second).await.unwrap();
}

/// A call that was given up goes on while its repeat plans and submits: it may not touch the label.
#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_call_leaves_the_label_of_its_successor_alone() {
    let cluster = shop(Profile::V3_5).await;
    let context = cluster.context();
    let faults = cluster.emulator.faults();
    let is_claiming = || {
        let journal = faults.journal();
        journal.iter().any(|entry| entry.sql.contains("'CLAIMED'"))
    };
    let hold = Hold::default();
    faults.once(
        When::Contains("'CLAIMED'".into()),
        Fault::Hold(hold.clone()),
    );
    let run = ("StartBackup", start("run"));
    let (given_up, repeat) = held_and_repeated(&context, run, hold, is_claiming).await;
    let job = repeat.expect("it submits");
    assert_eq!(job["label"], json!("sales_20260301_full"));
    assert_eq!(given_up.unwrap_err().name, ErrorName::JobConflict);
    let plan = cluster.rows("SELECT plan_id FROM ops.backup_history").await;
    assert_eq!(json!(plan), json!([[job["plan_id"]]]));
    let claim = "SELECT generation, phase FROM ops.run_status WHERE scope = 'backup'";
    assert_eq!(cluster.rows(claim).await, [["2", "SUBMITTED"]]);
}

/// Given up while it writes its plan, it leaves no history of a label that nobody will ever end.
#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_call_records_nothing_of_its_own_plan() {
    let cluster = shop(Profile::V3_5).await;
    let context = cluster.context();
    let faults = cluster.emulator.faults();
    let manifest = "INSERT INTO `ops`.`backup_partitions`";
    let hold = Hold::default();
    faults.once(When::Contains(manifest.into()), Fault::Hold(hold.clone()));
    let run = ("StartBackup", start("run"));
    let is_writing = || has_arrived(&cluster, manifest);
    let (given_up, repeat) = held_and_repeated(&context, run, hold, is_writing).await;
    let job = repeat.expect("it submits");
    assert_eq!(job["label"], json!("sales_20260301_full_r1"));
    assert_eq!(given_up.unwrap_err().name, ErrorName::JobConflict);
    let history = "SELECT label, status FROM ops.backup_history";
    assert_eq!(
        cluster.rows(history).await,
        [["sales_20260301_full_r1", "RUNNING"]]
    );
}

/// It may not keep a database that was taken over from it, nor say how the label ended.
#[tokio::test(flavor = "multi_thread")]
async fn an_execution_whose_database_was_taken_over_has_nothing_to_say_any_more() {
    let cluster = shop(Profile::V3_5).await;
    let context = cluster.context();
    let job = flow::call(&context, "StartBackup", start("late"))
        .await
        .expect("it starts");
    cluster.advance(21 * 60);
    flow::call(&context, "StartBackup", start("next"))
        .await
        .expect("it adopts");
    let state = async || {
        let lease = "SELECT execution_id, generation, expires_at FROM ops.run_status \
                     WHERE scope = 'lease' ORDER BY generation";
        let history = "SELECT label, status FROM ops.backup_history";
        (cluster.rows(lease).await, cluster.rows(history).await)
    };
    let before = state().await;
    cluster.advance(30);
    let look = json!({
        "operation": "backup", "run": start("late")["run"], "jobs": [job], "wait_seconds": 0,
    });
    let seen = flow::call(&context, "PollStatus", look)
        .await
        .expect("a look");
    assert_eq!(seen["jobs"][0]["state"], json!("failed"), "{seen}");
    assert_eq!(
        seen["jobs"][0]["error"]["Error"],
        json!("JobConflict"),
        "{seen}"
    );
    for job in [&job, &seen["jobs"][0]] {
        let mut job = job.clone();
        if job["state"] == json!("running") {
            job["state"] = json!("finished");
        }
        let payload = json!({ "operation": "record", "run": start("late")["run"], "job": job });
        let error = flow::call(&context, "RecordHistory", payload)
            .await
            .unwrap_err();
        assert_eq!(error.name, ErrorName::JobConflict, "{error}");
    }
    assert_eq!(state().await, before);
}

/// Refused, and superseded before it gives its label up: what its successor sent under it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_call_gives_up_no_label_that_its_successor_sent() {
    let cluster = shop(Profile::V3_5).await;
    let context = cluster.context();
    let faults = cluster.emulator.faults();
    let is_refused = || {
        let journal = faults.journal();
        let backup = journal
            .iter()
            .position(|entry| entry.sql.starts_with("BACKUP"));
        backup.is_some_and(|at| {
            let mut after = journal[at..].iter();
            after.any(|entry| entry.sql.starts_with("SHOW SNAPSHOT"))
        })
    };
    let (sent, late) = (AtomicBool::new(false), AtomicBool::new(false));
    let looks = move |sql: &str| {
        sent.fetch_or(sql.starts_with("BACKUP"), Ordering::SeqCst);
        let look = sql.starts_with("SHOW SNAPSHOT") && sent.load(Ordering::SeqCst);
        look && !late.swap(true, Ordering::SeqCst)
    };
    let hold = Hold::default();
    faults.always(When::Matches(Box::new(looks)), Fault::Hold(hold.clone()));
    let gone = SqlError::analyzing("Unknown table 'orders'");
    faults.once(
        When::Contains("BACKUP SNAPSHOT".into()),
        Fault::Refuse(gone),
    );
    let run = ("StartBackup", start("run"));
    let (given_up, repeat) = held_and_repeated(&context, run, hold, is_refused).await;
    let job = repeat.expect("it submits");
    assert_eq!(job["label"], json!("sales_20260301_full"), "{job}");
    assert_eq!(given_up.unwrap_err().name, ErrorName::JobConflict);
    let history = "SELECT label, status FROM ops.backup_history";
    assert_eq!(
        cluster.rows(history).await,
        [["sales_20260301_full", "RUNNING"]]
    );
    let phase = "SELECT phase FROM ops.run_status WHERE scope = 'backup'";
    assert_eq!(cluster.rows(phase).await, [["SUBMITTED"]]);
}

/// SWAP sent a second time would undo itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_promotion_sends_no_swap() {
    const NOTED: &str = "UPDATE `ops`.`restore_steps`";
    let cluster = damaged_shop(Profile::V3_5).await;
    let context = cluster.context();
    let label = "sales_20260301_full";
    let held = flow::restore(&cluster, json!({ "target_label": label, "swap": "manual" }))
        .await
        .output();
    let precheck = json!({
        "operation": "restore",
        "machine": "any",
        "input": held["summary"]["next_input"],
        "execution": { "Id": "promotion", "StartTime": "2026-03-01T04:10:00Z" },
    });
    let run = flow::call(&context, "Precheck", precheck).await.unwrap()["run"].clone();
    let promote = json!({ "operation": "promote", "run": run });
    let faults = cluster.emulator.faults();
    faults.reset_journal();
    let hold = Hold::default();
    faults.once(When::Contains(NOTED.into()), Fault::Hold(hold.clone()));
    let is_noting = || has_arrived(&cluster, NOTED);
    let (given_up, repeat) =
        held_and_repeated(&context, ("Restore", promote), hold, is_noting).await;
    repeat.expect("it promotes");
    assert_eq!(given_up.unwrap_err().name, ErrorName::JobConflict);
    let journal = faults.journal();
    let swaps = journal.iter().filter(|entry| entry.sql.contains(" SWAP "));
    assert_eq!(swaps.count(), 1);
    assert_eq!(cluster.rows("SELECT id FROM sales.orders").await, [["1"]]);
}
