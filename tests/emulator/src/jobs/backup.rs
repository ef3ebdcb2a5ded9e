//! BACKUP, from PENDING to FINISHED.

mod pin;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use self::pin::{Pinned, PinnedTablet};
use super::{BackupState, Status, Step, Tasks};
use crate::{
    engine::Engine,
    profile::Profile,
    repository::{
        Repository,
        content::{self, digest_text},
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
        let store = repository.store(&engine.store);
        content::upload(
            &store,
            &format!("{directory}/__meta"),
            &pinned.meta.encode(),
        )
        .and_then(|()| content::upload(&store, &format!("{directory}/__info_{stamp}"), &info))
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

    pub(super) fn forget_pin(&mut self) {
        if matches!(
            self.state,
            BackupState::UploadSnapshot | BackupState::Uploading
        ) {
            self.id = -1;
            self.pinned = None;
            self.snapshot_finished = None;
            self.state = BackupState::Pending;
            self.tasks.clear();
        }
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
    let store = repository.store(&engine.store);
    for (name, bytes) in content::tablet_files(tablet.id, tablet.version, tablet.data.as_deref()) {
        let url = format!("{directory}/{name}.{}", digest_text(&bytes));
        store.put(&url, &bytes).map_err(|error| error.0)?;
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
