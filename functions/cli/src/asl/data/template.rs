//! Payload templates: JSON in which a field whose name ends in `.$` takes its value from a path or
//! from `States.Format`.

use serde_json::{Map, Value};

use super::path::{Path, PathError, Root};

#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    Literal(Value),
    Path(Path),
    Format(Format),
    Object(Vec<(String, Template)>),
    Array(Vec<Template>),
}

/// `States.Format('{} of {}', $.a, 'b')`, split at its `{}`: always one text more than arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Format {
    texts: Vec<String>,
    arguments: Vec<Template>,
}

impl Template {
    /// The error says which field is wrong, and why.
    pub fn parse(value: &Value) -> Result<Template, String> {
        match value {
            Value::Object(fields) => parse_object(fields),
            Value::Array(items) => Ok(Template::Array(
                items
                    .iter()
                    .map(Template::parse)
                    .collect::<Result<_, _>>()?,
            )),
            literal => Ok(Template::Literal(literal.clone())),
        }
    }

    /// What an expression after `.$` says.
    fn parse_expression(text: &str) -> Result<Template, String> {
        if text.starts_with('$') {
            return Path::parse(text)
                .map(Template::Path)
                .map_err(|error| error.to_string());
        }
        match text.strip_prefix("States.Format(") {
            Some(rest) => parse_format(rest).map(Template::Format),
            None if text.starts_with("States.") => Err(format!(
                "'{text}': the only supported function is States.Format"
            )),
            None => Err(format!("'{text}' is neither a path nor States.Format(...)")),
        }
    }

    pub fn evaluate(&self, state: &Value, context: &Value) -> Result<Value, TemplateError> {
        match self {
            Template::Literal(value) => Ok(value.clone()),
            Template::Path(path) => {
                let document = match path.root {
                    Root::State => state,
                    Root::Context => context,
                };
                Ok(path.resolve(document)?.clone())
            }
            Template::Format(format) => format.evaluate(state, context).map(Value::String),
            Template::Object(fields) => fields
                .iter()
                .map(|(name, template)| Ok((name.clone(), template.evaluate(state, context)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
            Template::Array(items) => items
                .iter()
                .map(|item| item.evaluate(state, context))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array),
        }
    }

    /// Every path that the template reads.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Template::Literal(_) => Vec::new(),
            Template::Path(path) => vec![path],
            Template::Format(format) => format.arguments.iter().flat_map(Template::paths).collect(),
            Template::Object(fields) => {
                fields.iter().flat_map(|(_, field)| field.paths()).collect()
            }
            Template::Array(items) => items.iter().flat_map(Template::paths).collect(),
        }
    }
}

/// Why a template has no value: never to be caught, because it is a mistake in the definition or in
/// what a handler returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("States.Format cannot print {value}: only texts, numbers, booleans and null")]
    NotPrintable { value: String },
}

impl Format {
    fn evaluate(&self, state: &Value, context: &Value) -> Result<String, TemplateError> {
        let mut text = self.texts[0].clone();
        for (argument, after) in self.arguments.iter().zip(&self.texts[1..]) {
            match argument.evaluate(state, context)? {
                Value::String(value) => text.push_str(&value),
                value @ (Value::Array(_) | Value::Object(_)) => {
                    return Err(TemplateError::NotPrintable {
                        value: value.to_string(),
                    });
                }
                value => text.push_str(&value.to_string()),
            }
            text.push_str(after);
        }
        Ok(text)
    }
}

fn parse_object(fields: &Map<String, Value>) -> Result<Template, String> {
    let mut parsed: Vec<(String, Template)> = Vec::with_capacity(fields.len());
    for (key, value) in fields {
        let (name, template) = match key.strip_suffix(".$") {
            Some(name) => {
                let Value::String(text) = value else {
                    return Err(format!("'{key}' must be a text, not {value}"));
                };
                let template = Template::parse_expression(text)
                    .map_err(|reason| format!("'{key}': {reason}"))?;
                (name, template)
            }
            None => (key.as_str(), Template::parse(value)?),
        };
        if parsed.iter().any(|(other, _)| other == name) {
            return Err(format!("'{name}' and '{name}.$' are the same field"));
        }
        parsed.push((name.to_string(), template));
    }
    Ok(Template::Object(parsed))
}

