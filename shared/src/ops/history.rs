//! `backup_history`: what was backed up, and how it ended.

use super::{Ops, until_visible};
use crate::{
    error::{Error, ErrorName},
    ident::{ClusterId, DatabaseName, ExecutionId, GroupName},
    label::SnapshotLabel,
    manifest::{BackupRecord, BackupStatus, Manifest},
    plan::second_reading::KeptReading,
    sql::ops::{
        history::{self, EndedRow, PlannedRow},
        run_status,
    },
};

impl Ops<'_> {
    pub async fn backup(&mut self, label: &SnapshotLabel) -> Result<Option<BackupRecord>, Error> {
        Ok(self
            .client
            .fetch(&history::by_label(self.database, label))
            .await?
            .pop())
    }

    /// The label's record, or an error that says where to look.
    pub async fn known_backup(&mut self, label: &SnapshotLabel) -> Result<BackupRecord, Error> {
        self.backup(label).await?.ok_or_else(|| {
            Error::new(
                ErrorName::NotFound,
                format!("there is no backup with label '{label}'"),
            )
            .hint("starrocks-br list shows the labels that are recorded")
            .hint("starrocks-br doctor --orphans shows snapshots that nobody recorded")
        })
    }

    pub async fn backups(&mut self) -> Result<Vec<BackupRecord>, Error> {
        Ok(self.client.fetch(&history::all(self.database)).await?)
    }

    pub async fn backups_of_execution(
        &mut self,
        execution: &ExecutionId,
    ) -> Result<Vec<BackupRecord>, Error> {
        Ok(self
            .client
            .fetch(&history::of_execution(self.database, execution))
            .await?)
    }

    pub async fn baselines(
        &mut self,
        group: &GroupName,
        database: &DatabaseName,
        cluster: &ClusterId,
    ) -> Result<Vec<BackupRecord>, Error> {
        Ok(self
            .client
            .fetch(&history::baselines(self.database, group, database, cluster))
            .await?)
    }

    /// Every label that starts with `prefix` in our tables, whoever wrote it.
    pub async fn labels_with_prefix(&mut self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut labels = self
            .client
            .fetch(&history::labels_with_prefix(self.database, prefix))
            .await?;
        labels.extend(
            self.client
                .fetch(&run_status::labels_with_prefix(self.database, prefix))
                .await?,
        );
        Ok(labels.into_iter().map(|row| row.0).collect())
    }

    pub async fn record_planned(&mut self, row: &PlannedRow<'_>) -> Result<(), Error> {
        self.client
            .run(&history::insert_planned(self.database, row))
            .await?;
        let digest = Some(row.digest);
        until_visible!(format!("the history row of label {}", row.label), {
            let record = self.backup(row.label).await?;
            record.is_some_and(|record| record.plan_digest == digest)
        })
    }

    pub async fn record_pinned(&mut self, label: &SnapshotLabel) -> Result<(), Error> {
        self.client
            .run(&history::set_pinned(self.database, label))
            .await?;
        until_visible!(format!("the pin of label {label}"), {
            self.backup(label)
                .await?
                .is_some_and(|record| record.pinned_at.is_some())
        })
    }

    /// Keeps the second reading beside its label, and waits until it can be read. A reading that is
    /// too long to be kept is left to the end of the job: that is right too, only later.
    pub async fn keep_second_reading(
        &mut self,
        label: &SnapshotLabel,
        kept: &KeptReading,
    ) -> Result<(), Error> {
        let Some(text) = kept.to_text() else {
            tracing::warn!(
                label = %label,
                "too much changed between plan and pin to be kept: read again at the end of the job"
            );
            return Ok(());
        };
        self.client
            .run(&history::set_second_reading(self.database, label, &text))
            .await?;
        until_visible!(format!("the second reading of label {label}"), {
            self.second_reading_text(label).await?.as_ref() == Some(&text)
        })
    }

    /// What a look kept, if one saw the pin. An error where it is not what was written.
    pub async fn second_reading(
        &mut self,
        planned: &Manifest,
    ) -> Result<Option<KeptReading>, Error> {
        let label = &planned.label;
        let Some(text) = self.second_reading_text(label).await? else {
            return Ok(None);
        };
        let kept = KeptReading::parse(&text, planned).map_err(|error| {
            Error::new(
                ErrorName::VerificationFailed,
                format!("the second reading of label '{label}' is not what was written: {error}"),
            )
            .hint(format!(
                "a row of backup_history was changed by hand. To have it read anew: UPDATE \
                 {}.backup_history SET second_reading = NULL WHERE label = '{label}'; then run the \
                 command again",
                self.database
            ))
        })?;
        Ok(Some(kept))
    }

    async fn second_reading_text(
        &mut self,
        label: &SnapshotLabel,
    ) -> Result<Option<String>, Error> {
        let query = history::second_reading(self.database, label);
        let row = self.client.fetch_optional(&query).await?;
        Ok(row.and_then(|row| row.0))
    }

    pub async fn record_ended(&mut self, row: &EndedRow<'_>) -> Result<(), Error> {
        self.client
            .run(&history::set_ended(self.database, row))
            .await?;
        let status: BackupStatus = row.status;
        until_visible!(format!("the end of label {}", row.label), {
            self.backup(row.label)
                .await?
                .is_some_and(|record| record.status == status)
        })
    }

    /// A label under which nothing was, or nothing more will be, backed up.
    pub async fn record_failed(
        &mut self,
        label: &SnapshotLabel,
        status: BackupStatus,
        error_message: &str,
    ) -> Result<(), Error> {
        self.record_ended(&EndedRow {
            label,
            status,
            error_message: Some(error_message),
            content: None,
        })
        .await
    }
}
