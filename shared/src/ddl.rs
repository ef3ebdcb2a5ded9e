//! Reads what SHOW CREATE TABLE prints for a native table, in 3.3, 3.5 and 4.1.
//!
//! The text is written by the engine, so its layout is known, but not everything in it is escaped:
//! values of LIST partitions, comments of indexes and property values are printed as they are, quotes
//! included. Where that is so, an end is looked for by what must follow it in the whole text, never
//! by the next quote.

use crate::{
    digest::SchemaHash,
    facts::{ColumnFacts, Distribution, IndexFacts, KeyModel, ObjectKind, Partitioning},
    ident::{ColumnName, InvalidName, TableName},
};

mod column;
mod parse;
mod partition;
#[cfg(test)]
mod tests;
mod token;

/// The definition of a native table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ddl {
    pub table: TableName,
    pub columns: Vec<ColumnFacts>,
    pub key_model: KeyModel,
    pub keys: Vec<ColumnName>,
    pub comment: Option<String>,
    pub partitioning: Partitioning,
    pub distribution: Distribution,
    pub distributed_by: Vec<ColumnName>,
    /// `None`: the engine chooses.
    pub buckets: Option<u32>,
    pub order_by: Vec<ColumnName>,
    /// In printed order, values as printed.
    pub properties: Vec<(String, String)>,
    text: String,
    /// Where the table's name stands, quotes included.
    name: std::ops::Range<usize>,
    /// Where the list of RANGE or LIST partitions stands, parentheses included.
    partition_list: Option<std::ops::Range<usize>>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DdlError {
    #[error("SHOW CREATE TABLE shows a {}, not a table", .0.as_str())]
    NotATable(ObjectKind),
    #[error("SHOW CREATE TABLE shows a table of engine {0}")]
    OtherEngine(String),
    #[error("SHOW CREATE TABLE has {expected} at byte {at}, before '{found}', missing")]
    Syntax {
        expected: &'static str,
        at: usize,
        found: String,
    },
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl Ddl {
    pub fn parse(text: &str) -> Result<Ddl, DdlError> {
        parse::table(text)
    }

    pub fn property(&self, key: &str) -> Option<&str> {
        let mut properties = self.properties.iter();
        properties
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    pub fn bloom_filter_columns(&self) -> Option<&str> {
        self.property("bloom_filter_columns")
    }

    /// The same table without any partition. The engine reads a RANGE or LIST without a list as an
    /// automatic table, so an empty list stays.
    pub fn without_partitions(&self) -> String {
        match &self.partition_list {
            Some(list) => splice(&self.text, list, "()"),
            None => self.text.clone(),
        }
    }

    /// The same table, partitions included, under another name.
    pub fn with_name(&self, name: &TableName) -> String {
        splice(&self.text, &self.name, &format!("`{name}`"))
    }
}

fn splice(text: &str, range: &std::ops::Range<usize>, replacement: &str) -> String {
    [&text[..range.start], replacement, &text[range.end..]].concat()
}

/// The digest of everything that shapes rows (see [`crate::facts`]). Column comments, partitions,
/// bucket numbers, replication and other properties are left out: they may differ between two
/// snapshots that are put together.
pub fn schema_hash(indexes: &[IndexFacts], ddl: &Ddl) -> SchemaHash {
    let mut indexes: Vec<&IndexFacts> = indexes.iter().collect();
    indexes.sort_unstable();
    let mut parts = Vec::new();
    for index in indexes {
        parts.push(format!(
            "index {} {:?} {} {}",
            index.id, index.name, index.schema_version, index.schema_hash
        ));
    }
    for column in &ddl.columns {
        parts.push(format!("{column:?}"));
    }
    parts.push(format!("{:?} {:?}", ddl.key_model, ddl.keys));
    parts.push(format!("{:?}", ddl.partitioning));
    parts.push(format!("{:?} {:?}", ddl.distribution, ddl.distributed_by));
    parts.push(format!("{:?}", ddl.order_by));
    parts.push(format!("{:?}", ddl.bloom_filter_columns()));
    SchemaHash::of(parts.iter().map(String::as_bytes))
}
