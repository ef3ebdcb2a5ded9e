//! The rendered statements, sent: a backup and a restore by hand in every version.

use std::{num::NonZeroU16, time::Duration};

use jiff::SignedDuration;
use shared::{
    ident::{DatabaseName, PartitionName, QualifiedTable, TableName},
    job::{BackupState, Phase, RestoreState},
    label::SnapshotLabel,
    plan::backup::Selection,
    read::read_database,
    sql::{
        admin::{Privilege, grant},
        backup::{self, BackupObject},
        checksum,
        copy::{self, Copy, TargetPart},
        partition::{self, Bound, NewPartition, PartitionValues, Step},
        restore::{self, Restore, RestoreObject},
        show::{self, SnapshotContent, SnapshotDetails, TaskState},
    },
    starrocks::{Client, FailureKind},
    time::SnapshotTimestamp,
    version::EngineLine,
};
use starrocks_emulator::Profile;

use crate::support::{Cluster, run_all, within};

const SETUP: &[&str] = &[
    "CREATE DATABASE d1",
    "CREATE TABLE d1.rng (k DATE NOT NULL, id INT NOT NULL, v STRING, a ARRAY<INT>, j JSON) \
     DUPLICATE KEY(k, id) PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), \
     PARTITION p2 VALUES LESS THAN ('2026-01-03')) DISTRIBUTED BY HASH(id) BUCKETS 3",
    "CREATE TABLE d1.un (id INT NOT NULL, v VARCHAR(20)) PRIMARY KEY(id) \
     DISTRIBUTED BY HASH(id) BUCKETS 2",
    "CREATE TABLE d1.ex (ts DATETIME NOT NULL, id INT NOT NULL) DUPLICATE KEY(ts, id) \
     PARTITION BY date_trunc('day', ts) DISTRIBUTED BY HASH(id) BUCKETS 1",
    "INSERT INTO d1.rng VALUES ('2026-01-01', 1, 'a', [1, 2], parse_json('{\"x\": 1}')), \
     ('2026-01-02', 2, NULL, NULL, NULL), ('2026-01-02', 3, 'it''s', [], parse_json('[]'))",
    "INSERT INTO d1.un VALUES (1, 'x'), (2, 'y')",
    "INSERT INTO d1.ex VALUES ('2026-01-01 10:00:00', 1)",
    "CREATE REPOSITORY nightly WITH BROKER ON LOCATION 's3://backups/nightly' \
     PROPERTIES ('aws.s3.access_key' = 'a', 'aws.s3.secret_key' = 'b', \
     'aws.s3.endpoint' = 'http://127.0.0.1:9000')",
];

const DAY: Duration = Duration::from_secs(86_400);

fn database() -> DatabaseName {
    "d1".parse().unwrap()
}

fn table(name: &str) -> TableName {
    name.parse().unwrap()
}

fn qualified(name: &str) -> QualifiedTable {
    QualifiedTable::new(&database(), &table(name))
}

fn partitions(names: &[&str]) -> Vec<PartitionName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

async fn set_up(profile: Profile) -> (Cluster, Client) {
    let cluster = Cluster::start(profile);
    let mut client = cluster.client().await;
    run_all(&mut client, SETUP).await;
    (cluster, client)
}

async fn finish_backup(cluster: &Cluster, client: &mut Client) -> BackupState {
    for _ in 0..40 {
        let job = client
            .fetch(&show::backup(&database()))
            .await
            .unwrap()
            .remove(0);
        if job.state.phase() != Phase::Running {
            assert!(job.pin.is_some());
            return job.state;
        }
        cluster.emulator.advance(SignedDuration::from_secs(3));
    }
    panic!("the backup does not end");
}

async fn finish_restore(cluster: &Cluster, client: &mut Client) {
    for _ in 0..40 {
        let job = client
            .fetch(&show::restore(&database()))
            .await
            .unwrap()
            .remove(0);
        if job.state.phase() != Phase::Running {
            assert_eq!(job.state, RestoreState::Finished, "{}", job.work.status);
            return;
        }
        cluster.emulator.advance(SignedDuration::from_secs(3));
    }
    panic!("the restore does not end");
}

