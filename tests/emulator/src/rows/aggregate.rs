//! AGGREGATE tables: what a new row does to the row that has its key already.

use rusqlite::{
    Connection,
    functions::FunctionFlags,
    types::{Value, ValueRef},
};

use super::{column_type, sqlite_column};
use crate::{
    catalog::Table,
    reply::{SqlError, SqlResult},
    types::WIDE,
};

/// `ON CONFLICT` that applies each column's aggregation.
pub(super) fn on_conflict(table: &Table) -> SqlResult<String> {
    let mut assignments = Vec::new();
    for column in table.columns.iter().filter(|column| !column.is_key) {
        let name = sqlite_column(&column.name);
        let function = column.aggregation.as_deref().unwrap_or("REPLACE");
        let wide = if column_type(column)?.is_wide() {
            format!(" COLLATE {WIDE}")
        } else {
            String::new()
        };
        let (old, new) = (name.clone(), format!("excluded.{name}"));
        let compared = |operator: &str| {
            format!(
                "CASE WHEN {old} IS NULL OR ({new} {operator} {old}{wide}) THEN {new} ELSE {old} END"
            )
        };
        let value = match function.to_ascii_uppercase().as_str() {
            "REPLACE" => new,
            "REPLACE_IF_NOT_NULL" => format!("coalesce({new}, {old})"),
            "MIN" => compared("<"),
            "MAX" => compared(">"),
            "SUM" => format!("sum_two({old}, {new})"),
            "HLL_UNION" | "BITMAP_UNION" | "PERCENTILE_UNION" => {
                format!("union_two({old}, {new})")
            }
            other => {
                return Err(SqlError::plain(format!(
                    "The emulator does not know the aggregation {other} of column {}",
                    column.name
                )));
            }
        };
        assignments.push(format!("{name} = {value}"));
    }
    Ok(if assignments.is_empty() {
        " ON CONFLICT (_part, _key) DO NOTHING".to_owned()
    } else {
        format!(
            " ON CONFLICT (_part, _key) DO UPDATE SET {}",
            assignments.join(", ")
        )
    })
}

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("sum_two", 2, flags, |context| {
        let (left, right) = (context.get_raw(0), context.get_raw(1));
        match (left, right) {
            (ValueRef::Null, other) | (other, ValueRef::Null) => Ok(Value::try_from(other)?),
            (ValueRef::Integer(left), ValueRef::Integer(right)) => {
                Ok(Value::Integer(left.wrapping_add(right)))
            }
            (ValueRef::Text(left), ValueRef::Text(right)) => {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                crate::number::add(&text(left), &text(right))
                    .map(Value::Text)
                    .map_err(|error| rusqlite::Error::UserFunctionError(error.into()))
            }
            (left, right) => {
                let real = |value: ValueRef<'_>| match value {
                    ValueRef::Integer(number) => number as f64,
                    ValueRef::Real(number) => number,
                    _ => f64::NAN,
                };
                Ok(Value::Real(real(left) + real(right)))
            }
        }
    })?;
    // Sketches are kept as sorted lists of their distinct members, one a line.
    connection.create_scalar_function("union_two", 2, flags, |context| {
        let members = |at: usize| -> rusqlite::Result<Option<String>> { context.get(at) };
        Ok(match (members(0)?, members(1)?) {
            (None, other) | (other, None) => other,
            (Some(left), Some(right)) => Some(crate::sketch::union(&left, &right)),
        })
    })
}
