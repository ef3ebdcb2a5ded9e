//! One look at all jobs of an execution. Never waits: waiting is the state machine's, which is told how
//! long.
//!
//! Each look renews the lease, so that a job stays ours as long as somebody follows it. The first look
//! that sees the pin writes down when that was, and takes the second reading R1: the sooner after the
//! pin, the less of what happens during a long upload is mistaken for a change before it. While the upload
//! runs, rows are counted: for a moment in each look, because a look must stay short.

mod backup;
mod count;
mod progress;
mod restore;

use serde::Deserialize;
use serde_json::Value;
use shared::{
    context::Context,
    error::Error,
    flow::{BackupRun, Job, RestoreRun},
};

#[derive(Debug, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Backup {
        run: BackupRun,
        jobs: Vec<Job>,
        /// What was waited before this look; 0 before the first.
        wait_seconds: u64,
    },
    Restore {
        run: RestoreRun,
        wait_seconds: u64,
    },
}

pub async fn handle(context: &Context, event: Value) -> Result<Value, Error> {
    let request: Request = shared::context::parse(event)?;
    let mut client = context.connect().await?;
    let settings = context.settings();
    let seen = match &request {
        Request::Backup {
            run,
            jobs,
            wait_seconds,
        } => backup::poll(settings, &mut client, run, jobs, *wait_seconds)
            .await
            .and_then(|seen| shared::context::reply(&seen)),
        Request::Restore { run, wait_seconds } => {
            restore::poll(settings, &mut client, run, *wait_seconds)
                .await
                .and_then(|seen| shared::context::reply(&seen))
        }
    };
    client.close().await;
    seen
}
