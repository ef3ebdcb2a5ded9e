//! BACKUP and CANCEL BACKUP, in the form that every version from 3.3 on understands.

use std::time::Duration;

use crate::{
    ident::{DatabaseName, PartitionName, RepositoryName, TableName},
    label::SnapshotLabel,
    sql::{EmptyList, Sql, Statement},
};

/// One table of a BACKUP.
#[derive(Debug, Clone, Copy)]
pub struct BackupObject<'a> {
    pub table: &'a TableName,
    /// `None`: the whole table, as it is at the pin. Always so for an unpartitioned table.
    pub partitions: Option<&'a [PartitionName]>,
}

/// `BACKUP SNAPSHOT db.label TO repo ON (...)`. The database stands before the label, because 3.3
/// knows no other place; objects are always named, because without ON one view or external table
/// makes the statement fail.
pub fn backup(
    database: &DatabaseName,
    label: &SnapshotLabel,
    repository: &RepositoryName,
    objects: &[BackupObject<'_>],
    timeout: Duration,
) -> Result<Statement, EmptyList> {
    if objects.is_empty() {
        return Err(EmptyList { of: "BACKUP" });
    }
    let mut sql = Sql::new("BACKUP SNAPSHOT ")
        .qualified(database, label)
        .text("\nTO ")
        .name(repository)
        .text("\nON (\n  ");
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            sql = sql.text(",\n  ");
        }
        sql = sql.name(object.table).partition_list(object.partitions)?;
    }
    Ok(sql
        .text("\n)\nPROPERTIES ")
        .properties([("timeout", job_timeout(timeout).as_str())])
        .writes("BACKUP"))
}

/// There is one job per database: whichever backup runs there is cancelled, so look at its label
/// first.
pub fn cancel_backup(database: &DatabaseName) -> Statement {
    Sql::new("CANCEL BACKUP FROM ")
        .name(database)
        .writes("CANCEL BACKUP")
}

/// Seconds; anything below ten minutes is refused by the engine.
pub(super) fn job_timeout(timeout: Duration) -> String {
    timeout.as_secs().max(600).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements() {
        let sales: DatabaseName = "sales".parse().unwrap();
        let orders: TableName = "orders".parse().unwrap();
        let dim: TableName = "dim".parse().unwrap();
        let partitions = ["p20260301", "$shadow_automatic_partition"]
            .map(|name| name.parse::<PartitionName>().unwrap());
        let objects = [
            BackupObject {
                table: &orders,
                partitions: Some(&partitions),
            },
            BackupObject {
                table: &dim,
                partitions: None,
            },
        ];
        let statement = backup(
            &sales,
            &"sales_20260301_inc".parse().unwrap(),
            &"nightly".parse().unwrap(),
            &objects,
            Duration::from_secs(86_400),
        )
        .unwrap();
        insta::assert_snapshot!(statement, @r#"
        BACKUP SNAPSHOT `sales`.`sales_20260301_inc`
        TO `nightly`
        ON (
          `orders` PARTITION (`p20260301`, `$shadow_automatic_partition`),
          `dim`
        )
        PROPERTIES ("timeout" = "86400")
        "#);
        insta::assert_snapshot!(cancel_backup(&sales), @"CANCEL BACKUP FROM `sales`");
    }

    #[test]
    fn nothing_is_never_named() {
        let dim: TableName = "dim".parse().unwrap();
        let send = |objects: &[BackupObject<'_>]| {
            backup(
                &"sales".parse().unwrap(),
                &"l".parse().unwrap(),
                &"r".parse().unwrap(),
                objects,
                Duration::ZERO,
            )
        };
        assert!(send(&[]).is_err());
        let empty = BackupObject {
            table: &dim,
            partitions: Some(&[]),
        };
        assert_eq!(
            send(&[empty]).unwrap_err().to_string(),
            "a PARTITION list without a name would stand for something else than nothing"
        );
    }

    #[test]
    fn a_timeout_is_never_below_what_the_engine_takes() {
        assert_eq!(job_timeout(Duration::from_secs(1)), "600");
        assert_eq!(job_timeout(Duration::from_secs(7200)), "7200");
    }
}
