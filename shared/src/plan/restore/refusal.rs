//! Why a restore is not planned. All reasons at once: nobody should have to try ten times.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, ErrorName};

/// One reason, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    pub error: ErrorName,
    /// What it is about: a label, table, partition or database.
    pub subject: String,
    pub reason: String,
    pub hint: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.subject, self.reason)
    }
}

/// A restore that cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("the restore cannot be planned: {}", .0.iter().map(Refusal::to_string).collect::<Vec<_>>().join("; "))]
pub struct Refused(pub Vec<Refusal>);

impl From<Refused> for Error {
    /// Reasons of one kind keep its name; several kinds are a failed precheck that lists them all.
    fn from(refused: Refused) -> Error {
        let first = refused.0.first().map(|refusal| refusal.error);
        let name = match first {
            Some(name) if refused.0.iter().all(|refusal| refusal.error == name) => name,
            _ => ErrorName::PrecheckFailed,
        };
        let mut error = Error::new(name, refused.to_string());
        for refusal in refused.0 {
            if !error.hints.contains(&refusal.hint) {
                error.hints.push(refusal.hint);
            }
        }
        error
    }
}

/// Collects reasons while a plan is made.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Vec<Refusal>);

impl Refusals {
    pub(crate) fn add(
        &mut self,
        error: ErrorName,
        subject: impl fmt::Display,
        reason: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.0.push(Refusal {
            error,
            subject: subject.to_string(),
            reason: reason.into(),
            hint: hint.into(),
        });
    }

    pub(crate) fn into_result(self) -> Result<(), Refused> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Refused(self.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_reasons_are_said_and_each_hint_once() {
        let mut refusals = Refusals::default();
        refusals.add(ErrorName::NotFound, "a", "no such table", "list the tables");
        refusals.add(ErrorName::NotFound, "b", "no such table", "list the tables");
        let error = Error::from(refusals.into_result().unwrap_err());
        assert_eq!(error.name, ErrorName::NotFound);
        assert_eq!(
            error.to_string(),
            "the restore cannot be planned: a: no such table; b: no such table\n\
             hint: list the tables"
        );
    }

    #[test]
    fn several_kinds_are_a_failed_precheck() {
        let mut refusals = Refusals::default();
        refusals.add(ErrorName::NotFound, "a", "x", "h");
        refusals.add(ErrorName::UnsupportedCluster, "b", "y", "h");
        let error = Error::from(refusals.into_result().unwrap_err());
        assert_eq!(error.name, ErrorName::PrecheckFailed);
    }
}
