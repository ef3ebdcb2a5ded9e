//! The connection's part of the settings, as a secret of AWS Secrets Manager holds it.

use serde::Deserialize;
use serde_json::Value;

use super::{file::OneOrMany, invalid};
use crate::{error::Error, secret::Secret};

/// Fields that StarRocks' own or a rotation's tooling adds (`engine`, `dbname`, `masterarn`) are no
/// concern of ours.
#[derive(Debug, Clone, Deserialize)]
pub struct ConnectionSecret {
    pub(super) host: Option<OneOrMany>,
    #[serde(default, deserialize_with = "number_or_text")]
    pub(super) port: Option<u16>,
    pub(super) username: Option<String>,
    pub(super) password: Secret,
    /// PEM texts, not paths.
    pub(super) ca_cert: Option<Secret>,
    pub(super) client_cert: Option<Secret>,
    pub(super) client_key: Option<Secret>,
}

impl ConnectionSecret {
    /// `name` is that of the secret: its text must appear in no message, so the parser's words, which
    /// quote values, do not either.
    pub fn parse(name: &str, text: &Secret) -> Result<ConnectionSecret, Error> {
        let fields: Value = serde_json::from_str(text.expose())
            .map_err(|_| invalid(format!("the secret {name} is not JSON")).hint(SHAPE))?;
        serde_json::from_value(fields).map_err(|_| {
            invalid(format!(
                "the secret {name} has no password, or a field of the wrong type"
            ))
            .hint(SHAPE)
        })
    }
}

const SHAPE: &str = r#"it must be {"username": "...", "password": "..."}, with "host" (text or list), "port", "ca_cert", "client_cert" and "client_key" (PEM texts) as needed"#;

/// Secrets that a console form or RDS tooling wrote have the port as text.
fn number_or_text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Port {
        Number(u16),
        Text(String),
    }
    match Option::<Port>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Port::Number(port)) => Ok(Some(port)),
        Some(Port::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConnectionSecret, Error> {
        ConnectionSecret::parse("starrocks/br", &Secret::new(text))
    }

    #[test]
    fn what_rotation_tools_write_is_read() {
        let secret = parse(
            r#"{"host": ["fe1", "fe2"], "port": "9031", "username": "br", "password": "canary",
                "engine": "mysql"}"#,
        )
        .unwrap();
        assert_eq!(secret.port, Some(9031));
        assert_eq!(secret.password.expose(), "canary");
        assert!(!format!("{secret:?}").contains("canary"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_text() {
        for text in [
            "canary",
            r#"["canary"]"#,
            r#"{"username": "canary"}"#,
            r#"{"password": "canary", "port": "canary"}"#,
            r#"{"password": {"canary": 1}}"#,
        ] {
            let error = parse(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("starrocks/br"), "{shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
}
