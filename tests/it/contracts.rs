//! Lists that stand in two places: tables and commands of the documentation against the code, and the
//! names in the state machines against those that can be raised.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clap::Parser;
use cli::args::Args;
use serde_json::Value;
use shared::{config::variables, error::ErrorName};

/// What AWS raises itself (Step Functions and Lambda, "Error handling").
const PLATFORM: [&str; 13] = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Lambda.ResourceNotReadyException",
    "Lambda.ENINotReadyException",
    "Lambda.EC2ThrottledException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Runtime.ExitError",
    "States.Timeout",
    "States.ALL",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).expect(file)
}

/// The cells of a table's rows under these headings.
fn table(file: &str, headings: &str) -> Vec<Vec<String>> {
    let text = read(file);
    let mut lines = text.lines().skip_while(|line| *line != headings);
    assert!(lines.next().is_some(), "{file} has no table {headings}");
    lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

/// What stands between backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_readme_lists_every_error_with_its_exit_code() {
    let mut listed = BTreeMap::new();
    for row in table("README.md", "| name | exit | meaning |") {
        for name in quoted(&row[0]) {
            let code: u8 = row[1].parse().expect("an exit code");
            assert!(!row[2].is_empty(), "{name} means nothing");
            assert_eq!(listed.insert(name, code), None, "{row:?} stands twice");
        }
    }
    let known = ErrorName::ALL
        .iter()
        .map(|name| (name.to_string(), name.exit_code()))
        .collect();
    assert_eq!(listed, known);
}

#[test]
fn the_readme_lists_every_variable() {
    let mut listed = BTreeSet::new();
    for row in table("README.md", "| key | variable | |") {
        let mut names = quoted(&row[1]);
        // `STARROCKS_TLS_ENABLED`, `_CA_CERT`, ...
        if let Some(first) = names.first().cloned().filter(|name| name.contains("_TLS_")) {
            let prefix = first.trim_end_matches("_ENABLED").to_owned();
            for name in names.iter_mut().filter(|name| name.starts_with('_')) {
                name.insert_str(0, &prefix);
            }
        }
        listed.extend(names);
    }
    let known: BTreeSet<String> = variables::ALL
        .iter()
        .map(|variable| variable.name.to_owned())
        .collect();
    assert_eq!(listed, known);
}

#[test]
fn the_runbooks_say_what_to_do_about_every_error() {
    let mut listed = BTreeSet::new();
    for row in table("docs/runbooks.md", "| error | what to do |") {
        assert!(row[1].len() > 20, "{row:?}: too short to help anybody");
        for name in quoted(&row[0]) {
            assert!(listed.insert(name), "{row:?} stands twice");
        }
    }
    let known: BTreeSet<String> = ErrorName::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(listed, known);
}

/// In a block of their own, or in a sentence.
fn commands(text: &str) -> Vec<String> {
    let blocks = text
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default().trim());
    let blocks = blocks.filter(|line| line.starts_with("starrocks-br "));
    let quotes = text.split('`').skip(1).step_by(2);
    let quotes = quotes.filter(|text| text.starts_with("starrocks-br ") && !text.contains('\n'));
    blocks.chain(quotes).map(str::to_owned).collect()
}

#[test]
fn every_command_in_the_documentation_is_one() {
    let documents = std::fs::read_dir(root().join("docs")).expect("docs");
    let mut files = vec!["README.md".to_owned()];
    for document in documents {
        let name = document.expect("a file").file_name();
        files.push(format!("docs/{}", name.to_string_lossy()));
    }
    let mut count = 0;
    for file in files {
        for line in commands(&read(&file)) {
            let words = line.split_whitespace().map(|word| word.replace('\'', ""));
            if let Err(error) = Args::try_parse_from(words) {
                panic!("{file}: {line}: {error}");
            }
            count += 1;
        }
    }
    assert!(count >= 40, "only {count} commands were found");
}

fn error_equals(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "ErrorEquals" {
                    let names = value.as_array().expect("a list");
                    found.extend(
                        names
                            .iter()
                            .map(|name| name.as_str().expect("a name").to_owned()),
                    );
                }
                error_equals(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| error_equals(item, found)),
        _ => {}
    }
}

#[test]
fn the_state_machines_wait_for_errors_that_exist() {
    for file in ["backup.asl.json", "restore.asl.json", "audit.asl.json"] {
        let text =
            std::fs::read_to_string(root().join("infra/statemachine").join(file)).expect(file);
        let mut names = BTreeSet::new();
        error_equals(&serde_json::from_str(&text).expect("JSON"), &mut names);
        assert!(names.len() > 5, "{file}: {names:?}");
        for name in names {
            let ours = name.parse::<ErrorName>().is_ok();
            assert!(ours || PLATFORM.contains(&name.as_str()), "{file}: {name}");
        }
    }
}
