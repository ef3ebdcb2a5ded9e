//! What Step Functions does, rule by rule, where the table in `tests/asl` cannot say it: virtual time, calls
//! that are abandoned, loops over our own names, and what is stricter here. Each test says in its comment where the rule stands:
//! "ASL" is the Amazon States Language specification (states-language.net), "SFN" the AWS Step
//! Functions Developer Guide, each with the section.

mod data;
mod errors;
mod limits;
mod map;

use serde_json::{Value, json};

use super::script::{Answer, Call, raise};
use crate::asl::{Machine, Placeholders};

fn machine(definition: Value) -> Machine {
    let placeholders = Placeholders {
        functions: &[("F", "f")],
        others: &[],
    };
    Machine::load(&definition.to_string(), placeholders).unwrap()
}

/// A Task that calls the one function, keeps its `value` under `$.value`, and differs in `changes`.
fn task(changes: Value) -> Value {
    let mut task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "${F}", "Payload": {"input.$": "$"}},
        "TimeoutSeconds": 100,
        "ResultSelector": {"value.$": "$.Payload.value"},
        "End": true,
    });
    merge(&mut task, changes);
    task
}

fn retrier(errors: &[&str], changes: Value) -> Value {
    let mut retrier = json!({
        "ErrorEquals": errors,
        "IntervalSeconds": 1,
        "BackoffRate": 2,
        "MaxDelaySeconds": 1000,
        "MaxAttempts": 2,
    });
    merge(&mut retrier, changes);
    retrier
}

fn merge(into: &mut Value, changes: Value) {
    let (Value::Object(into), Value::Object(changes)) = (into, changes) else {
        panic!("two objects")
    };
    if changes.contains_key("Next") {
        into.remove("End");
    }
    into.extend(changes);
}

fn one_task(changes: Value) -> Machine {
    machine(json!({"StartAt": "A", "States": {
        "A": task(changes),
    }}))
}

/// Task A, whose errors are caught under `$.error` by Z.
fn caught_task(retry: Value) -> Machine {
    let catch = json!([{"ErrorEquals": ["States.ALL"], "ResultPath": "$", "Next": "Z"}]);
    machine(json!({"StartAt": "A", "States": {
        "A": task(json!({"Retry": retry, "Catch": catch})),
        "Z": {"Type": "Succeed"},
    }}))
}

/// Raises the names one after another, then returns.
fn raising(names: &'static [&'static str]) -> impl Fn(&Call) -> Answer + Send + Sync {
    move |call| match names.get(call.earlier) {
        Some(name) => raise(*name),
        None => Answer::Return(json!({"value": call.earlier})),
    }
}
