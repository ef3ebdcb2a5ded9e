//! `run_status`: leases on databases, and the labels that are in work.
//!
//! A lease is a row of scope `lease`, one per (database, generation); its INSERT carries a load label
//! made of both, which StarRocks lets succeed once. A scheduled start is a row of scope `start`, claimed
//! the same way, and so is the label of a backup. A label in work is a row of scope `backup` or
//! `restore`, with the generation under which it is worked on.

mod foreign;
mod labels;

pub use self::{
    foreign::{ForeignRow, clear_foreign, foreign_active, foreign_active_only},
    labels::{
        ClaimRow, EndedClaimRow, LabelRow, Phase, claim, given_up, insert_claim,
        labels_with_prefix, open_claims, set_phase, set_progress,
    },
};

use super::OpsTable;
use crate::{
    ident::{DatabaseName, ExecutionId, Generation, InvocationId},
    label::LoadLabel,
    sql::{FromRow, Query, Row, RowError, Sql, Statement},
    time::UtcTime,
};

/// How long a lease holds without being renewed. Polls are at most 5 minutes apart.
pub const LEASE_MINUTES: u16 = 20;

/// What kind of work a row stands for: its `scope` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    Lease,
    /// A scheduled start, so that a second delivery of it is known.
    Start,
    Backup,
    Restore,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Lease => "lease",
            Scope::Start => "start",
            Scope::Backup => "backup",
            Scope::Restore => "restore",
        }
    }
}

/// The newest lease of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    pub generation: Generation,
    pub execution: ExecutionId,
    pub invocation: InvocationId,
    pub expires_at: UtcTime,
    /// Left until it expires, by the leader's clock; negative when it has.
    pub seconds_left: i64,
}

impl FromRow for LeaseRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(LeaseRow {
            generation: Generation(row.parse("generation")?),
            execution: row.parse("execution_id")?,
            invocation: row.parse("invocation_id")?,
            expires_at: row.parse("expires_at")?,
            seconds_left: row.parse("seconds_left")?,
        })
    }
}

/// The compare-and-set: refused when this generation was already taken by anybody.
pub fn insert_lease(
    ops: &DatabaseName,
    load_label: &LoadLabel,
    database: &DatabaseName,
    generation: Generation,
    execution: &ExecutionId,
    invocation: &InvocationId,
) -> Statement {
    Sql::new("INSERT INTO ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WITH LABEL ")
        .name(load_label)
        .text(
            " (scope, label, state, started_at, execution_id, invocation_id, database_name, \
             generation, phase, expires_at) VALUES ('lease', ",
        )
        .literal(load_label.as_str())
        .text(", 'ACTIVE', UTC_TIMESTAMP(), ")
        .literals([execution.as_str(), invocation.as_str(), database.as_str()])
        .text(", ")
        .number(generation.0)
        .text(", 'ADOPTING', DATE_ADD(UTC_TIMESTAMP(), INTERVAL ")
        .number(LEASE_MINUTES)
        .text(" MINUTE))")
        .writes("INSERT lease")
}

pub fn newest_lease(ops: &DatabaseName, database: &DatabaseName) -> Query<LeaseRow> {
    Sql::new(
        "SELECT generation, execution_id, invocation_id, expires_at, \
         TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), expires_at) AS seconds_left FROM ",
    )
    .ops_table(ops, OpsTable::RunStatus)
    .text(" WHERE scope = 'lease' AND database_name = ")
    .literal(database.as_str())
    .text(" ORDER BY generation DESC LIMIT 1")
    .query("SELECT lease")
}

/// Databases on which an execution holds a lease that has not run out. A generation of its own may
/// have superseded another.
pub fn databases_held(ops: &DatabaseName, execution: &ExecutionId) -> Query<HeldRow> {
    leases_of(ops, "expires_at > UTC_TIMESTAMP() AND ", execution)
        .text(" ORDER BY database_name")
        .query("SELECT leases")
}

/// Every database that an execution had a lease on.
pub fn leased_by(ops: &DatabaseName, execution: &ExecutionId) -> Query<HeldRow> {
    leases_of(ops, "", execution).query("SELECT leases")
}

