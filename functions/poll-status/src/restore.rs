//! Following the RESTORE jobs of a restore. Copies inside the cluster are looked at by the steps
//! themselves, each by its own task.

use serde::Serialize;
use shared::{
    audit::{Action, Subject},
    config::Settings,
    error::{Error, ErrorName},
    flow::{Job, JobState, Progress, RestoreRun},
    ident::DatabaseName,
    job::{Phase, RestoreState},
    label::SnapshotLabel,
    ops::{Ops, run_status::Lease},
    plan::{
        polling,
        restore::{
            Detail, PlannedStep, Step,
            follow::{JobNow, Look, follow},
        },
    },
    read,
    sql::{
        ops::steps::{StepRow, StepState, StepUpdate},
        restore::cancel_restore,
        show::{self, ByteSize, RestoreJob},
    },
    starrocks::{Client, FailureKind},
};

use crate::progress;

/// A commit that takes longer hangs, and is looked at as any other state.
const COMMITS_WITHIN_SECONDS: i64 = 60;

#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    state: SeenState,
    wait_seconds: u64,
    /// For people: the state machine leaves it out.
    jobs: Vec<Job>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum SeenState {
    Running,
    Ready,
}

pub(crate) async fn poll(
    settings: &Settings,
    client: &mut Client,
    run: &RestoreRun,
    waited: u64,
) -> Result<Seen, Error> {
    let ops = settings.ops_database();
    let restore = Ops::new(client, ops).known_restore(&run.restore_id).await?;
    let databases = restore.databases().map_err(|error| {
        Error::internal(format!(
            "the plan of restore {} does not name its databases: {error}",
            run.restore_id
        ))
    })?;
    let mut leases = Vec::new();
    for database in databases {
        let lease = Ops::new(client, ops)
            .renew_lease(&database, &run.execution_id)
            .await?;
        leases.push(lease);
    }
    let follower = Follower {
        settings,
        run,
        waited,
    };
    match follower.own_step(client).await? {
        Some(own) => {
            let lease = leases
                .iter()
                .find(|lease| lease.database == own.database)
                .ok_or_else(|| Error::internal(format!("database {} is not held", own.database)))?;
            follower.look(client, own, lease).await
        }
        None => follower.look_at_others(client, &leases).await,
    }
}

/// The RESTORE that the restore is waiting for.
struct Own {
    row: StepRow,
    detail: Detail,
    database: DatabaseName,
    snapshot: SnapshotLabel,
}

struct Follower<'a> {
    settings: &'a Settings,
    run: &'a RestoreRun,
    waited: u64,
}

