//! A job that is slow, or out of sight for a while, is neither cancelled nor given up.

use serde_json::{Value, json};
use shared::context::Context;
use starrocks_emulator::{
    Profile,
    jobs::{faults::At, state::BackupState},
};
use tests::{
    cluster::Cluster,
    flow,
    shop::{shop, start},
};

fn uploading() -> At {
    At::backup("sales", BackupState::Uploading)
}

async fn look(context: &Context, job: &Value) -> Value {
    look_as(context, "one", job).await
}

async fn look_as(context: &Context, execution: &str, job: &Value) -> Value {
    let payload = json!({
        "operation": "backup", "run": start(execution)["run"], "jobs": [job], "wait_seconds": 300,
    });
    let mut seen = flow::call(context, "PollStatus", payload)
        .await
        .expect("a look");
    seen["jobs"][0].take()
}

/// So many looks, five minutes apart, each of which sees it at work.
async fn runs_for(cluster: &Cluster, context: &Context, mut job: Value, looks: u32) -> Value {
    for number in 0..looks {
        job = look(context, &job).await;
        assert_eq!(job["state"], json!("running"), "look {number}: {job}");
        cluster.advance(300);
    }
    job
}

/// One object of 200 GB moves nothing that SHOW BACKUP shows, for hours: without an error of a backend that
/// is no standstill.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_shows_no_progress_and_no_error_goes_on() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.faults.hold(uploading()));
    let context = cluster.context();
    let job = flow::call(&context, "StartBackup", start("one"))
        .await
        .expect("it starts");
    cluster.advance(60);
    let job = runs_for(&cluster, &context, job, 30).await;
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.faults.release(&uploading()));
    cluster.advance(600);
    let job = look(&context, &job).await;
    assert_eq!(job["state"], json!("finished"), "{job}");
}

/// A user that loses sight of the job by [`HIDE`]: SHOW BACKUP answers nothing where it may not EXPORT a table
/// of the job.
async fn br(cluster: &Cluster) -> Context {
    cluster
        .sql(
            "CREATE USER 'br'@'%' IDENTIFIED BY 'pw';\n\
             GRANT REPOSITORY, OPERATE ON SYSTEM TO USER 'br'@'%';\n\
             GRANT EXPORT, SELECT ON TABLE sales.orders TO USER 'br'@'%';\n\
             GRANT SELECT, INSERT, UPDATE, DELETE, ALTER ON ALL TABLES IN DATABASE ops TO USER 'br'@'%'",
        )
        .await;
    let br = [("STARROCKS_USER", "br"), ("STARROCKS_PASSWORD", "pw")];
    Context::new(cluster.settings_with(&br))
}

const HIDE: &str = "REVOKE EXPORT ON TABLE sales.orders FROM USER 'br'@'%'";
const SHOW: &str = "GRANT EXPORT ON TABLE sales.orders TO USER 'br'@'%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_out_of_sight_is_looked_for_ten_minutes() {
    for (hidden_minutes, end) in [(9, "running"), (11, "lost")] {
        let cluster = shop(Profile::V3_5).await;
        cluster
            .emulator
            .with_engine(|engine| engine.jobs.faults.hold(uploading()));
        let context = br(&cluster).await;
        let job = flow::call(&context, "StartBackup", start("one"))
            .await
            .expect("it starts");
        cluster.advance(60);
        let job = runs_for(&cluster, &context, job, 1).await;
        cluster.sql(HIDE).await;
        // The first look that misses it, another one right after, and one at the end.
        let job = look(&context, &job).await;
        let job = look(&context, &job).await;
        assert_eq!(job["state"], json!("running"), "{job}");
        cluster.advance(hidden_minutes * 60);
        let job = look(&context, &job).await;
        assert_eq!(job["state"], json!(end), "{hidden_minutes} minutes: {job}");
    }
}

/// Whoever comes next knows that BACKUP was sent, and neither sends it again nor calls it failed.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_out_of_sight_when_it_is_adopted_is_followed() {
    for next in ["one", "next"] {
        let cluster = shop(Profile::V3_5).await;
        cluster
            .emulator
            .with_engine(|engine| engine.jobs.faults.hold(uploading()));
        let context = br(&cluster).await;
        let sent = flow::call(&context, "StartBackup", start("one"))
            .await
            .expect("it starts");
        cluster.advance(21 * 60);
        cluster.sql(HIDE).await;
        let job = flow::call(&context, "StartBackup", start(next))
            .await
            .expect("it adopts");
        assert_eq!(job["label"], sent["label"], "{next}: {job}");
        assert_eq!(job["state"], json!("running"), "{next}: {job}");
        let history = "SELECT label, status FROM ops.backup_history";
        assert_eq!(
            cluster.rows(history).await,
            [["sales_20260301_full", "RUNNING"]]
        );
        let journal = cluster.emulator.faults().journal();
        let backups = journal
            .iter()
            .filter(|entry| entry.sql.starts_with("BACKUP"));
        assert_eq!(backups.count(), 1, "{next}");
        cluster.sql(SHOW).await;
        cluster
            .emulator
            .with_engine(|engine| engine.jobs.faults.release(&uploading()));
        cluster.advance(600);
        let job = look_as(&context, next, &job).await;
        assert_eq!(job["state"], json!("finished"), "{next}: {job}");
    }
}
