//! The one client of StarRocks, and the only user of the MySQL driver.
//!
//! Text protocol only: StarRocks prepares nothing but SELECT. The client talks to the leader where it
//! can see and reach it, follows it when it moves, and repeats by itself only what reads: whoever
//! sent a statement that changes something looks at what became of it before sending it again.

use std::time::Duration;

use mysql_async::{Conn, Opts, OptsBuilder};
use tokio::time::{Instant, timeout};

use crate::{
    ident::DatabaseName,
    sql::{FromRow, Query, Repeat, Statement, admin},
};

mod error;
mod leader;
mod reply;
mod rows;
mod session;
pub mod settings;
mod tls;

pub use error::{ClientError, EngineError, FailureKind};
pub use reply::{Done, LoadInfo};
pub use settings::{ConnectionSettings, FrontendAddress};
pub use tls::TlsError;

use leader::Leader;
use rows::{Folded, NoRows, TakeRows};
use session::{BRIEF, Failure, Session};

/// Of a statement that only reads. The pauses between them span the election of a leader.
const ATTEMPTS: u32 = 4;
/// A firewall may have dropped a connection that was silent for longer.
const IDLE: Duration = Duration::from_secs(30);
/// From here on a statement is worth a line in the log.
const SLOW: Duration = Duration::from_secs(1);
/// The driver's own limit on what it sends. A BACKUP that names 50,000 partitions has some MB.
const MAX_ALLOWED_PACKET: usize = 256 << 20;

/// A connection to the leader, made again when it breaks.
#[derive(Debug)]
pub struct Client {
    settings: ConnectionSettings,
    session: Option<Session>,
    /// Where the leader was last seen; tried first when the connection breaks.
    leader: Option<FrontendAddress>,
    /// That the leader cannot be seen or reached is said once.
    said: bool,
}

impl Client {
    pub async fn connect(settings: &ConnectionSettings) -> Result<Client, ClientError> {
        let mut client = Client {
            settings: settings.clone(),
            session: None,
            leader: None,
            said: false,
        };
        client.session = Some(client.open().await?);
        Ok(client)
    }

    /// The frontend that answers now; `None` after the connection broke.
    pub fn frontend(&self) -> Option<&FrontendAddress> {
        self.session.as_ref().map(|session| &session.frontend)
    }

    pub fn user(&self) -> &str {
        &self.settings.user
    }

    /// Sends a statement that answers no rows.
    pub async fn run(&mut self, statement: &Statement) -> Result<Done, ClientError> {
        self.attempts(statement, &mut NoRows).await
    }

    /// Sends a statement that names no database, such as DDL that the engine printed, with `database`
    /// as the current one.
    pub async fn run_in(
        &mut self,
        database: &DatabaseName,
        statement: &Statement,
    ) -> Result<Done, ClientError> {
        self.run(&admin::use_database(database)).await?;
        self.once(statement, &mut NoRows).await
    }

    pub async fn fetch<R: FromRow>(&mut self, query: &Query<R>) -> Result<Vec<R>, ClientError> {
        self.fold(query, Vec::new, Vec::push).await
    }

    /// A query that is never repeated: what it reads grows with the data.
    pub async fn fetch_once<R: FromRow>(
        &mut self,
        query: &Query<R>,
    ) -> Result<Vec<R>, ClientError> {
        let mut rows = Folded::new(Vec::new, Vec::<R>::push);
        self.once(query.statement(), &mut rows).await?;
        Ok(rows.result)
    }

    /// From now on queries are given up after `limit`, by the server too. Answers the limit until now.
    pub async fn limit_queries(&mut self, limit: Duration) -> Result<Duration, ClientError> {
        let until_now = std::mem::replace(&mut self.settings.query_timeout, limit);
        if until_now != limit {
            let seconds = u32::try_from(limit.as_secs()).unwrap_or(u32::MAX);
            self.run(&admin::set_query_timeout(seconds)).await?;
        }
        Ok(until_now)
    }

