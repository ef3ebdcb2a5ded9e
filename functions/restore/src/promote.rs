//! The moment when a restore becomes live, and the way back.

mod half_way;
mod moment;
mod preview;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::{
    audit::Action,
    config::Settings,
    error::{Error, ErrorName},
    flow::{RestoreAction, RestoreRun},
    ident::InvocationId,
    plan::{
        promote::{
            self, Progress, SwapIds,
            undo::{StoredStep, UndoTable, undo},
        },
        restore::{Detail, Phase, PlannedStep, Slot, TableRef},
    },
    sql::ops::steps::{StepRow, StepState},
    starrocks::Client,
};

use crate::{
    steps::{Reached, promotion_goes_on},
    stored::Stored,
    work::Work,
};

pub(crate) use preview::preview;

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
            // A repeat of the call that took back the last table: its end is not recorded yet.
            if progress == Progress::Undone && work.restore.status == "RUNNING" {
                return Ok(json!({ "next": "done", "wait_seconds": 0 }));
            }
            promote::may_undo(progress)?;
            work.undo(client).await
        }
        RestoreAction::Restore | RestoreAction::Resume | RestoreAction::Promote => {
            // A repeat of the call that promoted the last table.
            if progress == Progress::Promoted {
                return work.finish(client).await;
            }
            promote::may_promote(progress)?;
            match work.go_live(client, progress).await {
                Ok(Reached::End) => {
                    let databases = work.databases();
                    work.audit(Action::Promote, &databases, "").done();
                    work.set_state(client, "PROMOTED").await?;
                    work.finish(client).await
                }
                Ok(more) => Ok(promotion_goes_on(more)),
                Err(error) => Err(work.end_half_way(client, error).await),
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

    async fn go_live(&mut self, client: &mut Client, progress: Progress) -> Result<Reached, Error> {
        self.check_moment(client).await?;
        if progress == Progress::Verified {
            self.audit(Action::Promote, &self.databases(), "").started();
            self.set_state(client, "PROMOTING").await?;
        }
        self.run_phases(client, &[Phase::Promote]).await
    }

    /// What follows when all names are in place.
    async fn finish(&mut self, client: &mut Client) -> Result<Value, Error> {
        match self.run_phases(client, &[Phase::Finish]).await? {
            Reached::End => Ok(json!({ "next": "done", "wait_seconds": 0 })),
            more => Ok(promotion_goes_on(more)),
        }
    }

    async fn undo(&mut self, client: &mut Client) -> Result<Value, Error> {
        if self.restore.state.as_deref() != Some("UNDOING") {
            let planned = self.undo_steps(client).await?;
            self.audit(Action::Undo, &self.databases(), "").started();
            self.store_undo(client, planned).await?;
            self.set_state(client, "UNDOING").await?;
        }
        match self.run_phases(client, &[Phase::Undo]).await {
            Ok(Reached::End) => {
                self.audit(Action::Undo, &self.databases(), "").done();
                self.set_state(client, "UNDONE").await?;
                Ok(json!({ "next": "done", "wait_seconds": 0 }))
            }
            Ok(more) => Ok(promotion_goes_on(more)),
            Err(error) => Err(self.end_half_way(client, error).await),
        }
    }

    /// The steps that take back what was promoted, or everything that stands against it.
    async fn undo_steps(&mut self, client: &mut Client) -> Result<Vec<PlannedStep>, Error> {
        // Stored by a call that died before it could say that the undo had begun.
        self.steps
            .retain(|stored| stored.planned.phase != Phase::Undo);
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
                begun: stored.row.attempt > 0 || stored.is_done(),
                held: stored.detail.held.clone(),
            })
            .collect();
        undo(&steps, &tables).map_err(|reasons| {
            Error::new(
                ErrorName::RestoreFailed,
                format!(
                    "restore {} cannot be undone: {}",
                    self.run.restore_id,
                    reasons.join("; ")
                ),
            )
        })
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
                detail: Detail::default(),
            });
        }
        Ok(())
    }
}
