//! Holding what was restored against the manifest, before any live name is touched.

mod checksum;

use std::{borrow::Cow, collections::BTreeSet};

use serde_json::{Value, json};
use shared::{
    config::Settings,
    error::{Error, ErrorName},
    facts::TableFacts,
    flow::{RestoreRun, SwapMode},
    ident::{InvocationId, PartitionName, QualifiedTable, TableName},
    label::SnapshotLabel,
    manifest::{ManifestPartition, ManifestTable},
    plan::{
        backup::Selection,
        foreign::{Origin, as_restored},
        restore::{Phase, Slot, Step, TableRef, source::table_of},
        verify::{self, CountBatch, CountVerdict, checksum::Summed},
    },
    read,
    sql::{copy::count_partitions, ops::steps::StepState},
    starrocks::Client,
};

use self::checksum::Sides;
use crate::work::{Work, failed};

pub(crate) async fn verify(
    settings: &Settings,
    client: &mut Client,
    run: &RestoreRun,
    invocation: InvocationId,
) -> Result<Value, Error> {
    let mut work = Work::load(settings, client, run, &invocation).await?;
    for index in 0..work.steps.len() {
        let stored = &work.steps[index];
        if stored.planned.phase == Phase::Verify && !stored.is_done() {
            work.verify_step(client, index).await?;
            // One table per call: counting is the one thing here that may take minutes.
            return Ok(json!({ "next": "verify" }));
        }
    }
    let rows: u64 = work
        .steps
        .iter()
        .filter_map(|stored| stored.detail.rows)
        .sum();
    let checksum = checksum::of_restore(&work);
    work.ops(client)
        .set_verified(&run.restore_id, rows, checksum.as_deref())
        .await?;
    if work.restore.state.as_deref() == Some("PLANNED") {
        work.ops(client)
            .set_restore_state(&run.restore_id, "VERIFIED", "RUNNING", None)
            .await?;
    }
    let next = match work.request.swap {
        SwapMode::Auto => "promote",
        SwapMode::Manual => "hold",
    };
    Ok(json!({ "next": next }))
}

