use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use starrocks_emulator::{
    control,
    faults::{Fault, When},
    reply::SqlError,
};

use crate::support::{cluster, cluster_with, first_column, run, server_error};

#[test]
fn a_refused_statement_is_not_executed() {
    run(async {
        let cluster = cluster();
        let mut conn = cluster.connect().await;
        let error = SqlError::new(5064, "42000", "no");
        cluster.emulator.faults().once(
            When::Contains("CREATE DATABASE".into()),
            Fault::Refuse(error),
        );
        let refused = server_error(conn.query_drop("CREATE DATABASE d").await);
        assert_eq!(refused, (5064, "no".to_owned()));
        assert!(
            !first_column(&mut conn, "SHOW DATABASES")
                .await
                .contains(&"d".into())
        );
        // Once means once, and the connection lives on.
        conn.query_drop("CREATE DATABASE d").await.unwrap();
        assert_eq!(cluster.emulator.faults().pending(), Vec::<String>::new());
    });
}

#[test]
fn a_connection_can_be_dropped_before_and_after_executing() {
    run(async {
        let cluster = cluster();
        let faults = cluster.emulator.faults();
        for (name, fault, executed) in [
            ("before", Fault::DropBefore, false),
            ("after", Fault::DropAfter, true),
        ] {
            faults.once(When::Contains(name.into()), fault);
            let mut conn = cluster.connect().await;
            let sql = format!("CREATE DATABASE `{name}`");
            let error = conn.query_drop(sql).await.unwrap_err();
            assert!(!matches!(error, mysql_async::Error::Server(_)), "{error}");
            let mut conn = cluster.connect().await;
            let databases = first_column(&mut conn, "SHOW DATABASES").await;
            assert_eq!(databases.contains(&name.to_owned()), executed, "{name}");
        }
    });
}

#[test]
fn statements_can_be_chosen_by_number_and_read_in_the_journal() {
    run(async {
        let cluster = cluster();
        let faults = cluster.emulator.faults();
        let mut conn = cluster.connect().await;
        faults.reset_journal();
        faults.once(When::Number(2), Fault::Refuse(SqlError::plain("second")));
        conn.query_drop("SHOW STATUS").await.unwrap();
        assert_eq!(
            server_error(conn.query_drop("SHOW WARNINGS").await).1,
            "second"
        );
        conn.query_drop("SHOW WARNINGS").await.unwrap();
        let journal = faults.journal();
        let texts: Vec<&str> = journal.iter().map(|entry| entry.sql.as_str()).collect();
        assert_eq!(texts, ["SHOW STATUS", "SHOW WARNINGS", "SHOW WARNINGS"]);
        assert_eq!(journal[2].number, 3);
        assert_eq!(journal[2].user, "root");
    });
}

#[test]
fn a_delay_holds_one_session_only() {
    run(async {
        let cluster = cluster();
        let mut slow = cluster.connect().await;
        let mut other = cluster.connect().await;
        let delay = Duration::from_millis(700);
        cluster
            .emulator
            .faults()
            .once(When::Contains("WARNINGS".into()), Fault::Delay(delay));
        let started = Instant::now();
        let slow = tokio::spawn(async move { slow.query_drop("SHOW WARNINGS").await });
        other.query_drop("SHOW STATUS").await.unwrap();
        assert!(started.elapsed() < delay);
        slow.await.unwrap().unwrap();
        assert!(started.elapsed() >= delay);
    });
}

#[test]
fn a_restart_ends_sessions_and_a_frontend_can_be_away() {
    run(async {
        let cluster = cluster();
        let mut conn = cluster.connect().await;
        cluster.emulator.restart_frontend();
        assert!(conn.ping().await.is_err());
        cluster.emulator.faults().refuse_connections(true);
        assert!(cluster.connect_with(cluster.opts()).await.is_err());
        cluster.emulator.faults().refuse_connections(false);
        cluster.connect().await.ping().await.unwrap();
    });
}

