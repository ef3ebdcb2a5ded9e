//! What the event bus is told. A consumer sees each thing that happened under one id, however often it
//! is told of it.

use serde_json::{Value, json};

use super::{
    backup, restore,
    script::{Answer, Run, raise, redrive},
};

/// Of each event its kind and the end of its id.
fn told(run: &Run) -> Vec<(&str, &str)> {
    run.published
        .iter()
        .map(|entries| {
            let [entry] = &entries.as_array().expect("a list")[..] else {
                panic!("one entry each: {entries}");
            };
            assert_eq!(entry["Source"], "starrocks-br");
            let id = entry["Detail"]["id"].as_str().expect("a text");
            (
                entry["DetailType"].as_str().expect("a text"),
                id.strip_prefix("arn:execution:1/")
                    .expect("of its execution"),
            )
        })
        .collect()
}

fn detail(run: &Run, index: usize) -> &Value {
    &run.published[index][0]["Detail"]
}

#[tokio::test(start_paused = true)]
async fn a_backup_tells_that_it_starts_and_that_it_is_finished() {
    let run = backup::success().await;
    assert_eq!(
        told(&run),
        [
            ("Backup started", "started"),
            ("Backup finished", "finished")
        ]
    );
    assert_eq!(
        detail(&run, 0),
        &json!({
            "id": "arn:execution:1/started", "execution_id": "arn:execution:1",
            "group": "nightly", "kind": "incremental", "databases": ["sales", "web"],
        })
    );
    assert_eq!(
        detail(&run, 1),
        &json!({
            "id": "arn:execution:1/finished", "execution_id": "arn:execution:1",
            "group": "nightly", "kind": "incremental",
            "summary": {"sales": "FINISHED", "web": "FINISHED"},
        })
    );
}

/// An execution fails once for each time that it is redriven.
#[tokio::test(start_paused = true)]
async fn a_failed_backup_says_why_and_a_redrive_can_end_it_well() {
    let failed = backup::failing_start("BackupFailed").await;
    assert_eq!(
        told(&failed),
        [("Backup started", "started"), ("Backup failed", "failed/0")]
    );
    let told_of = detail(&failed, 1);
    assert_eq!(told_of["error"], "BackupFailed");
    assert_eq!(told_of["cause"], "scripted BackupFailed");
    assert_eq!(told_of["group"], "nightly");
    let again = redrive(&backup::machine(), failed, 1, |call| {
        match call.operation.as_str() {
            "start" => raise("BackupFailed"),
            _ => backup::well(call),
        }
    })
    .await;
    assert_eq!(told(&again), [("Backup failed", "failed/1")]);
    let last = redrive(&backup::machine(), again, 2, backup::well).await;
    assert_eq!(told(&last), [("Backup finished", "finished")]);
}

#[tokio::test(start_paused = true)]
async fn a_backup_with_nothing_to_do_does_not_start() {
    let run = backup::skipped().await;
    assert_eq!(told(&run), [("Backup finished", "finished")]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_precheck_tells_nothing() {
    let run =
        backup::scenario(|call| (call.function == "Precheck").then(|| raise("NotFound"))).await;
    assert_eq!(told(&run), []);
}

#[tokio::test(start_paused = true)]
async fn a_restore_tells_what_has_happened_to_live_tables() {
    let start = ("Restore started", "started");
    let verified = ("Restore verified", "verified");
    let promoted = ("Restore promoted", "promoted");
    let end = ("Restore finished", "finished");
    let whole = restore::success().await;
    assert_eq!(told(&whole), [start, verified, promoted, end]);
    assert_eq!(
        detail(&whole, 2),
        &json!({
            "id": "arn:execution:1/promoted", "execution_id": "arn:execution:1",
            "restore_id": "01JNABCDEFGHJKMNPQRSTVWXYZ",
        })
    );
    let held = restore::held().await;
    assert_eq!(told(&held), [start, verified, end]);
    let promote = restore::with_run("promote", false).await;
    assert_eq!(told(&promote), [start, promoted, end]);
    let undo = restore::with_run("undo", false).await;
    assert_eq!(told(&undo), [start, ("Restore undone", "undone"), end]);
    let looked = restore::with_run("restore", true).await;
    assert_eq!(told(&looked), [start, end]);
    assert_eq!(detail(&looked, 0)["dry_run"], true);
    let failed = restore::failing("Promote", "RestoreFailed").await;
    assert_eq!(
        told(&failed),
        [start, verified, ("Restore failed", "failed/0")]
    );
    assert_eq!(detail(&failed, 2)["error"], "RestoreFailed");
}

/// An answer that is not known is no proof.
#[tokio::test(start_paused = true)]
async fn nothing_is_called_verified_that_is_not() {
    for (operation, expected) in [("verify", 2), ("promote", 3)] {
        let run = restore::scenario(move |call| {
            let answer = json!({"next": "?", "wait_seconds": 0});
            (call.operation == operation).then(|| Answer::Return(answer))
        })
        .await;
        assert_eq!(told(&run).len(), expected, "{operation}: {:?}", told(&run));
    }
}
