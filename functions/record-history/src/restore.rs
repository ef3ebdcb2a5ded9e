//! The end of a restore.

use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    audit::{Action, Subject},
    config::Settings,
    error::{Error, ErrorClass, ErrorName},
    flow::{FlowError, RestoreAction, RestoreRun},
    ident::DatabaseName,
    label::SnapshotLabel,
    ops::Ops,
    plan::restore::{Detail, PlannedStep, Step},
    sql::ops::steps::StepState,
    starrocks::Client,
};

/// What the last Task of `restore` is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FinishRestore {
    run: RestoreRun,
    plan: Value,
    failure: Option<FlowError>,
    /// Recording failed.
    unrecorded: Option<FlowError>,
    redrive_count: u32,
    redrives_served: u32,
}

/// Writes how far the restore got, and gives its databases back.
pub(crate) async fn record(
    settings: &Settings,
    client: &mut Client,
    run: &RestoreRun,
    failure: Option<&FlowError>,
) -> Result<Value, Error> {
    let ops = settings.ops_database();
    // Refused before its plan was stored: there is nothing to write, and nothing was touched.
    let Some(restore) = Ops::new(client, ops).restore(&run.restore_id).await? else {
        if let (Some(failure), false) = (failure, run.dry_run) {
            subject(run, first_label(run), action_of(run), &[]).refused(failure.to_error().name);
        }
        return Ok(json!({}));
    };
    let failure = failure.map(FlowError::to_error);
    // Promoted already, or only looked at: a request that changed nothing leaves the restore what it is.
    let refused = failure
        .as_ref()
        .is_some_and(|error| error.name == ErrorName::InvalidInput);
    let changed = !run.dry_run && (run.action == RestoreAction::Restore || !refused);
    let state = restore.state.clone().unwrap_or_default();
    let name = failure.as_ref().map(|error| error.name);
    let message = failure.map(|error| error.to_string());
    let status = match (&message, state.as_str()) {
        (Some(_), _) => "FAILED",
        // Verified and held: promoting it is a decision of its own.
        (None, "VERIFIED") => "VERIFIED",
        (None, _) => "FINISHED",
    };
    if changed {
        Ops::new(client, ops)
            .set_restore_state(&run.restore_id, &state, status, message.as_deref())
            .await?;
    }
    let databases = restore.databases().map_err(|error| {
        Error::internal(format!(
            "the plan of restore {} does not name its databases: {error}",
            restore.id
        ))
    })?;
    for database in &databases {
        Ops::new(client, ops)
            .release_lease(database, &run.execution_id)
            .await?;
    }
    if !run.dry_run {
        audit(run, restore.label.as_str(), &databases, &state, name);
    }
    Ok(json!({}))
}

/// How it ended. `state` is where the restore stands. That a promotion or an undo is done was said when
/// it was: whoever asks for it a second time does nothing.
fn audit(
    run: &RestoreRun,
    label: &str,
    databases: &[DatabaseName],
    state: &str,
    error: Option<ErrorName>,
) {
    let action = action_of(run);
    let end = subject(run, label, action, databases);
    let promotion = subject(run, label, Action::Promote, databases);
    match (action, error, state) {
        (Action::Promote | Action::Undo, Some(error @ ErrorName::InvalidInput), _) => {
            end.refused(error);
        }
        (Action::Promote, Some(error), "PROMOTING" | "PROMOTED") => end.failed(error),
        (Action::Undo, Some(error), "UNDOING" | "UNDONE") => end.failed(error),
        (Action::Promote | Action::Undo, Some(error), _) => end.refused(error),
        (Action::Promote | Action::Undo, None, _) => {}
        (_, Some(error), state) => {
            match state {
                // Everything was verified: what failed since was to make it live.
                "VERIFIED" => promotion.refused(error),
                "PROMOTING" => promotion.failed(error),
                _ => {}
            }
            end.failed(error);
        }
        (_, None, _) => end.done(),
    }
}

/// A restore that goes on has its label on record only.
fn first_label(run: &RestoreRun) -> &str {
    run.labels.first().map_or("", SnapshotLabel::as_str)
}

fn action_of(run: &RestoreRun) -> Action {
    match run.action {
        RestoreAction::Restore => Action::Restore,
        RestoreAction::Resume => Action::Resume,
        RestoreAction::Promote => Action::Promote,
        RestoreAction::Undo => Action::Undo,
    }
}

fn subject<'a>(
    run: &'a RestoreRun,
    label: &'a str,
    action: Action,
    databases: &'a [DatabaseName],
) -> Subject<'a> {
    Subject {
        action,
        execution: run.execution_id.as_str(),
        label,
        restore: run.restore_id.as_str(),
        databases,
        object: "",
    }
}

pub(crate) async fn finish(
    settings: &Settings,
    client: &mut Client,
    request: &FinishRestore,
) -> Result<Value, Error> {
    let run = &request.run;
    if let Some(failure) = request.failure.as_ref().or(request.unrecorded.as_ref()) {
        if request.redrive_count > request.redrives_served {
            return Ok(json!({ "decision": "start", "summary": null }));
        }
        let mut error = failure.to_error();
        if request.unrecorded.is_some() {
            subject(run, first_label(run), action_of(run), &[]).failed(error.name);
        }
        // Names that may pass would only be raised again and again.
        if matches!(
            error.name,
            ErrorName::Unreachable | ErrorName::AccessDenied | ErrorName::JobConflict
        ) {
            error.message = format!("{}: {}", error.name, error.message);
            error.name = ErrorName::RestoreFailed;
        }
        let known = Ops::new(client, settings.ops_database())
            .restore(&run.restore_id)
            .await?;
        // What was asked for wrongly is not mended by going on.
        if known.is_some() && error.name.class() != ErrorClass::Input {
            error = error.hint(format!(
                "after its cause is removed: starrocks-br restore resume {}",
                run.restore_id
            ));
        }
        return Err(error);
    }
    let summary = match run.dry_run {
        true => json!({ "dry_run": true, "plan": request.plan }),
        false => summary(settings, client, run).await?,
    };
    Ok(json!({ "decision": "finish", "summary": summary }))
}

/// What a person needs next: where the restore stands, what was said on the way, and the exact next
/// input.
async fn summary(
    settings: &Settings,
    client: &mut Client,
    run: &RestoreRun,
) -> Result<Value, Error> {
    let ops = settings.ops_database();
    let restore = Ops::new(client, ops).known_restore(&run.restore_id).await?;
    let steps = Ops::new(client, ops).restore_steps(&run.restore_id).await?;
    let mut notes = Vec::new();
    for step in &steps {
        notes.extend(Detail::parse(step.detail.as_deref(), step.number)?.notes);
        if step.state == StepState::Done
            && let Step::Report { text, .. } = PlannedStep::parse(&step.step, step.number)?.step
        {
            notes.push(text);
        }
    }
    let state = restore.state.clone().unwrap_or_default();
    let next = match state.as_str() {
        "VERIFIED" => json!({ "promote": run.restore_id }),
        "PROMOTED" if run.action != RestoreAction::Undo => json!({ "undo": run.restore_id }),
        _ => Value::Null,
    };
    notes.truncate(30);
    Ok(json!({
        "restore_id": run.restore_id,
        "state": state,
        "rows_verified": restore.rows_verified.map(|rows| rows.to_string()),
        "notes": notes,
        "next_input": next,
    }))
}