fn leases_of(ops: &DatabaseName, condition: &'static str, execution: &ExecutionId) -> Sql {
    Sql::new("SELECT DISTINCT database_name FROM ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WHERE scope = 'lease' AND ")
        .text(condition)
        .text("execution_id = ")
        .literal(execution.as_str())
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow(pub DatabaseName);

impl FromRow for HeldRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(HeldRow(row.parse("database_name")?))
    }
}

/// Databases whose newest lease ran out without being given back: their run died, and nobody has
/// adopted what it left.
pub fn expired_leases(ops: &DatabaseName) -> Query<HeldRow> {
    Sql::new("SELECT held.database_name AS database_name FROM ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" held JOIN (SELECT database_name, MAX(generation) AS generation FROM ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(
            " WHERE scope = 'lease' GROUP BY database_name) newest \
             ON held.database_name = newest.database_name AND held.generation = newest.generation \
             WHERE held.scope = 'lease' AND held.state = 'ACTIVE' \
             AND held.expires_at < UTC_TIMESTAMP()",
        )
        .query("SELECT expired leases")
}

/// One that was given back stays given back.
pub fn renew_lease(ops: &DatabaseName, load_label: &LoadLabel) -> Statement {
    Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" SET expires_at = DATE_ADD(UTC_TIMESTAMP(), INTERVAL ")
        .number(LEASE_MINUTES)
        .text(" MINUTE) WHERE scope = 'lease' AND label = ")
        .literal(load_label.as_str())
        .text(" AND finished_at IS NULL")
        .writes("UPDATE lease")
}

/// Gives the database back at once instead of letting the lease run out.
pub fn release_lease(ops: &DatabaseName, load_label: &LoadLabel) -> Statement {
    Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(
            " SET state = 'FINISHED', finished_at = UTC_TIMESTAMP(), expires_at = UTC_TIMESTAMP() \
             WHERE scope = 'lease' AND label = ",
        )
        .literal(load_label.as_str())
        .writes("UPDATE lease")
}

/// Gives the database back in so many seconds, whoever still renews it. `ACTIVE` where labels are still
/// to be brought to their end: then it counts as a run that died.
pub fn hand_over_lease(
    ops: &DatabaseName,
    load_label: &LoadLabel,
    seconds: i64,
    has_open_labels: bool,
) -> Statement {
    let state = if has_open_labels {
        "ACTIVE"
    } else {
        "FINISHED"
    };
    Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" SET state = ")
        .literal(state)
        .text(", finished_at = UTC_TIMESTAMP(), expires_at = DATE_ADD(UTC_TIMESTAMP(), INTERVAL ")
        .number(seconds)
        .text(" SECOND) WHERE scope = 'lease' AND label = ")
        .literal(load_label.as_str())
        .text(" AND finished_at IS NULL")
        .writes("UPDATE lease")
}

/// Executions that ever had a lease and whose ids begin so.
pub fn executions_with_prefix(ops: &DatabaseName, prefix: &str) -> Query<StartRow> {
    Sql::new("SELECT DISTINCT execution_id FROM ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WHERE scope = 'lease' AND ")
        .starts_with("execution_id", prefix)
        .query("SELECT executions")
}

/// The compare-and-set of a scheduled start: refused when it was already taken by anybody.
pub fn insert_start(
    ops: &DatabaseName,
    load_label: &LoadLabel,
    execution: &ExecutionId,
) -> Statement {
    Sql::new("INSERT INTO ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WITH LABEL ")
        .name(load_label)
        .text(" (scope, label, state, started_at, finished_at, execution_id) VALUES ('start', ")
        .literal(load_label.as_str())
        .text(", 'FINISHED', UTC_TIMESTAMP(), UTC_TIMESTAMP(), ")
        .literal(execution.as_str())
        .text(")")
        .writes("INSERT start")
}

/// Which execution a scheduled start belongs to.
pub fn start(ops: &DatabaseName, load_label: &LoadLabel) -> Query<StartRow> {
    Sql::new("SELECT execution_id FROM ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WHERE scope = 'start' AND label = ")
        .literal(load_label.as_str())
        .query("SELECT start")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRow {
    pub execution: ExecutionId,
}

impl FromRow for StartRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(StartRow {
            execution: row.parse("execution_id")?,
        })
    }
}
