//! Snapshot labels: how a new one is composed, and which ones are safe to name in a statement.
//!
//! StarRocks accepts any character in a label and then breaks on it: one with `:` makes every later
//! BACKUP to that repository fail, `/` nests, a newline sticks until the timeout, glob characters
//! break look-ups. So ours have `[A-Za-z0-9_]` only, at most 128 characters.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    ident::{DatabaseName, InvalidName, name_type},
};

name_type!(
    /// A label in a repository. Ours are `[A-Za-z0-9_]{1,128}`; one made by another tool may have any
    /// other character too, as long as it can be named in a statement and in an object key.
    SnapshotLabel, "snapshot label", readable_label
);

/// Of labels that stand for nothing: `doctor --probe` wrote them to see whether it can.
pub const PROBE_PREFIX: &str = "br_probe_";

/// What a snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupKind {
    Full,
    Incremental,
}

impl BackupKind {
    /// As in the column `backup_type` of `backup_history`.
    pub fn as_str(self) -> &'static str {
        match self {
            BackupKind::Full => "full",
            BackupKind::Incremental => "incremental",
        }
    }

    fn in_label(self) -> &'static str {
        match self {
            BackupKind::Full => "full",
            BackupKind::Incremental => "inc",
        }
    }
}

impl fmt::Display for BackupKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A label before it is known which attempt is free: attempt 0 is the bare text, then `_r1`, `_r2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelStem {
    text: String,
    style: AttemptStyle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AttemptStyle {
    /// `stem`, `stem_r1`, `stem_r2` ...
    Suffix,
    /// `-v#r` of the Python tool: `stem_v1`, `stem_v2` ..., from the first attempt on.
    Version,
}

impl LabelStem {
    /// `{database}_{yyyymmdd}_{full|inc}`. `date` is `yyyymmdd` in the configured zone.
    pub fn dated(database: &DatabaseName, date: &str, kind: BackupKind) -> LabelStem {
        LabelStem {
            text: format!("{}_{date}_{}", database_in_label(database), kind.in_label()),
            style: AttemptStyle::Suffix,
        }
    }

    /// The user's `--name`, with the database appended when the group spans several. The placeholder
    /// `-v#r` at its end becomes the next free number.
    pub fn named(name: &str, database: Option<&DatabaseName>) -> Result<LabelStem, InvalidName> {
        let (name, style) = match name.strip_suffix("-v#r").or(name.strip_suffix("_v#r")) {
            Some(stem) => (stem, AttemptStyle::Version),
            None => (name, AttemptStyle::Suffix),
        };
        let text = match database {
            Some(database) => format!("{name}_{}", database_in_label(database)),
            None => name.to_owned(),
        };
        let reason = if text.is_empty() {
            "it is empty"
        } else if text.len() > MAX_STEM {
            "it has more than 120 characters"
        } else if !text.chars().all(is_label_character) {
            "only letters, digits and underscores are allowed in a label: anything else can make the \
             whole repository unreadable"
        } else {
            return Ok(LabelStem { text, style });
        };
        Err(InvalidName {
            kind: "label",
            text: text.chars().take(200).collect(),
            reason,
        })
    }

    /// What every attempt starts with.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `label` is an attempt of this stem.
    pub fn is_attempt(&self, label: &SnapshotLabel) -> bool {
        let Some(rest) = label.as_str().strip_prefix(&self.text) else {
            return false;
        };
        let number = match self.style {
            AttemptStyle::Suffix if rest.is_empty() => return true,
            AttemptStyle::Suffix => rest.strip_prefix("_r"),
            AttemptStyle::Version => rest.strip_prefix("_v"),
        };
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    }

    pub fn attempt(&self, number: u32) -> SnapshotLabel {
        let text = match (self.style, number) {
            (AttemptStyle::Suffix, 0) => self.text.clone(),
            (AttemptStyle::Suffix, number) => format!("{}_r{number}", self.text),
            (AttemptStyle::Version, number) => format!("{}_v{}", self.text, number + 1),
        };
        text.parse()
            .expect("a stem has at most 120 label characters, an attempt adds at most 7 more")
    }
}

const MAX_STEM: usize = 120;
const MAX_DATABASE: usize = 60;

/// A database name as part of a label: as it is where it fits, else with every other character
/// replaced, cut to 60 and marked with 6 digits of its hash, so that two databases never share it.
fn database_in_label(database: &DatabaseName) -> String {
    let text = database.as_str();
    if text.len() <= MAX_DATABASE && text.chars().all(is_label_character) {
        return text.to_owned();
    }
    let cut: String = text
        .chars()
        .take(MAX_DATABASE)
        .map(|character| {
            if is_label_character(character) {
                character
            } else {
                '_'
            }
        })
        .collect();
    let digest = Digest::of([text.as_bytes()]).to_string();
    format!("{cut}_{}", &digest[..6])
}

fn is_label_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn readable_label(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("it is empty")
    } else if text.len() > 255 {
        Err("it has more than 255 bytes")
    } else if text.contains('`') || text.chars().any(char::is_control) {
        Err("it contains a backtick or a control character")
    } else {
        Ok(())
    }
}

name_type!(
    /// A load label: unique per database, which makes `INSERT ... WITH LABEL` the only
    /// compare-and-set that StarRocks has. `^[-\w]{1,128}$`.
    LoadLabel, "load label", load_label
);

fn load_label(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 128 {
        Err("it must have 1 to 128 characters")
    } else if !text.chars().all(|c| is_label_character(c) || c == '-') {
        Err("only letters, digits, underscores and hyphens are allowed")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(text: &str) -> DatabaseName {
        text.parse().unwrap()
    }

    #[test]
    fn dated_labels() {
        let stem = LabelStem::dated(&database("sales"), "20260301", BackupKind::Incremental);
        assert_eq!(stem.attempt(0).as_str(), "sales_20260301_inc");
        assert_eq!(stem.attempt(2).as_str(), "sales_20260301_inc_r2");
        assert!((0..3).all(|number| stem.is_attempt(&stem.attempt(number))));
        assert!(!stem.is_attempt(&"sales_20260301_inc2".parse().unwrap()));
    }

    #[test]
    fn altered_databases_stay_apart() {
        let label = |name: &str| {
            LabelStem::dated(&database(name), "20260301", BackupKind::Full)
                .attempt(0)
                .to_string()
        };
        assert_ne!(label("a-b"), label("a+b"));
        assert!(label("a-b").starts_with("a_b_"));
        let long = label(&"x".repeat(256));
        assert!(long.len() <= 128 && long.ends_with("_20260301_full"));
    }

    #[test]
    fn named_labels() {
        let stem = LabelStem::named("nightly-v#r", None).unwrap();
        assert_eq!(stem.attempt(0).as_str(), "nightly_v1");
        let stem = LabelStem::named("nightly", Some(&database("sales"))).unwrap();
        assert_eq!(stem.attempt(0).as_str(), "nightly_sales");
        for bad in ["a:b", "a/b", "a b", "star*", "", "a\nb"] {
            assert!(LabelStem::named(bad, None).is_err(), "{bad:?}");
        }
    }
}
