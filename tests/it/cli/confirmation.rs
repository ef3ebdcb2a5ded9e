//! Before live data is touched a person is asked, and what they saw is what is done.

use std::sync::Arc;

use serde_json::Value;
use starrocks_emulator::Profile;
use tests::{
    cluster::Cluster,
    command::{Said, command, command_answered, create_user},
    flow, meddle,
    shop::{damaged_shop, start},
};

use super::support::{Ticking, assert_same, dump};

const RESTORE: [&str; 5] = [
    "restore",
    "--target-label",
    "sales_20260301_full",
    "--swap",
    "manual",
];
const NOT_CONFIRMED: &str = "not confirmed: nothing was changed";

async fn shop() -> Cluster {
    let cluster = damaged_shop(Profile::V3_5).await;
    create_user(&cluster).await;
    cluster
}

async fn answered(cluster: &Cluster, words: &[&str], answer: &str) -> Said {
    command_answered(cluster, words, answer, || ()).await
}

#[track_caller]
fn assert_refused(said: &Said, why: &str) {
    assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:#?}");
    assert!(said.err.contains(why), "'{why}': {said:#?}");
}

async fn live(cluster: &Cluster) -> String {
    cluster.one("SELECT id FROM sales.orders").await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_yes_is_a_yes() {
    let cluster = shop().await;
    let before = dump(&cluster).await;
    for answer in [
        "n\n",
        "no\n",
        "NO\n",
        "\n",
        "",
        "garbage\n",
        "yes, please\n",
        "yy\n",
        "n\ny\n",
        "\ny\n",
    ] {
        let said = answered(&cluster, &RESTORE, answer).await;
        assert_refused(&said, NOT_CONFIRMED);
        assert_eq!(said.err.matches("[y/N]").count(), 1, "{answer:?} {said:#?}");
        assert!(said.err.contains("is kept as orders_before_"), "{said:#?}");
    }
    let said = command(&cluster, &RESTORE).await;
    assert_refused(&said, "add --yes");
    assert!(!said.err.contains("[y/N]"), "nobody is asked: {said:#?}");
    assert_same("restore", &before, &dump(&cluster).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_is_asked_for_by_restore_promote_and_undo() {
    let cluster = shop().await;
    let _ticking = Ticking::of(&cluster);
    let said = answered(&cluster, &RESTORE, "y\n").await;
    assert_eq!(said.code, 0, "{said:#?}");
    let plan: Value =
        serde_json::from_str(&cluster.one("SELECT plan FROM ops.restore_history").await)
            .expect("a plan");
    let digest = plan["digest"].as_str().expect("a digest");
    assert!(
        said.err.contains(&format!("plan {digest}")),
        "another plan was executed: {digest} {said:#?}"
    );
    let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
    for (action, yes, before, after) in [("promote", "YES\n", "2", "1"), ("undo", " y", "1", "2")] {
        let words = ["restore", action, &id];
        assert_eq!(live(&cluster).await, before);
        for answer in ["n\n", "", "perhaps\n"] {
            let said = answered(&cluster, &words, answer).await;
            assert_refused(&said, NOT_CONFIRMED);
            assert!(said.err.contains("goes aside as"), "{said:#?}");
        }
        assert_refused(&command(&cluster, &words).await, "add --yes");
        assert_eq!(live(&cluster).await, before, "{action}");
        let said = answered(&cluster, &words, yes).await;
        assert_eq!(said.code, 0, "{said:#?}");
        assert_eq!(live(&cluster).await, after, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_changed_while_the_question_stood_there_is_not_executed() {
    let cluster = shop().await;
    let emulator = Arc::clone(&cluster.emulator);
    let drop_it =
        move || emulator.with_engine(|engine| meddle::run(engine, "DROP TABLE sales.orders FORCE"));
    let said = command_answered(&cluster, &RESTORE, "y\n", drop_it).await;
    assert_refused(&said, "the plan is not the one that was shown");
    for nothing in [
        "SHOW TABLES FROM sales",
        "SHOW RESTORE FROM sales",
        "SELECT * FROM ops.restore_history",
    ] {
        assert_eq!(
            cluster.rows(nothing).await,
            Vec::<Vec<String>>::new(),
            "{nothing}"
        );
    }
}

const BY_HAND: &str = "BACKUP SNAPSHOT sales.by_hand TO repo ON (orders)";

/// State and label of what SHOW BACKUP shows.
async fn job(cluster: &Cluster) -> String {
    let row = cluster.rows("SHOW BACKUP FROM sales").await.remove(0);
    format!("{} {}", row[3], row[1])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cancel_would_end_is_shown_and_asked_about() {
    let cluster = shop().await;
    cluster.advance(86_400);
    let begun = flow::call(&cluster.context(), "StartBackup", start("one")).await;
    let label = begun.expect("it begins")["label"]
        .as_str()
        .expect("a label")
        .to_owned();
    let running = format!("PENDING {label}");
    for answer in ["n\n", ""] {
        let said = answered(&cluster, &["cancel", "sales"], answer).await;
        assert_refused(&said, NOT_CONFIRMED);
        for words in [
            format!("backup {label} in database sales: PENDING, begun 0 seconds ago"),
            "by execution one; execution one holds the database until ".to_owned(),
        ] {
            assert!(said.err.contains(&words), "{words}: {said:#?}");
        }
        assert_eq!(job(&cluster).await, running);
    }
    let said = command(&cluster, &["cancel", "sales"]).await;
    assert_refused(&said, "add --yes");
    let said = command(&cluster, &["cancel", "sales", "--yes", "--label", "other"]).await;
    assert_eq!(said.code, 7, "{said:#?}");
    assert_eq!(job(&cluster).await, running);
    let said = answered(&cluster, &["cancel", "sales"], "y\n").await;
    assert_eq!(said.code, 0, "{said:#?}");
    assert_eq!(job(&cluster).await, format!("CANCELLED {label}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_somebody_else_is_cancelled_by_its_name_alone() {
    let cluster = shop().await;
    cluster.sql(BY_HAND).await;
    let said = command(&cluster, &["cancel", "sales", "--yes"]).await;
    assert_eq!(said.code, 3, "{said:#?}");
    for words in [
        "no run of ours knows",
        "sent at 2026-",
        "name it with --label",
    ] {
        assert!(said.err.contains(words), "{words}: {said:#?}");
    }
    assert_eq!(job(&cluster).await, "PENDING by_hand");
    let named = ["cancel", "sales", "--label", "by_hand", "--yes"];
    let said = command(&cluster, &named).await;
    assert_eq!(said.code, 0, "{said:#?}");
    assert_eq!(job(&cluster).await, "CANCELLED by_hand");
}

/// CANCEL has no label: it ends whatever runs by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_came_while_the_question_stood_there_is_not_cancelled() {
    for again in ["by_hand", "another"] {
        let cluster = shop().await;
        cluster.sql(BY_HAND).await;
        let emulator = Arc::clone(&cluster.emulator);
        let replace = move || {
            emulator.advance(jiff::SignedDuration::from_secs(1));
            emulator.with_engine(|engine| {
                meddle::run(engine, "CANCEL BACKUP FROM sales");
                meddle::run(engine, &BY_HAND.replace("by_hand", again));
            });
        };
        let words = ["cancel", "sales", "--label", "by_hand"];
        let said = command_answered(&cluster, &words, "y\n", replace).await;
        assert_eq!(said.code, 3, "{said:#?}");
        assert!(
            said.err.contains("not at work in database sales any more"),
            "{said:#?}"
        );
        assert_eq!(job(&cluster).await, format!("PENDING {again}"));
    }
}
