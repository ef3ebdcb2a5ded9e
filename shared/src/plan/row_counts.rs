//! Counting what a label stores, while its upload runs.
//!
//! A count is that of the snapshot if the partition had one fingerprint from R0 on until after it was
//! counted: the pin lies between, and fingerprints do not come back. So each count needs a reading
//! that came after it. That is R1 for whatever was counted before R1; for the rest one more reading, at
//! the end. A count that no reading proves is left out: it is never guessed, nor taken from the
//! engine's estimates.
//!
//! A name is what is counted, so one thing leaves no trace: a table that is swapped away while it is
//! counted, and swapped back before the reading that proves the count. Such a count fails the
//! verification of a restore; it can never hide a loss.
//!
//! What a label references was counted by the label that stores it, and is copied from there.
//!
//! The counts stay where they were collected, in one text beside the label: to write them into the rows
//! of the manifest would be to write all of it a second time.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    digest::{Digest, DigestWriter},
    ident::{PartitionName, QualifiedTable, TableName},
    label::SnapshotLabel,
    manifest::{Manifest, ManifestPartition, ManifestTable, UNPARTITIONED_KEY},
    plan::{
        kept::{self, BrokenText},
        second_reading::SecondReading,
    },
};

#[cfg(test)]
mod tests;

/// Counts of the partitions that a label stores, in the order of its manifest, as far as counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowCounts {
    /// `None`: could not be counted.
    counts: Vec<Option<u64>>,
}

/// How many had been counted, and what, when a reading was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountMark {
    counted: usize,
    digest: Digest,
}

/// What one statement counts, by the names in the database.
pub type Batch = Vec<(QualifiedTable, PartitionName)>;

/// Reads at most about this much in one statement.
const BATCH_BYTES: u64 = 64 << 30;

impl RowCounts {
    /// The next partitions to count, at most `most`. Empty: all are counted.
    pub fn next_batch(&self, planned: &Manifest, most: usize) -> Batch {
        let mut bytes = 0;
        let mut batch = Batch::new();
        for (table, partition) in stored(planned).skip(self.counts.len()).take(most) {
            bytes += partition.data_size;
            if bytes > BATCH_BYTES && !batch.is_empty() {
                break;
            }
            let name = match partition.name.as_str() {
                UNPARTITIONED_KEY => table.table.as_str(),
                name => name,
            };
            let name = name
                .parse()
                .expect("the name of a table is one of a partition");
            let table = QualifiedTable::new(&planned.database, &table.table);
            batch.push((table, name));
        }
        batch
    }

    /// Of the next partitions, in order.
    pub fn add(&mut self, counts: impl IntoIterator<Item = Option<u64>>) {
        self.counts.extend(counts);
    }

    pub fn counted(&self) -> usize {
        self.counts.len()
    }

    /// What a reading that begins now proves.
    pub fn mark(&self) -> CountMark {
        self.mark_of(self.counts.len()).expect("all of it is there")
    }

    fn mark_of(&self, counted: usize) -> Option<CountMark> {
        let mut digest = DigestWriter::default();
        for count in self.counts.get(..counted)? {
            match count {
                Some(count) => digest.part(&count.to_le_bytes()),
                None => digest.part(&[]),
            }
        }
        Some(CountMark {
            counted,
            digest: digest.finish(),
        })
    }

    /// How many counts a reading proves, or disproves, that was taken at `mark`: none, if they were
    /// counted again since. Two calls that do not know of each other can do that.
    pub fn covered(&self, mark: &CountMark) -> usize {
        match self.mark_of(mark.counted) {
            Some(own) if own == *mark => mark.counted,
            _ => 0,
        }
    }

    /// Fills in what is counted: the first `covered` as they are, because reconciling strips what R1
    /// shows changed; the others where `later`, a reading after all counts of at least the tables that
    /// are [`unproven`](RowCounts::unproven), shows no change.
    pub fn fill(&self, planned: &mut Manifest, covered: usize, later: Option<&SecondReading>) {
        let mut counts = self.counts.iter().enumerate();
        let label = planned.label.clone();
        for table in &mut planned.tables {
            let still = later.map(|later| later.unchanged(table));
            for (at, partition) in table.partitions.iter_mut().enumerate() {
                if !is_counted(partition, &label) {
                    continue;
                }
                let Some((position, count)) = counts.next() else {
                    return;
                };
                let proven = position < covered || still.as_ref().is_some_and(|still| still(at));
                partition.row_count = count.filter(|_| proven);
            }
        }
    }

    /// What is known of a label that has ended, in the order of its manifest.
    pub fn of(manifest: &Manifest) -> RowCounts {
        let counts = stored(manifest).map(|(_, partition)| partition.row_count);
        let mut counts: Vec<Option<u64>> = counts.collect();
        let known = counts.iter().rposition(Option::is_some);
        counts.truncate(known.map_or(0, |last| last + 1));
        RowCounts { counts }
    }

    /// Of what was counted after the first `covered`, the tables that a reading has to show unchanged.
    pub fn unproven<'a>(&self, planned: &'a Manifest, covered: usize) -> BTreeSet<&'a TableName> {
        let counted = self.counts.iter().zip(stored(planned)).skip(covered);
        let known = counted.filter(|(count, _)| count.is_some());
        known.map(|(_, (table, _))| &table.table).collect()
    }

    /// `None` where that is too long to be kept: a label of more than about 100,000 partitions.
    pub fn to_text(&self, planned: &Manifest) -> Option<String> {
        kept::to_text(self, planned)
    }

    pub fn parse(text: &str, planned: &Manifest) -> Result<RowCounts, BrokenText> {
        let kept: RowCounts = kept::parse(text, planned)?;
        let fits = kept.counts.len() <= stored(planned).count();
        kept::fitting(kept, fits)
    }
}

/// System partitions have no rows, and what is stored elsewhere is counted.
fn is_counted(partition: &ManifestPartition, label: &SnapshotLabel) -> bool {
    *partition.stored_in == *label && !partition.system
}

fn stored(planned: &Manifest) -> impl Iterator<Item = (&ManifestTable, &ManifestPartition)> {
    planned.tables.iter().flat_map(|table| {
        let partitions = table.partitions.iter();
        partitions
            .filter(|partition| is_counted(partition, &planned.label))
            .map(move |partition| (table, partition))
    })
}
