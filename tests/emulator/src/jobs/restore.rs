//! RESTORE, from PENDING to FINISHED.

mod prepare;
mod signature;
mod transfer;

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::{RestoreState, Status, Step, Tasks};
use crate::{
    catalog::TableState,
    engine::Engine,
    repository::{SnapshotInfo, content::TabletContent, info::SnapshotMeta},
};

#[derive(Debug)]
pub struct RestoreJob {
    pub database_id: i64,
    pub database: String,
    pub repository_id: i64,
    pub label: String,
    pub timestamp: String,
    pub replication_num: u32,
    pub allow_load: bool,
    pub created: Timestamp,
    pub timeout: SignedDuration,
    /// What is to be restored: the snapshot's info without what was not asked for.
    pub info: SnapshotInfo,
    /// How many tables the snapshot had, and how many partitions each: the order of names in
    /// SHOW RESTORE depends on it.
    pub tables_held: usize,
    pub partitions_held: HashMap<String, usize>,
    pub aliases: BTreeMap<String, String>,
    /// Read with the statement; `None` when it could not be, which the first step finds out.
    pub meta: Option<SnapshotMeta>,
    pub id: i64,
    pub state: RestoreState,
    pub meta_prepared: Option<Timestamp>,
    pub snapshot_finished: Option<Timestamp>,
    pub download_finished: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    pub tasks: Tasks,
    pub status: Status,
    work: Work,
    /// What a follower knows of the job: its last journaled state.
    pub journaled: RestoreView,
}

/// The columns of SHOW RESTORE that change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreView {
    pub id: i64,
    pub state: RestoreState,
    pub meta_prepared: Option<Timestamp>,
    pub snapshot_finished: Option<Timestamp>,
    pub download_finished: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    pub tasks: Tasks,
    pub status: Status,
}

/// What the first step prepared.
#[derive(Debug, Default)]
struct Work {
    /// Tables made by this job, which a cancel drops again by id, under whatever name.
    pub new_tables: Vec<i64>,
    /// Partitions added to existing tables: table id, partition name.
    pub new_partitions: Vec<(i64, String)>,
    /// Existing partitions that are overwritten.
    pub overwritten: Vec<Overwritten>,
    /// Every partition whose rows come from the snapshot.
    pub targets: Vec<Target>,
    /// By target: what has been downloaded, in the order of tablets.
    pub downloaded: HashMap<usize, Vec<(i64, TabletContent)>>,
    /// Task to the tablet that it is about.
    pub tablet_tasks: BTreeMap<i64, TabletTask>,
    /// Ticks spent in DOWNLOADING.
    pub downloading: u32,
}

#[derive(Debug, Clone)]
struct Overwritten {
    pub table_id: i64,
    pub physical_id: i64,
    pub version: i64,
}

#[derive(Debug, Clone)]
struct Target {
    pub table_id: i64,
    pub physical_id: i64,
    pub is_overwritten: bool,
    /// Tablets to be filled, with where their files are below `__ss_content`.
    pub tablets: Vec<TargetTablet>,
}

#[derive(Debug, Clone)]
struct TargetTablet {
    pub id: i64,
    pub path: String,
    /// Rows are with the base index; tablets of rollups are downloaded, and hold none.
    pub is_base: bool,
}

#[derive(Debug, Clone, Copy)]
struct TabletTask {
    pub target: usize,
    pub tablet: usize,
    pub backend: i64,
}

/// What was asked for, checked.
#[derive(Debug)]
pub struct RestoreRequest {
    pub database_id: i64,
    pub database: String,
    pub repository_id: i64,
    pub label: String,
    pub timestamp: String,
    pub replication_num: u32,
    pub allow_load: bool,
    pub timeout: SignedDuration,
    pub info: SnapshotInfo,
    pub tables_held: usize,
    pub partitions_held: HashMap<String, usize>,
    pub aliases: BTreeMap<String, String>,
    pub meta: Option<SnapshotMeta>,
}

impl RestoreJob {
    pub fn new(request: RestoreRequest, created: Timestamp) -> RestoreJob {
        let mut job = RestoreJob {
            database_id: request.database_id,
            database: request.database,
            repository_id: request.repository_id,
            label: request.label,
            timestamp: request.timestamp,
            replication_num: request.replication_num,
            allow_load: request.allow_load,
            created,
            timeout: request.timeout,
            info: request.info,
            tables_held: request.tables_held,
            partitions_held: request.partitions_held,
            aliases: request.aliases,
            meta: request.meta,
            id: -1,
            state: RestoreState::Pending,
            meta_prepared: None,
            snapshot_finished: None,
            download_finished: None,
            finished: None,
            tasks: Tasks::default(),
            status: Status::Ok,
            work: Work::default(),
            journaled: RestoreView {
                id: -1,
                state: RestoreState::Pending,
                meta_prepared: None,
                snapshot_finished: None,
                download_finished: None,
                finished: None,
                tasks: Tasks::default(),
                status: Status::Ok,
            },
        };
        job.journal();
        job
    }

    pub fn view(&self) -> RestoreView {
        RestoreView {
            id: self.id,
            state: self.state,
            meta_prepared: self.meta_prepared,
            snapshot_finished: self.snapshot_finished,
            download_finished: self.download_finished,
            finished: self.finished,
            tasks: self.tasks.clone(),
            status: self.status.clone(),
        }
    }

    fn journal(&mut self) {
        self.journaled = RestoreView {
            tasks: Tasks::default(),
            ..self.view()
        };
    }

