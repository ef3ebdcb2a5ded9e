//! The server: an emulator that listens on loopback, and the handle that tests hold.

mod accept;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU32},
    thread::JoinHandle,
    time::Duration,
};

use jiff::SignedDuration;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::{engine::Engine, faults::Faults, options::Options, wire::tls};

/// What all connections and the handle share.
#[derive(Debug)]
pub struct Shared {
    engine: Mutex<Engine>,
    pub faults: Faults,
    next_connection: AtomicU32,
    tls: Option<Acceptor>,
}

/// TLS as the options have it.
struct Acceptor {
    acceptor: TlsAcceptor,
    required: bool,
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Acceptor {{ required: {} }}", self.required)
    }
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
    follower_address: Option<SocketAddr>,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Listens when this returns. It runs on threads of its own, so it can be used from synchronous
    /// and asynchronous tests.
    pub fn start(options: Options) -> io::Result<Emulator> {
        let mut engine = Engine::new(&options).map_err(io::Error::other)?;
        let tls = match &options.tls {
            Some(tls) => Some(Acceptor {
                acceptor: tls::acceptor(tls)?,
                required: tls.required,
            }),
            None => None,
        };
        let listener = listen(options.port)?;
        let address = listener.local_addr()?;
        engine.nodes.frontends[0].query_port = address.port();
        let mut listeners = vec![(listener, engine.nodes.frontends[0].id)];
        let mut follower_address = None;
        if options.follower {
            let listener = listen(0)?;
            let address = listener.local_addr()?;
            listeners.push((listener, engine.nodes.add_follower(address.port())));
            follower_address = Some(address);
        }
        let shared = Arc::new(Shared {
            engine: Mutex::new(engine),
            faults: Faults::default(),
            next_connection: AtomicU32::new(1),
            tls,
        });
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
                    result = accept::serve(served, listeners) => {
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
            follower_address,
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

    /// Where the second frontend listens, with [`Options::follower`].
    pub fn follower_addr(&self) -> Option<SocketAddr> {
        self.follower_address
    }

    /// Looks into the engine or changes it, between two statements. `act` must not come back to this
    /// handle: it would wait for itself.
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

    /// The leader restarts: its sessions end, and jobs fall back to what was journaled.
    pub fn restart_frontend(&self) {
        let mut engine = self.shared.engine();
        engine.end_sessions_of_leader();
        engine.restart_jobs();
    }

    /// The other frontend becomes the leader: sessions of the old one end, and jobs go on from what
    /// was journaled. Without a second frontend this is an error.
    pub fn change_leader(&self) -> Result<(), String> {
        let mut engine = self.shared.engine();
        engine.end_sessions_of_leader();
        engine.nodes.change_leader()?;
        engine.move_jobs_to_new_leader();
        Ok(())
    }
}

fn listen(port: u16) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
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
