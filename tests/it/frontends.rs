//! The frontend that leads starts anew, or another one takes over, while a job of ours is under way.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use starrocks_emulator::{
    Emulator, Profile,
    faults::{Fault, When},
    jobs::{faults::At, state::BackupState},
};
use tests::{cluster::Cluster, flow, shop::fill_with_buckets};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    Restart,
    ChangeOfLeader,
}

impl Blow {
    fn fall(self, emulator: &Emulator) {
        match self {
            Blow::Restart => emulator.restart_frontend(),
            Blow::ChangeOfLeader => emulator.change_leader().expect("a follower"),
        }
    }
}

/// Next to which statement.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Before(&'static str),
    /// Its answer has arrived; the next one finds another world.
    After(&'static str),
    /// It is executed and never answered.
    Unanswered(&'static str),
}

const BACKUP: [Moment; 8] = [
    Moment::Before("INSERT INTO `ops`.`backup_partitions`"),
    Moment::Before("BACKUP SNAPSHOT"),
    Moment::Unanswered("BACKUP SNAPSHOT"),
    Moment::After("BACKUP SNAPSHOT"),
    Moment::After("SET phase = 'SUBMITTED'"),
    Moment::Before("SET phase = 'PINNED'"),
    Moment::After("SET phase = 'PINNED'"),
    Moment::Before("SET finished_at = UTC_TIMESTAMP(), status"),
];

const RESTORE: [Moment; 8] = [
    Moment::Before("RESTORE SNAPSHOT"),
    Moment::Unanswered("RESTORE SNAPSHOT"),
    Moment::After("RESTORE SNAPSHOT"),
    Moment::After("SHOW RESTORE"),
    Moment::Before("AS row_count"),
    Moment::Before("SWAP WITH"),
    Moment::Unanswered("SWAP WITH"),
    Moment::After("SWAP WITH"),
];

/// Whether it fell.
type Fell = Arc<AtomicBool>;

fn strike(cluster: &Cluster, blow: Blow, moment: Moment) -> Fell {
    let fell = Fell::default();
    let (done, seen) = (Arc::clone(&fell), AtomicBool::new(false));
    let emulator = Arc::clone(&cluster.emulator);
    let now = move |sql: &str| match moment {
        Moment::Before(words) => sql.contains(words),
        Moment::After(words) | Moment::Unanswered(words) => {
            seen.load(Ordering::SeqCst) || {
                seen.store(sql.contains(words), Ordering::SeqCst);
                false
            }
        }
    };
    let look = move |sql: &str| {
        if !done.load(Ordering::SeqCst) && now(sql) {
            done.store(true, Ordering::SeqCst);
            blow.fall(&emulator);
        }
        false
    };
    let faults = cluster.emulator.faults();
    faults.reset_journal();
    faults.always(When::Matches(Box::new(look)), Fault::DropBefore);
    if let Moment::Unanswered(words) = moment {
        faults.once(When::Contains(words.to_owned()), Fault::DropAfter);
    }
    fell
}

fn sent(cluster: &Cluster, words: &str) -> usize {
    let journal = cluster.emulator.faults().journal();
    journal
        .iter()
        .filter(|entry| entry.sql.contains(words))
        .count()
}

async fn shop(profile: Profile) -> Cluster {
    fill_with_buckets(Cluster::start_with_follower(profile).await, 4).await
}

fn full() -> Value {
    json!({ "group": "nightly", "kind": "full" })
}

const ORDERS: &str = "SELECT id FROM sales.orders";

async fn restored(cluster: &Cluster, label: &Value) -> Value {
    let input = json!({ "target_label": label });
    flow::restore(cluster, input).await.output()
}

async fn backup_survives(profile: Profile, blow: Blow, moment: Moment) {
    let what = format!("{profile:?} {blow:?} {moment:?}");
    let cluster = shop(profile).await;
    // One tablet after the other: a leader that takes over in UPLOAD_INFO is a case of its own.
    cluster
        .emulator
        .with_engine(|engine| engine.jobs.upload_ticks = 60);
    let fell = strike(&cluster, blow, moment);
    let ended = flow::backup(&cluster, full()).await;
    cluster.emulator.faults().clear();
    assert!(fell.load(Ordering::SeqCst), "{what}");
    let output = ended
        .result
        .unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let label = output["summary"]["databases"][0]["label"].clone();
    let finished = "SELECT label FROM ops.backup_history WHERE status = 'FINISHED'";
    assert_eq!(
        cluster.rows(finished).await,
        [[label.as_str().expect("a label")]],
        "{what}"
    );
    cluster.sql("TRUNCATE TABLE sales.orders").await;
    restored(&cluster, &label).await;
    assert_eq!(cluster.rows(ORDERS).await, [["1"]], "{what}");
}

async fn restore_survives(profile: Profile, blow: Blow, moment: Moment) {
    let what = format!("{profile:?} {blow:?} {moment:?}");
    let cluster = shop(profile).await;
    let output = flow::full(&cluster, "nightly").await;
    let label = output["summary"]["databases"][0]["label"].clone();
    cluster
        .sql("TRUNCATE TABLE sales.orders;\nINSERT INTO sales.orders VALUES (2)")
        .await;
    let fell = strike(&cluster, blow, moment);
    let ended = flow::restore(&cluster, json!({ "target_label": label })).await;
    let swaps = sent(&cluster, "SWAP WITH");
    cluster.emulator.faults().clear();
    assert!(fell.load(Ordering::SeqCst), "{what}");
    let output = ended
        .result
        .unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(output["summary"]["state"], json!("PROMOTED"), "{what}");
    assert_eq!(cluster.rows(ORDERS).await, [["1"]], "{what}");
    // Sent again only where it did not arrive.
    let most = if matches!(moment, Moment::Before("SWAP WITH")) {
        2
    } else {
        1
    };
    assert!((1..=most).contains(&swaps), "{what}: {swaps} swaps");
    let undo = output["summary"]["next_input"].clone();
    flow::restore(&cluster, undo).await.output();
    assert_eq!(cluster.rows(ORDERS).await, [["2"]], "{what}");
}

async fn all(profile: Profile, blow: Blow) {
    for moment in BACKUP {
        backup_survives(profile, blow, moment).await;
    }
    for moment in RESTORE {
        restore_survives(profile, blow, moment).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_and_a_restore_survive_a_restart_of_the_frontend() {
    all(Profile::V3_5, Blow::Restart).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_and_a_restore_survive_a_change_of_the_leader() {
    all(Profile::V3_5, Blow::ChangeOfLeader).await;
}

/// The files that UPLOAD_INFO uploads are on the machine of the old leader: the job hangs until its
/// timeout. It is called what the engine calls it, and the next run is a backup.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_takes_over_in_upload_info_costs_this_backup_and_no_other() {
    let cluster = shop(Profile::V3_5).await;
    let at = At::backup("sales", BackupState::UploadInfo);
    cluster.emulator.with_engine(|engine| {
        engine
            .jobs
            .faults
            .at_state(at, |engine| engine.move_jobs_to_new_leader());
    });
    let error = flow::backup(&cluster, full()).await.error();
    assert_eq!(error.error, "BackupFailed", "{error:?}");
    assert!(error.cause.contains("TIMEOUT"), "{error:?}");
    let output = flow::full(&cluster, "nightly").await;
    let label = output["summary"]["databases"][0]["label"].clone();
    cluster.sql("TRUNCATE TABLE sales.orders").await;
    restored(&cluster, &label).await;
    assert_eq!(cluster.rows(ORDERS).await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the other versions: tests/run --slow"]
async fn on_the_other_versions() {
    for profile in [Profile::V3_3, Profile::V4_1] {
        all(profile, Blow::Restart).await;
        all(profile, Blow::ChangeOfLeader).await;
    }
}
