//! How to reach a cluster.

use std::{collections::BTreeSet, fmt, path::PathBuf, str::FromStr, time::Duration};

use crate::secret::Secret;

/// The port on which a frontend speaks the MySQL protocol, unless it was configured otherwise.
pub const DEFAULT_PORT: u16 = 9030;

#[derive(Debug, Clone)]
pub struct ConnectionSettings {
    /// At least one; tried in this order.
    pub frontends: Vec<FrontendAddress>,
    pub user: String,
    pub password: Secret,
    pub tls: Option<TlsSettings>,
    /// Of each statement, on the server; the client gives up a little later.
    pub query_timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrontendAddress {
    pub host: String,
    pub port: u16,
}

impl FrontendAddress {
    /// `host`, `host:port`, `[::1]:port` or a bare IPv6 address.
    pub fn parse(text: &str, default_port: u16) -> Result<FrontendAddress, InvalidAddress> {
        let invalid = || InvalidAddress {
            text: text.chars().take(200).collect(),
        };
        let text = text.trim();
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or_else(invalid)?;
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(invalid()),
            }
        } else if text.matches(':').count() == 1 {
            let (host, port) = text.split_once(':').ok_or_else(invalid)?;
            (host, Some(port))
        } else {
            (text, None)
        };
        let legal = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        if host.is_empty() || !host.chars().all(legal) {
            return Err(invalid());
        }
        let port = match port {
            Some(port) => u16::from_str(port).map_err(|_| invalid())?,
            None => default_port,
        };
        match port {
            0 => Err(invalid()),
            port => Ok(FrontendAddress {
                host: host.to_owned(),
                port,
            }),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not an address of a frontend: HOST or HOST:PORT is needed")]
pub struct InvalidAddress {
    pub text: String,
}

impl fmt::Display for FrontendAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(formatter, "[{}]:{}", self.host, self.port),
            false => write!(formatter, "{}:{}", self.host, self.port),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// With it, nothing but it is trusted; without it, the public authorities are.
    pub ca_cert: Option<Pem>,
    pub client: Option<ClientCertificate>,
    /// Off only when it was switched off by name.
    pub verify_server_cert: bool,
    /// Empty: all that are known.
    pub versions: BTreeSet<TlsVersion>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    pub certificate: Pem,
    pub key: Pem,
}

/// Certificates or a key: a file, or the text itself, as a store of secrets hands it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pem {
    File(PathBuf),
    Text(Secret),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

impl TlsVersion {
    pub const ALL: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

    pub fn as_str(self) -> &'static str {
        match self {
            TlsVersion::Tls12 => "TLSv1.2",
            TlsVersion::Tls13 => "TLSv1.3",
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for TlsVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        TlsVersion::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or_else(|| format!("'{text}' is not a TLS version: TLSv1.2 and TLSv1.3 are known"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("fe1", Some("fe1:9030")),
            ("fe1:19030", Some("fe1:19030")),
            (" 10.0.0.1 ", Some("10.0.0.1:9030")),
            ("[::1]:9031", Some("[::1]:9031")),
            ("[::1]", Some("[::1]:9030")),
            ("fe80::1", Some("[fe80::1]:9030")),
            ("", None),
            (":9030", None),
            ("fe1:0", None),
            ("fe1:99999", None),
            ("fe1:x", None),
            ("mysql://fe1", None),
            ("fe1,fe2", None),
            ("[::1", None),
        ] {
            let parsed = FrontendAddress::parse(text, DEFAULT_PORT).ok();
            assert_eq!(
                parsed.map(|address| address.to_string()).as_deref(),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn tls_versions() {
        assert_eq!("TLSv1.3".parse(), Ok(TlsVersion::Tls13));
        assert!("TLSv1.1".parse::<TlsVersion>().is_err());
    }
}
