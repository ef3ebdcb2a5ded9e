//! The moment when a restore becomes live, and the way back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::{
    config::Settings,
    error::{Error, ErrorName},
    facts::TableFacts,
    flow::{RestoreAction, RestoreRun},
    ident::{DatabaseName, InvocationId, PartitionName, QualifiedTable, TableName},
    plan::{
        backup::Selection,
        promote::{
            self, GoesAside, Moment, Progress, SwapIds,
            undo::{StoredStep, UndoTable, undo},
        },
        restore::{CopyMode, Detail, Phase, PlannedStep, Slot, Step, TableRef},
        verify::content_digest,
    },
    read,
    sql::ops::steps::{StepRow, StepState},
    starrocks::Client,
};

use crate::{
    steps::{Reached, promotion_goes_on},
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
            work.check_moment(client).await?;
            if progress == Progress::Verified {
                work.set_state(client, "PROMOTING").await?;
            }
            match work.run_phases(client, &[Phase::Promote]).await? {
                Reached::End => {
                    work.set_state(client, "PROMOTED").await?;
                    work.finish(client).await
                }
                more => Ok(promotion_goes_on(more)),
            }
        }
    }
}

/// What would go aside if the restore were promoted or undone now, or why it cannot be.
pub(crate) async fn preview(
    settings: &Settings,
    client: &mut Client,
    run: &RestoreRun,
) -> Result<Value, Error> {
    let mut work = Work::read(settings, client, run).await?;
    let progress = work.progress();
    if run.action == RestoreAction::Undo {
        promote::may_undo(progress)?;
        work.undo_steps(client).await?;
    } else {
        promote::may_promote(progress)?;
        work.check_moment(client).await?;
    }
    let mut lines = work.goes_aside(client).await?;
    let all = lines.len();
    lines.truncate(LINES_SHOWN);
    let digest = work
        .restore
        .plan
        .as_deref()
        .and_then(|plan| serde_json::from_str::<Value>(plan).ok())
        .map(|plan| plan["digest"].clone());
    Ok(json!({
        "digest": digest,
        "summary": { "goes_aside": lines, "not_shown": all - lines.len() },
    }))
}

