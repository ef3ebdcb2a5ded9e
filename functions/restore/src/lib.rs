//! Plans a restore, runs its steps within a budget, verifies, promotes and undoes.
//!
//! A restore is a list of typed steps, stored before the first one is sent and executed as stored. Each
//! step may be begun again at any moment: what became of it is read from the engine (jobs, table ids,
//! names, rows), never from the fact that it was sent. Nothing proportional to data runs inside a call:
//! RESTORE and copies are submitted and looked at again.

mod execute;
mod plan;
mod promote;
mod shape;
mod sources;
mod steps;
mod stored;
mod target;
mod verify;
mod work;

use serde::Deserialize;
use serde_json::Value;
use shared::{context::Context, error::Error, flow::RestoreRun};

#[derive(Debug, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Plan { run: RestoreRun },
    Steps { run: RestoreRun },
    Verify { run: RestoreRun },
    Promote { run: RestoreRun },
}

pub async fn handle(context: &Context, event: Value) -> Result<Value, Error> {
    let request: Request = shared::context::parse(event)?;
    let settings = context.settings();
    let mut client = context.connect().await?;
    let invocation = context.new_invocation();
    let answer = match &request {
        Request::Plan { run } => plan::plan(settings, &mut client, run).await,
        Request::Steps { run } => steps::steps(settings, &mut client, run, invocation).await,
        Request::Verify { run } => verify::verify(settings, &mut client, run, invocation).await,
        Request::Promote { run } => promote::promote(settings, &mut client, run, invocation).await,
    };
    client.close().await;
    answer
}
