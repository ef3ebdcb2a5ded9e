//! A first backup, from empty ops tables to recorded history.

use serde_json::json;
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_backup_is_recorded_with_its_manifest() {
    let cluster = Cluster::start(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE DATABASE sales;
             CREATE TABLE sales.orders (k DATE NOT NULL, id INT NOT NULL, v STRING) DUPLICATE KEY(k, id) \
             PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             INSERT INTO sales.orders VALUES ('2026-01-01', 1, 'a'), ('2026-01-02', 2, 'b')",
        )
        .await;
    cluster.group("nightly", &["sales.orders"]).await;
    let output = flow::full(&cluster, "nightly").await;
    assert_eq!(
        output["summary"]["databases"][0]["status"],
        json!("FINISHED")
    );
    let history = cluster
        .rows("SELECT label, status, cut, partitions_total, partitions_stored FROM ops.backup_history")
        .await;
    assert_eq!(
        history,
        [["sales_20260301_full", "FINISHED", "exact", "2", "2"]]
    );
    let partitions = cluster
        .rows("SELECT table_name, partition_name, stored_in FROM ops.backup_partitions")
        .await;
    assert_eq!(
        partitions,
        [
            ["orders", "p1", "sales_20260301_full"],
            ["orders", "p2", "sales_20260301_full"],
        ]
    );
}
