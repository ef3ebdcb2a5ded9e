//! Functions that answer from a script, and a record of everything that happened.

#![expect(
    clippy::disallowed_methods,
    reason = "handlers take their time, in virtual time"
)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::flow::FlowError;
use tokio::{sync::watch, time::Instant};

use crate::asl::{Event, ExecutionError, ExecutionInfo, Functions, Machine, Runtime};

/// Beyond every limit of the machines: who takes longer hangs.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86_400);

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Return(Value),
    Raise(String),
    /// The wrapped answer comes after so many seconds.
    After(u64, Box<Answer>),
    Hang,
    Panic,
}

pub(super) fn raise(name: impl Into<String>) -> Answer {
    Answer::Raise(name.into())
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) function: String,
    /// The payload's `operation`, or nothing.
    pub(super) operation: String,
    pub(super) payload: Value,
    /// How often this operation was called before.
    pub(super) earlier: usize,
    /// Seconds since the start.
    pub(super) at: f64,
}

type Answers = Box<dyn Fn(&Call) -> Answer + Send + Sync>;

pub(super) struct Script {
    began: Instant,
    answers: Answers,
    calls: Mutex<Vec<Call>>,
    /// Calls that came to their end, in this order; abandoned ones too.
    ended: Mutex<Vec<usize>>,
}

impl Functions for Script {
    async fn invoke(self: Arc<Self>, function: String, payload: Value) -> Result<Value, FlowError> {
        let (number, mut answer) = {
            let mut calls = self.calls.lock().unwrap();
            let operation = payload["operation"]
                .as_str()
                .unwrap_or_default()
                .to_string();
            let same = |call: &&Call| call.function == function && call.operation == operation;
            let call = Call {
                earlier: calls.iter().filter(same).count(),
                at: self.began.elapsed().as_secs_f64(),
                function,
                operation,
                payload,
            };
            let answer = (self.answers)(&call);
            calls.push(call);
            (calls.len() - 1, answer)
        };
        while let Answer::After(seconds, after) = answer {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            answer = *after;
        }
        let result = match answer {
            Answer::Return(value) => Ok(value),
            Answer::Raise(error) => Err(FlowError {
                cause: format!("scripted {error}"),
                error,
            }),
            Answer::Panic => panic!("scripted panic"),
            Answer::Hang => std::future::pending().await,
            Answer::After(..) => unreachable!("waited for above"),
        };
        self.ended.lock().unwrap().push(number);
        result
    }
}

/// A way from a state, taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: String,
    /// Through Catch.
    pub(super) caught: bool,
    /// `None` at an end.
    pub(super) to: Option<String>,
}

#[derive(Debug)]
pub(super) struct Run {
    pub(super) result: Result<Value, ExecutionError>,
    pub(super) calls: Vec<Call>,
    pub(super) ended: Vec<usize>,
    /// States in the order in which they were entered.
    pub(super) entered: Vec<String>,
    pub(super) edges: Vec<Edge>,
    /// Seconds of each retry's delay.
    pub(super) delays: Vec<f64>,
    pub(super) published: Vec<Value>,
    pub(super) seconds: f64,
    /// The largest input of any state, in bytes.
    pub(super) largest_state: usize,
    /// Events in the history, at the end.
    pub(super) history_events: u32,
}

impl Run {
    pub(super) fn output(&self) -> &Value {
        self.result.as_ref().unwrap()
    }

    /// Where it failed, and the name of the error.
    pub(super) fn failure(&self) -> (&str, &str) {
        match &self.result {
            Err(ExecutionError::Failed(failure)) => (&failure.state, &failure.error.error),
            other => panic!("not failed: {other:?}"),
        }
    }

    pub(super) fn cause(&self) -> &str {
        match &self.result {
            Err(ExecutionError::Failed(failure)) => &failure.error.cause,
            other => panic!("not failed: {other:?}"),
        }
    }

    pub(super) fn times(&self) -> Vec<f64> {
        self.calls.iter().map(|call| call.at).collect()
    }

    pub(super) fn payloads(&self, operation: &str) -> Vec<&Value> {
        let calls = self.calls.iter().filter(|call| call.operation == operation);
        calls.map(|call| &call.payload).collect()
    }

    pub(super) fn count(&self, operation: &str) -> usize {
        self.payloads(operation).len()
    }
}

/// How a script is run.
pub(super) struct Stage {
    pub(super) random: fn() -> f64,
    pub(super) stop_after: Option<Duration>,
    /// Calls may end after the execution; so long is waited for them.
    pub(super) linger: Duration,
}

