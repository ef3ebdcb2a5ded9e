//! Dynamic partitions and TTL on the clock.

use super::support::{Fixture, int, text};
use crate::Profile;

const DYNAMIC: &str = "CREATE TABLE dyn (k DATE NOT NULL, v INT) DUPLICATE KEY(k) PARTITION BY RANGE(k) () \
     DISTRIBUTED BY HASH(v) BUCKETS 1 PROPERTIES(\"dynamic_partition.enable\"=\"true\",\
     \"dynamic_partition.time_unit\"=\"DAY\",\"dynamic_partition.start\"=\"-3\",\
     \"dynamic_partition.end\"=\"2\",\"dynamic_partition.prefix\"=\"p\")";

#[test]
fn partitions_come_and_go_by_the_clock() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(DYNAMIC);
    assert_eq!(
        fe.partition_names("dyn"),
        ["p20261121", "p20261122", "p20261123"]
    );
    fe.load("dyn", "p20261121", vec![vec![text("2026-11-21"), int(1)]]);
    fe.days(3);
    assert_eq!(fe.partition_names("dyn").len(), 6);
    assert_eq!(fe.rows("SELECT v FROM dyn"), [["1"]]);
    fe.days(1);
    assert_eq!(fe.partition_names("dyn")[0], "p20261122");
    assert!(fe.rows("SELECT v FROM dyn").is_empty());
}

/// The scheduler looks every ten minutes, not at every moment.
#[test]
fn nothing_happens_between_two_looks() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(DYNAMIC);
    fe.days(1);
    let after_a_day = fe.partition_names("dyn");
    fe.engine
        .clock
        .advance(jiff::SignedDuration::from_hours(24) - jiff::SignedDuration::from_mins(5));
    fe.engine.tick();
    let late = fe.partition_names("dyn");
    assert_eq!(after_a_day.last().unwrap(), "p20261124");
    assert_eq!(late.last().unwrap(), "p20261125");
    fe.engine.clock.advance(jiff::SignedDuration::from_mins(9));
    fe.engine.tick();
    assert_eq!(fe.partition_names("dyn"), late);
    fe.engine.clock.advance(jiff::SignedDuration::from_mins(1));
    fe.engine.tick();
    assert_eq!(fe.partition_names("dyn").last().unwrap(), "p20261125");
}

#[test]
fn switched_off_nothing_is_dropped() {
    let mut fe = Fixture::new(Profile::V3_5);
    fe.run(DYNAMIC);
    fe.run("ALTER TABLE dyn SET (\"dynamic_partition.enable\"=\"false\")");
    fe.days(30);
    assert_eq!(fe.partition_names("dyn").len(), 3);
    fe.run("ADMIN SET FRONTEND CONFIG (\"dynamic_partition_enable\" = \"false\")");
    fe.days(1);
    fe.run("ADMIN SET FRONTEND CONFIG (\"dynamic_partition_enable\" = \"true\")");
    assert_eq!(fe.partition_names("dyn").len(), 3);
    fe.run("ALTER TABLE dyn SET (\"dynamic_partition.enable\"=\"true\")");
    assert_eq!(
        fe.partition_names("dyn"),
        ["p20261222", "p20261223", "p20261224"]
    );
}

#[test]
fn live_number_keeps_the_newest() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(
        "CREATE TABLE ttl (k DATE NOT NULL) DUPLICATE KEY(k) PARTITION BY date_trunc('day', k) \
            DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES(\"partition_live_number\"=\"2\")",
    );
    fe.run("ALTER TABLE ttl ADD PARTITIONS START (\"2026-11-18\") END (\"2026-11-24\") EVERY (INTERVAL 1 DAY)");
    fe.engine.advance(jiff::SignedDuration::from_mins(11));
    // Two that have begun, and those of the future; the hidden partition stays.
    assert_eq!(
        fe.partition_names("ttl"),
        [
            "$shadow_automatic_partition",
            "p20261120",
            "p20261121",
            "p20261122",
            "p20261123"
        ]
    );
}

#[test]
fn ttl_drops_what_ended_before_it() {
    let mut fe = Fixture::new(Profile::V4_1);
    fe.run(
        "CREATE TABLE ttl (k DATE NOT NULL) DUPLICATE KEY(k) PARTITION BY date_trunc('day', k) \
            DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES(\"partition_ttl\"=\"2 DAY\")",
    );
    fe.run("ALTER TABLE ttl ADD PARTITIONS START (\"2026-11-17\") END (\"2026-11-22\") EVERY (INTERVAL 1 DAY)");
    fe.engine.advance(jiff::SignedDuration::from_mins(11));
    assert_eq!(
        fe.partition_names("ttl")[1..],
        ["p20261119", "p20261120", "p20261121"]
    );
}

#[test]
fn every_cluster_gets_statistics() {
    let mut fe = Fixture::new(Profile::V3_3);
    assert!(
        !fe.column("SHOW DATABASES", "Database")
            .contains(&"_statistics_".to_owned())
    );
    fe.engine.advance(jiff::SignedDuration::from_secs(90));
    assert!(
        fe.column("SHOW DATABASES", "Database")
            .contains(&"_statistics_".to_owned())
    );
    assert_eq!(fe.rows("SHOW TABLES FROM _statistics_").len(), 7);
}
