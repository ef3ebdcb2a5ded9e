//! The input of `backup`.

use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    audit::{Action, Subject},
    config::Settings,
    error::{Error, ErrorName},
    flow::{BackupRun, Execution, Next, NextDecision, OnOverdue, OnUnsupported},
    ident::GroupName,
    label::{BackupKind, SnapshotLabel},
    manifest::BackupStatus,
    metrics::{self, Metric},
    ops::{Ops, inventory::Group},
    plan::{Finding, finding, polling, schedule::Policy},
    starrocks::Client,
    state_size,
    time::UtcTime,
};

use crate::{auto, facts::Gathered, input};

const FIELDS: [&str; 10] = [
    "group",
    "kind",
    "name",
    "baseline",
    "on_unsupported",
    "row_counts",
    "on_overdue",
    "policy",
    "scheduled_at",
    "on_overlap",
];

/// `{"group": "nightly", "kind": "full"}` is enough.
#[derive(Debug, Deserialize)]
struct Input {
    group: GroupName,
    kind: Kind,
    name: Option<String>,
    baseline: Option<SnapshotLabel>,
    on_unsupported: Option<OnUnsupported>,
    row_counts: Option<bool>,
    on_overdue: Option<OnOverdue>,
    /// Of `auto` only.
    policy: Option<Policy>,
    /// When a schedule meant this start to be. A second delivery of the same one does nothing.
    scheduled_at: Option<String>,
    on_overlap: Option<OnOverlap>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Full,
    Incremental,
    /// What is due.
    Auto,
}

/// What to do while another execution holds a database of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OnOverlap {
    /// Wait for it some minutes, then `JobConflict`: whoever starts a backup by hand wants it.
    Wait,
    /// End well, having said so: a schedule starts the next one.
    Skip,
}

pub(crate) async fn normalize(
    settings: &Settings,
    client: &mut Client,
    input: Value,
    execution: &Execution,
) -> Result<(BackupRun, Next), Error> {
    let input: Input = input::read(input, "backup", &FIELDS)?;
    input.check()?;
    let scheduled_at = input.scheduled_at()?;
    let started_at = match scheduled_at {
        Some(scheduled) => scheduled,
        None => input::started_at(execution)?,
    };
    let on_overlap = input.on_overlap.unwrap_or(match scheduled_at {
        Some(_) => OnOverlap::Skip,
        None => OnOverlap::Wait,
    });
    let ops = settings.ops_database();
    let (group, mut findings) = known_group(settings, client, &input).await?;
    let databases: Vec<_> = group.keys().cloned().collect();
    let gathered = Gathered::read(settings, client, &databases).await?;
    if !findings.is_empty() {
        // What is asked for cannot be said; what else is in the way can.
        findings.extend(match group.is_empty() {
            true => gathered.check_surroundings(),
            false => {
                let unsupported = input.on_unsupported.unwrap_or_default();
                let report = gathered
                    .check_backup(settings, client, &group, unsupported)
                    .await?;
                report.findings
            }
        });
        return Err(in_the_way(&input.group, &findings));
    }
    let (kind, due) = match input.kind {
        Kind::Full => (BackupKind::Full, None),
        Kind::Incremental => (BackupKind::Incremental, None),
        Kind::Auto => {
            let policy = input.policy.unwrap_or_default();
            let cluster = match gathered.cluster_id() {
                Ok(cluster) => cluster,
                Err(error) => {
                    let unsupported = input.on_unsupported.unwrap_or_default();
                    let report = gathered
                        .check_backup(settings, client, &group, unsupported)
                        .await?;
                    return Err(match report.passed() {
                        true => error,
                        false => in_the_way(&input.group, &report.findings),
                    });
                }
            };
            let fulls = auto::fulls(settings, client, &input.group, &databases, cluster).await?;
            let due = auto::choose(settings, &policy, started_at, &fulls);
            (due.kind, Some(due))
        }
    };
    let run = BackupRun {
        execution_id: input::execution_id(execution)?,
        started_at,
        group: input.group,
        kind,
        retention: due.as_ref().map(|due| due.retention),
        chosen: due.map(|due| due.reason),
        name: input.name,
        baseline: input.baseline,
        on_unsupported: input.on_unsupported.unwrap_or_default(),
        row_counts: input.row_counts.unwrap_or(true),
        on_overdue: input.on_overdue.unwrap_or_default(),
        window_seconds: settings.window_seconds(),
        databases,
    };
    let window = u64::from(run.window_seconds);
    polling::check_history(
        run.databases.len(),
        window / 3600,
        run.backup_timeout_seconds() / window.max(1),
    )?;
    state_size::check_databases(&run.databases)?;
    for database in &run.databases {
        // A name that cannot be part of a label is refused before anything is done.
        run.label_stem(database, settings.label_time_zone())
            .map_err(|error| {
                Error::from(error).hint("'name' takes letters, digits and underscores, at most 120")
            })?;
    }
    if let Some(scheduled_at) = scheduled_at {
        let holder = Ops::new(client, ops)
            .claim_start(&run.group, scheduled_at, &run.execution_id)
            .await?;
        if holder != run.execution_id {
            let next = nothing(
                "duplicate",
                &run,
                format!("execution {holder} was started for {scheduled_at} UTC"),
            );
            return Ok((run, next));
        }
    }
    if on_overlap == OnOverlap::Skip
        && let Some(reason) = overlap(settings, client, &run).await?
    {
        let next = nothing("skipped", &run, reason);
        return Ok((run, next));
    }
    let report = gathered
        .check_backup(settings, client, &group, run.on_unsupported)
        .await?;
    if !report.passed() {
        return Err(in_the_way(&run.group, &report.findings));
    }
    let next = Next {
        decision: NextDecision::Start,
        databases: run.databases.clone(),
        summary: Value::Null,
    };
    Ok((run, next))
}

