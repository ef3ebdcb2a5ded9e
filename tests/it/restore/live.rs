//! Partitions that are put into a live table, while others work on it.

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow, meddle};

use super::{ORDERS, shop};

/// A label, and damage after it.
pub(super) async fn damaged(profile: Profile) -> Cluster {
    let cluster = shop(profile).await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-01', 9, 'late'), ('2026-01-02', 99, 'bad')")
        .await;
    cluster
}

pub(super) fn input(more: Value) -> Value {
    let mut input = json!({
        "target_label": "sales_20260301_full", "tables": ["orders"], "partitions": ["p2"],
    });
    for (key, value) in more.as_object().expect("an object") {
        input[key] = value.clone();
    }
    input
}

pub(super) async fn kept(cluster: &Cluster) -> Vec<Vec<String>> {
    let tables = cluster
        .rows("SHOW TABLES FROM sales LIKE 'orders_before%'")
        .await;
    let [table] = tables.as_slice() else {
        panic!("{tables:?}");
    };
    cluster
        .rows(&format!("SELECT id FROM sales.{}", table[0]))
        .await
}

const P1: &str = "SELECT id FROM sales.orders PARTITION (p1)";
pub(super) const P2: &str = "SELECT id FROM sales.orders PARTITION (p2)";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_loaded_after_it_was_kept_is_kept_again() {
    for profile in [Profile::V3_3, Profile::V4_1] {
        let cluster = damaged(profile).await;
        let load = meddle::once_before(
            &cluster,
            |sql| sql.contains("ADD TEMPORARY PARTITION"),
            "INSERT INTO sales.orders VALUES ('2026-01-02', 77, 'just now')",
        );
        flow::restore(&cluster, input(json!({}))).await.output();
        assert!(load.has_come_about());
        assert_eq!(cluster.rows(P2).await, [["2"]]);
        assert_eq!(kept(&cluster).await, [["2"], ["77"], ["99"]], "{profile:?}");
    }
}

