//! Backup and restore jobs: one slot a database, one step a tick, all databases in one pass.
//!
//! A job is kept in its database's slot until another takes its place, whichever kind either is: SHOW
//! BACKUP forgets a backup as soon as a restore follows. Finished ones are forgotten after a week.

mod backup;
pub mod faults;
mod restart;
mod restore;
pub mod state;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

pub use self::{
    backup::{BackupJob, BackupObject, BackupRequest, objects_text},
    faults::{At, JobFaults},
    restore::{RestoreJob, RestoreRequest, RestoreView},
    state::{BackupState, JobState, RestoreState, Status, Tasks},
};
use crate::{engine::Engine, nodes::Backend};

#[derive(Debug)]
pub enum Job {
    Backup(Box<BackupJob>),
    Restore(Box<RestoreJob>),
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Done,
    /// The frontend's own code failed: the pass ends here, and the databases behind this one wait as
    /// long as this job does.
    Thrown,
}

impl Job {
    pub fn database_id(&self) -> i64 {
        match self {
            Job::Backup(job) => job.database_id,
            Job::Restore(job) => job.database_id,
        }
    }

    pub fn database(&self) -> &str {
        match self {
            Job::Backup(job) => &job.database,
            Job::Restore(job) => &job.database,
        }
    }

    pub fn repository_id(&self) -> i64 {
        match self {
            Job::Backup(job) => job.repository_id,
            Job::Restore(job) => job.repository_id,
        }
    }

    pub fn state(&self) -> JobState {
        match self {
            Job::Backup(job) => JobState::Backup(job.state),
            Job::Restore(job) => JobState::Restore(job.state),
        }
    }

    pub fn is_done(&self) -> bool {
        self.state().is_final()
    }

    fn finished(&self) -> Option<Timestamp> {
        match self {
            Job::Backup(job) => job.finished,
            Job::Restore(job) => job.finished,
        }
    }

    fn run(&mut self, engine: &mut Engine, now: Timestamp) -> Step {
        match self {
            Job::Backup(job) => job.run(engine, now),
            Job::Restore(job) => job.run(engine, now),
        }
    }

    /// Ends the job with this status, and takes back what a restore has made so far.
    fn cancel(&mut self, engine: &mut Engine, status: Status, now: Timestamp) {
        match self {
            Job::Backup(job) => job.cancel(status, now),
            Job::Restore(job) => job.cancel(engine, status, now),
        }
    }

    fn tasks(&mut self) -> &mut Tasks {
        match self {
            Job::Backup(job) => &mut job.tasks,
            Job::Restore(job) => &mut job.tasks,
        }
    }
}

#[derive(Debug)]
pub struct Jobs {
    /// By database id: a database made again under the same name has no job.
    slots: BTreeMap<i64, Job>,
    next_tick: Timestamp,
    /// Hooks may run statements, which must not start another pass.
    advancing: bool,
    pub faults: JobFaults,
    /// How many ticks backends take to upload what a backup has pinned: that share of the tasks is
    /// done at each.
    pub upload_ticks: u32,
    pub download_ticks: u32,
}

impl Jobs {
    pub fn new(first_tick: Timestamp) -> Jobs {
        Jobs {
            slots: BTreeMap::new(),
            next_tick: first_tick,
            advancing: false,
            faults: JobFaults::default(),
            upload_ticks: 1,
            download_ticks: 1,
        }
    }

