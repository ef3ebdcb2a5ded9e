//! `restore_history` and `restore_steps`: what a restore will do, and how far it is.

use serde::Deserialize;

use super::OpsTable;
use crate::{
    digest::Digest,
    ident::{DatabaseName, ExecutionId, RestoreId, TableId},
    label::SnapshotLabel,
    sql::{FromRow, Query, Row, RowError, Sql, Statement},
};

/// One step as stored: what it does by reference, the digest of its SQL, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    pub number: u64,
    pub kind: String,
    /// The step as JSON.
    pub step: String,
    pub digest: Digest,
    pub live_table_id: Option<TableId>,
    pub staged_table_id: Option<TableId>,
    pub attempt: u32,
    pub state: StepState,
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepState {
    Pending,
    /// Sent; whether it took effect is read from the engine.
    Running,
    Done,
    Failed,
}

impl StepState {
    pub const ALL: [StepState; 4] = [
        StepState::Pending,
        StepState::Running,
        StepState::Done,
        StepState::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            StepState::Pending => "PENDING",
            StepState::Running => "RUNNING",
            StepState::Done => "DONE",
            StepState::Failed => "FAILED",
        }
    }
}

impl std::str::FromStr for StepState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        StepState::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("unknown step state '{text}'"))
    }
}

impl FromRow for StepRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(StepRow {
            number: row.parse("step_number")?,
            kind: row.text("kind")?.to_owned(),
            step: row.text("step")?.to_owned(),
            digest: row.parse("digest")?,
            live_table_id: row.parse_optional("live_table_id")?.map(TableId),
            staged_table_id: row.parse_optional("staged_table_id")?.map(TableId),
            attempt: row.parse("attempt")?,
            state: row.parse("state")?,
            detail: row.optional("detail")?.map(str::to_owned),
        })
    }
}

/// Multi-row INSERTs; an upsert, so that a repeat writes the same rows again.
pub fn insert_steps(ops: &DatabaseName, restore: &RestoreId, steps: &[StepRow]) -> Vec<Statement> {
    steps
        .chunks(1_000)
        .map(|steps| {
            Sql::new("INSERT INTO ")
                .ops_table(ops, OpsTable::RestoreSteps)
                .text(
                    " (restore_id, step_number, kind, step, digest, live_table_id, \
                     staged_table_id, attempt, state) VALUES ",
                )
                .list(steps, ", ", |sql, step| {
                    sql.text("(")
                        .literal(restore.as_str())
                        .text(", ")
                        .number(step.number)
                        .text(", ")
                        .literals([&*step.kind, &step.step, &step.digest.to_string()])
                        .text(", ")
                        .number_or_null(step.live_table_id.map(|id| id.0))
                        .text(", ")
                        .number_or_null(step.staged_table_id.map(|id| id.0))
                        .text(", ")
                        .number(step.attempt)
                        .text(", ")
                        .literal(step.state.as_str())
                        .text(")")
                })
                .writes("INSERT restore_steps")
        })
        .collect()
}

pub fn steps(ops: &DatabaseName, restore: &RestoreId) -> Query<StepRow> {
    Sql::new("SELECT ")
        .text(STEP_COLUMNS)
        .text(" FROM ")
        .ops_table(ops, OpsTable::RestoreSteps)
        .text(" WHERE restore_id = ")
        .literal(restore.as_str())
        .text(" ORDER BY step_number")
        .query("SELECT restore_steps")
}

const STEP_COLUMNS: &str = "step_number, kind, step, digest, live_table_id, staged_table_id, \
     attempt, state, detail";

/// A step that made tables or gave them names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStepRow {
    pub restore: RestoreId,
    pub step: StepRow,
    /// Since it ended or, if it has not, began.
    pub seconds: Option<i64>,
}

impl FromRow for TableStepRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(TableStepRow {
            restore: row.parse("restore_id")?,
            step: StepRow::from_row(row)?,
            seconds: row.parse_optional("seconds")?,
        })
    }
}

