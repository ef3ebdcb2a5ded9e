//! Executing one step. Each arm first looks whether the step has happened already.

mod copy;
mod held;
mod names;
mod snapshot;
mod splice;
mod strays;

use shared::{
    error::Error,
    ident::QualifiedTable,
    plan::restore::{
        Slot, Step, StepStatement, TableRef,
        resume::{create_database_look, create_table_look, drop_table_look},
    },
    sql::{ops::steps::StepState, show},
    starrocks::{Client, FailureKind},
};

use crate::work::{Work, failed};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    /// Submitted; to be looked at again later.
    Running,
}

impl Work<'_> {
    pub(crate) async fn execute(
        &mut self,
        client: &mut Client,
        index: usize,
    ) -> Result<Progress, Error> {
        let planned = self.steps[index].planned.clone();
        self.check_digest(index)?;
        match &planned.step {
            Step::CreateDatabase { database } => {
                let exists = client
                    .fetch(&show::databases())
                    .await?
                    .iter()
                    .any(|row| row.0 == *database);
                let send = create_database_look(self.begun(index), exists)
                    .map_err(|reason| failed(&planned, reason))?;
                if send {
                    self.send_once(client, index).await?;
                }
                Ok(Progress::Done)
            }
            Step::RestoreSnapshot { .. } => self.restore_snapshot(client, index).await,
            Step::CreateTable { table, slot, .. } => {
                let (table, slot) = (table.clone(), *slot);
                self.create_table(client, index, &table, slot).await
            }
            Step::DropTable { table, slot } => {
                let (table, slot) = (table.clone(), *slot);
                self.drop_table(client, index, &table, slot).await
            }
            Step::AddPartitions {
                table,
                slot,
                temporary: false,
                ..
            } => {
                let (table, slot) = (table.clone(), *slot);
                self.add_partitions(client, index, &table, slot).await
            }
            Step::CopyPartitions { .. } => self.copy_partitions(client, index).await,
            Step::HoldPartitions { table, slot, .. } => {
                self.send(client, index).await?;
                self.drop_strays(client, index, table, *slot).await?;
                Ok(Progress::Done)
            }
            Step::HoldWhatDrops { .. } => self.hold_what_drops(client, index).await,
            Step::HoldLive { table, live_id } => {
                self.hold_live(client, index, table, *live_id).await
            }
            Step::ResumePartitions { .. } => self.resume_partitions(client, index).await,
            Step::GiveBackPolicies { .. } => self.give_back_policies(client, index).await,
            // Setting the same value again is no change.
            Step::SetDefaultReplication { .. } | Step::AlterReplication { .. } => {
                self.send(client, index).await?;
                Ok(Progress::Done)
            }
            Step::ReapplyProperties { .. } | Step::RecreateObject { .. } => {
                self.send_or_note(client, index).await?;
                Ok(Progress::Done)
            }
            Step::Swap { .. } => self.swap(client, index).await,
            Step::Rename { .. } => self.rename(client, index).await,
            Step::ReplacePartitions { table, partitions } => {
                self.replace_partitions(client, index, table, partitions)
                    .await
            }
            Step::DropPartitions { table, partitions } => {
                self.drop_partitions(client, index, table, partitions).await
            }
            // Each is refused by the engine where it has happened already.
            Step::AddPartitions {
                temporary: true, ..
            } => {
                self.send_partition_changes(client, index).await?;
                Ok(Progress::Done)
            }
            Step::DropTemporaryPartitions { table, partitions } => {
                self.drop_temporary_partitions(client, index, table, partitions)
                    .await
            }
            // Its own operation.
            Step::Verify { .. } => Err(failed(&planned, "is not run here")),
            Step::Report { .. } => Ok(Progress::Done),
        }
    }

    /// Statements that differ from the planned ones are never sent.
    fn check_digest(&self, index: usize) -> Result<(), Error> {
        let stored = &self.steps[index];
        let digest = self.context().digest(&stored.planned)?;
        if digest == stored.row.digest {
            return Ok(());
        }
        Err(failed(
            &stored.planned,
            format!("its statements are not those that were planned ({digest})"),
        )
        .hint("the manifest or the program changed since: make a new restore"))
    }

    pub(crate) fn begun(&self, index: usize) -> bool {
        self.steps[index].row.attempt > 0
    }

    /// Stored before the statement is sent: a repeat then knows that it may have been.
    pub(crate) async fn begin(&mut self, client: &mut Client, index: usize) -> Result<(), Error> {
        self.steps[index].row.attempt += 1;
        self.save(client, index, StepState::Running).await
    }

    /// What the engine refused made nothing: as if this attempt had not been begun, whatever is found
    /// later is somebody else's. An earlier attempt whose end is not known still counts.
    async fn take_back(&mut self, client: &mut Client, index: usize) -> Result<(), Error> {
        let attempt = &mut self.steps[index].row.attempt;
        *attempt = attempt.saturating_sub(1);
        let state = match attempt {
            0 => StepState::Failed,
            _ => StepState::Running,
        };
        self.save(client, index, state).await
    }

    /// Sends what makes something under a name that was free.
    async fn send_once(&mut self, client: &mut Client, index: usize) -> Result<(), Error> {
        self.begin(client, index).await?;
        let sent = self.send(client, index).await;
        if sent.as_ref().is_err_and(|error| error.engine.is_some()) {
            self.take_back(client, index).await?;
        }
        sent
    }

    pub(crate) fn statements(&self, index: usize) -> Result<Vec<StepStatement>, Error> {
        let stored = &self.steps[index];
        let attempt = stored.row.attempt.max(1);
        Ok(self.context().statements(&stored.planned, attempt)?)
    }

    async fn send(&mut self, client: &mut Client, index: usize) -> Result<(), Error> {
        for sent in self.statements(index)? {
            self.send_one(client, index, &sent).await?;
        }
        Ok(())
    }

    pub(crate) async fn send_one(
        &self,
        client: &mut Client,
        index: usize,
        sent: &StepStatement,
    ) -> Result<(), Error> {
        self.verify_lease(client, &sent.database).await?;
        let planned = &self.steps[index].planned;
        let done = self.run(client, &sent.database, &sent.way, &sent.statement);
        match done.await {
            Ok(_) => Ok(()),
            Err(error) => match error.engine_words() {
                Some(words) => Err(failed(planned, "was refused").engine(words)),
                None => Err(error.into()),
            },
        }
    }

    /// What cannot be set or made again is said, and the restore goes on: the data is there.
    async fn send_or_note(&mut self, client: &mut Client, index: usize) -> Result<(), Error> {
        for sent in self.statements(index)? {
            self.send_one_or_note(client, index, &sent).await?;
        }
        Ok(())
    }

    async fn send_one_or_note(
        &mut self,
        client: &mut Client,
        index: usize,
        sent: &StepStatement,
    ) -> Result<(), Error> {
        self.verify_lease(client, &sent.database).await?;
        let recreate = matches!(self.steps[index].planned.step, Step::RecreateObject { .. });
        let done = self.run(client, &sent.database, &sent.way, &sent.statement);
        let Err(error) = done.await else {
            return Ok(());
        };
        let Some(words) = error.engine_words() else {
            return Err(error.into());
        };
        if recreate && error.kind() == FailureKind::AlreadyExists {
            return Ok(());
        }
        let note = format!("{words}; to be run by hand: {}", sent.statement.text());
        tracing::warn!(restore.id = %self.run.restore_id, detail = note, "could not be set");
        self.steps[index].detail.note(note);
        Ok(())
    }

    async fn create_table(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        slot: Slot,
    ) -> Result<Progress, Error> {
        let database = self.database_of(table)?;
        let name = self.name_of(table, slot)?;
        let found = self
            .tables(client, &database)
            .await?
            .get(&name)
            .map(|(id, _)| *id);
        let planned = self.steps[index].planned.clone();
        let send = create_table_look(self.begun(index), found)
            .map_err(|reason| failed(&planned, format!("'{name}': {reason}")))?;
        if send {
            self.send_once(client, index).await?;
        }
        let made = self
            .tables(client, &database)
            .await?
            .get(&name)
            .map(|(id, _)| *id);
        let made =
            made.ok_or_else(|| failed(&planned, format!("'{name}' was made and is gone")))?;
        self.steps[index].detail.made.insert(name, made);
        Ok(Progress::Done)
    }

    async fn drop_table(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        slot: Slot,
    ) -> Result<Progress, Error> {
        let database = self.database_of(table)?;
        let name = self.name_of(table, slot)?;
        let planned = self.steps[index].planned.clone();
        let found = self
            .tables(client, &database)
            .await?
            .get(&name)
            .map(|(id, _)| *id);
        let made = self.made(&database, &name).ok_or_else(|| {
            failed(
                &planned,
                format!("the id of '{name}' is not on record: it is not dropped"),
            )
        })?;
        let send = drop_table_look(made, found)
            .map_err(|reason| failed(&planned, format!("'{name}': {reason}")))?;
        if send {
            self.send(client, index).await?;
        }
        Ok(Progress::Done)
    }

    /// A partition that exists with its name was added by an earlier call.
    async fn add_partitions(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        slot: Slot,
    ) -> Result<Progress, Error> {
        let database = self.database_of(table)?;
        let name = self.name_of(table, slot)?;
        let target = QualifiedTable::new(&database, &name);
        let present = self.partition_names(client, &target).await?;
        let mut missing = self.statements(index)?;
        missing.retain(|sent| {
            let there = sent.partition.as_ref().map(|name| present.contains(name));
            there != Some(true)
        });
        if slot == Slot::Live {
            // Stored before they are sent: an undo drops only what this step added.
            let names = missing.iter().filter_map(|sent| sent.partition.clone());
            self.steps[index].detail.added.extend(names);
            self.begin(client, index).await?;
        }
        for (place, sent) in missing.iter().enumerate() {
            let Err(error) = self.send_one(client, index, sent).await else {
                continue;
            };
            // A refused one, and those behind it, are somebody else's where they are there later.
            if error.engine.is_some() && slot == Slot::Live {
                for left in missing[place..]
                    .iter()
                    .filter_map(|left| left.partition.as_ref())
                {
                    self.steps[index].detail.added.remove(left);
                }
                self.save(client, index, StepState::Running).await?;
            }
            return Err(error);
        }
        Ok(Progress::Done)
    }

    /// Changes of partitions that the engine refuses a second time, because what they need is gone or
    /// what they make is there.
    async fn send_partition_changes(
        &mut self,
        client: &mut Client,
        index: usize,
    ) -> Result<(), Error> {
        let repeated = self.begun(index);
        self.begin(client, index).await?;
        for sent in self.statements(index)? {
            self.verify_lease(client, &sent.database).await?;
            let done = self.run(client, &sent.database, &sent.way, &sent.statement);
            if let Err(error) = done.await {
                let happened = matches!(
                    error.kind(),
                    FailureKind::AlreadyExists | FailureKind::UnknownPartition
                );
                if repeated && happened {
                    continue;
                }
                let planned = &self.steps[index].planned;
                return Err(match error.engine_words() {
                    Some(words) => failed(planned, "was refused").engine(words),
                    None => error.into(),
                });
            }
        }
        Ok(())
    }
}
