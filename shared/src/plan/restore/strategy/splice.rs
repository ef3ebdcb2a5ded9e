//! Whether single partitions can be put into a live table.

use std::{cmp::Ordering, collections::BTreeSet};

use super::{
    super::{addable, refusal::Refusals, request::RestoreRequest, target::Target},
    Draft, refuse_partition,
};
use crate::{
    ddl::Ddl,
    error::ErrorName,
    facts::{PartitionFacts, Partitioning, TableFacts},
    manifest::ManifestPartition,
    plan::whole::{PartitionValue, RangeBound},
    version::EngineLine,
};

/// Whether live partitions are replaced by INSERT OVERWRITE: temporary ones are refused for
/// automatic RANGE tables.
pub(in super::super) fn overwrites(ddl: &Ddl) -> bool {
    matches!(ddl.partitioning, Partitioning::Expression { .. })
}

pub(super) fn check(
    request: &RestoreRequest,
    draft: &Draft<'_>,
    target: &Target,
    refusals: &mut Refusals,
) {
    let Some(live) = draft.live else {
        return;
    };
    let whole_table = "restore the whole table with swap: manual, and copy from it by hand";
    let mut refuse = |reason: String| {
        refusals.add(
            ErrorName::PrecheckFailed,
            draft.qualified(),
            reason,
            whole_table,
        );
    };
    if live.schema_hash != draft.table.schema_hash {
        refuse("its schema is not what it was, so single partitions cannot be put into it".into());
    }
    if live.has_temp_partitions {
        refuse("it has temporary partitions, which may overlap with those of a restore".into());
    }
    if let Err(reason) = addable::copyable(&draft.ddl) {
        refuse(format!("its rows cannot be copied: {reason}"));
    }
    // Seen to be refused in 3.3 and to work in 3.5.
    if overwrites(&draft.ddl) && target.engine < EngineLine::new(3, 5) {
        refuse(format!(
            "StarRocks {} cannot replace single partitions of an automatic table",
            target.engine
        ));
    }
    let default = Ddl::parse(&live.ddl)
        .ok()
        .and_then(|ddl| ddl.property("replication_num")?.parse().ok());
    if default.is_some_and(|default: u16| default > target.live_backends) {
        refuse(format!(
            "it gives new partitions more replicas than the {} backends that are alive",
            target.live_backends
        ));
    }
    let occupied = occupied(&draft.ddl, live);
    for partition in request.wanted(draft.table) {
        let misfit = addable::addable(&draft.ddl, partition)
            .and_then(|_| parse(&draft.ddl, &partition.value))
            .map(|wanted| misfit(partition, &wanted, &occupied));
        match misfit {
            Err(reason) => refuse_partition(draft, partition, &reason, refusals),
            Ok(None) => {}
            Ok(Some(reason)) => refusals.add(
                ErrorName::PrecheckFailed,
                format!("{}, partition {}", draft.qualified(), partition.name),
                reason,
                whole_table,
            ),
        }
    }
}

/// A live partition and what it holds; `None` where that is not understood.
struct Occupied<'a> {
    found: &'a PartitionFacts,
    value: Option<PartitionValue>,
}

fn occupied<'a>(ddl: &Ddl, live: &'a TableFacts) -> Vec<Occupied<'a>> {
    live.partitions
        .iter()
        .filter(|found| !found.system)
        .map(|found| Occupied {
            found,
            value: parse(ddl, &found.value).ok(),
        })
        .collect()
}

fn parse(ddl: &Ddl, value: &str) -> Result<PartitionValue, String> {
    PartitionValue::parse(value, &ddl.partitioning).map_err(|error| error.to_string())
}

