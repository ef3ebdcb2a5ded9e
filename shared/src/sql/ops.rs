//! DDL and DML of the ops tables.
//!
//! The first five tables are those of the Python tool of the same name: their columns keep names,
//! types and meaning, so that both read the same tables. What is added is nullable.

pub mod history;
pub mod inventory;
pub mod manifest;
pub mod run_status;
pub mod schema;
pub mod steps;
#[cfg(test)]
mod tests;

use crate::{
    ident::{DatabaseName, TableName},
    sql::Sql,
};

/// Every table of the ops database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpsTable {
    TableInventory,
    BackupHistory,
    RestoreHistory,
    RunStatus,
    BackupPartitions,
    BackupTables,
    RestoreSteps,
}

impl OpsTable {
    pub const ALL: [OpsTable; 7] = [
        OpsTable::TableInventory,
        OpsTable::BackupHistory,
        OpsTable::RestoreHistory,
        OpsTable::RunStatus,
        OpsTable::BackupPartitions,
        OpsTable::BackupTables,
        OpsTable::RestoreSteps,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            OpsTable::TableInventory => "table_inventory",
            OpsTable::BackupHistory => "backup_history",
            OpsTable::RestoreHistory => "restore_history",
            OpsTable::RunStatus => "run_status",
            OpsTable::BackupPartitions => "backup_partitions",
            OpsTable::BackupTables => "backup_tables",
            OpsTable::RestoreSteps => "restore_steps",
        }
    }

    pub fn name(self) -> TableName {
        self.as_str().parse().expect("the names above are legal")
    }
}

impl Sql {
    /// `` `ops`.`table` ``
    pub fn ops_table(self, ops: &DatabaseName, table: OpsTable) -> Sql {
        self.qualified(ops, &table.name())
    }
}
