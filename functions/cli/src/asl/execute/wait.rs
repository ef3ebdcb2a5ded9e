//! Waiting: a Wait state, the delay of a retry, the limits of an execution's life.

use std::{future::pending, time::Duration};

use tokio::time::Instant;

use super::{Event, Execution, Functions, Step, Visit, halt::Halt};
use crate::asl::definition::{TIMEOUT, Wait, WaitFor};

/// How long a running handler may go on after a stop. Whoever stops a container waits ten seconds before
/// it is killed, and some of them are needed to say what is left.
pub const GRACE: Duration = Duration::from_secs(6);

/// The longest wait that Step Functions accepts (AWS Step Functions, Wait workflow state).
const MAX_WAIT_SECONDS: u64 = 99_999_999;

pub(super) enum Interruption {
    Stop,
    Deadline,
}

impl<F: Functions> Execution<'_, F> {
    pub(super) async fn wait_state<'s>(
        &self,
        wait: &'s Wait,
        visit: &Visit<'_>,
    ) -> Result<Step<'s>, Halt> {
        let seconds = match &wait.duration {
            WaitFor::Seconds(seconds) => u64::from(*seconds),
            WaitFor::SecondsPath(path) => {
                let value = path.resolve(visit.input)?;
                let seconds = value
                    .as_u64()
                    .filter(|seconds| *seconds <= MAX_WAIT_SECONDS);
                seconds.ok_or_else(|| {
                    Halt::runtime(format!(
                        "SecondsPath '{path}': {value} is no number of seconds"
                    ))
                })?
            }
        };
        let duration = Duration::from_secs(seconds);
        self.observe(&Event::Waiting {
            place: visit.place,
            duration,
        });
        self.sleep(duration).await?;
        Ok(Step::new(visit.input.clone(), &wait.next))
    }

    /// Ends early when the execution is stopped or its time is up.
    pub(super) async fn sleep(&self, duration: Duration) -> Result<(), Halt> {
        tokio::select! {
            biased;
            interruption = self.interrupted() => Err(interruption.into()),
            () = sleep_until(Instant::now() + duration / self.runtime.pace) => Ok(()),
        }
    }

    pub(super) async fn interrupted(&self) -> Interruption {
        let mut stop = self.runtime.stop.clone();
        let stopped = async {
            // Nobody is left who could stop it.
            if stop.wait_for(|stopped| *stopped).await.is_err() {
                pending::<()>().await;
            }
        };
        let Some(deadline) = self.deadline else {
            stopped.await;
            return Interruption::Stop;
        };
        tokio::select! {
            biased;
            () = stopped => Interruption::Stop,
            () = sleep_until(deadline) => Interruption::Deadline,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a handler returns wait_seconds to what waits: this"
)]
pub(super) async fn sleep_until(instant: Instant) {
    tokio::time::sleep_until(instant).await;
}

impl From<Interruption> for Halt {
    fn from(interruption: Interruption) -> Halt {
        match interruption {
            Interruption::Stop => Halt::stopped(),
            Interruption::Deadline => {
                Halt::uncatchable(TIMEOUT, "the execution ran longer than its TimeoutSeconds")
            }
        }
    }
}
