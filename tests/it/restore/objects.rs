//! Views, materialized views and functions that the target lacks.

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{
    cluster::Cluster,
    command::{command, create_user},
    flow,
};

use super::shop;

const FULL: &str = "sales_20260301_full";

/// By name the dependent ones come first.
const OBJECTS: &str = "CREATE DATABASE other;
     CREATE TABLE other.lookup (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
     PROPERTIES('replication_num'='1');
     CREATE VIEW sales.z_base AS SELECT k, id FROM sales.orders;
     CREATE VIEW sales.m_middle AS SELECT id FROM sales.z_base;
     CREATE VIEW sales.a_top AS SELECT id FROM sales.m_middle WHERE id > 1;
     CREATE MATERIALIZED VIEW sales.a_sums DISTRIBUTED BY HASH(k) BUCKETS 1 REFRESH MANUAL \
     PROPERTIES('replication_num'='1') AS SELECT k, COUNT(id) AS ids FROM sales.orders GROUP BY k;
     CREATE VIEW sales.b_lost AS SELECT id FROM other.lookup;
     CREATE FUNCTION sales.f(INT) RETURNS INT PROPERTIES ('symbol' = 'com.example.F', \
     'type' = 'StarrocksJar', 'file' = 'http://host/f.jar')";

async fn backed_up(profile: Profile) -> Cluster {
    let cluster = shop(profile).await;
    cluster.sql(OBJECTS).await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    cluster
}

fn notes(output: &Value) -> String {
    output["summary"]["notes"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_made_again_in_order_and_what_cannot_be_is_said() {
    for profile in Profile::ALL {
        let cluster = backed_up(profile).await;
        let top = cluster.rows("SELECT * FROM sales.a_top").await;
        cluster
            .sql(
                "DROP MATERIALIZED VIEW sales.a_sums;
                 DROP VIEW sales.a_top;
                 DROP VIEW sales.m_middle;
                 DROP VIEW sales.z_base;
                 DROP VIEW sales.b_lost;
                 DROP FUNCTION sales.f(INT);
                 DROP TABLE other.lookup FORCE;
                 DROP TABLE sales.orders FORCE",
            )
            .await;
        let done = flow::restore(&cluster, json!({ "target_label": FULL }))
            .await
            .output();
        let said = notes(&done);
        assert_eq!(
            cluster.rows("SELECT * FROM sales.a_top").await,
            top,
            "{profile:?} {said}"
        );
        let views = cluster.rows("SHOW MATERIALIZED VIEWS FROM sales").await;
        assert_eq!(views.len(), 1, "{profile:?} {said}");
        let functions = cluster.rows("SHOW FULL FUNCTIONS FROM sales").await;
        assert_eq!(functions.len(), 1, "{profile:?} {said}");
        // The one whose table is gone: said, with the statement to run.
        assert!(
            said.contains("to be run by hand: CREATE VIEW") && said.contains("b_lost"),
            "{profile:?} {said}"
        );
        assert!(
            said.contains("REFRESH MATERIALIZED VIEW `sales`.`a_sums`"),
            "{profile:?} {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn their_definitions_are_shown() {
    for profile in Profile::ALL {
        let cluster = backed_up(profile).await;
        create_user(&cluster).await;
        let shown = command(&cluster, &["show", FULL, "--ddl"]).await;
        assert_eq!(shown.code, 0, "{profile:?} {shown:#?}");
        for words in [
            "CREATE TABLE `orders`",
            "`z_base`",
            "`m_middle`",
            "`a_top`",
            "CREATE MATERIALIZED VIEW `a_sums`",
            "`b_lost`",
            "com.example.F",
        ] {
            assert!(
                shown.out.contains(words),
                "{profile:?} '{words}': {shown:#?}"
            );
        }
        assert_eq!(
            shown.out.matches("CREATE VIEW").count(),
            4,
            "{profile:?} {shown:#?}"
        );
        let without = command(&cluster, &["show", FULL]).await;
        assert!(
            !without.out.contains("CREATE VIEW"),
            "{profile:?} {without:#?}"
        );
    }
}

/// A view names its database: in another one it would read the old data.
#[tokio::test(flavor = "multi_thread")]
async fn in_another_database_they_are_not_made_and_that_is_said() {
    let cluster = backed_up(Profile::V4_1).await;
    let input = json!({ "target_label": FULL, "into_database": "copy" });
    let done = flow::restore(&cluster, input).await.output();
    let said = notes(&done);
    for view in ["copy.a_top", "copy.a_sums", "copy.z_base"] {
        assert!(said.contains(view), "{view}: {said}");
    }
    assert_eq!(cluster.rows("SHOW TABLES FROM copy").await, [["orders"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_makes_materialized_views_inactive_and_says_how_to_activate_them() {
    let cluster = backed_up(Profile::V3_5).await;
    let done = flow::restore(&cluster, json!({ "target_label": FULL }))
        .await
        .output();
    let said = notes(&done);
    let alter = "ALTER MATERIALIZED VIEW `sales`.`a_sums` ACTIVE";
    assert!(said.contains(alter), "{said}");
    let views = cluster.rows("SHOW MATERIALIZED VIEWS FROM sales").await;
    assert!(views[0].contains(&"false".to_owned()), "{views:?}");
    cluster.sql(alter).await;
}
