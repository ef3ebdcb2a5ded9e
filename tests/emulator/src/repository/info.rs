//! `__info_<timestamp>` and `__meta`: what a snapshot says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Ordered, hash_order};
use crate::{catalog::Table, profile::Profile};

/// The job info of a snapshot. It names partitions and versions, but no files: what is not among the
/// objects of a tablet is not missed before the tablet is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    pub name: String,
    pub database: String,
    pub id: i64,
    /// Milliseconds; the snapshot's timestamp is this in the zone of the FE.
    pub backup_time: i64,
    pub meta_version: i64,
    pub starrocks_meta_version: i64,
    pub backup_result: String,
    /// Tables, materialized views and views by name; a view has no partitions.
    pub backup_objects: Ordered<TableInfo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableInfo {
    pub id: i64,
    #[serde(
        rename = "autoIncrementId",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub auto_increment: Option<i64>,
    pub partitions: Ordered<PartitionInfo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionInfo {
    pub id: i64,
    pub version: i64,
    pub version_hash: i64,
    /// Filled up to 3.3.
    pub indexes: BTreeMap<String, IndexInfo>,
    /// By physical id; filled from 3.4 on.
    #[serde(rename = "subPartitions", default)]
    pub sub_partitions: BTreeMap<String, SubPartitionInfo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubPartitionInfo {
    pub id: i64,
    pub version: i64,
    pub indexes: BTreeMap<String, IndexInfo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexInfo {
    pub id: i64,
    pub schema_hash: i64,
    /// Lists of files, which are empty in every version.
    pub tablets: BTreeMap<String, Vec<String>>,
    pub tablets_order: Vec<String>,
}

impl PartitionInfo {
    /// Physical id, version and indexes, whichever version wrote them.
    pub fn physical(&self) -> (i64, i64, &BTreeMap<String, IndexInfo>) {
        match self.sub_partitions.values().next() {
            Some(physical) => (physical.id, physical.version, &physical.indexes),
            None => (self.id, self.version, &self.indexes),
        }
    }

    pub fn new(
        profile: Profile,
        id: i64,
        physical_id: i64,
        version: i64,
        indexes: BTreeMap<String, IndexInfo>,
    ) -> PartitionInfo {
        let mut info = PartitionInfo {
            // Up to 3.3 the one id stands for both.
            id: if profile.is_3_3() { physical_id } else { id },
            version,
            version_hash: 0,
            indexes: BTreeMap::new(),
            sub_partitions: BTreeMap::new(),
        };
        if profile.is_3_3() {
            info.indexes = indexes;
        } else {
            let physical = SubPartitionInfo {
                id: physical_id,
                version,
                indexes,
            };
            info.sub_partitions
                .insert(physical_id.to_string(), physical);
        }
        info
    }
}

impl SnapshotInfo {
    /// Table names in the order in which a frontend goes over them; `held` is how many the snapshot
    /// had before a RESTORE chose some.
    pub fn table_order(&self, held: usize) -> Vec<&str> {
        let mut names: Vec<&str> = self.backup_objects.names().collect();
        hash_order::sort(&mut names, held, |name| name);
        names
    }

    /// The Details of SHOW SNAPSHOT.
    pub fn details(&self) -> String {
        let tables = self.backup_objects.0.iter().map(|(name, table)| {
            let partitions: Map<String, Value> = table
                .partitions
                .names()
                .map(|partition| (partition.to_owned(), json!({})))
                .collect();
            let mut entry = Map::new();
            entry.insert("partitions".into(), Value::Object(partitions));
            if let Some(next) = table.auto_increment {
                entry.insert("autoIncrementId".into(), json!(next));
            }
            (name.clone(), Value::Object(entry))
        });
        let details = json!({
            "name": self.name,
            "database": self.database,
            "backup_time": self.backup_time,
            "meta_version": self.meta_version,
            "starrocks_meta_version": self.starrocks_meta_version,
            "backup_result": self.backup_result,
            "backup_objects": Value::Object(tables.collect()),
        });
        let mut text = String::new();
        write_indented(&mut text, &details, 0);
        text
    }
}

/// JSON as Java's org.json prints it with an indent of 1: members in hash order, and an object with
/// one member on one line with it.
fn write_indented(out: &mut String, value: &Value, indent: usize) {
    let Value::Object(members) = value else {
        out.push_str(&value.to_string());
        return;
    };
    let names = hash_order::sorted(members.keys().map(String::as_str));
    out.push('{');
    let alone = names.len() == 1;
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let inner = if alone { indent } else { indent + 1 };
        if !alone {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', inner));
        }
        out.push_str(&Value::from(*name).to_string());
        out.push_str(": ");
        write_indented(out, &members[*name], inner);
    }
    if names.len() > 1 {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
    }
    out.push('}');
}

/// `__meta`: the catalog's own objects, readable by the same engine line or a newer one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SnapshotMeta {
    /// The profile that wrote it.
    pub engine: String,
    pub tables: Vec<Table>,
    /// Functions by signature.
    pub functions: BTreeMap<String, String>,
}

/// Why a `__meta` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetaError {
    Damaged(String),
    /// Written by a newer engine line: a frontend only reads what is as old as itself or older.
    Newer(String),
}

