//! Backups that are killed: one snapshot for each piece of work, and the end that was to come.

use starrocks_emulator::Profile;
use tests::{
    cluster::Cluster,
    flow,
    kill::{Kill, Killer, Victim},
};

use super::{
    EndState, LEASE_SECONDS, changed, end_state, input, kills, rows_counted, shop, snapshots,
    statements,
};

/// What is to be done, and what is there to do it on.
#[derive(Debug, Clone, Copy)]
enum Work {
    Full,
    Incremental,
    /// A full of two databases, which are started side by side.
    TwoDatabases,
}

impl Work {
    fn kind(self) -> &'static str {
        match self {
            Work::Full | Work::TwoDatabases => "full",
            Work::Incremental => "incremental",
        }
    }

    fn databases(self) -> &'static [&'static str] {
        match self {
            Work::Full | Work::Incremental => &["sales"],
            Work::TwoDatabases => &["crm", "sales"],
        }
    }

    async fn prepared(self) -> Cluster {
        match self {
            Work::Full => shop().await,
            Work::Incremental => changed().await,
            Work::TwoDatabases => two_databases(Profile::V3_5).await,
        }
    }
}

pub(super) async fn two_databases(profile: Profile) -> Cluster {
    let cluster = super::shop_of(profile).await;
    cluster
        .sql(
            "CREATE DATABASE crm;
             CREATE TABLE crm.customers (id BIGINT NOT NULL, name VARCHAR(50)) PRIMARY KEY(id) \
             DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
             INSERT INTO crm.customers VALUES (1, 'Ada'), (2, 'Grace')",
        )
        .await;
    cluster.group("nightly", &["crm.*"]).await;
    cluster
}

/// What a run that nobody disturbs leaves, and the statements that it sends.
struct Undisturbed {
    count: u64,
    end: EndState,
    rows: Vec<Vec<String>>,
    snapshots: usize,
}

impl Undisturbed {
    async fn of(work: Work) -> Undisturbed {
        let cluster = work.prepared().await;
        Undisturbed {
            count: statements(&cluster, work.kind()).await,
            end: end_state(&cluster).await,
            rows: rows_counted(&cluster).await,
            snapshots: snapshots(&cluster).await,
        }
    }

    async fn assert_reached(&self, cluster: &Cluster, kill: Kill) {
        assert_eq!(end_state(cluster).await, self.end, "{kill:?}");
        assert_eq!(rows_counted(cluster).await, self.rows, "{kill:?}");
        assert_eq!(
            snapshots(cluster).await,
            self.snapshots,
            "{kill:?}: a second BACKUP was sent"
        );
    }
}

async fn function_killed(work: Work, stride: usize) {
    let undisturbed = Undisturbed::of(work).await;
    for kill in kills(undisturbed.count, stride) {
        let cluster = work.prepared().await;
        let (ended, fired) = flow::backup_with_kill(&cluster, input(work.kind()), kill).await;
        assert!(fired, "{kill:?}");
        assert!(ended.result.is_ok(), "{kill:?}: {:?}", ended.result);
        undisturbed.assert_reached(&cluster, kill).await;
    }
}

/// Database and label of what history says is finished.
async fn finished(cluster: &Cluster) -> Vec<Vec<String>> {
    let query = "SELECT database_name, label FROM ops.backup_history WHERE status = 'FINISHED'";
    cluster.rows(query).await
}

/// Rows of `all` that are not in `known`, of this database.
fn added(all: &[Vec<String>], known: &[Vec<String>], database: &str) -> usize {
    all.iter()
        .filter(|row| row[0] == database && !known.contains(row))
        .count()
}

/// Only what history says is finished is done again by the next run, which is another backup then: also of an
/// incremental, since both are of what changed after the same full.
async fn process_killed(work: Work, stride: usize) {
    let undisturbed = Undisturbed::of(work).await;
    for kill in kills(undisturbed.count, stride) {
        let cluster = work.prepared().await;
        let before = finished(&cluster).await;
        let killer = Killer::arm(&cluster.emulator, kill, Victim::Process);
        let ended = flow::backup_under(&cluster, input(work.kind()), &killer).await;
        assert!(ended.is_none() && killer.has_fired(), "{kill:?}");
        let recorded = finished(&cluster).await;
        // The job goes on without us; the lease runs out.
        cluster.advance(LEASE_SECONDS);
        let ended = flow::backup(&cluster, input(work.kind())).await;
        assert!(ended.result.is_ok(), "{kill:?}: {:?}", ended.result);
        let now = finished(&cluster).await;
        assert!(
            recorded.iter().all(|label| now.contains(label)),
            "{kill:?}: {recorded:?} {now:?}"
        );
        let mut twice = 0;
        for database in work.databases() {
            let first = added(&recorded, &before, database);
            let second = added(&now, &recorded, database);
            // What was recorded and not closed may be closed by the next run, as its own.
            let allowed = if first == 0 { 1..=1 } else { 0..=1 };
            assert!(
                first <= 1 && allowed.contains(&second),
                "{kill:?}: {recorded:?} were finished, then {now:?}"
            );
            twice += usize::from(first + second == 2);
        }
        if twice == 0 {
            undisturbed.assert_reached(&cluster, kill).await;
            continue;
        }
        let state = end_state(&cluster).await;
        assert_eq!(
            (state.open, state.held),
            (Vec::new(), Vec::new()),
            "{kill:?}"
        );
        assert_eq!(
            snapshots(&cluster).await,
            undisturbed.snapshots + twice,
            "{kill:?}: a BACKUP too many"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_killed_at_any_statement_of_a_full_is_called_again_and_ends_alike() {
    function_killed(Work::Full, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_statement_is_adopted_by_the_next_run() {
    process_killed(Work::Full, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_killed_at_many_statements_ends_alike() {
    function_killed(Work::Incremental, 3).await;
}

macro_rules! every_statement {
    ($($name:ident: $killed:ident $work:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "kills every statement: tests/run --slow"]
        async fn $name() {
            $killed(Work::$work, 1).await;
        }
    )+};
}

every_statement! {
    an_incremental_killed_at_any_statement_ends_alike: function_killed Incremental;
    an_incremental_whose_process_is_killed_is_adopted: process_killed Incremental;
    a_full_of_two_databases_killed_at_any_statement_ends_alike: function_killed TwoDatabases;
    a_full_of_two_databases_whose_process_is_killed_is_adopted: process_killed TwoDatabases;
}
