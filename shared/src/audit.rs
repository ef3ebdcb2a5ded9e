//! The log of what was done, and by whom: one line for what an execution is asked, one when something
//! begins that backs up, restores, changes what lives, cancels or deletes, and one for how it ended.
//!
//! Rendered here alone, so that each line has every field; what does not apply is empty. The log level
//! does not silence it: only the filter `audit=off` does. A call that is repeated because its answer was
//! lost may write its line again; it never leaves one out.

use std::sync::OnceLock;

use crate::{error::ErrorName, ident::DatabaseName, starrocks::ClientError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Backup,
    Restore,
    /// A restore that broke off goes on.
    Resume,
    /// What was restored takes the place of what lives.
    Promote,
    Undo,
    Cancel,
    Delete,
}

impl Action {
    pub const ALL: [Action; 7] = [
        Action::Backup,
        Action::Restore,
        Action::Resume,
        Action::Promote,
        Action::Undo,
        Action::Cancel,
        Action::Delete,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Action::Backup => "backup",
            Action::Restore => "restore",
            Action::Resume => "resume",
            Action::Promote => "promote",
            Action::Undo => "undo",
            Action::Cancel => "cancel",
            Action::Delete => "delete",
        }
    }
}

/// Who stands behind what a function does: it is called by a state machine, and that one's context tells
/// of its execution and not of its caller, who is in CloudTrail's record of StartExecution:
/// <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html>
pub const IN_CLOUDTRAIL: &str = "CloudTrail";

static WHO: OnceLock<String> = OnceLock::new();

/// Whoever is answerable for what this process does.
pub fn act_for(who: String) {
    // The first one stays: there is one edge in a process.
    let _ = WHO.set(who);
}

fn who() -> &'static str {
    WHO.get().map_or("", String::as_str)
}

/// What a line is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub action: Action,
    /// Empty where there is none, as for `starrocks-br cancel`.
    pub execution: &'a str,
    pub label: &'a str,
    pub restore: &'a str,
    pub databases: &'a [DatabaseName],
    /// What exactly, where the others do not say it: a group, an input, a statement that deletes.
    pub object: &'a str,
}

impl Subject<'_> {
    /// What was asked for, word for word in `object`, by an execution under a role, if it has one.
    pub fn requested(&self, role: &str) {
        let who = if role.is_empty() { who() } else { role };
        self.line("requested", None, who);
    }

    pub fn started(&self) {
        self.write("started", None);
    }

    /// Begun by another execution, and followed to its end by this one.
    pub fn adopted(&self) {
        self.write("adopted", None);
    }

    /// There was nothing to do, or somebody else does it.
    pub fn skipped(&self) {
        self.write("skipped", None);
    }

    pub fn done(&self) {
        self.write("done", None);
    }

    /// It was not begun.
    pub fn refused(&self, error: ErrorName) {
        self.write("refused", Some(error));
    }

    pub fn failed(&self, error: ErrorName) {
        self.write("failed", Some(error));
    }

    /// Both lines of something that one statement does; the first before it is sent.
    pub async fn around<T>(
        &self,
        statement: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        self.started();
        let done = statement.await;
        match &done {
            Ok(_) => self.done(),
            Err(error) => self.failed(error.name().unwrap_or(ErrorName::Internal)),
        }
        done
    }

    fn write(&self, outcome: &str, error: Option<ErrorName>) {
        self.line(outcome, error, who());
    }

    fn line(&self, outcome: &str, error: Option<ErrorName>, who: &str) {
        /// As long as the longest name, twice.
        const OBJECT_SHOWN: usize = 512;
        let databases: Vec<&str> = self.databases.iter().map(DatabaseName::as_str).collect();
        let object: String = self.object.chars().take(OBJECT_SHOWN).collect();
        tracing::info!(
            target: "audit",
            audit = self.action.as_str(),
            outcome,
            error_name = error.map_or("", ErrorName::as_str),
            who,
            execution = self.execution,
            label = self.label,
            restore = self.restore,
            databases = databases.join(","),
            object,
            "{} {outcome}",
            self.action.as_str(),
        );
    }
}
