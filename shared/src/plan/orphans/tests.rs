use proptest::prelude::*;

use super::*;
use crate::{digest::Digest, label::BackupKind, plan::restore::samples};

const STAMP: &str = "2026-03-01-04-00-00-123";
const OTHER_STAMP: &str = "2026-03-01-04-00-00-124";

fn record(label: &str, status: BackupStatus) -> BackupRecord {
    BackupRecord {
        kind: BackupKind::Full,
        status,
        repository: "repo".into(),
        database: None,
        plan_digest: Some(Digest::of([])),
        snapshot_timestamp: Some(STAMP.parse().unwrap()),
        cut: None,
        engine_version: None,
        ..samples::record(&label.parse().unwrap(), &"sales".parse().unwrap())
    }
}

fn complete(stamp: &str) -> SnapshotContent {
    SnapshotContent::Complete(stamp.parse().unwrap())
}

fn find(
    snapshots: &[(&str, SnapshotContent)],
    records: &[BackupRecord],
    running: &[&str],
) -> Vec<Orphan> {
    let snapshots: Vec<Snapshot> = snapshots
        .iter()
        .map(|(label, content)| Snapshot {
            label: (*label).into(),
            content: content.clone(),
        })
        .collect();
    find_orphans(&Listings {
        repository: &"repo".parse().unwrap(),
        running: &running.iter().map(|label| (*label).to_owned()).collect(),
        snapshots: &snapshots,
        records,
    })
}

#[test]
fn classes() {
    use BackupStatus::*;
    use SnapshotContent::Unfinished;
    let poisoned = || SnapshotContent::Unusable(format!("{STAMP}, {OTHER_STAMP}"));
    let unreadable = || SnapshotContent::Unreadable("timed out".into());
    let ours = |status| Some(record("l", status));
    let unchanged = BackupRecord {
        snapshot_timestamp: None,
        ..record("l", Finished)
    };
    let python = BackupRecord {
        plan_digest: None,
        ..unchanged.clone()
    };
    let elsewhere = BackupRecord {
        repository: "other".into(),
        ..record("l", Finished)
    };
    // The repository, history, whether it is in work; what is said.
    let cases = [
        (Some(complete(STAMP)), ours(Finished), false, ""),
        (Some(complete(STAMP)), ours(Partial), false, ""),
        (Some(complete(STAMP)), Some(python.clone()), false, ""),
        (None, Some(unchanged), false, ""),
        (None, ours(Failed), false, ""),
        (None, ours(Cancelled), false, ""),
        (
            Some(complete(STAMP)),
            None,
            false,
            "complete (2026-03-01-04-00-00-123), and not in",
        ),
        (
            Some(complete(STAMP)),
            Some(elsewhere),
            false,
            "and not in backup_history",
        ),
        (
            Some(complete(STAMP)),
            ours(Failed),
            false,
            "and recorded as FAILED",
        ),
        (
            Some(complete(STAMP)),
            ours(Lost),
            false,
            "and recorded as LOST",
        ),
        (
            Some(complete(OTHER_STAMP)),
            ours(Finished),
            false,
            "the repository has 2026-03-01-04-00-00-124",
        ),
        (
            None,
            ours(Finished),
            false,
            "recorded as FINISHED, and not in the repository",
        ),
        (
            Some(Unfinished),
            ours(Finished),
            false,
            "and not in the repository",
        ),
        (None, Some(python), false, "and not in the repository"),
        (Some(Unfinished), None, false, "a fragment"),
        (Some(Unfinished), ours(Cancelled), false, "a fragment"),
        (Some(Unfinished), None, true, "in work"),
        (Some(complete(STAMP)), None, true, "in work"),
        (Some(poisoned()), None, true, "in work"),
        (None, None, true, ""),
        // A finished backup is not excused by a claim of the same name.
        (None, ours(Finished), true, "and not in the repository"),
        (
            Some(poisoned()),
            ours(Finished),
            false,
            "it can never be restored",
        ),
        (Some(poisoned()), None, false, "it can never be restored"),
        (
            Some(unreadable()),
            ours(Finished),
            false,
            "cannot be looked at: timed out",
        ),
        (Some(unreadable()), None, false, "cannot be looked at"),
    ];
    for (snapshot, record, running, expected) in cases {
        let snapshots: Vec<_> = snapshot
            .iter()
            .map(|content| ("l", content.clone()))
            .collect();
        let records: Vec<_> = record.into_iter().collect();
        let running: &[&str] = if running { &["l"] } else { &[] };
        let orphans = find(&snapshots, &records, running);
        match orphans.as_slice() {
            [] => assert_eq!(expected, "", "{snapshots:?} {records:?}"),
            [orphan] => {
                let text = orphan.to_string();
                assert!(
                    !expected.is_empty() && text.contains(expected),
                    "{text} for {expected}"
                );
                assert_eq!(
                    orphan.hint().is_none(),
                    orphan.class == OrphanClass::Running
                );
            }
            more => panic!("{more:?}"),
        }
    }
}

