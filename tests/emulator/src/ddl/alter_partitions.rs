//! What ALTER TABLE does to partitions.

use super::{
    alter::Target,
    automatic::Step,
    bounds::{NamedRange, parse_time},
    partitions::{check_overlap, duplicate, multi_values, named_value},
    properties,
};
use crate::{
    catalog::{Distribution, Partition, Partitioning, Table},
    engine::Engine,
    parse::ddl::{
        alter::PartitionSelection,
        partition::{self, Every, MultiPartition, NamedPartition},
    },
    reply::{SqlError, SqlResult},
};

impl Engine {
    pub(super) fn add_partition(
        &mut self,
        target: &Target,
        temporary: bool,
        partition: &NamedPartition,
        distribution: Option<&Distribution>,
    ) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, &target.name)?;
        if has_name(table, &partition.name) {
            return if partition.if_not_exists {
                Ok(())
            } else {
                Err(duplicate(&partition.name))
            };
        }
        let range = if temporary {
            let mut temporaries = table.clone_without_partitions();
            temporaries.partitions = table.temp_partitions.clone();
            named_value(&temporaries, partition)?
        } else {
            named_value(table, partition)?
        };
        let buckets = distribution.map_or_else(
            || self.buckets(&table.distribution),
            |distribution| self.buckets(distribution),
        );
        let replication_num = properties::replication_num(&partition.properties)?
            .unwrap_or_else(|| self.table_replication_num(table));
        self.put_partitions(target, temporary, vec![range], buckets, replication_num)
    }

    pub(super) fn add_partitions(
        &mut self,
        target: &Target,
        temporary: bool,
        if_not_exists: bool,
        multi: &MultiPartition,
    ) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, &target.name)?;
        if let Partitioning::Expression { expression, .. } = &table.partitioning {
            check_step(expression, multi)?;
        }
        let mut ranges = multi_values(table, multi)?;
        if if_not_exists {
            ranges.retain(|(name, _)| !has_name(table, name));
        } else if let Some((name, _)) = ranges.iter().find(|(name, _)| has_name(table, name)) {
            return Err(duplicate(name));
        }
        let buckets = self.buckets(&table.distribution);
        let replication_num = self.table_replication_num(table);
        self.put_partitions(target, temporary, ranges, buckets, replication_num)
    }

    /// Adds all or none.
    fn put_partitions(
        &mut self,
        target: &Target,
        temporary: bool,
        ranges: Vec<NamedRange>,
        buckets: u32,
        replication_num: u32,
    ) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, &target.name)?;
        let present = if temporary {
            &table.temp_partitions
        } else {
            &table.partitions
        };
        for (_, value) in &ranges {
            check_overlap(present, table, value)?;
        }
        let now = self.clock.now();
        let fresh: Vec<Partition> = ranges
            .into_iter()
            .map(|(name, value)| {
                self.catalog
                    .new_partition(name, value, buckets, replication_num, now)
            })
            .collect();
        let table = self.altered(target)?;
        let present = if temporary {
            &mut table.temp_partitions
        } else {
            &mut table.partitions
        };
        for partition in fresh {
            present.push(partition);
        }
        Ok(())
    }

    /// Makes `count` partitions of one day each from 2000-01-01 on, for tests of scale: `p20000101`
    /// and so on, on a table partitioned by one DATE or DATETIME column.
    pub fn create_many_partitions(
        &mut self,
        database: &str,
        table: &str,
        count: u32,
    ) -> SqlResult<()> {
        let end =
            jiff::civil::date(2000, 1, 1).saturating_add(jiff::Span::new().days(i64::from(count)));
        let multi = MultiPartition {
            start: "2000-01-01".into(),
            end: end.to_string(),
            every: Every::Interval(1, partition::TimeUnit::Day),
        };
        let target = Target {
            database: database.to_owned(),
            name: table.to_owned(),
        };
        self.add_partitions(&target, false, false, &multi)
    }

    pub(super) fn drop_partitions(
        &mut self,
        target: &Target,
        temporary: bool,
        if_exists: bool,
        selection: PartitionSelection,
    ) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, &target.name)?;
        if table.partitioning == Partitioning::None {
            return Err(SqlError::plain(format!(
                "Table[{}] is not partitioned",
                target.name
            )));
        }
        let names = match selection {
            PartitionSelection::Names(names) => names,
            PartitionSelection::Multi(multi) => multi_values(table, &multi)?
                .into_iter()
                .map(|(name, _)| name)
                .collect(),
        };
        let present = if temporary {
            &table.temp_partitions
        } else {
            &table.partitions
        };
        let missing: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| !present.contains(name))
            .collect();
        if let Some(first) = missing.first().filter(|_| !if_exists) {
            let list = if self.profile.is_3_3() {
                (*first).to_owned()
            } else {
                format!("[{}]", missing.join(", "))
            };
            return Err(SqlError::new(
                1507,
                "HY000",
                format!("Error in list of partitions to {list}"),
            ));
        }
        for name in &names {
            let table = self.altered(target)?;
            let present = if temporary {
                &mut table.temp_partitions
            } else {
                &mut table.partitions
            };
            if let Some(partition) = present.remove(name) {
                self.rows.drop_partition(partition.physical_id)?;
            }
        }
        Ok(())
    }

    /// Temporary partitions take the places of partitions: their names (unless `use_temp_partition_name`
    /// says otherwise), with their own ids, versions and rows.
    pub(super) fn replace_partitions(
        &mut self,
        target: &Target,
        partitions: &[String],
        temporaries: &[String],
        properties: &[(String, String)],
    ) -> SqlResult<()> {
        let flag = |key: &str| {
            properties
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.eq_ignore_ascii_case("true"))
        };
        let strict = flag("strict_range").unwrap_or(true);
        let keep_temporary_names =
            flag("use_temp_partition_name").unwrap_or(partitions.len() != temporaries.len());
        let table = self.altered(target)?;
        let missing = |names: &[String], present: &crate::catalog::Partitions, kind: &str| {
            names
                .iter()
                .find(|name| !present.contains(name))
                .map(|name| SqlError::plain(format!("{kind} {name} does not exist")))
        };
        let error = missing(partitions, &table.partitions, "Partition")
            .or_else(|| missing(temporaries, &table.temp_partitions, "Temporary partition"));
        if let Some(error) = error {
            return Err(error);
        }
        if strict
            && values(&table.partitions, partitions) != values(&table.temp_partitions, temporaries)
        {
            return Err(SqlError::plain(
                "Range list size is not equal or 2 range lists are not equal: with strict_range the \
                 temporary partitions must cover what they replace exactly",
            ));
        }
        let fresh: Vec<Partition> = temporaries
            .iter()
            .filter_map(|name| table.temp_partitions.remove(name))
            .collect();
        let mut gone = Vec::new();
        if keep_temporary_names {
            gone.extend(
                partitions
                    .iter()
                    .filter_map(|name| table.partitions.remove(name)),
            );
            for partition in fresh {
                table.partitions.push(partition);
            }
        } else {
            for (name, mut partition) in partitions.iter().zip(fresh) {
                if let Some(old) = table.partitions.get(name) {
                    partition.name = old.name.clone();
                }
                gone.extend(table.partitions.replace(name, partition));
            }
        }
        for partition in gone {
            self.rows.drop_partition(partition.physical_id)?;
        }
        Ok(())
    }

    pub(super) fn modify_partitions(
        &mut self,
        target: &Target,
        names: Option<Vec<String>>,
        given: &[(String, String)],
    ) -> SqlResult<()> {
        let replication_num = properties::replication_num(given)?;
        if let Some((key, value)) = given.iter().find(|(key, _)| {
            !matches!(
                key.as_str(),
                "replication_num" | "storage_medium" | "storage_cooldown_time" | "in_memory"
            )
        }) {
            return Err(properties::unknown(key, value));
        }
        if let Some(wanted) = replication_num {
            self.check_backends(wanted)?;
        }
        let table = self.altered(target)?;
        let names = names.unwrap_or_else(|| {
            let all = table.partitions.iter();
            all.map(|partition| partition.name.clone()).collect()
        });
        if let Some(name) = names.iter().find(|name| !table.partitions.contains(name)) {
            return Err(SqlError::plain(format!(
                "Partition[{name}] does not exist in table[{}]",
                target.name
            )));
        }
        for name in names {
            if let (Some(partition), Some(wanted)) =
                (table.partitions.get_mut(&name), replication_num)
            {
                partition.replication_num = wanted;
            }
        }
        Ok(())
    }

    pub(super) fn rename_partition(
        &mut self,
        target: &Target,
        name: &str,
        new_name: &str,
    ) -> SqlResult<()> {
        let table = self.altered(target)?;
        if table.partitioning == Partitioning::None {
            return Err(SqlError::plain(format!(
                "Table[{}] is single partitioned. no need to rename partition name.",
                target.name
            )));
        }
        if !table.partitions.contains(name) {
            return Err(SqlError::plain(format!(
                "Partition[{name}] does not exists"
            )));
        }
        if name != new_name && has_name(table, new_name) {
            return Err(SqlError::plain(format!(
                "Partition name[{new_name}] is already used"
            )));
        }
        partition::check_name(new_name)?;
        table.partitions.rename(name, new_name);
        Ok(())
    }
}

