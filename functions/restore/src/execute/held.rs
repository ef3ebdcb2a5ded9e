//! Policies of the table that has the live name: held before anything else of it changes, given back when
//! it lives again, and switched on again in what was restored.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    ddl::Ddl,
    error::Error,
    ident::{PartitionName, QualifiedTable, TableId, TableName},
    plan::restore::{
        Policy, Slot, Step, TableRef, addable,
        held::{
            Choice, HoldLook, LiveNow, Resume, hold_look, left_off, resume, to_give_back, to_hold,
        },
        source::table_of,
    },
    read,
    sql::show,
    starrocks::Client,
};

use super::Progress;
use crate::work::{Work, failed};

impl Work<'_> {
    /// What is switched off is stored before it is: a repeat would not find it any more.
    pub(super) async fn hold_live(
        &mut self,
        client: &mut Client,
        index: usize,
        table: &TableRef,
        live_id: TableId,
    ) -> Result<Progress, Error> {
        let live = self.live_name(table)?;
        let found = self.live_id(client, table).await?;
        match hold_look(live_id, self.staged_id(table)?, found) {
            HoldLook::Over => return Ok(Progress::Done),
            HoldLook::Refuse(reason) => {
                let planned = &self.steps[index].planned;
                return Err(failed(planned, format!("'{}': {reason}", live.table)));
            }
            HoldLook::Hold => {}
        }
        let definition = client.fetch_optional(&show::create_table(&live)).await?;
        let text = definition.map(|found| found.0).unwrap_or_default();
        let held = match Ddl::parse(&text) {
            Ok(ddl) => to_hold(&ddl.properties),
            Err(error) => {
                // The plan says so too, and puts the table in place without a SWAP.
                self.steps[index].detail.note(format!(
                    "whether {live} drops partitions by itself is not known, because its definition \
                     cannot be read: {error}"
                ));
                Vec::new()
            }
        };
        if held.is_empty() {
            return Ok(Progress::Done);
        }
        let detail = &mut self.steps[index].detail;
        detail.held.extend(held.iter().cloned());
        self.begin(client, index).await?;
        for (policy, _) in held {
            let off = policy.off();
            let sent = self.context().set_policy(table, Slot::Live, policy, off)?;
            self.send_one(client, index, &sent).await?;
        }
        Ok(Progress::Done)
    }

    /// Switches off what the restored table's own definition says. What is switched off is stored
    /// before it is: a repeat would not find it any more.
    pub(super) async fn hold_what_drops(
        &mut self,
        client: &mut Client,
        index: usize,
    ) -> Result<Progress, Error> {
        let planned = self.steps[index].planned.clone();
        let Step::HoldWhatDrops { table, slot } = &planned.step else {
            return Err(Error::internal("another step than holding was given"));
        };
        let name = self.name_of(table, *slot)?;
        let restored = self.read_table(client, table, *slot).await?;
        let restored =
            restored.ok_or_else(|| failed(&planned, format!("'{name}' is not there")))?;
        let properties = Ddl::parse(&restored.ddl)
            .map_err(|error| failed(&planned, format!("the definition of '{name}': {error}")))?
            .properties;
        let active = to_hold(&properties);
        if active.is_empty() {
            return Ok(Progress::Done);
        }
        let live = self.live_name(table)?;
        for (policy, value) in &active {
            let note = left_off(&live, *policy, value, "it could drop restored partitions");
            self.steps[index].detail.note(note);
        }
        self.begin(client, index).await?;
        for (policy, _) in active {
            let off = policy.off();
            let sent = self.context().set_policy(table, *slot, policy, off)?;
            self.send_one(client, index, &sent).await?;
        }
        Ok(Progress::Done)
    }

    /// Undo: what cannot be given back is said.
    pub(super) async fn give_back_policies(
        &mut self,
        client: &mut Client,
        index: usize,
    ) -> Result<Progress, Error> {
        let planned = self.steps[index].planned.clone();
        let Step::GiveBackPolicies {
            table,
            policies,
            live_id,
        } = &planned.step
        else {
            return Err(Error::internal("another step than giving back was given"));
        };
        if self.live_id(client, table).await? != Some(*live_id) {
            let live = self.live_name(table)?;
            for (policy, value) in policies {
                let because = format!("the live table is no longer the one with id {live_id}");
                let note = left_off(&live, *policy, value, &because);
                self.steps[index].detail.note(note);
            }
            return Ok(Progress::Done);
        }
        let held: BTreeMap<Policy, String> = policies.iter().cloned().collect();
        for (policy, value) in self.not_given_back(client, table, &held).await? {
            let sent = self
                .context()
                .set_policy(table, Slot::Live, policy, &value)?;
            self.send_one_or_note(client, index, &sent).await?;
        }
        Ok(Progress::Done)
    }

    /// What of `held` is still off in the live table.
    pub(crate) async fn not_given_back(
        &self,
        client: &mut Client,
        table: &TableRef,
        held: &BTreeMap<Policy, String>,
    ) -> Result<Vec<(Policy, String)>, Error> {
        let live = self.live_name(table)?;
        let definition = client.fetch_optional(&show::create_table(&live)).await?;
        let text = definition.map(|found| found.0).unwrap_or_default();
        // What cannot be read is set once more: the same value again is no change.
        let properties = Ddl::parse(&text).map(|ddl| ddl.properties);
        Ok(to_give_back(held, &properties.unwrap_or_default()))
    }

    /// Judged at this moment: much may have happened since it was planned.
    pub(super) async fn resume_partitions(
        &mut self,
        client: &mut Client,
        index: usize,
    ) -> Result<Progress, Error> {
        let planned = self.steps[index].planned.clone();
        let Step::ResumePartitions {
            table,
            policies,
            live_id,
            ..
        } = &planned.step
        else {
            return Err(Error::internal("another step than resuming was given"));
        };
        let mut off: BTreeMap<Policy, String> = policies.iter().cloned().collect();
        if live_id.is_some() {
            off.extend(self.held(table));
        }
        if off.is_empty() {
            return Ok(Progress::Done);
        }
        let expected = match live_id {
            Some(id) => Some(*id),
            None => self.staged_id(table)?,
        };
        let now = read::utc_now(client).await?;
        let name = self.live_name(table)?;
        let live = self.read_table(client, table, Slot::Live).await?;
        let ddl = match &live {
            Some(live) => Some(Ddl::parse(&live.ddl).map_err(|error| {
                failed(
                    &planned,
                    format!("the definition of '{}': {error}", name.table),
                )
            })?),
            None => None,
        };
        let restored = self.restored_partitions(table)?;
        let live = live.as_ref().zip(ddl.as_ref()).map(|(live, ddl)| {
            let partitions = || live.partitions.iter().filter(|found| !found.system);
            LiveNow {
                id: live.table_id,
                properties: &ddl.properties,
                choice: Choice {
                    restored: partitions()
                        .filter(|found| restored.contains(&found.name))
                        .map(|found| addable::upper_bound(ddl, &found.value))
                        .collect(),
                    partitions: partitions().count(),
                },
            }
        });
        for (policy, value) in off {
            match resume(policy, &value, expected, live.as_ref(), now) {
                Resume::IsOn => {}
                Resume::StaysOff(because) => {
                    let note = left_off(&name, policy, &value, &because);
                    self.steps[index].detail.note(note);
                }
                Resume::Set => {
                    let sent = self
                        .context()
                        .set_policy(table, Slot::Live, policy, &value)?;
                    self.send_one_or_note(client, index, &sent).await?;
                }
            }
        }
        Ok(Progress::Done)
    }

    fn restored_partitions(&self, table: &TableRef) -> Result<BTreeSet<PartitionName>, Error> {
        let (_, manifest) = table_of(&self.sources, table)?;
        let wanted = self.request.wanted(manifest);
        Ok(wanted.map(|partition| partition.name.clone()).collect())
    }

    /// What was held of the live table.
    fn held(&self, table: &TableRef) -> BTreeMap<Policy, String> {
        self.steps
            .iter()
            .filter(|stored| stored.planned.step.table() == Some(table))
            .flat_map(|stored| stored.detail.held.clone())
            .collect()
    }

    pub(crate) fn live_name(&self, table: &TableRef) -> Result<QualifiedTable, Error> {
        let name: TableName = self.name_of(table, Slot::Live)?;
        Ok(QualifiedTable::new(&self.database_of(table)?, &name))
    }

    pub(crate) async fn live_id(
        &self,
        client: &mut Client,
        table: &TableRef,
    ) -> Result<Option<TableId>, Error> {
        let live = self.live_name(table)?;
        let tables = self.tables(client, &live.database).await?;
        Ok(tables.get(&live.table).map(|(id, _)| *id))
    }

    /// The table that this restore made of one, beside the live table or in its place.
    pub(crate) fn staged_id(&self, table: &TableRef) -> Result<Option<TableId>, Error> {
        let database = self.database_of(table)?;
        let staged = self.made(&database, &self.name_of(table, Slot::Staged)?);
        Ok(staged.or(self.made(&database, &self.name_of(table, Slot::Live)?)))
    }
}
