//! What was done lately, for whoever reads the weekly audit: counts, and the newest entries as far as
//! they fit into the output of a state machine.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    manifest::{BackupRecord, BackupStatus},
    sql::ops::{run_status::EndedClaimRow, steps::RestoreRow},
    time::UtcTime,
};

#[cfg(test)]
mod tests;

/// Entries, and their bytes as JSON: far below the 32 KB that an output may have, beside the findings.
const SHOWN: usize = 40;
const BYTES_SHOWN: usize = 8_000;
/// Of a message: its beginning says what failed.
const WORDS_SHOWN: usize = 120;

#[derive(Debug, Clone, Copy)]
pub struct Records<'a> {
    pub backups: &'a [BackupRecord],
    pub restores: &'a [RestoreRow],
    /// Labels that were taken and under which nothing was sent.
    pub given_up: &'a [EndedClaimRow],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Activity {
    pub days: u16,
    pub since: UtcTime,
    /// Labels by their status; `GIVEN_UP` where history has none.
    pub backups: BTreeMap<&'static str, usize>,
    /// Restores by their status.
    pub restores: BTreeMap<String, usize>,
    /// Restores that took the place of what lived, and those of them that were taken back.
    pub promotes: usize,
    pub undos: usize,
    /// Backups that were cancelled: by somebody, by StarRocks, or because they stood still.
    pub cancels: usize,
    /// Newest first.
    pub newest: Vec<Entry>,
    pub not_shown: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub at: UtcTime,
    pub what: &'static str,
    pub label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_id: Option<String>,
    pub outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Everything that began or ended in the last days. What has no readable time (rows of another tool) is
/// not of these days.
pub fn activity(records: &Records<'_>, now: UtcTime, days: u16) -> Activity {
    let since = now.minus_days(days);
    let recent = |started: &Option<String>, finished: &Option<String>| {
        let time = |text: &Option<String>| text.as_ref()?.parse::<UtcTime>().ok();
        let newest = time(finished).max(time(started));
        newest.filter(|time| *time >= since)
    };
    let mut activity = Activity {
        days,
        since,
        backups: BTreeMap::new(),
        restores: BTreeMap::new(),
        promotes: 0,
        undos: 0,
        cancels: 0,
        newest: Vec::new(),
        not_shown: 0,
    };
    for record in records.backups {
        let Some(at) = recent(&record.started_at, &record.finished_at) else {
            continue;
        };
        *activity.backups.entry(record.status.as_str()).or_default() += 1;
        activity.cancels += usize::from(record.status == BackupStatus::Cancelled);
        activity.newest.push(Entry {
            at,
            what: "backup",
            label: record.label.to_string(),
            restore_id: None,
            outcome: record.status.as_str().to_owned(),
            execution: record.execution_id.as_ref().map(ToString::to_string),
            error: record.error_message.as_deref().map(beginning),
        });
    }
    for claim in records.given_up {
        // What got as far as a plan has its row in history.
        let known = records
            .backups
            .iter()
            .any(|record| record.label.as_str() == claim.label);
        let Some(at) = recent(&claim.started_at, &None).filter(|_| !known) else {
            continue;
        };
        *activity.backups.entry("GIVEN_UP").or_default() += 1;
        activity.newest.push(Entry {
            at,
            what: "backup",
            label: claim.label.clone(),
            restore_id: None,
            outcome: "GIVEN_UP".to_owned(),
            execution: claim.execution.clone(),
            error: None,
        });
    }
    for restore in records.restores {
        let Some(at) = recent(&restore.started_at, &restore.finished_at) else {
            continue;
        };
        *activity.restores.entry(restore.status.clone()).or_default() += 1;
        let (what, promoted, undone) = match restore.state.as_deref() {
            Some("PROMOTING" | "PROMOTED") => ("promote", true, false),
            Some("UNDOING" | "UNDONE") => ("undo", true, true),
            _ => ("restore", false, false),
        };
        activity.promotes += usize::from(promoted);
        activity.undos += usize::from(undone);
        activity.newest.push(Entry {
            at,
            what,
            label: restore.label.to_string(),
            restore_id: Some(restore.id.to_string()),
            outcome: match &restore.state {
                Some(state) if restore.status != "FAILED" => state.clone(),
                _ => restore.status.clone(),
            },
            execution: restore.execution.as_ref().map(ToString::to_string),
            error: restore.error_message.as_deref().map(beginning),
        });
    }
    // By time, then by name, so that the same records give the same answer.
    activity
        .newest
        .sort_by(|one, other| (other.at, &other.label).cmp(&(one.at, &one.label)));
    let fit = fitting(&activity.newest);
    activity.not_shown = activity.newest.len() - fit;
    activity.newest.truncate(fit);
    activity
}

fn fitting(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    entries
        .iter()
        .take(SHOWN)
        .take_while(|entry| {
            bytes += serde_json::to_string(entry).map_or(BYTES_SHOWN, |text| text.len());
            bytes <= BYTES_SHOWN
        })
        .count()
}

fn beginning(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    match first.char_indices().nth(WORDS_SHOWN) {
        Some((cut, _)) => format!("{}...", &first[..cut]),
        None => first.to_owned(),
    }
}
