//! The table in docs/events.md is what the state machines tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde_json::Value;

#[derive(Debug, PartialEq, Eq)]
struct Told {
    /// What follows the execution in its id.
    id: String,
    fields: BTreeSet<String>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn told_by(machine: &str, told: &mut BTreeMap<String, Told>) {
    let path = root().join("infra/statemachine").join(machine);
    let text = std::fs::read_to_string(path).expect(machine);
    let machine: Value = serde_json::from_str(&text).expect("JSON");
    for (name, state) in machine["States"].as_object().expect("states") {
        let Some(entries) = state["Parameters"]["Entries"].as_array() else {
            continue;
        };
        for entry in entries {
            let detail = entry["Detail"].as_object().expect("an object");
            let mut fields: BTreeSet<String> = detail
                .keys()
                .map(|key| key.trim_end_matches(".$").to_owned())
                .collect();
            assert!(
                fields.remove("id") && fields.remove("execution_id"),
                "{name}"
            );
            assert_eq!(detail["execution_id.$"], "$$.Execution.Id", "{name}");
            let id = detail["id.$"].as_str().expect("an id");
            let id = id
                .strip_prefix("States.Format('{}/")
                .and_then(|rest| rest.split_once("', $$.Execution.Id"))
                .unwrap_or_else(|| panic!("{name}: {id}"));
            let counted = match id.1 {
                ")" => id.0.to_owned(),
                ", $$.Execution.RedriveCount)" => id.0.replace("{}", "REDRIVES"),
                other => panic!("{name}: {other}"),
            };
            let kind = entry["DetailType"].as_str().expect("a text").to_owned();
            let one = Told {
                id: counted,
                fields,
            };
            assert_eq!(
                told.insert(kind, one),
                None,
                "{name} tells what another one tells"
            );
        }
    }
}

fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

#[test]
fn the_table_has_every_event_with_its_fields_and_no_other() {
    let mut told = BTreeMap::new();
    for machine in ["backup.asl.json", "restore.asl.json", "audit.asl.json"] {
        told_by(machine, &mut told);
    }
    let text = std::fs::read_to_string(root().join("docs/events.md")).expect("docs/events.md");
    let documented: BTreeMap<String, Told> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter(|(kind, _)| *kind != "detail-type")
        .map(|(kind, rest)| {
            let cells: Vec<&str> = rest.trim_matches('|').split(" | ").collect();
            let id = quoted(cells[0]).next().expect("an id");
            let fields = quoted(cells[2]).collect();
            (kind.to_owned(), Told { id, fields })
        })
        .collect();
    assert_eq!(documented, told);
    assert!(told.len() >= 9);
}
