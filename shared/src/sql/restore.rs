//! RESTORE and CANCEL RESTORE, and what puts a restored table in its place.

use std::{num::NonZeroU16, time::Duration};

use crate::{
    ident::{DatabaseName, PartitionName, QualifiedTable, RepositoryName, TableName},
    label::SnapshotLabel,
    sql::{EmptyList, Sql, Statement, backup::job_timeout},
    time::SnapshotTimestamp,
};

/// One RESTORE: everything of one snapshot that goes to one database with one replication number.
#[derive(Debug, Clone)]
pub struct Restore<'a> {
    /// Where the tables go. It must exist: from 3.4 on a mistyped name makes a database.
    pub target: &'a DatabaseName,
    pub label: &'a SnapshotLabel,
    pub repository: &'a RepositoryName,
    pub timestamp: &'a SnapshotTimestamp,
    pub objects: &'a [RestoreObject<'a>],
    /// Without it the engine takes its default of 3. Zero would hang in PENDING.
    pub replication_num: NonZeroU16,
    pub timeout: Duration,
}

#[derive(Debug, Clone, Copy)]
pub struct RestoreObject<'a> {
    /// As it is called in the snapshot.
    pub table: &'a TableName,
    /// `None`: everything the snapshot holds of an unpartitioned table.
    pub partitions: Option<&'a [PartitionName]>,
    /// A table that does not exist yet; into an existing one an alias cannot be restored.
    pub alias: Option<&'a TableName>,
}

/// In the form that every version from 3.3 on understands: the database before the label is the
/// target, whatever database the snapshot was made of.
pub fn restore(restore: &Restore<'_>) -> Result<Statement, EmptyList> {
    if restore.objects.is_empty() {
        return Err(EmptyList { of: "RESTORE" });
    }
    let mut sql = Sql::new("RESTORE SNAPSHOT ")
        .qualified(restore.target, restore.label)
        .text("\nFROM ")
        .name(restore.repository)
        .text("\nON (\n  ");
    for (index, object) in restore.objects.iter().enumerate() {
        if index > 0 {
            sql = sql.text(",\n  ");
        }
        sql = sql.name(object.table).partition_list(object.partitions)?;
        if let Some(alias) = object.alias {
            sql = sql.text(" AS ").name(alias);
        }
    }
    Ok(sql
        .text("\n)\nPROPERTIES ")
        .properties([
            ("backup_timestamp", restore.timestamp.as_str()),
            ("replication_num", &restore.replication_num.to_string()),
            ("timeout", &job_timeout(restore.timeout)),
        ])
        .writes("RESTORE"))
}

/// Only before COMMIT: from then on a cancel can leave data unreadable.
pub fn cancel_restore(database: &DatabaseName) -> Statement {
    Sql::new("CANCEL RESTORE FROM ")
        .name(database)
        .writes("CANCEL RESTORE")
}

/// Exchanges two tables of a database in one step. Sent twice it undoes itself, and a table that is
/// being restored never becomes NORMAL again: look at ids and states first.
pub fn swap(table: &QualifiedTable, with: &TableName) -> Statement {
    Sql::new("ALTER TABLE ")
        .table(table)
        .text(" SWAP WITH ")
        .name(with)
        .writes("SWAP")
}

pub fn rename(table: &QualifiedTable, new_name: &TableName) -> Statement {
    Sql::new("ALTER TABLE ")
        .table(table)
        .text(" RENAME ")
        .name(new_name)
        .writes("RENAME")
}

/// For good: not even the recycle bin keeps it. Look at the table's id first.
pub fn drop_table(table: &QualifiedTable) -> Statement {
    Sql::new("DROP TABLE IF EXISTS ")
        .table(table)
        .text(" FORCE")
        .writes("DROP TABLE")
}

/// Fails if the database exists: only then is it known to be ours.
pub fn create_database(database: &DatabaseName) -> Statement {
    Sql::new("CREATE DATABASE ")
        .name(database)
        .writes("CREATE DATABASE")
}

/// A database that this restore made, with all that is in it.
pub fn drop_database(database: &DatabaseName) -> Statement {
    Sql::new("DROP DATABASE IF EXISTS ")
        .name(database)
        .text(" FORCE")
        .writes("DROP DATABASE")
}

/// DDL as the engine printed it, run in the database that the session stands in.
pub fn create_from_ddl(ddl: &str) -> Statement {
    Sql::new("").engine_text(ddl).writes("CREATE")
}

/// An empty table with the columns, partitions and properties of another.
pub fn create_like(table: &QualifiedTable, like: &QualifiedTable) -> Statement {
    Sql::new("CREATE TABLE ")
        .table(table)
        .text(" LIKE ")
        .table(like)
        .writes("CREATE TABLE LIKE")
}

pub fn set_properties<'a>(
    table: &QualifiedTable,
    properties: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Statement {
    Sql::new("ALTER TABLE ")
        .table(table)
        .text(" SET ")
        .properties(properties)
        .writes("ALTER TABLE SET")
}

