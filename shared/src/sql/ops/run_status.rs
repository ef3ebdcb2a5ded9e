//! `run_status`: leases on databases, and the labels that are in work.
//!
//! A lease is a row of scope `lease`, one per (database, generation); its INSERT carries a load label
//! made of both, which StarRocks lets succeed once. A scheduled start is a row of scope `start`, claimed
//! the same way, and so is the label of a backup. A label in work is a row of scope `backup` or
//! `restore`, with the generation under which it is worked on.

use super::OpsTable;
use crate::{
    ident::{DatabaseName, ExecutionId, Generation, InvocationId, PlanId},
    label::{LoadLabel, SnapshotLabel},
    sql::{FromRow, Query, Row, RowError, Sql, Statement},
    time::UtcTime,
};

/// How long a lease holds without being renewed. Polls are at most 5 minutes apart.
pub const LEASE_MINUTES: u16 = 20;

/// Where a label stands; each phase is written before the next step is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The lease was won; what was left behind is looked at first.
    Adopting,
    /// The label is taken; nothing was planned for it.
    Claimed,
    /// The plan is complete and readable. It is never made again for this label.
    Planned,
    /// BACKUP was answered with OK, or its job was seen.
    Submitted,
    /// A look saw the pin: its moment and the second reading are kept.
    Pinned,
    /// History is written.
    Recorded,
    /// Nothing was submitted under this label and nothing will be.
    Abandoned,
}

impl Phase {
    pub const ALL: [Phase; 7] = [
        Phase::Adopting,
        Phase::Claimed,
        Phase::Planned,
        Phase::Submitted,
        Phase::Pinned,
        Phase::Recorded,
        Phase::Abandoned,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Adopting => "ADOPTING",
            Phase::Claimed => "CLAIMED",
            Phase::Planned => "PLANNED",
            Phase::Submitted => "SUBMITTED",
            Phase::Pinned => "PINNED",
            Phase::Recorded => "RECORDED",
            Phase::Abandoned => "ABANDONED",
        }
    }

    /// Whether somebody still has to bring the label to its end.
    pub fn is_open(self) -> bool {
        !matches!(self, Phase::Recorded | Phase::Abandoned)
    }
}

impl std::str::FromStr for Phase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Phase::ALL
            .into_iter()
            .find(|phase| phase.as_str() == text)
            .ok_or_else(|| format!("unknown phase '{text}'"))
    }
}

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

/// A label in work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRow {
    pub label: SnapshotLabel,
    pub execution: ExecutionId,
    pub generation: Generation,
    pub phase: Phase,
    pub plan: Option<PlanId>,
    pub progress_digest: Option<String>,
    /// Since when progress stands still, by the leader's clock.
    pub seconds_without_progress: Option<i64>,
    /// Since the label was claimed.
    pub seconds_since_start: i64,
}

impl FromRow for ClaimRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(ClaimRow {
            label: row.parse("label")?,
            execution: row.parse("execution_id")?,
            generation: Generation(row.parse("generation")?),
            phase: row.parse("phase")?,
            plan: row.parse_optional("plan_id")?,
            progress_digest: row.optional("progress_digest")?.map(str::to_owned),
            seconds_without_progress: row.parse_optional("seconds_without_progress")?,
            seconds_since_start: row.parse("seconds_since_start")?,
        })
    }
}

/// An ACTIVE row of the Python tool: it has none of our columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignRow {
    pub scope: String,
    pub label: String,
}

