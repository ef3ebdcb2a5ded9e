//! Jobs and what they leave: SHOW BACKUP, SHOW RESTORE, SHOW SNAPSHOT, task runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{
    ident::{DatabaseName, PartitionName, RepositoryName, TableName, TaskName},
    job::{BackupState, PinMark, RestoreState},
    label::SnapshotLabel,
    sql::{FromRow, Query, Row, RowError, Sql, show::cluster::non_empty},
    time::SnapshotTimestamp,
};

/// The last job of a database, if it was a backup. No row also when the last job was a RESTORE, when
/// the record is older than a week, and when the user may not EXPORT a table of the job.
pub fn backup(database: &DatabaseName) -> Query<BackupJob> {
    Sql::new("SHOW BACKUP FROM ")
        .name(database)
        .query("SHOW BACKUP")
}

/// The last backups of all databases.
pub fn backups() -> Query<BackupJob> {
    Sql::new("SHOW BACKUP").query("SHOW BACKUP")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupJob {
    /// The key of a job: its JobId is -1 at first and changes when a frontend restarts. Another
    /// tool's label may hold any character.
    pub label: String,
    pub database: String,
    pub state: BackupState,
    /// When it was sent, as the engine prints it: shown and compared, never parsed.
    pub created: String,
    /// Set once the versions are pinned for good: SnapshotFinishedTime is there.
    pub pin: Option<PinMark>,
    pub work: JobWork,
}

/// What the rows of SHOW BACKUP and SHOW RESTORE say alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobWork {
    pub unfinished_tasks: String,
    pub progress: String,
    /// Errors of backends. They stay after the task succeeded at last.
    pub task_errors: Option<String>,
    /// `[OK]`, or `[CODE, msg: text]` of a cancelled job.
    pub status: String,
    pub timeout_seconds: u64,
}

impl JobWork {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(JobWork {
            unfinished_tasks: row.optional("UnfinishedTasks")?.unwrap_or_default().into(),
            progress: row.optional("Progress")?.unwrap_or_default().into(),
            task_errors: non_empty(row.optional("TaskErrMsg")?),
            status: row.optional("Status")?.unwrap_or_default().into(),
            timeout_seconds: row.parse("Timeout")?,
        })
    }
}

impl FromRow for BackupJob {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(BackupJob {
            label: row.text("SnapshotName")?.to_owned(),
            database: row.optional("DbName")?.unwrap_or_default().to_owned(),
            state: row.parse("State")?,
            created: row.optional("CreateTime")?.unwrap_or_default().to_owned(),
            pin: pin(row)?,
            work: JobWork::from_row(row)?,
        })
    }
}

fn pin(row: &Row) -> Result<Option<PinMark>, RowError> {
    let finished = row.optional("SnapshotFinishedTime")?;
    finished
        .map(|finished| Ok(PinMark::new(row.text("JobId")?, finished)))
        .transpose()
}

/// The last job of a database, if it was a restore.
pub fn restore(database: &DatabaseName) -> Query<RestoreJob> {
    Sql::new("SHOW RESTORE FROM ")
        .name(database)
        .query("SHOW RESTORE")
}

pub fn restores() -> Query<RestoreJob> {
    Sql::new("SHOW RESTORE").query("SHOW RESTORE")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreJob {
    pub job_id: i64,
    pub label: String,
    /// With the label, which snapshot is restored.
    pub timestamp: String,
    pub database: String,
    pub state: RestoreState,
    /// `un, rng PARTITIONS [p1, p2]`, by the names in the snapshot.
    pub objects: String,
    pub work: JobWork,
}

impl FromRow for RestoreJob {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(RestoreJob {
            job_id: row.parse("JobId")?,
            label: row.text("Label")?.to_owned(),
            timestamp: row.optional("Timestamp")?.unwrap_or_default().to_owned(),
            database: row.optional("DbName")?.unwrap_or_default().to_owned(),
            state: row.parse("State")?,
            objects: row.optional("RestoreObjs")?.unwrap_or_default().to_owned(),
            work: JobWork::from_row(row)?,
        })
    }
}

