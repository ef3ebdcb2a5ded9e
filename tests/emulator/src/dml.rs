//! Runs the statements of [`crate::parse::dml`].

mod change;
mod commit;
mod explain;
mod fill;
mod insert;
mod loads;
mod overwrite;
mod route;
mod show;
mod target;
mod tasks;
mod transaction;

pub(crate) use self::transaction::check_statement;
pub use self::{loads::Loads, tasks::Tasks, transaction::Transaction};
use crate::{engine::Engine, parse::dml::Dml, reply::SqlResult, session::Session};

impl Engine {
    pub fn execute_dml(&mut self, session: &mut Session, statement: Dml) -> SqlResult {
        match statement {
            Dml::Query(sql) => self.select(session, &sql),
            Dml::Insert(insert) => self.insert(session, *insert),
            Dml::Update(sql) => self.update(session, &sql),
            Dml::Delete(sql) => self.delete(session, &sql),
            Dml::Explain(sql) => self.explain(session, &sql),
            Dml::Begin { label } => self.begin(session, label),
            Dml::Commit => self.commit_transaction(session),
            Dml::Rollback => Ok(self.roll_back(session)),
            Dml::SubmitTask(task) => self.submit_task(session, task),
            Dml::DropTask { name, if_exists } => self.drop_task(&name, if_exists),
            Dml::ShowLoad { database, label } => {
                self.show_load(session, database, label.as_deref())
            }
            Dml::ShowTransaction { database, id } => self.show_transaction(session, database, id),
        }
    }
}

#[cfg(test)]
mod tests;
