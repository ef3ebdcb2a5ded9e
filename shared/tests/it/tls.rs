use std::{
    collections::BTreeSet,
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use shared::{
    config::ConnectionSecret,
    error::{Error, ErrorName},
    secret::Secret,
    sql::show,
    starrocks::{
        Client,
        settings::{ClientCertificate, ConnectionSettings, Pem, TlsSettings},
    },
};
use starrocks_emulator::Profile;

use crate::{
    certificates::Signed,
    support::{Cluster, within},
};

const LOCAL: &[&str] = &["127.0.0.1", "localhost"];

fn settings(cluster: &Cluster, ca_cert: Option<PathBuf>) -> ConnectionSettings {
    ConnectionSettings {
        tls: Some(TlsSettings {
            ca_cert: ca_cert.map(Pem::File),
            client: None,
            verify_server_cert: true,
            versions: BTreeSet::new(),
        }),
        ..cluster.settings()
    }
}

fn cluster(server: &Signed) -> Cluster {
    Cluster::start_with(Profile::V3_5, |options| options.tls = Some(server.server()))
}

async fn refused(settings: &ConnectionSettings) -> Error {
    let error = Error::from(Client::connect(settings).await.unwrap_err());
    assert_eq!(error.name, ErrorName::Unreachable, "{error}");
    error
}

#[tokio::test]
async fn the_configured_authority_is_trusted() {
    within(20, async {
        let server = Signed::for_names(LOCAL);
        let cluster = cluster(&server);
        let mut client = Client::connect(&settings(&cluster, Some(server.authority())))
            .await
            .unwrap();
        assert!(!client.fetch(&show::databases()).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn no_other_authority_is_trusted() {
    within(20, async {
        let cluster = cluster(&Signed::for_names(LOCAL));
        let other = Signed::for_names(LOCAL);
        let error = refused(&settings(&cluster, Some(other.authority()))).await;
        assert!(error.to_string().contains("set `tls.ca_cert`"), "{error}");
        refused(&settings(&cluster, None)).await;
    })
    .await;
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    within(20, async {
        let server = Signed::for_names(&["fe.example"]);
        let cluster = cluster(&server);
        refused(&settings(&cluster, Some(server.authority()))).await;
    })
    .await;
}

#[tokio::test]
async fn verification_can_be_switched_off_by_name() {
    within(20, async {
        let cluster = cluster(&Signed::for_names(&["fe.example"]));
        let mut settings = settings(&cluster, None);
        settings.tls.as_mut().unwrap().verify_server_cert = false;
        Client::connect(&settings).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    within(20, async {
        let server = Signed::for_names(LOCAL);
        let person = Signed::for_names(&["br"]);
        let cluster = Cluster::start_with(Profile::V3_5, |options| {
            let mut tls = server.server();
            tls.client_authority = Some(std::fs::read_to_string(person.authority()).unwrap());
            options.tls = Some(tls);
        });
        let mut settings = settings(&cluster, Some(server.authority()));
        refused(&settings).await;
        settings.tls.as_mut().unwrap().client = Some(ClientCertificate {
            certificate: Pem::File(person.certificate()),
            key: Pem::File(person.key()),
        });
        Client::connect(&settings).await.unwrap();
    })
    .await;
}

/// Never a silent fall back to plain text.
#[tokio::test]
async fn a_server_without_tls_is_refused() {
    within(20, async {
        let cluster = Cluster::start(Profile::V3_5);
        let error = refused(&settings(&cluster, None)).await;
        assert!(error.to_string().contains("offers no TLS"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn plain_text_is_refused_by_a_server_that_wants_tls() {
    within(20, async {
        let cluster = cluster(&Signed::for_names(LOCAL));
        let error = refused(&cluster.settings()).await;
        assert!(
            error.to_string().contains("set `tls.enabled` to true"),
            "{error}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    within(20, async {
        let cluster = cluster(&Signed::for_names(LOCAL));
        let missing = PathBuf::from("/nowhere/ca.pem");
        let settings = settings(&cluster, Some(missing));
        let error = Error::from(Client::connect(&settings).await.unwrap_err());
        assert_eq!(error.name, ErrorName::InvalidConfig);
        assert!(
            error.to_string().contains("/nowhere/ca.pem cannot be read"),
            "{error}"
        );
    })
    .await;
}

/// A log that can be looked through.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// As a secret of Secrets Manager gives them: texts, which the error of no layer may quote.
#[tokio::test]
async fn keys_and_certificates_are_shown_nowhere() {
    const CANARY: &str = "Y2FuYXJ5LWtleS03ZjNh";
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    within(60, async {
        let server = Signed::for_names(LOCAL);
        let person = Signed::for_names(&["br"]);
        let stranger = Signed::for_names(&["br"]);
        let cluster = Cluster::start_with(Profile::V3_5, |options| {
            let mut tls = server.server();
            tls.client_authority = Some(std::fs::read_to_string(person.authority()).unwrap());
            options.tls = Some(tls);
            options.root_password = "canary-password".to_owned();
        });
        let text = |path: PathBuf| std::fs::read_to_string(path).unwrap();
        let (ca, certificate) = (text(server.authority()), text(person.certificate()));
        let key = text(person.key());
        let broken = |pem: &str| {
            let (head, rest) = pem.split_once('\n').unwrap();
            format!("{head}\n{CANARY}\n{rest}")
        };
        let cut = format!("-----BEGIN PRIVATE KEY-----\n{CANARY}");
        let password = "canary-password".to_owned();
        let (strange_certificate, strange_key) =
            (text(stranger.certificate()), text(stranger.key()));
        // What is wrong, and the name of the error, `None` where nothing is.
        let cases = [
            ("nothing", &password, &ca, &certificate, key.clone(), None),
            (
                "the password",
                &"canary-wrong".to_owned(),
                &ca,
                &certificate,
                key.clone(),
                Some(ErrorName::AccessDenied),
            ),
            (
                "the client's authority",
                &password,
                &ca,
                &strange_certificate,
                strange_key.clone(),
                Some(ErrorName::Unreachable),
            ),
            (
                "the server's authority",
                &password,
                &strange_certificate,
                &certificate,
                key.clone(),
                Some(ErrorName::Unreachable),
            ),
        ];
        let mut cases: Vec<_> = cases
            .into_iter()
            .map(|(what, password, ca, certificate, key, name)| {
                (
                    what,
                    password.clone(),
                    ca.clone(),
                    certificate.clone(),
                    key,
                    name.map(|name| vec![name]),
                )
            })
            .collect();
        // Which side of the line a text is on that is no PEM is the driver's business: it is refused.
        let refused = || Some(vec![ErrorName::Unreachable, ErrorName::InvalidConfig]);
        for (what, ca, certificate, key) in [
            ("the key", ca.clone(), certificate.clone(), broken(&key)),
            ("the end of the key", ca.clone(), certificate.clone(), cut),
            (
                "a key that is no PEM",
                ca.clone(),
                certificate.clone(),
                CANARY.to_owned(),
            ),
            (
                "the certificate",
                ca.clone(),
                broken(&certificate),
                key.clone(),
            ),
            (
                "the authority",
                broken(&ca),
                certificate.clone(),
                key.clone(),
            ),
        ] {
            cases.push((what, password.clone(), ca, certificate, key, refused()));
        }
        let mut shown = String::new();
        let mut secrets: Vec<String> = vec![
            CANARY.to_owned(),
            "canary-wrong".to_owned(),
            password.clone(),
        ];
        for (what, password, ca, certificate, key, names) in cases {
            for pem in [&ca, &certificate, &key] {
                let body = pem
                    .lines()
                    .filter(|line| !line.starts_with("-----") && line.len() > 16);
                secrets.extend(body.map(str::to_owned));
            }
            let pem = |text: &str| Pem::Text(Secret::new(text));
            let settings = ConnectionSettings {
                password: Secret::new(password.clone()),
                tls: Some(TlsSettings {
                    ca_cert: Some(pem(&ca)),
                    client: Some(ClientCertificate {
                        certificate: pem(&certificate),
                        key: pem(&key),
                    }),
                    verify_server_cert: true,
                    versions: BTreeSet::new(),
                }),
                ..cluster.settings()
            };
            let secret = serde_json::json!({
                "password": password, "ca_cert": ca, "client_cert": certificate, "client_key": key,
            });
            let secret = ConnectionSecret::parse("br", &Secret::new(secret.to_string())).unwrap();
            shown += &format!("{settings:?} {secret:?}\n");
            match Client::connect(&settings).await {
                Ok(client) => {
                    assert_eq!(names, None, "{what}");
                    client.close().await;
                }
                Err(error) => {
                    let error = Error::from(error);
                    let expected = names.unwrap_or_default();
                    assert!(expected.contains(&error.name), "{what}: {error}");
                    assert!(!error.hints.is_empty(), "{what}: {error}");
                    shown += &format!("{what}: {error} {error:?}\n");
                }
            }
        }
        shown += &String::from_utf8_lossy(&log.0.lock().unwrap());
        for secret in secrets {
            assert!(!shown.contains(&secret), "{secret} is shown: {shown}");
        }
    })
    .await;
}
