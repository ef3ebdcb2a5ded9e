//! Which partitions of a restored table have something to compare a checksum with: the live table's,
//! where they still are what was backed up.
//!
//! Nothing is kept of a backup that a checksum could be held against, because taking one reads every
//! column of every row. So the live partition stands for the label while it has the fingerprint of the
//! manifest and its table the schema of the manifest. Everything restored is summed all the same, for
//! the record.

use serde::{Deserialize, Serialize};

use super::{BATCH_BYTES, BATCH_PARTITIONS, Live, partition_in};
use crate::{
    facts::TableFacts,
    ident::PartitionName,
    manifest::{ManifestPartition, ManifestTable},
};

/// Partitions that are summed by one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecksumBatch {
    /// Whether the live partitions of these names are to have the same sum.
    pub compared: bool,
    /// Names as in the manifest.
    pub partitions: Vec<PartitionName>,
}

/// How far a table is summed: the rest goes on from there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summed {
    /// Of those that are wanted, in order.
    pub partitions: usize,
    /// How many of them were compared.
    pub compared: usize,
    /// The sum of one 64-bit hash per row, which no order of rows or partitions changes. As text: it
    /// has more digits than a JSON number.
    pub sum: String,
}

impl Summed {
    pub fn add(&mut self, batch: &ChecksumBatch, sum: i128, compared: bool) {
        self.partitions += batch.partitions.len();
        if compared {
            self.compared += batch.partitions.len();
        }
        let until_now: i128 = self.sum.parse().unwrap_or_default();
        self.sum = until_now.wrapping_add(sum).to_string();
    }

    /// What to say where not all of it was compared.
    pub fn note(&self, name: &str) -> Option<String> {
        let left = self.partitions - self.compared;
        (left > 0).then(|| {
            format!(
                "{left} partitions of '{name}' not compared by checksum: no live partition still is \
                 what was backed up"
            )
        })
    }
}

/// The next partitions to sum. `None`: all are summed.
pub fn next_batch(
    table: &ManifestTable,
    wanted: &[&ManifestPartition],
    from: usize,
    live: Option<&TableFacts>,
) -> Option<ChecksumBatch> {
    let live = live.filter(|live| live.schema_hash == table.schema_hash);
    let live = live.map(Live::of);
    let is_compared = |partition: &ManifestPartition| {
        let Some(live) = &live else { return false };
        let name = partition_in(table, &partition.name, live.table);
        let found = live.partitions.get(name).copied();
        found.is_some() && found == partition.fingerprint
    };
    let rest = wanted.get(from..)?;
    let compared = is_compared(rest.first()?);
    let mut bytes = 0;
    let mut partitions = Vec::new();
    for partition in rest.iter().take(BATCH_PARTITIONS) {
        bytes += partition.data_size;
        let full = bytes > BATCH_BYTES && !partitions.is_empty();
        if full || is_compared(partition) != compared {
            break;
        }
        partitions.push(partition.name.clone());
    }
    Some(ChecksumBatch {
        compared,
        partitions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        digest::{Fingerprint, SchemaHash},
        ident::TableId,
        plan::restore::samples,
    };

    fn batches(table: &ManifestTable, live: Option<&TableFacts>) -> Vec<(bool, usize)> {
        let wanted: Vec<&ManifestPartition> = table.partitions.iter().collect();
        let mut from = 0;
        let mut all = Vec::new();
        while let Some(batch) = next_batch(table, &wanted, from, live) {
            from += batch.partitions.len();
            all.push((batch.compared, batch.partitions.len()));
        }
        assert_eq!(from, wanted.len());
        all
    }

    #[test]
    fn only_what_still_is_what_was_backed_up_is_compared() {
        let orders = samples::shop().manifest.tables.remove(1);
        let count = orders.partitions.len();
        assert_eq!(batches(&orders, None), [(false, count)]);
        let mut live = samples::live(&orders, TableId(1));
        assert_eq!(batches(&orders, Some(&live)), [(true, count)]);
        live.partitions[1].fingerprint = Fingerprint::of([&b"loaded"[..]]);
        assert_eq!(
            batches(&orders, Some(&live)),
            [(true, 1), (false, 1), (true, count - 2)]
        );
        live.schema_hash = SchemaHash::of([&b"altered"[..]]);
        assert_eq!(batches(&orders, Some(&live)), [(false, count)]);
    }

    #[test]
    fn a_statement_reads_no_more_than_a_batch() {
        let mut orders = samples::shop().manifest.tables.remove(1);
        let first = orders.partitions[0].clone();
        orders.partitions = (0..BATCH_PARTITIONS + 3)
            .map(|number| ManifestPartition {
                name: format!("p{number:04}").parse().unwrap(),
                data_size: if number < 2 { BATCH_BYTES } else { 0 },
                ..first.clone()
            })
            .collect();
        assert_eq!(
            batches(&orders, None),
            [(false, 1), (false, BATCH_PARTITIONS), (false, 2)]
        );
    }

    #[test]
    fn sums_add_up_whatever_the_batches() {
        let batch = |names: &[&str]| ChecksumBatch {
            compared: true,
            partitions: names.iter().map(|name| name.parse().unwrap()).collect(),
        };
        let mut summed = Summed::default();
        summed.add(&batch(&["p1", "p2"]), -7, true);
        summed.add(&batch(&["p3"]), i128::from(u64::MAX), false);
        assert_eq!(summed.sum, "18446744073709551608");
        let note = summed.note("orders").unwrap();
        assert!(
            note.starts_with("1 partitions of 'orders' not compared"),
            "{note}"
        );
    }
}
