//! Partitions into a live table.

use super::{planned, text};
use crate::plan::restore::samples;

#[test]
fn splice() {
    let (mut request, source) = (samples::request(), samples::shop());
    request.scope.tables = vec!["orders".parse().unwrap()];
    request.scope.partitions = vec!["p1".parse().unwrap(), "p3".parse().unwrap()];
    let mut target = samples::target_of(&source);
    let shop = target.databases.get_mut(&source.manifest.database).unwrap();
    let orders = shop.tables.get_mut(&request.scope.tables[0]).unwrap();
    orders
        .partitions
        .retain(|partition| partition.name.as_str() != "p3");
    let plan = planned(&request, &source, &target);
    insta::assert_snapshot!(text(&request, &source, &plan.steps), @r#"
    -- 1 Build restore_snapshot
    RESTORE SNAPSHOT `shop`.`shop_20260222_full`
    FROM `nightly`
    ON (
      `orders` PARTITION (`p1`) AS `orders_restored`
    )
    PROPERTIES ("backup_timestamp" = "2026-02-22-04-00-00-111", "replication_num" = "3", "timeout" = "86400");
    -- 2 Build restore_snapshot
    RESTORE SNAPSHOT `shop`.`shop_20260301_inc`
    FROM `nightly`
    ON (
      `orders` PARTITION (`p3`) AS `orders_restored_inc`
    )
    PROPERTIES ("backup_timestamp" = "2026-03-01-04-00-00-222", "replication_num" = "3", "timeout" = "86400");
    -- 3 Verify verify
    -- 4 Verify verify
    -- 5 Promote create_table
    CREATE TABLE `orders_before_20260301_040000` (
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
    "replication_num" = "3"
    );;
    -- 6 Promote hold_live
    ALTER TABLE `shop`.`orders` SET ("dynamic_partition.enable" = "false");
    ALTER TABLE `shop`.`orders` SET ("partition_live_number" = "-1");
    ALTER TABLE `shop`.`orders` SET ("partition_ttl" = "0 day");
    ALTER TABLE `shop`.`orders` SET ("partition_retention_condition" = "");
    -- 7 Promote add_partitions
    ALTER TABLE `shop`.`orders_before_20260301_040000` ADD PARTITION IF NOT EXISTS `p1` VALUES [('2026-03-01'), ('2026-03-02'));
    -- 8 Promote copy_partitions
    -- task br_e8f0ebacaac2fd1f_8_0_1
    INSERT INTO `shop`.`orders_before_20260301_040000` PARTITION (`p1`) WITH LABEL `br_e8f0ebacaac2fd1f_8_0_1` (`k`, `v`)
    SELECT `k`, `v`
    FROM `shop`.`orders` PARTITION (`p1`);
    -- 9 Promote add_partitions
    ALTER TABLE `shop`.`orders` ADD TEMPORARY PARTITION `br_tmp_1a1c89352f324bf2` VALUES [('2026-03-01'), ('2026-03-02'));
    -- 10 Promote copy_partitions
    -- task br_e8f0ebacaac2fd1f_10_0_1
    INSERT INTO `shop`.`orders` TEMPORARY PARTITION (`br_tmp_1a1c89352f324bf2`) WITH LABEL `br_e8f0ebacaac2fd1f_10_0_1` (`k`, `v`)
    SELECT `k`, `v`
    FROM `shop`.`orders_restored` PARTITION (`p1`);
    -- 11 Promote replace_partitions
    ALTER TABLE `shop`.`orders` REPLACE PARTITION (`p1`) WITH TEMPORARY PARTITION (`br_tmp_1a1c89352f324bf2`);
    -- 12 Promote add_partitions
    ALTER TABLE `shop`.`orders` ADD PARTITION IF NOT EXISTS `p3` VALUES [('2026-03-03'), ('2026-03-04'));
    -- 13 Promote add_partitions
    ALTER TABLE `shop`.`orders` ADD TEMPORARY PARTITION `br_tmp_ec074127fb5f9d3a` VALUES [('2026-03-03'), ('2026-03-04'));
    -- 14 Promote copy_partitions
    -- task br_e8f0ebacaac2fd1f_14_0_1
    INSERT INTO `shop`.`orders` TEMPORARY PARTITION (`br_tmp_ec074127fb5f9d3a`) WITH LABEL `br_e8f0ebacaac2fd1f_14_0_1` (`k`, `v`)
    SELECT `k`, `v`
    FROM `shop`.`orders_restored_inc` PARTITION (`p3`);
    -- 15 Promote replace_partitions
    ALTER TABLE `shop`.`orders` REPLACE PARTITION (`p3`) WITH TEMPORARY PARTITION (`br_tmp_ec074127fb5f9d3a`);
    -- 16 Promote drop_table
    DROP TABLE IF EXISTS `shop`.`orders_restored` FORCE;
    -- 17 Promote drop_table
    DROP TABLE IF EXISTS `shop`.`orders_restored_inc` FORCE;
    -- 18 Finish resume_partitions
    "#);
}

#[test]
fn splice_of_an_automatic_table() {
    let (mut request, source) = (samples::request(), samples::shop());
    request.scope.tables = vec!["events".parse().unwrap()];
    request.scope.partitions = vec!["p20260301".parse().unwrap()];
    let plan = planned(&request, &source, &samples::target_of(&source));
    insta::assert_snapshot!(text(&request, &source, &plan.steps), @r#"
    -- 1 Build restore_snapshot
    RESTORE SNAPSHOT `shop`.`shop_20260222_full`
    FROM `nightly`
    ON (
      `events` PARTITION (`$shadow_automatic_partition`, `p20260301`) AS `events_restored`
    )
    PROPERTIES ("backup_timestamp" = "2026-02-22-04-00-00-111", "replication_num" = "3", "timeout" = "86400");
    -- 2 Verify verify
    -- 3 Promote create_table
    CREATE TABLE `events_before_20260301_040000` (
      `ts` datetime NOT NULL COMMENT "",
      `v` int(11) NULL COMMENT "",
      `w` int(11) NULL AS `v` + 1 COMMENT ""
    ) ENGINE=OLAP 
    DUPLICATE KEY(`ts`)
    PARTITION BY date_trunc('day', ts)
    DISTRIBUTED BY HASH(`ts`) BUCKETS 2 
    PROPERTIES (
    "compression" = "LZ4",
    "replication_num" = "3"
    );;
    -- 4 Promote hold_live
    ALTER TABLE `shop`.`events` SET ("dynamic_partition.enable" = "false");
    ALTER TABLE `shop`.`events` SET ("partition_live_number" = "-1");
    ALTER TABLE `shop`.`events` SET ("partition_ttl" = "0 day");
    ALTER TABLE `shop`.`events` SET ("partition_retention_condition" = "");
    -- 5 Promote add_partitions
    ALTER TABLE `shop`.`events_before_20260301_040000` ADD PARTITIONS START ('2026-03-01 00:00:00') END ('2026-03-02 00:00:00') EVERY (INTERVAL 1 DAY);
    -- 6 Promote copy_partitions
    -- task br_e8f0ebacaac2fd1f_6_0_1
    INSERT INTO `shop`.`events_before_20260301_040000` PARTITION (`p20260301`) WITH LABEL `br_e8f0ebacaac2fd1f_6_0_1` (`ts`, `v`)
    SELECT `ts`, `v`
    FROM `shop`.`events` PARTITION (`p20260301`);
    -- 7 Promote copy_partitions
    -- task br_e8f0ebacaac2fd1f_7_0_1
    INSERT OVERWRITE `shop`.`events` PARTITION (`p20260301`) (`ts`, `v`)
    SELECT `ts`, `v`
    FROM `shop`.`events_restored` PARTITION (`p20260301`);
    -- 8 Promote drop_table
    DROP TABLE IF EXISTS `shop`.`events_restored` FORCE;
    -- 9 Finish resume_partitions
    "#);
}
