//! A backup that StarRocks finished is recorded as what it is, whatever happens before it is.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use serde_json::{Value, json};
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
    jobs::{faults::At, state::BackupState},
    reply::SqlError,
};
use tests::{
    cluster::{Cluster, create_repository},
    flow, meddle,
    shop::{shop, start},
};

const LABEL: &str = "sales_20260301_full";

fn full() -> Value {
    json!({ "group": "nightly", "kind": "full" })
}

async fn history(cluster: &Cluster) -> Vec<Vec<String>> {
    cluster
        .rows("SELECT label, status FROM ops.backup_history")
        .await
}

/// Two attempts see two tables: what the first one wrote is not in the way of the second.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_changes_between_two_attempts_to_record_is_left_out() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE TABLE sales.days (k DATE NOT NULL) DUPLICATE KEY(k) PARTITION BY RANGE(k) \
             (PARTITION p1 VALUES LESS THAN ('2026-01-02')) \
             DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES('replication_num'='1')",
        )
        .await;
    // A partition that the plan does not know: the manifest is written once more.
    cluster.emulator.with_engine(|engine| {
        let pending = At::backup("sales", BackupState::Pending);
        engine.jobs.faults.at_state(pending, |engine| {
            meddle::run(
                engine,
                "ALTER TABLE sales.days ADD PARTITION p2 VALUES LESS THAN ('2026-01-03')",
            );
        });
    });
    // No look keeps its reading: each attempt takes its own.
    let faults = cluster.emulator.faults();
    let keeps = When::Contains("SET second_reading".to_owned());
    faults.always(keeps, Fault::Refuse(SqlError::plain("the disk is full")));
    const ENDED: &str = "SET finished_at = UTC_TIMESTAMP(), status = 'FINISHED'";
    let altered = meddle::once_before(
        &cluster,
        |sql| sql.contains(ENDED),
        "ALTER TABLE sales.orders ADD COLUMN x INT NULL",
    );
    faults.once(When::Contains(ENDED.to_owned()), Fault::DropBefore);
    flow::backup(&cluster, full()).await.output();
    assert!(altered.has_come_about());
    assert_eq!(
        history(&cluster).await,
        [[LABEL, "PARTIAL"], ["sales_20260301_full_r1", "FINISHED"]]
    );
    let kept = format!(
        "SELECT p.table_name, p.partition_name FROM ops.backup_partitions p \
         JOIN ops.backup_history h ON h.plan_id = p.plan_id WHERE h.label = '{LABEL}'"
    );
    let days = [["days", "p1"], ["days", "p2"]];
    assert_eq!(cluster.rows(&kept).await, days);
}