    /// The name that a table of the snapshot is to have here.
    pub fn target_name<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }

    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        now.duration_since(self.created) > self.timeout
    }

    pub(super) fn run(&mut self, engine: &mut Engine, now: Timestamp) -> Step {
        if self.is_late(now) {
            let message = format!("restore job with label: {}  timeout.", self.label);
            self.cancel(engine, Status::error("TIMEOUT", message), now);
            return Step::Done;
        }
        let Some(repository) = engine.repositories.by_id(self.repository_id).cloned() else {
            let message = format!("failed to get repository: {}", self.repository_id);
            self.cancel(engine, Status::common(message), now);
            return Step::Done;
        };
        let mut step = Step::Done;
        let result = self.check_targets(engine).and_then(|()| match self.state {
            RestoreState::Pending => self.prepare(engine, now).map(|prepared| step = prepared),
            RestoreState::Snapshoting => {
                let tasks = &self.work.tablet_tasks;
                self.tasks
                    .unfinished
                    .retain(|task, _| !engine.reports(tasks[task].backend));
                if self.tasks.unfinished.is_empty() {
                    self.snapshot_finished = Some(now);
                    self.state = RestoreState::Download;
                    self.journal();
                }
                Ok(())
            }
            RestoreState::Download => {
                self.send_downloads(engine);
                Ok(())
            }
            RestoreState::Downloading => {
                self.download(engine, &repository, now);
                Ok(())
            }
            RestoreState::Commit => self.send_moves(engine),
            RestoreState::Committing => self.finish(engine, now),
            RestoreState::Finished | RestoreState::Cancelled => Ok(()),
        });
        if let Err(status) = result {
            self.cancel(engine, status, now);
        }
        step
    }

    /// What is restored into may have been dropped or truncated meanwhile: neither is refused.
    fn check_targets(&self, engine: &Engine) -> Result<(), Status> {
        if self.state == RestoreState::Pending {
            return Ok(());
        }
        let Some(database) = engine.catalog.database_by_id(self.database_id) else {
            let message = format!("database {} has been dropped", self.database_id);
            return Err(Status::not_found(message));
        };
        let tables: HashMap<i64, _> = database
            .tables
            .values()
            .map(|table| (table.id, table))
            .collect();
        for target in &self.work.targets {
            let table = tables.get(&target.table_id).ok_or_else(|| {
                Status::not_found(format!("table {} has been dropped", target.table_id))
            })?;
            if table
                .partitions
                .by_physical_id(target.physical_id)
                .is_none()
            {
                let message = format!("partition {} has been dropped", target.physical_id);
                return Err(Status::not_found(message));
            }
        }
        Ok(())
    }

    /// Looks tables up by name: one that was swapped away meanwhile stays in RESTORE for ever.
    fn set_tables_normal(&self, engine: &mut Engine) {
        let names: Vec<String> = self
            .info
            .backup_objects
            .names()
            .map(|name| self.target_name(name).to_owned())
            .collect();
        let Some(database) = engine
            .catalog
            .databases
            .values_mut()
            .find(|database| database.id == self.database_id)
        else {
            return;
        };
        for name in names {
            if let Some(table) = database.tables.get_mut(&name)
                && table.state == TableState::Restore
            {
                table.state = TableState::Normal;
            }
        }
    }

    /// Before COMMIT this takes everything back.
    pub(super) fn cancel(&mut self, engine: &mut Engine, status: Status, now: Timestamp) {
        self.set_tables_normal(engine);
        self.drop_new(engine);
        self.status = status;
        self.state = RestoreState::Cancelled;
        self.finished = Some(now);
        self.end();
    }

    /// A job that has ended keeps what SHOW RESTORE prints.
    fn end(&mut self) {
        self.work = Work::default();
        self.meta = None;
        self.journal();
    }

    fn drop_new(&mut self, engine: &mut Engine) {
        let Engine { catalog, rows, .. } = engine;
        let Some(database) = catalog
            .databases
            .values_mut()
            .find(|database| database.id == self.database_id)
        else {
            return;
        };
        for table_id in self.work.new_tables.drain(..) {
            database.tables.retain(|_, table| table.id != table_id);
            if let Err(error) = rows.drop_table(table_id) {
                tracing::warn!(
                    table_id,
                    message = error.message,
                    "rows of a dropped table stay"
                );
            }
        }
        for (table_id, partition) in self.work.new_partitions.drain(..) {
            let table = database
                .tables
                .values_mut()
                .find(|table| table.id == table_id);
            if let Some(removed) = table.and_then(|table| table.partitions.remove(&partition))
                && let Err(error) = rows.drop_partition(removed.physical_id)
            {
                tracing::warn!(
                    partition,
                    message = error.message,
                    "rows of a dropped partition stay"
                );
            }
        }
    }

    /// What a restart of the frontend makes of the job: what was not journaled is done again.
    pub(super) fn replay(&mut self, engine: &mut Engine) {
        match self.state {
            // Nothing of the first step was journaled: its tables are gone, the others are NORMAL.
            RestoreState::Snapshoting => {
                self.set_tables_normal(engine);
                self.drop_new(engine);
                self.work = Work::default();
                self.meta_prepared = None;
                self.state = RestoreState::Pending;
            }
            RestoreState::Downloading => self.state = RestoreState::Download,
            RestoreState::Committing => self.state = RestoreState::Commit,
            _ => {}
        }
        self.tasks.clear();
    }
}