async fn back_up(
    cluster: &Cluster,
    client: &mut Client,
    label: &SnapshotLabel,
) -> SnapshotTimestamp {
    let repository = "nightly".parse().unwrap();
    let (rng, un, ex) = (table("rng"), table("un"), table("ex"));
    let of_rng = partitions(&["p1", "p2"]);
    let of_ex = partitions(&["$shadow_automatic_partition", "p20260101"]);
    let objects = [
        BackupObject {
            table: &rng,
            partitions: Some(&of_rng),
        },
        BackupObject {
            table: &un,
            partitions: None,
        },
        BackupObject {
            table: &ex,
            partitions: Some(&of_ex),
        },
    ];
    let before = client
        .fetch(&show::snapshots_named(&repository, [label]))
        .await
        .unwrap();
    assert_eq!(before, []);
    let send = backup::backup(&database(), label, &repository, &objects, DAY).unwrap();
    client.run(&send).await.unwrap();
    let error = client.run(&send).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::JobRunning);
    assert_eq!(finish_backup(cluster, client).await, BackupState::Finished);
    let error = client.run(&send).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::LabelExists);

    let snapshot = client
        .fetch(&show::snapshots_named(&repository, [label]))
        .await
        .unwrap()
        .remove(0);
    let SnapshotContent::Complete(timestamp) = snapshot.content else {
        panic!("{snapshot:?}");
    };
    let details = client
        .fetch(&show::snapshot_details(&repository, label, &timestamp))
        .await
        .unwrap()
        .remove(0);
    let SnapshotDetails::Readable { tables, .. } = details else {
        panic!("{details:?}");
    };
    let names: Vec<String> = tables
        .iter()
        .map(|(table, partitions)| format!("{table} {partitions:?}"))
        .collect();
    assert_eq!(
        names,
        [
            r#"ex {"$shadow_automatic_partition", "p20260101"}"#,
            r#"rng {"p1", "p2"}"#,
            r#"un {"un"}"#
        ]
    );
    timestamp
}

async fn restore_beside(
    cluster: &Cluster,
    client: &mut Client,
    label: &SnapshotLabel,
    timestamp: &SnapshotTimestamp,
) {
    let (rng, un, ex) = (table("rng"), table("un"), table("ex"));
    let aliases = ["rng_restored", "un_restored", "ex_restored"].map(table);
    let of_rng = partitions(&["p1"]);
    let of_ex = partitions(&["$shadow_automatic_partition", "p20260101"]);
    let objects = [
        RestoreObject {
            table: &rng,
            partitions: Some(&of_rng),
            alias: Some(&aliases[0]),
        },
        RestoreObject {
            table: &un,
            partitions: None,
            alias: Some(&aliases[1]),
        },
        RestoreObject {
            table: &ex,
            partitions: Some(&of_ex),
            alias: Some(&aliases[2]),
        },
    ];
    let send = restore::restore(&Restore {
        target: &database(),
        label,
        repository: &"nightly".parse().unwrap(),
        timestamp,
        objects: &objects,
        replication_num: NonZeroU16::MIN,
        timeout: DAY,
    })
    .unwrap();
    client.run(&send).await.unwrap();
    finish_restore(cluster, client).await;
}

async fn count(client: &mut Client, name: &str) -> u64 {
    client
        .fetch(&copy::count_rows(&qualified(name)))
        .await
        .unwrap()[0]
        .0
}

