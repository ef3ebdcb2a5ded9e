//! The functions behind the Tasks: the very libraries that the Lambda functions are made of.

use std::sync::Arc;

use serde_json::Value;
use shared::{context::Context, error::Error, flow::FlowError};

use crate::asl::Functions;

#[derive(Debug)]
pub struct Handlers {
    context: Context,
}

impl Handlers {
    pub fn new(context: Context) -> Handlers {
        Handlers { context }
    }

    pub fn context(&self) -> &Context {
        &self.context
    }

    /// One function by the name of its Task.
    pub async fn call(&self, function: &str, payload: Value) -> Result<Value, Error> {
        let context = &self.context;
        match function {
            "Precheck" => precheck::handle(context, payload).await,
            "StartBackup" => start_backup::handle(context, payload).await,
            "PollStatus" => poll_status::handle(context, payload).await,
            "RecordHistory" => record_history::handle(context, payload).await,
            "Restore" => restore::handle(context, payload).await,
            "AuditOrphans" => audit_orphans::handle(context, payload).await,
            other => Err(Error::internal(format!("no function is called '{other}'"))),
        }
    }
}

impl Functions for Handlers {
    async fn invoke(self: Arc<Self>, function: String, payload: Value) -> Result<Value, FlowError> {
        self.call(&function, payload)
            .await
            .map_err(|error| FlowError::from(&error))
    }
}
