//! Settings: `config.yaml` as the Python tool reads it, an environment variable for each key, and the
//! password, which is never in the file. The only reader of the environment.
//!
//! Precedence: environment over file over default. A key that does not exist is an error that names
//! the nearest one, because a misspelt key would otherwise be a silent default.

mod file;
mod secret;
#[cfg(test)]
mod tests;
mod user;
pub mod variables;

use std::{collections::BTreeSet, path::Path, time::Duration};

use jiff::tz::TimeZone;

use crate::{
    error::{Error, ErrorName},
    ident::{DatabaseName, RepositoryName},
    metrics,
    secret::Secret,
    sql::ops::inventory::InventoryRow,
    starrocks::settings::{
        ClientCertificate, ConnectionSettings, DEFAULT_PORT, FrontendAddress, Pem, TlsSettings,
    },
};

use file::{ConfigFile, TlsFile};
pub use secret::ConnectionSecret;

/// What the file and the environment say. With the secret that they may name it becomes [`Settings`],
/// and once more when that secret changes.
#[derive(Debug, Clone)]
pub struct Source {
    file: ConfigFile,
    password: Option<Secret>,
    secret_id: Option<String>,
}

impl Source {
    /// From a file (none is needed: each key has an environment variable) and the environment.
    pub fn load(path: Option<&Path>) -> Result<Source, Error> {
        check_environment()?;
        let environment = &|name: &str| environment(name);
        Source::read(read_file(path, environment)?, environment)
    }

    /// Where there never is a file. Apart from [`Source::load`], so that a program that calls only this
    /// one has no reader of YAML inside.
    pub fn from_environment() -> Result<Source, Error> {
        check_environment()?;
        Source::read(ConfigFile::default(), &|name| environment(name))
    }

    fn read(
        file: ConfigFile,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Source, Error> {
        let source = Source {
            file: variables::apply(file, environment)?,
            password: password(environment)?,
            secret_id: environment(variables::SECRET_ARN),
        };
        if source.secret_id.is_some() && source.password.is_some() {
            return Err(invalid(format!(
                "{} and a password are both set: which one counts is not clear",
                variables::SECRET_ARN
            ))
            .hint("unset one of them"));
        }
        Ok(source)
    }

    /// Name or ARN.
    pub fn secret_id(&self) -> Option<&str> {
        self.secret_id.as_deref()
    }

    /// What is configured wins over what the secret says, except for the password, which is only there.
    pub fn settings(&self, secret: Option<&ConnectionSecret>) -> Result<Settings, Error> {
        let mut file = self.file.clone();
        let tls = file.tls.take().unwrap_or_default();
        let plain_text = tls.enabled == Some(false);
        let mut tls = check_tls(tls)?;
        let Some(secret) = secret else {
            let password = self.password.clone();
            return Settings::check(file, password.unwrap_or_else(|| Secret::new("")), tls);
        };
        file.host = file.host.or_else(|| secret.host.clone());
        file.port = file.port.or(secret.port);
        file.user = file.user.or_else(|| secret.username.clone());
        if !plain_text {
            add_certificates(&mut tls, secret)?;
        }
        Settings::check(file, secret.password.clone(), tls)
    }
}

/// Everything that was configured, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    connection: ConnectionSettings,
    repository: Option<RepositoryName>,
    ops_database: DatabaseName,
    /// The Python tool's one database. Groups say theirs; this one completes a bare `--table`.
    database: Option<DatabaseName>,
    inventory: Vec<InventoryRow>,
    label_time_zone: TimeZone,
    stall_minutes: u32,
    window_seconds: u32,
    min_free_disk_percent: u8,
}

