//! What the tables of `information_schema` hold.

mod columns;
mod partitions;
mod tables;

use std::collections::BTreeMap;

use crate::{
    catalog::{Database, Table},
    engine::Engine,
    profile::Profile,
    reply::{Cell, Column, SqlError, SqlResult},
    session::Session,
    types::SqlType,
};

/// Columns and types of a table, or `None` if the emulator does not know it.
pub(crate) fn columns(profile: Profile, table: &str) -> Option<Vec<(&'static str, &'static str)>> {
    columns::columns(profile, table)
}

/// The tables that a system database lists.
pub(crate) fn table_names(profile: Profile, database: &str) -> Vec<&'static str> {
    match database {
        "sys" => columns::SYS.to_vec(),
        _ => columns::names(profile),
    }
}

impl Engine {
    /// Columns and rows of a table of the information schema, as this session may see them. Times are
    /// in the session's zone.
    pub(crate) fn information_schema(
        &self,
        session: &Session,
        table: &str,
    ) -> SqlResult<(Vec<Column>, Vec<Vec<Cell>>)> {
        let name = table.to_lowercase();
        let Some(described) = columns(self.profile, &name) else {
            return Err(if columns::names(self.profile).contains(&name.as_str()) {
                SqlError::plain(format!(
                    "The emulator does not know what information_schema.{name} holds"
                ))
            } else {
                SqlError::new(
                    5502,
                    "42602",
                    format!(
                        "Getting analyzing error. Detail message: Unknown table \
                         'information_schema.{table}'."
                    ),
                )
            });
        };
        let mut header = Vec::new();
        for (name, sql_type) in &described {
            let sql_type = SqlType::parse(sql_type).ok_or_else(|| {
                SqlError::plain(format!("The emulator does not know the type {sql_type}"))
            })?;
            header.push(sql_type.column(*name));
        }
        // Backends read these tables, and a stand-in does not.
        if self.stand_in_backend {
            return Ok((header, Vec::new()));
        }
        let rows = match name.as_str() {
            "partitions_meta" => self.partitions_meta(session),
            "be_tablets" => self.be_tablets(session),
            "tables" => self.schema_tables(session),
            "tables_config" => self.schema_tables_config(session),
            "columns" => self.schema_columns(session),
            "schemata" => self.schema_schemata(session),
            "views" => self.schema_views(session),
            "materialized_views" => self.schema_materialized_views(session),
            "task_runs" => in_order(&described, self.task_runs(session)),
            "tasks" => in_order(&described, self.task_rows(session)),
            "loads" => in_order(&described, self.load_rows(session)),
            "load_tracking_logs" => in_order(&described, self.tracking_rows(session)),
            "routine_load_jobs" => in_order(&described, self.routine_load_rows(session)),
            // Empty on a real frontend too: only there for tools that ask for it.
            "partitions" => Vec::new(),
            _ => {
                return Err(SqlError::plain(format!(
                    "The emulator does not know what information_schema.{name} holds"
                )));
            }
        };
        Ok((header, rows))
    }

    /// Every table that the session may see, with its database.
    fn visible_tables<'a>(
        &'a self,
        session: &'a Session,
    ) -> impl Iterator<Item = (&'a Database, &'a Table)> {
        self.catalog.databases.values().flat_map(move |database| {
            database
                .tables
                .values()
                .filter(move |table| self.can_see_table(session, &database.name, &table.name))
                .map(move |table| (database, table))
        })
    }
}

/// A row by column names: what a version has no column for is left out.
pub(crate) type NamedRow = BTreeMap<&'static str, String>;

/// Rows by column name in the order of the columns; what a row does not have is NULL.
fn in_order(described: &[(&'static str, &'static str)], rows: Vec<NamedRow>) -> Vec<Vec<Cell>> {
    rows.into_iter()
        .map(|mut row| described.iter().map(|(name, _)| row.remove(name)).collect())
        .collect()
}

fn cell(text: impl Into<String>) -> Cell {
    Some(text.into())
}

fn number(value: impl ToString) -> Cell {
    Some(value.to_string())
}
