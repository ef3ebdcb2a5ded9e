//! Every environment variable, one per key of the file.

use std::str::FromStr;

use super::{
    file::{ConfigFile, OneOrMany, TlsFile},
    invalid,
};
use crate::error::Error;

/// An environment variable, for the table in the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    pub name: &'static str,
    /// The key of the file that it stands for.
    pub key: Option<&'static str>,
    pub meaning: &'static str,
}

macro_rules! variables {
    ($(#[doc = $meaning:literal] $constant:ident = $name:literal $(, $key:literal)?;)+) => {
        $(#[doc = $meaning] pub const $constant: &str = $name;)+

        pub const ALL: &[Variable] = &[$(Variable {
            name: $name,
            key: variables!(@key $($key)?),
            meaning: $meaning.trim_ascii_start(),
        }),+];
    };
    (@key) => { None };
    (@key $key:literal) => { Some($key) };
}

variables! {
    /// Frontends, separated by commas: `HOST` or `HOST:PORT`.
    HOST = "STARROCKS_HOST", "host";
    /// The MySQL protocol's port of frontends that name none.
    PORT = "STARROCKS_PORT", "port";
    /// Who backs up and restores.
    USER = "STARROCKS_USER", "user";
    /// The password. It has no key: it does not belong into the file.
    PASSWORD = "STARROCKS_PASSWORD";
    /// A file that holds the password and nothing else.
    PASSWORD_FILE = "STARROCKS_PASSWORD_FILE";
    /// A secret of AWS Secrets Manager that holds the password, user, hosts and certificates.
    SECRET_ARN = "STARROCKS_SECRET_ARN";
    /// The database of tables that are named without one.
    DATABASE = "STARROCKS_DATABASE", "database";
    /// The repository that snapshots go to.
    REPOSITORY = "STARROCKS_REPOSITORY", "repository";
    /// The database of the runner's own tables.
    OPS_DATABASE = "STARROCKS_OPS_DATABASE", "ops_database";
    /// Groups that `init` writes, as the key's value in the file: YAML or JSON.
    TABLE_INVENTORY = "STARROCKS_TABLE_INVENTORY", "table_inventory";
    /// Seconds that one statement may take.
    QUERY_TIMEOUT = "STARROCKS_QUERY_TIMEOUT_SECONDS", "query_timeout_seconds";
    /// `true` or `false`.
    TLS_ENABLED = "STARROCKS_TLS_ENABLED", "tls.enabled";
    /// PEM file of the authority to trust, and no other.
    TLS_CA_CERT = "STARROCKS_TLS_CA_CERT", "tls.ca_cert";
    /// PEM file of the certificate to show.
    TLS_CLIENT_CERT = "STARROCKS_TLS_CLIENT_CERT", "tls.client_cert";
    /// PEM file of that certificate's key.
    TLS_CLIENT_KEY = "STARROCKS_TLS_CLIENT_KEY", "tls.client_key";
    /// `true` (default) or `false`.
    TLS_VERIFY = "STARROCKS_TLS_VERIFY_SERVER_CERT", "tls.verify_server_cert";
    /// Versions to speak, separated by commas: `TLSv1.2,TLSv1.3`.
    TLS_VERSIONS = "STARROCKS_TLS_VERSIONS", "tls.tls_versions";
    /// Zone of the date in labels, of the IANA database.
    TIME_ZONE = "STARROCKS_BR_TIME_ZONE", "time_zone";
    /// Minutes without progress after which a job that reports errors is cancelled.
    STALL_MINUTES = "STARROCKS_BR_STALL_MINUTES", "stall_minutes";
    /// Timeout of each BACKUP and RESTORE, in hours.
    WINDOW_HOURS = "STARROCKS_BR_WINDOW_HOURS", "window_hours";
    /// Percent of each disk that has to be free, and that a restore leaves free.
    MIN_FREE_DISK_PERCENT = "STARROCKS_BR_MIN_FREE_DISK_PERCENT", "min_free_disk_percent";
    /// CloudWatch namespace of the metrics that the Lambda functions write: `StarRocksBackup`.
    METRIC_NAMESPACE = "STARROCKS_BR_METRIC_NAMESPACE";
    /// `error`, `warn`, `info`, `debug` or `trace`.
    LOG = "STARROCKS_BR_LOG";
}

/// Refuses what looks like one of ours and is not: a misspelt name would be a silent default. Other
/// programs own names that begin alike, so only near ones count, and all that begin with our own
/// prefix.
pub(super) fn check_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
    for name in names {
        if ALL.iter().any(|known| known.name == name) || !name.starts_with("STARROCKS_") {
            continue;
        }
        let known = ALL.iter().map(|known| known.name);
        let nearest = super::nearest(name, known, 2);
        if nearest.is_none() && !name.starts_with("STARROCKS_BR_") {
            continue;
        }
        let suggestion = nearest.map_or(String::new(), |known| format!(": did you mean {known}?"));
        return Err(
            invalid(format!("unknown environment variable {name}{suggestion}"))
                .hint("rename it, or unset it: a misspelt setting would count as not set"),
        );
    }
    Ok(())
}

/// The file with what the environment says instead.
pub(super) fn apply(
    mut file: ConfigFile,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ConfigFile, Error> {
    let tls = file.tls.get_or_insert_with(TlsFile::default);
    if let Some(hosts) = environment(HOST) {
        file.host = Some(OneOrMany::One(hosts));
    }
    number(environment, PORT, &mut file.port).map_err(|error| {
        error.hint(format!(
            "Kubernetes sets {PORT} for a Service named 'starrocks': set enableServiceLinks to false"
        ))
    })?;
    text(environment, USER, &mut file.user);
    text(environment, DATABASE, &mut file.database);
    text(environment, REPOSITORY, &mut file.repository);
    text(environment, OPS_DATABASE, &mut file.ops_database);
    text(environment, TIME_ZONE, &mut file.time_zone);
    number(environment, QUERY_TIMEOUT, &mut file.query_timeout_seconds)?;
    number(environment, STALL_MINUTES, &mut file.stall_minutes)?;
    number(environment, WINDOW_HOURS, &mut file.window_hours)?;
    number(
        environment,
        MIN_FREE_DISK_PERCENT,
        &mut file.min_free_disk_percent,
    )?;
    number(environment, TLS_ENABLED, &mut tls.enabled)?;
    number(environment, TLS_VERIFY, &mut tls.verify_server_cert)?;
    for (variable, path) in [
        (TLS_CA_CERT, &mut tls.ca_cert),
        (TLS_CLIENT_CERT, &mut tls.client_cert),
        (TLS_CLIENT_KEY, &mut tls.client_key),
    ] {
        if let Some(value) = environment(variable) {
            *path = Some(value.into());
        }
    }
    if let Some(versions) = environment(TLS_VERSIONS) {
        tls.tls_versions = Some(
            versions
                .split(',')
                .map(|one| one.trim().to_owned())
                .collect(),
        );
    }
    Ok(file)
}

fn text(environment: &dyn Fn(&str) -> Option<String>, name: &str, key: &mut Option<String>) {
    if let Some(value) = environment(name) {
        *key = Some(value);
    }
}

fn number<T: FromStr>(
    environment: &dyn Fn(&str) -> Option<String>,
    name: &str,
    key: &mut Option<T>,
) -> Result<(), Error> {
    if let Some(value) = environment(name) {
        let expected = std::any::type_name::<T>();
        *key = Some(value.parse().map_err(|_| {
            let expected = if expected == "bool" {
                "true or false"
            } else {
                "a whole number"
            };
            invalid(format!("{name} is '{value}'")).hint(format!("set it to {expected}"))
        })?);
    }
    Ok(())
}
