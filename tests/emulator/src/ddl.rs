//! Runs the statements of [`crate::parse::ddl`].

use crate::{engine::Engine, parse::ddl::Ddl, reply::SqlResult, session::Session};

impl Engine {
    pub fn execute_ddl(&mut self, _session: &mut Session, statement: Ddl) -> SqlResult {
        match statement {}
    }
}
