//! SHOW and DESC statements about the catalog.

mod tables;

use crate::{
    catalog::is_system_database,
    engine::Engine,
    parse::ddl::show::Show,
    privileges::{Object, Privilege},
    reply::{Cell, Column, Reply, ResultSet, SqlError, SqlResult},
    session::Session,
};

impl Engine {
    pub(crate) fn execute_show(&mut self, session: &mut Session, show: Show) -> SqlResult {
        let rows = match show {
            Show::Databases(clauses) => clauses.apply(self.show_databases(session))?,
            Show::Tables {
                full,
                database,
                clauses,
            } => clauses.apply(self.show_tables(session, database, full)?)?,
            other => {
                return Err(SqlError::plain(format!(
                    "The emulator does not know this statement: {other:?}"
                )));
            }
        };
        Ok(Reply::Rows(rows))
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

/// Any of these lets a user see a table.
const ON_TABLE: [Privilege; 7] = [
    Privilege::Select,
    Privilege::Insert,
    Privilege::Update,
    Privilege::Delete,
    Privilege::Alter,
    Privilege::Drop,
    Privilege::Export,
];

/// Any of these lets a user see a database.
const ON_DATABASE: [Privilege; 6] = [
    Privilege::CreateTable,
    Privilege::CreateView,
    Privilege::CreateFunction,
    Privilege::CreateMaterializedView,
    Privilege::Alter,
    Privilege::Drop,
];

impl Engine {
    pub(crate) fn can_see_table(&self, session: &Session, database: &str, table: &str) -> bool {
        self.require_any(session, &ON_TABLE, Object::Table { database, table })
            .is_ok()
    }

    pub(crate) fn can_see_database(&self, session: &Session, name: &str) -> bool {
        self.require_any(session, &ON_DATABASE, Object::Database(name))
            .is_ok()
            || self.catalog.databases.get(name).is_some_and(|database| {
                database
                    .tables
                    .keys()
                    .any(|table| self.can_see_table(session, name, table))
            })
    }
}

fn cell(text: impl Into<String>) -> Cell {
    Some(text.into())
}

fn result(columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> ResultSet {
    ResultSet { columns, rows }
}
