//! TLS of the connection to a frontend.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use mysql_async::{ClientIdentity, SslOpts};
use rustls::crypto::{CryptoProvider, ring};

use super::settings::{TlsSettings, TlsVersion};

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("TLS was already set up in this process with other versions: {}", list(.versions))]
    OtherVersions { versions: BTreeSet<TlsVersion> },
    #[error("TLS was already set up in this process by something else")]
    OtherProvider,
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
            .with_root_certs(vec![ca_cert.clone().into()])
            .with_disable_built_in_roots(true);
    }
    if let Some(client) = &settings.client {
        options = options.with_client_identity(Some(ClientIdentity::new(
            client.certificate.clone().into(),
            client.key.clone().into(),
        )));
    }
    Ok(options)
}

static INSTALLED: Mutex<Option<BTreeSet<TlsVersion>>> = Mutex::new(None);

fn install(versions: &BTreeSet<TlsVersion>) -> Result<(), TlsError> {
    let wanted = match versions.is_empty() {
        true => BTreeSet::from(TlsVersion::ALL),
        false => versions.clone(),
    };
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    match installed.as_ref() {
        Some(versions) if *versions == wanted => return Ok(()),
        Some(versions) => {
            return Err(TlsError::OtherVersions {
                versions: versions.clone(),
            });
        }
        None => {}
    }
    provider(&wanted)
        .install_default()
        .map_err(|_: Arc<CryptoProvider>| TlsError::OtherProvider)?;
    *installed = Some(wanted);
    Ok(())
}

fn provider(versions: &BTreeSet<TlsVersion>) -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(|suite| {
        let version = match suite.tls13() {
            Some(_) => TlsVersion::Tls13,
            None => TlsVersion::Tls12,
        };
        versions.contains(&version)
    });
    provider
}

fn list(versions: &BTreeSet<TlsVersion>) -> String {
    let names: Vec<&str> = versions.iter().map(|version| version.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_has_suites_of_the_wanted_versions_only() {
        let suites = |versions: &[TlsVersion]| {
            let versions = versions.iter().copied().collect();
            let suites = provider(&versions).cipher_suites;
            let tls13 = suites
                .iter()
                .filter(|suite| suite.tls13().is_some())
                .count();
            (suites.len() - tls13 > 0, tls13 > 0)
        };
        assert_eq!(suites(&[TlsVersion::Tls12]), (true, false));
        assert_eq!(suites(&[TlsVersion::Tls13]), (false, true));
        assert_eq!(suites(&TlsVersion::ALL), (true, true));
    }
}
