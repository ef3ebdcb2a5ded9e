//! The statements of a step, derived from step and manifest whenever they are sent.
//!
//! Their digest is stored with the step: if a changed manifest, request or program gave other
//! statements than those that were planned, the step is refused instead of sent.

use std::{num::NonZeroU16, time::Duration};

use super::{
    addable::{self, Addable},
    policy, properties,
    request::RestoreRequest,
    source::{BrokenReference, Source, shadow_of, source_of, table_of},
    step::{CopyMode, PartitionRange, PlannedStep, Slot, Step, TableRange, TableRef},
};
use crate::{
    ddl::{Ddl, DdlError},
    digest::Digest,
    error::Error,
    facts::Distribution,
    ident::{DatabaseName, InvalidName, PartitionName, QualifiedTable, TableName, TaskName},
    label::{LoadLabel, SnapshotLabel},
    manifest::{ManifestPartition, ManifestTable},
    sql::{
        EmptyList, Statement, copy,
        partition::{self, HashBuckets, NewPartition},
        restore::{self as statement, Restore, RestoreObject},
    },
};

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
    /// Where it works, and where the session has to stand: DDL as the engine printed it does not name
    /// its database.
    pub database: DatabaseName,
    /// The partition it is about, where a step has one statement per partition: a repeat leaves out
    /// those that are done.
    pub partition: Option<PartitionName>,
    /// The name of the task that runs it: it is proportional to data and must not hold a connection.
    pub task: Option<TaskName>,
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
            Step::CreateDatabase { database } => Ok(vec![StepStatement {
                statement: statement::create_database(database),
                database: database.clone(),
                partition: None,
                task: None,
            }]),
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
                let set =
                    |policy: &super::Policy| table.set(*slot, policy.property(), policy.off());
                policies.iter().map(set).collect()
            }
            Step::ResumePartitions {
                table,
                slot,
                policies,
            } => {
                let table = self.table(table)?;
                policies
                    .iter()
                    .map(|(policy, value)| table.set(*slot, policy.property(), value))
                    .collect()
            }
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
                Ok(vec![StepStatement {
                    statement: statement::create_from_ddl(&found.ddl),
                    database: source.manifest.database.clone(),
                    partition: None,
                    task: None,
                }])
            }
            Step::Verify { .. } | Step::Report { .. } => Ok(Vec::new()),
        }
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
        Ok(vec![StepStatement {
            statement,
            database: database.clone(),
            partition: None,
            task: None,
        }])
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

/// Names of tasks and load labels: the same for the same attempt of the same step, and no others.
struct TaskNames<'a> {
    request: &'a RestoreRequest,
    step: u32,
    attempt: u32,
}

impl TaskNames<'_> {
    fn name(&self, part: usize) -> String {
        let digest = Digest::of([self.request.id.as_str().as_bytes()]).to_string();
        format!("br_{}_{}_{part}_{}", &digest[..16], self.step, self.attempt)
    }

    fn task(&self, part: usize) -> TaskName {
        self.name(part)
            .parse()
            .expect("at most 52 letters, digits and underscores")
    }

    fn label(&self, part: usize) -> LoadLabel {
        self.name(part)
            .parse()
            .expect("at most 52 letters, digits and underscores")
    }
}

/// One table of the restore.
#[derive(Clone, Copy)]
struct TableContext<'a> {
    request: &'a RestoreRequest,
    source: &'a Source,
    table: &'a ManifestTable,
}

