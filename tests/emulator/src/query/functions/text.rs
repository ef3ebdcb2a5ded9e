//! Functions on texts. Positions count characters from 1; `length` counts bytes.

use std::{cell::RefCell, collections::HashMap, str::Chars};

use regex::Regex;
use rusqlite::types::{Value, ValueRef};

use super::{
    ANY, Arguments, Outcome,
    Returns::{Boolean, Int, Text, Texts},
    Scalar, nullable, text_value, truth,
};

pub(super) const FUNCTIONS: &[Scalar] = &[
    Scalar::new("concat", (1, ANY), Text, |arguments| {
        text_value(
            (0..arguments.len())
                .map(|at| arguments.text(at))
                .collect::<String>(),
        )
    }),
    Scalar::new("concat_ws", (1, ANY), Text, concat_ws).sees_null(),
    Scalar::new("substr", (2, 3), Text, substring),
    Scalar::new("substring", (2, 3), Text, substring),
    Scalar::new("mid", (2, 3), Text, substring),
    Scalar::new("left", (2, 2), Text, |arguments| {
        let count = count(arguments, 1);
        text_value(arguments.text(0).chars().take(count).collect::<String>())
    }),
    Scalar::new("right", (2, 2), Text, |arguments| {
        let text = arguments.text(0);
        let skipped = text.chars().count().saturating_sub(count(arguments, 1));
        text_value(text.chars().skip(skipped).collect::<String>())
    }),
    Scalar::new("length", (1, 1), Int, |arguments| {
        Ok(Value::Integer(arguments.bytes(0).len() as i64))
    }),
    Scalar::new("char_length", (1, 1), Int, |arguments| {
        Ok(Value::Integer(arguments.text(0).chars().count() as i64))
    }),
    Scalar::new("character_length", (1, 1), Int, |arguments| {
        Ok(Value::Integer(arguments.text(0).chars().count() as i64))
    }),
    Scalar::new("upper", (1, 1), Text, |arguments| {
        text_value(arguments.text(0).to_uppercase())
    }),
    Scalar::new("ucase", (1, 1), Text, |arguments| {
        text_value(arguments.text(0).to_uppercase())
    }),
    Scalar::new("lower", (1, 1), Text, |arguments| {
        text_value(arguments.text(0).to_lowercase())
    }),
    Scalar::new("lcase", (1, 1), Text, |arguments| {
        text_value(arguments.text(0).to_lowercase())
    }),
    Scalar::new("trim", (1, 2), Text, |arguments| {
        trim(arguments, true, true)
    }),
    Scalar::new("ltrim", (1, 2), Text, |arguments| {
        trim(arguments, true, false)
    }),
    Scalar::new("rtrim", (1, 2), Text, |arguments| {
        trim(arguments, false, true)
    }),
    Scalar::new("replace", (3, 3), Text, |arguments| {
        let (text, from) = (arguments.text(0), arguments.text(1));
        if from.is_empty() {
            return text_value(text);
        }
        text_value(text.replace(from.as_ref(), &arguments.text(2)))
    }),
    Scalar::new("repeat", (2, 2), Text, |arguments| {
        text_value(arguments.text(0).repeat(count(arguments, 1)))
    }),
    Scalar::new("space", (1, 1), Text, |arguments| {
        text_value(" ".repeat(count(arguments, 0)))
    }),
    Scalar::new("reverse", (1, 1), Text, |arguments| {
        text_value(arguments.text(0).chars().rev().collect::<String>())
    }),
    Scalar::new("lpad", (2, 3), Text, |arguments| pad(arguments, true)),
    Scalar::new("rpad", (2, 3), Text, |arguments| pad(arguments, false)),
    Scalar::new("locate", (2, 3), Int, |arguments| {
        let start = arguments.integer(2).unwrap_or(1);
        Ok(Value::Integer(position(
            &arguments.text(1),
            &arguments.text(0),
            start,
        )))
    }),
    Scalar::new("instr", (2, 2), Int, |arguments| {
        Ok(Value::Integer(position(
            &arguments.text(0),
            &arguments.text(1),
            1,
        )))
    }),
    Scalar::new("strpos", (2, 2), Int, |arguments| {
        Ok(Value::Integer(position(
            &arguments.text(0),
            &arguments.text(1),
            1,
        )))
    }),
    Scalar::new("starts_with", (2, 2), Boolean, |arguments| {
        truth(arguments.text(0).starts_with(arguments.text(1).as_ref()))
    }),
    Scalar::new("ends_with", (2, 2), Boolean, |arguments| {
        truth(arguments.text(0).ends_with(arguments.text(1).as_ref()))
    }),
    Scalar::new("split", (2, 2), Texts, |arguments| {
        let (text, by) = (arguments.text(0), arguments.text(1));
        let parts: Vec<String> = if by.is_empty() {
            text.chars().map(String::from).collect()
        } else {
            text.split(by.as_ref()).map(str::to_owned).collect()
        };
        text_value(serde_json::Value::from(parts).to_string())
    }),
    Scalar::new("split_part", (3, 3), Text, split_part),
    Scalar::new("substring_index", (3, 3), Text, substring_index),
    Scalar::new("hex", (1, 1), Text, |arguments| match arguments.get(0) {
        ValueRef::Integer(number) => text_value(format!("{number:X}")),
        _ => text_value(hex::encode_upper(arguments.bytes(0))),
    }),
    Scalar::new("unhex", (1, 1), Text, |arguments| {
        match hex::decode(arguments.bytes(0)) {
            Ok(bytes) => Ok(String::from_utf8(bytes)
                .map_or_else(|error| Value::Blob(error.into_bytes()), Value::Text)),
            Err(_) => text_value(""),
        }
    }),
    Scalar::new("ascii", (1, 1), Int, |arguments| {
        Ok(Value::Integer(
            arguments.bytes(0).first().copied().unwrap_or(0).into(),
        ))
    }),
    Scalar::new("char", (1, 1), Text, |arguments| {
        let code = arguments
            .integer(0)
            .and_then(|code| u8::try_from(code).ok());
        nullable(code.map(|code| char::from(code).to_string()))
    }),
    Scalar::new("strcmp", (2, 2), Int, |arguments| {
        Ok(Value::Integer(
            arguments.text(0).cmp(&arguments.text(1)) as i64
        ))
    }),
    Scalar::new("find_in_set", (2, 2), Int, |arguments| {
        let (wanted, set) = (arguments.text(0), arguments.text(1));
        let at = set.split(',').position(|member| member == wanted);
        Ok(Value::Integer(at.map_or(0, |at| at as i64 + 1)))
    }),
    Scalar::new("like", (2, 2), Boolean, |arguments| {
        truth(is_like(&arguments.text(0), &arguments.text(1)))
    }),
    Scalar::new("ilike", (2, 2), Boolean, |arguments| {
        truth(is_like(
            &arguments.text(0).to_lowercase(),
            &arguments.text(1).to_lowercase(),
        ))
    }),
    Scalar::new("regexp", (2, 2), Boolean, |arguments| {
        truth(regex(&arguments.text(1))?.is_match(&arguments.text(0)))
    }),
    Scalar::new("regexp_extract", (3, 3), Text, |arguments| {
        let text = arguments.text(0);
        let group = count(arguments, 2);
        let found = regex(&arguments.text(1))?
            .captures(&text)
            .and_then(|captures| captures.get(group))
            .map_or("", |found| found.as_str());
        text_value(found)
    }),
    Scalar::new("regexp_replace", (3, 3), Text, |arguments| {
        // StarRocks writes groups as \1.
        let replacement = arguments.text(2).replace('$', "$$").replace('\\', "$");
        text_value(
            regex(&arguments.text(1))?
                .replace_all(&arguments.text(0), replacement.as_str())
                .into_owned(),
        )
    }),
];

