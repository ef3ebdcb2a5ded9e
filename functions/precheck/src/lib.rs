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
    audit::{Action, Subject},
    config::Settings,
    context::Context,
    error::{Error, ErrorClass},
    flow::Execution,
    ident::{DatabaseName, InvocationId},
    ops::{Ops, schema::SchemaState},
    plan::overdue::Expected,
    starrocks::Client,
};

use crate::facts::Gathered;

#[derive(Debug, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Backup {
        input: Value,
        execution: Execution,
        /// Only to be looked at: nothing is claimed, and nobody is told that it was refused.
        #[serde(default)]
        preview: bool,
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
    Heartbeat { groups: Vec<Expected> },
}

pub async fn handle(context: &Context, event: Value) -> Result<Value, Error> {
    let request: Request = shared::context::parse(event)?;
    let mut client = context.connect().await?;
    let settings = context.settings();
    let answer = match request {
        Request::Backup {
            input,
            execution,
            preview,
        } => {
            let group = input["group"].as_str().unwrap_or_default().to_owned();
            if !preview {
                requested(Action::Backup, &execution, "", &input);
            }
            let normalized = backup::normalize(settings, &mut client, input, &execution).await;
            if let (Err(error), false) = (&normalized, preview) {
                refused(Action::Backup, &execution, "", &group, error);
            }
            normalized.map(|(run, next)| json!({ "run": run, "next": next }))
        }
        Request::Restore {
            machine,
            input,
            execution,
        } => {
            let asked = restore::asked(&input);
            if let Some((action, of)) = &asked {
                requested(*action, &execution, of, &input);
            }
            let normalized =
                restore::normalize(settings, &mut client, machine, input, &execution).await;
            if let (Err(error), Some((action, of))) = (&normalized, &asked) {
                refused(*action, &execution, of, "", error);
            }
            normalized.map(|run| json!({ "run": run }))
        }
        Request::Report { probe } => {
            let id = probe.then(|| context.new_invocation());
            report(settings, &mut client, id).await
        }
        Request::Heartbeat { groups } => heartbeat::heartbeat(settings, &mut client, &groups).await,
    };
    client.close().await;
    answer
}

fn requested(action: Action, execution: &Execution, of: &str, input: &Value) {
    let input = input.to_string();
    subject(action, &on_record(execution), of, &input).requested(&execution.role);
}

/// What ends at the door. What may pass is tried again, and is no decision.
fn refused(action: Action, execution: &Execution, of: &str, group: &str, error: &Error) {
    if error.name.class() == ErrorClass::Connection {
        return;
    }
    subject(action, &on_record(execution), of, group).refused(error.name);
}

/// Its id, or what was given as one.
fn on_record(execution: &Execution) -> String {
    let id = input::execution_id(execution);
    id.map_or_else(|_| execution.id.clone(), |id| id.to_string())
}

/// What an execution is asked to do, before anything is known but its input.
fn subject<'a>(action: Action, execution: &'a str, of: &'a str, object: &'a str) -> Subject<'a> {
    let begins = action == Action::Restore;
    Subject {
        action,
        execution,
        label: if begins { of } else { "" },
        restore: if begins { "" } else { of },
        databases: &[],
        object,
    }
}

async fn report(
    settings: &Settings,
    client: &mut Client,
    probe: Option<InvocationId>,
) -> Result<Value, Error> {
    let databases = in_groups(settings, client).await?;
    let gathered = Gathered::read(settings, client, &databases).await?;
    let mut report = gathered.report(settings, client).await?;
    if let Some(id) = probe {
        let finding = probe::probe(settings, client, id.as_str()).await?;
        report.findings.push(finding);
    }
    Ok(json!({ "findings": report.findings }))
}

/// Where nothing else may run. No group is known without the ops tables, which is said.
async fn in_groups(settings: &Settings, client: &mut Client) -> Result<Vec<DatabaseName>, Error> {
    let mut ops = Ops::new(client, settings.ops_database());
    if ops.schema_state().await? != SchemaState::Current {
        return Ok(Vec::new());
    }
    Ok(ops.all_groups().await?.into_keys().collect())
}
