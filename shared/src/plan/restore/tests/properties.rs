use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    generate::{Scene, scene},
    run::{Crash, Runner},
};
use crate::plan::restore::{Context, RestorePlan, Step, Strategy, plan, source::table_of};

fn planned(scene: &Scene) -> Option<RestorePlan> {
    match plan(&scene.request, &scene.sources, &scene.target) {
        Ok(plan) => {
            assert!(
                !scene.blocked,
                "something stands in the way, and nothing was refused"
            );
            Some(plan)
        }
        Err(refused) => {
            assert!(scene.blocked, "{refused}");
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_plan_ends_with_what_the_manifest_says(seed in any::<u64>()) {
        let scene = scene(seed);
        if let Some(plan) = planned(&scene) {
            let runner = Runner::new(&scene, plan.steps).run_with(Crash::Never);
            runner.check_result();
        }
    }

    #[test]
    fn plans_are_repeatable(seed in any::<u64>()) {
        let scene = scene(seed);
        if let Some(first) = planned(&scene) {
            let mut later = scene.clone();
            later.request.id = "another".parse().unwrap();
            later.request.stamp = "20270101_000000".parse().unwrap();
            let second = planned(&later).unwrap();
            prop_assert_eq!(first.digest, second.digest);
            prop_assert_eq!(&first.steps, &second.steps);
            let context = Context { request: &scene.request, sources: &scene.sources };
            for step in &first.steps {
                let json = serde_json::to_string(step).unwrap();
                prop_assert!(json.len() < 2_000, "{}", json);
                let stored = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(&context.digest(step).unwrap(), &context.digest(&stored).unwrap());
            }
        }
    }

    /// Each wanted partition is read once, from the snapshot that its manifest names.
    #[test]
    fn every_partition_is_restored_once(seed in any::<u64>()) {
        let scene = scene(seed);
        let Some(plan) = planned(&scene) else { return Ok(()) };
        let mut restored: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        for planned in &plan.steps {
            let Step::RestoreSnapshot { label, snapshot, tables, .. } = &planned.step else { continue };
            let source = scene.sources.iter().find(|source| source.manifest.label == *label).unwrap();
            for range in tables {
                for table in &source.manifest.tables[range.from as usize..range.to as usize] {
                    for partition in scene.request.wanted_from(table, snapshot) {
                        let key = (label.to_string(), table.table.to_string(), partition.name.to_string());
                        *restored.entry(key).or_default() += 1;
                    }
                }
            }
        }
        let mut expected = BTreeMap::new();
        for table in &plan.tables {
            let (_, manifest) = table_of(&scene.sources, &table.table).unwrap();
            for partition in scene.request.wanted(manifest) {
                let key = (
                    table.table.label.to_string(),
                    table.table.table.to_string(),
                    partition.name.to_string(),
                );
                expected.insert(key, 1);
            }
        }
        prop_assert_eq!(restored, expected);
    }
}

/// The process may die before or after any statement, with its answer lost.
fn survives_every_crash(scene: &Scene, plan: &RestorePlan) {
    let whole = Runner::new(scene, plan.steps.clone()).run_with(Crash::Never);
    for number in 0..whole.sent {
        for crash in [Crash::Before(number), Crash::After(number)] {
            let runner = Runner::new(scene, plan.steps.clone()).run_with(crash);
            runner.check_result();
        }
    }
}

/// From wherever it stands, with another crash on the way back.
fn can_be_taken_back(scene: &Scene, plan: &RestorePlan) {
    let whole = Runner::new(scene, plan.steps.clone()).run_with(Crash::Never);
    for number in 0..=whole.sent {
        for crash in [Crash::Before(number), Crash::After(number)] {
            let broken = Runner::new(scene, plan.steps.clone()).run_until(crash);
            let back = broken.clone().undo(Crash::Never);
            back.check_undone();
            for number in 0..back.sent {
                broken.clone().undo(Crash::After(number)).check_undone();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_restore_survives_a_crash_anywhere(seed in any::<u64>()) {
        let scene = scene(seed);
        if let Some(plan) = planned(&scene) {
            survives_every_crash(&scene, &plan);
        }
    }

    #[test]
    fn a_restore_can_be_taken_back(seed in any::<u64>()) {
        let scene = scene(seed);
        if let Some(plan) = planned(&scene) {
            can_be_taken_back(&scene, &plan);
        }
    }
}

/// Splices are rare among random scenes and have the most ways to break off.
#[test]
fn splices_survive_and_can_be_taken_back() {
    let splices = (0..)
        .map(scene)
        .filter_map(|scene| planned(&scene).map(|plan| (scene, plan)))
        .filter(|(_, plan)| {
            plan.tables
                .iter()
                .all(|table| table.strategy == Strategy::Splice)
        });
    for (scene, plan) in splices.take(12) {
        survives_every_crash(&scene, &plan);
        can_be_taken_back(&scene, &plan);
    }
}

/// The random scenes are of use only if they come to everything.
#[test]
fn scenes_come_to_everything() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..1_000 {
        let scene = scene(seed);
        match plan(&scene.request, &scene.sources, &scene.target) {
            Ok(plan) => {
                for table in &plan.tables {
                    let promotion = serde_json::to_value(&table.promotion).unwrap();
                    let how = promotion["how"].as_str().unwrap();
                    *seen
                        .entry(format!("{:?}, {how}", table.strategy))
                        .or_default() += 1;
                }
                for planned in &plan.steps {
                    *seen.entry(planned.step.kind().to_owned()).or_default() += 1;
                }
            }
            Err(_) => *seen.entry("refused".into()).or_default() += 1,
        }
    }
    for expected in [
        "Direct, in_place",
        "Stage, swap",
        "Stage, rename",
        "Stage, rename_pair",
        "Overlay, swap",
        "Overlay, rename",
        "Overlay, rename_pair",
        "Splice, splice",
        "Create, in_place",
        "Create, swap",
        "Create, rename",
        "refused",
        "create_database",
        "restore_snapshot",
        "create_table",
        "hold_partitions",
        "hold_live",
        "add_partitions",
        "copy_partitions",
        "drop_table",
        "set_default_replication",
        "alter_replication",
        "reapply_properties",
        "verify",
        "swap",
        "rename",
        "replace_partitions",
        "resume_partitions",
    ] {
        assert!(
            seen.get(expected).is_some_and(|count| *count >= 10),
            "{expected}: {seen:#?}"
        );
    }
    assert!(seen["refused"] < 300, "{seen:#?}");
}
