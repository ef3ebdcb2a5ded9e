//! `backup.asl.json`, driven through every answer that matters.

mod handlers;

use serde_json::json;
use shared::flow::{Job, Outcome};

use self::handlers::{POLL, PRECHECK, job, list, look, outcome, run_of, start_with, typed};
pub(super) use self::handlers::{machine, well};
use super::{
    flow::{self, Operation, STATE_LIMIT, error},
    script::{Answer, Call, Run, raise, redrive, run},
};
use crate::asl::definition::PLATFORM_ERRORS;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        function: PRECHECK,
        operation: "backup",
        state: "Precheck",
    },
    Operation {
        function: "StartBackup",
        operation: "start",
        state: "Start database",
    },
    Operation {
        function: POLL,
        operation: "backup",
        state: "Look at jobs",
    },
    Operation {
        function: "RecordHistory",
        operation: "record",
        state: "Record database",
    },
    Operation {
        function: "RecordHistory",
        operation: "finish",
        state: "Finish",
    },
];

/// The first answer of `script`, else the one of handlers that find nothing wrong.
fn or_well(
    script: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static,
) -> impl Fn(&Call) -> Answer + Send + Sync + 'static {
    move |call| script(call).unwrap_or_else(|| well(call))
}

pub(super) async fn scenario(
    script: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static,
) -> Run {
    let run = run(&machine(), json!({"group": "nightly"}), or_well(script)).await;
    assert!(run.largest_state < STATE_LIMIT);
    run
}

pub(super) async fn success() -> Run {
    scenario(|_| None).await
}

async fn unchanged() -> Run {
    scenario(|call| {
        let database = call.payload["database"].as_str()?;
        Some(Answer::Return(job(database, "unchanged")))
    })
    .await
}

pub(super) async fn skipped() -> Run {
    scenario(|call| {
        (call.function == PRECHECK).then(|| {
            let next =
                json!({"decision": "finish", "databases": [], "summary": {"skipped": "overlap"}});
            Answer::Return(json!({"run": run_of(&[]), "next": next}))
        })
    })
    .await
}

/// `sales` raises the error each time it is started.
pub(super) async fn failing_start(name: &'static str) -> Run {
    scenario(move |call| (call.payload["database"] == "sales").then(|| raise(name))).await
}

/// The manifest of `web` turns out invalid in the first round.
async fn again() -> Run {
    scenario(|call| {
        let web_at_first = call.operation == "record"
            && call.payload["job"]["database"] == "web"
            && call.earlier < 2;
        web_at_first.then(|| Answer::Return(outcome(&call.payload["job"], "PARTIAL", true)))
    })
    .await
}

async fn failing_poll() -> Run {
    scenario(|call| (call.function == POLL).then(|| raise("Unreachable"))).await
}

