//! How each table is brought back, and why so.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use serde::Serialize;

use super::{
    addable::{self},
    policy, properties,
    refusal::Refusals,
    request::RestoreRequest,
    source::Source,
    step::{Policy, Slot, TableRef},
    target::{Occupant, Target, leftover},
};
use crate::{
    ddl::Ddl,
    error::ErrorName,
    facts::{Partitioning, TableEngine, TableFacts, TableState},
    ident::{DatabaseName, PartitionName, QualifiedTable, TableName},
    label::SnapshotLabel,
    manifest::{ManifestPartition, ManifestTable},
};

mod splice;

pub(super) use splice::overwrites;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Under its own name, in a database that this restore makes.
    Direct,
    /// One snapshot holds it: restored beside the live table.
    Stage,
    /// Two snapshots: the older one beside the live table, and what the newer one holds copied over.
    Overlay,
    /// Some partitions, put into the live table.
    Splice,
    /// From its DDL: it had no partition.
    Create,
}

/// How a staged table gets its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Promotion {
    /// It has it from the start.
    InPlace,
    /// Nothing lives under the name.
    Rename,
    /// In one go with the live table.
    Swap,
    /// The live table aside, then the staged one in its place: between the two the name is missing
    /// for a moment. Only where SWAP would be refused.
    RenamePair { because: String },
    /// The live table keeps its name and id; its partitions are replaced.
    Splice,
}

/// A table on its way into the plan.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) source: &'a Source,
    /// Its place in the manifest.
    pub(super) index: u32,
    pub(super) table: &'a ManifestTable,
    pub(super) database: &'a DatabaseName,
    /// `None`: another tool made the label, and recorded no definition.
    pub(super) ddl: Option<Ddl>,
    /// Oldest first, the label's own last.
    pub(super) snapshots: Vec<Arc<SnapshotLabel>>,
    pub(super) live: Option<&'a TableFacts>,
    /// Of the live table.
    pub(super) live_partitions: HashSet<&'a PartitionName>,
    pub(super) strategy: Strategy,
    pub(super) promotion: Promotion,
    pub(super) reason: String,
    /// The most frequent number of replicas, no more than there are live backends.
    pub(super) replication_num: u16,
    /// What the table gives new partitions, capped likewise.
    pub(super) default_replication: u16,
    pub(super) policies: Vec<Policy>,
}

impl Draft<'_> {
    pub(super) fn reference(&self) -> TableRef {
        TableRef {
            label: self.source.manifest.label.clone(),
            table: self.table.table.clone(),
        }
    }

    pub(super) fn qualified(&self) -> QualifiedTable {
        QualifiedTable::new(self.database, &self.table.table)
    }

    pub(super) fn same_database(&self) -> bool {
        *self.database == self.source.manifest.database
    }

    /// Where the table stands when it is complete and not yet promoted.
    pub(super) fn built_slot(&self) -> Slot {
        match self.promotion {
            Promotion::InPlace => Slot::Live,
            _ => Slot::Staged,
        }
    }

    /// Under which name a snapshot's part of the table is restored.
    pub(super) fn slot_of(&self, snapshot: usize) -> Slot {
        match (self.strategy, snapshot) {
            (Strategy::Direct, _) => Slot::Live,
            (_, 0) => Slot::Staged,
            (_, number) => Slot::Helper(u8::try_from(number).unwrap_or(u8::MAX)),
        }
    }

    /// Every name that the restore takes for this table besides its own.
    pub(super) fn taken_slots(&self) -> Vec<Slot> {
        let mut slots = Vec::new();
        if self.promotion == Promotion::InPlace {
            return slots;
        }
        slots.push(Slot::Staged);
        slots.extend((1..self.snapshots.len()).map(|snapshot| self.slot_of(snapshot)));
        if self.live.is_some() {
            slots.push(Slot::Before);
        }
        slots
    }
}

