//! Following BACKUP jobs.

use std::time::Duration;

use serde::Serialize;
use shared::{
    audit::{Action, Subject},
    config::Settings,
    error::{Error, ErrorName},
    flow::{BackupRun, FlowError, Job, JobState},
    ident::{RepositoryName, TableName},
    job::{BackupState, PinMark},
    label::SnapshotLabel,
    manifest::Manifest,
    metrics::{self, Metric},
    ops::{Ops, run_status::Lease},
    plan::{kept_reading::KeptReading, polling, second_reading::SecondReading},
    read,
    sql::{
        backup::cancel_backup,
        ops::run_status::{ClaimRow, Phase},
        show::BackupJob,
    },
    starrocks::{Client, FailureKind},
    track::{self, Whereabouts},
};

use crate::{
    count::{self, Share},
    progress,
};

#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    state: SeenState,
    /// A job takes longer than its window.
    overdue: bool,
    wait_seconds: u64,
    jobs: Vec<Job>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum SeenState {
    Running,
    Ready,
}

/// A label that shows nowhere is looked for this long before it is called lost: its BACKUP may have
/// been accepted by a leader that is just being replaced.
const LOST_AFTER_SECONDS: i64 = 600;
/// What the second reading at the pin may take: it is worth less than the look, which has five minutes
/// for all jobs.
const READING: Duration = Duration::from_secs(120);
/// BACKUP needs seconds to leave PENDING; this long means that the job handler is blocked.
const PENDING_LIMIT_SECONDS: i64 = 30 * 60;

pub(crate) async fn poll(
    settings: &Settings,
    client: &mut Client,
    run: &BackupRun,
    jobs: &[Job],
    waited: u64,
) -> Result<Seen, Error> {
    let mut seen = Vec::with_capacity(jobs.len());
    let mut wait_seconds = polling::LONGEST_WAIT;
    let mut overdue = false;
    let running = jobs.iter().filter(|job| job.state == JobState::Running);
    let mut shares = Share::of_a_look(running.count());
    for job in jobs {
        let mut job = job.clone();
        if job.state == JobState::Running {
            let look = Look {
                settings,
                run,
                waited,
                counting: shares.next().expect("one for each running job"),
            };
            let wait = look.at(client, &mut job, &mut overdue).await?;
            wait_seconds = wait_seconds.min(wait);
        }
        seen.push(job.among(jobs.len()));
    }
    let running = seen.iter().any(|job| job.state == JobState::Running);
    Ok(Seen {
        state: if running {
            SeenState::Running
        } else {
            SeenState::Ready
        },
        overdue,
        wait_seconds,
        jobs: seen,
    })
}

struct Look<'a> {
    settings: &'a Settings,
    run: &'a BackupRun,
    waited: u64,
    counting: Share,
}

