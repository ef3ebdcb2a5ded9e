//! The statements of a step, derived from step and manifest whenever they are sent.
//!
//! Their digest is stored with the step: if a changed manifest, request or program gave other
//! statements than those that were planned, the step is refused instead of sent.

use std::{num::NonZeroU16, time::Duration};

use super::{
    properties,
    request::RestoreRequest,
    source::{BrokenReference, Source, shadow_of, source_of, table_of},
    step::{PlannedStep, Policy, Slot, Step, TableRange, TableRef},
};
use crate::{
    ddl::DdlError,
    digest::Digest,
    error::Error,
    ident::{DatabaseName, InvalidName, PartitionName, TableName, TaskName},
    label::SnapshotLabel,
    manifest::ManifestTable,
    sql::{
        EmptyList, Statement,
        partition::{self},
        restore::{self as statement, Restore, RestoreObject},
    },
};

mod table;

use table::{TableContext, TaskNames};

/// Everything that steps refer to.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub request: &'a RestoreRequest,
    pub sources: &'a [Source],
}

/// One statement of a step, and how it is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepStatement {
    pub statement: Statement,
    /// Where it works.
    pub database: DatabaseName,
    /// The partition it is about, where a step has one statement per partition: a repeat leaves out
    /// those that are done.
    pub partition: Option<PartitionName>,
    pub way: Way,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    Plain,
    /// With the session in the database: DDL as the engine printed it does not name its own.
    InDatabase,
    /// As a task of this name: it is proportional to data and must not hold a connection.
    Task(TaskName),
}

