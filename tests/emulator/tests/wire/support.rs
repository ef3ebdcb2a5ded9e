//! An emulator in a directory of its own, and connections to it.

use std::{future::Future, time::Duration};

use mysql_async::{Conn, Opts, OptsBuilder, prelude::Queryable};
use starrocks_emulator::{Clock, Emulator, Options, Profile};
use tempfile::TempDir;

pub struct Cluster {
    pub emulator: Emulator,
    _directory: TempDir,
}

pub fn options() -> (Options, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual("2026-11-21T10:00:00Z".parse().unwrap());
    (
        Options::new(Profile::V4_1, clock, directory.path()),
        directory,
    )
}

pub fn cluster() -> Cluster {
    cluster_with(|_| {})
}

pub fn cluster_with(change: impl FnOnce(&mut Options)) -> Cluster {
    let (mut options, directory) = options();
    change(&mut options);
    Cluster {
        emulator: Emulator::start(options).unwrap(),
        _directory: directory,
    }
}

impl Cluster {
    pub fn opts(&self) -> OptsBuilder {
        OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.emulator.port())
            .user(Some("root"))
            .prefer_socket(false)
            .max_allowed_packet(Some(1 << 25))
            .wait_timeout(Some(28_800))
    }

    pub async fn connect(&self) -> Conn {
        self.connect_with(self.opts()).await.unwrap()
    }

    pub async fn connect_as(&self, user: &str, password: &str) -> mysql_async::Result<Conn> {
        self.connect_with(self.opts().user(Some(user)).pass(Some(password)))
            .await
    }

    pub async fn connect_with(&self, opts: OptsBuilder) -> mysql_async::Result<Conn> {
        Conn::new(Opts::from(opts)).await
    }
}

/// Runs a test that must not hang.
pub fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { tokio::time::timeout(Duration::from_secs(60), test).await })
        .expect("the test took more than a minute");
}

/// Code and message of a server error.
pub fn server_error<T: std::fmt::Debug>(result: mysql_async::Result<T>) -> (u16, String) {
    match result.unwrap_err() {
        mysql_async::Error::Server(error) => (error.code, error.message),
        other => panic!("not a server error: {other}"),
    }
}

/// The first column of all rows.
pub async fn first_column(conn: &mut Conn, sql: &str) -> Vec<String> {
    let rows: Vec<mysql_async::Row> = conn.query(sql).await.unwrap();
    rows.into_iter()
        .map(|row| row.get::<String, usize>(0).unwrap())
        .collect()
}
