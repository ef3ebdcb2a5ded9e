//! A partition's rows as bytes: what a tablet file of a snapshot holds.
//!
//! The first line names the columns and their types, each further line is one row as a JSON array, so
//! that a file says by itself what it is. Values are kept as they are stored: numbers as numbers,
//! everything exact as text, binary data as `{"hex": "..."}`.

use rusqlite::types::{Value, ValueRef};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Rows, internal, sqlite_column, sqlite_table};
use crate::{
    catalog::Table,
    reply::{SqlError, SqlResult},
};

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    columns: Vec<HeaderColumn>,
}

#[derive(Debug, Serialize, Deserialize)]
struct HeaderColumn {
    name: String,
    #[serde(rename = "type")]
    sql_type: String,
}

impl Rows {
    /// All rows of one partition, in the order they were written.
    pub fn dump(&self, table: &Table, physical_id: i64) -> SqlResult<Vec<u8>> {
        let header = Header {
            columns: table
                .columns
                .iter()
                .map(|column| HeaderColumn {
                    name: column.name.clone(),
                    sql_type: column.sql_type.clone(),
                })
                .collect(),
        };
        let mut bytes = serde_json::to_vec(&header).expect("names and types serialize");
        bytes.push(b'\n');
        if !table.has_partitions() {
            return Ok(bytes);
        }
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| sqlite_column(&column.name))
            .collect();
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT {} FROM {} WHERE _part = ?1 ORDER BY _row",
                columns.join(", "),
                sqlite_table(table.id)
            ))
            .map_err(internal)?;
        let mut rows = statement.query([physical_id]).map_err(internal)?;
        while let Some(row) = rows.next().map_err(internal)? {
            let mut cells = Vec::with_capacity(columns.len());
            for at in 0..columns.len() {
                cells.push(to_json(row.get_ref(at).map_err(internal)?));
            }
            serde_json::to_writer(&mut bytes, &cells).expect("JSON goes into a vector");
            bytes.push(b'\n');
        }
        Ok(bytes)
    }

    /// Makes the partition hold exactly the rows of a dump. Columns are found by name.
    pub fn load(&mut self, table: &Table, physical_id: i64, bytes: &[u8]) -> SqlResult<()> {
        let text = std::str::from_utf8(bytes).map_err(|error| damaged(table, error))?;
        let mut lines = text.lines();
        let header: Header = serde_json::from_str(lines.next().unwrap_or_default())
            .map_err(|error| damaged(table, error))?;
        let mut order = Vec::new();
        for column in &table.columns {
            let at = header
                .columns
                .iter()
                .position(|other| other.name.eq_ignore_ascii_case(&column.name))
                .ok_or_else(|| damaged(table, format!("column {} is missing", column.name)))?;
            order.push(at);
        }
        let mut rows = Vec::new();
        for line in lines {
            let mut cells: Vec<serde_json::Value> =
                serde_json::from_str(line).map_err(|error| damaged(table, error))?;
            if cells.len() != header.columns.len() {
                return Err(damaged(table, "a row has another number of values"));
            }
            let mut row = Vec::with_capacity(order.len());
            for at in &order {
                row.push(from_json(cells[*at].take()).map_err(|error| damaged(table, error))?);
            }
            rows.push(row);
        }
        self.atomically(|store| {
            store.drop_partition(physical_id)?;
            store.write_rows(table, physical_id, &rows, None)
        })
    }
}

fn damaged(table: &Table, what: impl std::fmt::Display) -> SqlError {
    SqlError::plain(format!(
        "The data file of a tablet of table {} cannot be read: {what}",
        table.name
    ))
}

fn to_json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(number) => json!(number),
        // Exact, also for infinities, which JSON numbers cannot say.
        ValueRef::Real(number) => json!({ "bits": format!("{:016x}", number.to_bits()) }),
        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => json!({ "hex": hex::encode(bytes) }),
    }
}

fn from_json(value: serde_json::Value) -> Result<Value, String> {
    match value {
        serde_json::Value::Null => Ok(Value::Null),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map(Value::Integer)
            .ok_or_else(|| format!("{number} is no stored integer")),
        serde_json::Value::String(text) => Ok(Value::Text(text)),
        serde_json::Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(serde_json::Value::as_str);
            if let Some(digits) = text("hex") {
                return hex::decode(digits)
                    .map(Value::Blob)
                    .map_err(|error| error.to_string());
            }
            text("bits")
                .and_then(|digits| u64::from_str_radix(digits, 16).ok())
                .map(|bits| Value::Real(f64::from_bits(bits)))
                .ok_or_else(|| "an object that is neither hex nor bits".to_owned())
        }
        other => Err(format!("{other} is no stored value")),
    }
}
