//! BACKUP, from PENDING to FINISHED.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{BackupState, Status, Step, Tasks};
use crate::{
    catalog::{Partition, Partitions, Table, TableKind},
    engine::Engine,
    profile::Profile,
    repository::{
        Ordered, Repository, SnapshotInfo,
        content::{self, digest_text},
        info::{IndexInfo, PartitionInfo, SnapshotMeta, TableInfo},
    },
};

/// Longest name of a file on the frontend's own disk, where `__meta` is written before it is uploaded.
const LONGEST_FILE_NAME: usize = 255;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupObject {
    pub name: String,
    /// As typed; `None` takes those that exist when the job is pinned.
    pub partitions: Option<Vec<String>>,
}

#[derive(Debug)]
pub struct BackupJob {
    /// -1 while PENDING. Never a key: a restart gives the job another one.
    pub id: i64,
    pub label: String,
    pub database_id: i64,
    pub database: String,
    pub repository_id: i64,
    pub objects: Vec<BackupObject>,
    pub functions: BTreeMap<String, String>,
    pub state: BackupState,
    pub created: Timestamp,
    pub timeout: SignedDuration,
    pub snapshot_finished: Option<Timestamp>,
    pub upload_finished: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    pub tasks: Tasks,
    pub status: Status,
    /// What the job holds of tables and rows from its pin on; nothing that happens later gets in.
    pinned: Option<Pinned>,
    /// Ticks spent in UPLOADING.
    uploading: u32,
    /// The files written by SAVE_META are on another machine since the leader changed.
    lost_files: bool,
}

#[derive(Debug)]
struct Pinned {
    meta: SnapshotMeta,
    info: SnapshotInfo,
    tablets: Vec<PinnedTablet>,
}

#[derive(Debug)]
struct PinnedTablet {
    id: i64,
    backend: i64,
    version: i64,
    /// Below `__ss_content`.
    path: String,
    data: Option<Vec<u8>>,
    upload_task: i64,
}

/// What was asked for, checked.
#[derive(Debug)]
pub struct BackupRequest {
    pub label: String,
    pub database_id: i64,
    pub database: String,
    pub repository_id: i64,
    pub objects: Vec<BackupObject>,
    pub functions: BTreeMap<String, String>,
    pub timeout: SignedDuration,
}

impl BackupJob {
    pub fn new(request: BackupRequest, created: Timestamp) -> BackupJob {
        BackupJob {
            id: -1,
            label: request.label,
            database_id: request.database_id,
            database: request.database,
            repository_id: request.repository_id,
            objects: request.objects,
            functions: request.functions,
            state: BackupState::Pending,
            created,
            timeout: request.timeout,
            snapshot_finished: None,
            upload_finished: None,
            finished: None,
            tasks: Tasks::default(),
            status: Status::Ok,
            pinned: None,
            uploading: 0,
            lost_files: false,
        }
    }

