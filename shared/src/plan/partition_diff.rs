//! One table now against what the newest full holds of it.
//!
//! Changed means different, in any way: inequality can select too much, never too little.

use std::fmt;

use crate::{
    facts::{PartitionFacts, Partitioning, TableFacts, TableState},
    label::SnapshotLabel,
    manifest::{ManifestPartition, ManifestTable},
    plan::whole::{WholeReason, whole_or_nothing},
};

/// How many partitions are named before the whole table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one table.
    pub listed_per_table: usize,
    /// Of all tables of a BACKUP. The engine repeats all names at every poll, so this bounds an answer
    /// of SHOW BACKUP to some megabytes.
    pub listed_per_statement: usize,
}

impl Limits {
    pub const DEFAULT: Limits = Limits {
        listed_per_table: 5_000,
        listed_per_statement: 50_000,
    };
}

/// What a label stores of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDiff {
    pub store: Store,
    /// Partitions of the baseline that are gone: the new manifest does not have them.
    pub dropped: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// Everything is in the baseline's snapshot.
    Nothing,
    /// The partitions at these places, the system partition among them.
    Listed(Vec<usize>),
    Whole(StoreWhole),
}

/// Why a table is stored whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreWhole {
    FullBackup,
    NotInBaseline,
    OtherTable,
    SchemaChanged,
    SchemaJobRunning,
    /// Unpartitioned, and its content changed.
    Unpartitioned,
    NotDivisible(WholeReason),
    MostChanged {
        changed: usize,
        of: usize,
    },
    /// Named one by one, its partitions would make the statement too long.
    StatementTooLong {
        changed: usize,
    },
}

/// `now.partitions` and `baseline.partitions` are sorted by name.
pub fn diff_table(
    now: &TableFacts,
    baseline: Option<&ManifestTable>,
    baseline_label: &SnapshotLabel,
    limits: Limits,
) -> TableDiff {
    let whole = |reason| TableDiff {
        store: Store::Whole(reason),
        dropped: 0,
    };
    let Some(baseline) = baseline else {
        return whole(StoreWhole::NotInBaseline);
    };
    if now.table_id != baseline.table_id {
        return whole(StoreWhole::OtherTable);
    }
    let unpartitioned = now.partitioning == Partitioning::Unpartitioned;
    if now.schema_hash != baseline.schema_hash || unpartitioned != baseline.unpartitioned {
        return whole(StoreWhole::SchemaChanged);
    }
    if now.schema_job_running || now.state != TableState::Normal {
        return whole(StoreWhole::SchemaJobRunning);
    }
    if unpartitioned {
        let same = match (now.partitions.as_slice(), baseline.partitions.as_slice()) {
            ([now], [then]) => is_same(now, then, baseline_label),
            _ => false,
        };
        return match same {
            true => TableDiff {
                store: Store::Nothing,
                dropped: 0,
            },
            false => whole(StoreWhole::Unpartitioned),
        };
    }

    let Compared { changed, dropped } = compare(now, baseline, baseline_label);
    if changed.is_empty() {
        return TableDiff {
            store: Store::Nothing,
            dropped,
        };
    }
    let partition = |at: &usize| &now.partitions[*at];
    if let Some(reason) = whole_or_nothing(now, changed.iter().map(partition)) {
        return whole(StoreWhole::NotDivisible(reason));
    }
    let users = |partitions: &mut dyn Iterator<Item = &PartitionFacts>| {
        partitions.filter(|partition| !partition.system).count()
    };
    let total = users(&mut now.partitions.iter());
    let count = users(&mut changed.iter().map(partition));
    if count > limits.listed_per_table || count * 2 > total {
        return whole(StoreWhole::MostChanged {
            changed: count,
            of: total,
        });
    }
    // Without the system partition in its list, a snapshot restores to a table that takes no row of
    // a new period.
    let places = 0..now.partitions.len();
    let listed = places
        .filter(|at| now.partitions[*at].system || changed.binary_search(at).is_ok())
        .collect();
    TableDiff {
        store: Store::Listed(listed),
        dropped,
    }
}

struct Compared {
    /// Places in `now.partitions`, ascending.
    changed: Vec<usize>,
    dropped: usize,
}

fn compare(now: &TableFacts, baseline: &ManifestTable, baseline_label: &SnapshotLabel) -> Compared {
    let mut changed = Vec::new();
    let mut dropped = 0;
    let mut then = baseline.partitions.iter().peekable();
    for (at, partition) in now.partitions.iter().enumerate() {
        while then.next_if(|then| then.name < partition.name).is_some() {
            dropped += 1;
        }
        let same = then
            .next_if(|then| then.name == partition.name)
            .is_some_and(|then| is_same(partition, then, baseline_label));
        if !same {
            changed.push(at);
        }
    }
    dropped += then.count();
    Compared { changed, dropped }
}

fn is_same(now: &PartitionFacts, then: &ManifestPartition, baseline: &SnapshotLabel) -> bool {
    // A system partition never has rows, so it cannot change; but one without a fingerprint may be
    // that of another table.
    let same = match now.system {
        true => then.fingerprint.is_some(),
        false => Some(now.fingerprint) == then.fingerprint && !now.pending,
    };
    same && now.system == then.system && *then.stored_in == *baseline
}

impl fmt::Display for StoreWhole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreWhole::FullBackup => formatter.write_str("a full backup stores everything"),
            StoreWhole::NotInBaseline => formatter.write_str("it is not in the baseline"),
            StoreWhole::OtherTable => {
                formatter.write_str("another table has this name since the baseline")
            }
            StoreWhole::SchemaChanged => {
                formatter.write_str("its schema changed since the baseline")
            }
            StoreWhole::SchemaJobRunning => formatter.write_str("a schema change of it is running"),
            StoreWhole::Unpartitioned => {
                formatter.write_str("it changed, and it has no partitions to tell apart")
            }
            StoreWhole::NotDivisible(reason) => {
                write!(
                    formatter,
                    "it changed, and it is stored whole or not at all: {reason}"
                )
            }
            StoreWhole::MostChanged { changed, of } => {
                write!(formatter, "{changed} of its {of} partitions changed")
            }
            StoreWhole::StatementTooLong { changed } => write!(
                formatter,
                "naming its {changed} changed partitions would make the statement too long"
            ),
        }
    }
}
