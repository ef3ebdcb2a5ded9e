//! Rows of the Python tool, which has none of our columns.

use crate::{
    ident::DatabaseName,
    sql::{FromRow, Query, Row, RowError, Sql, Statement, ops::OpsTable},
};

/// An ACTIVE row of the Python tool: it has none of our columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignRow {
    pub scope: String,
    pub label: String,
}

impl FromRow for ForeignRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(ForeignRow {
            scope: row.text("scope")?.to_owned(),
            label: row.text("label")?.to_owned(),
        })
    }
}

/// Rows that the Python tool calls ACTIVE. It has no other means to say that it is running.
pub fn foreign_active(ops: &DatabaseName) -> Query<ForeignRow> {
    Sql::new("SELECT scope, label FROM ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WHERE state = 'ACTIVE' AND generation IS NULL ORDER BY scope, label")
        .query("SELECT foreign runs")
}

/// The same in a table that the Python tool made and nobody completed: every row is that tool's.
pub fn foreign_active_only(ops: &DatabaseName) -> Query<ForeignRow> {
    Sql::new("SELECT scope, label FROM ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WHERE state = 'ACTIVE' ORDER BY scope, label")
        .query("SELECT foreign runs")
}

/// The statement that a person runs to clear a row of the Python tool that is not running.
pub fn clear_foreign(ops: &DatabaseName, row: &ForeignRow) -> Statement {
    Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" SET state = 'CANCELLED' WHERE scope = ")
        .literal(&row.scope)
        .text(" AND label = ")
        .literal(&row.label)
        .writes("UPDATE foreign run")
}
