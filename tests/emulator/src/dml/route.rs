//! Which partition a row falls into.

use std::collections::HashMap;

use rusqlite::types::Value;

use super::{fill::Rejected, target::Target};
use crate::{
    catalog::{BoundKey, Partition, Partitioning, Partitions, SHADOW_PARTITION, Table},
    engine::Engine,
    parse::dml::TargetPartitions,
    reply::SqlResult,
    value,
};

/// Rows by partition, in the order in which partitions were first met.
#[derive(Debug, Default)]
pub(super) struct Routed {
    pub parts: Vec<(i64, Vec<Vec<Value>>)>,
    /// Rows that no partition takes.
    pub rejected: Rejected,
}

impl Routed {
    pub(super) fn rows(&self) -> u64 {
        self.parts.iter().map(|(_, rows)| rows.len() as u64).sum()
    }
}

impl Engine {
    /// Sorts rows into partitions. Automatic tables grow partitions for values they do not have yet.
    pub(super) fn route(
        &mut self,
        target: &Target,
        partitions: Option<&TargetPartitions>,
        rows: Vec<Vec<Value>>,
    ) -> SqlResult<Routed> {
        let places: Vec<usize> = target
            .table
            .partitioning
            .columns()
            .iter()
            .filter_map(|name| {
                target
                    .table
                    .columns
                    .iter()
                    .position(|column| column.name.eq_ignore_ascii_case(name))
            })
            .collect();
        let mut routed = Routed::default();
        // Rows of a batch mostly share a few partition values.
        let mut known: HashMap<Vec<Option<String>>, Option<usize>> = HashMap::new();
        for row in rows {
            let key: Vec<Option<String>> = places
                .iter()
                .map(|at| value::to_text((&row[*at]).into(), &target.types[*at]))
                .collect();
            let slot = match known.get(&key) {
                Some(slot) => *slot,
                None => {
                    let slot = self
                        .partition_for(target, partitions, &key)?
                        .map(|physical_id| {
                            let parts = &mut routed.parts;
                            parts
                                .iter()
                                .position(|(id, _)| *id == physical_id)
                                .unwrap_or_else(|| {
                                    parts.push((physical_id, Vec::new()));
                                    parts.len() - 1
                                })
                        });
                    known.insert(key, slot);
                    slot
                }
            };
            match slot {
                Some(slot) => routed.parts[slot].1.push(row),
                None => routed.rejected.add(|| {
                    "Error: The row is out of partition ranges. Please add a new partition."
                        .to_owned()
                }),
            }
        }
        Ok(routed)
    }

    fn partition_for(
        &mut self,
        target: &Target,
        partitions: Option<&TargetPartitions>,
        key: &[Option<String>],
    ) -> SqlResult<Option<i64>> {
        let table = self.catalog.table(&target.database, target.name())?;
        if let Some(wanted) = partitions {
            let among = if wanted.temporary {
                &table.temp_partitions
            } else {
                &table.partitions
            };
            let is_wanted = |partition: &&Partition| {
                wanted
                    .names
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(&partition.name))
            };
            return Ok(holding(table, among, key)
                .filter(is_wanted)
                .map(|partition| partition.physical_id));
        }
        if let Some(partition) = holding(table, &table.partitions, key) {
            return Ok(Some(partition.physical_id));
        }
        let is_null = key.iter().any(Option::is_none);
        let grows = match table.partitioning {
            Partitioning::Expression { .. } => !is_null,
            Partitioning::List {
                automatic: true, ..
            } => true,
            _ => false,
        };
        // The shadow partition is the pattern of new ones: without it nothing grows.
        if !grows || !table.partitions.contains(SHADOW_PARTITION) {
            return Ok(None);
        }
        self.add_automatic_partition(&target.database, target.name(), key)
            .map(Some)
    }
}

fn holding<'a>(
    table: &Table,
    among: &'a Partitions,
    key: &[Option<String>],
) -> Option<&'a Partition> {
    match &table.partitioning {
        Partitioning::None => among.iter().next(),
        Partitioning::List { .. } => among.listing(key),
        Partitioning::Range { .. } | Partitioning::Expression { .. } => {
            let key: Vec<BoundKey> = key
                .iter()
                .map(|value| value.as_deref().map_or(BoundKey::Min, BoundKey::from))
                .collect();
            among.holding(&key)
        }
    }
}
