//! The bootstrap of all six functions.
//!
//! The event is taken as plain JSON and parsed by the handler, because the runtime would name a payload
//! that does not parse after a Rust path. An error is answered with its own name as `errorType` and the
//! rendered chain as `errorMessage`; a panic, which release builds unwind, is `Internal`.
//!
//! Every line of a call's log carries its execution, and a call that failed leaves one line with the name
//! of its error: what infra/log_queries.tf asks for.

use std::{fmt, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tracing::Instrument;

use crate::{
    audit, config,
    context::Context,
    error::Error,
    metrics,
    telemetry::{self, Format},
};

/// What ends the process; the runtime has logged it.
pub type BootstrapError = lambda_runtime::Error;

/// Runs a handler for as long as Lambda keeps this environment.
///
/// Settings and credentials are read once per cold start, by its first call: what is wrong with them
/// is then answered by name, instead of a crash loop, and read again by the next call.
pub async fn run<H>(handler: H) -> Result<(), BootstrapError>
where
    H: AsyncFn(&Context, Value) -> Result<Value, Error> + 'static,
{
    metrics::switch_on(config::metric_namespace());
    telemetry::init(Format::Json, config::log_filter().as_deref());
    audit::act_for(audit::IN_CLOUDTRAIL.to_owned());
    let shared = Arc::new((handler, OnceCell::new()));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let shared = Arc::clone(&shared);
        async move {
            let (handler, context) = &*shared;
            let load = async || Context::in_lambda().await;
            let span = tracing::info_span!(
                "call",
                execution = execution(&event.payload),
                request = event.context.request_id,
            );
            let answered = answer(handler, context, load, event.payload);
            answered.instrument(span).await.map_err(Failed::from)
        }
    }))
    .await
}

async fn answer<H>(
    handler: &H,
    context: &OnceCell<Context>,
    load: impl AsyncFnOnce() -> Result<Context, Error>,
    event: Value,
) -> Result<Value, Error>
where
    H: AsyncFn(&Context, Value) -> Result<Value, Error>,
{
    if event == json!({ "ping": true }) {
        return Ok(json!({ "pong": true }));
    }
    let answered = match context.get_or_try_init(|| load()).await {
        Ok(context) => AssertUnwindSafe(handler(context, event))
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| {
                Err(Error::internal(format!("panic: {}", panic_message(&panic))))
            }),
        Err(error) => Err(error),
    };
    if let Err(error) = &answered {
        tracing::error!(error_name = error.name.as_str(), detail = %error, "the call failed");
    }
    answered
}

/// Which execution a call belongs to: as the first state of a machine is told it, or as the others are.
fn execution(event: &Value) -> &str {
    ["/execution/Id", "/run/execution_id", "/execution_id"]
        .into_iter()
        .find_map(|path| event.pointer(path)?.as_str())
        .unwrap_or_default()
}

fn panic_message(panic: &Box<dyn std::any::Any + Send>) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}

/// The runtime logs what it is answered: no more than the name, because the rest is logged.
struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed(error)
    }
}

impl fmt::Debug for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "answered with {}", self.0.name)
    }
}

impl From<Failed> for Diagnostic {
    fn from(Failed(error): Failed) -> Diagnostic {
        Diagnostic {
            error_type: error.name.to_string(),
            error_message: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Settings, error::ErrorName};

    async fn load() -> Result<Context, Error> {
        Settings::from_sources(None, &|name| match name {
            config::variables::HOST => Some("fe".to_owned()),
            config::variables::USER => Some("br".to_owned()),
            _ => None,
        })
        .map(Context::new)
    }

    #[tokio::test]
    async fn a_ping_needs_no_configuration() {
        let context = OnceCell::new();
        let broken = async || Err(Error::invalid_input("x"));
        let handler = async |_: &Context, _: Value| -> Result<Value, Error> { Ok(json!("worked")) };
        let pong = answer(&handler, &context, broken, json!({ "ping": true })).await;
        assert_eq!(pong, Ok(json!({ "pong": true })));
        let error = answer(&handler, &context, broken, json!({}))
            .await
            .unwrap_err();
        assert_eq!(error.name, ErrorName::InvalidInput);
        // What was wrong may have been mended since.
        let answered = answer(&handler, &context, load, json!({})).await;
        assert_eq!(answered, Ok(json!("worked")));
    }

    #[test]
    fn a_call_is_of_the_execution_that_its_event_names() {
        for (event, expected) in [
            (
                json!({ "execution": { "Id": "arn:1" }, "input": { "run": 1 } }),
                "arn:1",
            ),
            (
                json!({ "run": { "execution_id": "arn:2@now" } }),
                "arn:2@now",
            ),
            (json!({ "execution_id": "01J" }), "01J"),
            (json!({ "operation": "heartbeat" }), ""),
            (json!("anything"), ""),
        ] {
            assert_eq!(execution(&event), expected);
        }
    }

    #[tokio::test]
    async fn a_panic_is_internal() {
        let handler = async |_: &Context, _: Value| -> Result<Value, Error> { panic!("boom") };
        let error = answer(&handler, &OnceCell::new(), load, json!({}))
            .await
            .unwrap_err();
        assert_eq!(error.name, ErrorName::Internal);
        assert!(error.message.contains("boom"));
    }
}
