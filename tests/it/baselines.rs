//! What an incremental is compared with, and that it is what was recorded.

use serde_json::json;
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow, shop::shop};

/// Row 1 in one full, row 2 in a later one, and row 3 in none.
async fn two_fulls() -> Cluster {
    let cluster = shop(Profile::V3_5).await;
    for row in [2, 3] {
        flow::full(&cluster, "nightly").await;
        cluster
            .sql(&format!("INSERT INTO sales.orders VALUES ({row})"))
            .await;
        cluster.advance(60);
    }
    cluster
}

async fn baseline_of_the_next(cluster: &Cluster) -> String {
    flow::incremental(cluster, "nightly").await;
    let query = "SELECT baseline_label FROM ops.backup_history WHERE backup_type = 'incremental'";
    cluster.one(query).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_the_newest_full() {
    let cluster = two_fulls().await;
    let baseline = baseline_of_the_next(&cluster).await;
    assert_eq!(baseline, "sales_20260301_full_r1");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_snapshot_is_gone_is_none() {
    let cluster = two_fulls().await;
    cluster.remove_snapshot("sales_20260301_full_r1");
    let baseline = baseline_of_the_next(&cluster).await;
    assert_eq!(baseline, "sales_20260301_full");
    cluster.remove_snapshot("sales_20260301_full");
    let input = json!({ "group": "nightly", "kind": "incremental" });
    let error = flow::backup(&cluster, input).await.error();
    assert_eq!(error.error, "NotFound", "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_did_not_end_well_is_none() {
    for status in ["PARTIAL", "FAILED", "CANCELLED", "LOST", "RUNNING"] {
        let cluster = two_fulls().await;
        let ended = format!(
            "UPDATE ops.backup_history SET status = '{status}' WHERE label = 'sales_20260301_full_r1'"
        );
        cluster.sql(&ended).await;
        let baseline = baseline_of_the_next(&cluster).await;
        assert_eq!(baseline, "sales_20260301_full", "{status}");
    }
}

/// Half a manifest would be a success that lacks the other half.
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_is_not_what_was_written_is_neither_compared_with_nor_restored() {
    const OF_IT: &str = "label = 'sales_20260301_full'";
    for altered in [
        format!("DELETE FROM ops.backup_partitions WHERE {OF_IT}"),
        format!("DELETE FROM ops.backup_tables WHERE {OF_IT}"),
        format!("UPDATE ops.backup_partitions SET fingerprint = NULL WHERE {OF_IT}"),
        format!("UPDATE ops.backup_partitions SET stored_in = 'another' WHERE {OF_IT}"),
        format!("UPDATE ops.backup_tables SET table_id = 1 WHERE {OF_IT}"),
    ] {
        let cluster = shop(Profile::V3_5).await;
        flow::full(&cluster, "nightly").await;
        cluster.sql(&altered).await;
        let input = json!({ "group": "nightly", "kind": "incremental" });
        let error = flow::backup(&cluster, input).await.error();
        assert_eq!(error.error, "VerificationFailed", "{altered}: {error:?}");
        assert!(error.cause.contains("the manifest of label"), "{error:?}");
        let input = json!({ "target_label": "sales_20260301_full" });
        let error = flow::restore(&cluster, input).await.error();
        assert_eq!(error.error, "VerificationFailed", "{altered}: {error:?}");
        let says = error
            .cause
            .contains("the manifest of label 'sales_20260301_full'");
        assert!(says, "{altered}: {error:?}");
    }
}
