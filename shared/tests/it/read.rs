//! Readings of a cluster: complete, of one moment per table, and honest about what was not seen.

mod access;

use std::{collections::BTreeSet, time::Duration};

use shared::{
    error::ErrorName,
    facts::{DatabaseFacts, ObjectKind, Partitioning, SHADOW_PARTITION, TableEngine, TableFacts},
    ident::{ExecutionId, TableName},
    plan::backup::Selection,
    read::{DatabaseReading, read_database},
    starrocks::Client,
};
use starrocks_emulator::{
    Profile,
    faults::{Fault, When},
};

use crate::support::{Cluster, run_all, until, within};

const TABLES: &[&str] = &[
    "CREATE DATABASE d1",
    "CREATE TABLE d1.rng (k DATE NOT NULL, id INT NOT NULL, v STRING) DUPLICATE KEY(k, id) \
     PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), \
     PARTITION p2 VALUES LESS THAN ('2026-01-03')) DISTRIBUTED BY HASH(id) BUCKETS 3",
    "CREATE TABLE d1.un (id INT NOT NULL, v VARCHAR(20)) PRIMARY KEY(id) \
     DISTRIBUTED BY HASH(id) BUCKETS 2",
    "CREATE TABLE d1.ex (ts DATETIME NOT NULL, id INT NOT NULL) DUPLICATE KEY(ts, id) \
     PARTITION BY date_trunc('day', ts) DISTRIBUTED BY HASH(id) BUCKETS 1",
    "ALTER TABLE d1.ex ADD PARTITIONS START ('2026-01-01') END ('2026-01-03') EVERY (INTERVAL 1 DAY)",
    "CREATE VIEW d1.vw AS SELECT id FROM d1.un",
];

fn execution(text: &str) -> ExecutionId {
    text.parse().unwrap()
}

fn names(names: &[&str]) -> Selection {
    Selection::Names(names.iter().map(|name| name.parse().unwrap()).collect())
}

async fn read(client: &mut Client, selection: &Selection) -> DatabaseReading {
    read_database(client, &"d1".parse().unwrap(), selection, &execution("e1"))
        .await
        .unwrap()
}

async fn read_all(client: &mut Client) -> DatabaseFacts {
    let reading = read(client, &Selection::Everything).await;
    assert!(reading.unreadable.is_empty(), "{:?}", reading.unreadable);
    reading.facts
}

fn table<'a>(facts: &'a DatabaseFacts, name: &str) -> &'a TableFacts {
    &facts.tables[&name.parse::<TableName>().unwrap()]
}

fn partition_names(table: &TableFacts) -> Vec<&str> {
    table
        .partitions
        .iter()
        .map(|partition| partition.name.as_str())
        .collect()
}

#[tokio::test]
async fn tables_of_all_kinds_are_read_in_every_version() {
    within(60, async {
        for profile in Profile::ALL {
            let cluster = Cluster::start(profile);
            let mut client = cluster.client().await;
            run_all(&mut client, TABLES).await;
            let facts = read_all(&mut client).await;
            let tables: Vec<&str> = facts.tables.keys().map(TableName::as_str).collect();
            assert_eq!(tables, ["ex", "rng", "un"], "{profile:?}");
            let listing: Vec<&str> = facts
                .listing
                .as_ref()
                .unwrap()
                .iter()
                .map(TableName::as_str)
                .collect();
            assert_eq!(listing, ["ex", "rng", "un", "vw"]);

            let rng = table(&facts, "rng");
            assert_eq!(partition_names(rng), ["p1", "p2"]);
            assert_eq!(rng.partitions[0].buckets, 3);
            assert!(matches!(rng.partitioning, Partitioning::Range { .. }));
            assert_eq!(rng.engine, TableEngine::Olap);
            assert!(!rng.ddl.contains("PARTITION p1"), "{}", rng.ddl);
            let un = table(&facts, "un");
            assert_eq!(partition_names(un), ["un"]);
            assert_eq!(un.partitioning, Partitioning::Unpartitioned);
            let ex = table(&facts, "ex");
            assert_eq!(
                partition_names(ex),
                [SHADOW_PARTITION, "p20260101", "p20260102"]
            );
            let system: Vec<bool> = ex
                .partitions
                .iter()
                .map(|partition| partition.system)
                .collect();
            assert_eq!(system, [true, false, false]);

            assert_eq!(facts.objects.len(), 1);
            assert_eq!(facts.objects[0].kind, ObjectKind::View);
            assert!(
                facts.objects[0].ddl.starts_with("CREATE VIEW `vw`"),
                "{profile:?}"
            );
        }
    })
    .await;
}

