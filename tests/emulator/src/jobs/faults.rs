//! What a test may do to jobs: act at a state, hold one there, cancel it, make its tasks fail.

use std::fmt;

use super::state::{BackupState, JobState, RestoreState, Status};
use crate::engine::Engine;

/// A database's job in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    pub database: String,
    pub state: JobState,
}

impl At {
    pub fn backup(database: impl Into<String>, state: BackupState) -> At {
        At {
            database: database.into(),
            state: JobState::Backup(state),
        }
    }

    pub fn restore(database: impl Into<String>, state: RestoreState) -> At {
        At {
            database: database.into(),
            state: JobState::Restore(state),
        }
    }

    fn is(&self, database: &str, state: JobState) -> bool {
        self.database == database && self.state == state
    }
}

type Hook = Box<dyn FnOnce(&mut Engine) + Send>;

#[derive(Default)]
pub struct JobFaults {
    hooks: Vec<(At, Hook)>,
    holds: Vec<At>,
    cancels: Vec<(At, Status)>,
    failures: Vec<(At, String)>,
}

impl fmt::Debug for JobFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hooks: Vec<&At> = self.hooks.iter().map(|(at, _)| at).collect();
        f.debug_struct("JobFaults")
            .field("hooks", &hooks)
            .field("holds", &self.holds)
            .field("cancels", &self.cancels)
            .field("failures", &self.failures)
            .finish()
    }
}

impl JobFaults {
    /// Runs `act` once, as soon as a job has entered the state: at PENDING between submit and pin, at
    /// SNAPSHOTING right after the pin. Statements that it runs do not move jobs.
    pub fn at_state(&mut self, at: At, act: impl FnOnce(&mut Engine) + Send + 'static) {
        self.hooks.push((at, Box::new(act)));
    }

    /// A job that enters the state stays there until it is released, cancelled or late.
    pub fn hold(&mut self, at: At) {
        self.holds.push(at);
    }

    pub fn release(&mut self, at: &At) {
        self.holds.retain(|held| held != at);
    }

    /// At its next tick in the state the job is cancelled with this status, as if a backend or the
    /// frontend had come to it: `OLAP_VERSION_ALREADY_MERGED`, `make snapshot failed, version already
    /// merged` and the like. Once.
    pub fn cancel(&mut self, at: At, code: &str, message: &str) {
        self.cancels.push((at, Status::error(code, message)));
    }

    /// All tasks of the state fail with this text at every tick, until [`JobFaults::heal_tasks`]: the
    /// job hangs, with TaskErrMsg filled and Status `[OK]`.
    pub fn fail_tasks(&mut self, at: At, message: &str) {
        self.failures.push((at, message.to_owned()));
    }

    pub fn heal_tasks(&mut self, at: &At) {
        self.failures.retain(|(other, _)| other != at);
    }

    /// Hooks and cancels that have not come about: a test that meant to disturb something can prove
    /// that it did.
    pub fn pending(&self) -> Vec<At> {
        let hooks = self.hooks.iter().map(|(at, _)| at);
        let cancels = self.cancels.iter().map(|(at, _)| at);
        hooks.chain(cancels).cloned().collect()
    }

    pub(super) fn take_hooks(&mut self, database: &str, state: JobState) -> Vec<Hook> {
        let (due, rest) = std::mem::take(&mut self.hooks)
            .into_iter()
            .partition(|(at, _)| at.is(database, state));
        self.hooks = rest;
        let due: Vec<(At, Hook)> = due;
        due.into_iter().map(|(_, hook)| hook).collect()
    }

    pub(super) fn take_cancel(&mut self, database: &str, state: JobState) -> Option<Status> {
        let at = self
            .cancels
            .iter()
            .position(|(at, _)| at.is(database, state))?;
        Some(self.cancels.remove(at).1)
    }

    pub(super) fn is_held(&self, database: &str, state: JobState) -> bool {
        self.holds.iter().any(|at| at.is(database, state))
    }

    pub(super) fn task_failure(&self, database: &str, state: JobState) -> Option<String> {
        let has_tasks = matches!(
            state,
            JobState::Backup(BackupState::Snapshoting | BackupState::Uploading)
                | JobState::Restore(
                    RestoreState::Snapshoting
                        | RestoreState::Downloading
                        | RestoreState::Committing
                )
        );
        let (_, message) = self
            .failures
            .iter()
            .find(|(at, _)| has_tasks && at.is(database, state))?;
        Some(message.clone())
    }
}
