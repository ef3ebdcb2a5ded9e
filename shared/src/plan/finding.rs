//! What a check found: passed, worth knowing, or in the way; and what to do about it.

use std::fmt;

use serde::Serialize;

use crate::error::{Error, ErrorName};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked, always in the same words: `repository`, `privileges`, `table`.
    pub check: &'static str,
    /// What it is about: a table, a backend, a privilege. Empty for the cluster as a whole.
    pub subject: String,
    pub verdict: Verdict,
    pub message: String,
    /// What to do next. Never empty for a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "error")]
pub enum Verdict {
    Passed,
    /// Worth knowing; nothing is refused because of it.
    Advice,
    Failed(ErrorName),
}

impl Finding {
    pub fn passed(check: &'static str, message: impl Into<String>) -> Finding {
        Finding {
            check,
            subject: String::new(),
            verdict: Verdict::Passed,
            message: message.into(),
            hint: None,
        }
    }

    pub fn advice(
        check: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Finding {
        Finding {
            verdict: Verdict::Advice,
            hint: Some(hint.into()),
            ..Finding::passed(check, message)
        }
    }

    pub fn failed(
        check: &'static str,
        name: ErrorName,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Finding {
        Finding {
            verdict: Verdict::Failed(name),
            ..Finding::advice(check, message, hint)
        }
    }

    pub fn about(mut self, subject: impl fmt::Display) -> Finding {
        self.subject = subject.to_string();
        self
    }

    /// The same, where nothing is to be refused because of it.
    #[must_use]
    pub fn into_advice(self) -> Finding {
        match self.verdict {
            Verdict::Failed(_) => Finding {
                verdict: Verdict::Advice,
                ..self
            },
            Verdict::Passed | Verdict::Advice => self,
        }
    }

    /// An error that a check met.
    pub fn of(check: &'static str, error: &Error) -> Finding {
        let hint = error.hints.join("; ");
        Finding::failed(check, error.name, error.message.clone(), hint)
    }

    pub fn is_failure(&self) -> bool {
        matches!(self.verdict, Verdict::Failed(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.check)?;
        if !self.subject.is_empty() {
            write!(formatter, " {}", self.subject)?;
        }
        write!(formatter, ": {}", self.message)
    }
}

/// The error that these findings amount to, if any failed: all failures are listed. Its name is the
/// failures' own where they agree, so that a full disk alone is `InsufficientStorage`, and
/// `PrecheckFailed` where they do not.
pub fn to_error(subject: &str, findings: &[Finding]) -> Option<Error> {
    let mut names = findings.iter().filter_map(|finding| match finding.verdict {
        Verdict::Failed(name) => Some(name),
        Verdict::Passed | Verdict::Advice => None,
    });
    let first = names.next()?;
    let name = match names.all(|name| name == first) {
        true => first,
        false => ErrorName::PrecheckFailed,
    };
    let failed = || findings.iter().filter(|finding| finding.is_failure());
    let lines: Vec<String> = failed().map(|finding| format!("\n- {finding}")).collect();
    let mut error = Error::new(name, format!("{subject}:{}", lines.concat()));
    for hint in failed().filter_map(|finding| finding.hint.as_ref()) {
        if !error.hints.contains(hint) {
            error = error.hint(hint);
        }
    }
    Some(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(name: ErrorName, message: &str) -> Finding {
        Finding::failed("check", name, message, "do this").about("x")
    }

    #[test]
    fn the_name_is_the_failures_own_where_they_agree() {
        use ErrorName::*;
        let passed = || Finding::passed("other", "fine");
        let advice = || Finding::advice("other", "hm", "maybe");
        for (findings, expected) in [
            (vec![passed(), advice()], None),
            (
                vec![failed(InsufficientStorage, "a"), passed()],
                Some(InsufficientStorage),
            ),
            (
                vec![
                    failed(RepositoryUnavailable, "a"),
                    failed(RepositoryUnavailable, "b"),
                ],
                Some(RepositoryUnavailable),
            ),
            (
                vec![
                    failed(InsufficientStorage, "a"),
                    failed(UnsupportedCluster, "b"),
                ],
                Some(PrecheckFailed),
            ),
        ] {
            let error = to_error("cannot", &findings);
            assert_eq!(error.map(|error| error.name), expected);
        }
    }

    #[test]
    fn every_failure_is_listed_and_every_hint_once() {
        let findings = [
            failed(ErrorName::PrecheckFailed, "a"),
            Finding::passed("other", "fine"),
            failed(ErrorName::PrecheckFailed, "b"),
        ];
        let error = to_error("cannot back up sales", &findings).unwrap();
        assert_eq!(
            error.to_string(),
            "cannot back up sales:\n- check x: a\n- check x: b\nhint: do this"
        );
    }
}
