//! The lease on a database, and the labels that are in work.
//!
//! Who holds a database is decided by generation and expiry alone, both in SQL on the leader: the
//! Python tool may overwrite `state` at any time.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::{Once, Ops, schema::SchemaState, until_visible};
use crate::{
    error::{Error, ErrorName},
    ident::{DatabaseName, ExecutionId, Generation, InvocationId, PlanId},
    job,
    label::{LoadLabel, SnapshotLabel},
    sql::{
        ops::run_status::{self, ClaimRow, EndedClaimRow, ForeignRow, LeaseRow, Phase},
        show,
    },
};

/// Before a statement that cannot be taken back, this much of the lease must be left: longer than any
/// single statement that we send takes to be accepted.
const LEAST_SECONDS_LEFT: i64 = 120;

/// The right to run a job on a database, as long as no newer generation exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub database: DatabaseName,
    pub generation: Generation,
    pub execution: ExecutionId,
}

impl Lease {
    fn of(database: &DatabaseName, row: &LeaseRow) -> Lease {
        Lease {
            database: database.clone(),
            generation: row.generation,
            execution: row.execution.clone(),
        }
    }

    fn load_label(&self) -> LoadLabel {
        load_label(&self.database, self.generation)
    }
}

/// Unique per database and generation, which is what makes the INSERT succeed once.
fn load_label(database: &DatabaseName, generation: Generation) -> LoadLabel {
    let hash = hex::encode(Sha256::digest(database.as_str()));
    format!("br_lease_{}_{generation}", &hash[..16])
        .parse()
        .expect("hexadecimal digits, digits and underscores, about 40 characters")
}

/// Unique per snapshot label. After StarRocks has forgotten it, the row still says that it is taken.
fn claim_load_label(label: &SnapshotLabel) -> LoadLabel {
    let hash = hex::encode(Sha256::digest(label.as_str()));
    format!("br_claim_{hash}")
        .parse()
        .expect("hexadecimal digits, letters and underscores, 73 characters")
}

