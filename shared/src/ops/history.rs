//! `backup_history`: what was backed up, and how it ended.

use super::{Ops, until_visible};
use crate::{
    error::{Error, ErrorName},
    ident::{ClusterId, DatabaseName, ExecutionId, GroupName},
    label::SnapshotLabel,
    manifest::{BackupRecord, BackupStatus},
    plan::overdue::{Age, Ages},
    sql::ops::{
        history::{self, EndedRow, PlannedRow},
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
