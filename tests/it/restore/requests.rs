//! What can be asked for, and how it is cut into statements.

use serde_json::{Value, json};
use shared::error::Error;
use starrocks_emulator::{
    Profile,
    jobs::{faults::At, state::BackupState},
};
use tests::{
    cluster::Cluster,
    command::{command, create_user},
    flow,
};

const TABLE: &str = "(id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
     PROPERTIES('replication_num'='1')";

/// Two databases, backed up at 04:00 with row 1 each and at 05:00 with row 2.
async fn two_databases() -> (Cluster, Vec<Value>) {
    let cluster = Cluster::start(Profile::V3_5).await;
    for database in ["sales", "crm"] {
        cluster
            .sql(&format!(
                "CREATE DATABASE {database};\nCREATE TABLE {database}.t {TABLE};\n\
                 INSERT INTO {database}.t VALUES (1)"
            ))
            .await;
    }
    cluster.group("nightly", &["sales.*", "crm.*"]).await;
    let mut outputs = vec![flow::full(&cluster, "nightly").await];
    for database in ["sales", "crm"] {
        cluster
            .sql(&format!(
                "TRUNCATE TABLE {database}.t;\nINSERT INTO {database}.t VALUES (2)"
            ))
            .await;
    }
    cluster.advance(3_600);
    outputs.push(flow::full(&cluster, "nightly").await);
    (cluster, outputs)
}

