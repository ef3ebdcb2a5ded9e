//! What a repository holds against what history says: snapshots that nobody knows of, records whose
//! snapshot is gone, and fragments that block their label for ever.
//!
//! StarRocks cleans up nothing after itself, and before 4.2 it cannot be told to. Nothing is deleted
//! here either: a wrong deletion cannot be taken back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;

use crate::{
    ident::RepositoryName,
    label::{PROBE_PREFIX, SnapshotLabel},
    manifest::{BackupRecord, BackupStatus},
    sql::show::{Snapshot, SnapshotContent},
    time::SnapshotTimestamp,
};

#[cfg(test)]
mod tests;

/// Three listings of the same moment, as far as that can be: take `running` first and `records` last,
/// so that a backup that ends meanwhile is seen in one of them.
#[derive(Debug)]
pub struct Listings<'a> {
    pub repository: &'a RepositoryName,
    /// Labels in work: running in SHOW BACKUP, or claimed in `run_status`.
    pub running: &'a BTreeSet<String>,
    pub snapshots: &'a [Snapshot],
    /// Of every repository; those of another one are passed over.
    pub records: &'a [BackupRecord],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Orphan {
    pub label: String,
    pub class: OrphanClass,
    /// What history says of the label.
    pub recorded: Option<BackupStatus>,
    /// Restorable labels that reference this one's snapshot.
    pub dependents: Vec<SnapshotLabel>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "class")]
pub enum OrphanClass {
    /// In work right now, and so no orphan.
    Running,
    /// Written by `doctor --probe`, to see whether the repository can be written.
    Probe,
    /// Complete, and history has no row: made by hand, by another tool, or by a run that died.
    Unrecorded { timestamp: SnapshotTimestamp },
    /// Complete, and history says that it failed: its run died, or gave up too early.
    RecordedAsFailed { timestamp: SnapshotTimestamp },
    /// History says that it can be restored, and the repository does not have it.
    Gone,
    /// The repository has a snapshot of this label, and it is not the recorded one.
    Replaced {
        recorded: SnapshotTimestamp,
        found: SnapshotTimestamp,
    },
    /// A fragment of a job that was cancelled or cut off, or of a deletion. Its label cannot be used
    /// again.
    Fragment,
    /// Two clusters used the label at the same moment, or an upload was cut off at its very end: it
    /// can never be restored.
    Poisoned { timestamps: String },
    /// The engine could not look at it, which says nothing.
    Unreadable { words: String },
}

/// Every label of the repository or of history that does not match the other, by label.
pub fn find_orphans(listings: &Listings<'_>) -> Vec<Orphan> {
    let records: BTreeMap<&str, &BackupRecord> = listings
        .records
        .iter()
        .filter(|record| record.repository == listings.repository.as_str())
        .map(|record| (record.label.as_str(), record))
        .collect();
    let mut dependents: BTreeMap<&str, Vec<SnapshotLabel>> = BTreeMap::new();
    for record in records
        .values()
        .filter(|record| record.status.is_restorable())
    {
        if let Some(baseline) = &record.baseline {
            dependents
                .entry(baseline.as_str())
                .or_default()
                .push(record.label.clone());
        }
    }
    let snapshots: BTreeMap<&str, &SnapshotContent> = listings
        .snapshots
        .iter()
        .map(|snapshot| (snapshot.label.as_str(), &snapshot.content))
        .collect();

    let labels: BTreeSet<&str> = records.keys().chain(snapshots.keys()).copied().collect();
    labels
        .into_iter()
        .filter_map(|label| {
            let record = records.get(label).copied();
            let running = listings.running.contains(label);
            let class = match label.starts_with(PROBE_PREFIX) && record.is_none() {
                true => OrphanClass::Probe,
                false => classify(record, snapshots.get(label).copied(), running)?,
            };
            Some(Orphan {
                label: label.to_owned(),
                class,
                recorded: record.map(|record| record.status),
                dependents: dependents.remove(label).unwrap_or_default(),
            })
        })
        .collect()
}