/// The output travels through the state machine, which carries 32 KB at most.
const LINES_SHOWN: usize = 60;

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

    /// Before a name changes: what was verified is what is there, and nothing is in a job. Tables that
    /// have their new name already are judged by their ids alone.
    pub(crate) async fn check_moment(&self, client: &mut Client) -> Result<(), Error> {
        let mut open = Vec::new();
        let mut names: BTreeMap<DatabaseName, BTreeSet<TableName>> = BTreeMap::new();
        for stored in &self.steps {
            let (Step::Verify { table, slot, .. }, Some(verified)) =
                (&stored.planned.step, stored.detail.content)
            else {
                continue;
            };
            if *slot == Slot::Live || !self.is_to_be_promoted(table) {
                continue;
            }
            let database = self.database_of(table)?;
            let (name, live) = (
                self.name_of(table, *slot)?,
                self.name_of(table, Slot::Live)?,
            );
            let wanted = names.entry(database.clone()).or_default();
            wanted.extend([name.clone(), live.clone()]);
            open.push((database, name, live, verified));
        }
        let facts = self.read_tables(client, names).await?;
        let mut running = BTreeSet::new();
        for database in facts.keys() {
            if self.restore_is_running(client, database).await? {
                running.insert(database.clone());
            }
        }
        let mut reasons = Vec::new();
        for (database, name, live, verified) in open {
            let moment = |name: &TableName| {
                let table = facts.get(&database)?.get(name)?;
                Some(Moment {
                    content: content_digest(&table.partitions),
                    table: table.table.clone(),
                    state: table.state.clone(),
                })
            };
            let made = self.made(&database, &name);
            let found = facts.get(&database).and_then(|tables| tables.get(&name));
            match (moment(&name), found.map(|table| table.table_id)) {
                // Swapped, and it could not be written down any more: ids tell.
                (_, id) if made.is_some() && id != made => {}
                (None, _) => reasons.push(format!("'{name}' is gone")),
                (Some(staged), _) => {
                    let live = moment(&live);
                    let running = running.contains(&database);
                    let ready =
                        promote::ready_to_promote(&staged, verified, live.as_ref(), running);
                    reasons.extend(ready.err().into_iter().flatten());
                }
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

    /// Whether some step that changes what people see of a table is not done.
    fn is_to_be_promoted(&self, table: &TableRef) -> bool {
        self.steps.iter().any(|stored| {
            let step = &stored.planned.step;
            let changes = matches!(
                step,
                Step::Swap { .. } | Step::Rename { .. } | Step::ReplacePartitions { .. }
            ) || matches!(step, Step::CopyPartitions { mode, .. } if *mode == CopyMode::Overwrite);
            stored.planned.phase == Phase::Promote
                && changes
                && step.table() == Some(table)
                && !stored.is_done()
        })
    }

    /// What has a live name and would lose it: of a promotion what lives now, of an undo what the
    /// restore put there.
    async fn goes_aside(&self, client: &mut Client) -> Result<Vec<String>, Error> {
        let undo = self.run.action == RestoreAction::Undo;
        let mut whole: BTreeSet<TableRef> = BTreeSet::new();
        let mut parts: BTreeMap<TableRef, BTreeSet<PartitionName>> = BTreeMap::new();
        for (index, stored) in self.steps.iter().enumerate() {
            let (Phase::Promote, Some(table)) = (stored.planned.phase, stored.planned.step.table())
            else {
                continue;
            };
            match &stored.planned.step {
                Step::Swap { .. } | Step::Rename { .. } => {
                    whole.insert(table.clone());
                }
                Step::CopyPartitions {
                    to: Slot::Before, ..
                } => {
                    let names = self.statements(index)?.into_iter();
                    let names = names.filter_map(|sent| sent.partition);
                    parts.entry(table.clone()).or_default().extend(names);
                }
                _ => {}
            }
        }
        let mut names: BTreeMap<DatabaseName, BTreeSet<TableName>> = BTreeMap::new();
        for table in whole.iter().chain(parts.keys()) {
            let wanted = names.entry(self.database_of(table)?).or_default();
            wanted.extend([
                self.name_of(table, Slot::Live)?,
                self.name_of(table, Slot::Staged)?,
            ]);
        }
        let databases = names.keys().cloned().collect();
        let facts = self.read_tables(client, names).await?;
        let around = read::read_around(client, &databases, &BTreeSet::new()).await?;
        let mut lines = Vec::new();
        for table in whole.iter().chain(parts.keys()) {
            let database = self.database_of(table)?;
            let name = self.name_of(table, Slot::Live)?;
            let Some(live) = facts.get(&database).and_then(|tables| tables.get(&name)) else {
                continue;
            };
            let restored = self.made(&database, &self.name_of(table, Slot::Staged)?);
            let partitions = parts.get(table);
            // What this restore put there already stays; of what was not promoted nothing is undone.
            if partitions.is_none() && (restored == Some(live.table_id)) != undo {
                continue;
            }
            let going: Vec<_> = live
                .partitions
                .iter()
                .filter(|found| partitions.is_none_or(|names| names.contains(&found.name)))
                .collect();
            let before = self.name_of(table, Slot::Before)?;
            if undo && partitions.is_some() {
                lines.push(format!(
                    "{} partitions of {name} are put back from {before}; what the restore put there \
                     is dropped",
                    going.len()
                ));
                continue;
            }
            let qualified = QualifiedTable::new(&database, &name);
            let aside = GoesAside {
                under: match undo {
                    true => self.name_of(table, Slot::Undone)?,
                    false => before,
                },
                partitions: partitions.map(|_| going.len() as u64),
                rows: going.iter().map(|found| found.row_count).sum(),
                last_load: around.last_loads.get(&qualified).cloned(),
                table: name,
            };
            lines.push(aside.to_string());
        }
        Ok(lines)
    }

    async fn read_tables(
        &self,
        client: &mut Client,
        names: BTreeMap<DatabaseName, BTreeSet<TableName>>,
    ) -> Result<BTreeMap<DatabaseName, BTreeMap<TableName, TableFacts>>, Error> {
        let selections = names
            .into_iter()
            .map(|(database, names)| (database, Selection::Names(names)))
            .collect();
        let readings = read::read_databases(client, &selections, &self.run.execution_id).await?;
        Ok(readings
            .into_iter()
            .map(|(database, reading)| (database, reading.facts.tables))
            .collect())
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
            self.store_undo(client, planned).await?;
            self.set_state(client, "UNDOING").await?;
        }
        match self.run_phases(client, &[Phase::Undo]).await? {
            Reached::End => {
                self.set_state(client, "UNDONE").await?;
                Ok(json!({ "next": "done", "wait_seconds": 0 }))
            }
            more => Ok(promotion_goes_on(more)),
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
                done: stored.is_done(),
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