/// What changed is told from what did not, and a second look at the same thing is equal.
#[tokio::test]
async fn a_fingerprint_changes_with_its_partition_only() {
    within(30, async {
        let cluster = Cluster::start(Profile::V4_1);
        let mut client = cluster.client().await;
        run_all(&mut client, TABLES).await;
        let before = read_all(&mut client).await;
        assert_eq!(
            table(&before, "rng").partitions,
            table(&read_all(&mut client).await, "rng").partitions
        );

        run_all(&mut client, &["TRUNCATE TABLE d1.rng PARTITION (p2)"]).await;
        cluster.emulator.with_engine(|engine| {
            let rng = engine.catalog.table_mut("d1", "rng").unwrap();
            rng.partitions.get_mut("p1").unwrap().next_version += 1;
        });
        let after = read_all(&mut client).await;
        let (before, after) = (table(&before, "rng"), table(&after, "rng"));
        assert_eq!(
            before.partitions[0].fingerprint,
            after.partitions[0].fingerprint
        );
        assert_ne!(
            before.partitions[1].fingerprint,
            after.partitions[1].fingerprint
        );
        let pending: Vec<bool> = after
            .partitions
            .iter()
            .map(|partition| partition.pending)
            .collect();
        assert_eq!(pending, [true, false]);
        assert_eq!(before.schema_hash, after.schema_hash);
    })
    .await;
}

/// Dropping a column and adding it again leaves SHOW CREATE TABLE as it was.
#[tokio::test]
async fn a_schema_that_only_looks_the_same_is_another() {
    within(30, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = cluster.client().await;
        run_all(&mut client, TABLES).await;
        let before = read_all(&mut client).await;
        run_all(
            &mut client,
            &[
                "ALTER TABLE d1.rng DROP COLUMN v",
                "ALTER TABLE d1.rng ADD COLUMN v STRING",
            ],
        )
        .await;
        let after = read_all(&mut client).await;
        let (before, after) = (table(&before, "rng"), table(&after, "rng"));
        assert_eq!(before.ddl, after.ddl);
        assert_ne!(before.schema_hash, after.schema_hash);
    })
    .await;
}

#[tokio::test]
async fn temporary_partitions_are_told_and_not_counted() {
    within(30, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = cluster.client().await;
        run_all(&mut client, TABLES).await;
        run_all(
            &mut client,
            &["ALTER TABLE d1.rng ADD TEMPORARY PARTITION tp1 VALUES LESS THAN ('2026-01-02')"],
        )
        .await;
        let facts = read_all(&mut client).await;
        let rng = table(&facts, "rng");
        assert!(rng.has_temp_partitions && partition_names(rng) == ["p1", "p2"]);
        assert!(!table(&facts, "un").has_temp_partitions);
    })
    .await;
}

#[tokio::test]
async fn functions_and_materialized_views_are_kept_as_ddl() {
    within(30, async {
        for profile in Profile::ALL {
            let cluster = Cluster::start(profile);
            let mut client = cluster.client().await;
            run_all(&mut client, TABLES).await;
            run_all(
                &mut client,
                &[
                    "CREATE MATERIALIZED VIEW d1.mv DISTRIBUTED BY HASH(id) REFRESH MANUAL \
                     AS SELECT id, count(*) AS c FROM d1.un GROUP BY id",
                    "CREATE FUNCTION d1.add_one(INT) RETURNS INT PROPERTIES ('type' = 'StarrocksJar', \
                     'file' = 'http://host/udf.jar', 'symbol' = 'com.example.AddOne')",
                ],
            )
            .await;
            let facts = read_all(&mut client).await;
            let objects: Vec<(&str, ObjectKind)> = facts
                .objects
                .iter()
                .map(|object| (object.name.as_str(), object.kind))
                .collect();
            assert_eq!(
                objects,
                [
                    ("mv", ObjectKind::MaterializedView),
                    ("vw", ObjectKind::View),
                    ("add_one(INT)", ObjectKind::Function)
                ],
                "{profile:?}"
            );
            assert!(!facts.tables.contains_key(&"mv".parse::<TableName>().unwrap()));

            // What was kept makes the function again.
            let ddl = facts.objects[2].ddl.clone();
            run_all(&mut client, &["DROP FUNCTION d1.add_one(INT)"]).await;
            client
                .run_in(&facts.database, &crate::support::write(&ddl))
                .await
                .unwrap();
            assert_eq!(read_all(&mut client).await.objects, facts.objects);
        }
    })
    .await;
}

