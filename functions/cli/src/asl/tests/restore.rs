//! `restore.asl.json`, driven through every answer that matters.

use serde_json::{Value, json};
use shared::flow::{Execution, FlowError, RestoreRun};

use super::{
    flow::{self, Operation, STATE_LIMIT, error},
    script::{Answer, Call, Run, raise, redrive, run},
};
use crate::asl::{Machine, definition::PLATFORM_ERRORS, resources};

const PRECHECK: &str = "Precheck";
const POLL: &str = "PollStatus";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        function: PRECHECK,
        operation: "restore",
        state: "Precheck",
    },
    Operation {
        function: "Restore",
        operation: "plan",
        state: "Plan",
    },
    Operation {
        function: "Restore",
        operation: "steps",
        state: "Run steps",
    },
    Operation {
        function: POLL,
        operation: "restore",
        state: "Look at job",
    },
    Operation {
        function: "Restore",
        operation: "verify",
        state: "Verify",
    },
    Operation {
        function: "Restore",
        operation: "promote",
        state: "Promote",
    },
    Operation {
        function: "RecordHistory",
        operation: "record-restore",
        state: "Record",
    },
    Operation {
        function: "RecordHistory",
        operation: "finish-restore",
        state: "Finish",
    },
];

pub(super) fn machine() -> Machine {
    resources::restore().unwrap()
}

fn typed<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn run_of(action: &str, dry_run: bool) -> Value {
    let run = json!({
        "execution_id": "01JNABCDEFGHJKMNPQRSTVWXYZ", "started_at": "2026-03-01 03:15:00",
        "action": action, "restore_id": "01JNABCDEFGHJKMNPQRSTVWXYZ",
        "labels": ["sales_20260301_full"], "scope": {"tables": [], "partitions": []},
        "rename_suffix": "_restored", "into_database": null, "swap": "auto", "dry_run": dry_run,
        "checksum": false, "row_counts": true, "expect_plan": null,
    });
    typed::<RestoreRun>(&run);
    run
}

/// Handlers that find nothing wrong: a first batch of steps, one job that two looks find running, the
/// rest of the steps, two batches of verification, two of promotion.
pub(super) fn well(call: &Call) -> Answer {
    let payload = &call.payload;
    if call.function != PRECHECK {
        typed::<RestoreRun>(&payload["run"]);
    }
    Answer::Return(match (call.function.as_str(), call.operation.as_str()) {
        (PRECHECK, "restore") => {
            typed::<Execution>(&payload["execution"]);
            json!({"run": run_of("restore", false)})
        }
        ("Restore", "plan") => json!({"digest": "d1", "summary": {"tables": 2}}),
        ("Restore", "steps") => {
            let next = ["steps", "wait", "verify"][call.earlier.min(2)];
            json!({"next": next, "wait_seconds": 5})
        }
        (POLL, "restore") => {
            let state = if call.earlier < 1 { "running" } else { "ready" };
            json!({"state": state, "wait_seconds": payload["wait_seconds"].as_u64().unwrap() * 2})
        }
        ("Restore", "verify") => {
            json!({"next": if call.earlier < 1 { "verify" } else { "promote" }})
        }
        ("Restore", "promote") => {
            json!({"next": if call.earlier < 1 { "promote" } else { "done" }, "wait_seconds": 5})
        }
        (_, "record-restore") => {
            typed::<Option<FlowError>>(&payload["failure"]);
            Value::Null
        }
        (_, "finish-restore") => return finish(payload),
        other => panic!("nobody answers {other:?}"),
    })
}

fn finish(payload: &Value) -> Answer {
    let failure: Option<FlowError> = typed(&payload["failure"]);
    let unrecorded: Option<FlowError> = typed(&payload["unrecorded"]);
    let redriven = payload["redrive_count"].as_u64() > payload["redrives_served"].as_u64();
    match failure.or(unrecorded) {
        Some(_) if redriven => Answer::Return(json!({"decision": "start", "summary": null})),
        Some(_) => raise("RestoreFailed"),
        None => Answer::Return(json!({"decision": "finish", "summary": {"plan": payload["plan"]}})),
    }
}

fn or_well(
    script: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static,
) -> impl Fn(&Call) -> Answer + Send + Sync + 'static {
    move |call| script(call).unwrap_or_else(|| well(call))
}