/// Every label of a repository, in any state. One listing of the object store per label: slow.
pub fn snapshots(repository: &RepositoryName) -> Query<Snapshot> {
    Sql::new("SHOW SNAPSHOT ON ")
        .name(repository)
        .query("SHOW SNAPSHOT")
}

/// Those of `labels` that exist in the repository. `IN` also for a single label: with `=` an unknown
/// label gets a row that looks like a half-made snapshot.
pub fn snapshots_named<'a>(
    repository: &RepositoryName,
    labels: impl IntoIterator<Item = &'a SnapshotLabel>,
) -> Query<Snapshot> {
    Sql::new("SHOW SNAPSHOT ON ")
        .name(repository)
        .text(" WHERE SNAPSHOT IN (")
        .literals(labels.into_iter().map(SnapshotLabel::as_str))
        .text(")")
        .query("SHOW SNAPSHOT")
}

/// One label of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub label: String,
    pub content: SnapshotContent,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotContent {
    /// Exactly one valid timestamp: it can be restored.
    Complete(SnapshotTimestamp),
    /// Running, cancelled, or partly deleted: it holds the label and nothing else.
    Unfinished,
    /// Two clusters used the label at the same moment, or an upload was cut off: it can never be
    /// restored.
    Unusable(String),
    /// The engine could not look; says nothing about the snapshot.
    Unreadable(String),
}

impl FromRow for Snapshot {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        let timestamp = row.optional("Timestamp")?;
        let status = row.text("Status")?;
        let content = match (timestamp, status) {
            (Some(text), "OK") => match text.parse() {
                Ok(timestamp) => SnapshotContent::Complete(timestamp),
                Err(_) => SnapshotContent::Unusable(text.replace('\n', ", ")),
            },
            (_, "ERROR: no snapshot") => SnapshotContent::Unfinished,
            (_, status) => SnapshotContent::Unreadable(status.to_owned()),
        };
        Ok(Snapshot {
            label: row.text("Snapshot")?.to_owned(),
            content,
        })
    }
}

/// What a snapshot holds. Needs the exact timestamp.
pub fn snapshot_details(
    repository: &RepositoryName,
    label: &SnapshotLabel,
    timestamp: &SnapshotTimestamp,
) -> Query<SnapshotDetails> {
    Sql::new("SHOW SNAPSHOT ON ")
        .name(repository)
        .text(" WHERE SNAPSHOT = ")
        .literal(label.as_str())
        .text(" AND TIMESTAMP = ")
        .literal(timestamp.as_str())
        .query("SHOW SNAPSHOT details")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotDetails {
    Readable {
        database: String,
        /// A view has no partitions; an unpartitioned table has one, named like the table.
        tables: BTreeMap<TableName, BTreeSet<PartitionName>>,
    },
    /// The engine's words: no such snapshot, or the object store did not answer.
    Unreadable(String),
}

impl FromRow for SnapshotDetails {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        let status = row.text("Status")?;
        let Some(details) = row.optional("Details")? else {
            return Ok(SnapshotDetails::Unreadable(status.to_owned()));
        };
        let details: DetailsText =
            serde_json::from_str(details).map_err(|error| RowError::Invalid {
                column: "Details",
                value: details.chars().take(200).collect(),
                reason: error.to_string(),
            })?;
        Ok(SnapshotDetails::Readable {
            database: details.database,
            tables: details
                .backup_objects
                .into_iter()
                .map(|(table, content)| (table, content.partitions.into_keys().collect()))
                .collect(),
        })
    }
}

#[derive(Deserialize)]
struct DetailsText {
    database: String,
    backup_objects: BTreeMap<TableName, DetailsTable>,
}

#[derive(Deserialize)]
struct DetailsTable {
    #[serde(default)]
    partitions: BTreeMap<PartitionName, serde::de::IgnoredAny>,
}

