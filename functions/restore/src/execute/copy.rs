//! Copies inside the cluster: one task per partition, submitted and looked at again.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    digest::Digest,
    error::Error,
    ident::{PartitionName, QualifiedTable, TableName, TaskName},
    plan::{
        backup::Selection,
        restore::{
            CopyMode, DEFAULT_TIMEOUT_SECONDS, Phase, Slot, Step, StepStatement, TableRef, Way,
            detail::Seen,
            resume::{CopyLook, TaskSeen, copy_look},
        },
    },
    read,
    sql::{
        copy::{count_partitions, submit_task},
        ops::steps::StepState,
        partition::truncate,
        show::{self, TaskState},
    },
    starrocks::{Client, FailureKind},
};

use super::{
    Progress,
    splice::{Judgment, held, partition_of},
};
use crate::work::{Work, failed};

/// The version of a partition that INSERT OVERWRITE made; an upsert or a delete after it leaves the
/// number of rows as it was, and a higher version.
const LOADED_ONCE: i64 = 2;

impl Work<'_> {
    pub(super) async fn copy_partitions(
        &mut self,
        client: &mut Client,
        index: usize,
    ) -> Result<Progress, Error> {
        let planned = self.steps[index].planned.clone();
        let Step::CopyPartitions {
            table,
            from,
            to,
            partitions,
            mode,
        } = &planned.step
        else {
            return Err(Error::internal("another step than a copy was given"));
        };
        let database = self.database_of(table)?;
        // The live table is the one source that others write to.
        let from_live = *from == Slot::Live;
        let overwrites_live = *to == Slot::Live && *mode == CopyMode::Overwrite;
        let from = QualifiedTable::new(&database, &self.name_of(table, *from)?);
        let to = QualifiedTable::new(&database, &self.name_of(table, *to)?);
        let source = match from_live {
            true => self.held_live(client, index, table).await?,
            false => BTreeMap::new(),
        };
        let first = !self.begun(index);
        if first {
            let now = read::utc_now(client).await?;
            let detail = &mut self.steps[index].detail;
            detail.live = source.clone();
            detail.seen = Some(Seen {
                digest: None,
                since: now,
            });
            self.begin(client, index).await?;
        }
        let may_be_replaced = from_live && self.may_be_replaced(table, partitions);
        // Of what the restore never replaced, the copy that was kept may not be whole.
        let puts_back = planned.phase == Phase::Undo && *mode == CopyMode::Temporary;
        let live = match puts_back {
            true => Some(self.check_splice(client, index, table).await?),
            false => None,
        };
        let mut put = BTreeMap::new();
        let mut moved = Vec::new();
        let mut running = false;
        let mut retry = false;
        let mut loaded_since = false;
        for sent in self.statements(index)? {
            let partition = partition_of(&sent)?;
            let target = match mode {
                CopyMode::Append | CopyMode::Overwrite => partition.clone(),
                CopyMode::Temporary => self.request.temporary(&table.table, &partition),
            };
            if let Some(live) = &live
                && self
                    .judge(client, index, table, partitions, live, &partition)
                    .await?
                    == Judgment::Leave
            {
                continue;
            }
            let task = self.task_seen(client, &sent).await?;
            let kept = self.steps[index].detail.live.get(&partition);
            // What may hold restored rows already is never copied aside.
            let settled = may_be_replaced && !self.steps[index].detail.again.contains(&partition);
            let changed = !settled && kept != source.get(&partition);
            if from_live && (kept.is_none() || changed) {
                if task == TaskSeen::Running {
                    running = true;
                } else {
                    self.empty(client, &to, &target, *mode).await?;
                    moved.push(partition);
                    retry = true;
                }
                continue;
            }
            if from_live && settled {
                continue;
            }
            if overwrites_live && task == TaskSeen::Succeeded {
                // Before rows are counted: what is written after this differs from it.
                put.append(&mut self.loaded_once(client, index, table).await?);
            }
            let expected = self.count(client, &from, &partition).await?;
            let present = match mode {
                CopyMode::Temporary => self.count_temporary(client, &to, &target).await?,
                _ => self.count(client, &to, &target).await?,
            };
            let attempt = self.steps[index].row.attempt;
            let look = match (mode, task) {
                // Only a run that succeeded proves it, and it took all rows or none. More than that
                // was loaded since.
                (CopyMode::Overwrite, TaskSeen::Succeeded) if present >= expected => {
                    loaded_since |= present > expected;
                    CopyLook::Done
                }
                (CopyMode::Overwrite, TaskSeen::None) => CopyLook::Submit { attempt },
                _ => copy_look(task, attempt, expected, present),
            };
            match look {
                CopyLook::Done => {}
                CopyLook::Wait => running = true,
                CopyLook::Submit { attempt: next } if next == attempt => {
                    if overwrites_live {
                        let live = self.check_splice(client, index, table).await?;
                        match self
                            .judge(client, index, table, partitions, &live, &partition)
                            .await?
                        {
                            Judgment::Go => {}
                            Judgment::Leave => continue,
                            // Nothing was submitted for it, and it is the only one of its step.
                            Judgment::KeepAgain if first => {
                                self.steps[index].row.attempt = 0;
                                self.save(client, index, StepState::Pending).await?;
                                return self
                                    .keep_again(client, index, table, partitions, &[partition])
                                    .await;
                            }
                            Judgment::KeepAgain => {
                                return Err(failed(
                                    &planned,
                                    format!(
                                        "partition {partition} of '{}' changed, and what became of \
                                         the task that overwrites it is not known",
                                        to.table
                                    ),
                                )
                                .hint(format!(
                                    "what it held before is kept in '{}'",
                                    self.name_of(table, Slot::Before)?
                                )));
                            }
                        }
                    }
                    self.submit_copy(client, index, &sent).await?;
                    running = true;
                }
                CopyLook::Submit { .. } => retry = true,
                CopyLook::EmptyAndSubmit { .. } => {
                    self.empty(client, &to, &target, *mode).await?;
                    retry = true;
                }
                CopyLook::Filtered => {
                    return Err(failed(
                        &planned,
                        format!(
                            "partition {partition} of '{}' has {expected} rows and {present} of them \
                             arrived in '{}'",
                            from.table, to.table
                        ),
                    ));
                }
            }
        }
        if running {
            return Ok(Progress::Running);
        }
        if retry {
            if from_live {
                self.check_keeps(index, index, table)?;
                for partition in moved {
                    let live = &mut self.steps[index].detail.live;
                    match source.get(&partition) {
                        Some(held) => live.insert(partition, *held),
                        None => live.remove(&partition),
                    };
                }
            }
            // The next attempt has its own task names and load labels.
            self.begin(client, index).await?;
            return Ok(Progress::Running);
        }
        self.steps[index].detail.again.clear();
        // An undo may overwrite again what still is what this restore put there.
        if overwrites_live && !loaded_since {
            self.steps[index].detail.live = put;
        }
        Ok(Progress::Done)
    }

    /// What the live partitions of a copy hold at this moment.
    async fn held_live(
        &self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
    ) -> Result<BTreeMap<PartitionName, Digest>, Error> {
        let partitions = self
            .statements(index)?
            .iter()
            .map(partition_of)
            .collect::<Result<BTreeSet<_>, _>>()?;
        let live = self.read_table(client, table, Slot::Live).await?;
        let planned = &self.steps[index].planned;
        let live = live.ok_or_else(|| failed(planned, "the live table is gone"))?;
        Ok(held(&live, &partitions))
    }

    /// What live partitions hold that were loaded once since they were made: what overwrote them.
    async fn loaded_once(
        &self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
    ) -> Result<BTreeMap<PartitionName, Digest>, Error> {
        let mut held = self.held_live(client, index, table).await?;
        let live = self.name_of(table, Slot::Live)?;
        // Read after what they hold: versions only grow.
        for row in client
            .fetch(&show::partitions_meta([&self.database_of(table)?]))
            .await?
        {
            if !row.temporary && row.table == live && row.visible_version > LOADED_ONCE {
                held.remove(&row.partition);
            }
        }
        Ok(held)
    }

    async fn submit_copy(
        &self,
        client: &mut Client,
        index: usize,
        sent: &StepStatement,
    ) -> Result<(), Error> {
        self.verify_lease(client, &sent.database).await?;
        let task = task_of(sent)?;
        // Of one partition, and of a query: StarRocks gives none more than three days.
        let timeout = std::time::Duration::from_secs(DEFAULT_TIMEOUT_SECONDS.into());
        let query = submit_task(&sent.database, task, &sent.statement, timeout, self.line);
        match client.fetch(&query).await {
            Ok(_) => Ok(()),
            // Submitted by a call whose answer never came.
            Err(error) if error.kind() == FailureKind::TaskExists => Ok(()),
            Err(error) => match error.engine_words() {
                Some(words) => {
                    Err(failed(&self.steps[index].planned, "the copy was refused").engine(words))
                }
                None => Err(error.into()),
            },
        }
    }

    async fn task_seen(
        &self,
        client: &mut Client,
        sent: &StepStatement,
    ) -> Result<TaskSeen, Error> {
        let task = task_of(sent)?;
        let runs = client.fetch(&show::task_runs(&sent.database, task)).await?;
        Ok(match runs.first() {
            None => TaskSeen::None,
            Some(run) => match run.state {
                TaskState::Running => TaskSeen::Running,
                TaskState::Done => TaskSeen::Succeeded,
                TaskState::Failed => {
                    let words = run.error.as_deref().unwrap_or_default();
                    tracing::warn!(task = %task, detail = words, "copy failed");
                    TaskSeen::Failed
                }
            },
        })
    }

    pub(super) async fn count(
        &self,
        client: &mut Client,
        table: &QualifiedTable,
        partition: &PartitionName,
    ) -> Result<u64, Error> {
        let query = count_partitions(table, std::slice::from_ref(partition))
            .map_err(|error| Error::internal(error.to_string()))?;
        Ok(client
            .fetch(&query)
            .await?
            .iter()
            .map(|row| row.row_count)
            .sum())
    }

    async fn count_temporary(
        &self,
        client: &mut Client,
        table: &QualifiedTable,
        partition: &PartitionName,
    ) -> Result<u64, Error> {
        let query = shared::sql::copy::count_temporary_partition(table, partition);
        Ok(client.fetch(&query).await?.iter().map(|row| row.0).sum())
    }

    async fn empty(
        &self,
        client: &mut Client,
        table: &QualifiedTable,
        partition: &PartitionName,
        mode: CopyMode,
    ) -> Result<(), Error> {
        if mode == CopyMode::Overwrite {
            return Ok(());
        }
        self.verify_lease(client, &table.database).await?;
        let statement = match mode {
            CopyMode::Temporary => shared::sql::partition::truncate_temporary(table, partition),
            _ => truncate(table, Some(std::slice::from_ref(partition)))
                .map_err(|error| Error::internal(error.to_string()))?,
        };
        self.run(client, &table.database, &Way::Plain, &statement)
            .await?;
        Ok(())
    }

    pub(crate) async fn partition_names(
        &self,
        client: &mut Client,
        table: &QualifiedTable,
    ) -> Result<BTreeSet<PartitionName>, Error> {
        let names: BTreeSet<TableName> = [table.table.clone()].into();
        let selection = Selection::Names(names);
        let reading =
            read::read_database(client, &table.database, &selection, &self.run.execution_id)
                .await?;
        Ok(reading
            .facts
            .tables
            .get(&table.table)
            .map(|facts| {
                facts
                    .partitions
                    .iter()
                    .map(|partition| partition.name.clone())
                    .collect()
            })
            .unwrap_or_default())
    }
}

fn task_of(sent: &StepStatement) -> Result<&TaskName, Error> {
    match &sent.way {
        Way::Task(task) => Ok(task),
        Way::Plain | Way::InDatabase => Err(Error::internal("a copy without a task")),
    }
}
