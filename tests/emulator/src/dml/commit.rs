//! Making rows visible.

use jiff::{SignedDuration, Timestamp};
use rusqlite::types::Value;

use super::{
    loads::{LoadState, Pending, info},
    target::Target,
};
use crate::{
    catalog::TableState,
    engine::Engine,
    reply::{Ok as OkReply, SqlError, SqlResult},
};

/// What a committed load does to one table.
#[derive(Debug)]
pub(super) struct Change {
    pub table_id: i64,
    pub work: Work,
    /// Partitions whose version goes up.
    pub touched: Vec<i64>,
}

#[derive(Debug)]
pub(super) enum Work {
    Write {
        parts: Vec<(i64, Vec<Vec<Value>>)>,
        /// The columns that the statement gives, if the others of an existing row stay.
        assigned: Option<Vec<usize>>,
    },
    /// By `_row`.
    Delete(Vec<i64>),
}

/// A load that is ready to be committed.
#[derive(Debug)]
pub(super) struct Prepared {
    pub change: Change,
    pub loaded: u64,
    pub filtered: u64,
}

impl Engine {
    /// The partitions whose versions a load raises: those that received rows. The stand-in backend of
    /// the recordings raises all that the statement could have written to.
    pub(super) fn touched(
        &self,
        target: &Target,
        received: Vec<i64>,
        could_receive: impl Fn(&str) -> bool,
    ) -> SqlResult<Vec<i64>> {
        if !self.stand_in_backend {
            return Ok(received);
        }
        let table = self.catalog.table(&target.database, target.name())?;
        Ok(table
            .partitions
            .iter()
            .chain(table.temp_partitions.iter())
            .filter(|partition| could_receive(&partition.name))
            .map(|partition| partition.physical_id)
            .collect())
    }

    /// Commits a load: at once visible, or later if publishing is slow.
    pub(super) fn commit(
        &mut self,
        database_id: i64,
        transaction: i64,
        label: &str,
        prepared: Vec<Prepared>,
    ) -> SqlResult<OkReply> {
        let delay = self.loads.publish_delay;
        self.commit_after(database_id, transaction, label, prepared, delay)
    }

    pub(super) fn commit_after(
        &mut self,
        database_id: i64,
        transaction: i64,
        label: &str,
        prepared: Vec<Prepared>,
        delay: SignedDuration,
    ) -> SqlResult<OkReply> {
        let now = self.clock.now();
        let loaded = prepared.iter().map(|load| load.loaded).sum();
        let filtered = prepared.iter().map(|load| load.filtered).sum();
        for load in &prepared {
            self.check_writable(&load.change)?;
        }
        if let Some(record) = self.loads.record_mut(database_id, transaction) {
            record.loaded = loaded;
            record.filtered = filtered;
        }
        let changes: Vec<Change> = prepared.into_iter().map(|load| load.change).collect();
        for change in &changes {
            if let Some(table) = self.catalog.table_by_id_mut(change.table_id) {
                for physical_id in &change.touched {
                    if let Some(partition) = table.partition_by_physical_id_mut(*physical_id) {
                        partition.next_version += 1;
                    }
                }
            }
        }
        let state = if delay.is_positive() {
            self.loads.pending.push(Pending {
                visible_at: now + delay,
                committed_at: now,
                transaction,
                database_id,
                changes,
            });
            LoadState::Committed
        } else {
            self.publish(changes, now)?;
            LoadState::Visible
        };
        self.loads.finish(database_id, transaction, state, now);
        Ok(OkReply {
            affected: loaded,
            warnings: u16::try_from(filtered).unwrap_or(u16::MAX),
            info: info(label, state, transaction),
        })
    }

    fn check_writable(&self, change: &Change) -> SqlResult<()> {
        let Some((_, table)) = self.catalog.table_by_id(change.table_id) else {
            return Ok(());
        };
        if table.state == TableState::Restore {
            return Err(SqlError::plain(format!(
                "fail to execute commit task: Cannot write RESTORE state table \"{}\"",
                table.name
            )));
        }
        // Columns may have changed since the INSERT of an explicit transaction.
        let Work::Write { parts, .. } = &change.work else {
            return Ok(());
        };
        let width = parts.iter().flat_map(|(_, rows)| rows).map(Vec::len).next();
        if width.is_some_and(|width| width != table.columns.len()) {
            return Err(SqlError::plain(format!(
                "fail to execute commit task: the schema of table \"{}\" has changed",
                table.name
            )));
        }
        Ok(())
    }

    /// Publishes what is committed to a table without delay: a change of its columns waits for that.
    pub(crate) fn publish_all_of(&mut self, table_id: i64) {
        for pending in &mut self.loads.pending {
            if pending
                .changes
                .iter()
                .any(|change| change.table_id == table_id)
            {
                pending.visible_at = Timestamp::MIN;
            }
        }
        self.publish_due();
    }

    /// Publishes what was committed long enough ago.
    pub(crate) fn publish_due(&mut self) {
        let now = self.clock.now();
        let pending = std::mem::take(&mut self.loads.pending);
        let (due, later): (Vec<Pending>, Vec<Pending>) = pending
            .into_iter()
            .partition(|pending| pending.visible_at <= now);
        self.loads.pending = later;
        for pending in due {
            let state = match self.publish(pending.changes, pending.committed_at) {
                Ok(()) => LoadState::Visible,
                Err(error) => {
                    tracing::error!(transaction = pending.transaction, %error.message, "publish failed");
                    LoadState::Aborted
                }
            };
            self.loads
                .finish(pending.database_id, pending.transaction, state, now);
        }
    }

    /// The version of a partition carries the time of the commit, not of the publishing [facts 5].
    fn publish(&mut self, changes: Vec<Change>, committed_at: Timestamp) -> SqlResult<()> {
        for change in changes {
            let Some(table) = self.catalog.table_by_id_mut(change.table_id) else {
                // Dropped in between.
                continue;
            };
            let schema = table.clone_without_partitions();
            for physical_id in &change.touched {
                if let Some(partition) = table.partition_by_physical_id_mut(*physical_id) {
                    partition.visible_version += 1;
                    partition.data_version = partition.visible_version;
                    partition.visible_version_time = committed_at;
                }
            }
            match change.work {
                Work::Write { .. } if self.stand_in_backend => {}
                Work::Write { parts, assigned } => {
                    let is_there =
                        |physical_id: i64| table.partition_by_physical_id(physical_id).is_some();
                    let parts: Vec<_> = parts.into_iter().filter(|(id, _)| is_there(*id)).collect();
                    self.rows.atomically(|rows| {
                        parts.iter().try_for_each(|(physical_id, new)| {
                            rows.write_columns(&schema, *physical_id, new, assigned.as_deref())
                        })
                    })?;
                }
                Work::Delete(rows) => {
                    self.rows.delete_rows(change.table_id, &rows)?;
                }
            }
        }
        Ok(())
    }
}
