use mysql_async::{Row, prelude::Queryable};

use crate::support::{cluster_with, run, server_error};

#[test]
fn disks_liveness_and_versions_are_shown_as_they_were_set() {
    run(async {
        let cluster = cluster_with(|options| options.backends = 2);
        let mut conn = cluster.connect().await;
        cluster.emulator.with_engine(|engine| {
            let backend = &mut engine.nodes.backends[1];
            backend.alive = false;
            backend.version = "3.4.9".to_owned();
            backend.disks[0].total = 100 << 30;
            backend.disks[0].available = 5 << 30;
        });
        let rows: Vec<Row> = conn.query("SHOW BACKENDS").await.unwrap();
        let texts = |row: &Row| -> Vec<String> {
            [
                "Alive",
                "Version",
                "AvailCapacity",
                "TotalCapacity",
                "UsedPct",
                "MaxDiskUsedPct",
            ]
            .iter()
            .map(|name| row.get(*name).unwrap())
            .collect()
        };
        let dead = [
            "false",
            "3.4.9",
            "5.000 GB",
            "100.000 GB",
            "95.00 %",
            "95.00 %",
        ];
        assert_eq!(texts(&rows[1]), dead);
        assert_eq!(texts(&rows[0])[0], "true");

        // Two replicas need two live backends.
        conn.query_drop("CREATE DATABASE d").await.unwrap();
        let sql = r#"CREATE TABLE d.t (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1
            PROPERTIES ("replication_num" = "2")"#;
        let (_, message) = server_error(conn.query_drop(sql).await);
        assert!(
            message.contains("Current alive backend is [10001]"),
            "{message}"
        );
        cluster
            .emulator
            .with_engine(|engine| engine.nodes.backends[1].alive = true);
        conn.query_drop(sql).await.unwrap();
    });
}

#[test]
fn configuration_is_shown_and_set() {
    run(async {
        let cluster = cluster_with(|options| options.default_replication_num = 3);
        let mut conn = cluster.connect().await;
        let show = "ADMIN SHOW FRONTEND CONFIG LIKE 'default_replication_num'";
        let row: Option<Row> = conn.query_first(show).await.unwrap();
        assert_eq!(row.unwrap().get::<String, _>("Value").unwrap(), "3");
        conn.query_drop("CREATE DATABASE d").await.unwrap();
        let sql = "CREATE TABLE d.t (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1";
        assert_eq!(server_error(conn.query_drop(sql).await).0, 1064);
        conn.query_drop(r#"ADMIN SET FRONTEND CONFIG ("default_replication_num" = "1")"#)
            .await
            .unwrap();
        conn.query_drop(sql).await.unwrap();
        let refused = conn
            .query_drop(r#"ADMIN SET FRONTEND CONFIG ("run_mode" = "shared_data")"#)
            .await;
        assert_eq!(
            server_error(refused).1,
            "Config 'run_mode' does not exist or is not mutable"
        );
    });
}
