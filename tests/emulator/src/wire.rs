//! One connection: greeting, login, then commands until it ends.

pub mod handshake;
pub mod packet;
pub mod prepared;
pub mod response;
pub mod tls;

use std::{io, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::{
    faults::Fault,
    parse,
    reply::{Ok, Reply, SqlError, SqlResult},
    server::Shared,
    session::Session,
};
use handshake::{Greeting, Login};
use response::{MORE_RESULTS, Response, RowFormat};

/// What a connection runs over: TCP, or TLS over TCP.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Ends a connection without an answer: the peer sees it close.
fn hang_up() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "dropped on purpose")
}

#[derive(Debug)]
pub struct Connection<S> {
    pub shared: Arc<Shared>,
    pub stream: S,
    pub id: u32,
    pub peer: String,
    /// Id of the frontend that it is connected to.
    pub frontend: i64,
    pub greeting: Greeting,
}

impl<S: Stream> Connection<S> {
    async fn send(&mut self, response: &Response) -> io::Result<()> {
        self.stream.write_all(&response.bytes).await?;
        self.stream.flush().await
    }

    async fn send_error(&mut self, sequence: u8, error: &SqlError) -> io::Result<()> {
        let mut response = Response::new(sequence);
        response.error(error);
        self.send(&response).await
    }

    /// From the login packet (already read, as TLS is decided by it) to the end of the connection.
    pub async fn run(mut self, login: Vec<u8>, sequence: u8) -> io::Result<()> {
        let login = Login::decode(&login)?;
        let (login, sequence) = self.right_plugin(login, sequence).await?;
        let mut session = match self.log_in(login) {
            Result::Ok(session) => session,
            Err(error) => return self.send_error(sequence, &error).await,
        };
        let mut response = Response::new(sequence);
        response.ok(&Ok::default(), 0);
        self.send(&response).await?;
        let result = self.commands(&mut session).await;
        self.shared.engine().close_session(self.id);
        result
    }

    /// A client that answered the salt by another plugin is asked again.
    async fn right_plugin(&mut self, mut login: Login, sequence: u8) -> io::Result<(Login, u8)> {
        let switch = login
            .plugin
            .as_deref()
            .is_some_and(|plugin| plugin != handshake::NATIVE_PASSWORD);
        if !switch {
            return Result::Ok((login, sequence));
        }
        let mut response = Response::new(sequence);
        response.packet(&handshake::auth_switch(&self.greeting.salt));
        self.send(&response).await?;
        let (scramble, sequence) = packet::read(&mut self.stream).await?;
        login.scramble = scramble;
        Result::Ok((login, sequence))
    }

    /// Checks user, password and database. The session replaces the one that the connection had.
    fn log_in(&self, login: Login) -> SqlResult<Session> {
        let mut engine = self.shared.engine();
        let identity = engine.privileges.authenticate(
            &login.user,
            &self.peer,
            &self.greeting.salt,
            &login.scramble,
        )?;
        let mut session = engine.new_session(self.id, identity, self.peer.clone(), self.frontend);
        if let Some(name) = &login.database {
            engine
                .use_database(&mut session, name)
                .inspect_err(|_| engine.close_session(self.id))?;
        }
        Result::Ok(session)
    }

