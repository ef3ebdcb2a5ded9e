//! Paths that select exactly one node: `$`, `$.a.b`, `$['a']`, `$.a[0]`, and the same after `$$`.

use std::{fmt, iter::Peekable, str::Chars};

use serde_json::Value;

/// Which document a path reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// `$`: the input of the state, or the result where a selector reads it.
    State,
    /// `$$`: the context object.
    Context,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Field(String),
    Index(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    pub root: Root,
    pub steps: Vec<Step>,
}

/// Why a text is not a path of the subset, or why a document has nothing at a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("'{path}' is not a path: {reason}")]
    Invalid { path: String, reason: &'static str },
    #[error("there is nothing at '{path}'")]
    Missing { path: String },
    #[error("'{path}' cannot be written: what holds it is not an object")]
    NotAnObject { path: String },
}

impl Path {
    pub fn parse(text: &str) -> Result<Path, PathError> {
        let invalid = |reason| PathError::Invalid {
            path: text.to_string(),
            reason,
        };
        let (root, rest) = match (text.strip_prefix("$$"), text.strip_prefix('$')) {
            (Some(rest), _) => (Root::Context, rest),
            (None, Some(rest)) => (Root::State, rest),
            (None, None) => return Err(invalid("a path begins with '$'")),
        };
        let mut steps = Vec::new();
        let mut characters = rest.chars().peekable();
        while let Some(character) = characters.next() {
            steps.push(match character {
                '.' => Step::Field(field(&mut characters).map_err(invalid)?),
                '[' => bracket(&mut characters).map_err(invalid)?,
                _ => return Err(invalid("'.' or '[' is expected between steps")),
            });
        }
        Ok(Path { root, steps })
    }