fn count(arguments: &Arguments<'_>, at: usize) -> usize {
    usize::try_from(arguments.integer(at).unwrap_or(0)).unwrap_or(0)
}

fn concat_ws(arguments: &Arguments<'_>) -> Outcome {
    if arguments.is_null(0) {
        return Ok(Value::Null);
    }
    let parts: Vec<_> = (1..arguments.len())
        .filter(|at| !arguments.is_null(*at))
        .map(|at| arguments.text(at))
        .collect();
    text_value(parts.join(arguments.text(0).as_ref()))
}

/// Negative positions count from the end; position 0 gives nothing.
fn substring(arguments: &Arguments<'_>) -> Outcome {
    let text = arguments.text(0);
    let start = arguments.integer(1).unwrap_or(0);
    let length = text.chars().count() as i64;
    let skipped = match start {
        0 => return text_value(""),
        _ if start > 0 => start - 1,
        _ if -start > length => return text_value(""),
        _ => length + start,
    };
    let taken = if arguments.len() > 2 {
        count(arguments, 2)
    } else {
        usize::MAX
    };
    let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
    text_value(text.chars().skip(skipped).take(taken).collect::<String>())
}

fn trim(arguments: &Arguments<'_>, start: bool, end: bool) -> Outcome {
    let text = arguments.text(0);
    let removed = if arguments.len() > 1 {
        arguments.text(1).into_owned()
    } else {
        " ".to_owned()
    };
    let is_removed = |character: char| removed.contains(character);
    let mut rest = text.as_ref();
    if start {
        rest = rest.trim_start_matches(is_removed);
    }
    if end {
        rest = rest.trim_end_matches(is_removed);
    }
    text_value(rest)
}

