//! Turns the raw input of an execution into a run, and checks the cluster before anything is done.
//!
//! The only function that sees what a person typed. Whatever it answers has every field, so that no
//! later state can miss one.

mod auto;
mod backup;
mod facts;
mod heartbeat;
mod input;
mod probe;
mod restore;

use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    config::Settings, context::Context, error::Error, flow::Execution, ident::InvocationId,
    plan::overdue::Expected, starrocks::Client,
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
    Report {
        /// Also write to the repository.
        #[serde(default)]
        probe: bool,
    },
    /// What the alarms look at.
    Heartbeat {
        groups: Vec<Expected>,
    },
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
        Request::Report { probe } => {
            let id = probe.then(|| context.new_invocation());
            report(settings, &mut client, id).await
        }
        Request::Heartbeat { groups } => heartbeat::heartbeat(settings, &mut client, &groups).await,
    };
    client.close().await;
    answer
}

async fn report(
    settings: &Settings,
    client: &mut Client,
    probe: Option<InvocationId>,
) -> Result<Value, Error> {
    let gathered = Gathered::read(settings, client, &[]).await?;
    let mut report = gathered.report(settings, client).await?;
    if let Some(id) = probe {
        let finding = probe::probe(settings, client, id.as_str()).await?;
        report.findings.push(finding);
    }
    Ok(json!({ "findings": report.findings }))
}
