//! ARRAY, MAP and STRUCT as texts.

use serde_json::Value;

use crate::types::SqlType;

/// Keys of a MAP need not be texts: `{1:"a"}` is read as `{"1":"a"}`.
pub fn read_json(text: &str) -> Option<Value> {
    serde_json::from_str(text)
        .ok()
        .or_else(|| serde_json::from_str(&quote_keys(text)).ok())
}

fn quote_keys(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 8);
    let mut in_text = false;
    let mut escaped = false;
    let mut expects_key = false;
    let mut in_bare_key = false;
    for character in text.chars() {
        if in_text {
            in_text = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if character == '"' {
            in_text = true;
            expects_key = false;
        } else if expects_key && !character.is_whitespace() && character != '}' {
            quoted.push('"');
            in_bare_key = true;
            expects_key = false;
        } else if in_bare_key && character == ':' {
            quoted.push('"');
            in_bare_key = false;
        }
        if !in_text && !in_bare_key && matches!(character, '{' | ',') {
            // A comma between the items of an array leads to no key, but those are no bare words.
            expects_key = character == '{' || quoted.rfind('{') > quoted.rfind('[');
        }
        quoted.push(character);
    }
    quoted
}

/// A text as a value of `to`: the fields of a STRUCT take the names of their places.
pub(super) fn from_text(text: &str, to: &SqlType) -> Option<String> {
    let trimmed = text.trim();
    let is_enclosed =
        |open: char, close: char| trimmed.starts_with(open) && trimmed.ends_with(close);
    match to {
        SqlType::Array(_) if is_enclosed('[', ']') => Some(trimmed.to_owned()),
        SqlType::Map(..) if is_enclosed('{', '}') => Some(trimmed.to_owned()),
        SqlType::Struct(fields) if is_enclosed('{', '}') => match read_json(trimmed)? {
            Value::Object(given) if given.len() == fields.len() => {
                let renamed: serde_json::Map<String, Value> = fields
                    .iter()
                    .map(|(name, _)| name.clone())
                    .zip(given.into_iter().map(|(_, value)| value))
                    .collect();
                Some(Value::from(renamed).to_string())
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_with_bare_keys_are_read() {
        let json = read_json(r#"{1:"a,{b",2:[3,4]}"#).unwrap();
        assert_eq!(json.to_string(), r#"{"1":"a,{b","2":[3,4]}"#);
    }
}
