//! Schema changes and rollups that take their time.

use jiff::{SignedDuration, Timestamp};

use super::alter::Target;
use crate::{
    catalog::{ColumnDef, Index, TableState},
    engine::Engine,
    parse::ddl::{ObjectName, table::RollupSpec},
    reply::{Reply, SqlError, SqlResult},
    session::Session,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlterKind {
    Columns,
    Rollup,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlterState {
    Pending,
    WaitingTransactions,
    Running,
    Finished,
    Cancelled,
}

impl AlterState {
    pub fn name(self) -> &'static str {
        match self {
            AlterState::Pending => "PENDING",
            AlterState::WaitingTransactions => "WAITING_TXN",
            AlterState::Running => "RUNNING",
            AlterState::Finished => "FINISHED",
            AlterState::Cancelled => "CANCELLED",
        }
    }

    fn is_done(self) -> bool {
        matches!(self, AlterState::Finished | AlterState::Cancelled)
    }

    fn next(self) -> AlterState {
        match self {
            AlterState::Pending => AlterState::WaitingTransactions,
            AlterState::WaitingTransactions => AlterState::Running,
            AlterState::Running | AlterState::Finished => AlterState::Finished,
            AlterState::Cancelled => AlterState::Cancelled,
        }
    }
}

/// What a job does to the table when it is finished.
#[derive(Debug, Clone)]
pub enum Change {
    Columns(Vec<ColumnDef>),
    Rollup(Index),
}

/// One line of SHOW ALTER TABLE.
#[derive(Debug, Clone)]
pub struct AlterJob {
    pub id: i64,
    pub kind: AlterKind,
    pub database: String,
    pub table_id: i64,
    pub table: String,
    pub created: Timestamp,
    pub finished: Option<Timestamp>,
    /// The base index, or the rollup.
    pub index_name: String,
    pub index_id: i64,
    pub origin_index_id: i64,
    pub schema_version: i64,
    pub schema_hash: i64,
    pub transaction_id: Option<i64>,
    pub state: AlterState,
    pub message: String,
    pub timeout: String,
    pub change: Option<Change>,
}

impl Engine {
    /// Moves each running job by one state per tick of the clock.
    pub(crate) fn run_alter_jobs(&mut self) {
        let now = self.clock.now();
        let mut jobs = std::mem::take(&mut self.alter_jobs);
        for job in &mut jobs {
            while !job.state.is_done() && job.due(self.tick) <= now {
                let next = job.state.next();
                if next == AlterState::WaitingTransactions {
                    job.transaction_id = Some(self.catalog.next_id());
                }
                job.state = next;
                if next == AlterState::Finished {
                    job.finished = Some(now);
                    if let Err(error) = self.finish(job) {
                        job.state = AlterState::Cancelled;
                        job.message = error.message;
                    }
                }
            }
        }
        self.alter_jobs = jobs;
    }

    fn finish(&mut self, job: &mut AlterJob) -> SqlResult<()> {
        let change = job.change.take();
        let Some(table) = self.catalog.table_by_id_mut(job.table_id) else {
            return Err(SqlError::plain("Table does not exist or be dropped"));
        };
        table.state = TableState::Normal;
        match change {
            Some(Change::Columns(columns)) => {
                let before = table.clone_without_partitions();
                let mut after = table.clone_without_partitions();
                after.columns = columns;
                if let Some(base) = table.indexes.first_mut() {
                    base.id = job.index_id;
                    base.schema_version = job.schema_version;
                    base.schema_hash = job.schema_hash;
                }
                table.columns.clone_from(&after.columns);
                self.alter_rows(&before, &after)
            }
            Some(Change::Rollup(index)) => {
                if !table.indexes.iter().any(|other| other.id == index.id) {
                    table.indexes.push(index);
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// From 3.5 on a rollup is RUNNING, and part of the index list, as soon as the statement returns.
    pub(super) fn add_rollups(&mut self, target: &Target, rollups: &[RollupSpec]) -> SqlResult<()> {
        let now = self.clock.now();
        let at_once = !self.profile.is_3_3();
        for rollup in rollups {
            let table = self
                .catalog
                .table(&target.database, &target.name)?
                .clone_without_partitions();
            if table.indexes.iter().any(|index| index.name == rollup.name) {
                return Err(SqlError::plain(format!(
                    "Materialized view[{}] already exists",
                    rollup.name
                )));
            }
            let index = self.rollup_index(&table, &rollup.name, &rollup.columns)?;
            let (id, transaction_id) = (self.catalog.next_id(), self.catalog.next_id());
            self.alter_jobs.push(AlterJob {
                id,
                kind: AlterKind::Rollup,
                database: target.database.clone(),
                table_id: table.id,
                table: target.name.clone(),
                created: now,
                finished: None,
                index_name: rollup.name.clone(),
                index_id: index.id,
                origin_index_id: table.indexes.first().map_or(0, |base| base.id),
                schema_version: 0,
                schema_hash: index.schema_hash,
                transaction_id: at_once.then_some(transaction_id),
                state: if at_once {
                    AlterState::Running
                } else {
                    AlterState::Pending
                },
                message: String::new(),
                timeout: if at_once { "86400000000" } else { "86400" }.to_owned(),
                change: Some(Change::Rollup(index.clone())),
            });
            let table = self.altered(target)?;
            table.state = TableState::Rollup;
            if at_once {
                table.indexes.push(index);
            }
        }
        Ok(())
    }

    pub(super) fn drop_rollups(&mut self, target: &Target, names: &[String]) -> SqlResult<()> {
        let table = self.altered(target)?;
        for name in names {
            let at = table
                .indexes
                .iter()
                .skip(1)
                .position(|index| index.name == *name);
            match at {
                Some(at) => {
                    table.indexes.remove(at + 1);
                }
                None => {
                    return Err(SqlError::plain(format!(
                        "Rollup index[{name}] does not exist in table[{}]",
                        target.name
                    )));
                }
            }
        }
        Ok(())
    }

    pub(super) fn rename_rollup(
        &mut self,
        target: &Target,
        name: &str,
        new_name: &str,
    ) -> SqlResult<()> {
        let table = self.altered(target)?;
        if table.indexes.iter().any(|index| index.name == new_name) {
            return Err(SqlError::plain(format!(
                "Rollup name[{new_name}] is already used"
            )));
        }
        match table
            .indexes
            .iter_mut()
            .skip(1)
            .find(|index| index.name == name)
        {
            Some(index) => {
                new_name.clone_into(&mut index.name);
                Ok(())
            }
            None => Err(SqlError::plain(format!(
                "Rollup index[{name}] does not exists"
            ))),
        }
    }

    pub(super) fn cancel_alter(
        &mut self,
        session: &Session,
        rollup: bool,
        name: &ObjectName,
    ) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, name)?;
        let table_id = self.catalog.table(&database, &name)?.id;
        let kind = if rollup {
            AlterKind::Rollup
        } else {
            AlterKind::Columns
        };
        let now = self.clock.now();
        let mut cancelled = Vec::new();
        for job in &mut self.alter_jobs {
            if job.table_id == table_id && job.kind == kind && !job.state.is_done() {
                job.state = AlterState::Cancelled;
                job.finished = Some(now);
                job.message = "user cancelled".into();
                job.change = None;
                cancelled.push(job.index_id);
            }
        }
        let table = self.catalog.table_mut(&database, &name)?;
        if cancelled.is_empty() {
            return Err(SqlError::plain(format!(
                "Table[{name}] is not under {}",
                if rollup { "ROLLUP" } else { "SCHEMA_CHANGE" }
            )));
        }
        table.state = TableState::Normal;
        if rollup {
            table.indexes.retain(|index| !cancelled.contains(&index.id));
        }
        Ok(Reply::ok())
    }
}

impl AlterJob {
    /// When its next state is due.
    fn due(&self, tick: SignedDuration) -> Timestamp {
        let steps = match self.state {
            AlterState::Pending => 1,
            AlterState::WaitingTransactions => 2,
            _ => 3,
        };
        self.created + tick * steps
    }
}
