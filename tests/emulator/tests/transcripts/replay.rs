//! Drives an emulator through a recording.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use starrocks_emulator::{Clock, Emulator, Options, Profile};

use crate::{
    client::Client,
    compare::{Masks, compare, compare_named},
    recording::{Answer, ConnectResult, Deviation, DeviationKind, Line, deviations, read},
};

const TICK: SignedDuration = SignedDuration::from_secs(3);

/// No job of a recording takes that many ticks.
const TICKS_AT_MOST: usize = 300;

struct Replay {
    emulator: Emulator,
    clients: HashMap<String, Client>,
    masks: Masks,
    /// What `${name}` in a statement stands for.
    variables: HashMap<String, String>,
}

/// Replays one recording and fails with everything that differs.
pub fn scenario(file: &str) {
    let (version, _) = file.split_once('/').unwrap();
    let profile: Profile = version.parse().unwrap();
    let directory = tempfile::tempdir().unwrap();
    // Names of dynamic partitions depend on the day of the recording.
    let started: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    let mut options = Options::new(profile, Clock::manual(started), directory.path());
    options.stand_in_backend = true;
    let mut replay = Replay {
        emulator: Emulator::start(options).unwrap(),
        clients: HashMap::new(),
        masks: Masks::default(),
        variables: HashMap::from([("s3_endpoint".to_owned(), "http://127.0.0.1:9000".to_owned())]),
    };
    // All but the first scenario were recorded on a frontend that had been up for minutes.
    if !file.ends_with("/01-session") {
        replay.emulator.advance(SignedDuration::from_mins(3));
    }

    let mut listed = deviations(file);
    let mut failures = Vec::new();
    let lines = read(file);
    let count = lines.len();
    for (index, line) in lines.into_iter().enumerate() {
        let number = index + 1;
        let here: Vec<Deviation> = listed.extract_if(.., |one| one.line == number).collect();
        let title = title(&line);
        for deviation in &here {
            assert!(
                title.starts_with(&deviation.sql),
                "deviations.jsonl has '{}' for {file}:{number}, which is '{title}'",
                deviation.sql
            );
        }
        let has = |kind| here.iter().any(|one| one.kind == kind);
        for _ in here.iter().filter(|one| one.kind == DeviationKind::Tick) {
            replay.emulator.advance(TICK);
        }
        let differences = replay.line(line, has(DeviationKind::Order));
        match (differences.is_empty(), has(DeviationKind::Differs)) {
            (false, false) => {
                failures.push(format!(
                    "{file}:{number}: {title}\n{}",
                    differences.join("\n")
                ));
            }
            (true, true) => failures.push(format!(
                "{file}:{number}: {title}\nis listed in deviations.jsonl but does not differ"
            )),
            _ => {}
        }
    }
    assert!(
        listed.is_empty(),
        "deviations of lines that do not exist: {listed:?}"
    );
    assert!(
        failures.is_empty(),
        "{}\n\n{} of {count} lines of {file} differ (-: recorded, +: emulator)",
        failures.join("\n\n"),
        failures.len()
    );
}

fn title(line: &Line) -> String {
    match line {
        Line::Connect { connect, .. } => format!("connect {connect}"),
        Line::Statement { session, sql, .. } if session == "main" => sql.clone(),
        Line::Statement { session, sql, .. } => format!("[{session}] {sql}"),
        Line::Prepare { prepare, .. } => format!("prepare {prepare}"),
        Line::InitDb { init_db, .. } => format!("init_db {init_db}"),
        Line::Wait { wait, .. } => format!("wait for {} of {}", wait.kind, wait.db),
        Line::Stamp { stamp, .. } => format!("stamp of {}", stamp.label),
        Line::Note { .. } => "note".to_owned(),
    }
}

impl Replay {
    fn client(&mut self, name: &str) -> &mut Client {
        self.clients
            .get_mut(name)
            .expect("the recording connects first")
    }

