//! Random manifests, snapshots and targets that fit together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::world::{Kind, Part, Snapshot, Table, World};
use crate::{
    ddl::Ddl,
    digest::{Fingerprint, SchemaHash},
    facts::SHADOW_PARTITION,
    ident::{DatabaseName, TableId},
    label::{BackupKind, SnapshotLabel},
    manifest::{Manifest, ManifestPartition, ManifestTable},
    plan::{
        foreign::Origin,
        restore::{RestoreRequest, Source, Target, samples},
    },
    version::EngineLine,
};

mod live;

pub(super) use live::partition_facts;
use live::populate;

/// A random stream: the same seed gives the same scene.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}

#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) request: RestoreRequest,
    pub(super) sources: Vec<Source>,
    pub(super) target: Target,
    pub(super) world: World,
    /// Whether something stands in the way, on purpose.
    pub(super) blocked: bool,
}

const NAMES: [&str; 5] = ["a", "orders", "sp ace.d\"ot' é 中", "select", "zz"];
const BASE_STAMP: &str = "2025-03-01-04-00-00-123";
const OWN_STAMP: &str = "2025-03-05-04-00-00-456";

pub(super) fn scene(seed: u64) -> Scene {
    let mut dice = Dice(seed);
    let mut world = World {
        backends: 1 + dice.below(3) as u16,
        next_id: 1_000,
        ..World::default()
    };
    let databases = if dice.chance(25) { 2 } else { 1 };
    let sources: Vec<Source> = ["shop", "we-ird"][..databases]
        .iter()
        .map(|database| source(database, &mut dice, &mut world))
        .collect();
    let engine = *dice.pick(&[
        EngineLine::new(3, 3),
        EngineLine::new(3, 5),
        EngineLine::new(4, 1),
    ]);
    let mut request = RestoreRequest {
        labels: sources
            .iter()
            .map(|source| source.manifest.label.clone())
            .collect(),
        ..samples::request()
    };
    if databases == 1 && dice.chance(25) {
        request.into_database = Some("drill".parse().unwrap());
    }
    choose_scope(&mut request, &sources, &mut dice);
    let mut scene = Scene {
        request,
        sources,
        target: Target {
            engine,
            live_backends: world.backends,
            databases: BTreeMap::new(),
            ours: BTreeMap::new(),
            ages: BTreeMap::new(),
            grants: BTreeMap::new(),
            routine_loads: BTreeMap::new(),
            last_loads: BTreeMap::new(),
            unread: Vec::new(),
            now: "2025-03-10 00:00:00".parse().unwrap(),
        },
        world,
        blocked: false,
    };
    populate(&mut scene, &mut dice);
    scene
}

fn choose_scope(request: &mut RestoreRequest, sources: &[Source], dice: &mut Dice) {
    let tables: Vec<&ManifestTable> = sources
        .iter()
        .flat_map(|source| &source.manifest.tables)
        .collect();
    if dice.chance(50) {
        return;
    }
    let named = dice.pick(&tables);
    request.scope.tables = vec![named.table.clone()];
    let once = tables
        .iter()
        .filter(|table| table.table == named.table)
        .count()
        == 1;
    if !named.unpartitioned && once && dice.chance(60) {
        request.scope.partitions = named
            .partitions
            .iter()
            .filter(|partition| !partition.system && dice.chance(60))
            .map(|partition| partition.name.clone())
            .collect();
    }
}

