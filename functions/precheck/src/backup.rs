//! The input of `backup`.

use serde::Deserialize;
use serde_json::Value;
use shared::{
    config::Settings,
    error::Error,
    flow::{BackupRun, Execution, Next, NextDecision, OnUnsupported},
    ident::GroupName,
    label::{BackupKind, SnapshotLabel},
    ops::Ops,
    starrocks::Client,
};

use crate::{facts::Gathered, input};

const FIELDS: [&str; 5] = ["group", "kind", "name", "baseline", "on_unsupported"];

/// `{"group": "nightly", "kind": "full"}` is enough.
#[derive(Debug, Deserialize)]
struct Input {
    group: GroupName,
    kind: BackupKind,
    name: Option<String>,
    baseline: Option<SnapshotLabel>,
    on_unsupported: Option<OnUnsupported>,
}

pub(crate) async fn normalize(
    settings: &Settings,
    client: &mut Client,
    input: Value,
    execution: &Execution,
) -> Result<(BackupRun, Next), Error> {
    let input: Input = input::read(input, "backup", &FIELDS)?;
    if input.kind == BackupKind::Full && input.baseline.is_some() {
        return Err(Error::invalid_input("a full backup has no baseline")
            .hint("leave 'baseline' out, or ask for an incremental"));
    }
    let ops = settings.ops_database();
    let state = Ops::new(client, ops).schema_state().await?;
    if let Some(error) = state.to_error(ops) {
        return Err(error);
    }
    let group = Ops::new(client, ops).group(&input.group).await?;
    let run = BackupRun {
        execution_id: input::execution_id(execution)?,
        started_at: input::started_at(execution)?,
        group: input.group,
        kind: input.kind,
        name: input.name,
        baseline: input.baseline,
        on_unsupported: input.on_unsupported.unwrap_or_default(),
        window_seconds: settings.window_seconds(),
        databases: group.into_keys().collect(),
    };
    for database in &run.databases {
        // A name that cannot be part of a label is refused before anything is done.
        run.label_stem(database, settings.label_time_zone())
            .map_err(|error| {
                Error::from(error).hint("'name' takes letters, digits and underscores, at most 120")
            })?;
    }
    let gathered = Gathered::read(settings, client, &run.databases).await?;
    let report = gathered.check_backup(&run.databases, run.on_unsupported);
    if let Some(error) = report.to_error(&format!("group '{}' cannot be backed up now", run.group))
    {
        return Err(error);
    }
    let next = Next {
        decision: NextDecision::Start,
        databases: run.databases.clone(),
        summary: Value::Null,
    };
    Ok((run, next))
}
