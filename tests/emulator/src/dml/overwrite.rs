//! INSERT OVERWRITE: new partitions take the places of old ones.

use jiff::SignedDuration;

use super::{
    commit::{Change, Prepared, Work},
    target::Target,
};
use crate::{
    catalog::{PartitionValue, TableState},
    engine::Engine,
    parse::dml::TargetPartitions,
    reply::{Ok as OkReply, SqlError, SqlResult},
};

impl Engine {
    /// Replaces the partitions that the statement names, or all, by new ones with new ids, and commits
    /// the rows into those [facts 5].
    pub(super) fn overwrite(
        &mut self,
        target: &Target,
        partitions: Option<&TargetPartitions>,
        transaction: i64,
        label: &str,
        mut prepared: Prepared,
    ) -> SqlResult<OkReply> {
        let table = self.catalog.table(&target.database, target.name())?;
        if table.state == TableState::Restore {
            return Err(SqlError::plain(
                "table state is RESTORE, could not do insert overwrite",
            ));
        }
        let temporary = partitions.is_some_and(|partitions| partitions.temporary);
        let among = if temporary {
            &table.temp_partitions
        } else {
            &table.partitions
        };
        let replaced: Vec<String> = match partitions {
            Some(partitions) => partitions.names.clone(),
            None => among
                .iter()
                .filter(|partition| partition.value != PartitionValue::Shadow)
                .map(|partition| partition.name.clone())
                .collect(),
        };
        let now = self.clock.now();
        for name in replaced {
            let table = self.catalog.table(&target.database, target.name())?;
            let among = if temporary {
                &table.temp_partitions
            } else {
                &table.partitions
            };
            let Some(old) = among.get(&name).cloned() else {
                continue;
            };
            let new = self.catalog.new_partition(
                old.name,
                old.value,
                old.buckets,
                old.replication_num,
                now,
            );
            prepared.change.replace(old.physical_id, new.physical_id);
            let table = self.catalog.table_mut(&target.database, target.name())?;
            let among = if temporary {
                &mut table.temp_partitions
            } else {
                &mut table.partitions
            };
            among.replace(&name, new);
            self.rows.drop_partition(old.physical_id)?;
        }
        // The old rows are gone: nothing may be missing until the new ones are published.
        self.commit_after(
            target.database_id,
            transaction,
            label,
            vec![prepared],
            SignedDuration::ZERO,
        )
    }
}

impl Change {
    /// Rows meant for one partition go to another.
    fn replace(&mut self, old: i64, new: i64) {
        if let Work::Write { parts, .. } = &mut self.work {
            for (physical_id, _) in parts {
                if *physical_id == old {
                    *physical_id = new;
                }
            }
        }
        for physical_id in &mut self.touched {
            if *physical_id == old {
                *physical_id = new;
            }
        }
    }
}
