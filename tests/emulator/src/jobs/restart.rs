//! What a restart of the frontend does to jobs.

use super::{Job, RestoreState};
use crate::engine::Engine;

impl Engine {
    /// The frontend restarts: what was not journaled is done again. A backup in SNAPSHOTING is pinned
    /// anew, with newer data than before.
    pub fn restart_jobs(&mut self) {
        self.replay_jobs(false);
    }

    /// Another frontend becomes the leader. A backup in UPLOAD_INFO needs files that the old one has:
    /// it stays there until it is late or cancelled.
    pub fn move_jobs_to_new_leader(&mut self) {
        self.replay_jobs(true);
    }

    /// The leader dies after it showed the end of SNAPSHOTING and before it journaled it: the next one
    /// knows the job as PENDING and pins it anew, however far it was.
    pub fn forget_pins(&mut self) {
        for job in self.jobs.slots.values_mut() {
            if let Job::Backup(backup) = job {
                backup.forget_pin();
            }
        }
    }

    fn replay_jobs(&mut self, is_new_leader: bool) {
        let databases: Vec<i64> = self.jobs.slots.keys().copied().collect();
        for database_id in databases {
            let Some(mut job) = self.jobs.slots.remove(&database_id) else {
                continue;
            };
            match &mut job {
                Job::Backup(backup) => backup.replay(is_new_leader),
                Job::Restore(restore) => {
                    let was_pending = restore.state == RestoreState::Pending;
                    restore.replay(self);
                    if !was_pending && restore.state == RestoreState::Pending {
                        restore.id = -1;
                    }
                }
            }
            self.jobs.slots.insert(database_id, job);
        }
    }
}
