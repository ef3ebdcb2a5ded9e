//! Rows after a change of their table's columns.

use rusqlite::types::Value;

use super::{Rows, column_type, internal, sqlite_column, sqlite_table};
use crate::{
    catalog::{ColumnDef, ColumnDefault, Table},
    reply::{SqlError, SqlResult},
    types::SqlType,
};

/// Where a value of a row after the change comes from.
enum Source {
    /// A column of before, whose values become another type.
    Column {
        at: usize,
        from: SqlType,
        to: SqlType,
    },
    Constant(Value),
}

impl Rows {
    /// Rewrites the rows of a table for new columns. A column is the same one if its unique id is: a
    /// column dropped and added again starts with its default.
    pub fn alter_columns(&mut self, before: &Table, after: &Table) -> SqlResult<()> {
        let mut sources = Vec::new();
        for column in &after.columns {
            sources.push(source(before, column)?);
        }
        let name = sqlite_table(before.id);
        let old = format!("old_{name}");
        self.atomically(|rows| {
            rows.connection
                .execute_batch(&format!(
                    "DROP INDEX IF EXISTS \"{name}_key\"; DROP INDEX IF EXISTS \"{name}_part\";\
                     ALTER TABLE {name} RENAME TO {old};"
                ))
                .map_err(internal)?;
            rows.create_table(after)?;
            for part in rows.parts(&old)? {
                let moved = rows.moved(before, &old, part, &sources)?;
                rows.partitions.remove(&part);
                rows.write_rows(after, part, &moved, None)?;
            }
            rows.connection
                .execute_batch(&format!("DROP TABLE {old}"))
                .map_err(internal)
        })
    }

    /// Physical ids of the partitions with rows.
    fn parts(&self, name: &str) -> SqlResult<Vec<i64>> {
        let mut statement = self
            .connection
            .prepare(&format!("SELECT DISTINCT _part FROM {name}"))
            .map_err(internal)?;
        let parts = statement
            .query_map([], |row| row.get(0))
            .map_err(internal)?;
        parts.collect::<Result<_, _>>().map_err(internal)
    }

    fn moved(
        &self,
        before: &Table,
        name: &str,
        part: i64,
        sources: &[Source],
    ) -> SqlResult<Vec<Vec<Value>>> {
        let columns: Vec<String> = before
            .columns
            .iter()
            .map(|column| sqlite_column(&column.name))
            .collect();
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT {} FROM {name} WHERE _part = ?1 ORDER BY _row",
                columns.join(", ")
            ))
            .map_err(internal)?;
        let mut rows = statement.query([part]).map_err(internal)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(internal)? {
            let mut moved = Vec::with_capacity(sources.len());
            for source in sources {
                moved.push(match source {
                    Source::Constant(value) => value.clone(),
                    Source::Column { at, from, to } => {
                        converted(row.get(*at).map_err(internal)?, from, to)
                    }
                });
            }
            all.push(moved);
        }
        Ok(all)
    }
}

fn source(before: &Table, column: &ColumnDef) -> SqlResult<Source> {
    let to = column_type(column)?;
    let same = before
        .columns
        .iter()
        .position(|other| other.unique_id == column.unique_id);
    if let Some(at) = same {
        let from = column_type(&before.columns[at])?;
        return Ok(Source::Column { at, from, to });
    }
    match &column.default {
        None => Ok(Source::Constant(Value::Null)),
        Some(ColumnDefault::Literal(text)) => {
            let value = converted(Value::Text(text.clone()), &SqlType::STRING, &to);
            if value == Value::Null {
                return Err(SqlError::analyzing(format!(
                    "Invalid default value for '{}'",
                    column.name
                )));
            }
            Ok(Source::Constant(value))
        }
        Some(ColumnDefault::CurrentTimestamp | ColumnDefault::Expression(_)) => {
            Err(SqlError::plain(format!(
                "The emulator does not know what the default of the new column {} is for rows that \
                 exist: use a literal or none.",
                column.name
            )))
        }
    }
}

/// A value in another type; NULL where it does not fit.
fn converted(value: Value, from: &SqlType, to: &SqlType) -> Value {
    if from == to || value == Value::Null {
        return value;
    }
    let text = match &value {
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Null | Value::Blob(_) => return value,
    };
    match to {
        SqlType::Boolean => match text.to_lowercase().as_str() {
            "true" | "1" => Value::Integer(1),
            "false" | "0" => Value::Integer(0),
            _ => Value::Null,
        },
        SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => {
            text.parse().map_or(Value::Null, Value::Integer)
        }
        SqlType::Float | SqlType::Double => text.parse().map_or(Value::Null, Value::Real),
        SqlType::DateTime if text.len() == 10 => Value::Text(format!("{text} 00:00:00")),
        SqlType::Date => text
            .get(..10)
            .map_or(Value::Null, |date| Value::Text(date.to_owned())),
        _ => Value::Text(text),
    }
}