    async fn commands(&mut self, session: &mut Session) -> io::Result<()> {
        let mut prepared = prepared::Statements::default();
        let mut killed = session.killed.clone();
        loop {
            // The end comes first: a statement sent after it must not be answered.
            let read = tokio::select! {
                biased;
                _ = killed.wait_for(|killed| *killed) => return Err(hang_up()),
                read = packet::read(&mut self.stream) => read,
            };
            let (payload, sequence) = match read {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Result::Ok(());
                }
                read => read?,
            };
            let (command, body) = payload.split_first().ok_or_else(packet::malformed)?;
            let mut response = Response::new(sequence);
            match command {
                0x01 => return Result::Ok(()),
                0x02 => {
                    let name = String::from_utf8_lossy(body);
                    match self.shared.engine().use_database(session, &name) {
                        Result::Ok(()) => response.ok(&Ok::default(), 0),
                        Err(error) => response.error(&error),
                    }
                }
                0x03 => {
                    let text = String::from_utf8_lossy(body).into_owned();
                    self.query(session, &text, &mut response).await?;
                }
                // COM_FIELD_LIST is what CLIs complete names from; StarRocks gives the columns of
                // a table, and its error when there is none.
                0x04 => self.field_list(session, body, &mut response),
                0x0e => response.ok(&Ok::default(), 0),
                0x11 => {
                    let login = Login::decode_change_user(body)?;
                    let (login, sequence) = self.right_plugin(login, sequence).await?;
                    response = Response::new(sequence);
                    match self.log_in(login) {
                        Result::Ok(next) => {
                            *session = next;
                            killed = session.killed.clone();
                            prepared = prepared::Statements::default();
                            response.ok(&Ok::default(), 0);
                        }
                        Err(error) => {
                            response.error(&error);
                            self.send(&response).await?;
                            return Result::Ok(());
                        }
                    }
                }
                0x16 => {
                    let text = String::from_utf8_lossy(body).into_owned();
                    let mut engine = self.shared.engine();
                    prepared.prepare(&mut engine, session, &text, &mut response);
                }
                0x17 => match prepared.execute(body) {
                    Result::Ok(sql) => {
                        self.statement(session, &sql, RowFormat::Binary, 0, &mut response)
                            .await?;
                    }
                    Err(error) => response.error(&error),
                },
                // COM_STMT_SEND_LONG_DATA and COM_STMT_CLOSE have no answer.
                0x18 => {
                    prepared.long_data(body)?;
                    continue;
                }
                0x19 => {
                    prepared.close(body)?;
                    continue;
                }
                0x1a => match prepared.reset(body) {
                    Result::Ok(()) => response.ok(&Ok::default(), 0),
                    Err(error) => response.error(&error),
                },
                0x1f => {
                    self.shared.engine().reset_session(session);
                    prepared = prepared::Statements::default();
                    response.ok(&Ok::default(), 0);
                }
                other => response.error(&SqlError::plain(format!("Unsupported command({other})"))),
            }
            self.send(&response).await?;
        }
    }

    /// A text of one or more statements: each has its own answer, and the first error ends the text.
    async fn query(
        &mut self,
        session: &mut Session,
        text: &str,
        response: &mut Response,
    ) -> io::Result<()> {
        let statements = match parse::split(text) {
            Result::Ok(statements) => statements,
            Err(error) => {
                response.error(&error);
                return Result::Ok(());
            }
        };
        let last = statements.len() - 1;
        for (index, sql) in statements.into_iter().enumerate() {
            let status = if index < last { MORE_RESULTS } else { 0 };
            let done = self
                .statement(session, sql, RowFormat::Text, status, response)
                .await?;
            if !done {
                break;
            }
        }
        Result::Ok(())
    }

    /// Runs one statement under the faults that a test has set. `false` if it ended in an error.
    async fn statement(
        &mut self,
        session: &mut Session,
        sql: &str,
        format: RowFormat,
        status: u16,
        response: &mut Response,
    ) -> io::Result<bool> {
        let at = self.shared.engine().clock.now();
        let fault = self.shared.faults.receive(session, sql, at);
        let breaks = matches!(fault, Some(Fault::DropInAnswer));
        let reply = match fault {
            Some(Fault::Refuse(error)) => Err(error),
            Some(Fault::DropBefore) => return Err(hang_up()),
            Some(Fault::DropAfter) => {
                let _ = self.shared.engine().execute(session, sql);
                return Err(hang_up());
            }
            Some(Fault::Delay(time)) => {
                self.shared.engine().show_running(session, sql);
                tokio::time::sleep(time).await;
                self.execute(session, sql)
            }
            Some(Fault::Hold(hold)) => {
                self.shared.engine().show_running(session, sql);
                hold.wait().await;
                self.execute(session, sql)
            }
            Some(Fault::DropInAnswer) | None => self.execute(session, sql),
        };
        match &reply {
            Result::Ok(reply) => response.reply(reply, format, status),
            Err(error) => response.error(error),
        }
        if breaks {
            response.bytes.pop();
            self.send(response).await?;
            return Err(hang_up());
        }
        Result::Ok(reply.is_ok())
    }

    fn execute(&self, session: &mut Session, sql: &str) -> SqlResult {
        tokio::task::block_in_place(|| self.shared.engine().execute(session, sql))
    }

    fn field_list(&self, session: &mut Session, body: &[u8], response: &mut Response) {
        let table = String::from_utf8_lossy(packet::Reader::new(body).zero_terminated());
        let sql = format!("SELECT * FROM `{table}` LIMIT 0");
        match self.execute(session, &sql) {
            Result::Ok(Reply::Rows(rows)) => {
                for column in &rows.columns {
                    response.field(column);
                }
                response.eof(0);
            }
            Result::Ok(Reply::Ok(_)) => response.eof(0),
            Err(error) => response.error(&error),
        }
    }
}
