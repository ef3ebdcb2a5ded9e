//! Runs the statements of [`crate::parse::ddl`].

mod automatic;
mod bounds;
mod create_table;
mod database;
mod dynamic;
mod partitions;
mod properties;
mod schema_hash;

pub use dynamic::Scheduler;

use crate::{
    catalog::FIRST_BACKEND_ID,
    engine::Engine,
    parse::ddl::{Ddl, ObjectName},
    reply::{SqlError, SqlResult},
    session::Session,
};

impl Engine {
    pub fn execute_ddl(&mut self, session: &mut Session, statement: Ddl) -> SqlResult {
        match statement {
            Ddl::CreateDatabase {
                name,
                if_not_exists,
            } => self.create_database(session, &name, if_not_exists),
            Ddl::DropDatabase {
                name,
                if_exists,
                force: _,
            } => self.drop_database(session, &name, if_exists),
            Ddl::CreateTable(table) => self.create_table(session, *table),
            Ddl::Show(show) => self.execute_show(session, show),
            other => Err(SqlError::plain(format!(
                "The emulator does not know this statement: {other:?}"
            ))),
        }
    }

    /// Ids of the backends, as SHOW BACKENDS lists them.
    pub(crate) fn backend_ids(&self) -> impl Iterator<Item = i64> + use<> {
        (FIRST_BACKEND_ID..).take(self.backends as usize)
    }

    /// The database and name that a statement means: the session's database where it names none.
    pub(crate) fn resolve(
        &self,
        session: &Session,
        name: &ObjectName,
    ) -> SqlResult<(String, String)> {
        let database = match &name.database {
            Some(database) => database.clone(),
            None => self.current_database(session)?,
        };
        Ok((database, name.name.clone()))
    }

    /// As [`Engine::resolve`], where the database must exist.
    pub(crate) fn resolve_in_database(
        &self,
        session: &Session,
        name: &ObjectName,
    ) -> SqlResult<(String, String)> {
        let (database, name) = self.resolve(session, name)?;
        self.catalog.database(&database)?;
        Ok((database, name))
    }
}
