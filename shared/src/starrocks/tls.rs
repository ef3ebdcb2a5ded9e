//! TLS of the connection to a frontend.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use mysql_async::{ClientIdentity, SslOpts};
use rustls::{
    SupportedCipherSuite,
    crypto::{CryptoProvider, ring},
};

use super::settings::{Pem, TlsSettings, TlsVersion};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// Two settings of one process ask for different versions.
    #[error("{} wanted, but {} set up for this process already", list(.wanted), list(.installed))]
    OtherVersions {
        wanted: BTreeSet<TlsVersion>,
        installed: BTreeSet<TlsVersion>,
    },
    #[error("{} cannot be read: {reason}", .path.display())]
    File { path: PathBuf, reason: String },
}

/// The driver takes the versions from the process, not from the connection: what may be spoken is
/// what the process-wide provider has cipher suites for. So they are chosen once per process.
pub(super) fn options(settings: &TlsSettings) -> Result<SslOpts, TlsError> {
    install(&settings.versions)?;
    let mut options = SslOpts::default()
        .with_danger_accept_invalid_certs(!settings.verify_server_cert)
        .with_danger_skip_domain_validation(!settings.verify_server_cert);
    if let Some(ca_cert) = &settings.ca_cert {
        options = options
            .with_root_certs(vec![of_driver(ca_cert)?])
            .with_disable_built_in_roots(true);
    }
    if let Some(client) = &settings.client {
        options = options.with_client_identity(Some(ClientIdentity::new(
            of_driver(&client.certificate)?,
            of_driver(&client.key)?,
        )));
    }
    Ok(options)
}

/// As the driver takes it; it does not export the type's name.
fn of_driver<P: From<PathBuf> + From<Vec<u8>>>(pem: &Pem) -> Result<P, TlsError> {
    match pem {
        Pem::File(path) => {
            check_file(path)?;
            Ok(path.clone().into())
        }
        Pem::Text(text) => Ok(text.expose().as_bytes().to_vec().into()),
    }
}

/// The driver would not say which file it cannot read.
fn check_file(path: &Path) -> Result<(), TlsError> {
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(TlsError::File {
            path: path.to_owned(),
            reason: error.to_string(),
        }),
    }
}

fn install(versions: &BTreeSet<TlsVersion>) -> Result<(), TlsError> {
    let wanted = match versions.is_empty() {
        true => BTreeSet::from(TlsVersion::ALL),
        false => versions.clone(),
    };
    // Fails where one is installed already, by an earlier connection or by another library.
    let _ = provider(&wanted).install_default();
    let installed = CryptoProvider::get_default().map(|provider| versions_of(provider));
    match installed {
        Some(installed) if installed == wanted => Ok(()),
        installed => Err(TlsError::OtherVersions {
            wanted,
            installed: installed.unwrap_or_default(),
        }),
    }
}

fn provider(versions: &BTreeSet<TlsVersion>) -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider
        .cipher_suites
        .retain(|suite| versions.contains(&version_of(suite)));
    provider
}

fn versions_of(provider: &CryptoProvider) -> BTreeSet<TlsVersion> {
    provider.cipher_suites.iter().map(version_of).collect()
}

fn version_of(suite: &SupportedCipherSuite) -> TlsVersion {
    match suite.tls13() {
        Some(_) => TlsVersion::Tls13,
        None => TlsVersion::Tls12,
    }
}

fn list(versions: &BTreeSet<TlsVersion>) -> String {
    let names: Vec<&str> = versions.iter().map(|version| version.as_str()).collect();
    names.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_has_suites_of_the_wanted_versions_only() {
        for versions in [
            &[TlsVersion::Tls12][..],
            &[TlsVersion::Tls13],
            &TlsVersion::ALL,
        ] {
            let versions = versions.iter().copied().collect();
            assert_eq!(versions_of(&provider(&versions)), versions);
        }
    }
}
