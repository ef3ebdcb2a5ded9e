//! What restores left beside the live tables: which of it still stands, and what to do about it.
//!
//! A table counts by its id and its name together, as everywhere: one that somebody renamed, or made
//! under such a name, is theirs. Nothing here is ever dropped by us.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    facts::Listing,
    ident::{DatabaseName, QualifiedTable, RestoreId, TableName},
    label::SnapshotLabel,
    plan::restore::aside::{AsideOf, Origin},
    sql::ops::steps::RestoreRow,
    time::age,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    pub database: DatabaseName,
    pub table: TableName,
    pub restore_id: RestoreId,
    pub label: SnapshotLabel,
    pub origin: Origin,
    /// Since it stands there, by the ops tables and the leader's clock.
    pub seconds: Option<i64>,
    /// The same, for people.
    pub age: Option<String>,
    /// What to do about it.
    pub next: String,
}

/// Those that stand in one of the databases of their restore. `held`: databases on which a run has a
/// lease that has not expired.
pub fn still_there(
    restores: &[AsideOf],
    listings: &BTreeMap<DatabaseName, Listing>,
    held: &BTreeSet<DatabaseName>,
) -> Vec<Left> {
    let mut left: BTreeMap<QualifiedTable, Left> = BTreeMap::new();
    for AsideOf { restore, tables } in restores {
        // A restore without a plan has made nothing.
        let databases = restore.databases().unwrap_or_default();
        let is_held = databases.iter().any(|database| held.contains(database));
        for (aside, seconds) in tables {
            for database in &databases {
                let stands = listings
                    .get(database)
                    .and_then(|listing| listing.tables.get(&aside.name))
                    .is_some_and(|(id, _)| *id == aside.id);
                if !stands {
                    continue;
                }
                let table = QualifiedTable::new(database, &aside.name);
                let next = next(restore, is_held, aside.origin, &table);
                let found = Left {
                    database: database.clone(),
                    table: aside.name.clone(),
                    restore_id: restore.id.clone(),
                    label: restore.label.clone(),
                    origin: aside.origin,
                    seconds: *seconds,
                    age: seconds.map(age),
                    next,
                };
                // The last step that gave it this name is the one that counts.
                left.insert(table, found);
            }
        }
    }
    left.into_values().collect()
}

fn next(restore: &RestoreRow, is_held: bool, origin: Origin, table: &QualifiedTable) -> String {
    let id = &restore.id;
    let drop = format!("DROP TABLE `{}`.`{}`", table.database, table.table);
    let state = restore.state.as_deref().unwrap_or_default();
    let failed = restore.status == "FAILED";
    match (state, origin) {
        ("VERIFIED", Origin::Made) if !failed => format!(
            "verified, never promoted: starrocks-br restore promote {id}; if it is not wanted: {drop}"
        ),
        ("PROMOTED", Origin::PutAside) => format!(
            "what lived before: starrocks-br restore undo {id} puts it back; once nobody wants that: {drop}"
        ),
        ("PROMOTED" | "UNDONE", Origin::Made) => {
            format!("its restore does not need it any more: {drop}")
        }
        ("UNDONE", Origin::Undone | Origin::PutAside) => {
            format!("the restore was undone; once nobody misses what is in it: {drop}")
        }
        _ if is_held && !failed => "a restore is at work on it".to_owned(),
        ("UNDOING", _) => format!("its undo broke off: starrocks-br restore undo {id}"),
        // It may be the only copy of what lived.
        (_, Origin::PutAside | Origin::Undone) => {
            format!("its restore broke off half-way: starrocks-br restore resume {id}")
        }
        (_, Origin::Made) => format!(
            "its restore broke off: starrocks-br restore resume {id}; if it is not wanted: {drop}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::restore::samples::restore_row;

    /// What lived before is never said to be dropped while a restore has not come to its end.
    #[test]
    fn what_to_do_follows_from_how_far_the_restore_is() {
        use Origin::{Made, PutAside, Undone};
        let table = QualifiedTable::new(&"sales".parse().unwrap(), &"t".parse().unwrap());
        for (state, status, held, origin, said, drops) in [
            ("PLANNED", "RUNNING", true, Made, "at work", false),
            ("PLANNED", "RUNNING", false, Made, "restore resume r1", true),
            ("PLANNED", "FAILED", true, Made, "restore resume r1", true),
            (
                "VERIFIED",
                "FINISHED",
                false,
                Made,
                "restore promote r1",
                true,
            ),
            ("VERIFIED", "FAILED", false, Made, "restore resume r1", true),
            ("PROMOTING", "RUNNING", true, PutAside, "at work", false),
            (
                "PROMOTING",
                "FAILED",
                false,
                PutAside,
                "restore resume r1",
                false,
            ),
            (
                "PROMOTED",
                "FINISHED",
                false,
                PutAside,
                "restore undo r1",
                true,
            ),
            (
                "PROMOTED",
                "FINISHED",
                false,
                Made,
                "does not need it",
                true,
            ),
            (
                "UNDOING",
                "FAILED",
                false,
                PutAside,
                "restore undo r1",
                false,
            ),
            ("UNDOING", "FAILED", false, Undone, "restore undo r1", false),
            ("UNDONE", "FINISHED", false, Undone, "was undone", true),
        ] {
            let next = next(&restore_row(state, status), held, origin, &table);
            assert!(next.contains(said), "{state} {status} {origin:?}: {next}");
            let drop = next.contains("DROP TABLE `sales`.`t`");
            assert_eq!(drop, drops, "{state} {status} {origin:?}: {next}");
        }
    }
}