impl SnapshotMeta {
    /// 4 bytes of length, then JSON.
    pub fn encode(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).expect("catalog objects serialize");
        let length = u32::try_from(json.len()).expect("a snapshot's meta is below 4 GB");
        [length.to_be_bytes().as_slice(), &json].concat()
    }

    pub fn decode(bytes: &[u8], reader: Profile) -> Result<SnapshotMeta, MetaError> {
        let damaged = |what: &dyn std::fmt::Display| MetaError::Damaged(what.to_string());
        let (length, json) = bytes
            .split_first_chunk::<4>()
            .ok_or_else(|| damaged(&"it is too short"))?;
        if u32::from_be_bytes(*length) as usize != json.len() {
            return Err(damaged(&"its length is not what it says"));
        }
        // The engine is read alone first: a newer one may have written what this one cannot parse.
        let raw: Value = serde_json::from_slice(json).map_err(|error| damaged(&error))?;
        let engine = raw["engine"].as_str().unwrap_or_default();
        let writer: Profile = engine.parse().map_err(|error: String| damaged(&error))?;
        if writer > reader && !(writer.is_3_3() && reader.is_3_3()) {
            return Err(MetaError::Newer(engine.to_owned()));
        }
        serde_json::from_value(raw).map_err(|error| damaged(&error))
    }

    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(name: &str) -> (String, PartitionInfo) {
        (
            name.to_owned(),
            PartitionInfo::new(Profile::V4_1, 1, 2, 3, BTreeMap::new()),
        )
    }

    fn table(partitions: &[&str]) -> TableInfo {
        TableInfo {
            id: 1,
            auto_increment: None,
            partitions: partitions.iter().map(|name| partition(name)).collect(),
        }
    }

    fn info(tables: &[(&str, TableInfo)]) -> SnapshotInfo {
        SnapshotInfo {
            name: "l0".into(),
            database: "x1".into(),
            id: 1,
            backup_time: 40,
            meta_version: 92,
            starrocks_meta_version: 4,
            backup_result: "succeed".into(),
            backup_objects: tables
                .iter()
                .map(|(name, table)| ((*name).to_owned(), table.clone()))
                .collect(),
        }
    }

    /// As a real frontend printed it.
    #[test]
    fn details_look_as_recorded() {
        let details = info(&[
            ("r", table(&["r"])),
            ("sc", table(&["p1", "p2"])),
            ("lst", table(&["pa", "pb"])),
            ("pk", table(&["pk"])),
            ("v1", table(&[])),
        ])
        .details();
        let expected = r#"{
 "database": "x1",
 "meta_version": 92,
 "backup_time": 40,
 "name": "l0",
 "starrocks_meta_version": 4,
 "backup_result": "succeed",
 "backup_objects": {
  "sc": {"partitions": {
   "p1": {},
   "p2": {}
  }},
  "r": {"partitions": {"r": {}}},
  "pk": {"partitions": {"pk": {}}},
  "v1": {"partitions": {}},
  "lst": {"partitions": {
   "pa": {},
   "pb": {}
  }}
 }
}"#;
        assert_eq!(details, expected);
    }

    #[test]
    fn old_and_new_form_say_the_same() {
        let indexes = BTreeMap::from([(
            "t".to_owned(),
            IndexInfo {
                id: 5,
                schema_hash: 6,
                tablets: BTreeMap::from([("7".to_owned(), vec![])]),
                tablets_order: vec!["7".to_owned()],
            },
        )]);
        for profile in Profile::ALL {
            let info = PartitionInfo::new(profile, 1, 2, 3, indexes.clone());
            assert_eq!(info.physical(), (2, 3, &indexes), "{profile:?}");
            assert_eq!(info.indexes.is_empty(), !profile.is_3_3());
            assert_eq!(info.sub_partitions.is_empty(), profile.is_3_3());
        }
    }

    #[test]
    fn meta_of_a_newer_line_is_refused() {
        let meta = |engine: &str| {
            SnapshotMeta {
                engine: engine.into(),
                tables: vec![],
                functions: BTreeMap::new(),
            }
            .encode()
        };
        assert!(SnapshotMeta::decode(&meta("3.5"), Profile::V4_1).is_ok());
        assert!(SnapshotMeta::decode(&meta("3.3-list"), Profile::V3_3).is_ok());
        assert_eq!(
            SnapshotMeta::decode(&meta("4.1"), Profile::V3_5).unwrap_err(),
            MetaError::Newer("4.1".into())
        );
        assert!(matches!(
            SnapshotMeta::decode(&meta("4.1")[1..], Profile::V4_1),
            Err(MetaError::Damaged(_))
        ));
    }
}
