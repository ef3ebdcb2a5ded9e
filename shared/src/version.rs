//! The version of a StarRocks engine, as far as decisions depend on it: the line.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A release line such as 3.5. A snapshot can be restored on its own line and on newer ones; 4.1 to
/// 3.5 is refused by the engine after it has already made the target database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EngineLine {
    pub major: u16,
    pub minor: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a StarRocks version: it must start with MAJOR.MINOR")]
pub struct InvalidVersion {
    pub text: String,
}

impl EngineLine {
    pub const fn new(major: u16, minor: u16) -> EngineLine {
        EngineLine { major, minor }
    }
}

impl FromStr for EngineLine {
    type Err = InvalidVersion;

    /// Reads the head of what `@@version_comment` and SHOW FRONTENDS print: `3.5.7-abc1234`,
    /// `3.3-UNKNOWN`, `4.1.0`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidVersion {
            text: text.chars().take(64).collect(),
        };
        let (major, rest) = text.split_once('.').ok_or_else(invalid)?;
        let minor_length = rest
            .find(|character: char| !character.is_ascii_digit())
            .unwrap_or(rest.len());
        Ok(EngineLine {
            major: major.parse().map_err(|_| invalid())?,
            minor: rest[..minor_length].parse().map_err(|_| invalid())?,
        })
    }
}

impl fmt::Display for EngineLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl TryFrom<String> for EngineLine {
    type Error = InvalidVersion;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EngineLine> for String {
    fn from(line: EngineLine) -> String {
        line.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_from_any_form() {
        for (text, line) in [
            ("3.3-UNKNOWN", Some((3, 3))),
            ("3.5.7-abc1234", Some((3, 5))),
            ("4.1.0", Some((4, 1))),
            ("4.10", Some((4, 10))),
            ("", None),
            ("4", None),
            ("v4.1", None),
            ("4.x", None),
        ] {
            let parsed = text.parse::<EngineLine>().ok();
            assert_eq!(
                parsed,
                line.map(|(major, minor)| EngineLine::new(major, minor)),
                "{text:?}"
            );
        }
        assert!(EngineLine::new(4, 1) > EngineLine::new(3, 5));
        assert!(EngineLine::new(3, 10) > EngineLine::new(3, 9));
    }
}
