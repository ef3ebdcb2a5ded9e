//! What is sent does not grow with the number of tables, and hardly with the number of partitions.

use serde_json::json;
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow};

async fn many(partitions_each: u32, tables: u32) -> Cluster {
    let cluster = Cluster::start(Profile::V4_1).await;
    cluster.sql("CREATE DATABASE sales").await;
    for number in 0..tables {
        cluster
            .sql(&format!(
                "CREATE TABLE sales.t{number} (k INT NOT NULL, id INT NOT NULL) DUPLICATE KEY(k, id) \
                 PARTITION BY RANGE(k) (START (\"0\") END (\"{partitions_each}\") EVERY (1)) \
                 DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')"
            ))
            .await;
    }
    cluster.group("nightly", &["sales.*"]).await;
    cluster
}

fn sent(cluster: &Cluster, words: &str) -> usize {
    let journal = cluster.emulator.faults().journal();
    journal
        .iter()
        .filter(|entry| entry.sql.contains(words))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_partitions_in_twenty_tables() {
    let cluster = many(500, 20).await;
    for kind in ["full", "incremental"] {
        cluster.sql("INSERT INTO sales.t7 VALUES (250, 1)").await;
        cluster.emulator.faults().reset_journal();
        let input = json!({ "group": "nightly", "kind": kind });
        let output = flow::backup(&cluster, input).await.output();
        assert_eq!(
            output["summary"]["databases"][0]["partitions_total"],
            json!(10_000)
        );
        let manifest = sent(&cluster, "INSERT INTO `ops`.`backup_partitions`");
        let tables = sent(&cluster, "INSERT INTO `ops`.`backup_tables`");
        assert!(
            manifest + tables <= 2,
            "{kind}: {manifest} + {tables} INSERTs"
        );
        assert_eq!(sent(&cluster, "partitions_meta"), 2, "{kind}: R0 and R1");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes 200,000 objects: tests/run --slow"]
async fn a_hundred_thousand_partitions() {
    let cluster = many(50_000, 2).await;
    cluster.sql("INSERT INTO sales.t1 VALUES (49999, 1)").await;
    cluster.emulator.faults().reset_journal();
    let output = flow::full(&cluster, "nightly").await;
    assert_eq!(
        output["summary"]["databases"][0]["partitions_total"],
        json!(100_000)
    );
    let manifest = sent(&cluster, "INSERT INTO `ops`.`backup_partitions`");
    let tables = sent(&cluster, "INSERT INTO `ops`.`backup_tables`");
    assert!(manifest + tables <= 12, "{manifest} + {tables} INSERTs");
    let rows = "SELECT rows_total FROM ops.backup_history";
    assert_eq!(cluster.one(rows).await, "1", "all of it is counted");
}
