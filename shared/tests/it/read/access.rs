//! What is read by a user who may not see everything, and what is read of the cluster and its repository.

use std::collections::BTreeSet;

use shared::{
    ident::TableName,
    plan::backup::Selection,
    read::{read_cluster, read_database, read_repository},
    secret::Secret,
    starrocks::Client,
};
use starrocks_emulator::Profile;

use super::{TABLES, execution, read, read_all, table};
use crate::support::{Cluster, run_all, within};

async fn user(cluster: &Cluster, grants: &[&str]) -> Client {
    let mut root = cluster.client().await;
    run_all(&mut root, TABLES).await;
    run_all(&mut root, &["CREATE USER 'br'@'%' IDENTIFIED BY 'pw'"]).await;
    run_all(&mut root, grants).await;
    let mut settings = cluster.settings();
    settings.user = "br".into();
    settings.password = Secret::new("pw");
    Client::connect(&settings).await.unwrap()
}

/// Absence proves nothing then, and no incremental can rely on a schema.
#[tokio::test]
async fn without_operate_nothing_is_taken_for_granted() {
    within(30, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = user(
            &cluster,
            &["GRANT SELECT, EXPORT ON TABLE d1.rng TO USER 'br'@'%'"],
        )
        .await;
        let facts = read_all(&mut client).await;
        assert_eq!(facts.tables.len(), 1);
        assert_eq!(facts.listing, None);
        let again = read_all(&mut client).await;
        let (first, second) = (table(&facts, "rng"), table(&again, "rng"));
        assert_eq!(first.schema_hash, second.schema_hash);
        assert_eq!(first.partitions, second.partitions);

        let other = read_database(
            &mut client,
            &facts.database,
            &Selection::Everything,
            &execution("e2"),
        )
        .await
        .unwrap();
        assert_ne!(first.schema_hash, table(&other.facts, "rng").schema_hash);

        let mut root = cluster.client().await;
        run_all(
            &mut root,
            &[
                "ALTER TABLE d1.rng DROP COLUMN v",
                "ALTER TABLE d1.rng ADD COLUMN v STRING",
            ],
        )
        .await;
        let changed = read_all(&mut client).await;
        assert_ne!(first.schema_hash, table(&changed, "rng").schema_hash);
    })
    .await;
}

#[tokio::test]
async fn a_grant_on_all_tables_makes_the_listing_a_proof() {
    within(30, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = user(
            &cluster,
            &["GRANT SELECT, EXPORT ON ALL TABLES IN DATABASE d1 TO USER 'br'@'%'"],
        )
        .await;
        let facts = read_all(&mut client).await;
        let listing: BTreeSet<String> = facts
            .listing
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            ["ex", "rng", "un"]
                .iter()
                .all(|name| listing.contains(*name)),
            "{listing:?}"
        );
    })
    .await;
}

/// OPERATE shows that the table is there; that it may not be read is said.
#[tokio::test]
async fn what_may_not_be_read_is_named() {
    within(30, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = user(
            &cluster,
            &[
                "GRANT OPERATE ON SYSTEM TO USER 'br'@'%'",
                "GRANT SELECT ON TABLE d1.rng TO USER 'br'@'%'",
            ],
        )
        .await;
        let reading = read(&mut client, &Selection::Everything).await;
        let tables: Vec<&str> = reading.facts.tables.keys().map(TableName::as_str).collect();
        assert_eq!(tables, ["rng"]);
        let unreadable: Vec<&str> = reading.unreadable.keys().map(TableName::as_str).collect();
        assert_eq!(unreadable, ["ex", "un"]);
        assert!(reading.unreadable.values().all(|words| !words.is_empty()));
    })
    .await;
}

#[tokio::test]
async fn the_cluster_is_read_as_far_as_it_may_be() {
    within(30, async {
        for profile in Profile::ALL {
            let cluster = Cluster::start_with(profile, |options| options.backends = 3);
            cluster.emulator.with_engine(|engine| {
                engine.nodes.backends[2].alive = false;
                engine.nodes.backends[1].decommissioned = true;
            });
            let mut client = cluster.client().await;
            let facts = read_cluster(&mut client).await.unwrap();
            assert_eq!(facts.live_backends(), Some(1), "{profile:?}");
            assert_eq!(facts.run_mode.as_deref(), Some("shared_nothing"));
            assert_eq!(facts.engine_version, profile.version_comment());
            let backends = facts.backends.unwrap();
            assert!(backends[0].disks[0].online && backends[0].disks[0].total > 0);
            assert!(facts.frontends.unwrap()[0].leader && facts.cluster_id.is_some());

            let mut root = cluster.client().await;
            run_all(&mut root, &["CREATE USER 'br'@'%' IDENTIFIED BY 'pw'"]).await;
            let mut settings = cluster.settings();
            settings.user = "br".into();
            settings.password = Secret::new("pw");
            let mut client = Client::connect(&settings).await.unwrap();
            let facts = read_cluster(&mut client).await.unwrap();
            assert_eq!(
                (facts.backends, facts.frontends, facts.run_mode),
                (None, None, None)
            );
            assert_eq!(facts.engine_version, profile.version_comment());
        }
    })
    .await;
}

#[tokio::test]
async fn a_repository_is_probed() {
    within(30, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = cluster.client().await;
        let name = "nightly".parse().unwrap();
        assert_eq!(read_repository(&mut client, &name).await.unwrap(), None);
        run_all(
            &mut client,
            &[
                "CREATE REPOSITORY nightly WITH BROKER ON LOCATION 's3://backups/nightly' \
               PROPERTIES ('aws.s3.access_key' = 'a', 'aws.s3.secret_key' = 'b', \
               'aws.s3.endpoint' = 'http://127.0.0.1:9000')",
            ],
        )
        .await;
        let facts = read_repository(&mut client, &name).await.unwrap().unwrap();
        assert!(!facts.read_only && facts.location == "s3://backups/nightly");
        assert_eq!(facts.unreachable, None);
    })
    .await;
}
