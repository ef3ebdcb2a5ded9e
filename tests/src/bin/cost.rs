//! Events and dollars of one backup on AWS. `tests/bench/cost` runs it, and `docs/costs.md` repeats it.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::{collections::BTreeMap, process::ExitCode};

use tests::cost::{CALLS, Cost, watch};

const MOST_EVENTS: u32 = 4_000;
const MOST_DOLLARS: f64 = 0.05;

#[tokio::main]
async fn main() -> ExitCode {
    let mut missed = Vec::new();
    let mut figures: BTreeMap<String, String> = BTreeMap::new();
    let mut say = |name: String, value: String, unit: &str| {
        println!("{name} {value} {unit}");
        figures.insert(name, value);
    };
    for databases in [1, 4, 20] {
        let seen = watch(databases, 24).await;
        say(
            format!("events_24h_{databases}_databases"),
            seen.history_events.to_string(),
            "count",
        );
        if seen.history_events >= MOST_EVENTS {
            missed.push(format!(
                "{} events with {databases} databases",
                seen.history_events
            ));
        }
    }
    let seen = watch(4, 6).await;
    let cost = Cost::of(&seen);
    let requests: u64 = seen.requests.values().sum();
    say(
        "events_6h_4_databases".into(),
        seen.history_events.to_string(),
        "count",
    );
    say(
        "transitions_6h_4_databases".into(),
        seen.transitions.to_string(),
        "count",
    );
    say(
        "requests_6h_4_databases".into(),
        requests.to_string(),
        "count",
    );
    say(
        "gb_seconds_6h_4_databases".into(),
        format!("{:.0}", cost.gb_seconds),
        "GB-s",
    );
    say(
        "published_6h_4_databases".into(),
        seen.published.to_string(),
        "count",
    );
    say(
        "cost_transitions".into(),
        format!("{:.4}", cost.transitions),
        "USD",
    );
    say(
        "cost_requests".into(),
        format!("{:.4}", cost.requests),
        "USD",
    );
    say("cost_compute".into(), format!("{:.4}", cost.compute), "USD");
    say("cost_events".into(), format!("{:.4}", cost.events), "USD");
    say(
        "cost_orchestration".into(),
        format!("{:.4}", cost.total()),
        "USD",
    );
    if cost.total() >= MOST_DOLLARS {
        missed.push(format!("{:.4} USD of orchestration", cost.total()));
    }

    for call in CALLS {
        let calls = seen
            .requests
            .get(call.function)
            .copied()
            .unwrap_or_default();
        say(format!("calls_{}", call.folder), calls.to_string(), "count");
    }
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/costs.md");
    let document = std::fs::read_to_string(document).expect("docs/costs.md is there");
    for (name, value) in &figures {
        // `| name | value |` in the table of counted figures.
        let row = document
            .lines()
            .find(|line| line.contains(&format!("`{name}`")));
        let said = row.and_then(|row| row.split('|').nth(2)).map(str::trim);
        if said != Some(value) {
            missed.push(format!(
                "docs/costs.md says {said:?} of {name}, and it is {value}"
            ));
        }
    }
    for goal in &missed {
        println!("goal missed: {goal}");
    }
    ExitCode::from(u8::from(!missed.is_empty()))
}