impl Ops<'_> {
    /// Every database that an execution had a lease on, whatever became of it.
    pub async fn databases_of_execution(
        &mut self,
        execution: &ExecutionId,
    ) -> Result<BTreeSet<DatabaseName>, Error> {
        let query = run_status::leased_by(self.database, execution);
        let rows = self.client.fetch(&query).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Takes the next generation of the database, or says who holds it. A lease of the same execution
    /// is superseded: an earlier call of this state may still be running, abandoned, and must find
    /// that it has lost.
    pub async fn acquire_lease(
        &mut self,
        database: &DatabaseName,
        execution: &ExecutionId,
        invocation: &InvocationId,
    ) -> Result<Lease, Error> {
        let newest = self.newest_lease(database).await?;
        if let Some(held) = &newest
            && held.seconds_left > 0
            && held.execution != *execution
        {
            return Err(conflict(database, held));
        }
        let generation = newest.map_or(Generation(1), |row| row.generation.next());
        let newest = self
            .take_generation(database, generation, execution, invocation)
            .await?;
        match newest {
            Some(row) if row.generation == generation && row.invocation == *invocation => {
                Ok(Lease::of(database, &row))
            }
            Some(row) => Err(conflict(database, &row)),
            None => Err(Error::internal(format!("the lease on {database} vanished"))),
        }
    }

    /// Takes the generation that follows `held`, in the name of the execution that has it: from now on
    /// no call of that execution passes [`Ops::verify_lease`], unless it takes the database anew. `None`
    /// where somebody else was faster.
    pub async fn supersede_lease(
        &mut self,
        database: &DatabaseName,
        held: &LeaseRow,
        invocation: &InvocationId,
    ) -> Result<Option<Lease>, Error> {
        let generation = held.generation.next();
        let newest = self
            .take_generation(database, generation, &held.execution, invocation)
            .await?;
        Ok(newest
            .filter(|row| row.generation == generation && row.invocation == *invocation)
            .map(|row| Lease::of(database, &row)))
    }

    /// Tries to take this very generation; answers the newest one.
    async fn take_generation(
        &mut self,
        database: &DatabaseName,
        generation: Generation,
        execution: &ExecutionId,
        invocation: &InvocationId,
    ) -> Result<Option<LeaseRow>, Error> {
        let statement = run_status::insert_lease(
            self.database,
            &load_label(database, generation),
            database,
            generation,
            execution,
            invocation,
        );
        // Whoever was faster, the row tells.
        self.insert_once(&statement).await?;
        self.await_generation(database, generation).await?;
        self.newest_lease(database).await
    }

    async fn await_generation(
        &mut self,
        database: &DatabaseName,
        generation: Generation,
    ) -> Result<(), Error> {
        until_visible!(format!("the lease on {database}"), {
            let newest = self.newest_lease(database).await?;
            newest.is_some_and(|row| row.generation >= generation)
})
        .map_err(|error| {
            error.hint(
                "the generation's load label is taken but its row is not there: the INSERT may have \
                 failed; the next attempt tries the same generation again",
            )
        })
    }

    pub async fn newest_lease(
        &mut self,
        database: &DatabaseName,
    ) -> Result<Option<LeaseRow>, Error> {
        Ok(self
            .client
            .fetch(&run_status::newest_lease(self.database, database))
            .await?
            .pop())
    }

    /// Databases whose run died and was not adopted yet.
    pub async fn expired_leases(&mut self) -> Result<Vec<DatabaseName>, Error> {
        let rows = self
            .client
            .fetch(&run_status::expired_leases(self.database))
            .await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// To be called right before BACKUP, RESTORE, SWAP, DROP or any deletion.
    pub async fn verify_lease(&mut self, lease: &Lease) -> Result<(), Error> {
        let newest = self.newest_lease(&lease.database).await?;
        match newest {
            Some(row) if row.generation != lease.generation => Err(conflict(&lease.database, &row)),
            Some(row) if row.seconds_left >= LEAST_SECONDS_LEFT => Ok(()),
            Some(_) => {
                self.client
                    .run(&run_status::renew_lease(self.database, &lease.load_label()))
                    .await?;
                let renewed = self.newest_lease(&lease.database).await?;
                match renewed {
                    Some(row)
                        if row.generation == lease.generation
                            && row.seconds_left >= LEAST_SECONDS_LEFT =>
                    {
                        Ok(())
                    }
                    Some(row) => Err(conflict(&lease.database, &row)),
                    None => Err(lease_gone(&lease.database)),
                }
            }
            None => Err(lease_gone(&lease.database)),
        }
    }

    /// Holds the database for another 20 minutes, if this execution still has it; an expired lease
    /// that nobody took is taken up again.
    pub async fn renew_lease(
        &mut self,
        database: &DatabaseName,
        execution: &ExecutionId,
    ) -> Result<Lease, Error> {
        let newest = self.newest_lease(database).await?;
        match newest {
            Some(row) if row.execution == *execution => {
                let lease = Lease {
                    database: database.clone(),
                    generation: row.generation,
                    execution: execution.clone(),
                };
                self.client
                    .run(&run_status::renew_lease(self.database, &lease.load_label()))
                    .await?;
                Ok(lease)
            }
            Some(row) => Err(conflict(database, &row)),
            None => Err(lease_gone(database)),
        }
    }

    /// Every database that this execution holds now, with its lease.
    pub async fn leases_of(
        &mut self,
        execution: &ExecutionId,
    ) -> Result<Vec<(DatabaseName, LeaseRow)>, Error> {
        let query = run_status::databases_held(self.database, execution);
        let mut held = Vec::new();
        for row in self.client.fetch(&query).await? {
            if let Some(lease) = self.newest_lease(&row.0).await?
                && lease.execution == *execution
                && lease.seconds_left > 0
            {
                held.push((row.0, lease));
            }
        }
        Ok(held)
    }

    /// Gives the database back, if this execution still has it.
    pub async fn release_lease(
        &mut self,
        database: &DatabaseName,
        execution: &ExecutionId,
    ) -> Result<(), Error> {
        let newest = self.newest_lease(database).await?;
        if let Some(row) = newest
            && row.execution == *execution
            && row.seconds_left > 0
        {
            let label = load_label(database, row.generation);
            self.client
                .run(&run_status::release_lease(self.database, &label))
                .await?;
        }
        Ok(())
    }

    /// Gives the database back as soon as nothing can be under way any more that a superseded call was
    /// still allowed to send: see [`LEAST_SECONDS_LEFT`]. Only this very generation is touched.
    pub async fn hand_over_lease(
        &mut self,
        lease: &Lease,
        has_open_labels: bool,
    ) -> Result<(), Error> {
        let label = lease.load_label();
        self.client
            .run(&run_status::hand_over_lease(
                self.database,
                &label,
                LEAST_SECONDS_LEFT,
                has_open_labels,
            ))
            .await?;
        Ok(())
    }

    /// Executions that ever held a database and whose ids begin so.
    pub async fn executions_with_prefix(
        &mut self,
        prefix: &str,
    ) -> Result<Vec<ExecutionId>, Error> {
        let query = run_status::executions_with_prefix(self.database, prefix);
        let rows = self.client.fetch(&query).await?;
        Ok(rows.into_iter().map(|row| row.execution).collect())
    }

    pub async fn open_claims(&mut self, database: &DatabaseName) -> Result<Vec<ClaimRow>, Error> {
        Ok(self
            .client
            .fetch(&run_status::open_claims(self.database, database))
            .await?)
    }

    /// Labels that were taken and under which nothing was sent.
    pub async fn given_up(&mut self) -> Result<Vec<EndedClaimRow>, Error> {
        Ok(self
            .client
            .fetch(&run_status::given_up(self.database))
            .await?)
    }

    pub async fn claim(&mut self, label: &SnapshotLabel) -> Result<Option<ClaimRow>, Error> {
        Ok(self
            .client
            .fetch(&run_status::claim(self.database, label))
            .await?
            .pop())
    }

    /// Takes a label for this lease and waits until everybody can see that it is taken. `false` where
    /// somebody else was faster: another database with the same name, or a newer generation of this one.
    pub async fn claim_label(
        &mut self,
        lease: &Lease,
        label: &SnapshotLabel,
    ) -> Result<bool, Error> {
        let statement = run_status::insert_claim(
            self.database,
            &claim_load_label(label),
            label,
            &lease.database,
            lease.generation,
            &lease.execution,
        );
        if self.insert_once(&statement).await? == Once::Taken {
            return Ok(false);
        }
        let mut ours = false;
        until_visible!(format!("the claim of label {label}"), {
            let claim = self.claim(label).await?;
            ours = claim.as_ref().is_some_and(|row| {
                row.execution == lease.execution && row.generation == lease.generation
            });
            claim.is_some()
        })?;
        Ok(ours)
    }

    /// Moves a label to `phase` and waits until that can be read.
    pub async fn set_phase(
        &mut self,
        lease: &Lease,
        label: &SnapshotLabel,
        phase: Phase,
        plan: Option<&PlanId>,
    ) -> Result<(), Error> {
        let statement = run_status::set_phase(self.database, label, lease.generation, phase, plan);
        self.client.run(&statement).await?;
        until_visible!(format!("phase {} of label {label}", phase.as_str()), {
            let claim = self.claim(label).await?;
            claim.is_some_and(|row| row.phase == phase)
        })
    }

    pub async fn set_progress(&mut self, label: &SnapshotLabel, digest: &str) -> Result<(), Error> {
        self.client
            .run(&run_status::set_progress(self.database, label, digest))
            .await?;
        Ok(())
    }

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

fn conflict(database: &DatabaseName, held: &LeaseRow) -> Error {
    Error::new(
        ErrorName::JobConflict,
        format!(
            "database {database} is held by execution {} until {} UTC (generation {}, {} s left)",
            held.execution,
            held.expires_at,
            held.generation,
            held.seconds_left.max(0),
        ),
    )
    .hint(
        "wait for it, or see what it does: starrocks-br status. A run that died is adopted by the \
         next one as soon as its lease has expired",
    )
}

fn lease_gone(database: &DatabaseName) -> Error {
    Error::new(
        ErrorName::JobConflict,
        format!("the lease on database {database} is gone"),
    )
    .hint("rows of run_status were deleted; run the command again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_labels_are_legal_and_differ_by_database_and_generation() {
        let name = |text: &str| text.parse::<DatabaseName>().unwrap();
        let label = |text: &str, generation| load_label(&name(text), Generation(generation));
        assert_eq!(
            label("sales", 7).as_str().len(),
            "br_lease_".len() + 16 + "_7".len()
        );
        assert_ne!(label("sales", 1), label("sales2", 1));
        assert_ne!(label("sales", 1), label("sales", 2));
    }
}
