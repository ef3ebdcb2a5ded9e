//! Incrementals: what changed is stored, what did not is referenced, nothing is missed.

use serde_json::{Value, json};
use starrocks_emulator::{Profile, jobs::faults::At, jobs::state::BackupState};
use tests::{cluster::Cluster, flow};

const RANGE: &str = "DUPLICATE KEY(k, id) PARTITION BY RANGE(k) (\
     PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03'), \
     PARTITION p3 VALUES LESS THAN ('2026-01-04'), PARTITION p4 VALUES LESS THAN ('2026-01-05')) \
     DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')";

async fn shop() -> Cluster {
    let cluster = Cluster::start(Profile::V3_5).await;
    fill(&cluster).await;
    cluster
}

async fn fill(cluster: &Cluster) {
    cluster
        .sql(&format!(
            "CREATE DATABASE sales;
             CREATE DATABASE elsewhere;
             CREATE TABLE sales.orders (k DATE NOT NULL, id INT NOT NULL) {RANGE};
             CREATE TABLE sales.still (k DATE NOT NULL, id INT NOT NULL) {RANGE};
             INSERT INTO sales.orders VALUES ('2026-01-01', 1), ('2026-01-02', 2), ('2026-01-03', 3), ('2026-01-04', 4);
             INSERT INTO sales.still VALUES ('2026-01-01', 1), ('2026-01-02', 2), ('2026-01-03', 3), ('2026-01-04', 4)"
        ))
        .await;
    cluster.group("nightly", &["sales.*"]).await;
}

/// `table.partition` of everything that the newest label of the execution stores itself.
async fn stored(cluster: &Cluster, output: &Value) -> Vec<String> {
    let label = output["summary"]["databases"][0]["label"]
        .as_str()
        .expect("a label")
        .to_owned();
    cluster
        .rows(&format!(
            "SELECT CONCAT(p.table_name, '.', p.partition_name) FROM ops.backup_partitions p \
             JOIN ops.backup_history h ON h.plan_id = p.plan_id \
             WHERE h.label = '{label}' AND p.stored_in = '{label}'"
        ))
        .await
        .into_iter()
        .map(|row| row[0].clone())
        .collect()
}

/// What an incremental after `change` stores.
async fn stored_after(change: &str) -> Vec<String> {
    let cluster = shop().await;
    flow::full(&cluster, "nightly").await;
    cluster.sql(change).await;
    let output = flow::incremental(&cluster, "nightly").await;
    stored(&cluster, &output).await
}

const WHOLE: [&str; 4] = ["orders.p1", "orders.p2", "orders.p3", "orders.p4"];

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_seen_and_nothing_else() {
    for (change, expected) in [
        (
            "INSERT INTO sales.orders VALUES ('2026-01-02', 9)",
            &["orders.p2"][..],
        ),
        (
            "INSERT OVERWRITE sales.orders PARTITION(p3) SELECT * FROM sales.orders PARTITION(p3)",
            &["orders.p3"],
        ),
        ("TRUNCATE TABLE sales.orders PARTITION(p1)", &["orders.p1"]),
        ("ALTER TABLE sales.orders DROP PARTITION p4 FORCE", &[]),
        (
            "ALTER TABLE sales.orders ADD PARTITION p5 VALUES LESS THAN ('2026-01-06')",
            &["orders.p5"],
        ),
        ("ALTER TABLE sales.orders ADD COLUMN x INT NULL", &WHOLE),
        // SHOW CREATE TABLE is the same afterwards.
        (
            "ALTER TABLE sales.orders ADD COLUMN x INT NULL;\nALTER TABLE sales.orders DROP COLUMN x",
            &WHOLE,
        ),
        (
            "CREATE TABLE sales.other LIKE sales.orders;\nALTER TABLE sales.orders SWAP WITH other;\nDROP TABLE sales.other FORCE",
            &WHOLE,
        ),
        // The same definition and the same rows, in another table of the same name.
        (
            "DROP TABLE sales.orders FORCE;\nCREATE TABLE sales.orders LIKE sales.still;\nINSERT INTO sales.orders SELECT * FROM sales.still",
            &WHOLE,
        ),
        // Sizes change, content does not.
        ("ALTER TABLE sales.orders COMPACT", &[]),
        (
            "ALTER TABLE sales.orders BASE COMPACT (p1, p2);\nALTER TABLE sales.orders CUMULATIVE COMPACT p3",
            &[],
        ),
        (
            "ALTER TABLE sales.orders COMPACT p1;\nINSERT INTO sales.orders VALUES ('2026-01-02', 9)",
            &["orders.p2"],
        ),
        // A new day of a table that is in no group.
        (
            "CREATE TABLE elsewhere.days (k DATE NOT NULL, id INT NOT NULL) DUPLICATE KEY(k, id) \
             PARTITION BY date_trunc('day', k) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');\n\
             INSERT INTO elsewhere.days VALUES ('2026-01-09', 9)",
            &[],
        ),
    ] {
        assert_eq!(stored_after(change).await, expected, "{change}");
    }
}

