//! `plan`: what would be done, and that nothing was.

use serde_json::{Value, json};
use tests::{cluster::Cluster, flow};

use super::support::{Shell, Ticking, assert_same, dump, shop};

async fn planned(cluster: &Cluster, line: &str) -> (Value, String) {
    let shell = Shell::at(cluster);
    let before = dump(cluster).await;
    cluster.emulator.faults().reset_journal();
    let text = shell.run(line).await.succeeded();
    let json = shell
        .run(&format!("{line} --output json"))
        .await
        .succeeded();
    for entry in cluster.emulator.faults().journal() {
        let word = entry.sql.split_whitespace().next().unwrap_or_default();
        assert!(
            ["SELECT", "SHOW", "SET", "USE", "ADMIN"].contains(&word.to_uppercase().as_str()),
            "{line} sent {}",
            entry.sql
        );
    }
    assert_same(line, &before, &dump(cluster).await);
    assert_eq!((text.err.as_str(), json.err.as_str()), ("", ""));
    (json.json(), text.out)
}

fn table<'a>(plan: &'a Value, database: usize, name: &str) -> &'a Value {
    let tables = plan["databases"][database]["tables"].as_array();
    tables
        .into_iter()
        .flatten()
        .find(|table| table["table"] == name)
        .unwrap_or_else(|| panic!("no {name} in {plan}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_a_full_names_every_table_and_changes_nothing() {
    let cluster = shop().await;
    let (plan, text) = planned(&cluster, "plan backup --group nightly --full").await;
    assert_eq!(plan["kind"], "full");
    assert_eq!(plan["databases"][0]["database"], "crm");
    assert_eq!(plan["databases"][0]["baseline"], Value::Null);
    let orders = table(&plan, 1, "orders");
    assert_eq!(
        (&orders["action"], &orders["partitions_stored"]),
        (&json!("store"), &json!(2))
    );
    assert!(orders["bytes_stored"].as_str() > Some("0"), "{orders}");
    for word in ["customers", "orders", "events", "everything is stored"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

/// On which day depends on when the suite runs; that there is none does not.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_and_why_is_said() {
    let cluster = shop().await;
    let (plan, text) = planned(&cluster, "plan backup --group nightly").await;
    let reason = plan["chosen"].as_str().expect("a reason");
    assert!(reason.contains("monthly full"), "{plan}");
    let due = format!("due: full (monthly, kept 365 days): {reason}");
    assert_eq!(text.lines().next(), Some(due.as_str()), "{text}");

    let ticking = Ticking::of(&cluster);
    let shell = Shell::at(&cluster);
    let made = shell.run("backup auto --group nightly").await.succeeded();
    drop(ticking);
    assert!(made.err.contains(&due), "{made:#?}");
    let last = format!("a full was due: {reason}");
    assert_eq!(made.out.lines().last(), Some(last.as_str()), "{made:#?}");
    let list = shell.run("list --output json").await.succeeded().json();
    let label = list[0]["label"].as_str().expect("a label");
    let show = shell.run(&format!("show {label} --output json")).await;
    for shown in [&list[0], &show.succeeded().json()] {
        assert_eq!(shown["retention_class"], "monthly", "{shown}");
        assert!(shown["expires_at"].as_str() > shown["pinned_at"].as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_an_incremental_is_what_the_backup_does() {
    let cluster = shop().await;
    flow::full(&cluster, "nightly").await;
    let (plan, text) = planned(&cluster, "plan backup --group nightly --incremental").await;
    assert_eq!(plan["databases"][1]["partitions_stored"], 0);
    assert!(text.contains("no snapshot would be made"), "{text}");

    cluster
        .sql(
            "INSERT INTO sales.orders VALUES ('2026-01-02', 3);
             INSERT INTO sales.orders VALUES ('2026-01-02', 4);
             DROP TABLE sales.events FORCE;
             CREATE VIEW sales.v AS SELECT id FROM sales.orders;
             CREATE TABLE sales.odd (id INT NOT NULL) DUPLICATE KEY(id) PARTITION BY RANGE(id) \
             (PARTITION p1 VALUES LESS THAN ('5')) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             ALTER TABLE sales.odd ADD TEMPORARY PARTITION t1 VALUES LESS THAN ('5')",
        )
        .await;
    let line = "plan backup --group nightly --incremental --on-unsupported skip --name n-v#r";
    let (plan, text) = planned(&cluster, line).await;
    let sales = &plan["databases"][1];
    let orders = table(&plan, 1, "orders");
    assert_eq!(
        (&orders["partitions_stored"], &orders["partitions_total"]),
        (&json!(1), &json!(2)),
        "{orders}"
    );
    assert!(orders["reason"].as_str().unwrap().contains("p2"));
    assert_eq!(sales["definitions"][0]["name"], "v");
    let left_out = sales["left_out"].to_string();
    assert!(
        left_out.contains("odd") && left_out.contains("temporary"),
        "{left_out}"
    );
    assert!(
        left_out.contains("events") && left_out.contains("drop"),
        "{left_out}"
    );
    assert!(text.contains("table odd: skip"), "{text}");

    let ended = flow::backup(
        &cluster,
        json!({ "group": "nightly", "kind": "incremental", "on_unsupported": "skip", "name": "n-v#r" }),
    )
    .await;
    assert_eq!(ended.error().error, "PartialBackup");
    let label = sales["label"].as_str().unwrap();
    let done = cluster
        .rows(&format!(
            "SELECT label, baseline_label, partitions_total, partitions_stored, bytes_stored \
             FROM ops.backup_history WHERE label = '{label}'"
        ))
        .await;
    let promised = [
        "label",
        "baseline",
        "partitions_total",
        "partitions_stored",
        "bytes_stored",
    ]
    .map(|key| match &sales[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    assert_eq!(done, [promised.to_vec()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_of_a_restore_is_that_of_its_dry_run() {
    let cluster = shop().await;
    flow::full(&cluster, "nightly").await;
    let target = "--target-label sales_20260301_full --table orders";
    let (plan, text) = planned(&cluster, &format!("plan restore {target}")).await;
    let (dry, dry_text) = planned(&cluster, &format!("restore {target} --dry-run")).await;
    // The names of what is put aside carry the time.
    assert_eq!(plan["summary"]["totals"], dry["summary"]["totals"]);
    assert_eq!(text.lines().count(), dry_text.lines().count());
    assert!(
        text.contains("sales.orders") && text.contains("stage"),
        "{text}"
    );
}