    /// `document` is the one that [`Path::root`] names.
    pub fn resolve<'a>(&self, document: &'a Value) -> Result<&'a Value, PathError> {
        self.steps
            .iter()
            .try_fold(document, |node, step| match step {
                Step::Field(name) => node.get(name),
                Step::Index(index) => node.get(index),
            })
            .ok_or_else(|| PathError::Missing {
                path: self.to_string(),
            })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.root {
            Root::State => "$",
            Root::Context => "$$",
        })?;
        for step in &self.steps {
            match step {
                Step::Field(name) if name.chars().all(is_field_character) => {
                    write!(formatter, ".{name}")?;
                }
                Step::Field(name) => write!(formatter, "['{name}']")?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn is_field_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn field(characters: &mut Peekable<Chars<'_>>) -> Result<String, &'static str> {
    let mut name = String::new();
    while let Some(character) = characters.next_if(|next| is_field_character(*next)) {
        name.push(character);
    }
    match characters.peek() {
        _ if !name.is_empty() => Ok(name),
        Some('.') => Err("'..' selects many nodes; name the one that is meant"),
        Some('*') => Err("a wildcard selects many nodes; name the one that is meant"),
        _ => Err("a field name is expected after '.'"),
    }
}

fn bracket(characters: &mut Peekable<Chars<'_>>) -> Result<Step, &'static str> {
    let mut inside = String::new();
    let quoted = characters.next_if_eq(&'\'').is_some();
    loop {
        match characters.next() {
            Some('\'') if quoted => break,
            Some(']') if !quoted => break,
            Some('\\') => return Err("a backslash in a field name is not supported"),
            Some(character) => inside.push(character),
            None => return Err("a bracket is not closed"),
        }
    }
    if quoted {
        return match characters.next() {
            Some(']') if !inside.is_empty() => Ok(Step::Field(inside)),
            Some(']') => Err("a field name is expected between the quotes"),
            Some(',') => Err("a list of names selects many nodes; name the one that is meant"),
            _ => Err("']' is expected after the quoted name"),
        };
    }
    match inside.parse() {
        Ok(index) => Ok(Step::Index(index)),
        Err(_) if inside == "*" => Err("a wildcard selects many nodes; name the one that is meant"),
        Err(_) if inside.starts_with('?') => Err("filters are not supported"),
        Err(_) if inside.contains(':') => Err("slices are not supported"),
        Err(_) => Err("an index or a quoted name is expected in brackets"),
    }
}

/// Where a result goes, relative to the state's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultPath {
    /// `null`: the input goes on unchanged.
    Discard,
    /// `$`: the result replaces the input.
    Replace,
    /// `$.a.b`: the result is put into the input, over what was there.
    Into(Vec<String>),
}

impl ResultPath {
    pub fn parse(value: &Value) -> Result<ResultPath, PathError> {
        let text = match value {
            Value::Null => return Ok(ResultPath::Discard),
            Value::String(text) => text,
            other => {
                return Err(PathError::Invalid {
                    path: other.to_string(),
                    reason: "a text or null is expected",
                });
            }
        };
        let invalid = |reason| PathError::Invalid {
            path: text.clone(),
            reason,
        };
        let path = Path::parse(text)?;
        if path.root == Root::Context {
            return Err(invalid("the context object cannot be written"));
        }
        let fields = path
            .steps
            .into_iter()
            .map(|step| match step {
                Step::Field(name) => Ok(name),
                Step::Index(_) => Err(invalid("a result is written to a field, not to an index")),
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(match fields.as_slice() {
            [] => ResultPath::Replace,
            _ => ResultPath::Into(fields),
        })
    }

    pub fn apply(&self, input: &Value, result: Value) -> Result<Value, PathError> {
        let fields = match self {
            ResultPath::Discard => return Ok(input.clone()),
            ResultPath::Replace => return Ok(result),
            ResultPath::Into(fields) => fields,
        };
        let mut output = input.clone();
        let mut node = &mut output;
        for field in fields {
            let Value::Object(object) = node else {
                return Err(PathError::NotAnObject {
                    path: format!("$.{}", fields.join(".")),
                });
            };
            node = object
                .entry(field.clone())
                .or_insert_with(|| Value::Object(serde_json::Map::new()));
        }
        *node = result;
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse_error(text: &str) -> String {
        Path::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn selects_one_node() {
        let document = json!({"a": {"b": [10, {"c d": "x"}]}, "n": null});
        for (path, expected) in [
            ("$", &document),
            ("$.a.b[0]", &json!(10)),
            ("$['a'].b[1]['c d']", &json!("x")),
            ("$.n", &Value::Null),
        ] {
            let path = Path::parse(path).unwrap();
            assert_eq!(path.resolve(&document), Ok(expected), "{path}");
        }
        for path in ["$.b", "$.a.b[2]", "$.a.b.c", "$.n.x", "$.a[0]"] {
            let parsed = Path::parse(path).unwrap();
            assert_eq!(
                parsed.resolve(&document).unwrap_err().to_string(),
                format!("there is nothing at '{path}'")
            );
        }
    }

    #[test]
    fn prints_what_it_parsed() {
        for text in ["$", "$$.Map.Item.Value", "$.a.b[0]", "$['c d'].e"] {
            assert_eq!(Path::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_may_select_many_or_none() {
        for (text, reason) in [
            ("a", "a path begins with '$'"),
            ("$a", "'.' or '[' is expected"),
            ("$.", "a field name is expected"),
            ("$..a", "'..' selects many nodes"),
            ("$.*", "a wildcard selects many nodes"),
            ("$.a[*]", "a wildcard selects many nodes"),
            ("$.a[?(@.b>1)]", "filters are not supported"),
            ("$.a[0:2]", "slices are not supported"),
            ("$.a[-1]", "an index or a quoted name"),
            ("$['a','b']", "a list of names"),
            ("$['']", "between the quotes"),
            ("$['a\\'b']", "a backslash"),
            ("$.a[0", "a bracket is not closed"),
            ("$.a-b", "'.' or '[' is expected"),
        ] {
            let error = parse_error(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn writes_results() {
        let input = json!({"a": {"b": 1}, "c": 2});
        for (path, expected) in [
            (json!(null), json!({"a": {"b": 1}, "c": 2})),
            (json!("$"), json!("new")),
            (json!("$.c"), json!({"a": {"b": 1}, "c": "new"})),
            (json!("$.a.b"), json!({"a": {"b": "new"}, "c": 2})),
            (
                json!("$.d.e"),
                json!({"a": {"b": 1}, "c": 2, "d": {"e": "new"}}),
            ),
        ] {
            let path = ResultPath::parse(&path).unwrap();
            assert_eq!(path.apply(&input, json!("new")), Ok(expected));
        }
        let into_number = ResultPath::parse(&json!("$.c.d")).unwrap();
        assert_eq!(
            into_number.apply(&input, json!(1)),
            Err(PathError::NotAnObject {
                path: "$.c.d".to_string()
            })
        );
    }

    #[test]
    fn refuses_to_write_elsewhere() {
        for (path, reason) in [
            (json!("$$.Execution"), "the context object"),
            (json!("$.a[0]"), "not to an index"),
            (json!(1), "a text or null"),
        ] {
            let error = ResultPath::parse(&path).unwrap_err().to_string();
            assert!(error.contains(reason), "{path}: {error}");
        }
    }
}
