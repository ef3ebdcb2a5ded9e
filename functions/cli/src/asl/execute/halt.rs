//! How an execution ends before its last state.

use jiff::Timestamp;
use serde_json::Value;
use shared::flow::FlowError;

use crate::asl::data::{PathError, TemplateError};

/// Why there is no output.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExecutionError {
    #[error("{0}")]
    Failed(Box<Failure>),
    #[error("stopped in state '{state}'")]
    Stopped { state: String },
    /// A redrive that Step Functions would refuse to begin.
    #[error("the execution cannot be redriven: {0}")]
    NotRedrivable(String),
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("state '{state}' failed with {}: {}", .error.error, .error.cause)]
pub struct Failure {
    /// Where it failed; inside of a Map, the state of the item.
    pub state: String,
    pub error: FlowError,
    /// Where [`Machine::redrive`](crate::asl::Machine::redrive) goes on.
    pub checkpoint: Checkpoint,
}

/// A state of the machine, and what it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    pub state: String,
    pub input: Value,
    /// What a redrive is judged by.
    pub ended: Ended,
}

/// How far an execution had come when it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub at: Timestamp,
    /// Events in its history; a redrive appends to them.
    pub history_events: u32,
}

/// Why a state has no output.
#[derive(Debug)]
pub(super) struct Halt {
    pub(super) reason: Reason,
    /// The state inside of a Map where it happened.
    pub(super) inner_state: Option<String>,
}

#[derive(Debug)]
pub(super) enum Reason {
    Stopped,
    Failed { error: FlowError, catchable: bool },
}

impl Halt {
    pub(super) fn stopped() -> Halt {
        Halt::from(Reason::Stopped)
    }

    pub(super) fn uncatchable(error: &str, cause: &str) -> Halt {
        Halt::from(Reason::Failed {
            error: FlowError {
                error: error.to_string(),
                cause: cause.to_string(),
            },
            catchable: false,
        })
    }

    /// "A States.Runtime error is not retriable, and will always cause the execution to fail. A retry
    /// or catch on States.ALL will not catch States.Runtime errors" (AWS Step Functions, error
    /// handling).
    pub(super) fn runtime(cause: String) -> Halt {
        Halt::uncatchable("States.Runtime", &cause)
    }
}

impl From<Reason> for Halt {
    fn from(reason: Reason) -> Halt {
        Halt {
            reason,
            inner_state: None,
        }
    }
}

impl From<PathError> for Halt {
    fn from(error: PathError) -> Halt {
        Halt::runtime(error.to_string())
    }
}

impl From<TemplateError> for Halt {
    fn from(error: TemplateError) -> Halt {
        Halt::runtime(error.to_string())
    }
}

/// Why a flow has no output, and where.
#[derive(Debug)]
pub(super) struct End {
    pub(super) reason: Reason,
    pub(super) state: String,
    /// Of this flow's own state, around the Map where it happened inside of one.
    pub(super) from: String,
    pub(super) input: Value,
}

impl End {
    pub(super) fn new(halt: Halt, state: &str, input: Value) -> End {
        End {
            reason: halt.reason,
            state: halt.inner_state.unwrap_or_else(|| state.to_string()),
            from: state.to_string(),
            input,
        }
    }

    pub(super) fn into_error(self, ended: Ended) -> ExecutionError {
        match self.reason {
            Reason::Stopped => ExecutionError::Stopped { state: self.state },
            Reason::Failed { error, .. } => ExecutionError::Failed(Box::new(Failure {
                state: self.state,
                error,
                checkpoint: Checkpoint {
                    state: self.from,
                    input: self.input,
                    ended,
                },
            })),
        }
    }
}