/// Of all restores that ever were.
pub fn table_steps(ops: &DatabaseName) -> Query<TableStepRow> {
    Sql::new("SELECT restore_id, ")
        .text(STEP_COLUMNS)
        .text(
            ", TIMESTAMPDIFF(SECOND, COALESCE(finished_at, started_at), UTC_TIMESTAMP()) AS seconds",
        )
        .text(" FROM ")
        .ops_table(ops, OpsTable::RestoreSteps)
        .text(" WHERE kind IN ('restore_snapshot', 'create_table', 'swap', 'rename')")
        .query("SELECT restore_steps")
}

/// What changes of a step while it is executed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepUpdate {
    pub state: Option<StepState>,
    pub attempt: Option<u32>,
    pub live_table_id: Option<TableId>,
    pub staged_table_id: Option<TableId>,
    pub detail: Option<String>,
}

pub fn update_step(
    ops: &DatabaseName,
    restore: &RestoreId,
    number: u64,
    update: &StepUpdate,
) -> Statement {
    let mut assignments: Vec<(&'static str, Assigned<'_>)> = Vec::new();
    if let Some(state) = update.state {
        assignments.push(("state", Assigned::Text(state.as_str())));
        match state {
            StepState::Running => assignments.push(("started_at", Assigned::Now)),
            StepState::Done | StepState::Failed => assignments.push(("finished_at", Assigned::Now)),
            StepState::Pending => {}
        }
    }
    if let Some(attempt) = update.attempt {
        assignments.push(("attempt", Assigned::Number(attempt.into())));
    }
    if let Some(id) = update.live_table_id {
        assignments.push(("live_table_id", Assigned::Number(id.0)));
    }
    if let Some(id) = update.staged_table_id {
        assignments.push(("staged_table_id", Assigned::Number(id.0)));
    }
    if let Some(detail) = &update.detail {
        assignments.push(("detail", Assigned::Text(detail)));
    }
    Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::RestoreSteps)
        .text(" SET ")
        .list(assignments, ", ", |sql, (column, value)| {
            let sql = sql.text(column).text(" = ");
            match value {
                Assigned::Text(text) => sql.literal(text),
                Assigned::Number(number) => sql.number(number),
                Assigned::Now => sql.text("UTC_TIMESTAMP()"),
            }
        })
        .text(" WHERE restore_id = ")
        .literal(restore.as_str())
        .text(" AND step_number = ")
        .number(number)
        .writes("UPDATE restore_steps")
}

enum Assigned<'a> {
    Text(&'a str),
    Number(i64),
    Now,
}

/// A restore as a whole. `job_id` is the restore's id, so that two restores of one label never
/// overwrite each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreRow {
    pub id: RestoreId,
    pub label: SnapshotLabel,
    pub restore_type: String,
    pub status: String,
    pub repository: String,
    pub execution: Option<ExecutionId>,
    pub scope: Option<String>,
    pub plan: Option<String>,
    pub state: Option<String>,
    pub error_message: Option<String>,
    pub rows_verified: Option<u64>,
    pub verification_checksum: Option<String>,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
}

impl FromRow for RestoreRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        let text = |column| row.optional(column).map(|value| value.map(str::to_owned));
        Ok(RestoreRow {
            id: row.parse("job_id")?,
            label: row.parse("backup_label")?,
            restore_type: row.text("restore_type")?.to_owned(),
            status: row.text("status")?.to_owned(),
            repository: row.text("repository")?.to_owned(),
            execution: row.parse_optional("execution_id")?,
            scope: text("scope")?,
            plan: text("plan")?,
            state: text("state")?,
            error_message: text("error_message")?,
            rows_verified: row.parse_optional("rows_verified")?,
            verification_checksum: text("verification_checksum")?,
            started_at: text("started_at")?,
            finished_at: text("finished_at")?,
        })
    }
}

const RESTORE_COLUMNS: &str = "job_id, backup_label, restore_type, status, repository, \
     execution_id, scope, `plan`, state, error_message, rows_verified, verification_checksum, \
     started_at, finished_at";

