//! The StarRocks versions that the emulator can be.

use std::str::FromStr;

/// A recorded StarRocks version. Differences are listed where they apply, each seen in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// 3.3 at the level of 3.3.4: LIST tables cannot be backed up.
    V3_3,
    /// 3.3 with the backport that lifts the limit on LIST tables.
    V3_3List,
    /// 3.5.7.
    V3_5,
    /// 4.1.0.
    V4_1,
}

impl Profile {
    pub const ALL: [Profile; 4] = [
        Profile::V3_3,
        Profile::V3_3List,
        Profile::V3_5,
        Profile::V4_1,
    ];

    /// `true` for both variants of the 3.3 line.
    pub fn is_3_3(self) -> bool {
        matches!(self, Profile::V3_3 | Profile::V3_3List)
    }

    /// What the greeting and `SELECT VERSION()` say.
    pub fn server_version(self) -> &'static str {
        if self.is_3_3() { "5.1.0" } else { "8.0.33" }
    }

    /// `@@version_comment`, and the Version column of SHOW FRONTENDS.
    pub fn version_comment(self) -> &'static str {
        match self {
            Profile::V3_3 | Profile::V3_3List => "3.3-UNKNOWN",
            Profile::V3_5 => "3.5.0-private-UNKNOWN",
            Profile::V4_1 => "4.1.0-private-UNKNOWN",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Profile::V3_3 => "3.3",
            Profile::V3_3List => "3.3-list",
            Profile::V3_5 => "3.5",
            Profile::V4_1 => "4.1",
        }
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Profile::ALL
            .into_iter()
            .find(|profile| profile.name() == text)
            .ok_or_else(|| format!("unknown profile '{text}': use 3.3, 3.3-list, 3.5 or 4.1"))
    }
}