#[tokio::test]
async fn a_backup_and_a_restore_by_hand() {
    within(120, async {
        for profile in Profile::ALL {
            let (cluster, mut client) = set_up(profile).await;
            let client = &mut client;
            let label: SnapshotLabel = "d1_20260301_full".parse().unwrap();
            let timestamp = back_up(&cluster, client, &label).await;
            restore_beside(&cluster, client, &label, &timestamp).await;
            assert_eq!(count(client, "rng_restored").await, 1, "{profile:?}");

            // The partition that was left out is made by hand, and filled by a task.
            let name = "p2".parse().unwrap();
            let day = NewPartition {
                name: &name,
                values: PartitionValues::Range {
                    lower: vec![Bound::Value("2026-01-02")],
                    upper: vec![Bound::Value("2026-01-03")],
                },
                distribution: None,
            };
            let staged = qualified("rng_restored");
            for _ in 0..2 {
                client
                    .run(&partition::add_partition(&staged, &day).unwrap())
                    .await
                    .unwrap();
            }
            let live = qualified("rng");
            let columns: Vec<_> = ["k", "id", "v", "a", "j"]
                .map(|name| name.parse().unwrap())
                .into();
            let insert = copy::insert_select(&Copy {
                from: &live,
                from_partition: Some(&name),
                to: &staged,
                to_part: TargetPart::Partition(&name),
                columns: &columns,
            })
            .unwrap();
            let task = "br_copy_1".parse().unwrap();
            let line: EngineLine = profile.version_comment().parse().unwrap();
            let submit = copy::submit_task(&database(), &task, &insert, DAY, line);
            let submitted = client.fetch(&submit).await.unwrap();
            assert_eq!(submitted[0].status, "SUBMITTED");
            let error = client.fetch(&submit).await.unwrap_err();
            assert_eq!(error.kind(), FailureKind::TaskExists);
            let mut state = TaskState::Running;
            for _ in 0..20 {
                cluster.emulator.advance(SignedDuration::from_secs(3));
                let runs = client
                    .fetch(&show::task_runs(&database(), &task))
                    .await
                    .unwrap();
                state = runs.first().map_or(TaskState::Running, |run| run.state);
                if state != TaskState::Running {
                    break;
                }
            }
            assert_eq!(state, TaskState::Done);
            client.run(&copy::drop_task(&task)).await.unwrap();

            // What was put together is what was backed up.
            let facts = read_database(
                client,
                &database(),
                &Selection::Everything,
                &"e1".parse().unwrap(),
            )
            .await
            .unwrap()
            .facts;
            for name in ["rng", "un", "ex"] {
                let columns = &facts.tables[&table(name)].columns;
                let original = checksum::checksum(&qualified(name), None, columns).unwrap();
                let restored =
                    checksum::checksum(&qualified(&format!("{name}_restored")), None, columns)
                        .unwrap();
                let original = client.fetch(&original.query).await.unwrap().remove(0);
                let restored = client.fetch(&restored.query).await.unwrap().remove(0);
                assert_eq!(original, restored, "{profile:?} {name}");
                assert!(original.row_count > 0 && original.sum != "0");
            }
            let both = partitions(&["p1", "p2"]);
            let counts = client
                .fetch(&copy::count_partitions(&staged, &both).unwrap())
                .await
                .unwrap();
            let mut counts: Vec<(usize, u64)> = counts
                .iter()
                .map(|count| (count.index, count.row_count))
                .collect();
            counts.sort_unstable();
            assert_eq!(counts, [(0, 1), (1, 2)]);

            // In its place, and the old one away.
            let live_id = facts.tables[&table("rng")].table_id;
            client
                .run(&restore::swap(&live, &table("rng_restored")))
                .await
                .unwrap();
            client
                .run(&restore::rename(&staged, &table("rng_before")))
                .await
                .unwrap();
            let facts = read_database(
                client,
                &database(),
                &Selection::Everything,
                &"e1".parse().unwrap(),
            )
            .await
            .unwrap()
            .facts;
            assert_eq!(facts.tables[&table("rng_before")].table_id, live_id);
            client
                .run(&restore::drop_table(&qualified("rng_before")))
                .await
                .unwrap();
            client
                .run(&restore::drop_table(&qualified("rng_before")))
                .await
                .unwrap();
            assert_eq!(count(client, "rng").await, 3);
        }
    })
    .await;
}

