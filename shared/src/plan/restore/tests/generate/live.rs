//! What lives in the target of a scene.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::world::{Database, Kind, Part, Table, World},
    Dice, Scene, ddl, partition,
};
use crate::{
    ddl::Ddl,
    digest::{Fingerprint, SchemaHash},
    facts::{DatabaseFacts, PartitionFacts, SHADOW_PARTITION, TableEngine, TableFacts, TableState},
    ident::{DatabaseId, TableId, TableName},
    version::EngineLine,
};

/// Fills the target with what lives there.
pub(super) fn populate(scene: &mut Scene, dice: &mut Dice) {
    for number in 0..scene.sources.len() {
        let source = scene.sources[number].clone();
        let database = scene.request.target(&source.manifest.database).clone();
        if !dice.chance(75) {
            continue;
        }
        let mut live = Database::default();
        let mut facts = DatabaseFacts {
            database: database.clone(),
            database_id: DatabaseId(1),
            tables: BTreeMap::new(),
            objects: Vec::new(),
            listing: Some(BTreeSet::new()),
        };
        let mut put = |world: &mut World, name: &TableName, ddl: &str, table: Table, hash| {
            let table = Table {
                id: world.fresh_id(),
                ..table
            };
            facts
                .tables
                .insert(name.clone(), table_facts(name, ddl, &table, hash));
            facts.listing.as_mut().unwrap().insert(name.clone());
            live.tables.insert(name.to_string(), table);
        };
        for table in &source.manifest.tables {
            if !dice.chance(65) {
                continue;
            }
            let mut ddl = table.ddl.clone();
            if dice.chance(15) {
                ddl = ddl.replace(
                    "\"compression\"",
                    "\"unique_constraints\" = \"v\",\n\"compression\"",
                );
                if table.ddl.contains("unique_constraints") {
                    ddl = table.ddl.clone();
                }
            }
            let mut made = Table::of_ddl(&Ddl::parse(&ddl).unwrap());
            for number in 0..9 {
                let (name, value, _) = partition(made.kind, number);
                if made.kind == Kind::Unpartitioned || dice.chance(50) {
                    let part = Part {
                        value,
                        content: dice.next() | 1,
                        buckets: made.buckets,
                        replication: 1,
                    };
                    made.partitions.insert(name, part);
                }
            }
            let mut hash = table.schema_hash;
            let spliced =
                scene.request.is_partial() && scene.request.scope.tables.contains(&table.table);
            if dice.chance(10) {
                hash = SchemaHash::of([&b"another"[..]]);
                scene.blocked |= spliced;
            }
            if spliced
                && made.kind == Kind::Expression
                && scene.target.engine < EngineLine::new(3, 5)
            {
                scene.blocked = true;
            }
            let default: u16 = made.properties["replication_num"].parse().unwrap();
            scene.blocked |= spliced && default > scene.target.live_backends;
            put(&mut scene.world, &table.table, &ddl, made, hash);
        }
        if dice.chance(10) {
            let table = dice.pick(&source.manifest.tables);
            let name: TableName = format!("{}_restored", table.table).parse().unwrap();
            let made = Table::of_ddl(&Ddl::parse(&table.ddl).unwrap());
            put(&mut scene.world, &name, &table.ddl, made, table.schema_hash);
            let tables = &scene.request.scope.tables;
            scene.blocked |= tables.is_empty() || tables.contains(&table.table);
        }
        let bystander = ddl("bystander", dice);
        let made = Table::of_ddl(&Ddl::parse(&bystander).unwrap());
        let hash = SchemaHash::of([bystander.as_bytes()]);
        put(
            &mut scene.world,
            &"bystander".parse().unwrap(),
            &bystander,
            made,
            hash,
        );
        scene.world.databases.insert(database.to_string(), live);
        scene.target.databases.insert(database, facts);
    }
}

fn table_facts(name: &TableName, ddl: &str, table: &Table, schema_hash: SchemaHash) -> TableFacts {
    let parsed = Ddl::parse(ddl).unwrap();
    TableFacts {
        table: name.clone(),
        table_id: TableId(table.id),
        state: TableState::Normal,
        engine: TableEngine::Olap,
        schema_hash,
        ddl: ddl.to_owned(),
        key_model: parsed.key_model,
        partitioning: parsed.partitioning,
        distribution: parsed.distribution,
        columns: parsed.columns,
        schema_job_running: false,
        has_temp_partitions: !table.temporary.is_empty(),
        partitions: partition_facts(name, table),
    }
}

/// As partitions_meta shows them.
pub(in super::super) fn partition_facts(name: &TableName, table: &Table) -> Vec<PartitionFacts> {
    let fact = |partition: &str, value: String, content: u64, system| PartitionFacts {
        name: partition.parse().unwrap(),
        fingerprint: Fingerprint::of([&table.id.to_le_bytes()[..], &content.to_le_bytes()[..]]),
        pending: false,
        system,
        value: value.into(),
        buckets: 1,
        replication_num: 1,
        row_count: 0,
        data_size: 0,
    };
    let mut facts: Vec<PartitionFacts> = table
        .partitions
        .iter()
        .map(|(partition, part)| {
            let shown = if partition == "*" {
                name.as_str()
            } else {
                partition
            };
            fact(shown, printed(table.kind, &part.value), part.content, false)
        })
        .collect();
    if table.shadow {
        facts.push(fact(SHADOW_PARTITION, String::new(), 0, true));
    }
    facts
}

/// The engine's text of a value in the model's form.
fn printed(kind: Kind, value: &str) -> String {
    (0..30)
        .map(|number| partition(kind, number))
        .find(|(_, known, _)| known == value)
        .map(|(_, _, printed)| printed)
        .expect("values of the model are all made alike")
}
