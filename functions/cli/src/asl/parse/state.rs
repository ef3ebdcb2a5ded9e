//! One state at a time.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    LoadError,
    fields::{self, Fields},
};
use crate::asl::{
    choice::Condition,
    data::{Path, ResultPath, Root, Template},
    definition::{
        Action, Catcher, Choice, Flow, JitterStrategy, MapState, Next, Pass, PassResult, Retrier,
        Rule, State, Task, Wait, WaitFor,
    },
};

/// The partition is a placeholder in the files, because it differs in China and GovCloud.
const INVOKE: &str = "arn:aws:states:::lambda:invoke";
const PUT_EVENTS: &str = "arn:aws:states:::events:putEvents";

/// What an inline Map runs at once, whatever MaxConcurrency says (AWS Step Functions, Map state,
/// inline mode).
const MAX_CONCURRENCY: u64 = 40;

/// Amazon States Language, "States": a name has at most 80 characters.
const MAX_NAME: usize = 80;

const JSONATA: &str = "paths are JSONPath; JSONata is not interpreted";
const SELECT_EXPLICITLY: &str =
    "it hides part of the state from the check of paths; select in Parameters or ResultSelector";

/// Fields that any state may have in the language and none may have here.
const REFUSED: &[(&str, &str)] = &[
    ("InputPath", SELECT_EXPLICITLY),
    ("OutputPath", SELECT_EXPLICITLY),
    (
        "Assign",
        "variables are a second state beside the one that is checked",
    ),
    ("QueryLanguage", JSONATA),
    ("Arguments", JSONATA),
    ("Output", JSONATA),
    ("Items", JSONATA),
    (
        "HeartbeatSeconds",
        "handlers send no heartbeats; TimeoutSeconds bounds them",
    ),
    (
        "HeartbeatSecondsPath",
        "handlers send no heartbeats; TimeoutSeconds bounds them",
    ),
    (
        "TimeoutSecondsPath",
        "a timeout is a constant, held against the function's own",
    ),
    ("Credentials", "each function has its own role"),
    ("Timestamp", "a wait is a number of seconds"),
    ("TimestampPath", "a wait is a number of seconds"),
    (
        "Retry",
        "only a Task is repeated; repeating a Map repeats what succeeded",
    ),
    (
        "Parameters",
        "only Task and Pass have it; a Map has ItemSelector",
    ),
    ("Iterator", "the old name of ItemProcessor"),
    ("ItemReader", "distributed Map is not interpreted"),
    ("ItemBatcher", "distributed Map is not interpreted"),
    ("ResultWriter", "distributed Map is not interpreted"),
    (
        "ToleratedFailureCount",
        "distributed Map is not interpreted",
    ),
    (
        "ToleratedFailurePercentage",
        "distributed Map is not interpreted",
    ),
    ("MaxConcurrencyPath", "concurrency is a constant"),
    ("ResultSelector", "only a Task's result is selected from"),
    ("Branches", "Parallel is not interpreted"),
];

pub(super) struct Parser<'a> {
    /// The only values that a FunctionName can have.
    pub(super) functions: Vec<&'a str>,
}

