//! A database with two labels, on which the steps of a plan are executed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::SignedDuration;
use shared::{
    ddl::Ddl,
    facts::{DatabaseFacts, TableState},
    flow::{OnUnsupported, RestoreScope, SwapMode},
    ident::{DatabaseName, QualifiedTable, TableId, TableName},
    job::{BackupState, Phase, RestoreState},
    label::{BackupKind, SnapshotLabel},
    manifest::{BackupRecord, BackupStatus, Cut, Manifest},
    plan::{
        backup::{self, BackupRequest, Basis, Leftovers, Selection},
        foreign::Origin,
        partition_diff::Limits,
        restore::{
            self, Context, PlannedStep, Policy, RestorePlan, RestoreRequest, Slot, SnapshotSource,
            Source, Step, StepStatement, TableRef, Target, Way, held::to_hold, source::table_of,
        },
        verify::compare_partitions,
    },
    read::read_database,
    sql::{
        checksum, copy,
        show::{self, SnapshotContent, TaskState},
    },
    starrocks::Client,
    version::EngineLine,
};
use starrocks_emulator::Profile;

use crate::support::{Cluster, run_all};

const DAY: Duration = Duration::from_secs(86_400);

/// One table of every kind of partitioning, one of them with policies that drop partitions.
const SETUP: &[&str] = &[
    "CREATE DATABASE d1",
    "CREATE TABLE d1.rng (k DATE NOT NULL, id INT NOT NULL, v STRING) DUPLICATE KEY(k, id) \
     PARTITION BY RANGE(k) (PARTITION p1 VALUES [('2026-01-01'), ('2026-01-02')), \
     PARTITION p2 VALUES [('2026-01-02'), ('2026-01-03')), PARTITION p3 VALUES [('2026-01-03'), ('2026-01-04')), \
     PARTITION q1 VALUES [('2026-02-01'), ('2026-02-02')), \
     PARTITION q2 VALUES [('2026-02-02'), ('2026-02-03'))) \
     DISTRIBUTED BY HASH(id) BUCKETS 3",
    "CREATE TABLE d1.un (id INT NOT NULL, v VARCHAR(20)) PRIMARY KEY(id) \
     DISTRIBUTED BY HASH(id) BUCKETS 2",
    "CREATE TABLE d1.ex (ts DATETIME NOT NULL, id INT NOT NULL) DUPLICATE KEY(ts, id) \
     PARTITION BY date_trunc('day', ts) DISTRIBUTED BY HASH(id) BUCKETS 1",
    "CREATE TABLE d1.none (k DATE NOT NULL, id INT) DUPLICATE KEY(k) PARTITION BY RANGE(k) () \
     DISTRIBUTED BY HASH(id) BUCKETS 1",
    "CREATE TABLE d1.dyn (k DATE NOT NULL, id INT) DUPLICATE KEY(k) \
     PARTITION BY RANGE(k) (PARTITION p20260101 VALUES [('2026-01-01'), ('2026-01-02'))) \
     DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('dynamic_partition.enable' = 'true', \
     'dynamic_partition.time_unit' = 'DAY', 'dynamic_partition.start' = '-1000', \
     'dynamic_partition.end' = '1', 'dynamic_partition.prefix' = 'p', \
     'dynamic_partition.buckets' = '1')",
    "ALTER TABLE d1.ex SET ('partition_live_number' = '100')",
    "INSERT INTO d1.dyn VALUES ('2026-01-01', 1)",
    "INSERT INTO d1.rng VALUES ('2026-01-01', 1, 'a'), ('2026-01-02', 2, NULL), \
     ('2026-01-02', 3, 'it''s'), ('2026-01-03', 4, 'd')",
    "INSERT INTO d1.un VALUES (1, 'x'), (2, 'y')",
    "INSERT INTO d1.ex VALUES ('2026-01-01 10:00:00', 1), ('2026-01-02 10:00:00', 2), \
     ('2026-02-01 10:00:00', 3), ('2026-02-02 10:00:00', 4)",
    "CREATE REPOSITORY nightly WITH BROKER ON LOCATION 's3://backups/nightly' \
     PROPERTIES ('aws.s3.access_key' = 'a', 'aws.s3.secret_key' = 'b', \
     'aws.s3.endpoint' = 'http://127.0.0.1:9000')",
];