impl TableContext<'_> {
    fn database(&self) -> &DatabaseName {
        self.request.target(&self.source.manifest.database)
    }

    fn same_database(&self) -> bool {
        *self.database() == self.source.manifest.database
    }

    fn name(&self, slot: Slot) -> Result<TableName, InvalidName> {
        self.request.name(&self.table.table, slot)
    }

    fn qualified(&self, slot: Slot) -> Result<QualifiedTable, InvalidName> {
        Ok(QualifiedTable::new(self.database(), &self.name(slot)?))
    }

    fn temporary(&self, partition: &PartitionName) -> PartitionName {
        self.request.temporary(&self.table.table, partition)
    }

    fn ddl(&self) -> Result<Ddl, RenderError> {
        Ddl::parse(&self.table.ddl).map_err(|error| RenderError::Ddl {
            table: self.table.table.clone(),
            error,
        })
    }

    fn plain(&self, statement: Statement) -> StepStatement {
        StepStatement {
            statement,
            database: self.database().clone(),
            partition: None,
            task: None,
        }
    }

    fn each(
        &self,
        range: &PartitionRange,
        render: impl Fn(&PartitionName) -> Statement,
    ) -> Vec<StepStatement> {
        let partitions = self.request.in_range(self.table, range);
        partitions
            .map(|partition| StepStatement {
                partition: Some(partition.name.clone()),
                ..self.plain(render(&partition.name))
            })
            .collect()
    }

    fn set(&self, slot: Slot, key: &str, value: &str) -> Result<StepStatement, RenderError> {
        let table = self.qualified(slot)?;
        Ok(self.plain(statement::set_properties(&table, [(key, value)])))
    }

    fn create(&self, slot: Slot, replication_num: u16) -> Result<Vec<StepStatement>, RenderError> {
        let ddl = self.ddl()?;
        let mut text = ddl.with_name(&self.name(slot)?);
        if let Some(recorded) = ddl.property("replication_num") {
            let number = replication_num.to_string();
            text = replace_property(&text, "replication_num", recorded, Some(&number));
        }
        for policy in policy::active(&ddl.properties) {
            let recorded = ddl.property(policy.property()).unwrap_or_default();
            // A dynamic table without the switch would be an active one.
            let off = (policy == super::Policy::DynamicPartition).then_some(policy.off());
            text = replace_property(&text, policy.property(), recorded, off);
        }
        for (key, _) in properties::reapplicable(&ddl, true) {
            let recorded = ddl.property(key).unwrap_or_default();
            text = replace_property(&text, key, recorded, None);
        }
        Ok(vec![self.plain(statement::create_from_ddl(&text))])
    }

    fn add(
        &self,
        slot: Slot,
        range: &PartitionRange,
        temporary: bool,
    ) -> Result<Vec<StepStatement>, RenderError> {
        let ddl = self.ddl()?;
        let table = self.qualified(slot)?;
        self.request
            .in_range(self.table, range)
            .map(|partition| {
                let statement = self.add_one(&ddl, &table, partition, temporary)?;
                Ok(StepStatement {
                    partition: Some(partition.name.clone()),
                    ..self.plain(statement)
                })
            })
            .collect()
    }

    fn add_one(
        &self,
        ddl: &Ddl,
        table: &QualifiedTable,
        partition: &ManifestPartition,
        temporary: bool,
    ) -> Result<Statement, RenderError> {
        let refuse = |reason: String| RenderError::Partition {
            table: self.table.table.clone(),
            partition: partition.name.clone(),
            reason,
        };
        let value = match addable::addable(ddl, partition).map_err(refuse)? {
            Addable::Period { .. } if temporary => {
                return Err(refuse(
                    "an automatic table takes no temporary partition".into(),
                ));
            }
            Addable::Period { start, end, step } => {
                return Ok(partition::add_automatic_partitions(
                    table, &start, &end, step,
                ));
            }
            Addable::Named(value) => value,
        };
        let values = value
            .to_sql()
            .ok_or_else(|| refuse("its table is not partitioned".into()))?;
        // RESTORE writes only into a partition with as many buckets as it was backed up with.
        let other_buckets = ddl.buckets != Some(partition.buckets);
        let distribution =
            (ddl.distribution == Distribution::Hash && other_buckets).then_some(HashBuckets {
                columns: &ddl.distributed_by,
                buckets: partition.buckets,
            });
        let name = match temporary {
            true => self.temporary(&partition.name),
            false => partition.name.clone(),
        };
        let new = NewPartition {
            name: &name,
            values,
            distribution,
        };
        Ok(match temporary {
            true => partition::add_temporary_partition(table, &new)?,
            false => partition::add_partition(table, &new)?,
        })
    }

    fn copy(
        &self,
        from: Slot,
        to: Slot,
        range: &PartitionRange,
        mode: CopyMode,
        names: &TaskNames<'_>,
    ) -> Result<Vec<StepStatement>, RenderError> {
        let columns = addable::copied_columns(&self.ddl()?);
        let (from, to) = (self.qualified(from)?, self.qualified(to)?);
        let mut copies = Vec::new();
        for (part, partition) in self.request.in_range(self.table, range).enumerate() {
            let temporary = self.temporary(&partition.name);
            let copy = copy::Copy {
                from: &from,
                from_partition: Some(&partition.name),
                to: &to,
                to_part: match mode {
                    CopyMode::Append | CopyMode::Overwrite => {
                        copy::TargetPart::Partition(&partition.name)
                    }
                    CopyMode::Temporary => copy::TargetPart::TemporaryPartition(&temporary),
                },
                columns: &columns,
            };
            // An overwrite gives the same however often it runs; other copies would double rows.
            let statement = match mode {
                CopyMode::Overwrite => copy::insert_overwrite(&copy)?,
                CopyMode::Append | CopyMode::Temporary => {
                    copy::insert_select_with_label(&copy, &names.label(part))?
                }
            };
            copies.push(StepStatement {
                partition: Some(partition.name.clone()),
                task: Some(names.task(part)),
                ..self.plain(statement)
            });
        }
        Ok(copies)
    }

    fn alter_replication(
        &self,
        slot: Slot,
        replication_num: u16,
        cap: u16,
    ) -> Result<Vec<StepStatement>, RenderError> {
        let partitions: Vec<PartitionName> = self
            .request
            .wanted(self.table)
            .filter(|partition| partition.replication_num.clamp(1, cap.max(1)) == replication_num)
            .map(|partition| partition.name.clone())
            .collect();
        let number = replication_num.to_string();
        let statement = statement::set_partition_properties(
            &self.qualified(slot)?,
            &partitions,
            [("replication_num", number.as_str())],
        )?;
        Ok(vec![self.plain(statement)])
    }
}

/// Changes or removes one property in a definition as SHOW CREATE TABLE prints it: one property a
/// line, values as they are, and behind everything else, so the last such line is the property.
fn replace_property(text: &str, key: &str, recorded: &str, new: Option<&str>) -> String {
    let line = format!("\n\"{key}\" = \"{recorded}\"");
    let Some(start) = text.rfind(&line) else {
        return text.to_owned();
    };
    let (before, behind) = (&text[..start], &text[start + line.len()..]);
    match new {
        Some(new) => format!("{before}\n\"{key}\" = \"{new}\"{behind}"),
        None => match behind.strip_prefix(',') {
            Some(behind) => format!("{before}{behind}"),
            None => format!("{}{behind}", before.strip_suffix(',').unwrap_or(before)),
        },
    }
}
