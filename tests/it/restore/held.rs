//! Policies of live tables, which a restore switches off before it touches them: who gets them back, and
//! when.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
};
use tests::{cluster::Cluster, flow, kill::Kill, meddle};

use super::policies::{FULL, ROWS, dynamic, notes, shop};

const ENABLED: &str = "\"dynamic_partition.enable\" = \"true\"";

async fn has(cluster: &Cluster, table: &str, property: &str) -> bool {
    let rows = cluster
        .rows(&format!("SHOW CREATE TABLE sales.{table}"))
        .await;
    rows[0][1].contains(property)
}

fn target(more: Value) -> Value {
    let mut input = json!({ "target_label": FULL });
    for (key, value) in more.as_object().expect("an object") {
        input[key] = value.clone();
    }
    input
}

async fn named(cluster: &Cluster, like: &str) -> String {
    cluster
        .one(&format!("SHOW TABLES FROM sales LIKE '{like}'"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_gives_the_live_table_its_policies_back() {
    for (profile, policy, property) in [
        (Profile::V3_3, dynamic("-60"), ENABLED),
        (
            Profile::V4_1,
            ", 'partition_live_number'='5'".to_owned(),
            "\"partition_live_number\" = \"9\"",
        ),
    ] {
        let cluster = shop(profile, &policy).await;
        if policy.contains("live_number") {
            // Not what the label says: the live table's own value comes back.
            let alter = "ALTER TABLE sales.days SET ('partition_live_number' = '9')";
            cluster.sql(alter).await;
        }
        let done = flow::restore(&cluster, target(json!({}))).await.output();
        let undone = flow::restore(&cluster, done["summary"]["next_input"].clone())
            .await
            .output();
        assert!(has(&cluster, "days", property).await, "{undone}");
        // What the restore put there is kept, and drops nothing of itself.
        let undone = named(&cluster, "days_undone_%").await;
        assert!(!has(&cluster, &undone, property).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_of_single_partitions_gives_the_live_table_its_policies_back() {
    let property = "\"partition_live_number\" = \"3\"";
    let cluster = shop(Profile::V3_5, ", 'partition_live_number'='3'").await;
    cluster
        .sql(
            "ALTER TABLE sales.days DROP PARTITION p20260226 FORCE;\n\
             ALTER TABLE sales.days ADD PARTITION p20260301 VALUES [('2026-03-01'), ('2026-03-02'))",
        )
        .await;
    let rows = cluster.rows(ROWS).await;
    let input = target(json!({ "tables": ["days"], "partitions": ["p20260226", "p20260227"] }));
    let done = flow::restore(&cluster, input).await.output();
    assert!(!has(&cluster, "days", property).await);
    flow::restore(&cluster, done["summary"]["next_input"].clone())
        .await
        .output();
    assert!(has(&cluster, "days", property).await);
    assert_eq!(cluster.rows(ROWS).await, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_is_refused_gives_the_live_table_its_policies_back() {
    let cluster = shop(Profile::V3_5, &dynamic("-60")).await;
    meddle::refuse_once(&cluster, " SWAP WITH ");
    let error = flow::restore(&cluster, target(json!({}))).await.error();
    assert!(error.cause.contains("is full"), "{error:?}");
    assert!(has(&cluster, "days", ENABLED).await, "{error:?}");
    // Held once more when the promotion goes on.
    let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
    let done = flow::restore(&cluster, json!({ "resume": id }))
        .await
        .output();
    assert_eq!(done["summary"]["state"], json!("PROMOTED"));
    let before = named(&cluster, "days_before_%").await;
    assert!(!has(&cluster, &before, ENABLED).await);
    flow::restore(&cluster, done["summary"]["next_input"].clone())
        .await
        .output();
    assert!(has(&cluster, "days", ENABLED).await);
}

/// While some of what was restored is in the live table and the rest is not, its policies could drop that.
#[tokio::test(flavor = "multi_thread")]
async fn a_splice_that_breaks_off_says_what_is_switched_off() {
    let cluster = shop(Profile::V3_5, &dynamic("-60")).await;
    cluster.sql("TRUNCATE TABLE sales.days").await;
    meddle::refuse_once(&cluster, " REPLACE PARTITION ");
    let input = target(json!({ "tables": ["days"], "partitions": ["p20260226"] }));
    let error = flow::restore(&cluster, input).await.error();
    let alter = format!("ALTER TABLE `sales`.`days` SET ({ENABLED})");
    assert!(error.cause.contains(&alter), "{error:?}");
    let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
    flow::restore(&cluster, json!({ "resume": id }))
        .await
        .output();
    assert!(has(&cluster, "days", ENABLED).await);
    assert_eq!(cluster.rows(ROWS).await, [["2026-02-26", "1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policies_of_a_live_table_that_was_replaced_are_not_touched() {
    let cluster = shop(Profile::V3_5, &dynamic("-60")).await;
    let held = flow::restore(&cluster, target(json!({ "swap": "manual" })))
        .await
        .output();
    cluster
        .sql(
            "CREATE TABLE sales.days_new LIKE sales.days;\n\
             ALTER TABLE sales.days_new SWAP WITH days",
        )
        .await;
    assert!(has(&cluster, "days", ENABLED).await);
    let error = flow::restore(&cluster, held["summary"]["next_input"].clone())
        .await
        .error();
    assert!(error.cause.contains("replaced"), "{error:?}");
    for table in ["days", "days_new"] {
        assert!(has(&cluster, table, ENABLED).await, "{table}: {error:?}");
    }
}

/// What was certain when it was planned need not be when it is promoted.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_would_drop_what_is_promoted_late_stays_off() {
    let cluster = shop(Profile::V3_5, &dynamic("-30")).await;
    let rows = cluster.rows(ROWS).await;
    let held = flow::restore(&cluster, target(json!({ "swap": "manual" })))
        .await
        .output();
    cluster.advance(40 * 86_400);
    let done = flow::restore(&cluster, held["summary"]["next_input"].clone())
        .await
        .output();
    cluster.advance(700);
    assert_eq!(cluster.rows(ROWS).await, rows);
    let said = notes(&done);
    let alter = "ALTER TABLE `sales`.`days` SET (\\\"dynamic_partition.enable\\\" = \\\"true\\\")";
    assert!(said.contains(alter), "{said}");
}

/// A restore that broke off at its very end, and is taken up again when the name stands for another table.
#[tokio::test(flavor = "multi_thread")]
async fn policies_are_not_switched_on_in_a_table_of_somebody_else() {
    let cluster = shop(Profile::V3_5, &dynamic("-60")).await;
    cluster.emulator.faults().always(
        When::Contains(format!("ALTER TABLE `sales`.`days` SET ({ENABLED})")),
        Fault::DropBefore,
    );
    let error = flow::restore(&cluster, target(json!({}))).await.error();
    cluster.emulator.faults().clear();
    assert!(!has(&cluster, "days", ENABLED).await, "{error:?}");
    cluster
        .sql(
            "CREATE TABLE sales.days_new LIKE sales.days;\n\
             ALTER TABLE sales.days_new SWAP WITH days",
        )
        .await;
    let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
    let done = flow::restore(&cluster, json!({ "resume": id }))
        .await
        .output();
    assert!(!has(&cluster, "days", ENABLED).await);
    let said = notes(&done);
    assert!(said.contains("dynamic_partition.enable"), "{said}");
}

/// Around each statement that switches a policy, before and after the server executes it.
async fn kills(cluster: &Cluster, input: Value) -> Vec<Kill> {
    cluster.emulator.faults().reset_journal();
    let _ = flow::restore(cluster, input).await;
    let journal = cluster.emulator.faults().journal();
    let switches = journal
        .iter()
        .filter(|entry| entry.sql.starts_with("ALTER TABLE `sales`.`days` SET"));
    let numbers: BTreeSet<u64> = switches
        .flat_map(|entry| [entry.number - 1, entry.number, entry.number + 1])
        .collect();
    assert_eq!(numbers.len(), 6, "two switches, apart from each other");
    numbers
        .into_iter()
        .flat_map(|statement| {
            [false, true].map(|executed| Kill {
                statement,
                executed,
            })
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_killed_where_it_switches_policies_ends_alike() {
    let promoted = async || {
        let cluster = shop(Profile::V3_5, &dynamic("-60")).await;
        let done = flow::restore(&cluster, target(json!({}))).await.output();
        (cluster, done["summary"]["next_input"].clone())
    };
    let (undisturbed, undo) = promoted().await;
    for kill in kills(&undisturbed, undo).await {
        let (cluster, undo) = promoted().await;
        let (ended, fired) = flow::restore_with_kill(&cluster, undo, kill).await;
        assert!(fired, "{kill:?}");
        assert_eq!(ended.output()["summary"]["state"], json!("UNDONE"));
        assert!(has(&cluster, "days", ENABLED).await, "{kill:?}");
        let undone = named(&cluster, "days_undone_%").await;
        assert!(!has(&cluster, &undone, ENABLED).await, "{kill:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_promotion_killed_where_it_switches_policies_ends_alike() {
    // Its name for what goes aside is taken, after the live table was held.
    let refused = async || {
        let cluster = shop(Profile::V3_5, &dynamic("-60")).await;
        cluster
            .sql("ALTER TABLE sales.days SET ('unique_constraints' = 'id')")
            .await;
        let held = flow::restore(&cluster, target(json!({ "swap": "manual" })))
            .await
            .output();
        let promote = held["summary"]["next_input"].clone();
        let mut look = promote.clone();
        look["dry_run"] = json!(true);
        let seen = flow::restore(&cluster, look).await.output();
        let line = seen["summary"]["plan"]["summary"]["goes_aside"][0].to_string();
        let words: Vec<&str> = line.split([' ', ':']).collect();
        let before = words[4].to_owned();
        cluster
            .sql(&format!("CREATE TABLE sales.{before} LIKE sales.days"))
            .await;
        (cluster, promote, before)
    };
    let (undisturbed, promote, _) = refused().await;
    for kill in kills(&undisturbed, promote).await {
        let (cluster, promote, before) = refused().await;
        let (ended, fired) = flow::restore_with_kill(&cluster, promote.clone(), kill).await;
        assert!(fired, "{kill:?}");
        let error = ended.error();
        let taken = error.cause.contains("the new name is taken");
        assert!(taken, "{kill:?}: {error:?}");
        assert!(has(&cluster, "days", ENABLED).await, "{kill:?}");
        cluster.sql(&format!("DROP TABLE sales.{before}")).await;
        let done = flow::restore(&cluster, promote).await.output();
        assert_eq!(done["summary"]["state"], json!("PROMOTED"), "{kill:?}");
        assert!(!has(&cluster, &before, ENABLED).await, "{kill:?}");
        flow::restore(&cluster, done["summary"]["next_input"].clone())
            .await
            .output();
        assert!(has(&cluster, "days", ENABLED).await, "{kill:?}");
    }
}
