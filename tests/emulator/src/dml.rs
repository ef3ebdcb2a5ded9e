//! Runs the statements of [`crate::parse::dml`].

use crate::{
    engine::Engine,
    parse::dml::Dml,
    reply::{SqlError, SqlResult},
    session::Session,
};

impl Engine {
    pub fn execute_dml(&mut self, session: &mut Session, statement: Dml) -> SqlResult {
        if let Dml::Query(sql) = &statement {
            return self.select(session, sql);
        }
        Err(SqlError::plain(format!(
            "The emulator does not know this statement: {statement:?}"
        )))
    }
}
