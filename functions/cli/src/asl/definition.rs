//! A state machine of the subset, parsed: everything that is here can be executed.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    choice::Condition,
    data::{Path, ResultPath, Template},
};

/// A machine, or what a Map runs for each item.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    pub start_at: String,
    pub states: BTreeMap<String, State>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Task(Task),
    Choice(Choice),
    Wait(Wait),
    Map(MapState),
    Pass(Pass),
    Succeed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    State(String),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub action: Action,
    pub timeout: Duration,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
    pub result_path: ResultPath,
    pub next: Next,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `arn:...:states:::lambda:invoke`. Without a selector the result is discarded: it would carry
    /// the platform's metadata into the state.
    Invoke {
        function: String,
        payload: Template,
        selector: Option<Template>,
    },
    /// `arn:...:states:::events:putEvents`.
    PutEvents { entries: Template },
}

/// A retry policy. Its counter lives as long as one visit of the state.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrier {
    pub errors: Vec<String>,
    pub interval_seconds: u32,
    pub max_attempts: u32,
    pub max_delay_seconds: u32,
    pub backoff_rate: f64,
    pub jitter: JitterStrategy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JitterStrategy {
    None,
    Full,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Catcher {
    pub errors: Vec<String>,
    pub result_path: ResultPath,
    pub next: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub rules: Vec<Rule>,
    pub default: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub condition: Condition,
    pub next: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    pub duration: WaitFor,
    pub next: Next,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitFor {
    Seconds(u32),
    SecondsPath(Path),
}

#[derive(Debug, Clone, PartialEq)]
pub struct MapState {
    pub items: Path,
    pub max_concurrency: usize,
    /// Without one, the item itself is the input of its iteration.
    pub item_selector: Option<Template>,
    pub processor: Flow,
    pub catch: Vec<Catcher>,
    pub result_path: ResultPath,
    pub next: Next,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Pass {
    pub result: PassResult,
    pub result_path: ResultPath,
    pub next: Next,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PassResult {
    /// Neither `Result` nor `Parameters`: the input.
    Input,
    Literal(Value),
    Parameters(Template),
}

/// The wildcard, for Catch only: in Retry it would repeat bad input and broken definitions.
pub const ANY_ERROR: &str = "States.ALL";

/// A Task ran longer than its `TimeoutSeconds`, or the execution longer than its own.
pub const TIMEOUT: &str = "States.Timeout";

/// What the platform raises, beside [`shared::error::ErrorName`]: AWS Lambda's own errors as the
/// Lambda integration of Step Functions names them (AWS Step Functions, "Handle transient Lambda
/// service exceptions"; AWS Lambda, API reference of Invoke, errors).
pub const PLATFORM_ERRORS: &[&str] = &[
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Lambda.ResourceNotReadyException",
    "Lambda.ENINotReadyException",
    "Lambda.EC2ThrottledException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Runtime.ExitError",
    TIMEOUT,
];

impl Retrier {
    pub fn matches(&self, error: &str) -> bool {
        self.errors.iter().any(|name| name == error)
    }
}

impl Catcher {
    pub fn matches(&self, error: &str) -> bool {
        self.errors
            .iter()
            .any(|name| name == error || name == ANY_ERROR)
    }
}

impl State {
    /// Every state that can follow, with no distinction of how.
    pub fn successors(&self) -> Vec<&str> {
        let (next, catch): (&Next, &[Catcher]) = match self {
            State::Task(task) => (&task.next, &task.catch),
            State::Map(map) => (&map.next, &map.catch),
            State::Wait(wait) => (&wait.next, &[]),
            State::Pass(pass) => (&pass.next, &[]),
            State::Succeed => return Vec::new(),
            State::Choice(choice) => {
                return choice
                    .rules
                    .iter()
                    .map(|rule| rule.next.as_str())
                    .chain([choice.default.as_str()])
                    .collect();
            }
        };
        let next = match next {
            Next::State(name) => Some(name.as_str()),
            Next::End => None,
        };
        next.into_iter()
            .chain(catch.iter().map(|catcher| catcher.next.as_str()))
            .collect()
    }

    /// Whether the flow can end here.
    pub fn ends(&self) -> bool {
        match self {
            State::Task(task) => task.next == Next::End,
            State::Map(map) => map.next == Next::End,
            State::Wait(wait) => wait.next == Next::End,
            State::Pass(pass) => pass.next == Next::End,
            State::Succeed => true,
            State::Choice(_) => false,
        }
    }
}
