//! How partitions come into a table.

use std::collections::BTreeMap;

use super::{Part, Refused, Table};

/// What a RESTORE takes of a stored table.
pub(super) fn pick(
    stored: &Table,
    names: Option<Vec<String>>,
    table: &str,
) -> Result<Table, Refused> {
    let Some(names) = names else {
        return Ok(stored.clone());
    };
    let mut picked = Table {
        partitions: BTreeMap::new(),
        shadow: false,
        ..stored.clone()
    };
    for name in names {
        if name == crate::facts::SHADOW_PARTITION && stored.shadow {
            picked.shadow = true;
            continue;
        }
        let part = stored
            .partitions
            .get(&name)
            .ok_or(format!("Partition {name} of table {table} does not exist"))?;
        let before = picked.partitions.insert(name, part.clone());
        assert_eq!(before, None, "a partition named twice");
    }
    Ok(picked)
}

pub(super) fn overwrite(
    existing: &mut Table,
    restored: &Table,
    replication: u16,
) -> Result<(), Refused> {
    for (name, part) in &restored.partitions {
        let placed = match existing.partitions.get(name) {
            Some(found) if found.replication != replication => {
                return Err(format!("Partition {name} has different replication num"));
            }
            Some(found) if found.buckets != part.buckets => {
                return Err("bucket num is inconsistent".into());
            }
            // Values are not compared: the engine accepts another one silently.
            Some(found) => Part {
                content: part.content,
                ..found.clone()
            },
            None if existing.kind.is_list() => {
                return Err("No partition exist in single partitioned table".into());
            }
            None => Part {
                replication,
                ..part.clone()
            },
        };
        existing.partitions.insert(name.clone(), placed);
    }
    Ok(())
}

pub(super) fn add(
    table: &mut Table,
    name: String,
    value: String,
    buckets: Option<u32>,
    backends: u16,
    temporary: bool,
) -> Result<(), Refused> {
    let replication = table.default_replication();
    if replication > backends {
        return Err("Failed to find enough hosts".into());
    }
    if table.partitions.contains_key(&name) || table.temporary.contains_key(&name) {
        return Err(format!("Duplicate partition name {name}"));
    }
    if !temporary && table.partitions.values().any(|part| part.value == value) {
        return Err(format!("{value} is intersected"));
    }
    let part = Part {
        value,
        content: 0,
        buckets: buckets.unwrap_or(table.buckets),
        replication,
    };
    match temporary {
        true => table.temporary.insert(name, part),
        false => table.partitions.insert(name, part),
    };
    Ok(())
}
