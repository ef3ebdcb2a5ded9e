//! JSON values.

use serde_json::Value;

/// StarRocks' spelling of a JSON text: one blank after commas and colons. `None` if it is no JSON.
pub fn normalize(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    let mut spelled = String::with_capacity(text.len());
    write(&value, &mut spelled);
    Some(spelled)
}

fn write(value: &Value, into: &mut String) {
    match value {
        Value::Array(items) => {
            into.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    into.push_str(", ");
                }
                write(item, into);
            }
            into.push(']');
        }
        Value::Object(fields) => {
            into.push('{');
            for (at, (name, item)) in fields.iter().enumerate() {
                if at > 0 {
                    into.push_str(", ");
                }
                into.push_str(&Value::from(name.as_str()).to_string());
                into.push_str(": ");
                write(item, into);
            }
            into.push('}');
        }
        scalar => into.push_str(&scalar.to_string()),
    }
}
