//! Small hand-made inputs for tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    request::RestoreRequest,
    source::{SnapshotSource, Source},
    target::Target,
};
use crate::{
    ddl::Ddl,
    digest::{Fingerprint, SchemaHash},
    facts::{DatabaseFacts, PartitionFacts, TableEngine, TableFacts, TableState},
    flow::{RestoreScope, SwapMode},
    ident::{DatabaseId, DatabaseName, TableId},
    label::{BackupKind, SnapshotLabel},
    manifest::{BackupRecord, BackupStatus, Cut, Manifest, ManifestPartition, ManifestTable},
    plan::foreign::Origin,
    sql::ops::steps::RestoreRow,
    version::EngineLine,
};

pub(crate) const FULL: &str = "shop_20260222_full";
pub(crate) const INC: &str = "shop_20260301_inc";

/// `events` by day and automatic, `orders` by range, `regions` by list, `users` unpartitioned;
/// `orders` and `events` are spread over both snapshots.
pub(crate) fn shop() -> Source {
    let tables = vec![
        table(
            "events",
            "  `ts` datetime NOT NULL COMMENT \"\",\n",
            "`ts`",
            "PARTITION BY date_trunc('day', ts)\n",
            &[],
            &[
                ("$shadow_automatic_partition", FULL, ""),
                (
                    "p20260301",
                    FULL,
                    &range("DATETIME", "2026-03-01 00:00:00", "2026-03-02 00:00:00"),
                ),
                (
                    "p20260302",
                    INC,
                    &range("DATETIME", "2026-03-02 00:00:00", "2026-03-03 00:00:00"),
                ),
            ],
        ),
        table(
            "orders",
            "  `k` date NOT NULL COMMENT \"\",\n",
            "`k`",
            "PARTITION BY RANGE(`k`)\n()\n",
            &[],
            &[
                ("p1", FULL, &range("DATE", "2026-03-01", "2026-03-02")),
                ("p2", INC, &range("DATE", "2026-03-02", "2026-03-03")),
                ("p3", INC, &range("DATE", "2026-03-03", "2026-03-04")),
            ],
        ),
        table(
            "regions",
            "  `city` varchar(20) NOT NULL COMMENT \"\",\n",
            "`city`",
            "PARTITION BY LIST(`city`)()\n",
            &[],
            &[
                ("p_east", FULL, "[[\"ny\"],[\"boston\"]]"),
                ("p_west", FULL, "[[\"la\"]]"),
            ],
        ),
        table(
            "users",
            "  `id` int(11) NOT NULL COMMENT \"\",\n",
            "`id`",
            "",
            &[],
            &[("*", INC, "")],
        ),
    ];
    let (full, own): (SnapshotLabel, SnapshotLabel) = (FULL.parse().unwrap(), INC.parse().unwrap());
    let database: DatabaseName = "shop".parse().unwrap();
    Source {
        origin: Origin::Ours,
        record: record(&own, &database),
        snapshots: BTreeMap::from([
            (full, snapshot("2026-02-22-04-00-00-111", "3.5.7-abc")),
            (
                own.clone(),
                snapshot("2026-03-01-04-00-00-222", "3.5.7-abc"),
            ),
        ]),
        manifest: Manifest {
            label: own,
            database,
            plan_id: "p1".parse().unwrap(),
            kind: BackupKind::Incremental,
            tables,
            objects: Vec::new(),
        },
    }
}

pub(crate) fn range(types: &str, from: &str, to: &str) -> String {
    format!("[types: [{types}]; keys: [{from}]; ..types: [{types}]; keys: [{to}]; )")
}

/// Partitions are name, label and printed value.
pub(crate) fn table(
    name: &str,
    columns: &str,
    keys: &str,
    partitioned: &str,
    properties: &[(&str, &str)],
    partitions: &[(&str, &str, &str)],
) -> ManifestTable {
    let mut lines = vec!["\"compression\" = \"LZ4\"".to_owned()];
    for (key, value) in properties {
        lines.push(format!("\"{key}\" = \"{value}\""));
    }
    lines.push("\"replication_num\" = \"3\"".to_owned());
    let ddl = format!(
        "CREATE TABLE `{name}` (\n{columns}  `v` int(11) NULL COMMENT \"\",\n  `w` int(11) NULL AS \
         `v` + 1 COMMENT \"\"\n) ENGINE=OLAP \nDUPLICATE KEY({keys})\n{partitioned}\
         DISTRIBUTED BY HASH({keys}) BUCKETS 2 \nPROPERTIES (\n{}\n);",
        lines.join(",\n")
    );
    ManifestTable {
        table: name.parse().unwrap(),
        table_id: TableId(10),
        schema_hash: SchemaHash::of([name.as_bytes()]),
        ddl,
        unpartitioned: partitioned.is_empty(),
        partitions: partitions
            .iter()
            .map(|(name, label, value)| ManifestPartition {
                name: name.parse().unwrap(),
                fingerprint: Some(Fingerprint::of([name.as_bytes()])),
                stored_in: Arc::new(label.parse().unwrap()),
                system: name.starts_with('$'),
                value: (*value).into(),
                buckets: 2,
                replication_num: 3,
                row_count: Some(7),
                data_size: 1 << 20,
            })
            .collect(),
    }
}

