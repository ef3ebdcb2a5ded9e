//! How a value of a type is stored, read from text, printed, and converted to another type.
//!
//! Stored are: BOOLEAN and the integers up to BIGINT as integers; FLOAT and DOUBLE as reals; LARGEINT
//! and DECIMAL as text with exactly the type's scale, so that nothing is ever rounded by accident;
//! DATE and DATETIME as the text that a client sees; VARBINARY as bytes; everything else as text.

mod json;
mod nested;
mod real;
pub mod time;

use rusqlite::types::{Value, ValueRef};

pub use self::{json::normalize as normalize_json, nested::read_json, real::format as format_real};
use crate::{number::Decimal, reply::Cell, types::SqlType};

/// Reads a text as a value of `to`; `None` if it is none, or out of the type's range.
pub fn from_text(text: &str, to: &SqlType) -> Option<Value> {
    match to {
        SqlType::Null => None,
        SqlType::Boolean => boolean(text).map(|value| Value::Integer(i64::from(value))),
        SqlType::TinyInt
        | SqlType::SmallInt
        | SqlType::Int
        | SqlType::BigInt
        | SqlType::LargeInt => integer_from_text(text, to),
        SqlType::Float | SqlType::Double => real::parse(text).map(|real| round_real(real, to)),
        SqlType::Decimal { precision, scale } => {
            Decimal::parse(text).and_then(|decimal| store_decimal(decimal, *precision, *scale))
        }
        SqlType::Date => time::parse(text).map(|at| Value::Text(time::format_date(at.date()))),
        SqlType::DateTime => time::parse(text).map(|at| Value::Text(time::format(at))),
        SqlType::Json => json::normalize(text).map(Value::Text),
        SqlType::Varbinary(_) => Some(Value::Blob(text.as_bytes().to_vec())),
        SqlType::Array(_) | SqlType::Map(..) | SqlType::Struct(_) => {
            nested::from_text(text, to).map(Value::Text)
        }
        SqlType::Time
        | SqlType::Char(_)
        | SqlType::Varchar(_)
        | SqlType::Bitmap
        | SqlType::Hll
        | SqlType::Percentile => Some(Value::Text(text.to_owned())),
    }
}

/// What a client sees of a stored value.
pub fn to_text(value: ValueRef<'_>, of: &SqlType) -> Cell {
    match (value, of) {
        (ValueRef::Null, _) => None,
        // A client sees nothing of sketches; functions open them.
        (_, SqlType::Bitmap | SqlType::Hll | SqlType::Percentile) => None,
        (ValueRef::Integer(number), _) => Some(number.to_string()),
        (ValueRef::Real(number), SqlType::Float) => Some(real::format_single(number as f32)),
        (ValueRef::Real(number), _) => Some(real::format(number)),
        (ValueRef::Text(text) | ValueRef::Blob(text), _) => {
            Some(String::from_utf8_lossy(text).into_owned())
        }
    }
}

/// CAST: a value that cannot be converted becomes NULL.
pub fn cast(value: ValueRef<'_>, to: &SqlType) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => from_integer(number, to),
        ValueRef::Real(number) => from_real(number, to),
        ValueRef::Blob(bytes) => match to {
            SqlType::Varbinary(_) => Value::Blob(bytes.to_vec()),
            _ => std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| from_text(text, to))
                .unwrap_or(Value::Null),
        },
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            from_text(&text, to)
                .or_else(|| time_as_number(&text, to))
                .unwrap_or(Value::Null)
        }
    }
}

/// `true` if the value is longer than its column: CHAR and VARCHAR count bytes.
pub fn is_too_long(value: &Value, of: &SqlType) -> bool {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        _ => return false,
    };
    match of {
        SqlType::Char(Some(limit))
        | SqlType::Varchar(Some(limit))
        | SqlType::Varbinary(Some(limit)) => length > *limit as usize,
        _ => false,
    }
}

pub fn boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        Decimal::parse(text).map(|number| number.unscaled != 0)
    }
}

fn integer_from_text(text: &str, to: &SqlType) -> Option<Value> {
    let trimmed = text.trim();
    let number = match trimmed.parse::<i128>() {
        Ok(number) => number,
        // `1.9` is cut off to 1.
        Err(_) => Decimal::parse(trimmed)?.truncate(),
    };
    store_integer(number, to)
}

/// The smallest and largest value of an integer type.
pub fn integer_range(of: &SqlType) -> (i128, i128) {
    match of {
        SqlType::Boolean => (0, 1),
        SqlType::TinyInt => (i8::MIN.into(), i8::MAX.into()),
        SqlType::SmallInt => (i16::MIN.into(), i16::MAX.into()),
        SqlType::Int => (i32::MIN.into(), i32::MAX.into()),
        SqlType::BigInt => (i64::MIN.into(), i64::MAX.into()),
        _ => (i128::MIN, i128::MAX),
    }
}

