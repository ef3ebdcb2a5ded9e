//! Table properties: which there are, their defaults, and what SHOW CREATE TABLE prints of them.

use std::collections::BTreeMap;

use super::alter::Target;
use crate::{
    catalog::{Distribution, KeyModel, Partitioning, Table},
    engine::Engine,
    profile::Profile,
    reply::{SqlError, SqlResult},
};

/// Kept as given.
const PLAIN: [&str; 22] = [
    "bloom_filter_columns",
    "bloom_filter_fpp",
    "bucket_size",
    "colocate_with",
    "compression",
    "datacache.enable",
    "enable_persistent_index",
    "fast_schema_evolution",
    "foreign_key_constraints",
    "in_memory",
    "mutable_bucket_num",
    "partition_live_number",
    "partition_retention_condition",
    "partition_ttl",
    "partition_ttl_number",
    "persistent_index_type",
    "primary_index_cache_expire_sec",
    "replicated_storage",
    "storage_cooldown_time",
    "storage_cooldown_ttl",
    "storage_medium",
    "unique_constraints",
];
const OTHERS: [&str; 5] = [
    "base_compaction_forbidden_time_ranges",
    "enable_load_profile",
    "replication_num",
    "storage_volume",
    "write_quorum",
];

pub(super) fn is_known(key: &str) -> bool {
    PLAIN.contains(&key) || OTHERS.contains(&key) || key.starts_with("dynamic_partition.")
}

pub(super) fn unknown(key: &str, value: &str) -> SqlError {
    SqlError::new(
        5064,
        "42000",
        format!("Getting analyzing error. Detail message: Unknown properties: {{{key}={value}}}."),
    )
}

/// Defaults and what was given.
pub(super) fn of_new_table(
    engine: &Engine,
    table: &Table,
    given: &[(String, String)],
) -> SqlResult<BTreeMap<String, String>> {
    let mut properties = BTreeMap::new();
    let mut set = |key: &str, value: &str| {
        properties.insert(key.to_owned(), value.to_owned());
    };
    set("compression", "LZ4");
    let evolves = engine.config.is_on("enable_fast_schema_evolution");
    set(
        "fast_schema_evolution",
        if evolves { "true" } else { "false" },
    );
    set("replicated_storage", "true");
    set(
        "replication_num",
        &engine.default_replication_num().to_string(),
    );
    if table.key_model == KeyModel::Primary {
        set("enable_persistent_index", "true");
    }
    if matches!(table.distribution, Distribution::Random { buckets: None }) {
        let bytes = if engine.profile == Profile::V4_1 {
            "1073741824"
        } else {
            "4294967296"
        };
        set("bucket_size", bytes);
    }
    for (key, value) in given {
        if !is_known(key) {
            return Err(unknown(key, value));
        }
        check(key, value)?;
        match key.as_str() {
            "compression" => set(key, &value.to_uppercase()),
            "unique_constraints" | "foreign_key_constraints" if value.is_empty() => {}
            _ => set(key, value),
        }
    }
    if given
        .iter()
        .any(|(key, _)| key.starts_with("dynamic_partition."))
    {
        complete_dynamic_partition(engine, table, &mut properties)?;
    }
    Ok(properties)
}

/// Numbers are numbers.
pub(super) fn check(key: &str, value: &str) -> SqlResult<()> {
    let is_number = value.parse::<i64>().is_ok();
    match key {
        "replication_num" if value.parse::<u32>().is_err() || value == "0" => {
            Err(SqlError::analyzing(format!(
                "Invalid replication number: {value}: replication_num should be larger than 0"
            )))
        }
        "partition_live_number" | "partition_ttl_number" if !is_number => Err(SqlError::analyzing(
            format!("Partition Live Number: {value} is not a number"),
        )),
        "dynamic_partition.start" | "dynamic_partition.end" | "dynamic_partition.buckets"
            if !is_number =>
        {
            Err(SqlError::analyzing(format!(
                "Invalid dynamic partition properties {key}: {value}"
            )))
        }
        _ => Ok(()),
    }
}