    /// The one row of a query that answers exactly one, or none.
    pub async fn fetch_optional<R: FromRow>(
        &mut self,
        query: &Query<R>,
    ) -> Result<Option<R>, ClientError> {
        Ok(self.fetch(query).await?.into_iter().next())
    }

    /// Row by row, for results too large to hold. `start` makes an empty result, also for a second
    /// attempt after the connection broke half-way.
    pub async fn fold<R: FromRow, A: Send>(
        &mut self,
        query: &Query<R>,
        start: impl Fn() -> A + Send,
        add: impl FnMut(&mut A, R) + Send,
    ) -> Result<A, ClientError> {
        let mut rows = Folded::new(start, add);
        self.attempts(query.statement(), &mut rows).await?;
        Ok(rows.result)
    }

    /// Says goodbye, so that the server need not find out. Dropping the client does no harm.
    pub async fn close(mut self) {
        if let Some(session) = self.session.take() {
            let _ = timeout(BRIEF, session.conn.disconnect()).await;
        }
    }

    async fn attempts(
        &mut self,
        statement: &Statement,
        rows: &mut dyn TakeRows,
    ) -> Result<Done, ClientError> {
        let mut attempt = 1;
        loop {
            match self.once(statement, rows).await {
                Ok(done) => return Ok(done),
                Err(error)
                    if statement.repeat() == Repeat::Safe
                        && error.may_pass()
                        && attempt < ATTEMPTS =>
                {
                    tracing::warn!(
                        statement = statement.kind(),
                        attempt,
                        error = %error,
                        "repeating a statement that only reads"
                    );
                    pause(attempt).await;
                    attempt += 1;
                    rows.again();
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn once(
        &mut self,
        statement: &Statement,
        rows: &mut dyn TakeRows,
    ) -> Result<Done, ClientError> {
        // A little after the server's own timeout, so that it can say that it gave up.
        let server = self.settings.query_timeout;
        let limit = server + server / 10 + Duration::from_secs(1);
        let mut session = self.take_session().await?;
        let began = Instant::now();
        let answer = timeout(limit, session.query(statement, rows)).await;
        session.used = Instant::now();
        if began.elapsed() >= SLOW {
            tracing::info!(
                statement = statement.kind(),
                milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                "a slow statement"
            );
        }
        let error = match answer {
            Ok(Ok(done)) => {
                self.session = Some(session);
                return Ok(done);
            }
            Ok(Err(failure)) => failure.about(statement.kind(), &session.frontend),
            Err(_) => ClientError::Timeout {
                statement: statement.kind(),
                seconds: limit.as_secs(),
            },
        };
        // An answer may still be under way on this connection, or its frontend is the wrong one.
        if matches!(
            &error,
            ClientError::Engine { .. } | ClientError::Reply { .. }
        ) && error.kind() != FailureKind::NotMaster
        {
            self.session = Some(session);
        }
        Err(error)
    }

    /// The session, made again where it broke, and proved alive where it was silent for long. Out of
    /// `self`: whoever gives a statement up half-way leaves no answer behind for the next one.
    async fn take_session(&mut self) -> Result<Session, ClientError> {
        if let Some(mut session) = self.session.take()
            && (session.used.elapsed() <= IDLE || session.answers().await)
        {
            return Ok(session);
        }
        self.open().await
    }

    /// Connects to the first frontend that answers, and from there to the leader.
    async fn open(&mut self) -> Result<Session, ClientError> {
        let mut candidates: Vec<FrontendAddress> = self.leader.iter().cloned().collect();
        for frontend in &self.settings.frontends {
            if !candidates.contains(frontend) {
                candidates.push(frontend.clone());
            }
        }
        let mut tried = Vec::new();
        for candidate in candidates {
            match self.open_at(&candidate).await {
                Ok(session) => return Ok(self.move_to_leader(session).await),
                // Every frontend knows the same users: a second try could only lock the account.
                Err(error) if error.kind() == FailureKind::AccessDenied => return Err(error),
                Err(error @ ClientError::Tls(_)) => return Err(error),
                Err(error) => tried.push((candidate, reason(&error))),
            }
        }
        Err(ClientError::Unreachable { tried })
    }

    async fn open_at(&self, frontend: &FrontendAddress) -> Result<Session, ClientError> {
        const CONNECT: &str = "connecting";
        let opts = self.options(frontend)?;
        let conn = match timeout(BRIEF, Conn::new(opts)).await {
            Ok(Ok(conn)) => conn,
            Ok(Err(error)) => return Err(Failure::from(error).about(CONNECT, frontend)),
            Err(_) => {
                return Err(ClientError::Timeout {
                    statement: CONNECT,
                    seconds: BRIEF.as_secs(),
                });
            }
        };
        let mut session = Session {
            conn,
            frontend: frontend.clone(),
            used: Instant::now(),
        };
        let seconds = u32::try_from(self.settings.query_timeout.as_secs()).unwrap_or(u32::MAX);
        for statement in [admin::set_utc(), admin::set_query_timeout(seconds)] {
            session.brief(&statement).await?;
        }
        Ok(session)
    }

    fn options(&self, frontend: &FrontendAddress) -> Result<Opts, ClientError> {
        let tls = self.settings.tls.as_ref().map(tls::options).transpose()?;
        Ok(OptsBuilder::default()
            .ip_or_hostname(frontend.host.clone())
            .tcp_port(frontend.port)
            .user(Some(self.settings.user.clone()))
            .pass(Some(self.settings.password.expose()))
            // LDAP users send their password as it is: only where nobody can listen.
            .enable_cleartext_plugin(tls.is_some())
            .ssl_opts(tls)
            // The driver would ask for the three of them, and @@socket is an error.
            .prefer_socket(false)
            .max_allowed_packet(Some(MAX_ALLOWED_PACKET))
            .wait_timeout(Some(28_800))
            .tcp_nodelay(true)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .into())
    }

    /// The leader's session, or this one where the leader cannot be seen or reached: any frontend
    /// forwards what changes something.
    async fn move_to_leader(&mut self, mut session: Session) -> Session {
        let address = match session.find_leader().await {
            Ok(Leader::Here) => {
                self.leader = Some(session.frontend.clone());
                return session;
            }
            Ok(Leader::Elsewhere(address)) => address,
            Ok(Leader::NotShown) => {
                self.say(&session.frontend, "no frontend is shown as leader");
                return session;
            }
            Err(error) => {
                self.say(&session.frontend, &reason(&error));
                return session;
            }
        };
        match self.open_at(&address).await {
            Ok(leader) => {
                tracing::debug!(frontend = %address, "talking to the leader");
                self.leader = Some(address);
                let _ = timeout(BRIEF, session.conn.disconnect()).await;
                leader
            }
            Err(error) => {
                let why = format!("the leader {address} cannot be reached: {}", reason(&error));
                self.say(&session.frontend, &why);
                session
            }
        }
    }

    fn say(&mut self, frontend: &FrontendAddress, why: &str) {
        if !std::mem::replace(&mut self.said, true) {
            tracing::warn!(
                frontend = %frontend,
                reason = why,
                "not talking to the leader: a follower's view of jobs and repositories can lag"
            );
        }
    }
}

fn reason(error: &ClientError) -> String {
    match error {
        ClientError::Engine { error, .. } => error.to_string(),
        ClientError::ConnectionLost { detail, .. } => detail.clone(),
        other => other.to_string(),
    }
}

/// 0.2 s, 0.8 s, 3.2 s.
#[expect(
    clippy::disallowed_methods,
    reason = "an election takes seconds: too short for a Wait state, too long to fail the state"
)]
async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(50 * 4_u64.pow(attempt))).await;
}
