//! The second reading R1, as what differs from the plan.
//!
//! R1 is right at any moment after the last pin of its label, and the earlier the better:
//!
//! - **Referenced partitions.** A fingerprint, a table id and a schema version never come back once
//!   they changed. What R0 and R1 show alike was there at the pin, which lies between them. What
//!   differs may have changed before the pin or after it, so the cut is called torn: a reading right
//!   after the pin leaves little room for the latter, one at the end of an upload leaves hours.
//! - **Table ids and schema hashes** likewise: a table that R1 shows as it was planned is the one that
//!   was pinned. What becomes of it during the upload is no matter of this label any more.
//! - **Contents.** Names come from the snapshot itself, at the end, because the snapshot alone knows
//!   what was pinned. R1 adds figures of partitions that the plan did not know. It never says that a
//!   snapshot holds something.
//! - **Row counts.** What was counted between R0 and R1 and has one fingerprint at both was counted at
//!   that very version.
//!
//! R1 before the pin would be wrong: a load between the two would be seen by neither reading. A
//! frontend that restarts before the backends have reported pins again. So a kept reading carries the
//! mark of the pin it followed ([`KeptReading`](super::kept_reading::KeptReading)), and holds only while the job still shows that mark; in
//! any doubt R1 is read again at the end, which is right too.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    digest::SchemaHash,
    facts::{DatabaseFacts, PartitionFacts, TableFacts},
    ident::{PartitionName, TableId, TableName},
    manifest::{Manifest, ManifestTable, UNPARTITIONED_KEY},
};

#[cfg(test)]
mod tests;

/// What R1 says of the tables of a plan. Nothing, where nothing differs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecondReading {
    tables: BTreeMap<TableName, TableReading>,
}

/// One table, where it is not exactly as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableReading {
    pub(super) name: Under,
    /// The partitions of the very table that was planned, with the schema that was planned, under its
    /// own name or, after a swap or a rename, under another name of the plan. `None`: nowhere.
    pub(super) content: Option<Content>,
}

/// What stands under the name of a planned table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Under {
    Same,
    /// The same table with another schema.
    Altered,
    Another,
    Nothing,
}

/// The partitions of a table against those that were planned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    /// Another fingerprint.
    changed: Positions,
    gone: Positions,
    came: Vec<Came>,
}

/// A partition that the plan does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Came {
    pub(super) name: PartitionName,
    pub(super) system: bool,
    pub(super) value: String,
    pub(super) buckets: u32,
    pub(super) replication_num: u16,
    pub(super) data_size: u64,
}

/// Positions in the ordered partitions of a planned table, as ranges with both ends: a load into all
/// of 100,000 partitions is one range.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Positions(Vec<(usize, usize)>);

impl Positions {
    const NONE: Positions = Positions(Vec::new());

    /// In rising order.
    fn push(&mut self, position: usize) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == position => *last = position,
            _ => self.0.push((position, position)),
        }
    }

    fn contains(&self, position: usize) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= position);
        let range = after.checked_sub(1).map(|at| self.0[at]);
        range.is_some_and(|(_, last)| position <= last)
    }

    fn names(&self, table: &ManifestTable) -> BTreeSet<PartitionName> {
        let positions = self.0.iter().flat_map(|(first, last)| *first..=*last);
        positions
            .filter_map(|position| Some(table.partitions.get(position)?.name.clone()))
            .collect()
    }

    fn is_within(&self, length: usize) -> bool {
        self.0
            .iter()
            .all(|(first, last)| first <= last && *last < length)
    }
}

static AS_PLANNED: TableReading = TableReading {
    name: Under::Same,
    content: Some(Content {
        changed: Positions::NONE,
        gone: Positions::NONE,
        came: Vec::new(),
    }),
};

