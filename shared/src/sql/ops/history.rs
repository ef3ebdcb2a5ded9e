//! `backup_history`: one row per label, written when its plan is complete and again at its end.

use super::OpsTable;
use crate::{
    digest::Digest,
    flow::Retention,
    ident::{ClusterId, DatabaseName, ExecutionId, GroupName, PlanId},
    label::{BackupKind, SnapshotLabel},
    manifest::{BackupRecord, BackupStatus, Cut},
    sql::{FromRow, Query, Row, RowError, Sql, Statement, ops::run_status::LabelRow},
    time::{SnapshotTimestamp, UtcTime},
};

impl FromRow for BackupRecord {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        let text = |column| row.optional(column).map(|value| value.map(str::to_owned));
        let kind = match row.text("backup_type")? {
            "full" => BackupKind::Full,
            _ => BackupKind::Incremental,
        };
        // One row that is not understood must not hide all others.
        let written = row.text("status")?;
        let status = written.parse().unwrap_or(BackupStatus::Unknown);
        let error_message = match status {
            BackupStatus::Unknown => Some(format!("its status is '{written}'")),
            _ => text("error_message")?,
        };
        Ok(BackupRecord {
            label: row.parse("label")?,
            kind,
            status,
            repository: row.text("repository")?.to_owned(),
            error_message,
            execution_id: row.parse_optional("execution_id")?,
            group: row.parse_optional("inventory_group")?,
            database: row.parse_optional("database_name")?,
            cluster_id: row.parse_optional("cluster_id")?,
            baseline: row.parse_optional("baseline_label")?,
            plan_id: row.parse_optional("plan_id")?,
            plan_digest: row.parse_optional("plan_digest")?,
            snapshot_timestamp: row.parse_optional("snapshot_timestamp")?,
            cut: row.parse_optional("cut")?,
            planned_at: row.parse_optional("planned_at")?,
            pinned_at: row.parse_optional("pinned_at")?,
            partitions_total: row.parse_optional("partitions_total")?,
            partitions_stored: row.parse_optional("partitions_stored")?,
            bytes_stored: row.parse_optional("bytes_stored")?,
            rows_total: row.parse_optional("rows_total")?,
            engine_version: text("engine_version")?,
            retention_class: row.parse_optional("retention_class")?,
            expires_at: row.parse_optional("expires_at")?,
            started_at: text("started_at")?,
            finished_at: text("finished_at")?,
        })
    }
}

const COLUMNS: &str = "label, backup_type, status, repository, started_at, finished_at, \
     error_message, execution_id, inventory_group, database_name, cluster_id, baseline_label, \
     plan_id, plan_digest, snapshot_timestamp, cut, planned_at, pinned_at, partitions_total, \
     partitions_stored, bytes_stored, rows_total, engine_version, retention_class, expires_at";

fn select(ops: &DatabaseName) -> Sql {
    Sql::new("SELECT ")
        .text(COLUMNS)
        .text(" FROM ")
        .ops_table(ops, OpsTable::BackupHistory)
}

pub fn by_label(ops: &DatabaseName, label: &SnapshotLabel) -> Query<BackupRecord> {
    select(ops)
        .text(" WHERE label = ")
        .literal(label.as_str())
        .query("SELECT backup_history")
}

pub fn of_execution(ops: &DatabaseName, execution: &ExecutionId) -> Query<BackupRecord> {
    select(ops)
        .text(" WHERE execution_id = ")
        .literal(execution.as_str())
        .text(" ORDER BY database_name, started_at, label")
        .query("SELECT backup_history")
}

/// Newest first. Rows of the Python tool have no group and no database.
pub fn all(ops: &DatabaseName) -> Query<BackupRecord> {
    select(ops)
        .text(" ORDER BY started_at DESC, label DESC")
        .query("SELECT backup_history")
}

/// Fulls that an incremental of this group may be planned against, newest first: of the same group,
/// database and cluster, and with a plan digest of ours. Their order is by our own UTC times, which
/// one leader wrote; whether data is backed up does not depend on which one is taken.
pub fn baselines(
    ops: &DatabaseName,
    group: &GroupName,
    database: &DatabaseName,
    cluster: &ClusterId,
) -> Query<BackupRecord> {
    select(ops)
        .text(" WHERE backup_type = 'full' AND status = 'FINISHED' AND plan_digest IS NOT NULL")
        .text(" AND inventory_group = ")
        .literal(group.as_str())
        .text(" AND database_name = ")
        .literal(database.as_str())
        .text(" AND cluster_id = ")
        .literal(cluster.as_str())
        .text(" ORDER BY planned_at DESC, label DESC")
        .query("SELECT baselines")
}

