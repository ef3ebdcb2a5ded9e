//! The scheduler of dynamic partitions and partition TTL.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use super::{
    bounds::{self, BoundType, parse_time, print_bound},
    partitions::bound_types,
};
use crate::{
    catalog::{Bound, Partition, PartitionValue, Partitioning, Table, TableState},
    engine::{Engine, zone},
    parse::ddl::partition::TimeUnit,
    reply::SqlResult,
};

/// A frontend makes its database of statistics 60 to 90 seconds after it first started.
const STATISTICS_AFTER: SignedDuration = SignedDuration::from_secs(90);

/// When the scheduler looks at the tables next; `None` before its first look.
#[derive(Debug, Default)]
pub struct Scheduler {
    next: Option<Timestamp>,
    last: Option<Timestamp>,
    started: Option<Timestamp>,
    has_made_statistics: bool,
}

impl Engine {
    /// Looks at all tables if it is time to. The first look is one interval after the start: a new
    /// table is seen to when it is created.
    pub(crate) fn run_partition_scheduler(&mut self) {
        let now = self.clock.now();
        let started = *self.partition_scheduler.started.get_or_insert(now);
        if now >= started + STATISTICS_AFTER && !self.partition_scheduler.has_made_statistics {
            self.partition_scheduler.has_made_statistics = true;
            if let Err(error) = self.make_statistics_database() {
                tracing::error!(error = error.message, "no statistics database");
            }
        }
        let interval = self
            .config
            .number("dynamic_partition_check_interval_seconds");
        let after = now + SignedDuration::from_secs(interval);
        match self.partition_scheduler.next {
            None => self.partition_scheduler.next = Some(after),
            Some(next) if next <= now => {
                self.partition_scheduler.last = Some(now);
                self.partition_scheduler.next = Some(after);
                self.look_at_partitions();
            }
            Some(_) => {}
        }
    }

    fn look_at_partitions(&mut self) {
        if let Err(error) = self.empty_recycle_bin() {
            tracing::error!(error = error.message, "recycle bin not emptied");
        }
        let tables = self
            .catalog
            .databases
            .values()
            .flat_map(|database| database.tables.values());
        let ids: Vec<i64> = tables
            .filter(|table| is_scheduled(table))
            .map(|table| table.id)
            .collect();
        for id in ids {
            let dynamic = if self.config.is_on("dynamic_partition_enable") {
                self.run_dynamic_partition(id)
            } else {
                Ok(())
            };
            if let Err(error) = dynamic.and_then(|()| self.run_partition_ttl(id)) {
                tracing::error!(
                    table.id = id,
                    error = error.message,
                    "partitions not scheduled"
                );
            }
        }
    }

    /// Adds the partitions up to `dynamic_partition.end` and drops those before
    /// `dynamic_partition.start`.
    pub(crate) fn run_dynamic_partition(&mut self, table_id: i64) -> SqlResult<()> {
        let now = self.clock.now();
        let Some((_, table)) = self.catalog.table_by_id(table_id) else {
            return Ok(());
        };
        let Some(plan) = DynamicPartition::of(table, now) else {
            return Ok(());
        };
        let [bound_type] = bound_types(table)[..] else {
            return Ok(());
        };
        let replication_num = plan
            .replication_num
            .unwrap_or_else(|| self.table_replication_num(table));
        let buckets = plan
            .buckets
            .unwrap_or_else(|| self.buckets(&table.distribution));
        let missing: Vec<_> = plan
            .wanted(bound_type)
            .into_iter()
            .filter(|(name, value)| !table.partitions.contains(name) && !overlaps(table, value))
            .collect();
        let expired = plan.expired(bound_type, table);
        for (name, value) in missing {
            let partition = self
                .catalog
                .new_partition(name, value, buckets, replication_num, now);
            if let Some(table) = self.catalog.table_by_id_mut(table_id) {
                table.partitions.push(partition);
            }
        }
        self.drop_partitions_of(table_id, &expired)
    }

    /// When the scheduler looked at a table last: a new table is looked at once it is made.
    pub(crate) fn last_partition_schedule(&self, table: &Table) -> Timestamp {
        self.partition_scheduler
            .last
            .map_or(table.created, |last| last.max(table.created))
    }

    /// Drops what `partition_live_number` and `partition_ttl` leave over.
    fn run_partition_ttl(&mut self, table_id: i64) -> SqlResult<()> {
        let now = self
            .clock
            .now()
            .to_zoned_datetime(self.session_time_zone.clone());
        let Some((_, table)) = self.catalog.table_by_id(table_id) else {
            return Ok(());
        };
        let [bound_type] = bound_types(table)[..] else {
            return Ok(());
        };
        if matches!(table.partitioning, Partitioning::List { .. }) {
            return Ok(());
        }
        let mut expired = Vec::new();
        if let Some(keep) = live_number(table) {
            let started: Vec<&Partition> = table
                .partitions
                .iter_ordered()
                .filter(|partition| {
                    lower_time(partition).is_some_and(|lower| lower <= now.datetime())
                })
                .collect();
            let over = started.len().saturating_sub(keep);
            expired.extend(started[..over].iter().map(|old| old.name.clone()));
        }
        if let Some((amount, unit)) = time_to_live(table) {
            let oldest = now.datetime().saturating_sub(unit.span(amount));
            let edge = print_bound(bound_type, oldest);
            expired.extend(upper_at_or_below(table, &edge));
        }
        self.drop_partitions_of(table_id, &expired)
    }

