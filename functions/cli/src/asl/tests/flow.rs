//! What holds for both machines, and what their tests share.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::error::ErrorName;

use super::script::{Edge, Run};
use crate::asl::{
    Machine,
    data::ResultPath,
    definition::{Action, Flow, JitterStrategy, Next, PLATFORM_ERRORS, Retrier, State, Task},
    resources,
};

/// Every operation of a machine, with the state that calls it and the state that its Catch leads to.
pub(super) struct Operation {
    pub(super) function: &'static str,
    pub(super) operation: &'static str,
    pub(super) state: &'static str,
}

/// A state as the design wants it: ids and small numbers only.
pub(super) const STATE_LIMIT: usize = 32 * 1024;

/// All ways from all states, those inside of Maps too. Events cannot fail here, so the way out of
/// that is left out.
pub(super) fn edges_of(flow: &Flow) -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    for (name, state) in &flow.states {
        let mut add = |caught, to: Option<&str>| {
            edges.insert(Edge {
                from: name.clone(),
                caught,
                to: to.map(str::to_string),
            });
        };
        let (next, catch) = match state {
            State::Task(task) => (&task.next, &task.catch[..]),
            State::Map(map) => (&map.next, &map.catch[..]),
            State::Wait(wait) => (&wait.next, &[][..]),
            State::Pass(pass) => (&pass.next, &[][..]),
            State::Succeed => {
                add(false, None);
                continue;
            }
            State::Choice(_) => {
                state
                    .successors()
                    .into_iter()
                    .for_each(|next| add(false, Some(next)));
                continue;
            }
        };
        match next {
            Next::State(next) => add(false, Some(next)),
            Next::End => add(false, None),
        }
        if !name.starts_with("Announce ") {
            catch
                .iter()
                .for_each(|catcher| add(true, Some(&catcher.next)));
        }
        if let State::Map(map) = state {
            edges.extend(edges_of(&map.processor));
        }
    }
    edges
}

pub(super) fn assert_all_edges_taken(machine: &Machine, runs: &[(&str, Run)]) {
    let taken: BTreeSet<_> = runs.iter().flat_map(|(_, run)| run.edges.clone()).collect();
    let missing: Vec<_> = edges_of(machine.flow())
        .difference(&taken)
        .cloned()
        .collect();
    assert!(missing.is_empty(), "no scenario takes {missing:#?}");
}

fn tasks(flow: &Flow) -> Vec<(&str, &Task)> {
    let mut tasks = Vec::new();
    for (name, state) in &flow.states {
        match state {
            State::Task(task) => tasks.push((name.as_str(), task)),
            State::Map(map) => tasks.extend(self::tasks(&map.processor)),
            _ => {}
        }
    }
    tasks
}

fn handlers(flow: &Flow) -> Vec<(&str, &Task)> {
    let mut tasks = tasks(flow);
    tasks.retain(|(_, task)| matches!(task.action, Action::Invoke { .. }));
    tasks
}

fn retrier_of<'a>(task: &'a Task, error: &str) -> Option<&'a Retrier> {
    task.retry.iter().find(|retrier| retrier.matches(error))
}

/// The longest that a retrier can wait in all.
fn longest(retrier: &Retrier) -> f64 {
    let cap = f64::from(retrier.max_delay_seconds);
    let mut delay = f64::from(retrier.interval_seconds);
    let mut total = 0.0;
    for _ in 0..retrier.max_attempts {
        total += delay.min(cap);
        delay *= retrier.backoff_rate;
    }
    total
}

/// Full jitter halves the delays on average.
fn average(retrier: &Retrier) -> f64 {
    match retrier.jitter {
        JitterStrategy::Full => longest(retrier) / 2.0,
        JitterStrategy::None => longest(retrier),
    }
}

fn machines() -> [Machine; 2] {
    [resources::backup().unwrap(), resources::restore().unwrap()]
}

