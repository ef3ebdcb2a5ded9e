//! Labels that are brought to their end under the lease that was taken for it.

use shared::{
    audit::{Action, Subject},
    error::Error,
    flow::{BackupRun, Job, JobState, OnOverdue, OnUnsupported, Outcome},
    manifest::{BackupRecord, BackupStatus},
    ops::run_status::Lease,
    plan::aftermath::{Fate, Left, OpenLabel, Shown, fate},
    sql::{backup::cancel_backup, ops::run_status::Phase},
    starrocks::Client,
};

use super::{Aftermath, Found, FoundLabel, Open};
use crate::record;

impl Aftermath<'_> {
    pub(super) async fn end_labels(
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
            size: None,
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
            chosen: None,
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