pub(super) async fn scenario(
    script: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static,
) -> Run {
    let run = run(
        &machine(),
        json!({"target_label": "sales_20260301_full"}),
        or_well(script),
    )
    .await;
    assert!(run.largest_state < STATE_LIMIT);
    run
}

pub(super) async fn success() -> Run {
    scenario(|_| None).await
}

pub(super) async fn with_run(action: &'static str, dry_run: bool) -> Run {
    scenario(move |call| {
        (call.function == PRECHECK).then(|| Answer::Return(json!({"run": run_of(action, dry_run)})))
    })
    .await
}

pub(super) async fn held() -> Run {
    scenario(|call| (call.operation == "verify").then(|| Answer::Return(json!({"next": "hold"}))))
        .await
}

async fn unknown() -> Run {
    scenario(|call| {
        (call.function == "Restore" && call.operation != "plan")
            .then(|| Answer::Return(json!({"next": "?", "wait_seconds": 0})))
    })
    .await
}

async fn unknown_promotion() -> Run {
    scenario(|call| {
        let answer = json!({"next": "?", "wait_seconds": 0});
        (call.operation == "promote").then(|| Answer::Return(answer))
    })
    .await
}

pub(super) async fn failing(state: &'static str, name: &'static str) -> Run {
    let operation = OPERATIONS
        .iter()
        .find(|operation| operation.state == state)
        .unwrap();
    scenario(move |call| operation.is(call).then(|| raise(name))).await
}

#[tokio::test(start_paused = true)]
async fn a_restore_is_planned_staged_verified_promoted_and_recorded() {
    let run = success().await;
    let plan = json!({"digest": "d1", "summary": {"tables": 2}});
    assert_eq!(run.output(), &json!({"summary": {"plan": plan}}));
    assert_eq!(
        run.entered,
        [
            "Precheck",
            "Announce start",
            "Which action",
            "Plan",
            "Only a dry run",
            "Run steps",
            "What is next",
            "Run steps",
            "What is next",
            "Wait",
            "Look at job",
            "Still running",
            "Wait",
            "Look at job",
            "Still running",
            "Run steps",
            "What is next",
            "Verify",
            "Verified",
            "Verify",
            "Verified",
            "Announce verified",
            "Promote or hold",
            "Promote",
            "Promoted",
            "Wait for promotion",
            "Promote",
            "Promoted",
            "Announce promotion",
            "Record",
            "Finish",
            "Another round",
            "Announce end",
            "Summarize",
            "Done",
        ]
    );
    assert_eq!(run.seconds, 5.0 + 10.0 + 5.0);
}

/// Nothing is executed and nothing is written into history.
#[tokio::test(start_paused = true)]
async fn a_dry_run_ends_with_the_plan() {
    let run = with_run("restore", true).await;
    let operations: Vec<_> = run
        .calls
        .iter()
        .map(|call| call.operation.as_str())
        .collect();
    assert_eq!(operations, ["restore", "plan", "finish-restore"]);
    assert_eq!(run.output()["summary"]["plan"]["digest"], "d1");
}