impl Parser<'_> {
    /// Takes `StartAt` and `States`.
    pub(super) fn flow(&self, fields: &mut Fields) -> Result<Flow, LoadError> {
        let start_at = fields.text("StartAt")?;
        let Value::Object(definitions) = fields.require("States", "")? else {
            return Err(LoadError::new("must be an object").in_field("States"));
        };
        let states = definitions
            .iter()
            .map(|(name, definition)| {
                if name.chars().count() > MAX_NAME {
                    let reason = format!("a name has at most {MAX_NAME} characters");
                    return Err(LoadError::new(reason).in_state(name));
                }
                match self.state(definition) {
                    Ok(state) => Ok((name.clone(), state)),
                    Err(error) if error.state.is_some() => Err(error),
                    Err(error) => Err(error.in_state(name)),
                }
            })
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        Ok(Flow { start_at, states })
    }

    fn state(&self, definition: &Value) -> Result<State, LoadError> {
        let mut fields = Fields::of(definition, "a state")?;
        fields.ignore("Comment");
        let kind = fields.text("Type")?;
        let state = match kind.as_str() {
            "Task" => State::Task(self.task(&mut fields)?),
            "Choice" => State::Choice(choice(&mut fields)?),
            "Wait" => State::Wait(wait(&mut fields)?),
            "Map" => State::Map(self.map(&mut fields)?),
            "Pass" => State::Pass(pass(&mut fields)?),
            "Succeed" => State::Succeed,
            other => {
                let reason = match other {
                    "Fail" => {
                        "'Fail' is refused: it cannot be redriven into success; let the last Task \
                         raise the error"
                    }
                    "Parallel" => "'Parallel' is refused: Map does what is needed",
                    _ => "is not a type of state",
                };
                return Err(LoadError::new(reason).in_field("Type"));
            }
        };
        fields.finish(REFUSED)?;
        Ok(state)
    }

    fn task(&self, fields: &mut Fields) -> Result<Task, LoadError> {
        let resource = fields.text("Resource")?;
        let selector = template(fields, "ResultSelector")?;
        let result_path = result_path(fields)?;
        let parameters = fields.require("Parameters", "")?;
        let action = match resource.as_str() {
            INVOKE => self.invoke(&parameters, selector, &result_path)?,
            PUT_EVENTS => put_events(&parameters, selector, &result_path)?,
            _ => {
                let reason = format!("must be {INVOKE} or {PUT_EVENTS}, not {resource}");
                return Err(LoadError::new(reason).in_field("Resource"));
            }
        };
        let timeout = fields.seconds("TimeoutSeconds", "without it a lost call hangs for years")?;
        Ok(Task {
            action,
            timeout: Duration::from_secs(timeout.into()),
            retry: entries(fields, "Retry", retrier)?,
            catch: entries(fields, "Catch", catcher)?,
            result_path,
            next: next(fields)?,
        })
    }

    fn invoke(
        &self,
        parameters: &Value,
        selector: Option<Template>,
        result_path: &ResultPath,
    ) -> Result<Action, LoadError> {
        let mut fields = Fields::of(parameters, "Parameters")?;
        let function = fields.text("FunctionName")?;
        if !self.functions.contains(&function.as_str()) {
            let reason = format!("must be the placeholder of a function, not '{function}'");
            return Err(LoadError::new(reason).in_field("FunctionName"));
        }
        let payload = fields.require("Payload", "")?;
        fields.finish(&[])?;
        for path in selector.iter().flat_map(Template::paths) {
            let first = path.steps.first();
            let payload = crate::asl::data::Step::Field("Payload".to_string());
            if path.root == Root::State && first != Some(&payload) {
                let reason = format!("'{path}': only $.Payload is the function's own result");
                return Err(LoadError::new(reason).in_field("ResultSelector"));
            }
        }
        if selector.is_none() && *result_path != ResultPath::Discard {
            let reason = "is required where the result is kept: it names the fields that later \
                          states read, and leaves the platform's metadata out";
            return Err(LoadError::new(reason).in_field("ResultSelector"));
        }
        Ok(Action::Invoke {
            function,
            payload: parse_template(&payload, "Payload")?,
            selector,
        })
    }

    fn map(&self, fields: &mut Fields) -> Result<MapState, LoadError> {
        let items = fields.text("ItemsPath")?;
        let items = Path::parse(&items)
            .map_err(|error| LoadError::new(error.to_string()).in_field("ItemsPath"))?;
        let concurrency = fields.require("MaxConcurrency", "the default is no limit at all")?;
        let max_concurrency = concurrency
            .as_u64()
            .filter(|number| (1..=MAX_CONCURRENCY).contains(number))
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| {
                let reason = format!("must be from 1 to {MAX_CONCURRENCY}, not {concurrency}");
                LoadError::new(reason).in_field("MaxConcurrency")
            })?;
        let item_selector = template(fields, "ItemSelector")?;
        let processor = fields.require("ItemProcessor", "")?;
        let mut processor = Fields::of(&processor, "ItemProcessor")?;
        processor.ignore("Comment");
        let config = processor.require("ProcessorConfig", "it says INLINE")?;
        if config != serde_json::json!({"Mode": "INLINE"}) {
            let reason = r#"must be {"Mode": "INLINE"}: distributed Map is not interpreted"#;
            return Err(LoadError::new(reason).in_field("ProcessorConfig"));
        }
        let flow = self.flow(&mut processor)?;
        processor.finish(REFUSED)?;
        Ok(MapState {
            items,
            max_concurrency,
            item_selector,
            processor: flow,
            catch: entries(fields, "Catch", catcher)?,
            result_path: result_path(fields)?,
            next: next(fields)?,
        })
    }
}