impl Look<'_> {
    fn ops<'c>(&'c self, client: &'c mut Client) -> Ops<'c> {
        Ops::new(client, self.settings.ops_database())
    }

    /// How much of its window a backup has used; whether that is more than all of it, which is worth a
    /// look. What ends it, if anything, is the timeout that it was sent with.
    #[expect(clippy::cast_precision_loss, reason = "a percentage, for a chart")]
    fn count_window(&self, claim: &ClaimRow) -> bool {
        let used = 100 * claim.seconds_since_start / i64::from(self.run.window_seconds.max(1));
        metrics::emit(
            Some(&self.run.group),
            &[(Metric::WindowUsedPercent, used as f64)],
        );
        used > 100
    }

    /// Updates the job to what is seen now, and says how many seconds may pass until the next look.
    async fn at(
        &self,
        client: &mut Client,
        job: &mut Job,
        overdue: &mut bool,
    ) -> Result<u64, Error> {
        let label = job.label.clone().ok_or_else(|| {
            Error::invalid_input(format!(
                "the running job of database {} has no label",
                job.database
            ))
        })?;
        let lease = match self
            .ops(client)
            .renew_lease(&job.database, &self.run.execution_id)
            .await
        {
            Ok(lease) => lease,
            // Another execution took the database over: it brings this label to its end.
            Err(error) if error.name == ErrorName::JobConflict => {
                fail(job, JobState::Failed, &error);
                return Ok(0);
            }
            Err(error) => return Err(error),
        };
        let claim = self.ops(client).claim(&label).await?.ok_or_else(|| {
            Error::new(ErrorName::TrackingLost, format!("label {label} is not in run_status"))
                .hint("its row was deleted; starrocks-br doctor --orphans shows what is in the repository")
        })?;
        let found = match track::find_job(client, &job.database, &label).await {
            Ok(Some(shown)) => shown,
            Err(error) if error.kind() != FailureKind::UnknownDatabase => return Err(error.into()),
            // Only now is it worth asking for more than the job.
            Ok(None) | Err(_) => {
                let repository = self.repository_of(client, &label).await?;
                if !self.database_exists(client, job).await? {
                    return self.dropped(client, &lease, job, &claim, &repository).await;
                }
                track::find_in_repository(client, &repository, &label).await?
            }
        };
        match found {
            Whereabouts::Running(shown) => {
                let pin = shown.pin.as_ref();
                if let Some(pin) = pin.filter(|_| claim.phase < Phase::Pinned) {
                    self.ops(client).record_pinned(&label).await?;
                    self.read_again(client, &label, pin).await?;
                    self.ops(client)
                        .set_phase(&lease, &label, Phase::Pinned, None)
                        .await?;
                }
                self.count(client, job, &label).await?;
                *overdue |= self.count_window(&claim);
                self.running(client, &lease, job, &label, &claim, &shown)
                    .await
            }
            Whereabouts::Finished | Whereabouts::InRepository => {
                // What is counted in the last look is proven by the reading at the end.
                self.count(client, job, &label).await?;
                self.finished(client, &lease, job, &claim).await
            }
            // What is wrong is said where it is recorded.
            Whereabouts::Unusable(_) => {
                job.state = JobState::Finished;
                Ok(0)
            }
            Whereabouts::Cancelled(words) => {
                job.state = JobState::Cancelled;
                job.detail = Some(words);
                Ok(0)
            }
            Whereabouts::Unfinished => {
                self.unseen(
                    client,
                    job,
                    &claim,
                    "only a part of it is in the repository",
                )
                .await
            }
            Whereabouts::Nowhere => {
                self.unseen(client, job, &claim, "it is not in the repository either")
                    .await
            }
        }
    }

    /// The second reading R1, right after the pin. Where that cannot be had just now nothing is kept, and
    /// `record-history` reads at the end of the job: no reason to stop following the others.
    async fn read_again(
        &self,
        client: &mut Client,
        label: &SnapshotLabel,
        pin: &PinMark,
    ) -> Result<(), Error> {
        let kept = self.keep_second_reading(client, label, pin);
        let Ok(kept) = tokio::time::timeout(READING, kept).await else {
            tracing::warn!(label = %label, "not read at the pin in time: read again at the end");
            return Ok(());
        };
        match kept {
            // The look is repeated.
            Err(error) if error.name == ErrorName::Unreachable => Err(error),
            Err(error) => {
                tracing::warn!(label = %label, error = %error, "not read at the pin: read again at the end");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn keep_second_reading(
        &self,
        client: &mut Client,
        label: &SnapshotLabel,
        pin: &PinMark,
    ) -> Result<(), Error> {
        let planned = self.planned(client, label).await?;
        let counted = self.ops(client).row_counts(&planned).await?.mark();
        let after = read::read_again(client, &planned, &self.run.execution_id).await?;
        if !after.unreadable.is_empty() {
            let tables: Vec<&str> = after.unreadable.keys().map(TableName::as_str).collect();
            return Err(Error::new(
                ErrorName::JobConflict,
                format!("tables that cannot be read just now: {}", tables.join(", ")),
            ));
        }
        let reading = SecondReading::of(&planned, &after.facts);
        let kept = KeptReading {
            pin: pin.clone(),
            counted: Some(counted),
            reading,
        };
        self.ops(client).keep_second_reading(&planned, &kept).await
    }

    async fn planned(&self, client: &mut Client, label: &SnapshotLabel) -> Result<Manifest, Error> {
        let record = self.ops(client).known_backup(label).await?;
        self.ops(client).manifest(&record).await
    }

    /// Counts for a moment what is not counted yet. No count is worth the backup: where it fails, the
    /// rest stays uncounted.
    async fn count(
        &self,
        client: &mut Client,
        job: &mut Job,
        label: &SnapshotLabel,
    ) -> Result<(), Error> {
        if job.counted || !self.run.row_counts {
            return Ok(());
        }
        let counted = match self.planned(client, label).await {
            Ok(planned) => {
                count::count(
                    client,
                    self.settings.ops_database(),
                    &planned,
                    &self.counting,
                )
                .await
            }
            Err(error) => Err(error),
        };
        match counted {
            Ok(all) => job.counted = all,
            Err(error) if error.name == ErrorName::Unreachable => return Err(error),
            Err(error) => {
                tracing::warn!(label = %label, error = %error, "the rest is not counted");
                job.counted = true;
            }
        }
        Ok(())
    }

    async fn finished(
        &self,
        client: &mut Client,
        lease: &Lease,
        job: &mut Job,
        claim: &ClaimRow,
    ) -> Result<u64, Error> {
        if claim.phase < Phase::Pinned {
            self.ops(client).record_pinned(&claim.label).await?;
            self.ops(client)
                .set_phase(lease, &claim.label, Phase::Pinned, None)
                .await?;
        }
        job.state = JobState::Finished;
        job.progress = Some(progress::finished());
        Ok(0)
    }

    /// On record with the label: the configured one may be another by now.
    async fn repository_of(
        &self,
        client: &mut Client,
        label: &SnapshotLabel,
    ) -> Result<RepositoryName, Error> {
        let record = self.ops(client).known_backup(label).await?;
        Ok(record.repository.parse()?)
    }

    async fn database_exists(&self, client: &mut Client, job: &Job) -> Result<bool, Error> {
        let databases = client.fetch(&shared::sql::show::databases()).await?;
        Ok(databases.iter().any(|row| row.0 == job.database))
    }

    /// Its jobs cannot be asked for any more. What they finished before is in the repository, and is
    /// now all that there is of the database.
    async fn dropped(
        &self,
        client: &mut Client,
        lease: &Lease,
        job: &mut Job,
        claim: &ClaimRow,
        repository: &RepositoryName,
    ) -> Result<u64, Error> {
        match track::timestamp_of(client, repository, &claim.label).await {
            Ok(Some(_)) => return self.finished(client, lease, job, claim).await,
            Ok(None) => {}
            // What is wrong is said where it is recorded.
            Err(error) if error.name == ErrorName::BackupFailed => {
                job.state = JobState::Finished;
                return Ok(0);
            }
            Err(error) => return Err(error),
        }
        let error = Error::new(
            ErrorName::BackupFailed,
            format!(
                "database {} was dropped while it was backed up",
                job.database
            ),
        )
        .hint("remove it from the group: starrocks-br group remove");
        fail(job, JobState::Failed, &error);
        Ok(0)
    }

    async fn running(
        &self,
        client: &mut Client,
        lease: &Lease,
        job: &mut Job,
        label: &SnapshotLabel,
        claim: &ClaimRow,
        shown: &BackupJob,
    ) -> Result<u64, Error> {
        job.progress = Some(progress::of_backup(shown));
        let digest = progress::digest_of(shown);
        if claim.progress_digest.as_deref() != Some(digest.as_str()) {
            self.ops(client).set_progress(label, &digest).await?;
            return Ok(polling::wait_seconds(
                self.waited,
                claim.seconds_since_start,
            ));
        }
        let still = claim.seconds_without_progress.unwrap_or(0);
        let stalled = match shown.state {
            BackupState::Pending => still >= PENDING_LIMIT_SECONDS,
            // Backends retry a failed task for ever and the job's status stays OK: errors together
            // with a standstill are the only sign.
            _ => {
                shown.work.task_errors.is_some()
                    && still >= i64::from(self.settings.stall_minutes()) * 60
            }
        };
        if !stalled {
            return Ok(polling::wait_seconds(
                self.waited,
                claim.seconds_since_start,
            ));
        }
        let words = shown.work.task_errors.clone().unwrap_or_else(|| {
            format!(
                "State {} without progress for {still} s",
                shown.state.as_str()
            )
        });
        self.ops(client).verify_lease(lease).await?;
        tracing::warn!(label = %label, database = %job.database, detail = words, "stalled: cancelling");
        Subject {
            action: Action::Cancel,
            execution: self.run.execution_id.as_str(),
            label: label.as_str(),
            restore: "",
            databases: std::slice::from_ref(&job.database),
            object: "a stalled BACKUP",
        }
        .around(client.run(&cancel_backup(&job.database)))
        .await?;
        job.state = JobState::Cancelled;
        job.detail = Some(format!(
            "cancelled after {} minutes without progress: {words}",
            still / 60
        ));
        Ok(0)
    }

    async fn unseen(
        &self,
        client: &mut Client,
        job: &mut Job,
        claim: &ClaimRow,
        detail: &str,
    ) -> Result<u64, Error> {
        const UNSEEN: &str = "unseen";
        let label = &claim.label;
        if claim.progress_digest.as_deref() != Some(UNSEEN) {
            self.ops(client).set_progress(label, UNSEEN).await?;
            return Ok(polling::SHORTEST_WAIT);
        }
        let unseen_for = claim.seconds_without_progress.unwrap_or(0);
        if unseen_for < LOST_AFTER_SECONDS {
            // Five looks over ten minutes.
            return Ok(LOST_AFTER_SECONDS.unsigned_abs() / 5);
        }
        let error = Error::new(
            ErrorName::TrackingLost,
            format!(
                "label {label} of database {} is not in SHOW BACKUP since {unseen_for} s, and {detail}",
                job.database
            ),
        )
        .hint("another job of this database may have replaced its row; if the snapshot turns up \
               complete, the next run records it");
        fail(job, JobState::Lost, &error);
        Ok(0)
    }
}

fn fail(job: &mut Job, state: JobState, error: &Error) {
    job.state = state;
    job.detail = Some(error.message.clone());
    job.error = Some(FlowError::from(error));
}
