//! One emulated StarRocks cluster with a repository, and a plain SQL session to it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use mysql_async::{Conn, OptsBuilder, Row, Value, prelude::Queryable};
use shared::{config::Settings, context::Context};
use starrocks_emulator::{Clock, Emulator, Options, Profile};
use tempfile::TempDir;

pub const REPOSITORY: &str = "repo";
pub const BUCKET: &str = "backups";
pub const PASSWORD: &str = "canary-7f3a-secret";
/// Of the repository: StarRocks knows it, and no statement of ours asks for it.
pub const SECRET_KEY: &str = "canary-91c4-secret-key";

/// How NULL reads among texts. No text reads like it, the word NULL included.
pub const NULL: &str = "\0NULL";

/// Stops when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    pub emulator: Arc<Emulator>,
    root: Arc<TempDir>,
    place: Place,
}

/// When and where clusters stand that do not ask for their own. The suite says the dates of the first day;
/// on another one, executions are started by a clock that shows the first day all the same.
#[derive(Debug, Clone)]
struct Place {
    zone: String,
    /// How much later than on the first day it is.
    later: SignedDuration,
}

const FIRST_DAY: &str = "2026-03-01T04:00:00Z";
/// `tests/run --slow` runs the suite in other zones, and across the hour that New York has twice.
const ZONE_VARIABLE: &str = "BR_TEST_TIME_ZONE";
const START_VARIABLE: &str = "BR_TEST_START";

impl Place {
    fn of_suite() -> Place {
        let start = variable(START_VARIABLE).unwrap_or_else(|| FIRST_DAY.to_owned());
        Place {
            zone: variable(ZONE_VARIABLE).unwrap_or_else(|| "UTC".to_owned()),
            later: time(&start).duration_since(time(FIRST_DAY)),
        }
    }

