//! Whether names may change now.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    error::{Error, ErrorName},
    facts::TableFacts,
    ident::{DatabaseName, TableName},
    plan::{
        backup::Selection,
        promote::{self, Moment},
        restore::{CopyMode, Phase, Slot, Step, TableRef},
        verify::content_digest,
    },
    read,
    starrocks::Client,
};

use crate::work::Work;

impl Work<'_> {
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

    /// Tables of several databases in one reading.
    pub(super) async fn read_tables(
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
}
