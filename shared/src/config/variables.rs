//! Every environment variable, one per key of the file.

use std::str::FromStr;

use super::{
    file::{ConfigFile, OneOrMany, TlsFile},
    invalid,
};
use crate::error::Error;

/// Frontends, separated by commas: `HOST` or `HOST:PORT`.
pub const HOST: &str = "STARROCKS_HOST";
/// The MySQL protocol's port of frontends that name none.
pub const PORT: &str = "STARROCKS_PORT";
pub const USER: &str = "STARROCKS_USER";
/// The password. Not a key of the file.
pub const PASSWORD: &str = "STARROCKS_PASSWORD";
/// A file that holds the password and nothing else.
pub const PASSWORD_FILE: &str = "STARROCKS_PASSWORD_FILE";
pub const DATABASE: &str = "STARROCKS_DATABASE";
pub const REPOSITORY: &str = "STARROCKS_REPOSITORY";
pub const OPS_DATABASE: &str = "STARROCKS_OPS_DATABASE";
/// Of one statement, in seconds.
pub const QUERY_TIMEOUT: &str = "STARROCKS_QUERY_TIMEOUT_SECONDS";
/// `true` or `false`.
pub const TLS_ENABLED: &str = "STARROCKS_TLS_ENABLED";
/// PEM files.
pub const TLS_CA_CERT: &str = "STARROCKS_TLS_CA_CERT";
pub const TLS_CLIENT_CERT: &str = "STARROCKS_TLS_CLIENT_CERT";
pub const TLS_CLIENT_KEY: &str = "STARROCKS_TLS_CLIENT_KEY";
/// `true` (default) or `false`.
pub const TLS_VERIFY: &str = "STARROCKS_TLS_VERIFY_SERVER_CERT";
/// `TLSv1.2,TLSv1.3`.
pub const TLS_VERSIONS: &str = "STARROCKS_TLS_VERSIONS";
/// Zone of the date in labels, of the IANA database.
pub const TIME_ZONE: &str = "STARROCKS_BR_TIME_ZONE";
/// Minutes without progress after which a job that reports errors is cancelled.
pub const STALL_MINUTES: &str = "STARROCKS_BR_STALL_MINUTES";
/// Timeout of each BACKUP and RESTORE, in hours.
pub const WINDOW_HOURS: &str = "STARROCKS_BR_WINDOW_HOURS";
/// Free space below which a precheck fails, in percent of the fullest disk.
pub const MIN_FREE_DISK_PERCENT: &str = "STARROCKS_BR_MIN_FREE_DISK_PERCENT";
/// `error`, `warn`, `info`, `debug` or `trace`.
pub const LOG: &str = "STARROCKS_BR_LOG";

/// The file with what the environment says instead.
pub(super) fn apply(
    mut file: ConfigFile,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ConfigFile, Error> {
    let tls = file.tls.get_or_insert_with(TlsFile::default);
    if let Some(hosts) = environment(HOST) {
        file.host = Some(OneOrMany::One(hosts));
    }
    number(environment, PORT, &mut file.port)?;
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
            invalid(format!("{name} is '{value}': {expected} is needed"))
        })?);
    }
    Ok(())
}
