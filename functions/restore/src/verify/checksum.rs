//! Summing what was restored, and holding it against the live table where that still is what was backed
//! up.

use std::{collections::BTreeMap, time::Duration};

use shared::{
    digest::Digest,
    error::{Error, ErrorName},
    facts::TableFacts,
    ident::{PartitionName, QualifiedTable, TableName},
    manifest::{ManifestPartition, ManifestTable},
    plan::{
        restore::{Slot, Step, TableRef},
        verify::{
            self,
            checksum::{ChecksumBatch, Summed, next_batch},
        },
    },
    sql::{
        EmptyList,
        checksum::{self, Checksum, ChecksumPlan},
    },
    starrocks::Client,
};
use tokio::time::Instant;

use super::are_still;
use crate::work::Work;

/// Of one call, but for its last batch. What remains is summed by the next one.
const CALL: Duration = Duration::from_secs(60);

/// A restored table, and what it is held against.
pub(super) struct Sides<'a> {
    pub(super) table: &'a TableRef,
    pub(super) manifest: &'a ManifestTable,
    pub(super) wanted: &'a [&'a ManifestPartition],
    pub(super) name: &'a TableName,
    pub(super) staged: &'a TableFacts,
    pub(super) live: Option<&'a TableFacts>,
}

impl Work<'_> {
    /// Goes on summing for a while. Answers how far it is, and what is to be said of it.
    pub(super) async fn sum(
        &self,
        client: &mut Client,
        sides: &Sides<'_>,
        mut summed: Summed,
    ) -> Result<(Summed, Vec<String>), Error> {
        let name = sides.name.as_str();
        let plan = match self.checksum_plan(sides, sides.name, None) {
            Ok(plan) => plan,
            Err(_) => {
                summed.partitions = sides.wanted.len();
                return Ok((
                    summed,
                    vec![format!(
                        "'{name}' has no column that a checksum could be taken of"
                    )],
                ));
            }
        };
        let began = Instant::now();
        while let Some(batch) =
            next_batch(sides.manifest, sides.wanted, summed.partitions, sides.live)
        {
            let staged = self.checksum(client, sides, sides.name, &batch).await?;
            let compared = batch.compared && self.compare(client, sides, &batch, &staged).await?;
            summed.add(&batch, number(&staged)?, compared);
            if began.elapsed() >= CALL {
                break;
            }
        }
        if summed.partitions < sides.wanted.len() {
            return Ok((summed, Vec::new()));
        }
        let mut notes: Vec<String> = summed.note(name).into_iter().collect();
        let columns = plan.left_out.iter().chain(&plan.approximate);
        notes
            .extend(columns.map(|(column, reason)| {
                format!("checksum of '{name}', column {column}: {reason}")
            }));
        Ok((summed, notes))
    }

    /// `false`: the live partitions changed while they were summed, so that nothing was compared.
    async fn compare(
        &self,
        client: &mut Client,
        sides: &Sides<'_>,
        batch: &ChecksumBatch,
        staged: &Checksum,
    ) -> Result<bool, Error> {
        let Some(before) = sides.live else {
            return Ok(false);
        };
        let live = self.checksum(client, sides, &before.table, batch).await?;
        let after = self.read_table(client, sides.table, Slot::Live).await?;
        let still = after.is_some_and(|after| {
            after.schema_hash == before.schema_hash
                && are_still(sides.manifest, &batch.partitions, before, &after)
        });
        if !still || live == *staged {
            return Ok(still);
        }
        Err(Error::new(
            ErrorName::VerificationFailed,
            format!(
                "'{}' has checksum {} over {} rows where the live table, unchanged since the backup, has \
                 {} over {}",
                sides.name, staged.sum, staged.row_count, live.sum, live.row_count
            ),
        )
        .hint(format!("partitions: {:?}", batch.partitions)))
    }

    async fn checksum(
        &self,
        client: &mut Client,
        sides: &Sides<'_>,
        name: &TableName,
        batch: &ChecksumBatch,
    ) -> Result<Checksum, Error> {
        let partitions = batch
            .partitions
            .iter()
            .map(|partition| verify::partition_in(sides.manifest, partition, name).parse())
            .collect::<Result<Vec<PartitionName>, _>>()?;
        let plan = self
            .checksum_plan(sides, name, Some(&partitions))
            .map_err(|error| Error::internal(error.to_string()))?;
        client.fetch_optional(&plan.query).await?.ok_or_else(|| {
            Error::internal(format!(
                "the checksum of '{name}' was answered without a row"
            ))
        })
    }

    /// Both sides by the columns of the restored table: where they are compared, both have the schema
    /// of the manifest.
    fn checksum_plan(
        &self,
        sides: &Sides<'_>,
        name: &TableName,
        partitions: Option<&[PartitionName]>,
    ) -> Result<ChecksumPlan, EmptyList> {
        let database = self
            .database_of(sides.table)
            .expect("the database of a table that was read is known");
        let table = QualifiedTable::new(&database, name);
        checksum::checksum(&table, partitions, &sides.staged.columns)
    }
}

fn number(checksum: &Checksum) -> Result<i128, Error> {
    checksum
        .sum
        .parse()
        .map_err(|_| Error::internal(format!("'{}' is not the sum of hashes", checksum.sum)))
}

/// The sums of all tables, as JSON; or its digest where that is longer than the column, and the sums are
/// in `restore_steps` alone. `None`: none was asked for.
pub(super) fn of_restore(work: &Work<'_>) -> Option<String> {
    const LONGEST: usize = 60_000;
    let mut sums: BTreeMap<String, &str> = BTreeMap::new();
    for stored in &work.steps {
        if let (Step::Verify { table, slot, .. }, Some(summed)) =
            (&stored.planned.step, &stored.detail.summed)
        {
            let database = work.database_of(table).ok();
            let name = work.name_of(table, *slot).ok();
            if let (Some(database), Some(name)) = (database, name) {
                sums.insert(format!("{database}.{name}"), &summed.sum);
            }
        }
    }
    let text = serde_json::to_string(&sums).expect("names and numbers serialize");
    match (sums.is_empty(), text.len() > LONGEST) {
        (true, _) => None,
        (_, true) => Some(Digest::of([text.as_bytes()]).to_string()),
        _ => Some(text),
    }
}
