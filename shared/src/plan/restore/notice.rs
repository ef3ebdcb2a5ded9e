//! What a person must know about a restore: what will not travel, and what is left to do.

use std::fmt;

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Notice {
    /// A label, a table, a database.
    pub subject: String,
    pub text: String,
    /// Something to do afterwards: it is said again when the restore ends.
    pub to_do: bool,
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.subject, self.text)
    }
}

#[derive(Debug, Default)]
pub(super) struct Notices(Vec<Notice>);

impl Notices {
    pub(super) fn say(&mut self, subject: impl fmt::Display, text: impl Into<String>) {
        self.push(subject, text.into(), false);
    }

    pub(super) fn ask(&mut self, subject: impl fmt::Display, text: impl Into<String>) {
        self.push(subject, text.into(), true);
    }

    fn push(&mut self, subject: impl fmt::Display, text: String, to_do: bool) {
        let notice = Notice {
            subject: subject.to_string(),
            text,
            to_do,
        };
        if !self.0.contains(&notice) {
            self.0.push(notice);
        }
    }

    pub(super) fn into_vec(self) -> Vec<Notice> {
        self.0
    }
}
