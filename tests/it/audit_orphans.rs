//! The repository against history.

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow, meddle, shop::shop};

async fn audit(cluster: &Cluster) -> Value {
    audit_orphans::handle(&cluster.context(), json!({}))
        .await
        .expect("an audit")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_recorded_and_what_is_gone_are_found() {
    let cluster = shop(Profile::V3_5).await;
    flow::full(&cluster, "nightly").await;
    let clean = audit(&cluster).await;
    assert_eq!(clean["findings"], json!([]));
    assert_eq!(clean["snapshots"], json!(1));

    cluster
        .sql("BACKUP SNAPSHOT sales.by_hand TO repo ON (orders)")
        .await;
    assert_eq!(
        audit(&cluster).await["findings"],
        json!([]),
        "nothing is in the bucket yet"
    );
    cluster.advance(60);
    let found = audit(&cluster).await;
    assert_eq!(found["findings"][0]["label"], json!("by_hand"));
    assert_eq!(found["findings"][0]["class"], json!("unrecorded"));
    assert_eq!(found["loses_data"], json!(false));

    cluster.remove_snapshot("sales_20260301_full");
    let found = audit(&cluster).await;
    let gone = &found["findings"][0];
    assert_eq!(
        (&gone["label"], &gone["class"]),
        (&json!("sales_20260301_full"), &json!("gone"))
    );
    assert_eq!(found["loses_data"], json!(true));
    let only = audit_orphans::handle(&cluster.context(), json!({ "limit": 1 })).await;
    let only = only.expect("an audit");
    assert_eq!(only["findings"].as_array().unwrap().len(), 1);
    assert_eq!(only["findings_not_shown"], json!(1));
}

/// The weekly audit fails its execution, and the alarm on failed executions says so.
#[tokio::test(flavor = "multi_thread")]
async fn the_state_machine_fails_where_data_is_lost() {
    let cluster = shop(Profile::V3_5).await;
    flow::full(&cluster, "nightly").await;
    let output = flow::audit(&cluster).await.output();
    assert_eq!(
        (&output["findings"], &output["snapshots"]),
        (&json!([]), &json!(1))
    );
    cluster.remove_snapshot("sales_20260301_full");
    let listed = &output["activity"];
    assert_eq!(
        (&listed["days"], &listed["backups"]),
        (&json!(8), &json!({ "FINISHED": 1 }))
    );
    let error = flow::audit(&cluster).await.error();
    assert_eq!(error.error, "VerificationFailed", "{error:?}");
    assert!(error.cause.contains("sales_20260301_full"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_lately_is_listed_and_what_is_older_is_not() {
    let cluster = shop(Profile::V3_5).await;
    flow::full(&cluster, "nightly").await;
    cluster.advance(10 * 24 * 3600);
    cluster.sql("INSERT INTO sales.orders VALUES (3)").await;
    flow::incremental(&cluster, "nightly").await;
    meddle::refuse_once(&cluster, "BACKUP SNAPSHOT");
    flow::backup(&cluster, json!({ "group": "nightly", "kind": "full" }))
        .await
        .error();
    let target = json!({ "target_label": "sales_20260311_inc" });
    let restored = flow::restore(&cluster, target).await.output();
    flow::restore(&cluster, restored["summary"]["next_input"].clone())
        .await
        .output();

    let listed = audit(&cluster).await["activity"].clone();
    assert_eq!(
        listed["backups"],
        json!({ "FAILED": 1, "FINISHED": 1 }),
        "{listed}"
    );
    assert_eq!(
        (&listed["restores"], &listed["promotes"], &listed["undos"]),
        (&json!({ "FINISHED": 1 }), &json!(1), &json!(1))
    );
    let newest: Vec<&str> = listed["newest"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["what"].as_str().unwrap())
        .collect();
    assert_eq!(newest, ["undo", "backup", "backup"]);
    let all = audit_orphans::handle(&cluster.context(), json!({ "days": 30 })).await;
    assert_eq!(all.unwrap()["activity"]["backups"]["FINISHED"], json!(2));
}

/// A state carries 32 KB, however much there is to say.
#[tokio::test(flavor = "multi_thread")]
async fn the_output_of_the_weekly_audit_fits_into_a_state() {
    let cluster = shop(Profile::V3_5).await;
    let rows: Vec<String> = (0..400)
        .map(|number| {
            let label = format!("{number:0>128}");
            format!(
                "('{label}', 'full', 'FAILED', 'other', UTC_TIMESTAMP(), '{}', '{}')",
                "w".repeat(2_000),
                "arn".repeat(40)
            )
        })
        .collect();
    cluster
        .sql(&format!(
            "INSERT INTO ops.backup_history (label, backup_type, status, repository, started_at, \
             error_message, execution_id) VALUES {}",
            rows.join(", ")
        ))
        .await;
    for number in 0..60 {
        let label = format!("by_hand_{number:0>110}");
        cluster
            .sql(&format!(
                "BACKUP SNAPSHOT sales.{label} TO repo ON (orders)"
            ))
            .await;
        cluster.advance(60);
    }
    let output = flow::audit(&cluster).await.output();
    let bytes = output.to_string().len();
    assert!(bytes < 32_000, "{bytes}");
    let shown = |key: &str| output[key].as_array().unwrap().len();
    assert!(shown("findings") > 10);
    assert_eq!(
        shown("findings") as u64 + output["findings_not_shown"].as_u64().unwrap(),
        60
    );
    let activity = &output["activity"];
    assert_eq!(activity["backups"], json!({ "FAILED": 400 }));
    let newest = activity["newest"].as_array().unwrap().len() as u64;
    assert_eq!(newest + activity["not_shown"].as_u64().unwrap(), 400);
    assert!(newest > 5);
}
