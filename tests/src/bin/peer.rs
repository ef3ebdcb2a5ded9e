//! The nightly path beside starrocks-br 0.6.0, on the same emulator with the same 5,000 partitions:
//! statements sent, commits made, and time. `tests/bench/peer` runs it.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::{path::PathBuf, process::Command, time::Instant};

use serde_json::json;
use starrocks_emulator::{Clock, Profile};
use tests::{
    cluster::{Cluster, PASSWORD, REPOSITORY},
    flow,
};

const PARTITIONS: u32 = 5_000;
/// Of the first partitions, one is loaded between the full and the incremental.
const CHANGED: u32 = 50;
/// The emulator's clock: jobs tick this much faster than on a real cluster, for both.
const RATE: i32 = 100;

#[derive(Debug, Default)]
struct Figures {
    statements: usize,
    commits: usize,
    seconds: f64,
}

#[tokio::main]
async fn main() {
    let tool = PathBuf::from(
        std::env::args()
            .nth(1)
            .expect("usage: peer PATH-OF-STARROCKS-BR"),
    );
    let ours = ours().await;
    let theirs = theirs(&tool).await;
    let mut missed = false;
    for (step, ours, theirs) in [
        ("full", &ours[0], &theirs[0]),
        ("incremental", &ours[1], &theirs[1]),
    ] {
        println!("{step}_statements_ours {} count", ours.statements);
        println!("{step}_statements_peer {} count", theirs.statements);
        println!("{step}_commits_ours {} count", ours.commits);
        println!("{step}_commits_peer {} count", theirs.commits);
        println!("{step}_time_ours {:.2} s", ours.seconds);
        println!("{step}_time_peer {:.2} s", theirs.seconds);
        missed |= ours.commits >= theirs.commits && theirs.commits > 30;
        missed |= ours.seconds >= theirs.seconds;
    }
    if missed {
        println!("goal missed: the peer was as good or better");
        std::process::exit(1);
    }
}

async fn cluster() -> Cluster {
    let cluster = Cluster::start_with_clock(Profile::V3_5, Clock::running(RATE)).await;
    cluster
        .sql(&format!(
            "CREATE DATABASE sales;
             CREATE TABLE sales.orders (k INT NOT NULL, id INT NOT NULL) DUPLICATE KEY(k, id) \
             PARTITION BY RANGE(k) (START (\"0\") END (\"{PARTITIONS}\") EVERY (1)) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1')"
        ))
        .await;
    let rows: Vec<String> = (0..PARTITIONS).map(|k| format!("({k}, {k})")).collect();
    cluster
        .sql(&format!(
            "INSERT INTO sales.orders VALUES {}",
            rows.join(", ")
        ))
        .await;
    cluster.group("nightly", &["sales.orders"]).await;
    cluster
}

async fn change(cluster: &Cluster) {
    let rows: Vec<String> = (0..CHANGED).map(|k| format!("({k}, {})", k + 1)).collect();
    cluster
        .sql(&format!(
            "INSERT INTO sales.orders VALUES {}",
            rows.join(", ")
        ))
        .await;
}

fn figures(cluster: &Cluster, started: Instant) -> Figures {
    let journal = cluster.emulator.faults().journal();
    let is_commit = |sql: &str| {
        let word = sql
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_uppercase();
        ["INSERT", "UPDATE", "DELETE"].contains(&word.as_str())
    };
    Figures {
        statements: journal.len(),
        commits: journal.iter().filter(|entry| is_commit(&entry.sql)).count(),
        seconds: started.elapsed().as_secs_f64(),
    }
}

async fn ours() -> Vec<Figures> {
    let cluster = cluster().await;
    let mut all = Vec::new();
    for kind in ["full", "incremental"] {
        cluster.emulator.faults().reset_journal();
        let started = Instant::now();
        let input = json!({ "group": "nightly", "kind": kind });
        flow::backup_at_pace(&cluster, input, RATE.unsigned_abs())
            .await
            .output();
        all.push(figures(&cluster, started));
        change(&cluster).await;
    }
    all
}

async fn theirs(tool: &PathBuf) -> Vec<Figures> {
    let cluster = cluster().await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let config = directory.path().join("config.yaml");
    let text = format!(
        "host: 127.0.0.1\nport: {}\nuser: root\ndatabase: sales\nrepository: {REPOSITORY}\n",
        cluster.emulator.port()
    );
    std::fs::write(&config, text).expect("a configuration file");
    let mut all = Vec::new();
    for kind in ["full", "incremental"] {
        cluster.emulator.faults().reset_journal();
        let started = Instant::now();
        let status = Command::new(tool)
            .args(["backup", kind, "--group", "nightly", "--config"])
            .arg(&config)
            .env("STARROCKS_PASSWORD", PASSWORD)
            .output()
            .expect("starrocks-br runs");
        assert!(
            status.status.success(),
            "starrocks-br backup {kind}: {}",
            String::from_utf8_lossy(&status.stderr)
        );
        all.push(figures(&cluster, started));
        change(&cluster).await;
    }
    all
}
