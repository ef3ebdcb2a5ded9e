//! Executions that somebody stopped, that ran out of time or failed: what they had begun is recorded or
//! left to the next one, and no database is held for long.

use std::time::Duration;

use serde_json::{Value, json};
use shared::error::ErrorName;
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
    jobs::{faults::At, state::BackupState},
};
use tests::{
    cluster::{Cluster, NULL},
    flow,
    kill::{Kill, Killer, Victim},
    shop::{damaged_shop, shop, start},
};

const ARN: &str = "arn:aws:states:eu-central-1:123456789012:execution:backup:stopped";
const START: &str = "2026-03-01T04:00:00.250Z";
const LABEL: &str = "sales_20260301_full";

fn execution() -> String {
    format!("{ARN}@{START}")
}

/// What the rule makes of the event.
fn ended(status: &str, cancel_on_abort: bool) -> Value {
    json!({
        "operation": "reconcile",
        "arn": ARN,
        "started_ms": 1_772_337_600_250_i64,
        "status": status,
        "cancel_on_abort": cancel_on_abort,
    })
}

async fn reconcile(cluster: &Cluster, status: &str, cancel_on_abort: bool) -> Value {
    let event = ended(status, cancel_on_abort);
    let found = flow::call(&cluster.context(), "RecordHistory", event).await;
    found.expect("it reconciles")
}

async fn begin(cluster: &Cluster, execution: &str) -> Result<Value, shared::error::Error> {
    flow::call(&cluster.context(), "StartBackup", start(execution)).await
}

/// `sales` is uploading, for an execution that is stopped now.
async fn uploading() -> Cluster {
    let cluster = shop(Profile::V3_5).await;
    hold(&cluster);
    begin(&cluster, &execution()).await.expect("it begins");
    cluster.advance(20);
    cluster
}

fn hold(cluster: &Cluster) {
    let at = At::backup("sales", BackupState::Uploading);
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.faults.hold(at));
}

fn release(cluster: &Cluster) {
    let at = At::backup("sales", BackupState::Uploading);
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.faults.release(&at));
    cluster.advance(60);
}

async fn history(cluster: &Cluster) -> Vec<Vec<String>> {
    cluster
        .rows("SELECT label, status, cut, rows_total FROM ops.backup_history")
        .await
}

fn sent(cluster: &Cluster, text: &str) -> usize {
    let journal = cluster.emulator.faults().journal();
    let sent = journal.iter().filter(|entry| entry.sql.contains(text));
    sent.count()
}