/// One database: its manifest, and the two snapshots that hold it.
fn source(database: &str, dice: &mut Dice, world: &mut World) -> Source {
    let database: DatabaseName = database.parse().unwrap();
    let short = if database.as_str() == "shop" {
        "shop"
    } else {
        "weird"
    };
    let base: Arc<SnapshotLabel> = Arc::new(format!("{short}_full").parse().unwrap());
    let own: Arc<SnapshotLabel> = Arc::new(format!("{short}_inc").parse().unwrap());
    let mut snapshots = [
        (&base, BASE_STAMP, BTreeMap::new()),
        (&own, OWN_STAMP, BTreeMap::new()),
    ];
    let mut tables = Vec::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for _ in 0..1 + dice.below(4) {
        names.insert(*dice.pick(&NAMES));
    }
    for name in names {
        let ddl = ddl(name, dice);
        let parsed = Ddl::parse(&ddl).unwrap();
        let made = Table::of_ddl(&parsed);
        let mut stored = [made.clone(), made.clone()];
        for held in &mut stored {
            held.partitions.clear();
        }
        let count = if made.kind == Kind::Unpartitioned {
            1
        } else {
            dice.below(8)
        };
        let mut partitions = Vec::new();
        for number in 0..count {
            let (partition, value, printed) = partition(made.kind, number);
            let own_holds = dice.chance(40);
            let part = Part {
                value,
                content: if dice.chance(15) { 0 } else { dice.next() | 1 },
                buckets: if made.kind == Kind::List && dice.chance(20) {
                    5
                } else {
                    made.buckets
                },
                replication: 1 + dice.below(3) as u16,
            };
            partitions.push(ManifestPartition {
                name: partition.parse().unwrap(),
                fingerprint: Some(Fingerprint::of([&part.content.to_le_bytes()[..]])),
                stored_in: if own_holds { own.clone() } else { base.clone() },
                system: false,
                value: printed.into(),
                buckets: part.buckets,
                replication_num: part.replication,
                row_count: dice.chance(50).then(|| part.rows()),
                data_size: dice.below(20 << 30),
            });
            if own_holds {
                // What it was before it changed must never come back.
                if dice.chance(70) {
                    let old = Part {
                        content: dice.next() | 1,
                        ..part.clone()
                    };
                    stored[0].partitions.insert(partition.clone(), old);
                }
                stored[1].partitions.insert(partition, part);
            } else {
                stored[0].partitions.insert(partition, part);
            }
        }
        if made.kind != Kind::Unpartitioned && dice.chance(30) {
            let (partition, value, _) = partition(made.kind, 20);
            let dropped = Part {
                value,
                content: dice.next() | 1,
                buckets: made.buckets,
                replication: 1,
            };
            stored[0].partitions.insert(partition, dropped);
        }
        if made.kind.is_automatic() {
            partitions.push(ManifestPartition {
                name: SHADOW_PARTITION.parse().unwrap(),
                fingerprint: None,
                stored_in: if dice.chance(50) {
                    own.clone()
                } else {
                    base.clone()
                },
                system: true,
                value: "".into(),
                buckets: made.buckets,
                replication_num: 1,
                row_count: None,
                data_size: 0,
            });
        }
        partitions.sort_by(|a, b| a.name.cmp(&b.name));
        for (held, (_, _, snapshot)) in stored.into_iter().zip(&mut snapshots) {
            if !held.partitions.is_empty() || held.shadow {
                snapshot.insert(name.to_owned(), held);
            }
        }
        tables.push(ManifestTable {
            table: name.parse().unwrap(),
            table_id: TableId(world.fresh_id()),
            schema_hash: SchemaHash::of([ddl.as_bytes()]),
            ddl,
            unpartitioned: made.kind == Kind::Unpartitioned,
            partitions,
        });
    }
    tables.sort_by(|a, b| a.table.cmp(&b.table));
    let mut known = BTreeMap::new();
    for (label, timestamp, tables) in snapshots {
        known.insert((**label).clone(), samples::snapshot(timestamp, "3.3.4-abc"));
        world.snapshots.insert(
            label.to_string(),
            Snapshot {
                timestamp: timestamp.into(),
                tables,
            },
        );
    }
    Source {
        origin: Origin::Ours,
        record: samples::record(&own, &database),
        manifest: Manifest {
            label: (*own).clone(),
            database,
            plan_id: "p1".parse().unwrap(),
            kind: BackupKind::Incremental,
            tables,
            objects: Vec::new(),
        },
        snapshots: known,
    }
}

