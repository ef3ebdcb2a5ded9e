//! Writes how a backup or a restore ended, and gives its database back.
//!
//! `record` brings one database's label to its recorded end; `finish` looks at all of them and either
//! raises the error that names what failed, asks for another round, or ends with a summary. Both can be
//! repeated: a label that is recorded is read, not recorded again.

mod aftermath;
mod finish;
mod reconcile;
mod record;
mod restore;
mod stop;

use serde::Deserialize;
use serde_json::Value;
use shared::{
    context::Context,
    error::Error,
    flow::{BackupRun, FlowError, Job, Outcome, RestoreRun, one_of_many},
    ident::{DatabaseName, ExecutionId, RestoreId},
};

use restore::FinishRestore;

#[derive(Debug, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case", deny_unknown_fields)]
enum Request {
    Record {
        run: BackupRun,
        job: Job,
    },
    Finish(Finish),
    RecordRestore {
        run: RestoreRun,
        failure: Option<FlowError>,
    },
    FinishRestore(FinishRestore),
    /// The program that runs an execution was asked to end.
    Stop {
        execution_id: ExecutionId,
        /// The restore that it worked on.
        restore_id: Option<RestoreId>,
    },
    /// Step Functions say that an execution was stopped, ran out of time or failed.
    Reconcile(aftermath::Ended),
}

/// What the last Task of `backup` is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finish {
    run: BackupRun,
    /// Of the last round, or what `precheck` chose.
    databases: Vec<DatabaseName>,
    /// Why there was nothing to do, where `precheck` said so.
    summary: Value,
    outcomes: Vec<Outcome>,
    failure: Option<FlowError>,
    redrive_count: u32,
    /// The redrives that were answered with another round.
    redrives_served: u32,
    /// By the state that follows a failed one: what there is to count was counted then.
    asked_again: bool,
}

pub async fn handle(context: &Context, event: Value) -> Result<Value, Error> {
    let request: Request = shared::context::parse(event)?;
    let settings = context.settings();
    let mut client = context.connect().await?;
    let answer = match request {
        Request::Record { run, job } => record::record(settings, &mut client, &run, &job)
            .await
            .map_err(|error| one_of_many(error, run.databases.len()))
            .and_then(|outcome| shared::context::reply(&outcome.among(run.databases.len()))),
        Request::RecordRestore { run, failure } => {
            restore::record(settings, &mut client, &run, failure.as_ref()).await
        }
        Request::FinishRestore(finish) => restore::finish(settings, &mut client, &finish).await,
        Request::Stop {
            execution_id,
            restore_id,
        } => stop::stop(settings, &mut client, &execution_id, restore_id.as_ref())
            .await
            .and_then(|left| shared::context::reply(&left)),
        Request::Reconcile(ended) => {
            aftermath::Aftermath::new(settings, context.new_invocation(), &ended)
                .reconcile(&mut client)
                .await
                .and_then(|found| shared::context::reply(&found))
        }
        Request::Finish(finish) => finish::finish(settings, &mut client, &finish)
            .await
            .and_then(|next| shared::context::reply(&next)),
    };
    client.close().await;
    answer
}