/// The draft of one table, or refusals.
pub(super) fn draft<'a>(
    request: &'a RestoreRequest,
    source: &'a Source,
    index: u32,
    target: &'a Target,
    refusals: &mut Refusals,
) -> Option<Draft<'a>> {
    let table = &source.manifest.tables[index as usize];
    let database = request.target(&source.manifest.database);
    let qualified = QualifiedTable::new(database, &table.table);
    let ddl = match (source.origin.is_foreign(), Ddl::parse(&table.ddl)) {
        (true, _) => None,
        (false, Ok(ddl)) => Some(ddl),
        (false, Err(error)) => {
            refusals.add(
                ErrorName::PrecheckFailed,
                &qualified,
                format!("its recorded definition cannot be read: {error}"),
                "report it with the output of SHOW CREATE TABLE",
            );
            return None;
        }
    };
    let snapshots = source.snapshots_of(request, table);
    let live = match target.occupant(database, &table.table) {
        Occupant::Nothing => None,
        Occupant::Table(live) => Some(live),
        Occupant::Other => {
            refusals.add(
                ErrorName::PrecheckFailed,
                &qualified,
                "its name is taken by something that is not a table",
                "rename or drop that, or restore with into_database",
            );
            return None;
        }
    };
    let exists = target.databases.contains_key(database);
    let (strategy, reason) = strategy(request, exists, live.is_some(), &snapshots, source);
    let promotion = promotion(
        &qualified,
        ddl.as_ref(),
        exists,
        live,
        strategy,
        source,
        target,
        refusals,
    )?;
    let replication_num = match &ddl {
        Some(ddl) => replication(request, table, ddl, target.live_backends),
        None => unrecorded_replication(live, target.live_backends),
    };
    let default_replication = ddl
        .as_ref()
        .and_then(|ddl| ddl.property("replication_num")?.parse().ok())
        .unwrap_or(replication_num)
        .clamp(1, target.live_backends.max(1));
    let policies = ddl
        .as_ref()
        .map(|ddl| policy::active(&ddl.properties))
        .unwrap_or_default();
    let draft = Draft {
        source,
        index,
        table,
        database,
        ddl,
        snapshots,
        live,
        live_partitions: live
            .into_iter()
            .flat_map(|live| live.partitions.iter().map(|found| &found.name))
            .collect(),
        strategy,
        promotion,
        reason,
        replication_num,
        default_replication,
        policies,
    };
    check_names(request, &draft, target, refusals);
    check_parts(request, &draft, refusals);
    if draft.strategy == Strategy::Splice {
        splice::check(request, &draft, target, refusals);
    }
    Some(draft)
}

fn strategy(
    request: &RestoreRequest,
    database_exists: bool,
    lives: bool,
    snapshots: &[Arc<SnapshotLabel>],
    source: &Source,
) -> (Strategy, String) {
    match snapshots {
        [] => (
            Strategy::Create,
            "it had no partition, so no snapshot holds it".into(),
        ),
        _ if !database_exists => (
            Strategy::Direct,
            "its database does not exist and is made by this restore".into(),
        ),
        _ if request.is_partial() && lives => (
            Strategy::Splice,
            "only some of its partitions are wanted, and the table lives".into(),
        ),
        [snapshot] => (
            Strategy::Stage,
            format!("the snapshot of '{snapshot}' holds all of it"),
        ),
        [base, ..] => (
            Strategy::Overlay,
            format!(
                "the snapshot of '{base}' holds what did not change until '{}'",
                source.manifest.label
            ),
        ),
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one decision over all that is known of a table"
)]
fn promotion(
    qualified: &QualifiedTable,
    ddl: Option<&Ddl>,
    database_exists: bool,
    live: Option<&TableFacts>,
    strategy: Strategy,
    source: &Source,
    target: &Target,
    refusals: &mut Refusals,
) -> Option<Promotion> {
    if !database_exists {
        return Some(Promotion::InPlace);
    }
    let Some(live) = live else {
        return Some(Promotion::Rename);
    };
    if let TableEngine::Other(engine) = &live.engine {
        refusals.add(
            ErrorName::PrecheckFailed,
            qualified,
            format!("its name is taken by a table of engine {engine}"),
            "rename or drop that, or restore with into_database",
        );
        return None;
    }
    if live.state == TableState::Restore {
        refusals.add(
            ErrorName::JobConflict,
            qualified,
            "is being restored at this moment",
            "wait until SHOW RESTORE says FINISHED",
        );
        return None;
    }
    if strategy == Strategy::Splice {
        return Some(Promotion::Splice);
    }
    let same_database = qualified.database == source.manifest.database;
    let blocker = match Ddl::parse(&live.ddl) {
        Ok(live) => match ddl {
            Some(ddl) => properties::swap_blocker(&live, ddl, same_database, target.engine),
            None => properties::swap_blocker_of_unrecorded(&live, target.engine),
        },
        Err(error) => Some(format!("the live definition cannot be read ({error})")),
    };
    Some(match blocker {
        Some(because) => Promotion::RenamePair { because },
        None => Promotion::Swap,
    })
}

/// The number of replicas that most partitions have; the greater one where two are as frequent.
fn replication(
    request: &RestoreRequest,
    table: &ManifestTable,
    ddl: &Ddl,
    live_backends: u16,
) -> u16 {
    let mut frequency: BTreeMap<u16, usize> = BTreeMap::new();
    for partition in request.wanted(table) {
        *frequency.entry(partition.replication_num).or_default() += 1;
    }
    let recorded = frequency
        .into_iter()
        .max_by_key(|(number, count)| (*count, *number))
        .map(|(number, _)| number);
    recorded
        .or_else(|| ddl.property("replication_num")?.parse().ok())
        .unwrap_or(1)
        .clamp(1, live_backends.max(1))
}