/// A cluster of three backends on which nothing lives yet.
pub(crate) fn empty_target() -> Target {
    Target {
        engine: EngineLine::new(3, 5),
        live_backends: 3,
        databases: BTreeMap::new(),
        ours: BTreeMap::new(),
        ages: BTreeMap::new(),
        grants: BTreeMap::new(),
        routine_loads: BTreeMap::new(),
        last_loads: BTreeMap::new(),
        unread: Vec::new(),
        now: "2026-03-10 00:00:00".parse().unwrap(),
    }
}

/// The same cluster with the tables of `source`, as they were.
pub(crate) fn target_of(source: &Source) -> Target {
    let mut target = empty_target();
    let database = &source.manifest.database;
    let tables: BTreeMap<_, _> = (100..)
        .zip(&source.manifest.tables)
        .map(|(id, table)| (table.table.clone(), live(table, TableId(id))))
        .collect();
    let listing: BTreeSet<_> = tables.keys().cloned().collect();
    target.databases.insert(
        database.clone(),
        DatabaseFacts {
            database: database.clone(),
            database_id: DatabaseId(1),
            tables,
            objects: Vec::new(),
            listing: Some(listing),
        },
    );
    target
}

/// A table as it was when it was backed up.
pub(crate) fn live(table: &ManifestTable, id: TableId) -> TableFacts {
    let ddl = Ddl::parse(&table.ddl).unwrap();
    TableFacts {
        table: table.table.clone(),
        table_id: id,
        state: TableState::Normal,
        engine: TableEngine::Olap,
        schema_hash: table.schema_hash,
        ddl: table.ddl.clone(),
        key_model: ddl.key_model,
        partitioning: ddl.partitioning,
        distribution: ddl.distribution,
        columns: ddl.columns,
        schema_job_running: false,
        has_temp_partitions: false,
        partitions: table
            .partitions
            .iter()
            .map(|partition| PartitionFacts {
                name: match partition.name.as_str() {
                    "*" => table.table.as_str().parse().unwrap(),
                    name => name.parse().unwrap(),
                },
                fingerprint: partition.fingerprint.unwrap(),
                pending: false,
                system: partition.system,
                value: partition.value.clone(),
                buckets: partition.buckets,
                replication_num: partition.replication_num,
                row_count: 0,
                data_size: partition.data_size,
            })
            .collect(),
    }
}

pub(crate) fn request() -> RestoreRequest {
    RestoreRequest {
        id: "01J0000000000000000000000".parse().unwrap(),
        stamp: "20260301_040000".parse().unwrap(),
        labels: vec!["shop_20260301_inc".parse().unwrap()],
        scope: RestoreScope::default(),
        rename_suffix: "_restored".parse().unwrap(),
        into_database: None,
        swap: SwapMode::Auto,
        checksum: false,
        row_counts: true,
        timeout_seconds: 86_400,
    }
}

pub(crate) fn record(label: &SnapshotLabel, database: &DatabaseName) -> BackupRecord {
    BackupRecord {
        label: label.clone(),
        kind: BackupKind::Incremental,
        status: BackupStatus::Finished,
        repository: "nightly".into(),
        error_message: None,
        execution_id: None,
        group: None,
        database: Some(database.clone()),
        cluster_id: None,
        baseline: None,
        plan_id: None,
        plan_digest: None,
        snapshot_timestamp: None,
        cut: Some(Cut::Exact),
        planned_at: None,
        pinned_at: None,
        partitions_total: None,
        partitions_stored: None,
        bytes_stored: None,
        rows_total: None,
        engine_version: Some("3.3.4-abc".into()),
        retention_class: None,
        expires_at: None,
        started_at: None,
        finished_at: None,
    }
}

pub(crate) fn restore_row(state: &str, status: &str) -> RestoreRow {
    RestoreRow {
        id: "r1".parse().unwrap(),
        label: "sales_1".parse().unwrap(),
        restore_type: "database".to_owned(),
        status: status.to_owned(),
        repository: "repo".to_owned(),
        execution: None,
        scope: None,
        plan: None,
        state: Some(state.to_owned()),
        error_message: None,
        rows_verified: None,
        verification_checksum: None,
        started_at: None,
        finished_at: None,
    }
}

pub(crate) fn snapshot(timestamp: &str, engine: &str) -> SnapshotSource {
    SnapshotSource {
        repository: "nightly".parse().unwrap(),
        timestamp: timestamp.parse().unwrap(),
        engine_version: Some(engine.into()),
    }
}
