//! A cluster as far as backups depend on it: ids, versions and content, and everything that users,
//! loads and frontends do to them.

use std::collections::BTreeMap;

use crate::{facts::SHADOW_PARTITION, plan::backup::NamedTable};

/// Numbers that a case is made of. Without any left, nothing more happens.
#[derive(Debug, Clone)]
pub(super) struct Choices {
    numbers: Vec<u16>,
    at: usize,
}

impl Choices {
    pub(super) fn new(numbers: Vec<u16>) -> Choices {
        Choices { numbers, at: 0 }
    }

    pub(super) fn pick(&mut self, below: usize) -> usize {
        let number = self.numbers.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(number) % below
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Range,
    Automatic,
    Unpartitioned,
    /// RANGE, and distributed randomly.
    Random,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Partition {
    pub(super) id: i64,
    pub(super) version: i64,
    pub(super) time: i64,
    pub(super) epoch: i64,
    /// Committed, not yet visible: rows, and when it was committed.
    pub(super) pending: Option<(u64, i64)>,
    /// Stands for the rows: another number is other rows.
    pub(super) rows: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    pub(super) id: i64,
    pub(super) kind: Kind,
    /// Stands for what the rows mean: every change of the schema gives another number.
    pub(super) schema: u64,
    pub(super) schema_version: i64,
    pub(super) job_running: bool,
    pub(super) partitions: BTreeMap<String, Partition>,
}

#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) tables: BTreeMap<String, Table>,
    next: i64,
    now: i64,
    /// How often an id, a name or a schema was changed.
    pub(super) structural: usize,
    /// How often anything was done.
    pub(super) operations: usize,
}

/// What BACKUP stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Snapshot {
    pub(super) tables: BTreeMap<String, Table>,
}

const TABLES: usize = 4;
const PARTITIONS: usize = 6;

impl Cluster {
    pub(super) fn new() -> Cluster {
        let mut cluster = Cluster {
            tables: BTreeMap::new(),
            next: 100,
            now: 1_000,
            structural: 0,
            operations: 0,
        };
        for (number, kind) in [
            Kind::Range,
            Kind::Automatic,
            Kind::Unpartitioned,
            Kind::Random,
        ]
        .into_iter()
        .enumerate()
        {
            cluster.create(format!("t{number}"), kind);
        }
        cluster
    }

