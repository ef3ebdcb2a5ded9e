//! What belongs to one connection.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use tokio::sync::watch;

use crate::{
    dml::Transaction,
    engine::Engine,
    privileges::{Identity, Object},
    reply::{SqlError, SqlResult},
};

#[derive(Debug)]
pub struct Session {
    pub id: u32,
    pub identity: Identity,
    /// The client's address, `ip:port`.
    pub peer: String,
    pub database: Option<String>,
    pub time_zone: TimeZone,
    /// As it was set: `SELECT @@time_zone` gives it back.
    pub time_zone_name: String,
    /// Session variables that were set, by lower-case name. The rest have their defaults.
    pub variables: BTreeMap<String, String>,
    /// `@name` variables, by lower-case name, as SQL literals.
    pub user_variables: BTreeMap<String, String>,
    /// Roles that `SET ROLE` made active; `None`: the default roles of the user.
    pub active_roles: Option<Vec<String>>,
    /// Between BEGIN and COMMIT or ROLLBACK.
    pub transaction: Option<Transaction>,
    /// Id of the frontend that it is connected to.
    pub frontend: i64,
    /// Whether that one is a follower now: it shows what has been journaled and forwards what
    /// changes things. Set before each statement.
    pub follower: bool,
    pub opened: Timestamp,
    /// Becomes `true` when the connection has to end.
    pub killed: watch::Receiver<bool>,
}

/// What other sessions see of one: SHOW PROCESSLIST and KILL.
#[derive(Debug)]
pub struct SessionInfo {
    pub user: String,
    pub peer: String,
    pub database: Option<String>,
    pub opened: Timestamp,
    pub frontend: i64,
    /// The statement that runs now, and since when.
    pub running: Option<String>,
    pub running_since: Option<Timestamp>,
    pub kill: watch::Sender<bool>,
}

impl Engine {
    pub(crate) fn new_session(
        &mut self,
        id: u32,
        identity: Identity,
        peer: String,
        frontend: i64,
    ) -> Session {
        let opened = self.clock.now();
        let (kill, killed) = watch::channel(false);
        self.sessions.insert(
            id,
            SessionInfo {
                user: identity.user.clone(),
                peer: peer.clone(),
                database: None,
                opened,
                frontend,
                running: None,
                running_since: None,
                kill,
            },
        );
        Session {
            id,
            identity,
            peer,
            database: None,
            time_zone: self.session_time_zone.clone(),
            time_zone_name: self.session_time_zone_name.clone(),
            variables: self.global_variables.values.clone(),
            user_variables: BTreeMap::new(),
            active_roles: None,
            transaction: None,
            frontend,
            follower: false,
            opened,
            killed,
        }
    }

    /// Runs a statement in a session of its own, as root: for tests that act between two steps of a job.
    pub fn execute_as_root(&mut self, database: Option<&str>, sql: &str) -> SqlResult {
        let leader = self.nodes.leader().map_or(0, |leader| leader.id);
        let peer = "127.0.0.1:0".to_owned();
        let mut session = self.new_session(0, Identity::root(), peer, leader);
        session.database = database.map(str::to_owned);
        let reply = self.execute(&mut session, sql);
        self.close_session(session.id);
        reply
    }

    pub(crate) fn close_session(&mut self, id: u32) {
        self.sessions.remove(&id);
    }

    /// Makes the connection of a session end, as soon as it is not in the middle of a statement.
    pub fn end_session(&mut self, id: u32) {
        if let Some(info) = self.sessions.get(&id) {
            info.kill.send_replace(true);
        }
    }

    pub(crate) fn end_sessions_of_leader(&mut self) {
        let leader = self.nodes.leader().map(|leader| leader.id);
        let ids: Vec<u32> = self
            .sessions
            .iter()
            .filter(|(_, info)| Some(info.frontend) == leader)
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.end_session(id);
        }
    }

    /// COM_RESET_CONNECTION: variables go back to their defaults; user and database stay.
    pub(crate) fn reset_session(&mut self, session: &mut Session) {
        session.time_zone = self.session_time_zone.clone();
        session.time_zone_name = self.session_time_zone_name.clone();
        session.variables = self.global_variables.values.clone();
        session.user_variables.clear();
        session.active_roles = None;
        session.transaction = None;
    }

    /// USE, COM_INIT_DB and the database of a login.
    pub fn use_database(&mut self, session: &mut Session, name: &str) -> SqlResult<()> {
        if !self.catalog.has_database(name) {
            return Err(SqlError::new(
                5501,
                "3F000",
                format!("Unknown database '{name}'"),
            ));
        }
        self.require_something(session, Object::Database(name))?;
        session.database = Some(name.to_owned());
        if let Some(info) = self.sessions.get_mut(&session.id) {
            info.database = Some(name.to_owned());
        }
        Ok(())
    }

    /// The session's database, or the analyzer's error.
    pub fn current_database(&self, session: &Session) -> SqlResult<String> {
        session.database.clone().ok_or_else(|| {
            SqlError::new(
                1046,
                "3D000",
                "Getting analyzing error. Detail message: No database selected.",
            )
        })
    }
}
