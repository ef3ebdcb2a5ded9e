//! Where a label is, read from the engine: never remembered, never concluded from a JobId.

use std::collections::BTreeSet;

use crate::{
    error::{Error, ErrorName},
    facts::snapshot::SnapshotObjects,
    ident::{DatabaseName, RepositoryName},
    job::Phase,
    label::SnapshotLabel,
    manifest::BackupRecord,
    sql::show::{self, BackupJob, Snapshot, SnapshotContent, SnapshotDetails},
    starrocks::{Client, ClientError, FailureKind},
    time::SnapshotTimestamp,
};

/// What the engine shows of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// SHOW BACKUP shows its job at work.
    Running(BackupJob),
    /// SHOW BACKUP shows it FINISHED: made by this cluster.
    Finished,
    /// The repository holds it complete, and SHOW BACKUP does not show it: made by this cluster only
    /// if this cluster is known to have sent it.
    InRepository,
    /// SHOW BACKUP shows it CANCELLED; the engine's words.
    Cancelled(String),
    /// In the repository, without the last object that makes it complete, and not in SHOW BACKUP:
    /// running unseen, or cut off.
    Unfinished,
    /// Two clusters used the label at the same moment, or its last upload was cut off.
    Unusable(String),
    /// Neither in SHOW BACKUP nor in the repository.
    Nowhere,
}

/// SHOW BACKUP first: it is one look into memory. The repository only if our label is not there.
pub async fn find_label(
    client: &mut Client,
    repository: &RepositoryName,
    database: &DatabaseName,
    label: &SnapshotLabel,
) -> Result<Whereabouts, Error> {
    match find_job(client, database, label).await? {
        Some(shown) => Ok(shown),
        None => find_in_repository(client, repository, label).await,
    }
}

/// What SHOW BACKUP shows of a label, which is nothing of most: only the last job of a database, and
/// that for a week.
pub async fn find_job(
    client: &mut Client,
    database: &DatabaseName,
    label: &SnapshotLabel,
) -> Result<Option<Whereabouts>, ClientError> {
    let jobs = client.fetch(&show::backup(database)).await?;
    let own = jobs.into_iter().find(|job| job.label == label.as_str());
    Ok(own.map(|job| match job.state.phase() {
        Phase::Running => Whereabouts::Running(job),
        Phase::Finished => Whereabouts::Finished,
        Phase::Cancelled => Whereabouts::Cancelled(job.work.status),
    }))
}

/// Of a label that SHOW BACKUP does not show.
pub async fn find_in_repository(
    client: &mut Client,
    repository: &RepositoryName,
    label: &SnapshotLabel,
) -> Result<Whereabouts, Error> {
    let snapshot = find_snapshot(client, repository, label).await?;
    Ok(match snapshot.map(|snapshot| snapshot.content) {
        None => Whereabouts::Nowhere,
        Some(SnapshotContent::Complete(_)) => Whereabouts::InRepository,
        Some(SnapshotContent::Unfinished) => Whereabouts::Unfinished,
        Some(SnapshotContent::Unusable(timestamps)) => Whereabouts::Unusable(timestamps),
        Some(SnapshotContent::Unreadable(words)) => return Err(unreadable(repository, &words)),
    })
}

async fn find_snapshot(
    client: &mut Client,
    repository: &RepositoryName,
    label: &SnapshotLabel,
) -> Result<Option<Snapshot>, Error> {
    let snapshots = match client
        .fetch(&show::snapshots_named(repository, [label]))
        .await
    {
        // Where somebody removed the repository of a label that was in work, no run may hang on it.
        Err(error) if error.kind() == FailureKind::RepositoryUnknown => return Ok(None),
        snapshots => snapshots?,
    };
    Ok(snapshots
        .into_iter()
        .find(|snapshot| snapshot.label == label.as_str()))
}

/// Those of `records` whose own snapshot is in the repository, complete and under the recorded
/// timestamp, in their order. One that made no snapshot has none to lose.
pub async fn restorable(
    client: &mut Client,
    repository: &RepositoryName,
    mut records: Vec<BackupRecord>,
) -> Result<Vec<BackupRecord>, Error> {
    if records.is_empty() {
        return Ok(records);
    }
    let query = show::snapshots_named(repository, records.iter().map(|record| &record.label));
    let complete: BTreeSet<(String, SnapshotTimestamp)> = client
        .fetch(&query)
        .await?
        .into_iter()
        .filter_map(|snapshot| match snapshot.content {
            SnapshotContent::Complete(timestamp) => Some((snapshot.label, timestamp)),
            _ => None,
        })
        .collect();
    records.retain(|record| {
        record.snapshot_timestamp.as_ref().is_none_or(|timestamp| {
            complete.contains(&(record.label.to_string(), timestamp.clone()))
        })
    });
    Ok(records)
}

/// The one valid timestamp of a complete snapshot. Two mean that another cluster used the label at the
/// same moment: neither can ever be restored.
pub async fn timestamp_of(
    client: &mut Client,
    repository: &RepositoryName,
    label: &SnapshotLabel,
) -> Result<Option<SnapshotTimestamp>, Error> {
    let snapshot = find_snapshot(client, repository, label).await?;
    match snapshot.map(|snapshot| snapshot.content) {
        None | Some(SnapshotContent::Unfinished) => Ok(None),
        Some(SnapshotContent::Complete(timestamp)) => Ok(Some(timestamp)),
        Some(SnapshotContent::Unusable(timestamps)) => Err(Error::new(
            ErrorName::BackupFailed,
            format!(
                "label '{label}' in repository {repository} has more than one timestamp, or a broken \
                 one: {timestamps}"
            ),
        )
        .hint(
            "another cluster made a snapshot with the same label at the same moment, and neither can \
             be restored: run the backup again, and give each cluster a repository of its own",
        )),
        Some(SnapshotContent::Unreadable(words)) => Err(unreadable(repository, &words)),
    }
}

/// What a complete snapshot holds.
pub async fn content_of(
    client: &mut Client,
    repository: &RepositoryName,
    label: &SnapshotLabel,
    timestamp: &SnapshotTimestamp,
) -> Result<SnapshotContents, Error> {
    let query = show::snapshot_details(repository, label, timestamp);
    match client.fetch_optional(&query).await? {
        Some(SnapshotDetails::Readable { database, tables }) => Ok(SnapshotContents {
            database,
            objects: SnapshotObjects::from_names(tables),
        }),
        Some(SnapshotDetails::Unreadable(words)) => Err(Error::new(
            ErrorName::RepositoryUnavailable,
            format!("what label {label} holds cannot be read from repository {repository}"),
        )
        .engine(words)),
        None => Err(Error::internal(format!(
            "SHOW SNAPSHOT answered no row for label {label} at {timestamp}"
        ))),
    }
}

/// As SHOW SNAPSHOT prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotContents {
    pub database: String,
    pub objects: SnapshotObjects,
}

fn unreadable(repository: &RepositoryName, words: &str) -> Error {
    Error::new(
        ErrorName::RepositoryUnavailable,
        format!("repository {repository} could not be listed"),
    )
    .engine(words)
    .hint("SHOW REPOSITORIES shows its location; check the object store and its credentials")
}
