//! What an observer of an execution sees.

use std::time::Duration;

use serde_json::Value;
use shared::flow::FlowError;

use super::Ended;

/// A state, and the index of the Map's item where it is inside of a Map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub state: &'a str,
    pub item: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    Entered {
        place: Place<'a>,
        input: &'a Value,
    },
    /// A function is called; `retry` is 0 for the first time.
    Invoked {
        place: Place<'a>,
        function: &'a str,
        payload: &'a Value,
        retry: u32,
    },
    Returned {
        place: Place<'a>,
        function: &'a str,
        result: &'a Value,
    },
    Failed {
        place: Place<'a>,
        function: &'a str,
        error: &'a FlowError,
    },
    /// The retrier that matched has `left` attempts after this one.
    Retrying {
        place: Place<'a>,
        error: &'a FlowError,
        delay: Duration,
        left: u32,
    },
    Caught {
        place: Place<'a>,
        error: &'a FlowError,
        next: &'a str,
    },
    Waiting {
        place: Place<'a>,
        duration: Duration,
    },
    /// What `putEvents` would send.
    Published {
        place: Place<'a>,
        entries: &'a Value,
    },
    Exited {
        place: Place<'a>,
        output: &'a Value,
        next: Option<&'a str>,
    },
    /// The last of all.
    Ended(Ended),
}