/// The first 3.3 refuses to back these up.
const LISTS: &[&str] = &[
    "CREATE TABLE d1.lst (city VARCHAR(20) NOT NULL, id INT NOT NULL) DUPLICATE KEY(city, id) \
     PARTITION BY LIST(city) (PARTITION p_east VALUES IN ('ny', 'boston'), \
     PARTITION p_west VALUES IN ('la'), PARTITION p_mid VALUES IN ('chicago'), \
     PARTITION p_north VALUES IN ('fargo')) DISTRIBUTED BY HASH(id) BUCKETS 2",
    "CREATE TABLE d1.al (city VARCHAR(20) NOT NULL, dt DATE NOT NULL, id INT) \
     DUPLICATE KEY(city, dt) PARTITION BY (city, dt) DISTRIBUTED BY HASH(id) BUCKETS 1",
    "INSERT INTO d1.lst VALUES ('ny', 1), ('boston', 2), ('la', 3)",
    "INSERT INTO d1.al VALUES ('ny', '2026-01-01', 1), ('la', '2026-01-01', 2), \
     ('it''s', '2026-01-01', 3)",
];

/// Between the full and the incremental: loads, a new partition, one dropped.
const CHANGES: &[&str] = &[
    "ALTER TABLE d1.rng ADD PARTITION p4 VALUES LESS THAN ('2026-01-05')",
    "ALTER TABLE d1.rng DROP PARTITION p3 FORCE",
    "INSERT INTO d1.rng VALUES ('2026-01-02', 22, 'b2'), ('2026-01-04', 5, 'e')",
    "INSERT INTO d1.ex VALUES ('2026-01-02 11:00:00', 3), ('2026-01-03 00:00:00', 4)",
];

const LIST_CHANGES: &[&str] = &[
    "ALTER TABLE d1.lst ADD PARTITION p_south VALUES IN ('miami')",
    "INSERT INTO d1.lst VALUES ('la', 33), ('miami', 4)",
    "INSERT INTO d1.al VALUES ('sf', '2026-01-02', 3)",
];

pub(super) fn database() -> DatabaseName {
    "d1".parse().unwrap()
}

pub(super) fn has_lists(profile: Profile) -> bool {
    profile != Profile::V3_3
}

/// A database with two labels, and everything that a restore needs to know of them.
pub(super) struct Shop {
    pub(super) cluster: Cluster,
    pub(super) client: Client,
    pub(super) line: EngineLine,
    pub(super) source: Source,
    /// What the label stands for: rows and partitions of each table.
    pub(super) expected: BTreeMap<TableName, Content>,
}

/// A checksum over the rows of each partition.
pub(super) type Content = BTreeMap<String, (u64, String)>;

async fn facts(client: &mut Client, database: &DatabaseName) -> DatabaseFacts {
    let execution = "e1".parse().unwrap();
    read_database(client, database, &Selection::Everything, &execution)
        .await
        .unwrap()
        .facts
}

async fn content(client: &mut Client, database: &DatabaseName) -> BTreeMap<TableName, Content> {
    let facts = facts(client, database).await;
    let mut contents = BTreeMap::new();
    for (name, table) in facts.tables {
        let qualified = QualifiedTable::new(database, &name);
        let mut content = Content::new();
        for partition in table.partitions.iter().filter(|found| !found.system) {
            let names = std::slice::from_ref(&partition.name);
            let plan = checksum::checksum(&qualified, Some(names), &table.columns).unwrap();
            let sum = client.fetch(&plan.query).await.unwrap().remove(0);
            let shown = match partition.name.as_str() == name.as_str() {
                true => "*",
                false => partition.name.as_str(),
            };
            content.insert(shown.to_owned(), (sum.row_count, sum.sum));
        }
        contents.insert(name, content);
    }
    contents
}

async fn back_up(
    cluster: &Cluster,
    client: &mut Client,
    label: &str,
    basis: Basis<'_>,
) -> (Manifest, SnapshotSource) {
    let label: SnapshotLabel = label.parse().unwrap();
    let repository = "nightly".parse().unwrap();
    let facts = facts(client, &database()).await;
    let plan = backup::plan(
        facts,
        BackupRequest {
            label: label.clone(),
            plan_id: format!("plan_{label}").parse().unwrap(),
            basis,
            selection: &Selection::Everything,
            leftovers: &Leftovers {
                tables: BTreeSet::new(),
            },
            list_supported: true,
            on_unsupported: OnUnsupported::Fail,
            limits: Limits::DEFAULT,
        },
    )
    .unwrap();
    let named = plan.named_tables();
    let objects: Vec<_> = named.iter().map(|table| table.as_sql()).collect();
    let statement =
        shared::sql::backup::backup(&database(), &label, &repository, &objects, DAY).unwrap();
    client.run(&statement).await.unwrap();
    for _ in 0..40 {
        let job = client
            .fetch(&show::backup(&database()))
            .await
            .unwrap()
            .remove(0);
        if job.state.phase() != Phase::Running {
            assert_eq!(job.state, BackupState::Finished, "{}", job.work.status);
            break;
        }
        cluster.emulator.advance(SignedDuration::from_secs(3));
    }
    let snapshots = show::snapshots_named(&repository, [&label]);
    let snapshot = client.fetch(&snapshots).await.unwrap().remove(0);
    let SnapshotContent::Complete(timestamp) = snapshot.content else {
        panic!("{snapshot:?}");
    };
    let source = SnapshotSource {
        repository,
        timestamp,
        engine_version: None,
    };
    (plan.manifest, source)
}

