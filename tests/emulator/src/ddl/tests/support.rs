//! An engine with a session on database `d`, and a clock that the test moves.

use jiff::{SignedDuration, Timestamp};
use rusqlite::types::Value;

use crate::{
    Clock, Options, Profile,
    catalog::Table,
    engine::Engine,
    privileges::Identity,
    reply::{Reply, SqlError},
    session::Session,
};

pub(super) struct Fixture {
    pub engine: Engine,
    pub session: Session,
}

impl Fixture {
    pub fn new(profile: Profile) -> Fixture {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let options = Options::new(profile, Clock::manual(now), std::env::temp_dir());
        let mut engine = Engine::new(&options).unwrap();
        let session = engine.new_session(1, Identity::root(), "127.0.0.1:1".into(), 1);
        let mut fixture = Fixture { engine, session };
        fixture.run("CREATE DATABASE d");
        fixture.run("USE d");
        fixture
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
                    let cells = row.into_iter();
                    cells
                        .map(|cell| cell.unwrap_or_else(|| "NULL".to_owned()))
                        .collect()
                })
                .collect(),
            Reply::Ok(_) => panic!("{sql} answered no rows"),
        }
    }

    /// One column of a result, by name.
    pub fn column(&mut self, sql: &str, name: &str) -> Vec<String> {
        let Reply::Rows(set) = self.run(sql) else {
            panic!("{sql} answered no rows");
        };
        let at = set
            .columns
            .iter()
            .position(|column| column.name == name)
            .unwrap_or_else(|| panic!("{sql} has no column {name}"));
        set.rows
            .into_iter()
            .map(|mut row| row.swap_remove(at).unwrap_or_else(|| "NULL".to_owned()))
            .collect()
    }

    pub fn table(&self, name: &str) -> &Table {
        self.engine
            .catalog
            .find_table("d", name)
            .unwrap_or_else(|| panic!("no table {name}"))
    }

    pub fn partition_names(&self, table: &str) -> Vec<String> {
        let partitions = self.table(table).partitions.iter_ordered();
        partitions.map(|partition| partition.name.clone()).collect()
    }

    /// Puts rows into a partition, as one committed load does.
    pub fn load(&mut self, table: &str, partition: &str, rows: Vec<Vec<Value>>) {
        let found = self.table(table);
        let physical_id = found.partitions.get(partition).unwrap().physical_id;
        let (table, now) = (found.clone(), self.engine.clock.now());
        self.engine.rows.write(&table, physical_id, &rows).unwrap();
        self.engine.catalog.bump_version(table.id, physical_id, now);
    }

    pub fn tick(&mut self, count: i32) {
        let tick = self.engine.tick;
        self.engine.advance(tick * count);
    }

    /// Moves the clock at once: what is due on the way happens at the end.
    pub fn days(&mut self, count: i64) {
        self.engine
            .clock
            .advance(SignedDuration::from_hours(24 * count));
        self.engine.tick();
    }
}

pub(super) fn int(value: i64) -> Value {
    Value::Integer(value)
}

pub(super) fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}
