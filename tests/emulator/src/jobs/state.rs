//! States, status and tasks of a job, as SHOW prints them.

use std::{collections::BTreeMap, fmt};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BackupState {
    Pending,
    Snapshoting,
    UploadSnapshot,
    Uploading,
    SaveMeta,
    UploadInfo,
    Finished,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RestoreState {
    Pending,
    Snapshoting,
    Download,
    Downloading,
    Commit,
    Committing,
    Finished,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    Backup(BackupState),
    Restore(RestoreState),
}

impl JobState {
    pub fn is_final(self) -> bool {
        matches!(
            self,
            JobState::Backup(BackupState::Finished | BackupState::Cancelled)
                | JobState::Restore(RestoreState::Finished | RestoreState::Cancelled)
        )
    }
}

impl fmt::Display for BackupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BackupState::Pending => "PENDING",
            BackupState::Snapshoting => "SNAPSHOTING",
            BackupState::UploadSnapshot => "UPLOAD_SNAPSHOT",
            BackupState::Uploading => "UPLOADING",
            BackupState::SaveMeta => "SAVE_META",
            BackupState::UploadInfo => "UPLOAD_INFO",
            BackupState::Finished => "FINISHED",
            BackupState::Cancelled => "CANCELLED",
        })
    }
}

impl fmt::Display for RestoreState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RestoreState::Pending => "PENDING",
            RestoreState::Snapshoting => "SNAPSHOTING",
            RestoreState::Download => "DOWNLOAD",
            RestoreState::Downloading => "DOWNLOADING",
            RestoreState::Commit => "COMMIT",
            RestoreState::Committing => "COMMITTING",
            RestoreState::Finished => "FINISHED",
            RestoreState::Cancelled => "CANCELLED",
        })
    }
}

/// `[OK]`, or why a job was cancelled. There is no state FAILED.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Ok,
    Error { code: String, message: String },
}

impl Status {
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Status {
        Status::Error {
            code: code.into(),
            message: message.into(),
        }
    }

    pub fn common(message: impl Into<String>) -> Status {
        Status::error("COMMON_ERROR", message)
    }

    pub fn not_found(message: impl Into<String>) -> Status {
        Status::error("NOT_FOUND", message)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Status::Ok => f.write_str("[OK]"),
            Status::Error { code, message } => write!(f, "[{code}, msg: {message}]"),
        }
    }
}

/// What backends still have to do. A failing task is sent again until it works: it never ends a job,
/// it only fills TaskErrMsg, which stays filled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tasks {
    /// Task to backend, or to tablet, whichever the state shows.
    pub unfinished: BTreeMap<i64, i64>,
    /// Done and total parts of a task, as far as a backend has reported.
    pub progress: BTreeMap<i64, (usize, usize)>,
    pub errors: BTreeMap<i64, String>,
}

impl Tasks {
    pub fn clear(&mut self) {
        *self = Tasks::default();
    }

    pub fn fail_all(&mut self, message: &str) {
        for task in self.unfinished.keys() {
            self.errors.insert(*task, message.to_owned());
        }
    }

    pub fn finish(&mut self, task: i64) {
        self.unfinished.remove(&task);
        self.progress.remove(&task);
    }

    pub fn unfinished_text(&self) -> String {
        join(
            self.unfinished
                .iter()
                .map(|(task, on)| format!("{task}={on}")),
        )
    }

    pub fn progress_text(&self) -> String {
        join(
            self.progress
                .iter()
                .map(|(task, (done, total))| format!("[{task}: {done}/{total}]")),
        )
    }

    pub fn errors_text(&self) -> String {
        join(
            self.errors
                .iter()
                .map(|(task, message)| format!("[{task}: {message}]")),
        )
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_show() {
        assert_eq!(Status::Ok.to_string(), "[OK]");
        assert_eq!(Status::error("TIMEOUT", "").to_string(), "[TIMEOUT, msg: ]");
        let mut tasks = Tasks::default();
        tasks.unfinished.extend([(16, 6), (17, 6)]);
        tasks.progress.insert(17, (0, 1));
        tasks.fail_all("no");
        tasks.finish(16);
        assert_eq!(tasks.unfinished_text(), "17=6");
        assert_eq!(tasks.progress_text(), "[17: 0/1]");
        assert_eq!(tasks.errors_text(), "[16: no], [17: no]");
    }
}
