//! CREATE, DROP and RENAME DATABASE.

use crate::{
    catalog::is_system_database,
    engine::Engine,
    privileges::{Object, Privilege},
    reply::{Reply, SqlError, SqlResult},
    session::Session,
};

/// A letter, or an underscore and a letter or digit, then letters, digits, underscores and
/// `-~!@#$%^&<>=+`; at most 256.
pub(crate) fn check_name(name: &str) -> SqlResult<()> {
    let mut characters = name.chars();
    let first = characters.next().unwrap_or(' ');
    let second_is_word = name
        .chars()
        .nth(1)
        .is_some_and(|second| second.is_ascii_alphanumeric());
    let legal = (first.is_ascii_alphabetic() || (first == '_' && second_is_word))
        && name.len() <= 256
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_' || "-~!@#$%^&<>=+".contains(c));
    if legal {
        Ok(())
    } else {
        Err(SqlError::new(
            1102,
            "42000",
            format!("Getting analyzing error. Detail message: Incorrect database name '{name}'."),
        ))
    }
}

impl Engine {
    pub(super) fn create_database(
        &mut self,
        session: &Session,
        name: &str,
        if_not_exists: bool,
    ) -> SqlResult {
        check_name(name)?;
        self.require(session, Privilege::CreateDatabase, Object::Catalog)?;
        if self.catalog.has_database(name) {
            if if_not_exists {
                return Ok(Reply::ok());
            }
            return Err(SqlError::new(
                1007,
                "HY000",
                format!("Can't create database '{name}'; database exists"),
            ));
        }
        self.catalog.create_database(name);
        Ok(Reply::ok())
    }

    pub(super) fn drop_database(
        &mut self,
        session: &Session,
        name: &str,
        if_exists: bool,
        force: bool,
    ) -> SqlResult {
        if is_system_database(name) {
            return Err(SqlError::analyzing(format!(
                "Access denied: cannot drop system database '{name}'"
            )));
        }
        if !self.catalog.databases.contains_key(name) {
            if if_exists {
                return Ok(Reply::ok());
            }
            return Err(SqlError::new(
                1008,
                "HY000",
                format!("Can't drop database '{name}'; database doesn't exist"),
            ));
        }
        self.require(session, Privilege::Drop, Object::Database(name))?;
        if let Some(database) = self.catalog.databases.remove(name) {
            if force {
                for table in database.tables.values() {
                    self.rows.drop_table(table.id)?;
                }
            } else {
                self.recycle_database(database)?;
            }
        }
        Ok(Reply::ok())
    }

    pub(super) fn rename_database(
        &mut self,
        session: &Session,
        name: &str,
        new_name: &str,
    ) -> SqlResult {
        check_name(new_name)?;
        self.catalog.database(name)?;
        self.require(session, Privilege::Alter, Object::Database(name))?;
        if self.catalog.has_database(new_name) {
            return Err(SqlError::plain(format!(
                "Database name[{new_name}] is already used"
            )));
        }
        if let Some(mut database) = self.catalog.databases.remove(name) {
            new_name.clone_into(&mut database.name);
            self.catalog.databases.insert(new_name.to_owned(), database);
        }
        Ok(Reply::ok())
    }
}
