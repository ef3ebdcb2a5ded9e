//! `init`: as many replicas as there are backends to hold them, and whole after whatever came in between.

use starrocks_emulator::Profile;
use tests::{
    cluster::Cluster,
    command::{Said, command, create_user},
    kill::{Kill, Killer, Victim},
};

const DONE: &str = "everything is there already: nothing to do\n";

/// A cluster without ops tables.
async fn empty(profile: Profile, backends: u32) -> Cluster {
    let cluster = Cluster::start_wide(profile, backends).await;
    create_user(&cluster).await;
    cluster.sql("DROP DATABASE ops FORCE").await;
    cluster
}

async fn init(cluster: &Cluster) -> Said {
    command(cluster, &["init"]).await
}

/// Every ops table with its definition.
async fn tables(cluster: &Cluster) -> Vec<String> {
    let mut all = Vec::new();
    for row in cluster.rows("SHOW TABLES FROM ops").await {
        let shown = cluster
            .rows(&format!("SHOW CREATE TABLE ops.`{}`", row[0]))
            .await;
        all.push(shown[0][1].clone());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_follow_the_live_backends() {
    for (backends, dead, replicas) in [(1, 0, 1), (2, 0, 2), (3, 0, 3), (5, 0, 3), (3, 1, 2)] {
        let cluster = empty(Profile::V3_5, backends).await;
        cluster.emulator.with_engine(|engine| {
            for backend in engine.nodes.backends.iter_mut().take(dead) {
                backend.alive = false;
            }
        });
        let said = init(&cluster).await;
        assert_eq!(said.code, 0, "{said:#?}");
        let expected = format!("\"replication_num\" = \"{replicas}\"");
        let tables = tables(&cluster).await;
        assert_eq!(tables.len(), 7);
        for table in tables {
            assert!(table.contains(&expected), "{backends} backends: {table}");
        }
        assert_eq!(init(&cluster).await.out, DONE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_interrupted_anywhere_is_completed_by_the_next() {
    /// The statements of one table after the other are alike.
    const STRIDE: usize = 3;
    let undisturbed = empty(Profile::V3_5, 1).await;
    undisturbed.emulator.faults().reset_journal();
    assert_eq!(init(&undisturbed).await.code, 0);
    let count = undisturbed.emulator.faults().journal().len() as u64;
    let expected = tables(&undisturbed).await;
    for statement in (1..=count).step_by(STRIDE) {
        for executed in [false, true] {
            let kill = Kill {
                statement,
                executed,
            };
            let cluster = empty(Profile::V3_5, 1).await;
            let killer = Killer::arm(&cluster.emulator, kill, Victim::Process);
            tokio::select! {
                biased;
                () = killer.died() => {}
                // It can find out before it is known to be dead.
                said = init(&cluster) => assert_ne!(said.code, 0, "{kill:?}: {said:#?}"),
            }
            cluster.emulator.faults().clear();
            let said = init(&cluster).await;
            assert_eq!(said.code, 0, "{kill:?}: {said:#?}");
            assert_eq!(tables(&cluster).await, expected, "{kill:?}");
            assert_eq!(init(&cluster).await.out, DONE, "{kill:?}");
        }
    }
}

/// The GRANTs that are said run as they stand, and are enough.
#[tokio::test(flavor = "multi_thread")]
async fn what_it_may_not_do_is_said_as_statements() {
    let cluster = empty(Profile::V3_5, 1).await;
    cluster
        .sql(
            "DROP USER plain;
             CREATE USER plain IDENTIFIED BY '';
             GRANT REPOSITORY ON SYSTEM TO USER plain",
        )
        .await;
    let refused = init(&cluster).await;
    assert_eq!(refused.code, 8, "{refused:#?}");
    let hint = refused
        .err
        .lines()
        .find_map(|line| line.split_once("runs: "));
    let (_, statements) = hint.unwrap_or_else(|| panic!("{refused:#?}"));
    cluster.sql(&statements.replace("; ", ";\n")).await;
    let said = init(&cluster).await;
    assert_eq!(said.code, 0, "{said:#?}");
    assert_eq!(init(&cluster).await.out, DONE);
}
