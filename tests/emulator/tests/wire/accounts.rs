use mysql_async::{Conn, prelude::Queryable};

use crate::support::{Cluster, cluster, first_column, run, server_error};

async fn grants(conn: &mut Conn, sql: &str) -> Vec<String> {
    let rows: Vec<mysql_async::Row> = conn.query(sql).await.unwrap();
    rows.iter().map(|row| row.get("Grants").unwrap()).collect()
}

async fn cluster_with_user(statements: &[&str]) -> (Cluster, Conn, Conn) {
    let cluster = cluster();
    let mut root = cluster.connect().await;
    root.query_drop("CREATE USER 'br'@'%' IDENTIFIED BY 'secret'")
        .await
        .unwrap();
    for statement in statements {
        root.query_drop(*statement).await.unwrap();
    }
    let user = cluster.connect_as("br", "secret").await.unwrap();
    (cluster, root, user)
}

#[test]
fn passwords_are_checked_and_can_be_changed() {
    run(async {
        let (cluster, mut root, mut user) = cluster_with_user(&[]).await;
        let (code, message) = server_error(cluster.connect_as("br", "wrong").await);
        assert_eq!(code, 1045);
        assert_eq!(message, "Access denied for user 'br' (using password: YES)");
        user.query_drop("SET PASSWORD = PASSWORD('next')")
            .await
            .unwrap();
        assert!(cluster.connect_as("br", "secret").await.is_err());
        cluster.connect_as("br", "next").await.unwrap();
        root.query_drop("ALTER USER br IDENTIFIED BY 'third'")
            .await
            .unwrap();
        cluster.connect_as("br", "third").await.unwrap();
        root.query_drop("DROP USER br").await.unwrap();
        assert!(cluster.connect_as("br", "third").await.is_err());
    });
}

#[test]
fn a_role_counts_when_it_is_active() {
    run(async {
        let (_cluster, mut root, mut user) = cluster_with_user(&[
            "CREATE ROLE br_role",
            "GRANT OPERATE ON SYSTEM TO ROLE br_role",
            "GRANT br_role TO USER 'br'@'%'",
        ])
        .await;
        let (code, message) = server_error(user.query_drop("SHOW FRONTENDS").await);
        assert_eq!(code, 5203);
        assert!(
            message.contains("Current role(s): NONE. Inactivated role(s): [br_role]."),
            "{message}"
        );
        user.query_drop("SET ROLE br_role").await.unwrap();
        user.query_drop("SHOW FRONTENDS").await.unwrap();
        user.query_drop("SET ROLE NONE").await.unwrap();
        assert_eq!(
            server_error(user.query_drop("SHOW FRONTENDS").await).0,
            5203
        );
        root.query_drop("SET DEFAULT ROLE br_role TO 'br'@'%'")
            .await
            .unwrap();
        user.query_drop("SET ROLE DEFAULT").await.unwrap();
        user.query_drop("SHOW FRONTENDS").await.unwrap();
        root.query_drop("REVOKE br_role FROM USER br")
            .await
            .unwrap();
        assert_eq!(
            server_error(user.query_drop("SHOW FRONTENDS").await).0,
            5203
        );
    });
}

#[test]
fn all_tables_covers_tables_to_come_and_one_table_goes_with_its_id() {
    run(async {
        let table =
            |name: &str| format!("CREATE TABLE d.{name} (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1");
        let (_cluster, mut root, mut user) =
            cluster_with_user(&["CREATE DATABASE d", table("a").as_str()]).await;
        assert!(
            !first_column(&mut user, "SHOW DATABASES")
                .await
                .contains(&"d".into())
        );
        root.query_drop("GRANT SELECT ON TABLE d.a TO br")
            .await
            .unwrap();
        root.query_drop("GRANT EXPORT, INSERT ON ALL TABLES IN DATABASE d TO br")
            .await
            .unwrap();
        assert!(
            first_column(&mut user, "SHOW DATABASES")
                .await
                .contains(&"d".into())
        );
        assert_eq!(
            grants(&mut user, "SHOW GRANTS").await,
            [
                "GRANT INSERT, EXPORT ON ALL TABLES IN DATABASE d TO USER 'br'@'%'",
                "GRANT SELECT ON TABLE d.a TO USER 'br'@'%'",
            ]
        );
        root.query_drop("REVOKE INSERT ON ALL TABLES IN DATABASE d FROM br")
            .await
            .unwrap();
        root.query_drop("DROP TABLE d.a FORCE").await.unwrap();
        root.query_drop(table("a")).await.unwrap();
        assert_eq!(
            grants(&mut root, "SHOW GRANTS FOR br").await,
            ["GRANT EXPORT ON ALL TABLES IN DATABASE d TO USER 'br'@'%'"]
        );
    });
}