fn put_events(
    parameters: &Value,
    selector: Option<Template>,
    result_path: &ResultPath,
) -> Result<Action, LoadError> {
    if selector.is_some() || *result_path != ResultPath::Discard {
        let reason = "must be null: what putEvents answers is of use to nobody";
        return Err(LoadError::new(reason).in_field("ResultPath"));
    }
    let mut fields = Fields::of(parameters, "Parameters")?;
    let entries = fields.require("Entries", "")?;
    fields.finish(&[])?;
    Ok(Action::PutEvents {
        entries: parse_template(&entries, "Entries")?,
    })
}

fn choice(fields: &mut Fields) -> Result<Choice, LoadError> {
    let rules = match fields.list("Choices")? {
        rules if rules.is_empty() => {
            return Err(LoadError::new("is required").in_field("Choices"));
        }
        rules => rules.iter().map(rule).collect::<Result<_, _>>(),
    };
    let default = fields.require("Default", "States.NoChoiceMatched cannot be caught")?;
    let Value::String(default) = default else {
        return Err(LoadError::new("must be a text").in_field("Default"));
    };
    Ok(Choice {
        rules: rules.map_err(|error: LoadError| error.in_field("Choices"))?,
        default,
    })
}

fn rule(value: &Value) -> Result<Rule, LoadError> {
    let mut fields = Fields::of(value, "a rule")?;
    fields.ignore("Comment");
    let next = fields.text("Next")?;
    let condition = Condition::parse(&fields.into_map()).map_err(LoadError::new)?;
    Ok(Rule { condition, next })
}

fn wait(fields: &mut Fields) -> Result<Wait, LoadError> {
    let duration = match (fields.take("Seconds"), fields.take("SecondsPath")) {
        (Some(seconds), None) => WaitFor::Seconds(
            fields::seconds(&seconds, 0).map_err(|error| error.in_field("Seconds"))?,
        ),
        (None, Some(Value::String(path))) => {
            let invalid = |reason: String| LoadError::new(reason).in_field("SecondsPath");
            let path = Path::parse(&path).map_err(|error| invalid(error.to_string()))?;
            if path.root == Root::Context {
                return Err(invalid(
                    "the context object cannot be read here".to_string(),
                ));
            }
            WaitFor::SecondsPath(path)
        }
        _ => {
            let reason = "exactly one of Seconds and SecondsPath is required";
            return Err(LoadError::new(reason).in_field("Seconds"));
        }
    };
    Ok(Wait {
        duration,
        next: next(fields)?,
    })
}

fn pass(fields: &mut Fields) -> Result<Pass, LoadError> {
    let result = match (fields.take("Result"), template(fields, "Parameters")?) {
        (None, None) => PassResult::Input,
        (Some(result), None) => {
            if has_template_field(&result) {
                let reason = "is literal: a field that ends in '.$' belongs into Parameters";
                return Err(LoadError::new(reason).in_field("Result"));
            }
            PassResult::Literal(result)
        }
        (None, Some(parameters)) => PassResult::Parameters(parameters),
        (Some(_), Some(_)) => {
            let reason = "one of Result and Parameters would be ignored";
            return Err(LoadError::new(reason).in_field("Result"));
        }
    };
    Ok(Pass {
        result,
        result_path: result_path(fields)?,
        next: next(fields)?,
    })
}

fn has_template_field(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.ends_with(".$") || has_template_field(value)),
        Value::Array(items) => items.iter().any(has_template_field),
        _ => false,
    }
}

