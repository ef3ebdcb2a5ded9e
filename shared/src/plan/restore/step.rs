//! The vocabulary of a restore: what is done, by reference to the manifest.
//!
//! A step is stored as small JSON and executed as stored. It names a label and a table, or a range of
//! the ordered manifest, never a list that the manifest already holds; the statements are derived from
//! manifest and step again when they are sent, and their digest is compared with the stored one.

use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    ident::{DatabaseName, TableId, TableName},
    label::SnapshotLabel,
};

/// A table of a manifest of this restore.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableRef {
    /// The label that is restored, which is not always the one whose snapshot holds the data.
    pub label: SnapshotLabel,
    pub table: TableName,
}

/// Which of a table's names is meant. The names themselves follow from the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// `t`: the name that people use.
    Live,
    /// `t{suffix}`: beside the live table.
    Staged,
    /// `t{suffix}_inc`, `t{suffix}_inc2` ...: what another snapshot holds of the table.
    Helper(u8),
    /// `t_before_{stamp}`: what lived under the name before this restore.
    Before,
    /// `t_undone_{stamp}`: what an undo took away again.
    Undone,
}

/// A range of the partitions that one snapshot holds of a table, in the order of the manifest and
/// without the system partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRange {
    pub snapshot: SnapshotLabel,
    pub from: u32,
    pub to: u32,
}

impl PartitionRange {
    pub fn len(&self) -> usize {
        self.to.saturating_sub(self.from) as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A range of the ordered tables of a manifest, all restored under the same kind of name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRange {
    pub from: u32,
    pub to: u32,
    pub slot: Slot,
    /// The statement makes these tables. An automatic table is then restored with its hidden
    /// partition, without which it would refuse new periods.
    pub creates: bool,
}

/// A policy of a table that drops partitions by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// `dynamic_partition.enable`
    DynamicPartition,
    /// `partition_live_number`
    LiveNumber,
    /// `partition_ttl`
    Ttl,
    /// `partition_retention_condition`
    Retention,
}

/// How copied rows enter the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyMode {
    /// Into partitions of the same names, which are empty.
    Append,
    /// Into the temporary partitions that stand for them.
    Temporary,
    /// INSERT OVERWRITE: replaces the content of the partitions in one go.
    Overwrite,
}

/// When a step may run. All tables verify before the first live name is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Beside the live data.
    Build,
    Verify,
    /// Changes what people see.
    Promote,
    /// After the last table is in place.
    Finish,
    /// Takes back what was promoted. Planned when it is asked for.
    Undo,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// By name and before any RESTORE: a mistyped RESTORE makes databases by itself.
    CreateDatabase { database: DatabaseName },
    /// One RESTORE statement.
    RestoreSnapshot {
        database: DatabaseName,
        label: SnapshotLabel,
        /// The label whose snapshot is read.
        snapshot: SnapshotLabel,
        tables: Vec<TableRange>,
        replication_num: u16,
        timeout_seconds: u32,
    },
    /// From its DDL: no snapshot holds a table that had no partition.
    CreateTable {
        table: TableRef,
        slot: Slot,
        replication_num: u16,
    },
    /// Switches off what drops partitions by itself.
    HoldPartitions {
        table: TableRef,
        slot: Slot,
        policies: Vec<Policy>,
    },
    /// The same for a restored table whose definition is not on record: whatever its own definition
    /// says when it is there.
    HoldWhatDrops { table: TableRef, slot: Slot },
    /// The same for the table that has the live name, and for no other. What its policies were set to
    /// is kept: it gets that back.
    HoldLive { table: TableRef, live_id: TableId },
    AddPartitions {
        table: TableRef,
        slot: Slot,
        partitions: PartitionRange,
        temporary: bool,
    },
    /// One INSERT ... SELECT, run as a task.
    CopyPartitions {
        table: TableRef,
        from: Slot,
        to: Slot,
        partitions: PartitionRange,
        mode: CopyMode,
    },
    /// Only a table that this restore made, told by its id.
    DropTable { table: TableRef, slot: Slot },
    /// What new partitions of the table get.
    SetDefaultReplication {
        table: TableRef,
        slot: Slot,
        replication_num: u16,
    },
    /// For the partitions whose number of replicas is not the table's: all whose recorded number,
    /// capped, is this one.
    AlterReplication {
        table: TableRef,
        slot: Slot,
        replication_num: u16,
        cap: u16,
    },
    /// Sets what a restored table lost and can get back: colocation, unique and foreign keys.
    ReapplyProperties { table: TableRef, slot: Slot },
    /// Holds partitions and rows against the manifest.
    Verify {
        table: TableRef,
        slot: Slot,
        /// Only what this snapshot holds, where the slot is to hold no more; else all that is wanted.
        snapshot: Option<SnapshotLabel>,
    },
    /// The live name changes hands in one go. Judged by ids: sent twice it would undo itself.
    Swap {
        table: TableRef,
        with: Slot,
        /// The table that has the live name before it.
        live_id: TableId,
        /// The table that has it afterwards; `None`: the one that this restore made.
        with_id: Option<TableId>,
    },
    Rename {
        table: TableRef,
        from: Slot,
        to: Slot,
        /// The table that is renamed; `None`: the one that this restore made.
        id: Option<TableId>,
    },
    /// `REPLACE PARTITION p WITH TEMPORARY PARTITION ...` on the live table.
    ReplacePartitions {
        table: TableRef,
        partitions: PartitionRange,
    },
    /// Undo of a splice: temporary partitions of the live table that a broken restore left.
    DropTemporaryPartitions {
        table: TableRef,
        partitions: PartitionRange,
    },
    /// Undo of a splice for partitions that the live table did not have.
    DropPartitions {
        table: TableRef,
        partitions: PartitionRange,
    },
    /// Switches policies on again that would drop no restored partition then, each with the value it
    /// had.
    ResumePartitions {
        table: TableRef,
        slot: Slot,
        /// Besides those that a [`Step::HoldLive`] found.
        policies: Vec<(Policy, String)>,
        /// The table that has them; `None`: the one that this restore made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        live_id: Option<TableId>,
    },
    /// Undo: the table that lives again is as it was before it was held.
    GiveBackPolicies {
        table: TableRef,
        policies: Vec<(Policy, String)>,
        live_id: TableId,
    },
    /// A view, materialized view or function that the target lacks: its place in the manifest.
    RecreateObject { label: SnapshotLabel, object: u32 },
    /// Something that a person must know or do, said again at the end.
    Report { text: String },
}

