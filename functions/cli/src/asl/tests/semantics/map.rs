//! Iterations.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::script::{Answer, Run, Stage, raise, staged},
    machine, merge, task,
};
use crate::asl::Machine;

/// The item's `wait` seconds pass before it answers; `fail` raises.
fn map_machine(max_concurrency: u64, map: Value) -> Machine {
    let mut state = json!({
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrency": max_concurrency,
        "ItemSelector": {
            "item.$": "$$.Map.Item.Value", "index.$": "$$.Map.Item.Index", "shared.$": "$.shared",
        },
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Work", "States": {
            "Work": task(json!({
                "Parameters": {"FunctionName": "${F}", "Payload": {
                    "item.$": "$.item", "index.$": "$.index", "shared.$": "$.shared",
                }},
            })),
        }},
        "ResultPath": "$.results",
        "End": true,
    });
    merge(&mut state, map);
    machine(json!({"StartAt": "List", "States": {
        "List": task(json!({
            "ResultSelector": {"items.$": "$.Payload.items", "shared": "s"}, "Next": "Each",
        })),
        "Each": state,
        "Caught": {"Type": "Succeed"},
    }}))
}

async fn run_map(machine: &Machine, items: Value, stage: Stage) -> Run {
    staged(machine, json!({}), stage, move |call| {
        let item = &call.payload["item"];
        let Some(wait) = item["wait"].as_u64() else {
            return Answer::Return(json!({"items": items}));
        };
        let answer = match item["fail"].as_str() {
            Some(name) => raise(name),
            None => Answer::Return(json!({"value": call.payload["index"]})),
        };
        Answer::After(wait, Box::new(answer))
    })
    .await
}

fn catch_for_map() -> Value {
    json!({"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}]})
}

/// SFN, Map workflow state: "the output of the Map state is a JSON array where each item is the output
/// of an iteration"; MaxConcurrency is "an upper bound on how many invocations ... may run in
/// parallel"; ItemSelector reads the state's input and the item.
#[tokio::test(start_paused = true)]
async fn map_keeps_the_order_and_the_bound() {
    let machine = map_machine(2, catch_for_map());
    let items = json!([{"wait": 30}, {"wait": 10}, {"wait": 5}, {"wait": 50}]);
    let run = run_map(&machine, items, Stage::default()).await;
    let values: Vec<_> = (0..4).map(|index| json!({"value": index})).collect();
    assert_eq!(run.output()["results"], json!(values));
    // 0 and 1 start at once, 2 when 1 has ended, 3 when 2 has.
    assert_eq!(run.times()[1..], [0.0, 0.0, 10.0, 15.0]);
    assert_eq!(run.seconds, 65.0);
    assert_eq!(
        run.calls[2].payload,
        json!({"item": {"wait": 10}, "index": 1, "shared": "s"})
    );
}

/// SFN, Map workflow state: "If any iteration fails, entire Map state fails, and all iterations are
/// terminated"; the error is the iteration's own, and the Map's Catch gets it.
#[tokio::test(start_paused = true)]
async fn map_fails_with_the_error_of_the_item() {
    let items =
        json!([{"wait": 90}, {"wait": 20, "fail": "BackupFailed"}, {"wait": 1}, {"wait": 90}]);
    let linger = Duration::from_secs(1000);
    let stage = Stage {
        linger,
        ..Stage::default()
    };
    let caught = run_map(&map_machine(2, catch_for_map()), items.clone(), stage).await;
    assert_eq!(caught.output()["error"]["Error"], "BackupFailed");
    assert_eq!(
        (caught.seconds, caught.calls.len()),
        (20.0, 3),
        "no further item is started"
    );
    // Abandoned, not stopped: call 1, the first item, ended after the Map had failed.
    assert_eq!(caught.ended, [0, 2, 1]);

    let catch =
        json!({"Catch": [{"ErrorEquals": ["NotFound"], "ResultPath": null, "Next": "Caught"}]});
    let failed = run_map(&map_machine(2, catch), items, Stage::default()).await;
    assert_eq!(failed.failure(), ("Work", "BackupFailed"));
}
