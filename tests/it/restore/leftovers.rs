//! What restores leave behind is never taken for the user's, and what is the user's is never taken for
//! that.

use serde_json::{Value, json};
use starrocks_emulator::{
    Profile,
    jobs::{faults::At, state::RestoreState},
};
use tests::{
    cluster::Cluster,
    command::{command, create_user},
    flow, meddle,
};

const TABLE: &str = "(id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
     PROPERTIES('replication_num'='1')";
/// The last is the user's own, whatever it is called.
const OWN: [&str; 4] = ["a", "b", "c", "d_restored"];

async fn shop() -> Cluster {
    let cluster = Cluster::start(Profile::V3_5).await;
    cluster.sql("CREATE DATABASE sales").await;
    for table in OWN {
        cluster
            .sql(&format!(
                "CREATE TABLE sales.{table} {TABLE};\nINSERT INTO sales.{table} VALUES (1)"
            ))
            .await;
    }
    cluster.group("nightly", &["sales.*"]).await;
    flow::full(&cluster, "nightly").await;
    cluster
}

async fn names(cluster: &Cluster) -> Vec<String> {
    let rows = cluster.rows("SHOW TABLES FROM sales").await;
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

/// What the newest full holds, after another one.
async fn backed_up(cluster: &Cluster) -> Vec<String> {
    cluster.advance(60);
    let output = flow::full(cluster, "nightly").await;
    let label = output["summary"]["databases"][0]["label"].as_str().unwrap();
    let rows = cluster
        .rows(&format!(
            "SELECT object_name FROM ops.backup_tables WHERE label = '{label}'"
        ))
        .await;
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_a_restore_is_left_out_at_every_stage_and_nothing_else_is() {
    let cluster = shop().await;
    let input = json!({ "target_label": "sales_20260301_full", "swap": "manual" });
    let held = flow::restore(&cluster, input).await.output();
    let restores = cluster
        .rows("SELECT step FROM ops.restore_steps WHERE kind = 'restore_snapshot'")
        .await;
    assert_eq!(restores.len(), 1, "one statement makes all of them");
    let staged = names(&cluster).await;
    assert_eq!(staged.len(), 2 * OWN.len(), "{staged:?}");
    assert_eq!(backed_up(&cluster).await, OWN);

    let promoted = flow::restore(&cluster, held["summary"]["next_input"].clone())
        .await
        .output();
    assert_eq!(names(&cluster).await.len(), 2 * OWN.len());
    // Each live table has an id of ours now, and one of them a name as ours have.
    assert_eq!(backed_up(&cluster).await, OWN);

    flow::restore(&cluster, promoted["summary"]["next_input"].clone())
        .await
        .output();
    let undone = names(&cluster).await;
    let aside = undone.iter().filter(|name| name.contains("_undone_"));
    assert_eq!(aside.count(), OWN.len(), "{undone:?}");
    assert_eq!(backed_up(&cluster).await, OWN);
}

/// What `status` says is left: `table origin age -> what to do`, with the restore as ID.
async fn left(cluster: &Cluster) -> Vec<String> {
    let said = command(cluster, &["status", "--output", "json"]).await;
    assert_eq!(said.code, 0, "{said:#?}");
    let status: Value = serde_json::from_str(&said.out).expect("a document");
    let word = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let rows = status["left_by_restores"].as_array().expect("a list");
    let text = command(cluster, &["status"]).await.out;
    rows.iter()
        .map(|row| {
            assert_eq!(row["label"], "sales_20260301_full", "{row}");
            let table = word(row, "table");
            let cells = [
                format!("sales.{table}"),
                word(row, "age"),
                word(row, "next"),
            ];
            for cell in cells {
                assert!(text.contains(&cell), "{cell}: {text}");
            }
            let id = word(row, "restore_id");
            format!(
                "{table} {} {} -> {}",
                word(row, "origin"),
                word(row, "age"),
                word(row, "next").replace(&id, "ID")
            )
        })
        .collect()
}

/// The stamp in the names of tables that went aside is that of the restore.
async fn stamped(cluster: &Cluster, word: &str) -> String {
    let names = names(cluster).await.into_iter();
    let mut own = names.filter(|name| name.contains(word));
    own.next().expect("one went aside")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_named_with_its_age_and_what_to_do() {
    let cluster = shop().await;
    create_user(&cluster).await;
    assert_eq!(left(&cluster).await, Vec::<String>::new());
    let input = json!({
        "target_label": "sales_20260301_full", "tables": ["a"], "swap": "manual",
    });
    let held = flow::restore(&cluster, input).await.output();
    cluster.advance(3 * 86_400);
    // Not by its name: this one is the user's own, under a name as ours have.
    cluster
        .sql("CREATE TABLE sales.b_before_20260301_040000 LIKE sales.b")
        .await;
    assert_eq!(
        left(&cluster).await,
        [
            "a_restored made 3 days -> verified, never promoted: starrocks-br restore promote ID; if it is \
          not wanted: DROP TABLE `sales`.`a_restored`"
        ]
    );

    let next = held["summary"]["next_input"].clone();
    let promoted = flow::restore(&cluster, next).await.output();
    cluster.advance(5 * 3_600);
    let before = stamped(&cluster, "a_before_").await;
    assert_eq!(
        left(&cluster).await,
        [format!(
            "{before} put_aside 5 hours -> what lived before: starrocks-br restore undo ID puts it back; \
             once nobody wants that: DROP TABLE `sales`.`{before}`"
        )]
    );

    let next = promoted["summary"]["next_input"].clone();
    flow::restore(&cluster, next).await.output();
    cluster.advance(600);
    let undone = stamped(&cluster, "a_undone_").await;
    assert_eq!(
        left(&cluster).await,
        [format!(
            "{undone} undone 10 minutes -> the restore was undone; once nobody misses what is in it: \
             DROP TABLE `sales`.`{undone}`"
        )]
    );
    // What is said can be done.
    cluster.sql(&format!("DROP TABLE `sales`.`{undone}`")).await;
    assert_eq!(left(&cluster).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restore_that_broke_off_left_is_told_from_one_at_work() {
    let cluster = shop().await;
    create_user(&cluster).await;
    let downloading = At::restore("sales", RestoreState::Downloading);
    cluster.emulator.with_engine(|engine| {
        engine.jobs.faults.cancel(downloading, "COMMON_ERROR", "x");
    });
    let input = json!({ "target_label": "sales_20260301_full", "tables": ["a"] });
    let error = flow::restore(&cluster, input.clone()).await.error();
    assert_eq!(error.error, "RestoreFailed", "{error:?}");
    // StarRocks takes back what a cancelled RESTORE made.
    assert_eq!(left(&cluster).await, Vec::<String>::new());

    cluster.advance(60);
    meddle::refuse_once(&cluster, "SWAP WITH");
    flow::restore(&cluster, input).await.error();
    let said = left(&cluster).await;
    assert_eq!(said.len(), 1, "{said:?}");
    let broke =
        "its restore broke off: starrocks-br restore resume ID; if it is not wanted: DROP TABLE";
    assert!(said[0].contains(broke), "{said:?}");
}

/// A table that a person takes over under a name of their own is theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_staged_table_that_is_renamed_by_hand_is_backed_up() {
    let cluster = shop().await;
    let input = json!({ "target_label": "sales_20260301_full", "swap": "manual" });
    flow::restore(&cluster, input).await.output();
    cluster
        .sql("ALTER TABLE sales.a_restored RENAME a_of_march;\nCREATE TABLE sales.a_restored LIKE sales.a")
        .await;
    assert_eq!(
        backed_up(&cluster).await,
        ["a", "a_of_march", "a_restored", "b", "c", "d_restored"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_is_said() {
    let cluster = shop().await;
    let input = json!({ "target_label": "sales_20260301_full", "swap": "manual" });
    flow::restore(&cluster, input).await.output();
    cluster.advance(60);
    let context = cluster.context();
    let input = json!({
        "operation": "backup",
        "input": { "group": "nightly", "kind": "full" },
        "execution": { "Id": "by-hand", "StartTime": "2026-03-01T05:00:00Z" },
    });
    let checked = flow::call(&context, "Precheck", input).await.unwrap();
    let start = json!({ "operation": "start", "run": checked["run"], "database": "sales" });
    let job: Value = flow::call(&context, "StartBackup", start).await.unwrap();
    let said = job["detail"].as_str().unwrap_or_default();
    for table in [
        "a_restored",
        "b_restored",
        "c_restored",
        "d_restored_restored",
    ] {
        assert!(said.contains(table), "{job}");
    }
}

async fn resume(cluster: &Cluster) -> flow::Ended {
    let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
    flow::restore(cluster, json!({ "resume": id })).await
}

/// A statement that the engine refused, or a job that it cancelled, made nothing: what stands under the
/// name afterwards is somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_make_after_a_refused_or_a_cancelled_restore_is_theirs() {
    for cancelled in [false, true] {
        for others in [&["a_restored"][..], &["a_restored", "b_restored"]] {
            let cluster = shop().await;
            if cancelled {
                cluster.emulator.with_engine(|engine| {
                    let at = At::restore("sales", RestoreState::Downloading);
                    engine.jobs.faults.cancel(at, "COMMON_ERROR", "no room");
                });
            } else {
                meddle::refuse_once(&cluster, "RESTORE SNAPSHOT");
            }
            let input = json!({ "target_label": "sales_20260301_full", "tables": ["a", "b"] });
            flow::restore(&cluster, input).await.error();
            for table in others {
                cluster
                    .sql(&format!(
                        "CREATE TABLE sales.{table} {TABLE};\nINSERT INTO sales.{table} VALUES (7)"
                    ))
                    .await;
            }
            let error = resume(&cluster).await.error();
            assert!(error.cause.contains("a_restored"), "{error:?}");
            for table in others {
                let rows = cluster.rows(&format!("SELECT id FROM sales.{table}")).await;
                assert_eq!(rows, [["7"]], "{table} {cancelled}");
                cluster
                    .sql(&format!("ALTER TABLE sales.{table} RENAME {table}_mine"))
                    .await;
            }
            let done = resume(&cluster).await.output();
            assert_eq!(done["summary"]["state"], json!("PROMOTED"), "{cancelled}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_make_after_a_refused_create_is_theirs() {
    let cluster = shop().await;
    cluster
        .sql(
            "CREATE TABLE sales.days (d DATE NOT NULL) DUPLICATE KEY(d) \
             PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-02')) \
             DISTRIBUTED BY HASH(d) BUCKETS 1 PROPERTIES('replication_num'='1');\n\
             INSERT INTO sales.days VALUES ('2026-01-01')",
        )
        .await;
    cluster.advance(86_400);
    let output = flow::full(&cluster, "nightly").await;
    let label = output["summary"]["databases"][0]["label"].clone();
    let aside = "CREATE TABLE `days_before_";
    meddle::refuse_once(&cluster, aside);
    let input = json!({ "target_label": label, "tables": ["days"], "partitions": ["p1"] });
    let error = flow::restore(&cluster, input).await.error();
    assert!(error.cause.contains("is full"), "{error:?}");
    let journal = cluster.emulator.faults().journal();
    let refused = journal
        .iter()
        .find_map(|entry| entry.sql.strip_prefix(aside));
    let stamp = refused.and_then(|rest| rest.split('`').next()).unwrap();
    cluster
        .sql(&format!("CREATE TABLE sales.days_before_{stamp} {TABLE}"))
        .await;
    let error = resume(&cluster).await.error();
    assert!(error.cause.contains("its name was free"), "{error:?}");
}
