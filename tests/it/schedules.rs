//! What a schedule starts: the kind that is due, once, and not beside another run.

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{
    cluster::Cluster,
    flow,
    shop::{shop_on_first_day, start},
};

/// The shop's clock starts on 2026-03-01, a Sunday.
const DAY: i64 = 86_400;

async fn auto(cluster: &Cluster, scheduled_at: &str) -> Value {
    let input = json!({ "group": "nightly", "kind": "auto", "scheduled_at": scheduled_at });
    flow::backup(cluster, input).await.output()["summary"].clone()
}

async fn kept(cluster: &Cluster) -> Vec<Vec<String>> {
    cluster
        .rows(
            "SELECT label, retention_class, \
             TIMESTAMPDIFF(DAY, planned_at, expires_at) FROM ops.backup_history",
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_day_makes_what_is_due_and_says_how_long_it_is_kept() {
    let cluster = shop_on_first_day(Profile::V3_5).await;
    let first = auto(&cluster, "2026-03-01T04:15:00Z").await;
    assert_eq!(first["chosen"], "the monthly full is due today");
    let missed = "database sales has no weekly full since 2026-03-15, when it was due";
    for (days, scheduled_at, reason) in [
        (1, "2026-03-02T04:15:00Z", "the full of 2026-03-01 is there"),
        (6, "2026-03-08T04:15:00Z", "the weekly full is due today"),
        (1, "2026-03-09T04:15:00Z", "the full of 2026-03-08 is there"),
        // The full of the 15th is missed, and made up the next day.
        (7, "2026-03-16T04:15:00Z", missed),
    ] {
        cluster.advance(days * DAY);
        cluster.sql("INSERT INTO sales.orders VALUES (2)").await;
        let output = auto(&cluster, scheduled_at).await;
        assert_eq!(output["chosen"], reason, "{output}");
    }
    assert_eq!(
        kept(&cluster).await,
        [
            ["sales_20260301_full", "monthly", "365"],
            ["sales_20260302_inc", "daily", "14"],
            ["sales_20260308_full", "weekly", "90"],
            ["sales_20260309_inc", "daily", "14"],
            ["sales_20260316_full", "weekly", "90"],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_whose_snapshot_is_gone_does_not_count() {
    let cluster = shop_on_first_day(Profile::V3_5).await;
    auto(&cluster, "2026-03-01T04:15:00Z").await;
    cluster.remove_snapshot("sales_20260301_full");
    cluster.advance(DAY);
    auto(&cluster, "2026-03-02T04:15:00Z").await;
    assert_eq!(
        kept(&cluster).await.last().unwrap(),
        &["sales_20260302_full", "monthly", "365"]
    );
}

/// The state that a person sees in the console while it runs, and nothing where they chose themselves.
#[tokio::test(flavor = "multi_thread")]
async fn why_a_kind_was_chosen_is_in_the_state_of_the_execution() {
    let cluster = shop_on_first_day(Profile::V3_5).await;
    for (kind, expected) in [
        ("auto", json!("the monthly full is due today")),
        ("full", Value::Null),
    ] {
        let event = json!({
            "operation": "backup",
            "input": { "group": "nightly", "kind": kind },
            "execution": { "Id": "one", "StartTime": "2026-03-01T04:15:00Z" },
        });
        let state = flow::call(&cluster.context(), "Precheck", event).await;
        assert_eq!(state.expect("a run")["run"]["chosen"], expected, "{kind}");
    }
}

/// Delivery is at least once.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_delivered_twice_backs_up_once() {
    let cluster = shop_on_first_day(Profile::V3_5).await;
    let (one, other) = tokio::join!(
        auto(&cluster, "2026-03-01T04:15:00Z"),
        auto(&cluster, "2026-03-01T04:15:00Z")
    );
    let duplicates = [&one, &other]
        .into_iter()
        .filter(|summary| summary["outcome"] == json!("duplicate"))
        .count();
    assert_eq!(duplicates, 1, "{one} {other}");
    let late = auto(&cluster, "2026-03-01T04:15:00Z").await;
    assert_eq!(late["outcome"], json!("duplicate"), "{late}");
    assert_eq!(kept(&cluster).await.len(), 1);
    // Another time, or by hand, is another start.
    let input = json!({ "group": "nightly", "kind": "full" });
    flow::backup(&cluster, input).await.output();
    assert_eq!(kept(&cluster).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_start_beside_a_running_backup_ends_well_and_says_so() {
    let cluster = shop_on_first_day(Profile::V3_5).await;
    let started = flow::call(&cluster.context(), "StartBackup", start("by-hand"))
        .await
        .expect("a start");
    let skipped = auto(&cluster, "2026-03-01T04:15:00Z").await;
    assert_eq!(skipped["outcome"], json!("skipped"), "{skipped}");
    let reason = skipped["reason"].as_str().unwrap();
    assert!(
        reason.contains("by-hand") && reason.contains("sales"),
        "{reason}"
    );
    assert_eq!(kept(&cluster).await.len(), 1, "{started}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_itself_is_refused() {
    let cluster = shop_on_first_day(Profile::V3_5).await;
    for (input, expected) in [
        (
            json!({ "group": "nightly", "kind": "auto", "baseline": "x" }),
            "only an incremental backup has a baseline",
        ),
        (
            json!({ "group": "nightly", "kind": "full", "policy": {} }),
            "a policy decides only with",
        ),
        (
            json!({ "group": "nightly", "kind": "auto", "scheduled_at": "<aws.scheduler.scheduled-time>" }),
            "the literal <aws.scheduler.scheduled-time>",
        ),
        (
            json!({ "group": "nightly", "kind": "auto", "policy": { "full_day": "sunday" } }),
            "full_day",
        ),
    ] {
        let error = flow::backup(&cluster, input).await.error();
        assert_eq!(error.error, "InvalidInput", "{error:?}");
        assert!(error.cause.contains(expected), "{error:?}");
    }
}
