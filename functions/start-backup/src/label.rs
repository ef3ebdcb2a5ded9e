//! Which label is free.

use std::collections::BTreeSet;

use shared::{
    error::Error,
    label::{LabelStem, SnapshotLabel},
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

    /// The first attempt that is neither in history, nor in work, nor in the repository in any state:
    /// StarRocks refuses a label of which even a fragment exists.
    pub(crate) async fn free_label(&self, client: &mut Client) -> Result<SnapshotLabel, Error> {
        let stem = self.stem()?;
        let prefix = stem.text();
        let mut taken: BTreeSet<String> = self
            .ops(client)
            .labels_with_prefix(prefix)
            .await?
            .into_iter()
            .collect();
        let snapshots = client.fetch(&show::snapshots(self.repository)).await?;
        taken.extend(snapshots.into_iter().map(|snapshot| snapshot.label));
        Ok(free_label(&stem, &taken)?)
    }
}
