//! Rows moved inside the cluster, and counted.

use std::time::Duration;

use crate::{
    ident::{ColumnName, DatabaseName, PartitionName, QualifiedTable, TaskName},
    label::LoadLabel,
    sql::{EmptyList, FromRow, Query, Row, RowError, Sql, Statement},
    version::EngineLine,
};

/// Rows of one table or partition into another.
#[derive(Debug, Clone)]
pub struct Copy<'a> {
    pub from: &'a QualifiedTable,
    /// `None`: the whole table.
    pub from_partition: Option<&'a PartitionName>,
    pub to: &'a QualifiedTable,
    pub to_part: TargetPart<'a>,
    /// Named on both sides, so that their order in either table does not matter. Generated columns
    /// are never among them.
    pub columns: &'a [ColumnName],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetPart<'a> {
    Table,
    Partition(&'a PartitionName),
    TemporaryPartition(&'a PartitionName),
}

/// Adds the rows to those that are there.
pub fn insert_select(copy: &Copy<'_>) -> Result<Statement, EmptyList> {
    Ok(copy_sql("INSERT INTO ", copy, None)?.writes("INSERT SELECT"))
}

/// As [`insert_select`], under a load label: a second send is refused instead of doubling the rows.
pub fn insert_select_with_label(
    copy: &Copy<'_>,
    label: &LoadLabel,
) -> Result<Statement, EmptyList> {
    Ok(copy_sql("INSERT INTO ", copy, Some(label))?.writes("INSERT SELECT"))
}

/// Replaces what is there in one step; the way for a partition of an automatic table, where temporary
/// partitions are refused. 3.3 refuses it too.
pub fn insert_overwrite(copy: &Copy<'_>) -> Result<Statement, EmptyList> {
    Ok(copy_sql("INSERT OVERWRITE ", copy, None)?.writes("INSERT OVERWRITE"))
}

fn copy_sql(
    verb: &'static str,
    copy: &Copy<'_>,
    label: Option<&LoadLabel>,
) -> Result<Sql, EmptyList> {
    if copy.columns.is_empty() {
        return Err(EmptyList { of: "column" });
    }
    let mut sql = Sql::new(verb).table(copy.to);
    sql = match copy.to_part {
        TargetPart::Table => sql,
        TargetPart::Partition(name) => sql.text(" PARTITION (").name(name).text(")"),
        TargetPart::TemporaryPartition(name) => {
            sql.text(" TEMPORARY PARTITION (").name(name).text(")")
        }
    };
    if let Some(label) = label {
        sql = sql.text(" WITH LABEL ").name(label);
    }
    sql = sql
        .text(" (")
        .names(copy.columns)
        .text(")\nSELECT ")
        .names(copy.columns)
        .text("\nFROM ")
        .table(copy.from);
    if let Some(partition) = copy.from_partition {
        sql = sql.text(" PARTITION (").name(partition).text(")");
    }
    Ok(sql)
}

/// Runs an INSERT in the background under a name: a statement proportional to data never holds a
/// connection. The same name again is refused while the task is known. Strict, so that a row that
/// does not fit fails the task instead of being left out.
pub fn submit_task(
    database: &DatabaseName,
    task: &TaskName,
    insert: &Statement,
    timeout: Duration,
    line: EngineLine,
) -> Query<SubmittedTask> {
    let seconds = timeout.as_secs();
    let mut sql = Sql::new("SUBMIT /*+set_var(query_timeout=").number(seconds);
    // Before 3.4 an INSERT obeys query_timeout, and the other variable is not known.
    if line >= EngineLine::new(3, 4) {
        sql = sql.text(",insert_timeout=").number(seconds);
    }
    sql.text(",enable_insert_strict=true)*/ TASK ")
        .qualified(database, task)
        .text("\nAS ")
        .engine_text(insert.text())
        .query_that_writes("SUBMIT TASK")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedTask {
    pub task: String,
    pub status: String,
}

impl FromRow for SubmittedTask {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(SubmittedTask {
            task: row.text("TaskName")?.to_owned(),
            status: row.text("Status")?.to_owned(),
        })
    }
}

pub fn drop_task(task: &TaskName) -> Statement {
    Sql::new("DROP TASK ").name(task).writes("DROP TASK")
}

/// Rows of the whole table.
pub fn count_rows(table: &QualifiedTable) -> Query<RowCount> {
    Sql::new("SELECT COUNT(*) AS row_count FROM ")
        .table(table)
        .query("SELECT COUNT")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCount(pub u64);

impl FromRow for RowCount {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(RowCount(row.parse("row_count")?))
    }
}

/// Rows of a temporary partition.
pub fn count_temporary_partition(
    table: &QualifiedTable,
    partition: &PartitionName,
) -> Query<RowCount> {
    Sql::new("SELECT COUNT(*) AS row_count FROM ")
        .table(table)
        .text(" TEMPORARY PARTITION (")
        .name(partition)
        .text(")")
        .query("SELECT COUNT")
}

/// Rows of each of these partitions of a table, in one statement.
pub fn count_partitions(
    table: &QualifiedTable,
    partitions: &[PartitionName],
) -> Result<Query<PartitionCount>, EmptyList> {
    count_each(partitions.iter().map(|partition| (table, partition)))
}

/// Rows of each of these partitions, of several tables, in one statement. They are numbered in the
/// order given, so that a name with odd characters needs no way back.
pub fn count_each<'a>(
    partitions: impl ExactSizeIterator<Item = (&'a QualifiedTable, &'a PartitionName)>,
) -> Result<Query<PartitionCount>, EmptyList> {
    if partitions.len() == 0 {
        return Err(EmptyList { of: "PARTITION" });
    }
    Ok(Sql::new("")
        .list(
            partitions.enumerate(),
            "\nUNION ALL ",
            |sql, (index, (table, partition))| {
                sql.text("SELECT ")
                    .number(index as u64)
                    .text(" AS partition_index, COUNT(*) AS row_count FROM ")
                    .table(table)
                    .text(" PARTITION (")
                    .name(partition)
                    .text(")")
            },
        )
        .query("SELECT COUNT of partitions"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionCount {
    /// Into the list that was asked for.
    pub index: usize,
    pub row_count: u64,
}

impl FromRow for PartitionCount {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(PartitionCount {
            index: row.parse("partition_index")?,
            row_count: row.parse("row_count")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> QualifiedTable {
        QualifiedTable::new(&"sales".parse().unwrap(), &name.parse().unwrap())
    }

    #[test]
    fn copies() {
        let (from, to) = (table("orders_restored_inc"), table("orders_restored"));
        let partition: PartitionName = "p20260301".parse().unwrap();
        let temporary: PartitionName = "tp".parse().unwrap();
        let columns = ["id".parse().unwrap(), "total amount".parse().unwrap()];
        let copy = Copy {
            from: &from,
            from_partition: Some(&partition),
            to: &to,
            to_part: TargetPart::Partition(&partition),
            columns: &columns,
        };
        let insert = insert_select(&copy).unwrap();
        insta::assert_snapshot!(insert, @"
        INSERT INTO `sales`.`orders_restored` PARTITION (`p20260301`) (`id`, `total amount`)
        SELECT `id`, `total amount`
        FROM `sales`.`orders_restored_inc` PARTITION (`p20260301`)
        ");
        insta::assert_snapshot!(insert_select_with_label(&copy, &"br_copy_1".parse().unwrap()).unwrap(), @"
        INSERT INTO `sales`.`orders_restored` PARTITION (`p20260301`) WITH LABEL `br_copy_1` (`id`, `total amount`)
        SELECT `id`, `total amount`
        FROM `sales`.`orders_restored_inc` PARTITION (`p20260301`)
        ");
        let whole = Copy {
            from_partition: None,
            to_part: TargetPart::Table,
            ..copy.clone()
        };
        insta::assert_snapshot!(insert_select(&whole).unwrap(), @"
        INSERT INTO `sales`.`orders_restored` (`id`, `total amount`)
        SELECT `id`, `total amount`
        FROM `sales`.`orders_restored_inc`
        ");
        let into_temporary = Copy {
            to_part: TargetPart::TemporaryPartition(&temporary),
            ..copy.clone()
        };
        insta::assert_snapshot!(insert_select(&into_temporary).unwrap(), @"
        INSERT INTO `sales`.`orders_restored` TEMPORARY PARTITION (`tp`) (`id`, `total amount`)
        SELECT `id`, `total amount`
        FROM `sales`.`orders_restored_inc` PARTITION (`p20260301`)
        ");
        insta::assert_snapshot!(insert_overwrite(&copy).unwrap(), @"
        INSERT OVERWRITE `sales`.`orders_restored` PARTITION (`p20260301`) (`id`, `total amount`)
        SELECT `id`, `total amount`
        FROM `sales`.`orders_restored_inc` PARTITION (`p20260301`)
        ");
        assert!(
            insert_select(&Copy {
                columns: &[],
                ..copy
            })
            .is_err()
        );
    }

    #[test]
    fn tasks() {
        let sales: DatabaseName = "sales".parse().unwrap();
        let task: TaskName = "br_copy_1".parse().unwrap();
        let insert = Sql::new("INSERT INTO a SELECT * FROM b").writes("INSERT SELECT");
        let timeout = Duration::from_secs(14_400);
        insta::assert_snapshot!(submit_task(&sales, &task, &insert, timeout, EngineLine::new(3, 3)), @"
        SUBMIT /*+set_var(query_timeout=14400,enable_insert_strict=true)*/ TASK `sales`.`br_copy_1`
        AS INSERT INTO a SELECT * FROM b
        ");
        insta::assert_snapshot!(submit_task(&sales, &task, &insert, timeout, EngineLine::new(3, 4)), @"
        SUBMIT /*+set_var(query_timeout=14400,insert_timeout=14400,enable_insert_strict=true)*/ TASK `sales`.`br_copy_1`
        AS INSERT INTO a SELECT * FROM b
        ");
        insta::assert_snapshot!(drop_task(&task), @"DROP TASK `br_copy_1`");
    }

    #[test]
    fn counts() {
        let partitions = ["p1".parse().unwrap(), "p'2".parse().unwrap()];
        insta::assert_snapshot!(count_rows(&table("orders")), @"SELECT COUNT(*) AS row_count FROM `sales`.`orders`");
        insta::assert_snapshot!(count_partitions(&table("orders"), &partitions).unwrap(), @"
        SELECT 0 AS partition_index, COUNT(*) AS row_count FROM `sales`.`orders` PARTITION (`p1`)
        UNION ALL SELECT 1 AS partition_index, COUNT(*) AS row_count FROM `sales`.`orders` PARTITION (`p'2`)
        ");
        assert!(count_partitions(&table("orders"), &[]).is_err());
    }
}