impl Settings {
    /// From a file and the environment given, without a secret.
    pub fn from_sources(
        path: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Settings, Error> {
        Source::read(read_file(path, environment)?, environment)?.settings(None)
    }

    fn check(
        file: ConfigFile,
        password: Secret,
        tls: Option<TlsSettings>,
    ) -> Result<Settings, Error> {
        let port = file.port.unwrap_or(DEFAULT_PORT);
        let hosts = file.host.map(file::OneOrMany::into_vec).unwrap_or_default();
        let frontends = hosts
            .iter()
            .flat_map(|hosts| hosts.split(','))
            .map(|host| FrontendAddress::parse(host, port))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| {
                invalid(error.to_string()).hint("`host` is HOST or HOST:PORT, or several of them")
            })?;
        if frontends.is_empty() {
            return Err(missing("host", variables::HOST));
        }
        let user = file.user.ok_or_else(|| missing("user", variables::USER))?;
        let zone = file.time_zone.as_deref().unwrap_or("UTC");
        Ok(Settings {
            connection: ConnectionSettings {
                frontends,
                user,
                password,
                tls,
                query_timeout: Duration::from_secs(within(
                    "query_timeout_seconds",
                    file.query_timeout_seconds.unwrap_or(300),
                    1..=259_200,
                )?),
            },
            repository: parsed("repository", file.repository)?,
            ops_database: match parsed("ops_database", file.ops_database)? {
                Some(name) => name,
                None => "ops".parse().expect("ops is a legal database name"),
            },
            database: parsed("database", file.database)?,
            inventory: file
                .table_inventory
                .unwrap_or_default()
                .into_iter()
                .flat_map(file::GroupFile::rows)
                .collect(),
            label_time_zone: TimeZone::get(zone).map_err(|_| {
                invalid(format!(
                    "time_zone '{zone}' is not a zone of the IANA database"
                ))
                .hint("UTC, or a name such as Europe/Berlin")
            })?,
            stall_minutes: within(
                "stall_minutes",
                file.stall_minutes.unwrap_or(60),
                1..=10_080,
            )?,
            window_seconds: 3600
                * within("window_hours", file.window_hours.unwrap_or(24), 1..=168)?,
            min_free_disk_percent: within(
                "min_free_disk_percent",
                file.min_free_disk_percent.unwrap_or(15),
                0..=100,
            )?,
        })
    }

    pub fn connection(&self) -> &ConnectionSettings {
        &self.connection
    }

    pub fn repository(&self) -> Result<&RepositoryName, Error> {
        self.repository
            .as_ref()
            .ok_or_else(|| missing("repository", variables::REPOSITORY))
    }

    pub fn ops_database(&self) -> &DatabaseName {
        &self.ops_database
    }

    pub fn database(&self) -> Option<&DatabaseName> {
        self.database.as_ref()
    }

    /// Rows that `init` writes into `table_inventory`.
    pub fn inventory(&self) -> &[InventoryRow] {
        &self.inventory
    }

    /// The zone of the date in a label.
    pub fn label_time_zone(&self) -> &TimeZone {
        &self.label_time_zone
    }

    /// A job with errors and without progress for this long is cancelled.
    pub fn stall_minutes(&self) -> u32 {
        self.stall_minutes
    }

    /// How long a backup is meant to take. The timeouts of BACKUP and RESTORE follow from it.
    pub fn window_seconds(&self) -> u32 {
        self.window_seconds
    }

    /// Of each disk, what a restore has to leave free.
    pub fn min_free_disk_percent(&self) -> u8 {
        self.min_free_disk_percent
    }
}

/// What to log, where the environment says it.
pub fn log_filter() -> Option<String> {
    environment(variables::LOG)
}

/// Who runs this program, for the log of what was done.
pub fn operating_user() -> String {
    user::operating(&environment)
}

/// Where Lambda says that the services of AWS are: what the AWS SDKs read, by their names for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsEndpoint {
    pub region: Option<String>,
    pub url: Option<String>,
    pub use_fips: bool,
    pub use_dual_stack: bool,
}

impl AwsEndpoint {
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html>
    pub fn from_environment() -> AwsEndpoint {
        let is_true =
            |name| environment(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        AwsEndpoint {
            region: environment("AWS_REGION"),
            url: environment("AWS_ENDPOINT_URL_SECRETS_MANAGER")
                .or_else(|| environment("AWS_ENDPOINT_URL")),
            use_fips: is_true("AWS_USE_FIPS_ENDPOINT"),
            use_dual_stack: is_true("AWS_USE_DUALSTACK_ENDPOINT"),
        }
    }
}

/// Where the metrics of this instance go, so that two in one account stay apart.
pub fn metric_namespace() -> String {
    environment(variables::METRIC_NAMESPACE).unwrap_or_else(|| metrics::NAMESPACE.to_owned())
}

/// With the groups that the environment says instead, which need the reader of YAML too.
fn read_file(
    path: Option<&Path>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ConfigFile, Error> {
    let mut file = path.map_or_else(|| Ok(ConfigFile::default()), file::read)?;
    if let Some(text) = environment(variables::TABLE_INVENTORY) {
        let groups = file::read_groups(variables::TABLE_INVENTORY, &text)?;
        file.table_inventory = Some(groups);
    }
    Ok(file)
}

/// Before anything is read: a variable that cannot be read as text would count as not set.
fn check_environment() -> Result<(), Error> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    let variables = std::env::vars_os();
    let mut names = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("STARROCKS_") && value.to_str().is_none() {
            return Err(invalid(format!("the value of {name} is not UTF-8 text"))
                .hint("unset it, or set it to text"));
        }
        names.push(name.to_owned());
    }
    variables::check_names(names.iter().map(String::as_str))
}

