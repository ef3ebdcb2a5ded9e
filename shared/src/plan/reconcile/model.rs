//! Plans and reconciliations against a simulated cluster on which anything happens at any moment.
//!
//! After every backup: what a restore of the label would put together is, partition by partition,
//! what was pinned or what was there when it was referenced; and where the cut is called exact, every
//! table is exactly what it was at the pin. So no change is ever missed, whatever happened when.

mod cluster;
mod reader;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use self::{
    cluster::{Choices, Cluster, Kind, Snapshot},
    reader::{Reading, read},
};
use super::{InvalidTable, Reconciliation, reconcile, tests::kept};
use crate::{
    facts::{
        SHADOW_PARTITION,
        snapshot::{SnapshotObjects, SnapshotTable},
    },
    flow::OnUnsupported,
    ident::TableId,
    label::SnapshotLabel,
    manifest::{Cut, Manifest, ManifestTable, UNPARTITIONED_KEY},
    plan::{
        backup::{BackupRequest, Basis, Leftovers, NamedTable, Selection, plan},
        partition_diff::Limits,
        row_counts::{CountMark, RowCounts},
    },
};

/// The cluster, and what happens to it while a backup runs.
struct World {
    cluster: Cluster,
    choices: Choices,
    /// Whether table ids can be read from snapshots.
    ids_known: bool,
    /// Ids that each name had since the first reading began. A name must not come back to an id that
    /// it had, unless the snapshot shows its id: nothing else could tell.
    window: Option<BTreeMap<String, Vec<Option<i64>>>>,
    shown: BTreeSet<String>,
    repository: BTreeMap<String, Snapshot>,
    detour: Option<Detour>,
    /// What the label of the attempt is to hold, and what was counted of it.
    counting: Option<(Manifest, RowCounts)>,
    /// A table that was put aside under another name, and comes back after the backup.
    aside: Option<Aside>,
}

struct Aside {
    name: String,
    under: String,
}

/// What is seldom met by chance: another table in a name's place at the pin.
enum Detour {
    /// Swapped away and back. Only ids in the snapshot tell.
    Swap { name: String, other: String },
    /// Put aside for a stand-in, which is dropped after the pin.
    StandIn { name: String, under: String },
}

/// The last pin of a job: what it captured, the cluster as it was then, and what a look kept that came
/// after an earlier pin.
struct Pinned {
    mark: usize,
    snapshot: Snapshot,
    cluster: Cluster,
    look: Option<Look>,
}

/// A second reading, after which pin it was taken, and what had happened by then.
struct Look {
    mark: usize,
    counted: Option<CountMark>,
    reading: Reading,
    structural: usize,
    operations: usize,
}

