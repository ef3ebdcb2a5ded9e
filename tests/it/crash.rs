//! A crash between any two statements of any function ends in the same place as no crash.

//!
//! The fast suite takes samples of what is long; `tests/run --slow` takes every statement.

mod backup;
mod plan_once;
mod restore;
mod restore_ways;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow, kill::Kill};

/// After this the lease of a process that died has run out.
const LEASE_SECONDS: i64 = 21 * 60;

async fn shop() -> Cluster {
    shop_of(Profile::V3_5).await
}

async fn shop_of(profile: Profile) -> Cluster {
    let cluster = Cluster::start(profile).await;
    cluster
        .sql(
            "CREATE DATABASE sales;
             CREATE TABLE sales.orders (k DATE NOT NULL, id INT NOT NULL) DUPLICATE KEY(k, id) \
             PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             INSERT INTO sales.orders VALUES ('2026-01-01', 1), ('2026-01-02', 2)",
        )
        .await;
    cluster.group("nightly", &["sales.*"]).await;
    cluster
}

/// What is left when everything has ended, without what names the attempt.
#[derive(Debug, PartialEq, Eq)]
struct EndState {
    finished: Vec<Vec<String>>,
    manifest: BTreeSet<Vec<String>>,
    open: Vec<Vec<String>>,
    held: Vec<Vec<String>>,
}

async fn end_state(cluster: &Cluster) -> EndState {
    let finished = cluster
        .rows(
            "SELECT backup_type, status, cut, partitions_total, partitions_stored, \
             snapshot_timestamp IS NOT NULL FROM ops.backup_history WHERE status = 'FINISHED'",
        )
        .await;
    let manifest = cluster
        .rows(
            "SELECT h.backup_type, p.table_name, p.partition_name, p.stored_in = h.label \
             FROM ops.backup_partitions p JOIN ops.backup_history h ON h.plan_id = p.plan_id \
             WHERE h.status = 'FINISHED'",
        )
        .await;
    EndState {
        finished,
        manifest: manifest.into_iter().collect(),
        open: cluster
            .rows(
                "SELECT label, phase FROM ops.run_status WHERE scope <> 'lease' \
                 AND phase NOT IN ('RECORDED', 'ABANDONED')",
            )
            .await,
        held: cluster
            .rows(
                "SELECT label FROM ops.run_status r WHERE scope = 'lease' \
                 AND expires_at > UTC_TIMESTAMP() AND generation = (SELECT MAX(generation) \
                 FROM ops.run_status WHERE scope = 'lease')",
            )
            .await,
    }
}

/// Of the newest labels. A function that is called again counts again.
async fn rows_counted(cluster: &Cluster) -> Vec<Vec<String>> {
    let query = "SELECT rows_total FROM ops.backup_history WHERE status = 'FINISHED'";
    cluster.rows(query).await
}

/// Snapshots in the repository, complete or not: one BACKUP was sent for each.
async fn snapshots(cluster: &Cluster) -> usize {
    cluster.rows("SHOW SNAPSHOT ON repo").await.len()
}

fn input(kind: &str) -> Value {
    json!({ "group": "nightly", "kind": kind })
}

/// Every statement that an undisturbed run sends.
async fn statements(cluster: &Cluster, kind: &str) -> u64 {
    cluster.emulator.faults().reset_journal();
    flow::backup(cluster, input(kind)).await.output();
    cluster.emulator.faults().journal().len() as u64
}

/// Each of the first `count` statements with this stride, before and after it is executed.
fn kills(count: u64, stride: usize) -> impl Iterator<Item = Kill> {
    (1..=count).step_by(stride).flat_map(|statement| {
        [false, true].map(|executed| Kill {
            statement,
            executed,
        })
    })
}

/// A full, and what it has to store next.
async fn changed() -> Cluster {
    let cluster = shop().await;
    flow::backup(&cluster, input("full")).await.output();
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 22)")
        .await;
    cluster
}
