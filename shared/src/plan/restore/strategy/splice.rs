//! Whether single partitions can be put into a live table.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap},
};

use super::{
    super::{addable, refusal::Refusals, request::RestoreRequest, target::Target},
    Draft, refuse_partition,
};
use crate::{
    ddl::Ddl,
    error::ErrorName,
    facts::{PartitionFacts, Partitioning, TableFacts},
    ident::PartitionName,
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
    let Some(ddl) = &draft.ddl else {
        refusals.add(
            ErrorName::InvalidInput,
            draft.qualified(),
            "its schema is not on record, so single partitions cannot be put into the live table: \
             another tool made the label",
            "restore into_database a new database, and copy from there by hand",
        );
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
    if let Err(reason) = addable::copyable(ddl) {
        refuse(format!("its rows cannot be copied: {reason}"));
    }
    // Seen to be refused in 3.3 and to work in 3.5.
    if overwrites(ddl) && target.engine < EngineLine::new(3, 5) {
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
    let occupied = Occupied::of(ddl, live);
    for partition in request.wanted(draft.table) {
        let misfit = addable::addable(ddl, partition)
            .and_then(|_| parse(ddl, &partition.value))
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

/// What the live partitions hold, for look-ups: a table can have a hundred thousand of them.
struct Occupied<'a> {
    by_name: HashMap<&'a PartitionName, (&'a PartitionFacts, Option<PartitionValue>)>,
    /// Ranges by where they start. They do not overlap each other.
    ranges: Vec<(Vec<RangeBound>, Vec<RangeBound>, &'a PartitionName)>,
    /// Tuples of lists.
    tuples: HashMap<Vec<Option<String>>, &'a PartitionName>,
}

impl<'a> Occupied<'a> {
    fn of(ddl: &Ddl, live: &'a TableFacts) -> Occupied<'a> {
        let mut occupied = Occupied {
            by_name: HashMap::new(),
            ranges: Vec::new(),
            tuples: HashMap::new(),
        };
        for found in live.partitions.iter().filter(|found| !found.system) {
            let value = parse(ddl, &found.value).ok();
            match &value {
                Some(PartitionValue::Range { lower, upper }) => {
                    let range = (lower.clone(), upper.clone(), &found.name);
                    occupied.ranges.push(range);
                }
                Some(PartitionValue::List { tuples }) => {
                    let tuples = tuples.iter().cloned();
                    occupied
                        .tuples
                        .extend(tuples.map(|tuple| (tuple, &found.name)));
                }
                Some(PartitionValue::All) | None => {}
            }
            occupied.by_name.insert(&found.name, (found, value));
        }
        occupied
            .ranges
            .sort_by(|(one, _, _), (other, _, _)| compare(one, other));
        occupied
    }

    /// Another live partition that holds some of the same.
    fn overlapping(&self, name: &PartitionName, wanted: &PartitionValue) -> Option<&PartitionName> {
        match wanted {
            PartitionValue::All => None,
            PartitionValue::List { tuples } => tuples
                .iter()
                .filter_map(|tuple| self.tuples.get(tuple).copied())
                .find(|found| *found != name),
            PartitionValue::Range { lower, upper } => {
                let first = self
                    .ranges
                    .partition_point(|(_, end, _)| compare(end, lower).is_le());
                self.ranges[first..]
                    .iter()
                    .take_while(|(start, _, _)| compare(start, upper).is_lt())
                    .map(|(_, _, found)| *found)
                    .find(|found| *found != name)
            }
        }
    }
}

fn parse(ddl: &Ddl, value: &str) -> Result<PartitionValue, String> {
    PartitionValue::parse(value, &ddl.partitioning).map_err(|error| error.to_string())
}

/// Why a partition has no place in the live table.
fn misfit(
    partition: &ManifestPartition,
    wanted: &PartitionValue,
    occupied: &Occupied<'_>,
) -> Option<String> {
    if let Some((found, value)) = occupied.by_name.get(&partition.name)
        && !value.as_ref().is_some_and(|value| same(value, wanted))
    {
        return Some(format!(
            "the live partition of that name holds {}, the label's holds {}",
            found.value, partition.value
        ));
    }
    let other = occupied.overlapping(&partition.name, wanted)?;
    Some(format!(
        "what it holds belongs to partition {other} in the live table"
    ))
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
    use crate::{ident::TableId, plan::restore::samples};

    const RANGE: &str = "PARTITION BY RANGE(`k`)\n()\n";
    const LIST: &str = "PARTITION BY LIST(`k`)()\n";

    /// Which live partition holds some of `wanted`, in a table with these values by number.
    fn overlapping(partitioned: &str, live: &[&str], wanted: &str) -> Option<usize> {
        let columns = "  `k` int(11) NOT NULL COMMENT \"\",\n";
        let names: Vec<String> = (0..live.len()).map(|number| format!("p{number}")).collect();
        let partitions: Vec<(&str, &str, &str)> = names
            .iter()
            .zip(live)
            .map(|(name, value)| (name.as_str(), samples::FULL, *value))
            .collect();
        let table = samples::table("t", columns, "`k`", partitioned, &[], &partitions);
        let ddl = Ddl::parse(&table.ddl).unwrap();
        let live = samples::live(&table, TableId(1));
        let wanted = parse(&ddl, wanted).unwrap();
        let occupied = Occupied::of(&ddl, &live);
        let found = occupied.overlapping(&"new".parse().unwrap(), &wanted)?;
        names.iter().position(|name| name == found.as_str())
    }

    #[test]
    fn overlapping_ranges() {
        let range = |from: &str, to: &str| samples::range("INT", from, to);
        let live = [range("9", "10"), range("-5", "1"), range("100", "MAXVALUE")];
        let live: Vec<&str> = live.iter().map(String::as_str).collect();
        for (from, to, expected) in [
            ("10", "11", None),
            ("1", "9", None),
            ("-9", "-5", None),
            ("-9", "-4", Some(1)),
            ("0", "1", Some(1)),
            ("8", "20", Some(0)),
            ("10", "100", None),
            ("10", "101", Some(2)),
            ("200", "MAXVALUE", Some(2)),
        ] {
            let found = overlapping(RANGE, &live, &range(from, to));
            assert_eq!(found, expected, "{from}..{to}");
        }
        let days = [samples::range("DATE", "2026-01-01", "2026-01-03")];
        let day = samples::range("DATE", "2026-01-02", "2026-01-03");
        assert_eq!(overlapping(RANGE, &[&days[0]], &day), Some(0));
        let next = samples::range("DATE", "2026-01-03", "2026-01-04");
        assert_eq!(overlapping(RANGE, &[&days[0]], &next), None);
    }

    #[test]
    fn bounds_of_several_columns_compare_in_order() {
        let bounds = |values: &[&str]| -> Vec<RangeBound> {
            let bound = |value: &&str| RangeBound::Value((*value).to_owned());
            values.iter().map(bound).collect()
        };
        assert_eq!(
            compare(&bounds(&["1", "9"]), &bounds(&["2", "0"])),
            Ordering::Less
        );
        assert_eq!(
            compare(&bounds(&["1", "10"]), &bounds(&["1", "9"])),
            Ordering::Greater
        );
        assert_eq!(
            compare(&bounds(&["1", "9"]), &bounds(&["1", "9"])),
            Ordering::Equal
        );
    }

    #[test]
    fn overlapping_lists() {
        let live = ["[[\"a\"],[\"b\"]]", "[[\"c\"]]"];
        assert_eq!(overlapping(LIST, &live, "[[\"x\"],[\"b\"]]"), Some(0));
        assert_eq!(overlapping(LIST, &live, "[[\"c\"]]"), Some(1));
        assert_eq!(overlapping(LIST, &live, "[[\"x\"]]"), None);
    }

    #[test]
    fn tuples_of_a_list_stand_in_any_order() {
        let list = |values: &[&str]| PartitionValue::List {
            tuples: values
                .iter()
                .map(|value| vec![Some((*value).to_owned())])
                .collect(),
        };
        assert!(same(&list(&["a", "b"]), &list(&["b", "a"])));
        assert!(!same(&list(&["a"]), &list(&["b", "a"])));
    }
}
