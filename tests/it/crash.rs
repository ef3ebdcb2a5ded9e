//! A crash between any two statements of any function ends in the same place as no crash.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow, kill::Kill};

async fn shop() -> Cluster {
    let cluster = Cluster::start(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE DATABASE sales;
             CREATE TABLE sales.orders (k DATE NOT NULL, id INT NOT NULL) DUPLICATE KEY(k, id) \
             PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             INSERT INTO sales.orders VALUES ('2026-01-01', 1), ('2026-01-02', 2)",
        )
        .await;
    cluster.group("nightly", &["sales.*"]).await;
    cluster
}

/// What is left when everything has ended, without what names the attempt.
#[derive(Debug, PartialEq, Eq)]
struct EndState {
    finished: Vec<Vec<String>>,
    manifest: BTreeSet<Vec<String>>,
    open: Vec<Vec<String>>,
    held: Vec<Vec<String>>,
}

async fn end_state(cluster: &Cluster) -> EndState {
    let finished = cluster
        .rows(
            "SELECT backup_type, status, cut, partitions_total, partitions_stored, \
             snapshot_timestamp IS NOT NULL FROM ops.backup_history WHERE status = 'FINISHED'",
        )
        .await;
    let manifest = cluster
        .rows(
            "SELECT h.backup_type, p.table_name, p.partition_name, p.stored_in = h.label \
             FROM ops.backup_partitions p JOIN ops.backup_history h ON h.plan_id = p.plan_id \
             WHERE h.status = 'FINISHED'",
        )
        .await;
    EndState {
        finished,
        manifest: manifest.into_iter().collect(),
        open: cluster
            .rows(
                "SELECT label, phase FROM ops.run_status WHERE scope <> 'lease' \
                 AND phase NOT IN ('RECORDED', 'ABANDONED')",
            )
            .await,
        held: cluster
            .rows(
                "SELECT label FROM ops.run_status r WHERE scope = 'lease' \
                 AND expires_at > UTC_TIMESTAMP() AND generation = (SELECT MAX(generation) \
                 FROM ops.run_status WHERE scope = 'lease')",
            )
            .await,
    }
}

/// Of the newest labels. A function that is called again counts again.
async fn rows_counted(cluster: &Cluster) -> Vec<Vec<String>> {
    let query = "SELECT rows_total FROM ops.backup_history WHERE status = 'FINISHED'";
    cluster.rows(query).await
}

/// Snapshots in the repository, complete or not: one BACKUP was sent for each.
async fn snapshots(cluster: &Cluster) -> usize {
    cluster.rows("SHOW SNAPSHOT ON repo").await.len()
}

fn input(kind: &str) -> Value {
    json!({ "group": "nightly", "kind": kind })
}