#[test]
fn only_who_may_grant_administers_accounts() {
    run(async {
        let (_cluster, _root, mut user) = cluster_with_user(&[]).await;
        for sql in [
            "CREATE USER x IDENTIFIED BY 'y'",
            "DROP USER br",
            "CREATE ROLE r",
            "GRANT OPERATE ON SYSTEM TO br",
            "SHOW USERS",
            "SHOW GRANTS FOR root",
            "SET PASSWORD FOR root = PASSWORD('x')",
        ] {
            assert_eq!(server_error(user.query_drop(sql).await).0, 5203, "{sql}");
        }
    });
}

#[test]
fn every_statement_asks_for_its_privilege() {
    run(async {
        let (_cluster, mut root, mut user) = cluster_with_user(&[
            "CREATE DATABASE d",
            "CREATE DATABASE other",
            "CREATE TABLE d.t (k INT, v INT) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1",
            "CREATE TABLE d.b (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1",
            "INSERT INTO d.t VALUES (1, 1)",
        ])
        .await;
        let expected = [
            ("SELECT * FROM d.t", "SELECT privilege(s) on TABLE t "),
            (
                "SELECT COUNT(*) FROM (SELECT k FROM d.t) x",
                "SELECT privilege(s) on TABLE t ",
            ),
            (
                "INSERT INTO d.t VALUES (2, 2)",
                "INSERT privilege(s) on TABLE t ",
            ),
            (
                "UPDATE d.t SET v = 2 WHERE k = 1",
                "UPDATE privilege(s) on TABLE t ",
            ),
            (
                "DELETE FROM d.t WHERE k = 1",
                "DELETE privilege(s) on TABLE t ",
            ),
            ("TRUNCATE TABLE d.t", "DELETE privilege(s) on TABLE t "),
            (
                "ALTER TABLE d.t ADD COLUMN w INT",
                "ALTER privilege(s) on TABLE t ",
            ),
            ("ALTER TABLE d.t RENAME u", "ALTER privilege(s) on TABLE t "),
            (
                "ALTER TABLE d.t SWAP WITH b",
                "ALTER privilege(s) on TABLE t ",
            ),
            ("DROP TABLE d.t", "DROP privilege(s) on TABLE t "),
            ("SHOW CREATE TABLE d.t", "ANY privilege(s) on TABLE t "),
            ("SHOW PARTITIONS FROM d.t", "ANY privilege(s) on TABLE t "),
            ("DESC d.t", "ANY privilege(s) on TABLE t "),
            (
                "CREATE TABLE d.x (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1",
                "CREATE TABLE privilege(s) on DATABASE d ",
            ),
            (
                "CREATE VIEW d.w AS SELECT 1 AS one",
                "CREATE VIEW privilege(s) on DATABASE d ",
            ),
            ("DROP DATABASE d", "DROP privilege(s) on DATABASE d "),
            ("USE d", "ANY privilege(s) on DATABASE d "),
            (
                "SUBMIT TASK d.x AS INSERT INTO d.t SELECT 3, 3",
                "INSERT privilege(s) on TABLE t ",
            ),
            (
                "CREATE DATABASE e",
                "CREATE DATABASE privilege(s) on CATALOG default_catalog ",
            ),
            ("SHOW PROC '/dbs'", "OPERATE privilege(s) on SYSTEM "),
        ];
        let mut wrong = Vec::new();
        for (sql, words) in expected {
            match user.query_drop(sql).await {
                Err(mysql_async::Error::Server(error))
                    if error.code == 5203 && error.message.contains(words) => {}
                other => wrong.push(format!("{sql}: {other:?}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));

        // One privilege on one table opens what lists it, and nothing else.
        root.query_drop("GRANT SELECT ON TABLE d.t TO br")
            .await
            .unwrap();
        user.query_drop("USE d").await.unwrap();
        assert_eq!(first_column(&mut user, "SHOW TABLES FROM d").await, ["t"]);
        let tables = "SELECT DISTINCT table_name FROM information_schema.tables
            WHERE table_schema = 'd'";
        assert_eq!(first_column(&mut user, tables).await, ["t"]);
        let partitions = "SELECT TABLE_NAME FROM information_schema.partitions_meta
            WHERE DB_NAME = 'd'";
        assert_eq!(first_column(&mut user, partitions).await, ["t"]);
        assert_eq!(first_column(&mut user, "SELECT k FROM d.t").await, ["1"]);
        assert_eq!(
            server_error(user.query_drop("SELECT k FROM d.b").await).0,
            5203
        );
    });
}