/// Name, value in the model's form, value as the engine prints it.
pub(super) fn partition(kind: Kind, number: u64) -> (String, String, String) {
    let day = number + 1;
    let (from, to) = (
        format!("2025-03-{day:02}"),
        format!("2025-03-{:02}", day + 1),
    );
    let range = |types: &str, from: &str, to: &str| {
        format!("[types: [{types}]; keys: [{from}]; ..types: [{types}]; keys: [{to}]; )")
    };
    match kind {
        Kind::Unpartitioned => ("*".into(), String::new(), String::new()),
        Kind::Range => (
            format!("p{number}"),
            format!("{from}..{to}"),
            range("DATE", &from, &to),
        ),
        Kind::List => (
            format!("p_{number}"),
            format!("v{number},it's{number}"),
            format!("[[\"v{number}\"],[\"it\\u0027s{number}\"]]"),
        ),
        Kind::AutomaticList => (
            format!("pny{number}_20250301"),
            format!("ny{number}|2025-03-01"),
            format!("[[\"ny{number}\",\"2025-03-01\"]]"),
        ),
        Kind::Expression => {
            let (from, to) = (format!("{from} 00:00:00"), format!("{to} 00:00:00"));
            (
                format!("p202503{day:02}"),
                format!("{from}..{to}"),
                range("DATETIME", &from, &to),
            )
        }
    }
}

fn ddl(name: &str, dice: &mut Dice) -> String {
    let (columns, keys, partitioned) = *dice.pick(&[
        ("  `id` int(11) NOT NULL COMMENT \"\",\n", "`id`", ""),
        (
            "  `k` date NOT NULL COMMENT \"\",\n",
            "`k`",
            "PARTITION BY RANGE(`k`)\n()\n",
        ),
        (
            "  `city` varchar(20) NOT NULL COMMENT \"\",\n",
            "`city`",
            "PARTITION BY LIST(`city`)()\n",
        ),
        (
            "  `city` varchar(20) NOT NULL COMMENT \"\",\n  `dt` date NOT NULL COMMENT \"\",\n",
            "`city`, `dt`",
            "PARTITION BY (`city`,`dt`)\n",
        ),
        (
            "  `ts` datetime NOT NULL COMMENT \"\",\n",
            "`ts`",
            "PARTITION BY date_trunc('day', ts)\n",
        ),
    ]);
    let mut properties = vec![("compression", "LZ4".to_owned())];
    if dice.chance(15) {
        properties.push(("colocate_with", "g1".into()));
    }
    if partitioned.contains("RANGE(") && dice.chance(40) {
        let start = *dice.pick(&["-3", "-30"]);
        properties.push(("dynamic_partition.enable", "true".into()));
        properties.push(("dynamic_partition.start", start.into()));
        properties.push(("dynamic_partition.time_unit", "DAY".into()));
        properties.push(("dynamic_partition.time_zone", "UTC".into()));
    }
    if partitioned.contains("date_trunc") && dice.chance(40) {
        properties.push(("partition_live_number", (1 + dice.below(8)).to_string()));
    }
    properties.push(("replication_num", (1 + dice.below(3)).to_string()));
    if dice.chance(15) {
        properties.push(("unique_constraints", keys.replace(['`', ' '], "")));
    }
    let properties: Vec<String> = properties
        .iter()
        .map(|(key, value)| format!("\"{key}\" = \"{value}\""))
        .collect();
    format!(
        "CREATE TABLE `{name}` (\n{columns}  `v` int(11) NULL COMMENT \"\"\n) ENGINE=OLAP \n\
         DUPLICATE KEY({keys})\n{partitioned}DISTRIBUTED BY HASH({keys}) BUCKETS 2 \n\
         PROPERTIES (\n{}\n);",
        properties.join(",\n")
    )
}
