//! BACKUP is sent once per label. After any error, look before judging: our label in SHOW BACKUP
//! means that it was submitted, whatever the answer said. The label in the repository alone does not:
//! another cluster may have made it.

use std::time::Duration;

use shared::{
    error::{Error, ErrorName},
    flow::{Job, JobState},
    ops::run_status::Lease,
    sql::{backup, ops::run_status::Phase},
    starrocks::{Client, ClientError, FailureKind},
    track::{self, Whereabouts},
};

use crate::{Work, plan::Prepared};

pub(crate) enum Submitted {
    Yes(Job),
    /// Normal life of a busy cluster: to be planned again under the next label.
    Refused(Error),
    /// This cluster cannot back up LIST tables: to be planned without them, or not at all.
    ListRefused,
}

impl Work<'_> {
    pub(crate) async fn submit(
        &self,
        client: &mut Client,
        lease: &Lease,
        prepared: Prepared,
    ) -> Result<Submitted, Error> {
        if let Some(conflict) = self.ops(client).foreign_conflict().await? {
            return Err(conflict);
        }
        self.ops(client).verify_lease(lease).await?;
        let statement = backup::backup(
            self.database,
            &prepared.label,
            &prepared.repository,
            &prepared.objects(),
            Duration::from_secs(self.run.backup_timeout_seconds()),
        )
        .map_err(|error| Error::internal(error.to_string()))?;
        if let Err(error) = client.run(&statement).await {
            tracing::warn!(label = %prepared.label, error = %error, "BACKUP was answered with an error");
            let repository = &prepared.repository;
            let found =
                track::find_label(client, repository, self.database, &prepared.label).await?;
            if !matches!(found, Whereabouts::Running(_) | Whereabouts::Finished) {
                return self.refused(client, lease, &prepared, error).await;
            }
        }
        self.ops(client)
            .set_phase(lease, &prepared.label, Phase::Submitted, None)
            .await?;
        self.audit(&prepared.label).started();
        tracing::info!(
            label = %prepared.label,
            database = %self.database,
            partitions.stored = prepared.partitions_stored(),
            "backup submitted"
        );
        Ok(Submitted::Yes(
            prepared.job(self.database, JobState::Running),
        ))
    }

    async fn refused(
        &self,
        client: &mut Client,
        lease: &Lease,
        prepared: &Prepared,
        error: ClientError,
    ) -> Result<Submitted, Error> {
        let kind = error.kind();
        let words = error.engine_words().unwrap_or_default().to_owned();
        match kind {
            // What was planned is not there any more, or somebody took the label.
            FailureKind::UnknownTable
            | FailureKind::UnknownPartition
            | FailureKind::TempPartitions
            | FailureKind::LabelExists => {
                self.abandon(client, lease, &prepared.label, &words).await?;
                Ok(Submitted::Refused(failed(
                    self,
                    prepared,
                    ErrorName::BackupFailed,
                    words,
                )))
            }
            FailureKind::ListUnsupported => {
                self.abandon(client, lease, &prepared.label, &words).await?;
                Ok(Submitted::ListRefused)
            }
            // Another tool's job: the plan stays as it is and is submitted by the repeat.
            FailureKind::JobRunning => Err(failed(self, prepared, ErrorName::JobConflict, words)
                .hint("SHOW BACKUP and SHOW RESTORE show the job that runs in this database")),
            // Whether it was executed could not be seen either: the repeat looks again.
            FailureKind::ConnectionLost | FailureKind::Timeout | FailureKind::Unreachable => {
                Err(error.into())
            }
            FailureKind::AccessDenied
            | FailureKind::RepositoryUnknown
            | FailureKind::RepositoryUnreachable
            | FailureKind::RepositoryReadOnly => Err(error.into()),
            _ => {
                self.abandon(client, lease, &prepared.label, &words).await?;
                Err(failed(self, prepared, ErrorName::BackupFailed, words))
            }
        }
    }
}

fn failed(work: &Work<'_>, prepared: &Prepared, name: ErrorName, words: String) -> Error {
    Error::new(
        name,
        format!(
            "BACKUP of database {} under label {} was refused",
            work.database, prepared.label
        ),
    )
    .engine(words)
}
