//! Rows after a change of their table's columns.

use rusqlite::types::Value;

use super::{Rows, column_type, has_key, internal, key, sqlite_column, sqlite_table};
use crate::{
    catalog::{ColumnDef, ColumnDefault, Table},
    clock::Clock,
    engine::Engine,
    privileges::Identity,
    query::{self, Compiler, parser},
    reply::{SqlError, SqlResult},
    value,
};

impl Engine {
    /// Rewrites the rows of a table for new columns. A column is the same one if its unique id is: a
    /// column dropped and added again starts with its default. New generated columns are computed.
    pub(crate) fn alter_rows(&mut self, before: &Table, after: &Table) -> SqlResult<()> {
        self.publish_all_of(before.id);
        let leader = self.nodes.leader().map_or(0, |leader| leader.id);
        let session =
            self.new_session(u32::MAX, Identity::root(), "127.0.0.1:0".to_owned(), leader);
        self.close_session(session.id);
        let now = Clock::format(self.clock.now(), &session.time_zone);
        let mut generated = Vec::new();
        for column in &after.columns {
            let Some(expression) = &column.generated else {
                continue;
            };
            let same = same_column(before, column).map(|at| &before.columns[at]);
            if same.is_some_and(|same| same.generated == column.generated) {
                continue;
            }
            let expression = parser::expression(expression)?;
            let mut compiler = Compiler::new(self, &session);
            compiler.enter_row(after)?;
            let typed = compiler
                .expression(&expression)?
                .cast(&column_type(column)?);
            generated.push(format!("{} = {}", sqlite_column(&column.name), typed.sql));
        }
        self.rows.atomically(|rows| {
            rows.alter_columns(before, after, &now)?;
            if generated.is_empty() {
                return Ok(());
            }
            let update = format!(
                "UPDATE {} SET {}",
                sqlite_table(after.id),
                generated.join(", ")
            );
            rows.connection.execute_batch(&update).map_err(internal)
        })
    }
}

impl Rows {
    fn alter_columns(&mut self, before: &Table, after: &Table, now: &str) -> SqlResult<()> {
        if !before.has_partitions() {
            return Ok(());
        }
        let mut sources = vec!["_row".to_owned(), "_part".to_owned(), "_key".to_owned()];
        let mut columns = sources.clone();
        for column in &after.columns {
            sources.push(source(before, column, now)?);
            columns.push(sqlite_column(&column.name));
        }
        let name = sqlite_table(before.id);
        let old = format!("old_{name}");
        self.connection
            .execute_batch(&format!(
                "DROP INDEX IF EXISTS \"{name}_key\"; DROP INDEX IF EXISTS \"{name}_part\";\
                 ALTER TABLE {name} RENAME TO {old};"
            ))
            .map_err(internal)?;
        self.create_table(after)?;
        self.connection
            .execute_batch(&format!(
                "INSERT INTO {name} ({}) SELECT {} FROM {old}; DROP TABLE {old}",
                columns.join(", "),
                sources.join(", ")
            ))
            .map_err(internal)?;
        if has_key(after) {
            self.encode_keys(after)?;
        }
        Ok(())
    }

    /// Keys change with the types of their columns.
    fn encode_keys(&mut self, table: &Table) -> SqlResult<()> {
        let name = sqlite_table(table.id);
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| sqlite_column(&column.name))
            .collect();
        let positions = key::positions(table);
        let mut keys: Vec<(i64, Vec<u8>)> = Vec::new();
        {
            let mut statement = self
                .connection
                .prepare(&format!("SELECT _row, {} FROM {name}", columns.join(", ")))
                .map_err(internal)?;
            let mut rows = statement.query([]).map_err(internal)?;
            while let Some(row) = rows.next().map_err(internal)? {
                let values: Vec<Value> = (1..=columns.len())
                    .map(|at| row.get(at))
                    .collect::<Result<_, _>>()
                    .map_err(internal)?;
                let id = row.get(0).map_err(internal)?;
                keys.push((id, key::encode(&positions, &values)));
            }
        }
        let mut update = self
            .connection
            .prepare(&format!("UPDATE {name} SET _key = ?2 WHERE _row = ?1"))
            .map_err(internal)?;
        for entry in keys {
            update.execute(entry).map_err(internal)?;
        }
        Ok(())
    }
}

fn same_column(before: &Table, column: &ColumnDef) -> Option<usize> {
    before
        .columns
        .iter()
        .position(|other| other.unique_id == column.unique_id)
}

/// The SQL that gives the values of a column, over the rows of before.
fn source(before: &Table, column: &ColumnDef, now: &str) -> SqlResult<String> {
    let to = column_type(column)?;
    if let Some(at) = same_column(before, column) {
        let from = &before.columns[at];
        let value = query::Typed::new(sqlite_column(&from.name), column_type(from)?);
        return Ok(value.cast(&to).sql);
    }
    let text = match &column.default {
        None => return Ok("NULL".to_owned()),
        Some(ColumnDefault::Literal(text)) => text,
        Some(ColumnDefault::CurrentTimestamp) => now,
        Some(ColumnDefault::Expression(expression)) => {
            return Err(SqlError::plain(format!(
                "The emulator does not compute the default {expression} of the new column {} for \
                 rows that exist: use a literal or none.",
                column.name
            )));
        }
    };
    let value = value::from_text(text, &to).ok_or_else(|| {
        SqlError::analyzing(format!("Invalid default value for '{}'", column.name))
    })?;
    Ok(query::literal_of(&value))
}
