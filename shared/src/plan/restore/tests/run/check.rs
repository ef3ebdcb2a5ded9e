//! What must hold while a plan is executed, and when it is done.

use std::collections::BTreeMap;

use super::{
    super::{
        generate::{self, partition_facts},
        world::{Content, Table},
    },
    Runner,
};
use crate::{
    ident::TableName,
    label::SnapshotLabel,
    plan::{
        restore::{Policy, RestoreRequest, Slot, TableRef, source::table_of},
        verify::compare_partitions,
    },
};

impl Runner<'_> {
    /// What lived is there again, under its name and with its rows.
    pub(in super::super) fn check_undone(&self) {
        for (database, lived) in &self.lived {
            for (name, table) in &lived.tables {
                let now = self.world.table(database, name);
                let now = now.unwrap_or_else(|| panic!("{database}.{name} is gone"));
                assert_eq!(now.id, table.id, "{database}.{name}");
                let rows = |table: &Table| -> BTreeMap<String, Content> {
                    let partitions = table.partitions.iter();
                    partitions
                        .map(|(name, part)| (name.clone(), part.content))
                        .collect()
                };
                assert_eq!(rows(now), rows(table), "{database}.{name}");
                assert_eq!(now.properties, table.properties, "{database}.{name}");
                assert!(now.temporary.is_empty(), "{database}.{name}");
            }
            for table in self
                .scene
                .sources
                .iter()
                .flat_map(|source| &source.manifest.tables)
            {
                let name = table.table.as_str();
                if !lived.tables.contains_key(name) {
                    assert_eq!(self.world.table(database, name), None, "{database}.{name}");
                }
            }
        }
    }

    pub(super) fn verify(
        &mut self,
        table: &TableRef,
        slot: Slot,
        snapshot: Option<&SnapshotLabel>,
    ) {
        let request = &self.scene.request;
        let (_, manifest) = table_of(&self.scene.sources, table).unwrap();
        let name = self.qualified(table, slot);
        let found = self
            .world
            .table(name.database.as_str(), name.table.as_str())
            .unwrap_or_else(|| panic!("{name} was never made"));
        let wanted = request
            .wanted(manifest)
            .filter(|partition| snapshot.is_none_or(|label| *partition.stored_in == *label));
        let difference = compare_partitions(
            manifest,
            wanted,
            &name.table,
            &partition_facts(&name.table, found),
        );
        assert!(difference.is_empty(), "{name}: {difference:?}");
        assert_eq!(found.shadow, found.kind.is_automatic(), "{name}");
        for (key, value) in &found.properties {
            for policy in Policy::ALL {
                let held = key != policy.property() || value == policy.off();
                assert!(
                    held,
                    "{name}: {key} = {value} is verified while it drops partitions"
                );
            }
        }
    }

    /// Until the last table is verified, everything that lived is as it was, under its name.
    pub(super) fn nothing_live_changed(&self) {
        for (database, lived) in &self.lived {
            for (name, table) in &lived.tables {
                let now = self.world.table(database, name);
                assert_eq!(
                    now,
                    Some(table),
                    "{database}.{name} changed before all is verified"
                );
            }
        }
    }

    /// Whether everything is where it belongs now that the restore is done.
    pub(in super::super) fn check_result(&self) {
        let request = &self.scene.request;
        for source in &self.scene.sources {
            let database = request.target(&source.manifest.database);
            for manifest in &source.manifest.tables {
                if !request.scope.tables.is_empty()
                    && !request.scope.tables.contains(&manifest.table)
                {
                    continue;
                }
                let live = self
                    .world
                    .table(database.as_str(), manifest.table.as_str())
                    .unwrap_or_else(|| panic!("{} is missing", manifest.table));
                let lived = self
                    .lived
                    .get(database.as_str())
                    .and_then(|lived| lived.tables.get(manifest.table.as_str()));
                let mut expected: BTreeMap<String, Content> = BTreeMap::new();
                if request.is_partial()
                    && let Some(lived) = lived
                {
                    let kept = lived.partitions.iter();
                    expected.extend(kept.map(|(name, part)| (name.clone(), part.content)));
                    assert_eq!(live.id, lived.id, "a splice keeps the table");
                }
                for partition in request.wanted(manifest) {
                    let snapshot = &self.world.snapshots[partition.stored_in.as_str()];
                    let stored = &snapshot.tables[manifest.table.as_str()].partitions;
                    let content = stored[partition.name.as_str()].content;
                    expected.insert(partition.name.to_string(), content);
                }
                let found: BTreeMap<String, Content> = live
                    .partitions
                    .iter()
                    .map(|(name, part)| (name.clone(), part.content))
                    .collect();
                assert_eq!(found, expected, "{}", manifest.table);
                assert!(live.temporary.is_empty());
                assert_eq!(live.shadow, live.kind.is_automatic());
                for partition in request.wanted(manifest) {
                    let part = &live.partitions[partition.name.as_str()];
                    let (_, value, _) = (0..9)
                        .map(|number| generate::partition(live.kind, number))
                        .find(|(name, _, _)| *name == *partition.name.as_str())
                        .unwrap();
                    assert_eq!(part.value, value, "{}.{}", manifest.table, partition.name);
                    if !request.is_partial() {
                        let replicas = partition.replication_num.min(self.world.backends);
                        assert_eq!(part.replication, replicas, "{}", partition.name);
                    }
                }
                if let Some(lived) = lived {
                    self.check_kept(request, database.as_str(), &manifest.table, lived);
                }
            }
            self.check_names(database.as_str());
        }
    }

    fn check_kept(
        &self,
        request: &RestoreRequest,
        database: &str,
        table: &TableName,
        lived: &Table,
    ) {
        let name = request.name(table, Slot::Before).unwrap();
        let Some(before) = self.world.table(database, name.as_str()) else {
            let replaced = request.scope.partitions.iter();
            let none = replaced
                .filter(|partition| lived.partitions.contains_key(partition.as_str()))
                .count()
                == 0;
            assert!(request.is_partial() && none, "{name} was not kept");
            return;
        };
        if request.is_partial() {
            for (partition, part) in &before.partitions {
                assert_eq!(part.content, lived.partitions[partition].content);
            }
        } else {
            assert_eq!(before.id, lived.id);
            assert_eq!(before.partitions, lived.partitions);
        }
    }

    /// Nothing is left of the names that the restore worked under, and nobody else's table changed.
    fn check_names(&self, database: &str) {
        let lived = self.lived.get(database);
        // A database of which nothing is wanted is not made.
        let tables = self
            .world
            .databases
            .get(database)
            .map(|found| &found.tables);
        for name in tables.into_iter().flat_map(BTreeMap::keys) {
            let ours = name.contains("_restored");
            let was_there = lived.is_some_and(|lived| lived.tables.contains_key(name));
            assert!(!ours || was_there, "{name} is left over");
        }
        if let Some(lived) = lived {
            let bystander = self.world.table(database, "bystander");
            assert_eq!(bystander, lived.tables.get("bystander"));
        }
    }
}
