//! `backup_tables` and `backup_partitions`: the rows of a manifest.
//!
//! `key_hash` of our rows is MD5 of `br|plan|label|database|...`. The prefix keeps them apart from the
//! Python tool's, which hashes without it. The plan is part of it because a manifest that differs from
//! what was planned is written beside the planned one, and the history row then points to it: there is
//! no transaction over several statements, so nothing is ever rewritten in place.

use std::sync::Arc;

use md5::{Digest as _, Md5};

use super::OpsTable;
use crate::{
    ident::{DatabaseName, PlanId, TableId, TableName},
    label::SnapshotLabel,
    manifest::{Manifest, ManifestPartition, ManifestTable},
    sql::{FromRow, Query, Row, RowError, Sql, Statement},
};

/// StarRocks refuses more rows in one VALUES list (`expr_children_limit`).
pub const MAX_ROWS_PER_INSERT: usize = 10_000;

fn key_hash(parts: &[&str]) -> String {
    hex::encode(Md5::digest(format!("br|{}", parts.join("|"))))
}

/// The tables and objects of a manifest, in statements of at most 1,000 rows: each carries its DDL.
pub fn insert_tables(ops: &DatabaseName, manifest: &Manifest) -> Vec<Statement> {
    const ROWS: usize = 1_000;
    let head = || {
        Sql::new("INSERT INTO ").ops_table(ops, OpsTable::BackupTables).text(
            " (key_hash, label, plan_id, database_name, object_name, kind, table_id, schema_hash, \
             ddl, unpartitioned, partitions_total, digest, skipped_reason) VALUES ",
        )
    };
    let common = |sql: Sql, kind: &str, name: &TableName| {
        let label = manifest.label.as_str();
        let database = manifest.database.as_str();
        sql.text("(")
            .literals([
                key_hash(&[
                    manifest.plan_id.as_str(),
                    label,
                    database,
                    kind,
                    name.as_str(),
                ])
                .as_str(),
                label,
                manifest.plan_id.as_str(),
                database,
                name.as_str(),
                kind,
            ])
            .text(", ")
    };
    let tables = manifest.tables.chunks(ROWS).map(|tables| {
        head()
            .list(tables, ", ", |sql, table| {
                common(sql, "table", &table.table)
                    .number(table.table_id.0)
                    .text(", ")
                    .literals([&*table.schema_hash.to_string(), &table.ddl])
                    .text(if table.unpartitioned {
                        ", TRUE, "
                    } else {
                        ", FALSE, "
                    })
                    .number(table.partitions.len() as u64)
                    .text(", ")
                    .literal(&table.digest().to_string())
                    .text(", NULL)")
            })
            .writes("INSERT backup_tables")
    });
    let objects = manifest.objects.chunks(ROWS).map(|objects| {
        head()
            .list(objects, ", ", |sql, object| {
                common(sql, object.kind.as_str(), &object.name)
                    .text("NULL, NULL, ")
                    .literal(&object.ddl)
                    .text(", NULL, NULL, NULL, ")
                    .literal_or_null(object.skipped_reason.as_deref())
                    .text(")")
            })
            .writes("INSERT backup_tables")
    });
    tables.chain(objects).collect()
}

/// The partitions of a manifest, 10,000 rows to a statement, in the manifest's order.
pub fn insert_partitions(
    ops: &DatabaseName,
    manifest: &Manifest,
) -> impl Iterator<Item = Statement> {
    let rows: Vec<PartitionOf<'_>> = manifest
        .tables
        .iter()
        .flat_map(|table| {
            table
                .partitions
                .iter()
                .map(move |partition| (table, partition))
        })
        .collect();
    let statements = rows.len().div_ceil(MAX_ROWS_PER_INSERT);
    (0..statements).map(move |number| {
        let from = number * MAX_ROWS_PER_INSERT;
        let to = rows.len().min(from + MAX_ROWS_PER_INSERT);
        insert_partition_rows(ops, manifest, &rows[from..to])
    })
}

type PartitionOf<'a> = (&'a ManifestTable, &'a ManifestPartition);