/// `None`: what is recorded is what is there.
fn classify(
    record: Option<&BackupRecord>,
    snapshot: Option<&SnapshotContent>,
    running: bool,
) -> Option<OrphanClass> {
    let restorable = record.filter(|record| record.status.is_restorable());
    if running && restorable.is_none() {
        return snapshot.map(|_| OrphanClass::Running);
    }
    match (snapshot, record) {
        (Some(SnapshotContent::Unreadable(words)), _) => Some(OrphanClass::Unreadable {
            words: words.clone(),
        }),
        (Some(SnapshotContent::Unusable(timestamps)), _) => Some(OrphanClass::Poisoned {
            timestamps: timestamps.clone(),
        }),
        (Some(SnapshotContent::Complete(found)), Some(record)) => match restorable {
            None => Some(OrphanClass::RecordedAsFailed {
                timestamp: found.clone(),
            }),
            Some(_) => match &record.snapshot_timestamp {
                // The Python tool records none.
                Some(recorded) if recorded != found => Some(OrphanClass::Replaced {
                    recorded: recorded.clone(),
                    found: found.clone(),
                }),
                _ => None,
            },
        },
        (Some(SnapshotContent::Complete(found)), None) => Some(OrphanClass::Unrecorded {
            timestamp: found.clone(),
        }),
        (Some(SnapshotContent::Unfinished), _) if restorable.is_none() => {
            Some(OrphanClass::Fragment)
        }
        (Some(SnapshotContent::Unfinished) | None, _) => restorable
            .filter(|record| expects_snapshot(record))
            .map(|_| OrphanClass::Gone),
    }
}

/// A label of ours in which nothing had changed has no snapshot and needs none.
fn expects_snapshot(record: &BackupRecord) -> bool {
    record.snapshot_timestamp.is_some() || record.plan_digest.is_none()
}

impl Orphan {
    /// Whether something that history promises cannot be restored.
    pub fn loses_data(&self) -> bool {
        let promised = self.recorded.is_some_and(BackupStatus::is_restorable);
        match self.class {
            OrphanClass::Gone | OrphanClass::Replaced { .. } | OrphanClass::Poisoned { .. } => {
                promised || !self.dependents.is_empty()
            }
            _ => false,
        }
    }

    /// What to do about it, or `None` where nothing is to be done.
    pub fn hint(&self) -> Option<String> {
        let prefix = format!("__ss_{}/", self.label);
        Some(match &self.class {
            OrphanClass::Running => return None,
            OrphanClass::Probe => format!("nobody needs it: delete {prefix} in the bucket"),
            OrphanClass::Unrecorded { timestamp } => format!(
                "RESTORE SNAPSHOT with backup_timestamp {timestamp} brings it back by hand; if nobody \
                 needs it, delete {prefix} in the bucket, its __info_* objects first"
            ),
            OrphanClass::RecordedAsFailed { .. } => {
                "its data is complete; the next backup of its database looks at it again".to_owned()
            }
            OrphanClass::Gone | OrphanClass::Replaced { .. } | OrphanClass::Poisoned { .. } => {
                "make a new full backup now; then find out who deletes or writes in this repository: \
                 rules that delete by age break labels that others reference"
                    .to_owned()
            }
            OrphanClass::Fragment => format!(
                "no restore needs it; once SHOW BACKUP shows no job of it on any cluster, delete \
                 {prefix} in the bucket"
            ),
            OrphanClass::Unreadable { .. } => {
                "check the object store and its credentials, and look again".to_owned()
            }
        })
    }
}

impl fmt::Display for Orphan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.label)?;
        match &self.class {
            OrphanClass::Running => formatter.write_str("in work")?,
            OrphanClass::Probe => formatter.write_str("left by a write probe of doctor")?,
            OrphanClass::Unrecorded { timestamp } => {
                write!(
                    formatter,
                    "complete ({timestamp}), and not in backup_history"
                )?;
            }
            OrphanClass::RecordedAsFailed { timestamp } => {
                let status = self.recorded.map_or("failed", BackupStatus::as_str);
                write!(
                    formatter,
                    "complete ({timestamp}), and recorded as {status}"
                )?;
            }
            OrphanClass::Gone => {
                let status = self.recorded.map_or("complete", BackupStatus::as_str);
                write!(formatter, "recorded as {status}, and not in the repository")?;
            }
            OrphanClass::Replaced { recorded, found } => write!(
                formatter,
                "recorded with timestamp {recorded}, and the repository has {found}"
            )?,
            OrphanClass::Fragment => formatter.write_str("a fragment that blocks its label")?,
            OrphanClass::Poisoned { timestamps } => write!(
                formatter,
                "it can never be restored: its timestamps are {timestamps}"
            )?,
            OrphanClass::Unreadable { words } => write!(formatter, "cannot be looked at: {words}")?,
        }
        if self.dependents.is_empty() || !self.loses_data() {
            return Ok(());
        }
        let labels: Vec<&str> = self.dependents.iter().map(SnapshotLabel::as_str).collect();
        write!(formatter, "; needed by {}", labels.join(", "))
    }
}
