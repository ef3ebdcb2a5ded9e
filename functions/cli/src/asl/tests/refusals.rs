//! Everything that is refused when a definition is loaded, one row each: a machine that loads, one
//! thing changed in it, and what is said about it.

use serde_json::{Value, json};

use crate::asl::{Machine, Placeholders};

const PLACEHOLDERS: Placeholders<'static> = Placeholders {
    functions: &[("F", "f")],
    others: &[("Partition", "aws")],
};

/// One state of each type.
fn valid() -> Value {
    json!({"Comment": "c", "StartAt": "First", "TimeoutSeconds": 100, "States": {
        "First": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${F}", "Payload": {"input.$": "$"}},
            "TimeoutSeconds": 30,
            "ResultSelector": {"list.$": "$.Payload.list", "go": true, "seconds": 1, "inner": {"x": 1}},
            "Retry": [{
                "ErrorEquals": ["Unreachable"], "IntervalSeconds": 1, "MaxAttempts": 3,
                "MaxDelaySeconds": 9, "BackoffRate": 1.5, "JitterStrategy": "FULL",
            }],
            "Next": "Each",
        },
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.list",
            "MaxConcurrency": 4,
            "ItemSelector": {"item.$": "$$.Map.Item.Value", "key.$": "$$.Map.Item.Value.key"},
            "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "One", "States": {
                "One": {"Type": "Pass", "Parameters": {"i.$": "$.item"}, "End": true},
            }},
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Choose"}],
            "ResultPath": "$.results",
            "Next": "Choose",
        },
        "Choose": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.go", "BooleanEquals": true, "Next": "Wait"}],
            "Default": "Tell",
        },
        "Wait": {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "Shape"},
        "Shape": {"Type": "Pass", "Result": {"y": 2}, "ResultPath": "$.inner", "Next": "Choose"},
        "Tell": {
            "Type": "Task",
            "Resource": "arn:aws:states:::events:putEvents",
            "Parameters": {"Entries": [{"Detail.$": "$.inner"}]},
            "TimeoutSeconds": 30,
            "ResultPath": null,
            "Next": "Done",
        },
        "Done": {"Type": "Succeed"},
    }})
}

/// `place` is a JSON pointer, within `/States` unless it starts with `//`; null removes.
fn message(place: &str, value: Value) -> String {
    let mut definition = valid();
    let pointer = match place.strip_prefix('/') {
        Some(top) if top.starts_with('/') => top.to_string(),
        _ => format!("/States{place}"),
    };
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match definition.pointer_mut(parent).unwrap() {
        Value::Object(fields) if value == json!("REMOVE") => {
            fields.remove(name).unwrap();
        }
        Value::Object(fields) => {
            fields.insert(name.to_string(), value);
        }
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        other => panic!("{other} has no fields"),
    }
    match Machine::load(&definition.to_string(), PLACEHOLDERS) {
        Ok(_) => "loads".to_string(),
        Err(error) => error.to_string(),
    }
}

fn check(rows: &[(&str, Value, &str)]) {
    for (place, value, expected) in rows {
        let message = message(place, value.clone());
        assert!(
            message.contains(expected),
            "{place} = {value}\n  said: {message}\n  not:  {expected}"
        );
    }
}

fn remove() -> Value {
    json!("REMOVE")
}

#[test]
fn the_unchanged_machine_loads() {
    Machine::load(&valid().to_string(), PLACEHOLDERS).unwrap();
}