fn pad(arguments: &Arguments<'_>, at_start: bool) -> Outcome {
    let text = arguments.text(0);
    let width = count(arguments, 1);
    let filler = if arguments.len() > 2 {
        arguments.text(2).into_owned()
    } else {
        " ".to_owned()
    };
    let length = text.chars().count();
    if length >= width {
        return text_value(text.chars().take(width).collect::<String>());
    }
    if filler.is_empty() {
        return text_value(text);
    }
    let padding: String = filler.chars().cycle().take(width - length).collect();
    text_value(if at_start {
        format!("{padding}{text}")
    } else {
        format!("{text}{padding}")
    })
}

fn position(text: &str, wanted: &str, start: i64) -> i64 {
    let Some(skipped) = start.checked_sub(1).and_then(|n| usize::try_from(n).ok()) else {
        return 0;
    };
    let Some(from) = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .nth(skipped)
    else {
        return 0;
    };
    text[from..]
        .find(wanted)
        .map_or(0, |at| text[..from + at].chars().count() as i64 + 1)
}

fn split_part(arguments: &Arguments<'_>) -> Outcome {
    let (text, by) = (arguments.text(0), arguments.text(1));
    let Some(number) = arguments.integer(2).filter(|number| *number != 0) else {
        return Ok(Value::Null);
    };
    let parts: Vec<&str> = text.split(by.as_ref()).collect();
    let at = if number > 0 {
        usize::try_from(number - 1).ok()
    } else {
        usize::try_from(parts.len() as i64 + number).ok()
    };
    nullable(
        at.and_then(|at| parts.get(at))
            .map(|part| (*part).to_owned()),
    )
}

fn substring_index(arguments: &Arguments<'_>) -> Outcome {
    let (text, by) = (arguments.text(0), arguments.text(1));
    let number = arguments.integer(2).unwrap_or(0);
    if by.is_empty() || number == 0 {
        return text_value("");
    }
    let parts: Vec<&str> = text.split(by.as_ref()).collect();
    let kept = usize::try_from(number.abs())
        .unwrap_or(usize::MAX)
        .min(parts.len());
    let part = if number > 0 {
        &parts[..kept]
    } else {
        &parts[parts.len() - kept..]
    };
    text_value(part.join(by.as_ref()))
}

thread_local! {
    /// Patterns are mostly the same from row to row, and slow to compile.
    static REGEXES: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
}

const MOST_REGEXES: usize = 100;

fn regex(pattern: &str) -> Result<Regex, String> {
    REGEXES.with_borrow_mut(|known| {
        if let Some(regex) = known.get(pattern) {
            return Ok(regex.clone());
        }
        let regex = Regex::new(pattern)
            .map_err(|error| format!("Invalid regex expression: {pattern}. {error}"))?;
        if known.len() >= MOST_REGEXES {
            known.clear();
        }
        known.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    })
}

/// LIKE: `%`, `_`, and a backslash before a character that means itself.
pub fn is_like(text: &str, pattern: &str) -> bool {
    let mut text = text.chars();
    let mut pattern = pattern.chars();
    // Where to go on if what follows the last `%` does not fit: one character further in the text.
    let mut retry: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let fits = match pattern.next() {
            None => match text.clone().next() {
                None => return true,
                Some(_) => false,
            },
            Some('%') => {
                retry = Some((text.clone(), pattern.clone()));
                continue;
            }
            Some('_') => text.next().is_some(),
            Some('\\') => {
                let literal = pattern.next().unwrap_or('\\');
                text.next() == Some(literal)
            }
            Some(literal) => text.next() == Some(literal),
        };
        if fits {
            continue;
        }
        let Some((mut from, rest)) = retry.take() else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        retry = Some((from.clone(), rest.clone()));
        text = from;
        pattern = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_patterns() {
        for (text, pattern, expect) in [
            ("abc", "abc", true),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "a_c", true),
            ("abc", "a_", false),
            ("abc", "ab", false),
            ("aXbXc", "%X_", true),
            ("aXbX", "%X_", false),
            ("a%c", r"a\%c", true),
            ("abc", r"a\%c", false),
            ("", "%", true),
            ("", "_", false),
            ("mississippi", "%iss%ip%i", true),
            ("a\nb", "a%b", true),
        ] {
            assert_eq!(is_like(text, pattern), expect, "{text:?} LIKE {pattern:?}");
        }
    }
}
