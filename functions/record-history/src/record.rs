//! The end of one database's label.

use shared::{
    audit::{Action, Subject},
    config::Settings,
    error::{Error, ErrorName},
    flow::{BackupRun, FlowError, Job, JobState, Outcome},
    label::SnapshotLabel,
    manifest::{BackupRecord, BackupStatus},
    ops::{Ops, run_status::Lease},
    sql::ops::run_status::Phase,
    starrocks::Client,
    time::SnapshotTimestamp,
    track,
};

use crate::reconcile;

/// Cancelled by the engine for a reason that may pass: worth one more try under the next label.
const PASSING: [&str; 4] = [
    "OLAP_VERSION_ALREADY_MERGED",
    "failed to choose replica",
    "failed to list remote path",
    "does not exist",
];

pub(crate) async fn record(
    settings: &Settings,
    client: &mut Client,
    run: &BackupRun,
    job: &Job,
) -> Result<Outcome, Error> {
    let outcome = match &job.label {
        Some(label) => bring_to_end(settings, client, run, job, label).await?,
        // It never got as far as a label: there is nothing to write, and no lease to keep.
        None => {
            let outcome = never_started(job);
            audit(run, &outcome);
            outcome
        }
    };
    if job.state != JobState::Lost {
        // A lost label keeps its database until the lease expires: its job may still be at work.
        Ops::new(client, settings.ops_database())
            .release_lease(&job.database, &run.execution_id)
            .await?;
    }
    Ok(outcome)
}

/// Writes how the label ended, or reads it where that is written already. The database stays held.
pub(crate) async fn bring_to_end(
    settings: &Settings,
    client: &mut Client,
    run: &BackupRun,
    job: &Job,
    label: &SnapshotLabel,
) -> Result<Outcome, Error> {
    let record = Ops::new(client, settings.ops_database())
        .known_backup(label)
        .await?;
    let recording = Recording {
        settings,
        run,
        job,
        label,
    };
    // A lost label that turned up after all is recorded as what it is, also where it was cancelled: a
    // label that stays open is adopted by the next run, which would find it so again.
    let turned_up = record.status == BackupStatus::Lost && job.state != JobState::Lost;
    let outcome = if record.status == BackupStatus::Running || turned_up {
        recording.end(client, &record).await?
    } else {
        recording.recorded(client, &record).await?
    };
    audit(run, &outcome);
    Ok(outcome)
}

fn audit(run: &BackupRun, outcome: &Outcome) {
    let label = outcome.label.as_ref().map_or("", SnapshotLabel::as_str);
    let subject = Subject {
        action: Action::Backup,
        execution: run.execution_id.as_str(),
        label,
        restore: "",
        databases: std::slice::from_ref(&outcome.database),
        object: run.group.as_str(),
    };
    let name = outcome
        .error
        .as_ref()
        .map_or(ErrorName::BackupFailed, |error| error.to_error().name);
    match (outcome.status, label) {
        (BackupStatus::Finished, _) => subject.done(),
        (_, "") => subject.refused(name),
        _ => subject.failed(name),
    }
}

fn never_started(job: &Job) -> Outcome {
    Outcome {
        database: job.database.clone(),
        label: None,
        status: BackupStatus::Failed,
        again: false,
        cut: None,
        snapshot_timestamp: None,
        error: job.error.clone(),
    }
}

struct Recording<'a> {
    settings: &'a Settings,
    run: &'a BackupRun,
    job: &'a Job,
    label: &'a SnapshotLabel,
}

