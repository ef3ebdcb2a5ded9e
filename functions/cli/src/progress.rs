//! What is seen of a long execution: one plain line per change, on standard error.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use crate::asl::Event;

/// Says what changed, with the time since the start.
pub(crate) fn observer() -> impl Fn(&Event<'_>) + Send + Sync + 'static {
    let started = Instant::now();
    let last: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    move |event| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        for (subject, text) in lines(event) {
            if last.get(&subject) != Some(&text) {
                say(started.elapsed(), &format!("{subject}: {text}"));
                last.insert(subject, text);
            }
        }
    }
}

fn say(elapsed: Duration, text: &str) {
    let seconds = elapsed.as_secs();
    // Standard error is gone: there is nobody left to tell.
    let _ = writeln!(
        std::io::stderr(),
        "[{:>3}:{:02}] {text}",
        seconds / 60,
        seconds % 60
    );
}

/// What an event says, by subject.
fn lines(event: &Event<'_>) -> Vec<(String, String)> {
    match event {
        Event::Returned {
            function: "Precheck",
            result,
            ..
        } => due(&result["run"])
            .map(|said| ("due".to_owned(), said))
            .into_iter()
            .collect(),
        Event::Returned {
            function: "StartBackup",
            result,
            ..
        } => vec![job(result)],
        Event::Returned {
            function: "PollStatus",
            result,
            ..
        } => result["jobs"]
            .as_array()
            .into_iter()
            .flatten()
            .map(job)
            .collect(),
        Event::Returned {
            function: "RecordHistory",
            result,
            ..
        } if result.get("status").is_some() => vec![recorded(result)],
        Event::Returned {
            function: "Restore",
            result,
            ..
        } => match result.get("next") {
            Some(next) => {
                let said = match next.as_str() {
                    Some("wait") => "StarRocks restores or copies",
                    Some("steps") => "going on with its steps",
                    Some("verify") => "verifying",
                    Some("promote") => "verified; changing names",
                    Some("hold") => "verified; waiting to be promoted",
                    Some("done") => "done",
                    _ => "going on",
                };
                vec![("restore".to_owned(), said.to_owned())]
            }
            // The plan is shown by whoever asked for it.
            None => Vec::new(),
        },
        Event::Retrying {
            error, delay, left, ..
        } => vec![(
            "waiting".to_owned(),
            format!(
                "{}: {}; tried again in {} s ({left} tries left)",
                error.error,
                in_one_line(&error.to_error().message),
                delay.as_secs()
            ),
        )],
        _ => Vec::new(),
    }
}

/// A message and the list that may follow it.
fn in_one_line(message: &str) -> String {
    let (head, list) = message.split_once("\n- ").unwrap_or((message, ""));
    let head = head.lines().next().unwrap_or_default();
    match list {
        "" => head.to_owned(),
        list => format!("{head} {}", list.replace("\n- ", "; ")),
    }
}

/// What `auto` chose, and why, in the words of the planner that chose it.
pub(crate) fn due(run: &Value) -> Option<String> {
    let reason = run["chosen"].as_str()?;
    let kind = text(&run["kind"]);
    let kept = match (
        run["retention"]["class"].as_str(),
        run["retention"]["days"].as_u64(),
    ) {
        (Some(class), Some(days)) => format!(" ({}, kept {days} days)", class.to_lowercase()),
        _ => String::new(),
    };
    Some(format!("{kind}{kept}: {reason}"))
}

fn recorded(outcome: &Value) -> (String, String) {
    let said = match outcome["label"].as_str() {
        Some(_) => format!("recorded as {}", text(&outcome["status"])),
        // It was refused before it had one: there is nothing to record.
        None => "not begun".to_owned(),
    };
    (text(&outcome["database"]), said)
}

fn job(job: &Value) -> (String, String) {
    let state = match &job["progress"] {
        Value::Null => match job["state"].as_str() {
            Some("running") => "in work".to_owned(),
            Some("unchanged") => "nothing changed, nothing to store".to_owned(),
            _ => text(&job["state"]),
        },
        progress => {
            let state = text(&progress["state"]);
            match (progress["percent"].as_u64(), job["size"].as_str()) {
                (Some(percent), Some(size)) => format!("{state} {percent} % of {size}"),
                (Some(percent), None) => format!("{state} {percent} %"),
                (None, Some(size)) => format!("{state}, {size} in all"),
                (None, None) => state,
            }
        }
    };
    let label = text(&job["label"]);
    let mut line = if label.is_empty() {
        state
    } else {
        format!("{label} {state}")
    };
    // What was said when the job began is not said again with every percent.
    let detail = match &job["progress"] {
        Value::Null => job["detail"].as_str(),
        progress => progress["detail"].as_str(),
    };
    if let Some(detail) = detail {
        line.push_str(": ");
        line.push_str(detail);
    }
    (text(&job["database"]), line)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::{
        error::{Error, ErrorName},
        flow::FlowError,
    };

    use super::*;
    use crate::asl::Place;

    #[test]
    fn why_a_kind_was_chosen_is_said_where_it_was_chosen() {
        let run = |chosen: Value| {
            json!({
                "kind": "full", "chosen": chosen, "retention": { "class": "WEEKLY", "days": 90 },
            })
        };
        assert_eq!(
            due(&run(json!("the weekly full is due today"))),
            Some("full (weekly, kept 90 days): the weekly full is due today".to_owned())
        );
        assert_eq!(due(&run(Value::Null)), None);
    }

    #[test]
    fn what_got_no_label_is_not_called_recorded() {
        for (label, expected) in [
            (json!("sales_20260301_full"), "recorded as FAILED"),
            (json!(null), "not begun"),
        ] {
            let outcome = json!({ "database": "sales", "label": label, "status": "FAILED" });
            assert_eq!(
                recorded(&outcome),
                ("sales".to_owned(), expected.to_owned())
            );
        }
    }

    #[test]
    fn what_is_waited_for_is_said_with_all_that_is_in_the_way() {
        let error = Error::new(
            ErrorName::AccessDenied,
            "the restore cannot run now:\n- a\n- b",
        )
        .hint("GRANT a");
        let event = Event::Retrying {
            place: Place {
                state: "Precheck",
                item: None,
            },
            error: &FlowError::from(&error),
            delay: Duration::from_secs(20),
            left: 2,
        };
        let expected =
            "AccessDenied: the restore cannot run now: a; b; tried again in 20 s (2 tries left)";
        assert_eq!(lines(&event), [("waiting".to_owned(), expected.to_owned())]);
    }

    #[test]
    fn a_line_says_how_far_of_how_much() {
        let line = |progress: Value, size: Value| {
            let seen = json!({
                "database": "sales", "label": "sales_1", "state": "running", "progress": progress,
                "size": size,
            });
            job(&seen).1
        };
        let at = |percent: Value| json!({ "state": "UPLOADING", "percent": percent });
        for (progress, size, expected) in [
            (
                at(json!(40)),
                json!("1.2 GB"),
                "sales_1 UPLOADING 40 % of 1.2 GB",
            ),
            (at(json!(40)), Value::Null, "sales_1 UPLOADING 40 %"),
            (
                at(Value::Null),
                json!("1.2 GB"),
                "sales_1 UPLOADING, 1.2 GB in all",
            ),
            (at(Value::Null), Value::Null, "sales_1 UPLOADING"),
            (Value::Null, json!("1.2 GB"), "sales_1 in work"),
        ] {
            assert_eq!(line(progress, size), expected);
        }
    }
}
