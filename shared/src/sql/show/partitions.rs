//! `information_schema.partitions_meta`: what every fingerprint is made of.

use crate::{
    ident::{DatabaseName, PartitionId, PartitionName, TableName},
    sql::{FromRow, Query, Row, RowError, Sql, show::ByteSize},
};

/// One row per physical partition of every table on which the user has any privilege. The engine
/// makes the rows of all databases whatever the condition says, so one query asks for all that are
/// wanted.
pub fn partitions_meta<'a>(
    databases: impl IntoIterator<Item = &'a DatabaseName>,
) -> Query<PartitionRow> {
    Sql::new("SELECT DB_NAME, TABLE_NAME, PARTITION_NAME, PARTITION_ID, VISIBLE_VERSION,")
        .text(" VISIBLE_VERSION_TIME, NEXT_VERSION, VERSION_EPOCH, PARTITION_VALUE, BUCKETS,")
        .text(" REPLICATION_NUM, IS_TEMP, DATA_SIZE, ROW_COUNT")
        .text(" FROM information_schema.partitions_meta WHERE DB_NAME IN (")
        .literals(databases.into_iter().map(DatabaseName::as_str))
        .text(")")
        .query("SELECT partitions_meta")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionRow {
    pub database: DatabaseName,
    pub table: TableName,
    pub partition: PartitionName,
    pub partition_id: PartitionId,
    pub visible_version: i64,
    /// Part of an identity, never a clock: printed in the session's zone.
    pub visible_version_time: String,
    pub next_version: i64,
    pub version_epoch: i64,
    pub value: Box<str>,
    pub buckets: u32,
    pub replication_num: u16,
    pub temporary: bool,
    pub data_size: u64,
    pub row_count: u64,
}

impl FromRow for PartitionRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(PartitionRow {
            database: row.parse("DB_NAME")?,
            table: row.parse("TABLE_NAME")?,
            partition: row.parse("PARTITION_NAME")?,
            partition_id: PartitionId(row.parse("PARTITION_ID")?),
            visible_version: row.parse("VISIBLE_VERSION")?,
            visible_version_time: row
                .optional("VISIBLE_VERSION_TIME")?
                .unwrap_or_default()
                .to_owned(),
            next_version: row.parse("NEXT_VERSION")?,
            version_epoch: row.parse("VERSION_EPOCH")?,
            value: row.optional("PARTITION_VALUE")?.unwrap_or_default().into(),
            buckets: row.parse("BUCKETS")?,
            replication_num: row.parse("REPLICATION_NUM")?,
            temporary: row.flag("IS_TEMP")?,
            data_size: row.parse::<ByteSize>("DATA_SIZE")?.0,
            row_count: row.parse("ROW_COUNT")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement() {
        let databases: [DatabaseName; 2] = ["sales".parse().unwrap(), "crm".parse().unwrap()];
        insta::assert_snapshot!(partitions_meta(&databases), @"SELECT DB_NAME, TABLE_NAME, PARTITION_NAME, PARTITION_ID, VISIBLE_VERSION, VISIBLE_VERSION_TIME, NEXT_VERSION, VERSION_EPOCH, PARTITION_VALUE, BUCKETS, REPLICATION_NUM, IS_TEMP, DATA_SIZE, ROW_COUNT FROM information_schema.partitions_meta WHERE DB_NAME IN ('sales', 'crm')");
    }
}
