//! Puts the steps of a restore in order.
//!
//! Build: everything beside the live data, database by database, snapshot by snapshot. Verify: every
//! table. Promote: live names, only after the last table verified. Finish: what may be switched on
//! again, what else is made, and what a person has to do.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    notice::Notice,
    request::RestoreRequest,
    source::{Source, shadow_of},
    step::{CopyMode, PartitionRange, Phase, PlannedStep, Slot, Step, TableRange},
    strategy::{Draft, Strategy, needs_partitions_first},
    target::Target,
};
use crate::{ident::DatabaseName, label::SnapshotLabel};

/// One RESTORE names at most so many tables and partitions: its text stays readable, and a job that
/// fails has not everything to do again.
pub(super) const MAX_TABLES: usize = 500;
pub(super) const MAX_PARTITIONS: usize = 20_000;

/// Partitions of one step that adds or copies. Each copy is a task of its own, so that a step is done
/// within minutes and a repeat loses little.
const ADDED_AT_ONCE: u32 = 200;
const COPIED_AT_ONCE: u32 = 16;
const COPIED_BYTES_AT_ONCE: u64 = 32 << 30;

mod promote;

pub(super) use promote::{promote, resume};

#[derive(Debug, Default)]
pub(super) struct Steps(Vec<PlannedStep>);

impl Steps {
    fn push(&mut self, phase: Phase, step: Step) {
        let number = u32::try_from(self.0.len() + 1).unwrap_or(u32::MAX);
        self.0.push(PlannedStep {
            number,
            phase,
            step,
        });
    }

    pub(super) fn into_vec(self) -> Vec<PlannedStep> {
        self.0
    }
}

