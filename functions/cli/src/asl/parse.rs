//! From the text of a `*.asl.json` to a [`Flow`], or to the reason why not.
//!
//! What the interpreter does not execute, or what would behave differently from place to place, is
//! refused here, so that a file that loads means the same on Step Functions.

mod fields;
mod state;

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use self::{fields::Fields, state::Parser};
use super::{
    data,
    definition::{Flow, State},
};

/// Why a definition cannot be executed, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{reason}", place("state", .state), place("field", .field))]
pub struct LoadError {
    pub state: Option<String>,
    pub field: Option<String>,
    pub reason: String,
}

fn place(kind: &str, name: &Option<String>) -> String {
    match name {
        Some(name) => format!("{kind} '{name}': "),
        None => String::new(),
    }
}

impl LoadError {
    pub fn new(reason: impl Into<String>) -> LoadError {
        LoadError {
            state: None,
            field: None,
            reason: reason.into(),
        }
    }

    pub fn in_state(mut self, state: &str) -> LoadError {
        self.state = Some(state.to_string());
        self
    }

    pub fn in_field(mut self, field: &str) -> LoadError {
        self.field = Some(field.to_string());
        self
    }
}

/// What `${Name}` stands for in a file.
#[derive(Debug, Clone, Copy)]
pub struct Placeholders<'a> {
    /// The placeholder of each function's ARN, and the name that the function is invoked by. Nothing
    /// else can be a FunctionName.
    pub functions: &'a [(&'a str, &'a str)],
    pub others: &'a [(&'a str, &'a str)],
}

impl<'a> Placeholders<'a> {
    fn value(&self, name: &str) -> Option<&'a str> {
        let mut all = self.functions.iter().chain(self.others);
        all.find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    pub flow: Flow,
    /// The whole execution's `TimeoutSeconds`.
    pub timeout: Option<Duration>,
}

pub fn parse(text: &str, placeholders: Placeholders<'_>) -> Result<Definition, LoadError> {
    let text = substitute(text, placeholders)?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| LoadError::new(format!("the definition is not JSON: {error}")))?;
    refuse_inexact_numbers(&value)?;
    let mut fields = Fields::of(&value, "the definition")?;
    fields.ignore("Comment");
    let timeout = fields.optional_seconds("TimeoutSeconds")?;
    let parser = Parser {
        functions: placeholders
            .functions
            .iter()
            .map(|(_, function)| *function)
            .collect(),
    };
    let flow = parser.flow(&mut fields)?;
    refuse_repeated_names(&flow)?;
    fields.finish(&[
        (
            "QueryLanguage",
            "paths are JSONPath, the default; JSONata is not interpreted",
        ),
        ("Version", "version 1.0 is the default and the only one"),
    ])?;
    Ok(Definition {
        flow,
        timeout: timeout.map(|seconds| Duration::from_secs(seconds.into())),
    })
}

/// As Terraform's `templatefile` does it, in any text of the file.
fn substitute(text: &str, placeholders: Placeholders<'_>) -> Result<String, LoadError> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, placeholder) = (&rest[..start], &rest[start + 2..]);
        let Some(end) = placeholder.find('}') else {
            return Err(LoadError::new("a placeholder '${' is not closed"));
        };
        let name = &placeholder[..end];
        let Some(value) = placeholders.value(name) else {
            return Err(LoadError::new(format!(
                "the placeholder '${{{name}}}' is not known"
            )));
        };
        result.push_str(before);
        result.push_str(value);
        rest = &placeholder[end + 1..];
    }
    result.push_str(rest);
    Ok(result)
}

/// A fraction is allowed in one place, where it is no data.
fn refuse_inexact_numbers(definition: &Value) -> Result<(), LoadError> {
    fn without_backoff_rates(value: &Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .iter()
                .filter(|(name, _)| *name != "BackoffRate")
                .map(|(name, value)| (name.clone(), without_backoff_rates(value)))
                .collect(),
            Value::Array(items) => items.iter().map(without_backoff_rates).collect(),
            other => other.clone(),
        }
    }
    match data::inexact_number(&without_backoff_rates(definition)) {
        None => Ok(()),
        Some(number) => Err(LoadError::new(format!(
            "the number {number} would be rounded: fractions and numbers beyond 2^53 travel as text"
        ))),
    }
}

/// A name "must be unique within the scope of the entire state machine" (AWS Step Functions, States),
/// Maps included.
fn refuse_repeated_names(flow: &Flow) -> Result<(), LoadError> {
    fn count<'a>(flow: &'a Flow, names: &mut BTreeMap<&'a str, usize>) {
        for (name, state) in &flow.states {
            *names.entry(name).or_default() += 1;
            if let State::Map(map) = state {
                count(&map.processor, names);
            }
        }
    }
    let mut names = BTreeMap::new();
    count(flow, &mut names);
    match names.into_iter().find(|(_, times)| *times > 1) {
        None => Ok(()),
        Some((name, _)) => Err(LoadError::new(
            "another state, inside or outside of a Map, has this name",
        )
        .in_state(name)),
    }
}
