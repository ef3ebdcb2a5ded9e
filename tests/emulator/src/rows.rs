//! The rows themselves: an in-memory SQLite database with one table per StarRocks table.
//!
//! Rows are keyed by table id and by the physical id of their partition, never by names, so RENAME,
//! SWAP and REPLACE PARTITION do not touch them. Each SQLite table `t<id>` has the columns `_row`
//! (insertion order), `_part` (physical partition id), `_key` (the encoded key, for the models that
//! have unique keys) and one `c_<name>` per column, declared without a type so that SQLite stores
//! what it is given: see [`crate::types::SqlType`] for how values of a type are kept.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, types::Value};

use crate::{
    catalog::{ColumnDef, KeyModel, Table},
    reply::{SqlError, SqlResult},
    types::{SqlType, WIDE},
};

mod aggregate;
mod alter;
mod dump;
mod key;

/// How many rows and about how many bytes a partition holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    pub rows: u64,
    pub bytes: u64,
}

#[derive(Debug)]
struct PartitionRows {
    table_id: i64,
    rows: u64,
    /// All that was ever written: the mean width of a row.
    written_rows: u64,
    written_bytes: u64,
}

#[derive(Debug)]
pub struct Rows {
    connection: Connection,
    /// Partitions that have or had rows, by physical id; kept in memory because partitions_meta asks
    /// for the size of every partition at once.
    partitions: HashMap<i64, PartitionRows>,
}

/// A fault of SQLite's in SQL that we wrote: a bug here, told loudly.
pub(crate) fn internal(error: rusqlite::Error) -> SqlError {
    SqlError::plain(format!("The emulator's row store failed: {error}"))
}

pub(crate) fn sqlite_table(table_id: i64) -> String {
    format!("t{table_id}")
}

/// The SQLite column of a StarRocks column, quoted.
pub(crate) fn sqlite_column(name: &str) -> String {
    format!("\"c_{}\"", name.replace('"', "\"\""))
}

fn has_key(table: &Table) -> bool {
    table.key_model != KeyModel::Duplicate
}

pub(crate) fn column_type(column: &ColumnDef) -> SqlResult<SqlType> {
    SqlType::parse(&column.sql_type).ok_or_else(|| {
        SqlError::plain(format!(
            "The emulator does not know the type {} of column {}",
            column.sql_type, column.name
        ))
    })
}

impl Default for Rows {
    fn default() -> Self {
        Rows::new()
    }
}