/// Loads that go on by themselves and write to a table of the database. Those that ended are not
/// listed.
pub fn routine_loads(database: &DatabaseName) -> Query<RoutineLoad> {
    Sql::new("SHOW ROUTINE LOAD FROM ")
        .name(database)
        .query("SHOW ROUTINE LOAD")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutineLoad {
    pub name: String,
    pub table: String,
    pub state: String,
}

impl FromRow for RoutineLoad {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(RoutineLoad {
            name: row.text("Name")?.to_owned(),
            table: row.optional("TableName")?.unwrap_or_default().to_owned(),
            state: row.optional("State")?.unwrap_or_default().to_owned(),
        })
    }
}

/// The runs of one task, newest first. A run is forgotten after some days.
pub fn task_runs(database: &DatabaseName, task: &TaskName) -> Query<TaskRun> {
    Sql::new("SELECT TASK_NAME, STATE, ERROR_MESSAGE, PROGRESS")
        .text(" FROM information_schema.task_runs WHERE `DATABASE` = ")
        .literal(database.as_str())
        .text(" AND TASK_NAME = ")
        .literal(task.as_str())
        .text(" ORDER BY CREATE_TIME DESC")
        .query("SELECT task_runs")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRun {
    pub task: String,
    pub state: TaskState,
    pub error: Option<String>,
    pub progress: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// PENDING, RUNNING.
    Running,
    /// SUCCESS, or MERGED: another run of the same task did its work.
    Done,
    /// FAILED, or SKIPPED: it was not run.
    Failed,
}

impl std::str::FromStr for TaskState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "PENDING" | "RUNNING" => Ok(TaskState::Running),
            "SUCCESS" | "MERGED" => Ok(TaskState::Done),
            "FAILED" | "SKIPPED" => Ok(TaskState::Failed),
            other => Err(format!("unknown task state '{other}'")),
        }
    }
}

