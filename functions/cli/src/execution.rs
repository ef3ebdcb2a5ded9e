//! Running a state machine from the command line.

mod stop;

use std::sync::Arc;

use serde_json::{Value, json};
use shared::{
    audit::{self, Action},
    context::Context,
    error::{Error, ErrorName},
};
use tokio::sync::watch;

use crate::{
    asl::{ExecutionError, ExecutionInfo, Machine, Runtime},
    handlers::Handlers,
    progress,
};

pub(crate) use stop::asked_to_end;

/// What an execution is about, for what is said when it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    Backup,
    /// A restore that begins: it is called as its execution.
    Restore,
    /// A restore that goes on.
    RestoreOf(&'a str, Action),
}

/// Runs an execution under a new id, and stops it when the process is asked to end. `pace`: how many
/// seconds pass on the cluster in one of this machine; 1, except in the demo.
pub(crate) async fn run(
    context: &Context,
    machine: &Machine,
    subject: Subject<'_>,
    input: Value,
    pace: u32,
) -> Result<Value, Error> {
    // What is wrong with the connection is said at once, not after the retries of the first state.
    tokio::select! {
        connected = context.connect() => connected?.close().await,
        () = asked_to_end() => return Err(stop::nothing_begun(subject)),
    }
    let shows_only = input["dry_run"] == Value::Bool(true);
    let handlers = Arc::new(Handlers::new(context.clone()));
    let info = info();
    let (stopper, stop) = watch::channel(false);
    let signals = tokio::spawn(async move {
        asked_to_end().await;
        // Nobody listens any more: the execution has ended by itself.
        let _ = stopper.send(true);
    });
    let runtime = Runtime::new(progress::observer(), stop).with_pace(pace);
    let result = machine.execute(input, &info, &handlers, &runtime).await;
    signals.abort();
    match result {
        Ok(output) => Ok(output),
        Err(ExecutionError::Failed(failure)) => Err(failure.error.to_error()),
        Err(ExecutionError::Stopped { .. }) => {
            if !shows_only {
                stopped(&info.id, subject);
            }
            Err(stop::left(&handlers, &info.id, subject).await)
        }
        Err(ExecutionError::NotRedrivable(reason)) => Err(Error::internal(reason)),
    }
}

/// On the log as its end: what StarRocks goes on with is somebody else's to end.
fn stopped(execution: &str, subject: Subject<'_>) {
    let (action, restore) = match subject {
        Subject::Backup => (Action::Backup, ""),
        Subject::Restore => (Action::Restore, execution),
        Subject::RestoreOf(id, action) => (action, id),
    };
    audit::Subject {
        action,
        execution,
        label: "",
        restore,
        databases: &[],
        object: "",
    }
    .failed(ErrorName::Interrupted);
}

/// A new execution as its first state would see it, for what is asked of that state alone.
pub(crate) fn described() -> Value {
    let info = info();
    json!({ "Id": info.id, "StartTime": info.started_at.to_string() })
}

#[expect(
    clippy::disallowed_methods,
    reason = "names the execution; the leader's clock dates what it writes"
)]
fn info() -> ExecutionInfo {
    let id = ulid::Ulid::generate().to_string();
    ExecutionInfo {
        name: id.clone(),
        id,
        machine: "local".to_owned(),
        started_at: jiff::Timestamp::now(),
        redrive_count: 0,
    }
}
