//! The password from AWS Secrets Manager: over TLS, from a server of a trusted name and authority alone.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use serde_json::json;
use starrocks_emulator::Tls;
use tempfile::TempDir;
use tests::cluster::{Cluster, PASSWORD};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{
    support::{Shell, shop},
    tls::signed,
};

/// What the service does with a request.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Secret,
    /// The same, in chunks and without a length.
    InChunks,
    Denied,
    /// The connection is cut in the middle of an answer's head.
    Cut,
}

/// Secrets Manager, as much of it as one secret needs. It keeps what it was asked.
struct Service {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    directory: TempDir,
}

impl Service {
    /// The last answer is given again and again.
    async fn start(name: &str, answers: &'static [Answer]) -> Service {
        let (authority, tls) = signed(&[name]);
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), authority).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(listener, tls, answers, Arc::clone(&asked)));
        Service {
            port,
            asked,
            directory,
        }
    }

    fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A shell that has no password, and trusts nobody but the authority of `trusted`.
    fn shell(&self, cluster: &Cluster, trusted: &Service) -> Shell {
        Shell::at(cluster)
            .with("STARROCKS_USER", "")
            .with("STARROCKS_PASSWORD", "")
            .with("STARROCKS_SECRET_ARN", "starrocks/br")
            .with("AWS_REGION", "eu-central-1")
            .with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .with("AWS_SECRET_ACCESS_KEY", "canary-of-aws")
            .with("AWS_SESSION_TOKEN", "canary-of-session")
            .with(
                "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                &format!("https://localhost:{}", self.port),
            )
            .with("SSL_CERT_FILE", &trusted.authority().display().to_string())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    listener: TcpListener,
    tls: Tls,
    answers: &'static [Answer],
    asked: Arc<Mutex<Vec<String>>>,
) {
    let acceptor = starrocks_emulator::wire::tls::acceptor(&tls).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        // Who does not trust the certificate ends it here.
        let Ok(mut stream) = acceptor.accept(stream).await else {
            continue;
        };
        let Some(request) = read_request(&mut stream).await else {
            continue;
        };
        let count = {
            let mut asked = asked.lock().unwrap();
            asked.push(request);
            asked.len()
        };
        let answer = answers[count.min(answers.len()) - 1];
        let _ = stream.write_all(render(answer).as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream
            .read(&mut buffer)
            .await
            .ok()
            .filter(|length| *length > 0)?;
        request.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_lowercase();
        let (_, length) = head.split_once("content-length: ")?;
        if body.len() >= length.lines().next()?.parse().ok()? {
            return Some(format!("{head}\n\n{body}"));
        }
    }
}

fn render(answer: Answer) -> String {
    let secret = json!({ "username": "root", "password": PASSWORD }).to_string();
    let found = json!({ "Name": "starrocks/br", "SecretString": secret }).to_string();
    let denied = json!({ "__type": "AccessDeniedException", "Message": "not for you" }).to_string();
    match answer {
        Answer::Secret => with_length("200 OK", &found),
        Answer::InChunks => {
            let (first, second) = found.split_at(10);
            format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
                first.len(),
                second.len(),
            )
        }
        Answer::Denied => with_length("400 Bad Request", &denied),
        Answer::Cut => "HTTP/1.1 200".to_owned(),
    }
}

fn with_length(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_read_over_tls_with_a_signed_request() {
    let cluster = shop().await;
    for answers in [&[Answer::Secret][..], &[Answer::InChunks]] {
        let service = Service::start("localhost", answers).await;
        let run = service.shell(&cluster, &service).run("group list").await;
        let run = run.succeeded();
        assert!(run.out.contains("nightly"), "{run:#?}");
        let asked = service.asked();
        assert_eq!(asked.len(), 1, "{asked:#?}");
        for words in [
            "post / http/1.1\n",
            &format!("host: localhost:{}\n", service.port),
            "x-amz-target: secretsmanager.getsecretvalue\n",
            "authorization: aws4-hmac-sha256 credential=akidexample/",
            "/eu-central-1/secretsmanager/aws4_request",
            "\"SecretId\":\"starrocks/br\"",
        ] {
            let request = asked[0].replace("\r\n", "\n");
            assert!(request.contains(words), "'{words}': {request}");
        }
        assert!(!asked[0].contains("canary-of-aws"), "{asked:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_is_tried_again() {
    let cluster = shop().await;
    let service = Service::start("localhost", &[Answer::Cut, Answer::Secret]).await;
    let run = service.shell(&cluster, &service).run("group list").await;
    run.succeeded();
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_trusted_is_asked_nothing() {
    let cluster = Cluster::start(starrocks_emulator::Profile::V3_5).await;
    let local = Service::start("localhost", &[Answer::Secret]).await;
    let elsewhere = Service::start("elsewhere.example", &[Answer::Secret]).await;
    for (service, trusted, words) in [
        (&local, &elsewhere, "invalid peer certificate"),
        (&elsewhere, &elsewhere, "not valid for name \"localhost\""),
    ] {
        let run = service.shell(&cluster, trusted).run("group list").await;
        assert_eq!(run.code, Some(8), "{run:#?}");
        assert!(run.err.starts_with("Unreachable: "), "{run:#?}");
        assert!(run.err.contains("starrocks/br"), "{run:#?}");
        assert!(run.err.contains(words), "'{words}': {run:#?}");
        assert_eq!(service.asked(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_said_in_the_words_of_the_service() {
    let cluster = Cluster::start(starrocks_emulator::Profile::V3_5).await;
    let service = Service::start("localhost", &[Answer::Denied]).await;
    let run = service.shell(&cluster, &service).run("group list").await;
    assert!(run.err.starts_with("AccessDenied: "), "{run:#?}");
    assert!(run.err.contains("not for you"), "{run:#?}");
    assert_eq!(service.asked().len(), 1);
}

/// The SDK's own lines among them: it knows the secret, and the credentials that it asks with.
#[tokio::test(flavor = "multi_thread")]
async fn no_level_of_the_log_shows_a_secret() {
    let cluster = shop().await;
    let service = Service::start("localhost", &[Answer::Secret]).await;
    let shell = service.shell(&cluster, &service);
    let run = shell
        .with("STARROCKS_BR_LOG", "trace")
        .run("group list")
        .await;
    let run = run.succeeded();
    assert!(run.err.contains("GetSecretValue"), "{run:#?}");
    for secret in [PASSWORD, "canary-of-aws", "canary-of-session"] {
        assert!(!run.err.contains(secret), "{secret}: {run:#?}");
    }
}
