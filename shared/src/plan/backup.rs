//! One database at the first reading, and the newest full, into the manifest of a new label.
//!
//! The plan of a label is its manifest: what BACKUP has to name follows from it ([`named_tables`]), so
//! whoever finds a stored plan sends the very same statement.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    error::{Error, ErrorName},
    facts::{DatabaseFacts, ObjectKind, PartitionFacts, Partitioning, TableFacts},
    flow::OnUnsupported,
    ident::{PartitionName, PlanId, TableId, TableName},
    label::{BackupKind, SnapshotLabel},
    manifest::{Manifest, ManifestObject, ManifestPartition, ManifestTable, UNPARTITIONED_KEY},
    plan::{
        Decision, Finding, finding,
        partition_diff::{Limits, Store, StoreWhole, TableDiff, diff_table},
    },
    sql::backup::BackupObject,
};

mod absence;
#[cfg(test)]
mod tests;
pub mod unsupported;

pub use unsupported::Unsupported;

/// Everything that a plan depends on.
#[derive(Debug)]
pub struct BackupRequest<'a> {
    pub label: SnapshotLabel,
    pub plan_id: PlanId,
    pub basis: Basis<'a>,
    pub selection: &'a Selection,
    /// Left out of [`Selection::Everything`].
    pub leftovers: &'a Leftovers,
    /// Old clusters refuse BACKUP of LIST tables; whether this one does is found out by asking.
    pub list_supported: bool,
    pub on_unsupported: OnUnsupported,
    pub limits: Limits,
}

#[derive(Debug, Clone, Copy)]
pub enum Basis<'a> {
    /// `last` is the newest full: nothing is referenced in it, but what it had and is gone needs a
    /// proof.
    Full {
        last: Option<&'a Manifest>,
    },
    Incremental {
        baseline: &'a Manifest,
    },
}

/// What a group names in one database, and so what is read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// `*`: every table, view, materialized view and function.
    Everything,
    /// Tables or views, as far as they exist.
    Names(BTreeSet<TableName>),
}

impl Selection {
    pub fn contains(&self, name: &TableName) -> bool {
        match self {
            Selection::Everything => true,
            Selection::Names(names) => names.contains(name),
        }
    }
}

/// Tables that restores of ours made or put aside, each under the very name that the restore gave it
/// (see [`crate::plan::restore::aside`]).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leftovers {
    pub tables: BTreeSet<(TableId, TableName)>,
}

impl Leftovers {
    pub fn contains(&self, id: TableId, name: &TableName) -> bool {
        self.tables.contains(&(id, name.clone()))
    }
}

#[derive(Debug)]
#[must_use]
pub struct BackupPlan {
    pub manifest: Manifest,
    /// One for each table, and for each object that is left out.
    pub decisions: Vec<Decision>,
}

impl BackupPlan {
    /// Nothing changed since the baseline: no BACKUP is sent, and the label stands for what older
    /// snapshots hold.
    pub fn nothing_to_store(&self) -> bool {
        self.named_tables().is_empty()
    }

    pub fn named_tables(&self) -> Vec<NamedTable> {
        named_tables(&self.manifest)
    }

    /// What of the group is not in the label.
    pub fn skipped(&self) -> impl Iterator<Item = &ManifestObject> {
        let objects = self.manifest.objects.iter();
        objects.filter(|object| object.skipped_reason.is_some())
    }
}

/// A table as BACKUP names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedTable {
    pub table: TableName,
    /// `None`: the whole table, with whatever partitions it has at the pin.
    pub partitions: Option<Vec<PartitionName>>,
}

impl NamedTable {
    pub fn as_sql(&self) -> BackupObject<'_> {
        BackupObject {
            table: &self.table,
            partitions: self.partitions.as_deref(),
        }
    }
}

/// What BACKUP of this label names. A table of which every partition is stored is named as a whole,
/// so that partitions made until the pin are in the snapshot too; one without partitions is not named
/// at all, because there is nothing to store of it: it is restored from its definition.
pub fn named_tables(manifest: &Manifest) -> Vec<NamedTable> {
    let mut named = Vec::new();
    for table in &manifest.tables {
        let stored = |partition: &&ManifestPartition| *partition.stored_in == manifest.label;
        let count = table.partitions.iter().filter(stored).count();
        let partitions = match count {
            0 => continue,
            all if all == table.partitions.len() => None,
            _ => {
                let stored = table.partitions.iter().filter(stored);
                Some(stored.map(|partition| partition.name.clone()).collect())
            }
        };
        named.push(NamedTable {
            table: table.table.clone(),
            partitions,
        });
    }
    named
}

