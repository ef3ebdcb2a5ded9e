//! `invoke`: one function, as AWS Lambda would call it.

use std::path::Path;

use serde_json::Value;
use shared::error::Error;

use super::Session;
use crate::{Done, args::Function, handlers::Handlers, render};

const EXAMPLES: &str = "events/ has examples for each function";

impl Session<'_> {
    pub(super) async fn invoke(&mut self, function: Function, event: &Path) -> Done {
        let text = std::fs::read_to_string(event).map_err(|error| {
            Error::invalid_input(format!("{} cannot be read: {error}", event.display()))
                .hint(EXAMPLES)
        })?;
        let payload: Value = serde_json::from_str(&text).map_err(|error| {
            Error::invalid_input(format!("{} is not JSON: {error}", event.display())).hint(EXAMPLES)
        })?;
        let name = match function {
            Function::Precheck => "Precheck",
            Function::StartBackup => "StartBackup",
            Function::PollStatus => "PollStatus",
            Function::RecordHistory => "RecordHistory",
            Function::Restore => "Restore",
            Function::AuditOrphans => "AuditOrphans",
        };
        let handlers = Handlers::new(self.context.clone());
        let answer = handlers.call(name, payload).await?;
        self.terminal.print(&render::pretty(&answer));
        Ok(())
    }
}
