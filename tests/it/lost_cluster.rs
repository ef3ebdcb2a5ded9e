//! The cluster is gone; the bucket is there.

use serde_json::json;
use starrocks_emulator::Profile;
use tests::{flow, shop::shop};

/// The way of docs/runbooks.md: the records come back by hand, everything else by them.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_cluster_gets_its_records_back_and_by_them_the_rest() {
    let lost = shop(Profile::V3_5).await;
    flow::full(&lost, "nightly").await;
    lost.sql("INSERT INTO sales.orders VALUES (2)").await;
    let input = json!({ "group": "nightly", "kind": "incremental" });
    flow::backup(&lost, input).await.output();
    lost.group("records", &["ops.*"]).await;
    flow::full(&lost, "records").await;

    let new = lost.beside(Profile::V3_5);
    new.emulator
        .with_engine(|engine| engine.nodes.cluster_id = 7);
    new.sql(&tests::cluster::create_repository()).await;
    let snapshots = new
        .rows("SHOW SNAPSHOT ON repo WHERE SNAPSHOT = 'ops_20260301_full'")
        .await;
    let timestamp = &snapshots[0][1];
    new.sql(&format!(
        "CREATE DATABASE ops;\n\
         RESTORE SNAPSHOT ops.ops_20260301_full FROM repo \
         PROPERTIES ('backup_timestamp' = '{timestamp}', 'replication_num' = '1')"
    ))
    .await;
    new.advance(120);
    // Leases that the lost cluster held are still written there.
    new.advance(30 * 60);
    flow::restore(&new, json!({ "target_label": "sales_20260301_inc" }))
        .await
        .output();
    assert_eq!(
        new.rows("SELECT id FROM sales.orders").await,
        [["1"], ["2"]]
    );
    // A full of the lost cluster is no baseline of this one.
    let input = json!({ "group": "nightly", "kind": "incremental" });
    let error = flow::backup(&new, input).await.error();
    assert_eq!(error.error, "NotFound", "{error:?}");
    flow::full(&new, "nightly").await;
}