impl FromRow for ForeignRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(ForeignRow {
            scope: row.text("scope")?.to_owned(),
            label: row.text("label")?.to_owned(),
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
        .text(" WHERE scope = 'lease' AND SUBSTR(execution_id, 1, ")
        .number(prefix.chars().count() as u64)
        .text(") = ")
        .literal(prefix)
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

/// The compare-and-set of a label: refused when it was already taken by anybody.
pub fn insert_claim(
    ops: &DatabaseName,
    load_label: &LoadLabel,
    label: &SnapshotLabel,
    database: &DatabaseName,
    generation: Generation,
    execution: &ExecutionId,
) -> Statement {
    Sql::new("INSERT INTO ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WITH LABEL ")
        .name(load_label)
        .text(
            " (scope, label, state, started_at, execution_id, database_name, generation, phase) \
             VALUES ('backup', ",
        )
        .literal(label.as_str())
        .text(", 'ACTIVE', UTC_TIMESTAMP(), ")
        .literals([execution.as_str(), database.as_str()])
        .text(", ")
        .number(generation.0)
        .text(", 'CLAIMED')")
        .writes("INSERT claim")
}

/// Labels of a database that nobody has brought to an end, oldest first.
pub fn open_claims(ops: &DatabaseName, database: &DatabaseName) -> Query<ClaimRow> {
    claims(ops)
        .text(" WHERE scope = 'backup' AND database_name = ")
        .literal(database.as_str())
        .text(" AND phase NOT IN ('RECORDED', 'ABANDONED') ORDER BY generation, label")
        .query("SELECT claims")
}

pub fn claim(ops: &DatabaseName, label: &SnapshotLabel) -> Query<ClaimRow> {
    claims(ops)
        .text(" WHERE scope = 'backup' AND phase IS NOT NULL AND label = ")
        .literal(label.as_str())
        .query("SELECT claim")
}

fn claims(ops: &DatabaseName) -> Sql {
    Sql::new(
        "SELECT label, execution_id, generation, phase, plan_id, progress_digest, \
         TIMESTAMPDIFF(SECOND, progress_since, UTC_TIMESTAMP()) AS seconds_without_progress, \
         TIMESTAMPDIFF(SECOND, started_at, UTC_TIMESTAMP()) AS seconds_since_start FROM ",
    )
    .ops_table(ops, OpsTable::RunStatus)
}

/// Moves a label on, under the generation that now works on it. The Python tool sees an ACTIVE row
/// until the label is at its end.
pub fn set_phase(
    ops: &DatabaseName,
    label: &SnapshotLabel,
    generation: Generation,
    phase: Phase,
    plan: Option<&PlanId>,
) -> Statement {
    let sql = Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" SET phase = ")
        .literal(phase.as_str())
        .text(", generation = ")
        .number(generation.0);
    let sql = match plan {
        Some(plan) => sql.text(", plan_id = ").literal(plan.as_str()),
        None => sql,
    };
    let sql = match phase {
        Phase::Recorded => sql.text(", state = 'FINISHED', finished_at = UTC_TIMESTAMP()"),
        Phase::Abandoned => sql.text(", state = 'CANCELLED', finished_at = UTC_TIMESTAMP()"),
        _ => sql,
    };
    sql.text(" WHERE scope = 'backup' AND label = ")
        .literal(label.as_str())
        .writes("UPDATE claim")
}

/// Remembers what the engine last showed, and since when it shows nothing else.
pub fn set_progress(ops: &DatabaseName, label: &SnapshotLabel, digest: &str) -> Statement {
    Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" SET progress_digest = ")
        .literal(digest)
        .text(", progress_since = UTC_TIMESTAMP() WHERE scope = 'backup' AND label = ")
        .literal(label.as_str())
        .writes("UPDATE progress")
}

/// Rows that the Python tool calls ACTIVE. It has no other means to say that it is running.
pub fn foreign_active(ops: &DatabaseName) -> Query<ForeignRow> {
    Sql::new("SELECT scope, label FROM ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WHERE state = 'ACTIVE' AND generation IS NULL ORDER BY scope, label")
        .query("SELECT foreign runs")
}

/// The same in a table that the Python tool made and nobody completed: every row is that tool's.
pub fn foreign_active_only(ops: &DatabaseName) -> Query<ForeignRow> {
    Sql::new("SELECT scope, label FROM ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WHERE state = 'ACTIVE' ORDER BY scope, label")
        .query("SELECT foreign runs")
}

/// The statement that a person runs to clear a row of the Python tool that is not running.
pub fn clear_foreign(ops: &DatabaseName, row: &ForeignRow) -> Statement {
    Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" SET state = 'CANCELLED' WHERE scope = ")
        .literal(&row.scope)
        .text(" AND label = ")
        .literal(&row.label)
        .writes("UPDATE foreign run")
}

/// A label under which nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedClaimRow {
    pub label: String,
    pub execution: Option<String>,
    pub started_at: Option<String>,
}

impl FromRow for EndedClaimRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        let text = |column| row.optional(column).map(|value| value.map(str::to_owned));
        Ok(EndedClaimRow {
            label: row.text("label")?.to_owned(),
            execution: text("execution_id")?,
            started_at: text("started_at")?,
        })
    }
}

pub fn given_up(ops: &DatabaseName) -> Query<EndedClaimRow> {
    Sql::new("SELECT label, execution_id, started_at FROM ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WHERE scope = 'backup' AND phase = 'ABANDONED' ORDER BY started_at, label")
        .query("SELECT given up")
}

/// Labels in `run_status` that start with a stem.
pub fn labels_with_prefix(ops: &DatabaseName, prefix: &str) -> Query<LabelRow> {
    Sql::new("SELECT label FROM ")
        .ops_table(ops, OpsTable::RunStatus)
        .text(" WHERE scope NOT IN ('lease', 'start') AND SUBSTR(label, 1, ")
        .number(prefix.chars().count() as u64)
        .text(") = ")
        .literal(prefix)
        .query("SELECT labels")
}

/// A label as stored, by whatever tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRow(pub String);

impl FromRow for LabelRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(LabelRow(row.text("label")?.to_owned()))
    }
}
