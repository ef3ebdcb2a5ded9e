//! Values as SQLite literals.

use rusqlite::types::Value;

pub fn text(text: &str) -> String {
    if text.contains('\0') {
        return format!("CAST(x'{}' AS TEXT)", hex::encode(text));
    }
    format!("'{}'", text.replace('\'', "''"))
}

pub fn value(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        // The smallest integer has no literal: its digits alone are too large.
        Value::Integer(i64::MIN) => "(-9223372036854775807 - 1)".to_owned(),
        Value::Integer(number) if *number < 0 => format!("({number})"),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) if number.is_nan() => "NULL".to_owned(),
        Value::Real(number) if number.is_infinite() => {
            if *number > 0.0 { "9e999" } else { "(-9e999)" }.to_owned()
        }
        Value::Real(number) => format!("({number:e})"),
        Value::Text(content) => text(content),
        Value::Blob(bytes) => format!("x'{}'", hex::encode(bytes)),
    }
}

/// A quoted SQLite name.
pub fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
