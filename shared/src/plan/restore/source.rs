//! What a restore reads from: manifests, and the snapshots that their partitions are stored in.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{
    request::RestoreRequest,
    step::{PartitionRange, TableRef},
};
use crate::{
    error::Error,
    facts::SHADOW_PARTITION,
    ident::{PartitionName, RepositoryName},
    label::SnapshotLabel,
    manifest::{BackupRecord, Manifest, ManifestPartition, ManifestTable},
    plan::foreign::Origin,
    time::SnapshotTimestamp,
};

/// One label that is restored: all of one database.
#[derive(Debug, Clone)]
pub struct Source {
    pub record: BackupRecord,
    pub manifest: Manifest,
    pub origin: Origin,
    /// The snapshots that exist, for every label in `stored_in` of the manifest.
    pub snapshots: BTreeMap<SnapshotLabel, SnapshotSource>,
}

/// Where a snapshot is, and which engine made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSource {
    pub repository: RepositoryName,
    pub timestamp: SnapshotTimestamp,
    /// As recorded; `None` in rows of the Python tool.
    pub engine_version: Option<String>,
}

impl RestoreRequest {
    /// The partitions of `table` that are restored, in the order of the manifest and without the
    /// system partition.
    pub fn wanted<'m>(
        &'m self,
        table: &'m ManifestTable,
    ) -> impl Iterator<Item = &'m ManifestPartition> + 'm {
        let named: Option<HashSet<&PartitionName>> = self
            .is_partial()
            .then(|| self.scope.partitions.iter().collect());
        table.partitions.iter().filter(move |partition| {
            let named = named
                .as_ref()
                .is_none_or(|named| named.contains(&partition.name));
            named && !partition.system
        })
    }

    /// Those of them that one snapshot holds.
    pub fn wanted_from<'m>(
        &'m self,
        table: &'m ManifestTable,
        snapshot: &'m SnapshotLabel,
    ) -> impl Iterator<Item = &'m ManifestPartition> + 'm {
        self.wanted(table)
            .filter(move |partition| *partition.stored_in == *snapshot)
    }

    /// The partitions that a range of a step means.
    pub fn in_range<'m>(
        &'m self,
        table: &'m ManifestTable,
        range: &'m PartitionRange,
    ) -> impl Iterator<Item = &'m ManifestPartition> + 'm {
        self.wanted_from(table, &range.snapshot)
            .skip(range.from as usize)
            .take(range.len())
    }
}

/// The hidden partition of an automatic table, if the manifest has it.
pub fn shadow_of(table: &ManifestTable) -> Option<&ManifestPartition> {
    table
        .partitions
        .iter()
        .find(|partition| partition.system && partition.name.as_str() == SHADOW_PARTITION)
}

impl Source {
    /// The labels whose snapshots hold what is wanted of `table`: the oldest first, the label's own
    /// last.
    pub fn snapshots_of(
        &self,
        request: &RestoreRequest,
        table: &ManifestTable,
    ) -> Vec<Arc<SnapshotLabel>> {
        let mut labels: Vec<&Arc<SnapshotLabel>> = Vec::new();
        for partition in request.wanted(table) {
            if !labels.contains(&&partition.stored_in) {
                labels.push(&partition.stored_in);
            }
        }
        let age = |label: &SnapshotLabel| {
            (
                *label == self.manifest.label,
                self.snapshots.get(label).map(|source| &source.timestamp),
                label.clone(),
            )
        };
        labels.sort_by(|a, b| age(a).cmp(&age(b)));
        labels.into_iter().cloned().collect()
    }
}

/// A stored step that does not fit what it refers to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenReference {
    #[error("no manifest of label '{label}' was read")]
    Label { label: SnapshotLabel },
    #[error("the manifest of label '{label}' has no table '{table}'")]
    Table { label: SnapshotLabel, table: String },
    #[error("the manifest of label '{label}' has {present} {what}, the step names number {number}")]
    Range {
        label: SnapshotLabel,
        what: &'static str,
        present: usize,
        number: u32,
    },
    #[error("no snapshot of label '{label}' is known")]
    Snapshot { label: SnapshotLabel },
}

impl From<BrokenReference> for Error {
    fn from(broken: BrokenReference) -> Error {
        Error::internal(format!(
            "a stored restore step does not fit its manifest: {broken}"
        ))
    }
}

/// The source that restores `label`.
pub fn source_of<'s>(
    sources: &'s [Source],
    label: &SnapshotLabel,
) -> Result<&'s Source, BrokenReference> {
    sources
        .iter()
        .find(|source| source.manifest.label == *label)
        .ok_or_else(|| BrokenReference::Label {
            label: label.clone(),
        })
}

/// The source and the table that a step refers to.
pub fn table_of<'s>(
    sources: &'s [Source],
    reference: &TableRef,
) -> Result<(&'s Source, &'s ManifestTable), BrokenReference> {
    let source = source_of(sources, &reference.label)?;
    let table = source
        .manifest
        .tables
        .binary_search_by(|table| table.table.cmp(&reference.table))
        .map_err(|_| BrokenReference::Table {
            label: reference.label.clone(),
            table: reference.table.to_string(),
        })?;
    Ok((source, &source.manifest.tables[table]))
}