impl Shop {
    pub(super) async fn open(profile: Profile) -> Shop {
        let cluster = Cluster::start(profile);
        let mut client = cluster.client().await;
        run_all(&mut client, SETUP).await;
        if has_lists(profile) {
            run_all(&mut client, LISTS).await;
        }
        let full = Basis::Full { last: None };
        let (baseline, full) = back_up(&cluster, &mut client, "d1_full", full).await;
        run_all(&mut client, CHANGES).await;
        if has_lists(profile) {
            run_all(&mut client, LIST_CHANGES).await;
        }
        let expected = content(&mut client, &database()).await;
        let inc = Basis::Incremental {
            baseline: &baseline,
        };
        let (manifest, inc) = back_up(&cluster, &mut client, "d1_inc", inc).await;
        let spread = manifest.tables.iter().filter(|table| {
            let labels: BTreeSet<_> = table.partitions.iter().map(|p| &p.stored_in).collect();
            labels.len() == 2
        });
        assert!(spread.count() >= 2, "two snapshots have to be put together");
        Shop {
            cluster,
            client,
            line: profile.version_comment().parse().unwrap(),
            source: Source {
                origin: Origin::Ours,
                record: record(&manifest),
                snapshots: BTreeMap::from([
                    (baseline.label.clone(), full),
                    (manifest.label.clone(), inc),
                ]),
                manifest,
            },
            expected,
        }
    }

    pub(super) fn request(&self) -> RestoreRequest {
        RestoreRequest {
            id: "01JRESTORE".parse().unwrap(),
            stamp: "20260301_040000".parse().unwrap(),
            labels: vec![self.source.manifest.label.clone()],
            scope: RestoreScope::default(),
            rename_suffix: "_restored".parse().unwrap(),
            into_database: None,
            swap: SwapMode::Auto,
            checksum: false,
            row_counts: true,
            timeout_seconds: 86_400,
        }
    }

    pub(super) async fn plan(&mut self, request: &RestoreRequest) -> RestorePlan {
        let existing = self.client.fetch(&show::databases()).await.unwrap();
        let existing: BTreeSet<DatabaseName> = existing.into_iter().map(|row| row.0).collect();
        let mut databases = BTreeMap::new();
        let target = request.target(&self.source.manifest.database).clone();
        if existing.contains(&target) {
            databases.insert(target.clone(), facts(&mut self.client, &target).await);
        }
        let target = Target {
            engine: self.line,
            live_backends: 1,
            databases,
            ours: BTreeMap::new(),
            ages: BTreeMap::new(),
            grants: BTreeMap::new(),
            routine_loads: BTreeMap::new(),
            last_loads: BTreeMap::new(),
            unread: Vec::new(),
            now: "2026-03-01 04:00:00".parse().unwrap(),
        };
        restore::plan(request, std::slice::from_ref(&self.source), &target)
            .unwrap_or_else(|refused| panic!("{}: {refused}", self.line))
    }

    pub(super) async fn ids(&mut self, database: &DatabaseName) -> BTreeMap<TableName, TableId> {
        let tables = facts(&mut self.client, database).await.tables;
        let ids = tables.into_iter();
        ids.map(|(name, table)| (name, table.table_id)).collect()
    }

    async fn send(&mut self, sent: &StepStatement) {
        let context = format!("{}: {}", self.line, sent.statement.text());
        let Way::Task(task) = &sent.way else {
            let done = match sent.way {
                Way::InDatabase => self.client.run_in(&sent.database, &sent.statement).await,
                _ => self.client.run(&sent.statement).await,
            };
            done.unwrap_or_else(|error| panic!("{error}: {:?}: {context}", error.engine_words()));
            return;
        };
        let submit = copy::submit_task(&sent.database, task, &sent.statement, DAY, self.line);
        self.client.fetch(&submit).await.unwrap();
        for _ in 0..20 {
            self.cluster.emulator.advance(SignedDuration::from_secs(3));
            let runs = show::task_runs(&sent.database, task);
            let runs = self.client.fetch(&runs).await.unwrap();
            match runs.first().map(|run| run.state) {
                Some(TaskState::Done) => return,
                Some(TaskState::Failed) => panic!("{context}: {runs:?}"),
                _ => {}
            }
        }
        panic!("the task does not end: {context}");
    }

