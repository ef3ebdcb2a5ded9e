//! TLS versions are chosen once per process, so this is a process of its own.

#[path = "it/certificates.rs"]
mod certificates;
#[path = "it/support.rs"]
#[expect(dead_code, reason = "the other test binary uses the rest")]
mod support;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use shared::{
    error::{Error, ErrorName},
    starrocks::{
        Client,
        settings::{Pem, TlsSettings, TlsVersion},
    },
};
use starrocks_emulator::Profile;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use certificates::Signed;
use support::{Cluster, address, settings, within};

/// Passes everything on, and keeps what the client said.
async fn listening_proxy(to: u16) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = heard.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let keep = keep.clone();
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                    keep.lock().unwrap().extend_from_slice(&buffer[..length]);
                    to_server.write_all(&buffer[..length]).await.unwrap();
                }
            });
        }
    });
    (port, heard)
}

/// The extension `supported_versions` of the first message of TLS: one entry, TLS 1.3 (RFC 8446, 4.2.1).
const ONLY_TLS13: &[u8] = &[0x00, 0x2b, 0x00, 0x03, 0x02, 0x03, 0x04];

#[tokio::test]
async fn only_the_configured_versions_are_offered() {
    within(20, async {
        let server = Signed::for_names(&["127.0.0.1"]);
        let cluster = Cluster::start_with(Profile::V3_5, |options| {
            options.tls = Some(server.server());
        });
        let (port, heard) = listening_proxy(cluster.emulator.port()).await;
        let mut settings = settings([address(port)]);
        settings.tls = Some(TlsSettings {
            ca_cert: Some(Pem::File(server.authority())),
            client: None,
            verify_server_cert: true,
            versions: BTreeSet::from([TlsVersion::Tls13]),
        });
        Client::connect(&settings).await.unwrap();
        let heard = heard.lock().unwrap().clone();
        let offered = heard
            .windows(ONLY_TLS13.len())
            .filter(|bytes| *bytes == ONLY_TLS13);
        assert_eq!(offered.count(), 1);

        // Another choice in the same process would silently not be obeyed.
        settings.tls.as_mut().unwrap().versions = BTreeSet::from([TlsVersion::Tls12]);
        let error = Error::from(Client::connect(&settings).await.unwrap_err());
        assert_eq!(error.name, ErrorName::InvalidConfig);
        assert!(
            error.to_string().contains("TLSv1.2 wanted, but TLSv1.3"),
            "{error}"
        );
    })
    .await;
}
