//! Ctrl-C, SIGTERM and SIGKILL on the real process: it ends within seconds, says what goes on without
//! it, and the next run comes to the same end as if nothing had happened.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use starrocks_emulator::faults::{Fault, When};
use tests::{TIMEOUT, cluster::Cluster, flow};

use super::support::{Run, Running, Shell, Ticking, shop};

const SIGNALS: [&str; 3] = ["INT", "TERM", "KILL"];
/// It takes eight at most, and Docker kills after ten; a busy machine gets some more.
const SECONDS: u64 = 20;
const LEASE_SECONDS: i64 = 21 * 60;
const LONG: Duration = Duration::from_secs(20);
/// Less than what a handler has to finish.
const SHORT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// Nothing was asked for but facts.
    Precheck,
    /// The manifest is being written.
    Planning,
    /// BACKUP or RESTORE was accepted, and nothing of it was done.
    Submitted,
    /// Data is on its way.
    Transfer,
    /// StarRocks is done, and what it did is being recorded or verified.
    Ending,
    /// The live table is about to be swapped.
    Swapping,
}

async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !look().await {
        assert!(Instant::now() < deadline, "never {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_shown(cluster: &Cluster, query: &str, word: &str) {
    until(word, async || {
        let rows = cluster.rows(query).await;
        rows.iter().flatten().any(|cell| cell == word)
    })
    .await;
}

/// Waits until the statement with these words has arrived and is held.
async fn until_held(cluster: &Cluster, words: &str) {
    until(words, async || {
        let journal = cluster.emulator.faults().journal();
        journal.iter().any(|entry| entry.sql.contains(words))
    })
    .await;
}

fn hold(cluster: &Cluster, words: &str, time: Duration) {
    let faults = cluster.emulator.faults();
    faults.reset_journal();
    faults.once(When::Contains(words.to_owned()), Fault::Delay(time));
}

/// Moves the jobs on until one shows this state.
async fn advance_until(cluster: &Cluster, query: &str, word: &str) {
    until(word, async || {
        cluster.advance(1);
        let rows = cluster.rows(query).await;
        rows.iter().flatten().any(|cell| cell == word)
    })
    .await;
}

async fn stop(cluster: &Cluster, running: Running, signal: &str) -> Run {
    let asked = Instant::now();
    running.signal(signal);
    let run = running.end().await;
    assert!(
        asked.elapsed() < Duration::from_secs(SECONDS),
        "{:?} until {signal} had ended {run:#?}",
        asked.elapsed()
    );
    match signal {
        "KILL" => assert_eq!(run.code, None, "{run:#?}"),
        _ => {
            assert_eq!(run.code, Some(130), "{run:#?}");
            assert_eq!(run.err.matches("Interrupted: ").count(), 1, "{run:#?}");
            assert!(run.err.contains("hint: "), "{run:#?}");
        }
    }
    cluster.emulator.faults().clear();
    run
}

/// What is left when everything has ended.
#[derive(Debug, PartialEq, Eq)]
struct End {
    /// Snapshots in the repository: one BACKUP was sent for each.
    snapshots: usize,
    finished: Vec<Vec<String>>,
    /// Snapshots that are complete and recorded as something else.
    slandered: Vec<Vec<String>>,
    in_work: String,
    rows: Vec<Vec<String>>,
    tables: Vec<String>,
}

async fn end(cluster: &Cluster) -> End {
    let tables = cluster.rows("SHOW TABLES FROM sales").await;
    let status = Shell::at(cluster).run("status --output json").await;
    let snapshots = cluster.rows("SHOW SNAPSHOT ON repo").await;
    let failed = cluster
        .rows("SELECT label FROM ops.backup_history WHERE status NOT IN ('FINISHED')")
        .await;
    End {
        slandered: failed
            .into_iter()
            .filter(|label| snapshots.iter().any(|row| row[0] == label[0]))
            .collect(),
        snapshots: snapshots.len(),
        finished: cluster
            .rows(
                "SELECT backup_type, cut, partitions_total, partitions_stored FROM ops.backup_history \
                 WHERE status = 'FINISHED'",
            )
            .await,
        in_work: status.succeeded().json()["databases"].to_string(),
        rows: cluster.rows("SELECT * FROM sales.orders").await,
        tables: tables
            .into_iter()
            // The time at which a table was put aside is part of its name.
            .map(|row| row[0].split("_before_").next().unwrap().to_owned())
            .collect(),
    }
}

async fn sales() -> Cluster {
    let cluster = shop().await;
    cluster.group("one", &["sales.*"]).await;
    cluster
}

/// What the UPDATE says that records how a backup ended.
const RECORDING: &str = "SET finished_at = UTC_TIMESTAMP(), status";

const BACKUP: &str = "backup full --group one";

async fn backup_stopped_at(point: Point, signal: &str) -> End {
    let cluster = sales().await;
    let shell = Shell::at(&cluster);
    let shown = "SHOW BACKUP FROM sales";
    let at = format!("{signal} at {point:?}");
    let (stopped, says): (Run, &[&str]) = match point {
        Point::Precheck => {
            hold(&cluster, "table_inventory", SHORT);
            let running = shell.start(BACKUP);
            until_held(&cluster, "table_inventory").await;
            (
                stop(&cluster, running, signal).await,
                &["nothing was begun"],
            )
        }
        Point::Planning => {
            hold(&cluster, "INSERT INTO `ops`.`backup_partitions`", LONG);
            let running = shell.start(BACKUP);
            until_held(&cluster, "INSERT INTO `ops`.`backup_partitions`").await;
            (
                stop(&cluster, running, signal).await,
                &["nothing was sent; it is free again"],
            )
        }
        Point::Submitted => {
            let running = shell.start(BACKUP);
            until_shown(&cluster, shown, "PENDING").await;
            (
                stop(&cluster, running, signal).await,
                &["goes on in StarRocks", "held until", "same command again"],
            )
        }
        Point::Transfer => {
            let running = shell.start(BACKUP);
            until_shown(&cluster, shown, "PENDING").await;
            advance_until(&cluster, shown, "UPLOADING").await;
            (
                stop(&cluster, running, signal).await,
                &["goes on in StarRocks", "held until"],
            )
        }
        Point::Ending | Point::Swapping => {
            hold(&cluster, RECORDING, SHORT);
            let running = shell.start(BACKUP);
            until_shown(&cluster, shown, "PENDING").await;
            advance_until(&cluster, shown, "FINISHED").await;
            until_held(&cluster, RECORDING).await;
            (
                stop(&cluster, running, signal).await,
                &["is recorded as FINISHED"],
            )
        }
    };
    if signal != "KILL" {
        for words in says {
            assert!(stopped.err.contains(words), "{at}: '{words}': {stopped:#?}");
        }
    }
    // What was given back can be taken at once; all else when the lease has run out.
    let free = matches!(point, Point::Precheck) || (point == Point::Planning && signal != "KILL");
    if !free {
        cluster.advance(LEASE_SECONDS);
    }
    let recorded = point == Point::Ending && signal != "KILL";
    if !recorded {
        let _ticking = Ticking::of(&cluster);
        shell.run(BACKUP).await.succeeded();
    }
    end(&cluster).await
}

async fn undisturbed_backup() -> End {
    let cluster = sales().await;
    let _ticking = Ticking::of(&cluster);
    Shell::at(&cluster).run(BACKUP).await.succeeded();
    end(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_stopped_anywhere_comes_to_the_same_end() {
    let expected = undisturbed_backup().await;
    assert_eq!((expected.snapshots, expected.in_work.as_str()), (1, "[]"));
    for point in [
        Point::Precheck,
        Point::Planning,
        Point::Submitted,
        Point::Transfer,
        Point::Ending,
    ] {
        let ends = join_all(SIGNALS.map(|signal| backup_stopped_at(point, signal))).await;
        for (end, signal) in ends.iter().zip(SIGNALS) {
            assert_eq!(end, &expected, "{signal} at {point:?}");
        }
    }
}

const RESTORE: &str = "restore --target-label sales_20260301_full --table orders --yes";

/// With a label, and live data that came later.
async fn damaged() -> Cluster {
    let cluster = sales().await;
    flow::full(&cluster, "one").await;
    cluster
        .sql("TRUNCATE TABLE sales.orders;\nINSERT INTO sales.orders VALUES ('2026-01-01', 9)")
        .await;
    cluster
}

async fn restore_stopped_at(point: Point, signal: &str) -> End {
    let cluster = damaged().await;
    let shell = Shell::at(&cluster);
    let shown = "SHOW RESTORE FROM sales";
    let before = cluster.rows("SELECT * FROM sales.orders").await;
    let running = match point {
        Point::Precheck => {
            hold(&cluster, "SHOW FRONTENDS", SHORT);
            let running = shell.start(RESTORE);
            until_held(&cluster, "SHOW FRONTENDS").await;
            running
        }
        Point::Planning => {
            hold(&cluster, "INSERT INTO `ops`.`restore_history`", LONG);
            let running = shell.start(RESTORE);
            until_held(&cluster, "INSERT INTO `ops`.`restore_history`").await;
            running
        }
        Point::Submitted => {
            let running = shell.start(RESTORE);
            until_shown(&cluster, shown, "PENDING").await;
            running
        }
        Point::Transfer => {
            let running = shell.start(RESTORE);
            until_shown(&cluster, shown, "PENDING").await;
            advance_until(&cluster, shown, "DOWNLOADING").await;
            running
        }
        Point::Ending | Point::Swapping => {
            let words = match point {
                Point::Ending => "AS row_count",
                _ => "SWAP WITH",
            };
            hold(&cluster, words, SHORT);
            let running = shell.start(RESTORE);
            until_shown(&cluster, shown, "PENDING").await;
            advance_until(&cluster, shown, "FINISHED").await;
            until_held(&cluster, words).await;
            running
        }
    };
    let stopped = stop(&cluster, running, signal).await;
    if point != Point::Swapping {
        let live = cluster.rows("SELECT * FROM sales.orders").await;
        assert_eq!(live, before, "live data was touched: {stopped:#?}");
    }
    cluster.advance(LEASE_SECONDS);
    let status = shell.run("status --output json").await.succeeded().json();
    let next = match status["restores"][0]["restore_id"].as_str() {
        Some(id) => {
            let said = stopped
                .err
                .contains(&format!("starrocks-br restore resume {id}"));
            let begun = matches!(point, Point::Submitted | Point::Transfer);
            assert!(said || !begun || signal == "KILL", "{stopped:#?}");
            format!("restore resume {id}")
        }
        None => RESTORE.to_owned(),
    };
    let _ticking = Ticking::of(&cluster);
    shell.run(&next).await.succeeded();
    end(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_stopped_anywhere_comes_to_the_same_end() {
    let cluster = damaged().await;
    let ticking = Ticking::of(&cluster);
    Shell::at(&cluster).run(RESTORE).await.succeeded();
    let expected = end(&cluster).await;
    drop(ticking);
    assert_eq!(expected.rows.len(), 2, "{expected:?}");
    for point in [
        Point::Precheck,
        Point::Planning,
        Point::Submitted,
        Point::Transfer,
        Point::Ending,
        Point::Swapping,
    ] {
        let ends = join_all(SIGNALS.map(|signal| restore_stopped_at(point, signal))).await;
        for (end, signal) in ends.iter().zip(SIGNALS) {
            assert_eq!(end, &expected, "{signal} at {point:?}");
        }
    }
}
