//! The input of `restore`.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use shared::{
    audit::{Action, Subject},
    config::Settings,
    error::{Error, ErrorName},
    flow::{Execution, RestoreAction, RestoreRun, RestoreScope, SwapMode},
    foreign,
    ident::{
        DatabaseName, ExecutionId, GroupName, PartitionName, RepositoryName, RestoreId, TableName,
    },
    label::SnapshotLabel,
    manifest::BackupRecord,
    ops::Ops,
    plan::restore::{RestoreRequest, choose},
    sql::ops::steps::RestoreRow,
    starrocks::Client,
    time::UtcTime,
};

use crate::{facts::Gathered, input};

const FIELDS: [&str; 16] = [
    "target_label",
    "execution",
    "group",
    "as_of",
    "tables",
    "partitions",
    "rename_suffix",
    "into_database",
    "swap",
    "dry_run",
    "checksum",
    "row_counts",
    "expect_plan",
    "promote",
    "undo",
    "resume",
];

const DEFAULT_SUFFIX: &str = "_restored";

/// `{"target_label": "..."}` is enough.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Input {
    target_label: Option<SnapshotLabel>,
    execution: Option<ExecutionId>,
    group: Option<GroupName>,
    as_of: Option<String>,
    tables: Option<Vec<TableName>>,
    partitions: Option<Vec<PartitionName>>,
    rename_suffix: Option<String>,
    into_database: Option<DatabaseName>,
    swap: Option<SwapMode>,
    dry_run: Option<bool>,
    checksum: Option<bool>,
    row_counts: Option<bool>,
    expect_plan: Option<String>,
    promote: Option<RestoreId>,
    undo: Option<RestoreId>,
    resume: Option<RestoreId>,
}

/// Which of the machines that `restore.asl.json` is deployed as is asking: each may be granted alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Machine {
    /// On the command line there is only one.
    Any,
    /// `restore`: plans, stages and verifies; nothing that lives is touched.
    Stage,
    /// `restore-promote`: promotes and undoes.
    Promote,
}

impl Machine {
    fn allows(self, action: RestoreAction, swap: Option<SwapMode>) -> Result<(), Error> {
        let builds = matches!(action, RestoreAction::Restore | RestoreAction::Resume);
        match self {
            Machine::Stage if !builds || swap == Some(SwapMode::Auto) => Err(Error::invalid_input(
                "this state machine stages and verifies; it never changes what lives",
            )
            .hint("start restore-promote with {\"promote\": \"...\"} or {\"undo\": \"...\"}")),
            Machine::Promote if builds => Err(Error::invalid_input(
                "this state machine only promotes and undoes what was staged and verified",
            )
            .hint("start restore with {\"target_label\": \"...\"}; its output says what to start here")),
            _ => Ok(()),
        }
    }
}

pub(crate) async fn normalize(
    settings: &Settings,
    client: &mut Client,
    machine: Machine,
    input: Value,
    execution: &Execution,
) -> Result<RestoreRun, Error> {
    let mut input: Input = input::read(input, "restore", &FIELDS)?;
    let action = existing(&input)?.map_or(RestoreAction::Restore, |(action, _)| action);
    machine.allows(action, input.swap)?;
    if machine == Machine::Stage {
        input.swap = Some(SwapMode::Manual);
    }
    let ops = settings.ops_database();
    let state = Ops::new(client, ops).schema_state().await?;
    if let Some(error) = state.to_error(ops) {
        return Err(error);
    }
    match existing(&input)? {
        Some((action, id)) => {
            // A restore goes on as it was asked for: its own request is stored with it.
            let known = Ops::new(client, ops).known_restore(id).await?;
            if action == RestoreAction::Resume {
                machine.allows(action, stored_swap(&known))?;
            }
            let run = run(&input, action, id.clone(), Vec::new(), execution)?;
            if action == RestoreAction::Resume && !run.dry_run {
                resumed(&run, &known);
            }
            Ok(run)
        }
        None => {
            let labels = labels(&mut Ops::new(client, ops), &input).await?;
            check_scope(&input)?;
            check_cluster(settings, client, &input, &labels).await?;
            let id = restore_id(execution)?;
            run(&input, RestoreAction::Restore, id, labels, execution)
        }
    }
}

