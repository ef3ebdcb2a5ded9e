//! Several databases, objects that cannot be backed up, and tables that we may not see.

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow};

const TABLE: &str = "(id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
     PROPERTIES('replication_num'='1')";
const EXTERNAL: &str = "CREATE EXTERNAL TABLE sales.ext (id INT) ENGINE=mysql PROPERTIES \
     ('host'='127.0.0.1','port'='1','user'='u','password'='p','database'='d','table'='t')";

async fn shop(profile: Profile) -> Cluster {
    let cluster = Cluster::start(profile).await;
    cluster
        .sql(&format!(
            "CREATE DATABASE sales;\nCREATE DATABASE crm;\nCREATE TABLE sales.orders {TABLE};\n\
             CREATE TABLE crm.people {TABLE};\nINSERT INTO sales.orders VALUES (1);\n\
             INSERT INTO crm.people VALUES (1)"
        ))
        .await;
    cluster.group("nightly", &["sales.*", "crm.*"]).await;
    cluster
}

async fn history(cluster: &Cluster) -> Vec<Vec<String>> {
    cluster
        .rows("SELECT database_name, status FROM ops.backup_history")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_databases_are_backed_up_in_one_execution() {
    let cluster = shop(Profile::V4_1).await;
    let output = flow::full(&cluster, "nightly").await;
    let labels: Vec<&Value> = output["summary"]["databases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|database| &database["label"])
        .collect();
    assert_eq!(
        labels,
        [&json!("crm_20260301_full"), &json!("sales_20260301_full")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_database_that_fails_does_not_take_the_other_with_it() {
    let cluster = shop(Profile::V3_5).await;
    cluster.sql(EXTERNAL).await;
    let error = flow::backup(&cluster, json!({ "group": "nightly", "kind": "full" })).await;
    let error = error
        .result
        .expect_err("sales cannot be backed up")
        .to_string();
    assert!(error.contains("sales") && error.contains("ext"), "{error}");
    assert_eq!(history(&cluster).await, [["crm", "FINISHED"]]);
    // The next run goes on as if nothing had been.
    cluster.sql("DROP TABLE sales.ext").await;
    flow::full(&cluster, "nightly").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_makes_the_backup_partial_and_is_named() {
    for (profile, prepare, name) in [
        (Profile::V3_5, EXTERNAL.to_owned(), "ext"),
        (Profile::V3_3, EXTERNAL.to_owned(), "ext"),
        (
            Profile::V3_3,
            "CREATE TABLE sales.cities (city VARCHAR(20) NOT NULL, id INT) DUPLICATE KEY(city) \
             PARTITION BY LIST(city) (PARTITION p1 VALUES IN ('ny')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')"
                .to_owned(),
            "cities",
        ),
        (
            Profile::V3_5,
            "CREATE TABLE sales.temporary (k INT NOT NULL) PARTITION BY RANGE(k) \
             (PARTITION p1 VALUES LESS THAN ('10')) DISTRIBUTED BY HASH(k) BUCKETS 1 \
             PROPERTIES('replication_num'='1');\n\
             ALTER TABLE sales.temporary ADD TEMPORARY PARTITION tp1 VALUES LESS THAN ('10')"
                .to_owned(),
            "temporary",
        ),
    ] {
        let cluster = shop(profile).await;
        cluster.sql(&prepare).await;
        let input = json!({ "group": "nightly", "kind": "full", "on_unsupported": "skip" });
        let error = flow::backup(&cluster, input).await;
        let error = error.result.expect_err("it is partial").to_string();
        assert!(
            error.contains("PartialBackup") && error.contains(name),
            "{name}: {error}"
        );
        // Whether LIST tables can be backed up is known only after the first refusal, which stays.
        let ended = history(&cluster).await;
        let ended: Vec<_> = ended.into_iter().filter(|row| row[1] != "FAILED").collect();
        assert_eq!(ended, [["crm", "FINISHED"], ["sales", "PARTIAL"]], "{name}");
        let label = cluster
            .one("SELECT label FROM ops.backup_history WHERE status = 'PARTIAL'")
            .await;
        // What is in it can be restored.
        cluster.sql("TRUNCATE TABLE sales.orders").await;
        let target = json!({ "target_label": label, "tables": ["orders"] });
        flow::restore(&cluster, target).await.output();
        assert_eq!(
            cluster.rows("SELECT id FROM sales.orders").await,
            [["1"]],
            "{name}"
        );
    }
}

/// Today's tools take what they cannot see for dropped, and leave it out for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_seen_is_never_taken_for_dropped() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql(&format!(
            "CREATE TABLE sales.secret {TABLE};\nINSERT INTO sales.secret VALUES (7)"
        ))
        .await;
    cluster
        .sql(
            "CREATE USER 'br'@'%' IDENTIFIED BY 'pw';\n\
             GRANT REPOSITORY ON SYSTEM TO USER 'br'@'%';\n\
             GRANT OPERATE ON SYSTEM TO USER 'br'@'%';\n\
             GRANT EXPORT, SELECT, INSERT, ALTER, DROP ON ALL TABLES IN DATABASE crm TO USER 'br'@'%';\n\
             GRANT EXPORT, SELECT ON TABLE sales.orders TO USER 'br'@'%';\n\
             GRANT EXPORT, SELECT ON TABLE sales.secret TO USER 'br'@'%';\n\
             GRANT SELECT, INSERT, UPDATE, DELETE, ALTER ON ALL TABLES IN DATABASE ops TO USER 'br'@'%'",
        )
        .await;
    let user = [("STARROCKS_USER", "br"), ("STARROCKS_PASSWORD", "pw")];
    flow::backup_as(
        &cluster,
        json!({ "group": "nightly", "kind": "full" }),
        &user,
    )
    .await
    .output();
    cluster
        .sql("REVOKE EXPORT, SELECT ON TABLE sales.secret FROM USER 'br'@'%'")
        .await;
    cluster.sql("INSERT INTO sales.secret VALUES (8)").await;
    let input = json!({ "group": "nightly", "kind": "incremental" });
    let error = flow::backup_as(&cluster, input, &user).await.result;
    let error = error
        .expect_err("secret is there and cannot be seen")
        .to_string();
    assert!(
        error.contains("secret") && error.contains("GRANT"),
        "{error}"
    );
}

/// A prefix is not a name: the labels of `sales_eu` begin like those of `sales`.
#[tokio::test(flavor = "multi_thread")]
async fn databases_of_which_one_begins_like_the_other_use_their_own_labels() {
    let cluster = Cluster::start(Profile::V3_5).await;
    for (database, row) in [("sales", 1), ("sales_eu", 2)] {
        cluster
            .sql(&format!(
                "CREATE DATABASE {database};\nCREATE TABLE {database}.orders {TABLE};\n\
                 INSERT INTO {database}.orders VALUES ({row})"
            ))
            .await;
    }
    cluster.group("both", &["sales.*", "sales_eu.*"]).await;
    cluster.group("eu", &["sales_eu.*"]).await;
    flow::full(&cluster, "both").await;
    cluster.advance(60);
    // The newest label that begins with `sales_` is none of sales.
    flow::full(&cluster, "eu").await;
    cluster
        .sql("INSERT INTO sales.orders VALUES (11);\nINSERT INTO sales_eu.orders VALUES (22)")
        .await;
    cluster.advance(60);
    flow::incremental(&cluster, "both").await;
    let baselines = cluster
        .rows(
            "SELECT database_name, label, baseline_label FROM ops.backup_history \
             WHERE backup_type = 'incremental'",
        )
        .await;
    assert_eq!(
        baselines,
        [
            ["sales", "sales_20260301_inc", "sales_20260301_full"],
            [
                "sales_eu",
                "sales_eu_20260301_inc",
                "sales_eu_20260301_full"
            ],
        ]
    );
    for (database, rows) in [("sales", [["1"], ["11"]]), ("sales_eu", [["2"], ["22"]])] {
        let input = json!({
            "target_label": format!("{database}_20260301_inc"),
            "into_database": format!("copy_{database}"),
        });
        flow::restore(&cluster, input).await.output();
        let found = format!("SELECT id FROM copy_{database}.orders");
        assert_eq!(cluster.rows(&found).await, rows, "{database}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_named_beside_everything_is_there_once() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql(&format!("CREATE TABLE sales.more {TABLE}"))
        .await;
    cluster.group("nightly", &["sales.orders", "sales.*"]).await;
    cluster.emulator.faults().reset_journal();
    flow::full(&cluster, "nightly").await;
    let journal = cluster.emulator.faults().journal();
    let sent: Vec<&str> = journal
        .iter()
        .map(|entry| entry.sql.as_str())
        .filter(|sql| sql.starts_with("BACKUP SNAPSHOT") && sql.contains("sales"))
        .collect();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0].matches("`orders`").count(), 1, "{sent:?}");
    for kept in ["ops.backup_tables", "ops.backup_partitions"] {
        let column = kept.trim_start_matches("ops.backup_");
        let name = if column == "tables" {
            "object_name"
        } else {
            "table_name"
        };
        let rows = cluster
            .rows(&format!(
                "SELECT {name} FROM {kept} WHERE database_name = 'sales'"
            ))
            .await;
        assert_eq!(rows, [["more"], ["orders"]], "{kept}");
    }
}