/// A step with its place in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// From 1, in the order of execution.
    pub number: u32,
    pub phase: Phase,
    pub step: Step,
}

impl PlannedStep {
    /// Of the column as it is stored; `number` is the step's.
    pub fn parse(text: &str, number: u64) -> Result<PlannedStep, Error> {
        serde_json::from_str(text).map_err(|error| {
            Error::internal(format!(
                "restore step {number} is not JSON of a step: {error}"
            ))
        })
    }
}

impl Step {
    /// The table that the step is about, if it is about one.
    pub fn table(&self) -> Option<&TableRef> {
        match self {
            Step::CreateTable { table, .. }
            | Step::HoldPartitions { table, .. }
            | Step::HoldWhatDrops { table, .. }
            | Step::HoldLive { table, .. }
            | Step::AddPartitions { table, .. }
            | Step::CopyPartitions { table, .. }
            | Step::DropTable { table, .. }
            | Step::SetDefaultReplication { table, .. }
            | Step::AlterReplication { table, .. }
            | Step::ReapplyProperties { table, .. }
            | Step::Verify { table, .. }
            | Step::Swap { table, .. }
            | Step::Rename { table, .. }
            | Step::ReplacePartitions { table, .. }
            | Step::DropTemporaryPartitions { table, .. }
            | Step::DropPartitions { table, .. }
            | Step::ResumePartitions { table, .. }
            | Step::GiveBackPolicies { table, .. } => Some(table),
            Step::CreateDatabase { .. }
            | Step::RestoreSnapshot { .. }
            | Step::RecreateObject { .. }
            | Step::Report { .. } => None,
        }
    }

    /// The name of the step in logs and in the column that stores it.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::CreateDatabase { .. } => "create_database",
            Step::RestoreSnapshot { .. } => "restore_snapshot",
            Step::CreateTable { .. } => "create_table",
            Step::HoldPartitions { .. } => "hold_partitions",
            Step::HoldWhatDrops { .. } => "hold_what_drops",
            Step::HoldLive { .. } => "hold_live",
            Step::AddPartitions { .. } => "add_partitions",
            Step::CopyPartitions { .. } => "copy_partitions",
            Step::DropTable { .. } => "drop_table",
            Step::SetDefaultReplication { .. } => "set_default_replication",
            Step::AlterReplication { .. } => "alter_replication",
            Step::ReapplyProperties { .. } => "reapply_properties",
            Step::Verify { .. } => "verify",
            Step::Swap { .. } => "swap",
            Step::Rename { .. } => "rename",
            Step::ReplacePartitions { .. } => "replace_partitions",
            Step::DropTemporaryPartitions { .. } => "drop_temporary_partitions",
            Step::DropPartitions { .. } => "drop_partitions",
            Step::ResumePartitions { .. } => "resume_partitions",
            Step::GiveBackPolicies { .. } => "give_back_policies",
            Step::RecreateObject { .. } => "recreate_object",
            Step::Report { .. } => "report",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_small_and_come_back() {
        let step = Step::RestoreSnapshot {
            database: "sales".parse().unwrap(),
            label: "sales_20260301_inc".parse().unwrap(),
            snapshot: "sales_20260222_full".parse().unwrap(),
            tables: vec![TableRange {
                from: 0,
                to: 500,
                slot: Slot::Helper(1),
                creates: true,
            }],
            replication_num: 3,
            timeout_seconds: 86_400,
        };
        let json = serde_json::to_string(&step).unwrap();
        insta::assert_snapshot!(json, @r#"{"restore_snapshot":{"database":"sales","label":"sales_20260301_inc","snapshot":"sales_20260222_full","tables":[{"from":0,"to":500,"slot":{"helper":1},"creates":true}],"replication_num":3,"timeout_seconds":86400}}"#);
        assert_eq!(serde_json::from_str::<Step>(&json).unwrap(), step);
    }

    #[test]
    fn unknown_steps_and_fields_are_refused() {
        for json in [
            r#"{"explode":{}}"#,
            r#"{"create_database":{"database":"a","force":true}}"#,
            r#"{"create_database":{"database":"a`b"}}"#,
        ] {
            assert!(serde_json::from_str::<Step>(json).is_err(), "{json}");
        }
    }
}