/// What an input asks for, and of what, as far as it can be told. `None`: to be shown only.
pub(crate) fn asked(input: &Value) -> Option<(Action, String)> {
    if input["dry_run"] == Value::Bool(true) {
        return None;
    }
    let text = |key: &str| input[key].as_str().map(str::to_owned);
    let actions = [
        ("promote", Action::Promote),
        ("undo", Action::Undo),
        ("resume", Action::Resume),
    ];
    let given = actions
        .into_iter()
        .find_map(|(key, action)| Some((action, text(key)?)));
    Some(given.unwrap_or_else(|| {
        let label = text("target_label").unwrap_or_default();
        (Action::Restore, label)
    }))
}

fn resumed(run: &RestoreRun, known: &RestoreRow) {
    Subject {
        action: Action::Resume,
        execution: run.execution_id.as_str(),
        label: known.label.as_str(),
        restore: run.restore_id.as_str(),
        // Of a restore of another tool they are not on record.
        databases: &known.databases().unwrap_or_default(),
        object: "",
    }
    .started();
}

/// A restore goes on as it was asked for, so what was asked for counts.
fn stored_swap(restore: &RestoreRow) -> Option<SwapMode> {
    let request: RestoreRequest = serde_json::from_str(restore.scope.as_deref()?).ok()?;
    Some(request.swap)
}

/// Everything around the restore. Whether there is room is known when it is planned.
async fn check_cluster(
    settings: &Settings,
    client: &mut Client,
    input: &Input,
    labels: &[SnapshotLabel],
) -> Result<(), Error> {
    let mut records = Vec::with_capacity(labels.len());
    for label in labels {
        let mut ops = Ops::new(client, settings.ops_database());
        records.push(ops.known_backup(label).await?);
    }
    // Where the snapshots of the labels are, and of their baselines, which are never elsewhere. What is
    // configured is where the next backup goes.
    let repositories = records.iter().map(|record| record.repository.parse());
    let repositories = repositories.collect::<Result<BTreeSet<RepositoryName>, _>>()?;
    let databases = match &input.into_database {
        Some(database) => vec![database.clone()],
        None => databases_of(settings, client, records).await?,
    };
    let gathered = Gathered::read_with(settings, client, &repositories, &databases).await?;
    let targets = databases.into_iter().collect();
    let reads_rows = input.row_counts.unwrap_or(true) || input.checksum.unwrap_or(false);
    match gathered
        .check_restore(&targets, reads_rows)
        .to_error("the restore cannot run now")
    {
        None => Ok(()),
        Some(error) => Err(error),
    }
}

async fn databases_of(
    settings: &Settings,
    client: &mut Client,
    records: Vec<BackupRecord>,
) -> Result<Vec<DatabaseName>, Error> {
    let ops = settings.ops_database();
    let mut databases = Vec::new();
    for record in records {
        if foreign::is_foreign(&record) {
            let label = foreign::read(client, ops, &record).await?;
            databases.push(label.manifest.database);
        } else {
            databases.extend(record.database);
        }
    }
    Ok(databases)
}

fn existing(input: &Input) -> Result<Option<(RestoreAction, &RestoreId)>, Error> {
    let given: Vec<(RestoreAction, &RestoreId)> = [
        (RestoreAction::Promote, &input.promote),
        (RestoreAction::Undo, &input.undo),
        (RestoreAction::Resume, &input.resume),
    ]
    .into_iter()
    .filter_map(|(action, id)| Some((action, id.as_ref()?)))
    .collect();
    match given.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(Error::invalid_input(
            "only one of 'promote', 'undo' and 'resume' can be given",
        )),
    }
}

fn run(
    input: &Input,
    action: RestoreAction,
    restore_id: RestoreId,
    labels: Vec<SnapshotLabel>,
    execution: &Execution,
) -> Result<RestoreRun, Error> {
    Ok(RestoreRun {
        execution_id: input::execution_id(execution)?,
        started_at: input::started_at(execution)?,
        action,
        restore_id,
        labels,
        scope: RestoreScope {
            tables: input.tables.clone().unwrap_or_default(),
            partitions: input.partitions.clone().unwrap_or_default(),
        },
        rename_suffix: input
            .rename_suffix
            .clone()
            .unwrap_or_else(|| DEFAULT_SUFFIX.to_owned()),
        into_database: input.into_database.clone(),
        swap: input.swap.unwrap_or_default(),
        dry_run: input.dry_run.unwrap_or(false),
        checksum: input.checksum.unwrap_or(false),
        row_counts: input.row_counts.unwrap_or(true),
        expect_plan: input.expect_plan.clone(),
    })
}