/// Breaks off before the first partition is replaced, is loaded into, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_loaded_while_a_replacement_is_broken_off_is_kept_again() {
    for profile in [Profile::V3_3, Profile::V4_1] {
        let cluster = damaged(profile).await;
        let before = cluster.rows(ORDERS).await;
        meddle::refuse_once(&cluster, "REPLACE PARTITION");
        let error = flow::restore(&cluster, input(json!({ "partitions": ["p1", "p2"] })))
            .await
            .error();
        assert!(error.cause.contains("is full"), "{error:?}");
        assert_eq!(cluster.rows(ORDERS).await, before);
        cluster
            .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 77, 'between')")
            .await;
        let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
        let done = flow::restore(&cluster, json!({ "resume": id }))
            .await
            .output();
        assert_eq!(cluster.rows(P2).await, [["2"]]);
        assert_eq!(
            kept(&cluster).await,
            [["1"], ["2"], ["77"], ["9"], ["99"]],
            "{profile:?}"
        );
        flow::restore(&cluster, done["summary"]["next_input"].clone())
            .await
            .output();
        assert_eq!(cluster.rows(P2).await, [["2"], ["77"], ["99"]]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_never_rests_is_not_replaced() {
    let cluster = damaged(Profile::V3_5).await;
    let load = meddle::before(
        &cluster,
        |sql| sql.starts_with("SUBMIT") && sql.contains("_before_"),
        40,
        |engine| {
            meddle::run(
                engine,
                "INSERT INTO sales.orders VALUES ('2026-01-02', 77, 'again')",
            )
        },
    );
    let error = flow::restore(&cluster, input(json!({}))).await.error();
    assert!(load.has_come_about());
    assert!(error.cause.contains("changed 10 times"), "{error:?}");
    let rows = cluster.rows(P2).await;
    assert!(rows.contains(&vec!["99".to_owned()]), "it lives: {rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_verified_is_put_into_the_table_that_was_planned_with() {
    for (meddling, name, said) in [
        (
            "INSERT INTO sales.orders_restored VALUES ('2026-01-02', 5, 'x')",
            "VerificationFailed",
            "changed after it was verified",
        ),
        (
            "ALTER TABLE sales.orders ADD COLUMN x INT NULL",
            "RestoreFailed",
            "no longer the table that was planned with",
        ),
        (
            "DROP TABLE sales.orders FORCE;\nCREATE TABLE sales.orders LIKE sales.orders_restored",
            "RestoreFailed",
            "somebody replaced it",
        ),
        ("DROP TABLE sales.orders FORCE", "RestoreFailed", "gone"),
    ] {
        let cluster = damaged(Profile::V3_5).await;
        let held = flow::restore(&cluster, input(json!({ "swap": "manual" })))
            .await
            .output();
        cluster.sql(meddling).await;
        let live = match said {
            "gone" => Vec::new(),
            _ => cluster.rows(ORDERS).await,
        };
        let promote = held["summary"]["next_input"].clone();
        let error = flow::restore(&cluster, promote).await.error();
        assert_eq!(error.error, name, "{meddling}: {error:?}");
        assert!(error.cause.contains(said), "{meddling}: {error:?}");
        if said != "gone" {
            assert_eq!(cluster.rows(ORDERS).await, live, "{meddling}");
        }
    }
}

/// Between the check before the first name changes and the change itself.
#[tokio::test(flavor = "multi_thread")]
async fn staged_rows_that_change_while_it_is_promoted_do_not_become_live() {
    let cluster = damaged(Profile::V3_5).await;
    let load = meddle::once_before(
        &cluster,
        |sql| sql.contains("ADD TEMPORARY PARTITION"),
        "INSERT INTO sales.orders_restored VALUES ('2026-01-02', 5, 'x')",
    );
    let before = cluster.rows(ORDERS).await;
    let error = flow::restore(&cluster, input(json!({}))).await.error();
    assert!(load.has_come_about());
    assert_eq!(error.error, "VerificationFailed", "{error:?}");
    assert_eq!(cluster.rows(ORDERS).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_puts_back_what_was_kept() {
    let cluster = damaged(Profile::V3_5).await;
    let before = cluster.rows(ORDERS).await;
    let done = flow::restore(&cluster, input(json!({}))).await.output();
    assert_ne!(cluster.rows(ORDERS).await, before);
    // Other partitions go on: they are none of the undo's.
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-01', 10, 'live')")
        .await;
    let undone = flow::restore(&cluster, done["summary"]["next_input"].clone())
        .await
        .output();
    assert_eq!(undone["summary"]["state"], json!("UNDONE"));
    let mut expected = before;
    expected.push(["2026-01-01", "10", "live"].map(str::to_owned).into());
    expected.sort();
    assert_eq!(cluster.rows(ORDERS).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_does_not_throw_away_what_was_loaded_since() {
    let cluster = damaged(Profile::V3_5).await;
    let done = flow::restore(&cluster, input(json!({}))).await.output();
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 50, 'since')")
        .await;
    let error = flow::restore(&cluster, done["summary"]["next_input"].clone())
        .await
        .error();
    assert!(error.cause.contains("an undo would lose that"), "{error:?}");
    assert!(error.cause.contains("orders_before_"), "{error:?}");
    assert_eq!(cluster.rows(P2).await, [["2"], ["50"]]);
}

/// Breaks off between two partitions of one range, with and without a resume that begins to keep the
/// second one again.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_between_two_partitions_puts_back_the_one_that_was_replaced() {
    for resumed in [false, true] {
        let cluster = damaged(Profile::V3_5).await;
        meddle::refuse_once(&cluster, "REPLACE PARTITION (`p2`)");
        let error = flow::restore(&cluster, input(json!({ "partitions": ["p1", "p2"] })))
            .await
            .error();
        assert!(error.cause.contains("is full"), "{error:?}");
        assert_eq!(cluster.rows(P1).await, [["1"]]);
        cluster
            .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 77, 'between')")
            .await;
        let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
        if resumed {
            meddle::refuse_once(&cluster, "TRUNCATE TABLE `sales`.`orders_before_");
            let error = flow::restore(&cluster, json!({ "resume": id }))
                .await
                .error();
            assert!(error.cause.contains("is full"), "{error:?}");
        }
        let undone = flow::restore(&cluster, json!({ "undo": id }))
            .await
            .output();
        assert_eq!(undone["summary"]["state"], json!("UNDONE"));
        assert_eq!(cluster.rows(P1).await, [["1"], ["9"]], "{resumed}");
        assert_eq!(cluster.rows(P2).await, [["2"], ["77"], ["99"]], "{resumed}");
    }
}

/// The live table lacks p2 when the restore is planned, and somebody else makes it.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_leaves_a_partition_that_the_restore_did_not_add() {
    for refused in [
        "REPLACE PARTITION (`p1`)",
        "`sales`.`orders` ADD PARTITION IF NOT EXISTS `p2`",
        "REPLACE PARTITION (`p2`)",
    ] {
        for rows in [0, 1] {
            let cluster = damaged(Profile::V3_5).await;
            cluster
                .sql("ALTER TABLE sales.orders DROP PARTITION p2 FORCE")
                .await;
            let wanted = json!({ "partitions": ["p1", "p2"], "swap": "manual" });
            let held = flow::restore(&cluster, input(wanted)).await.output();
            let add = "ALTER TABLE sales.orders ADD PARTITION p2 VALUES LESS THAN ('2026-01-03')";
            let added_early = refused.contains("REPLACE PARTITION (`p2`)");
            if added_early {
                cluster.sql(add).await;
            }
            meddle::refuse_once(&cluster, refused);
            let error = flow::restore(&cluster, held["summary"]["next_input"].clone())
                .await
                .error();
            assert!(error.cause.contains("is full"), "{error:?}");
            if !added_early {
                cluster.sql(add).await;
            }
            if rows > 0 {
                cluster
                    .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 55, 'mine')")
                    .await;
            }
            let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
            let undone = flow::restore(&cluster, json!({ "undo": id }))
                .await
                .output();
            assert_eq!(undone["summary"]["state"], json!("UNDONE"));
            assert_eq!(cluster.rows(P1).await, [["1"], ["9"]], "{refused}");
            assert_eq!(cluster.rows(P2).await.len(), rows, "{refused}");
        }
    }
}

async fn automatic(profile: Profile) -> (Cluster, Value) {
    let cluster = Cluster::start(profile).await;
    cluster
        .sql(
            "CREATE DATABASE sales;
             CREATE TABLE sales.events (d DATETIME NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
             PARTITION BY date_trunc('day', d) DISTRIBUTED BY HASH(id) BUCKETS 1 \
             PROPERTIES('replication_num'='1');
             INSERT INTO sales.events VALUES ('2026-01-01 10:00:00', 1), ('2026-01-02 10:00:00', 2)",
        )
        .await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    cluster
        .sql(
            "INSERT INTO sales.events VALUES ('2026-01-01 10:00:00', 91), ('2026-01-02 10:00:00', 92)",
        )
        .await;
    let input = json!({
        "target_label": "sales_20260301_full", "tables": ["events"],
        "partitions": ["p20260101", "p20260102"],
    });
    (cluster, input)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automatic_partition_is_kept_again_and_put_back() {
    for profile in [Profile::V3_5, Profile::V4_1] {
        let (cluster, input) = automatic(profile).await;
        // Right when it was copied aside and that is written down.
        let mut copied = false;
        let load = meddle::once_before(
            &cluster,
            move |sql| {
                copied |= sql.starts_with("SUBMIT") && sql.contains("_before_");
                copied && sql.starts_with("UPDATE `ops`.`restore_steps`") && sql.contains("'DONE'")
            },
            "INSERT INTO sales.events VALUES ('2026-01-01 11:00:00', 71)",
        );
        let done = flow::restore(&cluster, input).await.output();
        assert!(load.has_come_about());
        let live = "SELECT id FROM sales.events";
        assert_eq!(cluster.rows(live).await, [["1"], ["2"]], "{profile:?}");
        flow::restore(&cluster, done["summary"]["next_input"].clone())
            .await
            .output();
        assert_eq!(
            cluster.rows(live).await,
            [["1"], ["2"], ["71"], ["91"], ["92"]],
            "{profile:?}"
        );
    }
}

/// As many rows as were restored, of which one is not what was restored.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_does_not_throw_away_an_upsert_right_after_an_overwrite() {
    let cluster = Cluster::start(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE DATABASE sales;
             CREATE TABLE sales.events (d DATETIME NOT NULL, id INT NOT NULL, v STRING) PRIMARY KEY(d, id) \
             PARTITION BY date_trunc('day', d) DISTRIBUTED BY HASH(id) BUCKETS 1 \
             PROPERTIES('replication_num'='1');
             INSERT INTO sales.events VALUES ('2026-01-01 10:00:00', 1, 'backed up')",
        )
        .await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    cluster
        .sql("INSERT INTO sales.events VALUES ('2026-01-01 10:00:00', 91, 'late')")
        .await;
    let mut overwritten = false;
    let upsert = meddle::once_before(
        &cluster,
        move |sql| {
            let before = overwritten;
            overwritten |= sql.starts_with("SUBMIT") && sql.contains("INSERT OVERWRITE");
            before && sql.contains("task_runs")
        },
        "INSERT INTO sales.events VALUES ('2026-01-01 10:00:00', 1, 'upserted')",
    );
    let input = json!({
        "target_label": "sales_20260301_full", "tables": ["events"], "partitions": ["p20260101"],
    });
    let done = flow::restore(&cluster, input).await.output();
    assert!(upsert.has_come_about());
    let live = "SELECT id, v FROM sales.events";
    assert_eq!(cluster.rows(live).await, [["1", "upserted"]]);
    let error = flow::restore(&cluster, done["summary"]["next_input"].clone())
        .await
        .error();
    assert!(error.cause.contains("an undo would lose that"), "{error:?}");
    assert_eq!(cluster.rows(live).await, [["1", "upserted"]]);
}

/// Two tables, of which one is swapped in when the restore breaks off: an undo takes back that one and
/// leaves the other alone.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_of_half_a_promotion_does_not_promote_the_rest() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql("CREATE TABLE sales.people LIKE sales.orders;\nINSERT INTO sales.people VALUES ('2026-01-01', 1, 'a')")
        .await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    cluster
        .sql("TRUNCATE TABLE sales.people;\nTRUNCATE TABLE sales.orders")
        .await;
    meddle::refuse_once(&cluster, "`people` SWAP WITH");
    let error = flow::restore(&cluster, json!({ "target_label": "sales_20260301_full" }))
        .await
        .error();
    assert!(error.cause.contains("is full"), "{error:?}");
    let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
    let undone = flow::restore(&cluster, json!({ "undo": id }))
        .await
        .output();
    assert_eq!(undone["summary"]["state"], json!("UNDONE"));
    for table in ["orders", "people"] {
        let count = cluster
            .one(&format!("SELECT COUNT(*) FROM sales.{table}"))
            .await;
        assert_eq!(count, "0", "{table}");
    }
    let names = cluster.rows("SHOW TABLES FROM sales").await;
    let has = |start: &str| names.iter().any(|name| name[0].starts_with(start));
    assert!(has("orders_undone_"), "{names:?}");
    assert!(
        has("people_restored") && !has("people_undone_"),
        "{names:?}"
    );
}