    /// The timeout counts from the statement, waiting included.
    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        now.duration_since(self.created) > self.timeout
    }

    pub(super) fn cancel(&mut self, status: Status, now: Timestamp) {
        self.status = status;
        self.state = BackupState::Cancelled;
        self.finished = Some(now);
        self.pinned = None;
    }

    pub(super) fn run(&mut self, engine: &mut Engine, now: Timestamp) -> Step {
        if self.is_late(now) {
            self.cancel(Status::error("TIMEOUT", ""), now);
            return Step::Done;
        }
        let Some(repository) = engine.repositories.by_id(self.repository_id).cloned() else {
            let message = format!("failed to get repository: {}", self.repository_id);
            self.cancel(Status::common(message), now);
            return Step::Done;
        };
        let result = match self.state {
            BackupState::Pending => self.pin(engine, now),
            BackupState::Snapshoting => {
                self.tasks
                    .unfinished
                    .retain(|_, backend| !engine.reports(*backend));
                if self.tasks.unfinished.is_empty() {
                    self.snapshot_finished = Some(now);
                    self.state = BackupState::UploadSnapshot;
                }
                Ok(())
            }
            BackupState::UploadSnapshot => {
                self.send_uploads(engine);
                Ok(())
            }
            BackupState::Uploading => {
                self.upload(engine, &repository, now);
                Ok(())
            }
            BackupState::SaveMeta => self.save_meta(&engine.time_zone),
            BackupState::UploadInfo => {
                // The last step is repeated until it works or the job is late.
                self.status = match self.upload_info(engine, &repository) {
                    Ok(()) => {
                        self.state = BackupState::Finished;
                        self.finished = Some(now);
                        self.pinned = None;
                        Status::Ok
                    }
                    Err(status) => status,
                };
                Ok(())
            }
            BackupState::Finished | BackupState::Cancelled => Ok(()),
        };
        if let Err(status) = result {
            self.cancel(status, now);
        }
        Step::Done
    }

    /// Looks tables and partitions up again, by name, and captures versions, schema and rows of this
    /// moment: loads between the statement and now are in the snapshot, later ones are not.
    fn pin(&mut self, engine: &mut Engine, now: Timestamp) -> Result<(), Status> {
        self.id = engine.catalog.next_id();
        self.tasks.clear();
        let Some(database) = engine.catalog.database_by_id(self.database_id) else {
            let message = format!("database {} does not exist", self.database_id);
            return Err(Status::not_found(message));
        };
        let mut tables = Vec::new();
        for object in &self.objects {
            let table = database.tables.get(&object.name).ok_or_else(|| {
                Status::not_found(format!("table {} does not exist", object.name))
            })?;
            if let TableKind::External { engine } = &table.kind {
                let kind = engine.to_uppercase();
                return Err(Status::error(
                    "UNSUPPORTED",
                    format!(
                        "Table: {} can not support backup restore, type: {kind}",
                        object.name
                    ),
                ));
            }
            tables.push(selective_copy(table, object)?);
        }
        let database_name = database.name.clone();
        let mut pin = Pin {
            engine,
            database_id: self.database_id,
            tablets: Vec::new(),
        };
        let mut objects = Vec::new();
        for table in &tables {
            objects.push((table.name.clone(), pin.table(table)?));
        }
        let tablets = pin.tablets;
        for tablet in &tablets {
            self.tasks.unfinished.insert(tablet.id, tablet.backend);
        }
        self.pinned = Some(Pinned {
            meta: SnapshotMeta {
                engine: engine.profile.name().to_owned(),
                tables,
                functions: self.functions.clone(),
            },
            info: SnapshotInfo {
                name: self.label.clone(),
                database: database_name,
                id: self.database_id,
                backup_time: self.created.as_millisecond(),
                meta_version: 92,
                starrocks_meta_version: 4,
                backup_result: "succeed".to_owned(),
                backup_objects: Ordered(objects),
            },
            tablets,
        });
        tracing::debug!(label = self.label, at = %now, "pinned a backup");
        self.state = BackupState::Snapshoting;
        Ok(())
    }

    fn send_uploads(&mut self, engine: &mut Engine) {
        self.tasks.clear();
        self.uploading = 0;
        for tablet in self
            .pinned
            .iter_mut()
            .flat_map(|pinned| &mut pinned.tablets)
        {
            tablet.upload_task = engine.catalog.next_id();
            self.tasks
                .unfinished
                .insert(tablet.upload_task, tablet.backend);
        }
        self.state = BackupState::Uploading;
    }

    fn upload(&mut self, engine: &Engine, repository: &Repository, now: Timestamp) {
        self.uploading += 1;
        let ticks = engine.jobs.upload_ticks.max(1);
        let Some(pinned) = &self.pinned else { return };
        let total = pinned.tablets.len();
        let due = (total * self.uploading.min(ticks) as usize).div_ceil(ticks as usize);
        for (at, tablet) in pinned.tablets.iter().enumerate() {
            let is_open = self.tasks.unfinished.contains_key(&tablet.upload_task);
            if !is_open || !engine.reports(tablet.backend) {
                continue;
            }
            if at >= due {
                self.tasks.progress.insert(tablet.upload_task, (0, 1));
                continue;
            }
            match upload_tablet(engine, repository, &self.label, tablet) {
                Ok(()) => self.tasks.finish(tablet.upload_task),
                Err(message) => {
                    self.tasks.errors.insert(tablet.upload_task, message);
                }
            }
        }
        if self.tasks.unfinished.is_empty() {
            self.upload_finished = Some(now);
            self.state = BackupState::SaveMeta;
        }
    }

    /// Writes `__meta` and `__info` to the frontend's own disk, below a directory named by the label.
    fn save_meta(&mut self, zone: &TimeZone) -> Result<(), Status> {
        let directory = format!("{}__{}", self.label, timestamp(self.created, zone));
        if is_too_long(&directory) {
            return Err(Status::common(format!(
                "Failed to create tmp dir: {directory}"
            )));
        }
        self.state = BackupState::UploadInfo;
        Ok(())
    }

    fn upload_info(&self, engine: &Engine, repository: &Repository) -> Result<(), Status> {
        let Some(pinned) = &self.pinned else {
            return Ok(());
        };
        let stamp = timestamp(self.created, &engine.time_zone);
        if self.lost_files {
            let path = format!("{}__{stamp}/__meta", self.label);
            return Err(Status::common(format!("file is invalid: {path}")));
        }
        let directory = repository.snapshot(&self.label);
        if self.label.contains('\n') {
            return Err(Status::common(format!(
                "failed to rename {directory}/__meta.part"
            )));
        }
        let info = serde_json::to_vec(&pinned.info).expect("names and numbers serialize");
        content::upload(
            &engine.store,
            &format!("{directory}/__meta"),
            &pinned.meta.encode(),
        )
        .and_then(|()| {
            content::upload(&engine.store, &format!("{directory}/__info_{stamp}"), &info)
        })
        .map_err(|error| Status::common(error.0))
    }

    /// What a restart of the frontend or a change of the leader makes of the job: what was not
    /// journaled is done again.
    pub(super) fn replay(&mut self, is_new_leader: bool) {
        match self.state {
            BackupState::Snapshoting => {
                self.id = -1;
                self.pinned = None;
                self.state = BackupState::Pending;
            }
            BackupState::Uploading => self.state = BackupState::UploadSnapshot,
            BackupState::UploadInfo => self.lost_files |= is_new_leader,
            _ => {}
        }
        self.tasks.clear();
    }
}

