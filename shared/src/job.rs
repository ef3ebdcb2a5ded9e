//! States of BACKUP and RESTORE jobs as SHOW BACKUP and SHOW RESTORE print them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A state word that this version of StarRocks is not known to have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("StarRocks reports the {job} state '{text}', which is not known")]
pub struct UnknownState {
    pub job: &'static str,
    pub text: String,
}

/// What a state means for whoever follows the job. There is no FAILED state in StarRocks: a failed
/// job is CANCELLED, and its Status column says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Running,
    Finished,
    Cancelled,
}

macro_rules! state_type {
    ($(#[$doc:meta])* $name:ident, $job:literal, $($variant:ident = $text:literal => $phase:ident),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($variant),+
        }

        impl $name {
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text),+
                }
            }

            pub fn phase(self) -> Phase {
                match self {
                    $($name::$variant => Phase::$phase),+
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownState;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err(UnknownState { job: $job, text: text.to_owned() }),
                }
            }
        }
    };
}

state_type!(
    /// In order of a job's life. SNAPSHOTING falls back to PENDING and UPLOADING to UPLOAD_SNAPSHOT
    /// when the frontend restarts or the leader moves.
    BackupState, "backup",
    Pending = "PENDING" => Running,
    Snapshoting = "SNAPSHOTING" => Running,
    UploadSnapshot = "UPLOAD_SNAPSHOT" => Running,
    Uploading = "UPLOADING" => Running,
    SaveMeta = "SAVE_META" => Running,
    UploadInfo = "UPLOAD_INFO" => Running,
    Finished = "FINISHED" => Finished,
    Cancelled = "CANCELLED" => Cancelled,
);

state_type!(
    /// In order of a job's life. From COMMIT on a cancel can leave data unreadable.
    RestoreState, "restore",
    Pending = "PENDING" => Running,
    Snapshoting = "SNAPSHOTING" => Running,
    Download = "DOWNLOAD" => Running,
    Downloading = "DOWNLOADING" => Running,
    Commit = "COMMIT" => Running,
    Committing = "COMMITTING" => Running,
    Finished = "FINISHED" => Finished,
    Cancelled = "CANCELLED" => Cancelled,
);

impl RestoreState {
    /// From here on a RESTORE is never cancelled by us.
    pub fn is_past_commit(self) -> bool {
        self >= RestoreState::Commit
    }
}

/// Which pin of a job: its JobId, which a job that pins again gets anew, and its
/// SnapshotFinishedTime as the engine prints it. Compared for equality, never parsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PinMark(String);

impl PinMark {
    pub fn new(job_id: &str, snapshot_finished: &str) -> PinMark {
        PinMark(format!("{job_id} {snapshot_finished}"))
    }
}

impl fmt::Display for PinMark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
