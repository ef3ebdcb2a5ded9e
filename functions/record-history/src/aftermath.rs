//! `reconcile`: what an execution leaves that was stopped, ran out of time or failed, so that nothing
//! caught its end. What StarRocks has finished is recorded now, by the code that records every label; what
//! still runs is left to the next execution, or cancelled where that was configured; and the databases
//! are given back. How that is safe beside a call that is still at work, and beside a redrive of the same
//! execution, is written in [`shared::plan::aftermath`].

use serde::{Deserialize, Serialize};
use shared::{
    audit::{Action, Subject},
    config::Settings,
    error::Error,
    flow::{BackupRun, Job, JobState, OnOverdue, OnUnsupported, Outcome},
    ident::{DatabaseName, ExecutionId, InvocationId, RestoreId},
    label::SnapshotLabel,
    manifest::{BackupRecord, BackupStatus},
    ops::{Ops, run_status::Lease},
    plan::aftermath::{
        Fate, Holder, Left, OpenLabel, Shown, Takeover, fate, is_execution, takeover,
    },
    sql::{
        backup::cancel_backup,
        ops::run_status::{LeaseRow, Phase},
        show,
    },
    starrocks::Client,
    track::{self, Whereabouts},
};

use crate::record;

/// What the rule takes from `Step Functions Execution Status Change`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ended {
    arn: String,
    /// `startDate`, in milliseconds.
    started_ms: i64,
    status: EndStatus,
    /// Of the module. What StarRocks still does for an execution that failed by itself is never
    /// cancelled: a frontend that was away for an hour ends an execution, and not its backup.
    cancel_on_abort: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum EndStatus {
    Aborted,
    TimedOut,
    Failed,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Found {
    executions: Vec<ExecutionId>,
    labels: Vec<FoundLabel>,
    databases: Vec<FoundDatabase>,
    /// Restores that it had planned and not ended: `restore resume` goes on with them.
    restores: Vec<RestoreId>,
}

#[derive(Debug, Serialize)]
struct FoundLabel {
    label: SnapshotLabel,
    /// As history has it now.
    status: Option<BackupStatus>,
    /// Why it is not at its end.
    left: Option<Left>,
    cancelled: bool,
}

#[derive(Debug, Serialize)]
struct FoundDatabase {
    database: DatabaseName,
    state: DatabaseState,
    /// Who has taken it since.
    execution: Option<ExecutionId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum DatabaseState {
    /// Free in two minutes.
    GivenBack,
    /// Another execution has it, or had it since.
    TakenOver,
    /// Held until its lease expires by itself, or free already.
    Kept,
}

pub(crate) struct Aftermath<'a> {
    settings: &'a Settings,
    invocation: InvocationId,
    ended: &'a Ended,
}

/// A label that is open, with all that decides what becomes of it.
struct Open {
    label: SnapshotLabel,
    phase: Phase,
    record: Option<BackupRecord>,
    fate: Fate,
}

impl<'a> Aftermath<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        invocation: InvocationId,
        ended: &'a Ended,
    ) -> Aftermath<'a> {
        Aftermath {
            settings,
            invocation,
            ended,
        }
    }

    fn ops<'c>(&'c self, client: &'c mut Client) -> Ops<'c> {
        Ops::new(client, self.settings.ops_database())
    }

    /// What fails with one database keeps no other from being looked at; then it fails the call, which is
    /// repeated.
    pub(crate) async fn reconcile(&self, client: &mut Client) -> Result<Found, Error> {
        let mut found = Found::default();
        let mut failure = None;
        for execution in self.executions(client).await? {
            for database in self.ops(client).databases_of_execution(&execution).await? {
                let done = self
                    .database(client, &execution, &database, &mut found)
                    .await;
                if let Err(error) = done {
                    tracing::warn!(database = %database, error = %error, "not reconciled");
                    failure.get_or_insert(error);
                }
            }
            let restores = self.ops(client).restores().await?;
            let unended = restores.into_iter().filter(|restore| {
                restore.execution.as_ref() == Some(&execution) && restore.status == "RUNNING"
            });
            found.restores.extend(unended.map(|restore| restore.id));
            found.executions.push(execution);
        }
        for label in &found.labels {
            tracing::info!(
                label = %label.label,
                status = label.status.map(BackupStatus::as_str),
                left = ?label.left,
                cancelled = label.cancelled,
                "reconciled"
            );
        }
        match failure {
            None => Ok(found),
            Some(error) => Err(error),
        }
    }

    async fn executions(&self, client: &mut Client) -> Result<Vec<ExecutionId>, Error> {
        let Ended {
            arn, started_ms, ..
        } = self.ended;
        let prefix = format!("{arn}@");
        let mut executions = self.ops(client).executions_with_prefix(&prefix).await?;
        executions.retain(|id| is_execution(id, arn, *started_ms));
        Ok(executions)
    }

    async fn database(
        &self,
        client: &mut Client,
        execution: &ExecutionId,
        database: &DatabaseName,
        found: &mut Found,
    ) -> Result<(), Error> {
        let Some(newest) = self.ops(client).newest_lease(database).await? else {
            return Ok(());
        };
        let labels = self.open_labels(client, database).await?;
        let fates: Vec<Fate> = labels.iter().map(|open| open.fate.clone()).collect();
        let (state, holder) = match takeover(&holder(&newest, execution), &fates) {
            Takeover::Free => return Ok(()),
            Takeover::Others(other) => (DatabaseState::TakenOver, Some(other)),
            Takeover::Keep => {
                let kept = labels.iter().map(FoundLabel::as_it_was);
                found.labels.extend(kept);
                (DatabaseState::Kept, None)
            }
            Takeover::Take => {
                let taken = self
                    .ops(client)
                    .supersede_lease(database, &newest, &self.invocation)
                    .await?;
                match taken {
                    None => (DatabaseState::TakenOver, None),
                    Some(lease) => {
                        let done = self.end_labels(client, &lease, &labels, found).await;
                        // Whatever could not be recorded is adopted, and does not keep anybody out.
                        let open = self.ops(client).open_claims(database).await?;
                        self.ops(client)
                            .hand_over_lease(&lease, !open.is_empty())
                            .await?;
                        done?;
                        (DatabaseState::GivenBack, None)
                    }
                }
            }
        };
        found.databases.push(FoundDatabase {
            database: database.clone(),
            state,
            execution: holder,
        });
        Ok(())
    }

    /// Every open label of the database, whoever began it: it is the lease that is ended with.
    async fn open_labels(
        &self,
        client: &mut Client,
        database: &DatabaseName,
    ) -> Result<Vec<Open>, Error> {
        let mut labels = Vec::new();
        for claim in self.ops(client).open_claims(database).await? {
            let record = self.ops(client).backup(&claim.label).await?;
            let label = OpenLabel {
                phase: claim.phase,
                status: record.as_ref().map(|record| record.status),
                stores_nothing: record
                    .as_ref()
                    .is_some_and(|record| record.partitions_stored == Some(0)),
                shown: self.shown(client, database, &claim.label).await?,
            };
            let may_cancel = self.ended.cancel_on_abort && self.ended.status != EndStatus::Failed;
            labels.push(Open {
                fate: fate(&label, may_cancel),
                label: claim.label,
                phase: claim.phase,
                record,
            });
        }
        Ok(labels)
    }

    async fn shown(
        &self,
        client: &mut Client,
        database: &DatabaseName,
        label: &SnapshotLabel,
    ) -> Result<Shown, Error> {
        let repository = self.settings.repository()?;
        let databases = client.fetch(&show::databases()).await?;
        // Nothing can be asked of one that was dropped; what it finished is in the repository.
        let whereabouts = match databases.iter().any(|row| row.0 == *database) {
            true => track::find_label(client, repository, database, label).await?,
            false => match track::timestamp_of(client, repository, label).await? {
                Some(_) => Whereabouts::InRepository,
                None => Whereabouts::Nowhere,
            },
        };
        Ok(match whereabouts {
            Whereabouts::Running(_) => Shown::Running,
            Whereabouts::Finished => Shown::Finished,
            Whereabouts::Cancelled(words) => Shown::Cancelled(words),
            Whereabouts::InRepository => Shown::InRepository,
            Whereabouts::Unusable(_) => Shown::Unusable,
            Whereabouts::Unfinished | Whereabouts::Nowhere => Shown::Nowhere,
        })
    }

    async fn end_labels(
        &self,
        client: &mut Client,
        lease: &Lease,
        labels: &[Open],
        found: &mut Found,
    ) -> Result<(), Error> {
        let mut failure = None;
        for open in labels {
            match self.end_label(client, lease, open).await {
                Ok(label) => found.labels.push(label),
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn end_label(
        &self,
        client: &mut Client,
        lease: &Lease,
        open: &Open,
    ) -> Result<FoundLabel, Error> {
        let cancelled = open.fate == Fate::Cancel;
        let fate = match cancelled {
            true => self.cancel(client, lease, open).await?,
            false => open.fate.clone(),
        };
        let mut label = FoundLabel {
            cancelled,
            ..FoundLabel::as_it_was(open)
        };
        match (fate, &open.record) {
            (Fate::Record(state, words), Some(record)) => {
                let outcome = self
                    .record(client, lease, open, record, state, words)
                    .await?;
                label.status = Some(outcome.status);
                label.left = None;
            }
            (Fate::Leave(left), _) => label.left = Some(left),
            (Fate::Cancel, _) | (Fate::Record(..), None) => {
                label.left = Some(Left::Running);
            }
        }
        Ok(label)
    }

    /// Answers what became of the label: it may have finished a moment before.
    async fn cancel(&self, client: &mut Client, lease: &Lease, open: &Open) -> Result<Fate, Error> {
        let database = &lease.database;
        // CANCEL takes whatever runs in the database: ours, a moment ago.
        if self.shown(client, database, &open.label).await? == Shown::Running {
            self.ops(client).verify_lease(lease).await?;
            tracing::warn!(
                label = %open.label,
                database = %database,
                execution.id = %lease.execution,
                "its execution was stopped: cancelling"
            );
            let subject = Subject {
                action: Action::Cancel,
                execution: lease.execution.as_str(),
                label: open.label.as_str(),
                restore: "",
                databases: std::slice::from_ref(database),
                object: "of an execution that was stopped",
            };
            if let Err(error) = subject.around(client.run(&cancel_backup(database))).await {
                // There is none to cancel any more, perhaps: what is shown now tells.
                tracing::warn!(label = %open.label, error = %error, "CANCEL was answered with an error");
            }
        }
        let label = OpenLabel {
            phase: open.phase,
            status: open.record.as_ref().map(|record| record.status),
            stores_nothing: false,
            shown: self.shown(client, database, &open.label).await?,
        };
        Ok(fate(&label, false))
    }

    /// As the execution itself would have, had it lived: what a look writes of a finished job, then what
    /// the last state writes.
    async fn record(
        &self,
        client: &mut Client,
        lease: &Lease,
        open: &Open,
        record: &BackupRecord,
        state: JobState,
        words: Option<String>,
    ) -> Result<Outcome, Error> {
        let is_new = matches!(record.status, BackupStatus::Running | BackupStatus::Lost);
        if is_new && state == JobState::Finished && open.phase < Phase::Pinned {
            self.ops(client).record_pinned(&open.label).await?;
            self.ops(client)
                .set_phase(lease, &open.label, Phase::Pinned, None)
                .await?;
        }
        let job = Job {
            database: lease.database.clone(),
            label: Some(open.label.clone()),
            plan_id: record.plan_id.clone(),
            state,
            detail: words,
            error: None,
            progress: None,
            counted: true,
        };
        let run = self.run_of(lease, record)?;
        record::bring_to_end(self.settings, client, &run, &job, &open.label).await
    }

    /// Of what the execution was asked, as far as recording one label depends on it: whether another
    /// round follows is nobody's question any more.
    fn run_of(&self, lease: &Lease, record: &BackupRecord) -> Result<BackupRun, Error> {
        let (Some(group), Some(planned_at)) = (&record.group, record.planned_at) else {
            return Err(Error::internal(format!(
                "label {} is planned and has no group",
                record.label
            )));
        };
        Ok(BackupRun {
            execution_id: lease.execution.clone(),
            started_at: planned_at,
            group: group.clone(),
            kind: record.kind,
            name: None,
            baseline: record.baseline.clone(),
            on_unsupported: OnUnsupported::default(),
            row_counts: true,
            retention: None,
            on_overdue: OnOverdue::default(),
            window_seconds: self.settings.window_seconds(),
            databases: vec![lease.database.clone()],
        })
    }
}

impl FoundLabel {
    fn as_it_was(open: &Open) -> FoundLabel {
        FoundLabel {
            label: open.label.clone(),
            status: open.record.as_ref().map(|record| record.status),
            left: match open.fate {
                Fate::Leave(left) => Some(left),
                Fate::Record(..) | Fate::Cancel => Some(Left::Unknown),
            },
            cancelled: false,
        }
    }
}

fn holder(newest: &LeaseRow, execution: &ExecutionId) -> Holder {
    let held = newest.seconds_left > 0;
    match newest.execution == *execution {
        true => Holder::Own { held },
        false => Holder::Other {
            execution: newest.execution.clone(),
            held,
        },
    }
}
