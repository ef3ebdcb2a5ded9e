//! The fields of one JSON object, taken one by one; what nobody took is an error.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::LoadError;

/// The most that Step Functions accepts (AWS Step Functions, Task and Wait workflow states, retriers).
const MAX_SECONDS: u64 = 99_999_999;

pub(super) struct Fields {
    fields: BTreeMap<String, Value>,
}

impl Fields {
    pub(super) fn of(value: &Value, what: &str) -> Result<Fields, LoadError> {
        match value {
            Value::Object(fields) => Ok(Fields {
                fields: fields.clone().into_iter().collect(),
            }),
            other => Err(LoadError::new(format!(
                "{what} must be an object, not {other}"
            ))),
        }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name)
    }

    pub(super) fn ignore(&mut self, name: &str) {
        self.fields.remove(name);
    }

    pub(super) fn require(&mut self, name: &str, why: &str) -> Result<Value, LoadError> {
        self.take(name).ok_or_else(|| {
            let reason = match why {
                "" => "is required".to_string(),
                why => format!("is required: {why}"),
            };
            LoadError::new(reason).in_field(name)
        })
    }

    pub(super) fn text(&mut self, name: &str) -> Result<String, LoadError> {
        match self.require(name, "")? {
            Value::String(text) if !text.is_empty() => Ok(text),
            other => Err(LoadError::new(format!("must be a text, not {other}")).in_field(name)),
        }
    }

    pub(super) fn optional_seconds(&mut self, name: &str) -> Result<Option<u32>, LoadError> {
        self.take(name)
            .map(|value| seconds(&value, 1).map_err(|error| error.in_field(name)))
            .transpose()
    }

    pub(super) fn seconds(&mut self, name: &str, why: &str) -> Result<u32, LoadError> {
        let value = self.require(name, why)?;
        seconds(&value, 1).map_err(|error| error.in_field(name))
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Value>, LoadError> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) if !items.is_empty() => Ok(items),
            Some(other) => {
                Err(LoadError::new(format!("must be a non-empty list, not {other}")).in_field(name))
            }
        }
    }

    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, LoadError> {
        let not_texts = || LoadError::new("must be a non-empty list of texts").in_field(name);
        match self.require(name, "")? {
            Value::Array(items) if !items.is_empty() => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text),
                    _ => Err(not_texts()),
                })
                .collect(),
            _ => Err(not_texts()),
        }
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.fields.into_iter().collect()
    }

    /// `refused` are fields of the language that the subset leaves out, each with the reason.
    pub(super) fn finish(self, refused: &[(&str, &str)]) -> Result<(), LoadError> {
        let Some(field) = self.fields.into_keys().next() else {
            return Ok(());
        };
        let reason = match refused.iter().find(|(name, _)| *name == field) {
            Some((_, reason)) => format!("is refused: {reason}"),
            None => "is not known here".to_string(),
        };
        Err(LoadError::new(reason).in_field(&field))
    }
}

pub(super) fn seconds(value: &Value, least: u64) -> Result<u32, LoadError> {
    value
        .as_u64()
        .filter(|seconds| (least..=MAX_SECONDS).contains(seconds))
        .and_then(|seconds| u32::try_from(seconds).ok())
        .ok_or_else(|| {
            LoadError::new(format!(
                "must be a whole number of seconds from {least} to {MAX_SECONDS}, not {value}"
            ))
        })
}
