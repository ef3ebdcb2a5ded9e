//! What a person asked for, and the names that follow from it.

use serde::{Deserialize, Serialize};

use super::step::Slot;
use crate::{
    digest::Digest,
    flow::{RestoreRun, RestoreScope, SwapMode},
    ident::{DatabaseName, InvalidName, PartitionName, RestoreId, TableName, name_type},
    label::SnapshotLabel,
    time::UtcTime,
};

name_type!(
    /// What is appended to a table's name while it is restored beside the live one: `_restored`.
    NameSuffix, "rename suffix", name_suffix
);
name_type!(
    /// When a restore was asked for, as part of names: `20260301_040000`. The same for all tables of
    /// one restore, and another one for the next.
    Stamp, "stamp", stamp
);

fn name_suffix(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > 64 {
        Err("it must have 1 to 64 characters")
    } else if !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Err("only letters, digits and underscores are allowed")
    } else {
        Ok(())
    }
}

fn stamp(text: &str) -> Result<(), &'static str> {
    let fits = text.len() == 15
        && text.char_indices().all(|(place, character)| match place {
            8 => character == '_',
            _ => character.is_ascii_digit(),
        });
    if fits {
        Ok(())
    } else {
        Err("the form yyyymmdd_hhmmss is needed")
    }
}

impl Stamp {
    pub fn of(time: UtcTime) -> Stamp {
        let text: String = time
            .to_string()
            .chars()
            .filter_map(|character| match character {
                ' ' => Some('_'),
                digit if digit.is_ascii_digit() => Some(digit),
                _ => None,
            })
            .collect();
        Stamp(text.into())
    }
}

/// One restore. Stored as JSON with its steps: names and lists of every step follow from it and the
/// manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    pub id: RestoreId,
    pub stamp: Stamp,
    /// One label per database.
    pub labels: Vec<SnapshotLabel>,
    pub scope: RestoreScope,
    pub rename_suffix: NameSuffix,
    pub into_database: Option<DatabaseName>,
    pub swap: SwapMode,
    pub checksum: bool,
    pub row_counts: bool,
    /// Of each RESTORE statement.
    pub timeout_seconds: u32,
}

/// StarRocks' own default. Measured from the submission of the job, so that it covers the download.
pub const DEFAULT_TIMEOUT_SECONDS: u32 = 86_400;

/// A day, however short backups are meant to be; where they may take longer, as long as StarRocks gives
/// a BACKUP: what can be backed up can be restored.
fn timeout_seconds(window_seconds: u32) -> u32 {
    DEFAULT_TIMEOUT_SECONDS.max(2 * window_seconds)
}

impl RestoreRequest {
    pub fn of_run(run: &RestoreRun, window_seconds: u32) -> Result<RestoreRequest, InvalidName> {
        Ok(RestoreRequest {
            id: run.restore_id.clone(),
            stamp: Stamp::of(run.started_at),
            labels: run.labels.clone(),
            scope: run.scope.clone(),
            rename_suffix: run.rename_suffix.parse()?,
            into_database: run.into_database.clone(),
            swap: run.swap,
            checksum: run.checksum,
            row_counts: run.row_counts,
            timeout_seconds: timeout_seconds(window_seconds),
        })
    }

    /// The database that a table of `source` is restored into.
    pub fn target<'a>(&'a self, source: &'a DatabaseName) -> &'a DatabaseName {
        self.into_database.as_ref().unwrap_or(source)
    }

    /// The name of `table` in a slot. Fails only where the suffix makes it longer than 1,024
    /// characters.
    pub fn name(&self, table: &TableName, slot: Slot) -> Result<TableName, InvalidName> {
        let suffix = &self.rename_suffix;
        match slot {
            Slot::Live => Ok(table.clone()),
            Slot::Staged => format!("{table}{suffix}").parse(),
            Slot::Helper(0 | 1) => format!("{table}{suffix}_inc").parse(),
            Slot::Helper(number) => format!("{table}{suffix}_inc{number}").parse(),
            Slot::Before => format!("{table}_before_{}", self.stamp).parse(),
            Slot::Undone => format!("{table}_undone_{}", self.stamp).parse(),
        }
    }

    /// The temporary partition that stands for one of a live table until it replaces it.
    pub fn temporary(&self, table: &TableName, partition: &PartitionName) -> PartitionName {
        let parts = [self.id.as_str(), table.as_str(), partition.as_str()];
        let digest = Digest::of(parts.into_iter().map(str::as_bytes)).to_string();
        format!("br_tmp_{}", &digest[..16])
            .parse()
            .expect("it consists of letters, digits and underscores")
    }

    /// Whether only named partitions are restored.
    pub fn is_partial(&self) -> bool {
        !self.scope.partitions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::restore::samples;

    #[test]
    fn names_of_the_slots() {
        let request = samples::request();
        let name = |slot| {
            request
                .name(&"orders".parse().unwrap(), slot)
                .unwrap()
                .to_string()
        };
        assert_eq!(name(Slot::Live), "orders");
        assert_eq!(name(Slot::Staged), "orders_restored");
        assert_eq!(name(Slot::Helper(1)), "orders_restored_inc");
        assert_eq!(name(Slot::Helper(2)), "orders_restored_inc2");
        assert_eq!(name(Slot::Before), "orders_before_20260301_040000");
        assert_eq!(name(Slot::Undone), "orders_undone_20260301_040000");
    }

    #[test]
    fn a_name_that_becomes_too_long_is_refused() {
        let table: TableName = "x".repeat(1_020).parse().unwrap();
        assert!(samples::request().name(&table, Slot::Staged).is_err());
    }

    #[test]
    fn suffixes_and_stamps_are_checked() {
        for bad in ["", "-x", "a b", "a`b"] {
            assert!(bad.parse::<NameSuffix>().is_err(), "{bad:?}");
        }
        for bad in ["", "2026", "20260301-040000", "2026030104000000"] {
            assert!(bad.parse::<Stamp>().is_err(), "{bad:?}");
        }
        let time = "2026-03-01 04:00:00".parse::<UtcTime>().unwrap();
        assert_eq!(Stamp::of(time).as_str(), "20260301_040000");
    }
}