impl SecondReading {
    /// `facts` was read after the pin, of the tables of `planned`.
    pub fn of(planned: &Manifest, facts: &DatabaseFacts) -> SecondReading {
        let wanted: BTreeSet<(TableId, SchemaHash)> = planned.tables.iter().map(identity).collect();
        let standing: BTreeMap<(TableId, SchemaHash), &TableFacts> = facts
            .tables
            .values()
            .map(|now| ((now.table_id, now.schema_hash), now))
            .filter(|(identity, _)| wanted.contains(identity))
            .collect();
        let mut tables = BTreeMap::new();
        for table in &planned.tables {
            let content = standing
                .get(&identity(table))
                .map(|now| Content::of(table, now));
            let name = match facts.tables.get(&table.table) {
                None => Under::Nothing,
                Some(now) if now.table_id != table.table_id => Under::Another,
                Some(now) if now.schema_hash != table.schema_hash => Under::Altered,
                Some(_) => Under::Same,
            };
            let reading = TableReading { name, content };
            if reading != AS_PLANNED {
                tables.insert(table.table.clone(), reading);
            }
        }
        SecondReading { tables }
    }

    pub(super) fn table(&self, name: &TableName) -> &TableReading {
        self.tables.get(name).unwrap_or(&AS_PLANNED)
    }

    /// By its position in the plan: whether a partition is there, under the table's own name, with the
    /// content that was planned.
    pub(super) fn unchanged(&self, table: &ManifestTable) -> impl Fn(usize) -> bool + use<'_> {
        let reading = self.table(&table.table);
        let content = reading.content.as_ref();
        let content = content.filter(|_| reading.name == Under::Same);
        move |position| {
            content.is_some_and(|content| {
                !content.changed.contains(position) && !content.gone.contains(position)
            })
        }
    }

    /// Whether it can be of this plan: it names its tables, and positions that they have.
    pub(super) fn fits(&self, planned: &Manifest) -> bool {
        self.tables.iter().all(|(name, reading)| {
            let tables = &planned.tables;
            let Ok(at) = tables.binary_search_by(|table| table.table.cmp(name)) else {
                return false;
            };
            let length = tables[at].partitions.len();
            reading
                .content
                .iter()
                .all(|content| content.changed.is_within(length) && content.gone.is_within(length))
        })
    }
}

fn identity(table: &ManifestTable) -> (TableId, SchemaHash) {
    (table.table_id, table.schema_hash)
}

/// [`Content`] by names.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    pub(super) changed: BTreeSet<PartitionName>,
    pub(super) gone: BTreeSet<PartitionName>,
    pub(super) came: &'a [Came],
}

impl Content {
    fn of(table: &ManifestTable, now: &TableFacts) -> Content {
        // The partition of an unpartitioned table has the table's name, and another one in a manifest.
        let key = |facts: &PartitionFacts| match table.unpartitioned {
            true => UNPARTITIONED_KEY.to_owned(),
            false => facts.name.to_string(),
        };
        let mut left: BTreeMap<String, &PartitionFacts> = now
            .partitions
            .iter()
            .map(|facts| (key(facts), facts))
            .collect();
        let mut content = Content::default();
        for (position, own) in table.partitions.iter().enumerate() {
            match left.remove(own.name.as_str()) {
                None => content.gone.push(position),
                Some(now) if Some(now.fingerprint) != own.fingerprint => {
                    content.changed.push(position);
                }
                Some(_) => {}
            }
        }
        content.came = left.into_values().map(Came::of).collect();
        content
    }

    pub(super) fn standing(&self, table: &ManifestTable) -> Standing<'_> {
        Standing {
            changed: self.changed.names(table),
            gone: self.gone.names(table),
            came: &self.came,
        }
    }
}

impl Came {
    fn of(facts: &PartitionFacts) -> Came {
        Came {
            name: facts.name.clone(),
            system: facts.system,
            value: facts.value.to_string(),
            buckets: facts.buckets,
            replication_num: facts.replication_num,
            data_size: facts.data_size,
        }
    }
}

impl Standing<'_> {
    /// Whether the partition is there with the content that was planned.
    pub(super) fn is_still(&self, partition: &PartitionName) -> bool {
        !self.gone.contains(partition) && !self.changed.contains(partition)
    }
}
