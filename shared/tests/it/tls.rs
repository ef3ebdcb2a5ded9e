use std::{collections::BTreeSet, path::PathBuf};

use shared::{
    error::{Error, ErrorName},
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
