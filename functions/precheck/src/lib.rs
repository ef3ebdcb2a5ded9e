//! Turns the raw input of an execution into a run, and checks the cluster before anything is done.
//!
//! The only function that sees what a person typed. Whatever it answers has every field, so that no
//! later state can miss one.

mod auto;
mod backup;
mod facts;
mod input;
mod restore;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    config::Settings, context::Context, error::Error, flow::Execution, starrocks::Client,
};

use crate::facts::Gathered;

#[derive(Debug, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Backup {
        input: Value,
        execution: Execution,
    },
    Restore {
        machine: restore::Machine,
        input: Value,
        execution: Execution,
    },
    /// Every check as data, for `starrocks-br doctor`.
    Report {},
}

pub async fn handle(context: &Context, event: Value) -> Result<Value, Error> {
    let request: Request = shared::context::parse(event)?;
    let mut client = context.connect().await?;
    let settings = context.settings();
    let answer = match request {
        Request::Backup { input, execution } => {
            backup::normalize(settings, &mut client, input, &execution)
                .await
                .map(|(run, next)| json!({ "run": run, "next": next }))
        }
        Request::Restore {
            machine,
            input,
            execution,
        } => restore::normalize(settings, &mut client, machine, input, &execution)
            .await
            .map(|run| json!({ "run": run })),
        Request::Report {} => report(settings, &mut client).await,
    };
    client.close().await;
    answer
}

async fn report(settings: &Settings, client: &mut Client) -> Result<Value, Error> {
    let gathered = Gathered::read(settings, client, &[]).await?;
    let report = gathered.report(settings, client).await?;
    Ok(json!({ "findings": report.findings }))
}
