//! Sees everything that happens in an execution, and counts what AWS would charge for or limit.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use cli::asl::Event;
use serde_json::Value;

/// What was seen, of one execution or of several.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// States entered, retries, and the start: "each time a step of your workflow is executed ...
    /// including retries" (AWS Step Functions, Pricing).
    pub transitions: u64,
    /// Of the last execution's history (AWS Step Functions API, HistoryEvent).
    pub history_events: u32,
    /// Calls by function.
    pub requests: BTreeMap<String, u64>,
    /// Entries sent to the event bus.
    pub published: u64,
    /// The largest document that a state was given or gave, in bytes, and where.
    pub largest: (usize, String),
    /// Documents, with the state that held them, in which one of the words was found.
    pub leaks: Vec<String>,
}

#[derive(Debug, Default, Clone)]
pub struct Witness {
    seen: Arc<Mutex<Seen>>,
    secrets: Arc<Vec<String>>,
}

impl Witness {
    /// Looks for these words in every document.
    pub fn of_secrets(secrets: &[&str]) -> Witness {
        Witness {
            seen: Arc::default(),
            secrets: Arc::new(secrets.iter().map(|&word| word.to_owned()).collect()),
        }
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().expect("nobody panicked").clone()
    }

    pub fn observe(&self, event: &Event<'_>) {
        let mut seen = self.seen.lock().expect("nobody panicked");
        match event {
            Event::Entered { place, input } => {
                seen.transitions += 1;
                self.document(&mut seen, place.state, input);
            }
            Event::Invoked {
                place,
                function,
                payload,
                ..
            } => {
                *seen.requests.entry((*function).to_owned()).or_default() += 1;
                self.document(&mut seen, place.state, payload);
            }
            Event::Returned { place, result, .. } => self.document(&mut seen, place.state, result),
            Event::Failed { place, error, .. } => {
                let error = serde_json::json!({"Error": error.error, "Cause": error.cause});
                self.document(&mut seen, place.state, &error);
            }
            Event::Retrying { .. } => seen.transitions += 1,
            Event::Published { place, entries } => {
                seen.published += entries.as_array().map_or(0, |entries| entries.len() as u64);
                self.document(&mut seen, place.state, entries);
            }
            Event::Exited { place, output, .. } => {
                self.document(&mut seen, place.state, output);
            }
            Event::Ended(ended) => {
                seen.transitions += 1;
                seen.history_events = ended.history_events;
            }
            Event::Caught { .. } | Event::Waiting { .. } => {}
        }
    }

    fn document(&self, seen: &mut Seen, state: &str, document: &Value) {
        let text = document.to_string();
        if self.secrets.iter().any(|word| text.contains(word)) {
            seen.leaks.push(format!("{state}: {text}"));
        }
        if text.len() > seen.largest.0 {
            seen.largest = (text.len(), state.to_owned());
        }
    }
}
