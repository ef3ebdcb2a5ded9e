//! The encoded key of a row, and the order of numbers that are kept as text.

use std::cmp::Ordering;

use rusqlite::types::Value;

use crate::catalog::Table;

/// Where the key columns stand among the table's columns.
pub(super) fn positions(table: &Table) -> Vec<usize> {
    table
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| {
            column.is_key
                || table
                    .key_columns
                    .iter()
                    .any(|key| key.eq_ignore_ascii_case(&column.name))
        })
        .map(|(at, _)| at)
        .collect()
}

/// A byte string that is equal for equal keys only: NULL is a key value of its own, which is why a
/// plain unique index over the columns would not do.
pub(super) fn encode(positions: &[usize], row: &[Value]) -> Vec<u8> {
    let mut key = Vec::new();
    for at in positions {
        let mut part = |tag: u8, bytes: &[u8]| {
            key.push(tag);
            key.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
            key.extend_from_slice(bytes);
        };
        match &row[*at] {
            Value::Null => part(0, &[]),
            Value::Integer(number) => part(1, &number.to_be_bytes()),
            Value::Real(number) => part(2, &number.to_be_bytes()),
            Value::Text(text) => part(3, text.as_bytes()),
            Value::Blob(bytes) => part(4, bytes),
        }
    }
    key
}

/// Orders LARGEINT and DECIMAL texts by value.
pub(super) fn compare_wide(left: &str, right: &str) -> Ordering {
    match (split(left), split(right)) {
        (Some(left), Some(right)) => match (left.negative, right.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => magnitude(&left, &right),
            (true, true) => magnitude(&right, &left),
        },
        _ => left.cmp(right),
    }
}

struct Digits<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

fn split(text: &str) -> Option<Digits<'_>> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    Some(Digits {
        // Minus zero is zero.
        negative: negative && !(whole.is_empty() && fraction.is_empty()),
        whole,
        fraction,
    })
}

fn magnitude(left: &Digits<'_>, right: &Digits<'_>) -> Ordering {
    left.whole
        .len()
        .cmp(&right.whole.len())
        .then_with(|| left.whole.cmp(right.whole))
        .then_with(|| left.fraction.cmp(right.fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(left: &str, expect: Ordering, right: &str) {
        assert_eq!(compare_wide(left, right), expect, "{left} and {right}");
        assert_eq!(
            compare_wide(right, left),
            expect.reverse(),
            "{right} and {left}"
        );
    }

    #[test]
    fn numbers_kept_as_text_compare_by_value() {
        check("9", Ordering::Less, "10");
        check("-9", Ordering::Greater, "-10");
        check("-1", Ordering::Less, "0");
        check("1.50", Ordering::Equal, "1.5");
        check("-0.0", Ordering::Equal, "0");
        check("0.05", Ordering::Less, "0.5");
        check(
            "170141183460469231731687303715884105727",
            Ordering::Greater,
            "9223372036854775807",
        );
    }

    #[test]
    fn null_is_a_key_of_its_own() {
        let encode = |value| encode(&[0], &[value]);
        assert_ne!(encode(Value::Null), encode(Value::Text(String::new())));
        assert_ne!(encode(Value::Integer(1)), encode(Value::Text("1".into())));
    }
}