/// SET alone is refused for a property that partitions have of their own.
pub fn set_partition_properties<'a>(
    table: &QualifiedTable,
    partitions: &[PartitionName],
    properties: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Statement, EmptyList> {
    if partitions.is_empty() {
        return Err(EmptyList { of: "PARTITION" });
    }
    Ok(Sql::new("ALTER TABLE ")
        .table(table)
        .text(" MODIFY PARTITION (")
        .names(partitions)
        .text(") SET ")
        .properties(properties)
        .writes("ALTER TABLE MODIFY PARTITION"))
}

/// After a SWAP a materialized view over the table is inactive.
pub fn activate_materialized_view(view: &QualifiedTable) -> Statement {
    Sql::new("ALTER MATERIALIZED VIEW ")
        .table(view)
        .text(" ACTIVE")
        .writes("ALTER MATERIALIZED VIEW")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> TableName {
        name.parse().unwrap()
    }

    fn qualified(name: &str) -> QualifiedTable {
        QualifiedTable::new(&"sales".parse().unwrap(), &table(name))
    }

    fn statement(objects: &[RestoreObject<'_>]) -> Result<Statement, EmptyList> {
        restore(&Restore {
            target: &"sales".parse().unwrap(),
            label: &"sales_20260301_full".parse().unwrap(),
            repository: &"nightly".parse().unwrap(),
            timestamp: &"2026-03-01-04-00-00-123".parse().unwrap(),
            objects,
            replication_num: NonZeroU16::MIN,
            timeout: Duration::from_secs(86_400),
        })
    }

    #[test]
    fn restore_names_everything() {
        let partitions = ["p1".parse().unwrap(), "p2".parse().unwrap()];
        let (orders, dim) = (table("orders"), table("dim"));
        let (orders_restored, odd) = (table("orders_restored"), table("it's"));
        let objects = [
            RestoreObject {
                table: &orders,
                partitions: Some(&partitions),
                alias: Some(&orders_restored),
            },
            RestoreObject {
                table: &dim,
                partitions: None,
                alias: Some(&odd),
            },
        ];
        insta::assert_snapshot!(statement(&objects).unwrap(), @r#"
        RESTORE SNAPSHOT `sales`.`sales_20260301_full`
        FROM `nightly`
        ON (
          `orders` PARTITION (`p1`, `p2`) AS `orders_restored`,
          `dim` AS `it's`
        )
        PROPERTIES ("backup_timestamp" = "2026-03-01-04-00-00-123", "replication_num" = "1", "timeout" = "86400")
        "#);
    }

    #[test]
    fn an_empty_list_is_refused() {
        assert!(statement(&[]).is_err());
        let dim = table("dim");
        let object = RestoreObject {
            table: &dim,
            partitions: Some(&[]),
            alias: None,
        };
        assert!(statement(&[object]).is_err());
        assert!(set_partition_properties(&qualified("t"), &[], []).is_err());
    }

    #[test]
    fn statements() {
        let database: DatabaseName = "sales_drill".parse().unwrap();
        let orders = qualified("orders");
        insta::assert_snapshot!(cancel_restore(&database), @"CANCEL RESTORE FROM `sales_drill`");
        insta::assert_snapshot!(swap(&orders, &table("orders_restored")), @"ALTER TABLE `sales`.`orders` SWAP WITH `orders_restored`");
        insta::assert_snapshot!(rename(&qualified("orders_restored"), &table("orders")), @"ALTER TABLE `sales`.`orders_restored` RENAME `orders`");
        insta::assert_snapshot!(drop_table(&orders), @"DROP TABLE IF EXISTS `sales`.`orders` FORCE");
        insta::assert_snapshot!(create_database(&database), @"CREATE DATABASE `sales_drill`");
        insta::assert_snapshot!(drop_database(&database), @"DROP DATABASE IF EXISTS `sales_drill` FORCE");
        insta::assert_snapshot!(create_like(&qualified("orders_before_1"), &orders), @"CREATE TABLE `sales`.`orders_before_1` LIKE `sales`.`orders`");
        insta::assert_snapshot!(set_properties(&orders, [("dynamic_partition.enable", "false")]), @r#"ALTER TABLE `sales`.`orders` SET ("dynamic_partition.enable" = "false")"#);
        let partitions = ["p1".parse().unwrap()];
        insta::assert_snapshot!(set_partition_properties(&orders, &partitions, [("replication_num", "1")]).unwrap(), @r#"ALTER TABLE `sales`.`orders` MODIFY PARTITION (`p1`) SET ("replication_num" = "1")"#);
        insta::assert_snapshot!(activate_materialized_view(&orders), @"ALTER MATERIALIZED VIEW `sales`.`orders` ACTIVE");
        insta::assert_snapshot!(create_from_ddl("CREATE VIEW `v` (`k`) AS SELECT k FROM r;"), @"CREATE VIEW `v` (`k`) AS SELECT k FROM r;");
    }
}
