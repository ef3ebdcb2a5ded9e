use super::*;
use crate::plan::restore::samples;

/// `YYYY-MM-DD HH:MM:SS` in a row of `backup_history` that has nothing else.
fn backup(label: &str, status: &str, started_at: &str) -> BackupRecord {
    BackupRecord {
        kind: crate::label::BackupKind::Full,
        status: status.parse().unwrap(),
        repository: "repo".to_owned(),
        error_message: (status == "FAILED").then(|| format!("{}\nhint: x", "w".repeat(500))),
        execution_id: Some("arn:aws:states:x:1:execution:backup:1".parse().unwrap()),
        database: None,
        cut: None,
        engine_version: None,
        started_at: Some(started_at.to_owned()),
        ..samples::record(&label.parse().unwrap(), &"sales".parse().unwrap())
    }
}

fn restore(id: &str, status: &str, state: &str, finished_at: &str) -> RestoreRow {
    RestoreRow {
        id: id.parse().unwrap(),
        started_at: Some("2020-01-01 00:00:00".to_owned()),
        finished_at: Some(finished_at.to_owned()),
        ..samples::restore_row(state, status)
    }
}

fn claim(label: &str, started_at: &str) -> EndedClaimRow {
    EndedClaimRow {
        label: label.to_owned(),
        execution: None,
        started_at: Some(started_at.to_owned()),
    }
}

fn now() -> UtcTime {
    "2026-03-09 04:00:00".parse().unwrap()
}

#[test]
fn what_began_or_ended_in_the_last_days_is_counted_and_nothing_else() {
    let backups = [
        backup("new", "FINISHED", "2026-03-08 04:00:00"),
        backup("at_the_edge", "FINISHED", "2026-03-01 04:00:00"),
        backup("too_old", "FINISHED", "2026-03-01 03:59:59"),
        backup("broken", "FAILED", "2026-03-07 04:00:00"),
        backup("stopped", "CANCELLED", "2026-03-06 04:00:00"),
        backup("of_another_tool", "FINISHED", "yesterday"),
    ];
    let restores = [
        restore("r1", "FINISHED", "PROMOTED", "2026-03-08 05:00:00"),
        restore("r2", "FINISHED", "UNDONE", "2026-03-08 06:00:00"),
        restore("r3", "FAILED", "PLANNED", "2026-03-08 07:00:00"),
        restore("r4", "FINISHED", "PROMOTED", "2026-02-08 07:00:00"),
    ];
    let given_up = [
        claim("never_sent", "2026-03-05 04:00:00"),
        claim("broken", "2026-03-07 04:00:00"),
    ];
    let found = activity(
        &Records {
            backups: &backups,
            restores: &restores,
            given_up: &given_up,
        },
        now(),
        8,
    );
    assert_eq!(
        found.backups,
        [
            ("CANCELLED", 1),
            ("FAILED", 1),
            ("FINISHED", 2),
            ("GIVEN_UP", 1)
        ]
        .into()
    );
    assert_eq!(
        found.restores,
        [("FAILED".to_owned(), 1), ("FINISHED".to_owned(), 2)].into()
    );
    assert_eq!((found.promotes, found.undos, found.cancels), (2, 1, 1));
    let newest: Vec<String> = found
        .newest
        .iter()
        .map(|entry| {
            let name = entry.restore_id.as_ref().unwrap_or(&entry.label);
            format!("{} {name} {}", entry.what, entry.outcome)
        })
        .collect();
    assert_eq!(
        newest,
        [
            "restore r3 FAILED",
            "undo r2 UNDONE",
            "promote r1 PROMOTED",
            "backup new FINISHED",
            "backup broken FAILED",
            "backup stopped CANCELLED",
            "backup never_sent GIVEN_UP",
            "backup at_the_edge FINISHED",
        ]
    );
    assert_eq!(found.not_shown, 0);
    let error = found.newest[4].error.as_deref().unwrap();
    assert_eq!(error.len(), WORDS_SHOWN + 3);
}

/// However much was done: what does not fit is counted, and said to be left out.
#[test]
fn it_always_fits_into_an_output() {
    for status in ["FINISHED", "FAILED"] {
        let backups: Vec<BackupRecord> = (0..5_000)
            .map(|number| backup(&format!("{number:0>120}"), status, "2026-03-08 04:00:00"))
            .collect();
        let found = activity(
            &Records {
                backups: &backups,
                restores: &[],
                given_up: &[],
            },
            now(),
            8,
        );
        assert_eq!(found.backups, [(backups[0].status.as_str(), 5_000)].into());
        assert!(!found.newest.is_empty());
        assert_eq!(found.newest.len() + found.not_shown, 5_000);
        let text = serde_json::to_string(&found).unwrap();
        assert!(text.len() < 9_000, "{} bytes", text.len());
    }
}
