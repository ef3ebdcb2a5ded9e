//! The text of every statement on the ops tables, with values that need quoting.

use std::sync::Arc;

use super::{
    history::{self, Content, EndedRow, KeptColumn, PlannedRow},
    inventory::{self, InventoryRow},
    manifest,
    run_status::{self, ForeignRow, Phase},
    steps::{self, NewRestore, StepRow, StepState, StepUpdate},
};
use crate::{
    digest::{Digest, Fingerprint, SchemaHash},
    facts::ObjectKind,
    flow::Retention,
    ident::{DatabaseName, Generation, GroupName, PlanId, TableId},
    label::{BackupKind, LoadLabel, SnapshotLabel},
    manifest::{
        BackupStatus, Cut, Manifest, ManifestObject, ManifestPartition, ManifestTable,
        RetentionClass,
    },
    sql::{Query, Statement},
};

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a legal name")
}

fn digest() -> Digest {
    Digest::of([b"a".as_slice()])
}

fn sample() -> Manifest {
    let partition = |partition: &str, stored_in: &str, row_count| ManifestPartition {
        name: name(partition),
        fingerprint: Some(Fingerprint::of([b"a".as_slice()])),
        stored_in: Arc::new(name(stored_in)),
        system: false,
        value: "it's".into(),
        buckets: 3,
        replication_num: 1,
        row_count,
        data_size: 10,
    };
    Manifest {
        label: name("l_inc"),
        database: name("shop"),
        plan_id: name("l_inc@1"),
        kind: BackupKind::Incremental,
        tables: vec![ManifestTable {
            table: name("it's"),
            table_id: TableId(7),
            schema_hash: SchemaHash::of([b"a".as_slice()]),
            ddl: "CREATE TABLE `it's` (`a\\b` INT)".to_owned(),
            unpartitioned: false,
            partitions: vec![
                partition("p1", "l_full", None),
                partition("p2", "l_inc", Some(5)),
            ],
        }],
        objects: vec![ManifestObject {
            name: name("v"),
            kind: ObjectKind::View,
            ddl: "CREATE VIEW v AS SELECT 1".to_owned(),
            skipped_reason: Some("it's a reason".to_owned()),
        }],
    }
}

#[derive(Default)]
struct Texts(Vec<String>);

impl Texts {
    fn query<R>(&mut self, query: &Query<R>) {
        self.statement(query.statement());
    }

    fn statement(&mut self, statement: &Statement) {
        self.0.push(statement.text().to_owned());
    }

    fn all(self) -> String {
        self.0.join(";\n")
    }
}

#[test]
fn inventory() {
    let ops: DatabaseName = name("ops");
    let row = InventoryRow {
        group: "it's".into(),
        database: "shop".into(),
        table: "*".into(),
    };
    let mut texts = Texts::default();
    texts.query(&inventory::all(&ops));
    texts.query(&inventory::of_group(&ops, &name("it's")));
    texts.query(&inventory::ages(&ops));
    texts.statement(&inventory::insert(&ops, &[row.clone(), row.clone()]));
    texts.statement(&inventory::delete(&ops, &row));
    insta::assert_snapshot!("inventory", texts.all());
}

#[test]
fn history() {
    let ops: DatabaseName = name("ops");
    let label: SnapshotLabel = name("shop_20260301_full");
    let group: GroupName = name("it's");
    let plan: PlanId = name("shop_20260301_full@1");
    let mut texts = Texts::default();
    texts.query(&history::by_label(&ops, &label));
    texts.query(&history::of_execution(&ops, &name("e1")));
    texts.query(&history::all(&ops));
    texts.query(&history::baselines(
        &ops,
        &group,
        &name("shop"),
        &name("99"),
    ));
    texts.query(&history::ages(&ops));
    texts.query(&history::labels_with_prefix(&ops, "shop_20260301"));
    for retention in [
        None,
        Some(Retention {
            class: RetentionClass::Monthly,
            days: 365,
        }),
    ] {
        texts.statement(&history::insert_planned(
            &ops,
            &PlannedRow {
                label: &label,
                kind: BackupKind::Full,
                repository: "repo",
                execution: &name("e1"),
                group: &group,
                database: &name("shop"),
                cluster: &name("99"),
                baseline: None,
                plan: &plan,
                digest: digest(),
                planned_at: "2026-03-01 04:00:00".parse().unwrap(),
                partitions_total: 2,
                partitions_stored: 1,
                bytes_stored: 10,
                engine_version: "3.5.7-x",
                retention,
            },
        ));
    }
    texts.statement(&history::set_pinned(&ops, &label));
    texts.statement(&history::set_kept(
        &ops,
        &label,
        KeptColumn::RowCounts,
        "it's",
    ));
    texts.query(&history::kept(&ops, &label, KeptColumn::SecondReading));
    for content in [
        None,
        Some(Content {
            snapshot_timestamp: Some(&name("2026-03-01-04-00-00-123")),
            cut: Cut::Exact,
            plan: &plan,
            digest: digest(),
            partitions_total: 2,
            partitions_stored: 1,
            bytes_stored: 10,
            rows_total: None,
            row_counts: Some("3f it's"),
        }),
    ] {
        texts.statement(&history::set_ended(
            &ops,
            &EndedRow {
                label: &label,
                status: BackupStatus::Partial,
                error_message: Some("it's"),
                content,
            },
        ));
    }
    insta::assert_snapshot!("history", texts.all());
}