fn has_name(table: &Table, name: &str) -> bool {
    table.partitions.contains(name) || table.temp_partitions.contains(name)
}

fn values<'a>(
    present: &'a crate::catalog::Partitions,
    names: &[String],
) -> Vec<&'a crate::catalog::PartitionValue> {
    let mut values: Vec<_> = names
        .iter()
        .filter_map(|name| present.get(name))
        .map(|partition| &partition.value)
        .collect();
    values.sort_by_key(|value| format!("{value:?}"));
    values
}

/// Partitions of an automatic table are added one step of its expression at a time, and a step of
/// more than one unit cannot be said at all.
fn check_step(expression: &str, multi: &MultiPartition) -> SqlResult<()> {
    let step = Step::of(expression)?;
    match multi.every {
        Every::Interval(1, unit) if unit == step.unit && step.amount == 1 => {
            let aligned = |literal: &str| parse_time(literal).is_none_or(|at| unit.floor(at) == at);
            if aligned(&multi.start) && aligned(&multi.end) {
                Ok(())
            } else {
                Err(SqlError::analyzing(
                    "The date from the start and end of the partition do not match the granularity \
                     of the auto-partitioned table",
                ))
            }
        }
        Every::Interval(1, _) if step.amount == 1 => Err(SqlError::analyzing(
            "The granularity of the auto-partitioned table granularity should be consistent with \
             the increased partition granularity",
        )),
        _ => Err(SqlError::analyzing(
            "The step of the auto-partitioned table should be 1",
        )),
    }
}
