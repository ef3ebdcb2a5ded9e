//! What travels between the states of a state machine: ids and small numbers only, never partition
//! lists or secrets. Numbers that may grow (bytes, rows) travel as text, because JSON numbers lose
//! digits beyond 2^53.
//!
//! Every field is always present, `null` where it does not apply, so that a path in the state
//! machine can never be missing.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::{Error, ErrorName, cut},
    ident::{
        DatabaseName, ExecutionId, GroupName, InvalidName, PartitionName, PlanId, RestoreId,
        TableName,
    },
    label::{BackupKind, LabelStem, SnapshotLabel},
    manifest::{BackupStatus, Cut, RetentionClass},
    state_size,
    time::{SnapshotTimestamp, UtcTime},
};

/// The context object's `$$.Execution`, as the first state of a machine receives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Execution {
    pub id: String,
    pub start_time: String,
    /// The state machine's role; nobody's where the program itself runs the machine.
    #[serde(default)]
    pub role: String,
}

/// What an execution of `backup` does; made by `precheck`, never changed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupRun {
    pub execution_id: ExecutionId,
    /// Names the labels; decides nothing else.
    pub started_at: UtcTime,
    pub group: GroupName,
    pub kind: BackupKind,
    /// Why it is this kind: of `auto`, which chose it.
    #[serde(default)]
    pub chosen: Option<String>,
    pub name: Option<String>,
    pub baseline: Option<SnapshotLabel>,
    pub on_unsupported: OnUnsupported,
    /// Whether rows are counted while the upload runs.
    pub row_counts: bool,
    /// `None`: kept until somebody deletes it.
    pub retention: Option<Retention>,
    pub on_overdue: OnOverdue,
    /// How long a backup is meant to take, and how long the execution may plan anew.
    pub window_seconds: u32,
    /// Every database of the group, in order.
    pub databases: Vec<DatabaseName>,
}

impl BackupRun {
    /// The label of a database's part, without its attempt: it names the work, whoever does it. The
    /// date is that of the start in `zone`.
    pub fn label_stem(
        &self,
        database: &DatabaseName,
        zone: &TimeZone,
    ) -> Result<LabelStem, InvalidName> {
        match &self.name {
            Some(name) => {
                let several = self.databases.len() > 1;
                LabelStem::named(name, several.then_some(database))
            }
            None => {
                let date = self.started_at.date_in(zone).strftime("%Y%m%d").to_string();
                Ok(LabelStem::dated(database, &date, self.kind))
            }
        }
    }
}

/// How long what an execution makes is to be kept, from its plan on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub class: RetentionClass,
    pub days: u16,
}

/// What to do with an object that StarRocks cannot back up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnsupported {
    #[default]
    Fail,
    /// Leave it out, record why, and call the backup PARTIAL.
    Skip,
}

/// What becomes of a BACKUP that takes longer than its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnOverdue {
    /// It goes on, and an alarm says so: most of the work is done, and the next one would begin anew.
    #[default]
    Continue,
    /// It is cancelled: whatever comes after the window is worth more.
    Cancel,
}

impl BackupRun {
    /// After which StarRocks itself ends a BACKUP. One that may go on is ended too, for a job that nobody
    /// follows any more must not hold its database for ever.
    pub fn backup_timeout_seconds(&self) -> u64 {
        let window = u64::from(self.window_seconds);
        match self.on_overdue {
            OnOverdue::Continue => 2 * window,
            OnOverdue::Cancel => window,
        }
    }
}

/// Whether the execution goes on with databases, or ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Next {
    pub decision: NextDecision,
    pub databases: Vec<DatabaseName>,
    pub summary: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextDecision {
    Start,
    Finish,
}

/// One database's part of a backup, from its start until it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub database: DatabaseName,
    pub label: Option<SnapshotLabel>,
    pub plan_id: Option<PlanId>,
    pub state: JobState,
    /// The engine's words where it did not simply succeed.
    #[serde(serialize_with = "brief::text")]
    pub detail: Option<String>,
    #[serde(serialize_with = "brief::error")]
    pub error: Option<FlowError>,
    pub progress: Option<Progress>,
    /// How much StarRocks has to move, for people: `1.2 GB`. An estimate of the engine's.
    pub size: Option<String>,
    /// Nothing is left to count, or to be counted. Saves looks; what was counted is kept elsewhere.
    pub counted: bool,
}

impl Job {
    /// As one of so many, all of which may have much to say.
    pub fn among(mut self, databases: usize) -> Job {
        let most = state_size::words(databases);
        self.detail = self.detail.map(|words| cut(&words, most));
        self.error = self.error.map(|error| error.shortened(most));
        if let Some(progress) = &mut self.progress {
            progress.detail = progress.detail.take().map(|words| cut(&words, most));
        }
        self
    }
}

