//! What a person reads before names change.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::{
    config::Settings,
    error::Error,
    flow::{RestoreAction, RestoreRun},
    ident::{DatabaseName, PartitionName, QualifiedTable, TableName},
    plan::{
        promote::{self, GoesAside},
        restore::{Phase, Slot, Step, TableRef},
    },
    read,
    starrocks::Client,
};

use crate::work::Work;

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
}