/// The emulator's compaction is one that can be seen in what is read.
#[tokio::test(flavor = "multi_thread")]
async fn compaction_changes_what_partitions_show() {
    let cluster = shop().await;
    let sizes = "SELECT PARTITION_NAME, DATA_SIZE FROM information_schema.partitions_meta \
                 WHERE TABLE_NAME = 'orders'";
    let before = cluster.rows(sizes).await;
    cluster.sql("ALTER TABLE sales.orders COMPACT").await;
    assert_ne!(cluster.rows(sizes).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_changed_is_success_and_sends_no_backup() {
    let cluster = shop().await;
    flow::full(&cluster, "nightly").await;
    let output = flow::incremental(&cluster, "nightly").await;
    assert_eq!(
        output["summary"]["databases"][0]["status"],
        json!("FINISHED")
    );
    assert_eq!(stored(&cluster, &output).await, Vec::<String>::new());
    assert_eq!(cluster.rows("SHOW SNAPSHOT ON repo").await.len(), 1);
    // Such a label can be restored all the same.
    let before = cluster.rows("SELECT * FROM sales.orders").await;
    cluster.sql("TRUNCATE TABLE sales.orders").await;
    let restored = flow::restore(&cluster, json!({ "target_label": "sales_20260301_inc" }))
        .await
        .output();
    assert_eq!(restored["summary"]["state"], json!("PROMOTED"));
    assert_eq!(cluster.rows("SELECT * FROM sales.orders").await, before);
}

/// The Python tool compares with the time at which the full ended, and so loses this load.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_between_submit_and_end_of_a_full_is_in_the_next_incremental() {
    let cluster = shop().await;
    cluster.emulator.with_engine(|engine| {
        engine
            .jobs
            .faults
            .at_state(At::backup("sales", BackupState::Uploading), |engine| {
                engine
                    .execute_as_root(None, "INSERT INTO sales.orders VALUES ('2026-01-03', 33)")
                    .expect("the load");
            });
    });
    flow::full(&cluster, "nightly").await;
    let output = flow::incremental(&cluster, "nightly").await;
    assert_eq!(stored(&cluster, &output).await, ["orders.p3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_of_one_database_have_baselines_of_their_own() {
    let cluster = shop().await;
    cluster.group("a", &["sales.orders"]).await;
    cluster.group("b", &["sales.orders"]).await;
    flow::full(&cluster, "a").await;
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 22)")
        .await;
    flow::full(&cluster, "b").await;
    // Against b's full nothing changed; against a's own, p2 did.
    let output = flow::incremental(&cluster, "a").await;
    assert_eq!(stored(&cluster, &output).await, ["orders.p2"]);
    let error = flow::backup(
        &cluster,
        json!({ "group": "nightly", "kind": "incremental" }),
    )
    .await;
    let error = error.result.expect_err("nightly has no full").to_string();
    assert!(
        error.contains("no full backup of group 'nightly'"),
        "{error}"
    );
}

/// Comparing clocks loses or repeats changes east and west of Greenwich, and across the autumn hour.
#[tokio::test(flavor = "multi_thread")]
async fn zones_and_the_autumn_hour_change_nothing() {
    for zone in ["UTC", "Asia/Shanghai", "America/New_York"] {
        // 01:50 EDT; half an hour later it is 01:20 EST.
        let cluster = Cluster::start_at(Profile::V4_1, "2026-11-01T05:50:00Z", zone).await;
        fill(&cluster).await;
        flow::full(&cluster, "nightly").await;
        cluster.advance(30 * 60);
        cluster
            .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 22)")
            .await;
        let output = flow::incremental(&cluster, "nightly").await;
        assert_eq!(stored(&cluster, &output).await, ["orders.p2"], "{zone}");
        let before = cluster.rows("SELECT * FROM sales.orders").await;
        cluster.sql("TRUNCATE TABLE sales.orders").await;
        let label = output["summary"]["databases"][0]["label"].clone();
        flow::restore(&cluster, json!({ "target_label": label }))
            .await
            .output();
        assert_eq!(
            cluster.rows("SELECT * FROM sales.orders").await,
            before,
            "{zone}"
        );
    }
}
