//! `backup_history`: what was backed up, and how it ended.

use super::{Ops, until_visible};
use crate::{
    error::{Error, ErrorName},
    ident::{ClusterId, DatabaseName, ExecutionId, GroupName},
    label::SnapshotLabel,
    manifest::{BackupRecord, BackupStatus, Manifest},
    plan::{
        kept::BrokenText,
        kept_reading::KeptReading,
        overdue::{Age, Ages},
        row_counts::RowCounts,
    },
    sql::ops::{
        history::{self, EndedRow, KeptColumn, PlannedRow},
        inventory, run_status,
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

    /// How old every group's newest good backup is, per database.
    pub async fn ages(&mut self) -> Result<Ages, Error> {
        let mut ages = Ages::new();
        for row in self.client.fetch(&inventory::ages(self.database)).await? {
            let age = Age {
                good: None,
                created: row.minutes,
            };
            ages.entry(row.group).or_default().insert(row.database, age);
        }
        for row in self.client.fetch(&history::ages(self.database)).await? {
            // A database that is not in the group any more is not waited for.
            let age = ages
                .get_mut(&row.group)
                .and_then(|databases| databases.get_mut(&row.database));
            if let Some(age) = age {
                age.good = Some(row.minutes);
            }
        }
        Ok(ages)
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

    /// Keeps the second reading beside its label. What is too long to be kept is left to the end of the
    /// job: that is right too, only later.
    pub async fn keep_second_reading(
        &mut self,
        planned: &Manifest,
        kept: &KeptReading,
    ) -> Result<(), Error> {
        match kept.to_text(planned) {
            Some(text) => {
                self.keep(&planned.label, KeptColumn::SecondReading, &text)
                    .await
            }
            None => {
                tracing::warn!(
                    label = %planned.label,
                    "too much changed between plan and pin to be kept: read again at the end"
                );
                Ok(())
            }
        }
    }

    /// What a look kept, if one saw the pin.
    pub async fn second_reading(
        &mut self,
        planned: &Manifest,
    ) -> Result<Option<KeptReading>, Error> {
        let column = KeptColumn::SecondReading;
        let Some(text) = self.kept(&planned.label, column).await? else {
            return Ok(None);
        };
        KeptReading::parse(&text, planned)
            .map(Some)
            .map_err(|error| self.broken(&planned.label, column, &error))
    }

    /// Keeps what was counted so far. `false`: it is too long to be kept.
    pub async fn keep_row_counts(
        &mut self,
        planned: &Manifest,
        counts: &RowCounts,
    ) -> Result<bool, Error> {
        let Some(text) = counts.to_text(planned) else {
            return Ok(false);
        };
        self.keep(&planned.label, KeptColumn::RowCounts, &text)
            .await?;
        Ok(true)
    }

    /// What was counted so far, or is proven of a label that has ended.
    pub async fn row_counts(&mut self, planned: &Manifest) -> Result<RowCounts, Error> {
        let column = KeptColumn::RowCounts;
        let Some(text) = self.kept(&planned.label, column).await? else {
            return Ok(RowCounts::default());
        };
        RowCounts::parse(&text, planned)
            .map_err(|error| self.broken(&planned.label, column, &error))
    }

    async fn keep(
        &mut self,
        label: &SnapshotLabel,
        column: KeptColumn,
        text: &str,
    ) -> Result<(), Error> {
        self.client
            .run(&history::set_kept(self.database, label, column, text))
            .await?;
        until_visible!(format!("{} of label {label}", column.as_str()), {
            self.kept(label, column).await?.as_deref() == Some(text)
        })
    }

    async fn kept(
        &mut self,
        label: &SnapshotLabel,
        column: KeptColumn,
    ) -> Result<Option<String>, Error> {
        let query = history::kept(self.database, label, column);
        let row = self.client.fetch_optional(&query).await?;
        Ok(row.and_then(|row| row.0))
    }

    fn broken(&self, label: &SnapshotLabel, column: KeptColumn, error: &BrokenText) -> Error {
        let (ops, column) = (self.database, column.as_str());
        Error::new(
            ErrorName::VerificationFailed,
            format!("{column} of label '{label}' is not what was written: {error}"),
        )
        .hint(format!(
            "a row of backup_history was changed by hand. UPDATE {ops}.backup_history SET {column} = \
             NULL WHERE label = '{label}' makes the next run do without it"
        ))
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
