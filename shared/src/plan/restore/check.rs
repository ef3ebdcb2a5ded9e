//! Whether the labels can be restored at all, and what of them is asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    notice::Notices, refusal::Refusals, request::RestoreRequest, source::Source, target::Target,
};
use crate::{
    error::ErrorName,
    ident::{DatabaseName, PartitionName, TableName},
    label::{BackupKind, SnapshotLabel},
    manifest::{Cut, ManifestObject, ManifestTable},
    plan::foreign::{self, Origin},
    time::UtcTime,
    version::EngineLine,
};

/// Checks everything that concerns the labels as a whole.
pub(super) fn check_sources(
    request: &RestoreRequest,
    sources: &[Source],
    target: &Target,
    refusals: &mut Refusals,
    notices: &mut Notices,
) {
    if request.into_database.is_some() && sources.len() > 1 {
        refusals.add(
            ErrorName::InvalidInput,
            "into_database",
            format!(
                "{} labels of {} databases cannot go into one",
                sources.len(),
                sources.len()
            ),
            "restore one label at a time into another database",
        );
    }
    if target.live_backends == 0 {
        refusals.add(
            ErrorName::UnsupportedCluster,
            "the cluster",
            "no backend is alive, so nothing can be restored",
            "SHOW BACKENDS says why",
        );
    }
    let mut databases = BTreeSet::new();
    for source in sources {
        let label = &source.manifest.label;
        if !databases.insert(request.target(&source.manifest.database)) {
            refusals.add(
                ErrorName::InvalidInput,
                label,
                format!(
                    "another label of database '{}' is restored too",
                    source.manifest.database
                ),
                "name one label per database",
            );
        }
        check_source(request, source, target, refusals, notices);
        let database = request.target(&source.manifest.database);
        if target
            .databases
            .get(database)
            .is_some_and(|facts| facts.listing.is_none())
        {
            notices.say(
                database,
                "was read without the OPERATE privilege: a table that this user may not see could \
                 have a name that the restore needs, and RESTORE would then be cancelled",
            );
        }
    }
    if sources.len() > 1 {
        let pins = sources
            .iter()
            .filter_map(|source| source.record.pinned_at)
            .collect::<BTreeSet<_>>();
        if let (Some(first), Some(last)) = (pins.first(), pins.last()) {
            notices.say("the databases", moments(*first, *last));
        }
    }
}

/// Times are of whole seconds, and two pins are never one.
pub(super) fn moments(first: UtcTime, last: UtcTime) -> String {
    if first == last {
        return format!("were pinned one by one, all within the second {first} UTC");
    }
    format!("were pinned one by one, from {first} to {last} UTC")
}

fn check_source(
    request: &RestoreRequest,
    source: &Source,
    target: &Target,
    refusals: &mut Refusals,
    notices: &mut Notices,
) {
    let label = &source.manifest.label;
    if !source.record.status.is_restorable() {
        refusals.add(
            ErrorName::NotFound,
            label,
            format!(
                "its backup ended {}, so there is nothing to restore",
                source.record.status.as_str()
            ),
            "starrocks-br list shows the labels that can be restored",
        );
    }
    if let Origin::Foreign { missing } = &source.origin {
        check_foreign(request, source, missing, refusals, notices);
    }
    if source.record.cut == Some(Cut::Torn) {
        notices.say(
            label,
            "is torn: a partition that it refers to changed before the rest was captured, so it is \
             not of one moment",
        );
    }
    for snapshot in needed_snapshots(request, source) {
        match source.snapshots.get(snapshot) {
            None => refusals.add(
                ErrorName::NotFound,
                snapshot,
                format!("label '{label}' needs its snapshot, and no valid one exists"),
                "starrocks-br list shows the labels whose snapshots are complete",
            ),
            Some(found) => {
                check_engine(
                    snapshot,
                    found.engine_version.as_deref(),
                    target,
                    refusals,
                    notices,
                );
            }
        }
    }
}

/// A label of another tool: its snapshot alone says what it holds.
fn check_foreign(
    request: &RestoreRequest,
    source: &Source,
    missing: &BTreeMap<TableName, BTreeSet<String>>,
    refusals: &mut Refusals,
    notices: &mut Notices,
) {
    let label = &source.manifest.label;
    if let Some(reason) = foreign::refuse(&source.manifest, &request.scope) {
        refusals.add(
            ErrorName::InvalidInput,
            label,
            reason,
            "restore the full it was made after, or name what its own snapshot holds: --table and \
             --partition, or the --table of a table without partitions",
        );
        return;
    }
    notices.say(
        label,
        "was made by another tool: verified against the snapshot's own list of partitions. Not \
         compared, because not on record: row counts and schema",
    );
    notices.say(
        label,
        "has no definitions and sizes on record: whether there is room is not checked, a table gets \
         as many replicas as the live one has, else 3 where as many backends are alive, and \
         colocation, unique and foreign keys, which RESTORE drops, are not set again",
    );
    if source.manifest.kind == BackupKind::Incremental {
        notices.say(
            label,
            "is an incremental: what is named comes back as its own snapshot holds it. An automatic \
             table comes back without its hidden partition and may refuse rows of new periods",
        );
    }
    for (table, partitions) in missing {
        let names: Vec<&str> = partitions.iter().map(String::as_str).take(10).collect();
        notices.say(
            format!("{}.{table}", source.manifest.database),
            format!(
                "was recorded by the other tool with {} partitions that the snapshot does not hold: {}",
                partitions.len(),
                names.join(", ")
            ),
        );
    }
}

