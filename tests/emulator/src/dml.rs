//! Runs the statements of [`crate::parse::dml`].

use crate::{engine::Engine, parse::dml::Dml, reply::SqlResult, session::Session};

impl Engine {
    pub fn execute_dml(&mut self, _session: &mut Session, statement: Dml) -> SqlResult {
        match statement {}
    }
}
