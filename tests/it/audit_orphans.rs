//! The repository against history.

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow, shop::shop};

async fn audit(cluster: &Cluster) -> Value {
    audit_orphans::handle(&cluster.context(), json!({}))
        .await
        .expect("an audit")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_recorded_and_what_is_gone_are_found() {
    let cluster = shop(Profile::V3_5).await;
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
    let gone = &found["findings"][0];
    assert_eq!(
        (&gone["label"], &gone["class"]),
        (&json!("sales_20260301_full"), &json!("gone"))
    );
    assert_eq!(found["loses_data"], json!(true));
    let only = audit_orphans::handle(&cluster.context(), json!({ "limit": 1 })).await;
    let only = only.expect("an audit");
    assert_eq!(only["findings"].as_array().unwrap().len(), 1);
    assert_eq!(only["findings_not_shown"], json!(1));
}

/// The weekly audit fails its execution, and the alarm on failed executions says so.
#[tokio::test(flavor = "multi_thread")]
async fn the_state_machine_fails_where_data_is_lost() {
    let cluster = shop(Profile::V3_5).await;
    flow::full(&cluster, "nightly").await;
    let output = flow::audit(&cluster).await.output();
    assert_eq!(
        (&output["findings"], &output["snapshots"]),
        (&json!([]), &json!(1))
    );
    cluster.remove_snapshot("sales_20260301_full");
    let error = flow::audit(&cluster).await.error();
    assert_eq!(error.error, "VerificationFailed", "{error:?}");
    assert!(error.cause.contains("sales_20260301_full"), "{error:?}");
}