fn retrier(value: &Value) -> Result<Retrier, LoadError> {
    let mut fields = Fields::of(value, "a retrier")?;
    fields.ignore("Comment");
    let errors = fields.texts("ErrorEquals")?;
    let interval_seconds = fields.seconds("IntervalSeconds", "the default is one second")?;
    let max_delay_seconds = fields.seconds("MaxDelaySeconds", "the default is no limit at all")?;
    let attempts = fields.require("MaxAttempts", "the default is 3")?;
    let max_attempts = attempts
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| {
            let reason = format!("must be a whole number, not {attempts}");
            LoadError::new(reason).in_field("MaxAttempts")
        })?;
    // AWS Step Functions, error handling, retrier fields: 2.0 by default; a multiplier below 1 would
    // shrink the delay and is not allowed (Amazon States Language, "Errors").
    let backoff_rate = match fields.take("BackoffRate") {
        None => 2.0,
        Some(rate) => rate.as_f64().filter(|rate| *rate >= 1.0).ok_or_else(|| {
            let reason = format!("must be a number of at least 1, not {rate}");
            LoadError::new(reason).in_field("BackoffRate")
        })?,
    };
    let jitter = match fields.take("JitterStrategy") {
        None => JitterStrategy::None,
        Some(Value::String(name)) if name == "NONE" => JitterStrategy::None,
        Some(Value::String(name)) if name == "FULL" => JitterStrategy::Full,
        Some(other) => {
            let reason = format!("must be FULL or NONE, not {other}");
            return Err(LoadError::new(reason).in_field("JitterStrategy"));
        }
    };
    if max_delay_seconds < interval_seconds {
        let reason = "must not be less than IntervalSeconds";
        return Err(LoadError::new(reason).in_field("MaxDelaySeconds"));
    }
    fields.finish(&[])?;
    Ok(Retrier {
        errors,
        interval_seconds,
        max_attempts,
        max_delay_seconds,
        backoff_rate,
        jitter,
    })
}

fn catcher(value: &Value) -> Result<Catcher, LoadError> {
    let mut fields = Fields::of(value, "a catcher")?;
    fields.ignore("Comment");
    let errors = fields.texts("ErrorEquals")?;
    let next = fields.text("Next")?;
    let path = fields.require(
        "ResultPath",
        "the default replaces the whole state by the error",
    )?;
    let result_path = parse_result_path(&path)?;
    fields.finish(&[(
        "Assign",
        "variables are a second state beside the one that is checked",
    )])?;
    Ok(Catcher {
        errors,
        result_path,
        next,
    })
}

fn entries<T>(
    fields: &mut Fields,
    name: &str,
    parse: fn(&Value) -> Result<T, LoadError>,
) -> Result<Vec<T>, LoadError> {
    fields
        .list(name)?
        .iter()
        .enumerate()
        .map(|(index, value)| {
            parse(value).map_err(|error| {
                let inner = error.field.as_deref().unwrap_or_default();
                let field = format!("{name}[{index}].{inner}");
                error.in_field(field.trim_end_matches('.'))
            })
        })
        .collect()
}

fn template(fields: &mut Fields, name: &str) -> Result<Option<Template>, LoadError> {
    fields
        .take(name)
        .map(|value| parse_template(&value, name))
        .transpose()
}

/// Amazon States Language, "Payload Template": it is an object; the entries of putEvents are a list of
/// such objects.
fn parse_template(value: &Value, name: &str) -> Result<Template, LoadError> {
    if !value.is_object() && !value.is_array() {
        let reason = format!("must be an object, not {value}");
        return Err(LoadError::new(reason).in_field(name));
    }
    Template::parse(value).map_err(|reason| LoadError::new(reason).in_field(name))
}

/// AWS Step Functions, ResultPath: without one "the default behavior is as if you had specified" `$`.
fn result_path(fields: &mut Fields) -> Result<ResultPath, LoadError> {
    match fields.take("ResultPath") {
        None => Ok(ResultPath::Replace),
        Some(path) => parse_result_path(&path),
    }
}

fn parse_result_path(path: &Value) -> Result<ResultPath, LoadError> {
    ResultPath::parse(path)
        .map_err(|error| LoadError::new(error.to_string()).in_field("ResultPath"))
}

fn next(fields: &mut Fields) -> Result<Next, LoadError> {
    match (fields.take("Next"), fields.take("End")) {
        (Some(Value::String(name)), None) => Ok(Next::State(name)),
        (None, Some(Value::Bool(true))) => Ok(Next::End),
        _ => {
            let reason = "exactly one of Next (a text) and End (true) is required";
            Err(LoadError::new(reason).in_field("Next"))
        }
    }
}
