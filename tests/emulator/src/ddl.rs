//! Runs the statements of [`crate::parse::ddl`].

mod alter;
mod alter_partitions;
mod analysis;
mod automatic;
pub(crate) mod bounds;
mod columns;
mod create_table;
mod database;
mod drop;
mod dynamic;
mod jobs;
pub(crate) mod partitions;
mod properties;
mod schema_hash;
mod statistics;
mod view_text;
mod views;

#[cfg(test)]
mod tests;

use drop::Dropped;
pub use dynamic::Scheduler;
pub use jobs::{AlterJob, AlterKind};

use crate::{
    catalog::DEFAULT_CATALOG,
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
                force,
            } => self.drop_database(session, &name, if_exists, force),
            Ddl::RenameDatabase { name, new_name } => {
                self.rename_database(session, &name, &new_name)
            }
            Ddl::RecoverDatabase(name) => self.recover_database(&name),
            Ddl::RecoverTable(name) => self.recover_table(session, &name),
            Ddl::CreateTable(table) => self.create_table(session, *table),
            Ddl::CreateTableLike {
                name,
                source,
                if_not_exists,
            } => self.create_table_like(session, &name, &source, if_not_exists),
            Ddl::AlterTable(statement) => self.alter_table(session, *statement),
            Ddl::CancelAlter { rollup, table } => self.cancel_alter(session, rollup, &table),
            Ddl::DropTable {
                name,
                if_exists,
                force,
            } => self.drop_object(session, &name, Dropped::Table, if_exists, force),
            Ddl::Truncate { name, partitions } => self.truncate(session, &name, partitions),
            Ddl::CreateView(view) => self.create_view(session, *view),
            Ddl::AlterView { name, query } => self.alter_view(session, &name, query),
            Ddl::DropView { name, if_exists } => {
                self.drop_object(session, &name, Dropped::View, if_exists, true)
            }
            Ddl::CreateMaterializedView(view) => self.create_materialized_view(session, *view),
            Ddl::AlterMaterializedView { name, action } => {
                self.alter_materialized_view(session, &name, action)
            }
            Ddl::RefreshMaterializedView { name } => self.refresh_materialized_view(session, &name),
            Ddl::DropMaterializedView { name, if_exists } => {
                self.drop_object(session, &name, Dropped::MaterializedView, if_exists, true)
            }
            Ddl::CreateFunction {
                name,
                arguments,
                returns: _,
                or_replace,
                if_not_exists,
                sql,
            } => self.create_function(session, &name, &arguments, sql, or_replace, if_not_exists),
            Ddl::DropFunction {
                name,
                arguments,
                if_exists,
            } => self.drop_function(session, &name, &arguments, if_exists),
            Ddl::Show(show) => self.execute_show(session, show),
        }
    }

    /// The database and name that a statement means: the session's database where it names none.
    pub(crate) fn resolve(
        &self,
        session: &Session,
        name: &ObjectName,
    ) -> SqlResult<(String, String)> {
        if let Some(catalog) = &name.catalog
            && catalog != DEFAULT_CATALOG
        {
            return Err(SqlError::analyzing(format!("Unknown catalog '{catalog}'")));
        }
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
