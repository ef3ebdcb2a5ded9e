//! JSON, ARRAY, MAP and STRUCT. All are kept as JSON texts.

use rusqlite::types::{Value, ValueRef};
use serde_json::Value as Json;

use super::{
    ANY, Arguments, Outcome,
    Returns::{Argument, BigInt, Boolean, Double, Int, Item, Json as AJson, Keys, Text, Values},
    Scalar, nullable, text_value, truth,
};
use crate::value::{normalize_json, read_json};

pub(super) const FUNCTIONS: &[Scalar] = &[
    Scalar::new("parse_json", (1, 1), AJson, |arguments| {
        nullable(normalize_json(&arguments.text(0)))
    }),
    Scalar::new("to_json", (1, 1), AJson, |arguments| {
        nullable(read(arguments, 0).and_then(|json| normalize_json(&json.to_string())))
    }),
    // A number or a text as JSON.
    Scalar::new("json_scalar", (1, 1), AJson, |arguments| {
        text_value(scalar(arguments, 0).to_string())
    }),
    Scalar::new("json_string", (1, 1), Text, |arguments| {
        text_value(arguments.text(0))
    }),
    Scalar::new("json_query", (2, 2), AJson, |arguments| {
        nullable(find(arguments).and_then(|found| normalize_json(&found.to_string())))
    }),
    Scalar::new("json_exists", (2, 2), Boolean, |arguments| {
        truth(find(arguments).is_some())
    }),
    Scalar::new("get_json_string", (2, 2), Text, json_text),
    Scalar::new("get_json_object", (2, 2), Text, json_text),
    Scalar::new("get_json_int", (2, 2), BigInt, |arguments| {
        nullable(find(arguments).and_then(|found| {
            match found {
                Json::Number(number) => number
                    .as_i64()
                    .or_else(|| number.as_f64().map(|real| real as i64)),
                Json::String(text) => text.parse().ok(),
                Json::Bool(value) => Some(i64::from(value)),
                _ => None,
            }
        }))
    }),
    Scalar::new("get_json_double", (2, 2), Double, |arguments| {
        nullable(find(arguments).and_then(|found| match found {
            Json::Number(number) => number.as_f64(),
            Json::String(text) => text.parse().ok(),
            _ => None,
        }))
    }),
    Scalar::new("get_json_bool", (2, 2), Boolean, |arguments| {
        nullable(find(arguments).and_then(|found| found.as_bool().map(i64::from)))
    }),
    Scalar::new("json_length", (1, 2), Int, |arguments| {
        let json = if arguments.len() > 1 {
            find(arguments)
        } else {
            read(arguments, 0)
        };
        nullable(json.map(|json| match json {
            Json::Array(items) => items.len() as i64,
            Json::Object(fields) => fields.len() as i64,
            _ => 1,
        }))
    }),
    Scalar::new("json_keys", (1, 2), AJson, |arguments| {
        let json = if arguments.len() > 1 {
            find(arguments)
        } else {
            read(arguments, 0)
        };
        let keys = match json {
            Some(Json::Object(fields)) => {
                let keys: Vec<String> = fields.keys().cloned().collect();
                normalize_json(&Json::from(keys).to_string())
            }
            _ => None,
        };
        nullable(keys)
    }),
    Scalar::new("json_array", (0, ANY), AJson, |arguments| {
        let items: Vec<Json> = (0..arguments.len())
            .map(|at| scalar(arguments, at))
            .collect();
        nullable(normalize_json(&Json::from(items).to_string()))
    })
    .sees_null(),
    Scalar::new("json_object", (0, ANY), AJson, |arguments| {
        let mut fields = serde_json::Map::new();
        for at in (0..arguments.len()).step_by(2) {
            fields.insert(arguments.text(at).into_owned(), scalar(arguments, at + 1));
        }
        nullable(normalize_json(&Json::from(fields).to_string()))
    })
    .sees_null(),
    // The items of `[a, b]`; the compiler gives a flag per item: 1 if it is JSON already.
    Scalar::new("array_of", (0, ANY), Text, |arguments| {
        let items: Vec<String> = (0..arguments.len())
            .step_by(2)
            .map(|at| item(arguments, at))
            .collect();
        text_value(format!("[{}]", items.join(",")))
    })
    .sees_null(),
    // key, flag, value, flag ... of a MAP or a STRUCT.
    Scalar::new("map_of", (0, ANY), Text, |arguments| {
        let items: Vec<String> = (0..arguments.len())
            .step_by(4)
            .map(|at| format!("{}:{}", item(arguments, at), item(arguments, at + 2)))
            .collect();
        text_value(format!("{{{}}}", items.join(",")))
    })
    .sees_null(),
    Scalar::new("array_length", (1, 1), Int, length),
    Scalar::new("cardinality", (1, 1), Int, length),
    Scalar::new("map_size", (1, 1), Int, length),
    Scalar::new("array_join", (2, 3), Text, |arguments| {
        let missing = (arguments.len() > 2).then(|| arguments.text(2).into_owned());
        let parts: Vec<String> = items(arguments, 0)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|item| match item {
                Json::Null => missing.clone(),
                item => Some(plain(&item)),
            })
            .collect();
        text_value(parts.join(&arguments.text(1)))
    }),
    Scalar::new("array_contains", (2, 2), Boolean, |arguments| {
        let wanted = plain_argument(arguments, 1);
        let found = items(arguments, 0)
            .unwrap_or_default()
            .iter()
            .any(|item| match &wanted {
                Some(wanted) => !item.is_null() && plain(item) == *wanted,
                None => item.is_null(),
            });
        truth(found)
    })
    .sees_null(),
    Scalar::new("array_position", (2, 2), Int, |arguments| {
        let wanted = plain_argument(arguments, 1);
        let at = items(arguments, 0)
            .unwrap_or_default()
            .iter()
            .position(|item| (!item.is_null()).then(|| plain(item)) == wanted);
        Ok(Value::Integer(at.map_or(0, |at| at as i64 + 1)))
    }),
    Scalar::new("array_sort", (1, 1), Argument(0), |arguments| {
        let mut items = items(arguments, 0).unwrap_or_default();
        items.sort_by(compare);
        array(items)
    }),
    Scalar::new("array_distinct", (1, 1), Argument(0), |arguments| {
        let mut kept: Vec<Json> = Vec::new();
        for item in items(arguments, 0).unwrap_or_default() {
            if !kept.contains(&item) {
                kept.push(item);
            }
        }
        array(kept)
    }),
    Scalar::new("array_concat", (1, ANY), Argument(0), |arguments| {
        let all = (0..arguments.len())
            .flat_map(|at| items(arguments, at).unwrap_or_default())
            .collect();
        array(all)
    }),
    Scalar::new("element_at", (2, 2), Item(0), |arguments| {
        let found = match read(arguments, 0) {
            Some(Json::Array(items)) => arguments
                .integer(1)
                .and_then(|at| usize::try_from(at - 1).ok())
                .and_then(|at| items.into_iter().nth(at)),
            Some(Json::Object(mut fields)) => fields.remove(arguments.text(1).as_ref()),
            _ => None,
        };
        Ok(found.map_or(Value::Null, |found| stored(&found)))
    }),
    Scalar::new("map_keys", (1, 1), Keys, |arguments| {
        array(match read(arguments, 0) {
            Some(Json::Object(fields)) => {
                fields.keys().map(|key| Json::from(key.as_str())).collect()
            }
            _ => Vec::new(),
        })
    }),
    Scalar::new("map_values", (1, 1), Values, |arguments| {
        array(match read(arguments, 0) {
            Some(Json::Object(fields)) => fields.into_iter().map(|(_, value)| value).collect(),
            _ => Vec::new(),
        })
    }),
];

