//! TLS that is refused: which of the two sides does not want what, and what to do about it.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use starrocks_emulator::{Clock, Emulator, Options, Profile, Tls};
use tempfile::TempDir;
use tests::cluster::PASSWORD;

use super::support::Shell;

/// A cluster with a certificate for these names, or without TLS.
struct Server {
    emulator: Emulator,
    directory: TempDir,
}

impl Server {
    fn start(names: Option<&[&str]>) -> Server {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-03-01T04:00:00Z".parse().unwrap());
        let mut options = Options::new(Profile::V3_5, clock, directory.path());
        options.root_password = PASSWORD.to_owned();
        options.tls = names.map(|names| {
            let (authority, tls) = signed(names);
            std::fs::write(directory.path().join("ca.pem"), authority).unwrap();
            tls
        });
        Server {
            emulator: Emulator::start(options).unwrap(),
            directory,
        }
    }

    fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn shell(&self) -> Shell {
        Shell::empty()
            .with(
                "STARROCKS_HOST",
                &format!("127.0.0.1:{}", self.emulator.port()),
            )
            .with("STARROCKS_USER", "root")
            .with("STARROCKS_PASSWORD", PASSWORD)
            .with("STARROCKS_REPOSITORY", "repo")
    }
}

pub fn signed(names: &[&str]) -> (String, Tls) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let tls = Tls {
        certificates: certificate.pem(),
        key: key.serialize_pem(),
        client_authority: None,
        required: true,
    };
    (authority.pem(), tls)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_says_which_it_is_and_what_to_do() {
    const LOCAL: &[&str] = &["127.0.0.1"];
    let plain = Server::start(None);
    let local = Server::start(Some(LOCAL));
    let stranger = Server::start(Some(&["fe.example"]));
    let ca = |server: &Server| server.authority().display().to_string();
    let on = |server: &Server, ca: &str| {
        server
            .shell()
            .with("STARROCKS_TLS_ENABLED", "true")
            .with("STARROCKS_TLS_CA_CERT", ca)
    };
    for (shell, says, hint) in [
        (
            on(&plain, &ca(&local)),
            "the frontend offers no TLS",
            "`tls.enabled` to false",
        ),
        (
            local.shell(),
            "accepts connections with TLS only",
            "`tls.enabled` to true",
        ),
        (
            on(&local, &ca(&stranger)),
            "signed by an authority that is not trusted",
            "set `tls.ca_cert`",
        ),
        (
            on(&local, ""),
            "signed by an authority that is not trusted",
            "set `tls.ca_cert`",
        ),
        (
            on(&stranger, &ca(&stranger)),
            "certificate is for another name",
            "set `host`",
        ),
    ] {
        for line in ["doctor", "backup full --group nightly"] {
            let run = shell.run(line).await;
            assert_eq!(run.code, Some(8), "{run:#?}");
            assert_eq!(run.out, "", "{run:#?}");
            assert!(run.err.starts_with("Unreachable: "), "{run:#?}");
            for words in [says, hint, "127.0.0.1:"] {
                assert!(run.err.contains(words), "'{words}': {run:#?}");
            }
            assert_eq!(run.err.matches("hint: ").count(), 1, "{run:#?}");
        }
    }
    let missing = on(&local, "/nowhere/ca.pem").run("doctor").await;
    assert_eq!(missing.code, Some(2), "{missing:#?}");
    assert!(missing.err.contains("/nowhere/ca.pem"), "{missing:#?}");
    let fine = on(&local, &ca(&local)).run("doctor").await;
    assert_eq!(fine.code, Some(4), "an empty cluster: {fine:#?}");
    assert!(fine.out.contains("3.5"), "{fine:#?}");
}