#[tokio::test]
async fn partitions_are_made_filled_replaced_and_emptied() {
    within(60, async {
        for profile in Profile::ALL {
            let (_cluster, mut client) = set_up(profile).await;
            let client = &mut client;
            let rng = qualified("rng");
            client
                .run(&restore::create_like(&qualified("kept"), &rng))
                .await
                .unwrap();
            let (p2, temporary) = ("p2".parse().unwrap(), "tp2".parse().unwrap());
            let day = NewPartition {
                name: &temporary,
                values: PartitionValues::Range {
                    lower: vec![Bound::Value("2026-01-02")],
                    upper: vec![Bound::Value("2026-01-03")],
                },
                distribution: None,
            };
            let kept = qualified("kept");
            let add = partition::add_temporary_partition(&kept, &day).unwrap();
            client.run(&add).await.unwrap();
            let columns: Vec<_> = ["k", "id", "v"].map(|name| name.parse().unwrap()).into();
            let copy = Copy {
                from: &rng,
                from_partition: Some(&p2),
                to: &kept,
                to_part: TargetPart::TemporaryPartition(&temporary),
                columns: &columns,
            };
            client
                .run(&copy::insert_select(&copy).unwrap())
                .await
                .unwrap();
            assert_eq!(count(client, "kept").await, 0);
            client
                .run(&partition::replace_partition(&kept, &p2, &temporary))
                .await
                .unwrap();
            assert_eq!(count(client, "kept").await, 2, "{profile:?}");
            client.run(&add).await.unwrap();
            client
                .run(&partition::drop_temporary_partition(&kept, &temporary))
                .await
                .unwrap();
            client
                .run(&partition::drop_temporary_partition(&kept, &temporary))
                .await
                .unwrap();
            let only_p2 = partitions(&["p2"]);
            client
                .run(&partition::truncate(&kept, Some(&only_p2)).unwrap())
                .await
                .unwrap();
            assert_eq!(count(client, "kept").await, 0);

            let ex = qualified("ex");
            let add =
                partition::add_automatic_partitions(&ex, "2026-02-01", "2026-02-03", Step::Day);
            client.run(&add).await.unwrap();
            let error = client.run(&add).await.unwrap_err();
            assert_eq!(error.kind(), FailureKind::AlreadyExists);
            let both = partitions(&["p20260201", "p20260202"]);
            let replicas = [("replication_num", "1")];
            let set = restore::set_partition_properties(&ex, &both, replicas).unwrap();
            client.run(&set).await.unwrap();
            client
                .run(&restore::set_properties(
                    &ex,
                    [("partition_live_number", "5")],
                ))
                .await
                .unwrap();
        }
    })
    .await;
}

/// The statement that a message tells an administrator to run makes the refusal go away.
#[tokio::test]
async fn the_grants_that_are_advised_are_enough() {
    within(60, async {
        for profile in Profile::ALL {
            let (cluster, mut root) = set_up(profile).await;
            run_all(&mut root, &["CREATE USER 'br'@'%' IDENTIFIED BY 'pw'"]).await;
            let mut settings = cluster.settings();
            settings.user = "br".into();
            settings.password = shared::secret::Secret::new("pw");
            let mut client = Client::connect(&settings).await.unwrap();
            let denied = client.fetch(&show::backends()).await.unwrap_err();
            assert_eq!(denied.kind(), FailureKind::AccessDenied);
            let database = database();
            for privilege in [
                Privilege::Operate,
                Privilege::Repository,
                Privilege::BackUpTables(&database),
                Privilege::RestoreTables(&database),
                Privilege::CreateTable(&database),
                Privilege::CreateDefinitions(&database),
            ] {
                let account = "'br'@'%'".parse().unwrap();
                root.run(&grant(privilege, &account)).await.unwrap();
            }
            client.fetch(&show::backends()).await.unwrap();
            let label = "d1_20260301_full".parse().unwrap();
            let timestamp = back_up(&cluster, &mut client, &label).await;
            restore_beside(&cluster, &mut client, &label, &timestamp).await;
            client
                .run(&restore::swap(&qualified("un"), &table("un_restored")))
                .await
                .unwrap();
        }
    })
    .await;
}