/// Every statement that an undisturbed run sends.
async fn statements(cluster: &Cluster, kind: &str) -> u64 {
    cluster.emulator.faults().reset_journal();
    flow::backup(cluster, input(kind)).await.output();
    cluster.emulator.faults().journal().len() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_killed_at_any_statement_of_a_full_is_called_again_and_ends_alike() {
    let undisturbed = shop().await;
    let count = statements(&undisturbed, "full").await;
    let expected = end_state(&undisturbed).await;
    for statement in 1..=count {
        for executed in [false, true] {
            let cluster = shop().await;
            let kill = Kill {
                statement,
                executed,
            };
            let (ended, fired) = flow::backup_with_kill(&cluster, input("full"), kill).await;
            assert!(fired, "{kill:?}");
            assert!(ended.result.is_ok(), "{kill:?}: {:?}", ended.result);
            assert_eq!(end_state(&cluster).await, expected, "{kill:?}");
            assert_eq!(rows_counted(&cluster).await, [["2"]], "{kill:?}");
            assert_eq!(
                snapshots(&cluster).await,
                1,
                "{kill:?}: a second BACKUP was sent"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_statement_is_adopted_by_the_next_run() {
    let undisturbed = shop().await;
    let count = statements(&undisturbed, "full").await;
    let expected = end_state(&undisturbed).await;
    for statement in 1..=count {
        for executed in [false, true] {
            let cluster = shop().await;
            let kill = Kill {
                statement,
                executed,
            };
            assert!(
                flow::backup_until_killed(&cluster, input("full"), kill).await,
                "{kill:?}"
            );
            // The job goes on without us; the lease runs out.
            cluster.advance(21 * 60);
            let ended = flow::backup(&cluster, input("full")).await;
            assert!(ended.result.is_ok(), "{kill:?}: {:?}", ended.result);
            let state = end_state(&cluster).await;
            // Killed after history was written: the next run is another backup, as it should be.
            if state.finished.len() == 1 {
                assert_eq!(state, expected, "{kill:?}");
                assert_eq!(
                    snapshots(&cluster).await,
                    1,
                    "{kill:?}: a second BACKUP was sent"
                );
            } else {
                assert_eq!(state.finished.len(), 2, "{kill:?}");
                assert!(statement > count / 2, "{kill:?}: done twice");
            }
        }
    }
}

/// A full, a change, an incremental, and damage: what a restore of the incremental has to lay over.
async fn damaged() -> (Cluster, Vec<Vec<String>>) {
    let cluster = shop().await;
    cluster
        .sql(
            "ALTER TABLE sales.orders ADD PARTITION p3 VALUES LESS THAN ('2026-01-04');
             ALTER TABLE sales.orders ADD PARTITION p4 VALUES LESS THAN ('2026-01-05');
             INSERT INTO sales.orders VALUES ('2026-01-03', 3), ('2026-01-04', 4)",
        )
        .await;
    flow::backup(&cluster, input("full")).await.output();
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 22)")
        .await;
    flow::backup(&cluster, input("incremental")).await.output();
    let rows = cluster.rows(ORDERS).await;
    cluster.sql("TRUNCATE TABLE sales.orders").await;
    (cluster, rows)
}

const ORDERS: &str = "SELECT k, id FROM sales.orders";

fn target() -> Value {
    json!({ "target_label": "sales_20260301_inc" })
}

/// Every name that is left, without the stamp.
async fn tables(cluster: &Cluster) -> Vec<String> {
    let rows = cluster.rows("SHOW TABLES FROM sales").await;
    rows.into_iter()
        .map(|row| {
            row[0]
                .split("_before_")
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_killed_during_a_restore_is_called_again_and_ends_alike() {
    /// Runs are alike in long stretches, such as one verified table after the other.
    const STRIDE: usize = 5;
    let (undisturbed, rows) = damaged().await;
    undisturbed.emulator.faults().reset_journal();
    flow::restore(&undisturbed, target()).await.output();
    let count = undisturbed.emulator.faults().journal().len() as u64;
    assert_eq!(undisturbed.rows(ORDERS).await, rows);
    let expected = tables(&undisturbed).await;
    for statement in (1..=count).step_by(STRIDE) {
        for executed in [false, true] {
            let (cluster, rows) = damaged().await;
            let kill = Kill {
                statement,
                executed,
            };
            let (ended, fired) = flow::restore_with_kill(&cluster, target(), kill).await;
            assert!(fired, "{kill:?}");
            assert!(ended.result.is_ok(), "{kill:?}: {:?}", ended.result);
            assert_eq!(cluster.rows(ORDERS).await, rows, "{kill:?}");
            assert_eq!(tables(&cluster).await, expected, "{kill:?}");
            assert_eq!(
                end_state(&cluster).await.held,
                Vec::<Vec<String>>::new(),
                "{kill:?}"
            );
        }
    }
}

/// Partitions of a live table, replaced by temporary ones and by INSERT OVERWRITE. What they held is kept
/// whole, whatever dies: a second copy of what was replaced already would be a copy of the restore.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_killed_while_it_puts_partitions_into_a_live_table_loses_nothing() {
    const STRIDE: usize = 23;
    let damaged = async || {
        let (cluster, _) = damaged().await;
        cluster
            .sql(
                "CREATE TABLE sales.events (d DATETIME NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
                 PARTITION BY date_trunc('day', d) DISTRIBUTED BY HASH(id) BUCKETS 1 \
                 PROPERTIES('replication_num'='1');
                 INSERT INTO sales.events VALUES ('2026-01-01 10:00:00', 1), ('2026-01-02 10:00:00', 2)",
            )
            .await;
        cluster.advance(86_400);
        flow::backup(&cluster, input("full")).await.output();
        cluster
            .sql("INSERT INTO sales.events VALUES ('2026-01-01 11:00:00', 91), ('2026-01-02 11:00:00', 92);\n\
                 INSERT INTO sales.orders VALUES ('2026-01-01', 93), ('2026-01-02', 94)")
            .await;
        cluster
    };
    for (table, partitions, label) in [
        ("orders", ["p1", "p2"], "sales_20260301_inc"),
        ("events", ["p20260101", "p20260102"], "sales_20260302_full"),
    ] {
        let target = json!({
            "target_label": label, "tables": [table], "partitions": partitions,
        });
        let ids = async |cluster: &Cluster, name: &str| {
            cluster.rows(&format!("SELECT id FROM sales.{name}")).await
        };
        let kept = async |cluster: &Cluster| {
            let like = format!("SHOW TABLES FROM sales LIKE '{table}_before_%'");
            let name = cluster.one(&like).await;
            ids(cluster, &name).await
        };
        let undisturbed = damaged().await;
        let before = ids(&undisturbed, table).await;
        undisturbed.emulator.faults().reset_journal();
        flow::restore(&undisturbed, target.clone()).await.output();
        let journal = undisturbed.emulator.faults().journal();
        let count = journal.len() as u64;
        let first = journal
            .iter()
            .find(|entry| entry.sql.contains("'PROMOTING'"))
            .expect("a promotion")
            .number;
        let (live, aside) = (ids(&undisturbed, table).await, kept(&undisturbed).await);
        assert_ne!(live, before);
        for statement in (first..=count).step_by(STRIDE) {
            for executed in [false, true] {
                let cluster = damaged().await;
                let kill = Kill {
                    statement,
                    executed,
                };
                let (ended, fired) = flow::restore_with_kill(&cluster, target.clone(), kill).await;
                assert!(fired, "{kill:?}");
                let output = ended.output();
                assert_eq!(ids(&cluster, table).await, live, "{table} {kill:?}");
                assert_eq!(kept(&cluster).await, aside, "{table} {kill:?}");
                let undo = output["summary"]["next_input"].clone();
                flow::restore(&cluster, undo).await.output();
                assert_eq!(ids(&cluster, table).await, before, "{table} {kill:?}");
            }
        }
    }
}

/// The one statement that undoes itself when it is sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_swap_whose_answer_was_lost_is_not_sent_again() {
    let (undisturbed, _) = damaged().await;
    undisturbed.emulator.faults().reset_journal();
    flow::restore(&undisturbed, target()).await.output();
    let journal = undisturbed.emulator.faults().journal();
    let swap = journal
        .iter()
        .find(|entry| entry.sql.contains("SWAP WITH"))
        .expect("a swap");
    for after in 0..3 {
        let (cluster, rows) = damaged().await;
        let kill = Kill {
            statement: swap.number + after,
            executed: after == 0,
        };
        let (ended, fired) = flow::restore_with_kill(&cluster, target(), kill).await;
        assert!(
            fired && ended.result.is_ok(),
            "{kill:?}: {:?}",
            ended.result
        );
        assert_eq!(cluster.rows(ORDERS).await, rows, "{kill:?}");
        let swaps = cluster.emulator.faults().journal();
        let swaps = swaps
            .iter()
            .filter(|entry| entry.sql.contains("SWAP WITH"))
            .count();
        assert_eq!(swaps, 1, "{kill:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_killed_at_any_statement_ends_alike() {
    const STRIDE: usize = 3;
    let changed = async || {
        let cluster = shop().await;
        flow::backup(&cluster, input("full")).await.output();
        cluster
            .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 22)")
            .await;
        cluster
    };
    let undisturbed = changed().await;
    let count = statements(&undisturbed, "incremental").await;
    let expected = end_state(&undisturbed).await;
    for statement in (1..=count).step_by(STRIDE) {
        for executed in [false, true] {
            let cluster = changed().await;
            let kill = Kill {
                statement,
                executed,
            };
            let (ended, fired) = flow::backup_with_kill(&cluster, input("incremental"), kill).await;
            assert!(fired, "{kill:?}");
            assert!(ended.result.is_ok(), "{kill:?}: {:?}", ended.result);
            assert_eq!(end_state(&cluster).await, expected, "{kill:?}");
            assert_eq!(snapshots(&cluster).await, 2, "{kill:?}");
        }
    }
}
