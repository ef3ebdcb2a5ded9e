//! Runs the statements of [`crate::parse::backup`].

mod analyze;
mod properties;
mod repositories;
mod restore;
mod show;

use crate::{
    engine::Engine,
    jobs::{Job, JobState},
    parse::backup::Backup,
    privileges::{Object, Privilege},
    reply::{Reply, SqlError, SqlResult},
    session::Session,
};

impl Engine {
    pub fn execute_backup(&mut self, session: &mut Session, statement: Backup) -> SqlResult {
        match statement {
            Backup::CreateRepository(statement) => self.create_repository(session, statement),
            Backup::DropRepository { name } => self.drop_repository(session, &name),
            Backup::ShowRepositories(filter) => self.show_repositories(session, &filter),
            Backup::Backup(statement) => self.backup(session, statement),
            Backup::Restore(statement) => self.restore(session, statement),
            Backup::CancelBackup { database } => self.cancel(session, &database, Kind::Backup),
            Backup::CancelRestore { database } => self.cancel(session, &database, Kind::Restore),
            Backup::ShowBackup { database, filter } => {
                self.show_backup(session, database.as_deref(), &filter)
            }
            Backup::ShowRestore { database, filter } => {
                self.show_restore(session, database.as_deref(), &filter)
            }
            Backup::ShowSnapshot {
                repository,
                snapshot,
                filter,
            } => self.show_snapshot(session, &repository, &snapshot, &filter),
        }
    }

    fn cancel(&mut self, session: &Session, database: &str, kind: Kind) -> SqlResult {
        let database_id = self.catalog.database(database)?.id;
        self.require(session, Privilege::Repository, Object::System)?;
        let job = self
            .jobs
            .of(database_id)
            .filter(|job| kind == Kind::of(job))
            .ok_or_else(|| {
                SqlError::ddl(match kind {
                    Kind::Backup => "No backup job is currently running",
                    Kind::Restore => "No restore is currently running",
                })
            })?;
        if let Job::Backup(job) = job {
            let tables: Vec<&str> = job
                .objects
                .iter()
                .map(|object| object.name.as_str())
                .collect();
            self.require_export(session, database, &tables)?;
        }
        let (label, state) = match job {
            Job::Backup(job) => (&job.label, job.state.to_string()),
            Job::Restore(job) => (&job.label, job.state.to_string()),
        };
        if job.is_done() {
            return Err(SqlError::ddl(format!(
                "Failed to cancel job: Job with label {label} can not be cancelled. state: {state}"
            )));
        }
        self.cancel_job(database_id);
        Ok(Reply::ok())
    }

    /// EXPORT on each of the tables; one that is not there passes.
    fn require_export(&self, session: &Session, database: &str, tables: &[&str]) -> SqlResult<()> {
        for table in tables {
            if self.catalog.find_table(database, table).is_some() {
                self.require(
                    session,
                    Privilege::Export,
                    Object::Table { database, table },
                )?;
            }
        }
        Ok(())
    }

    /// One job at a time in a database, whichever kind.
    fn refuse_second_job(&self, database_id: i64) -> SqlResult<()> {
        if self.jobs.is_running(database_id) {
            return Err(SqlError::ddl(
                "Can only run one backup or restore job of a database at same time",
            ));
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Backup,
    Restore,
}

impl Kind {
    fn of(job: &Job) -> Kind {
        match job.state() {
            JobState::Backup(_) => Kind::Backup,
            JobState::Restore(_) => Kind::Restore,
        }
    }
}

/// 5064 from the analyzer: most refusals of this area.
fn refused(detail: impl AsRef<str>) -> SqlError {
    SqlError::ddl(SqlError::analyzing(detail).message)
}

#[cfg(test)]
mod tests;