    pub fn of(&self, database_id: i64) -> Option<&Job> {
        self.slots.get(&database_id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Job> {
        self.slots.values()
    }

    pub fn is_running(&self, database_id: i64) -> bool {
        self.of(database_id).is_some_and(|job| !job.is_done())
    }

    pub fn uses_repository(&self, repository_id: i64) -> bool {
        self.iter()
            .any(|job| !job.is_done() && job.repository_id() == repository_id)
    }

    /// The job of a database is at work somewhere else and shown by nobody: what it holds stays in its
    /// state.
    pub fn forget(&mut self, database: &str) {
        self.slots.retain(|_, job| job.database() != database);
    }

    fn is_idle(&self) -> bool {
        self.iter().all(Job::is_done)
    }
}

impl Engine {
    /// Takes a job into its database's slot, over the one that was there.
    pub(crate) fn submit_job(&mut self, job: Job) {
        let at = (job.database().to_owned(), job.state());
        self.jobs.slots.insert(job.database_id(), job);
        self.fire_hooks(&at.0, at.1);
    }

    /// CANCEL BACKUP and CANCEL RESTORE; the job is there and is not done.
    pub(crate) fn cancel_job(&mut self, database_id: i64) {
        let now = self.clock.now();
        let Some(mut job) = self.jobs.slots.remove(&database_id) else {
            return;
        };
        let message = match &job {
            Job::Backup(_) => "user cancelled".to_owned(),
            Job::Restore(restore) => format!("user cancelled, current state: {}", restore.state),
        };
        job.cancel(self, Status::common(message), now);
        let at = (job.database().to_owned(), job.state());
        self.jobs.slots.insert(database_id, job);
        self.fire_hooks(&at.0, at.1);
    }

    /// Backends with a replica of the tablet at this place: as many as there are replicas, one after
    /// the other.
    fn replicas_of(&self, place: usize, replicas: u32) -> impl Iterator<Item = &Backend> {
        let backends = &self.nodes.backends;
        let count = (replicas as usize).min(backends.len());
        (place..place + count).map(|at| &backends[at % backends.len()])
    }

    /// Tasks are sent to every backend; one that is down reports nothing.
    fn reports(&self, backend_id: i64) -> bool {
        self.nodes
            .backends
            .iter()
            .any(|backend| backend.id == backend_id && backend.alive)
    }

    fn fire_hooks(&mut self, database: &str, state: JobState) {
        let outer = std::mem::replace(&mut self.jobs.advancing, true);
        for hook in self.jobs.faults.take_hooks(database, state) {
            hook(self);
        }
        self.jobs.advancing = outer;
    }
}

/// Makes the passes that are due at the clock's time.
pub fn advance(engine: &mut Engine) {
    let now = engine.clock.now();
    if engine.jobs.advancing || engine.jobs.next_tick > now {
        return;
    }
    let tick = engine.tick.max(SignedDuration::from_millis(1));
    engine.jobs.advancing = true;
    while engine.jobs.next_tick <= now {
        if engine.jobs.is_idle() {
            // Nothing happens at the ticks in between.
            let behind = now.duration_since(engine.jobs.next_tick).as_millis() / tick.as_millis();
            let skipped = i32::try_from(behind).unwrap_or(i32::MAX);
            engine.jobs.next_tick += tick * skipped.saturating_add(1);
            continue;
        }
        let at = engine.jobs.next_tick;
        pass(engine, at);
        engine.jobs.next_tick += tick;
    }
    let keep = SignedDuration::from_secs(engine.config.number("history_job_keep_max_second"));
    engine.jobs.slots.retain(|_, job| {
        job.finished()
            .is_none_or(|finished| now.duration_since(finished) <= keep)
    });
    engine.jobs.advancing = false;
}

fn pass(engine: &mut Engine, now: Timestamp) {
    let databases: Vec<i64> = engine.jobs.slots.keys().copied().collect();
    for database_id in databases {
        let Some(mut job) = engine.jobs.slots.remove(&database_id) else {
            continue;
        };
        let before = job.state();
        let step = step(engine, &mut job, now);
        let after = job.state();
        let database = job.database().to_owned();
        engine.jobs.slots.entry(database_id).or_insert(job);
        if after != before {
            engine.fire_hooks(&database, after);
        }
        if step == Step::Thrown {
            break;
        }
    }
}

/// One job at one tick, with what tests have arranged for it.
fn step(engine: &mut Engine, job: &mut Job, now: Timestamp) -> Step {
    if job.is_done() {
        return Step::Done;
    }
    let state = job.state();
    let database = job.database().to_owned();
    if let Some(status) = engine.jobs.faults.take_cancel(&database, state) {
        job.cancel(engine, status, now);
        return Step::Done;
    }
    let is_late = match job {
        Job::Backup(job) => job.is_late(now),
        Job::Restore(job) => job.is_late(now),
    };
    if !is_late {
        if engine.jobs.faults.is_held(&database, state) {
            return Step::Done;
        }
        if let Some(message) = engine.jobs.faults.task_failure(&database, state) {
            job.tasks().fail_all(&message);
            return Step::Done;
        }
    }
    job.run(engine, now)
}