    fn drop_partitions_of(&mut self, table_id: i64, names: &[String]) -> SqlResult<()> {
        for name in names {
            let removed = self
                .catalog
                .table_by_id_mut(table_id)
                .and_then(|table| table.partitions.remove(name));
            if let Some(partition) = removed {
                self.rows.drop_partition(partition.physical_id)?;
            }
        }
        Ok(())
    }
}

fn is_scheduled(table: &Table) -> bool {
    table.state == TableState::Normal
        && (table.properties.contains_key("dynamic_partition.enable")
            || live_number(table).is_some()
            || table.properties.contains_key("partition_ttl"))
}

fn live_number(table: &Table) -> Option<usize> {
    let number = table
        .properties
        .get("partition_live_number")
        .or_else(|| table.properties.get("partition_ttl_number"))?;
    number.parse().ok()
}

/// `partition_ttl` such as `7 DAY`.
fn time_to_live(table: &Table) -> Option<(i64, TimeUnit)> {
    let text = table.properties.get("partition_ttl")?;
    let (amount, unit) = text.trim().split_once(' ')?;
    let unit = unit.trim().to_uppercase();
    let unit = TimeUnit::from_word(unit.trim_end_matches('S'))?;
    Some((amount.parse().ok()?, unit))
}

fn lower_time(partition: &Partition) -> Option<DateTime> {
    match &partition.value {
        PartitionValue::Range { lower, .. } => match &lower[..] {
            [Bound::Value(text)] => parse_time(text),
            [Bound::Min] => Some(DateTime::MIN),
            _ => None,
        },
        _ => None,
    }
}

/// Names of the range partitions that end at or before a bound, which is text of fixed width.
fn upper_at_or_below(table: &Table, edge: &str) -> Vec<String> {
    table
        .partitions
        .iter_ordered()
        .filter(|partition| {
            matches!(&partition.value, PartitionValue::Range { upper, .. }
                if matches!(&upper[..], [Bound::Value(text)] if text.as_str() <= edge))
        })
        .map(|partition| partition.name.clone())
        .collect()
}

fn overlaps(table: &Table, value: &PartitionValue) -> bool {
    match value {
        PartitionValue::Range { lower, upper } => {
            table.partitions.overlapping(lower, upper).is_some()
        }
        _ => false,
    }
}

/// The `dynamic_partition.*` properties of a table, at a moment.
struct DynamicPartition {
    unit: TimeUnit,
    start: i64,
    end: i64,
    history: i64,
    prefix: String,
    buckets: Option<u32>,
    replication_num: Option<u32>,
    /// The start of the current unit, in the table's zone.
    current: DateTime,
}

impl DynamicPartition {
    fn of(table: &Table, now: Timestamp) -> Option<DynamicPartition> {
        let property = |key: &str| {
            table
                .properties
                .get(&format!("dynamic_partition.{key}"))
                .map(String::as_str)
        };
        if property("enable") != Some("true") || table.state != TableState::Normal {
            return None;
        }
        let unit = TimeUnit::from_word(property("time_unit")?)?;
        let time_zone = zone(property("time_zone")?).unwrap_or(TimeZone::UTC);
        let number = |key: &str| property(key).and_then(|text| text.parse::<i64>().ok());
        Some(DynamicPartition {
            unit,
            start: number("start").unwrap_or(i64::from(i32::MIN)),
            end: number("end")?,
            history: number("history_partition_num").unwrap_or(0),
            prefix: property("prefix")?.to_owned(),
            buckets: number("buckets")
                .and_then(|buckets| u32::try_from(buckets).ok())
                .filter(|buckets| *buckets > 0),
            replication_num: number("replication_num")
                .and_then(|count| u32::try_from(count).ok())
                .filter(|count| *count > 0),
            current: unit.floor(now.to_zoned_datetime(time_zone).datetime()),
        })
    }

    fn at(&self, offset: i64) -> DateTime {
        self.current.saturating_add(self.unit.span(offset))
    }

    /// The partitions that should exist: the history asked for, now, and up to `end`.
    fn wanted(&self, bound_type: BoundType) -> Vec<bounds::NamedRange> {
        let first = self.start.max(-self.history).min(0);
        (first..=self.end)
            .map(|offset| {
                let (lower, upper) = (self.at(offset), self.at(offset + 1));
                let name = self.unit.partition_name(&self.prefix, lower);
                let value = bounds::range(
                    print_bound(bound_type, lower),
                    print_bound(bound_type, upper),
                );
                (name, value)
            })
            .collect()
    }

    /// The partitions that end before the unit `start` units ago began.
    fn expired(&self, bound_type: BoundType, table: &Table) -> Vec<String> {
        if self.start == i64::from(i32::MIN) {
            return Vec::new();
        }
        upper_at_or_below(table, &print_bound(bound_type, self.at(self.start)))
    }
}
