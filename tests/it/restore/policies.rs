//! Tables that drop and add partitions by themselves, with the scheduler at work in between.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Value, json};
use starrocks_emulator::{Profile, engine::Engine};
use tests::{
    cluster::Cluster,
    flow,
    meddle::{self, Done},
};

pub(super) const ROWS: &str = "SELECT d, id FROM sales.days";
pub(super) const FULL: &str = "sales_20260301_full";

/// Partitions of the last days of February with rows, and those that the scheduler made for March.
pub(super) async fn shop(profile: Profile, policy: &str) -> Cluster {
    let cluster = Cluster::start_on_first_day(profile).await;
    cluster
        .sql(&format!(
            "CREATE DATABASE sales;\n\
             CREATE TABLE sales.days (d DATE NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
             PARTITION BY RANGE(d) (PARTITION p20260226 VALUES [('2026-02-26'), ('2026-02-27')), \
             PARTITION p20260227 VALUES [('2026-02-27'), ('2026-02-28')), \
             PARTITION p20260228 VALUES [('2026-02-28'), ('2026-03-01'))) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1'{policy});\n\
             INSERT INTO sales.days VALUES ('2026-02-26', 1), ('2026-02-27', 2), ('2026-02-28', 3)"
        ))
        .await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    cluster
}

pub(super) fn dynamic(start: &str) -> String {
    format!(
        ", 'dynamic_partition.enable'='true', 'dynamic_partition.time_unit'='DAY', \
         'dynamic_partition.start'='{start}', 'dynamic_partition.end'='2', \
         'dynamic_partition.prefix'='p', 'dynamic_partition.buckets'='1', \
         'dynamic_partition.time_zone'='UTC'"
    )
}

async fn partitions(cluster: &Cluster, table: &str) -> BTreeSet<String> {
    let rows = cluster
        .rows(&format!(
            "SELECT PARTITION_NAME FROM information_schema.partitions_meta \
             WHERE DB_NAME = 'sales' AND TABLE_NAME = '{table}'"
        ))
        .await;
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

async fn before_table(cluster: &Cluster) -> String {
    let rows = cluster
        .rows("SHOW TABLES FROM sales LIKE 'days_before%'")
        .await;
    rows[0][0].clone()
}

/// Lets the scheduler look at the tables right before the staged one is taken from it.
fn tick_before_hold(cluster: &Cluster, mut more: impl FnMut(&mut Engine) + Send + 'static) -> Done {
    meddle::before(
        cluster,
        |sql| sql.starts_with("ALTER TABLE `sales`.`days_restored` SET"),
        1,
        move |engine| {
            engine.advance(SignedDuration::from_secs(660));
            more(engine);
        },
    )
}

pub(super) fn notes(output: &Value) -> String {
    output["summary"]["notes"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_scheduler_adds_in_between_is_dropped_and_the_policy_goes_on() {
    for profile in Profile::ALL {
        let cluster = shop(profile, &dynamic("-60")).await;
        let (rows, at_label) = (cluster.rows(ROWS).await, partitions(&cluster, "days").await);
        cluster.advance(10 * 86_400);
        cluster.sql("TRUNCATE TABLE sales.days").await;
        let ticked = tick_before_hold(&cluster, |_| {});
        let done = flow::restore(&cluster, json!({ "target_label": FULL }))
            .await
            .output();
        assert!(ticked.has_come_about());
        let said = notes(&done);
        assert!(
            said.contains("dropped from 'days_restored'") && said.contains("p20260313"),
            "{profile:?} {said}"
        );
        assert_eq!(cluster.rows(ROWS).await, rows, "{profile:?}");
        // The policy is on again, and drops nothing that was restored.
        cluster.advance(700);
        let now = partitions(&cluster, "days").await;
        assert!(now.is_superset(&at_label), "{profile:?} {now:?}");
        assert!(now.contains("p20260313"), "{profile:?} {now:?}");
        assert_eq!(cluster.rows(ROWS).await, rows, "{profile:?}");
    }
}

/// What holds rows was not made by the scheduler alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_stray_partition_with_rows_is_not_dropped() {
    let cluster = shop(Profile::V3_5, &dynamic("-60")).await;
    let rows = cluster.rows(ROWS).await;
    cluster.advance(10 * 86_400);
    let ticked = tick_before_hold(&cluster, |engine| {
        meddle::run(
            engine,
            "INSERT INTO sales.days_restored VALUES ('2026-03-11', 42)",
        );
    });
    let error = flow::restore(&cluster, json!({ "target_label": FULL }))
        .await
        .error();
    assert!(ticked.has_come_about());
    assert!(error.cause.contains("has 1 rows"), "{error:?}");
    assert_eq!(cluster.rows(ROWS).await, rows);
    let staged = cluster
        .one("SELECT COUNT(*) FROM sales.days_restored")
        .await;
    assert_eq!(staged, "4");
}

/// The policy would drop everything that was restored: it is left off, and that is said with the way
/// to switch it on.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_would_drop_what_was_restored_stays_off() {
    for (policy, alter) in [
        (
            dynamic("-3"),
            "ALTER TABLE `sales`.`days` SET (\\\"dynamic_partition.enable\\\" = \\\"true\\\")",
        ),
        (
            ", 'partition_live_number'='2'".to_owned(),
            "ALTER TABLE `sales`.`days` SET (\\\"partition_live_number\\\" = \\\"2\\\")",
        ),
    ] {
        let cluster = shop(Profile::V3_5, &policy).await;
        let rows = cluster.rows(ROWS).await;
        // Everything of the label is long past for the live table.
        cluster.advance(40 * 86_400);
        cluster.sql("TRUNCATE TABLE sales.days").await;
        let done = flow::restore(&cluster, json!({ "target_label": FULL }))
            .await
            .output();
        let said = notes(&done);
        assert!(said.contains(alter), "{said}");
        for _ in 0..3 {
            cluster.advance(700);
        }
        assert_eq!(cluster.rows(ROWS).await, rows, "{policy}");
    }
}

/// The scheduler was faster than the switch, and dropped what had been restored: that never becomes
/// live.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_scheduler_dropped_in_between_is_missed() {
    let cluster = shop(Profile::V3_5, &dynamic("-3")).await;
    cluster.advance(40 * 86_400);
    cluster
        .sql("ALTER TABLE sales.days ADD PARTITION keep VALUES [('2026-05-01'), ('2026-05-02'));\nINSERT INTO sales.days VALUES ('2026-05-01', 7)")
        .await;
    let ticked = tick_before_hold(&cluster, |_| {});
    let error = flow::restore(&cluster, json!({ "target_label": FULL }))
        .await
        .error();
    assert!(ticked.has_come_about());
    assert_eq!(error.error, "VerificationFailed", "{error:?}");
    assert!(error.cause.contains("p20260226"), "{error:?}");
    assert_eq!(cluster.rows(ROWS).await, [["2026-05-01", "7"]]);
}

