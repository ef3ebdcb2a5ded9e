//! What a person typed into an execution: checked for fields that do not exist before it is read, so
//! that a misspelt field is never taken for one that was left out.

use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::{
    error::{Error, ErrorName},
    flow::Execution,
    ident::ExecutionId,
    time::UtcTime,
};

pub(crate) fn read<T: DeserializeOwned>(
    input: Value,
    machine: &str,
    fields: &[&str],
) -> Result<T, Error> {
    let Value::Object(object) = &input else {
        return Err(invalid(
            format!("the input of {machine} must be an object"),
            machine,
        ));
    };
    if let Some(unknown) = object.keys().find(|key| !fields.contains(&key.as_str())) {
        let nearest = fields
            .iter()
            .min_by_key(|known| strsim::damerau_levenshtein(known, unknown));
        let suggestion = nearest
            .filter(|known| strsim::damerau_levenshtein(known, unknown) <= 3)
            .map_or(String::new(), |known| format!(": did you mean '{known}'?"));
        let message = format!("the input of {machine} has no field '{unknown}'{suggestion}");
        return Err(
            invalid(message, machine).hint(format!("the fields are: {}", fields.join(", ")))
        );
    }
    serde_json::from_value(input).map_err(|error| {
        invalid(
            format!("the input of {machine} is not understood: {error}"),
            machine,
        )
    })
}

fn invalid(message: String, machine: &str) -> Error {
    Error::new(ErrorName::InvalidInput, message).hint(format!(
        "examples are in events/executions/{machine}-*.json"
    ))
}

/// A name can be used again after 90 days, so the start belongs to the identity of an execution.
pub(crate) fn execution_id(execution: &Execution) -> Result<ExecutionId, Error> {
    let id = match execution.id.starts_with("arn:") {
        true => format!("{}@{}", execution.id, execution.start_time),
        false => execution.id.clone(),
    };
    Ok(id.parse()?)
}

pub(crate) fn started_at(execution: &Execution) -> Result<UtcTime, Error> {
    UtcTime::from_user(&execution.start_time)
        .map_err(|error| Error::new(ErrorName::InvalidInput, format!("StartTime: {error}")))
}
