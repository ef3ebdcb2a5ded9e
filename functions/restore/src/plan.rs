//! Making the plan, showing it, and storing it before anything is sent.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::{
    audit::{Action, Subject},
    config::Settings,
    error::Error,
    facts::cluster::ClusterFacts,
    flow::{RestoreAction, RestoreRun},
    ident::DatabaseName,
    label::SnapshotLabel,
    ops::Ops,
    plan::{
        Verdict, finding,
        precheck::restore_room,
        restore::{self, Context, Notice, RestorePlan, RestoreRequest, Source},
    },
    read,
    sql::ops::steps::{NewRestore, RestoreRow, StepRow, StepState},
    starrocks::Client,
};

use crate::{promote, sources, target};

/// Tables that the output shows one by one: it travels through the state machine, which carries
/// 32 KB at most.
const TABLES_SHOWN: usize = 60;
const NOTICES_SHOWN: usize = 30;

pub(crate) async fn plan(
    settings: &Settings,
    client: &mut Client,
    run: &RestoreRun,
) -> Result<Value, Error> {
    let stored = Ops::new(client, settings.ops_database())
        .restore(&run.restore_id)
        .await?;
    if matches!(run.action, RestoreAction::Promote | RestoreAction::Undo) {
        return promote::preview(settings, client, run).await;
    }
    if let Some(restore) = stored
        && let Some(plan) = &restore.plan
    {
        // A repeat: the plan of a restore is made once.
        let plan: Value = serde_json::from_str(plan)
            .map_err(|error| Error::internal(format!("the stored plan is not JSON: {error}")))?;
        if run.action == RestoreAction::Restore {
            is_the_same(settings, run, &restore, &plan)?;
        }
        return Ok(plan);
    }
    let request = RestoreRequest::of_run(run, settings.window_seconds())?;
    let sources = sources::read(settings, client, &request.labels).await?;
    let cluster = read::read_cluster(client).await?;
    let target = target::read_target(
        settings,
        client,
        &cluster,
        &request,
        &sources,
        &run.execution_id,
    )
    .await?;
    let mut plan = restore::plan(&request, &sources, &target)?;
    check_room(settings, &cluster, &mut plan)?;
    if let Some(expected) = &run.expect_plan
        && *expected != plan.digest.to_string()
    {
        return Err(other_plan(expected, &plan.digest.to_string()));
    }
    let answer = summary(&plan, &databases(&request, &sources));
    if !run.dry_run {
        let work_in: Vec<DatabaseName> =
            databases(&request, &sources).into_iter().cloned().collect();
        Subject {
            action: Action::Restore,
            execution: run.execution_id.as_str(),
            label: run.labels.first().map_or("", SnapshotLabel::as_str),
            restore: run.restore_id.as_str(),
            databases: &work_in,
            object: "",
        }
        .started();
        let context = Context {
            request: &request,
            sources: &sources,
        };
        store(settings, client, run, &request, &plan, &context, &answer).await?;
    }
    Ok(answer)
}

/// Said before the digest is compared: it is no part of it, because free space changes all the time.
fn check_room(
    settings: &Settings,
    cluster: &ClusterFacts,
    plan: &mut RestorePlan,
) -> Result<(), Error> {
    let percent = settings.min_free_disk_percent();
    let room = restore_room(cluster, plan.totals.room_bytes, percent);
    if let Some(error) =
        finding::to_error("the restore cannot run now", std::slice::from_ref(&room))
    {
        return Err(error);
    }
    if room.verdict == Verdict::Advice {
        plan.notices.push(Notice {
            subject: room.check.to_owned(),
            text: room.message,
            to_do: false,
        });
    }
    Ok(())
}

/// An execution is named by whoever starts it, and an old name can be given again: that must not go on
/// with the restore of that time.
fn is_the_same(
    settings: &Settings,
    run: &RestoreRun,
    stored: &RestoreRow,
    plan: &Value,
) -> Result<(), Error> {
    let request = stored.scope.as_deref().unwrap_or_default();
    let request: Option<RestoreRequest> = serde_json::from_str(request).ok();
    if request != Some(RestoreRequest::of_run(run, settings.window_seconds())?) {
        return Err(Error::invalid_input(format!(
            "restore '{}' was made before, from another input or at another time",
            run.restore_id
        ))
        .hint("start the execution under a name that was not used yet")
        .hint(format!(
            "or go on with that one: starrocks-br restore resume {}",
            run.restore_id
        )));
    }
    match (&run.expect_plan, plan["digest"].as_str()) {
        (Some(expected), found) if found != Some(expected) => {
            Err(other_plan(expected, found.unwrap_or("an unknown one")))
        }
        _ => Ok(()),
    }
}

fn other_plan(expected: &str, found: &str) -> Error {
    Error::invalid_input(format!(
        "the plan is not the one that was shown: {found} instead of {expected}"
    ))
    .hint("the cluster changed meanwhile: look at the plan again")
}

async fn store(
    settings: &Settings,
    client: &mut Client,
    run: &RestoreRun,
    request: &RestoreRequest,
    plan: &RestorePlan,
    context: &Context<'_>,
    answer: &Value,
) -> Result<(), Error> {
    let mut rows = Vec::with_capacity(plan.steps.len());
    for planned in &plan.steps {
        rows.push(StepRow {
            number: planned.number.into(),
            kind: planned.step.kind().to_owned(),
            step: to_json(planned)?,
            digest: context.digest(planned)?,
            live_table_id: None,
            staged_table_id: None,
            attempt: 0,
            state: StepState::Pending,
            detail: None,
        });
    }
    let (Some(label), Some(source)) = (request.labels.first(), context.sources.first()) else {
        return Err(Error::invalid_input("a restore needs at least one label"));
    };
    let restore_type = match (request.is_partial(), request.scope.tables.is_empty()) {
        (true, _) => "partition",
        (false, false) => "table",
        (false, true) => "database",
    };
    Ops::new(client, settings.ops_database())
        .write_restore(
            &NewRestore {
                id: &request.id,
                label,
                restore_type,
                repository: &source.record.repository,
                execution: &run.execution_id,
                scope: &to_json(request)?,
                plan: &to_json(answer)?,
            },
            &rows,
        )
        .await
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal(format!("a restore cannot be written as JSON: {error}")))
}

/// Where it works: what is held while it runs.
fn databases<'a>(request: &'a RestoreRequest, sources: &'a [Source]) -> BTreeSet<&'a DatabaseName> {
    let sources = sources.iter();
    sources
        .map(|source| request.target(&source.manifest.database))
        .collect()
}

/// The plan as people read it, and as it travels.
fn summary(plan: &RestorePlan, databases: &BTreeSet<&DatabaseName>) -> Value {
    let tables: Vec<&_> = plan.tables.iter().take(TABLES_SHOWN).collect();
    let notices: Vec<&_> = plan.notices.iter().take(NOTICES_SHOWN).collect();
    json!({
        "digest": plan.digest,
        "databases": databases,
        "summary": {
            "tables": tables,
            "tables_not_shown": plan.tables.len() - tables.len(),
            "notices": notices,
            "notices_not_shown": plan.notices.len() - notices.len(),
            "totals": plan.totals,
            "steps": plan.steps.len(),
        },
    })
}
