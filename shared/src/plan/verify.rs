//! What proves that a restored table is what the label says.
//!
//! The partition list must equal the manifest exactly. Row counts are compared only where there is
//! something exact to compare with: a count that was taken while the fingerprint stood still, or a
//! live partition that still is what was backed up. What cannot be compared is said, not assumed.

pub mod checksum;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::{
    digest::{Digest, Fingerprint},
    facts::{PartitionFacts, TableFacts},
    ident::{PartitionName, TableName},
    manifest::{ManifestPartition, ManifestTable, UNPARTITIONED_KEY},
    plan::restore::Policy,
};

/// How a partition list differs from the manifest's. Empty: it does not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ListDifference {
    pub missing: Vec<PartitionName>,
    pub extra: Vec<PartitionName>,
}

impl ListDifference {
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }
}

/// Compares what stands under `name` with what is wanted of `table`. System partitions are outside
/// of it. The partition of an unpartitioned table is named like the table.
pub fn compare_partitions<'a>(
    table: &ManifestTable,
    wanted: impl IntoIterator<Item = &'a ManifestPartition>,
    name: &TableName,
    found: &[PartitionFacts],
) -> ListDifference {
    let wanted: BTreeSet<&str> = wanted
        .into_iter()
        .map(|partition| partition_in(table, &partition.name, name))
        .collect();
    let present: BTreeSet<&str> = found
        .iter()
        .filter(|partition| !partition.system)
        .map(|partition| partition.name.as_str())
        .collect();
    let names = |names: Vec<&&str>| {
        names
            .into_iter()
            .filter_map(|name| name.parse().ok())
            .collect()
    };
    ListDifference {
        missing: names(wanted.difference(&present).collect()),
        extra: names(present.difference(&wanted).collect()),
    }
}

/// What of a difference the scheduler of dynamic partitions made between the end of RESTORE and the
/// moment when it was switched off: empty partitions of days to come. They are dropped again from the
/// table that the restore made, and from no other.
pub fn made_by_scheduler(difference: &ListDifference, recorded: &[Policy]) -> Vec<PartitionName> {
    match recorded.contains(&Policy::DynamicPartition) {
        true => difference.extra.clone(),
        false => Vec::new(),
    }
}

/// The name of a manifest's partition inside the table that stands under `name`.
pub fn partition_in<'a>(
    table: &ManifestTable,
    partition: &'a PartitionName,
    name: &'a TableName,
) -> &'a str {
    if table.unpartitioned && partition.as_str() == UNPARTITIONED_KEY {
        name.as_str()
    } else {
        partition.as_str()
    }
}

/// What the rows of a partition can be held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The count in the manifest.
    Manifest,
    /// The live partition, whose fingerprint is the manifest's. To be read again after counting: only
    /// if it still is, the comparison holds.
    Live,
    Nothing(NotCompared),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotCompared {
    /// The backup did not count it, or it changed while it was counted.
    CountUnknown,
    /// ... and the live partition is another one by now.
    LiveDiffers,
    /// Neither count nor fingerprint: found in the snapshot only, or in a label of another tool.
    NothingRecorded,
    /// The option `row_counts` is off.
    SwitchedOff,
}

impl NotCompared {
    pub fn reason(self) -> &'static str {
        match self {
            NotCompared::CountUnknown => {
                "the backup recorded no exact count, and no live partition"
            }
            NotCompared::LiveDiffers => {
                "the backup recorded no exact count, and the live partition changed since"
            }
            NotCompared::NothingRecorded => "neither a count nor a fingerprint is on record",
            NotCompared::SwitchedOff => "row counts are switched off",
        }
    }
}

/// The partitions of the live table, by name.
struct Live<'a> {
    table: &'a TableName,
    partitions: HashMap<&'a str, Fingerprint>,
}

impl<'a> Live<'a> {
    fn of(facts: &'a TableFacts) -> Live<'a> {
        let partitions = facts.partitions.iter();
        Live {
            table: &facts.table,
            partitions: partitions
                .map(|found| (found.name.as_str(), found.fingerprint))
                .collect(),
        }
    }
}

/// Judges what the count of one partition can be held against.
fn count_against(
    table: &ManifestTable,
    partition: &ManifestPartition,
    live: Option<&Live<'_>>,
) -> Against {
    if partition.row_count.is_some() {
        return Against::Manifest;
    }
    let Some(fingerprint) = partition.fingerprint else {
        return Against::Nothing(NotCompared::NothingRecorded);
    };
    let Some(live) = live else {
        return Against::Nothing(NotCompared::CountUnknown);
    };
    let name = partition_in(table, &partition.name, live.table);
    match live.partitions.get(name) {
        Some(found) if *found == fingerprint => Against::Live,
        _ => Against::Nothing(NotCompared::LiveDiffers),
    }
}

/// Partitions that are counted by one statement, all held against the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountBatch {
    pub against: Against,
    /// Names as in the manifest.
    pub partitions: Vec<PartitionName>,
    /// What the manifest says, where it is held against the manifest.
    pub expected: Option<u64>,
}

