//! The log of what was done, as the functions write it: one line when something begins, one when it ends,
//! whatever happens in between.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex},
};

use serde_json::{Value, json};
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
};
use tests::{
    cluster::PASSWORD,
    flow,
    kill::Kill,
    meddle,
    shop::{damaged_shop, shop},
};
use tracing::{Dispatch, subscriber::DefaultGuard};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>, Arc<Mutex<Vec<Value>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Nobody's. As long as there is one subscriber in the process, `tracing` asks only the thread that comes
/// first to a line whether anybody listens, and other tests come to the same lines.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| {
    tracing_subscriber::fmt()
        .with_writer(std::io::sink)
        .finish()
        .into()
});

impl Log {
    /// Of this thread: a test's runtime has no other.
    fn listen() -> (Log, DefaultGuard) {
        LazyLock::force(&SECOND);
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// `action outcome error label-or-restore` since the last time, without what is common to all.
    #[track_caller]
    fn done(&self, execution: &str) -> Vec<String> {
        let text = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(text).expect("UTF-8");
        assert!(!text.contains(PASSWORD), "{text}");
        let mut done = Vec::new();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).expect("a line of JSON");
            let Some(action) = line["audit"].as_str() else {
                continue;
            };
            let word = |key: &str| {
                let value = line[key].as_str();
                value
                    .unwrap_or_else(|| panic!("no {key}: {line}"))
                    .to_owned()
            };
            assert_eq!(word("message"), format!("{action} {}", word("outcome")));
            assert_eq!(word("execution"), execution, "{line}");
            if word("outcome") == "requested" {
                self.1.lock().unwrap().push(line);
                continue;
            }
            word("object");
            word("who");
            let of = match word("restore") {
                restore if restore.is_empty() => word("label"),
                _ => "r".to_owned(),
            };
            let words = [word("message"), word("error_name"), of, word("databases")];
            let words = words.into_iter().filter(|word| !word.is_empty());
            done.push(words.collect::<Vec<_>>().join(" "));
        }
        done
    }
}

impl Log {
    /// The one execution's input that was noted since the last time, with its line.
    #[track_caller]
    fn requested(&self) -> (Value, Value) {
        let lines = std::mem::take(&mut *self.1.lock().unwrap());
        let [line] = lines.as_slice() else {
            panic!("one request: {lines:?}");
        };
        let input = line["object"].as_str().expect("an input");
        (serde_json::from_str(input).expect("whole"), line.clone())
    }
}

fn full(group: &str) -> Value {
    json!({ "group": group, "kind": "full" })
}

#[tokio::test]
async fn backups_that_do_not_begin_or_do_not_succeed_say_so_once() {
    let cluster = shop(Profile::V3_5).await;
    let (log, _guard) = Log::listen();
    let ended = flow::backup(&cluster, full("nobody")).await;
    assert_eq!(log.done(&ended.id), ["backup refused NotFound"]);
    assert_eq!(log.requested().0, full("nobody"));
    let misspelt = json!({ "group": "nightly", "knid": "full" });
    let ended = flow::backup(&cluster, misspelt.clone()).await;
    assert_eq!(log.done(&ended.id), ["backup refused InvalidInput"]);
    assert_eq!(log.requested().0, misspelt);

    // A delivery of a schedule, and its repeat.
    let at = |input: Value| {
        let mut input = input;
        input["scheduled_at"] = json!("2026-03-01T04:15:00Z");
        input
    };
    let ended = flow::backup(&cluster, at(full("nightly"))).await;
    assert_eq!(
        log.done(&ended.id),
        [
            "backup started sales_20260301_full sales",
            "backup done sales_20260301_full sales"
        ]
    );
    let ended = flow::backup(&cluster, at(full("nightly"))).await;
    assert_eq!(log.done(&ended.id), ["backup skipped sales"]);

    // Refused under its label, and not tried again.
    meddle::refuse_once(&cluster, "BACKUP SNAPSHOT");
    let ended = flow::backup(&cluster, full("nightly")).await;
    assert_eq!(log.done(&ended.id), ["backup refused BackupFailed sales"]);
    // A frontend that is away for a moment is no event of the log.
    cluster.emulator.faults().times(
        When::Contains("BACKUP SNAPSHOT".into()),
        Fault::DropBefore,
        1,
    );
    let ended = flow::backup(&cluster, full("nightly")).await;
    let done = log.done(&ended.id);
    assert_eq!(done.len(), 2, "{done:?}");
    assert!(done[0].starts_with("backup started sales_"), "{done:?}");
    assert!(done[1].starts_with("backup done sales_"), "{done:?}");
}

