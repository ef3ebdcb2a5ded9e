//! What backends do for a restore: download the tablets of a snapshot, and move them into place.

use jiff::Timestamp;

use super::{RestoreJob, TabletTask};
use crate::{
    engine::Engine,
    jobs::{RestoreState, Status},
    profile::Profile,
    repository::{Repository, content},
};

impl RestoreJob {
    /// One task a replica of a tablet; `shown` makes of backend and tablet what UnfinishedTasks shows.
    fn send_tasks(&mut self, engine: &mut Engine, shown: impl Fn(i64, i64) -> i64) {
        self.tasks.clear();
        self.work.tablet_tasks.clear();
        for (target_at, target) in self.work.targets.iter().enumerate() {
            for (tablet_at, tablet) in target.tablets.iter().enumerate() {
                let backends: Vec<i64> = engine
                    .replicas_of(tablet_at, self.replication_num)
                    .map(|backend| backend.id)
                    .collect();
                for backend in backends {
                    let task = engine.catalog.next_id();
                    self.tasks
                        .unfinished
                        .insert(task, shown(backend, tablet.id));
                    self.work.tablet_tasks.insert(
                        task,
                        TabletTask {
                            target: target_at,
                            tablet: tablet_at,
                            backend,
                        },
                    );
                }
            }
        }
    }

    /// The first step's end: replicas make snapshots of themselves to download into.
    pub(super) fn send_snapshots(&mut self, engine: &mut Engine, now: Timestamp) {
        self.send_tasks(engine, |_, tablet| tablet);
        self.meta_prepared = Some(now);
        self.state = RestoreState::Snapshoting;
    }

    pub(super) fn send_downloads(&mut self, engine: &mut Engine) {
        self.send_tasks(engine, |backend, _| backend);
        self.work.downloaded.clear();
        self.work.downloading = 0;
        self.state = RestoreState::Downloading;
    }

    pub(super) fn download(&mut self, engine: &Engine, repository: &Repository, now: Timestamp) {
        self.work.downloading += 1;
        let ticks = engine.jobs.download_ticks.max(1);
        let total = self.work.tablet_tasks.len();
        let due = (total * self.work.downloading.min(ticks) as usize).div_ceil(ticks as usize);
        let content = format!("{}/__ss_content", repository.snapshot(&self.label));
        let store = repository.store(&engine.store);
        for (at, (task, about)) in self.work.tablet_tasks.iter().enumerate() {
            if !self.tasks.unfinished.contains_key(task) || !engine.reports(about.backend) {
                continue;
            }
            if at >= due {
                self.tasks.progress.insert(*task, (0, 1));
                continue;
            }
            let tablet = &self.work.targets[about.target].tablets[about.tablet];
            match content::download_tablet(&store, &format!("{content}/{}", tablet.path)) {
                Ok(downloaded) => {
                    let tablets = self.work.downloaded.entry(about.target).or_default();
                    if tablets.iter().all(|(id, _)| *id != tablet.id) {
                        tablets.push((tablet.id, downloaded));
                    }
                    self.tasks.finish(*task);
                }
                Err(message) => {
                    self.tasks.errors.insert(*task, message);
                }
            }
        }
        if self.tasks.unfinished.is_empty() {
            self.download_finished = Some(now);
            self.state = RestoreState::Commit;
            self.journal();
        }
    }

    /// From here on there is no way back: backends move files in one by one, and a cancel leaves
    /// overwritten partitions with some of theirs.
    pub(super) fn send_moves(&mut self, engine: &mut Engine) -> Result<(), Status> {
        self.send_tasks(engine, |_, tablet| tablet);
        self.state = RestoreState::Committing;
        let overwritten: Vec<usize> = (0..self.work.targets.len())
            .filter(|at| self.work.targets[*at].is_overwritten)
            .collect();
        let moved = &overwritten[..overwritten.len().div_ceil(2)];
        for at in moved {
            self.load(engine, *at)?;
        }
        Ok(())
    }

    /// Puts the downloaded rows of a partition in the place of those that are there.
    fn load(&self, engine: &mut Engine, at: usize) -> Result<(), Status> {
        let target = &self.work.targets[at];
        let broken = |message| Status::common(message);
        let Engine { catalog, rows, .. } = engine;
        let Some((_, table)) = catalog.table_by_id(target.table_id) else {
            return Ok(());
        };
        let base: Vec<i64> = target
            .tablets
            .iter()
            .filter(|tablet| tablet.is_base)
            .map(|tablet| tablet.id)
            .collect();
        let parts = self
            .work
            .downloaded
            .get(&at)
            .into_iter()
            .flatten()
            .filter(|(tablet, _)| base.contains(tablet))
            .filter_map(|(_, content)| content.data.as_deref());
        match content::merge_rows(parts) {
            Some(dump) => rows
                .load(table, target.physical_id, &dump)
                .map_err(|error| broken(error.message)),
            None => rows
                .drop_partition(target.physical_id)
                .map_err(|error| broken(error.message)),
        }
    }

    pub(super) fn finish(&mut self, engine: &mut Engine, now: Timestamp) -> Result<(), Status> {
        for (task, about) in &self.work.tablet_tasks {
            let tablet = &self.work.targets[about.target].tablets[about.tablet];
            let broken = self
                .work
                .downloaded
                .get(&about.target)
                .into_iter()
                .flatten()
                .find(|(id, _)| *id == tablet.id)
                .and_then(|(_, content)| content.broken.clone());
            match broken {
                _ if !engine.reports(about.backend) => {}
                Some(message) => {
                    self.tasks.errors.insert(*task, message);
                }
                None => {
                    self.tasks.unfinished.remove(task);
                }
            }
        }
        if !self.tasks.unfinished.is_empty() {
            return Ok(());
        }
        for at in 0..self.work.targets.len() {
            self.load(engine, at)?;
        }
        self.set_tables_normal(engine);
        for overwritten in &self.work.overwritten {
            let Some(table) = engine.catalog.table_by_id_mut(overwritten.table_id) else {
                continue;
            };
            if let Some(partition) = table.partition_by_physical_id_mut(overwritten.physical_id) {
                partition.visible_version = overwritten.version;
                partition.visible_version_time = now;
                partition.next_version = overwritten.version + 1;
                // Only a fix that 4.1 has sets it.
                if engine.profile == Profile::V4_1 {
                    partition.data_version = overwritten.version;
                }
            }
        }
        self.finished = Some(now);
        self.state = RestoreState::Finished;
        self.end();
        Ok(())
    }
}