/// `yyyy-MM-dd-HH-mm-ss-SSS`, in the zone of the frontend.
pub fn timestamp(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%d-%H-%M-%S-%3f")
        .to_string()
}

fn is_too_long(name: &str) -> bool {
    name.split('/').any(|part| part.len() > LONGEST_FILE_NAME)
}

/// The table with the partitions that were asked for, and without temporary ones.
fn selective_copy(table: &Table, object: &BackupObject) -> Result<Table, Status> {
    let mut copy = Table {
        partitions: Partitions::default(),
        temp_partitions: Partitions::default(),
        ..table.clone()
    };
    if let TableKind::MaterializedView {
        inactive_reason, ..
    } = &mut copy.kind
    {
        *inactive_reason = Some(format!(
            "Set the materialized view {} inactive in backup because it's in backup and will be \
             activated after restore if possible",
            table.name
        ));
    }
    match &object.partitions {
        None => copy.partitions = table.partitions.clone(),
        Some(names) => {
            for name in names {
                let partition = table.partitions.get(name).ok_or_else(|| {
                    Status::not_found(format!(
                        "partition {name} does not exist  in table{}",
                        table.name
                    ))
                })?;
                // A name listed twice is one partition.
                if !copy.partitions.contains(name) {
                    copy.partitions.push(partition.clone());
                }
            }
        }
    }
    Ok(copy)
}

struct Pin<'a> {
    engine: &'a mut Engine,
    database_id: i64,
    tablets: Vec<PinnedTablet>,
}

