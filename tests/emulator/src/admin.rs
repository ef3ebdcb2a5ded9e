//! Runs the statements of [`crate::parse::admin`].

use crate::{
    engine::Engine,
    parse::admin::Admin,
    reply::{Reply, SqlResult},
    session::Session,
};

impl Engine {
    pub fn execute_admin(&mut self, session: &mut Session, statement: Admin) -> SqlResult {
        match statement {
            Admin::Use(name) => {
                self.use_database(session, &name)?;
                Ok(Reply::ok())
            }
        }
    }
}
