//! A backup that StarRocks finished is recorded as what it is, whatever happens before it is.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use serde_json::{Value, json};
use shared::{context::Context, error::ErrorName};
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
    jobs::{faults::At, state::BackupState},
    reply::SqlError,
};
use tests::{
    cluster::{Cluster, create_repository},
    flow, meddle,
    shop::{shop, start},
};

const LABEL: &str = "sales_20260301_full";

fn full() -> Value {
    json!({ "group": "nightly", "kind": "full" })
}

async fn history(cluster: &Cluster) -> Vec<Vec<String>> {
    cluster
        .rows("SELECT label, status FROM ops.backup_history")
        .await
}

async fn phase(cluster: &Cluster) -> String {
    let phase = format!("SELECT phase FROM ops.run_status WHERE label = '{LABEL}'");
    cluster.one(&phase).await
}

fn at_end(cluster: &Cluster, statements: &'static str) {
    let finished = At::backup("sales", BackupState::Finished);
    cluster.emulator.with_engine(|engine| {
        engine.jobs.faults.at_state(finished, |engine| {
            meddle::run(engine, statements);
        });
    });
}

/// A plan and its BACKUP, which goes on while the clock stands still.
async fn started(cluster: &Cluster) -> Value {
    let context = cluster.context();
    let job = flow::call(&context, "StartBackup", start("by-hand")).await;
    let job = job.expect("it starts");
    assert_eq!(job["state"], json!("running"), "{job}");
    job
}

async fn record(cluster: &Cluster, job: &Value, state: &str) -> Value {
    let mut job = job.clone();
    job["state"] = json!(state);
    let payload = json!({ "operation": "record", "run": start("by-hand")["run"], "job": job });
    let outcome = flow::call(&cluster.context(), "RecordHistory", payload).await;
    outcome.expect("it is recorded")
}

/// Two attempts see two tables: what the first one wrote is not in the way of the second.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_changes_between_two_attempts_to_record_is_left_out() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE TABLE sales.days (k DATE NOT NULL) DUPLICATE KEY(k) PARTITION BY RANGE(k) \
             (PARTITION p1 VALUES LESS THAN ('2026-01-02')) \
             DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES('replication_num'='1')",
        )
        .await;
    // A partition that the plan does not know: the manifest is written once more.
    cluster.emulator.with_engine(|engine| {
        let pending = At::backup("sales", BackupState::Pending);
        engine.jobs.faults.at_state(pending, |engine| {
            meddle::run(
                engine,
                "ALTER TABLE sales.days ADD PARTITION p2 VALUES LESS THAN ('2026-01-03')",
            );
        });
    });
    // No look keeps its reading: each attempt takes its own.
    let faults = cluster.emulator.faults();
    let keeps = When::Contains("SET second_reading".to_owned());
    faults.always(keeps, Fault::Refuse(SqlError::plain("the disk is full")));
    const ENDED: &str = "SET finished_at = UTC_TIMESTAMP(), status = 'FINISHED'";
    let altered = meddle::once_before(
        &cluster,
        |sql| sql.contains(ENDED),
        "ALTER TABLE sales.orders ADD COLUMN x INT NULL",
    );
    faults.once(When::Contains(ENDED.to_owned()), Fault::DropBefore);
    flow::backup(&cluster, full()).await.output();
    assert!(altered.has_come_about());
    assert_eq!(
        history(&cluster).await,
        [[LABEL, "PARTIAL"], ["sales_20260301_full_r1", "FINISHED"]]
    );
    let kept = format!(
        "SELECT p.table_name, p.partition_name FROM ops.backup_partitions p \
         JOIN ops.backup_history h ON h.plan_id = p.plan_id WHERE h.label = '{LABEL}'"
    );
    let days = [["days", "p1"], ["days", "p2"]];
    assert_eq!(cluster.rows(&kept).await, days);
}