/// For each database of a group, how old its newest good backup is: it holds nothing newer than its
/// plan.
pub fn ages(ops: &DatabaseName) -> Query<AgeRow> {
    Sql::new(
        "SELECT inventory_group, database_name, \
         TIMESTAMPDIFF(MINUTE, MAX(planned_at), UTC_TIMESTAMP()) AS minutes FROM ",
    )
    .ops_table(ops, OpsTable::BackupHistory)
    .text(
        " WHERE status = 'FINISHED' AND inventory_group IS NOT NULL AND database_name IS NOT NULL \
         GROUP BY inventory_group, database_name",
    )
    .query("SELECT ages")
}

/// Of one database of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeRow {
    pub group: GroupName,
    pub database: DatabaseName,
    pub minutes: i64,
}

impl FromRow for AgeRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(AgeRow {
            group: row.parse("inventory_group")?,
            database: row.parse("database_name")?,
            minutes: row.parse("minutes")?,
        })
    }
}

pub fn labels_with_prefix(ops: &DatabaseName, prefix: &str) -> Query<LabelRow> {
    Sql::new("SELECT label FROM ")
        .ops_table(ops, OpsTable::BackupHistory)
        .text(" WHERE ")
        .starts_with("label", prefix)
        .query("SELECT labels")
}

/// The head of a manifest: written once its rows can be read, before BACKUP is sent.
#[derive(Debug, Clone)]
pub struct PlannedRow<'a> {
    pub label: &'a SnapshotLabel,
    pub kind: BackupKind,
    pub repository: &'a str,
    pub execution: &'a ExecutionId,
    pub group: &'a GroupName,
    pub database: &'a DatabaseName,
    pub cluster: &'a ClusterId,
    pub baseline: Option<&'a SnapshotLabel>,
    pub plan: &'a PlanId,
    pub digest: Digest,
    pub planned_at: UtcTime,
    pub partitions_total: u64,
    pub partitions_stored: u64,
    pub bytes_stored: u64,
    pub engine_version: &'a str,
    pub retention: Option<Retention>,
}

/// An upsert: a repeat writes the same row again.
pub fn insert_planned(ops: &DatabaseName, row: &PlannedRow<'_>) -> Statement {
    let expires_at = row
        .retention
        .map(|kept| row.planned_at.plus_days(kept.days).to_string());
    Sql::new("INSERT INTO ")
        .ops_table(ops, OpsTable::BackupHistory)
        .text(
            " (label, backup_type, status, repository, started_at, execution_id, inventory_group, \
             database_name, cluster_id, baseline_label, plan_id, plan_digest, planned_at, \
             partitions_total, partitions_stored, bytes_stored, engine_version, retention_class, \
             expires_at) VALUES (",
        )
        .literals([
            row.label.as_str(),
            row.kind.as_str(),
            BackupStatus::Running.as_str(),
            row.repository,
            &row.planned_at.to_string(),
            row.execution.as_str(),
            row.group.as_str(),
            row.database.as_str(),
            row.cluster.as_str(),
        ])
        .text(", ")
        .literal_or_null(row.baseline.map(SnapshotLabel::as_str))
        .text(", ")
        .literals([
            row.plan.as_str(),
            &row.digest.to_string(),
            &row.planned_at.to_string(),
        ])
        .text(", ")
        .number(row.partitions_total)
        .text(", ")
        .number(row.partitions_stored)
        .text(", ")
        .number(row.bytes_stored)
        .text(", ")
        .literal(row.engine_version)
        .text(", ")
        .literal_or_null(row.retention.map(|kept| kept.class.as_str()))
        .text(", ")
        .literal_or_null(expires_at.as_deref())
        .text(")")
        .writes("INSERT backup_history")
}

/// When the pin was first seen. It stays: a repeat is later than the truth.
pub fn set_pinned(ops: &DatabaseName, label: &SnapshotLabel) -> Statement {
    Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::BackupHistory)
        .text(" SET pinned_at = UTC_TIMESTAMP() WHERE pinned_at IS NULL AND label = ")
        .literal(label.as_str())
        .writes("UPDATE backup_history")
}

