//! What the Python tool says that it works on, and what is in its way and ours.

use crate::{
    error::{Error, ErrorName},
    job,
    ops::{Ops, schema::SchemaState},
    sql::{
        ops::run_status::{self, ForeignRow},
        show,
    },
};

impl Ops<'_> {
    pub async fn foreign_active(&mut self) -> Result<Vec<ForeignRow>, Error> {
        Ok(self
            .client
            .fetch(&run_status::foreign_active(self.database))
            .await?)
    }

    /// What a person runs to clear a row of the Python tool that is not at work.
    pub fn clearing_statement(&self, row: &ForeignRow) -> String {
        run_status::clear_foreign(self.database, row)
            .text()
            .to_owned()
    }

    /// An ACTIVE row of the Python tool conflicts with every database: it says neither which one it
    /// works on nor whether it lives, and its BACKUP may be about to be sent.
    pub async fn foreign_conflict(&mut self) -> Result<Option<Error>, Error> {
        let rows = self.foreign_active().await?;
        self.conflict_of(&rows).await
    }

    /// Before tables are altered under whoever writes to them: an ACTIVE row of the Python tool, or any
    /// job that runs, because that tool writes its row only after it has sent BACKUP.
    pub async fn conflict_with_init(&mut self) -> Result<Option<Error>, Error> {
        let completed = match self.schema_state().await? {
            SchemaState::Missing => return Ok(None),
            SchemaState::Current => return self.foreign_conflict().await,
            SchemaState::Outdated { missing } => {
                let lacks = |what: &str| missing.iter().any(|one| one == what);
                match (lacks("run_status"), lacks("run_status.generation")) {
                    (true, _) => None,
                    (false, lacks_ours) => Some(!lacks_ours),
                }
            }
        };
        let rows = match completed {
            None => Vec::new(),
            Some(true) => self.foreign_active().await?,
            Some(false) => {
                let query = run_status::foreign_active_only(self.database);
                self.client.fetch(&query).await?
            }
        };
        if let Some(conflict) = self.conflict_of(&rows).await? {
            return Ok(Some(conflict));
        }
        let running = |phase: job::Phase| phase == job::Phase::Running;
        let backups = self.client.fetch(&show::backups()).await?;
        let backup = backups.iter().find(|job| running(job.state.phase()));
        if let Some(job) = backup {
            let database = &job.database;
            return Ok(Some(runs(
                "BACKUP",
                &job.label,
                job.state.as_str(),
                database,
            )));
        }
        let restores = self.client.fetch(&show::restores()).await?;
        let restore = restores.iter().find(|job| running(job.state.phase()));
        Ok(restore.map(|job| runs("RESTORE", &job.label, job.state.as_str(), &job.database)))
    }

    async fn conflict_of(&mut self, rows: &[ForeignRow]) -> Result<Option<Error>, Error> {
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let jobs = self.client.fetch(&show::backups()).await?;
        let job = jobs
            .iter()
            .find(|job| job.label == row.label && job.state.phase() == job::Phase::Running);
        let error = Error::new(
            ErrorName::JobConflict,
            format!(
                "another tool says that {} '{}' is in work",
                row.scope, row.label
            ),
        );
        Ok(Some(match job {
            Some(job) => error.hint(format!(
                "it is: SHOW BACKUP FROM `{}` shows it {}; wait for it",
                job.database,
                job.state.as_str()
            )),
            None => error.hint(format!(
                "no such job is running. If that tool is not running either, clear its row: {}",
                run_status::clear_foreign(self.database, row)
            )),
        }))
    }
}

fn runs(kind: &str, label: &str, state: &str, database: &str) -> Error {
    Error::new(
        ErrorName::JobConflict,
        format!(
            "{kind} '{label}' of database {database} is {state}, and the ops tables are not to be \
             altered under whoever records it"
        ),
    )
    .hint(format!("wait for it: SHOW {kind} FROM `{database}`"))
}