#[test]
fn what_is_needed_is_named() {
    let incremental = |label: &str, status| BackupRecord {
        baseline: Some("full".parse().unwrap()),
        snapshot_timestamp: None,
        ..record(label, status)
    };
    let records = [
        record("full", BackupStatus::Finished),
        incremental("inc1", BackupStatus::Finished),
        incremental("inc2", BackupStatus::Failed),
        incremental("inc3", BackupStatus::Partial),
    ];
    let orphans = find(&[], &records, &[]);
    assert_eq!(orphans.len(), 1);
    assert!(orphans[0].loses_data());
    assert_eq!(
        orphans[0].to_string(),
        "full: recorded as FINISHED, and not in the repository; needed by inc1, inc3"
    );
    // A fragment of a failed run costs nothing.
    let orphans = find(&[("x", SnapshotContent::Unfinished)], &[], &[]);
    assert!(!orphans[0].loses_data());
}

fn any_content() -> impl Strategy<Value = SnapshotContent> {
    prop_oneof![
        Just(complete(STAMP)),
        Just(complete(OTHER_STAMP)),
        Just(SnapshotContent::Unfinished),
        Just(SnapshotContent::Unusable("two".into())),
        Just(SnapshotContent::Unreadable("no".into())),
    ]
}

proptest! {
    /// Each label is told at most once, and one that is promised is told unless exactly what was
    /// recorded is there.
    #[test]
    fn no_promise_is_broken_in_silence(
        snapshots in prop::collection::btree_map("[a-e]", any_content(), 0..5),
        recorded in prop::collection::btree_map("[a-e]", 0..BackupStatus::ALL.len(), 0..5),
        running in prop::collection::btree_set("[a-e]", 0..3),
    ) {
        let records: Vec<BackupRecord> = recorded
            .iter()
            .map(|(label, status)| record(label, BackupStatus::ALL[*status]))
            .collect();
        let listed: Vec<(&str, SnapshotContent)> = snapshots
            .iter()
            .map(|(label, content)| (label.as_str(), content.clone()))
            .collect();
        let running: Vec<&str> = running.iter().map(String::as_str).collect();
        let orphans = find(&listed, &records, &running);
        let told: BTreeSet<&str> = orphans.iter().map(|orphan| orphan.label.as_str()).collect();
        prop_assert_eq!(told.len(), orphans.len());
        for record in &records {
            let label = record.label.as_str();
            let there = snapshots.get(label) == Some(&complete(STAMP));
            if record.status.is_restorable() {
                prop_assert_eq!(told.contains(label), !there, "{}", label);
            }
        }
        for label in snapshots.keys().filter(|label| !recorded.contains_key(*label)) {
            prop_assert!(told.contains(label.as_str()), "{} is nobody's", label);
        }
    }
}