/// What one call keeps for a later one beside its label. See [`crate::plan::kept`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptColumn {
    SecondReading,
    /// Of what the label itself stores: as counted while it runs, as proven from its end on.
    RowCounts,
}

impl KeptColumn {
    pub fn as_str(self) -> &'static str {
        match self {
            KeptColumn::SecondReading => "second_reading",
            KeptColumn::RowCounts => "row_counts",
        }
    }
}

/// Complete in one statement, or not at all.
pub fn set_kept(
    ops: &DatabaseName,
    label: &SnapshotLabel,
    column: KeptColumn,
    text: &str,
) -> Statement {
    Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::BackupHistory)
        .text(" SET ")
        .text(column.as_str())
        .text(" = ")
        .literal(text)
        .text(" WHERE label = ")
        .literal(label.as_str())
        .writes("UPDATE backup_history")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRow(pub Option<String>);

impl FromRow for KeptRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(KeptRow(row.optional("kept")?.map(str::to_owned)))
    }
}

/// Not part of a [`BackupRecord`]: it can be long, and few read it.
pub fn kept(ops: &DatabaseName, label: &SnapshotLabel, column: KeptColumn) -> Query<KeptRow> {
    Sql::new("SELECT ")
        .text(column.as_str())
        .text(" AS kept FROM ")
        .ops_table(ops, OpsTable::BackupHistory)
        .text(" WHERE label = ")
        .literal(label.as_str())
        .query("SELECT kept")
}

/// How a label ended.
#[derive(Debug, Clone)]
pub struct EndedRow<'a> {
    pub label: &'a SnapshotLabel,
    pub status: BackupStatus,
    pub error_message: Option<&'a str>,
    pub content: Option<Content<'a>>,
}

/// What a label stands for in the end. One UPDATE writes it together with the status: whoever reads
/// the row sees the planned manifest or the final one, never something between.
#[derive(Debug, Clone)]
pub struct Content<'a> {
    /// `None`: nothing had changed, so no snapshot was made.
    pub snapshot_timestamp: Option<&'a SnapshotTimestamp>,
    pub cut: Cut,
    pub plan: &'a PlanId,
    pub digest: Digest,
    pub partitions_total: u64,
    pub partitions_stored: u64,
    pub bytes_stored: u64,
    pub rows_total: Option<u64>,
    pub row_counts: Option<&'a str>,
}

pub fn set_ended(ops: &DatabaseName, row: &EndedRow<'_>) -> Statement {
    let sql = Sql::new("UPDATE ")
        .ops_table(ops, OpsTable::BackupHistory)
        .text(" SET finished_at = UTC_TIMESTAMP(), status = ")
        .literal(row.status.as_str())
        .text(", error_message = ")
        .literal_or_null(row.error_message);
    let sql = match &row.content {
        None => sql,
        Some(content) => sql
            .text(", snapshot_timestamp = ")
            .literal_or_null(content.snapshot_timestamp.map(SnapshotTimestamp::as_str))
            .text(", cut = ")
            .literal(content.cut.as_str())
            .text(", plan_id = ")
            .literal(content.plan.as_str())
            .text(", plan_digest = ")
            .literal(&content.digest.to_string())
            .text(", partitions_total = ")
            .number(content.partitions_total)
            .text(", partitions_stored = ")
            .number(content.partitions_stored)
            .text(", bytes_stored = ")
            .number(content.bytes_stored)
            .text(", rows_total = ")
            .number_or_null(content.rows_total)
            .text(", row_counts = ")
            .literal_or_null(content.row_counts),
    };
    sql.text(" WHERE label = ")
        .literal(row.label.as_str())
        .writes("UPDATE backup_history")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_one_value_of_one_row() {
        let (ops, label) = (
            "ops".parse().unwrap(),
            "sales_20260301_inc".parse().unwrap(),
        );
        let column = KeptColumn::SecondReading;
        insta::assert_snapshot!(set_kept(&ops, &label, column, "3f \"7 2026\"").text(), @r#"UPDATE `ops`.`backup_history` SET second_reading = '3f "7 2026"' WHERE label = 'sales_20260301_inc'"#);
        insta::assert_snapshot!(kept(&ops, &label, KeptColumn::RowCounts), @"SELECT row_counts AS kept FROM `ops`.`backup_history` WHERE label = 'sales_20260301_inc'");
    }
}
