//! `config.yaml`, key by key.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::invalid;
use crate::{error::Error, sql::ops::inventory::InventoryRow};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigFile {
    pub(super) host: Option<OneOrMany>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) database: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) ops_database: Option<String>,
    pub(super) table_inventory: Option<Vec<GroupFile>>,
    pub(super) tls: Option<TlsFile>,
    pub(super) time_zone: Option<String>,
    pub(super) query_timeout_seconds: Option<u64>,
    pub(super) stall_minutes: Option<u32>,
    pub(super) window_hours: Option<u32>,
    pub(super) min_free_disk_percent: Option<u8>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsFile {
    pub(super) enabled: Option<bool>,
    pub(super) ca_cert: Option<PathBuf>,
    pub(super) client_cert: Option<PathBuf>,
    pub(super) client_key: Option<PathBuf>,
    pub(super) verify_server_cert: Option<bool>,
    pub(super) tls_versions: Option<Vec<String>>,
}

impl TlsFile {
    /// Nothing but `enabled`, or not even that.
    pub(super) fn says_nothing(&self) -> bool {
        let TlsFile {
            enabled: _,
            ca_cert,
            client_cert,
            client_key,
            verify_server_cert,
            tls_versions,
        } = self;
        let files = [ca_cert, client_cert, client_key];
        files.iter().all(|file| file.is_none())
            && verify_server_cert.is_none()
            && tls_versions.is_none()
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupFile {
    group: String,
    tables: Vec<TableFile>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    database: String,
    table: String,
}

impl GroupFile {
    pub(super) fn rows(self) -> impl Iterator<Item = InventoryRow> {
        let group = self.group;
        self.tables.into_iter().map(move |row| InventoryRow {
            group: group.clone(),
            database: row.database,
            table: row.table,
        })
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

pub(super) const KEYS: [&str; 19] = [
    "host",
    "port",
    "user",
    "database",
    "repository",
    "ops_database",
    "table_inventory",
    "tls",
    "time_zone",
    "query_timeout_seconds",
    "stall_minutes",
    "window_hours",
    "min_free_disk_percent",
    "tls.enabled",
    "tls.ca_cert",
    "tls.client_cert",
    "tls.client_key",
    "tls.verify_server_cert",
    "tls.tls_versions",
];

pub(super) fn read(path: &Path) -> Result<ConfigFile, Error> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        invalid(format!(
            "the configuration file {name} cannot be read: {error}"
        ))
        .hint("name another with --config, or configure by environment variables alone")
    })?;
    let value: Value = serde_saphyr::from_str(&text).map_err(|error| {
        invalid(format!("{name} is not YAML: {error}")).hint(format!(
            "correct {name}, or name another file with --config"
        ))
    })?;
    check_keys(&value, "", &name.to_string())?;
    serde_json::from_value(value.clone()).map_err(|error| {
        let key = wrong_key(&value).map_or(String::new(), |key| format!("{key}: "));
        invalid(format!("{name}: {key}{error}"))
            .hint("README.md lists every key with its form; the port is 9030 by default")
    })
}

/// The value of `table_inventory` alone.
pub(super) fn read_groups(variable: &str, text: &str) -> Result<Vec<GroupFile>, Error> {
    serde_saphyr::from_str(text).map_err(|error| {
        invalid(format!("{variable}: {error}")).hint(
            "as in the file, for example [{group: nightly, tables: [{database: sales, table: '*'}]}]",
        )
    })
}

/// The key whose value alone is refused: the reader of the whole does not name it.
fn wrong_key(value: &Value) -> Option<&str> {
    let map = value.as_object()?;
    map.iter()
        .find(|(key, value)| {
            let alone = serde_json::json!({ key.as_str(): value });
            serde_json::from_value::<ConfigFile>(alone).is_err()
        })
        .map(|(key, _)| key.as_str())
}

fn check_keys(value: &Value, prefix: &str, file: &str) -> Result<(), Error> {
    let Value::Object(map) = value else {
        return Ok(());
    };
    for (key, inner) in map {
        let key = format!("{prefix}{key}");
        if key == "password" {
            return Err(invalid(format!("{file}: a password does not belong into the file")).hint(
                "set STARROCKS_PASSWORD, or STARROCKS_PASSWORD_FILE to the path of a file that holds it",
            ));
        }
        if !KEYS.contains(&key.as_str()) {
            let suggestion = super::nearest(&key, KEYS, 3)
                .map_or(String::new(), |known| format!(": did you mean '{known}'?"));
            return Err(invalid(format!("{file}: unknown key '{key}'{suggestion}"))
                .hint(format!("the keys are: {}", KEYS.join(", "))));
        }
        if key == "tls" {
            check_keys(inner, "tls.", file)?;
        }
    }
    Ok(())
}