#[test]
fn what_is_no_definition() {
    for (text, expected) in [
        ("", "the definition is not JSON"),
        ("[]", "the definition must be an object, not []"),
        ("{}", "field 'StartAt': is required"),
        (
            r#"{"StartAt": "${G}"}"#,
            "the placeholder '${G}' is not known",
        ),
        (r#"{"StartAt": "${F"#, "a placeholder '${' is not closed"),
        (
            r#"{"StartAt": "A", "States": {"A": 1}}"#,
            "state 'A': a state must be an object, not 1",
        ),
    ] {
        let error = Machine::load(text, PLACEHOLDERS).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
#[rustfmt::skip]
fn fields_that_the_subset_leaves_out() {
    let jsonata = "is refused: paths are JSONPath; JSONata is not interpreted";
    let hides = "is refused: it hides part of the state";
    check(&[
        ("//QueryLanguage", json!("JSONata"), "field 'QueryLanguage': is refused: paths are JSONPath"),
        ("//Version", json!("1.0"), "field 'Version': is refused"),
        ("//Other", json!(1), "field 'Other': is not known here"),
        ("/First/InputPath", json!("$"), &format!("state 'First': field 'InputPath': {hides}")),
        ("/First/OutputPath", json!("$"), hides),
        ("/First/Assign", json!({}), "is refused: variables are a second state"),
        ("/First/QueryLanguage", json!("JSONata"), jsonata),
        ("/First/Arguments", json!({}), jsonata),
        ("/First/Output", json!({}), jsonata),
        ("/Each/Items", json!([]), jsonata),
        ("/First/HeartbeatSeconds", json!(1), "is refused: handlers send no heartbeats"),
        ("/First/HeartbeatSecondsPath", json!("$.a"), "is refused: handlers send no heartbeats"),
        ("/First/TimeoutSecondsPath", json!("$.a"), "is refused: a timeout is a constant"),
        ("/First/Credentials", json!({}), "is refused: each function has its own role"),
        ("/Wait/Timestamp", json!("2026-01-01T00:00:00Z"), "is refused: a wait is a number"),
        ("/Wait/TimestampPath", json!("$.t"), "is refused: a wait is a number"),
        ("/Each/Retry", json!([]), "state 'Each': field 'Retry': is refused: only a Task is repeated"),
        ("/Each/Parameters", json!({}), "is refused: only Task and Pass have it"),
        ("/Each/Iterator", json!({}), "is refused: the old name of ItemProcessor"),
        ("/Each/ItemReader", json!({}), "is refused: distributed Map"),
        ("/Each/ItemBatcher", json!({}), "is refused: distributed Map"),
        ("/Each/ResultWriter", json!({}), "is refused: distributed Map"),
        ("/Each/ToleratedFailureCount", json!(1), "is refused: distributed Map"),
        ("/Each/ToleratedFailurePercentage", json!(1), "is refused: distributed Map"),
        ("/Each/MaxConcurrencyPath", json!("$.n"), "is refused: concurrency is a constant"),
        ("/Each/ResultSelector", json!({}), "is refused: only a Task's result"),
        ("/Done/Branches", json!([]), "is refused: Parallel"),
        ("/Done/Next", json!("First"), "state 'Done': field 'Next': is not known here"),
        ("/Choose/End", json!(true), "field 'End': is not known here"),
        ("/First/Timeout", json!(1), "field 'Timeout': is not known here"),
    ]);
}

#[test]
#[rustfmt::skip]
fn types_that_the_subset_leaves_out() {
    check(&[
        ("/Done/Type", json!("Fail"), "state 'Done': field 'Type': 'Fail' is refused: it cannot be redriven"),
        ("/Done/Type", json!("Parallel"), "'Parallel' is refused: Map does"),
        ("/Done/Type", json!("Sleep"), "is not a type of state"),
        ("/Done/Type", remove(), "field 'Type': is required"),
        ("/First/Resource", json!("arn:aws:states:::sqs:sendMessage"), "field 'Resource': must be arn"),
        ("/First/Resource", json!("arn:aws:states:::lambda:invoke.waitForTaskToken"), "must be arn"),
        ("/Each/ItemProcessor/ProcessorConfig", json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}), r#"field 'ProcessorConfig': must be {"Mode": "INLINE"}"#),
    ]);
}

#[test]
#[rustfmt::skip]
fn fields_that_are_required_although_the_language_has_a_default() {
    check(&[
        ("/First/TimeoutSeconds", remove(), "state 'First': field 'TimeoutSeconds': is required: without it"),
        ("/Tell/TimeoutSeconds", remove(), "state 'Tell': field 'TimeoutSeconds': is required"),
        ("/First/Retry/0/MaxAttempts", remove(), "field 'Retry[0].MaxAttempts': is required: the default is 3"),
        ("/First/Retry/0/IntervalSeconds", remove(), "field 'Retry[0].IntervalSeconds': is required"),
        ("/First/Retry/0/MaxDelaySeconds", remove(), "field 'Retry[0].MaxDelaySeconds': is required"),
        ("/Each/Catch/0/ResultPath", remove(), "state 'Each': field 'Catch[0].ResultPath': is required"),
        ("/Choose/Default", remove(), "field 'Default': is required: States.NoChoiceMatched cannot be caught"),
        ("/Each/MaxConcurrency", remove(), "field 'MaxConcurrency': is required"),
        ("/Each/ItemsPath", remove(), "field 'ItemsPath': is required"),
        ("/Each/ItemProcessor/ProcessorConfig", remove(), "field 'ProcessorConfig': is required"),
        ("/First/ResultSelector", remove(), "field 'ResultSelector': is required where the result is kept"),
        ("/First/Parameters/Payload", remove(), "field 'Payload': is required"),
        ("/First/Parameters", remove(), "field 'Parameters': is required"),
    ]);
}

#[test]
#[rustfmt::skip]
fn values_out_of_range() {
    check(&[
        ("//TimeoutSeconds", json!(0), "field 'TimeoutSeconds': must be a whole number of seconds from 1"),
        ("//States", json!([]), "field 'States': must be an object"),
        ("/First/TimeoutSeconds", json!(100_000_000), "to 99999999, not 100000000"),
        ("/First/TimeoutSeconds", json!("30"), "must be a whole number of seconds"),
        ("/First/Retry", json!([]), "field 'Retry': must be a non-empty list"),
        ("/First/Retry/0", json!([]), "field 'Retry[0]': a retrier must be an object"),
        ("/First/Retry/0/ErrorEquals", json!([]), "field 'Retry[0].ErrorEquals': must be a non-empty list of texts"),
        ("/First/Retry/0/ErrorEquals", json!([1]), "must be a non-empty list of texts"),
        ("/First/Retry/0/MaxAttempts", json!(-1), "must be a whole number, not -1"),
        ("/First/Retry/0/IntervalSeconds", json!(0), "from 1 to"),
        ("/First/Retry/0/IntervalSeconds", json!(10), "field 'Retry[0].MaxDelaySeconds': must not be less"),
        ("/First/Retry/0/BackoffRate", json!(0.5), "must be a number of at least 1"),
        ("/First/Retry/0/JitterStrategy", json!("HALF"), "must be FULL or NONE"),
        ("/First/Retry/0/Other", json!(1), "field 'Retry[0].Other': is not known here"),
        ("/Each/Catch/0/Other", json!(1), "field 'Catch[0].Other': is not known here"),
        ("/Each/Catch/0/Assign", json!({}), "field 'Catch[0].Assign': is refused"),
        ("/Each/MaxConcurrency", json!(0), "must be from 1 to 40, not 0"),
        ("/Each/MaxConcurrency", json!(41), "must be from 1 to 40, not 41"),
        ("/First/Parameters/FunctionName", json!("arn:aws:lambda:f"), "must be the placeholder of a function"),
        ("/First/Parameters/FunctionName", json!("${Partition}"), "must be the placeholder of a function"),
        ("/First/Parameters/InvocationType", json!("Event"), "field 'InvocationType': is not known here"),
        ("/First/Parameters/Payload", json!("text"), "field 'Payload': must be an object"),
        ("/Tell/Parameters/Entries", json!(1), "field 'Entries': must be an object"),
        ("/Tell/ResultPath", json!("$.x"), "field 'ResultPath': must be null"),
        ("/Tell/ResultSelector", json!({}), "field 'ResultPath': must be null"),
        ("/Wait/Seconds", json!(5), "exactly one of Seconds and SecondsPath"),
        ("/Wait/SecondsPath", remove(), "exactly one of Seconds and SecondsPath"),
        ("/Wait/SecondsPath", json!("$$.Execution.RedriveCount"), "the context object cannot be read here"),
        ("/Wait/SecondsPath", json!("$.list[*]"), "field 'SecondsPath': '$.list[*]' is not a path: a wildcard"),
        ("/Wait/End", json!(true), "exactly one of Next (a text) and End (true)"),
        ("/Wait/Next", remove(), "exactly one of Next (a text) and End (true)"),
        ("/Shape/Parameters", json!({}), "one of Result and Parameters would be ignored"),
        ("/Shape/Result", json!([{"y.$": "$.go"}]), "field 'Result': is literal"),
        ("/Shape/ResultPath", json!("$.list[0]"), "field 'ResultPath': '$.list[0]' is not a path"),
        ("/Choose/Choices", json!([]), "field 'Choices': must be a non-empty list"),
        ("/Choose/Choices", remove(), "field 'Choices': is required"),
        ("/Choose/Choices/0/Next", remove(), "field 'Choices'"),
        ("/Choose/Choices/0/BooleanEqualsPath", json!("$.go"), "field 'Choices': a rule has exactly one"),
        ("/Choose/Default", json!(1), "field 'Default': must be a text"),
        ("/First/ResultSelector/go", json!(0.5), "the number 0.5 would be rounded"),
        ("/First/ResultSelector/go", json!(9_007_199_254_740_993_i64), "would be rounded"),
        ("/First/ResultSelector/go.$", json!("States.UUID()"), "field 'ResultSelector': 'go.$'"),
    ]);
    let long = "x".repeat(81);
    check(&[(
        &format!("/{long}"),
        json!({"Type": "Succeed"}),
        "a name has at most 80 characters",
    )]);
}

#[test]
#[rustfmt::skip]
fn errors_that_are_not_raised_or_not_to_be_caught() {
    let retry = "/First/Retry/0/ErrorEquals";
    let catch = "/Each/Catch/0/ErrorEquals";
    check(&[
        (retry, json!(["States.ALL"]), "state 'First': field 'Retry[0].ErrorEquals': 'States.ALL' is refused in Retry"),
        (retry, json!(["States.TaskFailed"]), "'States.TaskFailed' is refused"),
        (catch, json!(["States.TaskFailed"]), "'States.TaskFailed' is refused"),
        (catch, json!(["Internal", "States.ALL"]), "'States.ALL' stands alone, in the last catcher"),
        (catch, json!(["States.Runtime"]), "'States.Runtime' cannot be caught"),
        (catch, json!(["States.DataLimitExceeded"]), "'States.DataLimitExceeded' cannot be caught"),
        (catch, json!(["States.NoChoiceMatched"]), "'States.NoChoiceMatched' cannot be caught"),
        (retry, json!(["Unreachable", "Unreachable"]), "'Unreachable' is named twice"),
        (retry, json!(["unreachable"]), "nobody raises 'unreachable'"),
        (retry, json!(["Lambda.Other"]), "nobody raises 'Lambda.Other'"),
        (retry, json!(["States.Timeout", "Lambda.Unknown", "JobConflict"]), "loads"),
    ]);
    let first = valid()["States"]["Each"]["Catch"][0].clone();
    check(&[(
        "/Each/Catch",
        json!([first, first]),
        "field 'Catch[0].ErrorEquals': 'States.ALL' stands alone, in the last catcher",
    )]);
}

#[test]
#[rustfmt::skip]
fn ways_that_lead_nowhere() {
    check(&[
        ("//StartAt", json!("None"), "field 'StartAt': there is no state 'None'"),
        ("/Each/ItemProcessor/StartAt", json!("None"), "state 'Each': field 'StartAt': there is no state 'None'"),
        ("/Each/ItemProcessor/StartAt", json!("First"), "there is no state 'First'"),
        ("/Wait/Next", json!("None"), "state 'Wait': there is no state 'None' to go to"),
        ("/Choose/Default", json!("None"), "state 'Choose': there is no state 'None' to go to"),
        ("/Each/Catch/0/Next", json!("One"), "state 'Each': there is no state 'One' to go to"),
        ("/Lonely", json!({"Type": "Succeed"}), "state 'Lonely': no state leads here"),
        ("/Choose/Default", json!("Wait"), "state 'Choose': no way leads from here to an end"),
        ("/Shape/Next", json!("Shape"), "state 'Shape': no way leads from here to an end"),
        ("/Each/ItemProcessor/States/Done", json!({"Type": "Succeed"}), "state 'Done': another state, inside or outside of a Map, has this name"),
    ]);
}

#[test]
#[rustfmt::skip]
fn paths_that_may_be_missing() {
    let opaque = "nothing proves what is inside";
    check(&[
        ("/Wait/SecondsPath", json!("$.second"), "state 'Wait': field 'SecondsPath': '$.second': not on every route"),
        ("/Choose/Choices/0/Variable", json!("$.error"), "state 'Choose': field 'Choices': '$.error': not on every route"),
        ("/Choose/Choices/0/Variable", json!("$.list.x"), opaque),
        ("/Choose/Choices/0/Variable", json!("$.list[0]"), opaque),
        ("/Choose/Choices/0/Variable", json!("$$.Execution.Role"), "the context object has no 'Role' here"),
        ("/Choose/Choices/0/Variable", json!("$$.Execution.Input.x"), opaque),
        ("/Each/ItemsPath", json!("$.lists"), "state 'Each': field 'ItemsPath': '$.lists': not on every route"),
        ("/Each/ItemSelector/x.$", json!("$.results"), "field 'ItemSelector': '$.results': not on every"),
        ("/Each/ItemProcessor/States/One/Parameters/i.$", json!("$.index"), "state 'One': field 'Parameters': '$.index': not on every route"),
        ("/Each/ItemProcessor/States/One/Parameters/i.$", json!("$$.Map.Item.Index"), "the context object has no 'Map' here"),
        ("/Each/ItemProcessor/States/One/Parameters/i.$", json!("$.item.key"), opaque),
        ("/Each/ItemSelector", remove(), "state 'One': field 'Parameters': '$.item': raw input is read only as a whole"),
        ("/Tell/Parameters/Entries/0/Detail.$", json!("$.inner.x"), "'$.inner.x': not on every route"),
        ("/First/Parameters/Payload/input.$", json!("$.group"), "raw input is read only as a whole, by the first state"),
        ("/First/ResultPath", json!("$.first"), "state 'First': ResultPath '$.first': nothing proves that '$' is an object"),
        ("/First/ResultPath", json!(null), "state 'First': raw input would go on to the next state"),
        ("/Each/ResultPath", json!("$.list.results"), "nothing proves that '$.list' is an object"),
        ("/Each/ResultPath", json!("$.no.results"), "nothing proves that '$.no' is an object"),
        ("/Each/Catch/0/ResultPath", json!("$.list.x"), "state 'Each': field 'Catch': ResultPath '$.list.x'"),
        ("/Each/Catch/0/ResultPath", json!("$"), "'$.go': not on every route has 'go' been set"),
        ("/First/ResultSelector/x.$", json!("$.StatusCode"), "'$.StatusCode': only $.Payload is"),
        ("/First/ResultSelector/x.$", json!("$"), "'$': only $.Payload is"),
    ]);
}
