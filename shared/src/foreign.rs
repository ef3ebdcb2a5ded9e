//! Reading a label that another tool made: its snapshot, and the names which that tool recorded.

use crate::{
    error::{Error, ErrorName},
    ident::RepositoryName,
    manifest::{BackupRecord, Manifest},
    ops::Ops,
    plan::foreign::{Content, Origin, derive},
    starrocks::Client,
    time::SnapshotTimestamp,
    track,
};

/// What is known of a foreign label.
#[derive(Debug, Clone)]
pub struct ForeignLabel {
    pub repository: RepositoryName,
    pub timestamp: SnapshotTimestamp,
    pub manifest: Manifest,
    pub origin: Origin,
}

/// Whether `record` is of another tool: it has no plan of ours.
pub fn is_foreign(record: &BackupRecord) -> bool {
    record.plan_id.is_none() && record.plan_digest.is_none() && record.execution_id.is_none()
}

/// Fails where the label has no complete snapshot, or more than one.
pub async fn read(
    client: &mut Client,
    ops: &crate::ident::DatabaseName,
    record: &BackupRecord,
) -> Result<ForeignLabel, Error> {
    let label = &record.label;
    let repository: RepositoryName = record.repository.parse()?;
    let timestamp = track::timestamp_of(client, &repository, label)
        .await?
        .ok_or_else(|| {
            Error::new(
                ErrorName::NotFound,
                format!(
                    "label '{label}' is recorded, but repository {repository} has no complete \
                     snapshot of it"
                ),
            )
            .hint("it was deleted, or its upload never ended: restore another label")
        })?;
    let found = track::content_of(client, &repository, label, &timestamp).await?;
    let content = Content {
        database: found.database.parse()?,
        tables: found.objects.tables,
    };
    let recorded: Vec<_> = Ops::new(client, ops)
        .bare_partitions(label)
        .await?
        .into_iter()
        .map(|row| (row.table, row.partition))
        .collect();
    let (manifest, origin) = derive(record, &content, &recorded);
    Ok(ForeignLabel {
        repository,
        timestamp,
        manifest,
        origin,
    })
}
