//! A promotion, or an undo, that breaks off: live tables are not left without their policies, unsaid.

use shared::{
    error::{Error, ErrorName},
    ident::{QualifiedTable, TableId},
    plan::restore::{
        Slot, Step, TableRef,
        held::{EndLook, changes_partitions, end_look, left_off},
    },
    sql::ops::steps::StepState,
    starrocks::Client,
};

use crate::work::Work;

impl Work<'_> {
    /// The error with which it breaks off, after live tables got their policies back; those that could
    /// not are named in it.
    pub(super) async fn end_half_way(&mut self, client: &mut Client, mut error: Error) -> Error {
        for index in 0..self.steps.len() {
            let Step::HoldLive { table, live_id } = self.steps[index].planned.step.clone() else {
                continue;
            };
            if self.steps[index].detail.held.is_empty() || self.went_aside(index, &table) {
                continue;
            }
            let left = match is_repeated(&error) {
                true => self
                    .live_name(&table)
                    .map(|name| Some((name, UNFINISHED.into()))),
                false => self.give_back(client, index, &table, live_id).await,
            };
            let left = match left {
                Ok(left) => left,
                // The repeated call ends here once more, and gives back then.
                Err(failed) if is_repeated(&failed) => {
                    error = failed.hint(format!("before that: {}: {}", error.name, error.message));
                    self.live_name(&table)
                        .ok()
                        .map(|name| (name, UNFINISHED.into()))
                }
                Err(failed) => self
                    .live_name(&table)
                    .ok()
                    .map(|name| (name, format!("it could not be given back ({failed})"))),
            };
            let Some((name, because)) = left else {
                continue;
            };
            for (policy, value) in &self.steps[index].detail.held {
                error = error.hint(left_off(&name, *policy, value, &because));
            }
        }
        error
    }

    /// Whether the table that a step held has lost its name since, as it should.
    fn went_aside(&self, index: usize, table: &TableRef) -> bool {
        let phase = self.steps[index].planned.phase;
        self.steps.iter().any(|stored| {
            let step = &stored.planned.step;
            let takes = match step {
                Step::Swap { .. } => true,
                Step::Rename { from, .. } => *from == Slot::Live,
                _ => false,
            };
            takes
                && stored.is_done()
                && stored.planned.phase == phase
                && step.table() == Some(table)
        })
    }

    /// `None`: given back, or nothing to give back. Otherwise what is still off, and why.
    async fn give_back(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        live_id: TableId,
    ) -> Result<Option<(QualifiedTable, String)>, Error> {
        let live = self.live_name(table)?;
        let tables = self.tables(client, &live.database).await?;
        let found = tables.get(&live.table).map(|(id, _)| *id);
        let mixed = self.steps.iter().any(|stored| {
            let step = &stored.planned.step;
            stored.row.attempt > 0 && step.table() == Some(table) && changes_partitions(step)
        });
        match end_look(live_id, self.staged_id(table)?, found, mixed) {
            EndLook::Over => Ok(None),
            EndLook::Mixed => Ok(Some((live, UNFINISHED.to_owned()))),
            EndLook::Elsewhere => {
                let mut tables = tables.into_iter();
                let moved = tables.find(|(_, (id, _))| *id == live_id);
                Ok(moved.map(|(name, _)| {
                    let name = QualifiedTable::new(&live.database, &name);
                    (name, format!("it was held as '{}'", live.table))
                }))
            }
            EndLook::GiveBack => {
                // Before it is given back: whoever goes on with the promotion holds it again.
                self.save(client, index, StepState::Pending).await?;
                let held = self.steps[index].detail.held.clone();
                for (policy, value) in self.not_given_back(client, table, &held).await? {
                    let sent = self
                        .context()
                        .set_policy(table, Slot::Live, policy, &value)?;
                    self.send_one(client, index, &sent).await?;
                }
                self.steps[index].detail.held.clear();
                self.save(client, index, StepState::Pending).await?;
                Ok(None)
            }
        }
    }
}

/// Whether the state machine calls once more after such an error.
fn is_repeated(error: &Error) -> bool {
    matches!(
        error.name,
        ErrorName::Unreachable | ErrorName::AccessDenied | ErrorName::JobConflict
    )
}

const UNFINISHED: &str = "the restore is neither promoted nor undone yet";
