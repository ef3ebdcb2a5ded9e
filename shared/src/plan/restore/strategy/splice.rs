//! Whether single partitions can be put into a live table.

use super::{
    super::{
        addable::{self, Addable},
        refusal::Refusals,
        request::RestoreRequest,
        target::Target,
    },
    Draft, refuse_partition,
};
use crate::{
    ddl::Ddl,
    error::ErrorName,
    facts::{Partitioning, TableFacts},
    ident::PartitionName,
    manifest::ManifestPartition,
    version::EngineLine,
};

/// Whether live partitions are replaced by INSERT OVERWRITE: temporary ones are refused for
/// automatic RANGE tables.
pub(in super::super) fn overwrites(ddl: &Ddl) -> bool {
    matches!(ddl.partitioning, Partitioning::Expression { .. })
}

pub(super) fn check(
    request: &RestoreRequest,
    draft: &Draft<'_>,
    target: &Target,
    refusals: &mut Refusals,
) {
    let Some(live) = draft.live else {
        return;
    };
    let whole_table = "restore the whole table with swap: manual, and copy from it by hand";
    let mut refuse = |reason: String| {
        refusals.add(
            ErrorName::PrecheckFailed,
            draft.qualified(),
            reason,
            whole_table,
        );
    };
    if live.schema_hash != draft.table.schema_hash {
        refuse("its schema is not what it was, so single partitions cannot be put into it".into());
    }
    if live.has_temp_partitions {
        refuse("it has temporary partitions, which may overlap with those of a restore".into());
    }
    if let Err(reason) = addable::copyable(&draft.ddl) {
        refuse(format!("its rows cannot be copied: {reason}"));
    }
    // Seen to be refused in 3.3 and to work in 3.5.
    if overwrites(&draft.ddl) && target.engine < EngineLine::new(3, 5) {
        refuse(format!(
            "StarRocks {} cannot replace single partitions of an automatic table",
            target.engine
        ));
    }
    let default = Ddl::parse(&live.ddl)
        .ok()
        .and_then(|ddl| ddl.property("replication_num")?.parse().ok());
    if default.is_some_and(|default: u16| default > target.live_backends) {
        refuse(format!(
            "it gives new partitions more replicas than the {} backends that are alive",
            target.live_backends
        ));
    }
    for partition in request.wanted(draft.table) {
        if let Err(reason) = addable::addable(&draft.ddl, partition) {
            refuse_partition(draft, partition, &reason, refusals);
            continue;
        }
        if let Some(reason) = misfit(&draft.ddl, partition, live) {
            refusals.add(
                ErrorName::PrecheckFailed,
                format!("{}, partition {}", draft.qualified(), partition.name),
                reason,
                whole_table,
            );
        }
    }
}

/// Why a partition has no place in the live table.
fn misfit(ddl: &Ddl, partition: &ManifestPartition, live: &TableFacts) -> Option<String> {
    let wanted = addable::addable(ddl, partition).ok()?;
    for found in &live.partitions {
        if found.system {
            continue;
        }
        let value = Addable::parse(&found.value, ddl);
        let same_value = value.as_ref().is_ok_and(|value| *value == wanted);
        match (found.name == partition.name, same_value) {
            (true, true) | (false, false) => {}
            (true, false) => {
                return Some(format!(
                    "the live partition of that name holds {}, the label's holds {}",
                    found.value, partition.value
                ));
            }
            (false, true) => {
                return Some(format!(
                    "what it holds belongs to partition {} in the live table",
                    found.name
                ));
            }
        }
    }
    None
}

/// Which of the wanted partitions the live table has.
pub(in super::super) fn lives(draft: &Draft<'_>, partition: &PartitionName) -> bool {
    draft
        .live
        .is_some_and(|live| live.partitions.iter().any(|found| found.name == *partition))
}
