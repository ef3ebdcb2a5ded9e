//! What is read of the cluster that is restored into.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    facts::{DatabaseFacts, TableFacts},
    ident::{DatabaseName, QualifiedTable, RestoreId, TableId, TableName},
    time::UtcTime,
    version::EngineLine,
};

#[derive(Debug, Clone)]
pub struct Target {
    pub engine: EngineLine,
    /// No partition can have more replicas.
    pub live_backends: u16,
    /// Databases that exist, with every table that the restore could meet: the live ones and those
    /// under its own names.
    pub databases: BTreeMap<DatabaseName, DatabaseFacts>,
    /// Tables that a restore of ours made and that are still there.
    pub ours: BTreeMap<TableId, RestoreId>,
    /// How long a table has existed, as shown to people: `3 days`.
    pub ages: BTreeMap<QualifiedTable, String>,
    /// GRANT statements on single tables: they stay with the table id, not with the name.
    pub grants: BTreeMap<QualifiedTable, Vec<String>>,
    /// Routine loads that write to a table; they too stay with the id.
    pub routine_loads: BTreeMap<QualifiedTable, Vec<String>>,
    /// When a table was last loaded, as the engine prints it.
    pub last_loads: BTreeMap<QualifiedTable, String>,
    /// What of the above could not be read, and what follows.
    pub unread: Vec<String>,
    /// The leader's clock, for policies that drop partitions by age.
    pub now: UtcTime,
}

/// What a name in the target stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Occupant<'t> {
    Nothing,
    Table(&'t TableFacts),
    /// A view, a materialized view, an external table: anything that cannot be swapped.
    Other,
}

impl Target {
    pub(crate) fn occupant(&self, database: &DatabaseName, name: &TableName) -> Occupant<'_> {
        let Some(facts) = self.databases.get(database) else {
            return Occupant::Nothing;
        };
        if let Some(table) = facts.tables.get(name) {
            return Occupant::Table(table);
        }
        let listed = |listing: &BTreeSet<TableName>| listing.contains(name);
        let is_known = facts.objects.iter().any(|object| object.name == *name);
        if is_known || facts.listing.as_ref().is_some_and(listed) {
            Occupant::Other
        } else {
            Occupant::Nothing
        }
    }
}

/// Judges a table that stands under a name which the restore `id` wants to make.
pub fn leftover(
    table: &QualifiedTable,
    found: Option<TableId>,
    target: &Target,
    id: &RestoreId,
) -> Result<(), String> {
    let owner = found.and_then(|found| target.ours.get(&found));
    if owner == Some(id) {
        return Ok(());
    }
    let age = target
        .ages
        .get(table)
        .map(|age| format!(", {age} old"))
        .unwrap_or_default();
    let origin = match owner {
        Some(other) => format!(", made by restore {other}"),
        None => ", not made by a restore that is on record".to_owned(),
    };
    Err(format!("exists already{age}{origin}"))
}
