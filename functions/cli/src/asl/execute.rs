//! Runs a machine: one state after another, with the waits, retries and limits of Step Functions.

mod event;
mod halt;
mod map;
mod task;
mod wait;

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use shared::flow::FlowError;
use tokio::{sync::watch, time::Instant};

pub use event::{Event, Place};
pub use halt::{Checkpoint, Ended, ExecutionError, Failure};
pub use wait::GRACE;

use self::halt::{End, Halt};
use super::{
    data::{self, Context, DEPTH_LIMIT, Item, SIZE_LIMIT, Template},
    definition::{Flow, Next, Pass, PassResult, State},
    parse::Definition,
};

/// "25,000 events in a single state machine execution history. If the execution history reaches this
/// quota, the execution will fail" (AWS Step Functions, service quotas). It also ends a loop that
/// would never end.
pub const HISTORY_LIMIT: u32 = 25_000;

/// "Execution event history count is less than 24,999", so that there is room for the event of the redrive
/// and one more (AWS Step Functions, Restarting state machine executions with redrive).
pub const REDRIVE_HISTORY_LIMIT: u32 = 24_999;

/// "Redrivable period": executions "that didn't complete successfully in the last 14 days" (AWS Step
/// Functions API, RedriveExecution).
pub const REDRIVE_PERIOD: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What runs behind a Task: the six functions, or a script in a test.
pub trait Functions: Send + Sync + 'static {
    /// The call owns what it needs: when its Task times out it is abandoned, not stopped, as on AWS.
    fn invoke(
        self: Arc<Self>,
        function: String,
        payload: Value,
    ) -> impl Future<Output = Result<Value, FlowError>> + Send + 'static;
}

/// Who runs, and since when.
#[derive(Debug, Clone)]
pub struct ExecutionInfo {
    pub id: String,
    pub name: String,
    pub machine: String,
    pub started_at: Timestamp,
    pub redrive_count: u32,
}

/// What the interpreter needs of its surroundings. Time is tokio's, which a test can pause.
pub struct Runtime {
    /// A number from 0 up to 1, for the jitter of retries.
    pub random: Box<dyn Fn() -> f64 + Send + Sync>,
    /// Sees everything that happens, as it happens.
    pub observe: Box<dyn Fn(&Event<'_>) + Send + Sync>,
    /// Seconds of the machine that pass in one second here: 1, except where a simulated cluster has a
    /// clock of its own.
    pub pace: u32,
    /// `true` ends the execution between two states. Waits end at once; a running handler has
    /// [`GRACE`] to finish its call.
    pub stop: watch::Receiver<bool>,
}

impl Runtime {
    pub fn new(
        observe: impl Fn(&Event<'_>) + Send + Sync + 'static,
        stop: watch::Receiver<bool>,
    ) -> Runtime {
        Runtime {
            random: Box::new(rand::random::<f64>),
            observe: Box::new(observe),
            pace: 1,
            stop,
        }
    }

    pub fn with_pace(self, pace: u32) -> Runtime {
        Runtime { pace, ..self }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Runtime")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

/// Where an execution begins or goes on.
pub(super) struct Start {
    pub(super) state: String,
    pub(super) input: Value,
    /// Events in the history before anything is done: the start of the execution is the first, a redrive
    /// appends its own to those of the attempts before.
    pub(super) history_events: u32,
}

impl Start {
    /// Continues what failed, if Step Functions would.
    pub(super) fn redrive(from: Checkpoint, now: Timestamp) -> Result<Start, ExecutionError> {
        let Ended { at, history_events } = from.ended;
        if now.duration_since(at) > REDRIVE_PERIOD {
            return Err(ExecutionError::NotRedrivable(format!(
                "it ended on {at}, more than 14 days ago"
            )));
        }
        if history_events >= REDRIVE_HISTORY_LIMIT {
            return Err(ExecutionError::NotRedrivable(format!(
                "its history has {history_events} events, {REDRIVE_HISTORY_LIMIT} are too many"
            )));
        }
        Ok(Start {
            state: from.state,
            input: from.input,
            history_events: history_events + 1,
        })
    }
}

pub(super) async fn run<F: Functions>(
    definition: &Definition,
    start: Start,
    input: &Value,
    info: &ExecutionInfo,
    now: Timestamp,
    functions: &Arc<F>,
    runtime: &Runtime,
) -> Result<Value, ExecutionError> {
    let began = Instant::now();
    let execution = Execution {
        info,
        input,
        functions,
        runtime,
        began,
        began_at: now,
        deadline: definition.timeout.map(|timeout| began + timeout),
        history: AtomicU32::new(start.history_events),
    };
    let result = execution.begin(&definition.flow, start).await;
    let ended = execution.ended();
    execution.observe(&Event::Ended(ended));
    result.map_err(|end| end.into_error(ended))
}

/// One run of a machine.
struct Execution<'a, F> {
    info: &'a ExecutionInfo,
    input: &'a Value,
    functions: &'a Arc<F>,
    runtime: &'a Runtime,
    began: Instant,
    began_at: Timestamp,
    deadline: Option<Instant>,
    history: AtomicU32,
}

/// One entry of a state.
struct Visit<'a> {
    place: Place<'a>,
    input: &'a Value,
    entered_time: String,
}

struct Step<'a> {
    output: Value,
    /// `None` where the flow ends.
    next: Option<&'a str>,
}

impl<'a> Step<'a> {
    fn new(output: Value, next: &'a Next) -> Step<'a> {
        let next = match next {
            Next::State(name) => Some(name.as_str()),
            Next::End => None,
        };
        Step { output, next }
    }
}

impl<F: Functions> Execution<'_, F> {
    async fn begin(&self, flow: &Flow, start: Start) -> Result<Value, End> {
        match refuse_inexact_numbers(&start.input, "input") {
            Ok(()) => self.flow(flow, &start.state, start.input, None).await,
            Err(halt) => Err(End::new(halt, &start.state, start.input)),
        }
    }

