//! An engine with a session, a directory for its object store and a clock that the test moves.

use jiff::Timestamp;

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
        fixture.engine.store.create_bucket("backups").unwrap();
        fixture.run(r#"CREATE REPOSITORY r WITH BROKER ON LOCATION "s3://backups/x""#);
        fixture
    }

    pub fn over(profile: Profile, directory: tempfile::TempDir) -> Fixture {
        let now: Timestamp = "2026-11-21T09:58:25.099Z".parse().unwrap();
        let options = Options::new(profile, Clock::manual(now), directory.path());
        let mut engine = Engine::new(&options).unwrap();
        let session = engine.new_session(1, Identity::root(), "127.0.0.1:1".into(), false);
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
