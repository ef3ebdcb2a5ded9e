//! The main job through mysql_async: create, load, query, back up, restore.

use jiff::SignedDuration;
use mysql_async::{Conn, Row, Value, prelude::Queryable};
use starrocks_emulator::faults::{Fault, When};

use crate::support::{Cluster, cluster, run, server_error};

const CREATE: &str =
    "CREATE TABLE d.t (k INT NOT NULL, at DATETIME, v VARCHAR(20), n DECIMAL(18, 2))
    PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2";

async fn with_table() -> (Cluster, Conn) {
    let cluster = cluster();
    let mut conn = cluster.connect().await;
    for sql in [
        "CREATE DATABASE d",
        CREATE,
        "CREATE REPOSITORY r WITH BROKER ON LOCATION 's3://backups/x'",
        "INSERT INTO d.t VALUES (1, '2026-01-02 03:04:05', 'one', 1.5), (2, NULL, 'it''s', NULL)",
    ] {
        conn.query_drop(sql).await.unwrap();
    }
    (cluster, conn)
}

async fn cell(conn: &mut Conn, sql: &str, column: &str) -> String {
    let row: Option<Row> = conn.query_first(sql).await.unwrap();
    row.unwrap().get(column).unwrap()
}

/// Moves the clock until the job's state is this.
async fn until(cluster: &Cluster, conn: &mut Conn, sql: &str, state: &str) {
    for _ in 0..20 {
        if cell(conn, sql, "State").await == state {
            return;
        }
        cluster.emulator.advance(SignedDuration::from_secs(3));
    }
    panic!("{sql} never says {state}");
}

#[test]
fn rows_come_back_by_a_restore_under_another_name() {
    run(async {
        let (cluster, mut conn) = with_table().await;
        conn.query_drop("BACKUP SNAPSHOT d.l TO r ON (t)")
            .await
            .unwrap();
        until(&cluster, &mut conn, "SHOW BACKUP FROM d", "SNAPSHOTING").await;
        // Past the pin: not in the snapshot.
        conn.query_drop("INSERT INTO d.t VALUES (1, NULL, 'changed', 0), (3, NULL, 'late', 0)")
            .await
            .unwrap();
        until(&cluster, &mut conn, "SHOW BACKUP FROM d", "FINISHED").await;
        let snapshot = "SHOW SNAPSHOT ON r WHERE SNAPSHOT = 'l'";
        let stamp = cell(&mut conn, snapshot, "Timestamp").await;
        conn.query_drop(format!(
            "RESTORE SNAPSHOT d.l FROM r ON (t AS t2) PROPERTIES ('backup_timestamp' = '{stamp}')"
        ))
        .await
        .unwrap();
        until(&cluster, &mut conn, "SHOW RESTORE FROM d", "FINISHED").await;
        let rows: Vec<(i32, Option<String>, String, Option<String>)> = conn
            .query("SELECT k, CAST(at AS VARCHAR), v, CAST(n AS VARCHAR) FROM d.t2 ORDER BY k")
            .await
            .unwrap();
        assert_eq!(
            rows,
            [
                (
                    1,
                    Some("2026-01-02 03:04:05".into()),
                    "one".into(),
                    Some("1.50".into())
                ),
                (2, None, "it's".into(), None),
            ]
        );
    });
}

#[test]
fn a_prepared_select_gives_typed_values() {
    run(async {
        let (_cluster, mut conn) = with_table().await;
        let row: Row = conn
            .exec_first(
                "SELECT k, at, v, n, ? FROM d.t WHERE v = ? AND k >= ?",
                (None::<i32>, "one", 1),
            )
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            row.unwrap(),
            [
                Value::Int(1),
                Value::Date(2026, 1, 2, 3, 4, 5, 0),
                Value::Bytes(b"one".to_vec()),
                Value::Bytes(b"1.50".to_vec()),
                Value::NULL,
            ]
        );
        // The same statement again, with a quote in its value.
        let keys: Vec<i32> = conn
            .exec("SELECT k FROM d.t WHERE v = ?", ("it's",))
            .await
            .unwrap();
        assert_eq!(keys, [2]);
        let (code, message) =
            server_error(conn.exec_drop("INSERT INTO d.t (k) VALUES (?)", (1,)).await);
        assert_eq!(code, 1295);
        assert_eq!(
            message,
            "This command is not supported in the prepared statement protocol yet"
        );
    });
}

#[test]
fn a_backup_whose_answer_is_lost_runs_all_the_same() {
    run(async {
        let (cluster, mut conn) = with_table().await;
        let faults = cluster.emulator.faults();
        faults.once(When::Contains("BACKUP SNAPSHOT".into()), Fault::DropAfter);
        conn.query_drop("BACKUP SNAPSHOT d.l TO r ON (t)")
            .await
            .unwrap_err();
        let mut conn = cluster.connect().await;
        let (code, message) =
            server_error(conn.query_drop("BACKUP SNAPSHOT d.l2 TO r ON (t)").await);
        assert_eq!(code, 5064);
        assert_eq!(
            message,
            "Can only run one backup or restore job of a database at same time"
        );
        until(&cluster, &mut conn, "SHOW BACKUP FROM d", "FINISHED").await;
        assert_eq!(
            cell(&mut conn, "SHOW BACKUP FROM d", "SnapshotName").await,
            "l"
        );
    });
}

#[test]
fn a_restart_pins_a_backup_anew() {
    run(async {
        let (cluster, mut conn) = with_table().await;
        conn.query_drop("BACKUP SNAPSHOT d.l TO r ON (t)")
            .await
            .unwrap();
        until(&cluster, &mut conn, "SHOW BACKUP FROM d", "SNAPSHOTING").await;
        cluster.emulator.restart_frontend();
        let mut conn = cluster.connect().await;
        assert_eq!(
            cell(&mut conn, "SHOW BACKUP FROM d", "State").await,
            "PENDING"
        );
        until(&cluster, &mut conn, "SHOW BACKUP FROM d", "FINISHED").await;
    });
}

#[test]
fn loads_have_their_label_in_the_answer_and_count_their_rows() {
    run(async {
        let (_cluster, mut conn) = with_table().await;
        let values: Vec<String> = (10..10_010)
            .map(|key| format!("({key}, NULL, 'v', 0.1)"))
            .collect();
        let sql = format!("INSERT INTO d.t WITH LABEL l1 VALUES {}", values.join(","));
        conn.query_drop(&sql).await.unwrap();
        assert_eq!(conn.affected_rows(), 10_000);
        assert!(
            conn.info().contains("'label':'l1', 'status':'VISIBLE'"),
            "{}",
            conn.info()
        );
        let (code, message) = server_error(conn.query_drop(&sql).await);
        assert_eq!(code, 1064);
        assert!(
            message.contains("Label [l1] has already been used"),
            "{message}"
        );
        let count: Option<i64> = conn.query_first("SELECT COUNT(*) FROM d.t").await.unwrap();
        assert_eq!(count, Some(10_002));
    });
}