impl FromRow for TaskRun {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(TaskRun {
            task: row.text("TASK_NAME")?.to_owned(),
            state: row.parse("STATE")?,
            error: non_empty(row.optional("ERROR_MESSAGE")?),
            progress: row.optional("PROGRESS")?.unwrap_or_default().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::row::Columns;

    fn row(cells: &[(&str, Option<&str>)]) -> Row {
        let columns = Columns::new(cells.iter().map(|(name, _)| (*name).to_owned()));
        let values = cells
            .iter()
            .map(|(_, value)| value.map(|text| text.as_bytes().to_vec()));
        Row::from_bytes(&columns, values).unwrap()
    }

    #[test]
    fn statements() {
        let sales: DatabaseName = "sales".parse().unwrap();
        let repository = "nightly".parse().unwrap();
        let label = "sales_20260301_full".parse().unwrap();
        let timestamp = "2026-03-01-04-00-00-123".parse().unwrap();
        insta::assert_snapshot!(backup(&sales), @"SHOW BACKUP FROM `sales`");
        insta::assert_snapshot!(backups(), @"SHOW BACKUP");
        insta::assert_snapshot!(restore(&sales), @"SHOW RESTORE FROM `sales`");
        insta::assert_snapshot!(restores(), @"SHOW RESTORE");
        insta::assert_snapshot!(snapshots(&repository), @"SHOW SNAPSHOT ON `nightly`");
        insta::assert_snapshot!(snapshots_named(&repository, [&label]), @"SHOW SNAPSHOT ON `nightly` WHERE SNAPSHOT IN ('sales_20260301_full')");
        insta::assert_snapshot!(snapshot_details(&repository, &label, &timestamp), @"SHOW SNAPSHOT ON `nightly` WHERE SNAPSHOT = 'sales_20260301_full' AND TIMESTAMP = '2026-03-01-04-00-00-123'");
        insta::assert_snapshot!(routine_loads(&sales), @"SHOW ROUTINE LOAD FROM `sales`");
        insta::assert_snapshot!(task_runs(&sales, &"br_copy_1".parse().unwrap()), @"SELECT TASK_NAME, STATE, ERROR_MESSAGE, PROGRESS FROM information_schema.task_runs WHERE `DATABASE` = 'sales' AND TASK_NAME = 'br_copy_1' ORDER BY CREATE_TIME DESC");
    }

    #[test]
    fn snapshots_are_judged_by_timestamp_and_status() {
        let check = |timestamp: Option<&str>, status: &str, expected: SnapshotContent| {
            let row = row(&[
                ("Snapshot", Some("l1")),
                ("Timestamp", timestamp),
                ("Status", Some(status)),
            ]);
            assert_eq!(Snapshot::from_row(&row).unwrap().content, expected);
        };
        let stamp = "2026-03-01-04-00-00-123";
        check(
            Some(stamp),
            "OK",
            SnapshotContent::Complete(stamp.parse().unwrap()),
        );
        check(Some(""), "ERROR: no snapshot", SnapshotContent::Unfinished);
        check(
            Some("2026-03-01-04-00-00-123\n2026-03-01-04-00-02-001"),
            "OK",
            SnapshotContent::Unusable("2026-03-01-04-00-00-123, 2026-03-01-04-00-02-001".into()),
        );
        check(
            Some("Invalid: __info_2026-03-01-04-00-00-123.part"),
            "OK",
            SnapshotContent::Unusable("Invalid: __info_2026-03-01-04-00-00-123.part".into()),
        );
        check(
            None,
            "ERROR: Failed to get info: connection refused",
            SnapshotContent::Unreadable("ERROR: Failed to get info: connection refused".into()),
        );
    }

    #[test]
    fn details_list_partitions_of_each_table() {
        let details = "{\n \"name\": \"w1\",\n \"database\": \"x1\",\n \"backup_objects\": {\n  \
                       \"un\": {\"partitions\": {\"un\": {}}},\n  \"vw\": {\"partitions\": {}},\n  \
                       \"rng\": {\"partitions\": {\n   \"p1\": {},\n   \"p2\": {}\n  }}\n }\n}";
        let read =
            SnapshotDetails::from_row(&row(&[("Details", Some(details)), ("Status", Some("OK"))]))
                .unwrap();
        let SnapshotDetails::Readable { database, tables } = read else {
            panic!("{read:?}");
        };
        assert_eq!(database, "x1");
        let names: Vec<String> = tables
            .iter()
            .map(|(table, partitions)| format!("{table}={partitions:?}"))
            .collect();
        assert_eq!(names, ["rng={\"p1\", \"p2\"}", "un={\"un\"}", "vw={}"]);
        let gone = row(&[("Details", None), ("Status", Some("Failed to get info: x"))]);
        assert_eq!(
            SnapshotDetails::from_row(&gone).unwrap(),
            SnapshotDetails::Unreadable("Failed to get info: x".into())
        );
    }

    fn job(id: &str, state: &str, snapshot_finished: Option<&str>) -> BackupJob {
        BackupJob::from_row(&row(&[
            ("JobId", Some(id)),
            ("SnapshotName", Some("l1")),
            ("DbName", Some("b1")),
            ("State", Some(state)),
            ("CreateTime", Some("2026-03-01 04:00:00")),
            ("SnapshotFinishedTime", snapshot_finished),
            ("UnfinishedTasks", Some("")),
            ("Progress", Some("")),
            ("TaskErrMsg", Some("")),
            ("Status", Some("[OK]")),
            ("Timeout", Some("86400")),
        ]))
        .unwrap()
    }

    #[test]
    fn a_pending_backup_is_not_pinned() {
        let job = job("-1", "PENDING", None);
        assert_eq!((job.state, job.pin), (BackupState::Pending, None));
        assert_eq!(job.work.task_errors, None);
    }

    #[test]
    fn another_pin_has_another_mark() {
        let time = Some("2026-03-01 04:00:06");
        let pin = |id, time| job(id, "UPLOADING", time).pin.unwrap();
        assert_eq!(pin("7", time), job("7", "FINISHED", time).pin.unwrap());
        assert_ne!(pin("7", time), pin("8", time));
        assert_ne!(pin("7", time), pin("7", Some("2026-03-01 04:00:09")));
    }
}
