//! What a recording holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Greeting {
    pub server_version: String,
    pub capabilities: u64,
    pub status: u64,
    pub charset: String,
    pub plugin: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServerError {
    pub code: u64,
    pub sqlstate: String,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub length: u64,
    pub charset: u64,
    pub flags: u64,
    pub decimals: u64,
    pub table: String,
    pub db: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default)]
pub struct OkAnswer {
    /// `None`: what the stand-in said means nothing.
    pub affected: Option<u64>,
    pub warnings: u64,
    pub status: u64,
    pub info: String,
}

pub type Row = Vec<Option<String>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Ok(OkAnswer),
    Rows {
        columns: Vec<Column>,
        rows: Vec<Row>,
    },
    Error(ServerError),
    Prepared {
        columns: u64,
        params: u64,
    },
}

/// An answer as it is written down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedAnswer {
    ok: Option<OkAnswer>,
    columns: Option<Vec<Column>>,
    rows: Option<Vec<Row>>,
    error: Option<ServerError>,
    prepared: Option<Prepared>,
    #[serde(default)]
    more: Vec<RecordedAnswer>,
}

#[derive(Debug, Deserialize)]
struct Prepared {
    columns: u64,
    params: u64,
}

impl RecordedAnswer {
    pub fn answers(self) -> Vec<Answer> {
        let first = match self {
            RecordedAnswer { ok: Some(ok), .. } => Answer::Ok(ok),
            RecordedAnswer {
                error: Some(error), ..
            } => Answer::Error(error),
            RecordedAnswer {
                columns: Some(columns),
                rows: Some(rows),
                ..
            } => Answer::Rows { columns, rows },
            RecordedAnswer {
                prepared: Some(Prepared { columns, params }),
                ..
            } => Answer::Prepared { columns, params },
            other => panic!("an answer that is nothing: {other:?}"),
        };
        let more = self.more.into_iter().flat_map(RecordedAnswer::answers);
        std::iter::once(first).chain(more).collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum ConnectResult {
    Greeting(Greeting),
    Error { error: ServerError },
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectOptions {
    pub user: Option<String>,
    pub password: String,
    pub db: String,
}

#[derive(Debug, Deserialize)]
pub struct Wait {
    /// `backup` or `restore`.
    pub kind: String,
    pub db: String,
    #[serde(rename = "for")]
    pub states: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Stamp {
    pub name: String,
    pub label: String,
    pub repository: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Line {
    Connect {
        connect: String,
        #[serde(default)]
        options: ConnectOptions,
        result: ConnectResult,
    },
    Statement {
        session: String,
        sql: String,
        result: RecordedAnswer,
    },
    Prepare {
        session: String,
        prepare: String,
        result: RecordedAnswer,
    },
    InitDb {
        session: String,
        init_db: String,
        result: RecordedAnswer,
    },
    Wait {
        wait: Wait,
        /// `None` where there was no job to look at.
        states_seen: Vec<Option<String>>,
        last_row: Option<BTreeMap<String, Option<String>>>,
    },
    Stamp {
        session: String,
        stamp: Stamp,
    },
    Note {
        #[expect(dead_code, reason = "a heading, for those who read the file")]
        note: String,
    },
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../transcripts")
}

pub fn read(file: &str) -> Vec<Line> {
    let path = directory().join(format!("{file}.jsonl"));
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .lines()
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{file}:{}: {error}: {line}", index + 1))
        })
        .collect()
}

/// A difference that is meant, or help that a line needs because it was recorded in real time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// How the statement starts, so that the list can be read alone; checked.
    pub sql: String,
    pub kind: DeviationKind,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviationKind {
    /// The emulator answers something else.
    Differs,
    /// The same rows in another order.
    Order,
    /// One tick of the clock passes before the statement; a line may have several of these.
    Tick,
}

pub fn deviations(file: &str) -> Vec<Deviation> {
    let path = directory().join("deviations.jsonl");
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .lines()
        .map(|line| {
            serde_json::from_str::<Deviation>(line)
                .unwrap_or_else(|error| panic!("deviations.jsonl: {error}: {line}"))
        })
        .inspect(|deviation| assert!(!deviation.reason.is_empty(), "{deviation:?}: why?"))
        .filter(|deviation| deviation.file == file)
        .collect()
}

/// A recording that no test replays would prove nothing.
pub fn assert_complete(tested: &[&str]) {
    let mut found = BTreeSet::new();
    for version in fs::read_dir(directory()).unwrap() {
        let version = version.unwrap();
        if !version.file_type().unwrap().is_dir() {
            continue;
        }
        for file in fs::read_dir(version.path()).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let version = version.file_name().into_string().unwrap();
            found.insert(format!("{version}/{}", name.trim_end_matches(".jsonl")));
        }
    }
    let tested: BTreeSet<String> = tested.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, tested);
}
