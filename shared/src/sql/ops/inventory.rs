//! `table_inventory`: named groups of tables.

use super::{OpsTable, history::AgeRow};
use crate::{
    ident::{DatabaseName, GroupName},
    sql::{FromRow, Query, Row, RowError, Sql, Statement},
};

/// A row as stored: the table is a name, or `*` for everything in the database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InventoryRow {
    pub group: String,
    pub database: String,
    pub table: String,
}

impl FromRow for InventoryRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(InventoryRow {
            group: row.text("inventory_group")?.to_owned(),
            database: row.text("database_name")?.to_owned(),
            table: row.text("table_name")?.to_owned(),
        })
    }
}

pub fn all(ops: &DatabaseName) -> Query<InventoryRow> {
    Sql::new("SELECT inventory_group, database_name, table_name FROM ")
        .ops_table(ops, OpsTable::TableInventory)
        .text(" ORDER BY inventory_group, database_name, table_name")
        .query("SELECT table_inventory")
}

pub fn of_group(ops: &DatabaseName, group: &GroupName) -> Query<InventoryRow> {
    Sql::new("SELECT inventory_group, database_name, table_name FROM ")
        .ops_table(ops, OpsTable::TableInventory)
        .text(" WHERE inventory_group = ")
        .literal(group.as_str())
        .text(" ORDER BY database_name, table_name")
        .query("SELECT table_inventory")
}

/// For each database of a group, since when it is in it. Rows of the Python tool have the time of the
/// cluster's zone, which is some hours off.
pub fn ages(ops: &DatabaseName) -> Query<AgeRow> {
    Sql::new(
        "SELECT inventory_group, database_name, \
         TIMESTAMPDIFF(MINUTE, MIN(created_at), UTC_TIMESTAMP()) AS minutes FROM ",
    )
    .ops_table(ops, OpsTable::TableInventory)
    .text(" GROUP BY inventory_group, database_name")
    .query("SELECT inventory ages")
}

/// An upsert: the key is the whole row.
pub fn insert(ops: &DatabaseName, rows: &[InventoryRow]) -> Statement {
    Sql::new("INSERT INTO ")
        .ops_table(ops, OpsTable::TableInventory)
        .text(" (inventory_group, database_name, table_name) VALUES ")
        .list(rows, ", ", |sql, row| {
            sql.text("(")
                .literals([
                    row.group.as_str(),
                    row.database.as_str(),
                    row.table.as_str(),
                ])
                .text(")")
        })
        .writes("INSERT table_inventory")
}

pub fn delete(ops: &DatabaseName, row: &InventoryRow) -> Statement {
    Sql::new("DELETE FROM ")
        .ops_table(ops, OpsTable::TableInventory)
        .text(" WHERE inventory_group = ")
        .literal(&row.group)
        .text(" AND database_name = ")
        .literal(&row.database)
        .text(" AND table_name = ")
        .literal(&row.table)
        .writes("DELETE table_inventory")
}
