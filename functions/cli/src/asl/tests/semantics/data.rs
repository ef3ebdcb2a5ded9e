//! What a state reads, and what it makes of it.

use serde_json::{Value, json};

use super::{
    super::script::{Answer, raise, run},
    machine, one_task, raising, retrier, task,
};

/// SFN, ResultPath, "Discard the result and keep the original input": null does, in a state and in a
/// catcher; "If you don't specify a ResultPath, the default ... replaces the entire input".
#[tokio::test(start_paused = true)]
async fn a_null_result_path_keeps_the_input() {
    let machine = machine(json!({"StartAt": "First", "States": {
        "First": {"Type": "Pass", "Result": {"kept": 1}, "Next": "A"},
        "A": task(json!({"ResultPath": null, "Next": "B"})),
        "B": task(json!({
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Z"}],
        })),
        "Z": {"Type": "Succeed"},
    }}));
    let kept = run(&machine, json!({}), raising(&[])).await;
    assert_eq!(
        kept.output(),
        &json!({"value": 1}),
        "B has the default path"
    );
    assert_eq!(kept.calls[1].payload, json!({"input": {"kept": 1}}));
    let caught = run(&machine, json!({}), |call| match call.earlier {
        0 => Answer::Return(json!({"value": 0})),
        _ => raise("Internal"),
    })
    .await;
    assert_eq!(caught.output(), &json!({"kept": 1}));
}

/// SFN, ResultSelector: it manipulates the result "before ResultPath is applied"; SFN, "Invoke
/// Lambda": the function's output is nested in `Payload`. SFN, context object: it can be read there.
#[tokio::test(start_paused = true)]
async fn a_selector_shapes_the_result_before_it_is_placed() {
    let machine = machine(json!({"StartAt": "First", "States": {
        "First": {"Type": "Pass", "Result": {"kept": 1, "into": {"old": 2}}, "Next": "A"},
        "A": task(json!({
            "ResultSelector": {
                "deep.$": "$.Payload.list[1].x",
                "whole.$": "$.Payload",
                "state.$": "$$.State.Name",
                "literal": [null],
            },
            "ResultPath": "$.into.new",
        })),
    }}));
    let answer = json!({"list": [{}, {"x": null}]});
    let expected = json!({"kept": 1, "into": {"old": 2, "new": {
        "deep": null, "whole": answer, "state": "A", "literal": [null],
    }}});
    let run = run(&machine, json!({}), move |_| Answer::Return(answer.clone())).await;
    assert_eq!(run.output(), &expected);
}

/// SFN, context object: execution, state and machine; StartTime and EnteredTime are ISO 8601 with
/// milliseconds; RetryCount counts the retries of this state.
#[tokio::test(start_paused = true)]
async fn the_context_object_knows_execution_state_and_retries() {
    let machine = one_task(json!({
        "Parameters": {"FunctionName": "${F}", "Payload": {
            "execution.$": "$$.Execution", "state.$": "$$.State", "machine.$": "$$.StateMachine.Name",
        }},
        "Retry": [retrier(&["JobConflict"], json!({}))],
    }));
    let run = run(&machine, json!({"raw": 1}), raising(&["JobConflict"])).await;
    assert_eq!(
        run.calls[1].payload,
        json!({
            "execution": {
                "Id": "arn:execution:1", "Name": "1", "StartTime": "2026-03-01T03:15:00.000Z",
                "RedriveCount": 0, "Input": {"raw": 1},
            },
            "state": {"Name": "A", "EnteredTime": "2026-03-01T03:15:00.000Z", "RetryCount": 1},
            "machine": "machine",
        })
    );
    assert_eq!(run.calls[0].payload["state"]["RetryCount"], 0);
}

