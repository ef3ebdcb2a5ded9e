//! Which label is free.

use std::collections::BTreeSet;

use shared::{
    error::{Error, ErrorName},
    label::{LabelStem, SnapshotLabel},
    sql::show,
    starrocks::Client,
};

use crate::Work;

/// More attempts than anybody makes under one name.
const MAX_ATTEMPTS: u32 = 10_000;

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
        (0..MAX_ATTEMPTS)
            .map(|number| stem.attempt(number))
            .find(|label| !taken.contains(label.as_str()))
            .ok_or_else(|| {
                Error::new(
                    ErrorName::InvalidInput,
                    format!("all {MAX_ATTEMPTS} labels from '{prefix}' on are taken"),
                )
                .hint("give the backup another name: --name")
            })
    }
}
