//! SHOW BACKUP, RESTORE, SNAPSHOT and REPOSITORIES.

use jiff::Timestamp;

use super::refused;
use crate::{
    engine::Engine,
    jobs::{Job, RestoreJob, objects_text},
    parse::backup::{ShowFilter, SnapshotFilter},
    privileges::{Object, Privilege},
    reply::{Cell, Column, Reply, ResultSet, SqlError, SqlResult},
    repository::hash_order,
    session::Session,
};

const BACKUP: [&str; 14] = [
    "JobId",
    "SnapshotName",
    "DbName",
    "State",
    "BackupObjs",
    "CreateTime",
    "SnapshotFinishedTime",
    "UploadFinishedTime",
    "FinishedTime",
    "UnfinishedTasks",
    "Progress",
    "TaskErrMsg",
    "Status",
    "Timeout",
];
const RESTORE: [&str; 18] = [
    "JobId",
    "Label",
    "Timestamp",
    "DbName",
    "State",
    "AllowLoad",
    "ReplicationNum",
    "RestoreObjs",
    "CreateTime",
    "MetaPreparedTime",
    "SnapshotFinishedTime",
    "DownloadFinishedTime",
    "FinishedTime",
    "UnfinishedTasks",
    "Progress",
    "TaskErrMsg",
    "Status",
    "Timeout",
];
const REPOSITORIES: [&str; 7] = [
    "RepoId",
    "RepoName",
    "CreateTime",
    "IsReadOnly",
    "Location",
    "Broker",
    "ErrMsg",
];
const SNAPSHOTS: [&str; 3] = ["Snapshot", "Timestamp", "Status"];
const SNAPSHOT: [&str; 5] = ["Snapshot", "Timestamp", "Database", "Details", "Status"];

impl Engine {
    pub(super) fn show_backup(
        &self,
        session: &Session,
        database: Option<&str>,
        filter: &ShowFilter,
    ) -> SqlResult {
        let only = self.database_of_show(database)?;
        self.require(session, Privilege::Repository, Object::System)?;
        let mut rows = Vec::new();
        for job in self.jobs.iter() {
            let Job::Backup(job) = job else { continue };
            let is_meant = only.is_none_or(|id| id == job.database_id);
            if !is_meant || self.catalog.database_by_id(job.database_id).is_none() {
                continue;
            }
            let tables: Vec<&str> = job
                .objects
                .iter()
                .map(|object| object.name.as_str())
                .collect();
            // One table that may not be exported hides everything, without a word.
            if self
                .require_export(session, &job.database, &tables)
                .is_err()
            {
                return reply(&BACKUP, Vec::new(), filter);
            }
            rows.push(vec![
                text(job.id),
                text(&job.label),
                text(&job.database),
                text(job.state),
                text(objects_text(job, self.profile)),
                self.time(session, Some(job.created)),
                self.time(session, job.snapshot_finished),
                self.time(session, job.upload_finished),
                self.time(session, job.finished),
                text(job.tasks.unfinished_text()),
                text(job.tasks.progress_text()),
                text(job.tasks.errors_text()),
                text(&job.status),
                text(job.timeout.as_secs()),
            ]);
        }
        reply(&BACKUP, rows, filter)
    }

    pub(super) fn show_restore(
        &self,
        session: &Session,
        database: Option<&str>,
        filter: &ShowFilter,
    ) -> SqlResult {
        let only = self.database_of_show(database)?;
        self.require(session, Privilege::Repository, Object::System)?;
        let mut rows = Vec::new();
        for job in self.jobs.iter() {
            let Job::Restore(job) = job else { continue };
            let is_meant = only.is_none_or(|id| id == job.database_id);
            if is_meant && self.catalog.database_by_id(job.database_id).is_some() {
                rows.push(self.restore_row(session, job));
            }
        }
        reply(&RESTORE, rows, filter)
    }

    /// A follower shows what has been journaled: no tasks, no states in between.
    fn restore_row(&self, session: &Session, job: &RestoreJob) -> Vec<Cell> {
        let view = if session.follower {
            job.journaled.clone()
        } else {
            job.view()
        };
        vec![
            text(view.id),
            text(&job.label),
            text(&job.timestamp),
            text(&job.database),
            text(view.state),
            text(job.allow_load),
            text(job.replication_num),
            text(restore_objects(job)),
            self.time(session, Some(job.created)),
            self.time(session, view.meta_prepared),
            self.time(session, view.snapshot_finished),
            self.time(session, view.download_finished),
            self.time(session, view.finished),
            text(view.tasks.unfinished_text()),
            text(view.tasks.progress_text()),
            text(view.tasks.errors_text()),
            text(&view.status),
            text(job.timeout.as_secs()),
        ]
    }

