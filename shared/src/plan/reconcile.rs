//! What was planned, what the snapshot really holds, and a second reading, into the final manifest.
//!
//! Between the first reading (R0) and the pin anything may have happened: loads, drops, truncations,
//! new partitions, schema changes, swaps, a frontend that restarted and pinned again. The snapshot
//! says which names it holds, and the second reading (R1), made after the pin, says what is still as
//! it was. What was at R0 and is at R1 was there at the pin too, because fingerprints, schema versions
//! and table ids never come back once they changed.
//!
//! Two things leave no trace in the two readings. A table that is swapped away before the pin and
//! swapped back before R1 looks untouched; table ids in the snapshot, where the bucket can be read,
//! find that out for what is stored, names alone do not. And a partition that is made after R0 and
//! dropped before R1 was never seen; where its table is not stored whole, the label does not have it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::{
    error::{Error, ErrorName},
    facts::{
        ObjectKind,
        snapshot::{SnapshotObjects, SnapshotTable},
    },
    ident::{PartitionName, TableName},
    label::SnapshotLabel,
    manifest::{Cut, Manifest, ManifestObject, ManifestPartition, ManifestTable},
    plan::{
        Decision,
        second_reading::{Came, SecondReading, Standing, TableReading, Under},
    },
};

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

#[derive(Debug)]
#[must_use]
pub struct Reconciliation {
    /// Without the invalid tables: they are among its objects, left out with the reason.
    pub manifest: Manifest,
    pub cut: Cut,
    /// Not usable in this label. The database is planned again once, under the next label; if it
    /// happens again, the backup is PARTIAL.
    pub invalid: Vec<InvalidTable>,
    pub decisions: Vec<Decision>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTable {
    pub table: TableName,
    pub reason: InvalidReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidReason {
    NotInSnapshot,
    /// The snapshot holds another table under this name.
    OtherTableInSnapshot,
    /// Another table has the name at R1, and which of the two was pinned is not known.
    OtherTable,
    SchemaChanged,
    /// It is not there at R1, and whether what was pinned is the table that was planned cannot be told
    /// any more.
    Gone,
}

/// The snapshot holds tables that this label never named: it is not ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot of label '{label}' holds tables that were not backed up under it: {tables}")]
pub struct ForeignSnapshot {
    pub label: SnapshotLabel,
    pub tables: String,
}

impl From<ForeignSnapshot> for Error {
    fn from(foreign: ForeignSnapshot) -> Error {
        Error::new(ErrorName::BackupFailed, foreign.to_string()).hint(
            "another cluster or tool used the same label in this repository at the same moment; give \
             each its own repository, and back up again",
        )
    }
}

/// `planned` is the manifest as it was stored before BACKUP was sent. A label for which no BACKUP was
/// sent has an empty snapshot; what it references is checked all the same.
pub fn reconcile(
    planned: Manifest,
    snapshot: &SnapshotObjects,
    after: &SecondReading,
) -> Result<Reconciliation, ForeignSnapshot> {
    let is_foreign = |name: &&TableName| {
        let tables = &planned.tables;
        tables
            .binary_search_by(|table| table.table.cmp(name))
            .is_err()
    };
    let foreign = snapshot.tables.keys().filter(is_foreign);
    let foreign: Vec<&str> = foreign.map(TableName::as_str).collect();
    if !foreign.is_empty() {
        return Err(ForeignSnapshot {
            label: planned.label,
            tables: foreign.join(", "),
        });
    }

    let label = Arc::new(planned.label.clone());
    let mut report = Report::default();
    let mut tables = Vec::with_capacity(planned.tables.len());
    let mut objects = planned.objects;
    let mut invalid = Vec::new();
    for table in planned.tables {
        let name = table.table.clone();
        let ddl = table.ddl.clone();
        let pinned = snapshot.tables.get(&name);
        match reconcile_table(table, &label, pinned, after.table(&name), &mut report) {
            Ok(table) => tables.push(table),
            Err(reason) => {
                report.say(&name, "invalid", &reason.to_string());
                // A swap has two tables, and the other one may be referenced here.
                report.torn |= matches!(
                    reason,
                    InvalidReason::OtherTable | InvalidReason::OtherTableInSnapshot
                );
                objects.push(ManifestObject {
                    name: name.clone(),
                    kind: ObjectKind::Table,
                    ddl,
                    skipped_reason: Some(reason.to_string()),
                });
                invalid.push(InvalidTable {
                    table: name,
                    reason,
                });
            }
        }
    }
    objects.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    Ok(Reconciliation {
        manifest: Manifest {
            tables,
            objects,
            ..planned
        },
        cut: match report.torn {
            true => Cut::Torn,
            false => Cut::Exact,
        },
        invalid,
        decisions: report.decisions,
    })
}

#[derive(Default)]
struct Report {
    torn: bool,
    decisions: Vec<Decision>,
}

impl Report {
    fn say(&mut self, table: &TableName, action: &'static str, reason: &str) {
        self.decisions
            .push(Decision::new(format!("table {table}"), action, reason));
    }

    fn torn(&mut self, table: &TableName, reason: &str) {
        self.torn = true;
        self.say(table, "torn", reason);
    }
}

/// How much of a table is in this label's own snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    Nothing,
    Part,
    Whole,
}

fn share(table: &ManifestTable, label: &SnapshotLabel) -> Share {
    let own = |partition: &&ManifestPartition| *partition.stored_in == *label;
    match table.partitions.iter().filter(own).count() {
        0 => Share::Nothing,
        all if all == table.partitions.len() => Share::Whole,
        _ => Share::Part,
    }
}

fn reconcile_table(
    table: ManifestTable,
    label: &Arc<SnapshotLabel>,
    pinned: Option<&SnapshotTable>,
    after: &TableReading,
    report: &mut Report,
) -> Result<ManifestTable, InvalidReason> {
    let standing = after
        .content
        .as_ref()
        .map(|content| content.standing(&table));
    let same = standing.as_ref().filter(|_| after.name == Under::Same);
    let share = share(&table, label);
    if share == Share::Nothing {
        match (same, after.name) {
            (Some(now), _) => compare_referenced(&table, label, now, &[], report),
            (None, Under::Nothing) => {
                report.torn(&table.table, "it was dropped or renamed after the plan");
            }
            (None, _) => report.torn(&table.table, "it is another table now, or has changed"),
        }
        return Ok(table);
    }

    let pinned = pinned.ok_or(InvalidReason::NotInSnapshot)?;
    let known = pinned.table_id == Some(table.table_id);
    if pinned.table_id.is_some() && !known {
        return Err(InvalidReason::OtherTableInSnapshot);
    }
    // Swapped or renamed after the pin, and otherwise as it was.
    let moved = standing.as_ref().filter(|_| known);
    if let Some(now) = same.or(moved) {
        let (table, removed) = match_snapshot(table, label, pinned, now.came, report)?;
        if share == Share::Part {
            compare_referenced(&table, label, now, &removed, report);
        }
        return Ok(without_stale_counts(table, label, now));
    }
    match after.name {
        Under::Same | Under::Altered => Err(InvalidReason::SchemaChanged),
        Under::Another if !known => Err(InvalidReason::OtherTable),
        _ if share == Share::Part || !is_alike(&table, pinned) => Err(InvalidReason::Gone),
        // All of it is in one snapshot, as it was at the pin, whatever became of it. Whether that is
        // what R0 saw is not known, so no fingerprint may vouch for it.
        _ => {
            report.say(
                &table.table,
                "keep",
                "it is gone since; the snapshot has it as of the pin",
            );
            let (mut table, _) = match_snapshot(table, label, pinned, &[], report)?;
            for partition in &mut table.partitions {
                partition.fingerprint = None;
                partition.row_count = None;
            }
            Ok(table)
        }
    }
}

/// Whether what was pinned is partitioned, or not, as what was planned: a table made anew in between
/// need not be.
fn is_alike(table: &ManifestTable, pinned: &SnapshotTable) -> bool {
    let mut names = pinned.partitions.iter().map(PartitionName::as_str);
    let whole = names.len() == 1 && names.all(|name| name == table.table.as_str());
    let planned = |own: &ManifestPartition| own.name.as_str() == table.table.as_str();
    match table.unpartitioned {
        true => whole,
        false => !whole || table.partitions.iter().any(planned),
    }
}

/// The partitions that the snapshot really holds, in place of those that it was to hold; and those that
/// it does not hold.
fn match_snapshot(
    mut table: ManifestTable,
    label: &Arc<SnapshotLabel>,
    pinned: &SnapshotTable,
    came: &[Came],
    report: &mut Report,
) -> Result<(ManifestTable, Vec<PartitionName>), InvalidReason> {
    if table.unpartitioned {
        return match pinned.partitions.len() {
            1 => Ok((table, Vec::new())),
            _ => Err(InvalidReason::NotInSnapshot),
        };
    }
    let name = table.table.clone();
    let mut removed = Vec::new();
    table.partitions.retain(|partition| {
        let kept = *partition.stored_in != **label || pinned.partitions.contains(&partition.name);
        if !kept {
            removed.push(partition.name.clone());
        }
        kept
    });
    if !removed.is_empty() {
        let reason = format!("dropped_before_pin: {}", some_names(removed.iter()));
        report.say(&name, "remove", &reason);
    }

    let known = |partition: &&PartitionName| {
        let partitions = &table.partitions;
        partitions
            .binary_search_by(|own| own.name.cmp(partition))
            .is_err()
    };
    let only_pinned: Vec<PartitionName> = pinned.partitions.iter().filter(known).cloned().collect();
    if !only_pinned.is_empty() {
        let reason = format!("made before the pin: {}", some_names(only_pinned.iter()));
        report.say(&name, "add", &reason);
        let common = common_replication(&table.partitions);
        let figures: BTreeMap<&PartitionName, &Came> =
            came.iter().map(|came| (&came.name, came)).collect();
        let added = only_pinned.into_iter().map(|partition| {
            let facts = figures.get(&partition).copied();
            only_in_snapshot(partition, label, facts, common)
        });
        table.partitions.extend(added);
        table
            .partitions
            .sort_by(|one, other| one.name.cmp(&other.name));
    }
    Ok((table, removed))
}

/// Without a fingerprint it is changed for every later plan, whatever its content.
fn only_in_snapshot(
    name: PartitionName,
    label: &Arc<SnapshotLabel>,
    facts: Option<&Came>,
    common_replication: u16,
) -> ManifestPartition {
    ManifestPartition {
        system: name.as_str().starts_with('$'),
        name,
        fingerprint: None,
        stored_in: Arc::clone(label),
        value: facts.map_or_else(|| "".into(), |facts| facts.value.as_str().into()),
        buckets: facts.map_or(0, |facts| facts.buckets),
        replication_num: facts.map_or(common_replication, |facts| facts.replication_num),
        row_count: None,
        data_size: facts.map_or(0, |facts| facts.data_size),
    }
}

fn common_replication(partitions: &[ManifestPartition]) -> u16 {
    let mut counts = BTreeMap::new();
    for partition in partitions {
        *counts.entry(partition.replication_num).or_insert(0_usize) += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map_or(1, |(replication, _)| replication)
}

/// Whether what older snapshots hold of a table is still its content at R1, and nothing came to it
/// that this label has not. `removed` was planned, and is not in the snapshot.
fn compare_referenced(
    table: &ManifestTable,
    label: &SnapshotLabel,
    now: &Standing<'_>,
    removed: &[PartitionName],
    report: &mut Report,
) {
    let same = |partition: &ManifestPartition| match partition.system {
        true => !now.gone.contains(&partition.name),
        false => now.is_still(&partition.name),
    };
    let referenced = table
        .partitions
        .iter()
        .filter(|own| *own.stored_in != *label);
    let changed: Vec<_> = referenced
        .filter(|own| !same(own))
        .map(|own| &own.name)
        .collect();
    if !changed.is_empty() {
        let names = some_names(changed.into_iter());
        report.torn(
            &table.table,
            &format!("changed after the plan, and not in the snapshot: {names}"),
        );
    }
    let is_held = |name: &PartitionName| {
        let partitions = &table.partitions;
        let found = partitions.binary_search_by(|own| own.name.cmp(name));
        found.is_ok() || table.unpartitioned
    };
    let came = now.came.iter().filter(|came| !came.system);
    let came = came.map(|came| &came.name).filter(|name| !is_held(name));
    let is_system = |name: &&PartitionName| name.as_str().starts_with('$');
    let back = removed.iter().filter(|name| !now.gone.contains(*name));
    let back = back.filter(|name| !is_system(name));
    let came: BTreeSet<_> = came.chain(back).collect();
    if !came.is_empty() {
        let names = some_names(came.into_iter());
        report.torn(
            &table.table,
            &format!("made after the plan, and not in the snapshot: {names}"),
        );
    }
}

/// A count holds for the content that was counted: it goes where the content changed until R1.
fn without_stale_counts(
    mut table: ManifestTable,
    label: &SnapshotLabel,
    now: &Standing<'_>,
) -> ManifestTable {
    for partition in &mut table.partitions {
        let stale = partition.fingerprint.is_none() || !now.is_still(&partition.name);
        if *partition.stored_in == *label && stale {
            partition.row_count = None;
        }
    }
    table
}

fn some_names<'a>(names: impl ExactSizeIterator<Item = &'a PartitionName>) -> String {
    const SHOWN: usize = 5;
    let total = names.len();
    let shown: Vec<&str> = names.take(SHOWN).map(PartitionName::as_str).collect();
    match total > SHOWN {
        true => format!("{} and {} more", shown.join(", "), total - SHOWN),
        false => shown.join(", "),
    }
}

impl fmt::Display for InvalidReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            InvalidReason::NotInSnapshot => "the snapshot does not hold it",
            InvalidReason::OtherTableInSnapshot => {
                "it was swapped, renamed or made anew before the pin: the snapshot holds another table"
            }
            InvalidReason::OtherTable => {
                "it was swapped, renamed or made anew while it was backed up"
            }
            InvalidReason::SchemaChanged => "its schema changed while it was backed up",
            InvalidReason::Gone => "it was dropped, renamed or made anew while it was backed up",
        })
    }
}
