//! Partitions of a live table that are replaced or dropped. REPLACE PARTITION, INSERT OVERWRITE and
//! DROP PARTITION carry no condition, so right before each of them the live partition is held against
//! what was kept of it.

mod judge;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use shared::{
    digest::{Digest, Fingerprint},
    error::{Error, ErrorName},
    facts::{PartitionFacts, PhysicalPartition, TableFacts, TableState},
    ident::{PartitionName, QualifiedTable},
    plan::{
        restore::{
            PartitionRange, Phase, Slot, Step, StepStatement, TableRef, Way, source::table_of,
        },
        verify::content_digest,
    },
    sql::{partition::drop_temporary_partition, show},
    starrocks::Client,
};

use super::Progress;
use crate::work::{Work, failed};

pub(super) use judge::Judgment;

/// A partition that is loaded into again and again cannot be kept: so often it is copied aside anew.
const KEPT_AT_MOST: u32 = 10;

impl Work<'_> {
    pub(super) async fn replace_partitions(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        range: &PartitionRange,
    ) -> Result<Progress, Error> {
        let live = self.check_splice(client, index, table).await?;
        let database = self.database_of(table)?;
        let name = QualifiedTable::new(&database, &live.table);
        let temporary = self.temporary_partitions(client, &name, &live).await?;
        let mut stale = Vec::new();
        let mut open: Vec<(StepStatement, PartitionFacts, bool)> = Vec::new();
        for sent in self.statements(index)? {
            let partition = partition_of(&sent)?;
            let stand_in = self.request.temporary(&table.table, &partition);
            let Some(new) = temporary.get(&stand_in) else {
                if self.begun(index) {
                    continue;
                }
                return Err(failed(
                    &self.steps[index].planned,
                    format!(
                        "temporary partition {stand_in} of {name}, made for {partition}, is gone"
                    ),
                ));
            };
            match self
                .judge(client, index, table, range, &live, &partition)
                .await?
            {
                Judgment::KeepAgain => stale.push(partition),
                judgment => open.push((sent, new.clone(), judgment == Judgment::Go)),
            }
        }
        let go: Vec<PartitionName> = open
            .iter()
            .filter(|(_, _, goes)| *goes)
            .map(|(sent, _, _)| partition_of(sent))
            .collect::<Result<_, _>>()?;
        stale.extend(
            self.not_kept_whole(client, index, table, range, &go)
                .await?,
        );
        if !stale.is_empty() {
            return self.keep_again(client, index, table, range, &stale).await;
        }
        // The partition keeps id and version when it takes its place: stored before that, so that an
        // undo knows what the restore put there.
        for (sent, new, goes) in &open {
            if *goes {
                let partition = partition_of(sent)?;
                let new = PartitionFacts {
                    name: partition.clone(),
                    ..new.clone()
                };
                let held = content_digest(std::slice::from_ref(&new));
                self.steps[index].detail.live.insert(partition, held);
            }
        }
        self.begin(client, index).await?;
        for (sent, new, goes) in open {
            match goes {
                true => self.send_one(client, index, &sent).await?,
                false => {
                    self.verify_lease(client, &database).await?;
                    let drop = drop_temporary_partition(&name, &new.name);
                    self.run(client, &database, &Way::Plain, &drop).await?;
                }
            }
        }
        Ok(Progress::Done)
    }

    /// Undo: a temporary partition that is still there has not taken the place of the live one. That is
    /// written down before it is dropped, because nothing shows it afterwards.
    pub(super) async fn drop_temporary_partitions(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        range: &PartitionRange,
    ) -> Result<Progress, Error> {
        if let Some(replacing) = self.replacing(table, range)
            && self.begun(replacing)
        {
            let live = self.live_table(client, index, table).await?;
            let name = QualifiedTable::new(&self.database_of(table)?, &live.table);
            let temporary = self.temporary_partitions(client, &name, &live).await?;
            for sent in self.statements(index)? {
                let partition = partition_of(&sent)?;
                let stand_in = self.request.temporary(&table.table, &partition);
                if temporary.contains_key(&stand_in) {
                    self.steps[replacing].detail.live.remove(&partition);
                }
            }
            let state = self.steps[replacing].row.state;
            self.save(client, replacing, state).await?;
        }
        self.send_partition_changes(client, index).await?;
        Ok(Progress::Done)
    }

    /// Undo of partitions that were added to the live table.
    pub(super) async fn drop_partitions(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        range: &PartitionRange,
    ) -> Result<Progress, Error> {
        let live = self.live_table(client, index, table).await?;
        let mut open = Vec::new();
        for sent in self.statements(index)? {
            let partition = partition_of(&sent)?;
            if find(&live, &partition).is_some() {
                let judgment = self
                    .judge(client, index, table, range, &live, &partition)
                    .await?;
                if judgment == Judgment::Go {
                    open.push(sent);
                }
            }
        }
        self.begin(client, index).await?;
        for sent in open {
            self.send_one(client, index, &sent).await?;
        }
        Ok(Progress::Done)
    }

    /// What is about to be put into a live table is what was verified, and the table is what was
    /// planned with.
    pub(super) async fn check_splice(
        &self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
    ) -> Result<TableFacts, Error> {
        let live = self.live_table(client, index, table).await?;
        if self.steps[index].planned.phase == Phase::Undo {
            return Ok(live);
        }
        for stored in &self.steps {
            let Step::Verify {
                table: verified,
                slot,
                ..
            } = &stored.planned.step
            else {
                continue;
            };
            let (true, Some(content)) = (verified == table, stored.detail.content) else {
                continue;
            };
            let name = self.name_of(table, *slot)?;
            let staged = self.read_table(client, table, *slot).await?;
            let staged = staged.map(|staged| content_digest(&staged.partitions));
            if staged != Some(content) {
                return Err(Error::new(
                    ErrorName::VerificationFailed,
                    format!(
                        "'{name}' is no longer what was verified: nothing more of it becomes live"
                    ),
                )
                .hint("restore the partitions again; what was replaced so far: restore undo"));
            }
        }
        Ok(live)
    }

    async fn live_table(
        &self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
    ) -> Result<TableFacts, Error> {
        let planned = &self.steps[index].planned;
        let live = self.read_table(client, table, Slot::Live).await?;
        let live = live.ok_or_else(|| failed(planned, "the live table is gone"))?;
        let (_, manifest) = table_of(&self.sources, table)?;
        if live.schema_hash != manifest.schema_hash {
            return Err(failed(
                planned,
                format!(
                    "'{}' is no longer the table that was planned with: it was replaced, or its \
                     columns changed",
                    live.table
                ),
            )
            .hint("restore the whole table with swap: manual, and copy from it by hand"));
        }
        if live.state != TableState::Normal {
            return Err(failed(
                planned,
                format!("'{}' is in state {}", live.table, live.state.as_str()),
            )
            .hint("wait until the job on it has ended, then promote again"));
        }
        Ok(live)
    }

    /// Has live partitions copied aside once more, because they changed after they were. Never one of
    /// which it is not certain that it still holds what is the user's.
    pub(super) async fn keep_again(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        range: &PartitionRange,
        stale: &[PartitionName],
    ) -> Result<Progress, Error> {
        let copy = self.keeping(table, range).ok_or_else(|| {
            Error::internal("a partition is to be kept again that was never kept")
        })?;
        self.check_keeps(index, copy, table)?;
        tracing::info!(
            restore.id = %self.run.restore_id,
            table = %table.table,
            "live partitions changed after they were copied aside: they are copied again"
        );
        for partition in stale {
            let detail = &mut self.steps[copy].detail;
            detail.live.remove(partition);
            detail.again.insert(partition.clone());
        }
        self.begin(client, copy).await?;
        Ok(Progress::Running)
    }

    pub(super) fn check_keeps(
        &self,
        index: usize,
        copy: usize,
        table: &TableRef,
    ) -> Result<(), Error> {
        if self.steps[copy].row.attempt < KEPT_AT_MOST {
            return Ok(());
        }
        Err(failed(
            &self.steps[index].planned,
            format!(
                "the live partitions of '{}' changed {KEPT_AT_MOST} times while they were copied \
                 aside",
                table.table
            ),
        )
        .hint("stop what loads into them, then promote again"))
    }

    async fn temporary_partitions(
        &self,
        client: &mut Client,
        name: &QualifiedTable,
        facts: &TableFacts,
    ) -> Result<BTreeMap<PartitionName, PartitionFacts>, Error> {
        let mut rows: BTreeMap<PartitionName, Vec<PhysicalPartition>> = BTreeMap::new();
        for row in client
            .fetch(&show::partitions_meta([&name.database]))
            .await?
        {
            if row.temporary && row.table == name.table {
                rows.entry(row.partition)
                    .or_default()
                    .push(PhysicalPartition {
                        table_id: facts.table_id,
                        partition_id: row.partition_id,
                        visible_version: row.visible_version,
                        visible_version_time: row.visible_version_time,
                        version_epoch: row.version_epoch,
                    });
            }
        }
        let known = |(name, mut rows): (PartitionName, Vec<PhysicalPartition>)| {
            let partition = PartitionFacts {
                fingerprint: Fingerprint::of_partition(&mut rows),
                name: name.clone(),
                pending: false,
                system: false,
                value: Arc::from(""),
                buckets: 0,
                replication_num: 0,
                row_count: 0,
                data_size: 0,
            };
            (name, partition)
        };
        Ok(rows.into_iter().map(known).collect())
    }
}

/// What partitions hold; those with transactions that are committed and not yet visible are left
/// out, because what they hold is about to change.
pub(super) fn held(
    live: &TableFacts,
    partitions: &BTreeSet<PartitionName>,
) -> BTreeMap<PartitionName, Digest> {
    live.partitions
        .iter()
        .filter(|found| partitions.contains(&found.name) && !found.pending)
        .map(|found| {
            let content = content_digest(std::slice::from_ref(found));
            (found.name.clone(), content)
        })
        .collect()
}

fn find<'t>(table: &'t TableFacts, partition: &PartitionName) -> Option<&'t PartitionFacts> {
    table
        .partitions
        .iter()
        .find(|found| found.name == *partition)
}

pub(super) fn partition_of(sent: &StepStatement) -> Result<PartitionName, Error> {
    sent.partition
        .clone()
        .ok_or_else(|| Error::internal("a statement on partitions without a partition"))
}
