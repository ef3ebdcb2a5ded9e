//! Partitions: from descriptions to names and values, and what ALTER TABLE does to them.

use super::{
    analysis::implied_partition,
    bounds::{self, BoundType, NamedRange},
};
use crate::{
    catalog::{Bound, PartitionValue, Partitioning, Table},
    parse::ddl::partition::{self, MultiPartition, NamedPartition, PartitionDesc, Values},
    reply::{SqlError, SqlResult},
};

/// Types of the partition columns, in order.
pub(crate) fn bound_types(table: &Table) -> Vec<BoundType> {
    table
        .partitioning
        .columns()
        .iter()
        .map(|name| {
            let sql_type = table.column(name).map_or("", |column| &column.sql_type);
            BoundType::of(sql_type)
        })
        .collect()
}

/// Names and values of the partitions that a new table starts with.
pub(super) fn initial(table: &Table, descriptions: &[PartitionDesc]) -> SqlResult<Vec<NamedRange>> {
    let less_than = descriptions.iter().any(|description| {
        matches!(description, PartitionDesc::Named(named) if matches!(named.values, Values::LessThan(_)))
    });
    let fixed = descriptions.iter().any(|description| {
        matches!(description, PartitionDesc::Named(named) if matches!(named.values, Values::Fixed { .. }))
    });
    if less_than && fixed {
        return Err(SqlError::analyzing(
            "You can only use one of these methods to create partitions",
        ));
    }
    let mut all: Vec<NamedRange> = implied_partition(table).into_iter().collect();
    let mut scratch = table.clone_without_partitions();
    for description in descriptions {
        let described = match description {
            PartitionDesc::Named(named) => vec![named_value(&scratch, named)?],
            PartitionDesc::Multi(multi) => multi_values(&scratch, multi)?,
        };
        for (name, value) in described {
            if scratch.partitions.contains(&name) {
                return Err(duplicate(&name));
            }
            check_overlap(&scratch.partitions, table, &value)?;
            scratch.partitions.push(placeholder(&name, value.clone()));
            all.push((name, value));
        }
    }
    Ok(all)
}

pub(crate) fn duplicate(name: &str) -> SqlError {
    SqlError::new(
        1517,
        "HY000",
        format!("Getting analyzing error. Detail message: Duplicate partition name {name}."),
    )
}

/// A partition that exists only to be checked against.
fn placeholder(name: &str, value: PartitionValue) -> crate::catalog::Partition {
    crate::catalog::Partition {
        id: 0,
        physical_id: 0,
        name: name.to_owned(),
        value,
        buckets: 1,
        replication_num: 1,
        visible_version: 1,
        visible_version_time: jiff::Timestamp::UNIX_EPOCH,
        next_version: 2,
        data_version: 1,
        version_epoch: 0,
        tablets: Vec::new(),
    }
}

/// Name and value of `PARTITION p VALUES ...`. An open lower bound is the highest bound so far.
pub(super) fn named_value(table: &Table, named: &NamedPartition) -> SqlResult<NamedRange> {
    partition::check_name(&named.name)?;
    let types = bound_types(table);
    let value = match (&table.partitioning, &named.values) {
        (Partitioning::List { columns, automatic }, Values::In(tuples)) => {
            if *automatic && tuples.len() > 1 {
                return Err(SqlError::analyzing(
                    "Automatically partitioned tables does not support multiple values in the same \
                     partition",
                ));
            }
            let mut normalized = Vec::new();
            for tuple in tuples {
                if tuple.len() != columns.len() {
                    return Err(SqlError::analyzing(format!(
                        "Partition column values size does not match partition columns size: {}",
                        named.name
                    )));
                }
                let tuple = tuple.iter().zip(&types).map(|(value, bound_type)| {
                    value
                        .as_deref()
                        .map(|value| bound_type.normalize(value))
                        .transpose()
                });
                normalized.push(tuple.collect::<SqlResult<Vec<_>>>()?);
            }
            PartitionValue::List(normalized)
        }
        (Partitioning::Range { .. } | Partitioning::Expression { .. }, Values::LessThan(upper)) => {
            let upper = bounds_of(&types, upper)?;
            let lower = table
                .partitions
                .bound_below(&upper)
                .unwrap_or_else(|| vec![Bound::Min; types.len()]);
            PartitionValue::Range { lower, upper }
        }
        (
            Partitioning::Range { .. } | Partitioning::Expression { .. },
            Values::Fixed { lower, upper },
        ) => PartitionValue::Range {
            lower: bounds_of(&types, lower)?,
            upper: bounds_of(&types, upper)?,
        },
        (Partitioning::None, _) => {
            return Err(SqlError::analyzing(format!(
                "Table {} is not a partitioned table",
                table.name
            )));
        }
        _ => {
            return Err(SqlError::analyzing(format!(
                "The values of partition {} do not fit the partitioning of table {}",
                named.name, table.name
            )));
        }
    };
    Ok((named.name.clone(), value))
}

