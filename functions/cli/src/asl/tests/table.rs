//! The cases of `tests/asl`, which the emulation of AWS runs too.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::script::{Answer, Call, Run, raise, run};
use crate::asl::{LoadError, Machine, Placeholders};

fn read(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/asl")
}

/// Every case of every file.
fn cases() -> Vec<Value> {
    let files = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "json")
        })
        .filter(|file| !file.ends_with("defaults.json"))
        .collect();
    files.sort();
    let cases = files.iter().flat_map(|file| match read(file) {
        Value::Array(cases) => cases,
        _ => panic!("{} is no list", file.display()),
    });
    cases.collect()
}

fn load(definition: &Value) -> Result<Machine, LoadError> {
    let mut definition = definition.clone();
    complete(&mut definition, &read(&folder().join("defaults.json")));
    let placeholders = Placeholders {
        functions: &[("F", "f")],
        others: &[],
    };
    Machine::load(&definition.to_string(), placeholders)
}

/// Puts in what a case leaves out because it is always the same.
fn complete(flow: &mut Value, defaults: &Value) {
    for state in flow["States"].as_object_mut().unwrap().values_mut() {
        if state["Type"] == "Task" && state.get("Resource").is_none() {
            fill(state, &defaults["task"]);
        }
        for retrier in state.get_mut("Retry").into_iter().flat_map(list_mut) {
            fill(retrier, &defaults["retrier"]);
        }
        if let Some(processor) = state.get_mut("ItemProcessor") {
            complete(processor, defaults);
        }
    }
}

fn list_mut(value: &mut Value) -> &mut Vec<Value> {
    value.as_array_mut().unwrap()
}

fn fill(into: &mut Value, defaults: &Value) {
    for (name, value) in defaults.as_object().unwrap() {
        let into: &mut Map<_, _> = into.as_object_mut().unwrap();
        into.entry(name).or_insert_with(|| value.clone());
    }
}

fn answer(answers: &[Value], call: &Call) -> Answer {
    let answer = answers
        .get(call.earlier)
        .or(answers.last())
        .unwrap_or_else(|| panic!("nobody expects {call:?}"));
    let (kind, value) = answer.as_object().unwrap().iter().next().unwrap();
    let number = || value.as_u64().unwrap();
    let text = || value.as_str().unwrap();
    match kind.as_str() {
        "return" => Answer::Return(value.clone()),
        "raise" => raise(text()),
        "echo" => Answer::Return(json!({ "value": call.payload[text()] })),
        "text" => {
            Answer::Return(json!({ "value": "x".repeat(usize::try_from(number()).unwrap()) }))
        }
        "late" => Answer::After(number(), Box::new(Answer::Return(json!({ "value": null })))),
        other => panic!("no answer is called {other}"),
    }
}

fn check(name: &str, expected: &Value, run: &Run) {
    match (expected.get("output"), expected.get("fails")) {
        (Some(output), None) => assert_eq!(run.result.as_ref(), Ok(output), "{name}"),
        (None, Some(fails)) => {
            let (state, error) = run.failure();
            assert_eq!(
                json!({"state": state, "error": error}),
                json!({
                    "state": fails["state"], "error": fails["error"],
                }),
                "{name}"
            );
            if let Some(cause) = fails.get("cause") {
                assert_eq!(run.cause(), cause, "{name}");
            }
        }
        _ => panic!("either output or fails"),
    }
    let calls: Vec<_> = run.calls.iter().map(|call| call.payload.clone()).collect();
    for (field, found) in [
        ("calls", json!(calls)),
        ("entered", json!(run.entered)),
        ("published", json!(run.published)),
        ("idle", json!(run.seconds)),
        ("events", json!(run.history_events)),
    ] {
        if let Some(expected) = expected.get(field) {
            assert_eq!(&found, expected, "{name}: {field}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_case_of_the_table_holds() {
    let cases = cases();
    assert!(cases.len() >= 20, "only {} cases", cases.len());
    for case in cases {
        let machine = match (load(&case["definition"]), case["refused"].as_str()) {
            (Ok(machine), None) => machine,
            (Err(error), Some(refused)) => {
                assert_eq!(error.to_string(), refused);
                continue;
            }
            (loaded, refused) => panic!("{}: {loaded:?}, and not {refused:?}", case["name"]),
        };
        for expected in case["runs"].as_array().unwrap() {
            let input = expected.get("input").cloned().unwrap_or(json!({}));
            let answers = expected["answers"].as_array().cloned().unwrap_or_default();
            let run = run(&machine, input, move |call| answer(&answers, call)).await;
            check(case["name"].as_str().unwrap(), expected, &run);
        }
    }
}