/// SFN, Choice workflow state: rules are examined in order and the first that matches decides; without
/// a match the Default runs.
#[tokio::test(start_paused = true)]
async fn the_first_rule_that_matches_decides() {
    let machine = machine(json!({"StartAt": "A", "States": {
        "A": task(json!({"Next": "Choose"})),
        "Choose": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.value", "NumericGreaterThan": 1, "Next": "Many"},
                {"Variable": "$.value", "NumericGreaterThan": 0, "Next": "One"},
            ],
            "Default": "None",
        },
        "Many": {"Type": "Succeed"},
        "One": {"Type": "Succeed"},
        "None": {"Type": "Succeed"},
    }}));
    for (value, end) in [
        (json!(2), "Many"),
        (json!(1), "One"),
        (json!(0), "None"),
        (json!("2"), "None"),
    ] {
        let run = run(&machine, json!({}), move |_| {
            Answer::Return(json!({"value": value}))
        })
        .await;
        assert_eq!(run.entered.last().map(String::as_str), Some(end));
    }
}

/// SFN, Wait workflow state: `Seconds` and `SecondsPath` count from the entry of the state;
/// SecondsPath must select a whole number.
#[tokio::test(start_paused = true)]
async fn waits() {
    let machine = machine(json!({"StartAt": "A", "States": {
        "A": task(json!({"Next": "Fixed"})),
        "Fixed": {"Type": "Wait", "Seconds": 30, "Next": "Read"},
        "Read": {"Type": "Wait", "SecondsPath": "$.value", "End": true},
    }}));
    let waited = |value: Value| {
        let machine = &machine;
        async move {
            run(machine, json!({}), move |_| {
                Answer::Return(json!({"value": value}))
            })
            .await
        }
    };
    assert_eq!(waited(json!(12)).await.seconds, 42.0);
    assert_eq!(waited(json!(0)).await.seconds, 30.0);
    for wrong in [json!("12"), json!(-1), json!(100_000_000), json!(null)] {
        assert_eq!(waited(wrong).await.failure(), ("Read", "States.Runtime"));
    }
}

/// SFN, Pass workflow state: `Result` is the output of a virtual task, `Parameters` make one from the
/// input, ResultPath places it; with neither the input goes through. ASL, "Succeed": ends the flow.
#[tokio::test(start_paused = true)]
async fn pass_makes_output_without_work() {
    let machine = machine(json!({"StartAt": "Literal", "States": {
        "Literal": {"Type": "Pass", "Result": {"a": {"b": 1}}, "Next": "Through"},
        "Through": {"Type": "Pass", "Next": "Place"},
        "Place": {"Type": "Pass", "Result": null, "ResultPath": "$.none", "Next": "Make"},
        "Make": {"Type": "Pass", "Parameters": {"b.$": "$.a.b", "none.$": "$.none"}, "Next": "End"},
        "End": {"Type": "Succeed"},
    }}));
    let run = run(&machine, json!("raw"), raising(&[])).await;
    assert_eq!(run.output(), &json!({"b": 1, "none": null}));
    assert_eq!(run.entered, ["Literal", "Through", "Place", "Make", "End"]);
}

/// SFN, "EventBridge PutEvents": entries are a payload template. Here they go to the observer.
#[tokio::test(start_paused = true)]
async fn put_events_is_observed_and_changes_nothing() {
    let machine = machine(json!({"StartAt": "First", "States": {
        "First": {"Type": "Pass", "Result": {"a": 1}, "Next": "Tell"},
        "Tell": {
            "Type": "Task",
            "Resource": "arn:aws:states:::events:putEvents",
            "Parameters": {"Entries": [{"Source": "s", "Detail": {"a.$": "$.a"}}]},
            "TimeoutSeconds": 10,
            "ResultPath": null,
            "End": true,
        },
    }}));
    let run = run(&machine, json!({}), raising(&[])).await;
    assert_eq!(run.output(), &json!({"a": 1}));
    assert_eq!(
        run.published,
        [json!([{"Source": "s", "Detail": {"a": 1}}])]
    );
    assert!(run.calls.is_empty());
}
