//! A shell with `starrocks-br` in it, and the whole state of a cluster to compare.

use std::{
    collections::BTreeMap,
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use starrocks_emulator::Profile;
use tests::{
    TIMEOUT,
    cluster::{Cluster, PASSWORD, REPOSITORY},
};

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Run {
    pub line: String,
    /// `None`: a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    /// Without the log of what was done.
    pub err: String,
    /// The log of what was done, line by line.
    pub audit: Vec<String>,
}

impl Run {
    #[track_caller]
    pub fn succeeded(self) -> Run {
        assert_eq!(self.code, Some(0), "{}: {self:#?}", self.line);
        self
    }

    /// One document, and nothing else.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Runs commands with a configuration of environment variables alone.
#[derive(Debug, Clone)]
pub struct Shell {
    variables: BTreeMap<String, String>,
}

impl Shell {
    pub fn at(cluster: &Cluster) -> Shell {
        Shell::empty()
            .with(
                "STARROCKS_HOST",
                &format!("127.0.0.1:{}", cluster.emulator.port()),
            )
            .with("STARROCKS_USER", "root")
            .with("STARROCKS_PASSWORD", PASSWORD)
            .with("STARROCKS_REPOSITORY", REPOSITORY)
    }

    /// Without any configuration.
    pub fn empty() -> Shell {
        Shell {
            variables: BTreeMap::new(),
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Shell {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Runs a command, with its words separated by single spaces, to its end.
    pub async fn run(&self, line: &str) -> Run {
        self.start(line).end().await
    }

    pub fn start(&self, line: &str) -> Running {
        let child = Command::new(env!("CARGO_BIN_EXE_starrocks-br-under-test"))
            .args(line.split(' ').filter(|word| !word.is_empty()))
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starrocks-br runs");
        Running {
            line: line.to_owned(),
            child,
        }
    }
}

/// A command at work.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `INT`, `TERM` or `KILL`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.pid())])
            .status()
            .expect("sh runs");
        assert!(status.success(), "kill -{name}");
    }

    pub async fn end(mut self) -> Run {
        let mut out = self.child.stdout.take().expect("a pipe");
        let mut err = self.child.stderr.take().expect("a pipe");
        let out = tokio::task::spawn_blocking(move || read(&mut out));
        let err = tokio::task::spawn_blocking(move || read(&mut err));
        let deadline = Instant::now() + TIMEOUT;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                panic!("'{}' does not end", self.line);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let err = err.await.expect("standard error");
        let (audit, err): (Vec<&str>, Vec<&str>) = err
            .split_inclusive('\n')
            .partition(|line| line.contains(" audit=\""));
        Run {
            line: self.line,
            code: status.code(),
            out: out.await.expect("standard output"),
            err: err.concat(),
            audit: audit.into_iter().map(str::to_owned).collect(),
        }
    }
}

fn read(pipe: &mut impl Read) -> String {
    let mut text = String::new();
    pipe.read_to_string(&mut text).expect("UTF-8");
    text
}

/// Moves the cluster's clock while commands wait by their own: about 40 of its seconds in one of ours.
#[derive(Debug)]
pub struct Ticking(Arc<AtomicBool>);

impl Ticking {
    pub fn of(cluster: &Cluster) -> Ticking {
        let stopped = Arc::new(AtomicBool::new(false));
        let (emulator, stop) = (Arc::clone(&cluster.emulator), Arc::clone(&stopped));
        std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(50));
                emulator.advance(jiff::SignedDuration::from_secs(2));
            }
        });
        Ticking(stopped)
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Two databases with tables of three kinds, in the group `nightly`.
pub async fn shop() -> Cluster {
    let cluster = Cluster::start(Profile::V3_5).await;
    fill(&cluster).await;
    cluster
}

pub async fn fill(cluster: &Cluster) {
    cluster
        .sql(
            "CREATE DATABASE sales;
             CREATE DATABASE crm;
             CREATE TABLE sales.orders (k DATE NOT NULL, id INT NOT NULL) DUPLICATE KEY(k, id) \
             PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             CREATE TABLE sales.events (at DATETIME NOT NULL, what VARCHAR(50)) DUPLICATE KEY(at) \
             PARTITION BY date_trunc('day', at) DISTRIBUTED BY HASH(at) BUCKETS 1 PROPERTIES('replication_num'='1');
             CREATE TABLE crm.customers (id BIGINT NOT NULL, name VARCHAR(50)) PRIMARY KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             INSERT INTO sales.orders VALUES ('2026-01-01', 1), ('2026-01-02', 2);
             INSERT INTO sales.events VALUES ('2026-01-01 08:00:00', 'login');
             INSERT INTO crm.customers VALUES (1, 'Ada'), (2, 'Grace')",
        )
        .await;
    cluster
        .group("nightly", &["sales.*", "crm.customers"])
        .await;
}

/// Everything that a cluster holds: definitions, rows, versions, jobs, and the objects of the
/// repository. Reading leaves no trace in it.
pub async fn dump(cluster: &Cluster) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut all = BTreeMap::new();
    let mut keep = async |query: String| {
        let rows = cluster.rows(&query).await;
        all.insert(query, rows.clone());
        rows
    };
    keep("SHOW REPOSITORIES".to_owned()).await;
    keep(format!("SHOW SNAPSHOT ON {REPOSITORY}")).await;
    for database in keep("SHOW DATABASES".to_owned()).await {
        let database = &database[0];
        if ["information_schema", "sys", "_statistics_"].contains(&database.as_str()) {
            continue;
        }
        keep(format!(
            "SELECT * FROM information_schema.partitions_meta WHERE DB_NAME = '{database}'"
        ))
        .await;
        keep(format!("SHOW BACKUP FROM `{database}`")).await;
        keep(format!("SHOW RESTORE FROM `{database}`")).await;
        for table in keep(format!("SHOW TABLES FROM `{database}`")).await {
            let table = format!("`{database}`.`{}`", table[0]);
            keep(format!("SHOW CREATE TABLE {table}")).await;
            keep(format!("SELECT * FROM {table}")).await;
        }
    }
    let mut objects = Vec::new();
    list(&cluster.bucket(), &mut objects);
    objects.sort();
    all.insert("objects".to_owned(), objects);
    all
}

fn list(folder: &Path, found: &mut Vec<Vec<String>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            list(&path, found);
        } else {
            let content = std::fs::read(&path).expect("an object");
            let size = content.len().to_string();
            found.push(vec![path.display().to_string(), size]);
        }
    }
}

#[track_caller]
pub fn assert_same(
    line: &str,
    before: &BTreeMap<String, Vec<Vec<String>>>,
    after: &BTreeMap<String, Vec<Vec<String>>>,
) {
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>(),
        "{line}"
    );
    for (query, rows) in before {
        assert_eq!(rows, &after[query], "{line} changed what {query} shows");
    }
}
