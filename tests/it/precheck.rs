//! What is in the way is found before anything is done, and all of it at once.

use serde_json::{Value, json};
use shared::error::ErrorName;
use starrocks_emulator::{
    Profile,
    jobs::{faults::At, state::BackupState},
};
use tests::{
    cluster::{Cluster, create_repository},
    flow,
    shop::{shop, start},
};

fn event(input: Value) -> Value {
    json!({
        "operation": "backup",
        "input": input,
        "execution": { "Id": "one", "StartTime": "2026-03-01T04:00:00Z" },
    })
}

fn nightly() -> Value {
    json!({ "group": "nightly", "kind": "full" })
}

/// Statements that change something.
fn changes(cluster: &Cluster) -> Vec<String> {
    let reads = ["SELECT", "SHOW", "SET", "ADMIN", "USE"];
    cluster
        .emulator
        .faults()
        .journal()
        .into_iter()
        .map(|entry| entry.sql)
        .filter(|sql| {
            !reads
                .iter()
                .any(|word| sql.trim_start().to_uppercase().starts_with(word))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn minimal_input_becomes_a_whole_run() {
    let cluster = shop(Profile::V4_1).await;
    cluster.emulator.faults().reset_journal();
    let answer = flow::call(&cluster.context(), "Precheck", event(nightly()))
        .await
        .unwrap();
    assert_eq!(answer["run"]["databases"], json!(["sales"]));
    assert_eq!(answer["next"]["decision"], json!("start"));
    assert_eq!(changes(&cluster), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_one_clear_error() {
    let cluster = shop(Profile::V4_1).await;
    for (input, name, words) in [
        (
            json!({ "group": "nope", "kind": "full" }),
            ErrorName::NotFound,
            "no group 'nope'",
        ),
        (
            json!({ "gruop": "nightly", "kind": "full" }),
            ErrorName::InvalidInput,
            "did you mean 'group'",
        ),
        (
            json!({ "group": "nightly", "kind": "half" }),
            ErrorName::InvalidInput,
            "half",
        ),
        (
            json!({ "group": "nightly" }),
            ErrorName::InvalidInput,
            "kind",
        ),
        (
            json!({ "group": "nightly", "kind": "full", "name": "a:b" }),
            ErrorName::InvalidInput,
            "a:b",
        ),
        (
            json!("nightly"),
            ErrorName::InvalidInput,
            "must be an object",
        ),
    ] {
        cluster.emulator.faults().reset_journal();
        let error = flow::call(&cluster.context(), "Precheck", event(input.clone()))
            .await
            .unwrap_err();
        assert_eq!(error.name, name, "{input}: {error}");
        assert!(error.message.contains(words), "{input}: {error}");
        assert!(!error.hints.is_empty(), "{input}: {error}");
        assert_eq!(changes(&cluster), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_is_listed() {
    let cluster = shop(Profile::V4_1).await;
    cluster.sql("DROP REPOSITORY repo").await;
    cluster.group("nightly", &["gone.t"]).await;
    let error = flow::call(&cluster.context(), "Precheck", event(nightly()))
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::PrecheckFailed);
    for words in [
        "repo",
        "it does not exist",
        "gone",
        "there is no such database",
    ] {
        assert!(error.message.contains(words), "{words}: {error}");
    }
}

/// One way round: what is known without a look at any partition is said together.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_for_the_rest_is_listed_too() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE EXTERNAL TABLE sales.ext (k INT) ENGINE=mysql PROPERTIES ('host'='h', \
             'port'='1', 'user'='u', 'password'='p', 'database'='d', 'table'='t');
             DROP REPOSITORY repo",
        )
        .await;
    cluster
        .group("some", &["sales.orders", "sales.gone", "sales.ext"])
        .await;
    let repository = "repository repo: it does not exist";
    let some = json!({ "group": "some", "kind": "incremental", "baseline": "no_such_label" });
    for (input, words) in [
        (
            json!({ "group": "nope", "kind": "full" }),
            vec!["there is no group 'nope'", repository],
        ),
        (
            some,
            vec![
                "there is no backup with label 'no_such_label'",
                repository,
                "sales.gone: the group names it, and it does not exist",
                "sales.ext: StarRocks backs up no table of engine MYSQL",
            ],
        ),
    ] {
        refused(&cluster, input, &words).await;
    }
    cluster.sql("DROP DATABASE ops FORCE").await;
    let words = ["the ops database ops does not exist", repository];
    refused(&cluster, nightly(), &words).await;
}

async fn refused(cluster: &Cluster, input: Value, words: &[&str]) {
    cluster.emulator.faults().reset_journal();
    let error = flow::call(&cluster.context(), "Precheck", event(input))
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::PrecheckFailed, "{error}");
    for words in words {
        assert!(error.message.contains(words), "{words}: {error}");
    }
    let read = |entry: &str| entry.contains("partitions_meta");
    let journal = cluster.emulator.faults().journal();
    assert!(
        !journal.iter().any(|entry| read(&entry.sql)),
        "no partition is read"
    );
    assert_eq!(changes(cluster), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tools_job_is_in_the_way() {
    let cluster = shop(Profile::V4_1).await;
    cluster
        .sql("BACKUP SNAPSHOT sales.by_hand TO repo ON (orders)")
        .await;
    let error = flow::call(&cluster.context(), "Precheck", event(nightly()))
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::JobConflict);
    assert!(error.message.contains("by_hand"), "{error}");
    cluster.advance(60);
    flow::call(&cluster.context(), "Precheck", event(nightly()))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_the_python_tool_is_in_the_way() {
    let cluster = shop(Profile::V4_1).await;
    cluster
        .sql("INSERT INTO ops.run_status (scope, label, state) VALUES ('backup', 'theirs', 'ACTIVE')")
        .await;
    let error = flow::call(&cluster.context(), "Precheck", event(nightly()))
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::JobConflict);
    // The statement that clears it, as it stands in the message, does.
    let hint = error
        .hints
        .iter()
        .find(|hint| hint.contains("UPDATE"))
        .expect("a statement");
    let statement = &hint[hint.find("UPDATE").unwrap()..];
    cluster.sql(statement).await;
    flow::call(&cluster.context(), "Precheck", event(nightly()))
        .await
        .unwrap();
}

/// A label says where its snapshot is. What is configured is where the next backup goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_looks_at_the_repository_of_its_label() {
    let cluster = shop(Profile::V3_5).await;
    let there = create_repository();
    let moved = there
        .replace("`repo`", "moved")
        .replace("/starrocks", "/moved");
    cluster.sql(&moved).await;
    flow::full(&cluster, "nightly").await;
    let input = json!({ "target_label": "sales_20260301_full" });
    let restored = "SELECT repository FROM ops.restore_history";

    cluster.sql("INSERT INTO sales.orders VALUES (2)").await;
    let nowhere = [("STARROCKS_REPOSITORY", "nope")];
    flow::restore_as(&cluster, input.clone(), &nowhere)
        .await
        .output();
    assert_eq!(cluster.rows("SELECT id FROM sales.orders").await, [["1"]]);
    assert_eq!(cluster.one(restored).await, "repo");

    cluster.sql("DROP REPOSITORY repo").await;
    let moved = [("STARROCKS_REPOSITORY", "moved")];
    let error = flow::restore_as(&cluster, input, &moved).await.error();
    assert_eq!(error.error, "RepositoryUnavailable", "{error:?}");
    let words = "repository repo: it does not exist";
    assert!(error.cause.contains(words), "{error:?}");
}

/// Whatever runs there is in the way of the next backup.
#[tokio::test(flavor = "multi_thread")]
async fn the_report_names_what_runs() {
    let cluster = shop(Profile::V4_1).await;
    cluster
        .sql("BACKUP SNAPSHOT sales.by_hand TO repo ON (orders)")
        .await;
    let said = said_of(&cluster, "running jobs").await;
    assert!(said[0].contains("backup by_hand is"), "{said:?}");
    cluster.advance(60);
    let said = said_of(&cluster, "running jobs").await;
    assert!(said[0].starts_with("passed"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_ops_tables_name_the_command() {
    let cluster = shop(Profile::V4_1).await;
    cluster.sql("DROP TABLE ops.restore_steps FORCE").await;
    let error = flow::call(&cluster.context(), "Precheck", event(nightly()))
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::PrecheckFailed);
    assert!(error.to_string().contains("starrocks-br init"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_has_a_line_for_everything() {
    let cluster = shop(Profile::V4_1).await;
    cluster
        .sql("CREATE EXTERNAL TABLE sales.ext (id INT) ENGINE=mysql PROPERTIES ('host'='127.0.0.1','port'='1','user'='u','password'='p','database'='d','table'='t')")
        .await;
    let event = json!({ "operation": "report" });
    let report = flow::call(&cluster.context(), "Precheck", event)
        .await
        .unwrap();
    let findings = report["findings"].as_array().unwrap();
    let failed: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["verdict"]["verdict"] == json!("failed"))
        .collect();
    assert_eq!(failed.len(), 1, "{findings:?}");
    assert_eq!(failed[0]["subject"], json!("sales.ext"));
    assert!(findings.len() > 5, "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tools_restore_is_in_the_way() {
    let cluster = shop(Profile::V4_1).await;
    cluster
        .sql("BACKUP SNAPSHOT sales.by_hand TO repo ON (orders)")
        .await;
    cluster.advance(60);
    let timestamp = cluster
        .rows("SHOW SNAPSHOT ON repo WHERE SNAPSHOT = 'by_hand'")
        .await[0][1]
        .clone();
    cluster
        .sql(&format!(
            "RESTORE SNAPSHOT sales.by_hand FROM repo ON (orders AS orders_by_hand) \
             PROPERTIES('backup_timestamp'='{timestamp}')"
        ))
        .await;
    let error = flow::call(&cluster.context(), "Precheck", event(nightly()))
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::JobConflict);
    assert!(error.message.contains("restore by_hand"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_threshold_of_free_space_is_configurable() {
    let cluster = shop(Profile::V4_1).await;
    let context = shared::context::Context::new(
        cluster.settings_with(&[("STARROCKS_BR_MIN_FREE_DISK_PERCENT", "100")]),
    );
    let error = flow::call(&context, "Precheck", event(nightly()))
        .await
        .unwrap_err();
    assert_eq!(error.name, ErrorName::InsufficientStorage);
    assert!(error.message.contains("100 % are asked for"), "{error}");
}

async fn probe(cluster: &Cluster) -> Value {
    let report = flow::probed_report(cluster).await;
    let findings = report["findings"].as_array().expect("findings").clone();
    let is_probe = |finding: &&Value| finding["check"] == json!("writable");
    findings.iter().find(is_probe).expect("the probe's").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_the_repository_can_be_written_is_found_out_by_writing() {
    let cluster = shop(Profile::V4_1).await;
    let finding = probe(&cluster).await;
    assert!(
        finding["message"].as_str().unwrap().contains("was written"),
        "{finding}"
    );
    let audit = flow::call(&cluster.context(), "AuditOrphans", json!({})).await;
    assert_eq!(audit.unwrap()["findings"][0]["class"], json!("probe"));

    let uploading = At::backup("ops", BackupState::Uploading);
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.faults.fail_tasks(uploading, "no such bucket"));
    let finding = probe(&cluster).await;
    assert!(
        finding["verdict"]
            .to_string()
            .contains("RepositoryUnavailable"),
        "{finding}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heartbeat_counts_what_nobody_failed_over() {
    let cluster = shop(Profile::V4_1).await;
    let beat = || async {
        let event = json!({
            "operation": "heartbeat",
            "groups": [
                { "group": "nightly", "interval_hours": 24, "grace_hours": 3 },
                { "group": "gone", "interval_hours": 24, "grace_hours": 3 },
            ],
        });
        flow::call(&cluster.context(), "Precheck", event)
            .await
            .expect("a heartbeat")
    };
    let overdue = |beat: &Value| -> Vec<String> {
        let groups = beat["overdue"].as_array().expect("a list").iter();
        groups
            .map(|group| group["group"].as_str().expect("a name").to_owned())
            .collect()
    };
    let new = beat().await;
    assert_eq!(overdue(&new), ["gone"], "a new group has time: {new}");
    assert_eq!(new["leases_expired"], json!([]));
    assert!(new["min_free_disk_percent"].as_u64().is_some(), "{new}");
    cluster.advance(28 * 3600);
    assert_eq!(
        overdue(&beat().await),
        ["nightly", "gone"],
        "never backed up"
    );
    flow::full(&cluster, "nightly").await;
    assert_eq!(overdue(&beat().await), ["gone"]);
    cluster.advance(28 * 3600);
    assert_eq!(overdue(&beat().await), ["nightly", "gone"], "too old");
    // A run that died.
    let started = flow::call(&cluster.context(), "StartBackup", start("died")).await;
    started.expect("a start");
    assert_eq!(beat().await["leases_expired"], json!([]));
    cluster.advance(30 * 60);
    assert_eq!(beat().await["leases_expired"], json!(["sales"]));
    cluster.sql("DROP REPOSITORY repo").await;
    assert!(beat().await["repository_error"].is_string());
}

/// What the report says of a check: `subject: message -> hint`, with the verdict in front.
async fn said_of(cluster: &Cluster, check: &str) -> Vec<String> {
    let event = json!({ "operation": "report" });
    let report = flow::call(&cluster.context(), "Precheck", event).await;
    let report = report.expect("a report");
    let findings = report["findings"].as_array().expect("findings").iter();
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap_or("-").to_owned();
    let own = findings.filter(|finding| finding["check"] == check);
    own.map(|finding| {
        format!(
            "{} {}: {} -> {}",
            finding["verdict"]["verdict"].as_str().unwrap_or("-"),
            word(finding, "subject"),
            word(finding, "message"),
            word(finding, "hint")
        )
    })
    .collect()
}

/// A cluster that grew leaves its records on as many disks as it began with.
#[tokio::test(flavor = "multi_thread")]
async fn records_with_fewer_replicas_than_the_cluster_can_hold_are_named() {
    let cluster = Cluster::start_wide(Profile::V3_5, 3).await;
    let said = said_of(&cluster, "ops replicas").await;
    assert_eq!(said.len(), 1, "{said:?}");
    let (message, hint) = said[0].split_once(" -> ").expect("a hint");
    assert!(
        message.starts_with("advice : 3 backends live, and there are 1 of ops."),
        "{said:?}"
    );
    assert!(message.contains("ops.run_status"), "{said:?}");
    // What it says can be run as it stands, and is enough.
    for statement in hint.split("; ") {
        cluster.sql(statement).await;
    }
    assert_eq!(
        said_of(&cluster, "ops replicas").await,
        ["passed : they fit 3 live backends -> -"]
    );
    cluster.emulator.with_engine(|engine| {
        for backend in engine.nodes.backends.iter_mut().take(1) {
            backend.alive = false;
        }
    });
    let said = said_of(&cluster, "ops replicas").await;
    assert!(
        said[0].contains("2 backends live, and there are 3 of ops."),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_drop_what_is_restored_are_named_and_others_are_not() {
    let cluster = Cluster::start(Profile::V3_5).await;
    let table = |name: &str, properties: &str| {
        format!(
            "CREATE TABLE sales.{name} (d DATE NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
             PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-02')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1'{properties})"
        )
    };
    let dynamic = |start: &str| {
        format!(
            ", 'dynamic_partition.enable'='true', 'dynamic_partition.time_unit'='DAY', \
             {start} 'dynamic_partition.end'='3', 'dynamic_partition.prefix'='p', \
             'dynamic_partition.buckets'='1'"
        )
    };
    cluster.sql("CREATE DATABASE sales").await;
    for (name, properties) in [
        ("plain", String::new()),
        ("grows", dynamic("")),
        ("window", dynamic("'dynamic_partition.start'='-7',")),
        ("newest", ", 'partition_live_number'='3'".to_owned()),
    ] {
        cluster.sql(&table(name, &properties)).await;
    }
    cluster.group("nightly", &["sales.*"]).await;
    let said = said_of(&cluster, "policies").await;
    assert_eq!(said.len(), 2, "{said:?}");
    for (line, words) in said.iter().zip([
        ["advice sales.newest", "partition_live_number = 3"],
        ["advice sales.window", "dynamic_partition.enable = true"],
    ]) {
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
        assert!(line.contains("a restore switches this off first"), "{line}");
    }
    let said = said_of(&cluster, "materialized views").await;
    assert!(
        said[0].contains("enable_backup_materialized_view = false"),
        "{said:?}"
    );
}