/// Dynamic partition properties come in full once one of them is given.
pub(super) fn complete_dynamic_partition(
    engine: &Engine,
    table: &Table,
    properties: &mut BTreeMap<String, String>,
) -> SqlResult<()> {
    if !matches!(table.partitioning, Partitioning::Range { .. }) {
        return Err(SqlError::analyzing(
            "Only support dynamic partition properties on range partition table",
        ));
    }
    for needed in ["time_unit", "end", "prefix"] {
        if !properties.contains_key(&format!("dynamic_partition.{needed}")) {
            return Err(SqlError::analyzing(format!(
                "Must assign dynamic_partition.{needed} properties"
            )));
        }
    }
    if let Some(unit) = properties.get_mut("dynamic_partition.time_unit") {
        *unit = unit.to_uppercase();
    }
    let defaults = [
        ("enable", "true".to_owned()),
        ("history_partition_num", "0".to_owned()),
        ("start", i32::MIN.to_string()),
        ("time_zone", engine.session_time_zone_name.clone()),
    ];
    for (key, value) in defaults {
        properties
            .entry(format!("dynamic_partition.{key}"))
            .or_insert(value);
    }
    let day = match properties["dynamic_partition.time_unit"].as_str() {
        "WEEK" => Some("dynamic_partition.start_day_of_week"),
        "MONTH" => Some("dynamic_partition.start_day_of_month"),
        _ => None,
    };
    if let Some(day) = day {
        properties.entry(day.to_owned()).or_insert("1".to_owned());
    }
    Ok(())
}

/// A property that ALTER TABLE SET takes, or the error of a real frontend.
pub(super) fn check_altered(given: &[(String, String)]) -> SqlResult<()> {
    for (key, value) in given {
        let known = is_known(key.strip_prefix("default.").unwrap_or(key));
        if !known {
            return Err(unknown(key, value));
        }
        check(key.strip_prefix("default.").unwrap_or(key), value)?;
    }
    Ok(())
}

pub(super) fn replication_num(given: &[(String, String)]) -> SqlResult<Option<u32>> {
    let Some((key, value)) = given.iter().find(|(key, _)| key == "replication_num") else {
        return Ok(None);
    };
    check(key, value)?;
    Ok(value.parse().ok())
}

impl Engine {
    /// No partition has more replicas than there are backends.
    pub(super) fn check_backends(&self, replication_num: u32) -> SqlResult<()> {
        let alive = self.nodes.backends.iter().filter(|backend| backend.alive);
        let alive = alive.count();
        if replication_num as usize <= alive {
            return Ok(());
        }
        Err(SqlError::plain(format!(
            "Replication num should be less than the number of available BE nodes: {replication_num} \
             is more than {alive}"
        )))
    }

    pub(super) fn set_properties(
        &mut self,
        target: &Target,
        given: &[(String, String)],
    ) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, &target.name)?;
        let mut properties = table.properties.clone();
        let mut replicas = None;
        for (key, value) in given {
            match key.as_str() {
                "replication_num" if table.partitioning != Partitioning::None => {
                    return Err(SqlError::plain(
                        "This is a range partitioned table, you should specify partitions with MODIFY \
                         PARTITION clause. If you want to set default replication number, please use \
                         'default.replication_num' instead of 'replication_num' to escape misleading.",
                    ));
                }
                "replication_num" => {
                    replicas = replication_num(given)?;
                    properties.insert(key.clone(), value.clone());
                }
                _ if key.starts_with("default.") => {
                    properties.insert(key["default.".len()..].to_owned(), value.clone());
                }
                "colocate_with"
                | "unique_constraints"
                | "foreign_key_constraints"
                | "bloom_filter_columns"
                    if value.is_empty() =>
                {
                    properties.remove(key);
                }
                _ => {
                    properties.insert(key.clone(), value.clone());
                }
            }
        }
        if let Some(wanted) = replicas {
            self.check_backends(wanted)?;
        }
        let is_dynamic = given
            .iter()
            .any(|(key, _)| key.starts_with("dynamic_partition."));
        if is_dynamic {
            complete_dynamic_partition(self, table, &mut properties)?;
        }
        let table = self.altered(target)?;
        table.properties = properties;
        if let Some(wanted) = replicas {
            for partition in table.partitions.iter_mut() {
                partition.replication_num = wanted;
            }
        }
        let id = table.id;
        if is_dynamic {
            self.run_dynamic_partition(id)?;
        }
        Ok(())
    }
}