    pub(super) async fn execute(&mut self, request: &RestoreRequest, steps: &[PlannedStep]) {
        let source = self.source.clone();
        let context = Context {
            request,
            sources: std::slice::from_ref(&source),
        };
        for planned in steps {
            let stored = serde_json::to_string(planned).unwrap();
            let planned: PlannedStep = serde_json::from_str(&stored).unwrap();
            let sent = match &planned.step {
                Step::HoldLive { table, live_id } => {
                    self.hold(request, context, table, *live_id).await
                }
                _ => context.statements(&planned, 1).unwrap(),
            };
            for sent in sent {
                self.send(&sent).await;
            }
            match &planned.step {
                Step::RestoreSnapshot { database, .. } => self.finish_restore(database).await,
                Step::Verify {
                    table,
                    slot,
                    snapshot,
                } => self.verify(request, table, *slot, snapshot.as_ref()).await,
                _ => {}
            }
        }
    }

    /// What the live table says of itself.
    async fn hold(
        &mut self,
        request: &RestoreRequest,
        context: Context<'_>,
        table: &TableRef,
        live_id: TableId,
    ) -> Vec<StepStatement> {
        let database = request.target(&self.source.manifest.database);
        let name = request.name(&table.table, Slot::Live).unwrap();
        let facts = facts(&mut self.client, database).await;
        let live = &facts.tables[&name];
        assert_eq!(live.table_id, live_id);
        let ddl = Ddl::parse(&live.ddl).unwrap();
        let off = |(policy, _): (Policy, String)| {
            let off = policy.off();
            let sent = context.set_policy(table, Slot::Live, policy, off);
            sent.unwrap()
        };
        to_hold(&ddl.properties).into_iter().map(off).collect()
    }

    async fn finish_restore(&mut self, database: &DatabaseName) {
        for _ in 0..40 {
            let jobs = self.client.fetch(&show::restore(database)).await;
            let job = jobs.unwrap().remove(0);
            if job.state.phase() != Phase::Running {
                assert_eq!(job.state, RestoreState::Finished, "{}", job.work.status);
                return;
            }
            self.cluster.emulator.advance(SignedDuration::from_secs(3));
        }
        panic!("the restore does not end");
    }

    async fn verify(
        &mut self,
        request: &RestoreRequest,
        table: &TableRef,
        slot: Slot,
        snapshot: Option<&SnapshotLabel>,
    ) {
        let sources = std::slice::from_ref(&self.source);
        let (_, manifest) = table_of(sources, table).unwrap();
        let database = request.target(&self.source.manifest.database);
        let name = request.name(&table.table, slot).unwrap();
        let facts = facts(&mut self.client, database).await;
        let found = &facts.tables[&name];
        assert_eq!(found.state, TableState::Normal);
        let wanted = request
            .wanted(manifest)
            .filter(|partition| snapshot.is_none_or(|label| *partition.stored_in == *label));
        let difference = compare_partitions(manifest, wanted, &name, &found.partitions);
        assert!(difference.is_empty(), "{name}: {difference:?}");
    }

    /// Switched off while the tables were built, and on again in the end.
    pub(super) async fn policies_are_on(&mut self, database: &DatabaseName) {
        let facts = facts(&mut self.client, database).await;
        for (table, policy) in [
            ("dyn", "\"dynamic_partition.enable\" = \"true\""),
            ("ex", "\"partition_live_number\" = \"100\""),
        ] {
            let ddl = &facts.tables[&table.parse::<TableName>().unwrap()].ddl;
            assert!(ddl.contains(policy), "{ddl}");
        }
    }

    /// What stands under the names that people use.
    pub(super) async fn content(
        &mut self,
        database: &DatabaseName,
    ) -> BTreeMap<TableName, Content> {
        let mut content = content(&mut self.client, database).await;
        content.retain(|name, _| {
            !name.as_str().contains("_before_") && !name.as_str().contains("_undone_")
        });
        content
    }
}

fn record(manifest: &Manifest) -> BackupRecord {
    BackupRecord {
        label: manifest.label.clone(),
        kind: BackupKind::Incremental,
        status: BackupStatus::Finished,
        repository: "nightly".into(),
        error_message: None,
        execution_id: None,
        group: None,
        database: Some(manifest.database.clone()),
        cluster_id: None,
        baseline: None,
        plan_id: Some(manifest.plan_id.clone()),
        plan_digest: Some(manifest.digest()),
        snapshot_timestamp: None,
        cut: Some(Cut::Exact),
        planned_at: None,
        pinned_at: None,
        partitions_total: None,
        partitions_stored: None,
        bytes_stored: None,
        rows_total: None,
        engine_version: None,
        retention_class: None,
        expires_at: None,
        started_at: None,
        finished_at: None,
    }
}
