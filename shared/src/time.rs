//! Two kinds of time that must never be mixed: UTC times of our own tables, and the timestamp that
//! names a snapshot.
//!
//! Times printed by SHOW statements are not here, because they are never parsed: their zone depends
//! on the engine's version (the session's in 3.3 and 3.5, fixed UTC+8 in 4.1).

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A DATETIME column of our tables, always UTC and written by `UTC_TIMESTAMP()` on the leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UtcTime(Timestamp);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a time: {expected} is needed")]
pub struct InvalidTime {
    pub text: String,
    pub expected: &'static str,
}

impl UtcTime {
    pub fn from_timestamp(timestamp: Timestamp) -> UtcTime {
        UtcTime(timestamp)
    }

    pub fn timestamp(self) -> Timestamp {
        self.0
    }

    /// The day that it is in a zone.
    pub fn date_in(self, zone: &TimeZone) -> Date {
        self.0.to_zoned_datetime(zone.clone()).date()
    }

    /// Days of 24 hours.
    pub fn plus_days(self, days: u16) -> UtcTime {
        let time = self
            .0
            .checked_add(SignedDuration::from_hours(24 * i64::from(days)));
        UtcTime(time.unwrap_or(Timestamp::MAX))
    }

    pub fn minus_days(self, days: u16) -> UtcTime {
        let time = self
            .0
            .checked_sub(SignedDuration::from_hours(24 * i64::from(days)));
        UtcTime(time.unwrap_or(Timestamp::MIN))
    }

    /// What a person types: `2026-03-01 04:00`, with `Z` or an explicit offset; without one it is UTC.
    pub fn from_user(text: &str) -> Result<UtcTime, InvalidTime> {
        let invalid = || InvalidTime {
            text: text.chars().take(64).collect(),
            expected: "'YYYY-MM-DD HH:MM[:SS]' in UTC, or with an offset such as +02:00",
        };
        if let Ok(timestamp) = text.replacen(' ', "T", 1).parse::<Timestamp>() {
            return Ok(UtcTime(timestamp));
        }
        text.parse::<UtcTime>()
            .or_else(|_| format!("{text}:00").parse())
            .map_err(|_| invalid())
    }
}

impl FromStr for UtcTime {
    type Err = InvalidTime;

    /// `YYYY-MM-DD HH:MM:SS`, with a fraction where the column has one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        format!("{}Z", text.replacen(' ', "T", 1))
            .parse::<Timestamp>()
            .map(UtcTime)
            .map_err(|_| InvalidTime {
                text: text.chars().take(64).collect(),
                expected: "'YYYY-MM-DD HH:MM:SS' in UTC",
            })
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zoned = self.0.to_zoned_datetime(TimeZone::UTC);
        write!(formatter, "{}", zoned.strftime("%Y-%m-%d %H:%M:%S"))
    }
}

impl TryFrom<String> for UtcTime {
    type Error = InvalidTime;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<UtcTime> for String {
    fn from(time: UtcTime) -> String {
        time.to_string()
    }
}

crate::ident::name_type!(
    /// The `backup_timestamp` that RESTORE needs: `yyyy-MM-dd-HH-mm-ss-SSS` in the zone of the
    /// frontend that made the snapshot. It is a name, not a time: it is compared, never converted.
    /// SHOW SNAPSHOT joins several by a newline, or prints `Invalid: ...`; neither is one.
    SnapshotTimestamp, "snapshot timestamp", snapshot_timestamp
);

fn snapshot_timestamp(text: &str) -> Result<(), &'static str> {
    let pattern = "dddd-dd-dd-dd-dd-dd-ddd";
    let fits = text.len() == pattern.len()
        && text
            .chars()
            .zip(pattern.chars())
            .all(|(character, expected)| match expected {
                'd' => character.is_ascii_digit(),
                _ => character == expected,
            });
    if fits {
        Ok(())
    } else {
        Err("the form yyyy-MM-dd-HH-mm-ss-SSS is needed")
    }
}

/// As shown to people: `3 days`.
pub fn age(seconds: i64) -> String {
    let (number, unit) = match seconds.max(0) {
        seconds @ 0..120 => (seconds, "second"),
        seconds @ 120..7_200 => (seconds / 60, "minute"),
        seconds @ 7_200..172_800 => (seconds / 3_600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    match number {
        1 => format!("1 {unit}"),
        _ => format!("{number} {unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_times() {
        for (text, expected) in [
            ("2026-03-01 04:00", Some("2026-03-01 04:00:00")),
            ("2026-03-01 04:00:05", Some("2026-03-01 04:00:05")),
            ("2026-03-01 04:00:00+02:00", Some("2026-03-01 02:00:00")),
            ("2026-03-01T04:00:00Z", Some("2026-03-01 04:00:00")),
            ("yesterday", None),
        ] {
            assert_eq!(
                UtcTime::from_user(text)
                    .ok()
                    .map(|time| time.to_string())
                    .as_deref(),
                expected
            );
        }
    }

    #[test]
    fn snapshot_timestamps() {
        assert!(
            "2026-03-01-04-00-00-123"
                .parse::<SnapshotTimestamp>()
                .is_ok()
        );
        for text in [
            "",
            "Invalid: x",
            "2026-03-01-04-00-00-123\n2026-03-01-04-00-00-124",
        ] {
            assert!(text.parse::<SnapshotTimestamp>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn ages_as_people_say_them() {
        for (seconds, expected) in [
            (-3, "0 seconds"),
            (119, "119 seconds"),
            (3_700, "61 minutes"),
            (86_400, "24 hours"),
            (259_300, "3 days"),
        ] {
            assert_eq!(age(seconds), expected);
        }
    }
}
