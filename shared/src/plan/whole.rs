//! Which tables are stored as a whole when anything in them changed.
//!
//! A label of which parts are in an older snapshot is restored by putting two snapshots together: the
//! older one as a table, the newer one as a second table, missing partitions added by hand, and rows
//! copied partition by partition. Where that would not give exactly the same table, the label stores
//! the whole table instead, and one snapshot is enough.

use std::fmt;

use crate::{
    facts::{ColumnFacts, Distribution, KeyModel, PartitionFacts, Partitioning, TableFacts},
    ident::{ColumnName, PartitionName},
};

pub mod period;
mod types;
pub mod value;

pub use value::{PartitionValue, RangeBound, ValueError};

/// Why two snapshots of a table cannot be put together exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WholeReason {
    /// A partition of such a table can have several physical ones, and cannot be restored over.
    RandomDistribution,
    /// The counter comes back with one of the two snapshots and would hand out used values.
    AutoIncrement {
        column: ColumnName,
    },
    Aggregation {
        column: ColumnName,
        aggregation: String,
    },
    ColumnType {
        column: ColumnName,
        sql_type: String,
    },
    Partitioning {
        text: String,
    },
    Period {
        expression: String,
        reason: String,
    },
    Value {
        partition: PartitionName,
        error: ValueError,
    },
    Unaligned {
        partition: PartitionName,
        expression: String,
    },
}

/// The one place that decides. `changed` are the partitions that the older snapshot cannot give: only
/// they have to be added by hand and filled by a copy.
pub fn whole_or_nothing<'a>(
    table: &TableFacts,
    changed: impl IntoIterator<Item = &'a PartitionFacts>,
) -> Option<WholeReason> {
    if table.distribution == Distribution::Random {
        return Some(WholeReason::RandomDistribution);
    }
    if let Some(column) = table.columns.iter().find(|column| column.auto_increment) {
        let column = column.name.clone();
        return Some(WholeReason::AutoIncrement { column });
    }
    if let Some(reason) = not_copyable(&table.columns, table.key_model) {
        return Some(reason);
    }
    let step = match &table.partitioning {
        Partitioning::Opaque { text, .. } => {
            return Some(WholeReason::Partitioning { text: text.clone() });
        }
        Partitioning::Expression { expression, .. } => match period::step_of(expression) {
            Ok(step) => Some((step, expression)),
            Err(reason) => {
                return Some(WholeReason::Period {
                    expression: expression.clone(),
                    reason,
                });
            }
        },
        _ => None,
    };
    changed
        .into_iter()
        .filter(|partition| !partition.system)
        .find_map(|partition| {
            let name = || partition.name.clone();
            let value = match PartitionValue::parse(&partition.value, &table.partitioning) {
                Ok(value) => value,
                Err(error) => {
                    return Some(WholeReason::Value {
                        partition: name(),
                        error,
                    });
                }
            };
            let (step, expression) = step?;
            let aligned = period::is_made_by_engine(&partition.name, &value, step);
            (!aligned).then(|| WholeReason::Unaligned {
                partition: name(),
                expression: expression.clone(),
            })
        })
}

/// Why INSERT ... SELECT would not give the same rows again.
pub fn not_copyable(columns: &[ColumnFacts], key_model: KeyModel) -> Option<WholeReason> {
    columns.iter().find_map(|column| {
        // A generated column is computed again, never copied.
        if column.generated.is_none() && !types::is_copied_exactly(&column.sql_type) {
            return Some(WholeReason::ColumnType {
                column: column.name.clone(),
                sql_type: column.sql_type.clone(),
            });
        }
        let aggregation = column.aggregation.as_ref()?;
        let kept = key_model != KeyModel::Aggregate || keeps_a_single_value(aggregation);
        (!kept).then(|| WholeReason::Aggregation {
            column: column.name.clone(),
            aggregation: aggregation.clone(),
        })
    })
}

/// Aggregating one row alone gives that row for these, and for no other.
fn keeps_a_single_value(aggregation: &str) -> bool {
    ["SUM", "MIN", "MAX", "REPLACE", "REPLACE_IF_NOT_NULL"]
        .iter()
        .any(|known| aggregation.eq_ignore_ascii_case(known))
}

impl fmt::Display for WholeReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WholeReason::RandomDistribution => formatter.write_str("it is distributed randomly"),
            WholeReason::AutoIncrement { column } => {
                write!(
                    formatter,
                    "column {column} counts by itself (AUTO_INCREMENT)"
                )
            }
            WholeReason::Aggregation {
                column,
                aggregation,
            } => write!(
                formatter,
                "column {column} aggregates by {aggregation}, which a copy of rows does not keep"
            ),
            WholeReason::ColumnType { column, sql_type } => write!(
                formatter,
                "column {column} is of type {sql_type}, which is not known to be copied exactly"
            ),
            WholeReason::Partitioning { text } => write!(
                formatter,
                "partitions of PARTITION BY {text} cannot be added by hand"
            ),
            WholeReason::Period { expression, reason } => write!(
                formatter,
                "partitions of {expression} cannot be added by hand: {reason}"
            ),
            WholeReason::Value { partition, error } => {
                write!(
                    formatter,
                    "partition {partition} cannot be added by hand: {error}"
                )
            }
            WholeReason::Unaligned {
                partition,
                expression,
            } => write!(
                formatter,
                "partition {partition} is not one period of {expression} under the engine's name for it"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
