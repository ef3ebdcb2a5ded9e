//! An engine with a session, a directory for its object store and a clock that the test moves.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::types::Value;

use crate::{
    Clock, Options, Profile,
    engine::Engine,
    privileges::Identity,
    reply::{Reply, SqlError},
    session::Session,
};

pub(super) struct Fixture {
    pub engine: Engine,
    pub session: Session,
    pub directory: tempfile::TempDir,
}

impl Fixture {
    /// With the bucket `backups` and the repository `r` in it.
    pub fn new(profile: Profile) -> Fixture {
        let mut fixture = Fixture::over(profile, tempfile::tempdir().unwrap());
        fixture.run(r#"CREATE REPOSITORY r WITH BROKER ON LOCATION "s3://backups/x""#);
        fixture
    }

    pub fn over(profile: Profile, directory: tempfile::TempDir) -> Fixture {
        let now: Timestamp = "2026-11-21T09:58:25.099Z".parse().unwrap();
        let options = Options::new(profile, Clock::manual(now), directory.path());
        let mut engine = Engine::new(&options).unwrap();
        let session = engine.new_session(1, Identity::root(), "127.0.0.1:1".into(), 1);
        Fixture {
            engine,
            session,
            directory,
        }
    }

    pub fn run(&mut self, sql: &str) -> Reply {
        self.engine
            .execute(&mut self.session, sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    pub fn fail(&mut self, sql: &str) -> SqlError {
        self.engine.execute(&mut self.session, sql).expect_err(sql)
    }

    /// Rows with NULL as `NULL`.
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        match self.run(sql) {
            Reply::Rows(set) => set
                .rows
                .into_iter()
                .map(|row| {
                    row.into_iter()
                        .map(|cell| cell.unwrap_or_else(|| "NULL".to_owned()))
                        .collect()
                })
                .collect(),
            Reply::Ok(_) => panic!("{sql} answered no rows"),
        }
    }

    /// One cell of a one-row result, by column name.
    pub fn cell(&mut self, sql: &str, column: &str) -> String {
        let Reply::Rows(set) = self.run(sql) else {
            panic!("{sql} answered no rows");
        };
        let at = set
            .columns
            .iter()
            .position(|other| other.name == column)
            .unwrap_or_else(|| panic!("{sql} has no column {column}"));
        assert_eq!(set.rows.len(), 1, "{sql}");
        set.rows[0][at].clone().unwrap_or_else(|| "NULL".to_owned())
    }

    pub fn ticks(&mut self, count: i32) {
        let tick = self.engine.tick;
        self.engine.advance(tick * count);
    }

    /// Moves the clock until the job of the database has ended; the states it went through.
    pub fn finish(&mut self, show: &str) -> Vec<String> {
        let mut states = vec![self.cell(show, "State")];
        for _ in 0..50 {
            if matches!(states.last().unwrap().as_str(), "FINISHED" | "CANCELLED") {
                return states;
            }
            self.ticks(1);
            states.push(self.cell(show, "State"));
        }
        panic!("{show} does not end: {states:?}");
    }

    pub fn timestamp(&mut self, label: &str) -> String {
        let sql = format!("SHOW SNAPSHOT ON r WHERE SNAPSHOT = '{label}'");
        self.cell(&sql, "Timestamp")
    }
}

/// Rows are put into partitions directly: what is tested here is what jobs do with them.
impl Fixture {
    pub fn create(&mut self, table: &str) {
        self.run(&format!("CREATE TABLE {table}"));
    }

    /// Loads rows `(id, text)` into a partition, as one committed load does.
    pub fn load(&mut self, table: &str, partition: &str, rows: &[(i64, &str)]) {
        let (database, name) = table.split_once('.').unwrap();
        let values: Vec<Vec<Value>> = rows
            .iter()
            .map(|(id, text)| vec![Value::Integer(*id), Value::Text((*text).to_owned())])
            .collect();
        load(&mut self.engine, database, name, partition, &values);
    }

    /// `id:text` of all rows of a partition, sorted.
    pub fn content(&self, table: &str, partition: &str) -> Vec<String> {
        let (database, name) = table.split_once('.').unwrap();
        content(&self.engine, database, name, partition)
    }

    pub fn version(&self, table: &str, partition: &str) -> i64 {
        let (database, name) = table.split_once('.').unwrap();
        let table = self.engine.catalog.find_table(database, name).unwrap();
        table.partitions.get(partition).unwrap().visible_version
    }

    pub fn backup(&mut self, database: &str, sql: &str) {
        self.run(sql);
        let show = format!("SHOW BACKUP FROM {database}");
        let states = self.finish(&show);
        let status = self.cell(&show, "Status");
        assert_eq!(states.last().unwrap(), "FINISHED", "{sql}: {status}");
    }

    /// Ends with the status of the restore.
    pub fn restore(&mut self, target: &str, label: &str, on: &str) -> String {
        self.start_restore(target, label, on);
        let show = format!("SHOW RESTORE FROM {target}");
        self.finish(&show);
        self.cell(&show, "Status")
    }

    pub fn start_restore(&mut self, target: &str, label: &str, on: &str) {
        let timestamp = self.timestamp(label);
        self.run(&format!(
            r#"RESTORE SNAPSHOT {target}.{label} FROM r {on} PROPERTIES ("backup_timestamp" = "{timestamp}")"#
        ));
    }

    /// Paths of all objects of the repository `r` that hold this text.
    pub fn objects(&self, part: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut left = vec![self.directory.path().to_owned()];
        while let Some(directory) = left.pop() {
            for entry in std::fs::read_dir(directory).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    left.push(path);
                } else if path.to_string_lossy().contains(part) {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

pub(super) fn load(
    engine: &mut Engine,
    database: &str,
    table: &str,
    partition: &str,
    rows: &[Vec<Value>],
) {
    let now = engine.clock.now();
    let Engine {
        catalog,
        rows: store,
        ..
    } = engine;
    let table = catalog.find_table_mut(database, table).unwrap();
    let physical_id = table.partitions.get(partition).unwrap().physical_id;
    store.write(table, physical_id, rows).unwrap();
    table
        .partitions
        .get_mut(partition)
        .unwrap()
        .bump_version(now);
}

pub(super) fn content(
    engine: &Engine,
    database: &str,
    table: &str,
    partition: &str,
) -> Vec<String> {
    let table = engine.catalog.find_table(database, table).unwrap();
    let physical_id = table.partitions.get(partition).unwrap().physical_id;
    let dump = engine.rows.dump(table, physical_id).unwrap();
    let mut rows: Vec<String> = String::from_utf8(dump)
        .unwrap()
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<serde_json::Value> = serde_json::from_str(line).unwrap();
            format!("{}:{}", cells[0], cells[1].as_str().unwrap())
        })
        .collect();
    rows.sort();
    rows
}

pub(super) fn row(id: i64, text: &str) -> Vec<Value> {
    vec![Value::Integer(id), Value::Text(text.to_owned())]
}

/// `(id INT, v STRING)` with the range partitions p1 (below 10), p2 (below 20) and p3 (below 30).
pub(super) const RANGES: &str = "(id INT NOT NULL, v STRING) DUPLICATE KEY(id) PARTITION BY RANGE(id) \
     (PARTITION p1 VALUES LESS THAN ('10'), PARTITION p2 VALUES LESS THAN ('20'), \
     PARTITION p3 VALUES LESS THAN ('30')) DISTRIBUTED BY HASH(id) BUCKETS 3";

pub(super) const PLAIN: &str =
    "(id INT NOT NULL, v STRING) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2";