/// The labels whose snapshots hold something that is wanted.
fn needed_snapshots<'s>(
    request: &'s RestoreRequest,
    source: &'s Source,
) -> BTreeSet<&'s SnapshotLabel> {
    let tables = source.manifest.tables.iter();
    tables
        .filter(|table| names_table(request, table))
        .flat_map(|table| request.wanted(table))
        .map(|partition| &*partition.stored_in)
        .collect()
}

fn check_engine(
    snapshot: &SnapshotLabel,
    version: Option<&str>,
    target: &Target,
    refusals: &mut Refusals,
    notices: &mut Notices,
) {
    match version.map(|version| (version, version.parse::<EngineLine>())) {
        Some((_, Ok(line))) if line <= target.engine => {}
        Some((version, Ok(_))) => refusals.add(
            ErrorName::UnsupportedCluster,
            snapshot,
            format!(
                "its snapshot was made by StarRocks {version}, and this cluster runs {}: an older \
                 line cannot read it",
                target.engine
            ),
            "restore it on a cluster of the same or a newer line",
        ),
        Some((version, Err(_))) => notices.say(
            snapshot,
            format!("was made by StarRocks '{version}', a version that is not understood"),
        ),
        None => notices.say(
            snapshot,
            "has no engine version on record: whether this cluster can read it shows when it does",
        ),
    }
}

fn names_table(request: &RestoreRequest, table: &ManifestTable) -> bool {
    request.scope.tables.is_empty() || request.scope.tables.contains(&table.table)
}

/// What is asked for of one label, by its place in the manifest.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) tables: Vec<u32>,
    pub(super) objects: Vec<u32>,
}

/// Picks what the scope names. A name that no label has, or that was left out of it, is refused.
pub(super) fn select(
    request: &RestoreRequest,
    sources: &[Source],
    refusals: &mut Refusals,
    notices: &mut Notices,
) -> Vec<Selection> {
    let named = &request.scope.tables;
    let selections: Vec<Selection> = sources
        .iter()
        .map(|source| {
            let manifest = &source.manifest;
            let wants = |object: &ManifestObject| named.is_empty() || named.contains(&object.name);
            let mut objects = Vec::new();
            for (index, object) in numbered(&manifest.objects) {
                match &object.skipped_reason {
                    _ if !wants(object) => {}
                    None => objects.push(index),
                    Some(reason) if named.is_empty() => notices.say(
                        in_database(&manifest.database, object),
                        format!("is not in label '{}': {reason}", manifest.label),
                    ),
                    Some(reason) => refusals.add(
                        ErrorName::NotFound,
                        in_database(&manifest.database, object),
                        format!("is not in label '{}': {reason}", manifest.label),
                        "restore an older label that has it",
                    ),
                }
            }
            Selection {
                tables: numbered(&manifest.tables)
                    .filter(|(_, table)| names_table(request, table))
                    .map(|(index, _)| index)
                    .collect(),
                objects,
            }
        })
        .collect();
    for name in named {
        let found = sources.iter().any(|source| {
            let manifest = &source.manifest;
            manifest.tables.iter().any(|table| table.table == *name)
                || manifest.objects.iter().any(|object| object.name == *name)
        });
        if !found {
            refusals.add(
                ErrorName::NotFound,
                name,
                format!("is in none of: {}", labels(sources)),
                "starrocks-br show LABEL lists what a label holds",
            );
        }
    }
    if request.is_partial() {
        check_partitions(request, sources, &selections, refusals);
    }
    selections
}

fn check_partitions(
    request: &RestoreRequest,
    sources: &[Source],
    selections: &[Selection],
    refusals: &mut Refusals,
) {
    let tables: Vec<&ManifestTable> = sources
        .iter()
        .zip(selections)
        .flat_map(|(source, selection)| {
            let table = |index: &u32| &source.manifest.tables[*index as usize];
            selection.tables.iter().map(table)
        })
        .collect();
    let [table] = tables.as_slice() else {
        refusals.add(
            ErrorName::InvalidInput,
            "partitions",
            format!("name exactly one table, not {}", tables.len()),
            "--table NAME says which table the partitions are of",
        );
        return;
    };
    if table.unpartitioned {
        refusals.add(
            ErrorName::InvalidInput,
            &table.table,
            "is not partitioned, so no partitions of it can be named",
            "restore the table as a whole",
        );
        return;
    }
    let known: BTreeSet<&PartitionName> = table
        .partitions
        .iter()
        .filter(|partition| !partition.system)
        .map(|partition| &partition.name)
        .collect();
    for partition in &request.scope.partitions {
        if !known.contains(partition) {
            refusals.add(
                ErrorName::NotFound,
                format!("{}, partition {partition}", table.table),
                format!("is in none of: {}", labels(sources)),
                "starrocks-br show LABEL lists what a label holds",
            );
        }
    }
}

fn numbered<T>(items: &[T]) -> impl Iterator<Item = (u32, &T)> {
    (0_u32..).zip(items)
}

fn in_database(database: &DatabaseName, object: &ManifestObject) -> String {
    format!("{database}.{}", object.name)
}

fn labels(sources: &[Source]) -> String {
    let labels: Vec<&str> = sources
        .iter()
        .map(|source| source.manifest.label.as_str())
        .collect();
    labels.join(", ")
}
