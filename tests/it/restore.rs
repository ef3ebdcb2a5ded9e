//! Restores through every strategy, compared row by row.

mod around;
mod held;
mod kept;
mod kinds;
mod leftovers;
mod live;
mod matrix;
mod more_kinds;
mod objects;
mod others;
mod policies;
mod requests;

use serde_json::json;
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow};

const ORDERS: &str = "SELECT k, id, v FROM sales.orders";

/// One table of two partitions, not yet in a group.
async fn shop(profile: Profile) -> Cluster {
    let cluster = Cluster::start(profile).await;
    cluster
        .sql(
            "CREATE DATABASE sales;
             CREATE TABLE sales.orders (k DATE NOT NULL, id INT NOT NULL, v STRING) DUPLICATE KEY(k, id) \
             PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             INSERT INTO sales.orders VALUES ('2026-01-01', 1, 'a'), ('2026-01-02', 2, 'b')",
        )
        .await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_is_staged_verified_and_swapped_in() {
    let cluster = shop(Profile::V3_5).await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    let before = cluster.rows(ORDERS).await;
    cluster.sql("TRUNCATE TABLE sales.orders").await;
    let output = flow::restore(&cluster, json!({ "target_label": "sales_20260301_full" }))
        .await
        .output();
    assert_eq!(output["summary"]["state"], json!("PROMOTED"), "{output}");
    assert_eq!(cluster.rows(ORDERS).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_is_laid_over_its_full() {
    let cluster = shop(Profile::V3_5).await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    cluster
        .sql(
            "ALTER TABLE sales.orders ADD PARTITION p3 VALUES LESS THAN ('2026-01-04');
             INSERT INTO sales.orders VALUES ('2026-01-03', 3, 'c')",
        )
        .await;
    let output = flow::incremental(&cluster, "nightly").await;
    assert_eq!(
        output["summary"]["databases"][0]["partitions_stored"],
        json!(1),
        "{output}"
    );
    let before = cluster.rows(ORDERS).await;
    cluster.sql("DROP TABLE sales.orders FORCE").await;
    let output = flow::restore(&cluster, json!({ "target_label": "sales_20260301_inc" }))
        .await
        .output();
    assert_eq!(output["summary"]["state"], json!("PROMOTED"), "{output}");
    assert_eq!(cluster.rows(ORDERS).await, before);
}
