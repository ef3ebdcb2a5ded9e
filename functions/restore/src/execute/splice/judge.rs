//! What may be done to a live partition at this moment.

use shared::{
    error::Error,
    facts::{PartitionFacts, TableFacts},
    ident::{PartitionName, QualifiedTable},
    plan::{
        promote::ready_to_replace,
        restore::{CopyMode, PartitionRange, Phase, Slot, Step, TableRef},
        verify::content_digest,
    },
    sql::copy::count_partitions,
    starrocks::Client,
};

use super::find;
use crate::{
    stored::Stored,
    work::{Work, failed},
};

/// What may be done to a live partition now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Judgment {
    /// It holds what was kept of it, or what the restore put there.
    Go,
    /// Undo: it still is what it was before the restore.
    Leave,
    /// It changed after it was kept.
    KeepAgain,
}

impl Work<'_> {
    /// What may be done to one partition, or why nothing may.
    pub(in super::super) async fn judge(
        &self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        range: &PartitionRange,
        live: &TableFacts,
        partition: &PartitionName,
    ) -> Result<Judgment, Error> {
        let planned = &self.steps[index].planned;
        let Some(found) = find(live, partition) else {
            return Err(failed(
                planned,
                format!("partition {partition} of '{}' is gone", live.table),
            ));
        };
        let now = content_digest(std::slice::from_ref(found));
        let kept = self
            .keeping(table, range)
            .map(|copy| self.steps[copy].detail.live.get(partition).copied());
        if planned.phase != Phase::Undo {
            return match kept {
                Some(Some(kept)) if !found.pending => Ok(match ready_to_replace(kept, now) {
                    Ok(()) => Judgment::Go,
                    Err(_) => Judgment::KeepAgain,
                }),
                Some(_) => Ok(Judgment::KeepAgain),
                None if self.is_empty(client, table, found).await? => Ok(Judgment::Go),
                None => Err(failed(
                    planned,
                    format!(
                        "partition {partition} of '{}', which this restore added, was loaded into \
                         before it was filled: what is in it is not thrown away",
                        live.table
                    ),
                )),
            };
        }
        if kept == Some(Some(now)) && !found.pending {
            return Ok(Judgment::Leave);
        }
        let put = self.replacing(table, range).map(|step| &self.steps[step]);
        let known = put.and_then(|step| step.detail.live.get(partition).copied());
        let is_ours = known == Some(now) && !found.pending;
        let replaces = |step: &Stored| matches!(step.planned.step, Step::ReplacePartitions { .. });
        let never_put =
            put.is_none_or(|step| step.row.attempt == 0 || (replaces(step) && known.is_none()));
        match kept {
            _ if is_ours => Ok(Judgment::Go),
            None if self.added(table, range, partition)
                && self.is_empty(client, table, found).await? =>
            {
                Ok(Judgment::Go)
            }
            // Somebody else made it or loaded into it, and it was never replaced.
            _ if never_put => Ok(Judgment::Leave),
            _ => Err(failed(
                planned,
                format!(
                    "partition {partition} of '{}' was loaded into after the restore replaced it: \
                     an undo would lose that",
                    live.table
                ),
            )
            .hint(format!(
                "what it held before is kept in '{}': copy by hand what is needed of it",
                self.name_of(table, Slot::Before)?
            ))),
        }
    }

    /// Of live partitions that are about to be replaced, those of which not as many rows were kept as
    /// they have.
    pub(super) async fn not_kept_whole(
        &self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        range: &PartitionRange,
        partitions: &[PartitionName],
    ) -> Result<Vec<PartitionName>, Error> {
        let promotes = self.steps[index].planned.phase != Phase::Undo;
        if !promotes || partitions.is_empty() || self.keeping(table, range).is_none() {
            return Ok(Vec::new());
        }
        let database = self.database_of(table)?;
        let mut counts = Vec::new();
        for slot in [Slot::Live, Slot::Before] {
            let name = QualifiedTable::new(&database, &self.name_of(table, slot)?);
            let query = count_partitions(&name, partitions)
                .map_err(|error| Error::internal(error.to_string()))?;
            let mut rows = client.fetch(&query).await?;
            rows.sort_by_key(|row| row.index);
            counts.push(rows.into_iter().map(|row| row.row_count));
        }
        let [live, kept] = counts
            .try_into()
            .map_err(|_| Error::internal("other than two tables were counted"))?;
        Ok(partitions
            .iter()
            .zip(live.zip(kept))
            .filter(|(_, (live, kept))| live != kept)
            .map(|(partition, _)| partition.clone())
            .collect())
    }

    /// The step that copies live partitions aside.
    pub(super) fn keeping(&self, table: &TableRef, range: &PartitionRange) -> Option<usize> {
        self.steps.iter().position(|stored| {
            matches!(&stored.planned.step, Step::CopyPartitions {
                table: own, to: Slot::Before, partitions, ..
            } if own == table && partitions == range)
        })
    }

    /// Whether this restore added a partition to the live table.
    fn added(&self, table: &TableRef, range: &PartitionRange, partition: &PartitionName) -> bool {
        self.steps.iter().any(|stored| {
            stored.detail.added.contains(partition)
                && matches!(&stored.planned.step, Step::AddPartitions {
                    table: own, slot: Slot::Live, partitions, ..
                } if own == table && partitions == range)
        })
    }

    /// Whether some of the partitions may hold what the restore put there. Then only those that are
    /// known to be stale are copied aside again.
    pub(in super::super) fn may_be_replaced(
        &self,
        table: &TableRef,
        range: &PartitionRange,
    ) -> bool {
        let step = self.replacing(table, range);
        step.is_some_and(|step| self.begun(step))
    }

    /// The step that puts restored partitions in their place.
    pub(super) fn replacing(&self, table: &TableRef, range: &PartitionRange) -> Option<usize> {
        self.steps.iter().position(|stored| {
            stored.planned.phase == Phase::Promote
                && match &stored.planned.step {
                    Step::ReplacePartitions {
                        table: own,
                        partitions,
                    }
                    | Step::CopyPartitions {
                        table: own,
                        partitions,
                        mode: CopyMode::Overwrite,
                        ..
                    } => own == table && partitions == range,
                    _ => false,
                }
        })
    }

    async fn is_empty(
        &self,
        client: &mut Client,
        table: &TableRef,
        partition: &PartitionFacts,
    ) -> Result<bool, Error> {
        let live =
            QualifiedTable::new(&self.database_of(table)?, &self.name_of(table, Slot::Live)?);
        let rows = self.count(client, &live, &partition.name).await?;
        Ok(!partition.pending && rows == 0)
    }
}
