//! Certificates made for one test.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use starrocks_emulator::Tls;
use tempfile::TempDir;

/// An authority, and a certificate that it signed, in files of a directory of their own.
pub struct Signed {
    directory: TempDir,
}

impl Signed {
    pub fn for_names(names: &[&str]) -> Signed {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &authority)
            .unwrap();
        let signed = Signed {
            directory: tempfile::tempdir().unwrap(),
        };
        std::fs::write(signed.authority(), authority.pem()).unwrap();
        std::fs::write(signed.certificate(), certificate.pem()).unwrap();
        std::fs::write(signed.key(), key.serialize_pem()).unwrap();
        signed
    }

    pub fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("cert.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    /// A server with this certificate.
    pub fn server(&self) -> Tls {
        Tls {
            certificates: std::fs::read_to_string(self.certificate()).unwrap(),
            key: std::fs::read_to_string(self.key()).unwrap(),
            client_authority: None,
            required: true,
        }
    }
}
