//! The end of an execution: what is to be done again, or what to say.

use serde_json::{Value, json};
use shared::{
    audit::{Action, Subject},
    config::Settings,
    error::{Error, ErrorName},
    flow::{BackupRun, FlowError, Next, NextDecision, Outcome},
    ident::DatabaseName,
    manifest::{BackupRecord, BackupStatus, Cut},
    metrics::{self, Metric},
    ops::Ops,
    starrocks::Client,
    state_size,
};

use crate::Finish;

pub(crate) async fn finish(
    settings: &Settings,
    client: &mut Client,
    request: &Finish,
) -> Result<Next, Error> {
    let Finish {
        run,
        outcomes,
        failure,
        ..
    } = request;
    if request.databases.is_empty() && outcomes.is_empty() && failure.is_none() {
        return Ok(ended(request.summary.clone()));
    }
    let again = databases(outcomes.iter().filter(|outcome| outcome.again));
    if !again.is_empty() {
        return Ok(started(again));
    }
    let records = Ops::new(client, settings.ops_database())
        .backups_of_execution(&run.execution_id)
        .await?;
    let failed: Vec<DatabaseName> = run
        .databases
        .iter()
        .filter(|database| !is_backed_up(database, &records, outcomes))
        .cloned()
        .collect();
    // A redrive runs this state again with the input it failed with: what is still not backed up is
    // done again.
    if request.redrive_count > request.redrives_served && !failed.is_empty() {
        return Ok(started(failed));
    }
    if !request.asked_again {
        count(run, &records, &failed);
        if let Some(failure) = failure {
            unrecorded(run, &failed, failure);
        }
    }
    match error_of(run, &failed, outcomes, failure.as_ref()) {
        Some(error) => Err(not_to_be_repeated(error)),
        None => Ok(ended(summary(run, &records, outcomes))),
    }
}

/// Nobody could look at the jobs any more, so no label was brought to its end.
fn unrecorded(run: &BackupRun, failed: &[DatabaseName], failure: &FlowError) {
    Subject {
        action: Action::Backup,
        execution: run.execution_id.as_str(),
        label: "",
        restore: "",
        databases: failed,
        object: run.group.as_str(),
    }
    .failed(failure.to_error().name);
}

/// What the execution made, once it ends.
#[expect(clippy::cast_precision_loss, reason = "an estimate, for a chart")]
fn count(run: &BackupRun, records: &[BackupRecord], failed: &[DatabaseName]) {
    let finished = records
        .iter()
        .filter(|record| record.status == BackupStatus::Finished);
    let bytes: u64 = finished.filter_map(|record| record.bytes_stored).sum();
    metrics::emit(
        Some(&run.group),
        &[
            (
                Metric::DatabasesBackedUp,
                (run.databases.len() - failed.len()) as f64,
            ),
            (Metric::DatabasesFailed, failed.len() as f64),
            (Metric::BytesStored, bytes as f64),
        ],
    );
}

fn databases<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Vec<DatabaseName> {
    outcomes.map(|outcome| outcome.database.clone()).collect()
}

fn started(databases: Vec<DatabaseName>) -> Next {
    Next {
        decision: NextDecision::Start,
        databases,
        summary: Value::Null,
    }
}

fn ended(summary: Value) -> Next {
    Next {
        decision: NextDecision::Finish,
        databases: Vec::new(),
        summary,
    }
}

fn is_backed_up(database: &DatabaseName, records: &[BackupRecord], outcomes: &[Outcome]) -> bool {
    let recorded = records.iter().any(|record| {
        record.database.as_ref() == Some(database) && record.status == BackupStatus::Finished
    });
    // A label of an execution that died, adopted as this very work, stands under that execution.
    let adopted = outcomes
        .iter()
        .any(|outcome| outcome.database == *database && outcome.status == BackupStatus::Finished);
    recorded || adopted
}

