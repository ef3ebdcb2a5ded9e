//! Statements about one table.

use super::{
    super::{
        addable::{self, Addable},
        policy, properties,
        request::RestoreRequest,
        source::Source,
        step::{CopyMode, PartitionRange, Policy, Slot},
    },
    RenderError, StepStatement, Way,
};
use crate::{
    ddl::Ddl,
    digest::Digest,
    facts::Distribution,
    ident::{DatabaseName, InvalidName, PartitionName, QualifiedTable, TableName, TaskName},
    label::LoadLabel,
    manifest::{ManifestPartition, ManifestTable},
    sql::{
        Statement, copy,
        partition::{self, HashBuckets, NewPartition},
        restore as statement,
    },
};

/// Names of tasks and load labels: the same for the same attempt of the same step, and no others.
pub(super) struct TaskNames<'a> {
    pub(super) request: &'a RestoreRequest,
    pub(super) step: u32,
    pub(super) attempt: u32,
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
pub(super) struct TableContext<'a> {
    pub(super) request: &'a RestoreRequest,
    pub(super) source: &'a Source,
    pub(super) table: &'a ManifestTable,
}

impl TableContext<'_> {
    fn database(&self) -> &DatabaseName {
        self.request.target(&self.source.manifest.database)
    }

    pub(super) fn same_database(&self) -> bool {
        *self.database() == self.source.manifest.database
    }

    pub(super) fn name(&self, slot: Slot) -> Result<TableName, InvalidName> {
        self.request.name(&self.table.table, slot)
    }

    pub(super) fn qualified(&self, slot: Slot) -> Result<QualifiedTable, InvalidName> {
        Ok(QualifiedTable::new(self.database(), &self.name(slot)?))
    }

    pub(super) fn temporary(&self, partition: &PartitionName) -> PartitionName {
        self.request.temporary(&self.table.table, partition)
    }

    pub(super) fn ddl(&self) -> Result<Ddl, RenderError> {
        Ddl::parse(&self.table.ddl).map_err(|error| RenderError::Ddl {
            table: self.table.table.clone(),
            error,
        })
    }

    pub(super) fn plain(&self, statement: Statement) -> StepStatement {
        StepStatement::plain(statement, self.database())
    }

    pub(super) fn each(
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

    pub(super) fn set(
        &self,
        slot: Slot,
        key: &str,
        value: &str,
    ) -> Result<StepStatement, RenderError> {
        let table = self.qualified(slot)?;
        Ok(self.plain(statement::set_properties(&table, [(key, value)])))
    }

    pub(super) fn create(
        &self,
        slot: Slot,
        replication_num: u16,
    ) -> Result<Vec<StepStatement>, RenderError> {
        let ddl = self.ddl()?;
        let mut text = ddl.with_name(&self.name(slot)?);
        if let Some(recorded) = ddl.property("replication_num") {
            let number = replication_num.to_string();
            text = replace_property(&text, "replication_num", recorded, Some(&number));
        }
        for policy in policy::active(&ddl.properties) {
            let recorded = ddl.property(policy.property()).unwrap_or_default();
            // A dynamic table without the switch would be an active one.
            let off = (policy == Policy::DynamicPartition).then_some(policy.off());
            text = replace_property(&text, policy.property(), recorded, off);
        }
        for (key, _) in properties::reapplicable(&ddl, true) {
            let recorded = ddl.property(key).unwrap_or_default();
            text = replace_property(&text, key, recorded, None);
        }
        Ok(vec![StepStatement {
            way: Way::InDatabase,
            ..self.plain(statement::create_from_ddl(&text))
        }])
    }

    pub(super) fn add(
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

    pub(super) fn copy(
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
                way: Way::Task(names.task(part)),
                ..self.plain(statement)
            });
        }
        Ok(copies)
    }

    pub(super) fn alter_replication(
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
