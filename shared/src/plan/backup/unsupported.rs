//! Tables that StarRocks cannot back up. One of them named makes the whole BACKUP fail.

use std::fmt;

use crate::{
    error::ErrorName,
    facts::{Listing, Partitioning, TableEngine, TableFacts, TableState},
    ident::TableName,
    plan::{Finding, backup::Selection},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsupported {
    Engine(String),
    TemporaryPartitions,
    ListPartitioning,
    Restoring,
    /// The group names it and it does not exist.
    Missing,
}

pub fn reason(table: &TableFacts, list_supported: bool) -> Option<Unsupported> {
    if let TableEngine::Other(engine) = &table.engine {
        return Some(Unsupported::Engine(engine.clone()));
    }
    let list = match &table.partitioning {
        Partitioning::List { .. } => true,
        // Several expressions at once are LIST inside; RANGE on an expression is not.
        Partitioning::Opaque { automatic, .. } => *automatic,
        _ => false,
    };
    if table.state == TableState::Restore {
        Some(Unsupported::Restoring)
    } else if table.has_temp_partitions {
        Some(Unsupported::TemporaryPartitions)
    } else if list && !list_supported {
        Some(Unsupported::ListPartitioning)
    } else {
        None
    }
}

/// What names and engines tell, without a look at any partition.
pub fn by_listing<'a>(
    listing: &'a Listing,
    selection: &'a Selection,
) -> Vec<(&'a TableName, Unsupported)> {
    let selected = listing
        .tables
        .iter()
        .filter(|(name, _)| selection.contains(name));
    let mut found: Vec<(&TableName, Unsupported)> = selected
        .filter_map(|(name, (_, engine))| match engine {
            TableEngine::Olap => None,
            TableEngine::Other(engine) => Some((name, Unsupported::Engine(engine.clone()))),
        })
        .collect();
    if let Selection::Names(names) = selection
        && listing.complete
    {
        let there =
            |name: &TableName| listing.tables.contains_key(name) || listing.views.contains(name);
        let missing = names.iter().filter(|name| !there(name));
        found.extend(missing.map(|name| (name, Unsupported::Missing)));
    }
    found
}

impl Unsupported {
    pub fn finding(&self, table: &TableName) -> Finding {
        let hint = match self {
            Unsupported::Engine(_) => format!("take {table} out of the group"),
            Unsupported::TemporaryPartitions => {
                format!("replace or drop the temporary partitions of {table}")
            }
            Unsupported::ListPartitioning => {
                "upgrade StarRocks to a version that backs up LIST tables".to_owned()
            }
            Unsupported::Restoring => format!(
                "wait for the restore of {table}; if SHOW RESTORE shows none, the table was swapped \
                 away while it was being restored, and can only be dropped"
            ),
            Unsupported::Missing => format!("take {table} out of the group, or correct its name"),
        };
        let hint = format!("{hint}; or leave such tables out with on_unsupported: skip");
        Finding::failed("table", ErrorName::PrecheckFailed, self.to_string(), hint).about(table)
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsupported::Engine(engine) => {
                write!(formatter, "StarRocks backs up no table of engine {engine}")
            }
            Unsupported::TemporaryPartitions => {
                formatter.write_str("StarRocks backs up no table with temporary partitions")
            }
            Unsupported::ListPartitioning => {
                formatter.write_str("this version of StarRocks backs up no LIST partitioned table")
            }
            Unsupported::Restoring => formatter.write_str("it is being restored"),
            Unsupported::Missing => {
                formatter.write_str("the group names it, and it does not exist")
            }
        }
    }
}
