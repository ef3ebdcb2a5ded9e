//! What may happen around a backup, and when it is read and pinned.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cluster::{Choices, Cluster, Snapshot},
    reader::{Reading, read},
};
use crate::{
    facts::snapshot::{SnapshotObjects, SnapshotTable},
    ident::TableId,
    manifest::Manifest,
    plan::{
        backup::NamedTable,
        row_counts::{CountMark, RowCounts},
    },
};

/// The cluster, and what happens to it while a backup runs.
pub(super) struct World {
    pub(super) cluster: Cluster,
    pub(super) choices: Choices,
    /// Whether table ids can be read from snapshots.
    pub(super) ids_known: bool,
    /// Ids that each name had since the first reading began. A name must not come back to an id that
    /// it had, unless the snapshot shows its id: nothing else could tell.
    pub(super) window: Option<BTreeMap<String, Vec<Option<i64>>>>,
    pub(super) shown: BTreeSet<String>,
    pub(super) repository: BTreeMap<String, Snapshot>,
    pub(super) detour: Option<Detour>,
    /// What the label of the attempt is to hold, and what was counted of it.
    pub(super) counting: Option<(Manifest, RowCounts)>,
    /// A table that was put aside under another name, and comes back after the backup.
    pub(super) aside: Option<Aside>,
}

pub(super) struct Aside {
    pub(super) name: String,
    pub(super) under: String,
}

/// What is seldom met by chance: another table in a name's place at the pin.
pub(super) enum Detour {
    /// Swapped away and back. Only ids in the snapshot tell.
    Swap { name: String, other: String },
    /// Put aside for a stand-in, which is dropped after the pin.
    StandIn { name: String, under: String },
}

/// The last pin of a job: what it captured, the cluster as it was then, and what a look kept that came
/// after an earlier pin.
pub(super) struct Pinned {
    pub(super) mark: usize,
    pub(super) snapshot: Snapshot,
    pub(super) cluster: Cluster,
    pub(super) look: Option<Look>,
}

/// A second reading, after which pin it was taken, and what had happened by then.
pub(super) struct Look {
    pub(super) mark: usize,
    pub(super) counted: Option<CountMark>,
    pub(super) reading: Reading,
    pub(super) structural: usize,
    pub(super) operations: usize,
}

impl World {
    /// Counts some more, as the cluster is now. A name under which another table stands for a while is
    /// left alone: that nothing could tell.
    pub(super) fn count(&mut self) {
        let most = self.choices.pick(4);
        let Some((planned, counts)) = &mut self.counting else {
            return;
        };
        for (table, partition) in counts.next_batch(planned, most) {
            let name = table.table.as_str();
            let ours = planned.tables.iter().find(|own| own.table == table.table);
            let now = self.cluster.tables.get(name);
            let now = now.filter(|now| ours.is_some_and(|own| own.table_id.0 == now.id));
            let rows = now.and_then(|now| now.partitions.get(partition.as_str()));
            counts.add([rows.map(|partition| partition.rows)]);
        }
    }

    /// Up to `most` things.
    pub(super) fn things_happen(&mut self, most: usize) {
        for _ in 0..self.choices.pick(most + 1) {
            self.count();
            let before = self.cluster.clone();
            self.cluster.operate(&mut self.choices);
            if let Some(window) = &mut self.window
                && comes_back(window, &self.cluster, &self.shown)
            {
                self.cluster = before;
            }
        }
    }

    pub(super) fn begin_window(&mut self) {
        let mut window = BTreeMap::new();
        comes_back(&mut window, &self.cluster, &self.shown);
        self.window = Some(window);
        self.shown.clear();
    }

    pub(super) fn read(&mut self) -> Reading {
        let mut cluster = self.cluster.clone();
        let reading = read(&mut cluster, &mut |cluster| {
            std::mem::swap(&mut self.cluster, cluster);
            if self.choices.pick(12) == 1 {
                self.things_happen(1);
            }
            std::mem::swap(&mut self.cluster, cluster);
        });
        self.cluster = cluster;
        reading
    }