impl Work<'_> {
    async fn verify_step(&mut self, client: &mut Client, index: usize) -> Result<(), Error> {
        let planned = self.steps[index].planned.clone();
        let Step::Verify {
            table,
            slot,
            snapshot,
        } = &planned.step
        else {
            return Err(Error::internal("another step than verify was given"));
        };
        self.drop_strays(client, index, table, *slot).await?;
        let staged = self.read_table(client, table, *slot).await?;
        let live = self.read_table(client, table, Slot::Live).await?;
        let name = self.name_of(table, *slot)?;
        let staged = staged.ok_or_else(|| failed(&planned, format!("'{name}' is not there")))?;
        let (source, manifest) =
            table_of(&self.sources, table).map_err(|error| Error::internal(error.to_string()))?;
        let manifest = &match source.origin {
            Origin::Ours => Cow::Borrowed(manifest),
            Origin::Foreign { .. } => as_restored(manifest, source.manifest.kind, &staged)
                .map(Cow::Owned)
                .map_err(|reason| {
                    Error::new(ErrorName::VerificationFailed, format!("'{name}': {reason}"))
                })?,
        };
        let wanted: Vec<&ManifestPartition> = self.wanted(manifest, snapshot.as_ref());
        let difference =
            verify::compare_partitions(manifest, wanted.iter().copied(), &name, &staged.partitions);
        if !difference.is_empty() {
            return Err(Error::new(
                ErrorName::VerificationFailed,
                format!(
                    "'{name}' does not have the partitions of label {}: missing {:?}, too many {:?}",
                    table.label, difference.missing, difference.extra
                ),
            ));
        }
        let shape = self.check_shape(table, &staged, snapshot.is_none())?;
        let live = live.filter(|_| *slot != Slot::Live);
        let content = verify::content_digest(&staged.partitions);
        if let Some(summed) = self.steps[index].detail.summed.clone()
            && self.steps[index].detail.content == Some(content)
        {
            // Counted by an earlier call; what is left is to be summed.
            let sides = Sides {
                table,
                manifest,
                wanted: &wanted,
                name: &name,
                staged: &staged,
                live: live.as_ref(),
            };
            let (summed, notes) = self.sum(client, &sides, summed).await?;
            let is_done = summed.partitions == wanted.len();
            let detail = &mut self.steps[index].detail;
            detail.notes.extend(notes);
            detail.summed = Some(summed);
            let state = match is_done {
                true => StepState::Done,
                false => StepState::Running,
            };
            return self.save(client, index, state).await;
        }
        let batches = match self.request.row_counts {
            true => verify::count_batches(manifest, wanted.iter().copied(), live.as_ref()),
            false => Vec::new(),
        };
        let mut rows = 0;
        let mut notes: BTreeSet<String> = BTreeSet::new();
        if !self.request.row_counts {
            notes.insert(verify::NotCompared::SwitchedOff.reason().to_owned());
        }
        let database = self.database_of(table)?;
        for batch in &batches {
            let staged_rows = count(client, &database, manifest, &name, batch).await?;
            rows += staged_rows;
            let live_rows = match (batch.against, &live) {
                (verify::Against::Live, Some(before)) => {
                    self.count_live(client, table, manifest, before, batch)
                        .await?
                }
                _ => None,
            };
            match verify::judge_count(batch, staged_rows, live_rows) {
                CountVerdict::Equal => {}
                CountVerdict::NotCompared(reason) => {
                    notes.insert(format!(
                        "{} partitions of '{name}' counted, not compared: {}",
                        batch.partitions.len(),
                        reason.reason()
                    ));
                }
                CountVerdict::Different(expected, found) => {
                    return Err(Error::new(
                        ErrorName::VerificationFailed,
                        format!("'{name}' has {found} rows where {expected} are expected"),
                    )
                    .hint(format!("partitions: {:?}", batch.partitions)));
                }
            }
        }
        let sums = self.request.checksum;
        let detail = &mut self.steps[index].detail;
        detail.content = Some(content);
        detail.rows = Some(rows);
        for note in shape.into_iter().chain(notes) {
            detail.note(note);
        }
        detail.summed = sums.then(Summed::default);
        let state = match sums {
            true => StepState::Running,
            false => StepState::Done,
        };
        self.save(client, index, state).await
    }

    fn wanted<'m>(
        &'m self,
        manifest: &'m ManifestTable,
        snapshot: Option<&'m SnapshotLabel>,
    ) -> Vec<&'m ManifestPartition> {
        match snapshot {
            Some(snapshot) => self.request.wanted_from(manifest, snapshot).collect(),
            None => self.request.wanted(manifest).collect(),
        }
    }

    /// Counts the live partitions, and says `None` if they changed while they were counted.
    async fn count_live(
        &self,
        client: &mut Client,
        table: &TableRef,
        manifest: &ManifestTable,
        before: &TableFacts,
        batch: &CountBatch,
    ) -> Result<Option<u64>, Error> {
        let database = self.database_of(table)?;
        let live = self.name_of(table, Slot::Live)?;
        let rows = count(client, &database, manifest, &live, batch).await?;
        let after = self.read_table(client, table, Slot::Live).await?;
        let still =
            after.is_some_and(|after| are_still(manifest, &batch.partitions, before, &after));
        Ok(still.then_some(rows))
    }

    pub(crate) async fn read_table(
        &self,
        client: &mut Client,
        table: &TableRef,
        slot: Slot,
    ) -> Result<Option<TableFacts>, Error> {
        let database = self.database_of(table)?;
        let name = self.name_of(table, slot)?;
        let names: BTreeSet<TableName> = [name.clone()].into();
        let mut reading = read::read_database(
            client,
            &database,
            &Selection::Names(names),
            &self.run.execution_id,
        )
        .await?;
        Ok(reading.facts.tables.remove(&name))
    }
}

/// Whether these partitions of the live table have the same fingerprints in both readings.
fn are_still(
    manifest: &ManifestTable,
    partitions: &[PartitionName],
    before: &TableFacts,
    after: &TableFacts,
) -> bool {
    let print = |facts: &TableFacts, partition| {
        let name = verify::partition_in(manifest, partition, &facts.table);
        let found = facts.partitions.iter();
        let mut found = found.filter(|found| found.name.as_str() == name);
        found.next().map(|found| found.fingerprint)
    };
    partitions
        .iter()
        .all(|partition| print(before, partition) == print(after, partition))
}

async fn count(
    client: &mut Client,
    database: &shared::ident::DatabaseName,
    manifest: &ManifestTable,
    name: &TableName,
    batch: &CountBatch,
) -> Result<u64, Error> {
    let partitions = batch
        .partitions
        .iter()
        .map(|partition| verify::partition_in(manifest, partition, name).parse())
        .collect::<Result<Vec<_>, _>>()?;
    let query = count_partitions(&QualifiedTable::new(database, name), &partitions)
        .map_err(|error| Error::internal(error.to_string()))?;
    Ok(client
        .fetch(&query)
        .await?
        .iter()
        .map(|row| row.row_count)
        .sum())
}
