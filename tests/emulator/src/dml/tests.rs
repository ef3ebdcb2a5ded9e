//! Statements on rows, run on an engine.

mod functions;
mod loads;
mod models;
mod queries;
mod routing;
mod speed;
mod tasks;
mod types;

use jiff::{SignedDuration, Timestamp};

use crate::{
    Clock, Options, Profile,
    engine::Engine,
    privileges::Identity,
    reply::{Column, Ok as OkReply, Reply, SqlError},
    session::Session,
};

struct Fixture {
    engine: Engine,
    session: Session,
    _directory: tempfile::TempDir,
}

impl Fixture {
    /// An engine at 2026-11-21 10:00:00 UTC with the database `d`, in use.
    fn new(profile: Profile) -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-21T10:00:00.123456Z".parse().unwrap();
        let options = Options::new(profile, Clock::manual(now), directory.path());
        let mut engine = Engine::new(&options).unwrap();
        let session = engine.new_session(1, Identity::root(), "127.0.0.1:1".into(), 1);
        let mut fixture = Fixture {
            engine,
            session,
            _directory: directory,
        };
        fixture.run("CREATE DATABASE d");
        fixture.run("USE d");
        fixture
    }

    fn run(&mut self, sql: &str) -> Reply {
        self.engine
            .execute(&mut self.session, sql)
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    fn fail(&mut self, sql: &str) -> SqlError {
        match self.engine.execute(&mut self.session, sql) {
            Err(error) => error,
            Ok(reply) => panic!("{sql} was answered by {reply:?}"),
        }
    }

    fn ok(&mut self, sql: &str) -> OkReply {
        match self.run(sql) {
            Reply::Ok(reply) => reply,
            Reply::Rows(rows) => panic!("{sql} was answered by {rows:?}"),
        }
    }

    fn columns(&mut self, sql: &str) -> Vec<Column> {
        match self.run(sql) {
            Reply::Rows(rows) => rows.columns,
            Reply::Ok(reply) => panic!("{sql} was answered by {reply:?}"),
        }
    }

    /// A line a row, cells joined by `|`, NULL as `NULL`.
    fn rows(&mut self, sql: &str) -> String {
        let Reply::Rows(rows) = self.run(sql) else {
            panic!("{sql} answered no rows");
        };
        let lines: Vec<String> = rows
            .rows
            .into_iter()
            .map(|row| {
                let cells: Vec<String> = row
                    .into_iter()
                    .map(|cell| cell.unwrap_or_else(|| "NULL".to_owned()))
                    .collect();
                cells.join("|")
            })
            .collect();
        lines.join("\n")
    }

    #[track_caller]
    fn check(&mut self, sql: &str, expect: &str) {
        let found = self.rows(sql);
        assert_eq!(found, expect, "{sql}");
    }

    /// Name and visible version of each partition of a table of `d`.
    fn versions(&self, table: &str) -> String {
        let table = self.engine.catalog.table("d", table).unwrap();
        let versions: Vec<String> = table
            .partitions
            .iter()
            .map(|partition| format!("{}:{}", partition.name, partition.visible_version))
            .collect();
        versions.join(" ")
    }

    fn advance(&mut self, seconds: i64) {
        self.engine.advance(SignedDuration::from_secs(seconds));
    }
}
