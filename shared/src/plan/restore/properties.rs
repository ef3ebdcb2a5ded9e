//! What a restored table lost against its recorded definition, and what becomes of it.

use serde::Serialize;

use super::{policy::Properties, step::Policy};
use crate::{ddl::Ddl, version::EngineLine};

const COLOCATE: &str = "colocate_with";
const UNIQUE: &str = "unique_constraints";
const FOREIGN: &str = "foreign_key_constraints";
const REPLICATION: &str = "replication_num";

/// A property that a restored table has not, or has with another value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    pub property: String,
    pub recorded: String,
    pub found: Option<String>,
    pub handling: Handling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Handling {
    /// Set again before the table becomes live; if the engine refuses, reported.
    Reapply,
    /// Said, with the ALTER to run.
    Report,
}

/// What RESTORE drops and SET brings back, with the values to set. Foreign keys name other tables
/// with their database, so they are set only in the database they were recorded in.
pub fn reapplicable(recorded: &Ddl, same_database: bool) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if let Some(group) = recorded.property(COLOCATE) {
        found.push((COLOCATE, group.to_owned()));
    }
    if let Some(text) = recorded.property(UNIQUE).filter(|text| !text.is_empty()) {
        let keys: Vec<String> = unique_keys(text)
            .into_iter()
            .map(|columns| columns.join(","))
            .collect();
        found.push((UNIQUE, keys.join(";")));
    }
    if let Some(text) = recorded.property(FOREIGN).filter(|text| !text.is_empty())
        && same_database
    {
        found.push((FOREIGN, text.to_owned()));
    }
    found
}

/// Compares a restored table with its recorded definition. Policies are left out, since they are
/// held on purpose, and so is the number of replicas, which follows the target cluster.
pub fn compare(recorded: &Ddl, restored: &Ddl, same_database: bool) -> Vec<Lost> {
    let reapplicable = reapplicable(recorded, same_database);
    recorded
        .properties
        .iter()
        .filter(|(key, _)| !is_expected_to_differ(key))
        .filter(|(key, value)| !same_value(key, value, restored.property(key)))
        .map(|(key, value)| Lost {
            property: key.clone(),
            recorded: value.clone(),
            found: restored.property(key).map(str::to_owned),
            handling: if reapplicable.iter().any(|(name, _)| name == key) {
                Handling::Reapply
            } else {
                Handling::Report
            },
        })
        .collect()
}

fn is_expected_to_differ(key: &str) -> bool {
    key == REPLICATION || Policy::ALL.iter().any(|policy| policy.property() == key)
}

fn same_value(key: &str, recorded: &str, restored: Option<&str>) -> bool {
    match (key, restored) {
        (UNIQUE, restored) => unique_keys(recorded) == unique_keys(restored.unwrap_or_default()),
        (_, Some(restored)) => recorded == restored,
        (_, None) => recorded.is_empty(),
    }
}

/// What shapes rows: a restored table that differs here is not the table that was backed up.
pub fn shape_difference(recorded: &Ddl, restored: &Ddl) -> Option<&'static str> {
    if recorded.columns != restored.columns {
        Some("the columns")
    } else if recorded.key_model != restored.key_model || recorded.keys != restored.keys {
        Some("the keys")
    } else if recorded.partitioning != restored.partitioning {
        Some("the partitioning")
    } else if recorded.distribution != restored.distribution
        || recorded.distributed_by != restored.distributed_by
    {
        Some("the distribution")
    } else if recorded.order_by != restored.order_by {
        Some("the sort key")
    } else {
        None
    }
}