impl World {
    /// Counts some more, as the cluster is now. A name under which another table stands for a while is
    /// left alone: that nothing could tell.
    fn count(&mut self) {
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
    fn things_happen(&mut self, most: usize) {
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

    fn begin_window(&mut self) {
        let mut window = BTreeMap::new();
        comes_back(&mut window, &self.cluster, &self.shown);
        self.window = Some(window);
        self.shown.clear();
    }

    fn read(&mut self) -> Reading {
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
    fn back_up(&mut self, named: &[NamedTable]) -> Option<Pinned> {
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

    fn end_detour(&mut self) {
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
    fn pin(&mut self, named: &[NamedTable]) -> Option<Pinned> {
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

    fn look(&mut self, mark: usize) -> Look {
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
    fn second_reading(&mut self, mark: usize, look: Option<Look>) -> Look {
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

    fn objects(&self, snapshot: &Snapshot) -> SnapshotObjects {
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

struct Made {
    result: Reconciliation,
    first: Reading,
    second: Reading,
    /// The cluster at the pin; for a label without snapshot, between the two readings.
    pinned: Cluster,
    structural: usize,
    operations: usize,
    /// Counts as changed, though nothing happens.
    unsettled: bool,
}

/// One attempt; `None` where the engine refused or cancelled it.
fn attempt(world: &mut World, label: &SnapshotLabel, baseline: Option<&Manifest>) -> Option<Made> {
    world.begin_window();
    let (structural, operations) = (world.cluster.structural, world.cluster.operations);
    let first = world.read();
    let request = BackupRequest {
        label: label.clone(),
        plan_id: "plan".parse().unwrap(),
        basis: match baseline {
            None => Basis::Full { last: None },
            Some(baseline) => Basis::Incremental { baseline },
        },
        selection: &Selection::Everything,
        leftovers: &Leftovers::default(),
        list_supported: true,
        on_unsupported: OnUnsupported::Fail,
        limits: Limits::DEFAULT,
    };
    let mut tables = first.facts.tables.values();
    let unsettled = tables.any(|table| {
        table.schema_job_running || table.partitions.iter().any(|partition| partition.pending)
    });
    // Anything unproven or unreadable would be a refusal; a partition of one table read under the
    // definition of another is one, and is planned again.
    let plan = plan(first.facts.clone(), request).ok()?;
    world.counting = Some((plan.manifest.clone(), RowCounts::default()));
    world.things_happen(3);
    let named = plan.named_tables();
    if world.ids_known {
        world.shown = named.iter().map(|named| named.table.to_string()).collect();
    }
    let pinned = match named.is_empty() {
        true => Some(Pinned {
            mark: 1,
            snapshot: Snapshot {
                tables: BTreeMap::new(),
            },
            cluster: world.cluster.clone(),
            look: None,
        }),
        false => world.back_up(&named),
    };
    let Some(Pinned {
        mark,
        snapshot,
        cluster: pinned,
        look,
    }) = pinned
    else {
        world.end_detour();
        return None;
    };
    let second = world.second_reading(mark, look);
    let mut planned = plan.manifest;
    let after = kept(&planned, &second.reading.facts);
    let (_, counts) = world.counting.take().unwrap();
    let last = world.read();
    let last = kept(&planned, &last.facts);
    let covered = counts.covered(&second.counted.unwrap());
    counts.fill(&mut planned, covered, Some(&last));
    let result = reconcile(planned, &world.objects(&snapshot), &after).unwrap();
    world.repository.insert(label.to_string(), snapshot);
    let made = Made {
        result,
        first,
        second: second.reading,
        pinned,
        structural: second.structural - structural,
        operations: second.operations - operations,
        unsettled,
    };
    world.window = None;
    Some(made)
}

type Rows = BTreeMap<String, u64>;

/// What a restore of this table would bring back, and the schemas of the snapshots it is put
/// together from.
fn restored(world: &World, table: &ManifestTable) -> Result<(Rows, BTreeSet<u64>), TestCaseError> {
    let name = table.table.as_str();
    let mut rows = Rows::new();
    let mut schemas = BTreeSet::new();
    let mut labels = BTreeSet::new();
    let mut kinds = Vec::new();
    for partition in &table.partitions {
        let label = partition.stored_in.to_string();
        let snapshot = world.repository[&label].tables.get(name);
        let snapshot = snapshot
            .ok_or_else(|| TestCaseError::fail(format!("snapshot {label} has no table {name}")))?;
        let key = match partition.name.as_str() {
            UNPARTITIONED_KEY => name,
            key => key,
        };
        let stored = snapshot.partitions.get(key).ok_or_else(|| {
            TestCaseError::fail(format!("snapshot {label} has no partition {key} of {name}"))
        })?;
        if !partition.system {
            rows.insert(key.to_owned(), stored.rows);
        }
        if snapshot.kind == Kind::Automatic {
            prop_assert!(
                snapshot.partitions.contains_key(SHADOW_PARTITION),
                "{name} restores from {label} without its shadow partition"
            );
        }
        kinds.push(snapshot.kind);
        schemas.insert(snapshot.schema);
        labels.insert(label);
    }
    prop_assert!(
        schemas.len() <= 1,
        "{name} is put together from two schemas"
    );
    prop_assert!(labels.len() <= 2, "{name} is in {labels:?}");
    if kinds.contains(&Kind::Random) {
        prop_assert!(labels.len() == 1, "{name} is random and in {labels:?}");
    }
    Ok((rows, schemas))
}

fn check(world: &World, label: &SnapshotLabel, made: &Made) -> Result<(), TestCaseError> {
    let manifest = &made.result.manifest;
    let invalid: BTreeSet<&str> = made
        .result
        .invalid
        .iter()
        .map(|invalid| invalid.table.as_str())
        .collect();
    for name in made.first.facts.tables.keys() {
        let listed = manifest.tables.iter().any(|table| table.table == *name);
        prop_assert!(
            listed != invalid.contains(name.as_str()),
            "{name} is neither in the manifest nor called invalid"
        );
    }
    for table in &manifest.tables {
        let name = table.table.as_str();
        let (rows, schemas) = restored(world, table)?;
        for partition in &table.partitions {
            let key = match table.unpartitioned {
                true => name,
                false => partition.name.as_str(),
            };
            if let Some(count) = partition.row_count {
                prop_assert_eq!(
                    rows.get(key),
                    Some(&count),
                    "{} {} was counted wrong",
                    name,
                    key
                );
            }
            if *partition.stored_in == *label || partition.system {
                continue;
            }
            prop_assert_eq!(
                rows.get(key),
                made.first.rows[name].get(key),
                "{} {} was referenced although it had changed",
                name,
                key
            );
        }
        if made.result.cut == Cut::Exact {
            let pinned = made.pinned.tables.get(name);
            let pinned = pinned
                .ok_or_else(|| TestCaseError::fail(format!("{name} was not there at the pin")))?;
            // A partition that came after the first reading and went before the second is in neither.
            let in_passing = |key: &String| {
                let readings = [&made.first, &made.second];
                !rows.contains_key(key)
                    && readings
                        .iter()
                        .all(|read| !read.rows[name].contains_key(key))
            };
            let at_pin: Rows = pinned
                .partitions
                .iter()
                .filter(|(key, _)| *key != SHADOW_PARTITION && !in_passing(key))
                .map(|(key, partition)| (key.clone(), partition.rows))
                .collect();
            prop_assert_eq!(&rows, &at_pin, "{} is not as it was at the pin", name);
            prop_assert!(schemas.iter().all(|schema| *schema == pinned.schema));
        }
    }
    // The other way round: where nothing happened, nothing is doubted.
    if made.structural == 0 {
        prop_assert!(made.result.invalid.is_empty(), "{:?}", made.result.invalid);
    }
    if made.operations == 0 {
        prop_assert_eq!(made.result.cut, Cut::Exact);
        let partitions = manifest.tables.iter().flat_map(|table| &table.partitions);
        prop_assert!(
            partitions
                .clone()
                .all(|partition| partition.fingerprint.is_some())
        );
    }
    Ok(())
}

/// Attempts under new labels until one is without invalid tables, as the executor does.
fn back_up(
    world: &mut World,
    stem: &str,
    baseline: Option<&Manifest>,
) -> Result<Option<Made>, TestCaseError> {
    for number in 0..5 {
        let label: SnapshotLabel = format!("{stem}_r{number}").parse().unwrap();
        let Some(made) = attempt(world, &label, baseline) else {
            continue;
        };
        check(world, &label, &made)?;
        let again = |invalid: &[InvalidTable]| !invalid.is_empty() && number == 0;
        if !again(&made.result.invalid) {
            return Ok(Some(made));
        }
    }
    Ok(None)
}

fn run(numbers: Vec<u16>, ids_known: bool) -> Result<(), TestCaseError> {
    let mut world = World {
        cluster: Cluster::new(),
        choices: Choices::new(numbers),
        ids_known,
        window: None,
        repository: BTreeMap::new(),
        shown: BTreeSet::new(),
        detour: None,
        counting: None,
        aside: None,
    };
    let mut baseline: Option<Manifest> = None;
    let mut quiet_since = None;
    for round in 0..5 {
        if let Some(Aside { name, under }) = world.aside.take() {
            world.cluster.rename(&under, &name);
        }
        world.things_happen(8);
        let full = baseline.is_none() || world.choices.pick(4) == 1;
        let before = world.cluster.operations;
        let against = baseline.as_ref().filter(|_| !full);
        let made = match back_up(&mut world, &format!("l{round}"), against)? {
            Some(made) => made,
            None => continue,
        };
        let unchanged = quiet_since == Some(world.cluster.operations) && !made.unsettled;
        if !full && unchanged {
            let own = made.result.manifest.partitions_stored();
            prop_assert_eq!(
                own,
                0,
                "nothing changed since the full, and something was stored"
            );
        }
        if full && made.result.invalid.is_empty() {
            quiet_since = (world.cluster.operations == before).then_some(before);
            baseline = Some(made.result.manifest);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn labels_are_true_where_snapshots_tell_ids(
        numbers in prop::collection::vec(any::<u16>(), 0..1_200)
    ) {
        run(numbers, true)?;
    }

    #[test]
    fn labels_are_true_where_snapshots_tell_names_only(
        numbers in prop::collection::vec(any::<u16>(), 0..1_200)
    ) {
        run(numbers, false)?;
    }
}
