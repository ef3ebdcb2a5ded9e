//! Creating the ops database, and bringing the Python tool's tables up to date.

use super::OpsTable;
use crate::{
    ident::DatabaseName,
    sql::{FromRow, Query, Row, RowError, Sql, Statement},
};

/// A column that we add to one of the Python tool's tables, or the whole of a table of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddedColumn {
    pub name: &'static str,
    pub sql_type: &'static str,
}

const fn column(name: &'static str, sql_type: &'static str) -> AddedColumn {
    AddedColumn { name, sql_type }
}

impl OpsTable {
    /// What the Python tool's table has, as the inner part of CREATE TABLE; for a table of ours, all.
    fn columns(self) -> &'static str {
        match self {
            OpsTable::TableInventory => {
                "inventory_group STRING NOT NULL, database_name STRING NOT NULL, \
                 table_name STRING NOT NULL, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, \
                 updated_at DATETIME DEFAULT CURRENT_TIMESTAMP"
            }
            OpsTable::BackupHistory => {
                "label STRING NOT NULL, backup_type STRING NOT NULL, status STRING NOT NULL, \
                 repository STRING NOT NULL, started_at DATETIME NOT NULL, finished_at DATETIME, \
                 error_message STRING, created_at DATETIME DEFAULT CURRENT_TIMESTAMP"
            }
            OpsTable::RestoreHistory => {
                "job_id STRING NOT NULL, backup_label STRING NOT NULL, restore_type STRING NOT NULL, \
                 status STRING NOT NULL, repository STRING NOT NULL, started_at DATETIME NOT NULL, \
                 finished_at DATETIME, error_message STRING, verification_checksum STRING, \
                 created_at DATETIME DEFAULT CURRENT_TIMESTAMP"
            }
            OpsTable::RunStatus => {
                "scope STRING NOT NULL, label STRING NOT NULL, \
                 state STRING NOT NULL DEFAULT \"ACTIVE\", \
                 started_at DATETIME DEFAULT CURRENT_TIMESTAMP, finished_at DATETIME"
            }
            OpsTable::BackupPartitions => {
                "key_hash STRING NOT NULL, label STRING NOT NULL, database_name STRING NOT NULL, \
                 table_name STRING NOT NULL, partition_name STRING NOT NULL, \
                 created_at DATETIME DEFAULT CURRENT_TIMESTAMP"
            }
            OpsTable::BackupTables => {
                "key_hash STRING NOT NULL, label STRING NOT NULL, plan_id STRING NOT NULL, \
                 database_name STRING NOT NULL, object_name STRING NOT NULL, kind STRING NOT NULL, \
                 table_id BIGINT, schema_hash STRING, ddl VARCHAR(1048576), unpartitioned BOOLEAN, \
                 partitions_total BIGINT, digest STRING, skipped_reason STRING, \
                 created_at DATETIME DEFAULT CURRENT_TIMESTAMP"
            }
            OpsTable::RestoreSteps => {
                "restore_id STRING NOT NULL, step_number BIGINT NOT NULL, kind STRING NOT NULL, \
                 step VARCHAR(1048576) NOT NULL, digest STRING NOT NULL, live_table_id BIGINT, \
                 staged_table_id BIGINT, attempt INT NOT NULL DEFAULT \"0\", state STRING NOT NULL, \
                 detail STRING, started_at DATETIME, finished_at DATETIME, \
                 created_at DATETIME DEFAULT CURRENT_TIMESTAMP"
            }
        }
    }

    /// Columns that we add to the Python tool's table; nullable, one ALTER per table.
    pub fn added_columns(self) -> &'static [AddedColumn] {
        match self {
            OpsTable::BackupHistory => {
                const {
                    &[
                        column("execution_id", "STRING"),
                        column("inventory_group", "STRING"),
                        column("database_name", "STRING"),
                        column("cluster_id", "STRING"),
                        column("baseline_label", "STRING"),
                        column("plan_id", "STRING"),
                        column("plan_digest", "STRING"),
                        column("snapshot_timestamp", "STRING"),
                        column("cut", "STRING"),
                        column("planned_at", "DATETIME"),
                        column("pinned_at", "DATETIME"),
                        column("partitions_total", "BIGINT"),
                        column("partitions_stored", "BIGINT"),
                        column("bytes_stored", "BIGINT"),
                        column("rows_total", "BIGINT"),
                        column("retention_class", "STRING"),
                        column("expires_at", "DATETIME"),
                        column("held", "BOOLEAN"),
                        column("manifest_uri", "STRING"),
                        column("engine_version", "STRING"),
                        column("second_reading", "VARCHAR(1048576)"),
                        column("row_counts", "VARCHAR(1048576)"),
                    ]
                }
            }
            OpsTable::BackupPartitions => {
                const {
                    &[
                        column("plan_id", "STRING"),
                        column("table_id", "BIGINT"),
                        column("fingerprint", "STRING"),
                        column("stored_in", "STRING"),
                        column("partition_value", "VARCHAR(1048576)"),
                        column("buckets", "INT"),
                        column("replication_num", "INT"),
                        column("row_count", "BIGINT"),
                        column("data_size", "BIGINT"),
                        column("system", "BOOLEAN"),
                    ]
                }
            }
            OpsTable::RunStatus => {
                const {
                    &[
                        column("execution_id", "STRING"),
                        column("invocation_id", "STRING"),
                        column("database_name", "STRING"),
                        column("generation", "BIGINT"),
                        column("phase", "STRING"),
                        column("expires_at", "DATETIME"),
                        column("plan_id", "STRING"),
                        column("progress_digest", "STRING"),
                        column("progress_since", "DATETIME"),
                    ]
                }
            }
            OpsTable::RestoreHistory => {
                const {
                    &[
                        column("execution_id", "STRING"),
                        column("target_label", "STRING"),
                        column("scope", "STRING"),
                        column("plan", "VARCHAR(1048576)"),
                        column("kind", "STRING"),
                        column("state", "STRING"),
                        column("rows_verified", "BIGINT"),
                    ]
                }
            }
            OpsTable::TableInventory | OpsTable::BackupTables | OpsTable::RestoreSteps => &[],
        }
    }

    fn key(self) -> &'static str {
        match self {
            OpsTable::TableInventory => "UNIQUE KEY (inventory_group, database_name, table_name)",
            OpsTable::BackupHistory => "PRIMARY KEY (label)",
            OpsTable::RestoreHistory => "PRIMARY KEY (job_id)",
            OpsTable::RunStatus => "PRIMARY KEY (scope, label)",
            OpsTable::BackupPartitions | OpsTable::BackupTables => "PRIMARY KEY (key_hash)",
            OpsTable::RestoreSteps => "PRIMARY KEY (restore_id, step_number)",
        }
    }

    fn distribution(self) -> &'static str {
        match self {
            OpsTable::TableInventory => "inventory_group",
            OpsTable::BackupHistory => "label",
            OpsTable::RestoreHistory => "job_id",
            OpsTable::RunStatus => "scope, label",
            OpsTable::BackupPartitions | OpsTable::BackupTables => "key_hash",
            OpsTable::RestoreSteps => "restore_id",
        }
    }
}

