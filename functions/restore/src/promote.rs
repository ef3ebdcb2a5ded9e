//! The moment when a restore becomes live, and the way back.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::{
    config::Settings,
    error::{Error, ErrorName},
    flow::{RestoreAction, RestoreRun},
    ident::InvocationId,
    plan::{
        promote::{
            self, Moment, Progress, SwapIds,
            undo::{StoredStep, UndoTable, undo},
        },
        restore::{Phase, PlannedStep, Slot, Step, TableRef},
        verify::content_digest,
    },
    sql::ops::steps::{StepRow, StepState},
    starrocks::Client,
};

use crate::{
    steps::Reached,
    work::{Stored, Work},
};

pub(crate) async fn promote(
    settings: &Settings,
    client: &mut Client,
    run: &RestoreRun,
    invocation: InvocationId,
) -> Result<Value, Error> {
    let mut work = Work::load(settings, client, run, &invocation).await?;
    let progress = work.progress();
    match run.action {
        RestoreAction::Undo => {
            promote::may_undo(progress)?;
            work.undo(client).await
        }
        RestoreAction::Restore | RestoreAction::Resume | RestoreAction::Promote => {
            // A repeat of the call that promoted the last table.
            if progress == Progress::Promoted {
                return work.finish(client).await;
            }
            promote::may_promote(progress)?;
            if progress == Progress::Verified {
                work.check_moment(client).await?;
                work.set_state(client, "PROMOTING").await?;
            }
            match work.run_phases(client, &[Phase::Promote]).await? {
                Reached::End => {
                    work.set_state(client, "PROMOTED").await?;
                    work.finish(client).await
                }
                Reached::Waiting | Reached::Budget => Ok(json!({ "next": "promote" })),
            }
        }
    }
}

