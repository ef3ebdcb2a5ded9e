//! The proof against the execution: no machine that loads ever misses a path.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Map, Value, json};

use super::script::{Answer, raise, run};
use crate::asl::{ExecutionError, Machine, Placeholders};

const STATES: usize = 5;

/// Machines tried, and how many of them have to load for the test to say anything.
const MACHINES: usize = 1000;
const LOADED: usize = 100;

fn path() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("$.a"),
        2 => Just("$.b"),
        1 => Just("$.a.x"),
        1 => Just("$.b.y"),
        1 => Just("$$.State.Name"),
    ]
}

fn result_path() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        3 => Just(None),
        2 => Just(Some(json!("$.a"))),
        2 => Just(Some(json!("$.b"))),
        1 => Just(Some(json!("$.a.x"))),
        1 => Just(Some(json!("$.b.y"))),
        1 => Just(Some(json!(null))),
    ]
}

fn template() -> impl Strategy<Value = Value> {
    (path(), path(), any::<bool>()).prop_map(|(one, two, nested)| match nested {
        true => json!({"a": {"x.$": one}, "b.$": two}),
        false => json!({"a.$": one, "b": {"y.$": two}}),
    })
}

/// State `number`; its ways lead on, and back only from an error, so that loops end with the errors.
fn state(number: usize) -> impl Strategy<Value = Value> {
    let name = |number: usize| format!("S{number}");
    let next = prop_oneof![3 => Just(number + 1), 1 => number + 1..=STATES].prop_map(name);
    let on = (number + 1..=STATES).prop_map(name);
    let anywhere = (0..=STATES).prop_map(name);
    let parts = (
        template(),
        result_path(),
        next,
        on,
        anywhere,
        path(),
        result_path(),
    );
    (parts, 0..3).prop_map(|((template, result_path, next, on, anywhere, variable, catch_path), kind)| {
        let mut state = match kind {
            0 => json!({"Type": "Pass", "Parameters": template, "Next": next}),
            1 => {
                return json!({
                    "Type": "Choice",
                    "Choices": [{"Variable": variable, "IsNull": true, "Next": next}],
                    "Default": on,
                });
            }
            _ => json!({
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": "${F}", "Payload": template},
                "TimeoutSeconds": 10,
                "ResultSelector": {"a.$": "$.Payload", "b": {"y.$": "$.Payload"}},
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": catch_path, "Next": anywhere}],
                "Next": next,
            }),
        };
        if let Some(path) = result_path {
            state["ResultPath"] = path;
        }
        state
    })
}

/// Replaces the raw input first, as every machine has to.
fn machine() -> impl Strategy<Value = Value> {
    let states: Vec<_> = (0..STATES).map(|number| state(number).boxed()).collect();
    states.prop_map(|states| {
        let mut all = Map::new();
        all.insert(
            "First".to_string(),
            json!({
                "Type": "Pass", "Result": {"a": {"x": null}, "b": {"y": 1}}, "Next": "S0",
            }),
        );
        for (number, state) in states.into_iter().enumerate() {
            all.insert(format!("S{number}"), state);
        }
        all.insert(format!("S{STATES}"), json!({"Type": "Succeed"}));
        json!({"StartAt": "First", "States": all})
    })
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_loads_misses_no_path() {
    let mut runner = TestRunner::deterministic();
    let placeholders = Placeholders {
        functions: &[("F", "f")],
        others: &[],
    };
    let mut loaded = 0;
    for _ in 0..MACHINES {
        let definition = machine().new_tree(&mut runner).unwrap().current();
        let Ok(machine) = Machine::load(&definition.to_string(), placeholders) else {
            continue;
        };
        loaded += 1;
        for seed in 0..4 {
            // Results without any inside, and errors, in changing order.
            let run = run(&machine, json!(1), move |call| {
                match (call.earlier + seed) % 4 {
                    0 => Answer::Return(json!(null)),
                    1 if call.earlier < 8 => raise("Internal"),
                    2 => Answer::Return(json!(7)),
                    _ => Answer::Return(json!([])),
                }
            })
            .await;
            if let Err(ExecutionError::Failed(failure)) = &run.result {
                assert_ne!(
                    failure.error.error, "States.Runtime",
                    "{failure} in {definition:#}"
                );
            }
        }
    }
    assert!(
        loaded >= LOADED,
        "only {loaded} machines of {MACHINES} say anything"
    );
}
