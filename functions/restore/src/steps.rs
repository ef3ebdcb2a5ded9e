//! Running the steps of a restore, in order, until one has to be waited for or the budget is used up.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    config::Settings, error::Error, flow::RestoreRun, ident::InvocationId, plan::restore::Phase,
    read, sql::ops::steps::StepState, starrocks::Client,
};
use tokio::time::Instant;

use crate::{execute::Progress, work::Work};

/// How long one call goes on with the next step. Far below the function's timeout.
const BUDGET: Duration = Duration::from_secs(60);
/// Until a submitted job or task is looked at again: longer, the longer it runs, because each look is a
/// part of an execution's history, which has an end.
const SHORTEST_WAIT: u64 = 5;
const LONGEST_WAIT: u64 = 60;

/// How far the steps of some phases are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Of these phases nothing is left.
    End,
    /// Something was submitted and runs.
    Waiting { seconds: u64 },
    /// The budget is used up.
    Budget,
}

pub(crate) async fn steps(
    settings: &Settings,
    client: &mut Client,
    run: &RestoreRun,
    invocation: InvocationId,
) -> Result<Value, Error> {
    let mut work = Work::load(settings, client, run, &invocation).await?;
    Ok(match work.run_phases(client, &[Phase::Build]).await? {
        Reached::End => json!({ "next": "verify", "wait_seconds": 0 }),
        Reached::Budget => json!({ "next": "steps", "wait_seconds": 0 }),
        Reached::Waiting { seconds } => json!({ "next": "wait", "wait_seconds": seconds }),
    })
}

/// What a promotion answers while it is not at its end.
pub(crate) fn promotion_goes_on(reached: Reached) -> Value {
    let seconds = match reached {
        Reached::Waiting { seconds } => seconds,
        Reached::End | Reached::Budget => 1,
    };
    json!({ "next": "promote", "wait_seconds": seconds })
}

impl Work<'_> {
    pub(crate) async fn run_phases(
        &mut self,
        client: &mut Client,
        phases: &[Phase],
    ) -> Result<Reached, Error> {
        let deadline = Instant::now() + BUDGET;
        for index in 0..self.steps.len() {
            let stored = &self.steps[index];
            if stored.is_done() || !phases.contains(&stored.planned.phase) {
                continue;
            }
            if Instant::now() >= deadline {
                return Ok(Reached::Budget);
            }
            let (number, kind) = (stored.row.number, stored.planned.step.kind());
            let began = Instant::now();
            match self.execute(client, index).await? {
                Progress::Done => {
                    self.save(client, index, StepState::Done).await?;
                    tracing::info!(
                        restore.id = %self.run.restore_id,
                        step.number = number,
                        step.kind = kind,
                        // Of this call: what was waited for before is in the times of the calls.
                        milliseconds = milliseconds_since(began),
                        "restore step done"
                    );
                }
                Progress::Running => {
                    let seconds = self.wait_seconds(client, index).await?;
                    return Ok(Reached::Waiting { seconds });
                }
            }
        }
        Ok(Reached::End)
    }

    async fn wait_seconds(&self, client: &mut Client, index: usize) -> Result<u64, Error> {
        let Some(seen) = &self.steps[index].detail.seen else {
            return Ok(SHORTEST_WAIT);
        };
        let now = read::utc_now(client).await?;
        let runs = now.timestamp().as_second() - seen.since.timestamp().as_second();
        let tenth = u64::try_from(runs / 10).unwrap_or_default();
        Ok(tenth.clamp(SHORTEST_WAIT, LONGEST_WAIT))
    }
}

fn milliseconds_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