#[test]
fn the_follower_becomes_the_leader() {
    run(async {
        let cluster = cluster_with(|options| options.follower = true);
        let follower = cluster.emulator.follower_addr().unwrap();
        let on_follower = cluster.opts().tcp_port(follower.port());
        let mut leader = cluster.connect().await;
        let mut follower = cluster.connect_with(on_follower).await.unwrap();
        let roles = |rows: Vec<mysql_async::Row>| -> Vec<String> {
            rows.iter().map(|row| row.get("Role").unwrap()).collect()
        };
        let before = roles(leader.query("SHOW FRONTENDS").await.unwrap());
        assert_eq!(before, ["LEADER", "FOLLOWER"]);
        // A follower forwards what changes things.
        follower.query_drop("CREATE DATABASE d").await.unwrap();
        assert!(
            first_column(&mut leader, "SHOW DATABASES")
                .await
                .contains(&"d".into())
        );

        cluster.emulator.change_leader().unwrap();
        assert!(leader.ping().await.is_err());
        let after = roles(follower.query("SHOW FRONTENDS").await.unwrap());
        assert_eq!(after, ["FOLLOWER", "LEADER"]);
    });
}

/// As a test in another process sets faults: the answer to each line, and what it does to a client.
#[test]
fn a_stand_alone_emulator_takes_commands() {
    run(async {
        let cluster = cluster();
        let command = |line: &str| control::answer(&cluster.emulator, line);
        let done = r#"{"ok":null}"#;
        let refuse =
            r#"{"do": "refuse", "contains": "SHOW WARNINGS", "message": "not now", "times": 1}"#;
        assert_eq!(command(refuse), done);
        assert!(command(r#"{"do": "pending"}"#).contains("not now"));
        let mut conn = cluster.connect().await;
        let refused = server_error(conn.query_drop("SHOW WARNINGS").await);
        assert_eq!(refused.1, "not now");
        assert_eq!(command(r#"{"do": "pending"}"#), r#"{"ok":[]}"#);
        assert!(command(r#"{"do": "journal"}"#).contains("SHOW WARNINGS"));

        // As `refuse`, these are the faults that tests of this process set: here it counts that they are.
        for (way, executed) in [("drop_before", 0), ("drop_after", 1), ("drop_in_answer", 2)] {
            let line = format!(r#"{{"do": "{way}", "contains": "CREATE DATABASE", "times": 1}}"#);
            assert_eq!(command(&line), done);
            let create = format!("CREATE DATABASE by_{way}");
            assert!(conn.query_drop(create).await.is_err(), "{way}");
            conn = cluster.connect().await;
            let made: Vec<String> = conn.query("SHOW DATABASES LIKE 'by_%'").await.unwrap();
            assert_eq!(made.len(), executed, "{way}: {made:?}");
        }
        for line in [
            r#"{"do": "fail_tasks", "job": "backup", "database": "d", "state": "UPLOADING", "message": "m"}"#,
            r#"{"do": "heal_tasks", "job": "backup", "database": "d", "state": "UPLOADING"}"#,
            r#"{"do": "restart_frontend"}"#,
        ] {
            assert_eq!(command(line), done);
        }
        assert!(
            conn.query_drop("SHOW WARNINGS").await.is_err(),
            "sessions end with a restart"
        );
        let alone = command(r#"{"do": "change_leader"}"#);
        assert!(alone.contains("error"), "{alone}");

        let away = r#"{"do": "refuse_connections", "refuse": true}"#;
        assert_eq!(command(away), done);
        assert!(cluster.connect_with(cluster.opts()).await.is_err());

        let cancel = r#"{"do": "cancel", "job": "backup", "database": "d", "state": "UPLOADING", "code": "C", "message": "m"}"#;
        assert_eq!(command(cancel), done);
        assert_eq!(
            command(r#"{"do": "pending"}"#),
            r#"{"ok":["UPLOADING of d"]}"#
        );

        for (wrong, because) in [
            ("nonsense", "expected"),
            (r#"{"do": "explode"}"#, "explode"),
            (
                r#"{"do": "hold", "job": "restore", "database": "d", "state": "UPLOADING"}"#,
                "no running restore has the state 'UPLOADING'",
            ),
            (
                r#"{"do": "hold", "job": "backup", "database": "d", "state": "FINISHED"}"#,
                "no running backup has the state 'FINISHED'",
            ),
        ] {
            let answer = command(wrong);
            assert!(
                answer.contains("error") && answer.contains(because),
                "{answer}"
            );
        }
    });
}
