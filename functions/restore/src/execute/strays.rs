//! Partitions that the scheduler of dynamic partitions adds to a restored table between the end of
//! RESTORE and the moment when it is switched off.

use std::collections::BTreeSet;

use shared::{
    ddl::Ddl,
    error::Error,
    ident::{PartitionName, QualifiedTable},
    manifest::ManifestPartition,
    plan::{
        restore::{Slot, Step, TableRef, policy, source::table_of},
        verify::{compare_partitions, made_by_scheduler},
    },
    sql::copy::count_partitions,
    starrocks::Client,
};

use crate::work::{Work, failed};

impl Work<'_> {
    /// Drops them again, from a table that this restore made and from no other. What proves that they
    /// are the scheduler's: the table was recorded with it switched on, the label has no partition of
    /// that name, and there is nothing in it.
    pub(crate) async fn drop_strays(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        slot: Slot,
    ) -> Result<(), Error> {
        let database = self.database_of(table)?;
        let name = self.name_of(table, slot)?;
        let (_, manifest) = table_of(&self.sources, table)?;
        let recorded = match Ddl::parse(&manifest.ddl) {
            Ok(ddl) => policy::active(&ddl.properties),
            Err(_) => Vec::new(),
        };
        let made = self.made(&database, &name);
        let (false, Some(made)) = (recorded.is_empty(), made) else {
            return Ok(());
        };
        let Some(found) = self.read_table(client, table, slot).await? else {
            return Ok(());
        };
        if found.table_id != made {
            return Ok(());
        }
        let here = self.restored_here(index, table, slot)?;
        let wanted = manifest
            .partitions
            .iter()
            .filter(|partition| here.contains(&partition.name));
        let difference = compare_partitions(manifest, wanted, &name, &found.partitions);
        let strays = made_by_scheduler(&difference, &recorded);
        if strays.is_empty() {
            return Ok(());
        }
        let qualified = QualifiedTable::new(&database, &name);
        let query = count_partitions(&qualified, &strays)
            .map_err(|error| Error::internal(error.to_string()))?;
        let rows: u64 = client
            .fetch(&query)
            .await?
            .iter()
            .map(|row| row.row_count)
            .sum();
        if rows > 0 {
            return Err(failed(
                &self.steps[index].planned,
                format!(
                    "'{name}' has {rows} rows in {strays:?}, which label {} does not have",
                    table.label
                ),
            )
            .hint(
                "somebody loaded into it: it is not what was restored, so restore the label again",
            ));
        }
        for sent in self.context().drop_strays(table, slot, &strays)? {
            self.send_one(client, index, &sent).await?;
        }
        tracing::info!(
            restore.id = %self.run.restore_id,
            table = %name,
            partitions = ?strays,
            "dropped empty partitions that the scheduler had added"
        );
        self.steps[index].detail.note(format!(
            "dropped from '{name}' what the scheduler of dynamic partitions had added: {}",
            strays
                .iter()
                .map(PartitionName::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        ));
        Ok(())
    }

    /// The partitions that should be in a slot at a step. Right after RESTORE those of later snapshots
    /// are not there yet: one that the scheduler made in their place could have another number of
    /// replicas than the RESTORE that comes.
    fn restored_here(
        &self,
        index: usize,
        table: &TableRef,
        slot: Slot,
    ) -> Result<BTreeSet<PartitionName>, Error> {
        let (_, manifest) = table_of(&self.sources, table)?;
        let names = |partitions: Vec<&ManifestPartition>| -> BTreeSet<PartitionName> {
            let names = partitions.into_iter();
            names.map(|partition| partition.name.clone()).collect()
        };
        match &self.steps[index].planned.step {
            Step::HoldPartitions { .. } => {}
            Step::Verify {
                snapshot: Some(snapshot),
                ..
            } => {
                let held = self.request.wanted_from(manifest, snapshot);
                return Ok(names(held.collect()));
            }
            _ => return Ok(names(self.request.wanted(manifest).collect())),
        }
        let mut here = BTreeSet::new();
        for stored in self.steps.iter().filter(|stored| stored.is_done()) {
            let Step::RestoreSnapshot { snapshot, .. } = &stored.planned.step else {
                continue;
            };
            let restored = self.context().restored_tables(&stored.planned.step)?;
            if restored
                .iter()
                .any(|one| one.reference == *table && one.slot == slot)
            {
                let held = self.request.wanted_from(manifest, snapshot);
                here.extend(names(held.collect()));
            }
        }
        Ok(here)
    }
}