#[test]
fn manifests() {
    let ops: DatabaseName = name("ops");
    let sample = sample();
    let (label, plan) = (&sample.label, &sample.plan_id);
    let mut texts = Texts::default();
    let inserts = manifest::insert_tables(&ops, &sample).into_iter();
    let inserts = inserts.chain(manifest::insert_partitions(&ops, &sample));
    for insert in inserts {
        texts.statement(&insert);
    }
    texts.query(&manifest::count_partitions(&ops, plan));
    texts.query(&manifest::count_tables(&ops, plan));
    texts.query(&manifest::tables(&ops, plan));
    texts.query(&manifest::partitions(&ops, plan));
    texts.query(&manifest::bare_partitions(&ops, label));
    texts.statement(&manifest::delete_partitions(&ops, label, plan));
    texts.statement(&manifest::delete_tables(&ops, label, plan));
    insta::assert_snapshot!("manifests", texts.all());
}

#[test]
fn run_status() {
    let ops: DatabaseName = name("ops");
    let shop: DatabaseName = name("shop-1$");
    let load: LoadLabel = name("br_lease_0123456789abcdef_7");
    let start: LoadLabel = name("br_start_0123456789abcdef_1772337600");
    let label: SnapshotLabel = name("shop_20260301_full");
    let execution = name("e1");
    let generation = Generation(7);
    let mut texts = Texts::default();
    let (invocation, plan) = (name("i1"), name("shop_20260301_full@1"));
    texts.statement(&run_status::insert_lease(
        &ops,
        &load,
        &shop,
        generation,
        &execution,
        &invocation,
    ));
    texts.query(&run_status::newest_lease(&ops, &shop));
    texts.query(&run_status::databases_held(&ops, &execution));
    texts.query(&run_status::leased_by(&ops, &execution));
    texts.query(&run_status::expired_leases(&ops));
    texts.statement(&run_status::renew_lease(&ops, &load));
    texts.statement(&run_status::release_lease(&ops, &load));
    texts.statement(&run_status::insert_start(&ops, &start, &execution));
    texts.query(&run_status::start(&ops, &start));
    texts.statement(&run_status::insert_claim(
        &ops, &load, &label, &shop, generation, &execution,
    ));
    texts.query(&run_status::open_claims(&ops, &shop));
    texts.query(&run_status::claim(&ops, &label));
    for (phase, plan) in [
        (Phase::Planned, Some(&plan)),
        (Phase::Recorded, None),
        (Phase::Abandoned, None),
    ] {
        texts.statement(&run_status::set_phase(
            &ops, &label, generation, phase, plan,
        ));
    }
    texts.statement(&run_status::set_progress(&ops, &label, "it's"));
    texts.query(&run_status::foreign_active(&ops));
    texts.query(&run_status::foreign_active_only(&ops));
    let foreign = ForeignRow {
        scope: "backup".into(),
        label: "it's".into(),
    };
    texts.statement(&run_status::clear_foreign(&ops, &foreign));
    texts.query(&run_status::labels_with_prefix(&ops, "shop_"));
    insta::assert_snapshot!("run_status", texts.all());
}

#[test]
fn restores() {
    let ops: DatabaseName = name("ops");
    let restore = name("r1");
    let step = StepRow {
        number: 1,
        kind: "swap".into(),
        step: r#"{"it's": "\n"}"#.into(),
        digest: digest(),
        live_table_id: Some(TableId(7)),
        staged_table_id: None,
        attempt: 0,
        state: StepState::Pending,
        detail: None,
    };
    let mut texts = Texts::default();
    for insert in steps::insert_steps(&ops, &restore, &[step]) {
        texts.statement(&insert);
    }
    texts.query(&steps::steps(&ops, &restore));
    texts.query(&steps::table_steps(&ops));
    for update in [
        StepUpdate {
            state: Some(StepState::Running),
            attempt: Some(1),
            ..StepUpdate::default()
        },
        StepUpdate {
            state: Some(StepState::Done),
            live_table_id: Some(TableId(7)),
            staged_table_id: Some(TableId(8)),
            detail: Some("it's".into()),
            ..StepUpdate::default()
        },
    ] {
        texts.statement(&steps::update_step(&ops, &restore, 1, &update));
    }
    texts.query(&steps::restore(&ops, &restore));
    texts.query(&steps::restores(&ops));
    texts.statement(&steps::insert_restore(
        &ops,
        &NewRestore {
            id: &restore,
            label: &name("shop_20260301_full"),
            restore_type: "table",
            repository: "it's",
            execution: &name("e1"),
            scope: "{}",
            plan: r#"{"a": "it's"}"#,
        },
    ));
    texts.statement(&steps::set_restore_state(
        &ops,
        &restore,
        "FAILED",
        "ERROR",
        Some("it's"),
    ));
    texts.statement(&steps::set_verified(&ops, &restore, 5, Some("it's")));
    insta::assert_snapshot!("restores", texts.all());
}

/// Each INSERT is a transaction and a version: 100,000 partitions are written once, in a dozen.
#[test]
fn a_large_manifest_takes_few_statements() {
    let mut large = sample();
    let table = large.tables[0].clone();
    let partition = table.partitions[0].clone();
    large.objects.clear();
    large.tables = ["orders", "users"]
        .map(|name| ManifestTable {
            table: name.parse().unwrap(),
            partitions: vec![partition.clone(); 50_000],
            ..table.clone()
        })
        .into();
    let ops: DatabaseName = name("ops");
    let tables = manifest::insert_tables(&ops, &large).len();
    let partitions = manifest::insert_partitions(&ops, &large).count();
    assert_eq!((tables, partitions), (1, 10));
}
