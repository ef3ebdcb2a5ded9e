//! Running a state machine from the command line.

use std::sync::Arc;

use serde_json::Value;
use shared::{
    context::Context,
    error::{Error, ErrorName},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    asl::{ExecutionError, ExecutionInfo, Machine, Runtime},
    handlers::Handlers,
    progress,
};

/// Runs an execution under a new id, and stops it when the process is asked to end. `pace`: how many
/// seconds pass on the cluster in one of this machine; 1, except in the demo.
pub(crate) async fn run(
    context: &Context,
    machine: &Machine,
    input: Value,
    pace: u32,
) -> Result<Value, Error> {
    // What is wrong with the connection is said at once, not after the retries of the first state.
    context.connect().await?.close().await;
    let handlers = Arc::new(Handlers::new(context.clone()));
    let (stopper, stop) = watch::channel(false);
    let signals = tokio::spawn(stop_on_signal(stopper));
    let runtime = Runtime::new(progress::observer(), stop).with_pace(pace);
    let result = machine.execute(input, &info(), &handlers, &runtime).await;
    signals.abort();
    result.map_err(|error| match error {
        ExecutionError::Failed(failure) => failure.error.to_error(),
        ExecutionError::Stopped { state } => Error::new(
            ErrorName::JobConflict,
            format!("stopped in state '{state}'"),
        )
        .hint(
            "what StarRocks has accepted goes on there: run the same command again, and it is \
                 adopted as soon as the lease has expired (20 minutes at most)",
        ),
    })
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

/// Ctrl-C and SIGTERM end the execution between two states; what runs in StarRocks is left to it.
async fn stop_on_signal(stopper: watch::Sender<bool>) {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    // Nobody listens any more: the execution has ended by itself.
    let _ = stopper.send(true);
}