    /// The end of an execution is an event of its history, too.
    fn ended(&self) -> Ended {
        Ended {
            at: self.began_at + self.began.elapsed(),
            history_events: self.history.load(Ordering::Relaxed) + 1,
        }
    }

    /// Boxed, because a Map runs a flow inside of a flow.
    fn flow<'s>(
        &'s self,
        flow: &'s Flow,
        from: &'s str,
        mut input: Value,
        item: Option<usize>,
    ) -> Pin<Box<dyn Future<Output = Result<Value, End>> + Send + 's>> {
        Box::pin(async move {
            let mut name = from;
            loop {
                let place = Place { state: name, item };
                let step = match self.visit(flow, place, &input).await {
                    Ok(step) => step,
                    Err(halt) => return Err(End::new(halt, name, input)),
                };
                match step.next {
                    Some(next) => (name, input) = (next, step.output),
                    None => return Ok(step.output),
                }
            }
        })
    }

    async fn visit<'s>(
        &self,
        flow: &'s Flow,
        place: Place<'_>,
        input: &Value,
    ) -> Result<Step<'s>, Halt> {
        if *self.runtime.stop.borrow() {
            return Err(Halt::stopped());
        }
        self.count_history(2)?;
        limit_size(input, "input")?;
        self.observe(&Event::Entered { place, input });
        let Some(state) = flow.states.get(place.state) else {
            return Err(Halt::runtime(format!(
                "there is no state '{}'",
                place.state
            )));
        };
        let visit = Visit {
            place,
            input,
            entered_time: self.now(),
        };
        let step = self.state(state, &visit).await?;
        limit_size(&step.output, "output")?;
        self.observe(&Event::Exited {
            place,
            output: &step.output,
            next: step.next,
        });
        Ok(step)
    }

    async fn state<'s>(&self, state: &'s State, visit: &Visit<'_>) -> Result<Step<'s>, Halt> {
        match state {
            State::Task(task) => self.task(task, visit).await,
            State::Map(map) => self.map(map, visit).await,
            State::Wait(wait) => self.wait_state(wait, visit).await,
            State::Pass(pass) => self.pass(pass, visit),
            State::Succeed => Ok(Step {
                output: visit.input.clone(),
                next: None,
            }),
            State::Choice(choice) => {
                let context = self.context(visit, 0, None);
                for rule in &choice.rules {
                    if rule.condition.holds(visit.input, &context)? {
                        return Ok(Step {
                            output: visit.input.clone(),
                            next: Some(&rule.next),
                        });
                    }
                }
                Ok(Step {
                    output: visit.input.clone(),
                    next: Some(&choice.default),
                })
            }
        }
    }

    fn pass<'s>(&self, pass: &'s Pass, visit: &Visit<'_>) -> Result<Step<'s>, Halt> {
        let result = match &pass.result {
            PassResult::Input => visit.input.clone(),
            PassResult::Literal(value) => value.clone(),
            PassResult::Parameters(template) => self.evaluate(template, visit, 0, None)?,
        };
        let output = pass.result_path.apply(visit.input, result)?;
        Ok(Step::new(output, &pass.next))
    }

    fn observe(&self, event: &Event<'_>) {
        (self.runtime.observe)(event);
    }

    fn evaluate(
        &self,
        template: &Template,
        visit: &Visit<'_>,
        retry_count: u32,
        item: Option<Item<'_>>,
    ) -> Result<Value, Halt> {
        let context = self.context(visit, retry_count, item);
        Ok(template.evaluate(visit.input, &context)?)
    }

    fn context(&self, visit: &Visit<'_>, retry_count: u32, item: Option<Item<'_>>) -> Value {
        let context = Context {
            execution_id: &self.info.id,
            execution_name: &self.info.name,
            start_time: print_time(self.info.started_at),
            redrive_count: self.info.redrive_count,
            input: self.input,
            machine: &self.info.machine,
            state: visit.place.state,
            entered_time: visit.entered_time.clone(),
            retry_count,
            item,
        };
        context.document()
    }

    fn now(&self) -> String {
        print_time(self.began_at + self.began.elapsed())
    }

    /// Events as Step Functions would write them into the execution's history.
    fn count_history(&self, events: u32) -> Result<(), Halt> {
        let before = self.history.fetch_add(events, Ordering::Relaxed);
        if before + events > HISTORY_LIMIT {
            return Err(Halt::runtime(format!(
                "the execution reached the limit of {HISTORY_LIMIT} history events"
            )));
        }
        Ok(())
    }
}

fn limit_size(value: &Value, what: &str) -> Result<(), Halt> {
    // First, because measuring the size of what is too deep would take the stack's last page.
    if data::exceeds_depth_limit(value) {
        return Err(Halt::runtime(format!(
            "the {what} is nested deeper than {DEPTH_LIMIT} levels"
        )));
    }
    if data::exceeds_size_limit(value) {
        let cause = format!("the {what} is larger than {SIZE_LIMIT} bytes");
        return Err(Halt::uncatchable("States.DataLimitExceeded", &cause));
    }
    Ok(())
}

/// Step Functions would round it without a word.
fn refuse_inexact_numbers(value: &Value, what: &str) -> Result<(), Halt> {
    match data::inexact_number(value) {
        None => Ok(()),
        Some(number) => Err(Halt::runtime(format!(
            "the {what} has the number {number}: fractions and numbers beyond 2^53 travel as text"
        ))),
    }
}

fn print_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