impl Outcome {
    /// As one of so many, all of which may have much to say.
    pub fn among(mut self, databases: usize) -> Outcome {
        let most = state_size::words(databases);
        self.error = self.error.map(|error| error.shortened(most));
        self
    }
}

/// What a call for one of so many databases fails with: Catch puts it into the state, where it has to fit.
/// The log has all of it.
pub fn one_of_many(error: Error, databases: usize) -> Error {
    let short = error.shortened(state_size::words(databases));
    if short != error {
        tracing::warn!(detail = %error, "cut in the state of the execution");
    }
    short
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// BACKUP was sent, or is being followed.
    Running,
    /// Nothing changed since the baseline: no BACKUP was sent.
    Unchanged,
    Finished,
    Cancelled,
    /// In none of the places where it should be.
    Lost,
    /// It could not be started.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The engine's state word.
    pub state: String,
    pub percent: Option<u8>,
    #[serde(serialize_with = "brief::text")]
    pub detail: Option<String>,
}

/// How one database's backup ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    pub database: DatabaseName,
    pub label: Option<SnapshotLabel>,
    pub status: BackupStatus,
    /// `true`: this database is to be planned again under the next label.
    pub again: bool,
    pub cut: Option<Cut>,
    pub snapshot_timestamp: Option<SnapshotTimestamp>,
    #[serde(serialize_with = "brief::error")]
    pub error: Option<FlowError>,
}

/// Words of the engine have no limit, and the state of an execution has one, at which it ends with an error
/// that nothing catches: what travels from state to state once per database is cut. Of many databases each has
/// less room: `crate::state_size`.
mod brief {
    use serde::{Serialize, Serializer};

    use super::FlowError;
    use crate::{error::cut, state_size::MOST_WORDS};

    #[expect(clippy::ref_option, reason = "as serde calls it")]
    pub(super) fn text<S: Serializer>(text: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
        let text = text.as_deref().map(|text| cut(text, MOST_WORDS));
        text.serialize(to)
    }

    #[expect(clippy::ref_option, reason = "as serde calls it")]
    pub(super) fn error<S: Serializer>(
        error: &Option<FlowError>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let brief = error.as_ref().map(|error| error.shortened(MOST_WORDS));
        brief.serialize(to)
    }
}

/// An error as Catch stores it: `Error` is a name of [`ErrorName`] or of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FlowError {
    pub error: String,
    pub cause: String,
}

impl FlowError {
    /// The error again, with its name where it is one of ours. A platform error (a timeout, a killed
    /// function) keeps its own name in the message.
    pub fn to_error(&self) -> Error {
        let text = self.message();
        match self.error.parse::<ErrorName>() {
            Ok(name) => Error::read_back(name, &text),
            Err(_) => Error::new(ErrorName::Internal, format!("{}: {text}", self.error)),
        }
    }

    /// See [`Error::shortened`]. The name stays, also where it is one of the platform.
    pub fn shortened(&self, most: usize) -> FlowError {
        let error = Error::read_back(ErrorName::Internal, &self.message());
        FlowError {
            error: self.error.clone(),
            cause: error.shortened(most).to_string(),
        }
    }

    /// Of a cause that is the whole answer of a function, as on AWS, its message.
    fn message(&self) -> String {
        match serde_json::from_str::<Value>(&self.cause) {
            Ok(Value::Object(cause)) => match cause.get("errorMessage") {
                Some(Value::String(message)) => message.clone(),
                _ => self.cause.clone(),
            },
            _ => self.cause.clone(),
        }
    }
}

impl From<&Error> for FlowError {
    fn from(error: &Error) -> FlowError {
        FlowError {
            error: error.name.to_string(),
            cause: error.to_string(),
        }
    }
}

/// What an execution of `restore` does; made by `precheck`, never changed afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreRun {
    pub execution_id: ExecutionId,
    pub started_at: UtcTime,
    pub action: RestoreAction,
    pub restore_id: RestoreId,
    /// One label per database.
    pub labels: Vec<SnapshotLabel>,
    pub scope: RestoreScope,
    pub rename_suffix: String,
    pub into_database: Option<DatabaseName>,
    pub swap: SwapMode,
    pub dry_run: bool,
    pub checksum: bool,
    pub row_counts: bool,
    /// The digest of the plan that was shown: another plan is refused.
    pub expect_plan: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreAction {
    Restore,
    Resume,
    Promote,
    Undo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreScope {
    /// Empty: every table of the labels.
    pub tables: Vec<TableName>,
    /// Empty: every partition. Otherwise exactly one table is named.
    pub partitions: Vec<PartitionName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwapMode {
    /// Swap each staged table with the live one when everything is verified.
    #[default]
    Auto,
    /// Stop after verification; `restore promote` swaps.
    Manual,
}