fn error_of(
    run: &BackupRun,
    failed: &[DatabaseName],
    outcomes: &[Outcome],
    failure: Option<&FlowError>,
) -> Option<Error> {
    if let Some(failure) = failure {
        let error = failure.to_error();
        return Some(
            Error::new(
                ErrorName::BackupFailed,
                format!("{}: {}", error.name, error.message),
            )
            .hint("the jobs go on in StarRocks: the next run of the group adopts and records them"),
        );
    }
    let errors: Vec<(&Outcome, Error)> = outcomes
        .iter()
        .filter(|outcome| failed.contains(&outcome.database))
        .filter_map(|outcome| Some((outcome, outcome.error.as_ref()?.to_error())))
        .collect();
    let partial: Vec<&Outcome> = outcomes
        .iter()
        .filter(|outcome| outcome.status == BackupStatus::Partial)
        .collect();
    match (errors.as_slice(), failed) {
        (_, []) => None,
        // One cause: its own name and words.
        ([(outcome, error)], [_]) if outcome.status != BackupStatus::Partial => Some(error.clone()),
        _ if errors.len() == partial.len() && failed.len() == partial.len() => {
            let names: Vec<String> = partial
                .iter()
                .map(|outcome| outcome.database.to_string())
                .collect();
            let error = Error::new(
                ErrorName::PartialBackup,
                format!(
                    "the backup of {} lacks objects of the group",
                    names.join(", ")
                ),
            );
            Some(
                partial
                    .iter()
                    .filter_map(|outcome| outcome.error.as_ref())
                    .fold(
                        error.hint("starrocks-br show LABEL lists what is missing and why"),
                        |error, cause| error.hint(cause.cause.clone()),
                    ),
            )
        }
        _ => {
            let name = errors
                .first()
                .map_or(ErrorName::BackupFailed, |(_, error)| error.name);
            let most = state_size::OF_CAUSES / errors.len().max(1);
            let causes: Vec<String> = errors
                .iter()
                .map(|(outcome, error)| {
                    format!("\n  {}: {}", outcome.database, error.shortened(most))
                })
                .collect();
            let names: Vec<String> = failed.iter().map(ToString::to_string).collect();
            Some(Error::new(
                name,
                format!(
                    "{} of {} databases were not backed up ({}):{}",
                    failed.len(),
                    run.databases.len(),
                    names.join(", "),
                    causes.concat()
                ),
            ))
        }
    }
}

/// Not under a name for which this very Task would be repeated: that may pass for a call, and not for an
/// execution that has given up already.
fn not_to_be_repeated(mut error: Error) -> Error {
    if matches!(error.name, ErrorName::Unreachable | ErrorName::AccessDenied) {
        error.message = format!("{}: {}", error.name, error.message);
        error.name = ErrorName::BackupFailed;
    }
    error
}

/// What the execution's output shows: one entry per database.
fn summary(run: &BackupRun, records: &[BackupRecord], outcomes: &[Outcome]) -> Value {
    let databases: Vec<Value> = run
        .databases
        .iter()
        .map(|database| {
            let outcome = outcomes
                .iter()
                .find(|outcome| outcome.database == *database);
            let label = outcome.and_then(|outcome| outcome.label.as_ref());
            let record = records
                .iter()
                .find(|record| Some(&record.label) == label)
                .or_else(|| {
                    records.iter().find(|record| {
                        record.database.as_ref() == Some(database)
                            && record.status == BackupStatus::Finished
                    })
                });
            json!({
                "database": database,
                "label": record.map(|record| &record.label).or(label),
                "status": outcome.map(|outcome| outcome.status),
                "cut": record.and_then(|record| record.cut).map(Cut::as_str),
                "snapshot_timestamp": record.and_then(|record| record.snapshot_timestamp.as_ref()),
                "partitions_total": record.and_then(|record| record.partitions_total),
                "partitions_stored": record.and_then(|record| record.partitions_stored),
                "bytes_stored": record
                    .and_then(|record| record.bytes_stored)
                    .map(|bytes| bytes.to_string()),
            })
        })
        .collect();
    json!({
        "group": run.group,
        "kind": run.kind,
        "chosen": run.chosen,
        "databases": databases,
    })
}
