//! Tables of `information_schema` as queries read them.

use crate::{
    engine::Engine,
    reply::{Cell, Column, SqlError, SqlResult},
    session::Session,
};

impl Engine {
    /// Columns and rows of a system table, as this session sees them.
    pub(super) fn system_table(
        &self,
        session: &Session,
        database: &str,
        table: &str,
    ) -> SqlResult<(Vec<Column>, Vec<Vec<Cell>>)> {
        if database.eq_ignore_ascii_case("information_schema") {
            self.information_schema(session, table)
        } else {
            Err(unknown_table(database, table))
        }
    }
}

pub(super) fn unknown_table(database: &str, table: &str) -> SqlError {
    SqlError::new(
        5502,
        "42602",
        format!("Getting analyzing error. Detail message: Unknown table '{database}.{table}'."),
    )
}
