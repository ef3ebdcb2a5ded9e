//! The smallest cluster that can be backed up.

use serde_json::{Value, json};
use starrocks_emulator::Profile;

use crate::{cluster::Cluster, flow};

/// One table with row 1, in the group `nightly`.
pub async fn shop(profile: Profile) -> Cluster {
    fill(Cluster::start(profile).await).await
}

/// As [`shop`], for schedules that say the dates of that day, whenever the suite runs.
pub async fn shop_on_first_day(profile: Profile) -> Cluster {
    fill(Cluster::start_on_first_day(profile).await).await
}

async fn fill(cluster: Cluster) -> Cluster {
    fill_with_buckets(cluster, 1).await
}

/// As [`shop`], with so many tablets, on a cluster that was started otherwise.
pub async fn fill_with_buckets(cluster: Cluster, buckets: u32) -> Cluster {
    cluster
        .sql(&format!(
            "CREATE DATABASE sales;
             CREATE TABLE sales.orders (id INT NOT NULL) DUPLICATE KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS {buckets} PROPERTIES('replication_num'='1');
             INSERT INTO sales.orders VALUES (1)"
        ))
        .await;
    cluster.group("nightly", &["sales.*"]).await;
    cluster
}

/// A full has row 1, and the live table row 2.
pub async fn damaged_shop(profile: Profile) -> Cluster {
    let cluster = shop(profile).await;
    flow::full(&cluster, "nightly").await;
    cluster
        .sql("TRUNCATE TABLE sales.orders;\nINSERT INTO sales.orders VALUES (2)")
        .await;
    cluster
}

/// What `start-backup` is told of a full of the shop.
pub fn start(execution: &str) -> Value {
    json!({
        "operation": "start",
        "database": "sales",
        "run": {
            "execution_id": execution,
            "started_at": "2026-03-01 04:00:00",
            "group": "nightly",
            "kind": "full",
            "name": null,
            "baseline": null,
            "on_unsupported": "fail",
            "row_counts": true,
            "retention": null,
            "chosen": null,
            "on_overdue": "continue",
            "window_seconds": 86_400,
            "databases": ["sales"],
        },
    })
}
