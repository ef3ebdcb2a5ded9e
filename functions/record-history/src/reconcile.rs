//! From what was planned to what the label really stands for.

use shared::{
    config::Settings,
    error::Error,
    facts::snapshot::SnapshotObjects,
    flow::BackupRun,
    manifest::{BackupRecord, BackupStatus, Manifest, ManifestObject},
    ops::Ops,
    plan::{backup::Selection, reconcile::reconcile},
    read,
    sql::ops::history::{Content, EndedRow},
    starrocks::Client,
    time::SnapshotTimestamp,
    track,
};

/// Takes the second reading R1, reconciles, and writes the label's end. Answers whether tables of the
/// label are invalid, so that the database is worth planning again.
pub(crate) async fn complete(
    settings: &Settings,
    run: &BackupRun,
    client: &mut Client,
    record: &BackupRecord,
    timestamp: Option<&SnapshotTimestamp>,
) -> Result<bool, Error> {
    let ops = settings.ops_database();
    let planned = Ops::new(client, ops).manifest(record).await?;
    let snapshot = match timestamp {
        Some(timestamp) => {
            let repository = settings.repository()?;
            track::content_of(client, repository, &record.label, timestamp)
                .await?
                .objects
        }
        None => SnapshotObjects::default(),
    };
    let names = planned
        .tables
        .iter()
        .map(|table| table.table.clone())
        .collect();
    let after = read::read_database(
        client,
        &planned.database,
        &Selection::Names(names),
        &run.execution_id,
    )
    .await?;
    let planned_id = planned.plan_id.clone();
    let planned_digest = planned.digest();
    let mut reconciled = reconcile(planned, &snapshot, &after.facts)?;
    for decision in &reconciled.decisions {
        tracing::info!(
            subject = decision.subject,
            action = decision.action,
            reason = decision.reason,
            label = %record.label,
            "reconciled"
        );
    }
    let manifest = &mut reconciled.manifest;
    if manifest.digest() != planned_digest {
        manifest.plan_id = format!("{planned_id}.final")
            .parse()
            .expect("a plan id with a suffix has no white space");
        Ops::new(client, ops).write_manifest(manifest).await?;
    }
    let missing = missing(manifest);
    Ops::new(client, ops)
        .record_ended(&EndedRow {
            label: &record.label,
            status: if missing.is_empty() {
                BackupStatus::Finished
            } else {
                BackupStatus::Partial
            },
            error_message: (!missing.is_empty()).then_some(missing.as_str()),
            content: Some(Content {
                snapshot_timestamp: timestamp,
                cut: reconciled.cut,
                plan: &manifest.plan_id,
                digest: manifest.digest(),
                partitions_total: manifest.partitions_total(),
                partitions_stored: manifest.partitions_stored(),
                bytes_stored: manifest.bytes_stored(),
                rows_total: None,
            }),
        })
        .await?;
    if manifest.plan_id != planned_id {
        Ops::new(client, ops)
            .delete_manifest(&record.label, &planned_id)
            .await?;
    }
    tracing::info!(
        label = %record.label,
        database = %manifest.database,
        partitions.total = manifest.partitions_total(),
        partitions.stored = manifest.partitions_stored(),
        cut = %reconciled.cut,
        "backup recorded"
    );
    Ok(!reconciled.invalid.is_empty())
}

/// Everything of the group that is not in the label, with the reason, or nothing.
fn missing(manifest: &Manifest) -> String {
    let skipped: Vec<String> = manifest
        .objects
        .iter()
        .filter_map(|object: &ManifestObject| {
            Some(format!(
                "{}: {}",
                object.name,
                object.skipped_reason.as_ref()?
            ))
        })
        .collect();
    if skipped.is_empty() {
        return String::new();
    }
    format!(
        "database {} is backed up without: {}",
        manifest.database,
        skipped.join("; ")
    )
}
