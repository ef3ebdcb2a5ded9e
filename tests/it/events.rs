//! Every file in `events/` is understood by whom it is for.

use std::{collections::BTreeSet, path::PathBuf};

use serde_json::{Value, json};
use shared::error::ErrorName;
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow};

fn files(folder: &str) -> Vec<(String, Value)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../events")
        .join(folder);
    let mut files: Vec<(String, Value)> = std::fs::read_dir(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("a text");
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let event = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, event)
        })
        .collect();
    files.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(!files.is_empty(), "{folder}");
    files
}

#[test]
fn there_is_a_folder_for_each_function_and_nothing_else() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events");
    let folders: BTreeSet<String> = std::fs::read_dir(path)
        .expect("events/")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let expected = [
        "audit-orphans",
        "executions",
        "poll-status",
        "precheck",
        "record-history",
        "restore",
        "start-backup",
    ];
    assert_eq!(folders.into_iter().collect::<Vec<_>>(), expected);
}

/// An event that is understood may fail for what the cluster lacks, never as `InvalidInput`.
#[tokio::test(flavor = "multi_thread")]
async fn each_function_understands_its_events() {
    let cluster = Cluster::start(Profile::V3_5).await;
    for (folder, function) in [
        ("precheck", "Precheck"),
        ("start-backup", "StartBackup"),
        ("poll-status", "PollStatus"),
        ("record-history", "RecordHistory"),
        ("restore", "Restore"),
    ] {
        for (name, event) in files(folder) {
            if let Err(error) = flow::call(&cluster.context(), function, event.clone()).await {
                assert_ne!(
                    error.name,
                    ErrorName::InvalidInput,
                    "{folder}/{name}: {error}"
                );
                assert_ne!(error.name, ErrorName::Internal, "{folder}/{name}: {error}");
            }
            let mut unknown = event;
            unknown["surprise"] = json!(1);
            let error = flow::call(&cluster.context(), function, unknown)
                .await
                .unwrap_err();
            assert_eq!(error.name, ErrorName::InvalidInput, "{folder}/{name}");
            assert!(
                error.message.contains("surprise"),
                "{folder}/{name}: {error}"
            );
        }
    }
    for (_, event) in files("audit-orphans") {
        audit_orphans::handle(&cluster.context(), event)
            .await
            .expect("an audit");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_execution_is_understood() {
    let cluster = Cluster::start(Profile::V3_5).await;
    for (name, input) in files("executions") {
        let mut event = json!({
            "operation": "backup",
            "input": input,
            "execution": { "Id": "one", "StartTime": "2026-03-01T04:00:00Z" },
        });
        if !name.starts_with("backup-") {
            event["operation"] = json!("restore");
            event["machine"] = json!("any");
        }
        // An empty cluster has neither group nor label: that is all that may be missing.
        let error = flow::call(&cluster.context(), "Precheck", event)
            .await
            .unwrap_err();
        assert_eq!(error.name, ErrorName::NotFound, "{name}: {error}");
    }
}
