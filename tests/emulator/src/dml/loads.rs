//! Load transactions: ids, labels, and what SHOW LOAD remembers of them.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::{commit::Change, target::Target};
use crate::{
    engine::Engine,
    reply::{SqlError, SqlResult},
    session::Session,
};

/// All load transactions of the cluster.
#[derive(Debug, Default)]
pub struct Loads {
    last_transaction: i64,
    /// By database id, oldest first.
    records: HashMap<i64, VecDeque<LoadRecord>>,
    /// Committed, not yet visible.
    pub(super) pending: Vec<Pending>,
    /// How long rows stay invisible after their commit. Above zero, a load answers COMMITTED instead
    /// of VISIBLE, as a real frontend does when publishing takes too long.
    pub publish_delay: SignedDuration,
}

#[derive(Debug)]
pub(super) struct Pending {
    pub visible_at: Timestamp,
    pub committed_at: Timestamp,
    pub transaction: i64,
    pub database_id: i64,
    pub changes: Vec<Change>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoadState {
    Prepare,
    Committed,
    Visible,
    Aborted,
}

impl LoadState {
    pub(super) fn name(self) -> &'static str {
        match self {
            LoadState::Prepare => "PREPARE",
            LoadState::Committed => "COMMITTED",
            LoadState::Visible => "VISIBLE",
            LoadState::Aborted => "ABORTED",
        }
    }

    fn is_finished(self) -> bool {
        matches!(self, LoadState::Visible | LoadState::Aborted)
    }
}

#[derive(Debug, Clone)]
pub(super) struct LoadRecord {
    pub label: String,
    pub transaction: i64,
    pub job_id: i64,
    pub state: LoadState,
    pub created: Timestamp,
    pub finished: Option<Timestamp>,
    pub loaded: u64,
    pub filtered: u64,
    pub error: Option<String>,
    pub table: String,
    pub user: String,
    /// Why the first rows that did not fit were filtered.
    pub rejected: Vec<String>,
}

impl Loads {
    pub(super) fn records(&self, database_id: i64) -> impl Iterator<Item = &LoadRecord> {
        self.records.get(&database_id).into_iter().flatten()
    }

    pub(super) fn record_mut(
        &mut self,
        database_id: i64,
        transaction: i64,
    ) -> Option<&mut LoadRecord> {
        self.records
            .get_mut(&database_id)?
            .iter_mut()
            .rev()
            .find(|record| record.transaction == transaction)
    }

    pub(super) fn next_transaction(&mut self) -> i64 {
        self.last_transaction += 1;
        self.last_transaction
    }

    pub(super) fn finish(
        &mut self,
        database_id: i64,
        transaction: i64,
        state: LoadState,
        now: Timestamp,
    ) {
        if let Some(record) = self.record_mut(database_id, transaction) {
            record.state = state;
            if state.is_finished() {
                record.finished = Some(now);
            }
        }
    }

    pub(super) fn abort(
        &mut self,
        database_id: i64,
        transaction: i64,
        error: &SqlError,
        now: Timestamp,
    ) {
        if let Some(record) = self.record_mut(database_id, transaction) {
            record.error = Some(error.message.clone());
        }
        self.finish(database_id, transaction, LoadState::Aborted, now);
    }

    /// Forgets finished transactions that are too old, or too many.
    fn clean(&mut self, database_id: i64, keep: SignedDuration, most: usize, now: Timestamp) {
        let Some(records) = self.records.get_mut(&database_id) else {
            return;
        };
        let is_too_old = |record: &LoadRecord| {
            record
                .finished
                .is_some_and(|finished| now.duration_since(finished) > keep)
        };
        records.retain(|record| !is_too_old(record));
        let finished = records
            .iter()
            .filter(|record| record.state.is_finished())
            .count();
        let mut surplus = finished.saturating_sub(most);
        records.retain(|record| {
            let forgotten = surplus > 0 && record.state.is_finished();
            surplus -= usize::from(forgotten);
            !forgotten
        });
    }
}

impl Engine {
    /// Begins a load transaction. A label is free again once its load was aborted or forgotten.
    pub(super) fn begin_load(
        &mut self,
        session: &Session,
        target: &Target,
        label: &str,
    ) -> SqlResult<i64> {
        let database_id = target.database_id;
        let (table, user) = (target.name(), session.identity.user.as_str());
        let is_valid = (1..=128).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_valid {
            return Err(SqlError::analyzing(format!(
                r"Label format error. regex: ^[-\w]{{1,128}}$, label: {label}"
            )));
        }
        let now = self.clock.now();
        let keep = SignedDuration::from_secs(self.config.number("label_keep_max_second"));
        let most = usize::try_from(self.config.number("label_keep_max_num")).unwrap_or(0);
        self.loads.clean(database_id, keep, most, now);
        // A refused label uses up a transaction id, too.
        let transaction = self.loads.next_transaction();
        let is_used = self
            .loads
            .records(database_id)
            .any(|record| record.label == label && record.state != LoadState::Aborted);
        if is_used {
            return Err(SqlError::analyzing(format!(
                "fail to begin transaction. Label [{label}] has already been used."
            )));
        }
        let job_id = self.catalog.next_id();
        self.loads
            .records
            .entry(database_id)
            .or_default()
            .push_back(LoadRecord {
                label: label.to_owned(),
                transaction,
                job_id,
                state: LoadState::Prepare,
                created: now,
                finished: None,
                loaded: 0,
                filtered: 0,
                error: None,
                table: table.to_owned(),
                user: user.to_owned(),
                rejected: Vec::new(),
            });
        Ok(transaction)
    }
}

/// The info string of an OK packet.
pub(super) fn info(label: &str, state: LoadState, transaction: i64) -> String {
    let error = match state {
        LoadState::Committed => ", 'err':'Publish timeout 10000'",
        _ => "",
    };
    format!(
        "{{'label':'{label}', 'status':'{}', 'txnId':'{transaction}'{error}}}",
        state.name()
    )
}
