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
        Settings::from_sources(None, &|name| variables.get(name).map(|v| (*v).to_owned())).unwrap();
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
        (
            "host: a\nuser: b\ntls: {ca_cert: /ca.pem}",
            vec![],
            "'tls.enabled' is not configured",
        ),
        (
            "host: a\nuser: b\ntls: {enabled: true, client_cert: /c.pem}",
            vec![],
            "'tls.client_key' is not configured",
        ),
        (
            "host: a\nuser: b\ntls: {enabled: true, tls_versions: [TLSv1.1]}",
            vec![],
            "'TLSv1.1' is not a TLS version",
        ),
        (
            "host: a\nuser: b\nquery_timeout_seconds: 0",
            vec![],
            "query_timeout_seconds is 0\nhint: set query_timeout_seconds to a number from 1 to 259200",
        ),
        (
            "host: a\nuser: b\npassword: canary",
            vec![],
            "a password does not belong into the file",
        ),
        (
            "host: a\nuser: b",
            vec![("STARROCKS_PORT", "tcp://10.0.0.1:9030")],
            "enableServiceLinks",
        ),
    ] {
        let error = load(yaml, &environment).unwrap_err();
        assert_eq!(error.name, ErrorName::InvalidConfig);
        assert!(error.to_string().contains(expected), "{yaml:?}: {error}");
    }
}

#[test]
fn groups_need_no_file_either() {
    let read = |text: &str| load(PYTHON, &[("STARROCKS_TABLE_INVENTORY", text)]);
    for list in [
        "[{group: g, tables: [{database: d, table: a}, {database: d, table: '*'}]}]",
        r#"[{"group":"g","tables":[{"database":"d","table":"a"},{"database":"d","table":"*"}]}]"#,
        "- group: g\n  tables:\n  - {database: d, table: a}\n  - {database: d, table: '*'}\n",
    ] {
        let settings = read(list).unwrap();
        let rows = settings.inventory().iter();
        let rows: Vec<[&str; 3]> = rows
            .map(|row| [&*row.group, &*row.database, &*row.table])
            .collect();
        assert_eq!(rows, [["g", "d", "a"], ["g", "d", "*"]], "{list}");
    }
    for list in ["g", "[{group: g}]", "[{group: g, tabels: []}]", "[{"] {
        let error = read(list).unwrap_err();
        assert_eq!(error.name, ErrorName::InvalidConfig, "{list}");
        assert!(
            error.message.starts_with("STARROCKS_TABLE_INVENTORY: "),
            "{error}"
        );
        assert!(error.hints[0].contains("group: "), "{error}");
    }
}

/// Every key can be set without a file.
#[test]
fn every_key_has_a_variable() {
    let of_variables: std::collections::BTreeSet<&str> = variables::ALL
        .iter()
        .filter_map(|variable| variable.key)
        .collect();
    // Its own keys have one each.
    let keys = file::KEYS.into_iter().filter(|key| *key != "tls");
    assert_eq!(of_variables, keys.collect());
}

#[test]
fn a_misspelt_variable_is_refused() {
    let check = |name: &str| variables::check_names([name]).map_err(|error| error.message);
    assert_eq!(
        check("STARROCKS_REPOSITRY").unwrap_err(),
        "unknown environment variable STARROCKS_REPOSITRY: did you mean STARROCKS_REPOSITORY?"
    );
    assert_eq!(
        check("STARROCKS_BR_RETENTION").unwrap_err(),
        "unknown environment variable STARROCKS_BR_RETENTION"
    );
    // What Kubernetes and others set is none of our business.
    for name in [
        "STARROCKS_SERVICE_HOST",
        "STARROCKS_PORT_9030_TCP_ADDR",
        "PATH",
    ] {
        assert_eq!(check(name), Ok(()));
    }
    assert!(variables::ALL.iter().all(|known| check(known.name).is_ok()));
}

#[test]
fn a_password_file_holds_the_password() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "pass word\n").unwrap();
    let path = file.path().to_str().unwrap();
    let settings = load("host: a\nuser: b", &[("STARROCKS_PASSWORD_FILE", path)]).unwrap();
    assert_eq!(settings.connection().password.expose(), "pass word");
    let error = load(
        "host: a\nuser: b",
        &[("STARROCKS_PASSWORD_FILE", "/nowhere")],
    )
    .unwrap_err();
    assert!(
        error.message.contains("/nowhere, which cannot be read"),
        "{error}"
    );
}

fn with_secret(environment: &[(&str, &str)], secret: &str) -> Result<Settings, Error> {
    let secret = ConnectionSecret::parse("br", &Secret::new(secret)).unwrap();
    let variables: BTreeMap<&str, &str> = environment.iter().copied().collect();
    Source::read(ConfigFile::default(), &|name| {
        variables.get(name).map(|v| (*v).to_owned())
    })?
    .settings(Some(&secret))
}

const SECRET: &str = r#"{"host": "fe1", "port": 9031, "username": "br", "password": "canary",
    "ca_cert": "PEM"}"#;

#[test]
fn a_secret_is_enough() {
    let settings = with_secret(&[("STARROCKS_SECRET_ARN", "br")], SECRET).unwrap();
    let connection = settings.connection();
    assert_eq!(connection.frontends[0].to_string(), "fe1:9031");
    assert_eq!(connection.user, "br");
    assert_eq!(connection.password.expose(), "canary");
    let tls = connection.tls.as_ref().unwrap();
    assert_eq!(tls.ca_cert, Some(Pem::Text(Secret::new("PEM"))));
    assert!(tls.verify_server_cert);
    assert!(!format!("{settings:?}").contains("canary"));
}

#[test]
fn what_is_configured_wins_over_the_secret() {
    let settings = with_secret(
        &[
            ("STARROCKS_HOST", "fe2"),
            ("STARROCKS_USER", "other"),
            ("STARROCKS_TLS_ENABLED", "false"),
        ],
        SECRET,
    )
    .unwrap();
    let connection = settings.connection();
    assert_eq!(connection.frontends[0].to_string(), "fe2:9031");
    assert_eq!(connection.user, "other");
    assert_eq!(connection.tls, None);
    let settings = with_secret(
        &[
            ("STARROCKS_TLS_ENABLED", "true"),
            ("STARROCKS_TLS_CA_CERT", "/ca.pem"),
        ],
        SECRET,
    )
    .unwrap();
    let tls = settings.connection().tls.as_ref().unwrap();
    assert_eq!(tls.ca_cert, Some(Pem::File("/ca.pem".into())));
}

#[test]
fn a_password_besides_a_secret_is_refused() {
    let both = [("STARROCKS_SECRET_ARN", "br"), ("STARROCKS_PASSWORD", "x")];
    let error = with_secret(&both, SECRET).unwrap_err();
    assert_eq!(error.name, ErrorName::InvalidConfig);
    assert!(
        error.to_string().contains("STARROCKS_SECRET_ARN"),
        "{error}"
    );
}

#[test]
fn half_a_client_certificate_in_a_secret_is_refused() {
    let half = r#"{"host": "fe1", "username": "br", "password": "x", "client_cert": "PEM"}"#;
    let error = with_secret(&[], half).unwrap_err();
    assert!(error.to_string().contains("client_key"), "{error}");
}