/// Why a partition has no place in the live table.
fn misfit(
    partition: &ManifestPartition,
    wanted: &PartitionValue,
    occupied: &[Occupied<'_>],
) -> Option<String> {
    occupied.iter().find_map(|live| {
        let found = live.found;
        let overlaps = live
            .value
            .as_ref()
            .is_some_and(|value| overlap(value, wanted));
        if found.name != partition.name {
            return overlaps.then(|| {
                format!(
                    "what it holds belongs to partition {} in the live table",
                    found.name
                )
            });
        }
        let same = live.value.as_ref().is_some_and(|value| same(value, wanted));
        (!same).then(|| {
            format!(
                "the live partition of that name holds {}, the label's holds {}",
                found.value, partition.value
            )
        })
    })
}

/// Tuples of a list stand in any order: 3.3 prints them so.
fn same(one: &PartitionValue, other: &PartitionValue) -> bool {
    match (one, other) {
        (PartitionValue::List { tuples: one }, PartitionValue::List { tuples: other }) => {
            let sorted = |tuples: &[Vec<Option<String>>]| -> BTreeSet<Vec<Option<String>>> {
                tuples.iter().cloned().collect()
            };
            sorted(one) == sorted(other)
        }
        (one, other) => one == other,
    }
}

fn overlap(one: &PartitionValue, other: &PartitionValue) -> bool {
    match (one, other) {
        (PartitionValue::List { tuples: one }, PartitionValue::List { tuples: other }) => {
            one.iter().any(|tuple| other.contains(tuple))
        }
        (
            PartitionValue::Range {
                lower: one_lower,
                upper: one_upper,
            },
            PartitionValue::Range {
                lower: other_lower,
                upper: other_upper,
            },
        ) => {
            compare(one_lower, other_upper) == Ordering::Less
                && compare(other_lower, one_upper) == Ordering::Less
        }
        _ => false,
    }
}

/// Bounds of the same columns, column by column.
fn compare(one: &[RangeBound], other: &[RangeBound]) -> Ordering {
    one.iter()
        .zip(other)
        .map(|(one, other)| match (one, other) {
            (RangeBound::MaxValue, RangeBound::MaxValue) => Ordering::Equal,
            (RangeBound::MaxValue, _) => Ordering::Greater,
            (_, RangeBound::MaxValue) => Ordering::Less,
            (RangeBound::Value(one), RangeBound::Value(other)) => {
                match (one.parse::<i128>(), other.parse::<i128>()) {
                    (Ok(one), Ok(other)) => one.cmp(&other),
                    // Dates, whose text sorts as they do.
                    _ => one.cmp(other),
                }
            }
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(lower: &str, upper: &str) -> PartitionValue {
        let bounds = |text: &str| {
            let bound = |text: &str| match text {
                "MAX" => RangeBound::MaxValue,
                value => RangeBound::Value(value.to_owned()),
            };
            text.split(',').map(bound).collect()
        };
        PartitionValue::Range {
            lower: bounds(lower),
            upper: bounds(upper),
        }
    }

    fn list(values: &[&str]) -> PartitionValue {
        let tuple = |value: &&str| vec![Some((*value).to_owned())];
        PartitionValue::List {
            tuples: values.iter().map(tuple).collect(),
        }
    }

    #[test]
    fn overlaps() {
        for (one, other, expected) in [
            (range("1", "2"), range("2", "3"), false),
            (range("9", "11"), range("10", "12"), true),
            (range("9", "10"), range("10", "MAX"), false),
            (range("-5", "1"), range("-1", "0"), true),
            (
                range("2026-01-01", "2026-01-03"),
                range("2026-01-02", "2026-01-03"),
                true,
            ),
            (range("1,5", "1,9"), range("1,9", "2,0"), false),
            (range("1,5", "1,9"), range("1,8", "2,0"), true),
            (list(&["a", "b"]), list(&["c", "b"]), true),
            (list(&["a"]), list(&["b"]), false),
        ] {
            assert_eq!(overlap(&one, &other), expected, "{one:?} {other:?}");
            assert_eq!(overlap(&other, &one), expected, "{other:?} {one:?}");
        }
        assert!(same(&list(&["a", "b"]), &list(&["b", "a"])));
    }
}
