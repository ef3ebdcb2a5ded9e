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