/// The known word that was most likely meant.
fn nearest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    limit: usize,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(known, word), known))
        .min()
        .filter(|(distance, _)| *distance <= limit)
        .map(|(_, known)| known)
}

fn environment(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    let value = std::env::var(name).ok();
    value.filter(|value| !value.is_empty())
}

/// From the environment or a file that it names (as containers mount secrets), never from config.yaml.
fn password(environment: &dyn Fn(&str) -> Option<String>) -> Result<Option<Secret>, Error> {
    if let Some(password) = environment(variables::PASSWORD) {
        return Ok(Some(Secret::new(password)));
    }
    let Some(path) = environment(variables::PASSWORD_FILE) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        invalid(format!(
            "{} names {path}, which cannot be read: {error}",
            variables::PASSWORD_FILE
        ))
        .hint("name a file that this user may read and that holds the password alone")
    })?;
    let password = text.trim_end_matches(['\n', '\r']);
    Ok(Some(Secret::new(password.to_owned())))
}

/// Certificates in a secret mean TLS. Those that were configured win.
fn add_certificates(tls: &mut Option<TlsSettings>, secret: &ConnectionSecret) -> Result<(), Error> {
    let client = match (&secret.client_cert, &secret.client_key) {
        (Some(certificate), Some(key)) => Some(ClientCertificate {
            certificate: Pem::Text(certificate.clone()),
            key: Pem::Text(key.clone()),
        }),
        (None, None) => None,
        _ => {
            return Err(invalid(
                "the secret has one of client_cert and client_key: both are needed",
            ));
        }
    };
    if secret.ca_cert.is_none() && client.is_none() {
        return Ok(());
    }
    let tls = tls.get_or_insert_with(|| TlsSettings {
        ca_cert: None,
        client: None,
        verify_server_cert: true,
        versions: BTreeSet::new(),
    });
    if tls.ca_cert.is_none() {
        tls.ca_cert = secret.ca_cert.clone().map(Pem::Text);
    }
    if tls.client.is_none() {
        tls.client = client;
    }
    Ok(())
}

/// TLS keys without a word on `enabled` would silently mean plain text.
fn check_tls(tls: TlsFile) -> Result<Option<TlsSettings>, Error> {
    match tls.enabled {
        Some(true) => {}
        Some(false) => return Ok(None),
        None if tls.says_nothing() => return Ok(None),
        None => return Err(missing("tls.enabled", variables::TLS_ENABLED)),
    }
    let client = match (tls.client_cert, tls.client_key) {
        (Some(certificate), Some(key)) => Some(ClientCertificate {
            certificate: Pem::File(certificate),
            key: Pem::File(key),
        }),
        (None, None) => None,
        (Some(_), None) => return Err(missing("tls.client_key", variables::TLS_CLIENT_KEY)),
        (None, Some(_)) => return Err(missing("tls.client_cert", variables::TLS_CLIENT_CERT)),
    };
    let versions = tls
        .tls_versions
        .unwrap_or_default()
        .iter()
        .map(|version| version.parse())
        .collect::<Result<_, String>>()
        .map_err(|error| invalid(error).hint("the versions are: TLSv1.2, TLSv1.3"))?;
    Ok(Some(TlsSettings {
        ca_cert: tls.ca_cert.map(Pem::File),
        client,
        verify_server_cert: tls.verify_server_cert.unwrap_or(true),
        versions,
    }))
}

fn within<T: Copy + PartialOrd + std::fmt::Display>(
    key: &str,
    value: T,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, Error> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(invalid(format!("{key} is {value}")).hint(format!(
            "set {key} to a number from {} to {}",
            range.start(),
            range.end()
        )))
    }
}

fn parsed<T>(key: &str, text: Option<String>) -> Result<Option<T>, Error>
where
    T: std::str::FromStr<Err = crate::ident::InvalidName>,
{
    text.map(|text| {
        text.parse().map_err(|error| {
            invalid(format!("{key}: {error}")).hint(format!(
                "correct `{key}`, in the file that --config names or in its variable"
            ))
        })
    })
    .transpose()
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorName::InvalidConfig, message)
}

fn missing(key: &str, variable: &str) -> Error {
    invalid(format!("'{key}' is not configured")).hint(format!(
        "set it in the file that --config names, or set {variable}"
    ))
}