/// Why the engine would refuse to SWAP these two, `None` if it would not. From 3.4 on both must have
/// the same constraints; what the restored table has is what is set on it again.
pub fn swap_blocker(
    live: &Ddl,
    recorded: &Ddl,
    same_database: bool,
    engine: EngineLine,
) -> Option<String> {
    if engine < EngineLine::new(3, 4) {
        return None;
    }
    let unique = |ddl: &Ddl| unique_keys(ddl.property(UNIQUE).unwrap_or_default());
    if unique(live) != unique(recorded) {
        return Some("its unique constraints are others than the live table's".into());
    }
    let foreign = |properties: &Properties| {
        properties
            .iter()
            .find(|(key, _)| key == FOREIGN)
            .map(|(_, value)| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    let restored = foreign(&recorded.properties).filter(|_| same_database);
    if foreign(&live.properties) != restored {
        return Some("its foreign key constraints are others than the live table's".into());
    }
    None
}

/// The same for a restored table whose definition is not on record: RESTORE drops constraints, so it
/// has none.
pub fn swap_blocker_of_unrecorded(live: &Ddl, engine: EngineLine) -> Option<String> {
    let has = |key| {
        live.property(key)
            .is_some_and(|text| !text.trim().is_empty())
    };
    (engine >= EngineLine::new(3, 4) && (has(UNIQUE) || has(FOREIGN))).then(|| {
        "the live table has unique or foreign key constraints, and a restored one has none".into()
    })
}

/// `k1,k2;k3`, each column perhaps with its table before it: the columns of each key.
fn unique_keys(text: &str) -> Vec<Vec<String>> {
    text.split(';')
        .map(|key| {
            key.split(',')
                .map(|column| column.rsplit('.').next().unwrap_or(column).trim())
                .filter(|column| !column.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|key| !key.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ddl(properties: &str) -> Ddl {
        Ddl::parse(&format!(
            "CREATE TABLE `t` (\n  `k` int(11) NOT NULL COMMENT \"\"\n) ENGINE=OLAP \n\
             DUPLICATE KEY(`k`)\nDISTRIBUTED BY HASH(`k`) BUCKETS 1 \nPROPERTIES (\n{properties}\n);"
        ))
        .unwrap()
    }

    const PLAIN: &str = "\"replication_num\" = \"1\"";

    #[test]
    fn colocation_and_constraints_come_back() {
        let recorded = ddl("\"colocate_with\" = \"g1\",\n\"compression\" = \"LZ4\",\n\
             \"foreign_key_constraints\" = \"(k) REFERENCES default_catalog.d.u(k)\",\n\
             \"replication_num\" = \"3\",\n\"unique_constraints\" = \"default_catalog.d.t.k\"");
        assert_eq!(
            reapplicable(&recorded, true),
            [
                ("colocate_with", "g1".to_owned()),
                ("unique_constraints", "k".to_owned()),
                (
                    "foreign_key_constraints",
                    "(k) REFERENCES default_catalog.d.u(k)".to_owned()
                ),
            ]
        );
        assert_eq!(reapplicable(&recorded, false).len(), 2);
        let lost = compare(&recorded, &ddl(PLAIN), true);
        let handled: Vec<_> = lost
            .iter()
            .map(|lost| (lost.property.as_str(), lost.handling))
            .collect();
        assert_eq!(
            handled,
            [
                ("colocate_with", Handling::Reapply),
                ("compression", Handling::Report),
                ("foreign_key_constraints", Handling::Reapply),
                ("unique_constraints", Handling::Reapply),
            ]
        );
    }

    #[test]
    fn what_the_restore_changes_on_purpose_is_not_lost() {
        let recorded = ddl(
            "\"dynamic_partition.enable\" = \"true\",\n\"partition_live_number\" = \"5\",\n\
             \"replication_num\" = \"3\"",
        );
        assert_eq!(compare(&recorded, &ddl(PLAIN), true), []);
    }

    #[test]
    fn a_constraint_with_its_table_is_the_same_constraint() {
        let live = ddl("\"replication_num\" = \"1\",\n\"unique_constraints\" = \"d.t.k\"");
        let recorded = ddl("\"replication_num\" = \"1\",\n\"unique_constraints\" = \"k\"");
        let line = EngineLine::new(3, 5);
        assert_eq!(swap_blocker(&live, &recorded, true, line), None);
        assert!(swap_blocker(&live, &ddl(PLAIN), true, line).is_some());
        assert!(swap_blocker(&ddl(PLAIN), &recorded, true, line).is_some());
        assert_eq!(
            swap_blocker(&live, &ddl(PLAIN), true, EngineLine::new(3, 3)),
            None
        );
    }

    #[test]
    fn another_shape_is_another_table() {
        let other = Ddl::parse(
            "CREATE TABLE `t` (\n  `k` bigint(20) NOT NULL COMMENT \"\"\n) ENGINE=OLAP \n\
             DUPLICATE KEY(`k`)\nDISTRIBUTED BY HASH(`k`) BUCKETS 1 \nPROPERTIES (\n\
             \"replication_num\" = \"1\"\n);",
        )
        .unwrap();
        assert_eq!(shape_difference(&ddl(PLAIN), &other), Some("the columns"));
        assert_eq!(shape_difference(&ddl(PLAIN), &ddl(PLAIN)), None);
    }
}