fn insert_partition_rows(
    ops: &DatabaseName,
    manifest: &Manifest,
    rows: &[PartitionOf<'_>],
) -> Statement {
    let plan = manifest.plan_id.as_str();
    let label = manifest.label.as_str();
    let database = manifest.database.as_str();
    Sql::new("INSERT INTO ")
        .ops_table(ops, OpsTable::BackupPartitions)
        .text(
            " (key_hash, label, database_name, table_name, partition_name, plan_id, table_id, \
             fingerprint, stored_in, partition_value, buckets, replication_num, row_count, \
             data_size, `system`) VALUES ",
        )
        .list(rows, ", ", |sql, (table, partition)| {
            let name = partition.name.as_str();
            sql.text("(")
                .literals([
                    key_hash(&[plan, label, database, table.table.as_str(), name]).as_str(),
                    label,
                    database,
                    table.table.as_str(),
                    name,
                    plan,
                ])
                .text(", ")
                .number(table.table_id.0)
                .text(", ")
                .literal_or_null(
                    partition
                        .fingerprint
                        .map(|print| print.to_string())
                        .as_deref(),
                )
                .text(", ")
                .literals([partition.stored_in.as_str(), &partition.value])
                .text(", ")
                .number(partition.buckets)
                .text(", ")
                .number(partition.replication_num)
                .text(", ")
                .number_or_null(partition.row_count)
                .text(", ")
                .number(partition.data_size)
                .text(if partition.system {
                    ", TRUE)"
                } else {
                    ", FALSE)"
                })
        })
        .writes("INSERT backup_partitions")
}

/// Rows of a plan that nobody can rely on any more: before a manifest is written again.
pub fn delete_partitions(ops: &DatabaseName, label: &SnapshotLabel, plan: &PlanId) -> Statement {
    delete(ops, OpsTable::BackupPartitions, label, plan)
}

pub fn delete_tables(ops: &DatabaseName, label: &SnapshotLabel, plan: &PlanId) -> Statement {
    delete(ops, OpsTable::BackupTables, label, plan)
}

fn delete(ops: &DatabaseName, table: OpsTable, label: &SnapshotLabel, plan: &PlanId) -> Statement {
    Sql::new("DELETE FROM ")
        .ops_table(ops, table)
        .text(" WHERE label = ")
        .literal(label.as_str())
        .text(" AND plan_id = ")
        .literal(plan.as_str())
        .writes("DELETE manifest")
}

/// How many rows of a plan can be read.
pub fn count_partitions(ops: &DatabaseName, plan: &PlanId) -> Query<CountRow> {
    count(ops, OpsTable::BackupPartitions, plan)
}

pub fn count_tables(ops: &DatabaseName, plan: &PlanId) -> Query<CountRow> {
    count(ops, OpsTable::BackupTables, plan)
}

fn count(ops: &DatabaseName, table: OpsTable, plan: &PlanId) -> Query<CountRow> {
    Sql::new("SELECT COUNT(*) AS n FROM ")
        .ops_table(ops, table)
        .text(" WHERE plan_id = ")
        .literal(plan.as_str())
        .query("SELECT count")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountRow(pub u64);

impl FromRow for CountRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(CountRow(row.parse("n")?))
    }
}

/// A row of `backup_tables`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    pub name: TableName,
    pub kind: String,
    pub table_id: Option<i64>,
    pub schema_hash: Option<String>,
    pub ddl: String,
    pub unpartitioned: Option<bool>,
    pub skipped_reason: Option<String>,
}

impl FromRow for ObjectRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        let unpartitioned = row
            .optional("unpartitioned")?
            .map(|_| row.flag("unpartitioned"));
        Ok(ObjectRow {
            name: row.parse("object_name")?,
            kind: row.text("kind")?.to_owned(),
            table_id: row.parse_optional("table_id")?,
            schema_hash: row.optional("schema_hash")?.map(str::to_owned),
            ddl: row.optional("ddl")?.unwrap_or_default().to_owned(),
            unpartitioned: unpartitioned.transpose()?,
            skipped_reason: row.optional("skipped_reason")?.map(str::to_owned),
        })
    }
}

pub fn tables(ops: &DatabaseName, plan: &PlanId) -> Query<ObjectRow> {
    Sql::new(
        "SELECT object_name, kind, table_id, schema_hash, ddl, unpartitioned, skipped_reason FROM ",
    )
    .ops_table(ops, OpsTable::BackupTables)
    .text(" WHERE plan_id = ")
    .literal(plan.as_str())
    .text(" ORDER BY kind, object_name")
    .query("SELECT backup_tables")
}

/// A row of `backup_partitions`.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionRow {
    pub table: TableName,
    pub table_id: TableId,
    pub partition: ManifestPartition,
}

impl FromRow for PartitionRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(PartitionRow {
            table: row.parse("table_name")?,
            table_id: TableId(row.parse("table_id")?),
            partition: ManifestPartition {
                name: row.parse("partition_name")?,
                fingerprint: row.parse_optional("fingerprint")?,
                stored_in: Arc::new(row.parse("stored_in")?),
                system: row.flag("system")?,
                value: row.optional("partition_value")?.unwrap_or_default().into(),
                buckets: row.parse("buckets")?,
                replication_num: row.parse("replication_num")?,
                row_count: row.parse_optional("row_count")?,
                data_size: row.parse("data_size")?,
            },
        })
    }
}

pub fn partitions(ops: &DatabaseName, plan: &PlanId) -> Query<PartitionRow> {
    Sql::new(
        "SELECT table_name, table_id, partition_name, fingerprint, stored_in, partition_value, \
         buckets, replication_num, row_count, data_size, `system` FROM ",
    )
    .ops_table(ops, OpsTable::BackupPartitions)
    .text(" WHERE plan_id = ")
    .literal(plan.as_str())
    .query("SELECT backup_partitions")
}

/// What the Python tool recorded of a label: names only, one row per partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BarePartitionRow {
    pub database: DatabaseName,
    pub table: TableName,
    pub partition: String,
}

impl FromRow for BarePartitionRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(BarePartitionRow {
            database: row.parse("database_name")?,
            table: row.parse("table_name")?,
            partition: row.text("partition_name")?.to_owned(),
        })
    }
}

pub fn bare_partitions(ops: &DatabaseName, label: &SnapshotLabel) -> Query<BarePartitionRow> {
    Sql::new("SELECT database_name, table_name, partition_name FROM ")
        .ops_table(ops, OpsTable::BackupPartitions)
        .text(" WHERE plan_id IS NULL AND label = ")
        .literal(label.as_str())
        .text(" ORDER BY database_name, table_name, partition_name")
        .query("SELECT backup_partitions")
}
