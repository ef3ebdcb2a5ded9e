//! `demo`: the main job, start to end, on an embedded StarRocks emulator. Every step runs the real
//! command; the proof compares every row.

mod story;

use std::collections::BTreeMap;

use clap::Parser;
use shared::{
    config::Settings,
    context::Context,
    error::{Error, ErrorName},
};
use starrocks_emulator::{Clock, Emulator, Options, Profile, reply::Reply};

use super::Session;
use crate::{
    Done,
    args::{Args, Output},
    terminal::Terminal,
};

/// The emulated cluster's clock: a backup of minutes takes a second.
const RATE: u16 = 100;

/// Rows of every table, sorted.
type Rows = BTreeMap<&'static str, Vec<Vec<Option<String>>>>;

pub(super) async fn run(terminal: &mut Terminal) -> Done {
    let directory = tempfile::tempdir()
        .map_err(|error| Error::internal(format!("no temporary directory: {error}")))?;
    let clock = Clock::running(RATE.into());
    let options = Options::new(Profile::V3_5, clock, directory.path());
    let emulator = Emulator::start(options)
        .map_err(|error| Error::internal(format!("the emulator does not start: {error}")))?;
    let config = directory.path().join("config.yaml");
    let text = format!(
        "host: 127.0.0.1\nport: {}\nuser: root\nrepository: bucket\n",
        emulator.port()
    );
    std::fs::write(&config, text)
        .map_err(|error| Error::internal(format!("no configuration file: {error}")))?;
    let settings = Settings::from_sources(Some(&config), &|_| None)?;
    Demo {
        emulator,
        settings,
        terminal,
    }
    .run()
    .await
}

struct Demo<'t> {
    emulator: Emulator,
    settings: Settings,
    terminal: &'t mut Terminal,
}

impl Demo<'_> {
    async fn run(mut self) -> Done {
        self.say("A StarRocks 3.5 cluster (emulated) with two databases and five kinds of tables.");
        self.sql(story::CREATE)?;
        self.command("init").await?;
        self.command("group add nightly sales.* crm.*").await?;

        self.say("A full backup: one snapshot per database.");
        self.command("backup full --group nightly").await?;

        self.say("A day passes: loads, a new period, a dropped partition, a schema change.");
        self.sql(story::DAY)?;

        self.say("An incremental: only what changed is stored, everything else is referenced.");
        self.command("backup incremental --group nightly").await?;
        let expected = self.rows()?;
        let labels = self.newest_labels()?;
        self.command("list").await?;

        self.say("Disaster: a table is dropped, one is emptied, one is updated by mistake.");
        self.sql(story::DAMAGE)?;
        if self.rows()? == expected {
            return Err(Error::internal("the damage did no damage"));
        }

        self.say(
            "Back to the state of the incremental, beside the live data, verified, swapped in.",
        );
        for label in &labels {
            self.command(&format!("restore --target-label {label} --yes"))
                .await?;
        }
        self.prove(&expected)?;
        self.sql(story::NEXT_DAY)?;
        self.say("And the restored automatic table takes rows of a new period.");
        Ok(())
    }

    /// Shows a command as a person would type it, and runs it.
    async fn command(&mut self, line: &str) -> Done {
        self.terminal.say(&format!("\n$ starrocks-br {line}"));
        let words = ["starrocks-br"].into_iter().chain(line.split(' '));
        let args = Args::try_parse_from(words)
            .map_err(|error| Error::internal(format!("the demo's own command: {error}")))?;
        let session = Session {
            context: Context::new(self.settings.clone()),
            output: Output::Text,
            terminal: &mut *self.terminal,
            pace: RATE.into(),
        };
        Box::pin(session.run(args.command)).await
    }

    fn say(&mut self, text: &str) {
        self.terminal.say(&format!("\n== {text}"));
    }

    fn sql(&mut self, statements: &str) -> Done {
        for statement in statements
            .split(";\n")
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            let statement = statement.trim_end_matches(';');
            self.query(statement)?;
            let shown = statement.split_whitespace().collect::<Vec<_>>().join(" ");
            self.terminal.say(&format!("  sql> {shown}"));
        }
        Ok(())
    }

    fn query(&self, statement: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        let reply = self
            .emulator
            .with_engine(|engine| engine.execute_as_root(None, statement));
        match reply {
            Ok(Reply::Rows(result)) => Ok(result.rows),
            Ok(Reply::Ok(_)) => Ok(Vec::new()),
            Err(error) => Err(Error::internal(format!("{statement}: {}", error.message))),
        }
    }

    fn rows(&self) -> Result<Rows, Error> {
        let mut all = Rows::new();
        for table in story::TABLES {
            // A dropped table has no rows.
            let mut rows = self
                .query(&format!("SELECT * FROM {table}"))
                .unwrap_or_default();
            rows.sort();
            all.insert(*table, rows);
        }
        Ok(all)
    }

    fn newest_labels(&self) -> Result<Vec<String>, Error> {
        let rows = self.query(
            "SELECT label FROM ops.backup_history WHERE backup_type = 'incremental' ORDER BY label",
        )?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    fn prove(&mut self, expected: &Rows) -> Done {
        let found = self.rows()?;
        self.terminal.print("\nproof, row by row:");
        let mut wrong = Vec::new();
        for (table, rows) in expected {
            let same = found.get(table) == Some(rows);
            let verdict = if same { "equal" } else { "DIFFERENT" };
            self.terminal
                .print(&format!("  {table:<16} {:>4} rows  {verdict}", rows.len()));
            if !same {
                wrong.push(*table);
            }
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(Error::new(
                ErrorName::VerificationFailed,
                format!("not restored exactly: {}", wrong.join(", ")),
            )),
        }
    }
}
