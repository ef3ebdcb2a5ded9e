//! Settings: `config.yaml` as the Python tool reads it, an environment variable for each key, and the
//! password, which is never in the file. The only reader of the environment.
//!
//! Precedence: environment over file over default. A key that does not exist is an error that names
//! the nearest one, because a misspelt key would otherwise be a silent default.

mod file;
pub mod variables;

use std::{path::Path, time::Duration};

use jiff::tz::TimeZone;

use crate::{
    error::{Error, ErrorName},
    ident::{DatabaseName, RepositoryName},
    secret::Secret,
    sql::ops::inventory::InventoryRow,
    starrocks::settings::{
        ClientCertificate, ConnectionSettings, DEFAULT_PORT, FrontendAddress, TlsSettings,
    },
};

use file::{ConfigFile, TlsFile};

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
    /// From a file (none is needed: each key has an environment variable) and the environment.
    pub fn load(path: Option<&Path>) -> Result<Settings, Error> {
        Settings::from_sources(path, &|name| environment(name))
    }

    /// As [`Settings::load`], with the environment given.
    pub fn from_sources(
        path: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Settings, Error> {
        let file = match path {
            Some(path) => file::read(path)?,
            None => ConfigFile::default(),
        };
        let file = variables::apply(file, environment)?;
        let password = password(environment)?;
        Settings::check(file, password)
    }

    fn check(file: ConfigFile, password: Secret) -> Result<Settings, Error> {
        let port = file.port.unwrap_or(DEFAULT_PORT);
        let hosts = file.host.map(file::OneOrMany::into_vec).unwrap_or_default();
        let frontends = hosts
            .iter()
            .flat_map(|hosts| hosts.split(','))
            .map(|host| FrontendAddress::parse(host, port))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| invalid(error.to_string()))?;
        if frontends.is_empty() {
            return Err(missing("host", variables::HOST));
        }
        let user = file.user.ok_or_else(|| missing("user", variables::USER))?;
        let tls = match file.tls {
            Some(tls) if tls.enabled.unwrap_or(false) => Some(check_tls(tls)?),
            _ => None,
        };
        let zone = file.time_zone.as_deref().unwrap_or("UTC");
        Ok(Settings {
            connection: ConnectionSettings {
                frontends,
                user,
                password,
                tls,
                query_timeout: Duration::from_secs(file.query_timeout_seconds.unwrap_or(300)),
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
            })?,
            stall_minutes: file.stall_minutes.unwrap_or(60),
            window_seconds: file.window_hours.unwrap_or(24).saturating_mul(3600),
            min_free_disk_percent: file.min_free_disk_percent.unwrap_or(15).min(100),
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

    /// The timeout of each BACKUP and RESTORE.
    pub fn window_seconds(&self) -> u32 {
        self.window_seconds
    }

    /// Of the fullest disk of every backend.
    pub fn min_free_disk_percent(&self) -> u8 {
        self.min_free_disk_percent
    }
}

/// What to log, where the environment says it.
pub fn log_filter() -> Option<String> {
    environment(variables::LOG)
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
fn password(environment: &dyn Fn(&str) -> Option<String>) -> Result<Secret, Error> {
    if let Some(password) = environment(variables::PASSWORD) {
        return Ok(Secret::new(password));
    }
    let Some(path) = environment(variables::PASSWORD_FILE) else {
        return Ok(Secret::new(String::new()));
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        invalid(format!(
            "{} names {path}, which cannot be read: {error}",
            variables::PASSWORD_FILE
        ))
    })?;
    Ok(Secret::new(text.trim_end_matches(['\n', '\r']).to_owned()))
}

fn check_tls(tls: TlsFile) -> Result<TlsSettings, Error> {
    let client = match (tls.client_cert, tls.client_key) {
        (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
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
        .map_err(invalid)?;
    Ok(TlsSettings {
        ca_cert: tls.ca_cert,
        client,
        verify_server_cert: tls.verify_server_cert.unwrap_or(true),
        versions,
    })
}

fn parsed<T>(key: &str, text: Option<String>) -> Result<Option<T>, Error>
where
    T: std::str::FromStr<Err = crate::ident::InvalidName>,
{
    text.map(|text| {
        text.parse()
            .map_err(|error| invalid(format!("{key}: {error}")))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn load(yaml: &str, environment: &[(&str, &str)]) -> Result<Settings, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), yaml).unwrap();
        let variables: BTreeMap<String, String> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::from_sources(Some(file.path()), &|name| variables.get(name).cloned())
    }

    const PYTHON: &str = r#"
host: "127.0.0.1"
port: 9030
user: "root"
database: "mydb"
repository: "repo"
table_inventory:
  - group: "production"
    tables:
      - database: "mydb"
        table: "users"
      - database: "mydb"
        table: "*"
tls:
  enabled: true
  ca_cert: "/etc/ca.pem"
  tls_versions: ["TLSv1.2", "TLSv1.3"]
"#;

    #[test]
    fn the_python_tools_file_is_read() {
        let settings = load(PYTHON, &[("STARROCKS_PASSWORD", "canary")]).unwrap();
        assert_eq!(
            settings.connection().frontends[0].to_string(),
            "127.0.0.1:9030"
        );
        assert_eq!(settings.repository().unwrap().as_str(), "repo");
        assert_eq!(settings.inventory().len(), 2);
        let tls = settings.connection().tls.as_ref().unwrap();
        assert!(tls.verify_server_cert && tls.versions.len() == 2);
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn no_file_is_needed() {
        let variables: BTreeMap<&str, &str> = [
            ("STARROCKS_HOST", "fe1,fe2:9031"),
            ("STARROCKS_USER", "br"),
            ("STARROCKS_REPOSITORY", "repo"),
        ]
        .into();
        let settings =
            Settings::from_sources(None, &|name| variables.get(name).map(|v| (*v).to_owned()))
                .unwrap();
        let frontends: Vec<String> = settings
            .connection()
            .frontends
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(frontends, ["fe1:9030", "fe2:9031"]);
    }

    #[test]
    fn environment_wins_over_the_file() {
        let settings = load(PYTHON, &[("STARROCKS_USER", "br")]).unwrap();
        assert_eq!(settings.connection().user, "br");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (yaml, environment, expected) in [
            (
                "hots: a\nuser: b",
                vec![],
                "unknown key 'hots': did you mean 'host'?",
            ),
            (
                "host: a\nuser: b\ntls: {enabld: true}",
                vec![],
                "unknown key 'tls.enabld': did you mean 'tls.enabled'?",
            ),
            ("user: b", vec![], "'host' is not configured"),
            ("host: a", vec![], "'user' is not configured"),
            (
                "host: a\nuser: b\nops_database: 'a b'",
                vec![],
                "ops_database: 'a b' is not a valid database name",
            ),
            (
                "host: a\nuser: b\ntime_zone: Nowhere/Land",
                vec![],
                "time_zone 'Nowhere/Land' is not a zone",
            ),
            (
                "host: a\nuser: b",
                vec![("STARROCKS_PORT", "x")],
                "STARROCKS_PORT is 'x'",
            ),
            ("host: [", vec![], "is not YAML"),
        ] {
            let error = load(yaml, &environment).unwrap_err();
            assert_eq!(error.name, ErrorName::InvalidConfig);
            assert!(error.to_string().contains(expected), "{yaml:?}: {error}");
        }
    }
}
