//! Partitions of a table, found by name, physical id or range without a scan.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound as RangeBound,
};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The hidden partition of automatic tables.
pub const SHADOW_PARTITION: &str = "$shadow_automatic_partition";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Partition {
    /// Logical id.
    pub id: i64,
    /// What SHOW PARTITIONS and partitions_meta print, and the key of the partition's rows.
    pub physical_id: i64,
    pub name: String,
    pub value: PartitionValue,
    pub buckets: u32,
    pub replication_num: u32,
    pub visible_version: i64,
    /// Commit time of the visible version; creation time for version 1.
    pub visible_version_time: Timestamp,
    pub next_version: i64,
    pub data_version: i64,
    pub version_epoch: i64,
    pub tablets: Vec<i64>,
}

impl Partition {
    pub fn bump_version(&mut self, now: Timestamp) {
        self.visible_version += 1;
        self.next_version = self.visible_version + 1;
        self.data_version = self.visible_version;
        self.visible_version_time = now;
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionValue {
    /// The only partition of an unpartitioned table.
    Unpartitioned,
    /// `[lower, upper)`; one bound per partition column, as text in the column's type.
    Range {
        lower: Vec<Bound>,
        upper: Vec<Bound>,
    },
    /// Tuples of values; `None` is NULL.
    List(Vec<Vec<Option<String>>>),
    Shadow,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bound {
    Min,
    Value(String),
    Max,
}

/// A bound that compares as its column's type does: whole numbers by value, dates and times (always
/// written with fixed width) by text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum BoundKey {
    Min,
    Number(i128),
    Text(String),
    Max,
}

impl From<&str> for BoundKey {
    fn from(text: &str) -> BoundKey {
        match text.parse() {
            Ok(number) => BoundKey::Number(number),
            Err(_) => BoundKey::Text(text.to_owned()),
        }
    }
}

impl From<&Bound> for BoundKey {
    fn from(bound: &Bound) -> BoundKey {
        match bound {
            Bound::Min => BoundKey::Min,
            Bound::Max => BoundKey::Max,
            Bound::Value(text) => BoundKey::from(text.as_str()),
        }
    }
}

fn keys(bounds: &[Bound]) -> Vec<BoundKey> {
    bounds.iter().map(BoundKey::from).collect()
}

/// The partitions of one table in creation order. Names are compared without case, as the frontend
/// does; a table may have 100,000 of them, so nothing here scans per look-up.
#[derive(Debug, Clone, Default)]
pub struct Partitions {
    entries: BTreeMap<u64, Partition>,
    by_name: HashMap<String, u64>,
    by_physical_id: HashMap<i64, u64>,
    /// Range partitions by upper bound.
    by_upper: BTreeMap<Vec<BoundKey>, u64>,
    /// List partitions by each of their tuples.
    by_tuple: HashMap<Vec<Option<String>>, u64>,
    next: u64,
}

impl Partitions {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// In creation order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Partition> + ExactSizeIterator + Clone {
        self.entries.values()
    }

    /// In the order of SHOW PARTITIONS: by range where there are ranges, else by creation.
    pub fn iter_ordered(&self) -> impl Iterator<Item = &Partition> {
        let unranged = self
            .entries
            .values()
            .filter(|partition| !matches!(partition.value, PartitionValue::Range { .. }));
        unranged.chain(self.by_upper.values().map(|entry| &self.entries[entry]))
    }

    pub fn get(&self, name: &str) -> Option<&Partition> {
        self.entries.get(self.by_name.get(&fold(name))?)
    }

    /// For versions and properties: name, value and ids are changed by [`Partitions::rename`] and
    /// [`Partitions::replace`] only.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Partition> {
        self.entries.get_mut(self.by_name.get(&fold(name))?)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(&fold(name))
    }

    pub fn by_physical_id(&self, physical_id: i64) -> Option<&Partition> {
        self.entries.get(self.by_physical_id.get(&physical_id)?)
    }

    pub fn by_physical_id_mut(&mut self, physical_id: i64) -> Option<&mut Partition> {
        self.entries.get_mut(self.by_physical_id.get(&physical_id)?)
    }