#[test]
fn every_handler_is_repeated_for_what_may_pass_and_nothing_else() {
    for machine in machines() {
        for (name, task) in handlers(machine.flow()) {
            for error in PLATFORM_ERRORS {
                let retrier = retrier_of(task, error).unwrap_or_else(|| panic!("{name}: {error}"));
                assert!(
                    average(retrier) >= 300.0,
                    "{name}: {error} is given up too early"
                );
            }
            let denied = retrier_of(task, "AccessDenied").unwrap();
            assert_eq!(
                (denied.max_attempts, longest(denied), denied.jitter),
                (3, 120.0, JitterStrategy::None)
            );
            assert!(retrier_of(task, "Unreachable").is_some(), "{name}");
            let transient = [
                ErrorName::Unreachable,
                ErrorName::AccessDenied,
                ErrorName::JobConflict,
                ErrorName::RepositoryUnavailable,
            ];
            for error in ErrorName::ALL
                .iter()
                .filter(|name| !transient.contains(name))
            {
                assert!(
                    retrier_of(task, error.as_str()).is_none(),
                    "{name} repeats {error}"
                );
            }
        }
    }
}

/// Once BACKUP or RESTORE is sent, a listing that fails says nothing about it. Before, it ends the run.
#[test]
fn a_repository_is_asked_again_where_a_job_may_have_ended() {
    let [backup, restore] = machines();
    let asks_again = |machine: &Machine| -> Vec<String> {
        let tasks = handlers(machine.flow()).into_iter();
        let tasks = tasks.filter_map(|(name, task)| {
            let retrier = retrier_of(task, "RepositoryUnavailable")?;
            assert!(average(retrier) >= 300.0, "{name} gives up too early");
            Some(name.to_string())
        });
        tasks.collect()
    };
    assert_eq!(asks_again(&backup), ["Look at jobs", "Record database"]);
    assert_eq!(asks_again(&restore), ["Run steps", "Verify"]);
}

/// The states that need the lease are repeated while another holds it; the others would only hide it.
/// What is recorded is read a second time, and a table may be busy just then.
#[test]
fn a_conflict_is_waited_for_where_the_lease_is_taken() {
    let waiting = |machine: &Machine| -> Vec<String> {
        let tasks = handlers(machine.flow()).into_iter();
        let tasks = tasks.filter_map(|(name, task)| Some((name, retrier_of(task, "JobConflict")?)));
        tasks
            .map(|(name, retrier)| {
                assert_eq!(retrier.jitter, JitterStrategy::Full);
                assert!((240.0..600.0).contains(&average(retrier)), "{name}");
                name.to_string()
            })
            .collect()
    };
    let [backup, restore] = machines();
    assert_eq!(waiting(&backup), ["Record database", "Start database"]);
    assert_eq!(
        waiting(&restore),
        ["Plan", "Promote", "Run steps", "Verify"]
    );
}

/// A handler's own timeout is 30 seconds less, and AWS Lambda allows 900 at most.
#[test]
fn timeouts_leave_room_for_the_function_to_end_first() {
    for machine in machines() {
        for (name, task) in handlers(machine.flow()) {
            let seconds = task.timeout.as_secs();
            assert!((31..=930).contains(&seconds), "{name}: {seconds}");
        }
    }
}

/// Whatever becomes of them: the execution goes on as if nobody listened.
#[test]
fn nothing_depends_on_an_event() {
    for machine in machines() {
        for (name, task) in tasks(machine.flow()) {
            let Action::PutEvents { .. } = task.action else {
                assert!(!name.starts_with("Announce "), "{name}");
                continue;
            };
            assert!(name.starts_with("Announce "), "{name}");
            let [catcher] = &task.catch[..] else {
                panic!("{name}: one catcher for everything");
            };
            assert!(catcher.matches("States.Timeout"), "{name}");
            assert_eq!(task.next, Next::State(catcher.next.clone()), "{name}");
            assert_eq!(catcher.result_path, ResultPath::Discard, "{name}");
        }
    }
}

/// What a person sees as the graph: no name needs an explanation, and none is long.
#[test]
fn names_are_short() {
    for machine in machines() {
        for name in machine.flow().states.keys() {
            assert!(name.len() <= 20, "{name}");
        }
    }
}

pub(super) fn error(name: &str) -> Value {
    json!({"Error": name, "Cause": format!("scripted {name}")})
}

impl Operation {
    pub(super) fn is(&self, call: &super::script::Call) -> bool {
        call.function == self.function && call.operation == self.operation
    }
}
