//! May a snapshot's table be restored over an existing one? Compared are what the engine puts into a
//! table's signature and its columns; what is in neither (values of LIST partitions, rollup columns,
//! comments) differs unnoticed.

use crate::catalog::{ColumnDef, Distribution, Partitioning, Table};

/// Why not, as the Status of the job says it. `name` is the name that the restore is to have.
pub(super) fn compare(name: &str, local: &Table, remote: &Table) -> Result<(), String> {
    if partition_type(local) != partition_type(remote) {
        return Err("Table's partition type is different".to_owned());
    }
    let ours = sequence(local, remote);
    let theirs = sequence(remote, local);
    if ours != theirs || local.columns.len() != remote.columns.len() {
        // Sequences of different length are not told apart any further.
        let reason = if ours.len() == theirs.len() {
            ours.iter()
                .zip(&theirs)
                .find(|(our, their)| our.value != their.value)
                .map_or("", |(our, _)| our.reason)
        } else {
            ""
        };
        return Err(format!(
            "Table {name} already exist but with different schema, errMsg: {reason}"
        ));
    }
    if local.key_model != remote.key_model {
        return Err(format!(
            "Table {name} already exist but with different key type"
        ));
    }
    let differing = local
        .columns
        .iter()
        .zip(&remote.columns)
        .find(|(ours, theirs)| !is_same_column(ours, theirs));
    if let Some((ours, theirs)) = differing {
        return Err(format!(
            "Table {name} already exist but with different schema, column: {} in existed table is \
             different from the column in backup snapshot, column: {}",
            ours.name, theirs.name
        ));
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Item {
    reason: &'static str,
    value: String,
}

/// What the signature is computed over, for the partitions that both sides have.
fn sequence(table: &Table, other: &Table) -> Vec<Item> {
    let mut items = Vec::new();
    let mut add = |reason, value: String| items.push(Item { reason, value });
    add("Table name is inconsistent", table.name.clone());
    add(
        "Table type is inconsistent",
        format!("{:?}", std::mem::discriminant(&table.kind)),
    );
    let mut indexes: Vec<_> = table.indexes.iter().collect();
    indexes.sort_by(|a, b| a.name.cmp(&b.name));
    for index in indexes {
        add("indexName is inconsistent", index.name.clone());
        add(
            "short key column count is inconsistent",
            short_key(table).to_string(),
        );
    }
    if let Some(columns) = table.properties.get("bloom_filter_columns") {
        add("bloom filter is inconsistent", columns.clone());
    }
    add(
        "partition type is inconsistent",
        partition_type(table).to_owned(),
    );
    if matches!(
        table.partitioning,
        Partitioning::Range { .. } | Partitioning::Expression { .. }
    ) {
        let columns = table.partitioning.columns().join(",");
        add("partition columns is inconsistent", columns);
    }
    let mut shared: Vec<_> = table
        .partitions
        .iter()
        .filter(|partition| other.partitions.contains(&partition.name))
        .collect();
    shared.sort_by_key(|partition| partition.name.to_lowercase());
    for partition in shared {
        add("partition name is inconsistent", partition.name.clone());
        if let Distribution::Hash { columns, .. } = &table.distribution {
            add(
                "partition distribution col hash is inconsistent",
                columns.join(","),
            );
            add("bucket num is inconsistent", partition.buckets.to_string());
        }
    }
    items
}

/// Up to three leading sort columns make the short key.
fn short_key(table: &Table) -> usize {
    let keys = if table.sort_key.is_empty() {
        &table.key_columns
    } else {
        &table.sort_key
    };
    keys.len().min(3)
}

fn partition_type(table: &Table) -> &'static str {
    match &table.partitioning {
        Partitioning::None => "UNPARTITIONED",
        Partitioning::Range { .. } => "RANGE",
        Partitioning::List { .. } => "LIST",
        Partitioning::Expression { .. } => "EXPR_RANGE",
    }
}

/// A column dropped and added again is another column to the data, but not to this comparison.
fn is_same_column(ours: &ColumnDef, theirs: &ColumnDef) -> bool {
    ours.name.eq_ignore_ascii_case(&theirs.name)
        && ours.sql_type == theirs.sql_type
        && ours.nullable == theirs.nullable
        && ours.is_key == theirs.is_key
        && ours.aggregation == theirs.aggregation
        && ours.default == theirs.default
        && ours.auto_increment == theirs.auto_increment
        && ours.generated == theirs.generated
}