#[tokio::test]
async fn a_selection_reads_what_it_names() {
    within(30, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = cluster.client().await;
        run_all(&mut client, TABLES).await;
        let reading = read(&mut client, &names(&["rng", "vw", "nope"])).await;
        let tables: Vec<&str> = reading.facts.tables.keys().map(TableName::as_str).collect();
        assert_eq!(tables, ["rng"]);
        assert_eq!(reading.facts.objects[0].name.as_str(), "vw");
        assert_eq!(reading.facts.listing.unwrap().len(), 4);
        let error = read_database(
            &mut client,
            &"nope".parse().unwrap(),
            &Selection::Everything,
            &execution("e1"),
        )
        .await
        .unwrap_err();
        assert_eq!(error.name, ErrorName::NotFound);
    })
    .await;
}

/// The table is swapped with another one of other partitions while it is being read.
#[tokio::test]
async fn a_table_that_was_replaced_meanwhile_is_read_again() {
    within(30, async {
        let cluster = Cluster::start(Profile::V4_1);
        let mut client = cluster.client().await;
        run_all(&mut client, TABLES).await;
        run_all(
            &mut client,
            &[
                "CREATE TABLE d1.other LIKE d1.rng",
                "ALTER TABLE d1.other ADD PARTITION p3 VALUES LESS THAN ('2026-01-04')",
            ],
        )
        .await;
        let slow = Fault::Delay(Duration::from_millis(800));
        cluster
            .emulator
            .faults()
            .once(When::Contains("index_schema".into()), slow);
        let mut second = cluster.client().await;
        let swap = async {
            until(|| cluster.arrived("index_schema") > 0).await;
            run_all(&mut second, &["ALTER TABLE d1.rng SWAP WITH other"]).await;
        };
        let selection = names(&["rng", "un"]);
        let (reading, ()) = tokio::join!(read(&mut client, &selection), swap);
        let fresh = read(&mut client, &selection).await.facts;
        let (seen, fresh) = (table(&reading.facts, "rng"), table(&fresh, "rng"));
        assert_eq!(partition_names(seen), ["p1", "p2", "p3"]);
        assert_eq!(seen.table_id, fresh.table_id);
        assert_eq!(seen.schema_hash, fresh.schema_hash);
        assert_eq!(seen.partitions, fresh.partitions);
    })
    .await;
}

#[tokio::test]
async fn a_running_schema_job_is_told() {
    within(30, async {
        let cluster = Cluster::start(Profile::V3_5);
        let mut client = cluster.client().await;
        run_all(&mut client, TABLES).await;
        run_all(
            &mut client,
            &["ALTER TABLE d1.un MODIFY COLUMN v VARCHAR(40)"],
        )
        .await;
        run_all(&mut client, &["ALTER TABLE d1.rng MODIFY COLUMN id BIGINT"]).await;
        let facts = read_all(&mut client).await;
        assert!(table(&facts, "rng").schema_job_running);
        assert!(!table(&facts, "ex").schema_job_running);
    })
    .await;
}

#[tokio::test]
async fn many_partitions_are_read_row_by_row() {
    within(120, async {
        let cluster = Cluster::start(Profile::V4_1);
        let mut client = cluster.client().await;
        run_all(
            &mut client,
            &[
                "CREATE DATABASE d1",
                "CREATE TABLE d1.hours (ts DATETIME NOT NULL, id INT) DUPLICATE KEY(ts) \
                 PARTITION BY date_trunc('hour', ts) DISTRIBUTED BY HASH(id) BUCKETS 1",
                "ALTER TABLE d1.hours ADD PARTITIONS START ('2024-01-01') END ('2026-05-30') \
                 EVERY (INTERVAL 1 HOUR)",
            ],
        )
        .await;
        let facts = read_all(&mut client).await;
        let hours = table(&facts, "hours");
        assert!(
            hours.partitions.len() > 20_000,
            "{}",
            hours.partitions.len()
        );
        let fingerprints: BTreeSet<_> = hours
            .partitions
            .iter()
            .map(|partition| partition.fingerprint)
            .collect();
        assert_eq!(fingerprints.len(), hours.partitions.len());
    })
    .await;
}
