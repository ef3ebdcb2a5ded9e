//! The closed list of error names, and the one error type that crosses an edge.
//!
//! A name is at once the Rust variant, Lambda's `errorType`, an `ErrorEquals` in the state machines,
//! the `error` field of JSON output, and an exit code.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How an error is to be met: fix the input, wait, look at the cluster, or report a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    Input,
    Conflict,
    Precheck,
    Engine,
    Verification,
    Connection,
    Result,
    Bug,
}

macro_rules! error_names {
    ($($(#[$doc:meta])* $name:ident => $class:ident, $exit:literal),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ErrorName {
            $($(#[$doc])* $name),+
        }

        impl ErrorName {
            pub const ALL: &'static [ErrorName] = &[$(ErrorName::$name),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(ErrorName::$name => stringify!($name)),+
                }
            }

            pub fn class(self) -> ErrorClass {
                match self {
                    $(ErrorName::$name => ErrorClass::$class),+
                }
            }

            pub fn exit_code(self) -> u8 {
                match self {
                    $(ErrorName::$name => $exit),+
                }
            }
        }
    };
}

error_names! {
    /// The request is malformed: an unknown field, a bad name, flags that exclude each other.
    InvalidInput => Input, 2,
    /// The configuration is incomplete or wrong.
    InvalidConfig => Input, 2,
    /// Somebody else holds the database; says who and until when. Retried with backoff.
    JobConflict => Conflict, 3,
    /// At least one check failed; all failures are listed.
    PrecheckFailed => Precheck, 4,
    InsufficientStorage => Precheck, 4,
    RepositoryUnavailable => Precheck, 4,
    /// The cluster's mode or version cannot do what was asked.
    UnsupportedCluster => Precheck, 4,
    BackupFailed => Engine, 5,
    RestoreFailed => Engine, 5,
    /// The job is in none of the places where it should be.
    TrackingLost => Engine, 5,
    VerificationFailed => Verification, 6,
    /// A label, group, table, baseline or snapshot that does not exist.
    NotFound => Input, 7,
    /// No connection, or it broke. Retried while it may pass.
    Unreachable => Connection, 8,
    /// The server refuses the user, or a privilege is missing.
    AccessDenied => Connection, 8,
    /// The backup is complete except for what is named.
    PartialBackup => Result, 10,
    /// The program was asked to end; what StarRocks has accepted goes on there. Of the command line
    /// alone: nobody interrupts a function.
    Interrupted => Result, 130,
    /// A bug of ours.
    Internal => Bug, 70,
}

impl fmt::Display for ErrorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ErrorName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ErrorName::ALL
            .iter()
            .copied()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| format!("unknown error name '{text}'"))
    }
}

/// What a person sees: what failed and on what, the engine's own words, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    #[serde(rename = "error")]
    pub name: ErrorName,
    /// What failed, on what.
    pub message: String,
    /// StarRocks' own words, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// What to do next, each naming a command, a statement or a setting.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Error {
    pub fn new(name: ErrorName, message: impl Into<String>) -> Error {
        Error {
            name,
            message: message.into(),
            engine: None,
            hints: Vec::new(),
        }
    }

    pub fn engine(mut self, words: impl Into<String>) -> Error {
        self.engine = Some(words.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hints.push(hint.into());
        self
    }

    /// An error that travelled as its text (see `Display`), with its parts told apart again.
    pub fn read_back(name: ErrorName, text: &str) -> Error {
        let mut parts = text.split(HINT);
        let first = parts.next().unwrap_or_default();
        let error = match first.split_once(ENGINE) {
            Some((message, engine)) => Error::new(name, message).engine(engine),
            None => Error::new(name, first),
        };
        parts.fold(error, Error::hint)
    }

    /// Of no more than so many bytes as text. What to do next is what it is read for, so hints are kept, and
    /// what is too long are mostly the words of the engine.
    pub fn shortened(&self, most: usize) -> Error {
        if self.to_string().len() <= most {
            return self.clone();
        }
        let mut short = Error::new(self.name, "");
        let mut room = most;
        for hint in &self.hints {
            let bytes = HINT.len() + hint.len();
            if bytes <= room.saturating_sub(most / 2) {
                short.hints.push(hint.clone());
                room -= bytes;
            }
        }
        let of_message = match self.engine {
            Some(_) => room / 2,
            None => room,
        };
        short.message = cut(&self.message, of_message);
        room = room.saturating_sub(short.message.len() + ENGINE.len());
        short.engine = self.engine.as_ref().map(|words| cut(words, room));
        short
    }

    pub fn invalid_input(message: impl Into<String>) -> Error {
        Error::new(ErrorName::InvalidInput, message)
    }

    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(ErrorName::Internal, message)
            .hint("this is a bug of starrocks-br: please report it with this message")
    }
}

const ENGINE: &str = ": StarRocks says: ";
const HINT: &str = "\nhint: ";

const CUT: &str = " ...";

/// The beginning of a text that is too long.
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub(CUT.len()));
    format!("{}{CUT}", &text[..end])
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(engine) = &self.engine {
            write!(formatter, "{ENGINE}{engine}")?;
        }
        for hint in &self.hints {
            write!(formatter, "{HINT}{hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<crate::ident::InvalidName> for Error {
    fn from(invalid: crate::ident::InvalidName) -> Error {
        Error::invalid_input(invalid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ErrorName::ALL {
            assert_eq!(name.as_str().parse::<ErrorName>().unwrap(), *name);
        }
    }

    #[test]
    fn says_what_the_engine_said_and_what_to_do() {
        let error = Error::new(ErrorName::NotFound, "no label 'x' in repository r")
            .engine("Expected one file")
            .hint("starrocks-br list shows the labels");
        assert_eq!(
            error.to_string(),
            "no label 'x' in repository r: StarRocks says: Expected one file\n\
             hint: starrocks-br list shows the labels"
        );
        assert_eq!(Error::read_back(error.name, &error.to_string()), error);
    }

    #[test]
    fn what_is_too_long_still_says_what_to_do() {
        let error = Error::new(
            ErrorName::BackupFailed,
            "BACKUP of database sales was refused",
        )
        .engine("ü".repeat(5_000))
        .hint("run it again");
        let short = error.shortened(200);
        let text = short.to_string();
        assert!((190..=200).contains(&text.len()), "{text}");
        assert_eq!(short.message, error.message);
        assert_eq!(short.hints, error.hints);
        assert!(short.engine.unwrap().ends_with("ü ..."), "{text}");
        assert_eq!(Error::read_back(error.name, &text).hints, error.hints);

        assert_eq!(error.shortened(20_000), error);
        let listing = Error::new(ErrorName::PrecheckFailed, "x".repeat(5_000))
            .hint("grant it")
            .hint("y".repeat(5_000));
        let text = listing.shortened(200).to_string();
        assert!(text.ends_with("x ...\nhint: grant it"), "{text}");
        assert!((190..=200).contains(&text.len()), "{text}");
    }
}