/// What lived before is kept as it was: its policy is off before it goes aside.
#[tokio::test(flavor = "multi_thread")]
async fn what_goes_aside_does_not_drop_its_partitions_there() {
    let cluster = shop(Profile::V3_5, &dynamic("-3")).await;
    flow::restore(&cluster, json!({ "target_label": FULL }))
        .await
        .output();
    let aside = before_table(&cluster).await;
    let kept = partitions(&cluster, &aside).await;
    assert!(kept.contains("p20260226"), "{kept:?}");
    cluster.advance(20 * 86_400);
    cluster.advance(700);
    assert_eq!(partitions(&cluster, &aside).await, kept);
    let rows = cluster
        .one(&format!("SELECT COUNT(*) FROM sales.{aside}"))
        .await;
    assert_eq!(rows, "3");
}

/// The number of partitions that a table keeps counts those that it has, not only those put into it.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_partitions_that_a_live_table_reached_does_not_drop_what_is_put_into_it() {
    let cluster = shop(Profile::V3_5, ", 'partition_live_number'='3'").await;
    let rows = cluster.rows(ROWS).await;
    cluster
        .sql(
            "ALTER TABLE sales.days DROP PARTITION p20260226 FORCE;\n\
             ALTER TABLE sales.days ADD PARTITION p20260301 VALUES [('2026-03-01'), ('2026-03-02'))",
        )
        .await;
    cluster.advance(86_400);
    let input = json!({ "target_label": FULL, "tables": ["days"], "partitions": ["p20260226"] });
    let done = flow::restore(&cluster, input).await.output();
    for _ in 0..3 {
        cluster.advance(700);
    }
    assert_eq!(cluster.rows(ROWS).await, rows);
    let said = notes(&done);
    assert!(said.contains("partition_live_number"), "{said}");
}