    fn fresh(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// Empty, as ADD PARTITION makes it.
    fn partition(&mut self, version: i64) -> Partition {
        let id = self.fresh();
        Partition {
            id,
            version,
            time: self.now,
            epoch: self.fresh(),
            pending: None,
            rows: self.fresh() as u64,
        }
    }

    pub(super) fn create(&mut self, name: String, kind: Kind) {
        let mut partitions = BTreeMap::new();
        let names: Vec<String> = match kind {
            Kind::Unpartitioned => vec![name.clone()],
            Kind::Automatic => vec![
                SHADOW_PARTITION.into(),
                "p0".into(),
                "p1".into(),
                "p2".into(),
            ],
            Kind::Range | Kind::Random => (0..4).map(|number| format!("p{number}")).collect(),
        };
        for name in names {
            partitions.insert(name, self.partition(1));
        }
        let table = Table {
            id: self.fresh(),
            kind,
            schema: self.fresh() as u64,
            schema_version: 0,
            job_running: false,
            partitions,
        };
        self.tables.insert(name, table);
    }

    /// One thing that happens. Time moves on, often by less than a second.
    pub(super) fn operate(&mut self, choices: &mut Choices) {
        self.operations += 1;
        self.now += choices.pick(3) as i64;
        let name = format!("t{}", choices.pick(TABLES));
        let partition_number = choices.pick(PARTITIONS);
        // Two thirds loads and partitions, one third names, ids and schemas.
        let operation = match choices.pick(3) {
            2 => 14 + choices.pick(10),
            _ => choices.pick(14),
        };
        if operation >= 14 {
            self.structural += 1;
            return self.change_table(operation, name, choices);
        }
        let fresh = self.fresh() as u64;
        let now = self.now;
        let new_version = 1 + choices.pick(3) as i64;
        let replacement = self.partition(new_version);
        let Some(table) = self.tables.get_mut(&name) else {
            return;
        };
        let fixed = table.kind == Kind::Unpartitioned;
        let key = match fixed {
            true => name,
            false => format!("p{partition_number}"),
        };
        match operation {
            6 | 7 if !fixed => {
                table.partitions.remove(&key);
            }
            8 | 9 if !fixed => {
                table.partitions.entry(key).or_insert(replacement);
            }
            10 => {
                for (name, partition) in &mut table.partitions {
                    if name != SHADOW_PARTITION {
                        partition.load(fresh, now);
                    }
                }
            }
            _ => {
                let Some(partition) = table.partitions.get_mut(&key) else {
                    return;
                };
                match operation {
                    0..=2 => partition.load(fresh, now),
                    3 => partition.pending = partition.pending.or(Some((fresh, now))),
                    4 => partition.publish(),
                    // TRUNCATE, INSERT OVERWRITE, REPLACE PARTITION, dropped and made again.
                    5 | 11 => *partition = replacement,
                    // RESTORE over it: same id, an older version, the time of the restore.
                    12 => {
                        self.now += 20;
                        partition.version = partition.version.min(new_version);
                        partition.time = self.now;
                        partition.pending = None;
                        partition.rows = fresh;
                    }
                    // RESTORE of a partition that was missing: a new id with the old version and time.
                    13 => {
                        partition.id = replacement.id;
                        partition.rows = fresh;
                    }
                    _ => {}
                }
            }
        }
    }

    fn change_table(&mut self, operation: usize, name: String, choices: &mut Choices) {
        let other = format!("t{}", choices.pick(TABLES));
        let kinds = [
            Kind::Range,
            Kind::Automatic,
            Kind::Unpartitioned,
            Kind::Random,
        ];
        let kind = kinds[choices.pick(kinds.len())];
        match operation {
            14 | 15 => self.swap(&name, &other),
            16 => self.rename(&name, &other),
            17 => {
                self.tables.remove(&name);
            }
            18 | 19 if !self.tables.contains_key(&name) => self.create(name, kind),
            20 => self.create(name, kind),
            _ => {
                let schema = self.fresh() as u64;
                let Some(table) = self.tables.get_mut(&name) else {
                    return;
                };
                match operation {
                    21 => table.job_running = true,
                    // A column added, or dropped and added again, or the end of a job.
                    _ => {
                        table.job_running = false;
                        table.schema = schema;
                        table.schema_version += 1;
                    }
                }
            }
        }
    }

    pub(super) fn rename(&mut self, old: &str, new: &str) {
        if !self.tables.contains_key(new)
            && let Some(table) = self.tables.remove(old)
        {
            self.tables.insert(new.to_owned(), table);
            self.rename_partition(old, new);
        }
    }

    pub(super) fn swap(&mut self, one: &str, other: &str) {
        if one == other || !self.tables.contains_key(one) || !self.tables.contains_key(other) {
            return;
        }
        let first = self.tables.remove(one).unwrap();
        let second = self.tables.insert(other.to_owned(), first).unwrap();
        self.tables.insert(one.to_owned(), second);
        self.rename_partition(one, other);
        self.rename_partition(other, one);
    }

    /// The partition of an unpartitioned table is named like the table.
    fn rename_partition(&mut self, old: &str, new: &str) {
        if let Some(table) = self.tables.get_mut(new)
            && table.kind == Kind::Unpartitioned
            && let Some(partition) = table.partitions.remove(old)
        {
            table.partitions.insert(new.to_owned(), partition);
        }
    }

    /// What BACKUP captures, or `None` where the job is cancelled: a name that does not exist.
    pub(super) fn pin(&self, named: &[NamedTable]) -> Option<Snapshot> {
        let mut tables = BTreeMap::new();
        for named in named {
            let name = named.table.as_str();
            let mut table = self.tables.get(name)?.clone();
            if let Some(listed) = &named.partitions {
                let all = std::mem::take(&mut table.partitions);
                for partition in listed {
                    let partition = partition.as_str();
                    table
                        .partitions
                        .insert(partition.to_owned(), all.get(partition)?.clone());
                }
            }
            tables.insert(name.to_owned(), table);
        }
        Some(Snapshot { tables })
    }
}

impl Partition {
    fn load(&mut self, rows: u64, now: i64) {
        self.publish();
        self.version += 1;
        self.time = now;
        self.rows = rows;
    }

    fn publish(&mut self) {
        if let Some((rows, committed)) = self.pending.take() {
            self.version += 1;
            // The commit time, however late it becomes visible.
            self.time = committed;
            self.rows = rows;
        }
    }
}
