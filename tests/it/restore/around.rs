//! What keeps to a table's id and so does not come along: grants, routine loads, views over it. And
//! what a person reads before a table goes aside.

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow};

use super::{ORDERS, shop};

async fn backed_up(profile: Profile) -> Cluster {
    let cluster = shop(profile).await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    cluster
}

fn target(more: Value) -> Value {
    let mut input = json!({ "target_label": "sales_20260301_full" });
    for (key, value) in more.as_object().expect("an object") {
        input[key] = value.clone();
    }
    input
}

/// Everything that a plan says.
fn notices(output: &Value) -> String {
    output["summary"]["plan"]["summary"]["notices"].to_string()
}

const GRANTS: &str = "CREATE USER 'ana'@'%' IDENTIFIED BY 'pw';
     CREATE ROLE readers;
     GRANT SELECT ON ALL TABLES IN DATABASE sales TO ROLE readers;
     GRANT SELECT, EXPORT ON TABLE sales.orders TO ROLE readers;
     GRANT INSERT ON TABLE sales.orders TO USER 'ana'@'%'";

#[tokio::test(flavor = "multi_thread")]
async fn grants_on_the_single_table_are_printed_and_can_be_run() {
    for profile in Profile::ALL {
        let cluster = backed_up(profile).await;
        cluster.sql(GRANTS).await;
        let planned = flow::restore(&cluster, target(json!({ "dry_run": true })))
            .await
            .output();
        let said = notices(&planned);
        let grants = [
            "GRANT INSERT ON TABLE `sales`.`orders` TO USER 'ana'@'%'",
            "ON TABLE `sales`.`orders` TO ROLE 'readers'",
        ];
        for grant in grants {
            assert!(said.contains(grant), "{profile:?} {said}");
        }
        assert!(!said.contains("ALL TABLES"), "{profile:?} {said}");
        let done = flow::restore(&cluster, target(json!({}))).await.output();
        let notes = done["summary"]["notes"].as_array().unwrap();
        let again: Vec<&str> = notes
            .iter()
            .filter_map(|note| note.as_str()?.split_once("Run again: "))
            .map(|(_, grant)| grant)
            .collect();
        assert_eq!(again.len(), 2, "{profile:?} {notes:?}");
        for grant in again {
            cluster.sql(grant).await;
        }
        let held = cluster.rows("SHOW GRANTS FOR 'ana'@'%'").await;
        let held = held
            .iter()
            .any(|row| row[2].contains("ON TABLE sales.orders "));
        assert!(held, "{profile:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn routine_loads_go_on_with_the_old_data_and_are_named() {
    let cluster = backed_up(Profile::V4_1).await;
    cluster
        .sql(
            "CREATE ROUTINE LOAD sales.from_kafka ON orders FROM KAFKA \
             ('kafka_broker_list' = 'k:9092', 'kafka_topic' = 'orders')",
        )
        .await;
    let done = flow::restore(&cluster, target(json!({}))).await.output();
    let notes = done["summary"]["notes"].to_string();
    assert!(notes.contains("routine load from_kafka"), "{notes}");
    let loads = cluster.rows("SHOW ROUTINE LOAD FROM sales").await;
    assert!(loads[0][6].starts_with("orders_before_"), "{loads:?}");
}

/// Without GRANT on SYSTEM nobody may read the grants of others: that is said, and the restore goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_is_said() {
    let cluster = backed_up(Profile::V3_5).await;
    cluster.sql(GRANTS).await;
    cluster
        .sql(
            "CREATE USER 'br'@'%' IDENTIFIED BY 'pw';
             GRANT REPOSITORY, OPERATE ON SYSTEM TO USER 'br'@'%';
             GRANT CREATE TABLE ON DATABASE sales TO USER 'br'@'%';
             GRANT INSERT, ALTER, DROP, SELECT ON ALL TABLES IN DATABASE sales TO USER 'br'@'%';
             GRANT EXPORT ON TABLE sales.orders TO USER 'br'@'%';
             GRANT SELECT, INSERT, UPDATE, DELETE, ALTER ON ALL TABLES IN DATABASE ops TO USER 'br'@'%'",
        )
        .await;
    let user = [("STARROCKS_USER", "br"), ("STARROCKS_PASSWORD", "pw")];
    let done = flow::restore_as(&cluster, target(json!({})), &user)
        .await
        .output();
    let notes = done["summary"]["notes"].to_string();
    assert!(notes.contains("were not read"), "{notes}");
    // Its own it may read.
    let own = "GRANT EXPORT ON TABLE `sales`.`orders` TO USER 'br'@'%'";
    assert!(notes.contains(own), "{notes}");
}

/// A user whose grants are on the single table loses them with the swap.
#[tokio::test(flavor = "multi_thread")]
async fn own_access_to_the_new_table_is_checked() {
    let cluster = backed_up(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE USER 'br'@'%' IDENTIFIED BY 'pw';
             GRANT REPOSITORY, OPERATE ON SYSTEM TO USER 'br'@'%';
             GRANT CREATE TABLE ON DATABASE sales TO USER 'br'@'%';
             GRANT INSERT, ALTER, DROP ON ALL TABLES IN DATABASE sales TO USER 'br'@'%';
             GRANT SELECT ON TABLE sales.orders TO USER 'br'@'%';
             GRANT SELECT, INSERT, UPDATE, DELETE, ALTER ON ALL TABLES IN DATABASE ops TO USER 'br'@'%'",
        )
        .await;
    let user = [("STARROCKS_USER", "br"), ("STARROCKS_PASSWORD", "pw")];
    let input = target(json!({ "row_counts": false }));
    let done = flow::restore_as(&cluster, input, &user).await.output();
    let notes = done["summary"]["notes"].to_string();
    assert!(
        notes.contains("may not read sales.orders any more"),
        "{notes}"
    );
    let grant = "GRANT EXPORT, SELECT ON ALL TABLES IN DATABASE `sales` TO USER 'br'@'%'";
    assert!(notes.contains(grant), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_left_over_is_named_with_its_age() {
    let cluster = backed_up(Profile::V3_5).await;
    cluster
        .sql("CREATE TABLE sales.orders_restored LIKE sales.orders")
        .await;
    cluster.advance(3 * 86_400 + 60);
    let error = flow::restore(&cluster, target(json!({}))).await.error();
    assert!(
        error.cause.contains("orders_restored") && error.cause.contains("3 days old"),
        "{error:?}"
    );
    // Of another restore: it is named.
    let cluster = backed_up(Profile::V3_5).await;
    let held = flow::restore(&cluster, target(json!({ "swap": "manual" })))
        .await
        .output();
    let id = held["summary"]["restore_id"].as_str().unwrap();
    cluster.advance(7_200);
    let error = flow::restore(&cluster, target(json!({}))).await.error();
    let said = format!("2 hours old, made by restore {id}");
    assert!(error.cause.contains(&said), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_aside_is_shown_before_it_does() {
    let cluster = backed_up(Profile::V3_5).await;
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-01', 7, 'x'), ('2026-01-02', 8, 'y')")
        .await;
    cluster.advance(120);
    let planned = flow::restore(&cluster, target(json!({ "dry_run": true })))
        .await
        .output();
    let live = &planned["summary"]["plan"]["summary"]["tables"][0]["live"];
    assert_eq!(live["fate"], json!("aside"), "{planned}");
    assert_eq!(live["rows"], json!(4), "{planned}");
    let loaded = live["last_load"].as_str().unwrap().to_owned();
    assert!(
        loaded.starts_with(&cluster.at("2026-03-01 04:00")[..11]),
        "{planned}"
    );

    let held = flow::restore(&cluster, target(json!({ "swap": "manual" })))
        .await
        .output();
    let id = held["summary"]["restore_id"].clone();
    let shown = |output: Value| output["summary"]["plan"]["summary"]["goes_aside"].to_string();
    let preview = flow::restore(&cluster, json!({ "promote": id, "dry_run": true })).await;
    let preview = shown(preview.output());
    assert!(
        preview.contains("orders goes aside as orders_before_")
            && preview.contains(&format!("about 4 rows, last load {loaded} UTC")),
        "{preview}"
    );
    assert_eq!(cluster.rows(ORDERS).await.len(), 4, "nothing was done");
    flow::restore(&cluster, json!({ "promote": id }))
        .await
        .output();
    let preview = flow::restore(&cluster, json!({ "undo": id, "dry_run": true })).await;
    let preview = shown(preview.output());
    assert!(
        preview.contains("orders goes aside as orders_undone_") && preview.contains("about 2 rows"),
        "{preview}"
    );
    assert_eq!(cluster.rows(ORDERS).await.len(), 2, "nothing was done");
    // A dry run says what stands against it, as the real one would.
    let error = flow::restore(&cluster, json!({ "promote": id, "dry_run": true }))
        .await
        .error();
    assert_eq!(error.error, "InvalidInput", "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_lost_is_set_again_or_said() {
    for profile in Profile::ALL {
        let cluster = Cluster::start(profile).await;
        cluster
            .sql(
                "CREATE DATABASE sales;
                 CREATE TABLE sales.users (id INT NOT NULL) PRIMARY KEY(id) \
                 DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
                 CREATE TABLE sales.orders (id INT NOT NULL, user INT NOT NULL) DUPLICATE KEY(id) \
                 DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1', \
                 'colocate_with'='together', 'unique_constraints'='id');
                 INSERT INTO sales.users VALUES (1);
                 INSERT INTO sales.orders VALUES (1, 1)",
            )
            .await;
        cluster.group("nightly", &["sales.*"]).await;
        flow::full(&cluster, "nightly").await;
        cluster.sql("DROP TABLE sales.orders FORCE").await;
        flow::restore(&cluster, target(json!({}))).await.output();
        let ddl = &cluster.rows("SHOW CREATE TABLE sales.orders").await[0][1];
        for property in ["\"colocate_with\" = \"together\"", "\"unique_constraints\""] {
            assert!(ddl.contains(property), "{profile:?} {ddl}");
        }
    }
}

/// Somebody gives the staged table another shape while it waits for verification.
#[tokio::test(flavor = "multi_thread")]
async fn another_shape_is_another_table() {
    let cluster = backed_up(Profile::V3_5).await;
    let meddling = tests::meddle::once_before(
        &cluster,
        |sql| sql.contains("SHOW CREATE TABLE `sales`.`orders_restored`"),
        "ALTER TABLE sales.orders_restored ADD COLUMN x INT NULL",
    );
    let before = cluster.rows(ORDERS).await;
    let error = flow::restore(&cluster, target(json!({}))).await.error();
    assert!(meddling.has_come_about());
    assert_eq!(error.error, "VerificationFailed", "{error:?}");
    assert!(error.cause.contains("the columns differ"), "{error:?}");
    assert_eq!(cluster.rows(ORDERS).await, before);
}
