//! BEGIN, COMMIT and ROLLBACK.
//!
//! 3.3 accepts them and does nothing. From 3.5 on, an INSERT between them becomes visible with the
//! COMMIT; each table may be written once, and what was written cannot be read before [facts 8.1].

use super::{
    commit::Prepared,
    loads::{LoadState, info},
    target::Target,
};
use crate::{
    engine::Engine,
    parse::{Statement, admin::Admin, dml::Dml},
    profile::Profile,
    reply::{Ok as OkReply, Reply, SqlError, SqlResult},
    session::Session,
};

/// An explicit transaction of a session.
#[derive(Debug)]
pub struct Transaction {
    label: String,
    id: i64,
    /// The database of the first INSERT: the others must be in it, too.
    database_id: Option<i64>,
    loads: Vec<Prepared>,
}

impl Engine {
    pub(super) fn begin(&mut self, session: &mut Session, label: Option<String>) -> SqlResult {
        if self.profile.is_3_3() {
            return Ok(Reply::ok());
        }
        if session.transaction.is_none() {
            session.transaction = Some(Transaction {
                label: label.unwrap_or_else(|| self.next_uuid()),
                id: self.loads.next_transaction(),
                database_id: None,
                loads: Vec::new(),
            });
        }
        let transaction = session.transaction.as_ref();
        Ok(transaction.map_or_else(Reply::ok, |transaction| {
            told(transaction, LoadState::Prepare)
        }))
    }

    pub(super) fn commit_transaction(&mut self, session: &mut Session) -> SqlResult {
        let Some(transaction) = session.transaction.take() else {
            return Ok(Reply::ok());
        };
        let Some(database_id) = transaction.database_id else {
            return Ok(told(&transaction, LoadState::Visible));
        };
        let mut reply = self.commit(
            database_id,
            transaction.id,
            &transaction.label,
            transaction.loads,
        )?;
        reply.affected = 0;
        Ok(Reply::Ok(reply))
    }

    pub(super) fn roll_back(&mut self, session: &mut Session) -> Reply {
        session
            .transaction
            .take()
            .map_or_else(Reply::ok, |transaction| {
                told(&transaction, LoadState::Aborted)
            })
    }

    /// What an INSERT inside a transaction answers; its rows wait for the COMMIT.
    pub(super) fn keep_for_commit(
        &mut self,
        session: &mut Session,
        target: &Target,
        prepared: Prepared,
    ) -> OkReply {
        let mut reply = OkReply {
            affected: prepared.loaded,
            warnings: u16::try_from(prepared.filtered).unwrap_or(u16::MAX),
            info: String::new(),
        };
        if let Some(transaction) = &mut session.transaction {
            reply.info = info(&transaction.label, LoadState::Prepare, transaction.id);
            transaction.database_id = Some(target.database_id);
            transaction.loads.push(prepared);
        }
        reply
    }

    /// The rules for an INSERT inside a transaction.
    pub(super) fn check_in_transaction(
        &self,
        session: &Session,
        target: &Target,
        overwrite: bool,
    ) -> SqlResult<()> {
        let Some(transaction) = &session.transaction else {
            return Ok(());
        };
        if overwrite {
            return Err(not_supported());
        }
        if transaction
            .database_id
            .is_some_and(|database_id| database_id != target.database_id)
        {
            return Err(SqlError::new(
                5304,
                "25P01",
                "Getting analyzing error. Detail message: Cannot execute cross-database \
                 transactions. All DML target tables must belong to the same db.",
            ));
        }
        if transaction.has_written(target.table.id) {
            return Err(already_written(5303));
        }
        Ok(())
    }

    pub(crate) fn check_transaction_reads(
        &self,
        session: &Session,
        tables: &[i64],
    ) -> SqlResult<()> {
        match &session.transaction {
            Some(transaction) if tables.iter().any(|id| transaction.has_written(*id)) => {
                let code = if self.profile < Profile::V4_1 {
                    5303
                } else {
                    5307
                };
                Err(already_written(code))
            }
            _ => Ok(()),
        }
    }
}

impl Transaction {
    fn has_written(&self, table_id: i64) -> bool {
        self.loads
            .iter()
            .any(|load| load.change.table_id == table_id)
    }
}

/// Only queries, INSERT and SET may stand inside a transaction.
pub(crate) fn check_statement(session: &Session, statement: &Statement) -> SqlResult<()> {
    let allowed = match statement {
        Statement::Dml(dml) => matches!(
            dml,
            Dml::Query(_) | Dml::Insert(_) | Dml::Begin { .. } | Dml::Commit | Dml::Rollback
        ),
        Statement::Admin(admin) => matches!(admin, Admin::Set(_)),
        Statement::Ddl(_) | Statement::Backup(_) => false,
    };
    if session.transaction.is_some() && !allowed {
        return Err(not_supported());
    }
    Ok(())
}

fn not_supported() -> SqlError {
    SqlError::new(
        5305,
        "25P01",
        "Getting analyzing error. Detail message: Explicit transaction only support begin, insert, \
         select, set, commit and rollback statements.",
    )
}

fn already_written(code: u16) -> SqlError {
    SqlError::new(
        code,
        "25P01",
        "Getting analyzing error. Detail message: NOT allowed to read or write tables that have been \
         subjected to DML operations before.",
    )
}

fn told(transaction: &Transaction, state: LoadState) -> Reply {
    Reply::Ok(OkReply {
        info: info(&transaction.label, state, transaction.id),
        ..OkReply::default()
    })
}
