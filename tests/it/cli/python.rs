//! Every documented way to call the Python tool of the same name, with its own configuration file.

use tests::cluster::REPOSITORY;

use super::support::{Shell, Ticking, shop};
use tests::cluster::PASSWORD;

#[tokio::test(flavor = "multi_thread")]
async fn its_command_lines_and_its_configuration_work_as_they_are() {
    let cluster = shop().await;
    let files = tempfile::tempdir().unwrap();
    let config = files.path().join("config.yaml");
    let text = format!(
        "# StarRocks connection\n\
         host: \"127.0.0.1\"\n\
         port: {}\n\
         user: \"root\"\n\
         database: \"sales\"\n\
         repository: \"{REPOSITORY}\"\n\
         ops_database: \"ops\"\n\
         tls:\n  enabled: false\n  ca_cert: \"/path/to/ca.pem\"\n  verify_server_cert: true\n  tls_versions: [\"TLSv1.2\", \"TLSv1.3\"]\n\
         table_inventory:\n\
         \x20 - group: \"production\"\n    tables:\n      - database: \"sales\"\n        table: \"*\"\n\
         \x20 - group: \"dims\"\n    tables:\n      - database: \"sales\"\n        table: \"orders\"\n",
        cluster.emulator.port()
    );
    std::fs::write(&config, text).unwrap();
    let config = config.display();
    let shell = Shell::empty().with("STARROCKS_PASSWORD", PASSWORD);
    let _ticking = Ticking::of(&cluster);

    shell
        .run(&format!("init --config {config}"))
        .await
        .succeeded();
    shell
        .run(&format!("--verbose init --config {config}"))
        .await
        .succeeded();
    let groups = shell.run(&format!("group list --config {config}")).await;
    assert!(groups.succeeded().out.contains("production"));

    for (line, stored) in [
        (
            format!("backup full --config {config} --group production"),
            true,
        ),
        (
            format!("backup full --config {config} --group dims --name weekly-v#r"),
            true,
        ),
        (
            format!("backup incremental --config {config} --group production"),
            false,
        ),
        (
            format!(
                "backup incremental --config {config} --baseline-backup weekly_v1 --group dims --name hourly"
            ),
            false,
        ),
    ] {
        let run = shell.run(&line).await.succeeded();
        assert_eq!(run.out.contains("nothing changed"), !stored, "{run:#?}");
    }
    let list = format!("list --config {config} --output json");
    let labels = shell.run(&list).await.succeeded().json();
    let labels: Vec<&str> = labels
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["label"].as_str())
        .collect();
    for label in ["weekly_v1", "hourly"] {
        assert!(labels.contains(&label), "{labels:?}");
    }
    let production = labels
        .iter()
        .find(|label| label.ends_with("_full"))
        .unwrap();

    cluster.sql("TRUNCATE TABLE sales.orders").await;
    for (line, suffix) in [
        (
            format!("restore --config {config} --target-label {production} --group dims --yes"),
            "",
        ),
        (
            format!("restore --config {config} --target-label weekly_v1 -y"),
            "",
        ),
        (
            format!(
                "restore --config {config} --target-label hourly --table orders --rename-suffix _again --yes"
            ),
            "",
        ),
        (
            format!("restore --config {config} --target-label {production} --yes"),
            "",
        ),
    ] {
        let run = shell.run(&line).await.succeeded();
        assert!(run.out.contains("PROMOTED"), "{suffix}{run:#?}");
        let rows = cluster.rows("SELECT id FROM sales.orders").await;
        assert_eq!(rows, [["1"], ["2"]], "{line}");
    }
    let both = format!(
        "restore --config {config} --target-label {production} --group dims --table orders"
    );
    assert_eq!(
        shell.run(&both).await.code,
        Some(2),
        "as the Python tool refuses it"
    );
    assert_eq!(
        shell.run("backup full --group production").await.code,
        Some(2)
    );
}

/// The Python tool's own tables are completed, but never under a run of it that may live.
#[tokio::test(flavor = "multi_thread")]
async fn init_leaves_the_tables_of_a_tool_at_work_alone() {
    let cluster = shop().await;
    cluster
        .sql(
            "DROP DATABASE ops FORCE;
             CREATE DATABASE ops;
             CREATE TABLE ops.run_status (scope STRING NOT NULL, label STRING NOT NULL, \
             state STRING NOT NULL DEFAULT 'ACTIVE', started_at DATETIME DEFAULT CURRENT_TIMESTAMP, \
             finished_at DATETIME) PRIMARY KEY (scope, label) DISTRIBUTED BY HASH(scope, label) \
             BUCKETS 1 PROPERTIES ('replication_num'='1');
             INSERT INTO ops.run_status (scope, label, state) VALUES \
             ('backup', 'sales_old', 'FINISHED'), ('backup', 'sales_20260228_full', 'ACTIVE')",
        )
        .await;
    let shell = Shell::at(&cluster);
    let columns = "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.columns \
                   WHERE TABLE_SCHEMA = 'ops'";
    let before = cluster.rows(columns).await;

    let refused = shell.run("init").await;
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    let clear = "UPDATE `ops`.`run_status` SET state = 'CANCELLED' WHERE scope = 'backup' AND label = \
                 'sales_20260228_full'";
    for words in ["backup 'sales_20260228_full' is in work", clear] {
        assert!(refused.err.contains(words), "{words}: {refused:#?}");
    }
    assert_eq!(cluster.rows(columns).await, before);

    // It sends its BACKUP before it writes its row.
    cluster.sql(clear).await;
    cluster
        .sql(&format!(
            "BACKUP SNAPSHOT crm.crm_20260301_full TO {REPOSITORY}"
        ))
        .await;
    let refused = shell.run("init").await;
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    for words in [
        "BACKUP 'crm_20260301_full' of database crm",
        "SHOW BACKUP FROM `crm`",
    ] {
        assert!(refused.err.contains(words), "{words}: {refused:#?}");
    }
    assert_eq!(cluster.rows(columns).await, before);

    cluster.advance(600);
    let done = shell.run("init").await.succeeded();
    assert!(done.out.contains("columns to ops.run_status"), "{done:#?}");
}
