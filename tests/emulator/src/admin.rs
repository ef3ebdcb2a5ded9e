//! Runs the statements of [`crate::parse::admin`].

mod accounts;
mod fixed;
mod routine;
mod show;

pub use routine::RoutineLoad;

use crate::{
    engine::Engine,
    parse::admin::{Admin, Scope, SetItem, SetValue},
    privileges::{Object, Privilege},
    reply::{Ok as OkReply, Reply, SqlError, SqlResult},
    session::Session,
};

impl Engine {
    pub fn execute_admin(&mut self, session: &mut Session, statement: Admin) -> SqlResult {
        match statement {
            Admin::Use(name) => self.use_database(session, &name)?,
            Admin::Set(items) => {
                // Nothing is set if one of the names is wrong.
                for item in &items {
                    if matches!(item.scope, Scope::Session | Scope::Global) {
                        self.check_variable(&item.name)?;
                    }
                }
                for item in items {
                    self.set(session, item)?;
                }
            }
            Admin::SetCatalog(name) => {
                if name != "default_catalog" {
                    return Err(SqlError::analyzing(format!("Unknown catalog '{name}'")));
                }
            }
            Admin::Kill { id, query_only } => self.kill(session, id, query_only)?,
            Admin::SetConfig(items) => {
                self.require(session, Privilege::Operate, Object::System)?;
                for (name, value) in items {
                    self.config.set(&name, &value)?;
                }
                self.default_replication_num =
                    u32::try_from(self.config.number("default_replication_num")).unwrap_or(1);
            }
            Admin::CreateRoutineLoad(new) => self.create_routine_load(session, new)?,
            Admin::Show(show, clauses) => {
                let rows = self.execute_admin_show(session, show)?;
                return Ok(Reply::Rows(clauses.apply(rows)?));
            }
            account => return self.execute_account(session, account),
        }
        Ok(Reply::Ok(OkReply::default()))
    }

    fn set(&mut self, session: &mut Session, item: SetItem) -> SqlResult<()> {
        match item.scope {
            Scope::Transaction => Ok(()),
            Scope::Names => set_names(&item.name),
            Scope::User => {
                let literal = match item.value {
                    SetValue::Default => "NULL".to_owned(),
                    SetValue::Literal(text) if text.parse::<f64>().is_ok() => text,
                    SetValue::Literal(text) => {
                        format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
                    }
                    SetValue::Expression(sql) => match self.evaluate(session, &sql)? {
                        Some(text) => format!("'{text}'"),
                        None => "NULL".to_owned(),
                    },
                };
                session
                    .user_variables
                    .insert(item.name.to_ascii_lowercase(), literal);
                Ok(())
            }
            Scope::Session | Scope::Global => {
                let global = item.scope == Scope::Global;
                if global {
                    self.require(session, Privilege::Operate, Object::System)?;
                }
                let value = match item.value {
                    SetValue::Literal(text) => text,
                    SetValue::Default => self.default_of(&item.name),
                    SetValue::Expression(sql) => {
                        let is_query = sql
                            .trim_start_matches(['(', ' '])
                            .get(..6)
                            .is_some_and(|word| word.eq_ignore_ascii_case("select"));
                        if is_query {
                            return Err(SqlError::analyzing(
                                "Set statement only support constant expr.",
                            ));
                        }
                        self.evaluate(session, &sql)?.unwrap_or_default()
                    }
                };
                self.set_variable(session, &item.name, &value, global)
            }
        }
    }

    /// The one value of an expression.
    fn evaluate(&mut self, session: &mut Session, expression: &str) -> SqlResult<Option<String>> {
        match self.run(session, &format!("SELECT {expression}"))? {
            Reply::Rows(rows) => Ok(rows
                .rows
                .into_iter()
                .next()
                .and_then(|row| row.into_iter().next())
                .flatten()),
            Reply::Ok(_) => Ok(None),
        }
    }

    /// Ends a connection, unless only its query is to end: here none runs while another statement
    /// does.
    fn kill(&mut self, session: &Session, id: i64, query_only: bool) -> SqlResult<()> {
        let found = u32::try_from(id)
            .ok()
            .and_then(|id| self.sessions.get(&id).map(|info| (id, info)));
        let Some((id, info)) = found else {
            return Err(SqlError::new(
                1094,
                "HY000",
                format!("Unknown thread id: {id}"),
            ));
        };
        if info.user != session.identity.user {
            self.require(session, Privilege::Operate, Object::System)?;
        }
        if !query_only {
            self.end_session(id);
        }
        Ok(())
    }
}

fn set_names(name: &str) -> SqlResult<()> {
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("utf8") || lower == "default" {
        return Ok(());
    }
    if lower == "gbk" {
        return Err(SqlError::analyzing(format!(
            "charset name {name} is not supported yet"
        )));
    }
    Err(SqlError::new(
        1115,
        "42000",
        format!("Getting analyzing error. Detail message: Unknown character set: '{name}'."),
    ))
}