impl StepStatement {
    fn plain(statement: Statement, database: &DatabaseName) -> StepStatement {
        StepStatement {
            statement,
            database: database.clone(),
            partition: None,
            way: Way::Plain,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error(transparent)]
    Reference(#[from] BrokenReference),
    #[error("the recorded definition of '{table}' cannot be read")]
    Ddl {
        table: TableName,
        #[source]
        error: DdlError,
    },
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error("partition '{partition}' of '{table}' cannot be added: {reason}")]
    Partition {
        table: TableName,
        partition: PartitionName,
        reason: String,
    },
    #[error("the step needs no less than one {}", .0.of)]
    Empty(EmptyList),
    #[error("a number of replicas of 0 would hang")]
    NoReplica,
}

impl From<EmptyList> for RenderError {
    fn from(empty: EmptyList) -> RenderError {
        RenderError::Empty(empty)
    }
}

impl From<RenderError> for Error {
    fn from(error: RenderError) -> Error {
        let detail = match &error {
            RenderError::Ddl { error: source, .. } => format!("{error}: {source}"),
            _ => error.to_string(),
        };
        Error::internal(format!(
            "the statements of a restore step cannot be derived: {detail}"
        ))
    }
}

impl Context<'_> {
    /// The statements of a step, in order. `attempt` counts from 1 and names tasks and load labels,
    /// which StarRocks does not take twice.
    pub fn statements(
        &self,
        planned: &PlannedStep,
        attempt: u32,
    ) -> Result<Vec<StepStatement>, RenderError> {
        match &planned.step {
            Step::CreateDatabase { database } => Ok(vec![StepStatement::plain(
                statement::create_database(database),
                database,
            )]),
            Step::RestoreSnapshot {
                database,
                label,
                snapshot,
                tables,
                replication_num,
                timeout_seconds,
            } => {
                let timeout = Duration::from_secs(u64::from(*timeout_seconds));
                let replication =
                    NonZeroU16::new(*replication_num).ok_or(RenderError::NoReplica)?;
                self.restore(database, label, snapshot, tables, replication, timeout)
            }
            Step::CreateTable {
                table,
                slot,
                replication_num,
            } => self.table(table)?.create(*slot, *replication_num),
            Step::HoldPartitions {
                table,
                slot,
                policies,
            } => {
                let table = self.table(table)?;
                let set = |policy: &Policy| table.set(*slot, policy.property(), policy.off());
                policies.iter().map(set).collect()
            }
            // All that it may send: which of them, the table says when it is there.
            Step::HoldWhatDrops { table, slot } => self.hold_all(table, *slot),
            Step::HoldLive { table, .. } => self.hold_all(table, Slot::Live),
            Step::ResumePartitions {
                table,
                slot,
                policies,
                ..
            } => self.set_policies(table, *slot, policies),
            Step::GiveBackPolicies {
                table, policies, ..
            } => self.set_policies(table, Slot::Live, policies),
            Step::AddPartitions {
                table,
                slot,
                partitions,
                temporary,
            } => self.table(table)?.add(*slot, partitions, *temporary),
            Step::CopyPartitions {
                table,
                from,
                to,
                partitions,
                mode,
            } => {
                let names = TaskNames {
                    request: self.request,
                    step: planned.number,
                    attempt,
                };
                self.table(table)?
                    .copy(*from, *to, partitions, *mode, &names)
            }
            Step::DropTable { table, slot } => {
                let table = self.table(table)?;
                let statement = statement::drop_table(&table.qualified(*slot)?);
                Ok(vec![table.plain(statement)])
            }
            Step::SetDefaultReplication {
                table,
                slot,
                replication_num,
            } => {
                let table = self.table(table)?;
                let number = replication_num.to_string();
                Ok(vec![table.set(
                    *slot,
                    "default.replication_num",
                    &number,
                )?])
            }
            Step::AlterReplication {
                table,
                slot,
                replication_num,
                cap,
            } => self
                .table(table)?
                .alter_replication(*slot, *replication_num, *cap),
            Step::ReapplyProperties { table, slot } => {
                let table = self.table(table)?;
                properties::reapplicable(&table.ddl()?, table.same_database())
                    .iter()
                    .map(|(key, value)| table.set(*slot, key, value))
                    .collect()
            }
            Step::Swap { table, with, .. } => {
                let table = self.table(table)?;
                let statement = statement::swap(&table.qualified(Slot::Live)?, &table.name(*with)?);
                Ok(vec![table.plain(statement)])
            }
            Step::Rename {
                table, from, to, ..
            } => {
                let table = self.table(table)?;
                let statement = statement::rename(&table.qualified(*from)?, &table.name(*to)?);
                Ok(vec![table.plain(statement)])
            }
            Step::ReplacePartitions { table, partitions } => {
                let table = self.table(table)?;
                let live = table.qualified(Slot::Live)?;
                Ok(table.each(partitions, |partition| {
                    let temporary = table.temporary(partition);
                    partition::replace_partition(&live, partition, &temporary)
                }))
            }
            Step::DropTemporaryPartitions { table, partitions } => {
                let table = self.table(table)?;
                let live = table.qualified(Slot::Live)?;
                Ok(table.each(partitions, |partition| {
                    let temporary = table.temporary(partition);
                    partition::drop_temporary_partition(&live, &temporary)
                }))
            }
            Step::DropPartitions { table, partitions } => {
                let table = self.table(table)?;
                let live = table.qualified(Slot::Live)?;
                Ok(table.each(partitions, |partition| {
                    partition::drop_partition(&live, partition)
                }))
            }
            Step::RecreateObject { label, object } => {
                let source = source_of(self.sources, label)?;
                let found = source.manifest.objects.get(*object as usize);
                let found = found.ok_or_else(|| BrokenReference::Range {
                    label: label.clone(),
                    what: "objects",
                    present: source.manifest.objects.len(),
                    number: *object,
                })?;
                let made = statement::create_from_ddl(&found.ddl);
                Ok(vec![StepStatement {
                    way: Way::InDatabase,
                    ..StepStatement::plain(made, &source.manifest.database)
                }])
            }
            Step::Verify { .. } | Step::Report { .. } => Ok(Vec::new()),
        }
    }

    /// One policy of a step that decides by what it finds.
    pub fn set_policy(
        &self,
        table: &TableRef,
        slot: Slot,
        policy: Policy,
        value: &str,
    ) -> Result<StepStatement, RenderError> {
        self.table(table)?.set(slot, policy.property(), value)
    }

    fn set_policies(
        &self,
        table: &TableRef,
        slot: Slot,
        policies: &[(Policy, String)],
    ) -> Result<Vec<StepStatement>, RenderError> {
        let set = |(policy, value): &(Policy, String)| self.set_policy(table, slot, *policy, value);
        policies.iter().map(set).collect()
    }

    fn hold_all(&self, table: &TableRef, slot: Slot) -> Result<Vec<StepStatement>, RenderError> {
        let off = |policy: Policy| self.set_policy(table, slot, policy, policy.off());
        Policy::ALL.into_iter().map(off).collect()
    }

