//! What one backup costs on AWS: the real machine with the real handlers on an emulated cluster whose
//! jobs take hours, counted as AWS counts and multiplied with AWS' prices.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use cli::asl::{Event, resources};
use jiff::SignedDuration;
use serde_json::json;
use starrocks_emulator::{
    Profile,
    jobs::{faults::At, state::BackupState},
};

use crate::{
    cluster::Cluster,
    flow,
    witness::{Seen, Witness},
};

/// Dollars for US East (N. Virginia), without any free tier, as on AWS' pricing pages in November 2026.
pub mod price {
    /// <https://aws.amazon.com/step-functions/pricing>, Standard workflows.
    pub const STATE_TRANSITION: f64 = 0.025 / 1_000.0;
    /// <https://aws.amazon.com/lambda/pricing>, the same for both architectures.
    pub const REQUEST: f64 = 0.20 / 1_000_000.0;
    /// <https://aws.amazon.com/lambda/pricing>, Arm.
    pub const GB_SECOND: f64 = 0.000_013_333_4;
    /// <https://aws.amazon.com/eventbridge/pricing>, custom events.
    pub const EVENT: f64 = 1.0 / 1_000_000.0;
}

/// What one call is taken to last where a cluster answers in milliseconds and has some ten thousand
/// partitions; memory as in `infra/functions.tf`, which a test compares.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// As the state machine calls it, and as its folder is called.
    pub function: &'static str,
    pub folder: &'static str,
    pub memory_mb: u32,
    pub seconds: f64,
}

pub const CALLS: [Call; 4] = [
    Call {
        function: "Precheck",
        folder: "precheck",
        memory_mb: 256,
        seconds: 2.0,
    },
    Call {
        function: "StartBackup",
        folder: "start-backup",
        memory_mb: 1024,
        seconds: 20.0,
    },
    Call {
        function: "PollStatus",
        folder: "poll-status",
        memory_mb: 256,
        seconds: 2.0,
    },
    Call {
        function: "RecordHistory",
        folder: "record-history",
        memory_mb: 256,
        seconds: 10.0,
    },
];

/// Dollars of one execution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    pub transitions: f64,
    pub requests: f64,
    pub gb_seconds: f64,
    pub compute: f64,
    pub events: f64,
}

impl Cost {
    pub fn of(seen: &Seen) -> Cost {
        let mut requests = 0;
        let mut gb_seconds = 0.0;
        for (function, &count) in &seen.requests {
            let call = CALLS.iter().find(|call| call.function == function);
            let call = call.unwrap_or_else(|| panic!("nobody knows how long {function} takes"));
            requests += count;
            gb_seconds += count as f64 * call.seconds * f64::from(call.memory_mb) / 1024.0;
        }
        Cost {
            transitions: seen.transitions as f64 * price::STATE_TRANSITION,
            requests: requests as f64 * price::REQUEST,
            gb_seconds,
            compute: gb_seconds * price::GB_SECOND,
            events: seen.published as f64 * price::EVENT,
        }
    }

    pub fn total(&self) -> f64 {
        self.transitions + self.requests + self.compute + self.events
    }
}

/// A full backup of so many databases that StarRocks takes so many hours for.
pub async fn watch(databases: u32, hours: i64) -> Seen {
    let cluster = Cluster::start(Profile::V4_1).await;
    let names: Vec<String> = (0..databases)
        .map(|number| format!("db{number:02}"))
        .collect();
    for name in &names {
        cluster
            .sql(&format!(
                "CREATE DATABASE {name};
                 CREATE TABLE {name}.t (id INT NOT NULL) DUPLICATE KEY(id) \
                 DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
                 INSERT INTO {name}.t VALUES (1)"
            ))
            .await;
        cluster.group("nightly", &[&format!("{name}.*")]).await;
        let at = At::backup(name.as_str(), BackupState::Uploading);
        cluster
            .emulator
            .with_engine(|engine| engine.jobs.faults.hold(at));
    }

    let witness = Witness::default();
    let observed = witness.clone();
    let emulator = Arc::clone(&cluster.emulator);
    let now = move || emulator.with_engine(|engine| engine.clock.now());
    // A little before the window ends, or StarRocks would cancel the job by itself.
    let until = now() + SignedDuration::from_hours(hours) - SignedDuration::from_mins(10);
    let (emulator, is_over) = (Arc::clone(&cluster.emulator), AtomicBool::new(false));
    let see = move |event: &Event<'_>| {
        observed.observe(event);
        if matches!(event, Event::Waiting { .. })
            && now() >= until
            && !is_over.swap(true, Ordering::Relaxed)
        {
            for name in &names {
                let at = At::backup(name.as_str(), BackupState::Uploading);
                emulator.with_engine(|engine| engine.jobs.faults.release(&at));
            }
        }
    };
    let backup = resources::backup().expect("backup.asl.json loads");
    let input = json!({ "group": "nightly", "kind": "full" });
    let ended = flow::watched(&cluster, &backup, input, see).await;
    let summary = ended.output();
    let backed_up = summary["summary"]["databases"]
        .as_array()
        .map_or(0, Vec::len);
    assert_eq!(backed_up, databases as usize, "{summary}");
    witness.seen()
}