    /// BACKUP until its last pin, with the cluster as it was then. A detour that begins here is still
    /// open afterwards.
    pub(super) fn back_up(&mut self, named: &[NamedTable]) -> Option<Pinned> {
        self.cluster.pin(named)?;
        self.things_happen(3);
        let name = format!("t{}", self.choices.pick(4));
        let other = format!("t{}", self.choices.pick(4));
        let under = format!("{name}_aside");
        match self.choices.pick(8) {
            1 if self.shown.contains(&name) => {
                self.cluster.swap(&name, &other);
                self.detour = Some(Detour::Swap { name, other });
            }
            2 if self.cluster.tables.contains_key(&name) => {
                let kind = self.cluster.tables[&name].kind;
                self.cluster.rename(&name, &under);
                self.cluster.create(name.clone(), kind);
                self.detour = Some(Detour::StandIn { name, under });
            }
            _ => {}
        }
        self.cluster.structural += usize::from(self.detour.is_some());
        self.cluster.operations += usize::from(self.detour.is_some());
        self.pin(named)
    }

    pub(super) fn end_detour(&mut self) {
        match self.detour.take() {
            None => {}
            Some(Detour::Swap { name, other }) => self.cluster.swap(&name, &other),
            Some(Detour::StandIn { name, under }) => {
                self.cluster.tables.remove(&name);
                self.aside = Some(Aside { name, under });
            }
        }
    }

    /// A restarted frontend pins again, perhaps after a look that took the first pin for good.
    pub(super) fn pin(&mut self, named: &[NamedTable]) -> Option<Pinned> {
        let mut pinned = Pinned {
            mark: 1,
            snapshot: self.cluster.pin(named)?,
            cluster: self.cluster.clone(),
            look: None,
        };
        if self.choices.pick(4) == 1 {
            self.things_happen(3);
            if self.choices.pick(2) == 1 {
                pinned.look = Some(self.look(1));
                self.things_happen(3);
            }
            pinned.mark = 2;
            pinned.snapshot = self.cluster.pin(named)?;
            pinned.cluster = self.cluster.clone();
        }
        Some(pinned)
    }

    pub(super) fn look(&mut self, mark: usize) -> Look {
        self.count();
        Look {
            mark,
            counted: self.counting.as_ref().map(|(_, counts)| counts.mark()),
            reading: self.read(),
            structural: self.cluster.structural,
            operations: self.cluster.operations,
        }
    }

    /// R1, which only the first look at a pin takes; and at the end, where no look did, or where it was
    /// another pin. What happens after it has no rules: it is no matter of the label any more.
    pub(super) fn second_reading(&mut self, mark: usize, look: Option<Look>) -> Look {
        if self.choices.pick(2) == 1 {
            self.end_detour();
        }
        self.things_happen(3);
        let mut kept = look;
        if kept.is_none() && self.choices.pick(4) != 1 {
            kept = Some(self.look(mark));
            self.window = None;
        }
        self.end_detour();
        self.things_happen(6);
        match kept {
            Some(kept) if kept.mark == mark => kept,
            _ => self.look(mark),
        }
    }

    pub(super) fn objects(&self, snapshot: &Snapshot) -> SnapshotObjects {
        let tables = snapshot.tables.iter().map(|(name, table)| {
            let content = SnapshotTable {
                table_id: self.ids_known.then_some(TableId(table.id)),
                partitions: table
                    .partitions
                    .keys()
                    .map(|name| name.parse().unwrap())
                    .collect(),
            };
            (name.parse().unwrap(), content)
        });
        SnapshotObjects {
            tables: tables.collect(),
        }
    }
}

/// Notes the ids that names have now. Whether one had this very id before, and another in between.
fn comes_back(
    window: &mut BTreeMap<String, Vec<Option<i64>>>,
    cluster: &Cluster,
    shown: &BTreeSet<String>,
) -> bool {
    let mut names: BTreeSet<String> = window.keys().cloned().collect();
    names.extend(cluster.tables.keys().cloned());
    let mut back = false;
    let mut noted = window.clone();
    for name in names {
        let id = cluster.tables.get(&name).map(|table| table.id);
        let hidden = !shown.contains(&name);
        let ids = noted.entry(name).or_default();
        if ids.last() != Some(&id) {
            back |= id.is_some() && ids.contains(&id) && hidden;
            ids.push(id);
        }
    }
    if !back {
        *window = noted;
    }
    back
}