/// `rest` is what stands after `States.Format(`.
fn parse_format(rest: &str) -> Result<Format, String> {
    let mut arguments = split_arguments(rest)?.into_iter();
    let pattern = match arguments.next() {
        Some(Argument::Text(pattern)) => pattern,
        _ => return Err("States.Format: the first argument must be a quoted text".to_string()),
    };
    let texts = split_pattern(&pattern)?;
    let arguments = arguments
        .map(|argument| match argument {
            Argument::Text(text) => Ok(Template::Literal(Value::String(unescape(&text)?))),
            Argument::Bare(text) if text.starts_with('$') => Template::parse_expression(&text),
            Argument::Bare(text) => match serde_json::from_str(&text) {
                Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => {
                    Ok(Template::Literal(value))
                }
                _ => Err(format!(
                    "States.Format: '{text}' is neither a path, a quoted text nor a number"
                )),
            },
        })
        .collect::<Result<Vec<_>, _>>()?;
    if texts.len() != arguments.len() + 1 {
        return Err(format!(
            "States.Format: {} places '{{}}' for {} arguments",
            texts.len() - 1,
            arguments.len()
        ));
    }
    Ok(Format { texts, arguments })
}

enum Argument {
    /// Between quotes, escapes still in it.
    Text(String),
    Bare(String),
}

fn split_arguments(rest: &str) -> Result<Vec<Argument>, String> {
    let mut arguments = Vec::new();
    let mut rest = rest.trim_start();
    loop {
        let after = if let Some(quoted) = rest.strip_prefix('\'') {
            let end = closing_quote(quoted).ok_or("States.Format: a quote is not closed")?;
            arguments.push(Argument::Text(quoted[..end].to_string()));
            &quoted[end + 1..]
        } else {
            let end = rest
                .find([',', ')'])
                .ok_or("States.Format: ')' is missing at the end")?;
            let bare = rest[..end].trim_end();
            if bare.contains('(') {
                return Err("States.Format: a function inside is not supported".to_string());
            }
            arguments.push(Argument::Bare(bare.to_string()));
            &rest[end..]
        };
        match after.trim_start().split_at_checked(1) {
            Some((",", more)) => rest = more.trim_start(),
            Some((")", "")) => return Ok(arguments),
            _ => return Err("States.Format: ',' or a closing ')' is expected".to_string()),
        }
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(index, character)| {
        let closes = character == '\'' && !escaped;
        escaped = character == '\\' && !escaped;
        closes.then_some(index)
    })
}

/// Splits at each `{}` and takes the escapes `\'`, `\{`, `\}` and `\\` away.
fn split_pattern(pattern: &str) -> Result<Vec<String>, String> {
    let mut texts = vec![String::new()];
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match (character, texts.last_mut()) {
            ('{', _) if characters.next() == Some('}') => texts.push(String::new()),
            ('{' | '}', _) => {
                return Err("States.Format: a brace that is not '{}' needs a backslash".to_string());
            }
            ('\\', Some(text)) => text.push(escape(characters.next())?),
            (other, Some(text)) => text.push(other),
            (_, None) => {}
        }
    }
    Ok(texts)
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => escape(characters.next())?,
            other => other,
        });
    }
    Ok(plain)
}

