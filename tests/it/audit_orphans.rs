//! The repository against history.

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow};

async fn audit(cluster: &Cluster) -> Value {
    audit_orphans::handle(&cluster.context(), json!({}))
        .await
        .expect("an audit")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_recorded_and_what_is_gone_are_found() {
    let cluster = Cluster::start(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE DATABASE sales;
             CREATE TABLE sales.orders (id INT NOT NULL) DUPLICATE KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             INSERT INTO sales.orders VALUES (1)",
        )
        .await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    let clean = audit(&cluster).await;
    assert_eq!(clean["findings"], json!([]));
    assert_eq!(clean["snapshots"], json!(1));

    cluster
        .sql("BACKUP SNAPSHOT sales.by_hand TO repo ON (orders)")
        .await;
    assert_eq!(
        audit(&cluster).await["findings"],
        json!([]),
        "nothing is in the bucket yet"
    );
    cluster.advance(60);
    let found = audit(&cluster).await;
    assert_eq!(found["findings"][0]["label"], json!("by_hand"));
    assert_eq!(found["findings"][0]["class"], json!("unrecorded"));
    assert_eq!(found["loses_data"], json!(false));

    cluster.remove_snapshot("sales_20260301_full");
    let found = audit(&cluster).await;
    let gone = &found["findings"][1];
    assert_eq!(
        (&gone["label"], &gone["class"]),
        (&json!("sales_20260301_full"), &json!("gone"))
    );
    assert_eq!(found["loses_data"], json!(true));
}
