//! Every statement of every step, as a DBA would read it.

mod splice;

use crate::{
    facts::ObjectKind,
    ident::TableId,
    manifest::ManifestObject,
    plan::restore::{
        Context, CopyMode, PartitionRange, Phase, PlannedStep, Policy, RestorePlan, RestoreRequest,
        Slot, Source, Step, TableRef, Target, Way, plan, samples,
    },
};

fn text(request: &RestoreRequest, source: &Source, steps: &[PlannedStep]) -> String {
    let context = Context {
        request,
        sources: std::slice::from_ref(source),
    };
    let mut text = String::new();
    for planned in steps {
        text.push_str(&format!(
            "-- {} {:?} {}\n",
            planned.number,
            planned.phase,
            planned.step.kind()
        ));
        for sent in context.statements(planned, 1).unwrap() {
            if let Way::Task(task) = &sent.way {
                text.push_str(&format!("-- task {task}\n"));
            }
            text.push_str(sent.statement.text());
            text.push_str(";\n");
        }
    }
    text
}

fn planned(request: &RestoreRequest, source: &Source, target: &Target) -> RestorePlan {
    plan(request, std::slice::from_ref(source), target).unwrap()
}

#[test]
fn stage_and_overlay() {
    let (request, source) = (samples::request(), samples::shop());
    let plan = planned(&request, &source, &samples::target_of(&source));
    insta::assert_snapshot!(text(&request, &source, &plan.steps), @r#"
    -- 1 Build restore_snapshot
    RESTORE SNAPSHOT `shop`.`shop_20260222_full`
    FROM `nightly`
    ON (
      `events` PARTITION (`$shadow_automatic_partition`, `p20260301`) AS `events_restored`,
      `orders` PARTITION (`p1`) AS `orders_restored`,
      `regions` PARTITION (`p_east`, `p_west`) AS `regions_restored`
    )
    PROPERTIES ("backup_timestamp" = "2026-02-22-04-00-00-111", "replication_num" = "3", "timeout" = "86400");
    -- 2 Build restore_snapshot
    RESTORE SNAPSHOT `shop`.`shop_20260301_inc`
    FROM `nightly`
    ON (
      `events` PARTITION (`$shadow_automatic_partition`, `p20260302`) AS `events_restored_inc`,
      `orders` PARTITION (`p2`, `p3`) AS `orders_restored_inc`,
      `users` AS `users_restored`
    )
    PROPERTIES ("backup_timestamp" = "2026-03-01-04-00-00-222", "replication_num" = "3", "timeout" = "86400");
    -- 3 Build add_partitions
    ALTER TABLE `shop`.`events_restored` ADD PARTITIONS START ('2026-03-02 00:00:00') END ('2026-03-03 00:00:00') EVERY (INTERVAL 1 DAY);
    -- 4 Build copy_partitions
    -- task br_e8f0ebacaac2fd1f_4_0_1
    INSERT INTO `shop`.`events_restored` PARTITION (`p20260302`) WITH LABEL `br_e8f0ebacaac2fd1f_4_0_1` (`ts`, `v`)
    SELECT `ts`, `v`
    FROM `shop`.`events_restored_inc` PARTITION (`p20260302`);
    -- 5 Build drop_table
    DROP TABLE IF EXISTS `shop`.`events_restored_inc` FORCE;
    -- 6 Build add_partitions
    ALTER TABLE `shop`.`orders_restored` ADD PARTITION IF NOT EXISTS `p2` VALUES [('2026-03-02'), ('2026-03-03'));
    ALTER TABLE `shop`.`orders_restored` ADD PARTITION IF NOT EXISTS `p3` VALUES [('2026-03-03'), ('2026-03-04'));
    -- 7 Build copy_partitions
    -- task br_e8f0ebacaac2fd1f_7_0_1
    INSERT INTO `shop`.`orders_restored` PARTITION (`p2`) WITH LABEL `br_e8f0ebacaac2fd1f_7_0_1` (`k`, `v`)
    SELECT `k`, `v`
    FROM `shop`.`orders_restored_inc` PARTITION (`p2`);
    -- task br_e8f0ebacaac2fd1f_7_1_1
    INSERT INTO `shop`.`orders_restored` PARTITION (`p3`) WITH LABEL `br_e8f0ebacaac2fd1f_7_1_1` (`k`, `v`)
    SELECT `k`, `v`
    FROM `shop`.`orders_restored_inc` PARTITION (`p3`);
    -- 8 Build drop_table
    DROP TABLE IF EXISTS `shop`.`orders_restored_inc` FORCE;
    -- 9 Verify verify
    -- 10 Verify verify
    -- 11 Verify verify
    -- 12 Verify verify
    -- 13 Promote hold_live
    ALTER TABLE `shop`.`events` SET ("dynamic_partition.enable" = "false");
    ALTER TABLE `shop`.`events` SET ("partition_live_number" = "-1");
    ALTER TABLE `shop`.`events` SET ("partition_ttl" = "0 day");
    ALTER TABLE `shop`.`events` SET ("partition_retention_condition" = "");
    -- 14 Promote swap
    ALTER TABLE `shop`.`events` SWAP WITH `events_restored`;
    -- 15 Promote rename
    ALTER TABLE `shop`.`events_restored` RENAME `events_before_20260301_040000`;
    -- 16 Promote hold_live
    ALTER TABLE `shop`.`orders` SET ("dynamic_partition.enable" = "false");
    ALTER TABLE `shop`.`orders` SET ("partition_live_number" = "-1");
    ALTER TABLE `shop`.`orders` SET ("partition_ttl" = "0 day");
    ALTER TABLE `shop`.`orders` SET ("partition_retention_condition" = "");
    -- 17 Promote swap
    ALTER TABLE `shop`.`orders` SWAP WITH `orders_restored`;
    -- 18 Promote rename
    ALTER TABLE `shop`.`orders_restored` RENAME `orders_before_20260301_040000`;
    -- 19 Promote hold_live
    ALTER TABLE `shop`.`regions` SET ("dynamic_partition.enable" = "false");
    ALTER TABLE `shop`.`regions` SET ("partition_live_number" = "-1");
    ALTER TABLE `shop`.`regions` SET ("partition_ttl" = "0 day");
    ALTER TABLE `shop`.`regions` SET ("partition_retention_condition" = "");
    -- 20 Promote swap
    ALTER TABLE `shop`.`regions` SWAP WITH `regions_restored`;
    -- 21 Promote rename
    ALTER TABLE `shop`.`regions_restored` RENAME `regions_before_20260301_040000`;
    -- 22 Promote swap
    ALTER TABLE `shop`.`users` SWAP WITH `users_restored`;
    -- 23 Promote rename
    ALTER TABLE `shop`.`users_restored` RENAME `users_before_20260301_040000`;
    "#);
}

#[test]
fn direct() {
    let (request, mut source) = (samples::request(), samples::shop());
    source.manifest.tables[2].partitions[1].stored_in =
        std::sync::Arc::new(samples::INC.parse().unwrap());
    source.manifest.tables[2].partitions[1].buckets = 5;
    let mut target = samples::empty_target();
    target.live_backends = 1;
    let plan = planned(&request, &source, &target);
    insta::assert_snapshot!(text(&request, &source, &plan.steps), @r#"
    -- 1 Build create_database
    CREATE DATABASE `shop`;
    -- 2 Build restore_snapshot
    RESTORE SNAPSHOT `shop`.`shop_20260222_full`
    FROM `nightly`
    ON (
      `events` PARTITION (`$shadow_automatic_partition`, `p20260301`),
      `orders` PARTITION (`p1`),
      `regions` PARTITION (`p_east`)
    )
    PROPERTIES ("backup_timestamp" = "2026-02-22-04-00-00-111", "replication_num" = "1", "timeout" = "86400");
    -- 3 Build set_default_replication
    ALTER TABLE `shop`.`events` SET ("default.replication_num" = "1");
    -- 4 Build set_default_replication
    ALTER TABLE `shop`.`orders` SET ("default.replication_num" = "1");
    -- 5 Build set_default_replication
    ALTER TABLE `shop`.`regions` SET ("default.replication_num" = "1");
    -- 6 Build add_partitions
    ALTER TABLE `shop`.`regions` ADD PARTITION IF NOT EXISTS `p_west` VALUES IN ('la') DISTRIBUTED BY HASH(`city`) BUCKETS 5;
    -- 7 Build restore_snapshot
    RESTORE SNAPSHOT `shop`.`shop_20260301_inc`
    FROM `nightly`
    ON (
      `events` PARTITION (`p20260302`),
      `orders` PARTITION (`p2`, `p3`),
      `regions` PARTITION (`p_west`),
      `users`
    )
    PROPERTIES ("backup_timestamp" = "2026-03-01-04-00-00-222", "replication_num" = "1", "timeout" = "86400");
    -- 8 Verify verify
    -- 9 Verify verify
    -- 10 Verify verify
    -- 11 Verify verify
    "#);
}

#[test]
fn a_table_from_its_ddl() {
    let (mut request, mut source) = (samples::request(), samples::shop());
    request.scope.tables = vec!["dim".parse().unwrap()];
    let properties = [
        ("colocate_with", "g1"),
        ("dynamic_partition.enable", "true"),
        ("partition_ttl", "2 week"),
    ];
    source.manifest.tables = vec![samples::table(
        "dim",
        "  `k` date NOT NULL COMMENT \"\",\n",
        "`k`",
        "PARTITION BY RANGE(`k`)\n()\n",
        &properties,
        &[],
    )];
    let mut target = samples::target_of(&samples::shop());
    target.live_backends = 2;
    let plan = planned(&request, &source, &target);
    insta::assert_snapshot!(text(&request, &source, &plan.steps), @r#"
    -- 1 Build create_table
    CREATE TABLE `dim_restored` (
      `k` date NOT NULL COMMENT "",
      `v` int(11) NULL COMMENT "",
      `w` int(11) NULL AS `v` + 1 COMMENT ""
    ) ENGINE=OLAP 
    DUPLICATE KEY(`k`)
    PARTITION BY RANGE(`k`)
    ()
    DISTRIBUTED BY HASH(`k`) BUCKETS 2 
    PROPERTIES (
    "compression" = "LZ4",
    "dynamic_partition.enable" = "false",
    "replication_num" = "2"
    );;
    -- 2 Build reapply_properties
    ALTER TABLE `shop`.`dim_restored` SET ("colocate_with" = "g1");
    -- 3 Verify verify
    -- 4 Promote rename
    ALTER TABLE `shop`.`dim_restored` RENAME `dim`;
    -- 5 Finish resume_partitions
    ALTER TABLE `shop`.`dim` SET ("dynamic_partition.enable" = "true");
    ALTER TABLE `shop`.`dim` SET ("partition_ttl" = "2 week");
    "#);
}

#[test]
fn the_other_steps() {
    let (request, mut source) = (samples::request(), samples::shop());
    source.manifest.tables[1].partitions[0].replication_num = 2;
    source.manifest.objects.push(ManifestObject {
        name: "v".parse().unwrap(),
        kind: ObjectKind::View,
        ddl: "CREATE VIEW `v` (`k`) AS SELECT `k` FROM `shop`.`orders`;".into(),
        skipped_reason: None,
    });
    let table = TableRef {
        label: samples::INC.parse().unwrap(),
        table: "orders".parse().unwrap(),
    };
    let partitions = PartitionRange {
        snapshot: samples::INC.parse().unwrap(),
        from: 1,
        to: 2,
    };
    let steps = [
        Step::AlterReplication {
            table: table.clone(),
            slot: Slot::Staged,
            replication_num: 2,
            cap: 3,
        },
        Step::ResumePartitions {
            table: table.clone(),
            slot: Slot::Live,
            policies: vec![
                (Policy::DynamicPartition, "true".into()),
                (Policy::Retention, "k > '2026-01-01'".into()),
            ],
            live_id: None,
        },
        Step::HoldLive {
            table: table.clone(),
            live_id: TableId(7),
        },
        Step::GiveBackPolicies {
            table: table.clone(),
            policies: vec![(Policy::LiveNumber, "7".into())],
            live_id: TableId(7),
        },
        Step::DropTemporaryPartitions {
            table: table.clone(),
            partitions: partitions.clone(),
        },
        Step::DropPartitions {
            table: table.clone(),
            partitions: partitions.clone(),
        },
        Step::CopyPartitions {
            table: table.clone(),
            from: Slot::Before,
            to: Slot::Live,
            partitions,
            mode: CopyMode::Temporary,
        },
        Step::Swap {
            table: table.clone(),
            with: Slot::Before,
            live_id: TableId(7),
            with_id: Some(TableId(8)),
        },
        Step::Rename {
            table,
            from: Slot::Before,
            to: Slot::Undone,
            id: Some(TableId(7)),
        },
        Step::RecreateObject {
            label: samples::INC.parse().unwrap(),
            object: 0,
        },
        Step::Report {
            text: "nothing is sent for it".into(),
        },
    ];
    let steps: Vec<PlannedStep> = (1..)
        .zip(steps)
        .map(|(number, step)| PlannedStep {
            number,
            phase: Phase::Promote,
            step,
        })
        .collect();
    insta::assert_snapshot!(text(&request, &source, &steps), @r#"
    -- 1 Promote alter_replication
    ALTER TABLE `shop`.`orders_restored` MODIFY PARTITION (`p1`) SET ("replication_num" = "2");
    -- 2 Promote resume_partitions
    ALTER TABLE `shop`.`orders` SET ("dynamic_partition.enable" = "true");
    ALTER TABLE `shop`.`orders` SET ("partition_retention_condition" = "k > '2026-01-01'");
    -- 3 Promote hold_live
    ALTER TABLE `shop`.`orders` SET ("dynamic_partition.enable" = "false");
    ALTER TABLE `shop`.`orders` SET ("partition_live_number" = "-1");
    ALTER TABLE `shop`.`orders` SET ("partition_ttl" = "0 day");
    ALTER TABLE `shop`.`orders` SET ("partition_retention_condition" = "");
    -- 4 Promote give_back_policies
    ALTER TABLE `shop`.`orders` SET ("partition_live_number" = "7");
    -- 5 Promote drop_temporary_partitions
    ALTER TABLE `shop`.`orders` DROP TEMPORARY PARTITION IF EXISTS `br_tmp_ec074127fb5f9d3a`;
    -- 6 Promote drop_partitions
    ALTER TABLE `shop`.`orders` DROP PARTITION IF EXISTS `p3`;
    -- 7 Promote copy_partitions
    -- task br_e8f0ebacaac2fd1f_7_0_1
    INSERT INTO `shop`.`orders` TEMPORARY PARTITION (`br_tmp_ec074127fb5f9d3a`) WITH LABEL `br_e8f0ebacaac2fd1f_7_0_1` (`k`, `v`)
    SELECT `k`, `v`
    FROM `shop`.`orders_before_20260301_040000` PARTITION (`p3`);
    -- 8 Promote swap
    ALTER TABLE `shop`.`orders` SWAP WITH `orders_before_20260301_040000`;
    -- 9 Promote rename
    ALTER TABLE `shop`.`orders_before_20260301_040000` RENAME `orders_undone_20260301_040000`;
    -- 10 Promote recreate_object
    CREATE VIEW `v` (`k`) AS SELECT `k` FROM `shop`.`orders`;;
    -- 11 Promote report
    "#);
}

#[test]
fn strays_are_dropped_from_the_restores_own_table() {
    let (request, source) = (samples::request(), samples::shop());
    let context = Context {
        request: &request,
        sources: std::slice::from_ref(&source),
    };
    let table = TableRef {
        label: samples::INC.parse().unwrap(),
        table: "orders".parse().unwrap(),
    };
    let strays = ["p20260311".parse().unwrap()];
    let sent = context
        .drop_strays(&table, Slot::Staged, &strays)
        .unwrap()
        .remove(0);
    insta::assert_snapshot!(sent.statement, @"ALTER TABLE `shop`.`orders_restored` DROP PARTITION IF EXISTS `p20260311`");
}

#[test]
fn attempts_have_names_of_their_own() {
    let (request, source) = (samples::request(), samples::shop());
    let plan = planned(&request, &source, &samples::target_of(&source));
    let context = Context {
        request: &request,
        sources: std::slice::from_ref(&source),
    };
    let copies = plan
        .steps
        .iter()
        .filter(|planned| planned.step.kind() == "copy_partitions");
    let mut names = std::collections::BTreeSet::new();
    let mut count = 0;
    for planned in copies {
        for attempt in [1, 2] {
            for sent in context.statements(planned, attempt).unwrap() {
                assert!(matches!(sent.way, Way::Task(_)));
                names.insert(format!("{:?}", sent.way));
                count += 1;
            }
        }
    }
    assert!(count >= 6);
    assert_eq!(names.len(), count);
}

/// A step whose manifest is another one by now gives other statements.
#[test]
fn the_digest_notices_another_manifest() {
    let (request, source) = (samples::request(), samples::shop());
    let plan = planned(&request, &source, &samples::target_of(&source));
    let mut changed = source.clone();
    changed.manifest.tables[1].partitions.remove(2);
    let digest = |source: &Source, planned: &PlannedStep| {
        let context = Context {
            request: &request,
            sources: std::slice::from_ref(source),
        };
        context.digest(planned).unwrap()
    };
    let restores: Vec<_> = plan
        .steps
        .iter()
        .filter(|planned| planned.step.kind() == "restore_snapshot")
        .collect();
    assert_eq!(restores.len(), 2);
    assert_eq!(digest(&source, restores[0]), digest(&changed, restores[0]));
    assert_ne!(digest(&source, restores[1]), digest(&changed, restores[1]));
}