    /// No privilege is needed.
    pub(super) fn show_repositories(&self, session: &Session, filter: &ShowFilter) -> SqlResult {
        let rows = self.repositories.iter().map(|repository| {
            vec![
                text(repository.id),
                text(&repository.name),
                self.time(session, Some(repository.created)),
                text(repository.read_only),
                text(&repository.location),
                text(&repository.broker),
                repository.error_message.clone(),
            ]
        });
        reply(&REPOSITORIES, rows.collect(), filter)
    }

    pub(super) fn show_snapshot(
        &self,
        session: &Session,
        repository: &str,
        snapshot: &SnapshotFilter,
        filter: &ShowFilter,
    ) -> SqlResult {
        let repository = self
            .repositories
            .get(repository)
            .ok_or_else(|| refused(format!("Repository [{repository}] does not exist")))?;
        self.require(session, Privilege::Repository, Object::System)?;
        let labels = match snapshot {
            SnapshotFilter::Label(label) => vec![label.clone()],
            SnapshotFilter::Exact { label, timestamp } => {
                let row = match repository.snapshot_info(&self.store, label, timestamp) {
                    Ok(info) => vec![
                        text(label),
                        text(timestamp),
                        text(&info.database),
                        text(info.details()),
                        text("OK"),
                    ],
                    Err(reason) => vec![
                        text(label),
                        text(timestamp),
                        None,
                        None,
                        text(format!("Failed to get info: {reason}")),
                    ],
                };
                return reply(&SNAPSHOT, vec![row], filter);
            }
            SnapshotFilter::All | SnapshotFilter::Labels(_) => {
                repository.labels(&self.store).map_err(|error| {
                    SqlError::analyzing(format!(
                        "Failed to list snapshot in repo: {}, err: {}",
                        repository.name, error.0
                    ))
                })?
            }
        };
        let rows = labels
            .iter()
            .filter(|label| match snapshot {
                SnapshotFilter::Labels(wanted) => wanted.contains(label),
                _ => true,
            })
            .map(|label| {
                let row = repository.snapshot_row(&self.store, label);
                vec![Some(row.label), row.timestamp, Some(row.status)]
            });
        reply(&SNAPSHOTS, rows.collect(), filter)
    }

    fn database_of_show(&self, database: Option<&str>) -> SqlResult<Option<i64>> {
        database
            .map(|name| self.catalog.database(name).map(|database| database.id))
            .transpose()
    }

    fn time(&self, session: &Session, at: Option<Timestamp>) -> Cell {
        at.and_then(|at| self.cluster_time(session, at))
    }
}

fn text(value: impl ToString) -> Cell {
    Some(value.to_string())
}

/// `un, rng PARTITIONS [p1, p2]`: names of the snapshot in hash order; an unpartitioned table has no
/// list.
fn restore_objects(job: &RestoreJob) -> String {
    let objects = job
        .info
        .table_order(job.tables_held)
        .into_iter()
        .map(|name| {
            let Some(table) = job.info.backup_objects.get(name) else {
                return name.to_owned();
            };
            let mut partitions: Vec<&str> = table
                .partitions
                .names()
                .filter(|partition| *partition != name)
                .collect();
            let held = job.partitions_held.get(name).copied();
            let held = held.unwrap_or(partitions.len());
            hash_order::sort(&mut partitions, held, |partition| partition);
            if partitions.is_empty() {
                name.to_owned()
            } else {
                format!("{name} PARTITIONS [{}]", partitions.join(", "))
            }
        });
    objects.collect::<Vec<_>>().join(", ")
}

/// Applies the clauses of 4.1 to a finished result.
fn reply(columns: &[&str], mut rows: Vec<Vec<Cell>>, filter: &ShowFilter) -> SqlResult {
    let position = |name: &str| {
        columns
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name))
            .ok_or_else(|| SqlError::analyzing(format!("Column '{name}' cannot be resolved")))
    };
    for (column, value) in &filter.equals {
        let at = position(column)?;
        rows.retain(|row| row[at].as_ref() == Some(value));
    }
    for order in filter.order.iter().rev() {
        let at = position(&order.column)?;
        rows.sort_by(|a, b| {
            let ordering = a[at].cmp(&b[at]);
            if order.descending {
                ordering.reverse()
            } else {
                ordering
            }
        });
    }
    let limit = filter.limit.unwrap_or(usize::MAX);
    Ok(Reply::Rows(ResultSet {
        columns: columns.iter().map(|name| Column::show(*name)).collect(),
        rows: rows.into_iter().skip(filter.offset).take(limit).collect(),
    }))
}