pub fn restore(ops: &DatabaseName, id: &RestoreId) -> Query<RestoreRow> {
    Sql::new("SELECT ")
        .text(RESTORE_COLUMNS)
        .text(" FROM ")
        .ops_table(ops, OpsTable::RestoreHistory)
        .text(" WHERE job_id = ")
        .literal(id.as_str())
        .query("SELECT restore_history")
}

/// Newest first.
pub fn restores(ops: &DatabaseName) -> Query<RestoreRow> {
    Sql::new("SELECT ")
        .text(RESTORE_COLUMNS)
        .text(" FROM ")
        .ops_table(ops, OpsTable::RestoreHistory)
        .text(" ORDER BY started_at DESC, job_id DESC")
        .query("SELECT restore_history")
}

impl RestoreRow {
    /// The databases that the restore works in, as its plan says. They are known there alone: the
    /// label of another tool does not say which one it is of.
    pub fn databases(&self) -> Result<Vec<DatabaseName>, serde_json::Error> {
        #[derive(Deserialize)]
        struct Plan {
            databases: Vec<DatabaseName>,
        }
        let plan: Plan = serde_json::from_str(self.plan.as_deref().unwrap_or_default())?;
        Ok(plan.databases)
    }

    /// What is restored, one of each database. The Python tool records one alone.
    pub fn labels(&self) -> Vec<SnapshotLabel> {
        #[derive(Deserialize)]
        struct Request {
            labels: Vec<SnapshotLabel>,
        }
        let request = self.scope.as_deref().map(serde_json::from_str::<Request>);
        match request {
            Some(Ok(request)) => request.labels,
            _ => vec![self.label.clone()],
        }
    }
}

/// A new restore, when its plan is stored.
#[derive(Debug, Clone)]
pub struct NewRestore<'a> {
    pub id: &'a RestoreId,
    pub label: &'a SnapshotLabel,
    /// `partition`, `table` or `database`, as the Python tool writes it.
    pub restore_type: &'static str,
    pub repository: &'a str,
    pub execution: &'a ExecutionId,
    /// The request as JSON.
    pub scope: &'a str,
    /// The plan as JSON.
    pub plan: &'a str,
}

pub fn insert_restore(ops: &DatabaseName, row: &NewRestore<'_>) -> Statement {
    Sql::new("INSERT INTO ")
        .ops_table(ops, OpsTable::RestoreHistory)
        .text(
            " (job_id, backup_label, target_label, restore_type, status, repository, started_at, \
             execution_id, scope, `plan`, kind, state) VALUES (",
        )
        .literals([
            row.id.as_str(),
            row.label.as_str(),
            row.label.as_str(),
            row.restore_type,
            "RUNNING",
            row.repository,
        ])
        .text(", UTC_TIMESTAMP(), ")
        .literals([
            row.execution.as_str(),
            row.scope,
            row.plan,
            "restore",
            "PLANNED",
        ])
        .text(")")
        .writes("INSERT restore_history")
}

/// `state` is where the restore stands (`PLANNED`, `STAGED`, `VERIFIED`, `PROMOTED`, `UNDONE`,
/// `FAILED`), `status` what the Python tool's column says of it.
pub fn set_restore_state(
    ops: &DatabaseName,
    id: &RestoreId,
    state: &str,
    status: &str,
    error_message: Option<&str>,
) -> Statement {
    Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::RestoreHistory)
        .text(" SET state = ")
        .literal(state)
        .text(", status = ")
        .literal(status)
        .text(", error_message = ")
        .literal_or_null(error_message)
        .text(", finished_at = UTC_TIMESTAMP() WHERE job_id = ")
        .literal(id.as_str())
        .writes("UPDATE restore_history")
}

pub fn set_verified(
    ops: &DatabaseName,
    id: &RestoreId,
    rows: u64,
    checksum: Option<&str>,
) -> Statement {
    Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::RestoreHistory)
        .text(" SET rows_verified = ")
        .number(rows)
        .text(", verification_checksum = ")
        .literal_or_null(checksum)
        .text(" WHERE job_id = ")
        .literal(id.as_str())
        .writes("UPDATE restore_history")
}