fn read(arguments: &Arguments<'_>, at: usize) -> Option<Json> {
    read_json(&arguments.text(at))
}

fn items(arguments: &Arguments<'_>, at: usize) -> Option<Vec<Json>> {
    match read(arguments, at)? {
        Json::Array(items) => Some(items),
        _ => None,
    }
}

fn array(items: Vec<Json>) -> Outcome {
    text_value(Json::from(items).to_string())
}

fn length(arguments: &Arguments<'_>) -> Outcome {
    nullable(match read(arguments, 0) {
        Some(Json::Array(items)) => Some(items.len() as i64),
        Some(Json::Object(fields)) => Some(fields.len() as i64),
        _ => None,
    })
}

/// An argument as a JSON scalar.
fn scalar(arguments: &Arguments<'_>, at: usize) -> Json {
    match arguments.get(at) {
        ValueRef::Null => Json::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        _ => Json::from(arguments.text(at).into_owned()),
    }
}

/// An argument as an item; the argument after it says whether it is JSON (1), a number (2) or text.
fn item(arguments: &Arguments<'_>, at: usize) -> String {
    if arguments.is_null(at) {
        return "null".to_owned();
    }
    match arguments.integer(at + 1) {
        Some(1 | 2) => arguments.text(at).into_owned(),
        _ => Json::from(arguments.text(at).into_owned()).to_string(),
    }
}

fn plain(item: &Json) -> String {
    match item {
        Json::String(text) => text.clone(),
        Json::Bool(value) => i64::from(*value).to_string(),
        other => other.to_string(),
    }
}

fn plain_argument(arguments: &Arguments<'_>, at: usize) -> Option<String> {
    (!arguments.is_null(at)).then(|| arguments.text(at).into_owned())
}

fn stored(item: &Json) -> Value {
    match item {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Integer(i64::from(*value)),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => number.as_f64().map_or(Value::Null, Value::Real),
        },
        Json::String(text) => Value::Text(text.clone()),
        nested => Value::Text(nested.to_string()),
    }
}

fn compare(left: &Json, right: &Json) -> std::cmp::Ordering {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ if left.is_null() || right.is_null() => right.is_null().cmp(&left.is_null()),
        _ => plain(left).cmp(&plain(right)),
    }
}

fn json_text(arguments: &Arguments<'_>) -> Outcome {
    nullable(find(arguments).and_then(|found| match found {
        Json::Null => None,
        Json::String(text) => Some(text),
        other => normalize_json(&other.to_string()),
    }))
}

/// Follows a path such as `$.a.b[0]`, with or without the `$.`.
fn find(arguments: &Arguments<'_>) -> Option<Json> {
    let mut json = read(arguments, 0)?;
    let path = arguments.text(1);
    let path = path.strip_prefix('$').unwrap_or(&path);
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(index) = rest.strip_prefix('[') {
            let (index, after) = index.split_once(']')?;
            json = json.get_mut(index.parse::<usize>().ok()?)?.take();
            rest = after;
        } else {
            let key = rest.strip_prefix('.').unwrap_or(rest);
            let (key, after) = match key.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => key.split_at(key.find(['.', '[']).unwrap_or(key.len())),
            };
            json = json.get_mut(key)?.take();
            rest = after;
        }
    }
    Some(json)
}