async fn failing_record() -> Run {
    scenario(|call| {
        let web = call.operation == "record" && call.payload["job"]["database"] == "web";
        web.then(|| raise("Internal"))
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn two_databases_are_started_followed_recorded_and_announced() {
    let run = success().await;
    assert_eq!(
        run.output(),
        &json!({"summary": {"sales": "FINISHED", "web": "FINISHED"}})
    );
    assert_eq!(
        run.entered,
        [
            "Precheck",
            "Anything to do",
            "Announce start",
            "New round",
            "Start databases",
            "Start database",
            "Start database",
            "Look at jobs",
            "Still running",
            "Wait",
            "Look at jobs",
            "Still running",
            "Wait",
            "Look at jobs",
            "Still running",
            "Record databases",
            "Record database",
            "Record database",
            "Finish",
            "Another round",
            "Announce end",
            "Summarize",
            "Done",
        ]
    );
    let precheck = &run.calls[0].payload;
    assert_eq!(precheck["input"], json!({"group": "nightly"}));
    assert_eq!(
        precheck["execution"],
        json!({"Id": "arn:execution:1", "StartTime": "2026-03-01T03:15:00.000Z", "Role": ""})
    );
}

/// Each look is told what it said last, so that it can wait longer and longer.
#[tokio::test(start_paused = true)]
async fn looks_get_their_own_last_answer() {
    let run = success().await;
    let looks: Vec<_> = run
        .calls
        .iter()
        .filter(|call| call.function == POLL)
        .collect();
    let waits: Vec<_> = looks
        .iter()
        .map(|call| &call.payload["wait_seconds"])
        .collect();
    assert_eq!(waits, [&json!(0), &json!(5), &json!(10)]);
    assert_eq!(
        looks.iter().map(|call| call.at).collect::<Vec<_>>(),
        [0.0, 5.0, 15.0]
    );
    assert_eq!(looks[1].payload["jobs"][0]["progress"]["percent"], 40);
}

#[tokio::test(start_paused = true)]
async fn nothing_changed_is_success_without_waiting() {
    let run = unchanged().await;
    assert_eq!(
        run.output(),
        &json!({"summary": {"sales": "FINISHED", "web": "FINISHED"}})
    );
    assert_eq!(run.seconds, 0.0);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_do_is_success_without_a_start() {
    let run = skipped().await;
    assert_eq!(run.output(), &json!({"summary": {"skipped": "overlap"}}));
    assert_eq!(run.count("start"), 0);
    assert_eq!(run.payloads("finish")[0]["outcomes"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_failed_precheck_fails_the_execution_before_anything_is_recorded() {
    let run = scenario(|call| (call.function == PRECHECK).then(|| raise("PrecheckFailed"))).await;
    assert_eq!(
        (run.failure(), run.calls.len()),
        (("Precheck", "PrecheckFailed"), 1)
    );
}

#[tokio::test(start_paused = true)]
async fn one_failing_start_leaves_the_other_database_alone() {
    let run = failing_start("UnsupportedCluster").await;
    assert_eq!(run.failure(), ("Raise", "BackupFailed"));
    let jobs: Vec<Job> = run
        .payloads("record")
        .iter()
        .map(|payload| typed(&payload["job"]))
        .collect();
    assert_eq!(jobs[0].error, Some(typed(&error("UnsupportedCluster"))));
    assert_eq!(jobs[0].label, None);
    let outcomes: Vec<Outcome> = typed(&run.payloads("finish")[0]["outcomes"]);
    assert_eq!(outcomes[0].error, jobs[0].error);
    assert_eq!(
        outcomes[1]
            .label
            .as_ref()
            .map(ToString::to_string)
            .as_deref(),
        Some("web_20260301_inc")
    );
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_waited_for() {
    let run = scenario(|call| {
        (call.payload["database"] == "sales" && call.at < 60.0).then(|| raise("JobConflict"))
    })
    .await;
    assert!(run.result.is_ok());
    assert_eq!(run.delays, [10.0, 20.0, 40.0]);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_does_not_pass_fails_its_database() {
    let run = failing_start("JobConflict").await;
    assert_eq!(run.failure(), ("Raise", "BackupFailed"));
    assert_eq!(
        run.delays,
        [10.0, 20.0, 40.0, 80.0, 120.0, 120.0, 120.0, 120.0]
    );
    assert_eq!(run.count("start"), 10, "nine for sales, one for web");
}

/// Planned again under the next label: only that database, and nothing of the first round is left.
#[tokio::test(start_paused = true)]
async fn a_database_to_be_planned_again_gets_a_round_of_its_own() {
    let run = again().await;
    assert_eq!(
        run.output(),
        &json!({"summary": {"sales": "FINISHED", "web": "FINISHED"}})
    );
    let started: Vec<_> = run
        .payloads("start")
        .iter()
        .map(|payload| payload["database"].clone())
        .collect();
    assert_eq!(started, ["sales", "web", "web"]);
    let second = run.payloads("finish")[1];
    assert_eq!(list(&second["outcomes"]).len(), 1);
    assert_eq!(second["databases"], json!(["web"]));
    assert_eq!(
        second["summary"],
        json!({"sales": "FINISHED", "web": "PARTIAL"})
    );
}

#[tokio::test(start_paused = true)]
async fn looks_that_fail_for_long_are_given_up() {
    let run = failing_poll().await;
    assert_eq!(run.failure(), ("Raise", "BackupFailed"));
    let looks = run
        .calls
        .iter()
        .filter(|call| call.function == POLL)
        .count();
    assert_eq!(
        (looks, run.seconds),
        (21, 5.0 + 10.0 + 20.0 + 40.0 + 16.0 * 60.0)
    );
    let finish = run.payloads("finish")[0];
    assert_eq!(
        (&finish["failure"], &finish["outcomes"]),
        (&error("Unreachable"), &json!([]))
    );
    assert_eq!(run.count("record"), 0);
}

#[tokio::test(start_paused = true)]
async fn looks_that_fail_once_change_nothing() {
    let run = scenario(|call| {
        (call.function == POLL && call.earlier % 2 == 0).then(|| raise("Unreachable"))
    })
    .await;
    assert_eq!(
        run.output(),
        &json!({"summary": {"sales": "FINISHED", "web": "FINISHED"}})
    );
}

#[tokio::test(start_paused = true)]
async fn a_database_that_cannot_be_recorded_fails_alone() {
    let run = failing_record().await;
    assert_eq!(run.failure(), ("Raise", "BackupFailed"));
    let outcomes: Vec<Outcome> = typed(&run.payloads("finish")[0]["outcomes"]);
    assert_eq!(outcomes[0].error, None);
    assert_eq!(outcomes[1].database.as_str(), "web");
    assert_eq!(
        outcomes[1]
            .label
            .as_ref()
            .map(ToString::to_string)
            .as_deref(),
        Some("web_20260301_inc")
    );
    assert_eq!(outcomes[1].error, Some(typed(&error("Internal"))));
}

/// The redrive runs Raise again, which starts what failed; it serves each redrive once.
#[tokio::test(start_paused = true)]
async fn a_redrive_starts_the_failed_databases() {
    let failed = failing_start("BackupFailed").await;
    let second = redrive(
        &machine(),
        failed,
        1,
        or_well(|call| (call.operation == "start").then(|| raise("BackupFailed"))),
    )
    .await;
    assert_eq!(second.failure(), ("Raise", "BackupFailed"));
    assert_eq!(second.entered[..3], ["Raise", "Another round", "New round"]);
    assert_eq!(
        second.count("finish"),
        3,
        "one starts the round, two end it"
    );
    let third = redrive(&machine(), second, 2, well).await;
    assert_eq!(
        third.output(),
        &json!({"summary": {"sales": "FINISHED", "web": "FINISHED"}})
    );
    let started: Vec<_> = third
        .payloads("start")
        .iter()
        .map(|payload| payload["database"].clone())
        .collect();
    assert_eq!(started, ["sales"]);
}

/// Nothing was recorded, so all databases of the round are started again: Start is safe to repeat.
#[tokio::test(start_paused = true)]
async fn a_redrive_after_failed_looks_starts_the_whole_round() {
    let redriven = redrive(&machine(), failing_poll().await, 1, well).await;
    assert_eq!(
        redriven.output(),
        &json!({"summary": {"sales": "FINISHED", "web": "FINISHED"}})
    );
    assert_eq!(redriven.payloads("finish")[1]["failure"], json!(null));
    let precheck = redrive(
        &machine(),
        scenario(|call| (call.function == PRECHECK).then(|| raise("Internal"))).await,
        1,
        well,
    )
    .await;
    assert_eq!(
        (precheck.count("finish"), precheck.result.is_ok()),
        (1, true)
    );
}

/// Whatever the platform does to a call once, the backup succeeds.
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

/// Where it does not pass, every database is still told to Finish, and the execution fails.
#[tokio::test(start_paused = true)]
async fn every_error_that_stays_ends_the_execution() {
    let ours = shared::error::ErrorName::ALL
        .iter()
        .map(|name| name.as_str());
    let names: Vec<_> = ours.chain(PLATFORM_ERRORS.iter().copied()).collect();
    for operation in OPERATIONS {
        for name in names.iter().copied() {
            let run = scenario(move |call| operation.is(call).then(|| raise(name))).await;
            let end = match operation.state {
                "Precheck" => ("Precheck", name),
                "Finish" => ("Raise", name),
                _ => ("Raise", "BackupFailed"),
            };
            assert_eq!(run.failure(), end, "{name} in {}", operation.state);
        }
    }
}

/// A day of one backup, at the poll intervals of the product, of the 25,000 events that AWS allows.
#[tokio::test(start_paused = true)]
async fn a_day_stays_far_below_the_limit_of_history() {
    let run = scenario(|call| {
        let running = call.function == POLL && call.at < 86_400.0;
        running.then(|| {
            let mut answer = look(&call.payload, "running");
            if call.at >= 3600.0 {
                answer["wait_seconds"] = json!(300);
            }
            Answer::Return(answer)
        })
    })
    .await;
    assert!(run.seconds >= 86_400.0);
    assert!(run.history_events < 4000, "{}", run.history_events);
}

/// Names at their usual length, fifty databases at once.
#[tokio::test(start_paused = true)]
async fn the_state_stays_small() {
    let names: Vec<_> = (0..50)
        .map(|index| format!("warehouse_of_region_{index:02}"))
        .collect();
    let run = scenario(move |call| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        (call.function == PRECHECK).then(|| Answer::Return(start_with(&names)))
    })
    .await;
    assert!(run.result.is_ok());
    assert!(run.largest_state > 10_000, "the measure sees the jobs");
}

#[tokio::test(start_paused = true)]
async fn the_scenarios_take_every_way() {
    let runs = [
        ("success", success().await),
        ("skipped", skipped().await),
        ("failing start", failing_start("BackupFailed").await),
        ("again", again().await),
        ("failing poll", failing_poll().await),
        ("failing record", failing_record().await),
        (
            "redrive",
            redrive(&machine(), failing_start("BackupFailed").await, 1, well).await,
        ),
    ];
    flow::assert_all_edges_taken(&machine(), &runs);
}
