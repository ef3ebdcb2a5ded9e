//! What a test in another process may do to a stand-alone emulator: one command as JSON per line in,
//! one answer as JSON per line out. The faults that tests in this process set, but what they hold and release.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Emulator,
    faults::{Fault, When},
    jobs::{
        faults::At,
        state::{BackupState, JobState, RestoreState},
    },
    reply::SqlError,
};

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    /// New connections are closed before the greeting, as if nobody were there.
    RefuseConnections {
        refuse: bool,
    },
    /// The next statements that contain the text wait before they are executed.
    Delay {
        contains: String,
        millis: u64,
        times: u64,
    },
    /// At the next statements that contain the text the connection is closed, and they are not executed.
    DropBefore {
        contains: String,
        times: u64,
    },
    /// The next statements that contain the text are executed, and not answered.
    DropAfter {
        contains: String,
        times: u64,
    },
    /// The next statements that contain the text are executed, and their answer breaks off.
    DropInAnswer {
        contains: String,
        times: u64,
    },
    /// The next statements that contain the text are refused with this message.
    Refuse {
        contains: String,
        message: String,
        times: u64,
    },
    /// A job that enters the state stays there until it is released.
    Hold {
        #[serde(flatten)]
        at: JobAt,
    },
    Release {
        #[serde(flatten)]
        at: JobAt,
    },
    /// At its next step in the state the job is cancelled by the cluster.
    Cancel {
        #[serde(flatten)]
        at: JobAt,
        code: String,
        message: String,
    },
    /// All tasks of the state fail until they are healed: the job hangs, as with an object store that is away.
    FailTasks {
        #[serde(flatten)]
        at: JobAt,
        message: String,
    },
    HealTasks {
        #[serde(flatten)]
        at: JobAt,
    },
    RestartFrontend,
    ChangeLeader,
    /// So much of every disk is free from now on.
    FreeDisk {
        percent: u64,
    },
    /// Statements so far, as they arrived.
    Journal,
    /// Rules for statements, and hooks and cancels of jobs, that have not come about.
    Pending,
    ClearFaults,
}

#[derive(Debug, Deserialize)]
struct JobAt {
    job: Kind,
    database: String,
    state: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Backup,
    Restore,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Backup => "backup",
            Kind::Restore => "restore",
        }
    }
}

impl JobAt {
    fn parse(&self) -> Result<At, String> {
        use {BackupState as B, RestoreState as R};
        let states: Vec<JobState> = match self.job {
            Kind::Backup => [
                B::Pending,
                B::Snapshoting,
                B::UploadSnapshot,
                B::Uploading,
                B::SaveMeta,
                B::UploadInfo,
            ]
            .map(JobState::Backup)
            .to_vec(),
            Kind::Restore => [
                R::Pending,
                R::Snapshoting,
                R::Download,
                R::Downloading,
                R::Commit,
                R::Committing,
            ]
            .map(JobState::Restore)
            .to_vec(),
        };
        let state = states
            .into_iter()
            .find(|state| name(*state) == self.state)
            .ok_or_else(|| {
                format!(
                    "no running {} has the state '{}'",
                    self.job.name(),
                    self.state
                )
            })?;
        Ok(At {
            database: self.database.clone(),
            state,
        })
    }
}

fn name(state: JobState) -> String {
    match state {
        JobState::Backup(state) => state.to_string(),
        JobState::Restore(state) => state.to_string(),
    }
}

/// Answers `{"ok": ...}` or `{"error": "..."}`.
#[must_use]
pub fn answer(emulator: &Emulator, line: &str) -> String {
    let result = serde_json::from_str(line)
        .map_err(|error| format!("{error} in {line}"))
        .and_then(|command| obey(emulator, command));
    match result {
        Ok(value) => json!({ "ok": value }),
        Err(message) => json!({ "error": message }),
    }
    .to_string()
}

fn obey(emulator: &Emulator, command: Command) -> Result<Value, String> {
    let faults = emulator.faults();
    match command {
        Command::RefuseConnections { refuse } => faults.refuse_connections(refuse),
        Command::Delay {
            contains,
            millis,
            times,
        } => {
            let fault = Fault::Delay(Duration::from_millis(millis));
            faults.times(When::Contains(contains), fault, times);
        }
        Command::DropBefore { contains, times } => {
            faults.times(When::Contains(contains), Fault::DropBefore, times);
        }
        Command::DropAfter { contains, times } => {
            faults.times(When::Contains(contains), Fault::DropAfter, times);
        }
        Command::DropInAnswer { contains, times } => {
            faults.times(When::Contains(contains), Fault::DropInAnswer, times);
        }
        Command::Refuse {
            contains,
            message,
            times,
        } => {
            let fault = Fault::Refuse(SqlError::plain(message));
            faults.times(When::Contains(contains), fault, times);
        }
        Command::Hold { at } => {
            let at = at.parse()?;
            emulator.with_engine(|engine| engine.jobs.faults.hold(at));
        }
        Command::Release { at } => {
            let at = at.parse()?;
            emulator.with_engine(|engine| engine.jobs.faults.release(&at));
        }
        Command::Cancel { at, code, message } => {
            let at = at.parse()?;
            emulator.with_engine(|engine| engine.jobs.faults.cancel(at, &code, &message));
        }
        Command::FailTasks { at, message } => {
            let at = at.parse()?;
            emulator.with_engine(|engine| engine.jobs.faults.fail_tasks(at, &message));
        }
        Command::HealTasks { at } => {
            let at = at.parse()?;
            emulator.with_engine(|engine| engine.jobs.faults.heal_tasks(&at));
        }
        Command::RestartFrontend => emulator.restart_frontend(),
        Command::ChangeLeader => emulator.change_leader()?,
        Command::FreeDisk { percent } => emulator.with_engine(|engine| {
            let backends = engine.nodes.backends.iter_mut();
            for disk in backends.flat_map(|backend| &mut backend.disks) {
                disk.available = disk.total / 100 * percent;
            }
        }),
        Command::Journal => {
            let journal = faults.journal();
            return Ok(journal.into_iter().map(|entry| entry.sql).collect());
        }
        Command::Pending => {
            let jobs = emulator.with_engine(|engine| engine.jobs.faults.pending());
            let jobs = jobs
                .iter()
                .map(|at| format!("{} of {}", name(at.state), at.database));
            return Ok(faults.pending().into_iter().chain(jobs).collect());
        }
        Command::ClearFaults => faults.clear(),
    }
    Ok(Value::Null)
}