fn escape(after_backslash: Option<char>) -> Result<char, String> {
    match after_backslash {
        Some(character @ ('\'' | '{' | '}' | '\\')) => Ok(character),
        _ => Err("States.Format: a backslash stands before ', {, } or \\ only".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn evaluate(template: Value) -> Result<Value, String> {
        let state = json!({"a": {"b": 7, "c": [1]}, "t": "x'y", "n": null});
        let context = json!({"Execution": {"Id": "e1"}});
        Template::parse(&template)?
            .evaluate(&state, &context)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn replaces_fields_that_end_in_a_dollar() {
        assert_eq!(
            evaluate(json!({
                "b.$": "$.a.b",
                "whole.$": "$",
                "id.$": "$$.Execution.Id",
                "literal": {"$.a": [1, {"t.$": "$.t"}]},
                "null.$": "$.n",
            })),
            Ok(json!({
                "b": 7,
                "whole": {"a": {"b": 7, "c": [1]}, "t": "x'y", "n": null},
                "id": "e1",
                "literal": {"$.a": [1, {"t": "x'y"}]},
                "null": null,
            }))
        );
        assert_eq!(
            evaluate(json!({"x.$": "$.missing"})).unwrap_err(),
            "there is nothing at '$.missing'"
        );
    }

    #[test]
    fn formats() {
        for (expression, expected) in [
            ("States.Format('no place')", "no place"),
            ("States.Format('{} of {}', $.a.b, 'all')", "7 of all"),
            ("States.Format('{}{}{}', $.n, true, 1)", "nulltrue1"),
            (r"States.Format('\'\{\}\\ {}', $.t)", r"'{}\ x'y"),
            ("States.Format( '{}' , $$.Execution.Id )", "e1"),
            ("States.Format('{}, {}', ', )', $['t'])", ", ), x'y"),
        ] {
            assert_eq!(
                evaluate(json!({"x.$": expression})),
                Ok(json!({"x": expected})),
                "{expression}"
            );
        }
        assert_eq!(
            evaluate(json!({"x.$": "States.Format('{}', $.a)"})).unwrap_err(),
            r#"States.Format cannot print {"b":7,"c":[1]}: only texts, numbers, booleans and null"#
        );
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (template, reason) in [
            (json!({"x.$": 1}), "'x.$' must be a text, not 1"),
            (json!({"x.$": "text"}), "neither a path nor States.Format"),
            (json!({"x.$": "States.UUID()"}), "only supported function"),
            (json!({"x.$": "$..a"}), "'x.$': '$..a' is not a path"),
            (json!({"x": 1, "x.$": "$.a"}), "the same field"),
            (
                json!({"x.$": "States.Format($.a)"}),
                "must be a quoted text",
            ),
            (
                json!({"x.$": "States.Format('{}')"}),
                "1 places '{}' for 0 arguments",
            ),
            (
                json!({"x.$": "States.Format('', 1)"}),
                "0 places '{}' for 1 arguments",
            ),
            (
                json!({"x.$": "States.Format('{a}', 1)"}),
                "needs a backslash",
            ),
            (json!({"x.$": "States.Format('}', 1)"}), "needs a backslash"),
            (
                json!({"x.$": "States.Format('\\n')"}),
                "a backslash stands before",
            ),
            (
                json!({"x.$": "States.Format('{}', word)"}),
                "'word' is neither",
            ),
            (
                json!({"x.$": "States.Format('{}', States.UUID())"}),
                "a function inside",
            ),
            (
                json!({"x.$": "States.Format('a'"}),
                "closing ')' is expected",
            ),
            (json!({"x.$": "States.Format('a"}), "a quote is not closed"),
            (json!({"x.$": "States.Format('a', 1"}), "')' is missing"),
            (
                json!({"x.$": "States.Format('a') b"}),
                "closing ')' is expected",
            ),
        ] {
            let error = evaluate(template.clone()).unwrap_err();
            assert!(error.contains(reason), "{template}: {error}");
        }
    }

    #[test]
    fn lists_every_path_that_is_read() {
        let template = Template::parse(&json!({
            "a.$": "$.a",
            "b": [{"c.$": "States.Format('{} {}', $.b, $$.State.Name)"}],
            "d": 1,
        }))
        .unwrap();
        let paths: Vec<_> = template.paths().iter().map(ToString::to_string).collect();
        assert_eq!(paths, ["$.a", "$.b", "$$.State.Name"]);
    }
}
