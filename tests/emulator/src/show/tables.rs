//! SHOW DATABASES, `SHOW [FULL] TABLES`.

use super::{cell, result};
use crate::{
    catalog::{SYSTEM_DATABASES, TableKind},
    clock::Clock,
    engine::Engine,
    information_schema,
    profile::Profile,
    reply::{Column, ResultSet, SqlResult},
    session::Session,
    types::SqlType,
};

impl Engine {
    pub(super) fn show_databases(&self, session: &Session) -> ResultSet {
        let mut names: Vec<&str> = self
            .catalog
            .databases
            .keys()
            .map(String::as_str)
            .chain(SYSTEM_DATABASES)
            .filter(|name| self.can_see_database(session, name))
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
            None => information_schema::table_names(self.profile, &database)
                .into_iter()
                .map(|name| row(name, "SYSTEM VIEW"))
                .collect(),
        };
        Ok(result(columns, rows))
    }

    /// The columns of `information_schema.tables` under other names.
    pub(super) fn show_table_status(
        &self,
        session: &Session,
        database: Option<String>,
    ) -> SqlResult<ResultSet> {
        let database = self.shown_database(session, database)?;
        let mut columns = vec![Column::varchar("Name", 64), Column::varchar("Engine", 10)];
        columns.push(Column::bigint("Version"));
        columns.push(Column::varchar("Row_format", 64));
        for name in [
            "Rows",
            "Avg_row_length",
            "Data_length",
            "Max_data_length",
            "Index_length",
            "Data_free",
            "Auto_increment",
        ] {
            columns.push(Column::bigint(name));
        }
        for name in ["Create_time", "Update_time", "Check_time"] {
            columns.push(SqlType::DateTime.column(name));
        }
        columns.push(Column::varchar("Collation", 64));
        columns.push(Column::bigint("Checksum"));
        columns.push(Column::varchar("Create_options", 64));
        columns.push(Column::varchar("Comment", 64));
        let time = |at| cell(Clock::format(at, &session.time_zone));
        let found = self.catalog.databases.get(&database);
        let rows = found
            .into_iter()
            .flat_map(|found| found.tables.values())
            .filter(|table| self.can_see_table(session, &database, &table.name))
            .map(|table| {
                let (bytes, count) = self.table_size(table);
                let stored = table.has_partitions();
                let counted = |value: u64| cell(if stored { value as i64 } else { -1 }.to_string());
                vec![
                    cell(&table.name),
                    stored.then(|| "StarRocks".to_owned()),
                    None,
                    cell(""),
                    counted(count),
                    counted(bytes.checked_div(count).unwrap_or(0)),
                    counted(bytes),
                    None,
                    None,
                    None,
                    None,
                    time(table.created),
                    time(self.updated(table)),
                    None,
                    cell("utf8_general_ci"),
                    None,
                    cell(""),
                    cell(&table.comment),
                ]
            })
            .collect();
        Ok(result(columns, rows))
    }
}
