//! Restores: the plan as stored, and how far each step is.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ops, until_visible};
use crate::{
    error::{Error, ErrorName},
    ident::{RestoreId, TableId},
    plan::{
        backup::Leftovers,
        restore::{
            Detail, PlannedStep, RestoreRequest,
            aside::{AsideOf, aside},
        },
    },
    sql::ops::steps::{self, NewRestore, RestoreRow, StepRow, StepUpdate},
};

impl Ops<'_> {
    /// Stores the steps, waits until all can be read, then the restore's own row: a restore that has
    /// a row has all its steps.
    pub async fn write_restore(
        &mut self,
        row: &NewRestore<'_>,
        steps: &[StepRow],
    ) -> Result<(), Error> {
        for statement in steps::insert_steps(self.database, row.id, steps) {
            self.client.run(&statement).await?;
        }
        until_visible!(format!("the steps of restore {}", row.id), {
            self.restore_steps(row.id).await?.len() == steps.len()
        })?;
        self.client
            .run(&steps::insert_restore(self.database, row))
            .await?;
        until_visible!(format!("restore {}", row.id), {
            self.restore(row.id).await?.is_some()
        })
    }

    /// More steps of a restore that is on record: those of its undo.
    pub async fn add_steps(&mut self, id: &RestoreId, rows: &[StepRow]) -> Result<(), Error> {
        let numbers: BTreeSet<u64> = rows.iter().map(|row| row.number).collect();
        for statement in steps::insert_steps(self.database, id, rows) {
            self.client.run(&statement).await?;
        }
        until_visible!(format!("the undo of restore {id}"), {
            let stored = self.restore_steps(id).await?;
            let stored: BTreeSet<u64> = stored.iter().map(|row| row.number).collect();
            stored.is_superset(&numbers)
        })
    }

    pub async fn restore_steps(&mut self, id: &RestoreId) -> Result<Vec<StepRow>, Error> {
        Ok(self.client.fetch(&steps::steps(self.database, id)).await?)
    }

    pub async fn restore(&mut self, id: &RestoreId) -> Result<Option<RestoreRow>, Error> {
        Ok(self
            .client
            .fetch(&steps::restore(self.database, id))
            .await?
            .pop())
    }

    pub async fn known_restore(&mut self, id: &RestoreId) -> Result<RestoreRow, Error> {
        self.restore(id).await?.ok_or_else(|| {
            Error::new(ErrorName::NotFound, format!("there is no restore '{id}'"))
                .hint("starrocks-br status shows the restores that are recorded")
        })
    }

    pub async fn restores(&mut self) -> Result<Vec<RestoreRow>, Error> {
        Ok(self.client.fetch(&steps::restores(self.database)).await?)
    }

    /// Writes what is known of a step before the next thing is done.
    pub async fn update_step(
        &mut self,
        id: &RestoreId,
        number: u64,
        update: &StepUpdate,
    ) -> Result<(), Error> {
        self.client
            .run(&steps::update_step(self.database, id, number, update))
            .await?;
        let Some(state) = update.state else {
            return Ok(());
        };
        until_visible!(format!("step {number} of restore {id}"), {
            let rows = self.restore_steps(id).await?;
            rows.iter()
                .any(|row| row.number == number && row.state == state)
        })
    }

    pub async fn set_restore_state(
        &mut self,
        id: &RestoreId,
        state: &str,
        status: &str,
        error_message: Option<&str>,
    ) -> Result<(), Error> {
        let statement = steps::set_restore_state(self.database, id, state, status, error_message);
        self.client.run(&statement).await?;
        until_visible!(format!("state {state} of restore {id}"), {
            self.restore(id)
                .await?
                .is_some_and(|row| row.state.as_deref() == Some(state))
        })
    }

    pub async fn set_verified(
        &mut self,
        id: &RestoreId,
        rows: u64,
        checksum: Option<&str>,
    ) -> Result<(), Error> {
        self.client
            .run(&steps::set_verified(self.database, id, rows, checksum))
            .await?;
        Ok(())
    }

    /// Every table that a restore of ours made or touched, with the restore.
    pub async fn tables_of_restores(&mut self) -> Result<BTreeMap<TableId, RestoreId>, Error> {
        let mut tables = BTreeMap::new();
        for row in self
            .client
            .fetch(&steps::table_steps(self.database))
            .await?
        {
            let detail = Detail::parse(row.step.detail.as_deref(), row.step.number)?;
            let ids = [row.step.live_table_id, row.step.staged_table_id];
            let ids = ids.into_iter().flatten().chain(detail.made.into_values());
            tables.extend(ids.map(|id| (id, row.restore.clone())));
        }
        Ok(tables)
    }

    /// Tables that restores of ours made or put aside: no `*` group takes them for the user's.
    pub async fn leftovers(&mut self) -> Result<Leftovers, Error> {
        let mut leftovers = Leftovers::default();
        for restore in self.asides().await? {
            let pairs = restore.tables.into_iter();
            leftovers
                .tables
                .extend(pairs.map(|(aside, _)| (aside.id, aside.name)));
        }
        Ok(leftovers)
    }

    /// The same by restore, each with how long ago it got there.
    pub async fn asides(&mut self) -> Result<Vec<AsideOf>, Error> {
        let mut by_restore: BTreeMap<RestoreId, Vec<(PlannedStep, Detail)>> = BTreeMap::new();
        let mut seconds: BTreeMap<(RestoreId, u64), i64> = BTreeMap::new();
        for row in self
            .client
            .fetch(&steps::table_steps(self.database))
            .await?
        {
            let planned = serde_json::from_str(&row.step.step).map_err(|error| {
                Error::internal(format!(
                    "step {} of restore {} is not JSON of a step: {error}",
                    row.step.number, row.restore
                ))
            })?;
            let detail = Detail::parse(row.step.detail.as_deref(), row.step.number)?;
            if let Some(since) = row.seconds {
                seconds.insert((row.restore.clone(), row.step.number), since);
            }
            let steps = by_restore.entry(row.restore).or_default();
            steps.push((planned, detail));
        }
        let mut all = Vec::new();
        for restore in self.restores().await? {
            let (Some(steps), Some(scope)) = (by_restore.get(&restore.id), &restore.scope) else {
                continue;
            };
            let request: RestoreRequest = serde_json::from_str(scope).map_err(|error| {
                Error::internal(format!(
                    "the request of restore {} is not JSON: {error}",
                    restore.id
                ))
            })?;
            let tables = aside(&request, steps)?.into_iter();
            let tables = tables.map(|aside| {
                let step = (restore.id.clone(), u64::from(aside.step));
                let since = seconds.get(&step).copied();
                (aside, since)
            });
            all.push(AsideOf {
                tables: tables.collect(),
                restore,
            });
        }
        Ok(all)
    }
}
