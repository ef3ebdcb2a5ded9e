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
