//! PROPERTIES of BACKUP and RESTORE.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::refused;
use crate::{config::Config, reply::SqlResult, repository::hash_order};

const SHORTEST_TIMEOUT: i64 = 600;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BackupProperties {
    pub timeout: SignedDuration,
    /// Accepted, and the same as a full one until the label exists.
    pub incremental: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RestoreProperties {
    pub timestamp: String,
    pub timeout: SignedDuration,
    pub replication_num: u32,
    /// Shown, and ignored by the job.
    pub allow_load: bool,
}

/// Keys are case sensitive; the last of several equal ones counts.
struct Properties(BTreeMap<String, String>);

impl Properties {
    fn new(properties: &[(String, String)]) -> Properties {
        Properties(properties.iter().cloned().collect())
    }

    fn timeout(&mut self, config: &Config) -> SqlResult<SignedDuration> {
        let Some(text) = self.0.remove("timeout") else {
            let default = config.number("backup_job_default_timeout_ms");
            return Ok(SignedDuration::from_millis(default));
        };
        let seconds = text
            .parse()
            .map_err(|_| refused(format!("Invalid timeout format: {text}")))?;
        if seconds < SHORTEST_TIMEOUT {
            return Err(refused("timeout must be at least 10 min"));
        }
        Ok(SignedDuration::from_secs(seconds))
    }

    fn number(&mut self, key: &str) -> SqlResult<Option<u32>> {
        let Some(text) = self.0.remove(key) else {
            return Ok(None);
        };
        // The same words for each of them.
        let number = text
            .parse()
            .map_err(|_| refused(format!("Invalid meta version format: {text}")))?;
        Ok(Some(number))
    }

    fn end(self, kind: &str) -> SqlResult<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let unknown = hash_order::sorted(self.0.keys().map(String::as_str)).join(", ");
        Err(refused(format!(
            "Unknown {kind} job properties: [{unknown}]"
        )))
    }
}

pub(super) fn of_backup(
    properties: &[(String, String)],
    config: &Config,
) -> SqlResult<BackupProperties> {
    let mut properties = Properties::new(properties);
    let timeout = properties.timeout(config)?;
    let incremental = match properties.0.remove("type") {
        None => false,
        Some(kind) if kind.eq_ignore_ascii_case("full") => false,
        Some(kind) if kind.eq_ignore_ascii_case("incremental") => true,
        Some(kind) => return Err(refused(format!("Invalid backup job type: {kind}"))),
    };
    properties.end("backup")?;
    Ok(BackupProperties {
        timeout,
        incremental,
    })
}

pub(super) fn of_restore(
    properties: &[(String, String)],
    config: &Config,
) -> SqlResult<RestoreProperties> {
    let mut properties = Properties::new(properties);
    let allow_load = match properties.0.remove("allow_load") {
        None => false,
        Some(text) if text.eq_ignore_ascii_case("true") => true,
        Some(text) if text.eq_ignore_ascii_case("false") => false,
        Some(text) => return Err(refused(format!("Invalid allow load value: {text}"))),
    };
    let default = config.number("default_replication_num");
    let replication_num = properties
        .number("replication_num")?
        .unwrap_or(u32::try_from(default).unwrap_or(u32::MAX));
    let timestamp = properties
        .0
        .remove("backup_timestamp")
        .ok_or_else(|| refused("Missing backup_timestamp property"))?;
    let timeout = properties.timeout(config)?;
    properties.number("meta_version")?;
    properties.number("starrocks_meta_version")?;
    properties.end("restore")?;
    Ok(RestoreProperties {
        timestamp,
        timeout,
        replication_num,
        allow_load,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new(crate::Profile::V4_1, 3)
    }

    fn pairs(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn message(error: crate::reply::SqlError) -> String {
        assert_eq!((error.code, error.sqlstate), (5064, "42000"));
        error.message
    }

    /// Every text was recorded from a real frontend.
    #[test]
    fn refusals_are_the_real_ones() {
        let backup = |text| message(of_backup(&pairs(text), &config()).unwrap_err());
        let restore = |text| message(of_restore(&pairs(text), &config()).unwrap_err());
        let analyzing =
            |detail: &str| format!("Getting analyzing error. Detail message: {detail}.");
        assert_eq!(
            backup(&[("timeout", "599")]),
            analyzing("timeout must be at least 10 min")
        );
        assert_eq!(
            backup(&[("timeout", "abc")]),
            analyzing("Invalid timeout format: abc")
        );
        assert_eq!(
            backup(&[("type", "weird")]),
            analyzing("Invalid backup job type: weird")
        );
        assert_eq!(
            backup(&[("nonsense", "1"), ("b", "2")]),
            analyzing("Unknown backup job properties: [b, nonsense]")
        );
        assert_eq!(restore(&[]), analyzing("Missing backup_timestamp property"));
        assert_eq!(
            restore(&[("backup_timestamp", "x"), ("replication_num", "abc")]),
            analyzing("Invalid meta version format: abc")
        );
    }

    #[test]
    fn defaults_and_values_are_taken() {
        assert_eq!(
            of_backup(
                &pairs(&[("timeout", "600"), ("type", "INCREMENTAL")]),
                &config()
            )
            .unwrap(),
            BackupProperties {
                timeout: SignedDuration::from_secs(600),
                incremental: true
            }
        );
        let restore = of_restore(
            &pairs(&[
                ("backup_timestamp", "x"),
                ("meta_version", "1"),
                ("allow_load", "true"),
            ]),
            &config(),
        );
        assert_eq!(
            restore.unwrap(),
            RestoreProperties {
                timestamp: "x".into(),
                timeout: SignedDuration::from_secs(86_400),
                replication_num: 3,
                allow_load: true
            }
        );
    }
}