/// The last part of the execution's name: short enough for a person to type after `restore promote`.
fn restore_id(execution: &Execution) -> Result<RestoreId, Error> {
    let name = execution.id.rsplit(':').next().unwrap_or(&execution.id);
    Ok(name.parse()?)
}

fn check_scope(input: &Input) -> Result<(), Error> {
    let tables = input.tables.as_deref().unwrap_or_default();
    if input
        .partitions
        .as_ref()
        .is_some_and(|partitions| !partitions.is_empty())
        && tables.len() != 1
    {
        return Err(
            Error::invalid_input("partitions are those of exactly one table")
                .hint("name it in 'tables'"),
        );
    }
    Ok(())
}

/// One label per database: the one that is named, or those of the newest execution of which every
/// database was backed up in time.
async fn labels(ops: &mut Ops<'_>, input: &Input) -> Result<Vec<SnapshotLabel>, Error> {
    match (&input.target_label, &input.execution, &input.group) {
        (Some(label), None, None) => {
            let record = ops.known_backup(label).await?;
            if !record.status.is_restorable() {
                return Err(not_restorable(&record));
            }
            Ok(vec![label.clone()])
        }
        (None, Some(execution), None) => {
            let records = ops.backups_of_execution(execution).await?;
            let group = records.iter().find_map(|record| record.group.clone());
            let group = group.ok_or_else(|| no_execution(execution))?;
            whole_execution(ops, &group, Some(execution), None).await
        }
        (None, None, Some(group)) => {
            let as_of = input
                .as_of
                .as_deref()
                .map(UtcTime::from_user)
                .transpose()
                .map_err(|error| {
                    Error::invalid_input(format!("as_of: {error}"))
                        .hint("for example 2026-03-01T04:00 (UTC) or 2026-03-01T04:00+02:00")
                })?;
            whole_execution(ops, group, None, as_of).await
        }
        _ => Err(Error::invalid_input(
            "exactly one of 'target_label', 'execution' and 'group' says what to restore",
        )
        .hint("the least is {\"target_label\": \"...\"}; 'as_of' goes with 'group'")),
    }
}

/// The labels of one execution of a group, or of the newest that counts.
async fn whole_execution(
    ops: &mut Ops<'_>,
    group: &GroupName,
    only: Option<&ExecutionId>,
    as_of: Option<UtcTime>,
) -> Result<Vec<SnapshotLabel>, Error> {
    const REASONS_SHOWN: usize = 5;
    let records = ops.backups().await?;
    let now: BTreeSet<DatabaseName> = match ops.group(group).await {
        Ok(group) => group.into_keys().collect(),
        // What was backed up can be restored, whether or not the group is still there.
        Err(error) if error.name == ErrorName::NotFound && !records.is_empty() => BTreeSet::new(),
        Err(error) => return Err(error),
    };
    let candidates = choose::candidates(&records, group);
    let mut reasons = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        if only.is_some_and(|only| only != candidate.execution) {
            continue;
        }
        let worked_on = ops.databases_of_execution(candidate.execution).await?;
        match choose::labels(&candidates, index, &now, &worked_on, as_of) {
            Ok(labels) => return Ok(labels),
            Err(reason) => reasons.push(reason),
        }
    }
    let what = match (only, as_of) {
        (Some(execution), _) => format!("execution {execution}"),
        (None, Some(time)) => format!("group '{group}' at {time} UTC"),
        (None, None) => format!("group '{group}'"),
    };
    reasons.truncate(REASONS_SHOWN);
    Err(reasons.into_iter().fold(nothing_found(&what), Error::hint))
}

fn no_execution(execution: &ExecutionId) -> Error {
    Error::new(
        ErrorName::NotFound,
        format!("no backup of an execution '{execution}' is recorded"),
    )
    .hint("starrocks-br list shows what is")
}

fn not_restorable(record: &BackupRecord) -> Error {
    let error = Error::new(
        ErrorName::NotFound,
        format!(
            "label '{}' is {}: it cannot be restored",
            record.label,
            record.status.as_str()
        ),
    )
    .hint("starrocks-br list shows the labels that can");
    match &record.error_message {
        Some(message) => error.engine(message.clone()),
        None => error,
    }
}

fn nothing_found(what: &str) -> Error {
    Error::new(
        ErrorName::NotFound,
        format!("no backup of {what} has every database FINISHED and pinned in time"),
    )
    .hint("starrocks-br list shows each label with its pinned_at (UTC)")
}
