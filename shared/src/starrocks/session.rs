//! One connection to one frontend.

use std::{net::IpAddr, time::Duration};

use mysql_async::{Conn, prelude::Queryable};
use tokio::time::{Instant, timeout};

use super::{
    ClientError, Done, EngineError, FrontendAddress, LoadInfo,
    leader::{self, Leader},
    reply,
    rows::{Folded, NoRows, TakeRows},
};
use crate::sql::{RowError, Statement, show};

/// Of what is answered at once or never.
pub(super) const BRIEF: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Session {
    pub(super) conn: Conn,
    pub(super) frontend: FrontendAddress,
    pub(super) used: Instant,
}

impl Session {
    pub(super) async fn answers(&mut self) -> bool {
        matches!(timeout(BRIEF, self.conn.ping()).await, Ok(Ok(())))
    }

    pub(super) async fn query(
        &mut self,
        statement: &Statement,
        rows: &mut dyn TakeRows,
    ) -> Result<Done, Failure> {
        #[expect(clippy::disallowed_methods, reason = "this is the one client")]
        let asked = self.conn.query_iter(statement.text());
        let mut answer = asked.await?;
        let columns = reply::columns(answer.columns_ref());
        let mut misread = None;
        while let Some(row) = answer.next().await? {
            if misread.is_none() {
                let read = reply::row(&columns, row).and_then(|row| rows.take(&row));
                misread = read.err();
            }
        }
        let done = Done {
            affected_rows: answer.affected_rows(),
            warnings: answer.warnings(),
            load: LoadInfo::parse(&answer.info()),
        };
        answer.drop_result().await?;
        match misread {
            Some(error) => Err(Failure::Reply(error)),
            None => Ok(done),
        }
    }

    /// A statement that is answered at once or never.
    pub(super) async fn brief(&mut self, statement: &Statement) -> Result<(), ClientError> {
        self.brief_rows(statement, &mut NoRows).await
    }

    async fn brief_rows(
        &mut self,
        statement: &Statement,
        rows: &mut dyn TakeRows,
    ) -> Result<(), ClientError> {
        match timeout(BRIEF, self.query(statement, rows)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(failure)) => Err(failure.about(statement.kind(), &self.frontend)),
            Err(_) => Err(ClientError::Timeout {
                statement: statement.kind(),
                seconds: BRIEF.as_secs(),
            }),
        }
    }

    pub(super) async fn find_leader(&mut self) -> Result<Leader, ClientError> {
        let resolved = resolve(&self.frontend).await;
        let mut found = Leader::NotShown;
        // Some 3.3 versions show the leader only in the second list.
        for query in [show::frontends(), show::proc_frontends()] {
            let mut frontends = Folded::new(Vec::new, Vec::<show::Frontend>::push);
            self.brief_rows(query.statement(), &mut frontends).await?;
            found = leader::find(&frontends.result, &self.frontend, &resolved);
            if found != Leader::NotShown {
                break;
            }
        }
        Ok(found)
    }
}

/// Without the context that [`ClientError`] has.
pub(super) enum Failure {
    Driver(mysql_async::Error),
    Reply(RowError),
}

impl From<mysql_async::Error> for Failure {
    fn from(error: mysql_async::Error) -> Failure {
        Failure::Driver(error)
    }
}

impl Failure {
    pub(super) fn about(self, statement: &'static str, frontend: &FrontendAddress) -> ClientError {
        match self {
            Failure::Driver(mysql_async::Error::Server(error)) => ClientError::Engine {
                statement,
                error: EngineError {
                    code: error.code,
                    sqlstate: error.state,
                    message: error.message,
                },
            },
            Failure::Driver(error) => ClientError::ConnectionLost {
                statement,
                frontend: frontend.clone(),
                detail: error.to_string(),
            },
            Failure::Reply(error) => ClientError::Reply { statement, error },
        }
    }
}

async fn resolve(frontend: &FrontendAddress) -> Vec<IpAddr> {
    let name = (frontend.host.as_str(), frontend.port);
    match timeout(BRIEF, tokio::net::lookup_host(name)).await {
        Ok(Ok(addresses)) => addresses.map(|address| address.ip()).collect(),
        _ => Vec::new(),
    }
}