impl Default for Stage {
    fn default() -> Stage {
        Stage {
            // Full jitter at its longest, so that delays are what the definition says.
            random: || 1.0,
            stop_after: None,
            linger: Duration::ZERO,
        }
    }
}

pub(super) fn info() -> ExecutionInfo {
    ExecutionInfo {
        id: "arn:execution:1".to_string(),
        name: "1".to_string(),
        machine: "machine".to_string(),
        started_at: "2026-03-01T03:15:00Z".parse::<Timestamp>().unwrap(),
        redrive_count: 0,
    }
}

pub(super) async fn run(
    machine: &Machine,
    input: Value,
    answers: impl Fn(&Call) -> Answer + Send + Sync + 'static,
) -> Run {
    staged(machine, input, Stage::default(), answers).await
}

pub(super) async fn staged(
    machine: &Machine,
    input: Value,
    stage: Stage,
    answers: impl Fn(&Call) -> Answer + Send + Sync + 'static,
) -> Run {
    let execution = info();
    Theatre::open(stage, answers)
        .play(async |functions, runtime| {
            machine.execute(input, &execution, functions, runtime).await
        })
        .await
}

/// Continues a failed run, with the count of redrives that Step Functions would give.
pub(super) async fn redrive(
    machine: &Machine,
    failed: Run,
    count: u32,
    answers: impl Fn(&Call) -> Answer + Send + Sync + 'static,
) -> Run {
    let Err(ExecutionError::Failed(failure)) = failed.result else {
        panic!("only a failed execution is redriven");
    };
    let execution = ExecutionInfo {
        redrive_count: count,
        ..info()
    };
    let (now, input) = (execution.started_at, json!({}));
    let from = failure.checkpoint;
    Theatre::open(Stage::default(), answers)
        .play(async |functions, runtime| {
            machine
                .redrive(from, &input, &execution, now, functions, runtime)
                .await
        })
        .await
}

#[derive(Default)]
struct Trace {
    entered: Vec<String>,
    edges: Vec<Edge>,
    caught: Vec<String>,
    delays: Vec<f64>,
    published: Vec<Value>,
    largest_state: usize,
    history_events: u32,
}

struct Theatre {
    script: Arc<Script>,
    stage: Stage,
}

impl Theatre {
    fn open(stage: Stage, answers: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Theatre {
        let script = Script {
            began: Instant::now(),
            answers: Box::new(answers),
            calls: Mutex::default(),
            ended: Mutex::default(),
        };
        Theatre {
            script: Arc::new(script),
            stage,
        }
    }

    async fn play(
        self,
        perform: impl AsyncFnOnce(&Arc<Script>, &Runtime) -> Result<Value, ExecutionError>,
    ) -> Run {
        let trace = Arc::new(Mutex::new(Trace::default()));
        let (stopper, stop) = watch::channel(false);
        let observed = Arc::clone(&trace);
        let mut runtime = Runtime::new(move |event| observed.lock().unwrap().see(event), stop);
        runtime.random = Box::new(self.stage.random);
        if let Some(after) = self.stage.stop_after {
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                stopper.send(true).unwrap();
            });
        }
        let performance = perform(&self.script, &runtime);
        let result = tokio::time::timeout(FOREVER, performance)
            .await
            .expect("it hangs");
        let seconds = self.script.began.elapsed().as_secs_f64();
        tokio::time::sleep(self.stage.linger).await;
        let trace = std::mem::take(&mut *trace.lock().unwrap());
        Run {
            result,
            calls: self.script.calls.lock().unwrap().clone(),
            ended: self.script.ended.lock().unwrap().clone(),
            entered: trace.entered,
            edges: trace.edges,
            delays: trace.delays,
            published: trace.published,
            seconds,
            largest_state: trace.largest_state,
            history_events: trace.history_events,
        }
    }
}

impl Trace {
    fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::Entered { place, input } => {
                self.entered.push(place.state.to_string());
                self.largest_state = self.largest_state.max(input.to_string().len());
            }
            Event::Retrying { delay, .. } => self.delays.push(delay.as_secs_f64()),
            Event::Published { entries, .. } => self.published.push((*entries).clone()),
            Event::Caught { place, .. } => self.caught.push(place.state.to_string()),
            Event::Exited { place, next, .. } => {
                let caught = self.caught.iter().position(|state| state == place.state);
                self.edges.push(Edge {
                    from: place.state.to_string(),
                    caught: caught.map(|index| self.caught.remove(index)).is_some(),
                    to: next.map(str::to_string),
                });
            }
            Event::Ended(ended) => self.history_events = ended.history_events,
            Event::Invoked { .. }
            | Event::Returned { .. }
            | Event::Failed { .. }
            | Event::Waiting { .. } => {}
        }
    }
}
