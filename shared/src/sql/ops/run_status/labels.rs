//! Labels that are in work, and what became of them.

use crate::{
    ident::{DatabaseName, ExecutionId, Generation, PlanId},
    label::{LoadLabel, SnapshotLabel},
    sql::{FromRow, Query, Row, RowError, Sql, Statement, ops::OpsTable},
};

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
        .text(" WHERE scope NOT IN ('lease', 'start') AND ")
        .starts_with("label", prefix)
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
