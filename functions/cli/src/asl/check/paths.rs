//! Proof that no path is ever missing: the fields that a state certainly has are followed along
//! every route until nothing changes.

use std::collections::BTreeMap;

use super::shape::{Scope, Shape, apply};
use crate::asl::{
    data::Template,
    definition::{Action, Catcher, Flow, Next, PassResult, State, WaitFor},
    parse::LoadError,
};

/// One way out of a state, and what is known of what goes there.
struct Exit<'a> {
    /// `None` where the flow ends.
    next: Option<&'a str>,
    shape: Shape,
}

pub(super) fn check(flow: &Flow, input: Shape) -> Result<(), LoadError> {
    let mut inputs: BTreeMap<&str, Shape> = [(flow.start_at.as_str(), input)].into();
    let mut open = vec![flow.start_at.as_str()];
    // A shape only ever loses fields, so this ends; what is wrong with more fields is wrong with
    // fewer, so nothing is reported that would not be found in the end.
    while let Some(name) = open.pop() {
        for exit in exits(&flow.states[name], &inputs[name]).map_err(|error| {
            if error.state.is_none() {
                error.in_state(name)
            } else {
                error
            }
        })? {
            let Some(next) = exit.next else { continue };
            if exit.shape == Shape::Raw {
                let reason = "raw input would go on to the next state: only the first sees it";
                return Err(LoadError::new(reason).in_state(name));
            }
            let known = match inputs.get(next) {
                Some(before) => before.meet(&exit.shape),
                None => exit.shape,
            };
            if inputs.get(next) != Some(&known) {
                inputs.insert(next, known);
                open.push(next);
            }
        }
    }
    Ok(())
}

fn exits<'a>(state: &'a State, input: &Shape) -> Result<Vec<Exit<'a>>, LoadError> {
    let context = Shape::context(false);
    let scope = Scope {
        state: input,
        context: &context,
    };
    match state {
        State::Task(task) => {
            let result = match &task.action {
                Action::Invoke {
                    payload, selector, ..
                } => {
                    scope
                        .evaluate(payload)
                        .map_err(in_field("Parameters.Payload"))?;
                    selected(selector.as_ref(), &context)?
                }
                Action::PutEvents { entries } => {
                    scope
                        .evaluate(entries)
                        .map_err(in_field("Parameters.Entries"))?;
                    Shape::Opaque
                }
            };
            let output = apply(&task.result_path, input, result).map_err(LoadError::new)?;
            caught(&task.catch, input, Exit::new(&task.next, output))
        }
        State::Map(map) => {
            scope.read(&map.items).map_err(in_field("ItemsPath"))?;
            let item = match &map.item_selector {
                None => Shape::Raw,
                Some(selector) => {
                    let with_item = Scope {
                        state: input,
                        context: &Shape::context(true),
                    };
                    with_item
                        .evaluate(selector)
                        .map_err(in_field("ItemSelector"))?
                }
            };
            check(&map.processor, item)?;
            let output = apply(&map.result_path, input, Shape::Opaque).map_err(LoadError::new)?;
            caught(&map.catch, input, Exit::new(&map.next, output))
        }
        State::Pass(pass) => {
            let result = match &pass.result {
                PassResult::Input => input.clone(),
                PassResult::Literal(value) => Shape::of(value),
                PassResult::Parameters(template) => {
                    scope.evaluate(template).map_err(in_field("Parameters"))?
                }
            };
            let output = apply(&pass.result_path, input, result).map_err(LoadError::new)?;
            Ok(vec![Exit::new(&pass.next, output)])
        }
        State::Wait(wait) => {
            if let WaitFor::SecondsPath(path) = &wait.duration {
                scope.read(path).map_err(in_field("SecondsPath"))?;
            }
            Ok(vec![Exit::new(&wait.next, input.clone())])
        }
        State::Choice(choice) => {
            for path in choice.rules.iter().flat_map(|rule| rule.condition.paths()) {
                scope.read(path).map_err(in_field("Choices"))?;
            }
            Ok(state
                .successors()
                .into_iter()
                .map(|next| Exit {
                    next: Some(next),
                    shape: input.clone(),
                })
                .collect())
        }
        State::Succeed => Ok(Vec::new()),
    }
}

impl Exit<'_> {
    fn new(next: &Next, shape: Shape) -> Exit<'_> {
        let next = match next {
            Next::State(name) => Some(name.as_str()),
            Next::End => None,
        };
        Exit { next, shape }
    }
}

fn selected(selector: Option<&Template>, context: &Shape) -> Result<Shape, LoadError> {
    let Some(selector) = selector else {
        return Ok(Shape::Opaque);
    };
    let result = Shape::object([("Payload", Shape::Handler)]);
    let scope = Scope {
        state: &result,
        context,
    };
    scope.evaluate(selector).map_err(in_field("ResultSelector"))
}

/// Catch applies its ResultPath to the input of the state, not to its output.
fn caught<'a>(
    catch: &'a [Catcher],
    input: &Shape,
    success: Exit<'a>,
) -> Result<Vec<Exit<'a>>, LoadError> {
    let mut exits = vec![success];
    for catcher in catch {
        let error = Shape::object([("Error", Shape::Opaque), ("Cause", Shape::Opaque)]);
        let shape = apply(&catcher.result_path, input, error).map_err(in_field("Catch"))?;
        exits.push(Exit {
            next: Some(&catcher.next),
            shape,
        });
    }
    Ok(exits)
}

fn in_field(field: &str) -> impl Fn(String) -> LoadError {
    move |reason| LoadError::new(reason).in_field(field)
}