/// Why there is no plan: everything that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRefused {
    pub database: String,
    pub findings: Vec<Finding>,
}

impl From<BackupRefused> for Error {
    fn from(refused: BackupRefused) -> Error {
        let subject = format!("database {} cannot be backed up as asked", refused.database);
        finding::to_error(&subject, &refused.findings)
            .unwrap_or_else(|| Error::internal(format!("{subject}, and no check says why")))
    }
}

/// Plans one database. Takes the facts by value: a million partitions are kept once.
pub fn plan(facts: DatabaseFacts, request: BackupRequest<'_>) -> Result<BackupPlan, BackupRefused> {
    let (kind, known, baseline) = match request.basis {
        Basis::Full { last } => (BackupKind::Full, last, None),
        Basis::Incremental { baseline } => {
            (BackupKind::Incremental, Some(baseline), Some(baseline))
        }
    };
    let database = facts.database.clone();
    let mut decisions = Vec::new();
    let mut findings = absence::check_baseline(&facts, &request);
    let mut objects = absence::check(&facts, &request, known, &mut decisions, &mut findings);

    let label = Arc::new(request.label.clone());
    let mut planned = Vec::new();
    for (name, mut table) in facts.tables {
        let leftover = request.leftovers.contains(table.table_id, &name);
        if leftover && *request.selection == Selection::Everything {
            let reason = "a restore made it or put it aside";
            decisions.push(Decision::new(subject(&name), "leave out", reason));
            continue;
        }
        if let Some(reason) = unsupported::reason(&table, request.list_supported) {
            match request.on_unsupported {
                OnUnsupported::Fail => findings.push(reason.finding(&name)),
                OnUnsupported::Skip => {
                    decisions.push(Decision::new(subject(&name), "skip", reason.to_string()));
                    objects.push(skipped(name, table.ddl, reason.to_string()));
                }
            }
            continue;
        }
        table
            .partitions
            .sort_by(|one, other| one.name.cmp(&other.name));
        if let Some(finding) = inconsistency(&table) {
            findings.push(finding);
            continue;
        }
        let diff = match baseline {
            None => TableDiff {
                store: Store::Whole(StoreWhole::FullBackup),
                dropped: 0,
            },
            Some(baseline) => diff_table(
                &table,
                find(baseline, &name),
                &baseline.label,
                request.limits,
            ),
        };
        planned.push((table, diff));
    }
    if !findings.is_empty() {
        return Err(BackupRefused {
            database: database.to_string(),
            findings,
        });
    }

    keep_statement_short(&mut planned, request.limits.listed_per_statement);
    let referenced = baseline.map(|baseline| Arc::new(baseline.label.clone()));
    let tables = planned
        .into_iter()
        .map(|(table, diff)| {
            decisions.push(decide(&table, &diff));
            let then = baseline.and_then(|baseline| find(baseline, &table.table));
            let mut table = manifest_table(table, &diff.store, &label, referenced.as_ref());
            keep_counts(&mut table, &label, then);
            table
        })
        .collect();
    objects.extend(facts.objects.into_iter().map(|object| ManifestObject {
        name: object.name,
        kind: object.kind,
        ddl: object.ddl,
        skipped_reason: None,
    }));
    objects.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    Ok(BackupPlan {
        manifest: Manifest {
            label: request.label,
            database,
            plan_id: request.plan_id,
            kind,
            tables,
            objects,
        },
        decisions,
    })
}

fn find<'a>(manifest: &'a Manifest, table: &TableName) -> Option<&'a ManifestTable> {
    let tables = &manifest.tables;
    let at = tables
        .binary_search_by(|known| known.table.cmp(table))
        .ok()?;
    Some(&tables[at])
}

fn subject(name: &TableName) -> String {
    format!("table {name}")
}

fn skipped(name: TableName, ddl: String, reason: String) -> ManifestObject {
    ManifestObject {
        name,
        kind: ObjectKind::Table,
        ddl,
        skipped_reason: Some(reason),
    }
}

/// Facts that cannot be: a plan made from them could leave data out.
fn inconsistency(table: &TableFacts) -> Option<Finding> {
    let mut pairs = table.partitions.windows(2);
    let message = if pairs.any(|pair| pair[0].name == pair[1].name) {
        "a partition was read twice"
    } else if table.partitioning == Partitioning::Unpartitioned && table.partitions.len() != 1 {
        "it has no partitioning, and not exactly one partition"
    } else {
        return None;
    };
    Some(
        Finding::failed(
            "table",
            ErrorName::Internal,
            message,
            "run the command again; if it stays, report it with this message",
        )
        .about(&table.table),
    )
}