    /// Drops partitions that the scheduler made in a table of this restore before it was held (see
    /// [`crate::plan::verify::made_by_scheduler`]). They hold nothing yet.
    pub fn drop_strays(
        &self,
        table: &TableRef,
        slot: Slot,
        partitions: &[PartitionName],
    ) -> Result<Vec<StepStatement>, RenderError> {
        let table = self.table(table)?;
        let name = table.qualified(slot)?;
        let drop = |partition| table.plain(partition::drop_partition(&name, partition));
        Ok(partitions.iter().map(drop).collect())
    }

    /// The digest that is stored with a step, over its statements at the first attempt.
    pub fn digest(&self, planned: &PlannedStep) -> Result<Digest, RenderError> {
        let statements = self.statements(planned, 1)?;
        let texts = statements.iter().map(|sent| sent.statement.text());
        Ok(Digest::of(texts.map(str::as_bytes)))
    }

    /// The tables that a RESTORE step makes or writes into, with the names they get.
    pub fn restored_tables(&self, step: &Step) -> Result<Vec<RestoredTable>, RenderError> {
        let Step::RestoreSnapshot { label, tables, .. } = step else {
            return Ok(Vec::new());
        };
        let source = source_of(self.sources, label)?;
        let mut restored = Vec::new();
        for range in tables {
            for table in tables_in(source, range)? {
                restored.push(RestoredTable {
                    reference: TableRef {
                        label: label.clone(),
                        table: table.table.clone(),
                    },
                    slot: range.slot,
                    name: self.request.name(&table.table, range.slot)?,
                    creates: range.creates,
                });
            }
        }
        Ok(restored)
    }

    fn restore(
        &self,
        database: &DatabaseName,
        label: &SnapshotLabel,
        snapshot: &SnapshotLabel,
        ranges: &[TableRange],
        replication_num: NonZeroU16,
        timeout: Duration,
    ) -> Result<Vec<StepStatement>, RenderError> {
        let source = source_of(self.sources, label)?;
        let found = source
            .snapshots
            .get(snapshot)
            .ok_or_else(|| BrokenReference::Snapshot {
                label: snapshot.clone(),
            })?;
        struct Part<'a> {
            table: &'a TableName,
            partitions: Option<Vec<PartitionName>>,
            alias: Option<TableName>,
        }
        let mut parts = Vec::new();
        for range in ranges {
            for table in tables_in(source, range)? {
                let alias = match range.slot {
                    Slot::Live => None,
                    slot => Some(self.request.name(&table.table, slot)?),
                };
                let partitions = (!table.unpartitioned)
                    .then(|| self.partition_list(table, snapshot, range.creates));
                parts.push(Part {
                    table: &table.table,
                    partitions,
                    alias,
                });
            }
        }
        let objects: Vec<RestoreObject<'_>> = parts
            .iter()
            .map(|part| RestoreObject {
                table: part.table,
                partitions: part.partitions.as_deref(),
                alias: part.alias.as_ref(),
            })
            .collect();
        let statement = statement::restore(&Restore {
            target: database,
            label: snapshot,
            repository: &found.repository,
            timestamp: &found.timestamp,
            objects: &objects,
            replication_num,
            timeout,
        })?;
        Ok(vec![StepStatement::plain(statement, database)])
    }

    /// What a RESTORE names of a table. A table that is made needs the hidden partition too, and every
    /// snapshot of an automatic table holds it.
    fn partition_list(
        &self,
        table: &ManifestTable,
        snapshot: &SnapshotLabel,
        creates: bool,
    ) -> Vec<PartitionName> {
        let shadow = shadow_of(table).filter(|_| creates);
        shadow
            .into_iter()
            .chain(self.request.wanted_from(table, snapshot))
            .map(|partition| partition.name.clone())
            .collect()
    }

    fn table(&self, reference: &TableRef) -> Result<TableContext<'_>, RenderError> {
        let (source, table) = table_of(self.sources, reference)?;
        Ok(TableContext {
            request: self.request,
            source,
            table,
        })
    }
}

/// A table that a RESTORE step makes or writes into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredTable {
    pub reference: TableRef,
    pub slot: Slot,
    pub name: TableName,
    pub creates: bool,
}

fn tables_in<'s>(
    source: &'s Source,
    range: &TableRange,
) -> Result<&'s [ManifestTable], BrokenReference> {
    let tables = &source.manifest.tables;
    tables
        .get(range.from as usize..range.to as usize)
        .ok_or_else(|| BrokenReference::Range {
            label: source.manifest.label.clone(),
            what: "tables",
            present: tables.len(),
            number: range.to,
        })
}
