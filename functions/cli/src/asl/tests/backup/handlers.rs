//! Handlers of a backup that find nothing wrong, in the types of `shared::flow`.

use serde_json::{Value, json};
use shared::flow::{BackupRun, Execution, FlowError, Job, Next, Outcome};

use super::super::script::{Answer, Call, raise};
use crate::asl::{Machine, resources};

pub(in crate::asl::tests) const PRECHECK: &str = "Precheck";
pub(in crate::asl::tests) const POLL: &str = "PollStatus";

pub(in crate::asl::tests) fn machine() -> Machine {
    resources::backup().unwrap()
}

pub(in crate::asl::tests) fn typed<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

pub(in crate::asl::tests) fn run_of(databases: &[&str]) -> Value {
    json!({
        "execution_id": "01JNABCDEFGHJKMNPQRSTVWXYZ", "started_at": "2026-03-01 03:15:00",
        "group": "nightly", "kind": "incremental", "name": null, "baseline": null,
        "on_unsupported": "fail", "row_counts": true,
        "retention": null, "chosen": null, "on_overdue": "continue", "window_seconds": 86400, "databases": databases,
    })
}

pub(in crate::asl::tests) fn job(database: &str, state: &str) -> Value {
    let submitted = matches!(state, "running" | "finished" | "cancelled" | "lost");
    let job = json!({
        "database": database,
        "label": submitted.then(|| format!("{database}_20260301_inc")),
        "plan_id": null, "state": state, "detail": null, "error": null,
        "progress": (state == "running").then(|| json!({"state": "UPLOADING", "percent": 40, "detail": null})),
        "size": null, "counted": false,
    });
    typed::<Job>(&job);
    job
}

pub(in crate::asl::tests) fn outcome(job: &Value, status: &str, again: bool) -> Value {
    let outcome = json!({
        "database": job["database"], "label": job["label"], "status": status, "again": again,
        "cut": null, "snapshot_timestamp": null, "error": job["error"],
    });
    typed::<Outcome>(&outcome);
    outcome
}

pub(in crate::asl::tests) fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

/// The answers of handlers that find nothing wrong: two looks find the jobs running, the third finds
/// them finished. Each payload is held against the types that the handlers parse.
pub(in crate::asl::tests) fn well(call: &Call) -> Answer {
    let payload = &call.payload;
    if call.function != PRECHECK {
        typed::<BackupRun>(&payload["run"]);
    }
    Answer::Return(match (call.function.as_str(), call.operation.as_str()) {
        (PRECHECK, "backup") => {
            typed::<Execution>(&payload["execution"]);
            start_with(&["sales", "web"])
        }
        (_, "start") => job(payload["database"].as_str().unwrap(), "running"),
        (POLL, "backup") => look(
            payload,
            if call.earlier < 2 {
                "running"
            } else {
                "finished"
            },
        ),
        (_, "record") => {
            typed::<Job>(&payload["job"]);
            match payload["job"]["state"].as_str() {
                Some("finished" | "unchanged") => outcome(&payload["job"], "FINISHED", false),
                _ => outcome(&payload["job"], "FAILED", false),
            }
        }
        (_, "finish") => return finish(payload),
        other => panic!("nobody answers {other:?}"),
    })
}

pub(in crate::asl::tests) fn start_with(databases: &[&str]) -> Value {
    let next = json!({"decision": "start", "databases": databases, "summary": null});
    typed::<Next>(&next);
    json!({"run": run_of(databases), "next": next})
}

/// Running jobs get the state, others keep theirs.
pub(in crate::asl::tests) fn look(payload: &Value, state: &str) -> Value {
    let jobs: Vec<_> = list(&payload["jobs"])
        .iter()
        .map(|seen| match seen["state"].as_str() {
            Some("running") => job(seen["database"].as_str().unwrap(), state),
            _ => seen.clone(),
        })
        .collect();
    let running = jobs.iter().any(|job| job["state"] == "running");
    json!({
        "jobs": jobs,
        "state": if running { "running" } else { "ended" },
        "overdue": false,
        "wait_seconds": (payload["wait_seconds"].as_u64().unwrap() * 2).clamp(5, 60),
    })
}

/// Another round for databases to plan again, and after a redrive for what failed; an error where one
/// failed; else success, with everything that the rounds did.
fn finish(payload: &Value) -> Answer {
    let outcomes: Vec<Outcome> = typed(&payload["outcomes"]);
    let failure: Option<FlowError> = typed(&payload["failure"]);
    let names = |filter: fn(&Outcome) -> bool| -> Vec<String> {
        let outcomes = outcomes.iter().filter(|outcome| filter(outcome));
        outcomes
            .map(|outcome| outcome.database.to_string())
            .collect()
    };
    let mut summary = payload["summary"].as_object().cloned().unwrap_or_default();
    for outcome in &outcomes {
        summary.insert(outcome.database.to_string(), json!(outcome.status));
    }
    let again = names(|outcome| outcome.again);
    let failed = names(|outcome| !outcome.again && outcome.error.is_some());
    let redriven = payload["redrive_count"].as_u64() > payload["redrives_served"].as_u64();
    let databases = match (redriven, failure.is_some()) {
        (true, true) => typed(&payload["databases"]),
        (true, false) => failed,
        (false, true) => return raise("BackupFailed"),
        (false, false) if !again.is_empty() => again,
        (false, false) if failed.is_empty() => Vec::new(),
        (false, false) => return raise("BackupFailed"),
    };
    let decision = if databases.is_empty() {
        "finish"
    } else {
        "start"
    };
    let next = json!({"decision": decision, "databases": databases, "summary": summary});
    typed::<Next>(&next);
    Answer::Return(next)
}
