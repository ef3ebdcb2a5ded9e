use mysql_async::{Conn, SslOpts, prelude::Queryable};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use starrocks_emulator::Tls;

use crate::support::{Cluster, cluster_with, first_column, run, server_error};

/// An authority as PEM, and certificate and key that it signed.
struct Signed {
    authority: String,
    certificate: String,
    key: String,
}

fn signed() -> Signed {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    Signed {
        authority: authority.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

fn tls_cluster(server: &Signed, required: bool) -> Cluster {
    let tls = Tls {
        certificates: server.certificate.clone(),
        key: server.key.clone(),
        client_authority: None,
        required,
    };
    cluster_with(|options| options.tls = Some(tls))
}

async fn connect(cluster: &Cluster, authority: &str) -> mysql_async::Result<Conn> {
    let ssl = SslOpts::default()
        .with_root_certs(vec![authority.as_bytes().to_vec().into()])
        .with_disable_built_in_roots(true);
    cluster
        .connect_with(cluster.opts().ssl_opts(Some(ssl)))
        .await
}

#[test]
fn a_client_that_asks_for_tls_gets_it() {
    run(async {
        let server = signed();
        let cluster = tls_cluster(&server, false);
        let mut conn = connect(&cluster, &server.authority).await.unwrap();
        let names = first_column(&mut conn, "SHOW VARIABLES LIKE 'time_zone'").await;
        assert_eq!(names, ["time_zone"]);
        // One that does not ask is let in too.
        cluster.connect().await.ping().await.unwrap();
    });
}

#[test]
fn a_certificate_of_another_authority_is_refused_by_the_client() {
    run(async {
        let cluster = tls_cluster(&signed(), false);
        assert!(connect(&cluster, &signed().authority).await.is_err());
    });
}

#[test]
fn plain_text_is_refused_where_tls_is_required() {
    run(async {
        let server = signed();
        let cluster = tls_cluster(&server, true);
        connect(&cluster, &server.authority).await.unwrap();
        let (code, message) = server_error(cluster.connect_with(cluster.opts()).await);
        assert_eq!(code, 5205);
        assert_eq!(
            message,
            "Connections using insecure transport are prohibited"
        );
    });
}
