//! Runs the statements of [`crate::parse::dml`].

use crate::{
    engine::Engine,
    parse::dml::Dml,
    reply::{SqlError, SqlResult},
    session::Session,
};

impl Engine {
    pub fn execute_dml(&mut self, _session: &mut Session, statement: Dml) -> SqlResult {
        Err(SqlError::plain(format!(
            "The emulator does not know this statement: {statement:?}"
        )))
    }
}