pub(super) fn build(request: &RestoreRequest, drafts: &[Draft<'_>], target: &Target) -> Steps {
    let mut steps = Steps::default();
    let mut by_database: BTreeMap<&DatabaseName, Vec<&Draft<'_>>> = BTreeMap::new();
    for draft in drafts {
        by_database.entry(draft.database).or_default().push(draft);
    }
    for (database, drafts) in by_database {
        if !target.databases.contains_key(database) {
            let database = database.clone();
            steps.push(Phase::Build, Step::CreateDatabase { database });
        }
        for draft in &drafts {
            if draft.strategy == Strategy::Create {
                steps.push(
                    Phase::Build,
                    Step::CreateTable {
                        table: draft.reference(),
                        slot: draft.built_slot(),
                        replication_num: draft.replication_num,
                    },
                );
            }
        }
        for snapshot in snapshots(&drafts) {
            restore_snapshot(request, database, &drafts, &snapshot, &mut steps);
        }
        for draft in &drafts {
            put_together(request, draft, &mut steps);
            finish_building(request, draft, target, &mut steps);
        }
    }
    steps
}

/// Every snapshot of a database's tables, each before those that are restored over it.
fn snapshots(drafts: &[&Draft<'_>]) -> Vec<Arc<SnapshotLabel>> {
    let mut ordered: Vec<Arc<SnapshotLabel>> = Vec::new();
    let longest = drafts.iter().map(|draft| draft.snapshots.len()).max();
    // The own label is last for every table, so it is held back until all others are in.
    for place in 0..longest.unwrap_or_default() {
        for draft in drafts {
            if let Some(snapshot) = draft.snapshots.get(place)
                && **snapshot != draft.source.manifest.label
                && !ordered.contains(snapshot)
            {
                ordered.push(snapshot.clone());
            }
        }
    }
    for draft in drafts {
        if let Some(last) = draft.snapshots.last()
            && **last == draft.source.manifest.label
            && !ordered.contains(last)
        {
            ordered.push(last.clone());
        }
    }
    ordered
}

/// All RESTORE statements that read one snapshot into one database.
fn restore_snapshot(
    request: &RestoreRequest,
    database: &DatabaseName,
    drafts: &[&Draft<'_>],
    snapshot: &SnapshotLabel,
    steps: &mut Steps,
) {
    let mut groups: BTreeMap<(&SnapshotLabel, u16), Vec<(&Draft<'_>, usize)>> = BTreeMap::new();
    for draft in drafts {
        let place = draft
            .snapshots
            .iter()
            .position(|found| **found == *snapshot);
        if let Some(place) = place {
            let key = (&draft.source.manifest.label, draft.replication_num);
            groups.entry(key).or_default().push((draft, place));
        }
    }
    for ((label, replication_num), members) in groups {
        let mut chunk: Vec<(&Draft<'_>, usize)> = Vec::new();
        let mut named = 0;
        for (draft, place) in members {
            let hidden = usize::from(shadow_of(draft.table).is_some());
            let partitions = hidden + request.wanted_from(draft.table, snapshot).count();
            let full = chunk.len() >= MAX_TABLES || named + partitions > MAX_PARTITIONS;
            if full && !chunk.is_empty() {
                restore_chunk(
                    request,
                    database,
                    label,
                    snapshot,
                    replication_num,
                    &chunk,
                    steps,
                );
                chunk.clear();
                named = 0;
            }
            chunk.push((draft, place));
            named += partitions;
        }
        restore_chunk(
            request,
            database,
            label,
            snapshot,
            replication_num,
            &chunk,
            steps,
        );
    }
}

fn restore_chunk(
    request: &RestoreRequest,
    database: &DatabaseName,
    label: &SnapshotLabel,
    snapshot: &SnapshotLabel,
    replication_num: u16,
    chunk: &[(&Draft<'_>, usize)],
    steps: &mut Steps,
) {
    let mut tables: Vec<TableRange> = Vec::new();
    for (draft, place) in chunk {
        let range = TableRange {
            from: draft.index,
            to: draft.index + 1,
            slot: draft.slot_of(*place),
            creates: draft.strategy != Strategy::Direct || *place == 0,
        };
        if !range.creates && draft.ddl.as_ref().is_some_and(needs_partitions_first) {
            add_partitions(request, draft, Slot::Live, snapshot, steps);
        }
        match tables.last_mut() {
            Some(last)
                if last.to == range.from
                    && last.slot == range.slot
                    && last.creates == range.creates =>
            {
                last.to = range.to;
            }
            _ => tables.push(range),
        }
    }
    steps.push(
        Phase::Build,
        Step::RestoreSnapshot {
            database: database.clone(),
            label: label.clone(),
            snapshot: snapshot.clone(),
            tables,
            replication_num,
            timeout_seconds: request.timeout_seconds,
        },
    );
    for (draft, place) in chunk {
        let created = draft.strategy != Strategy::Direct || *place == 0;
        if created {
            hold(draft, draft.slot_of(*place), steps);
            if draft.ddl.is_none() {
                hold_what_drops(draft, draft.slot_of(*place), steps);
            }
            if draft.snapshots.len() > 1 {
                set_default_replication(draft, draft.slot_of(*place), steps);
            }
        }
    }
}

fn hold(draft: &Draft<'_>, slot: Slot, steps: &mut Steps) {
    if draft.policies.is_empty() {
        return;
    }
    steps.push(
        Phase::Build,
        Step::HoldPartitions {
            table: draft.reference(),
            slot,
            policies: draft.policies.clone(),
        },
    );
}

/// Which policies the table has is known only when it is there.
fn hold_what_drops(draft: &Draft<'_>, slot: Slot, steps: &mut Steps) {
    let table = draft.reference();
    steps.push(Phase::Build, Step::HoldWhatDrops { table, slot });
}

/// Partitions that are added by hand get the table's default, which RESTORE leaves as it was backed
/// up: it may ask for more backends than there are, and RESTORE refuses to write into partitions with
/// another number of replicas than its own.
fn set_default_replication(draft: &Draft<'_>, slot: Slot, steps: &mut Steps) {
    if !draft.table.unpartitioned && recorded_default(draft) != draft.replication_num {
        steps.push(
            Phase::Build,
            Step::SetDefaultReplication {
                table: draft.reference(),
                slot,
                replication_num: draft.replication_num,
            },
        );
    }
}

fn recorded_default(draft: &Draft<'_>) -> u16 {
    draft
        .ddl
        .as_ref()
        .and_then(|ddl| ddl.property("replication_num")?.parse().ok())
        .unwrap_or(draft.replication_num)
}

fn add_partitions(
    request: &RestoreRequest,
    draft: &Draft<'_>,
    slot: Slot,
    snapshot: &SnapshotLabel,
    steps: &mut Steps,
) {
    let count = request.wanted_from(draft.table, snapshot).count();
    for partitions in ranges(snapshot, count, ADDED_AT_ONCE) {
        steps.push(
            Phase::Build,
            Step::AddPartitions {
                table: draft.reference(),
                slot,
                partitions,
                temporary: false,
            },
        );
    }
}

fn ranges(
    snapshot: &SnapshotLabel,
    count: usize,
    at_once: u32,
) -> impl Iterator<Item = PartitionRange> + '_ {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    (0..count)
        .step_by(at_once as usize)
        .map(move |from| PartitionRange {
            snapshot: snapshot.clone(),
            from,
            to: (from + at_once).min(count),
        })
}

/// Ranges of partitions for copying, cut by number and by size.
fn copy_ranges(
    request: &RestoreRequest,
    draft: &Draft<'_>,
    snapshot: &SnapshotLabel,
) -> Vec<PartitionRange> {
    let mut ranges: Vec<PartitionRange> = Vec::new();
    let mut bytes = 0;
    for (number, partition) in (0_u32..).zip(request.wanted_from(draft.table, snapshot)) {
        match ranges.last_mut() {
            Some(last)
                if last.to - last.from < COPIED_AT_ONCE
                    && bytes + partition.data_size <= COPIED_BYTES_AT_ONCE =>
            {
                last.to = number + 1;
                bytes += partition.data_size;
            }
            _ => {
                ranges.push(PartitionRange {
                    snapshot: snapshot.clone(),
                    from: number,
                    to: number + 1,
                });
                bytes = partition.data_size;
            }
        }
    }
    ranges
}

/// Overlay: what the other snapshots hold is copied into the base.
fn put_together(request: &RestoreRequest, draft: &Draft<'_>, steps: &mut Steps) {
    if draft.strategy != Strategy::Overlay {
        return;
    }
    for (place, snapshot) in draft.snapshots.iter().enumerate().skip(1) {
        add_partitions(request, draft, Slot::Staged, snapshot, steps);
        for partitions in copy_ranges(request, draft, snapshot) {
            steps.push(
                Phase::Build,
                Step::CopyPartitions {
                    table: draft.reference(),
                    from: draft.slot_of(place),
                    to: Slot::Staged,
                    partitions,
                    mode: CopyMode::Append,
                },
            );
        }
        steps.push(
            Phase::Build,
            Step::DropTable {
                table: draft.reference(),
                slot: draft.slot_of(place),
            },
        );
    }
}

/// Replicas and properties that the restore did not bring.
fn finish_building(
    request: &RestoreRequest,
    draft: &Draft<'_>,
    target: &Target,
    steps: &mut Steps,
) {
    let Some(ddl) = draft
        .ddl
        .as_ref()
        .filter(|_| draft.strategy != Strategy::Splice)
    else {
        return;
    };
    let slot = draft.built_slot();
    let cap = target.live_backends;
    let mut odd: Vec<u16> = request
        .wanted(draft.table)
        .map(|partition| partition.replication_num.clamp(1, cap.max(1)))
        .filter(|number| *number != draft.replication_num)
        .collect();
    odd.sort_unstable();
    odd.dedup();
    for replication_num in odd {
        steps.push(
            Phase::Build,
            Step::AlterReplication {
                table: draft.reference(),
                slot,
                replication_num,
                cap,
            },
        );
    }
    // Whatever the table has now: RESTORE may have left what was backed up or not.
    let is_set = recorded_default(draft) == draft.replication_num || draft.snapshots.len() > 1;
    let settled = is_set && draft.default_replication == draft.replication_num;
    if !draft.table.unpartitioned && draft.strategy != Strategy::Create && !settled {
        steps.push(
            Phase::Build,
            Step::SetDefaultReplication {
                table: draft.reference(),
                slot,
                replication_num: draft.default_replication,
            },
        );
    }
    let lost = super::properties::reapplicable(ddl, draft.same_database());
    if !lost.is_empty() {
        steps.push(
            Phase::Build,
            Step::ReapplyProperties {
                table: draft.reference(),
                slot,
            },
        );
    }
}

pub(super) fn verify(drafts: &[Draft<'_>], steps: &mut Steps) {
    for draft in drafts {
        let table = draft.reference();
        if draft.strategy == Strategy::Splice {
            for (place, snapshot) in draft.snapshots.iter().enumerate() {
                steps.push(
                    Phase::Verify,
                    Step::Verify {
                        table: table.clone(),
                        slot: draft.slot_of(place),
                        snapshot: Some((**snapshot).clone()),
                    },
                );
            }
        } else {
            let slot = draft.built_slot();
            steps.push(
                Phase::Verify,
                Step::Verify {
                    table,
                    slot,
                    snapshot: None,
                },
            );
        }
    }
}

pub(super) fn finish(
    sources: &[Source],
    objects: &[(usize, u32)],
    notices: &[Notice],
    steps: &mut Steps,
) {
    for (source, object) in objects {
        steps.push(
            Phase::Finish,
            Step::RecreateObject {
                label: sources[*source].manifest.label.clone(),
                object: *object,
            },
        );
    }
    for notice in notices.iter().filter(|notice| notice.to_do) {
        steps.push(
            Phase::Finish,
            Step::Report {
                text: notice.to_string(),
            },
        );
    }
}