/// The next execution is kept out for two minutes, in which a late call's statement may arrive, and no
/// longer.
async fn next_is_kept_out_for_two_minutes(cluster: &Cluster) -> Value {
    cluster.advance(115);
    let error = begin(cluster, "next").await.expect_err("two minutes");
    assert_eq!(error.name, ErrorName::JobConflict);
    cluster.advance(6);
    begin(cluster, "next").await.expect("it is free")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_finished_is_recorded_as_if_its_execution_had_lived() {
    let cluster = shop(Profile::V3_5).await;
    begin(&cluster, &execution()).await.expect("it begins");
    cluster.advance(300);
    let found = reconcile(&cluster, "ABORTED", true).await;
    assert_eq!(
        found,
        json!({
            "executions": [execution()],
            "labels": [{ "label": LABEL, "status": "FINISHED", "left": null, "cancelled": false }],
            "databases": [{ "database": "sales", "state": "given_back", "execution": null }],
            "restores": [],
        })
    );
    // Nobody looked while it could be counted.
    assert_eq!(
        history(&cluster).await,
        [[LABEL, "FINISHED", "exact", NULL]]
    );
    assert_eq!(sent(&cluster, "CANCEL BACKUP"), 0);
    // Delivered twice.
    let again = reconcile(&cluster, "ABORTED", true).await;
    assert_eq!(again["labels"], json!([]));
    let next = next_is_kept_out_for_two_minutes(&cluster).await;
    assert_eq!(next["label"], json!("sales_20260301_full_r1"));

    cluster.sql("TRUNCATE TABLE sales.orders").await;
    cluster.advance(3_600);
    flow::restore(&cluster, json!({ "target_label": LABEL }))
        .await
        .output();
    assert_eq!(cluster.rows("SELECT id FROM sales.orders").await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_runs_is_adopted_by_the_next_execution_within_minutes() {
    let cluster = uploading().await;
    for status in ["ABORTED", "TIMED_OUT", "FAILED"] {
        let found = reconcile(&cluster, status, false).await;
        assert_eq!(found["labels"][0]["left"], json!("running"), "{found}");
    }
    // It counts as a run that died, for as long as nobody has it.
    cluster.advance(121);
    let mut client = cluster.context().connect().await.unwrap();
    let settings = cluster.settings();
    let mut ops = shared::ops::Ops::new(&mut client, settings.ops_database());
    let sales: shared::ident::DatabaseName = "sales".parse().unwrap();
    assert_eq!(ops.expired_leases().await.unwrap(), [sales]);
    let adopted = begin(&cluster, "next").await.expect("it is free");
    assert_eq!(
        (&adopted["label"], &adopted["state"]),
        (&json!(LABEL), &json!("running"))
    );
    // The one that ended has nothing to say any more, however late it is told.
    let found = reconcile(&cluster, "ABORTED", true).await;
    assert_eq!(
        found["databases"],
        json!([{ "database": "sales", "state": "taken_over", "execution": "next" }])
    );
    assert_eq!(sent(&cluster, "CANCEL BACKUP"), 0);
    release(&cluster);
    cluster.advance(20 * 60);
    // Whoever comes now, as the same work of the same day.
    flow::full(&cluster, "nightly").await;
    assert_eq!(history(&cluster).await.len(), 1);
    assert_eq!(sent(&cluster, "BACKUP SNAPSHOT"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_runs_is_cancelled_only_where_somebody_stopped_it_and_wants_it() {
    let cluster = uploading().await;
    let found = reconcile(&cluster, "FAILED", true).await;
    assert_eq!(found["labels"][0]["left"], json!("running"), "{found}");
    let found = reconcile(&cluster, "TIMED_OUT", true).await;
    assert_eq!(
        found["labels"],
        json!([{ "label": LABEL, "status": "CANCELLED", "left": null, "cancelled": true }])
    );
    let record = cluster
        .rows("SELECT status, error_message FROM ops.backup_history")
        .await;
    assert!(record[0][1].contains("user cancelled"), "{record:?}");
    next_is_kept_out_for_two_minutes(&cluster).await;
    release(&cluster);
    cluster.advance(3_600);
    flow::full(&cluster, "nightly").await;
    assert_eq!(sent(&cluster, "CANCEL BACKUP"), 1);
}

/// The lease is taken from under it: it finds that before it sends BACKUP.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_still_planning_sends_nothing_any_more() {
    let cluster = shop(Profile::V3_5).await;
    let planned = When::Contains("SET phase = 'PLANNED'".into());
    let faults = cluster.emulator.faults();
    faults.once(planned, Fault::Delay(Duration::from_millis(2_500)));
    let stopped = execution();
    let late = begin(&cluster, &stopped);
    let meanwhile = async {
        wait_for(&cluster, "SET phase = 'PLANNED'").await;
        reconcile(&cluster, "ABORTED", true).await
    };
    let (late, found) = tokio::join!(late, meanwhile);
    assert_eq!(found["databases"][0]["state"], json!("given_back"));
    assert_eq!(late.unwrap_err().name, ErrorName::JobConflict);
    assert_eq!(sent(&cluster, "BACKUP SNAPSHOT"), 0);
    let next = next_is_kept_out_for_two_minutes(&cluster).await;
    assert_eq!(next["label"], json!("sales_20260301_full_r1"));
}

/// It was allowed before the lease was taken from under it: so long nobody else is.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_on_its_way_arrives_before_the_next_execution_looks() {
    let cluster = shop(Profile::V3_5).await;
    let faults = cluster.emulator.faults();
    let backup = When::Contains("BACKUP SNAPSHOT".into());
    faults.once(backup, Fault::Delay(Duration::from_millis(2_500)));
    let stopped = execution();
    let late = begin(&cluster, &stopped);
    let meanwhile = async {
        wait_for(&cluster, "BACKUP SNAPSHOT").await;
        reconcile(&cluster, "ABORTED", false).await
    };
    let (late, found) = tokio::join!(late, meanwhile);
    assert_eq!(found["labels"][0]["left"], json!("unknown"), "{found}");
    assert_eq!(late.expect("it was accepted")["label"], json!(LABEL));
    let next = next_is_kept_out_for_two_minutes(&cluster).await;
    assert_eq!(next["label"], json!(LABEL), "adopted: {next}");
    assert_eq!(sent(&cluster, "BACKUP SNAPSHOT"), 1);
}

async fn wait_for(cluster: &Cluster, text: &str) {
    while sent(cluster, text) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An execution whose name is used again is another one, and so is one that only begins alike.
#[tokio::test(flavor = "multi_thread")]
async fn other_executions_keep_what_they_hold() {
    let cluster = shop(Profile::V3_5).await;
    hold(&cluster);
    for id in [
        format!("{ARN}@2026-06-01T04:00:00Z"),
        format!("{ARN}-2@{START}"),
    ] {
        begin(&cluster, &id).await.expect("it begins");
        let lease = "SELECT label, expires_at FROM ops.run_status WHERE scope = 'lease'";
        let before = cluster.rows(lease).await;
        let found = reconcile(&cluster, "ABORTED", true).await;
        assert_eq!(
            found,
            json!({ "executions": [], "labels": [], "databases": [], "restores": [] })
        );
        assert_eq!(cluster.rows(lease).await, before);
        cluster.advance(21 * 60);
    }
    assert_eq!(sent(&cluster, "CANCEL BACKUP"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_statement_and_called_again_it_ends_alike() {
    /// Each look is several statements alike.
    const STRIDE: usize = 2;
    let finished = async || {
        let cluster = shop(Profile::V3_5).await;
        begin(&cluster, &execution()).await.expect("it begins");
        cluster.advance(300);
        cluster.emulator.faults().reset_journal();
        cluster
    };
    let end = async |cluster: &Cluster| {
        let query = "SELECT phase, state FROM ops.run_status WHERE scope = 'backup'";
        let held = "SELECT DISTINCT state FROM ops.run_status WHERE scope = 'lease' \
             AND generation = (SELECT MAX(generation) FROM ops.run_status WHERE scope = 'lease')";
        let manifest = "SELECT COUNT(*) FROM ops.backup_partitions";
        (
            history(cluster).await,
            cluster.rows(query).await,
            cluster.rows(held).await,
            cluster.rows(manifest).await,
        )
    };
    let undisturbed = finished().await;
    reconcile(&undisturbed, "ABORTED", true).await;
    let count = undisturbed.emulator.faults().journal().len() as u64;
    let expected = end(&undisturbed).await;
    assert_eq!(expected.2, [["FINISHED"]]);
    for statement in (1..=count).step_by(STRIDE) {
        for executed in [false, true] {
            let cluster = finished().await;
            let kill = Kill {
                statement,
                executed,
            };
            let killer = Killer::arm(&cluster.emulator, kill, Victim::Function);
            let context = cluster.context();
            tokio::select! {
                biased;
                () = killer.died() => killer.bury().await,
                _ = flow::call(&context, "RecordHistory", ended("ABORTED", true)) => {}
            }
            assert!(killer.has_fired(), "{kill:?}");
            cluster.emulator.faults().clear();
            reconcile(&cluster, "ABORTED", true).await;
            assert_eq!(end(&cluster).await, expected, "{kill:?}");
            cluster.advance(121);
            begin(&cluster, "next")
                .await
                .unwrap_or_else(|error| panic!("{kill:?}: {error}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_restore_is_named_and_can_be_resumed_within_minutes() {
    let cluster = damaged_shop(Profile::V3_5).await;
    let context = cluster.context();
    let precheck = json!({
        "operation": "restore",
        "machine": "any",
        "input": { "target_label": LABEL },
        "execution": { "Id": ARN, "StartTime": START },
    });
    let run = flow::call(&context, "Precheck", precheck).await.unwrap()["run"].clone();
    for operation in ["plan", "steps"] {
        let payload = json!({ "operation": operation, "run": run });
        flow::call(&context, "Restore", payload).await.unwrap();
    }
    let found = reconcile(&cluster, "ABORTED", true).await;
    assert_eq!(found["restores"], json!([run["restore_id"]]), "{found}");
    assert_eq!(sent(&cluster, "CANCEL RESTORE"), 0);
    cluster.advance(121);
    let resume = json!({ "resume": run["restore_id"] });
    let output = flow::restore(&cluster, resume).await.output();
    assert_eq!(output["summary"]["state"], json!("PROMOTED"));
    assert_eq!(cluster.rows("SELECT id FROM sales.orders").await, [["1"]]);
}
