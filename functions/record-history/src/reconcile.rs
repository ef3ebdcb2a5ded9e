//! From what was planned to what the label really stands for.

use std::collections::BTreeMap;

use shared::{
    config::Settings,
    error::{Error, ErrorName},
    facts::{DatabaseFacts, snapshot::SnapshotObjects},
    flow::BackupRun,
    ident::{DatabaseId, DatabaseName},
    manifest::{BackupRecord, BackupStatus, Manifest, ManifestObject},
    ops::Ops,
    plan::{reconcile::reconcile, row_counts::RowCounts, second_reading::SecondReading},
    read,
    sql::{
        ops::history::{Content, EndedRow},
        show,
    },
    starrocks::Client,
    time::SnapshotTimestamp,
    track,
};

/// Reconciles with the second reading R1, and writes the label's end. Answers whether tables of the
/// label are invalid, so that the database is worth planning again.
pub(crate) async fn complete(
    settings: &Settings,
    run: &BackupRun,
    client: &mut Client,
    record: &BackupRecord,
    timestamp: Option<&SnapshotTimestamp>,
) -> Result<bool, Error> {
    let ops = settings.ops_database();
    let mut planned = Ops::new(client, ops).manifest(record).await?;
    let snapshot = match timestamp {
        Some(timestamp) => {
            let repository = record.repository.parse()?;
            track::content_of(client, &repository, &record.label, timestamp)
                .await?
                .objects
        }
        None => SnapshotObjects::default(),
    };
    let after = match second_reading(settings, run, client, &mut planned).await {
        Err(error)
            if error.name == ErrorName::NotFound
                && is_dropped(client, &planned.database).await? =>
        {
            tracing::warn!(label = %record.label, database = %planned.database, "dropped since");
            reading_of_nothing(&planned)
        }
        after => after?,
    };
    let planned_id = planned.plan_id.clone();
    let planned_digest = planned.digest();
    let mut reconciled = reconcile(planned, &snapshot, &after)?;
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
    let digest = manifest.digest();
    let rewritten = digest != planned_digest;
    if rewritten {
        // Two attempts may see two databases: each has rows of its own, and a repeat the same ones.
        manifest.plan_id = format!("{planned_id}.{digest}")
            .parse()
            .expect("a plan id with a suffix has no white space");
        Ops::new(client, ops).write_manifest(manifest).await?;
    }
    let missing = missing(manifest);
    // Rows that were just written have their counts in them.
    let row_counts = match rewritten {
        true => None,
        false => RowCounts::of(manifest).to_text(manifest),
    };
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
                digest,
                partitions_total: manifest.partitions_total(),
                partitions_stored: manifest.partitions_stored(),
                bytes_stored: manifest.bytes_stored(),
                rows_total: manifest.rows_total(),
                row_counts: row_counts.as_deref(),
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

/// As a look at the pin kept it, if the job still shows that very pin; else as it is now. Fills in the
/// row counts that it proves, or disproves.
async fn second_reading(
    settings: &Settings,
    run: &BackupRun,
    client: &mut Client,
    planned: &mut Manifest,
) -> Result<SecondReading, Error> {
    let ops = settings.ops_database();
    let counts = Ops::new(client, ops).row_counts(planned).await?;
    let kept = Ops::new(client, ops).second_reading(planned).await?;
    if let Some(kept) = kept {
        let jobs = client.fetch(&show::backup(&planned.database)).await?;
        let own = jobs.iter().find(|job| job.label == planned.label.as_str());
        let shown = own.and_then(|job| job.pin.as_ref());
        if shown == Some(&kept.pin) {
            let covered = kept.counted.map_or(0, |mark| counts.covered(&mark));
            let unproven = counts.unproven(planned, covered);
            let later = match unproven.is_empty() {
                true => None,
                false => Some(read_now(run, client, &planned.only(&unproven)).await?),
            };
            counts.fill(planned, covered, later.as_ref());
            return Ok(kept.reading);
        }
        tracing::warn!(
            label = %planned.label,
            kept = %kept.pin,
            shown = shown.map(ToString::to_string),
            "not the pin that the second reading followed: reading again"
        );
    }
    let after = read_now(run, client, planned).await?;
    counts.fill(planned, counts.counted(), None);
    Ok(after)
}

async fn read_now(
    run: &BackupRun,
    client: &mut Client,
    planned: &Manifest,
) -> Result<SecondReading, Error> {
    let after = read::read_again(client, planned, &run.execution_id).await?;
    Ok(SecondReading::of(planned, &after.facts))
}

async fn is_dropped(client: &mut Client, database: &DatabaseName) -> Result<bool, Error> {
    let databases = client.fetch(&show::databases()).await?;
    Ok(databases.iter().all(|row| row.0 != *database))
}

/// Of a database that is gone: what was in it proves nothing, and what the snapshot holds of it stays.
fn reading_of_nothing(planned: &Manifest) -> SecondReading {
    let facts = DatabaseFacts {
        database: planned.database.clone(),
        // Of none: a reading is about tables.
        database_id: DatabaseId(0),
        tables: BTreeMap::new(),
        objects: Vec::new(),
        listing: None,
    };
    SecondReading::of(planned, &facts)
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
