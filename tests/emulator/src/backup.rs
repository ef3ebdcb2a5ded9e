//! Runs the statements of [`crate::parse::backup`].

use crate::{engine::Engine, parse::backup::Backup, reply::SqlResult, session::Session};

impl Engine {
    pub fn execute_backup(&mut self, _session: &mut Session, statement: Backup) -> SqlResult {
        Err(crate::reply::SqlError::plain(format!(
            "The emulator does not run this yet: {statement:?}"
        )))
    }
}