impl Rows {
    pub fn new() -> Rows {
        let connection = Connection::open_in_memory().expect("SQLite opens in memory");
        connection
            .execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA temp_store = MEMORY;")
            .expect("pragmas of the bundled SQLite");
        connection
            .create_collation(WIDE, key::compare_wide)
            .expect("a collation can be registered");
        aggregate::register(&connection)
            .and_then(|()| crate::query::register(&connection))
            .expect("functions can be registered");
        Rows {
            connection,
            partitions: HashMap::new(),
        }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes the empty store of a table. Views and external tables have none.
    pub fn create_table(&mut self, table: &Table) -> SqlResult<()> {
        if !table.has_partitions() {
            return Ok(());
        }
        self.create_as(table, &sqlite_table(table.id))
    }

    fn create_as(&self, table: &Table, name: &str) -> SqlResult<()> {
        let mut columns = Vec::new();
        for column in &table.columns {
            let collation = if column_type(column)?.is_wide() {
                format!(" COLLATE {WIDE}")
            } else {
                String::new()
            };
            columns.push(format!(", {}{collation}", sqlite_column(&column.name)));
        }
        let index = if has_key(table) {
            format!("CREATE UNIQUE INDEX \"{name}_key\" ON {name} (_part, _key);")
        } else {
            format!("CREATE INDEX \"{name}_part\" ON {name} (_part);")
        };
        let sql = format!(
            "CREATE TABLE {name} (_row INTEGER PRIMARY KEY, _part INTEGER NOT NULL, _key BLOB{});{index}",
            columns.concat()
        );
        self.connection.execute_batch(&sql).map_err(internal)
    }

    pub fn drop_table(&mut self, table_id: i64) -> SqlResult<()> {
        self.partitions
            .retain(|_, partition| partition.table_id != table_id);
        self.connection
            .execute_batch(&format!("DROP TABLE IF EXISTS {}", sqlite_table(table_id)))
            .map_err(internal)
    }

    /// Removes the rows of a partition: DROP, TRUNCATE, and what INSERT OVERWRITE leaves behind.
    pub fn drop_partition(&mut self, physical_id: i64) -> SqlResult<()> {
        let Some(partition) = self.partitions.remove(&physical_id) else {
            return Ok(());
        };
        self.connection
            .execute(
                &format!(
                    "DELETE FROM {} WHERE _part = ?1",
                    sqlite_table(partition.table_id)
                ),
                [physical_id],
            )
            .map(drop)
            .map_err(internal)
    }

    pub fn size(&self, physical_id: i64) -> Size {
        self.partitions
            .get(&physical_id)
            .map(|partition| Size {
                rows: partition.rows,
                bytes: (partition.written_bytes * partition.rows)
                    .checked_div(partition.written_rows)
                    .unwrap_or(0),
            })
            .unwrap_or_default()
    }

    /// What was written several times takes less room.
    pub(crate) fn compact(&mut self, physical_id: i64) {
        if let Some(partition) = self.partitions.get_mut(&physical_id) {
            partition.written_bytes -= partition.written_bytes / 4;
        }
    }

    pub fn count(&self, physical_id: i64) -> u64 {
        self.size(physical_id).rows
    }

    /// Writes rows (values in the order of `table.columns`) into one partition by the rules of the
    /// table's key model: DUPLICATE appends, PRIMARY and UNIQUE replace, AGGREGATE aggregates.
    pub fn write(&mut self, table: &Table, physical_id: i64, rows: &[Vec<Value>]) -> SqlResult<()> {
        self.atomically(|store| store.write_rows(table, physical_id, rows, None))
    }

    /// As [`Rows::write`], but a row that is there already takes over only the `assigned` columns.
    pub(crate) fn write_columns(
        &mut self,
        table: &Table,
        physical_id: i64,
        rows: &[Vec<Value>],
        assigned: Option<&[usize]>,
    ) -> SqlResult<()> {
        self.atomically(|store| store.write_rows(table, physical_id, rows, assigned))
    }

    /// Runs `work`, and takes back all that it did to rows if it fails.
    pub fn atomically<T>(&mut self, work: impl FnOnce(&mut Rows) -> SqlResult<T>) -> SqlResult<T> {
        self.connection
            .execute_batch("SAVEPOINT work")
            .map_err(internal)?;
        let result = work(self);
        let end = match result {
            Ok(_) => "RELEASE work",
            Err(_) => "ROLLBACK TO work; RELEASE work",
        };
        self.connection.execute_batch(end).map_err(internal)?;
        result
    }

    fn write_rows(
        &mut self,
        table: &Table,
        physical_id: i64,
        rows: &[Vec<Value>],
        assigned: Option<&[usize]>,
    ) -> SqlResult<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let name = sqlite_table(table.id);
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| sqlite_column(&column.name))
            .collect();
        let parameters: Vec<String> = (0..columns.len() + 2)
            .map(|n| format!("?{}", n + 1))
            .collect();
        let on_conflict = match table.key_model {
            KeyModel::Duplicate => String::new(),
            KeyModel::Aggregate => aggregate::on_conflict(table)?,
            KeyModel::Primary | KeyModel::Unique => replace(table, &columns, assigned),
        };
        let sql = format!(
            "INSERT INTO {name} (_part, _key, {}) VALUES ({}){on_conflict}",
            columns.join(", "),
            parameters.join(", "),
        );
        let key_positions = key::positions(table);
        let mut bytes = 0;
        {
            let mut statement = self.connection.prepare_cached(&sql).map_err(internal)?;
            for row in rows {
                debug_assert_eq!(row.len(), table.columns.len(), "a value per column");
                statement
                    .raw_bind_parameter(1, physical_id)
                    .map_err(internal)?;
                let key = has_key(table).then(|| key::encode(&key_positions, row));
                statement.raw_bind_parameter(2, key).map_err(internal)?;
                for (at, value) in row.iter().enumerate() {
                    bytes += width(value);
                    statement
                        .raw_bind_parameter(at + 3, value)
                        .map_err(internal)?;
                }
                statement.raw_execute().map_err(internal)?;
            }
        }
        let counted = if has_key(table) {
            self.count_rows(table.id, physical_id)?
        } else {
            self.count(physical_id) + rows.len() as u64
        };
        let partition = self.partition(table.id, physical_id);
        partition.written_rows += rows.len() as u64;
        partition.written_bytes += bytes;
        partition.rows = counted;
        Ok(())
    }

    fn partition(&mut self, table_id: i64, physical_id: i64) -> &mut PartitionRows {
        self.partitions
            .entry(physical_id)
            .or_insert_with(|| PartitionRows {
                table_id,
                rows: 0,
                written_rows: 0,
                written_bytes: 0,
            })
    }

    fn count_rows(&self, table_id: i64, physical_id: i64) -> SqlResult<u64> {
        self.connection
            .prepare_cached(&format!(
                "SELECT count(*) FROM {} WHERE _part = ?1",
                sqlite_table(table_id)
            ))
            .and_then(|mut statement| {
                statement.query_row([physical_id], |row| row.get::<_, i64>(0))
            })
            .map(i64::unsigned_abs)
            .map_err(internal)
    }

    /// The partitions of some rows, by their `_row`.
    pub(crate) fn partitions_of(&self, table_id: i64, rows: &[i64]) -> SqlResult<Vec<i64>> {
        let mut parts = Vec::new();
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT _part FROM {} WHERE _row = ?1",
                sqlite_table(table_id)
            ))
            .map_err(internal)?;
        for row in rows {
            let part: Option<i64> = statement
                .query_row([row], |row| row.get(0))
                .optional()
                .map_err(internal)?;
            if let Some(part) = part.filter(|part| !parts.contains(part)) {
                parts.push(part);
            }
        }
        Ok(parts)
    }

    /// Deletes rows by their `_row`.
    pub(crate) fn delete_rows(&mut self, table_id: i64, rows: &[i64]) -> SqlResult<()> {
        let touched = self.partitions_of(table_id, rows)?;
        self.atomically(|store| {
            let mut statement = store
                .connection
                .prepare(&format!(
                    "DELETE FROM {} WHERE _row = ?1",
                    sqlite_table(table_id)
                ))
                .map_err(internal)?;
            for row in rows {
                statement.execute([row]).map_err(internal)?;
            }
            Ok(())
        })?;
        for physical_id in touched {
            let rows = self.count_rows(table_id, physical_id)?;
            self.partition(table_id, physical_id).rows = rows;
        }
        Ok(())
    }
}

/// PRIMARY and UNIQUE: the new row takes the place of the old one.
fn replace(table: &Table, columns: &[String], assigned: Option<&[usize]>) -> String {
    let assignments: Vec<String> = table
        .columns
        .iter()
        .zip(columns)
        .enumerate()
        .filter(|(at, (column, _))| {
            let is_given = assigned.is_none_or(|assigned| assigned.contains(at));
            !column.is_key && (is_given || column.generated.is_some())
        })
        .map(|(_, (_, column))| format!("{column} = excluded.{column}"))
        .collect();
    if assignments.is_empty() {
        " ON CONFLICT (_part, _key) DO NOTHING".to_owned()
    } else {
        format!(
            " ON CONFLICT (_part, _key) DO UPDATE SET {}",
            assignments.join(", ")
        )
    }
}

fn width(value: &Value) -> u64 {
    match value {
        Value::Null => 1,
        Value::Integer(_) | Value::Real(_) => 8,
        Value::Text(text) => text.len() as u64,
        Value::Blob(bytes) => bytes.len() as u64,
    }
}
