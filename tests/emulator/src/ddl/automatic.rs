//! Partitions that automatic tables grow when rows arrive.

use jiff::civil::DateTime;

use super::{
    bounds::{self, NamedRange, parse_time, print_bound},
    partitions::{bound_types, check_overlap},
};
use crate::{
    catalog::{PartitionValue, Partitioning, Table},
    engine::Engine,
    parse::{
        ddl::{
            partition::TimeUnit,
            table::{PartitionFunction, partition_function},
        },
        token::{Cursor, tokenize},
    },
    reply::{SqlError, SqlResult},
};

/// Longer names are cut and get a hash, so that two of them stay apart.
const LONGEST_NAME: usize = 50;

impl Engine {
    /// Makes the partition for a row of an automatic table, by the values of its partition columns,
    /// and returns its physical id.
    pub(crate) fn add_automatic_partition(
        &mut self,
        database: &str,
        table: &str,
        values: &[Option<String>],
    ) -> SqlResult<i64> {
        let found = self.catalog.table(database, table)?;
        let (name, value) = automatic_partition(found, values)?;
        check_overlap(&found.partitions, found, &value)?;
        let buckets = self.buckets(&found.distribution);
        let replication_num = self.table_replication_num(found);
        let now = self.clock.now();
        let partition = self
            .catalog
            .new_partition(name, value, buckets, replication_num, now);
        let physical_id = partition.physical_id;
        self.catalog
            .table_mut(database, table)?
            .partitions
            .push(partition);
        Ok(physical_id)
    }
}

/// Name and value of the partition that a row falls into.
fn automatic_partition(table: &Table, values: &[Option<String>]) -> SqlResult<NamedRange> {
    match &table.partitioning {
        Partitioning::List {
            automatic: true, ..
        } => {
            let mut tuple = Vec::new();
            for (value, bound_type) in values.iter().zip(bound_types(table)) {
                let value = value.as_deref().map(|text| bound_type.normalize(text));
                tuple.push(value.transpose()?);
            }
            let words: Vec<String> = tuple
                .iter()
                .map(|value| name_part(value.as_deref().unwrap_or("NULL")))
                .collect();
            let name = free_name(table, format!("p{}", words.join("_")));
            Ok((name, PartitionValue::List(vec![tuple])))
        }
        Partitioning::Expression { column, expression } => {
            let Some(Some(value)) = values.first() else {
                return Err(SqlError::plain(format!(
                    "Partition column {column} of table {} is NULL",
                    table.name
                )));
            };
            let at = parse_time(value)
                .ok_or_else(|| SqlError::analyzing(format!("Invalid date value: '{value}'")))?;
            let step = Step::of(expression)?;
            let lower = step.floor(at);
            let upper = lower.saturating_add(step.unit.span(step.amount));
            let bound_type = bound_types(table)[0];
            Ok((
                step.unit.partition_name("p", lower),
                bounds::range(
                    print_bound(bound_type, lower),
                    print_bound(bound_type, upper),
                ),
            ))
        }
        _ => Err(SqlError::plain(format!(
            "Table {} is not automatically partitioned",
            table.name
        ))),
    }
}

/// Letters and digits stay; separators of times go; anything else becomes its code.
fn name_part(value: &str) -> String {
    let mut part = String::new();
    if value.starts_with('-') {
        part.push('_');
    }
    for character in value.chars() {
        match character {
            _ if character.is_ascii_alphanumeric() => part.push(character),
            '-' | ':' | ' ' | '*' => {}
            other => part.push_str(&format!("{:x}", u32::from(other))),
        }
    }
    part
}

/// Names compare without case: values that differ in case only get a number.
fn free_name(table: &Table, name: String) -> String {
    let name = if name.len() > LONGEST_NAME {
        let hash = name.bytes().fold(0_u32, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
        format!("{}_{hash:x}", &name[..LONGEST_NAME])
    } else {
        name
    };
    let mut candidate = name.clone();
    let mut number = 1;
    while table.partitions.contains(&candidate) {
        candidate = format!("{name}_{number}");
        number += 1;
    }
    candidate
}

/// The step of a partition expression: one day of `date_trunc('day', ts)`.
pub(super) struct Step {
    pub(super) amount: i64,
    pub(super) unit: TimeUnit,
}

impl Step {
    pub(super) fn of(expression: &str) -> SqlResult<Step> {
        let tokens = tokenize(expression)?;
        match partition_function(&mut Cursor::new(expression, &tokens))? {
            PartitionFunction::DateTrunc { unit, .. } => {
                let unit = TimeUnit::from_word(&unit).ok_or_else(|| {
                    SqlError::analyzing(format!("Unsupported date_trunc format {unit}"))
                })?;
                Ok(Step { amount: 1, unit })
            }
            PartitionFunction::TimeSlice { amount, unit, .. } => Ok(Step { amount, unit }),
        }
    }

    /// The start of the step that holds a time; slices are counted from year 1.
    fn floor(&self, at: DateTime) -> DateTime {
        if self.amount == 1 {
            return self.unit.floor(at);
        }
        let origin = jiff::civil::date(1, 1, 1).at(0, 0, 0, 0);
        let months = match self.unit {
            TimeUnit::Month => self.amount,
            TimeUnit::Quarter => self.amount * 3,
            TimeUnit::Year => self.amount * 12,
            _ => 0,
        };
        if months > 0 {
            let since = (i64::from(at.year()) - 1) * 12 + i64::from(at.month()) - 1;
            return origin.saturating_add(TimeUnit::Month.span(since / months * months));
        }
        let seconds = self.amount
            * match self.unit {
                TimeUnit::Second => 1,
                TimeUnit::Minute => 60,
                TimeUnit::Hour => 3_600,
                TimeUnit::Week => 604_800,
                _ => 86_400,
            };
        let since = at.duration_since(origin).as_secs();
        origin.saturating_add(TimeUnit::Second.span(since.div_euclid(seconds) * seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_their_step() {
        let rows = [
            (
                "date_trunc('day', d)",
                "2026-01-05 13:00:00",
                "2026-01-05 00:00:00",
            ),
            (
                "date_trunc('month', d)",
                "2026-01-05 13:00:00",
                "2026-01-01 00:00:00",
            ),
            (
                "time_slice(d, INTERVAL 6 HOUR)",
                "2026-01-05 13:00:00",
                "2026-01-05 12:00:00",
            ),
            (
                "time_slice(d, INTERVAL 2 MONTH)",
                "2026-02-05 13:00:00",
                "2026-01-01 00:00:00",
            ),
        ];
        for (expression, at, expected) in rows {
            let step = Step::of(expression).unwrap();
            let floor = step.floor(parse_time(at).unwrap());
            assert_eq!(bounds::print_time(floor), expected, "{expression}");
        }
    }

    #[test]
    fn names_are_made_of_values() {
        let rows = [
            ("ny", "ny"),
            ("2025-03-01", "20250301"),
            ("-5", "_5"),
            ("it's", "it27s"),
            ("NULL", "NULL"),
        ];
        for (value, expected) in rows {
            assert_eq!(name_part(value), expected);
        }
    }
}
