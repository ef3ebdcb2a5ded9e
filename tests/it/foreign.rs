//! Labels of the Python tool of the same name: what it leaves behind, written with its own statements,
//! is listed, shown and restored here, or refused with the reason.

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{
    cluster::{Cluster, NULL},
    flow,
    kill::Kill,
};

const FULL: &str = "sales_20260301_full";
const INCREMENTAL: &str = "sales_20260301_incremental";
const ORDERS: &str = "SELECT k, id, v FROM {}.orders";
const EVENTS: &str = "SELECT d, id FROM {}.events";
const PLACES: &str = "SELECT id, name FROM {}.places";

/// A ranged, an automatic and an unpartitioned table, and a view.
async fn shop(profile: Profile) -> Cluster {
    let cluster = Cluster::start(profile).await;
    cluster
        .sql(
            "CREATE DATABASE sales;
             CREATE TABLE sales.orders (k DATE NOT NULL, id INT NOT NULL, v STRING) DUPLICATE KEY(k, id) \
             PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             CREATE TABLE sales.events (d DATETIME NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
             PARTITION BY date_trunc('day', d) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             CREATE TABLE sales.places (id INT NOT NULL, name STRING) PRIMARY KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES('replication_num'='1');
             CREATE VIEW sales.names AS SELECT name FROM sales.places;
             INSERT INTO sales.orders VALUES ('2026-01-01', 1, 'it''s'), ('2026-01-02', 2, NULL);
             INSERT INTO sales.events VALUES ('2026-01-01 10:00:00', 1), ('2026-01-02 10:00:00', 2);
             INSERT INTO sales.places VALUES (1, 'ü€'), (2, 'x')",
        )
        .await;
    cluster
}

/// `version` 3.3 does not know its form of BACKUP: the tool does not run there.
const PROFILES: [Profile; 2] = [Profile::V3_5, Profile::V4_1];

/// As the tool backs up: names are recorded, BACKUP runs to its end, history is written last.
async fn python_backup(cluster: &Cluster, kind: &str, label: &str, on: &str) {
    let mut connection = String::new();
    let rows = cluster
        .rows(
            "SELECT TABLE_NAME, PARTITION_NAME FROM information_schema.partitions_meta \
             WHERE DB_NAME = 'sales' AND PARTITION_NAME IS NOT NULL",
        )
        .await;
    for (number, row) in rows.iter().enumerate() {
        let named = kind == "full" || on.contains(&format!("`{}`", row[1]));
        if named {
            connection.push_str(&format!(
                "INSERT INTO ops.backup_partitions (key_hash, label, database_name, table_name, \
                 partition_name) VALUES ('{number}{label}', '{label}', 'sales', '{}', '{}');\n",
                row[0], row[1]
            ));
        }
    }
    cluster
        .sql(&format!(
            "INSERT INTO ops.run_status (scope, label, state, started_at) \
             VALUES ('backup', '{label}', 'ACTIVE', NOW());\n{connection}\
             BACKUP DATABASE `sales` SNAPSHOT `{label}` TO `repo` {on}"
        ))
        .await;
    cluster.advance(60);
    let ended = cluster.rows("SHOW BACKUP FROM `sales`").await;
    assert_eq!(ended[0][3], "FINISHED", "{ended:?}");
    record(cluster, kind, label, "FINISHED").await;
    cluster
        .sql(&format!(
            "UPDATE ops.run_status SET state='FINISHED', finished_at=NOW() \
             WHERE scope='backup' AND label='{label}'"
        ))
        .await;
}

async fn record(cluster: &Cluster, kind: &str, label: &str, status: &str) {
    cluster
        .sql(&format!(
            "INSERT INTO ops.backup_history (label, backup_type, status, repository, started_at, \
             finished_at, error_message) VALUES ('{label}', '{kind}', '{status}', 'repo', \
             '2026-03-01 04:00:00', '2026-03-01 04:01:00', NULL)"
        ))
        .await;
}

async fn content(cluster: &Cluster, database: &str) -> Vec<Vec<Vec<String>>> {
    let mut all = Vec::new();
    for query in [ORDERS, EVENTS, PLACES] {
        all.push(cluster.rows(&query.replace("{}", database)).await);
    }
    all
}

/// How long the newest lease of a database still holds.
async fn seconds_held(cluster: &Cluster, database: &str) -> i64 {
    let settings = cluster.settings();
    let mut client = cluster.context().connect().await.expect("a connection");
    let lease = shared::ops::Ops::new(&mut client, settings.ops_database())
        .newest_lease(&database.parse().expect("a name"))
        .await
        .expect("run_status can be read");
    client.close().await;
    lease.expect("it was held").seconds_left
}

async fn refusal(cluster: &Cluster, input: Value) -> (String, String) {
    let error = flow::restore(cluster, input).await.error();
    (error.error.clone(), error.to_error().to_string())
}

fn notices(output: &Value) -> String {
    output["summary"]["plan"]["summary"]["notices"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_is_staged_verified_swapped_and_undone() {
    for profile in PROFILES {
        let cluster = shop(profile).await;
        python_backup(&cluster, "full", FULL, "").await;
        let before = content(&cluster, "sales").await;
        cluster
            .sql(
                "TRUNCATE TABLE sales.orders;\nALTER TABLE sales.orders DROP PARTITION p2;\n\
                 INSERT INTO sales.events VALUES ('2026-02-01 10:00:00', 9);\n\
                 DROP TABLE sales.places FORCE",
            )
            .await;
        let damaged = cluster.rows("SELECT id FROM sales.events").await;
        let plan = flow::restore(&cluster, json!({ "target_label": FULL, "dry_run": true }))
            .await
            .output();
        let said = notices(&plan);
        for part in [
            "made by another tool: verified against the snapshot's own list",
            "row counts and schema",
            "sales.names",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let output = flow::restore(&cluster, json!({ "target_label": FULL }))
            .await
            .output();
        assert_eq!(output["summary"]["state"], json!("PROMOTED"), "{output}");
        assert_eq!(output["summary"]["rows_verified"], json!("6"), "{output}");
        assert_eq!(content(&cluster, "sales").await, before);
        // The way back does not hang on the snapshot.
        let snapshot = cluster
            .bucket()
            .join("starrocks/__starrocks_repository_repo")
            .join(format!("__ss_{FULL}"));
        std::fs::remove_dir_all(snapshot).expect("the snapshot is there");
        // The automatic table takes new periods, and the leases are given back.
        cluster
            .sql("INSERT INTO sales.events VALUES ('2026-03-01 10:00:00', 10)")
            .await;
        let undo = output["summary"]["next_input"].clone();
        flow::restore(&cluster, undo).await.output();
        assert_eq!(cluster.rows("SELECT id FROM sales.events").await, damaged);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_comes_back_in_a_new_database_and_where_its_own_is_gone() {
    for profile in PROFILES {
        let cluster = shop(profile).await;
        python_backup(
            &cluster,
            "full",
            FULL,
            "ON (TABLE `orders`,\n        TABLE `events`,\n        TABLE `places`)",
        )
        .await;
        let before = content(&cluster, "sales").await;
        let input = json!({ "target_label": FULL, "into_database": "copy" });
        flow::restore(&cluster, input).await.output();
        assert_eq!(content(&cluster, "copy").await, before);
        cluster.sql("DROP DATABASE sales FORCE").await;
        flow::restore(&cluster, json!({ "target_label": FULL }))
            .await
            .output();
        assert_eq!(content(&cluster, "sales").await, before);
        // Into a database that lives already, beside what it has.
        cluster
            .sql("CREATE DATABASE other;\nCREATE TABLE other.mine (id INT) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')")
            .await;
        let input = json!({ "target_label": FULL, "into_database": "other" });
        flow::restore(&cluster, input).await.output();
        assert_eq!(content(&cluster, "other").await, before);
        for database in ["copy", "sales", "other"] {
            assert!(seconds_held(&cluster, database).await <= 0, "{database}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_is_refused_and_what_its_snapshot_holds_can_be_named() {
    for profile in PROFILES {
        let cluster = shop(profile).await;
        python_backup(&cluster, "full", FULL, "").await;
        cluster
            .sql(
                "INSERT INTO sales.orders VALUES ('2026-01-02', 3, 'late');\n\
                 INSERT INTO sales.places VALUES (3, 'new')",
            )
            .await;
        let on = "ON (TABLE `orders` PARTITION (`p2`),\n    TABLE `places` PARTITION (`places`))";
        python_backup(&cluster, "incremental", INCREMENTAL, on).await;
        let places = cluster.rows("SELECT id FROM sales.places").await;
        for input in [
            json!({ "target_label": INCREMENTAL }),
            json!({ "target_label": INCREMENTAL, "into_database": "copy" }),
            json!({ "target_label": INCREMENTAL, "tables": ["orders"] }),
            json!({ "target_label": INCREMENTAL, "tables": ["orders", "places"] }),
        ] {
            let (name, text) = refusal(&cluster, input.clone()).await;
            assert_eq!(name, "InvalidInput", "{input}: {text}");
            assert!(
                text.contains("which state it stands for is not known")
                    && text.contains("restore the full"),
                "{text}"
            );
        }
        // Single partitions have no way into the live table, whose schema may be another one.
        let named =
            json!({ "target_label": INCREMENTAL, "tables": ["orders"], "partitions": ["p2"] });
        let (name, text) = refusal(&cluster, named.clone()).await;
        assert_eq!(name, "InvalidInput", "{text}");
        assert!(text.contains("schema is not on record"), "{text}");
        let mut beside = named.clone();
        beside["into_database"] = json!("copy");
        flow::restore(&cluster, beside).await.output();
        let rows = cluster.rows("SELECT id, v FROM copy.orders").await;
        assert_eq!(rows, [["2", NULL], ["3", "late"]]);
        // A table without partitions is in it as a whole.
        cluster.sql("TRUNCATE TABLE sales.places").await;
        let named = json!({ "target_label": INCREMENTAL, "tables": ["places"] });
        flow::restore(&cluster, named).await.output();
        assert_eq!(cluster.rows("SELECT id FROM sales.places").await, places);
        // What is not in its snapshot is not found.
        for named in [
            json!({ "target_label": INCREMENTAL, "tables": ["orders"], "partitions": ["p1"] }),
            json!({ "target_label": INCREMENTAL, "tables": ["events"], "partitions": ["p20260101"] }),
        ] {
            let (_, text) = refusal(&cluster, named).await;
            assert!(text.contains("is in none of"), "{text}");
        }
    }
}

/// The snapshot prints a partition named like its table as it prints a table without partitions.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_named_like_its_table_is_told_apart() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql(
            "CREATE TABLE sales.one (k INT NOT NULL) DUPLICATE KEY(k) PARTITION BY RANGE(k) \
             (PARTITION one VALUES LESS THAN ('10'), PARTITION two VALUES LESS THAN ('20')) \
             DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES('replication_num'='1');\n\
             INSERT INTO sales.one VALUES (1), (11)",
        )
        .await;
    let on = "ON (TABLE `one` PARTITION (`one`))";
    python_backup(&cluster, "incremental", INCREMENTAL, on).await;
    let input = json!({ "target_label": INCREMENTAL, "tables": ["one"] });
    let (name, text) = refusal(&cluster, input).await;
    assert_eq!(name, "VerificationFailed", "{text}");
    assert!(text.contains("it is partitioned"), "{text}");
    assert_eq!(
        cluster.rows("SELECT k FROM sales.one").await,
        [["1"], ["11"]]
    );
    cluster
        .sql("DROP TABLE sales.one_restored FORCE;\nALTER TABLE sales.one DROP PARTITION two FORCE")
        .await;
    python_backup(&cluster, "full", FULL, "ON (TABLE `one`)").await;
    cluster.sql("TRUNCATE TABLE sales.one").await;
    flow::restore(&cluster, json!({ "target_label": FULL }))
        .await
        .output();
    assert_eq!(cluster.rows("SELECT k FROM sales.one").await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_end_well_or_is_not_there_is_refused() {
    let cluster = shop(Profile::V4_1).await;
    for (status, expected) in [
        ("FAILED", "is FAILED"),
        ("CANCELLED", "is CANCELLED"),
        ("LOST", "is LOST"),
        ("ERROR", "is ERROR"),
        ("TIMEOUT", "is TIMEOUT"),
        ("RUNNING", "is RUNNING"),
        ("SUCCESS", "status is 'SUCCESS'"),
        ("FINISHED", "has no complete snapshot"),
    ] {
        let label = format!("made_{status}");
        record(&cluster, "full", &label, status).await;
        let (name, text) = refusal(&cluster, json!({ "target_label": label })).await;
        assert_eq!(name, "NotFound", "{text}");
        assert!(text.contains(expected) && text.contains(&label), "{text}");
    }
    python_backup(&cluster, "full", FULL, "").await;
    let input = json!({ "target_label": FULL, "tables": ["nothing"] });
    let (name, text) = refusal(&cluster, input).await;
    assert_eq!(name, "NotFound", "{text}");
    // A view is in the snapshot, and its definition is not on record.
    let input = json!({ "target_label": FULL, "tables": ["names"] });
    let (name, text) = refusal(&cluster, input).await;
    assert_eq!(name, "NotFound", "{text}");
    assert!(text.contains("definition is not on record"), "{text}");
    assert_eq!(
        cluster
            .rows("SELECT COUNT(*) FROM ops.restore_history")
            .await,
        [["0"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_timestamps_of_a_label_are_refused_by_name() {
    let cluster = shop(Profile::V3_5).await;
    python_backup(&cluster, "full", FULL, "").await;
    let snapshot = cluster
        .bucket()
        .join("starrocks/__starrocks_repository_repo")
        .join(format!("__ss_{FULL}"));
    let info = std::fs::read_dir(&snapshot)
        .expect("the snapshot is there")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a text")
        })
        .find(|name| name.starts_with("__info_"))
        .expect("an info file");
    let other = info.replacen("__info_2026", "__info_2025", 1);
    std::fs::copy(snapshot.join(&info), snapshot.join(&other)).expect("a copy");
    let (name, text) = refusal(&cluster, json!({ "target_label": FULL })).await;
    assert_eq!(name, "BackupFailed", "{text}");
    for part in [&info, &other] {
        let timestamp = &part["__info_".len()..][..23];
        assert!(text.contains(timestamp), "{timestamp}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_that_drop_partitions_are_switched_off_and_told() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql("ALTER TABLE sales.orders SET ('partition_live_number' = '5')")
        .await;
    python_backup(&cluster, "full", FULL, "ON (TABLE `orders`)").await;
    let output = flow::restore(&cluster, json!({ "target_label": FULL }))
        .await
        .output();
    let notes = output["summary"]["notes"].to_string();
    assert!(
        notes.contains("partition_live_number") && notes.contains("\\\"5\\\""),
        "{notes}"
    );
    let created = cluster.rows("SHOW CREATE TABLE sales.orders").await;
    assert!(
        !created[0][1].contains("\"partition_live_number\" = \"5\""),
        "{created:?}"
    );
}

/// What the Python tool made is no basis: what was lost by its clocks would stay lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_of_the_other_tool_is_never_a_baseline() {
    let cluster = shop(Profile::V3_5).await;
    cluster.group("nightly", &["sales.*"]).await;
    python_backup(&cluster, "full", FULL, "").await;
    for input in [
        json!({ "group": "nightly", "kind": "incremental" }),
        json!({ "group": "nightly", "kind": "incremental", "baseline": FULL }),
    ] {
        let error = flow::backup(&cluster, input).await.error();
        let text = error.to_error().to_string();
        assert_eq!(error.error, "NotFound", "{text}");
        assert!(text.contains("made by this program"), "{text}");
    }
    flow::full(&cluster, "nightly").await;
    flow::incremental(&cluster, "nightly").await;
}

/// What was switched off is told whenever the function dies, also between doing it and writing it down.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_ends_alike_and_tells_what_it_switched_off() {
    let started = async || {
        let cluster = shop(Profile::V4_1).await;
        cluster
            .sql("ALTER TABLE sales.orders SET ('partition_live_number' = '5')")
            .await;
        python_backup(&cluster, "full", FULL, "ON (TABLE `orders`)").await;
        cluster
    };
    let input = json!({ "target_label": FULL });
    let undisturbed = started().await;
    undisturbed.emulator.faults().reset_journal();
    flow::restore(&undisturbed, input.clone()).await.output();
    let journal = undisturbed.emulator.faults().journal();
    let held = journal
        .iter()
        .position(|entry| entry.sql.contains("orders_restored` SET"))
        .expect("a policy is switched off");
    let before = undisturbed.rows("SELECT k, id, v FROM sales.orders").await;
    // Everything around the statement that switches off, and a sample of the rest.
    let near = held.saturating_sub(6)..held + 8;
    let statements = (0..journal.len()).filter(|number| near.contains(number) || number % 9 == 0);
    for statement in statements {
        for executed in [false, true] {
            let kill = Kill {
                statement: statement as u64 + 1,
                executed,
            };
            let cluster = started().await;
            let (ended, fired) = flow::restore_with_kill(&cluster, input.clone(), kill).await;
            assert!(fired, "{kill:?}");
            let output = ended.output();
            assert_eq!(output["summary"]["state"], json!("PROMOTED"), "{kill:?}");
            let notes = output["summary"]["notes"].to_string();
            assert_eq!(
                notes.matches("partition_live_number").count(),
                2,
                "{kill:?}: {notes}"
            );
            let rows = cluster.rows("SELECT k, id, v FROM sales.orders").await;
            assert_eq!(rows, before, "{kill:?}");
        }
    }
}

/// RESTORE drops constraints, and a SWAP with a table that has others is refused from 3.4 on.
#[tokio::test(flavor = "multi_thread")]
async fn a_live_table_with_constraints_is_replaced_by_two_renames() {
    let cluster = shop(Profile::V3_5).await;
    cluster
        .sql("ALTER TABLE sales.places SET ('unique_constraints' = 'id')")
        .await;
    python_backup(&cluster, "full", FULL, "ON (TABLE `places`)").await;
    let before = cluster.rows("SELECT id, name FROM sales.places").await;
    cluster.sql("DELETE FROM sales.places WHERE id = 1").await;
    let input = json!({ "target_label": FULL, "dry_run": true });
    let plan = flow::restore(&cluster, input).await.output();
    assert!(notices(&plan).contains("two RENAMEs"), "{plan}");
    flow::restore(&cluster, json!({ "target_label": FULL }))
        .await
        .output();
    assert_eq!(
        cluster.rows("SELECT id, name FROM sales.places").await,
        before
    );
}

/// The tool takes any text for a label, and the repository too.
#[tokio::test(flavor = "multi_thread")]
async fn odd_labels_are_restored_too() {
    let cluster = shop(Profile::V4_1).await;
    let before = content(&cluster, "sales").await;
    for (label, database) in [
        ("nightly-v#r", "one"),
        ("we ird", "two"),
        ("\"quoted\"; -- ü%_$", "three"),
    ] {
        python_backup(&cluster, "full", label, "").await;
        let input = json!({ "target_label": label, "into_database": database });
        flow::restore(&cluster, input).await.output();
        assert_eq!(content(&cluster, database).await, before, "{label}");
    }
}
