//! Step Functions on this machine: executes the very files that AWS executes.
//!
//! Only a subset of the Amazon States Language is known, and only what behaves the same in both
//! places. [`Machine::load`] refuses the rest, and proves of what it accepts that no path can be
//! missing (`check`), so that a machine that loads here can only fail on AWS for AWS' own reasons.
//! Where the two differ, this one is the stricter: every mistake in a definition or in what a handler
//! returned ends the execution here, while AWS lets `States.ALL` catch some of them.

mod check;
mod choice;
pub mod data;
pub mod definition;
pub mod execute;
mod parse;
pub mod resources;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

pub use execute::{
    Checkpoint, Ended, Event, ExecutionError, ExecutionInfo, Failure, Functions, Place, Runtime,
};
pub use parse::{LoadError, Placeholders};

/// A definition that is proven to be executable.
#[derive(Debug, Clone)]
pub struct Machine {
    definition: parse::Definition,
}

impl Machine {
    pub fn load(text: &str, placeholders: Placeholders<'_>) -> Result<Machine, LoadError> {
        let definition = parse::parse(text, placeholders)?;
        check::check(&definition.flow)?;
        Ok(Machine { definition })
    }

    pub fn flow(&self) -> &definition::Flow {
        &self.definition.flow
    }

    /// Runs from the first state. The output of the last state is the output of the execution.
    pub async fn execute<F: Functions>(
        &self,
        input: Value,
        info: &ExecutionInfo,
        functions: &Arc<F>,
        runtime: &Runtime,
    ) -> Result<Value, ExecutionError> {
        let start = execute::Start {
            state: self.definition.flow.start_at.clone(),
            input: input.clone(),
            history_events: 1,
        };
        execute::run(
            &self.definition,
            start,
            &input,
            info,
            info.started_at,
            functions,
            runtime,
        )
        .await
    }

    /// Continues a failed execution with the state that failed and its input: "it continues the
    /// failed execution from the unsuccessful step and uses the same input" (AWS Step Functions API,
    /// RedriveExecution). `info` carries the raised redrive count; a Map starts over as a whole.
    pub async fn redrive<F: Functions>(
        &self,
        from: Checkpoint,
        input: &Value,
        info: &ExecutionInfo,
        now: Timestamp,
        functions: &Arc<F>,
        runtime: &Runtime,
    ) -> Result<Value, ExecutionError> {
        let start = execute::Start::redrive(from, now)?;
        execute::run(
            &self.definition,
            start,
            input,
            info,
            now,
            functions,
            runtime,
        )
        .await
    }
}