impl Work<'_> {
    fn progress(&self) -> Progress {
        match self.restore.state.as_deref() {
            Some("VERIFIED") => Progress::Verified,
            Some("PROMOTING") => Progress::Promoting,
            Some("PROMOTED") => Progress::Promoted,
            Some("UNDOING") => Progress::Undoing,
            Some("UNDONE") => Progress::Undone,
            _ => Progress::Building,
        }
    }

    async fn set_state(&mut self, client: &mut Client, state: &str) -> Result<(), Error> {
        self.ops(client)
            .set_restore_state(&self.run.restore_id, state, "RUNNING", None)
            .await?;
        self.restore.state = Some(state.to_owned());
        Ok(())
    }

    /// Before the first name changes: what was verified is what is there, and nothing is in a job.
    async fn check_moment(&mut self, client: &mut Client) -> Result<(), Error> {
        let mut reasons = Vec::new();
        for stored in self.steps.clone() {
            let Step::Verify {
                table,
                slot,
                snapshot: None,
            } = &stored.planned.step
            else {
                continue;
            };
            if *slot == Slot::Live {
                continue;
            }
            let Some(verified) = stored.detail.content else {
                continue;
            };
            let Some(staged) = self.moment(client, table, *slot).await? else {
                reasons.push(format!("'{}' is gone", self.name_of(table, *slot)?));
                continue;
            };
            let live = self.moment(client, table, Slot::Live).await?;
            let database = self.database_of(table)?;
            let running = self.restore_is_running(client, &database).await?;
            if let Err(more) = promote::ready_to_promote(&staged, verified, live.as_ref(), running)
            {
                reasons.extend(more);
            }
        }
        if reasons.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorName::VerificationFailed,
            format!(
                "restore {} cannot become live: {}",
                self.run.restore_id,
                reasons.join("; ")
            ),
        )
        .hint("what was staged is no longer what was verified: restore the label again"))
    }

    async fn moment(
        &self,
        client: &mut Client,
        table: &TableRef,
        slot: Slot,
    ) -> Result<Option<Moment>, Error> {
        let facts = self.read_table(client, table, slot).await?;
        Ok(facts.map(|facts| Moment {
            content: content_digest(&facts.partitions),
            table: facts.table,
            state: facts.state,
        }))
    }

    /// What follows when all names are in place.
    async fn finish(&mut self, client: &mut Client) -> Result<Value, Error> {
        match self.run_phases(client, &[Phase::Finish]).await? {
            Reached::End => Ok(json!({ "next": "done" })),
            Reached::Waiting | Reached::Budget => Ok(json!({ "next": "promote" })),
        }
    }

    async fn undo(&mut self, client: &mut Client) -> Result<Value, Error> {
        if self.restore.state.as_deref() != Some("UNDOING") {
            self.plan_undo(client).await?;
            self.set_state(client, "UNDOING").await?;
        }
        // The steps of the restore itself that were never begun stay undone.
        let first = self.undo_from();
        for index in 0..self.steps.len() {
            if self.steps[index].row.number < first && !self.steps[index].is_done() {
                self.steps[index].row.state = StepState::Done;
            }
        }
        match self.run_phases(client, &[Phase::Promote]).await? {
            Reached::End => {
                self.set_state(client, "UNDONE").await?;
                Ok(json!({ "next": "done" }))
            }
            Reached::Waiting | Reached::Budget => Ok(json!({ "next": "promote" })),
        }
    }

    /// Undo steps are numbered behind the last step of the plan.
    fn undo_from(&self) -> u64 {
        let planned = self
            .steps
            .iter()
            .filter(|stored| stored.planned.phase == Phase::Finish)
            .map(|stored| stored.row.number)
            .max();
        match planned {
            Some(last) => last + 1,
            None => {
                self.steps
                    .iter()
                    .filter(|stored| stored.planned.phase <= Phase::Verify)
                    .map(|stored| stored.row.number)
                    .max()
                    .unwrap_or_default()
                    + 1
            }
        }
    }

    async fn plan_undo(&mut self, client: &mut Client) -> Result<(), Error> {
        let mut tables: BTreeMap<TableRef, UndoTable> = BTreeMap::new();
        for stored in &self.steps {
            let (Phase::Promote, Some(table)) = (stored.planned.phase, stored.planned.step.table())
            else {
                continue;
            };
            let database = self.database_of(table)?;
            let found = self.tables(client, &database).await?;
            let id = |slot| -> Result<_, Error> {
                Ok(found.get(&self.name_of(table, slot)?).map(|(id, _)| *id))
            };
            let staged = self.name_of(table, Slot::Staged)?;
            tables.insert(
                table.clone(),
                UndoTable {
                    staged_id: self.made(&database, &staged),
                    now: SwapIds {
                        live: id(Slot::Live)?,
                        staged: id(Slot::Staged)?,
                        before: id(Slot::Before)?,
                    },
                },
            );
        }
        let steps: Vec<StoredStep> = self
            .steps
            .iter()
            .map(|stored| StoredStep {
                planned: stored.planned.clone(),
                done: stored.is_done(),
            })
            .collect();
        let planned = undo(&steps, &tables).map_err(|reasons| {
            Error::new(
                ErrorName::RestoreFailed,
                format!(
                    "restore {} cannot be undone: {}",
                    self.run.restore_id,
                    reasons.join("; ")
                ),
            )
        })?;
        self.store_undo(client, planned).await
    }

    async fn store_undo(
        &mut self,
        client: &mut Client,
        planned: Vec<PlannedStep>,
    ) -> Result<(), Error> {
        let mut rows = Vec::with_capacity(planned.len());
        for step in &planned {
            rows.push(StepRow {
                number: step.number.into(),
                kind: step.step.kind().to_owned(),
                step: serde_json::to_string(step)
                    .map_err(|error| Error::internal(error.to_string()))?,
                digest: self.context().digest(step)?,
                live_table_id: None,
                staged_table_id: None,
                attempt: 0,
                state: StepState::Pending,
                detail: None,
            });
        }
        self.ops(client)
            .add_steps(&self.run.restore_id, &rows)
            .await?;
        for (planned, row) in planned.into_iter().zip(rows) {
            self.steps.push(Stored {
                planned,
                row,
                detail: crate::detail::Detail::default(),
            });
        }
        Ok(())
    }
}
