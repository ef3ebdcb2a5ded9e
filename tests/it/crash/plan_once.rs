//! A label is planned once. Somebody loads while nobody works on it: a repeat that read fingerprints
//! again would take the load for something that is backed up.

use std::sync::{Arc, Mutex};

use serde_json::json;
use starrocks_emulator::{engine::Engine, reply::Reply};
use tests::{
    cluster::Cluster,
    flow,
    kill::{Kill, Killer, Victim},
};

use super::{LEASE_SECONDS, input, kills, shop, statements};

const LOAD: &str = "INSERT INTO sales.orders VALUES ('2026-01-01', 11)";

/// What was written down about a label before its planner died.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Planned {
    label: String,
    plan: String,
    /// Whether StarRocks knows of it.
    sent: bool,
    /// Table, partition, fingerprint, and the label that stores it.
    manifest: Vec<Vec<Option<String>>>,
}

fn answer(engine: &mut Engine, query: &str) -> Vec<Vec<Option<String>>> {
    match engine.execute_as_root(None, query) {
        Ok(Reply::Rows(mut result)) => {
            result.rows.sort();
            result.rows
        }
        other => panic!("{query}: {other:?}"),
    }
}

/// The label that is planned and not recorded as ended.
fn planned(engine: &mut Engine) -> Option<Planned> {
    let open = answer(
        engine,
        "SELECT label, plan_id FROM ops.run_status WHERE scope = 'backup' \
         AND phase NOT IN ('CLAIMED', 'ABANDONED')",
    );
    let [label, plan] = open.first()?.as_slice() else {
        panic!("two columns: {open:?}");
    };
    let plan = plan.clone().expect("a planned label has a plan");
    let jobs = answer(engine, "SHOW BACKUP FROM sales");
    Some(Planned {
        label: label.clone().expect("a label"),
        sent: jobs.iter().any(|job| job.contains(label)),
        manifest: manifest(engine, &plan),
        plan,
    })
}

fn manifest(engine: &mut Engine, plan: &str) -> Vec<Vec<Option<String>>> {
    answer(
        engine,
        &format!(
            "SELECT table_name, partition_name, fingerprint, stored_in FROM ops.backup_partitions \
             WHERE plan_id = '{plan}'"
        ),
    )
}

/// Returns whether a plan was there when it died.
async fn loaded_meanwhile(kill: Kill, victim: Victim) -> bool {
    let what = format!("{victim:?} {kill:?}");
    let cluster = shop().await;
    let seen: Arc<Mutex<Option<Planned>>> = Arc::default();
    let note = Arc::clone(&seen);
    let killer = Killer::arm(&cluster.emulator, kill, victim).meanwhile(move |engine| {
        *note.lock().unwrap() = planned(engine);
        load(engine);
    });
    let ended = flow::backup_under(&cluster, input("full"), &killer).await;
    assert!(killer.has_fired(), "{what}");
    let ended = match ended {
        Some(ended) => ended,
        None => {
            cluster.advance(LEASE_SECONDS);
            flow::backup(&cluster, input("full")).await
        }
    };
    assert!(ended.result.is_ok(), "{what}: {:?}", ended.result);
    let seen = seen.lock().unwrap().take();
    if let Some(seen) = &seen {
        let now = cluster
            .emulator
            .with_engine(|engine| manifest(engine, &seen.plan));
        assert_eq!(now, seen.manifest, "{what}: fingerprints were read again");
        // Of a run that died before it sent anything, nothing is taken over.
        let status = match seen.sent || victim == Victim::Function {
            true => "FINISHED",
            false => "FAILED",
        };
        let of_label = format!(
            "SELECT status, plan_id FROM ops.backup_history WHERE label = '{}'",
            seen.label
        );
        assert_eq!(
            cluster.rows(&of_label).await,
            [[status, seen.plan.as_str()]],
            "{what}: it was planned again"
        );
    }
    next_incremental_is_what_is_there(&cluster, &what).await;
    seen.is_some()
}

fn load(engine: &mut Engine) {
    engine
        .execute_as_root(None, LOAD)
        .unwrap_or_else(|error| panic!("{LOAD}: {}", error.message));
}

async fn next_incremental_is_what_is_there(cluster: &Cluster, what: &str) {
    cluster.advance(60);
    let output = flow::incremental(cluster, "nightly").await;
    let label = output["summary"]["databases"][0]["label"].clone();
    let copy = json!({ "target_label": label, "into_database": "copy" });
    flow::restore(cluster, copy).await.output();
    let live = cluster.rows("SELECT * FROM sales.orders").await;
    assert_eq!(live.len(), 3, "{what}");
    assert_eq!(
        cluster.rows("SELECT * FROM copy.orders").await,
        live,
        "{what}: the load is lost"
    );
}

/// The numbers of the statements of an undisturbed run that say so first.
async fn numbers<const COUNT: usize>(words: [&str; COUNT]) -> [u64; COUNT] {
    let cluster = shop().await;
    statements(&cluster, "full").await;
    let journal = cluster.emulator.faults().journal();
    words.map(|words| {
        let found = journal.iter().find(|entry| entry.sql.contains(words));
        found.unwrap_or_else(|| panic!("no {words}")).number
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_while_the_planner_is_dead_is_in_the_next_incremental() {
    let [planned, backup, submitted, pinned, recorded] = numbers([
        "SET phase = 'PLANNED'",
        "BACKUP SNAPSHOT",
        "SET phase = 'SUBMITTED'",
        "SET phase = 'PINNED'",
        "SET finished_at = UTC_TIMESTAMP(), status",
    ])
    .await;
    for (statement, executed, victim) in [
        (planned, true, Victim::Function),
        (backup, false, Victim::Process),
        (backup, true, Victim::Function),
        (submitted, false, Victim::Process),
        (pinned, true, Victim::Function),
        (recorded, false, Victim::Process),
    ] {
        let kill = Kill {
            statement,
            executed,
        };
        assert!(loaded_meanwhile(kill, victim).await, "{kill:?}: no plan");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "kills every statement: tests/run --slow"]
async fn a_load_after_any_statement_is_in_the_next_incremental() {
    let count = statements(&shop().await, "full").await;
    for victim in [Victim::Function, Victim::Process] {
        let mut with_a_plan = 0;
        for kill in kills(count, 1) {
            with_a_plan += u32::from(loaded_meanwhile(kill, victim).await);
        }
        assert!(with_a_plan > 0, "{victim:?}: nothing was planned");
    }
}