impl Follower<'_> {
    fn ops<'c>(&'c self, client: &'c mut Client) -> Ops<'c> {
        Ops::new(client, self.settings.ops_database())
    }

    async fn own_step(&self, client: &mut Client) -> Result<Option<Own>, Error> {
        let rows = self.ops(client).restore_steps(&self.run.restore_id).await?;
        let running = rows
            .into_iter()
            .find(|row| row.state == StepState::Running && row.kind == "restore_snapshot");
        let Some(row) = running else {
            return Ok(None);
        };
        let planned: PlannedStep = serde_json::from_str(&row.step).map_err(|error| {
            Error::internal(format!(
                "restore step {} is not JSON of a step: {error}",
                row.number
            ))
        })?;
        let Step::RestoreSnapshot {
            database, snapshot, ..
        } = planned.step
        else {
            return Err(Error::internal(
                "a step is not of the kind that its row says",
            ));
        };
        Ok(Some(Own {
            detail: Detail::parse(row.detail.as_deref(), row.number)?,
            row,
            database,
            snapshot,
        }))
    }

    async fn look(&self, client: &mut Client, mut own: Own, lease: &Lease) -> Result<Seen, Error> {
        self.check_database(client, &own).await?;
        let shown = self.job_of(client, &own).await?;
        let now = read::utc_now(client).await?;
        let restoring = match &shown {
            Some(_) => true,
            None => self.is_restoring(client, &own.database).await?,
        };
        let job = shown.as_ref().map(job_now);
        let before = own.detail.seen.clone();
        let stall_minutes = self.settings.stall_minutes();
        let age = now.timestamp().as_second() - self.run.started_at.timestamp().as_second();
        let look = follow(before.as_ref(), job.as_ref(), restoring, now, stall_minutes);
        let wait_seconds = match (&look, shown.as_ref().map(|job| job.state)) {
            // It takes moments, and the tables cannot be read before it ends.
            (Look::Running(seen), Some(RestoreState::Commit | RestoreState::Committing))
                if now.timestamp().as_second() - seen.since.timestamp().as_second()
                    < COMMITS_WITHIN_SECONDS =>
            {
                1
            }
            _ => polling::wait_seconds(self.waited, age),
        };
        match look {
            Look::Ended => Ok(self.ready()),
            Look::Running(seen) | Look::Unseen(seen) => {
                if before.as_ref() != Some(&seen) {
                    own.detail.seen = Some(seen);
                    self.remember(client, &own).await?;
                }
                Ok(Seen {
                    state: SeenState::Running,
                    wait_seconds,
                    jobs: vec![job_for_people(&own, shown.as_ref())],
                })
            }
            Look::Stalled(words) => self.cancel(client, own, lease, shown, words).await,
            Look::Lost => Err(Error::new(
                ErrorName::TrackingLost,
                format!(
                    "SHOW RESTORE FROM {} does not show the RESTORE of snapshot {}, though tables \
                     there are in state RESTORE",
                    own.database, own.snapshot
                ),
            )
            .hint(
                "wait until SHOW PROC '/dbs' shows them NORMAL, or CANCEL RESTORE and drop what it \
                 made; then go on with it",
            )),
        }
    }

    /// Only what was judged is cancelled: a job that moved meanwhile goes on.
    async fn cancel(
        &self,
        client: &mut Client,
        mut own: Own,
        lease: &Lease,
        judged: Option<RestoreJob>,
        words: String,
    ) -> Result<Seen, Error> {
        self.ops(client).verify_lease(lease).await?;
        let again = self.job_of(client, &own).await?;
        if again.as_ref().map(job_now) != judged.as_ref().map(job_now) {
            return Ok(Seen {
                state: SeenState::Running,
                wait_seconds: polling::SHORTEST_WAIT,
                jobs: vec![job_for_people(&own, again.as_ref())],
            });
        }
        tracing::warn!(
            restore.id = %self.run.restore_id,
            database = %own.database,
            label = %own.snapshot,
            detail = words,
            "stalled: cancelling"
        );
        Subject {
            action: Action::Cancel,
            execution: self.run.execution_id.as_str(),
            label: own.snapshot.as_str(),
            restore: self.run.restore_id.as_str(),
            databases: std::slice::from_ref(&own.database),
            object: "a stalled RESTORE",
        }
        .around(client.run(&cancel_restore(&own.database)))
        .await?;
        // Whoever resumes the restore sends the statement again, as if it had never been sent: what the
        // job made is gone, and a table that stands there then is somebody else's.
        let ended = self.job_of(client, &own).await?.or(judged);
        own.detail.previous_job = ended.map(|job| job.job_id);
        own.detail.seen = None;
        let update = StepUpdate {
            state: Some(StepState::Failed),
            attempt: Some(0),
            detail: Some(own.detail.to_text()?),
            ..StepUpdate::default()
        };
        self.ops(client)
            .update_step(&self.run.restore_id, own.row.number, &update)
            .await?;
        Err(Error::new(
            ErrorName::RestoreFailed,
            format!(
                "RESTORE of snapshot {} into {} stalled and was cancelled",
                own.snapshot, own.database
            ),
        )
        .engine(words))
    }

    async fn remember(&self, client: &mut Client, own: &Own) -> Result<(), Error> {
        let update = StepUpdate {
            detail: Some(own.detail.to_text()?),
            ..StepUpdate::default()
        };
        self.ops(client)
            .update_step(&self.run.restore_id, own.row.number, &update)
            .await
    }

    /// The step's own job: newer than the one that was shown before it was sent.
    async fn job_of(&self, client: &mut Client, own: &Own) -> Result<Option<RestoreJob>, Error> {
        let jobs = client.fetch(&show::restore(&own.database)).await?;
        Ok(jobs.into_iter().find(|job| {
            job.label == own.snapshot.as_str() && Some(job.job_id) != own.detail.previous_job
        }))
    }

    async fn check_database(&self, client: &mut Client, own: &Own) -> Result<(), Error> {
        let databases = client.fetch(&show::databases()).await?;
        if databases.iter().any(|row| row.0 == own.database) {
            return Ok(());
        }
        Err(Error::new(
            ErrorName::RestoreFailed,
            format!(
                "database {} was dropped while it was restored into",
                own.database
            ),
        ))
    }

    async fn is_restoring(
        &self,
        client: &mut Client,
        database: &DatabaseName,
    ) -> Result<bool, Error> {
        let databases = client.fetch(&show::proc_databases()).await?;
        let Some(found) = databases.into_iter().find(|row| row.name == *database) else {
            return Ok(false);
        };
        let tables = client.fetch(&show::proc_tables(found.id)).await?;
        Ok(tables
            .iter()
            .any(|table| table.state == shared::facts::TableState::Restore))
    }

    /// Nothing of this restore's own runs: another job in its databases is waited for.
    async fn look_at_others(&self, client: &mut Client, leases: &[Lease]) -> Result<Seen, Error> {
        for lease in leases {
            let jobs = match client.fetch(&show::restore(&lease.database)).await {
                Ok(jobs) => jobs,
                // A database that the restore has not made yet.
                Err(error) if error.kind() == FailureKind::UnknownDatabase => continue,
                Err(error) => return Err(error.into()),
            };
            if jobs.iter().any(|job| job.state.phase() == Phase::Running) {
                return Ok(Seen {
                    state: SeenState::Running,
                    wait_seconds: polling::wait_seconds(self.waited, 0),
                    jobs: Vec::new(),
                });
            }
        }
        Ok(self.ready())
    }

    fn ready(&self) -> Seen {
        Seen {
            state: SeenState::Ready,
            wait_seconds: polling::wait_seconds(self.waited, 0),
            jobs: Vec::new(),
        }
    }
}

fn job_now(job: &RestoreJob) -> JobNow {
    JobNow {
        state: job.state,
        unfinished_tasks: job.work.unfinished_tasks.clone(),
        progress: job.work.progress.clone(),
        task_errors: job.work.task_errors.clone(),
    }
}

fn job_for_people(own: &Own, shown: Option<&RestoreJob>) -> Job {
    let size = own.detail.bytes.map(|bytes| ByteSize(bytes).to_string());
    let progress = match shown {
        None => Progress {
            state: "not shown by SHOW RESTORE".to_owned(),
            percent: None,
            detail: None,
        },
        Some(job) => Progress {
            state: job.state.as_str().to_owned(),
            percent: progress::percent(&job.work.progress),
            detail: job.work.task_errors.clone(),
        },
    };
    Job {
        database: own.database.clone(),
        label: Some(own.snapshot.clone()),
        plan_id: None,
        state: JobState::Running,
        detail: None,
        error: None,
        counted: true,
        progress: Some(progress),
        size,
    }
}
