//! A Task: call, timeout, Retry, Catch.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use shared::flow::FlowError;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::{
    Event, Execution, Functions, GRACE, Step, Visit,
    halt::{Halt, Reason},
    limit_size, refuse_inexact_numbers,
    wait::{Interruption, sleep_until},
};
use crate::asl::{
    data::Template,
    definition::{Action, Catcher, JitterStrategy, Retrier, TIMEOUT, Task},
};

impl<F: Functions> Execution<'_, F> {
    pub(super) async fn task<'s>(
        &self,
        task: &'s Task,
        visit: &Visit<'_>,
    ) -> Result<Step<'s>, Halt> {
        // "A retrier's parameters apply across all visits to the retrier in the context of a
        // single-state execution" (AWS Step Functions, error handling): one counter each, from 0.
        let mut used = vec![0; task.retry.len()];
        loop {
            let retries = used.iter().sum();
            let halt = match self.attempt(task, visit, retries).await {
                Ok(result) => {
                    let output = task.result_path.apply(visit.input, result)?;
                    return Ok(Step::new(output, &task.next));
                }
                Err(halt) => halt,
            };
            let Reason::Failed {
                error,
                catchable: true,
            } = &halt.reason
            else {
                return Err(halt);
            };
            // At most one matches: no name stands in two retriers.
            let matching = task.retry.iter().zip(&mut used);
            let matching = matching
                .into_iter()
                .find(|(retrier, _)| retrier.matches(&error.error));
            match matching {
                Some((retrier, used)) if *used < retrier.max_attempts => {
                    *used += 1;
                    let delay = self.delay(retrier, *used);
                    self.observe(&Event::Retrying {
                        place: visit.place,
                        error,
                        delay,
                        left: retrier.max_attempts - *used,
                    });
                    self.sleep(delay).await?;
                }
                _ => return self.catch(&task.catch, visit, halt),
            }
        }
    }

    /// Goes on with the first catcher that matches, or halts.
    pub(super) fn catch<'s>(
        &self,
        catchers: &'s [Catcher],
        visit: &Visit<'_>,
        halt: Halt,
    ) -> Result<Step<'s>, Halt> {
        let Reason::Failed {
            error,
            catchable: true,
        } = &halt.reason
        else {
            return Err(halt);
        };
        let Some(catcher) = catchers
            .iter()
            .find(|catcher| catcher.matches(&error.error))
        else {
            return Err(halt);
        };
        self.observe(&Event::Caught {
            place: visit.place,
            error,
            next: &catcher.next,
        });
        let output = json!({"Error": error.error, "Cause": error.cause});
        Ok(Step {
            output: catcher.result_path.apply(visit.input, output)?,
            next: Some(&catcher.next),
        })
    }

    async fn attempt(&self, task: &Task, visit: &Visit<'_>, retries: u32) -> Result<Value, Halt> {
        // Scheduled, started, and succeeded or failed.
        self.count_history(3)?;
        match &task.action {
            Action::PutEvents { entries } => {
                let entries = self.evaluate(entries, visit, retries, None)?;
                limit_size(&entries, "payload")?;
                self.observe(&Event::Published {
                    place: visit.place,
                    entries: &entries,
                });
                Ok(Value::Null)
            }
            Action::Invoke {
                function,
                payload,
                selector,
            } => {
                let payload = self.evaluate(payload, visit, retries, None)?;
                limit_size(&payload, "payload")?;
                let result = self
                    .invoke(function, payload, task.timeout, visit, retries)
                    .await?;
                limit_size(&result, "result")?;
                refuse_inexact_numbers(&result, "result")?;
                self.select(selector.as_ref(), result, visit, retries)
            }
        }
    }

    fn select(
        &self,
        selector: Option<&Template>,
        result: Value,
        visit: &Visit<'_>,
        retries: u32,
    ) -> Result<Value, Halt> {
        match selector {
            None => Ok(Value::Null),
            Some(selector) => {
                let context = self.context(visit, retries, None);
                Ok(selector.evaluate(&json!({"Payload": result}), &context)?)
            }
        }
    }

    async fn invoke(
        &self,
        function: &str,
        payload: Value,
        limit: Duration,
        visit: &Visit<'_>,
        retry: u32,
    ) -> Result<Value, Halt> {
        let place = visit.place;
        self.observe(&Event::Invoked {
            place,
            function,
            payload: &payload,
            retry,
        });
        let call = Arc::clone(self.functions).invoke(function.to_string(), payload);
        match self.join(tokio::spawn(call), limit).await? {
            Ok(result) => {
                self.observe(&Event::Returned {
                    place,
                    function,
                    result: &result,
                });
                Ok(result)
            }
            Err(error) => {
                self.observe(&Event::Failed {
                    place,
                    function,
                    error: &error,
                });
                Err(Halt::from(Reason::Failed {
                    error,
                    catchable: true,
                }))
            }
        }
    }

    /// A dropped handle abandons the call: it runs on, and must find that it has been superseded.
    async fn join(
        &self,
        mut call: JoinHandle<Result<Value, FlowError>>,
        limit: Duration,
    ) -> Result<Result<Value, FlowError>, Halt> {
        let joined = tokio::select! {
            biased;
            joined = &mut call => joined,
            interruption = self.interrupted() => match interruption {
                Interruption::Deadline => return Err(interruption.into()),
                Interruption::Stop => match timeout(GRACE, &mut call).await {
                    Ok(joined) => joined,
                    Err(_) => {
                        // The process ends: whatever is said of its work must stay true.
                        call.abort();
                        return Err(interruption.into());
                    }
                },
            },
            () = sleep_until(Instant::now() + limit) => {
                return Ok(Err(FlowError {
                    error: TIMEOUT.to_string(),
                    cause: format!("no answer within {} seconds", limit.as_secs()),
                }));
            }
        };
        // A panic reaches Step Functions as the error of our runtime, too.
        Ok(joined.unwrap_or_else(|panic| {
            Err(FlowError {
                error: shared::error::ErrorName::Internal.to_string(),
                cause: format!("the handler ended without an answer: {panic}"),
            })
        }))
    }

    /// "IntervalSeconds ... before the first retry attempt", multiplied by BackoffRate for each
    /// further one, at most MaxDelaySeconds; FULL jitter is "a random number between 0 and the
    /// computed backoff" (Amazon States Language, "Errors"; AWS CDK reference, JitterType).
    fn delay(&self, retrier: &Retrier, attempt: u32) -> Duration {
        let exponent = i32::try_from(attempt - 1).unwrap_or(i32::MAX);
        let backoff = f64::from(retrier.interval_seconds) * retrier.backoff_rate.powi(exponent);
        let seconds = backoff.min(f64::from(retrier.max_delay_seconds));
        Duration::from_secs_f64(match retrier.jitter {
            JitterStrategy::None => seconds,
            JitterStrategy::Full => seconds * (self.runtime.random)(),
        })
    }
}
