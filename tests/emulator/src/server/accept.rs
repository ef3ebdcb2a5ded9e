//! From a TCP connection to a session.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use super::Shared;
use crate::{
    clock::Clock,
    reply::SqlError,
    wire::{
        Connection, Stream,
        handshake::{Greeting, is_tls_request},
        packet,
        response::Response,
    },
};

/// Listens for each frontend, and keeps a running clock's jobs going while nobody asks anything.
pub(super) async fn serve(
    shared: Arc<Shared>,
    listeners: Vec<(std::net::TcpListener, i64)>,
) -> io::Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for (listener, frontend) in listeners {
        let listener = TcpListener::from_std(listener)?;
        tasks.spawn(listen(Arc::clone(&shared), listener, frontend));
    }
    let mut timer = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            Some(ended) = tasks.join_next() => return ended.map_err(io::Error::other)?,
            _ = timer.tick() => {
                let mut engine = shared.engine();
                if matches!(engine.clock, Clock::Running { .. }) {
                    engine.tick();
                }
            }
        }
    }
}

async fn listen(shared: Arc<Shared>, listener: TcpListener, frontend: i64) -> io::Result<()> {
    loop {
        let (stream, peer) = listener.accept().await?;
        if shared.faults.refuses_connections() {
            continue;
        }
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            if let Err(error) = connection(shared, stream, peer, frontend).await {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
}

async fn connection(
    shared: Arc<Shared>,
    mut stream: TcpStream,
    peer: SocketAddr,
    frontend: i64,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let id = shared.next_connection.fetch_add(1, Ordering::Relaxed);
    let profile = shared.engine().profile;
    let greeting = Greeting::new(profile, shared.tls.is_some(), salt(id));
    let mut response = Response::new(0);
    response.packet(&greeting.encode(profile, id));
    stream.write_all(&response.bytes).await?;
    let (login, sequence) = packet::read(&mut stream).await?;
    let start = Start {
        id,
        peer: peer.to_string(),
        frontend,
        greeting,
    };
    let tls = shared.tls.as_ref();
    match tls.filter(|_| is_tls_request(&login)) {
        Some(tls) => {
            let mut stream = tls.acceptor.accept(stream).await?;
            let (login, sequence) = packet::read(&mut stream).await?;
            start.run(shared, stream, login, sequence).await
        }
        None if tls.is_some_and(|tls| tls.required) => {
            let mut response = Response::new(sequence);
            response.error(&SqlError::new(
                5205,
                "HY000",
                "Connections using insecure transport are prohibited",
            ));
            stream.write_all(&response.bytes).await
        }
        None => start.run(shared, stream, login, sequence).await,
    }
}

/// What is known of a connection before its transport is.
struct Start {
    id: u32,
    peer: String,
    frontend: i64,
    greeting: Greeting,
}

impl Start {
    async fn run(
        self,
        shared: Arc<Shared>,
        stream: impl Stream,
        login: Vec<u8>,
        sequence: u8,
    ) -> io::Result<()> {
        let connection = Connection {
            shared,
            stream,
            id: self.id,
            peer: self.peer,
            frontend: self.frontend,
            greeting: self.greeting,
        };
        connection.run(login, sequence).await
    }
}

/// 20 printable bytes, different for each connection. It protects nothing here: the server is on
/// loopback and its passwords are those of tests.
fn salt(connection: u32) -> [u8; 20] {
    use sha1::{Digest, Sha1};
    let digest = Sha1::digest(format!("{connection} {:?}", std::time::Instant::now()));
    std::array::from_fn(|index| b'!' + digest[index] % 90)
}