fn store_integer(number: i128, to: &SqlType) -> Option<Value> {
    let (smallest, largest) = integer_range(to);
    if number < smallest || number > largest {
        return None;
    }
    Some(match to {
        SqlType::LargeInt => Value::Text(number.to_string()),
        _ => Value::Integer(i64::try_from(number).ok()?),
    })
}

fn store_decimal(decimal: Decimal, precision: u8, scale: u8) -> Option<Value> {
    let decimal = decimal.rescale(scale.into()).ok()?;
    decimal
        .fits(precision.into())
        .then(|| Value::Text(decimal.to_string()))
}

fn round_real(number: f64, to: &SqlType) -> Value {
    Value::Real(match to {
        SqlType::Float => f64::from(number as f32),
        _ => number,
    })
}

fn from_integer(number: i64, to: &SqlType) -> Value {
    let value = match to {
        SqlType::Boolean => Some(Value::Integer(i64::from(number != 0))),
        SqlType::TinyInt
        | SqlType::SmallInt
        | SqlType::Int
        | SqlType::BigInt
        | SqlType::LargeInt => store_integer(number.into(), to),
        SqlType::Float | SqlType::Double => Some(round_real(number as f64, to)),
        SqlType::Decimal { precision, scale } => {
            store_decimal(Decimal::integer(number.into()), *precision, *scale)
        }
        _ => from_text(&number.to_string(), to),
    };
    value.unwrap_or(Value::Null)
}

fn from_real(number: f64, to: &SqlType) -> Value {
    let value = match to {
        SqlType::Boolean => Some(Value::Integer(i64::from(number != 0.0))),
        SqlType::TinyInt
        | SqlType::SmallInt
        | SqlType::Int
        | SqlType::BigInt
        | SqlType::LargeInt => store_integer(number.trunc() as i128, to),
        SqlType::Float | SqlType::Double => Some(round_real(number, to)),
        SqlType::Decimal { precision, scale } => Decimal::parse(&format!("{number:e}"))
            .and_then(|decimal| store_decimal(decimal, *precision, *scale)),
        _ => from_text(&real::format(number), to),
    };
    value.unwrap_or(Value::Null)
}

/// DATE and DATETIME as numbers: `20250102` and `20250102030405`.
fn time_as_number(text: &str, to: &SqlType) -> Option<Value> {
    let is_number = to.is_integer()
        || matches!(
            to,
            SqlType::Float | SqlType::Double | SqlType::Decimal { .. }
        );
    if !is_number || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    time::parse(text)?;
    let digits: String = text
        .split('.')
        .next()?
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    from_text(&digits, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, to: &str, expect: Option<&str>) {
        let to = SqlType::parse(to).unwrap();
        let printed = from_text(text, &to).map(|value| to_text(ValueRef::from(&value), &to));
        assert_eq!(
            printed,
            expect.map(|text| Some(text.to_owned())),
            "{text} as {to:?}"
        );
    }

    #[test]
    fn texts_round_trip_through_their_type() {
        check("1.5", "decimal(10, 2)", Some("1.50"));
        check("123456789.5", "decimal(9, 2)", None);
        check("127", "tinyint", Some("127"));
        check("128", "tinyint", None);
        check(
            "170141183460469231731687303715884105727",
            "largeint",
            Some("170141183460469231731687303715884105727"),
        );
        check("170141183460469231731687303715884105728", "largeint", None);
        check("true", "boolean", Some("1"));
        check("2025-1-2", "date", Some("2025-01-02"));
        check("2025-02-30", "date", None);
        check("2025-01-02", "datetime", Some("2025-01-02 00:00:00"));
        check(
            "2025-01-02 03:04:05.000001",
            "datetime",
            Some("2025-01-02 03:04:05.000001"),
        );
        check(
            "2025-01-02 03:04:05.000",
            "datetime",
            Some("2025-01-02 03:04:05"),
        );
        check("0.1", "double", Some("0.1"));
        check("0.1", "float", Some("0.1"));
        check("abc", "int", None);
        check(
            "{\"b\":1,\"a\":[1,null]}",
            "json",
            Some("{\"b\": 1, \"a\": [1, null]}"),
        );
        check("{", "json", None);
    }

    #[test]
    fn conversions() {
        let decimal = SqlType::parse("decimal(10, 1)").unwrap();
        assert_eq!(
            cast(ValueRef::Real(2.25), &decimal),
            Value::Text("2.3".into())
        );
        assert_eq!(cast(ValueRef::Real(1.9), &SqlType::Int), Value::Integer(1));
        assert_eq!(cast(ValueRef::Text(b"x"), &SqlType::Int), Value::Null);
        assert_eq!(
            cast(ValueRef::Text(b"2025-01-02"), &SqlType::Int),
            Value::Integer(20_250_102)
        );
    }
}