/// After BACKUP was sent, some listings of the repository fail.
fn listings_fail(cluster: &Cluster) -> Arc<AtomicU32> {
    let failed = Arc::new(AtomicU32::new(0));
    let (count, sent) = (Arc::clone(&failed), AtomicBool::new(false));
    let fails = move |sql: &str| {
        if sql.starts_with("BACKUP") {
            sent.store(true, Ordering::SeqCst);
        }
        sent.load(Ordering::SeqCst)
            && sql.starts_with("SHOW SNAPSHOT")
            && count.fetch_add(1, Ordering::SeqCst) < 6
    };
    let words = "Failed to list snapshot in repo: repo, err: failed to list remote path: s3://b. \
                 msg: timeout";
    cluster.emulator.faults().always(
        When::Matches(Box::new(fails)),
        Fault::Refuse(SqlError::analyzing(words)),
    );
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_store_that_fails_for_a_moment_is_asked_again() {
    for replaced in [false, true] {
        let cluster = shop(Profile::V3_5).await;
        // Then looks need the repository too.
        if replaced {
            at_end(
                &cluster,
                "BACKUP SNAPSHOT sales.by_hand TO repo ON (orders)",
            );
        }
        let failed = listings_fail(&cluster);
        flow::backup(&cluster, full()).await.output();
        assert!(failed.load(Ordering::SeqCst) > 6);
        assert_eq!(history(&cluster).await, [[LABEL, "FINISHED"]]);
    }
}

/// Its second reading finds another table each time, until it does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_table_is_read_again_when_it_has_come_to_rest() {
    let cluster = shop(Profile::V3_5).await;
    let mut sent = false;
    let busy = meddle::before(
        &cluster,
        move |sql| {
            sent |= sql.starts_with("BACKUP");
            sent && sql.contains("partitions_meta")
        },
        12,
        |engine| {
            meddle::run(
                engine,
                "DROP TABLE sales.orders FORCE;\n\
                 CREATE TABLE sales.orders (id INT NOT NULL) DUPLICATE KEY(id) \
                 DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')",
            );
        },
    );
    flow::backup(&cluster, full()).await.output();
    assert!(busy.has_come_about());
    assert_eq!(
        history(&cluster).await,
        [[LABEL, "PARTIAL"], ["sales_20260301_full_r1", "FINISHED"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_dropped_after_its_backup_can_be_restored() {
    let cluster = shop(Profile::V3_5).await;
    at_end(&cluster, "DROP DATABASE sales FORCE");
    flow::backup(&cluster, full()).await.output();
    assert_eq!(history(&cluster).await, [[LABEL, "FINISHED"]]);
    let input = json!({ "target_label": LABEL });
    flow::restore(&cluster, input).await.output();
    assert_eq!(cluster.rows("SELECT id FROM sales.orders").await, [["1"]]);
}

/// Between the last look and the record.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_dropped_before_its_backup_is_recorded_can_be_restored() {
    let cluster = shop(Profile::V3_5).await;
    let dropped = meddle::once_before(
        &cluster,
        |sql| sql.starts_with("SHOW SNAPSHOT") && sql.contains("AND TIMESTAMP"),
        "DROP DATABASE sales FORCE",
    );
    flow::backup(&cluster, full()).await.output();
    assert!(dropped.has_come_about());
    assert_eq!(history(&cluster).await, [[LABEL, "FINISHED"]]);
    let input = json!({ "target_label": LABEL });
    flow::restore(&cluster, input).await.output();
    assert_eq!(cluster.rows("SELECT id FROM sales.orders").await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_cut_off_by_a_dropped_database_is_a_failure() {
    let cluster = shop(Profile::V3_5).await;
    cluster.emulator.with_engine(|engine| {
        let uploading = At::backup("sales", BackupState::Uploading);
        engine.jobs.faults.hold(uploading.clone());
        engine.jobs.faults.at_state(uploading, |engine| {
            meddle::run(engine, "DROP DATABASE sales FORCE");
        });
    });
    let error = flow::backup(&cluster, full()).await.error();
    assert_eq!(error.error, "BackupFailed", "{error:?}");
    assert!(error.cause.contains("sales was dropped"), "{error:?}");
    assert_eq!(history(&cluster).await, [[LABEL, "FAILED"]]);
}

/// Not for ever open, and adopted by every run that follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_label_that_turns_up_cancelled_is_recorded_so() {
    let cluster = shop(Profile::V3_5).await;
    let job = started(&cluster).await;
    let outcome = record(&cluster, &job, "lost").await;
    assert_eq!(outcome["status"], json!("LOST"), "{outcome}");
    assert_eq!(phase(&cluster).await, "SUBMITTED");
    // Looked for again, it is still nowhere.
    let outcome = record(&cluster, &job, "lost").await;
    assert_eq!(outcome["status"], json!("LOST"), "{outcome}");

    let outcome = record(&cluster, &job, "cancelled").await;
    assert_eq!(outcome["status"], json!("CANCELLED"), "{outcome}");
    assert_eq!(history(&cluster).await, [[LABEL, "CANCELLED"]]);
    assert_eq!(phase(&cluster).await, "RECORDED");
}

/// What was looked for in vain once is not looked for by every later run.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_label_of_which_a_fragment_is_left_is_given_up_by_the_next_run() {
    let cluster = shop(Profile::V3_5).await;
    let job = started(&cluster).await;
    let outcome = record(&cluster, &job, "lost").await;
    assert_eq!(outcome["status"], json!("LOST"), "{outcome}");
    // Cut off, and no more shown: another job took its row.
    cluster.sql("CANCEL BACKUP FROM sales").await;
    cluster
        .sql("BACKUP SNAPSHOT sales.by_hand TO repo ON (orders)")
        .await;
    cluster.advance(30 * 60);
    let fragment = cluster
        .bucket()
        .join("starrocks/__starrocks_repository_repo/__ss_sales_20260301_full/__ss_content");
    std::fs::create_dir_all(&fragment).expect("a folder");
    std::fs::write(fragment.join("part"), "x").expect("a fragment");
    let input = json!({ "group": "nightly", "kind": "full" });
    tokio::time::timeout(
        std::time::Duration::from_secs(60),
        flow::backup(&cluster, input),
    )
    .await
    .expect("it comes to an end")
    .output();
    assert_eq!(
        history(&cluster).await,
        [
            ["sales_20260301_full", "LOST"],
            ["sales_20260301_full_r1", "FINISHED"]
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_other_tables_is_recorded_as_a_failure() {
    let cluster = shop(Profile::V3_5).await;
    // Our own job gets nowhere, and another cluster on the same bucket takes the label.
    cluster.emulator.with_engine(|engine| {
        let pending = At::backup("sales", BackupState::Pending);
        engine.jobs.faults.hold(pending);
    });
    let job = started(&cluster).await;
    let other = cluster.beside(Profile::V3_5);
    other
        .sql(&format!(
            "{};\nCREATE DATABASE sales;\nCREATE TABLE sales.theirs (id INT NOT NULL) DUPLICATE KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');\n\
             BACKUP SNAPSHOT sales.{LABEL} TO repo ON (theirs)",
            create_repository()
        ))
        .await;
    other.advance(600);
    let outcome = record(&cluster, &job, "finished").await;
    assert_eq!(outcome["status"], json!("FAILED"), "{outcome}");
    let error = &outcome["error"];
    assert_eq!(error["Error"], json!("BackupFailed"), "{outcome}");
    assert!(error["Cause"].to_string().contains("theirs"), "{outcome}");
    assert_eq!(history(&cluster).await, [[LABEL, "FAILED"]]);
    assert_eq!(phase(&cluster).await, "RECORDED");
}

/// Whoever looks at a label looks where it was sent to, whatever is configured by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_found_in_the_repository_that_it_was_sent_to() {
    for before_it_is_sent in [false, true] {
        let cluster = shop(Profile::V3_5).await;
        let other = create_repository()
            .replace("`repo`", "`other`")
            .replace("/starrocks", "/other");
        cluster.sql(&other).await;
        if before_it_is_sent {
            let faults = cluster.emulator.faults();
            let backup = When::Contains("BACKUP SNAPSHOT".into());
            faults.once(backup, Fault::DropBefore);
            let lost = flow::call(&cluster.context(), "StartBackup", start("by-hand")).await;
            assert_eq!(lost.unwrap_err().name, ErrorName::Unreachable);
        } else {
            started(&cluster).await;
        }
        let changed = Context::new(cluster.settings_with(&[("STARROCKS_REPOSITORY", "other")]));
        let job = flow::call(&changed, "StartBackup", start("by-hand")).await;
        let job = job.expect("it goes on");
        // So that SHOW BACKUP has forgotten it when it is looked for.
        cluster.advance(120);
        cluster
            .sql("BACKUP SNAPSHOT sales.by_hand TO other ON (orders)")
            .await;
        let look = json!({
            "operation": "backup", "run": start("by-hand")["run"], "jobs": [job], "wait_seconds": 0,
        });
        let seen = flow::call(&changed, "PollStatus", look).await.unwrap();
        assert_eq!(seen["jobs"][0]["state"], json!("finished"), "{seen}");
        let payload = json!({
            "operation": "record", "run": start("by-hand")["run"], "job": seen["jobs"][0],
        });
        let outcome = flow::call(&changed, "RecordHistory", payload)
            .await
            .unwrap();
        assert_eq!(outcome["status"], json!("FINISHED"), "{outcome}");
        cluster.advance(120);
        let input = json!({ "target_label": "sales_20260301_full", "into_database": "copy" });
        flow::restore(&cluster, input).await.output();
        assert_eq!(cluster.rows("SELECT id FROM copy.orders").await, [["1"]]);
    }
}

/// It is not missed by the runs that follow.
#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_removed_while_it_is_backed_up_to_stops_no_later_run() {
    let cluster = shop(Profile::V3_5).await;
    let other = create_repository()
        .replace("`repo`", "`other`")
        .replace("/starrocks", "/other");
    cluster.sql(&other).await;
    started(&cluster).await;
    cluster.advance(120);
    cluster.sql("DROP REPOSITORY repo").await;
    let changed = Context::new(cluster.settings_with(&[("STARROCKS_REPOSITORY", "other")]));
    // As if 20 minutes had passed since the run died.
    cluster.advance(21 * 60);
    let job = flow::call(&changed, "StartBackup", start("next")).await;
    let job = job.expect("it adopts");
    let look = json!({
        "operation": "backup", "run": start("next")["run"], "jobs": [job], "wait_seconds": 0,
    });
    let seen = flow::call(&changed, "PollStatus", look).await.unwrap();
    let payload = json!({
        "operation": "record", "run": start("next")["run"], "job": seen["jobs"][0],
    });
    flow::call(&changed, "RecordHistory", payload)
        .await
        .unwrap();
    assert_eq!(history(&cluster).await, [[LABEL, "FAILED"]]);
    let job = flow::call(&changed, "StartBackup", start("next")).await;
    assert_eq!(
        job.expect("it plans")["label"],
        json!("sales_20260301_full_r1")
    );
}
