//! Steps that change what people see: live names, live partitions, policies of live tables.

use super::{
    super::{
        addable,
        notice::Notices,
        policy::{self, UpperBound},
        request::RestoreRequest,
        step::{CopyMode, PartitionRange, Phase, Policy, Slot, Step},
        strategy::{Draft, Promotion, overwrites},
        target::Target,
    },
    Steps, copy_ranges, hold,
};
use std::collections::HashSet;

use crate::{ddl::Ddl, ident::PartitionName, label::SnapshotLabel, manifest::ManifestPartition};

pub(in super::super) fn promote(request: &RestoreRequest, drafts: &[Draft<'_>], steps: &mut Steps) {
    for draft in drafts {
        let rename = |from, to, id| Step::Rename {
            table: draft.reference(),
            from,
            to,
            id,
        };
        let live_id = draft.live.map(|live| live.table_id);
        match (&draft.promotion, live_id) {
            (Promotion::InPlace, _) => {}
            (Promotion::Splice, _) => splice(request, draft, steps),
            (Promotion::Swap, Some(live_id)) => {
                hold(draft, Slot::Live, &live_policies(draft), steps);
                steps.push(
                    Phase::Promote,
                    Step::Swap {
                        table: draft.reference(),
                        with: Slot::Staged,
                        live_id,
                        with_id: None,
                    },
                );
                steps.push(
                    Phase::Promote,
                    rename(Slot::Staged, Slot::Before, Some(live_id)),
                );
            }
            (Promotion::RenamePair { .. }, Some(live_id)) => {
                hold(draft, Slot::Live, &live_policies(draft), steps);
                steps.push(
                    Phase::Promote,
                    rename(Slot::Live, Slot::Before, Some(live_id)),
                );
                steps.push(Phase::Promote, rename(Slot::Staged, Slot::Live, None));
            }
            (Promotion::Rename | Promotion::Swap | Promotion::RenamePair { .. }, _) => {
                steps.push(Phase::Promote, rename(Slot::Staged, Slot::Live, None));
            }
        }
    }
}

fn live_policies(draft: &Draft<'_>) -> Vec<Policy> {
    draft
        .live
        .and_then(|live| Ddl::parse(&live.ddl).ok())
        .map(|ddl| policy::active(&ddl.properties))
        .unwrap_or_default()
}

/// Live partitions are kept in a table of their own, then replaced one by one.
fn splice(request: &RestoreRequest, draft: &Draft<'_>, steps: &mut Steps) {
    let table = draft.reference();
    let kept = |partition: &&ManifestPartition| draft.live_partitions.contains(&partition.name);
    if request
        .wanted(draft.table)
        .any(|partition| kept(&partition))
    {
        steps.push(
            Phase::Promote,
            Step::CreateTable {
                table: table.clone(),
                slot: Slot::Before,
                replication_num: draft.replication_num,
            },
        );
    }
    let held: Vec<Policy> = live_policies(draft);
    hold(draft, Slot::Live, &held, steps);
    for (place, snapshot) in draft.snapshots.iter().enumerate() {
        for partitions in splice_ranges(request, draft, snapshot) {
            let replaced = partitions.lives;
            let partitions = partitions.range;
            let add = |slot, temporary| Step::AddPartitions {
                table: table.clone(),
                slot,
                partitions: partitions.clone(),
                temporary,
            };
            let copy = |from, to, mode| Step::CopyPartitions {
                table: table.clone(),
                from,
                to,
                partitions: partitions.clone(),
                mode,
            };
            if replaced {
                steps.push(Phase::Promote, add(Slot::Before, false));
                steps.push(
                    Phase::Promote,
                    copy(Slot::Live, Slot::Before, CopyMode::Append),
                );
            } else {
                steps.push(Phase::Promote, add(Slot::Live, false));
            }
            let from = draft.slot_of(place);
            if draft.ddl.as_ref().is_some_and(overwrites) {
                steps.push(Phase::Promote, copy(from, Slot::Live, CopyMode::Overwrite));
            } else {
                steps.push(Phase::Promote, add(Slot::Live, true));
                steps.push(Phase::Promote, copy(from, Slot::Live, CopyMode::Temporary));
                steps.push(
                    Phase::Promote,
                    Step::ReplacePartitions {
                        table: table.clone(),
                        partitions: partitions.clone(),
                    },
                );
            }
        }
    }
    for place in 0..draft.snapshots.len() {
        steps.push(
            Phase::Promote,
            Step::DropTable {
                table: table.clone(),
                slot: draft.slot_of(place),
            },
        );
    }
}

struct SpliceRange {
    range: PartitionRange,
    /// Whether the live table has these partitions.
    lives: bool,
}

fn splice_ranges(
    request: &RestoreRequest,
    draft: &Draft<'_>,
    snapshot: &SnapshotLabel,
) -> Vec<SpliceRange> {
    let partitions: Vec<&ManifestPartition> = request.wanted_from(draft.table, snapshot).collect();
    // What became of an overwritten partition is known only from its task, so each is a step of its
    // own.
    let alone = draft.ddl.as_ref().is_some_and(overwrites);
    let mut found: Vec<SpliceRange> = Vec::new();
    for whole in copy_ranges(request, draft, snapshot) {
        let mut open: Option<SpliceRange> = None;
        for number in whole.from..whole.to {
            let name = &partitions[number as usize].name;
            let lives = draft.live_partitions.contains(name);
            match &mut open {
                Some(last) if last.lives == lives && !alone => last.range.to = number + 1,
                _ => {
                    found.extend(open.take());
                    open = Some(SpliceRange {
                        range: PartitionRange {
                            snapshot: snapshot.clone(),
                            from: number,
                            to: number + 1,
                        },
                        lives,
                    });
                }
            }
        }
        found.extend(open);
    }
    found
}

/// Of every partition that the table has in the end.
fn ends_of_all(
    request: &RestoreRequest,
    draft: &Draft<'_>,
    ends: &[UpperBound],
) -> Vec<UpperBound> {
    let mut all = ends.to_vec();
    if draft.promotion == Promotion::Splice {
        let wanted: HashSet<_> = request
            .wanted(draft.table)
            .map(|found| &found.name)
            .collect();
        let stays = |name: &&&PartitionName| !wanted.contains(**name);
        // Where they end is not asked.
        all.extend(draft.live_partitions.iter().filter(stays).map(|_| None));
    }
    all
}

/// Policies that can be switched on again are; of the others a person is told.
pub(in super::super) fn resume(
    request: &RestoreRequest,
    drafts: &[Draft<'_>],
    target: &Target,
    steps: &mut Steps,
    notices: &mut Notices,
) {
    for draft in drafts {
        let policies = match draft.promotion {
            Promotion::Splice => live_policies(draft),
            _ => draft.policies.clone(),
        };
        let live_ddl = draft.live.and_then(|live| Ddl::parse(&live.ddl).ok());
        // Of a table whose definition is not on record, the step that holds says what it held.
        let Some(ddl) = &draft.ddl else {
            continue;
        };
        let properties = match (&draft.promotion, &live_ddl) {
            (Promotion::Splice, Some(live)) => &live.properties,
            _ => &ddl.properties,
        };
        let ends: Vec<_> = request
            .wanted(draft.table)
            .map(|partition| addable::upper_bound(ddl, partition))
            .collect();
        let all = ends_of_all(request, draft, &ends);
        let mut on: Vec<(Policy, String)> = Vec::new();
        for policy in policies {
            let value = policy.value(properties).unwrap_or_default();
            // A number of partitions counts them all. The other policies judge each by itself, and what
            // they drop of the others they would have dropped without the restore.
            let ends = match policy {
                Policy::LiveNumber => &all,
                _ => &ends,
            };
            if policy::keeps_all(policy, properties, ends, target.now) {
                on.push((policy, value.to_owned()));
                continue;
            }
            notices.ask(
                draft.qualified(),
                format!(
                    "has {} switched off, because it could drop restored partitions. When it may: \
                     ALTER TABLE `{}`.`{}` SET (\"{}\" = \"{value}\")",
                    policy.property(),
                    draft.database,
                    draft.table.table,
                    policy.property(),
                ),
            );
        }
        if !on.is_empty() {
            steps.push(
                Phase::Finish,
                Step::ResumePartitions {
                    table: draft.reference(),
                    slot: Slot::Live,
                    policies: on,
                },
            );
        }
    }
}
