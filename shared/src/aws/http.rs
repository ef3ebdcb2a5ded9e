//! The HTTP client of the AWS SDK: HTTP/1.1, a connection of its own for each request.
//!
//! The SDK's own client brings HTTP/2, proxies and a pool: more program than all that a function does
//! itself, for one secret at its start.

use std::{
    error::Error as StdError,
    fmt, io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_sdk_secretsmanager::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::{body::SdkBody, retry::ErrorKind};
use hyper::{
    Request, Uri,
    client::conn::http1,
    header::{HOST, HeaderValue},
    rt::{Read, Write},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

pub(super) fn client() -> SharedHttpClient {
    SharedHttpClient::new(Http::default())
}

#[derive(Debug, Clone, Default)]
struct Http {
    tls: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl HttpClient for Http {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            http: self.clone(),
            connect_timeout: settings.connect_timeout(),
            read_timeout: settings.read_timeout(),
        })
    }
}

#[derive(Debug, Clone)]
struct Connector {
    http: Http,
    connect_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.exchange(request).await })
    }
}

impl Connector {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut request = request
            .try_into_http1x()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let target = Target::of(request.uri())?;
        address(&mut request, &target)?;
        let stream = within(self.connect_timeout, "connect", self.connect(&target)).await?;
        let answered = async {
            match stream {
                Stream::Plain(stream) => exchange(TokioIo::new(stream), request).await,
                Stream::Tls(stream) => exchange(TokioIo::new(stream), request).await,
            }
        };
        within(self.read_timeout, "answer", answered).await
    }

    async fn connect(&self, target: &Target) -> Result<Stream, ConnectorError> {
        let stream = self.connect_tcp(target).await.map_err(failed_io)?;
        if !target.is_tls {
            return Ok(Stream::Plain(stream));
        }
        let name = ServerName::try_from(target.host.clone())
            .map_err(|error| ConnectorError::user(error.into()))?;
        let connector = TlsConnector::from(Arc::clone(self.http.tls.get_or_init(trusting_system)));
        let stream = connector.connect(name, stream).await.map_err(failed_io)?;
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// Each address gets its share of the time: the first may be one to which there is no way.
    async fn connect_tcp(&self, target: &Target) -> io::Result<TcpStream> {
        let name = (target.host.as_str(), target.port);
        let addresses: Vec<_> = tokio::net::lookup_host(name).await?.collect();
        let most = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        let share = self.connect_timeout.map(|all| all / most.max(1));
        let mut failed = io::Error::other("the name has no address");
        for address in addresses {
            let connecting = TcpStream::connect(address);
            let connected = match share {
                Some(share) => timeout(share, connecting)
                    .await
                    .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
                None => connecting.await,
            };
            match connected {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

struct Target {
    host: String,
    port: u16,
    is_tls: bool,
}

impl Target {
    fn of(uri: &Uri) -> Result<Target, ConnectorError> {
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(ConnectorError::user("neither http nor https".into())),
        };
        let host = uri
            .host()
            .ok_or_else(|| ConnectorError::user("an address without a host".into()))?;
        Ok(Target {
            // An address of IPv6 has brackets there.
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or_else(|| usual_port(is_tls)),
            is_tls,
        })
    }
}

fn usual_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 80 }
}

/// What HTTP/1.1 wants of a request: where it goes in `Host`, and no more than the path in its first line.
/// The signature is over the same host: without the port that the scheme has anyway.
fn address(request: &mut Request<SdkBody>, target: &Target) -> Result<(), ConnectorError> {
    if !request.headers().contains_key(HOST) {
        let host = request.uri().host().unwrap_or_default();
        let host = match target.port == usual_port(target.is_tls) {
            true => host.to_owned(),
            false => format!("{host}:{}", target.port),
        };
        let host =
            HeaderValue::try_from(host).map_err(|error| ConnectorError::user(error.into()))?;
        request.headers_mut().insert(HOST, host);
    }
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    Ok(())
}

async fn exchange(
    stream: impl Read + Write + Unpin + Send + 'static,
    request: Request<SdkBody>,
) -> Result<HttpResponse, ConnectorError> {
    let (mut sender, connection) = http1::handshake(stream).await.map_err(failed)?;
    // It ends with the answer's body, or when nobody waits for that any longer.
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(failed)?;
    HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
        .map_err(|error| ConnectorError::other(error.into(), None))
}

async fn within<T>(
    limit: Option<Duration>,
    what: &'static str,
    work: impl Future<Output = Result<T, ConnectorError>>,
) -> Result<T, ConnectorError> {
    let Some(limit) = limit else {
        return work.await;
    };
    match timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(ConnectorError::timeout(Box::new(Late { what, limit }))),
    }
}

#[derive(Debug)]
struct Late {
    what: &'static str,
    limit: Duration,
}

impl fmt::Display for Late {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no {} within {:?}", self.what, self.limit)
    }
}

impl StdError for Late {}

fn failed_io(error: io::Error) -> ConnectorError {
    match error.kind() {
        io::ErrorKind::TimedOut => ConnectorError::timeout(error.into()),
        _ => ConnectorError::io(error.into()),
    }
}

/// The SDK tries again what is of the connection, and not what is of the request.
fn failed(error: hyper::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_user() {
        ConnectorError::user(error.into())
    } else if error.is_incomplete_message() {
        ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
    } else if error.is_parse() {
        ConnectorError::other(error.into(), None)
    } else {
        ConnectorError::io(error.into())
    }
}

/// The authorities of the system, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`. They are read with the
/// first request that needs them.
fn trusting_system() -> Arc<ClientConfig> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (trusted, _) = roots.add_parsable_certificates(found.certs);
    if trusted == 0 || !found.errors.is_empty() {
        tracing::warn!(trusted, errors = ?found.errors, "authorities are missing: they cannot be read");
    }
    // Not the process's own choice, which is what the connection to StarRocks may speak.
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has suites of every version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