    fn clock(&self) -> Clock {
        Clock::manual(time(FIRST_DAY) + self.later)
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn time(text: &str) -> Timestamp {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

impl Cluster {
    /// A cluster whose clock stands still until it is advanced, with a repository and ops tables.
    pub async fn start(profile: Profile) -> Cluster {
        Cluster::start_with(profile, |_| ()).await
    }

    pub async fn start_at(profile: Profile, now: &str, zone: &str) -> Cluster {
        let place = Place {
            zone: zone.to_owned(),
            later: SignedDuration::ZERO,
        };
        Cluster::on_bucket(profile, Clock::manual(time(now)), place, new_root(), |_| ())
            .complete()
            .await
    }

    /// As [`Cluster::start`], with several backends.
    pub async fn start_wide(profile: Profile, backends: u32) -> Cluster {
        Cluster::start_with(profile, |options| options.backends = backends).await
    }

    /// As [`Cluster::start`], with a second frontend that can become the leader.
    pub async fn start_with_follower(profile: Profile) -> Cluster {
        Cluster::start_with(profile, |options| options.follower = true).await
    }

    /// As [`Cluster::start`], for tables whose periods are dates of that day, whenever the suite runs.
    pub async fn start_on_first_day(profile: Profile) -> Cluster {
        Cluster::start_at(profile, FIRST_DAY, &Place::of_suite().zone).await
    }

    async fn start_with(profile: Profile, adjust: impl FnOnce(&mut Options)) -> Cluster {
        let place = Place::of_suite();
        Cluster::on_bucket(profile, place.clock(), place, new_root(), adjust)
            .complete()
            .await
    }

    /// A cluster whose clock runs by itself, for peers that wait for themselves.
    pub async fn start_with_clock(profile: Profile, clock: Clock) -> Cluster {
        let place = Place {
            zone: "UTC".to_owned(),
            later: SignedDuration::ZERO,
        };
        Cluster::on_bucket(profile, clock, place, new_root(), |_| ())
            .complete()
            .await
    }

    async fn complete(self) -> Cluster {
        self.sql(&create_repository()).await;
        self.init().await;
        self
    }

    /// Another cluster on the same object store, without repository and ops tables.
    pub fn beside(&self, profile: Profile) -> Cluster {
        let place = Place::of_suite();
        let mut clock = place.clock();
        clock.advance(SignedDuration::from_hours(4 * 24));
        Cluster::on_bucket(profile, clock, place, Arc::clone(&self.root), |_| ())
    }

    /// A moment that is said as one of the first day, on the cluster's own one. What follows the minutes
    /// or seconds stays.
    pub fn at(&self, text: &str) -> String {
        let long = text.as_bytes().get(16) == Some(&b':');
        let (moment, rest) = text.split_at(if long { 19 } else { 16 });
        let moment: jiff::civil::DateTime = moment.replace(' ', "T").parse().expect("a moment");
        let format = match (long, text.contains('T')) {
            (true, true) => "%Y-%m-%dT%H:%M:%S",
            (true, false) => "%Y-%m-%d %H:%M:%S",
            (false, true) => "%Y-%m-%dT%H:%M",
            (false, false) => "%Y-%m-%d %H:%M",
        };
        format!("{}{rest}", (moment + self.place.later).strftime(format))
    }

    /// What the clock shows of whoever starts executions.
    pub fn caller_time(&self) -> Timestamp {
        self.emulator.with_engine(|engine| engine.clock.now()) - self.place.later
    }

    fn on_bucket(
        profile: Profile,
        clock: Clock,
        place: Place,
        root: Arc<TempDir>,
        adjust: impl FnOnce(&mut Options),
    ) -> Cluster {
        let mut options = Options::new(profile, clock, root.path());
        options.buckets = vec![BUCKET.to_owned()];
        options.root_password = PASSWORD.to_owned();
        options.time_zone = place.zone.clone();
        options.session_time_zone = place.zone.clone();
        adjust(&mut options);
        let emulator = Emulator::start(options).expect("the emulator starts");
        Cluster {
            emulator: Arc::new(emulator),
            root,
            place,
        }
    }

    pub fn advance(&self, seconds: i64) {
        self.emulator.advance(SignedDuration::from_secs(seconds));
    }

    /// Where the objects of the repository are.
    pub fn bucket(&self) -> PathBuf {
        self.root.path().join(BUCKET)
    }

    /// Deletes the objects of a snapshot behind everybody's back.
    pub fn remove_snapshot(&self, label: &str) {
        let repository = self.bucket().join("starrocks/__starrocks_repository_repo");
        std::fs::remove_dir_all(repository.join(format!("__ss_{label}")))
            .expect("the snapshot is there");
    }

    pub fn settings(&self) -> Settings {
        self.settings_with(&[])
    }

    /// Settings as the environment gives them, with `more` of its variables.
    pub fn settings_with(&self, more: &[(&str, &str)]) -> Settings {
        let follower = self.emulator.follower_addr();
        let ports = follower.map(|address| address.port());
        let hosts: Vec<String> = std::iter::once(self.emulator.port())
            .chain(ports)
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let host = hosts.join(",");
        let mut variables: BTreeMap<String, String> = [
            ("STARROCKS_HOST", host.as_str()),
            ("STARROCKS_USER", "root"),
            ("STARROCKS_PASSWORD", PASSWORD),
            ("STARROCKS_REPOSITORY", REPOSITORY),
        ]
        .into_iter()
        .chain(more.iter().copied())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        variables.retain(|_, value| !value.is_empty());
        Settings::from_sources(None, &|name| variables.get(name).cloned()).expect("settings")
    }

    pub fn context(&self) -> Context {
        Context::new(self.settings())
    }

    pub async fn init(&self) {
        let settings = self.settings();
        let mut client = self.context().connect().await.expect("a connection");
        shared::ops::Ops::new(&mut client, settings.ops_database())
            .init(1, 1_000)
            .await
            .expect("init");
    }

    pub async fn connection(&self) -> Conn {
        let options = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.emulator.port())
            .user(Some("root"))
            .pass(Some(PASSWORD))
            .prefer_socket(false)
            .max_allowed_packet(Some(64 << 20))
            .wait_timeout(Some(28_800));
        tokio::time::timeout(crate::TIMEOUT, Conn::new(options))
            .await
            .expect("an answer in time")
            .expect("a connection")
    }

    /// Statements, separated by `;` and a line break, each of which must succeed.
    pub async fn sql(&self, statements: &str) {
        let mut connection = self.connection().await;
        for statement in statements
            .split(";\n")
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            connection
                .query_drop(statement.trim_end_matches(';'))
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        connection.disconnect().await.expect("goodbye");
    }

    /// The rows of a query, sorted, each as text.
    pub async fn rows(&self, query: &str) -> Vec<Vec<String>> {
        let mut connection = self.connection().await;
        let rows: Vec<Row> = connection
            .query(query)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        connection.disconnect().await.expect("goodbye");
        let mut rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| row.unwrap().iter().map(text).collect())
            .collect();
        rows.sort();
        rows
    }

    pub async fn one(&self, query: &str) -> String {
        let rows = self.rows(query).await;
        rows.first()
            .and_then(|row| row.first())
            .cloned()
            .unwrap_or_default()
    }

    /// Puts tables into a group: `database.table`, or `database.*`.
    pub async fn group(&self, group: &str, tables: &[&str]) {
        for table in tables {
            let (database, table) = table.split_once('.').expect("database.table");
            self.sql(&format!(
                "INSERT INTO ops.table_inventory \
                 (inventory_group, database_name, table_name, created_at) \
                 VALUES ('{group}', '{database}', '{table}', UTC_TIMESTAMP())"
            ))
            .await;
        }
    }
}

fn new_root() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().expect("a temporary directory"))
}

pub fn create_repository() -> String {
    format!(
        "CREATE REPOSITORY `{REPOSITORY}` WITH BROKER ON LOCATION \"s3://{BUCKET}/starrocks\" \
         PROPERTIES (\"aws.s3.access_key\"=\"x\", \"aws.s3.secret_key\"=\"{SECRET_KEY}\")"
    )
}

/// Different values read differently.
fn text(value: &Value) -> String {
    match value {
        Value::NULL => NULL.to_owned(),
        Value::Bytes(bytes) => match str::from_utf8(bytes) {
            Ok(text) if text.starts_with('\0') => format!("\0{text}"),
            Ok(text) => text.to_owned(),
            Err(_) => format!("\0{bytes:x?}"),
        },
        other => other.as_sql(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_no_text() {
        let bytes = |text: &str| Value::Bytes(text.as_bytes().to_vec());
        assert_eq!(text(&Value::NULL), NULL);
        for word in ["NULL", "", "\\N", NULL, "\0\0NULL"] {
            assert_ne!(text(&bytes(word)), NULL, "{word:?}");
        }
        assert_eq!(text(&bytes("NULL")), "NULL");
        assert_ne!(
            text(&Value::Bytes(vec![0xff])),
            text(&Value::Bytes(vec![0xfe]))
        );
    }
}