/// Names the tables with the most listed partitions as a whole until the rest fits.
fn keep_statement_short(planned: &mut [(TableFacts, TableDiff)], limit: usize) {
    let listed = |diff: &TableDiff| match &diff.store {
        Store::Listed(places) => places.len(),
        Store::Nothing | Store::Whole(_) => 0,
    };
    let mut total: usize = planned.iter().map(|(_, diff)| listed(diff)).sum();
    while total > limit {
        let longest = planned.iter_mut().max_by_key(|(_, diff)| listed(diff));
        let (table, diff) = longest.expect("a total above a limit is the sum of something");
        let changed = listed(diff) - table.partitions.iter().filter(|part| part.system).count();
        total -= listed(diff);
        diff.store = Store::Whole(StoreWhole::StatementTooLong { changed });
    }
}

fn decide(table: &TableFacts, diff: &TableDiff) -> Decision {
    const NAMES_SHOWN: usize = 5;
    let total = table.partitions.iter().filter(|part| !part.system).count();
    let dropped = match diff.dropped {
        0 => String::new(),
        dropped => format!("; {dropped} partitions of the baseline are gone"),
    };
    let (action, reason) = match &diff.store {
        Store::Nothing if table.partitions.is_empty() => (
            "define",
            "it has no partition: its definition is all there is".to_owned(),
        ),
        Store::Nothing => ("reference", format!("all {total} partitions are unchanged")),
        Store::Whole(_) if table.partitions.is_empty() => (
            "define",
            "it has no partition: its definition is all there is".to_owned(),
        ),
        Store::Whole(reason) => ("store", format!("whole: {reason}")),
        Store::Listed(places) => {
            let changed = || {
                let changed = places.iter().map(|at| &table.partitions[*at]);
                changed.filter(|partition| !partition.system)
            };
            let count = changed().count();
            let mut names: Vec<&str> = changed()
                .map(|partition| partition.name.as_str())
                .take(NAMES_SHOWN)
                .collect();
            if count > NAMES_SHOWN {
                names.push("...");
            }
            let names = names.join(", ");
            (
                "store",
                format!("{count} of {total} partitions are new or changed: {names}"),
            )
        }
    };
    Decision::new(subject(&table.table), action, reason + &dropped)
}

/// `referenced` is the baseline's label; a full has none, and stores everything.
fn manifest_table(
    table: TableFacts,
    store: &Store,
    label: &Arc<SnapshotLabel>,
    referenced: Option<&Arc<SnapshotLabel>>,
) -> ManifestTable {
    let unpartitioned = table.partitioning == Partitioning::Unpartitioned;
    let mut listed = match store {
        Store::Listed(places) => places.as_slice(),
        Store::Nothing | Store::Whole(_) => &[],
    }
    .iter()
    .peekable();
    let whole = matches!(store, Store::Whole(_));
    let partitions = table
        .partitions
        .into_iter()
        .enumerate()
        .map(|(at, partition)| {
            let stored = whole || listed.next_if(|listed| **listed == at).is_some();
            let stored_in = match referenced {
                Some(referenced) if !stored => referenced,
                _ => label,
            };
            manifest_partition(partition, unpartitioned, Arc::clone(stored_in))
        })
        .collect();
    ManifestTable {
        table: table.table,
        table_id: table.table_id,
        schema_hash: table.schema_hash,
        ddl: table.ddl,
        unpartitioned,
        partitions,
    }
}

/// What is referenced has the very content that was counted for the baseline.
fn keep_counts(table: &mut ManifestTable, label: &SnapshotLabel, then: Option<&ManifestTable>) {
    let mut then = then
        .map_or(&[][..], |then| &then.partitions)
        .iter()
        .peekable();
    for partition in &mut table.partitions {
        while then.next_if(|then| then.name < partition.name).is_some() {}
        let same = then.next_if(|then| then.name == partition.name);
        if *partition.stored_in != *label {
            partition.row_count = same.and_then(|then| then.row_count);
        }
    }
}

fn manifest_partition(
    partition: PartitionFacts,
    unpartitioned: bool,
    stored_in: Arc<SnapshotLabel>,
) -> ManifestPartition {
    let name = match unpartitioned {
        true => UNPARTITIONED_KEY
            .parse()
            .expect("the key of an unpartitioned table is a legal partition name"),
        false => partition.name,
    };
    ManifestPartition {
        name,
        fingerprint: Some(partition.fingerprint),
        stored_in,
        system: partition.system,
        value: partition.value,
        buckets: partition.buckets,
        replication_num: partition.replication_num,
        row_count: None,
        data_size: partition.data_size,
    }
}
