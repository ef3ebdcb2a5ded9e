//! The way back: what lived before is put in its place again, and what the restore put there is kept
//! under another name.

use std::collections::BTreeMap;

use super::SwapIds;
use crate::{
    ident::TableId,
    plan::restore::{CopyMode, PartitionRange, Phase, PlannedStep, Policy, Slot, Step, TableRef},
};

/// A table of a restore at the moment of its undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoTable {
    /// The table that the restore made; `None` for a splice.
    pub staged_id: Option<TableId>,
    pub now: SwapIds,
}

/// A stored step, and whether it was begun: then some of it may have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredStep {
    pub planned: PlannedStep,
    pub begun: bool,
    /// What the policies of a live table were set to before the step switched them off.
    pub held: BTreeMap<Policy, String>,
}

/// The steps that take back what was promoted, numbered behind those of the restore; or everything
/// that stands against it. Judged by ids: what was sent and not recorded counts as done.
pub fn undo(
    steps: &[StoredStep],
    tables: &BTreeMap<TableRef, UndoTable>,
) -> Result<Vec<PlannedStep>, Vec<String>> {
    let mut reasons = Vec::new();
    let mut undone: Vec<Step> = Vec::new();
    // Last promoted, first taken back.
    for reference in promoted_tables(steps).into_iter().rev() {
        let Some(found) = tables.get(&reference) else {
            reasons.push(format!("'{}' was not read", reference.table));
            continue;
        };
        let mine: Vec<&StoredStep> = steps
            .iter()
            .filter(|stored| stored.planned.phase == Phase::Promote)
            .filter(|stored| stored.planned.step.table() == Some(&reference))
            .collect();
        let drops = |stored: &StoredStep| {
            let step = &stored.planned.step;
            matches!(step, Step::ResumePartitions { .. }) && step.table() == Some(&reference)
        };
        match undo_table(&reference, &mine, found, steps.iter().any(drops)) {
            Ok(steps) => {
                undone.extend(steps);
                undone.extend(give_back(&reference, &mine));
            }
            Err(reason) => reasons.push(format!("'{}': {reason}", reference.table)),
        }
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let last = steps.iter().map(|stored| stored.planned.number).max();
    let first = last.unwrap_or_default() + 1;
    Ok((first..)
        .zip(undone)
        .map(|(number, step)| PlannedStep {
            number,
            phase: Phase::Undo,
            step,
        })
        .collect())
}

fn promoted_tables(steps: &[StoredStep]) -> Vec<TableRef> {
    let mut tables: Vec<TableRef> = Vec::new();
    for stored in steps {
        if let (Phase::Promote, Some(table)) = (stored.planned.phase, stored.planned.step.table())
            && !tables.contains(table)
        {
            tables.push(table.clone());
        }
    }
    tables
}

fn undo_table(
    table: &TableRef,
    steps: &[&StoredStep],
    found: &UndoTable,
    drops_partitions: bool,
) -> Result<Vec<Step>, String> {
    let live_id = steps.iter().find_map(|stored| match &stored.planned.step {
        Step::Swap { live_id, .. } => Some(*live_id),
        Step::Rename {
            from: Slot::Live,
            id,
            ..
        } => *id,
        _ => None,
    });
    let swaps = |step: &Step| matches!(step, Step::Swap { .. });
    let renames = |step: &Step| matches!(step, Step::Rename { .. });
    let has = |kind: fn(&Step) -> bool| steps.iter().any(|stored| kind(&stored.planned.step));
    if !has(swaps) && !has(renames) {
        return Ok(undo_splice(table, steps));
    }
    let now = found.now;
    // Nothing was promoted yet.
    if now.live == live_id {
        return Ok(Vec::new());
    }
    let staged_id = found
        .staged_id
        .ok_or("the id of the restored table is not on record")?;
    let rename = |from, to, id| Step::Rename {
        table: table.clone(),
        from,
        to,
        id: Some(id),
    };
    // What goes aside is kept as it is.
    let hold = drops_partitions.then(|| Step::HoldLive {
        table: table.clone(),
        live_id: staged_id,
    });
    let held_then = |steps: Vec<Step>| Ok(hold.into_iter().chain(steps).collect());
    let swap_back = |with, live_id| {
        vec![
            Step::Swap {
                table: table.clone(),
                with,
                live_id: staged_id,
                with_id: Some(live_id),
            },
            rename(with, Slot::Undone, staged_id),
        ]
    };
    match (live_id, now.live) {
        (Some(live_id), Some(live)) if live == staged_id => {
            if has(swaps) && now.before == Some(live_id) {
                held_then(swap_back(Slot::Before, live_id))
            } else if has(swaps) && now.staged == Some(live_id) {
                held_then(swap_back(Slot::Staged, live_id))
            } else if now.before == Some(live_id) {
                held_then(vec![
                    rename(Slot::Live, Slot::Undone, staged_id),
                    rename(Slot::Before, Slot::Live, live_id),
                ])
            } else {
                Err(format!(
                    "the table that lived before (id {live_id}) is gone: there is no way back"
                ))
            }
        }
        (None, Some(live)) if live == staged_id => {
            held_then(vec![rename(Slot::Live, Slot::Undone, staged_id)])
        }
        // Between the two RENAMEs of a pair.
        (Some(live_id), None) if now.before == Some(live_id) => {
            Ok(vec![rename(Slot::Before, Slot::Live, live_id)])
        }
        (_, Some(live)) => Err(format!(
            "the live table (id {live}) is neither what lived before nor what was restored"
        )),
        (_, None) => Err("the table that lived before is gone".to_owned()),
    }
}

/// Once everything else of the table is as it was.
fn give_back(table: &TableRef, steps: &[&StoredStep]) -> Option<Step> {
    let held = steps.iter().find(|stored| !stored.held.is_empty())?;
    let Step::HoldLive { live_id, .. } = held.planned.step else {
        return None;
    };
    Some(Step::GiveBackPolicies {
        table: table.clone(),
        policies: held.held.clone().into_iter().collect(),
        live_id,
    })
}

/// Partitions that were kept are put back where some of a range may have been replaced, also while
/// others of it are being kept again: each is judged by itself. Those that were added to the live
/// table are dropped.
fn undo_splice(table: &TableRef, steps: &[&StoredStep]) -> Vec<Step> {
    let kept: Vec<&PartitionRange> = steps
        .iter()
        .filter_map(|stored| match &stored.planned.step {
            Step::CopyPartitions {
                to: Slot::Before,
                partitions,
                ..
            } => Some(partitions),
            _ => None,
        })
        .collect();
    let mut undone: Vec<Step> = steps
        .iter()
        .filter_map(|stored| match &stored.planned.step {
            Step::AddPartitions {
                partitions,
                temporary: true,
                ..
            } => Some(Step::DropTemporaryPartitions {
                table: table.clone(),
                partitions: partitions.clone(),
            }),
            _ => None,
        })
        .collect();
    for stored in steps {
        let (partitions, overwrites) = match &stored.planned.step {
            Step::ReplacePartitions { partitions, .. } => (partitions, false),
            Step::CopyPartitions {
                partitions,
                mode: CopyMode::Overwrite,
                ..
            } => (partitions, true),
            Step::AddPartitions {
                slot: Slot::Live,
                temporary: false,
                partitions,
                ..
            } => {
                if stored.begun {
                    undone.push(Step::DropPartitions {
                        table: table.clone(),
                        partitions: partitions.clone(),
                    });
                }
                continue;
            }
            _ => continue,
        };
        if !stored.begun || !kept.contains(&partitions) {
            continue;
        }
        let copy = |mode| Step::CopyPartitions {
            table: table.clone(),
            from: Slot::Before,
            to: Slot::Live,
            partitions: partitions.clone(),
            mode,
        };
        if overwrites {
            undone.push(copy(CopyMode::Overwrite));
        } else {
            undone.push(Step::AddPartitions {
                table: table.clone(),
                slot: Slot::Live,
                partitions: partitions.clone(),
                temporary: true,
            });
            undone.push(copy(CopyMode::Temporary));
            undone.push(Step::ReplacePartitions {
                table: table.clone(),
                partitions: partitions.clone(),
            });
        }
    }
    undone
}
