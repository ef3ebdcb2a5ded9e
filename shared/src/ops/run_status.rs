//! The lease on a database; in `labels` the labels that are in work, in `foreign` those of the Python tool.
//!
//! Who holds a database is decided by generation and expiry alone, both in SQL on the leader: the
//! Python tool may overwrite `state` at any time.

mod foreign;
mod labels;

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::{Ops, until_visible};
use crate::{
    error::{Error, ErrorName},
    ident::{DatabaseName, ExecutionId, Generation, InvocationId},
    label::LoadLabel,
    sql::ops::run_status::{self, LeaseRow},
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
