//! SHOW and DESC statements about the catalog.

mod create;
mod describe;
mod jobs;
mod partitions;
mod proc;
mod proc_names;
mod tables;

pub(crate) use create::{column_sql, materialized_view_sql};
pub(crate) use describe::{default_cell, short_type};
pub(crate) use partitions::{byte_size, distribution_key, value_text};

use jiff::Timestamp;

use crate::{
    catalog::is_system_database,
    clock::Clock,
    engine::Engine,
    parse::{clauses::Clauses, ddl::show::Show},
    privileges::Object,
    reply::{Cell, Column, Reply, ResultSet, SqlResult},
    session::Session,
};

impl Engine {
    pub(crate) fn execute_show(&mut self, session: &mut Session, show: Show) -> SqlResult {
        let (rows, clauses) = match show {
            Show::Databases(clauses) => (self.show_databases(session), clauses),
            Show::Tables {
                full,
                database,
                clauses,
            } => (self.show_tables(session, database, full)?, clauses),
            Show::TableStatus { database, clauses } => {
                (self.show_table_status(session, database)?, clauses)
            }
            Show::Columns {
                full,
                table,
                clauses,
            } => (self.show_full_columns(session, &table, full)?, clauses),
            Show::Describe { table, all: false } => bare(self.describe_table(session, &table)?),
            Show::Describe { table, all: true } => bare(self.describe_indexes(session, &table)?),
            Show::CreateDatabase(name) => bare(self.show_create_database(&name)?),
            Show::CreateTable(name) | Show::CreateMaterializedView(name) => {
                bare(self.show_create_table(session, &name)?)
            }
            Show::CreateView(name) => bare(self.show_create_view_named(session, &name)?),
            Show::Partitions {
                temporary,
                table,
                clauses,
            } => (self.show_partitions(session, &table, temporary)?, clauses),
            Show::AlterTable {
                rollup,
                database,
                clauses,
            } => (self.show_alter(session, database, rollup)?, clauses),
            Show::OptimizeJobs { database, clauses } => {
                (self.show_optimize(session, database)?, clauses)
            }
            Show::MaterializedViews { database, clauses } => {
                let conditional = clauses.predicate.is_some();
                let rows = self.show_materialized_views(session, database, conditional)?;
                let by_name = clauses.like.clone();
                let rows = keep_named(rows, by_name.as_deref());
                let rest = Clauses {
                    like: None,
                    ..clauses
                };
                (rows, rest)
            }
            Show::DynamicPartitionTables { database, clauses } => (
                self.show_dynamic_partition_tables(session, database)?,
                clauses,
            ),
            Show::Functions {
                database,
                full,
                clauses,
            } => (self.show_functions(session, database, full)?, clauses),
            Show::Data(table) => bare(self.show_data(session, table)?),
            Show::Index(table) => bare(self.show_index(session, &table)?),
            Show::Tablets { table, clauses } => (self.show_tablets(session, &table)?, clauses),
            Show::Proc { path, clauses } => (self.show_proc(session, &path)?, clauses),
        };
        Ok(Reply::Rows(clauses.apply(rows)?))
    }

    /// A time as SHOW statements print it.
    pub(crate) fn show_time(&self, session: &Session, at: Timestamp) -> String {
        Clock::format(at, &self.show_time_zone(session))
    }

    /// The database that a SHOW statement names, or the session's; it must exist.
    fn shown_database(&self, session: &Session, database: Option<String>) -> SqlResult<String> {
        let name = match database {
            Some(name) => name,
            None => self.current_database(session)?,
        };
        if is_system_database(&name) {
            return Ok(name.to_lowercase());
        }
        self.catalog.database(&name)?;
        Ok(name)
    }
}

fn bare(rows: ResultSet) -> (ResultSet, Clauses) {
    (rows, Clauses::default())
}

/// LIKE of SHOW MATERIALIZED VIEWS looks at the name, which is the third column.
fn keep_named(mut rows: ResultSet, pattern: Option<&str>) -> ResultSet {
    if let Some(pattern) = pattern {
        rows.rows.retain(|row| {
            let name = row.get(2).and_then(Option::as_deref).unwrap_or("");
            crate::parse::clauses::like(pattern, name)
        });
    }
    rows
}

impl Engine {
    pub(crate) fn can_see_table(&self, session: &Session, database: &str, table: &str) -> bool {
        self.has_something(session, self.object(database, table))
    }

    /// `sys` is for those who may do something in the system.
    pub(crate) fn can_see_database(&self, session: &Session, name: &str) -> bool {
        match name {
            "information_schema" => true,
            "sys" => self.has_something(session, Object::System),
            _ => self.has_something(session, Object::Database(name)),
        }
    }
}

/// Columns of VARCHAR(30), the shape of nearly every SHOW.
fn show_columns(names: &[&str]) -> Vec<Column> {
    names.iter().map(|name| Column::show(*name)).collect()
}

fn cell(text: impl Into<String>) -> Cell {
    Some(text.into())
}

fn result(columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> ResultSet {
    ResultSet { columns, rows }
}
