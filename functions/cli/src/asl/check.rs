//! What is proven of a machine before it runs: no dead end, no unreachable state, no error name that
//! nobody raises, and no path that could be missing on any route.

mod paths;
mod shape;

use std::collections::BTreeSet;

use shared::error::ErrorName;

use super::{
    definition::{ANY_ERROR, Flow, PLATFORM_ERRORS, State},
    parse::LoadError,
};

pub fn check(flow: &Flow) -> Result<(), LoadError> {
    check_structure(flow)?;
    paths::check(flow, shape::Shape::Raw)
}

fn check_structure(flow: &Flow) -> Result<(), LoadError> {
    if !flow.states.contains_key(&flow.start_at) {
        let reason = format!("there is no state '{}'", flow.start_at);
        return Err(LoadError::new(reason).in_field("StartAt"));
    }
    for (name, state) in &flow.states {
        if let Some(missing) = state
            .successors()
            .into_iter()
            .find(|next| !flow.states.contains_key(*next))
        {
            let reason = format!("there is no state '{missing}' to go to");
            return Err(LoadError::new(reason).in_state(name));
        }
        check_error_names(state).map_err(|error| error.in_state(name))?;
        if let State::Map(map) = state {
            check_structure(&map.processor).map_err(|error| match error.state {
                Some(_) => error,
                None => error.in_state(name),
            })?;
        }
    }
    check_reachability(flow)
}

fn check_reachability(flow: &Flow) -> Result<(), LoadError> {
    let from_start = closure([flow.start_at.as_str()].into(), |name, reached| {
        reached.extend(flow.states[name].successors());
    });
    let ends = flow.states.iter().filter(|(_, state)| state.ends());
    let to_end = closure(
        ends.map(|(name, _)| name.as_str()).collect(),
        |name, reached| {
            let before = flow
                .states
                .iter()
                .filter(|(_, state)| state.successors().contains(&name));
            reached.extend(before.map(|(name, _)| name.as_str()));
        },
    );
    for name in flow.states.keys() {
        let reason = if !from_start.contains(name.as_str()) {
            "no state leads here"
        } else if !to_end.contains(name.as_str()) {
            "no way leads from here to an end"
        } else {
            continue;
        };
        return Err(LoadError::new(reason).in_state(name));
    }
    Ok(())
}

/// Everything reachable from `found`, where `step` adds the neighbours of one.
fn closure<'a>(
    mut found: BTreeSet<&'a str>,
    step: impl Fn(&'a str, &mut Vec<&'a str>),
) -> BTreeSet<&'a str> {
    let mut open: Vec<&str> = found.iter().copied().collect();
    while let Some(name) = open.pop() {
        let mut neighbours = Vec::new();
        step(name, &mut neighbours);
        open.extend(
            neighbours
                .into_iter()
                .filter(|neighbour| found.insert(neighbour)),
        );
    }
    found
}

fn check_error_names(state: &State) -> Result<(), LoadError> {
    let (retry, catch): (Vec<&Vec<String>>, Vec<&Vec<String>>) = match state {
        State::Task(task) => (
            task.retry.iter().map(|retrier| &retrier.errors).collect(),
            task.catch.iter().map(|catcher| &catcher.errors).collect(),
        ),
        State::Map(map) => (
            Vec::new(),
            map.catch.iter().map(|catcher| &catcher.errors).collect(),
        ),
        State::Choice(_) | State::Wait(_) | State::Pass(_) | State::Succeed => return Ok(()),
    };
    check_lists("Retry", &retry)?;
    check_lists("Catch", &catch)
}

fn check_lists(field: &str, lists: &[&Vec<String>]) -> Result<(), LoadError> {
    let mut seen = BTreeSet::new();
    for (index, names) in lists.iter().enumerate() {
        for name in names.iter() {
            let alone_and_last = names.len() == 1 && index + 1 == lists.len();
            let reason = match name.as_str() {
                ANY_ERROR if field == "Retry" => {
                    "'States.ALL' is refused in Retry: it would repeat bad input and bugs; name what \
                     may pass"
                        .to_string()
                }
                // AWS Step Functions, error handling: "It must appear alone ... and must appear in
                // the last catcher".
                ANY_ERROR if alone_and_last => continue,
                ANY_ERROR => "'States.ALL' stands alone, in the last catcher".to_string(),
                "States.TaskFailed" => {
                    "'States.TaskFailed' is refused: it is everything but a timeout; name what is \
                     meant"
                        .to_string()
                }
                // AWS Step Functions, error handling: neither is caught by States.ALL, and a Choice
                // has no Catch.
                "States.Runtime" | "States.DataLimitExceeded" | "States.NoChoiceMatched" => {
                    format!("'{name}' cannot be caught")
                }
                name if !seen.insert(name) => format!("'{name}' is named twice: the first decides"),
                name if PLATFORM_ERRORS.contains(&name) || name.parse::<ErrorName>().is_ok() => {
                    continue;
                }
                name => format!("nobody raises '{name}': it is no error of ours or of the platform"),
            };
            return Err(LoadError::new(reason).in_field(&format!("{field}[{index}].ErrorEquals")));
        }
    }
    Ok(())
}
