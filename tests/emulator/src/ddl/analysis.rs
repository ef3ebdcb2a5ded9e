//! What a definition says of keys, partitioning and distribution, checked against its columns.

use super::bounds::{self, BoundType};
use crate::{
    catalog::{
        ColumnDef, Distribution, KeyModel, PartitionValue, Partitioning, SHADOW_PARTITION, Table,
    },
    parse::ddl::table::{ColumnSpec, CreateTable, PartitionBy, PartitionFunction},
    reply::{SqlError, SqlResult},
};

/// How far the key of a table without a key clause reaches: three columns, 36 bytes.
const SHORT_KEY_COLUMNS: usize = 3;
const SHORT_KEY_BYTES: u32 = 36;

pub(super) fn column_def(spec: &ColumnSpec, unique_id: i64) -> ColumnDef {
    ColumnDef {
        name: spec.name.clone(),
        sql_type: spec.sql_type.clone(),
        nullable: spec.nullable.unwrap_or(!spec.auto_increment),
        is_key: spec.is_key,
        aggregation: spec.aggregation.clone(),
        default: spec.default.clone(),
        auto_increment: spec.auto_increment,
        generated: spec.generated.clone(),
        comment: spec.comment.clone(),
        unique_id,
    }
}

pub(super) fn keys(
    spec: &CreateTable,
    columns: &[ColumnDef],
) -> SqlResult<(KeyModel, Vec<String>)> {
    if let Some((model, names)) = &spec.keys {
        for (at, name) in names.iter().enumerate() {
            let column = columns.get(at);
            if column.is_none_or(|column| !column.name.eq_ignore_ascii_case(name)) {
                return Err(SqlError::analyzing(
                    "Key columns must be the first few columns of the schema and the order of the \
                     key columns must be consistent with the order of the schema",
                ));
            }
        }
        return Ok((*model, names.clone()));
    }
    if columns.iter().any(|column| column.aggregation.is_some()) {
        let names = columns
            .iter()
            .take_while(|column| column.aggregation.is_none())
            .map(|column| column.name.clone());
        return Ok((KeyModel::Aggregate, names.collect()));
    }
    Ok((KeyModel::Duplicate, short_key(columns)))
}

/// The first columns, as far as they fit a short key; a text column ends it.
fn short_key(columns: &[ColumnDef]) -> Vec<String> {
    let mut names = Vec::new();
    let mut bytes = 0;
    for column in columns {
        let word = bounds::type_word(&column.sql_type);
        let width = match word.as_str() {
            "BOOLEAN" | "TINYINT" => 1,
            "SMALLINT" => 2,
            "DATE" => 3,
            "INT" => 4,
            "BIGINT" | "DATETIME" => 8,
            "LARGEINT" | "DECIMAL" => 16,
            "CHAR" | "VARCHAR" => 20,
            _ => break,
        };
        bytes += width;
        if names.len() >= SHORT_KEY_COLUMNS || (bytes > SHORT_KEY_BYTES && !names.is_empty()) {
            break;
        }
        names.push(column.name.clone());
        if word == "VARCHAR" {
            break;
        }
    }
    names
}

pub(super) fn partitioning(spec: &CreateTable, columns: &[ColumnDef]) -> SqlResult<Partitioning> {
    let known = |names: &[String]| -> SqlResult<Vec<String>> {
        names
            .iter()
            .map(|name| {
                columns
                    .iter()
                    .find(|column| column.name.eq_ignore_ascii_case(name))
                    .map(|column| column.name.clone())
                    .ok_or_else(|| {
                        SqlError::analyzing(format!("Partition column[{name}] does not found"))
                    })
            })
            .collect()
    };
    Ok(match &spec.partitioning {
        PartitionBy::None => Partitioning::None,
        PartitionBy::Range { columns, .. } => Partitioning::Range {
            columns: known(columns)?,
        },
        PartitionBy::List {
            columns, automatic, ..
        } => Partitioning::List {
            columns: known(columns)?,
            automatic: *automatic,
        },
        PartitionBy::Expression { function, .. } => {
            let (column, expression) = match function {
                PartitionFunction::DateTrunc { unit, column } => {
                    (column, format!("date_trunc('{unit}', {column})"))
                }
                PartitionFunction::TimeSlice { column, text, .. } => (column, text.clone()),
            };
            let column = known(std::slice::from_ref(column))?.remove(0);
            let sql_type = columns
                .iter()
                .find(|other| other.name == column)
                .map_or("", |other| other.sql_type.as_str());
            if !matches!(
                BoundType::of(sql_type),
                BoundType::Date | BoundType::DateTime
            ) {
                return Err(SqlError::analyzing(format!(
                    "Unsupported partition expression '{expression}' for column {column} type {sql_type}"
                )));
            }
            Partitioning::Expression { column, expression }
        }
    })
}

pub(super) fn distribution(
    spec: &CreateTable,
    key_model: KeyModel,
    key_columns: &[String],
    columns: &[ColumnDef],
) -> SqlResult<Distribution> {
    match &spec.distribution {
        Some(Distribution::Hash {
            columns: names,
            buckets,
        }) => {
            for name in names {
                if !columns
                    .iter()
                    .any(|column| column.name.eq_ignore_ascii_case(name))
                {
                    return Err(SqlError::analyzing(format!(
                        "Distribution column({name}) doesn't exist"
                    )));
                }
            }
            Ok(Distribution::Hash {
                columns: names.clone(),
                buckets: *buckets,
            })
        }
        Some(random) => Ok(random.clone()),
        None if key_model == KeyModel::Primary || key_model == KeyModel::Unique => {
            Ok(Distribution::Hash {
                columns: key_columns.to_vec(),
                buckets: None,
            })
        }
        None => Ok(Distribution::Random { buckets: None }),
    }
}

/// The partition that a new table has besides those described.
pub(super) fn implied_partition(table: &Table) -> Option<(String, PartitionValue)> {
    if table.partitioning == Partitioning::None {
        Some((table.name.clone(), PartitionValue::Unpartitioned))
    } else if table.partitioning.is_automatic() {
        Some((SHADOW_PARTITION.to_owned(), PartitionValue::Shadow))
    } else {
        None
    }
}