    /// Names, values and ids stay as they are.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.entries.values_mut()
    }

    /// Adds a partition at the end; its name must be free.
    pub fn push(&mut self, partition: Partition) {
        let entry = self.next;
        self.next += 1;
        self.put(entry, partition);
    }

    /// Puts another partition (new ids, new versions) in the place of one, as TRUNCATE and INSERT
    /// OVERWRITE do, and returns the old one.
    pub fn replace(&mut self, name: &str, partition: Partition) -> Option<Partition> {
        let entry = *self.by_name.get(&fold(name))?;
        let old = self.take(entry);
        self.put(entry, partition);
        old
    }

    pub fn rename(&mut self, name: &str, new_name: &str) -> bool {
        let Some(entry) = self.by_name.remove(&fold(name)) else {
            return false;
        };
        self.by_name.insert(fold(new_name), entry);
        if let Some(partition) = self.entries.get_mut(&entry) {
            partition.name = new_name.to_owned();
        }
        true
    }

    pub fn remove(&mut self, name: &str) -> Option<Partition> {
        let entry = *self.by_name.get(&fold(name))?;
        self.take(entry)
    }

    pub fn clear(&mut self) {
        *self = Partitions {
            next: self.next,
            ..Partitions::default()
        };
    }

    /// The range partition that holds a key (one value per partition column).
    pub fn holding(&self, key: &[BoundKey]) -> Option<&Partition> {
        let above = (RangeBound::Excluded(key.to_vec()), RangeBound::Unbounded);
        let (_, entry) = self.by_upper.range(above).next()?;
        let partition = &self.entries[entry];
        match &partition.value {
            PartitionValue::Range { lower, .. } if keys(lower).as_slice() <= key => Some(partition),
            _ => None,
        }
    }

    /// The list partition that holds a tuple.
    pub fn listing(&self, tuple: &[Option<String>]) -> Option<&Partition> {
        self.entries.get(self.by_tuple.get(tuple)?)
    }

    /// The first range partition that shares keys with `[lower, upper)`.
    pub fn overlapping(&self, lower: &[Bound], upper: &[Bound]) -> Option<&Partition> {
        let above = (RangeBound::Excluded(keys(lower)), RangeBound::Unbounded);
        let (_, entry) = self.by_upper.range(above).next()?;
        let partition = &self.entries[entry];
        match &partition.value {
            PartitionValue::Range { lower: other, .. } if keys(other) < keys(upper) => {
                Some(partition)
            }
            _ => None,
        }
    }

    /// The highest upper bound at or below a bound: where a range that ends there may start.
    pub fn bound_below(&self, bound: &[Bound]) -> Option<Vec<Bound>> {
        let (_, entry) = self.by_upper.range(..keys(bound)).next_back()?;
        match &self.entries[entry].value {
            PartitionValue::Range { upper, .. } => Some(upper.clone()),
            _ => None,
        }
    }

    /// The range partition with the highest bounds.
    pub fn last_range(&self) -> Option<&Partition> {
        self.by_upper
            .last_key_value()
            .map(|(_, entry)| &self.entries[entry])
    }

    fn put(&mut self, entry: u64, partition: Partition) {
        self.by_name.insert(fold(&partition.name), entry);
        self.by_physical_id.insert(partition.physical_id, entry);
        match &partition.value {
            PartitionValue::Range { upper, .. } => {
                self.by_upper.insert(keys(upper), entry);
            }
            PartitionValue::List(tuples) => {
                for tuple in tuples {
                    self.by_tuple.insert(tuple.clone(), entry);
                }
            }
            PartitionValue::Unpartitioned | PartitionValue::Shadow => {}
        }
        self.entries.insert(entry, partition);
    }

    fn take(&mut self, entry: u64) -> Option<Partition> {
        let partition = self.entries.remove(&entry)?;
        self.by_name.remove(&fold(&partition.name));
        self.by_physical_id.remove(&partition.physical_id);
        match &partition.value {
            PartitionValue::Range { upper, .. } => {
                self.by_upper.remove(&keys(upper));
            }
            PartitionValue::List(tuples) => {
                for tuple in tuples {
                    self.by_tuple.remove(tuple);
                }
            }
            PartitionValue::Unpartitioned | PartitionValue::Shadow => {}
        }
        Some(partition)
    }
}

fn fold(name: &str) -> String {
    name.to_lowercase()
}

impl<'a> IntoIterator for &'a Partitions {
    type Item = &'a Partition;
    type IntoIter = std::collections::btree_map::Values<'a, u64, Partition>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.values()
    }
}

impl FromIterator<Partition> for Partitions {
    fn from_iter<I: IntoIterator<Item = Partition>>(partitions: I) -> Partitions {
        let mut all = Partitions::default();
        for partition in partitions {
            all.push(partition);
        }
        all
    }
}

impl Serialize for Partitions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for Partitions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Partitions, D::Error> {
        Ok(Vec::<Partition>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}