/// What StarRocks gives a table of which nothing else is said.
const USUAL_REPLICATION: u16 = 3;

/// Of a table whose number of replicas is not on record: as many as the table has that it replaces.
fn unrecorded_replication(live: Option<&TableFacts>, live_backends: u16) -> u16 {
    let most = live
        .into_iter()
        .flat_map(|live| &live.partitions)
        .map(|partition| partition.replication_num)
        .max();
    most.unwrap_or(USUAL_REPLICATION)
        .clamp(1, live_backends.max(1))
}

/// Nothing may stand under a name that the restore is going to make.
fn check_names(
    request: &RestoreRequest,
    draft: &Draft<'_>,
    target: &Target,
    refusals: &mut Refusals,
) {
    for slot in draft.taken_slots() {
        let name = match request.name(&draft.table.table, slot) {
            Ok(name) => name,
            Err(error) => {
                refusals.add(
                    ErrorName::InvalidInput,
                    draft.qualified(),
                    error.to_string(),
                    "choose a shorter rename_suffix",
                );
                continue;
            }
        };
        let qualified = QualifiedTable::new(draft.database, &name);
        let found = match target.occupant(draft.database, &name) {
            Occupant::Nothing => continue,
            Occupant::Table(table) => Some(table.table_id),
            Occupant::Other => None,
        };
        if let Err(reason) = leftover(&qualified, found, target, &request.id) {
            refusals.add(
                ErrorName::PrecheckFailed,
                &qualified,
                reason,
                format!(
                    "drop it if it is no longer needed (DROP TABLE {} FORCE), or restore with \
                     another rename_suffix",
                    quoted(&qualified)
                ),
            );
        }
    }
}

/// For messages only: statements are made in [`crate::sql`].
fn quoted(table: &QualifiedTable) -> String {
    format!("`{}`.`{}`", table.database, table.table)
}

/// Two names of one restore must not meet: staged `a` is `a_restored`, which may be a table too.
pub(super) fn check_collisions(
    request: &RestoreRequest,
    drafts: &[Draft<'_>],
    refusals: &mut Refusals,
) {
    let mut owners: BTreeMap<(&DatabaseName, TableName), &TableName> = drafts
        .iter()
        .map(|draft| {
            let name = draft.table.table.clone();
            ((draft.database, name), &draft.table.table)
        })
        .collect();
    for draft in drafts {
        for slot in draft.taken_slots() {
            let Ok(name) = request.name(&draft.table.table, slot) else {
                continue;
            };
            if let Some(owner) = owners.insert((draft.database, name.clone()), &draft.table.table) {
                refusals.add(
                    ErrorName::InvalidInput,
                    QualifiedTable::new(draft.database, &name),
                    format!(
                        "would be made while '{}' is restored, and '{owner}' is restored too",
                        draft.table.table
                    ),
                    "choose another rename_suffix",
                );
            }
        }
    }
}

/// What several snapshots hold must be possible to put together. A backup stores tables whole where
/// it is not, so this speaks of labels of other tools and of versions that read the manifest
/// differently.
fn check_parts(request: &RestoreRequest, draft: &Draft<'_>, refusals: &mut Refusals) {
    if !matches!(draft.strategy, Strategy::Overlay | Strategy::Direct) || draft.snapshots.len() < 2
    {
        return;
    }
    // A label of another tool has one snapshot only.
    let Some(ddl) = &draft.ddl else {
        return;
    };
    if let Err(reason) = addable::mergeable(ddl) {
        refusals.add(
            ErrorName::PrecheckFailed,
            draft.qualified(),
            format!(
                "is spread over {} snapshots, and {reason}",
                draft.snapshots.len()
            ),
            "restore an older label that one snapshot holds",
        );
    }
    if draft.strategy == Strategy::Direct && !needs_partitions_first(ddl) {
        return;
    }
    for snapshot in &draft.snapshots[1..] {
        for partition in request.wanted_from(draft.table, snapshot) {
            if let Err(reason) = addable::addable(ddl, partition) {
                refuse_partition(draft, partition, &reason, refusals);
            }
        }
    }
}

fn refuse_partition(
    draft: &Draft<'_>,
    partition: &ManifestPartition,
    reason: &str,
    refusals: &mut Refusals,
) {
    refusals.add(
        ErrorName::PrecheckFailed,
        format!("{}, partition {}", draft.qualified(), partition.name),
        format!("cannot be added by hand: {reason}"),
        "restore the whole table, or an older label that one snapshot holds",
    );
}

/// RESTORE adds missing RANGE partitions to a table by itself, and no others.
pub(super) fn needs_partitions_first(ddl: &Ddl) -> bool {
    match ddl.partitioning {
        Partitioning::Unpartitioned
        | Partitioning::Range { .. }
        | Partitioning::Expression { .. } => false,
        Partitioning::List { .. } | Partitioning::Opaque { .. } => true,
    }
}