/// A run that dies is brought to its end by another one, which says whose work it did.
#[tokio::test]
async fn what_is_adopted_is_not_started_a_second_time() {
    let undisturbed = shop(Profile::V3_5).await;
    undisturbed.emulator.faults().reset_journal();
    flow::backup(&undisturbed, full("nightly")).await.output();
    let journal = undisturbed.emulator.faults().journal();
    let sent = journal
        .iter()
        .find(|entry| entry.sql.starts_with("BACKUP SNAPSHOT"));
    let kill = Kill {
        statement: sent.expect("a BACKUP").number,
        executed: true,
    };
    let cluster = shop(Profile::V3_5).await;
    assert!(flow::backup_until_killed(&cluster, full("nightly"), kill).await);
    cluster.advance(30 * 60);
    let (log, _guard) = Log::listen();
    let ended = flow::backup(&cluster, full("nightly")).await;
    assert_eq!(
        log.done(&ended.id),
        [
            "backup adopted sales_20260301_full sales",
            "backup done sales_20260301_full sales"
        ]
    );
}

#[tokio::test]
async fn restores_promotions_and_undos_say_how_they_ended() {
    let cluster = damaged_shop(Profile::V4_1).await;
    let (log, _guard) = Log::listen();
    let label = json!("sales_20260301_full");
    let target = json!({ "target_label": label });
    let ended = flow::restore(&cluster, json!({ "target_label": "nobody" })).await;
    assert_eq!(log.done(&ended.id), ["restore refused NotFound nobody"]);
    let ended = flow::restore_in(&cluster, "stage", json!({ "promote": "x" })).await;
    assert_eq!(log.done(&ended.id), ["promote refused InvalidInput r"]);
    log.1.lock().unwrap().clear();
    let ended = flow::restore(&cluster, json!({ "target_label": label, "dry_run": true })).await;
    assert_eq!(log.done(&ended.id), Vec::<String>::new());
    assert!(log.1.lock().unwrap().is_empty(), "it only looks");

    meddle::refuse_once(&cluster, "RESTORE SNAPSHOT");
    let failed = flow::restore(&cluster, target.clone()).await;
    assert_eq!(
        log.done(&failed.id),
        [
            "restore started r sales",
            "restore failed RestoreFailed r sales"
        ]
    );
    assert_eq!(log.requested().0, target);
    let ended = flow::restore(&cluster, json!({ "resume": failed.id })).await;
    assert_eq!(
        log.done(&ended.id),
        [
            "resume started r sales",
            "promote started r sales",
            "promote done r sales",
            "resume done r sales"
        ]
    );
    let (input, line) = log.requested();
    assert_eq!(input, json!({ "resume": failed.id }));
    assert_eq!(
        (&line["audit"], &line["restore"]),
        (&json!("resume"), &json!(failed.id))
    );
    let ended = flow::restore(&cluster, json!({ "promote": failed.id })).await;
    assert_eq!(
        log.done(&ended.id),
        Vec::<String>::new(),
        "nothing was done"
    );
    let ended = flow::restore(&cluster, json!({ "promote": failed.id, "swap": "now" })).await;
    assert_eq!(log.done(&ended.id), ["promote refused InvalidInput r"]);
    let ended = flow::restore(&cluster, json!({ "undo": failed.id })).await;
    assert_eq!(
        log.done(&ended.id),
        ["undo started r sales", "undo done r sales"]
    );
    let ended = flow::restore(&cluster, json!({ "undo": failed.id })).await;
    assert_eq!(log.done(&ended.id), ["undo refused InvalidInput r sales"]);

    // It breaks off in the middle of the swap.
    let held = flow::restore_in(&cluster, "stage", target).await;
    assert_eq!(
        log.done(&held.id),
        ["restore started r sales", "restore done r sales"]
    );
    meddle::refuse_once(&cluster, "SWAP WITH");
    let ended = flow::restore_in(&cluster, "promote", json!({ "promote": held.id })).await;
    assert_eq!(
        log.done(&ended.id),
        [
            "promote started r sales",
            "promote failed RestoreFailed r sales"
        ]
    );
}

fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a text");
            found.push((path, text));
        }
    }
}

/// Nobody cancels or deletes past the log.
#[test]
fn whoever_cancels_or_deletes_is_on_the_log() {
    let mut all = Vec::new();
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    sources(&functions, &mut all);
    let mut cancels = 0;
    for (path, code) in &all {
        for sent in ["client.run(&cancel_backup(", "client.run(&cancel_restore("] {
            let logged = format!("around({sent}");
            let all = code.matches(sent).count();
            cancels += all;
            assert_eq!(all, code.matches(&logged).count(), "{}", path.display());
        }
        // The one that sends, and a probe that reads.
        let allowed = ["restore/src/work.rs", "restore/src/execute/names.rs"];
        if path.display().to_string().contains("functions/restore/src")
            && !allowed.iter().any(|own| path.ends_with(own))
        {
            for sends in ["client.run(", "client.run_in("] {
                assert!(!code.contains(sends), "{} uses {sends}", path.display());
            }
        }
    }
    assert!(cancels >= 4, "the statements have other names now");
}