/// A count reads every row of its partitions: one statement should end within minutes.
const BATCH_PARTITIONS: usize = 200;
const BATCH_BYTES: u64 = 64 << 30;

/// Groups the partitions of a table for counting. Even what cannot be compared is counted: the number
/// is recorded.
pub fn count_batches<'a>(
    table: &ManifestTable,
    wanted: impl IntoIterator<Item = &'a ManifestPartition>,
    live: Option<&TableFacts>,
) -> Vec<CountBatch> {
    let live = live.map(Live::of);
    let mut done = Vec::new();
    let mut open: BTreeMap<Against, (CountBatch, u64)> = BTreeMap::new();
    for partition in wanted {
        let against = count_against(table, partition, live.as_ref());
        let expected = (against == Against::Manifest).then_some(0);
        let (batch, bytes) = open.entry(against).or_insert_with(|| {
            let batch = CountBatch {
                against,
                partitions: Vec::new(),
                expected,
            };
            (batch, 0)
        });
        batch.partitions.push(partition.name.clone());
        if let (Some(sum), Some(count)) = (&mut batch.expected, partition.row_count) {
            *sum += count;
        }
        *bytes += partition.data_size;
        if batch.partitions.len() >= BATCH_PARTITIONS || *bytes >= BATCH_BYTES {
            done.extend(open.remove(&against).map(|(batch, _)| batch));
        }
    }
    done.extend(open.into_values().map(|(batch, _)| batch));
    done
}

/// What a count says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CountVerdict {
    Equal,
    /// Said, not assumed.
    NotCompared(NotCompared),
    /// Expected and found.
    Different(u64, u64),
}

/// Judges the count of a batch. `live` is the count of the same partitions of the live table, and
/// only if their fingerprints were the manifest's before and after it was taken.
pub fn judge_count(batch: &CountBatch, staged: u64, live: Option<u64>) -> CountVerdict {
    let expected = match (batch.against, batch.expected, live) {
        (Against::Manifest, Some(expected), _) => expected,
        (Against::Live, _, Some(live)) => live,
        (Against::Nothing(reason), _, _) => return CountVerdict::NotCompared(reason),
        (Against::Manifest, None, _) => {
            return CountVerdict::NotCompared(NotCompared::CountUnknown);
        }
        (Against::Live, _, None) => return CountVerdict::NotCompared(NotCompared::LiveDiffers),
    };
    if expected == staged {
        CountVerdict::Equal
    } else {
        CountVerdict::Different(expected, staged)
    }
}

