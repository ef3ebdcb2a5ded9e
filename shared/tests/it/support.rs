//! An emulator, and a client of it.

use std::{future::Future, time::Duration};

use shared::{
    secret::Secret,
    sql::{FromRow, Query, Row, RowError, Sql, Statement},
    starrocks::{Client, ConnectionSettings, FrontendAddress},
};
use starrocks_emulator::{Clock, Emulator, Options, Profile};
use tempfile::TempDir;

/// An emulator with a directory of its own for repositories.
pub struct Cluster {
    pub emulator: Emulator,
    _root: TempDir,
}

impl Cluster {
    pub fn start(profile: Profile) -> Cluster {
        Cluster::start_with(profile, |_| {})
    }

    pub fn start_with(profile: Profile, change: impl FnOnce(&mut Options)) -> Cluster {
        let root = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-03-01T04:00:00Z".parse().unwrap());
        let mut options = Options::new(profile, clock, root.path());
        change(&mut options);
        Cluster {
            emulator: Emulator::start(options).unwrap(),
            _root: root,
        }
    }

    pub fn address(&self) -> FrontendAddress {
        address(self.emulator.port())
    }

    pub fn settings(&self) -> ConnectionSettings {
        settings([self.address()])
    }

    pub async fn client(&self) -> Client {
        Client::connect(&self.settings()).await.unwrap()
    }

    /// How often a statement that contains `text` arrived.
    pub fn arrived(&self, text: &str) -> usize {
        let journal = self.emulator.faults().journal();
        journal
            .iter()
            .filter(|entry| entry.sql.contains(text))
            .count()
    }
}

pub fn address(port: u16) -> FrontendAddress {
    FrontendAddress {
        host: "127.0.0.1".into(),
        port,
    }
}

pub fn settings(frontends: impl IntoIterator<Item = FrontendAddress>) -> ConnectionSettings {
    ConnectionSettings {
        frontends: frontends.into_iter().collect(),
        user: "root".into(),
        password: Secret::new(""),
        tls: None,
        query_timeout: Duration::from_secs(60),
    }
}

/// A statement of a test, as a person would type it.
pub fn write(sql: &str) -> Statement {
    Sql::new("").engine_text(sql).writes("test")
}

pub fn read<R>(sql: &str) -> Query<R> {
    Sql::new("").engine_text(sql).query("test")
}

pub async fn run_all(client: &mut Client, statements: &[&str]) {
    for sql in statements {
        client
            .run(&write(sql))
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}: {:?}", error.engine_words()));
    }
}

/// The column `v`.
#[derive(Debug, PartialEq, Eq)]
pub struct Value(pub Option<String>);

impl FromRow for Value {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Value(row.optional("v")?.map(str::to_owned)))
    }
}

/// No test waits for ever.
pub async fn within<T>(seconds: u64, test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), test)
        .await
        .expect("the test takes too long")
}

/// Waits for something that another task does.
#[expect(clippy::disallowed_methods, reason = "tests may look again and again")]
pub async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
