//! Expressions computed outside of a query: defaults, generated columns, values of INSERT.

use rusqlite::{Connection, types::Value};

use super::{
    Compiler, query_error,
    scope::{Relation, ScopeColumn},
    typed::Typed,
};
use crate::{
    catalog::Table,
    reply::SqlResult,
    rows::{column_type, sqlite_column},
};

const ROWS: &str = "temp.row_values";

impl Compiler<'_> {
    /// The value of an expression that reads no columns.
    pub(crate) fn evaluate(&mut self, typed: &Typed) -> SqlResult<Value> {
        let sql = format!("SELECT {}", typed.sql);
        self.with_system_tables(&sql, |connection| {
            connection
                .query_row(&sql, [], |row| row.get(0))
                .map_err(query_error)
        })
    }

    /// From here on, expressions read the columns of a row of this table.
    pub(crate) fn enter_row(&mut self, table: &Table) -> SqlResult<()> {
        let mut columns = Vec::new();
        for column in &table.columns {
            columns.push(ScopeColumn {
                name: column.name.clone(),
                sql: sqlite_column(&column.name),
                sql_type: column_type(column)?,
            });
        }
        self.frame().scope.relations.push(Relation {
            database: None,
            name: table.name.clone(),
            columns,
            hidden: Vec::new(),
        });
        Ok(())
    }

    /// Computes expressions, compiled after [`Compiler::enter_row`], for each of these rows.
    pub(crate) fn evaluate_rows(
        &mut self,
        table: &Table,
        rows: &[Vec<Value>],
        expressions: &[Typed],
    ) -> SqlResult<Vec<Vec<Value>>> {
        let names: Vec<String> = table
            .columns
            .iter()
            .map(|column| sqlite_column(&column.name))
            .collect();
        let sql: Vec<&str> = expressions.iter().map(|typed| typed.sql.as_str()).collect();
        self.with_system_tables(&sql.join(", "), |connection| {
            let computed = compute(connection, &names, rows, &sql);
            connection
                .execute_batch(&format!("DROP TABLE IF EXISTS {ROWS}"))
                .map_err(query_error)?;
            computed.map_err(query_error)
        })
    }
}

fn compute(
    connection: &Connection,
    names: &[String],
    rows: &[Vec<Value>],
    expressions: &[&str],
) -> rusqlite::Result<Vec<Vec<Value>>> {
    let places: Vec<String> = (1..=names.len()).map(|at| format!("?{at}")).collect();
    connection.execute_batch(&format!("CREATE TABLE {ROWS} ({})", names.join(", ")))?;
    let mut insert = connection.prepare(&format!(
        "INSERT INTO {ROWS} VALUES ({})",
        places.join(", ")
    ))?;
    for row in rows {
        insert.execute(rusqlite::params_from_iter(row))?;
    }
    let mut select = connection.prepare(&format!(
        "SELECT {} FROM {ROWS} ORDER BY rowid",
        expressions.join(", ")
    ))?;
    let computed = select.query_map([], |row| {
        (0..expressions.len()).map(|at| row.get(at)).collect()
    })?;
    computed.collect()
}
