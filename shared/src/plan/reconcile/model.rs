//! Plans and reconciliations against a simulated cluster on which anything happens at any moment.
//!
//! After every backup: what a restore of the label would put together is, partition by partition,
//! what was pinned or what was there when it was referenced; and where the cut is called exact, every
//! table is exactly what it was at the pin. So no change is ever missed, whatever happened when.

mod cluster;
mod reader;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use self::{
    cluster::{Choices, Cluster, Kind, Snapshot},
    reader::Reading,
    world::{Aside, Pinned, World},
};
use super::{InvalidTable, Reconciliation, reconcile, tests::kept};
use crate::{
    facts::SHADOW_PARTITION,
    flow::OnUnsupported,
    label::SnapshotLabel,
    manifest::{Cut, Manifest, ManifestTable, UNPARTITIONED_KEY},
    plan::{
        backup::{BackupRequest, Basis, Leftovers, Selection, plan},
        partition_diff::Limits,
        row_counts::RowCounts,
    },
};

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