pub fn create_database(ops: &DatabaseName) -> Statement {
    Sql::new("CREATE DATABASE IF NOT EXISTS ")
        .name(ops)
        .writes("CREATE DATABASE")
}

/// A new table has all columns at once. `replication_num` must not exceed the live backends, or the
/// statement is refused on a small cluster.
pub fn create_table(
    ops: &DatabaseName,
    table: OpsTable,
    replication_num: u16,
    buckets: u32,
) -> Statement {
    let sql = Sql::new("CREATE TABLE IF NOT EXISTS ")
        .ops_table(ops, table)
        .text(" (");
    let sql = sql.text(table.columns());
    table
        .added_columns()
        .iter()
        .fold(sql, |sql, column| {
            sql.text(", `")
                .text(column.name)
                .text("` ")
                .text(column.sql_type)
        })
        .text(") ")
        .text(table.key())
        .text(" DISTRIBUTED BY HASH(")
        .text(table.distribution())
        .text(") BUCKETS ")
        .number(buckets)
        .text(" PROPERTIES ")
        .properties([("replication_num", replication_num.to_string().as_str())])
        .writes("CREATE TABLE")
}

/// One ALTER for all columns that are missing: each ALTER may be a job of its own.
pub fn add_columns(ops: &DatabaseName, table: OpsTable, columns: &[AddedColumn]) -> Statement {
    Sql::new("ALTER TABLE ")
        .ops_table(ops, table)
        .text(" ADD COLUMN (")
        .list(columns, ", ", |sql, column| {
            sql.text("`")
                .text(column.name)
                .text("` ")
                .text(column.sql_type)
                .text(" NULL")
        })
        .text(")")
        .writes("ALTER TABLE")
}

/// One column of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRow {
    pub table: String,
    pub column: String,
}

impl FromRow for ColumnRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(ColumnRow {
            table: row.text("TABLE_NAME")?.to_owned(),
            column: row.text("COLUMN_NAME")?.to_owned(),
        })
    }
}

/// Every column of the ops database: what tells an empty cluster, the Python tool's tables and ours
/// apart.
pub fn columns(ops: &DatabaseName) -> Query<ColumnRow> {
    Sql::new("SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.columns WHERE TABLE_SCHEMA = ")
        .literal(ops.as_str())
        .query("SELECT columns")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ops() -> DatabaseName {
        "ops".parse().unwrap()
    }

    #[test]
    fn run_status_is_the_python_tools_with_ours_added() {
        insta::assert_snapshot!(create_table(&ops(), OpsTable::RunStatus, 1, 1).text(), @r#"CREATE TABLE IF NOT EXISTS `ops`.`run_status` (scope STRING NOT NULL, label STRING NOT NULL, state STRING NOT NULL DEFAULT "ACTIVE", started_at DATETIME DEFAULT CURRENT_TIMESTAMP, finished_at DATETIME, `execution_id` STRING, `invocation_id` STRING, `database_name` STRING, `generation` BIGINT, `phase` STRING, `expires_at` DATETIME, `plan_id` STRING, `progress_digest` STRING, `progress_since` DATETIME) PRIMARY KEY (scope, label) DISTRIBUTED BY HASH(scope, label) BUCKETS 1 PROPERTIES ("replication_num" = "1")"#);
    }

    #[test]
    fn missing_columns_are_added_in_one_statement() {
        let columns = OpsTable::RestoreHistory.added_columns();
        insta::assert_snapshot!(add_columns(&ops(), OpsTable::RestoreHistory, columns).text(), @"ALTER TABLE `ops`.`restore_history` ADD COLUMN (`execution_id` STRING NULL, `target_label` STRING NULL, `scope` STRING NULL, `plan` VARCHAR(1048576) NULL, `kind` STRING NULL, `state` STRING NULL, `rows_verified` BIGINT NULL)");
    }
}