#[tokio::test(start_paused = true)]
async fn a_resume_goes_on_with_the_stored_steps() {
    let run = with_run("resume", false).await;
    assert_eq!(
        (run.count("plan"), run.count("steps"), run.count("promote")),
        (0, 3, 2)
    );
    assert!(run.result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn promote_and_undo_only_swap() {
    for action in ["promote", "undo"] {
        let run = with_run(action, false).await;
        let operations: Vec<_> = run
            .calls
            .iter()
            .map(|call| call.operation.as_str())
            .collect();
        assert_eq!(
            operations,
            [
                "restore",
                "promote",
                "promote",
                "record-restore",
                "finish-restore"
            ]
        );
        assert_eq!(run.payloads("promote")[0]["run"]["action"], action);
        assert!(run.result.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_manual_swap_holds_after_verification() {
    let run = held().await;
    assert_eq!((run.count("promote"), run.count("record-restore")), (0, 1));
    assert!(run.result.is_ok());
}

/// An answer that the machine does not know leads to what cannot do harm, never to a swap.
#[tokio::test(start_paused = true)]
async fn an_unknown_answer_never_promotes() {
    let run = unknown().await;
    assert_eq!(
        (
            run.count("steps"),
            run.count("verify"),
            run.count("promote")
        ),
        (1, 1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_recorded_and_raised_at_the_end() {
    for state in ["Plan", "Run steps", "Look at job", "Verify", "Promote"] {
        let run = failing(state, "RestoreFailed").await;
        assert_eq!(run.failure(), ("Raise", "RestoreFailed"), "{state}");
        assert_eq!(
            run.payloads("record-restore")[0]["failure"],
            error("RestoreFailed")
        );
        assert_eq!(
            run.payloads("finish-restore")[0]["failure"],
            error("RestoreFailed")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_recorded_is_a_failure() {
    let run = failing("Record", "Internal").await;
    assert_eq!(run.failure(), ("Raise", "RestoreFailed"));
    let finish = run.payloads("finish-restore")[0];
    assert_eq!(
        (&finish["failure"], &finish["unrecorded"]),
        (&json!(null), &error("Internal"))
    );
    let both = scenario(|call| {
        let failing = call.operation == "verify" || call.operation == "record-restore";
        failing.then(|| {
            raise(if call.operation == "verify" {
                "VerificationFailed"
            } else {
                "Internal"
            })
        })
    })
    .await;
    let finish = both.payloads("finish-restore")[0];
    assert_eq!(
        (&finish["failure"], &finish["unrecorded"]),
        (&error("VerificationFailed"), &error("Internal"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_waited_for_while_planning() {
    let run =
        scenario(|call| (call.operation == "plan" && call.at < 60.0).then(|| raise("JobConflict")))
            .await;
    assert!(run.result.is_ok());
    assert_eq!(run.delays, [10.0, 20.0, 40.0]);
    let exhausted = failing("Plan", "JobConflict").await;
    assert_eq!(exhausted.count("plan"), 9);
    assert_eq!(exhausted.failure(), ("Raise", "RestoreFailed"));
}

/// The redrive runs Raise again, which sends everybody back to what is stored.
#[tokio::test(start_paused = true)]
async fn a_redrive_continues_with_what_is_stored() {
    let redriven = redrive(&machine(), failing("Verify", "Unreachable").await, 1, well).await;
    assert_eq!(
        redriven.entered[..6],
        [
            "Raise",
            "Another round",
            "New round",
            "Which action",
            "Plan",
            "Only a dry run"
        ]
    );
    assert!(redriven.result.is_ok());
    assert_eq!(
        redriven.payloads("finish-restore")[1]["failure"],
        json!(null)
    );

    let again = redrive(
        &machine(),
        failing("Verify", "RestoreFailed").await,
        1,
        or_well(|call| (call.operation == "verify").then(|| raise("RestoreFailed"))),
    )
    .await;
    assert_eq!(
        (again.failure(), again.count("finish-restore")),
        (("Raise", "RestoreFailed"), 3)
    );
}

#[tokio::test(start_paused = true)]
async fn every_platform_error_is_survived_in_every_task() {
    for operation in OPERATIONS {
        for error in PLATFORM_ERRORS {
            let run = scenario(move |call| {
                (operation.is(call) && call.earlier == 0).then(|| raise(*error))
            })
            .await;
            assert!(run.result.is_ok(), "{error} in {}", operation.state);
            assert_eq!(run.delays.len(), 1, "{error} in {}", operation.state);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_error_that_stays_ends_the_execution() {
    let ours = shared::error::ErrorName::ALL
        .iter()
        .map(|name| name.as_str());
    let names: Vec<_> = ours.chain(PLATFORM_ERRORS.iter().copied()).collect();
    for operation in OPERATIONS {
        for name in names.iter().copied() {
            let run = failing(operation.state, name).await;
            let end = match operation.state {
                "Precheck" => ("Precheck", name),
                "Finish" => ("Raise", name),
                _ => ("Raise", "RestoreFailed"),
            };
            assert_eq!(run.failure(), end, "{name} in {}", operation.state);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_scenarios_take_every_way() {
    let mut runs = vec![
        ("success", success().await),
        ("dry run", with_run("restore", true).await),
        ("resume", with_run("resume", false).await),
        ("promote", with_run("promote", false).await),
        ("undo", with_run("undo", false).await),
        ("unknown", unknown().await),
        ("unknown promotion", unknown_promotion().await),
        ("held", held().await),
        (
            "redrive",
            redrive(
                &machine(),
                failing("Verify", "RestoreFailed").await,
                1,
                well,
            )
            .await,
        ),
    ];
    for operation in OPERATIONS {
        runs.push((operation.state, failing(operation.state, "Internal").await));
    }
    flow::assert_all_edges_taken(&machine(), &runs);
}
