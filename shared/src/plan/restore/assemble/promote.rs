//! Steps that change what people see: live names, live partitions, policies of live tables.

use super::{
    super::{
        addable,
        held::{self, Choice},
        notice::Notices,
        policy::Properties,
        request::RestoreRequest,
        step::{CopyMode, PartitionRange, Phase, Slot, Step},
        strategy::{Draft, Promotion, overwrites},
        target::Target,
    },
    Steps, copy_ranges,
};
use std::collections::HashSet;

use crate::{
    ddl::Ddl,
    facts::{Partitioning, TableFacts},
    ident::PartitionName,
    label::SnapshotLabel,
    manifest::ManifestPartition,
};

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
                hold_live(draft, steps);
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
                hold_live(draft, steps);
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

/// Which policies it has is asked when it is held: days may have passed since the plan.
fn hold_live(draft: &Draft<'_>, steps: &mut Steps) {
    let partitioned = |live: &&TableFacts| live.partitioning != Partitioning::Unpartitioned;
    if let Some(live) = draft.live.filter(partitioned) {
        let table = draft.reference();
        let live_id = live.table_id;
        steps.push(Phase::Promote, Step::HoldLive { table, live_id });
    }
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
    hold_live(draft, steps);
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

fn partitions_in_the_end(request: &RestoreRequest, draft: &Draft<'_>) -> usize {
    let wanted: HashSet<_> = request
        .wanted(draft.table)
        .map(|found| &found.name)
        .collect();
    let stays = |name: &&&PartitionName| !wanted.contains(**name);
    let others = match draft.promotion {
        Promotion::Splice => draft.live_partitions.iter().filter(stays).count(),
        _ => 0,
    };
    wanted.len() + others
}

/// What is to be switched on again in the end, and what could not be if that were now.
pub(in super::super) fn resume(
    request: &RestoreRequest,
    drafts: &[Draft<'_>],
    target: &Target,
    steps: &mut Steps,
    notices: &mut Notices,
) {
    for draft in drafts {
        // Of a table whose definition is not on record, the step that holds says what it held.
        let Some(ddl) = &draft.ddl else {
            continue;
        };
        let spliced = draft.live.filter(|_| draft.promotion == Promotion::Splice);
        let live_ddl = spliced.and_then(|live| Ddl::parse(&live.ddl).ok());
        let properties = &live_ddl.as_ref().unwrap_or(ddl).properties;
        let policies = held::to_hold(properties);
        say_what_stays_off(request, draft, ddl, properties, target, notices);
        // What a live table has is known when it is held.
        let policies = if spliced.is_some() {
            Vec::new()
        } else {
            policies
        };
        if spliced.is_some() || !policies.is_empty() {
            steps.push(
                Phase::Finish,
                Step::ResumePartitions {
                    table: draft.reference(),
                    slot: Slot::Live,
                    policies,
                    live_id: spliced.map(|live| live.table_id),
                },
            );
        }
    }
}

fn say_what_stays_off(
    request: &RestoreRequest,
    draft: &Draft<'_>,
    ddl: &Ddl,
    properties: &Properties,
    target: &Target,
    notices: &mut Notices,
) {
    let ends: Vec<_> = request
        .wanted(draft.table)
        .map(|partition| addable::upper_bound(ddl, &partition.value))
        .collect();
    let choice = Choice {
        partitions: partitions_in_the_end(request, draft),
        restored: ends,
    };
    for (policy, value) in held::to_hold(properties) {
        if !held::keeps(policy, &value, properties, &choice, target.now) {
            notices.say(
                draft.qualified(),
                format!(
                    "could drop restored partitions by {} = '{value}': as long as it could, that \
                     stays switched off, and the end of the restore says so",
                    policy.property()
                ),
            );
        }
    }
}