impl Recording<'_> {
    fn ops<'c>(&'c self, client: &'c mut Client) -> Ops<'c> {
        Ops::new(client, self.settings.ops_database())
    }

    async fn end(&self, client: &mut Client, record: &BackupRecord) -> Result<Outcome, Error> {
        let lease = self
            .ops(client)
            .renew_lease(&self.job.database, &self.run.execution_id)
            .await?;
        match self.job.state {
            JobState::Unchanged => self.unchanged(client, &lease, record).await,
            JobState::Finished => self.finished(client, &lease, record).await,
            JobState::Cancelled => {
                let words = self.job.detail.clone().unwrap_or_default();
                let error = Error::new(
                    ErrorName::BackupFailed,
                    format!(
                        "backup of database {} under label {} was cancelled",
                        self.job.database, self.label
                    ),
                )
                .engine(words.clone());
                let again = PASSING.iter().any(|passing| words.contains(passing))
                    && self.first_attempt(client).await?;
                self.failed(client, &lease, BackupStatus::Cancelled, &error, again)
                    .await
            }
            JobState::Lost | JobState::Failed => {
                let error = self.job.error.as_ref().map_or_else(
                    || {
                        Error::new(
                            ErrorName::BackupFailed,
                            format!("backup of database {} failed", self.job.database),
                        )
                    },
                    FlowError::to_error,
                );
                let status = match self.job.state {
                    JobState::Lost => BackupStatus::Lost,
                    _ => BackupStatus::Failed,
                };
                self.failed(client, &lease, status, &error, false).await
            }
            JobState::Running => Err(Error::invalid_input(format!(
                "label {} is still running: it cannot be recorded",
                self.label
            ))),
        }
    }

    /// Nothing had changed since the baseline: the label stands for what older snapshots hold.
    async fn unchanged(
        &self,
        client: &mut Client,
        lease: &Lease,
        record: &BackupRecord,
    ) -> Result<Outcome, Error> {
        self.ops(client).record_pinned(self.label).await?;
        self.complete(client, lease, record, None).await
    }

    async fn finished(
        &self,
        client: &mut Client,
        lease: &Lease,
        record: &BackupRecord,
    ) -> Result<Outcome, Error> {
        let repository = record.repository.parse()?;
        let ended = match track::timestamp_of(client, &repository, self.label).await {
            Ok(Some(timestamp)) => self.complete(client, lease, record, Some(&timestamp)).await,
            Ok(None) => Err(Error::new(
                ErrorName::BackupFailed,
                format!(
                    "label {} finished, but repository {repository} does not hold it",
                    self.label
                ),
            )
            .hint("objects were removed from the bucket meanwhile, or its lifecycle rules did")),
            Err(error) => Err(error),
        };
        match ended {
            // What the repository holds is not this backup, whoever looks at it.
            Err(error) if error.name == ErrorName::BackupFailed => {
                self.failed(client, lease, BackupStatus::Failed, &error, false)
                    .await
            }
            ended => ended,
        }
    }

    async fn complete(
        &self,
        client: &mut Client,
        lease: &Lease,
        record: &BackupRecord,
        timestamp: Option<&SnapshotTimestamp>,
    ) -> Result<Outcome, Error> {
        // Planned again once; if objects slip away again, the label is PARTIAL and stays.
        let first = self.first_attempt(client).await?;
        let invalid =
            reconcile::complete(self.settings, self.run, client, record, timestamp).await?;
        self.ops(client)
            .set_phase(lease, self.label, Phase::Recorded, None)
            .await?;
        let record = self.ops(client).known_backup(self.label).await?;
        let error = record
            .error_message
            .as_ref()
            .map(|message| Error::new(ErrorName::PartialBackup, message.clone()));
        let mut outcome = self.outcome(&record, error.as_ref())?;
        outcome.again |= invalid && first;
        Ok(outcome)
    }

    async fn failed(
        &self,
        client: &mut Client,
        lease: &Lease,
        status: BackupStatus,
        error: &Error,
        again: bool,
    ) -> Result<Outcome, Error> {
        self.ops(client)
            .record_failed(self.label, status, &error.to_string())
            .await?;
        // A lost label stays open: a snapshot found complete later promotes its record.
        if status != BackupStatus::Lost {
            self.ops(client)
                .set_phase(lease, self.label, Phase::Recorded, None)
                .await?;
        }
        let record = self.ops(client).known_backup(self.label).await?;
        let mut outcome = self.outcome(&record, Some(error))?;
        outcome.again |= again;
        Ok(outcome)
    }

    /// A repeat, or a label that another call has brought to its end.
    async fn recorded(&self, client: &mut Client, record: &BackupRecord) -> Result<Outcome, Error> {
        let name = match record.status {
            BackupStatus::Partial => ErrorName::PartialBackup,
            BackupStatus::Lost => ErrorName::TrackingLost,
            _ => ErrorName::BackupFailed,
        };
        let error = record
            .error_message
            .as_ref()
            .map(|message| Error::new(name, message.clone()));
        self.close(client, record).await?;
        let mut outcome = self.outcome(record, error.as_ref())?;
        if outcome.status != BackupStatus::Finished {
            outcome.again |= self.first_attempt(client).await?
                && record
                    .error_message
                    .as_ref()
                    .is_some_and(|words| PASSING.iter().any(|passing| words.contains(passing)));
        }
        Ok(outcome)
    }

    /// History says how it ended and `run_status` does not yet: the call that wrote the one died before
    /// it wrote the other.
    async fn close(&self, client: &mut Client, record: &BackupRecord) -> Result<(), Error> {
        let claim = self.ops(client).claim(self.label).await?;
        let open = claim.is_some_and(|claim| claim.phase.is_open());
        if open && record.status != BackupStatus::Lost {
            let lease = self
                .ops(client)
                .renew_lease(&self.job.database, &self.run.execution_id)
                .await?;
            self.ops(client)
                .set_phase(&lease, self.label, Phase::Recorded, None)
                .await?;
        }
        Ok(())
    }

    /// Whether this execution has ended no more than one label of this database: what may pass is
    /// tried once more, not for ever.
    async fn first_attempt(&self, client: &mut Client) -> Result<bool, Error> {
        let records = self
            .ops(client)
            .backups_of_execution(&self.run.execution_id)
            .await?;
        let of_database = records
            .iter()
            .filter(|record| record.database.as_ref() == Some(&self.job.database));
        Ok(of_database.count() <= 1)
    }

    /// Another execution's label was only followed: unless it is the very same work, this execution's
    /// own is still to be done.
    fn outcome(&self, record: &BackupRecord, error: Option<&Error>) -> Result<Outcome, Error> {
        let stem = self
            .run
            .label_stem(&self.job.database, self.settings.label_time_zone())?;
        let own = record.execution_id.as_ref() == Some(&self.run.execution_id);
        let same_work = own
            || (record.group.as_ref() == Some(&self.run.group)
                && record.kind == self.run.kind
                && stem.is_attempt(self.label));
        Ok(Outcome {
            database: self.job.database.clone(),
            label: Some(self.label.clone()),
            status: record.status,
            again: !same_work || (!own && error.is_some()),
            cut: record.cut,
            snapshot_timestamp: record.snapshot_timestamp.clone(),
            error: error.map(FlowError::from),
        })
    }
}
