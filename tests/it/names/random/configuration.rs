//! Arbitrary text in every key of a configuration.

use serde_json::{Value, json};
use tests::{
    cluster::Cluster,
    command::{command, command_with, configuration},
};

use super::{Refused as _, assert_unchanged, check, shop, state, text};
use crate::names::{literal, name, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_taken_as_it_is_or_refused() {
    let cluster = &shop().await;
    check(30, text(), |given| async move {
        let before = state(cluster).await;
        // YAML reads JSON, so the text stands there as it is.
        let quoted = serde_json::to_string(&given).expect("JSON");
        for (key, codes) in [
            ("repository", &[2, 7][..]),
            ("database", &[0, 2, 7]),
            ("time_zone", &[0, 2]),
            ("window_hours", &[2]),
            ("stall_minutes", &[2]),
            ("min_free_disk_percent", &[2]),
            ("user", &[2, 8]),
            ("tls", &[2]),
            (given.as_str(), &[2]),
        ] {
            let more = match key == given {
                true => format!("{quoted}: 1\n"),
                false => format!("{key}: {quoted}\n"),
            };
            let file = match key {
                "repository" | "user" => replaced(cluster, key, &quoted),
                _ => configuration(cluster, &more),
            };
            let said = command_with(&file, &["init"]).await;
            let number = given.trim().parse::<u32>().is_ok();
            assert!(
                codes.contains(&said.code) || number,
                "{key}: {given:?}: {} {}",
                said.code,
                said.err
            );
        }
        assert_unchanged(cluster, &before, &given).await;
        ops_database(cluster, &given, &quoted).await;
        inventory(cluster, &given, &quoted).await;
        assert_unchanged(cluster, &before, &given).await;
    });
}

fn replaced(cluster: &Cluster, key: &str, quoted: &str) -> tempfile::NamedTempFile {
    use std::io::Write as _;
    let file = configuration(cluster, "");
    let text = std::fs::read_to_string(file.path()).expect("a text");
    let lines = text.lines().map(|line| match line.split_once(": ") {
        Some((found, _)) if found == key => format!("{key}: {quoted}\n"),
        _ => format!("{line}\n"),
    });
    let mut replaced = tempfile::NamedTempFile::new().expect("a temporary file");
    let text: String = lines.collect();
    replaced.write_all(text.as_bytes()).expect("written");
    replaced
}

async fn ops_database(cluster: &Cluster, given: &str, quoted: &str) {
    let file = configuration(cluster, &format!("ops_database: {quoted}\n"));
    if !command_with(&file, &["init"]).await.refused() {
        let tables = cluster
            .rows(&format!("SHOW TABLES FROM {}", name(given)))
            .await;
        assert_eq!(tables.len(), 7, "{given:?}: {tables:?}");
        assert_eq!(command_with(&file, &["list"]).await.code, 0);
        run(cluster, format!("DROP DATABASE {} FORCE", name(given))).await;
    }
}

async fn inventory(cluster: &Cluster, given: &str, quoted: &str) {
    for (group, database, table) in [
        (quoted, "\"sales\"", "\"orders\""),
        ("\"other\"", quoted, "\"orders\""),
        ("\"other\"", "\"sales\"", quoted),
    ] {
        let more = format!(
            "table_inventory:\n  - group: {group}\n    tables:\n      - database: {database}\n        \
             table: {table}\n"
        );
        let file = configuration(cluster, &more);
        if command_with(&file, &["init"]).await.refused() {
            continue;
        }
        let listed = command(cluster, &["--output", "json", "group", "list"]).await;
        let listed: Value = serde_json::from_str(&listed.out).expect("JSON");
        let text = |quoted: &str| serde_json::from_str::<Value>(quoted).expect("JSON");
        let row = json!({
            "group": text(group), "database": text(database), "table": text(table)
        });
        assert!(
            listed.as_array().unwrap().contains(&row),
            "{given:?}: {listed}"
        );
        run(
            cluster,
            format!(
                "DELETE FROM ops.table_inventory WHERE inventory_group = {} AND database_name = {} \
                 AND table_name = {}",
                literal(row["group"].as_str().unwrap()),
                literal(row["database"].as_str().unwrap()),
                literal(row["table"].as_str().unwrap())
            ),
        )
        .await;
    }
}
