//! SHOW DATABASES, SHOW [FULL] TABLES.

use super::{cell, result};
use crate::{
    catalog::{SYSTEM_DATABASES, TableKind},
    engine::Engine,
    profile::Profile,
    reply::{Column, ResultSet, SqlResult},
    session::Session,
};

impl Engine {
    pub(super) fn show_databases(&self, session: &Session) -> ResultSet {
        let mut names: Vec<&str> = self
            .catalog
            .databases
            .keys()
            .map(String::as_str)
            .filter(|name| self.can_see_database(session, name))
            .chain(SYSTEM_DATABASES)
            .collect();
        names.sort_unstable();
        let width = if self.profile == Profile::V4_1 {
            64
        } else {
            20
        };
        result(
            vec![Column::varchar("Database", width)],
            names.into_iter().map(|name| vec![cell(name)]).collect(),
        )
    }

    pub(super) fn show_tables(
        &self,
        session: &Session,
        database: Option<String>,
        full: bool,
    ) -> SqlResult<ResultSet> {
        let database = self.shown_database(session, database)?;
        let mut columns = vec![Column::varchar(format!("Tables_in_{database}"), 20)];
        if full {
            columns.push(Column::varchar("Table_type", 20));
        }
        let row = |name: &str, table_type: &str| {
            let mut row = vec![cell(name)];
            if full {
                row.push(cell(table_type));
            }
            row
        };
        let rows = match self.catalog.databases.get(&database) {
            Some(found) => found
                .tables
                .values()
                .filter(|table| self.can_see_table(session, &database, &table.name))
                .map(|table| {
                    let table_type = match table.kind {
                        TableKind::View { .. } | TableKind::MaterializedView { .. } => "VIEW",
                        TableKind::Olap | TableKind::External { .. } => "BASE TABLE",
                    };
                    row(&table.name, table_type)
                })
                .collect(),
            None => Vec::new(),
        };
        Ok(result(columns, rows))
    }
}
