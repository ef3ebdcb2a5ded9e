//! The server: an emulator that listens on loopback, and the handle that tests hold.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use jiff::SignedDuration;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::{
    clock::Clock,
    engine::Engine,
    faults::Faults,
    profile::Profile,
    wire::{
        Connection,
        handshake::{Greeting, is_tls_request},
        packet,
        response::Response,
    },
};

#[derive(Debug, Clone)]
pub struct Options {
    pub profile: Profile,
    /// 0: any free port. The address is always 127.0.0.1.
    pub port: u16,
    pub clock: Clock,
    /// Zone of the FE's JVM.
    pub time_zone: String,
    /// The global `time_zone`, which new sessions get.
    pub session_time_zone: String,
    /// Directory that stands for object stores: `s3://bucket/x` and `s3a://bucket/x` are
    /// `<root>/bucket/x`.
    pub repository_root: PathBuf,
    pub backends: u32,
    pub default_replication_num: u32,
    pub root_password: String,
    /// Time between two steps of backup and restore jobs.
    pub tick: SignedDuration,
    /// Behave as the stand-in backend that the recordings were made with: it holds no rows, so a
    /// SELECT that a backend has to evaluate answers nothing, and a load raises the versions of all
    /// partitions of its table. Only for the replay of recordings.
    pub stand_in_backend: bool,
}

impl Options {
    /// One backend, everything in UTC, on a clock that stands still at `clock` until it is advanced.
    pub fn new(profile: Profile, clock: Clock, repository_root: impl Into<PathBuf>) -> Options {
        Options {
            profile,
            port: 0,
            clock,
            time_zone: "UTC".to_owned(),
            session_time_zone: "UTC".to_owned(),
            repository_root: repository_root.into(),
            backends: 1,
            default_replication_num: 1,
            root_password: String::new(),
            tick: SignedDuration::from_secs(3),
            stand_in_backend: false,
        }
    }
}

/// What all connections and the handle share.
#[derive(Debug)]
pub struct Shared {
    engine: Mutex<Engine>,
    pub faults: Faults,
    next_connection: AtomicU32,
}

impl Shared {
    /// A panic in one statement must not hide the state from the test that looks for its cause.
    pub fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running emulator. It stops when this is dropped.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Listens when this returns. It runs on threads of its own, so it can be used from synchronous
    /// and asynchronous tests.
    pub fn start(options: Options) -> io::Result<Emulator> {
        let engine = Engine::new(&options).map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            engine: Mutex::new(engine),
            faults: Faults::default(),
            next_connection: AtomicU32::new(1),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("emulator")
            .enable_all()
            .build()?;
        let served = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    result = serve(served, listener) => {
                        if let Err(error) = result {
                            tracing::error!(%error, "the emulator stopped listening");
                        }
                    }
                    _ = stopped => {}
                }
            });
            runtime.shutdown_timeout(Duration::from_secs(5));
        });
        Ok(Emulator {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Looks into the engine or changes it, between two statements.
    pub fn with_engine<T>(&self, act: impl FnOnce(&mut Engine) -> T) -> T {
        act(&mut self.shared.engine())
    }

    /// Moves a manual clock; jobs take the steps that fall due.
    pub fn advance(&self, by: SignedDuration) {
        self.shared.engine().advance(by);
    }

    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(shared: Arc<Shared>, listener: std::net::TcpListener) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut timer = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, peer) = accepted?;
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    if let Err(error) = connection(shared, stream, peer).await {
                        tracing::debug!(%error, "a connection ended");
                    }
                });
            }
            // A running clock moves while nobody asks anything: jobs go on.
            _ = timer.tick() => {
                let mut engine = shared.engine();
                if matches!(engine.clock, Clock::Running { .. }) {
                    engine.tick();
                }
            }
        }
    }
}

async fn connection(
    shared: Arc<Shared>,
    mut stream: TcpStream,
    peer: SocketAddr,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let id = shared.next_connection.fetch_add(1, Ordering::Relaxed);
    let profile = shared.engine().profile;
    let greeting = Greeting::new(profile, false, salt(id));
    let mut response = Response::new(0);
    response.packet(&greeting.encode(profile, id));
    stream.write_all(&response.bytes).await?;
    let (login, sequence) = packet::read(&mut stream).await?;
    if is_tls_request(&login) {
        return Err(packet::malformed());
    }
    let connection = Connection {
        shared,
        stream,
        id,
        peer: peer.to_string(),
        follower: false,
        greeting,
    };
    connection.run(login, sequence).await
}

/// 20 printable bytes, different for each connection. It protects nothing here: the server is on
/// loopback and its passwords are those of tests.
fn salt(connection: u32) -> [u8; 20] {
    use sha1::{Digest, Sha1};
    let digest = Sha1::digest(format!("{connection} {:?}", std::time::Instant::now()));
    std::array::from_fn(|index| b'!' + digest[index] % 90)
}
