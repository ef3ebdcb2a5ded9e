//! Which label is free.

use std::collections::BTreeSet;

use shared::{
    error::Error,
    label::{LabelStem, SnapshotLabel},
    ops::run_status::Lease,
    plan::label::free_label,
    sql::show,
    starrocks::Client,
};

use crate::Work;

impl Work<'_> {
    /// The label without its attempt: it names this work, whoever does it.
    pub(crate) fn stem(&self) -> Result<LabelStem, Error> {
        Ok(self
            .run
            .label_stem(self.database, self.settings.label_time_zone())?)
    }

    /// Takes the first free label. One that somebody else takes at the same moment is left to them.
    pub(crate) async fn take_label(
        &self,
        client: &mut Client,
        lease: &Lease,
    ) -> Result<SnapshotLabel, Error> {
        let mut lost = BTreeSet::new();
        loop {
            let label = self.free_label(client, &lost).await?;
            if self.ops(client).claim_label(lease, &label).await? {
                return Ok(label);
            }
            // Taken by a newer call of our own work, perhaps.
            self.ops(client).verify_lease(lease).await?;
            tracing::info!(label = %label, database = %self.database, "label taken by another run");
            lost.insert(label.to_string());
        }
    }

    /// The first attempt that is neither in history, nor in work, nor in the repository in any state:
    /// StarRocks refuses a label of which even a fragment exists.
    pub(crate) async fn free_label(
        &self,
        client: &mut Client,
        lost: &BTreeSet<String>,
    ) -> Result<SnapshotLabel, Error> {
        let stem = self.stem()?;
        let prefix = stem.text();
        let mut taken: BTreeSet<String> = self
            .ops(client)
            .labels_with_prefix(prefix)
            .await?
            .into_iter()
            .collect();
        let snapshots = client.fetch(&show::snapshots(self.repository)).await?;
        taken.extend(lost.iter().cloned());
        taken.extend(snapshots.into_iter().map(|snapshot| snapshot.label));
        Ok(free_label(&stem, &taken)?)
    }
}
