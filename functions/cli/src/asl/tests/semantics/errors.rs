//! Retry, Catch, timeouts.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use shared::error::ErrorName;

use super::{
    super::script::{Answer, Run, Stage, raise, run, staged},
    caught_task, machine, one_task, raising, retrier, task,
};
use crate::asl::{Machine, definition::PLATFORM_ERRORS};

/// SFN, error handling, "Complex retry scenarios": two errors of the first retrier wait 1 and 2
/// seconds, one of the second 5, and the next of the first finds it used up and goes to Catch.
#[tokio::test(start_paused = true)]
async fn the_first_matching_retrier_decides_with_a_counter_of_its_own() {
    let machine = caught_task(json!([
        retrier(&["JobConflict", "Unreachable"], json!({})),
        retrier(&["AccessDenied"], json!({"IntervalSeconds": 5})),
    ]));
    let script = raising(&["JobConflict", "Unreachable", "AccessDenied", "Unreachable"]);
    let run = run(&machine, json!({}), script).await;
    assert_eq!(run.times(), [0.0, 1.0, 3.0, 8.0]);
    assert_eq!(
        run.output(),
        &json!({"Error": "Unreachable", "Cause": "scripted Unreachable"})
    );
}

/// SFN, error handling, retrier fields: the example "IntervalSeconds": 3, "BackoffRate": 1.5 waits 3
/// and 4.5 seconds; MaxDelaySeconds is the maximum up to which the interval can grow.
#[tokio::test(start_paused = true)]
async fn delays_grow_by_the_rate_up_to_the_maximum() {
    let machine = one_task(json!({"Retry": [retrier(&["JobConflict"], json!({
        "IntervalSeconds": 3, "BackoffRate": 1.5, "MaxDelaySeconds": 6, "MaxAttempts": 5,
    }))]}));
    let run = run(&machine, json!({}), raising(&["JobConflict"; 4])).await;
    assert_eq!(run.delays, [3.0, 4.5, 6.0, 6.0]);
    assert_eq!(run.times(), [0.0, 3.0, 7.5, 13.5, 19.5]);
}

/// AWS CDK reference, JitterType: FULL is a random number between 0 and the computed backoff.
#[tokio::test(start_paused = true)]
async fn full_jitter_is_uniform_between_nothing_and_the_delay() {
    let machine = one_task(json!({"Retry": [retrier(&["JobConflict"], json!({
        "IntervalSeconds": 8, "JitterStrategy": "FULL", "MaxAttempts": 3,
    }))]}));
    for (random, expected) in [
        ((|| 0.0) as fn() -> f64, [0.0, 0.0, 0.0]),
        (|| 0.25, [2.0, 4.0, 8.0]),
        (|| 1.0, [8.0, 16.0, 32.0]),
    ] {
        let stage = Stage {
            random,
            ..Stage::default()
        };
        let run = staged(&machine, json!({}), stage, raising(&["JobConflict"; 3])).await;
        assert_eq!(run.delays, expected);
    }
}

/// ASL, "Errors", Retry and Catch by name: every name of ours and of the platform is matched by
/// itself and by nothing else; States.ALL in Catch matches each.
#[tokio::test(start_paused = true)]
async fn every_error_name_is_retried_and_caught_by_name() {
    let names = ErrorName::ALL.iter().map(|name| name.as_str());
    for name in names.chain(PLATFORM_ERRORS.iter().copied()) {
        let other = if name == "Internal" {
            "NotFound"
        } else {
            "Internal"
        };
        let machine = machine(json!({"StartAt": "A", "States": {
            "A": task(json!({
                "Retry": [retrier(&[other], json!({})), retrier(&[name], json!({"MaxAttempts": 1}))],
                "Catch": [
                    {"ErrorEquals": [other], "ResultPath": "$", "Next": "Wrong"},
                    {"ErrorEquals": [name], "ResultPath": "$", "Next": "Named"},
                    {"ErrorEquals": ["States.ALL"], "ResultPath": "$", "Next": "Wrong"},
                ],
            })),
            "Named": {"Type": "Succeed"},
            "Wrong": {"Type": "Succeed"},
        }}));
        let named = run(&machine, json!({}), move |_| raise(name)).await;
        assert_eq!(
            (named.calls.len(), &named.entered[..]),
            (2, &["A", "Named"].map(String::from)[..])
        );
        let any = caught_task(json!([retrier(&[other], json!({}))]));
        let any = run(&any, json!({}), move |_| raise(name)).await;
        assert_eq!(
            (any.calls.len(), any.output()["Error"].as_str()),
            (1, Some(name))
        );
    }
}

/// ASL, "Task", Timeouts: a Task that runs longer fails with States.Timeout. SFN: a Lambda function
/// that was called is not stopped by it.
#[tokio::test(start_paused = true)]
async fn a_timeout_abandons_the_handler() {
    let machine = one_task(json!({
        "TimeoutSeconds": 10,
        "Retry": [retrier(&["States.Timeout"], json!({"IntervalSeconds": 5, "MaxAttempts": 1}))],
    }));
    let stage = Stage {
        linger: Duration::from_secs(100),
        ..Stage::default()
    };
    let late = run_late(&machine, stage, 3).await;
    assert_eq!(late.output(), &json!({"value": "second"}));
    assert_eq!((late.times(), late.seconds), (vec![0.0, 15.0], 18.0));
    assert_eq!(
        late.ended,
        [1, 0],
        "the abandoned call came to its end, after the second"
    );

    let too_late = run_late(&machine, Stage::default(), 11).await;
    assert_eq!(too_late.failure(), ("A", "States.Timeout"));
    assert_eq!(too_late.cause(), "no answer within 10 seconds");
}

/// The first call takes 50 seconds, the second so many.
async fn run_late(machine: &Machine, stage: Stage, seconds: u64) -> Run {
    staged(machine, json!({}), stage, move |call| {
        let (wait, value) = [(50, "first"), (seconds, "second")][call.earlier];
        Answer::After(wait, Box::new(Answer::Return(json!({"value": value}))))
    })
    .await
}

/// The Lambda runtime posts a panic as an error of the function; ours calls it Internal.
#[tokio::test(start_paused = true)]
async fn a_panic_is_an_internal_error() {
    let machine = caught_task(json!([retrier(&["Unreachable"], json!({}))]));
    let run = run(&machine, json!({}), |_| Answer::Panic).await;
    assert_eq!(run.output()["Error"], "Internal");
    assert!(
        run.output()["Cause"]
            .as_str()
            .unwrap()
            .contains("scripted panic")
    );
}

/// Two lists that have to agree: what can be retried and what the platform raises has no name twice.
#[test]
fn platform_names_are_not_ours() {
    let names: BTreeSet<_> = PLATFORM_ERRORS.iter().copied().collect();
    assert_eq!(names.len(), PLATFORM_ERRORS.len());
    assert!(
        ErrorName::ALL
            .iter()
            .all(|name| !names.contains(name.as_str()))
    );
}
