//! What ends an execution.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    super::script::{Answer, Stage, info, raise, redrive, run, staged},
    caught_task, machine, one_task, raising, retrier, task,
};
use crate::asl::{
    ExecutionError,
    data::{DEPTH_LIMIT, SIZE_LIMIT},
    execute::{HISTORY_LIMIT, REDRIVE_HISTORY_LIMIT},
};

/// SFN, service quotas: 262,144 bytes "when scheduling a task, entering a state, or starting an
/// execution", and for outputs; SFN, error handling: States.DataLimitExceeded is "a terminal error
/// that can't be caught by the States.ALL error type".
#[tokio::test(start_paused = true)]
async fn too_much_data_ends_the_execution() {
    // Half of the limit: twice is too much, by a few bytes.
    let half = "x".repeat(SIZE_LIMIT / 2);
    let catch = json!([{"ErrorEquals": ["States.ALL"], "ResultPath": "$", "Next": "Z"}]);
    let machine = |first: Value| {
        machine(json!({"StartAt": "A", "States": {
            "A": task(first),
            "B": task(json!({"ResultPath": "$.more", "Catch": catch})),
            "Z": {"Type": "Succeed"},
        }}))
    };
    let through = machine(json!({"Next": "B", "Catch": catch}));
    let twice = json!({"Next": "B", "Catch": catch, "Parameters": {
        "FunctionName": "${F}", "Payload": {"one.$": "$", "two.$": "$"},
    }});
    let twice = machine(twice);
    let small = json!({});
    let answer = |text: &str| Answer::Return(json!({"value": text}));
    let too_much = "x".repeat(SIZE_LIMIT);
    for (machine, input, first, second, state, what) in [
        (
            &through,
            json!(too_much),
            answer(""),
            answer(""),
            "A",
            "input",
        ),
        (&twice, json!(half), answer(""), answer(""), "A", "payload"),
        (
            &through,
            small.clone(),
            answer(&too_much),
            answer(""),
            "A",
            "result",
        ),
        (
            &through,
            small.clone(),
            answer(&half),
            answer(&half),
            "B",
            "output",
        ),
        (&through, json!(half), answer(&half), answer(""), "", ""),
    ] {
        let run = run(machine, input, move |call| {
            if call.earlier == 0 {
                first.clone()
            } else {
                second.clone()
            }
        })
        .await;
        match what {
            "" => assert!(run.result.is_ok()),
            _ => {
                assert_eq!(run.failure(), (state, "States.DataLimitExceeded"));
                assert_eq!(
                    run.cause(),
                    format!("the {what} is larger than 262144 bytes")
                );
            }
        }
    }
}

/// SFN, Choice workflow state, note: integers outside of [-2^53+1, 2^53-1] "might fail to compare in
/// the expected way". Here they end the execution, so that none is ever sent.
#[tokio::test(start_paused = true)]
async fn a_number_that_would_be_rounded_ends_the_execution() {
    let machine = caught_task(json!([retrier(&["Internal"], json!({}))]));
    for number in [json!(0.5), json!(9_007_199_254_740_993_i64)] {
        let expected =
            format!("has the number {number}: fractions and numbers beyond 2^53 travel as text");
        let result = number.clone();
        let returned = run(&machine, json!({}), move |_| {
            Answer::Return(json!({"value": result}))
        })
        .await;
        assert_eq!(returned.failure(), ("A", "States.Runtime"));
        assert_eq!(returned.cause(), format!("the result {expected}"));
        let given = run(&machine, json!([number]), raising(&[])).await;
        assert_eq!(given.cause(), format!("the input {expected}"));
    }
}

/// ASL, "Top-level fields", TimeoutSeconds: the execution fails with States.Timeout. SFN: there is no
/// Catch for it, in a Task or in a Wait.
#[tokio::test(start_paused = true)]
async fn the_execution_has_a_timeout_of_its_own() {
    let machine = machine(json!({"TimeoutSeconds": 50, "StartAt": "A", "States": {
        "A": task(json!({
            "Retry": [retrier(&["States.Timeout"], json!({}))],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$", "Next": "Wait"}],
            "Next": "Wait",
        })),
        "Wait": {"Type": "Wait", "Seconds": 60, "End": true},
    }}));
    for (answer, state) in [
        (Answer::Hang, "A"),
        (Answer::Return(json!({"value": 1})), "Wait"),
    ] {
        let run = run(&machine, json!({}), move |_| answer.clone()).await;
        assert_eq!(
            (run.failure(), run.seconds),
            ((state, "States.Timeout"), 50.0)
        );
    }
}

/// SFN, service quotas: at 25,000 events in its history an execution fails.
#[tokio::test(start_paused = true)]
async fn an_endless_loop_ends_at_the_limit_of_history() {
    let machine = machine(json!({"StartAt": "Again", "States": {
        "Again": {"Type": "Pass", "Result": {"go": true}, "Next": "Choose"},
        "Choose": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.go", "BooleanEquals": true, "Next": "Again"}],
            "Default": "Done",
        },
        "Done": {"Type": "Succeed"},
    }}));
    let run = run(&machine, json!({}), raising(&[])).await;
    assert_eq!(run.failure(), ("Choose", "States.Runtime"));
    assert!(
        run.cause().contains("25000 history events"),
        "{}",
        run.cause()
    );
    // Two events for each state, one for the start of the execution.
    assert_eq!(
        run.entered.len(),
        usize::try_from((HISTORY_LIMIT - 1) / 2).unwrap()
    );
}