/// What a verified table held: names and fingerprints of its partitions. Held again right before the
/// table becomes live.
pub fn content_digest(partitions: &[PartitionFacts]) -> Digest {
    let mut parts: Vec<String> = partitions
        .iter()
        .map(|partition| format!("{}\n{}", partition.name, partition.fingerprint))
        .collect();
    parts.sort_unstable();
    Digest::of(parts.iter().map(String::as_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ident::TableId, plan::restore::samples};

    fn tables() -> Vec<ManifestTable> {
        samples::shop().manifest.tables
    }

    fn difference(table: &ManifestTable, name: &str, found: &[PartitionFacts]) -> ListDifference {
        let wanted = table.partitions.iter().filter(|found| !found.system);
        compare_partitions(table, wanted, &name.parse().unwrap(), found)
    }

    #[test]
    fn lists_must_be_equal() {
        let tables = tables();
        for table in &tables {
            let found = samples::live(table, TableId(1)).partitions;
            let name = table.table.as_str();
            assert!(difference(table, name, &found).is_empty(), "{name}");
        }
        let orders = &tables[1];
        let mut found = samples::live(orders, TableId(1)).partitions;
        found[0].name = "p9".parse().unwrap();
        let difference = difference(orders, "orders", &found);
        assert_eq!(difference.missing, ["p1".parse().unwrap()]);
        assert_eq!(difference.extra, ["p9".parse().unwrap()]);
    }

    #[test]
    fn one_too_few_or_one_too_many_is_a_difference() {
        let orders = &tables()[1];
        let whole = samples::live(orders, TableId(1)).partitions;
        let fewer = difference(orders, "orders", &whole[1..]);
        assert_eq!(fewer.missing.len(), 1);
        assert!(!fewer.is_empty());
        let mut more = whole.clone();
        more.push(PartitionFacts {
            name: "p9".parse().unwrap(),
            ..whole[0].clone()
        });
        let more = difference(orders, "orders", &more);
        assert_eq!(more.extra.len(), 1);
        assert!(!more.is_empty());
    }

    #[test]
    fn only_the_scheduler_may_have_made_more() {
        let orders = &tables()[1];
        let mut found = samples::live(orders, TableId(1)).partitions;
        let mut tomorrow = found[0].clone();
        tomorrow.name = "p20260311".parse().unwrap();
        found.push(tomorrow);
        let difference = difference(orders, "orders", &found);
        let dynamic = [Policy::DynamicPartition];
        assert_eq!(
            made_by_scheduler(&difference, &dynamic),
            ["p20260311".parse().unwrap()]
        );
        assert_eq!(made_by_scheduler(&difference, &[Policy::Ttl]), []);
    }

    #[test]
    fn the_partition_of_an_unpartitioned_table_has_its_name() {
        let users = &tables()[3];
        let mut found = samples::live(users, TableId(1)).partitions;
        assert!(!difference(users, "users_restored", &found).is_empty());
        found[0].name = "users_restored".parse().unwrap();
        assert!(difference(users, "users_restored", &found).is_empty());
    }

    #[test]
    fn counts_are_held_against_what_is_exact() {
        let mut orders = tables().remove(1);
        orders.partitions[1].row_count = None;
        orders.partitions[2].row_count = None;
        let mut live = samples::live(&orders, TableId(1));
        live.partitions[2].fingerprint = Fingerprint::of([&b"loaded"[..]]);
        let against = |live: Option<&TableFacts>| -> Vec<Against> {
            let live = live.map(Live::of);
            let partitions = orders.partitions.iter();
            partitions
                .map(|partition| count_against(&orders, partition, live.as_ref()))
                .collect()
        };
        assert_eq!(
            against(Some(&live)),
            [
                Against::Manifest,
                Against::Live,
                Against::Nothing(NotCompared::LiveDiffers)
            ]
        );
        assert_eq!(
            against(None),
            [
                Against::Manifest,
                Against::Nothing(NotCompared::CountUnknown),
                Against::Nothing(NotCompared::CountUnknown)
            ]
        );
        // Found in the snapshot only: it has no fingerprint, so no live partition is known to equal it.
        orders.partitions[1].fingerprint = None;
        assert_eq!(
            count_against(&orders, &orders.partitions[1], Some(&Live::of(&live))),
            Against::Nothing(NotCompared::NothingRecorded)
        );
    }

    #[test]
    fn batches_hold_every_partition_once() {
        let mut orders = tables().remove(1);
        let first = orders.partitions[0].clone();
        orders.partitions = (0..500_u64)
            .map(|number| ManifestPartition {
                name: format!("p{number:03}").parse().unwrap(),
                row_count: (number % 2 == 0).then_some(number),
                data_size: 1 << 30,
                ..first.clone()
            })
            .collect();
        let batches = count_batches(&orders, &orders.partitions, None);
        let counted: BTreeSet<_> = batches.iter().flat_map(|batch| &batch.partitions).collect();
        let total: usize = batches.iter().map(|batch| batch.partitions.len()).sum();
        assert_eq!((counted.len(), total), (500, 500));
        assert!(batches.iter().all(|batch| batch.partitions.len() <= 64));
        let expected: u64 = batches.iter().filter_map(|batch| batch.expected).sum();
        assert_eq!(
            expected,
            (0..500).filter(|number| number % 2 == 0).sum::<u64>()
        );
    }

    #[test]
    fn what_a_count_says() {
        let batch = |against, expected| CountBatch {
            against,
            partitions: Vec::new(),
            expected,
        };
        let manifest = batch(Against::Manifest, Some(7));
        let live = batch(Against::Live, None);
        let nothing = batch(Against::Nothing(NotCompared::CountUnknown), None);
        for (batch, staged, lived, verdict) in [
            (&manifest, 7, None, CountVerdict::Equal),
            (&manifest, 6, Some(6), CountVerdict::Different(7, 6)),
            (&live, 6, Some(6), CountVerdict::Equal),
            (&live, 6, Some(7), CountVerdict::Different(7, 6)),
            // The live partition was loaded into while it was counted.
            (
                &live,
                6,
                None,
                CountVerdict::NotCompared(NotCompared::LiveDiffers),
            ),
            (
                &nothing,
                6,
                Some(7),
                CountVerdict::NotCompared(NotCompared::CountUnknown),
            ),
        ] {
            assert_eq!(judge_count(batch, staged, lived), verdict, "{batch:?}");
        }
    }

    #[test]
    fn any_load_changes_the_content() {
        let orders = samples::live(&tables()[1], TableId(1));
        let verified = content_digest(&orders.partitions);
        let mut reordered = orders.partitions.clone();
        reordered.reverse();
        assert_eq!(content_digest(&reordered), verified);
        let mut loaded = orders.partitions;
        loaded[1].fingerprint = Fingerprint::of([&b"loaded"[..]]);
        assert_ne!(content_digest(&loaded), verified);
    }
}
