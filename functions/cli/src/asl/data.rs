//! Data as it moves through a state: paths, payload templates and the limits on both.

mod context;
mod path;
mod template;

use serde_json::Value;

pub use context::{Context, Item};
pub use path::{Path, PathError, ResultPath, Root, Step};
pub use template::{Template, TemplateError};

/// "262,144 bytes of data as a UTF-8 encoded string": AWS Step Functions, service quotas, maximum
/// input or output size for a task, state or execution.
pub const SIZE_LIMIT: usize = 262_144;

/// What serde_json reads, and so what a handler can be sent: arrays and objects inside of each other.
pub const DEPTH_LIMIT: usize = 127;

/// Integers that a JSON number carries without loss: up to 2^53 on either side.
const EXACT: i64 = 1 << 53;

pub fn exceeds_size_limit(value: &Value) -> bool {
    value.to_string().len() > SIZE_LIMIT
}

pub fn exceeds_depth_limit(value: &Value) -> bool {
    fn deeper_than(value: &Value, levels: usize) -> bool {
        match value {
            Value::Array(items) => {
                levels == 0 || items.iter().any(|item| deeper_than(item, levels - 1))
            }
            Value::Object(fields) => {
                levels == 0 || fields.values().any(|field| deeper_than(field, levels - 1))
            }
            _ => false,
        }
    }
    deeper_than(value, DEPTH_LIMIT)
}

/// The first number that a JSON reader may round: a fraction, or an integer beyond 2^53. Ids, bytes
/// and rows travel as text for this reason.
pub fn inexact_number(value: &Value) -> Option<&serde_json::Number> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(integer) if (-EXACT..=EXACT).contains(&integer) => None,
            _ => Some(number),
        },
        Value::Array(items) => items.iter().find_map(inexact_number),
        Value::Object(fields) => fields.values().find_map(inexact_number),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_numbers_that_would_be_rounded() {
        for (value, inexact) in [
            (json!(9_007_199_254_740_992_i64), None),
            (json!(-9_007_199_254_740_992_i64), None),
            (json!(9_007_199_254_740_993_i64), Some("9007199254740993")),
            (json!({"a": [1, {"b": 0.5}]}), Some("0.5")),
            (json!(u64::MAX), Some("18446744073709551615")),
            (json!({"a": "9007199254740993"}), None),
        ] {
            let found = inexact_number(&value).map(ToString::to_string);
            assert_eq!(found.as_deref(), inexact, "{value}");
        }
    }

    #[test]
    fn measures_depth_as_a_handler_does() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |inside, _| json!([inside]));
        for (levels, readable) in [(DEPTH_LIMIT, true), (DEPTH_LIMIT + 1, false)] {
            assert_eq!(!exceeds_depth_limit(&nested(levels)), readable);
            let text = nested(levels).to_string();
            assert_eq!(serde_json::from_str::<Value>(&text).is_ok(), readable);
        }
    }

    #[test]
    fn measures_bytes_not_characters() {
        // Two quotes around the text; 'é' is two bytes in UTF-8.
        assert!(!exceeds_size_limit(&json!("é".repeat(SIZE_LIMIT / 2 - 1))));
        assert!(exceeds_size_limit(&json!("é".repeat(SIZE_LIMIT / 2))));
    }
}