/// SFN, redrive: the history of an execution with 24,999 events has no room for another attempt, and
/// after 14 days it cannot be redriven. What a redrive does is appended to the same history.
#[tokio::test(start_paused = true)]
async fn a_redrive_has_limits() {
    let failed = async || run(&one_task(json!({})), json!({}), raising(&["Internal"])).await;
    let first = failed().await;
    // Start of the execution, the Task with its call, end of the execution.
    assert_eq!(first.history_events, 7);
    let second = redrive(&one_task(json!({})), first, 1, raising(&[])).await;
    assert_eq!(
        second.history_events, 14,
        "seven more: the redrive, the Task, the end"
    );

    let day = 86_400;
    for (events, days, refused) in [
        (REDRIVE_HISTORY_LIMIT - 1, 14, None),
        (
            REDRIVE_HISTORY_LIMIT,
            14,
            Some("its history has 24999 events"),
        ),
        (7, 15, Some("more than 14 days ago")),
    ] {
        let mut run = failed().await;
        let Err(ExecutionError::Failed(failure)) = &mut run.result else {
            panic!("it failed");
        };
        let ended = &mut failure.checkpoint.ended;
        ended.history_events = events;
        ended.at = info().started_at - SignedDuration::from_secs(days * day);
        let redriven = redrive(&one_task(json!({})), run, 1, raising(&[])).await;
        match (refused, redriven.result) {
            (Some(words), Err(ExecutionError::NotRedrivable(reason))) => {
                assert!(reason.contains(words), "{reason}");
            }
            // Allowed, and the event of the redrive is the last that has room.
            (None, Err(ExecutionError::Failed(failure))) => {
                assert_eq!(failure.error.error, "States.Runtime");
                assert!(failure.error.cause.contains("25000 history events"));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A stop is ours: a wait or a retry's delay ends at once, a running call gets seven seconds to finish,
/// and no further state is entered.
#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_execution_between_states() {
    let machine = machine(json!({"StartAt": "A", "States": {
        "A": task(json!({"Retry": [retrier(&["JobConflict"], json!({"IntervalSeconds": 60}))], "Next": "Wait"})),
        "Wait": {"Type": "Wait", "Seconds": 60, "Next": "B"},
        "B": task(json!({})),
    }}));
    let done = Answer::Return(json!({"value": 1}));
    for (answer, stop_after, state, seconds) in [
        (raise("JobConflict"), 20, "A", 20.0),
        (done.clone(), 20, "Wait", 20.0),
        (Answer::After(24, Box::new(done.clone())), 20, "Wait", 24.0),
        (
            Answer::After(24, Box::new(raise("JobConflict"))),
            20,
            "A",
            24.0,
        ),
        (Answer::Hang, 20, "A", 26.0),
    ] {
        let stage = Stage {
            stop_after: Some(Duration::from_secs(stop_after)),
            ..Stage::default()
        };
        let run = staged(&machine, json!({}), stage, move |_| answer.clone()).await;
        let stopped = ExecutionError::Stopped {
            state: state.to_string(),
        };
        assert_eq!((run.result, run.seconds), (Err(stopped), seconds));
        assert_eq!(run.calls.len(), 1);
    }
}

/// The last state's output is the execution's, even when the stop came while it ran.
#[tokio::test(start_paused = true)]
async fn a_stop_during_the_last_state_lets_it_end() {
    let machine = one_task(json!({}));
    let stage = Stage {
        stop_after: Some(Duration::from_secs(1)),
        ..Stage::default()
    };
    let run = staged(&machine, json!({}), stage, |_| {
        Answer::After(3, Box::new(Answer::Return(json!({"value": 1}))))
    })
    .await;
    assert_eq!(run.output(), &json!({"value": 1}));
}

/// Ours: deeper than a handler could read, data ends the execution instead of the process.
#[tokio::test(start_paused = true)]
async fn data_nested_too_deeply_ends_the_execution() {
    let machine = caught_task(json!([retrier(&["Internal"], json!({}))]));
    let nested = |levels: usize| (0..levels).fold(json!(1), |inside, _| json!([inside]));
    for (levels, deep) in [(DEPTH_LIMIT - 1, false), (DEPTH_LIMIT, true)] {
        let answer = Answer::Return(json!({"value": nested(levels)}));
        let run = run(&machine, json!({}), move |_| answer.clone()).await;
        if deep {
            assert_eq!(run.failure(), ("A", "States.Runtime"));
            assert_eq!(run.cause(), "the result is nested deeper than 127 levels");
        } else {
            assert!(run.result.is_ok());
        }
    }
}
