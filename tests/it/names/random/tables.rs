//! Arbitrary text as the name of a table and of a column, and as a value.

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow};

use super::text;
use crate::names::{label_of, literal, name, run};

/// As many different texts as asked for, the same in every run.
fn texts(count: usize) -> Vec<String> {
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let mut texts: Vec<String> = Vec::new();
    while texts.len() < count {
        let tree = text().new_tree(&mut runner).expect("a text");
        let text = tree.current();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// Tables of every name, column of every name, LIST of every value: what the server takes is backed up
/// and comes back, what it does not take is not ours to see.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_server_takes_comes_back() {
    for profile in [Profile::V3_5, Profile::V4_1] {
        let cluster = &Cluster::start(profile).await;
        cluster.sql("CREATE DATABASE sales").await;
        cluster.group("nightly", &["sales.*"]).await;
        let mut made = Vec::new();
        for (number, given) in texts(24).into_iter().enumerate() {
            made.extend(table(cluster, number, &given).await);
        }
        assert!(made.len() > 36, "{} tables were made", made.len());
        let full = label_of(&flow::full(cluster, "nightly").await);
        for (number, own) in made.iter().enumerate() {
            let rows = format!("INSERT INTO sales.{} SELECT * FROM sales.{0}", name(own));
            if number % 2 == 0 {
                run(cluster, rows).await;
            }
        }
        let before = content(cluster, "sales", &made).await;
        let label = label_of(&flow::incremental(cluster, "nightly").await);
        for own in &made {
            run(cluster, format!("TRUNCATE TABLE sales.{}", name(own))).await;
        }
        flow::restore(cluster, json!({ "target_label": label }))
            .await
            .output();
        assert_eq!(content(cluster, "sales", &made).await, before);
        cluster.advance(60);
        let input = json!({ "target_label": label, "into_database": "copy" });
        flow::restore(cluster, input).await.output();
        assert_eq!(content(cluster, "copy", &made).await, before);
        assert_ne!(full, label);
    }
}

async fn content(cluster: &Cluster, database: &str, tables: &[String]) -> Vec<Vec<Vec<String>>> {
    let mut content = Vec::new();
    for own in tables {
        let query = format!("SELECT * FROM {database}.{}", name(own));
        content.push(cluster.rows(&query).await);
    }
    content
}

/// A RANGE table of that name, and a LIST table that holds the text; the names that were made.
async fn table(cluster: &Cluster, number: usize, given: &str) -> Vec<String> {
    use mysql_async::prelude::Queryable;
    let mut connection = cluster.connection().await;
    let mut made = Vec::new();
    // Backquoted, a backtick would be dropped by the server, and another name be made.
    if !given.contains('`') {
        let own = name(given);
        let statement = format!(
            "CREATE TABLE sales.{own} (`k` INT NOT NULL COMMENT {comment}, {own} STRING) \
             DUPLICATE KEY(`k`) COMMENT {comment} PARTITION BY RANGE(`k`) \
             (PARTITION p1 VALUES LESS THAN ('10'), PARTITION p2 VALUES LESS THAN ('20')) \
             DISTRIBUTED BY HASH(`k`) BUCKETS 1 PROPERTIES('replication_num'='1')",
            comment = literal(given)
        );
        if connection.query_drop(statement).await.is_ok() {
            let value = literal(given);
            let rows = format!("INSERT INTO sales.{own} VALUES (1, {value}), (11, {value})");
            connection.query_drop(rows).await.expect("rows");
            made.push(given.to_owned());
        }
    }
    let own = format!("list{number}");
    let statement = format!(
        "CREATE TABLE sales.{own} (`c` VARCHAR(99) NOT NULL, `id` INT) DUPLICATE KEY(`c`) \
         PARTITION BY LIST(`c`) (PARTITION p1 VALUES IN ({value}, 'x{number}'), \
         PARTITION p2 VALUES IN ('y')) \
         DISTRIBUTED BY HASH(`id`) BUCKETS 1 PROPERTIES('replication_num'='1')",
        value = literal(given)
    );
    if connection.query_drop(statement).await.is_ok() {
        let rows = format!(
            "INSERT INTO sales.{own} VALUES ({}, 1), ('y', 2)",
            literal(given)
        );
        connection.query_drop(rows).await.expect("rows");
        made.push(own);
    }
    connection.disconnect().await.expect("goodbye");
    made
}