    /// What differs from the recorded line.
    fn line(&mut self, line: Line, any_order: bool) -> Vec<String> {
        match line {
            Line::Connect {
                connect,
                options,
                result,
            } => {
                let user = options.user.as_deref().unwrap_or("root");
                let (greeting, client) =
                    Client::connect(self.emulator.addr(), user, &options.password, &options.db);
                match (result, client) {
                    (ConnectResult::Greeting(recorded), Ok(client)) => {
                        self.clients.insert(connect, client);
                        differs(&recorded, &greeting)
                    }
                    (ConnectResult::Error { error }, Err(actual)) => differs(&error, &actual),
                    (recorded, Ok(client)) => {
                        self.clients.insert(connect, client);
                        vec![format!("- {recorded:?}"), "+ a connection".to_owned()]
                    }
                    (recorded, Err(error)) => {
                        vec![format!("- {recorded:?}"), format!("+ {error:?}")]
                    }
                }
            }
            Line::Statement {
                session,
                sql,
                result,
            } => {
                let sql = self.expand(&sql);
                let Some(client) = self.clients.get_mut(&session) else {
                    return vec![format!("session {session} is not connected")];
                };
                let actual = client.query(&sql);
                self.compare_all(&result.answers(), &actual, any_order)
            }
            Line::Prepare {
                session,
                prepare,
                result,
            } => {
                let actual = vec![self.client(&session).prepare(&prepare)];
                self.compare_all(&result.answers(), &actual, any_order)
            }
            Line::InitDb {
                session,
                init_db,
                result,
            } => {
                let actual = vec![self.client(&session).init_db(&init_db)];
                self.compare_all(&result.answers(), &actual, any_order)
            }
            Line::Wait {
                wait,
                states_seen,
                last_row,
            } => {
                let sql = format!("SHOW {} FROM `{}`", wait.kind.to_uppercase(), wait.db);
                let states: Vec<String> = states_seen.into_iter().flatten().collect();
                match last_row {
                    Some(row) => self.wait(&sql, &wait.states, &states, &row),
                    None => match self.client("main").query(&sql).remove(0) {
                        Answer::Rows { rows, .. } if rows.is_empty() => Vec::new(),
                        other => vec!["- no rows".to_owned(), format!("+ {other:?}")],
                    },
                }
            }
            Line::Stamp { session, stamp } => {
                let sql = format!(
                    "SHOW SNAPSHOT ON `{}` WHERE SNAPSHOT = '{}'",
                    stamp.repository, stamp.label
                );
                let answer = self.client(&session).query(&sql).remove(0);
                match answer {
                    Answer::Rows { rows, .. } if rows.len() == 1 => {
                        let value = rows[0][1].clone().unwrap_or_default();
                        self.variables.insert(stamp.name, value);
                        Vec::new()
                    }
                    other => vec![format!("{sql}: {other:?}")],
                }
            }
            Line::Note { .. } => Vec::new(),
        }
    }

    fn compare_all(
        &mut self,
        recorded: &[Answer],
        actual: &[Answer],
        any_order: bool,
    ) -> Vec<String> {
        if recorded.len() != actual.len() {
            return vec![format!(
                "- {} answers\n+ {} answers: {actual:?}",
                recorded.len(),
                actual.len()
            )];
        }
        recorded
            .iter()
            .zip(actual)
            .flat_map(|(a, b)| compare(&mut self.masks, a, b, any_order))
            .collect()
    }

    /// `VALUES_ROWS n prefix` is the prefix and n rows; `${name}` a timestamp that was read before.
    fn expand(&self, sql: &str) -> String {
        let mut sql = match sql.strip_prefix("VALUES_ROWS ") {
            Some(rest) => {
                let (count, prefix) = rest.split_once(' ').unwrap();
                let rows: Vec<String> = (0..count.parse::<u32>().unwrap())
                    .map(|number| format!("({number})"))
                    .collect();
                format!("{prefix}{}", rows.join(","))
            }
            None => sql.to_owned(),
        };
        for (name, value) in &self.variables {
            sql = sql.replace(&format!("${{{name}}}"), value);
        }
        sql
    }

    fn wait(
        &mut self,
        sql: &str,
        until: &[String],
        recorded_states: &[String],
        recorded_row: &BTreeMap<String, Option<String>>,
    ) -> Vec<String> {
        let mut states: Vec<String> = Vec::new();
        let mut last = BTreeMap::new();
        for _ in 0..TICKS_AT_MOST {
            let answer = self.client("main").query(sql).remove(0);
            let Answer::Rows { columns, rows } = answer else {
                return vec![format!("{sql}: {answer:?}")];
            };
            if let Some(row) = rows.into_iter().next() {
                last = columns
                    .into_iter()
                    .map(|column| column.name)
                    .zip(row)
                    .collect();
            }
            let state = last.get("State").cloned().flatten().unwrap_or_default();
            if states.last() != Some(&state) {
                states.push(state.clone());
            }
            if until.contains(&state) {
                break;
            }
            self.emulator.advance(TICK);
        }
        let mut lines = Vec::new();
        // The recorder looked every 0.2 s and could miss short states.
        let mut ahead = states.iter();
        if !recorded_states
            .iter()
            .all(|state| ahead.any(|other| other == state))
        {
            lines.push(format!("- states {recorded_states:?}"));
            lines.push(format!("+ states {states:?}"));
        }
        lines.extend(compare_named(&mut self.masks, recorded_row, &last));
        lines
    }
}

fn differs<T: PartialEq + std::fmt::Debug>(recorded: &T, actual: &T) -> Vec<String> {
    if recorded == actual {
        Vec::new()
    } else {
        vec![format!("- {recorded:?}"), format!("+ {actual:?}")]
    }
}