async fn rows(cluster: &Cluster) -> [String; 2] {
    let one = async |database: &str| cluster.one(&format!("SELECT id FROM {database}.t")).await;
    [one("sales").await, one("crm").await]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_in_any_zone_finds_the_newest_whole_execution_before_it() {
    let (cluster, _) = two_databases().await;
    for (as_of, expected) in [
        ("2026-03-01 04:30", "1"),
        ("2026-03-01 06:30:00+02:00", "1"),
        ("2026-03-01T07:00:00Z", "2"),
        ("2026-03-01 05:30-01:00", "2"),
    ] {
        cluster.advance(60);
        let input = json!({ "group": "nightly", "as_of": cluster.at(as_of) });
        flow::restore(&cluster, input).await.output();
        assert_eq!(rows(&cluster).await, [expected; 2], "{as_of}");
    }
    let error = flow::restore(
        &cluster,
        json!({ "group": "nightly", "as_of": "yesterday" }),
    )
    .await
    .error();
    assert_eq!(error.error, "InvalidInput", "{error:?}");
    let early = json!({ "group": "nightly", "as_of": cluster.at("2026-03-01 03:00") });
    let error = flow::restore(&cluster, early).await.error();
    assert_eq!(error.error, "NotFound", "{error:?}");
    assert!(error.cause.contains("was pinned later"), "{error:?}");
}

/// The second execution backed up one of its databases: it is none that a group can be restored to.
#[tokio::test(flavor = "multi_thread")]
async fn half_an_execution_does_not_count() {
    let (cluster, _) = two_databases().await;
    cluster
        .sql(
            "CREATE EXTERNAL TABLE sales.ext (id INT) ENGINE=mysql PROPERTIES \
             ('host'='127.0.0.1','port'='1','user'='u','password'='p','database'='d','table'='t');
             TRUNCATE TABLE crm.t;
             INSERT INTO crm.t VALUES (3)",
        )
        .await;
    cluster.advance(3_600);
    let failed = flow::backup(&cluster, json!({ "group": "nightly", "kind": "full" })).await;
    assert!(failed.result.is_err());
    let newest = "SELECT status FROM ops.backup_history WHERE database_name = 'crm' \
         ORDER BY planned_at DESC LIMIT 1";
    assert_eq!(cluster.one(newest).await, "FINISHED");
    let halves = json!({ "execution": failed.id });
    let error = flow::restore(&cluster, halves).await.error();
    assert_eq!(error.error, "NotFound", "{error:?}");
    assert!(
        error.cause.contains("database sales was not backed up"),
        "{error:?}"
    );
    flow::restore(&cluster, json!({ "group": "nightly" }))
        .await
        .output();
    assert_eq!(rows(&cluster).await, ["2", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_restored_as_a_whole() {
    let (cluster, _) = two_databases().await;
    let first = cluster
        .one("SELECT execution_id FROM ops.backup_history ORDER BY planned_at LIMIT 1")
        .await;
    let done = flow::restore(&cluster, json!({ "execution": first })).await;
    assert_eq!(done.output()["summary"]["state"], json!("PROMOTED"));
    assert_eq!(rows(&cluster).await, ["1", "1"]);

    create_user(&cluster).await;
    let status = command(&cluster, &["status"]).await;
    let both = "crm_20260301_full, sales_20260301_full";
    assert!(status.out.contains(both), "{status:#?}");
    let error = flow::restore(&cluster, json!({ "execution": "nope" }))
        .await
        .error();
    assert_eq!(error.error, "NotFound", "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_tables_that_are_named_are_touched() {
    let cluster = Cluster::start(Profile::V4_1).await;
    cluster.sql("CREATE DATABASE sales").await;
    for table in ["a", "b"] {
        cluster
            .sql(&format!(
                "CREATE TABLE sales.{table} {TABLE};\nINSERT INTO sales.{table} VALUES (1)"
            ))
            .await;
    }
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    cluster
        .sql("TRUNCATE TABLE sales.a;\nTRUNCATE TABLE sales.b")
        .await;
    let input = json!({ "target_label": "sales_20260301_full", "tables": ["a"] });
    flow::restore(&cluster, input).await.output();
    assert_eq!(cluster.rows("SELECT id FROM sales.a").await, [["1"]]);
    assert!(cluster.rows("SELECT id FROM sales.b").await.is_empty());
}

const WIDE: &str = "CREATE DATABASE sales;
     CREATE TABLE sales.single (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
     PROPERTIES('replication_num'='1');
     CREATE TABLE sales.triple (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
     PROPERTIES('replication_num'='3');
     CREATE TABLE sales.mixed (k INT NOT NULL) DUPLICATE KEY(k) PARTITION BY RANGE(k) \
     (PARTITION p1 VALUES LESS THAN ('10'), PARTITION p2 VALUES LESS THAN ('20'), \
     PARTITION p3 VALUES LESS THAN ('30')) DISTRIBUTED BY HASH(k) BUCKETS 1 \
     PROPERTIES('replication_num'='3');
     ALTER TABLE sales.mixed MODIFY PARTITION (p2) SET ('replication_num' = '1');
     INSERT INTO sales.single VALUES (1);
     INSERT INTO sales.triple VALUES (3);
     INSERT INTO sales.mixed VALUES (1), (11), (21)";

async fn replicas(cluster: &Cluster, database: &str) -> Vec<Vec<String>> {
    cluster
        .rows(&format!(
            "SELECT TABLE_NAME, PARTITION_NAME, REPLICATION_NUM \
             FROM information_schema.partitions_meta WHERE DB_NAME = '{database}'"
        ))
        .await
}

fn sent(cluster: &Cluster) -> usize {
    let journal = cluster.emulator.faults().journal();
    let restores = journal
        .iter()
        .filter(|entry| entry.sql.starts_with("RESTORE SNAPSHOT"));
    restores.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_statement_for_each_number_of_replicas_and_no_more_than_there_are_backends() {
    for profile in Profile::ALL {
        let cluster = Cluster::start_wide(profile, 3).await;
        cluster.sql(WIDE).await;
        cluster.group("nightly", &["sales.*"]).await;
        flow::full(&cluster, "nightly").await;
        cluster.emulator.faults().reset_journal();
        let input = |database: &str| json!({ "target_label": "sales_20260301_full", "into_database": database });
        flow::restore(&cluster, input("copy")).await.output();
        assert_eq!(sent(&cluster), 2, "{profile:?}");
        assert_eq!(
            replicas(&cluster, "copy").await,
            [
                ["mixed", "p1", "3"],
                ["mixed", "p2", "1"],
                ["mixed", "p3", "3"],
                ["single", "single", "1"],
                ["triple", "triple", "3"]
            ],
            "{profile:?}"
        );

        cluster.emulator.with_engine(|engine| {
            for backend in &mut engine.nodes.backends[1..] {
                backend.alive = false;
            }
        });
        cluster.emulator.faults().reset_journal();
        let done = flow::restore(&cluster, input("small")).await.output();
        assert_eq!(sent(&cluster), 1, "{profile:?} {done}");
        let numbers = replicas(&cluster, "small").await;
        assert!(
            numbers.iter().all(|row| row[2] == "1"),
            "{profile:?} {numbers:?}"
        );
        assert_eq!(
            cluster.rows("SELECT k FROM small.mixed").await,
            [["1"], ["11"], ["21"]]
        );
    }
}

/// A job that fails has not everything to do again.
#[tokio::test(flavor = "multi_thread")]
async fn one_statement_names_at_most_five_hundred_tables() {
    let cluster = Cluster::start(Profile::V3_5).await;
    cluster.sql("CREATE DATABASE sales").await;
    let tables: Vec<String> = (0..501)
        .map(|number| format!("CREATE TABLE sales.t{number:03} {TABLE}"))
        .collect();
    cluster.sql(&tables.join(";\n")).await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    let context = cluster.context();
    let precheck = json!({
        "operation": "restore", "machine": "any",
        "input": { "target_label": "sales_20260301_full" },
        "execution": { "Id": "by-hand", "StartTime": "2026-03-01T05:00:00Z" },
    });
    let run = flow::call(&context, "Precheck", precheck).await.unwrap()["run"].clone();
    let plan = json!({ "operation": "plan", "run": run });
    flow::call(&context, "Restore", plan).await.unwrap();
    let kinds = "SELECT COUNT(*) FROM ops.restore_steps WHERE kind = 'restore_snapshot'";
    assert_eq!(cluster.one(kinds).await, "2");
}

async fn plan_as(cluster: &Cluster, name: &str, input: Value) -> Result<Value, Error> {
    let context = cluster.context();
    let execution = json!({ "Id": name, "StartTime": "2026-03-01T05:30:00Z" });
    let precheck = json!({
        "operation": "restore", "machine": "any", "input": input, "execution": execution,
    });
    let run = flow::call(&context, "Precheck", precheck).await?["run"].clone();
    let payload = json!({ "operation": "plan", "run": run });
    flow::call(&context, "Restore", payload).await
}

/// The plan of a restore is made once. Under a name that was used before, another input is not that
/// restore.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_used_before_does_not_continue_another_restore() {
    let (cluster, _) = two_databases().await;
    let input = |more: Value| {
        let mut input = json!({ "group": "nightly", "swap": "manual" });
        for (key, value) in more.as_object().expect("an object") {
            input[key] = value.clone();
        }
        input
    };
    let plan = plan_as(&cluster, "again", input(json!({}))).await.unwrap();
    let repeated = plan_as(&cluster, "again", input(json!({}))).await.unwrap();
    assert_eq!(repeated, plan);
    let expected = input(json!({ "expect_plan": plan["digest"] }));
    assert_eq!(plan_as(&cluster, "again", expected).await.unwrap(), plan);
    for other in [
        json!({ "as_of": cluster.at("2026-03-01 04:30") }),
        json!({ "tables": ["t"] }),
        json!({ "swap": "auto" }),
        json!({ "expect_plan": "0123456789abcdef0123456789abcdef" }),
    ] {
        let error = plan_as(&cluster, "again", input(other.clone())).await;
        let error = error.expect_err("another restore");
        assert_eq!(error.name.as_str(), "InvalidInput", "{other}: {error}");
    }
    plan_as(&cluster, "another", input(json!({ "tables": ["t"] })))
        .await
        .unwrap();
}

/// What is asked for has to fit, not what the label holds.
#[tokio::test(flavor = "multi_thread")]
async fn the_disks_need_room_for_what_is_asked_for_and_no_more() {
    let cluster = Cluster::start(Profile::V3_5).await;
    cluster
        .sql(&format!(
            "CREATE DATABASE sales;\nCREATE TABLE sales.a {TABLE};\nCREATE TABLE sales.b {TABLE};\n\
             INSERT INTO sales.a VALUES (1);\nINSERT INTO sales.b VALUES (1)"
        ))
        .await;
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    let all = || json!({ "target_label": "sales_20260301_full" });
    let one = || json!({ "target_label": "sales_20260301_full", "tables": ["a"] });
    let mut dry = one();
    dry["dry_run"] = json!(true);
    let planned = flow::restore(&cluster, dry).await.output();
    let room = &planned["summary"]["plan"]["summary"]["totals"]["room_bytes"];
    let room = room.as_u64().unwrap_or_else(|| panic!("{planned}"));
    cluster.emulator.with_engine(|engine| {
        for backend in &mut engine.nodes.backends {
            backend.disks[0].total = 100 * room;
            backend.disks[0].available = 15 * room + room * 3 / 2;
        }
    });
    let error = flow::restore(&cluster, all()).await.error();
    assert_eq!(error.error, "InsufficientStorage", "{error:?}");
    assert!(error.cause.contains("restore fewer tables"), "{error:?}");
    let done = flow::restore(&cluster, one()).await.output();
    assert_eq!(done["summary"]["state"], json!("PROMOTED"), "{done}");
}

/// Jobs are one per database: those of the source are in nobody's way.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_the_source_does_not_stop_a_restore_into_another_database() {
    let (cluster, _) = two_databases().await;
    cluster.emulator.with_engine(|engine| {
        let at = At::backup("sales", BackupState::Uploading);
        engine.jobs.faults.hold(at);
    });
    cluster
        .sql("BACKUP SNAPSHOT sales.by_hand TO repo ON (t)")
        .await;
    let copy = json!({ "target_label": "sales_20260301_full", "into_database": "copy" });
    flow::restore(&cluster, copy).await.output();
    assert_eq!(cluster.one("SELECT id FROM copy.t").await, "1");
    let back = json!({ "target_label": "sales_20260301_full" });
    let error = flow::restore(&cluster, back).await.error();
    assert_eq!(error.error, "JobConflict", "{error:?}");
}

/// The timeouts in the statements that contain this, in seconds.
fn timeouts(cluster: &Cluster, text: &str) -> Vec<u64> {
    let journal = cluster.emulator.faults().journal();
    let sent = journal
        .iter()
        .filter_map(|entry| entry.sql.contains(text).then_some(entry.sql.as_str()));
    let seconds = |sql: &str| {
        let (_, after) = sql.split_once("\"timeout\" = \"")?;
        after.split('"').next()?.parse().ok()
    };
    sent.map(|sql| seconds(sql).unwrap_or_else(|| panic!("no timeout: {sql}")))
        .collect()
}

/// What may take long to back up may take as long to restore; what does not still has a day.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_has_as_long_as_its_backup_and_never_less_than_a_day() {
    const HOUR: u64 = 3600;
    for (window, of_backup, of_restore) in [("2", 4, 24), ("48", 96, 96)] {
        let cluster = tests::shop::shop(Profile::V3_5).await;
        let variables = [("STARROCKS_BR_WINDOW_HOURS", window)];
        let full = json!({ "group": "nightly", "kind": "full" });
        flow::backup_as(&cluster, full, &variables).await.output();
        let input = json!({ "target_label": "sales_20260301_full", "into_database": "copy" });
        flow::restore_as(&cluster, input, &variables).await.output();
        assert_eq!(
            timeouts(&cluster, "BACKUP SNAPSHOT"),
            [of_backup * HOUR],
            "{window}"
        );
        assert_eq!(
            timeouts(&cluster, "RESTORE SNAPSHOT"),
            [of_restore * HOUR],
            "{window}"
        );
    }
}
