//! What cannot be read, or is missed, when a backup looks at it: at the first reading nothing is left out for it,
//! at the second one nothing is concluded from it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use serde_json::json;
use shared::{context::Context, error::ErrorName};
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
    reply::SqlError,
};
use tests::{
    cluster::Cluster,
    flow, meddle,
    shop::{shop, start},
};

const BR: [(&str, &str); 2] = [("STARROCKS_USER", "br"), ("STARROCKS_PASSWORD", "pw")];

/// After the precheck: `start-backup` itself finds it.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_read_any_more_is_named_with_the_engines_words() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE TABLE sales.secret LIKE sales.orders;\n\
             CREATE USER 'br'@'%' IDENTIFIED BY 'pw';\n\
             GRANT REPOSITORY, OPERATE ON SYSTEM TO USER 'br'@'%';\n\
             GRANT EXPORT, SELECT ON TABLE sales.orders TO USER 'br'@'%';\n\
             GRANT SELECT, INSERT, UPDATE, DELETE, ALTER ON ALL TABLES IN DATABASE ops TO USER 'br'@'%'",
        )
        .await;
    let context = Context::new(cluster.settings_with(&BR));
    let error = flow::call(&context, "StartBackup", start("one"))
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::AccessDenied, "{error}");
    assert!(error.message.contains("secret: Access denied"), "{error}");
    assert_eq!(cluster.rows("SHOW SNAPSHOT ON repo").await.len(), 0);
    let open = "SELECT label FROM ops.run_status WHERE scope = 'backup' AND phase <> 'ABANDONED'";
    assert_eq!(cluster.rows(open).await, Vec::<Vec<String>>::new());
}

/// The first time after BACKUP was sent.
fn refuse_to_show_once(cluster: &Cluster) -> Arc<AtomicU32> {
    let refused = Arc::new(AtomicU32::new(0));
    let (count, sent) = (Arc::clone(&refused), AtomicBool::new(false));
    let refuses = move |sql: &str| {
        sent.fetch_or(sql.starts_with("BACKUP"), Ordering::SeqCst);
        let shows = sql.starts_with("SHOW CREATE TABLE `sales`.`orders`");
        shows && sent.load(Ordering::SeqCst) && count.fetch_add(1, Ordering::SeqCst) == 0
    };
    cluster.emulator.faults().always(
        When::Matches(Box::new(refuses)),
        Fault::Refuse(SqlError::plain("the table is busy")),
    );
    refused
}

/// Refused at the pin, it is read again at the end: the label knows what it holds, so nothing of it has to be
/// stored once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_read_at_the_pin_is_read_at_the_end() {
    let cluster = shop(Profile::V3_5).await;
    let refused = refuse_to_show_once(&cluster);
    let full = flow::full(&cluster, "nightly").await;
    assert_eq!(
        refused.load(Ordering::SeqCst),
        2,
        "at the pin, and at the end"
    );
    assert_eq!(full["summary"]["databases"][0]["cut"], json!("exact"));
    let next = flow::incremental(&cluster, "nightly").await;
    let stored = &next["summary"]["databases"][0]["partitions_stored"];
    assert_eq!(stored, &json!(0), "{next}");
}

/// It is listed before and after, and was not there in between: what was read lacks it, and is read again.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_the_first_reading_missed_is_not_taken_for_dropped() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE TABLE sales.days (k DATE NOT NULL) DUPLICATE KEY(k) PARTITION BY RANGE(k) \
             (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03'), \
             PARTITION p3 VALUES LESS THAN ('2026-01-04')) \
             DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES('replication_num'='1');\n\
             INSERT INTO sales.days VALUES ('2026-01-01'), ('2026-01-02'), ('2026-01-03')",
        )
        .await;
    flow::full(&cluster, "nightly").await;
    let dropped = meddle::once_before(
        &cluster,
        |sql| sql.contains("partitions_meta"),
        "ALTER TABLE sales.days DROP PARTITION p2 FORCE",
    );
    let mut read = false;
    let made = meddle::once_before(
        &cluster,
        move |sql| {
            let before = read;
            read |= sql.contains("partitions_meta");
            before
        },
        "ALTER TABLE sales.days ADD PARTITION p2 VALUES [('2026-01-02'), ('2026-01-03'));\n\
         INSERT INTO sales.days VALUES ('2026-01-02')",
    );
    let output = flow::incremental(&cluster, "nightly").await;
    assert!(dropped.has_come_about() && made.has_come_about());
    let label = &output["summary"]["databases"][0];
    assert_eq!(label["cut"], json!("exact"), "{label}");
    assert_eq!(label["partitions_total"], json!(4), "{label}");
    let stored =
        "SELECT partition_name FROM ops.backup_partitions WHERE stored_in = 'sales_20260301_inc'";
    assert_eq!(cluster.rows(stored).await, [["p2"]]);
}
