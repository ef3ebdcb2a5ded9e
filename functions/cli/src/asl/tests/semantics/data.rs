//! What a state reads, and what it makes of it.

use serde_json::{Value, json};

use super::{
    super::script::{Answer, run},
    machine, one_task, raising, retrier, task,
};

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
                "RedriveCount": 0, "Input": {"raw": 1}, "RoleArn": "",
            },
            "state": {"Name": "A", "EnteredTime": "2026-03-01T03:15:00.000Z", "RetryCount": 1},
            "machine": "machine",
        })
    );
    assert_eq!(run.calls[0].payload["state"]["RetryCount"], 0);
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