fn bounds_of(types: &[BoundType], bounds: &[Bound]) -> SqlResult<Vec<Bound>> {
    if types.len() > 1 && bounds.contains(&Bound::Max) {
        return Err(SqlError::analyzing(
            "Not support MAXVALUE in multi partition range values.",
        ));
    }
    if bounds.len() > types.len() || bounds.is_empty() {
        return Err(SqlError::analyzing(
            "Partition values number is more than partition column number",
        ));
    }
    let mut normalized = bounds
        .iter()
        .zip(types)
        .map(|(bound, bound_type)| match bound {
            // The least value and an open bound are one key, however it was written.
            Bound::Value(text) => bound_type.normalize(text).map(|text| {
                if *bound_type != BoundType::Text && text == bound_type.minimum() {
                    Bound::Min
                } else {
                    Bound::Value(text)
                }
            }),
            other => Ok(other.clone()),
        })
        .collect::<SqlResult<Vec<_>>>()?;
    normalized.resize(types.len(), Bound::Min);
    Ok(normalized)
}

pub(super) fn multi_values(table: &Table, multi: &MultiPartition) -> SqlResult<Vec<NamedRange>> {
    let types = bound_types(table);
    let [bound_type] = types[..] else {
        return Err(SqlError::analyzing(
            "Batch build partition only support single range column",
        ));
    };
    if matches!(table.partitioning, Partitioning::List { .. }) {
        return Err(SqlError::analyzing(
            "List partition does not support batch build partition",
        ));
    }
    bounds::steps(bound_type, multi, "p")
}

/// Ranges of a table never share keys.
pub(super) fn check_overlap(
    partitions: &crate::catalog::Partitions,
    table: &Table,
    value: &PartitionValue,
) -> SqlResult<()> {
    match value {
        PartitionValue::Range { lower, upper } => {
            let Some(other) = partitions.overlapping(lower, upper) else {
                return Ok(());
            };
            Err(SqlError::analyzing(format!(
                "Range {} is intersected with range: {}",
                range_text(table, value),
                range_text(table, &other.value)
            )))
        }
        PartitionValue::List(tuples) => {
            let taken = tuples.iter().find_map(|tuple| partitions.listing(tuple));
            match taken {
                None => Ok(()),
                Some(other) => Err(SqlError::analyzing(format!(
                    "Duplicate values in list partition: {} has them already",
                    other.name
                ))),
            }
        }
        PartitionValue::Unpartitioned | PartitionValue::Shadow => Ok(()),
    }
}

/// `[types: [DATE]; keys: [2025-01-02]; ..types: [DATE]; keys: [2025-01-03]; )`.
pub(crate) fn range_text(table: &Table, value: &PartitionValue) -> String {
    let PartitionValue::Range { lower, upper } = value else {
        return String::new();
    };
    let columns = table.partitioning.columns();
    let words: Vec<String> = columns
        .iter()
        .filter_map(|name| table.column(name))
        .map(|column| bounds::type_word(&column.sql_type))
        .collect();
    let types = bound_types(table);
    let side = |bounds: &[Bound]| {
        let keys: Vec<String> = bounds
            .iter()
            .zip(&types)
            .map(|(bound, bound_type)| bound_type.print(bound))
            .collect();
        format!(
            "types: [{}]; keys: [{}]; ",
            words.join(", "),
            keys.join(", ")
        )
    };
    format!("[{}..{})", side(lower), side(upper))
}