impl Pin<'_> {
    /// The replica that makes the snapshot. Before 4.1 it may be one on a backend that is down, and the
    /// job waits for it.
    fn replica(&self, tablet: i64, place: usize, partition: &Partition) -> Result<i64, Status> {
        let mut replicas = self.engine.replicas_of(place, partition.replication_num);
        let chosen = match self.engine.profile {
            Profile::V4_1 => replicas.find(|backend| backend.alive),
            _ => replicas.next(),
        };
        chosen.map(|backend| backend.id).ok_or_else(|| {
            Status::common(format!(
                "failed to choose replica to make snapshot for tablet {tablet}. visible version: {}",
                partition.visible_version
            ))
        })
    }

    fn table(&mut self, table: &Table) -> Result<TableInfo, Status> {
        let mut partitions = Vec::new();
        if table.has_partitions() {
            for partition in &table.partitions {
                partitions.push((partition.name.clone(), self.partition(table, partition)?));
            }
        }
        Ok(TableInfo {
            id: table.id,
            auto_increment: table.auto_increment,
            partitions: Ordered(partitions),
        })
    }

    fn partition(&mut self, table: &Table, partition: &Partition) -> Result<PartitionInfo, Status> {
        let count = partition.tablets.len();
        let mut data = if self.engine.rows.count(partition.physical_id) == 0 {
            vec![None; count]
        } else {
            let dump = self
                .engine
                .rows
                .dump(table, partition.physical_id)
                .map_err(|error| Status::common(error.message))?;
            content::split_rows(&dump, count)
        };
        let mut indexes = BTreeMap::new();
        for (at, index) in table.indexes.iter().enumerate() {
            // Rows are stored once, with the base index; a rollup has tablets of its own.
            let tablets: Vec<i64> = if at == 0 {
                partition.tablets.clone()
            } else {
                (0..count).map(|_| self.engine.catalog.next_id()).collect()
            };
            for (bucket, tablet) in tablets.iter().enumerate() {
                self.tablets.push(PinnedTablet {
                    id: *tablet,
                    backend: self.replica(*tablet, bucket, partition)?,
                    version: partition.visible_version,
                    path: format!(
                        "__db_{}/__tbl_{}/__part_{}/__idx_{}/__{tablet}",
                        self.database_id, table.id, partition.physical_id, index.id
                    ),
                    data: data.get_mut(bucket).and_then(Option::take),
                    upload_task: 0,
                });
            }
            let info = IndexInfo {
                id: index.id,
                schema_hash: index.schema_hash,
                tablets: tablets
                    .iter()
                    .map(|id| (id.to_string(), Vec::new()))
                    .collect(),
                tablets_order: tablets.iter().map(i64::to_string).collect(),
            };
            indexes.insert(index.name.clone(), info);
        }
        Ok(PartitionInfo::new(
            self.engine.profile,
            partition.id,
            partition.physical_id,
            partition.visible_version,
            indexes,
        ))
    }
}

/// Writes the files of a tablet. A repeat skips what is there.
fn upload_tablet(
    engine: &Engine,
    repository: &Repository,
    label: &str,
    tablet: &PinnedTablet,
) -> Result<(), String> {
    // Nothing of a label that no file can be named after is ever read: SAVE_META ends the job.
    if is_too_long(&format!("__ss_{label}")) {
        return Ok(());
    }
    let directory = format!(
        "{}/__ss_content/{}",
        repository.snapshot(label),
        tablet.path
    );
    for (name, bytes) in content::tablet_files(tablet.id, tablet.version, tablet.data.as_deref()) {
        let url = format!("{directory}/{name}.{}", digest_text(&bytes));
        engine.store.put(&url, &bytes).map_err(|error| error.0)?;
    }
    Ok(())
}

/// `[b1.rngPARTITIONS (p1, p2) AS rng]`: names as typed, no space before PARTITIONS.
pub fn objects_text(job: &BackupJob, profile: Profile) -> String {
    let objects = job.objects.iter().map(|object| {
        let partitions = match &object.partitions {
            Some(names) => format!("PARTITIONS ({})", names.join(", ")),
            None => String::new(),
        };
        let alias = if profile == Profile::V4_1 {
            format!(" AS {}", object.name)
        } else {
            String::new()
        };
        format!("[{}.{}{partitions}{alias}]", job.database, object.name)
    });
    objects.collect::<Vec<_>>().join(", ")
}