/// What is to be backed up, or why that cannot be said. Without the ops tables nothing can.
async fn known_group(
    settings: &Settings,
    client: &mut Client,
    input: &Input,
) -> Result<(Group, Vec<Finding>), Error> {
    let ops = settings.ops_database();
    let mut findings = Vec::new();
    let state = Ops::new(client, ops).schema_state().await?;
    if let Some(error) = state.to_error(ops) {
        return Ok((Group::new(), vec![Finding::of("ops tables", &error)]));
    }
    let group = match Ops::new(client, ops).group(&input.group).await {
        Ok(group) => group,
        Err(error) if error.name == ErrorName::NotFound => {
            findings.push(Finding::of("group", &error));
            Group::new()
        }
        Err(error) => return Err(error),
    };
    if let Some(baseline) = &input.baseline {
        match check_baseline(&mut Ops::new(client, ops), baseline, &group).await {
            Ok(()) => {}
            Err(error) if matches!(error.name, ErrorName::NotFound | ErrorName::InvalidInput) => {
                findings.push(Finding::of("baseline", &error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((group, findings))
}

fn in_the_way(group: &GroupName, findings: &[Finding]) -> Error {
    finding::to_error(
        &format!("group '{group}' cannot be backed up now"),
        findings,
    )
    .unwrap_or_else(|| Error::internal("a check failed that says nothing"))
}

impl Input {
    fn check(&self) -> Result<(), Error> {
        if self.kind != Kind::Incremental && self.baseline.is_some() {
            return Err(
                Error::invalid_input("only an incremental backup has a baseline")
                    .hint("leave 'baseline' out, or ask for an incremental"),
            );
        }
        if self.kind != Kind::Auto && self.policy.is_some() {
            return Err(
                Error::invalid_input("a policy decides only with \"kind\": \"auto\"")
                    .hint("leave 'policy' out, or ask for auto"),
            );
        }
        Ok(())
    }

    fn scheduled_at(&self) -> Result<Option<UtcTime>, Error> {
        let Some(text) = &self.scheduled_at else {
            return Ok(None);
        };
        let time = UtcTime::from_user(text).map_err(|error| {
            Error::invalid_input(format!("scheduled_at: {error}")).hint(
                "in a schedule of EventBridge Scheduler it is the literal <aws.scheduler.scheduled-time>",
            )
        })?;
        Ok(Some(time))
    }
}

/// Why nothing is to be done now, or `None`.
async fn overlap(
    settings: &Settings,
    client: &mut Client,
    run: &BackupRun,
) -> Result<Option<String>, Error> {
    for database in &run.databases {
        let lease = Ops::new(client, settings.ops_database())
            .newest_lease(database)
            .await?;
        if let Some(held) = lease
            && held.seconds_left > 0
            && held.execution != run.execution_id
        {
            return Ok(Some(format!(
                "database {database} is held by execution {} until {} UTC",
                held.execution, held.expires_at
            )));
        }
    }
    Ok(None)
}

/// The end of an execution that has nothing to do: a success, said aloud.
fn nothing(outcome: &str, run: &BackupRun, reason: String) -> Next {
    if outcome == "skipped" {
        metrics::emit(Some(&run.group), &[(Metric::ExecutionsSkipped, 1.0)]);
    }
    tracing::warn!(outcome, group = %run.group, reason, "nothing is backed up by this execution");
    Subject {
        action: Action::Backup,
        execution: run.execution_id.as_str(),
        label: "",
        restore: "",
        databases: &run.databases,
        object: run.group.as_str(),
    }
    .skipped();
    Next {
        decision: NextDecision::Finish,
        databases: Vec::new(),
        summary: json!({ "outcome": outcome, "group": run.group, "reason": reason }),
    }
}

/// What can be said of a baseline before a database is read. Whether it fits the group, the cluster and
/// the repository is found there.
async fn check_baseline(
    ops: &mut Ops<'_>,
    label: &SnapshotLabel,
    group: &Group,
) -> Result<(), Error> {
    let record = ops.known_backup(label).await?;
    if group.len() > 1 {
        return Err(Error::invalid_input(format!(
            "label '{label}' is of one database, and the group has {}",
            group.len()
        ))
        .hint("leave the baseline out: each database is compared with its own newest full"));
    }
    if record.kind == BackupKind::Full && record.status == BackupStatus::Finished {
        return Ok(());
    }
    Err(Error::new(
        ErrorName::NotFound,
        format!(
            "label '{label}' cannot be a baseline: it is {} and {}",
            record.kind,
            record.status.as_str()
        ),
    )
    .hint("a baseline is a FINISHED full of the same group: starrocks-br list"))
}
