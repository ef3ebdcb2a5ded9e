//! Partitions made by hand: what an incremental snapshot holds, and the staged table lacks.

use crate::{
    ident::{ColumnName, PartitionName, QualifiedTable},
    sql::{EmptyList, Sql, Statement},
};

/// One border of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound<'a> {
    Value(&'a str),
    MaxValue,
}

/// What a partition holds, in the words of its DDL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionValues<'a> {
    /// From `lower` on, up to but not including `upper`; one bound per partition column.
    Range {
        lower: Vec<Bound<'a>>,
        upper: Vec<Bound<'a>>,
    },
    /// Tuples with one value per partition column; `None` is NULL. An automatic table takes exactly
    /// one tuple per partition.
    List { tuples: Vec<Vec<Option<&'a str>>> },
}

/// A partition to be added to an existing table.
#[derive(Debug, Clone)]
pub struct NewPartition<'a> {
    pub name: &'a PartitionName,
    pub values: PartitionValues<'a>,
    /// Else the engine chooses the number of buckets.
    pub distribution: Option<HashBuckets<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub struct HashBuckets<'a> {
    pub columns: &'a [ColumnName],
    pub buckets: u32,
}

/// IF NOT EXISTS makes it safe to be sent again; the values are not compared, so the caller does.
/// Refused by the engine for automatic RANGE tables: see [`add_automatic_partitions`].
pub fn add_partition(
    table: &QualifiedTable,
    partition: &NewPartition<'_>,
) -> Result<Statement, EmptyList> {
    add(
        table,
        " ADD PARTITION IF NOT EXISTS ",
        partition,
        "ADD PARTITION",
    )
}

/// A partition that no query sees until it replaces another.
pub fn add_temporary_partition(
    table: &QualifiedTable,
    partition: &NewPartition<'_>,
) -> Result<Statement, EmptyList> {
    add(
        table,
        " ADD TEMPORARY PARTITION ",
        partition,
        "ADD TEMPORARY PARTITION",
    )
}

fn add(
    table: &QualifiedTable,
    what: &'static str,
    partition: &NewPartition<'_>,
    kind: &'static str,
) -> Result<Statement, EmptyList> {
    let mut sql = Sql::new("ALTER TABLE ")
        .table(table)
        .text(what)
        .name(partition.name)
        .text(" VALUES ")
        .values(&partition.values)?;
    if let Some(distribution) = partition.distribution {
        if distribution.columns.is_empty() {
            return Err(EmptyList {
                of: "DISTRIBUTED BY",
            });
        }
        sql = sql
            .text(" DISTRIBUTED BY HASH(")
            .names(distribution.columns)
            .text(") BUCKETS ")
            .number(distribution.buckets);
    }
    Ok(sql.writes(kind))
}

impl Sql {
    fn values(self, values: &PartitionValues<'_>) -> Result<Sql, EmptyList> {
        match values {
            PartitionValues::Range { lower, upper } => {
                if lower.is_empty() || upper.is_empty() {
                    return Err(EmptyList { of: "VALUES" });
                }
                Ok(self
                    .text("[")
                    .bounds(lower)
                    .text(", ")
                    .bounds(upper)
                    .text(")"))
            }
            PartitionValues::List { tuples } => {
                if tuples.is_empty() || tuples.iter().any(Vec::is_empty) {
                    return Err(EmptyList { of: "VALUES" });
                }
                let one_column = tuples.iter().all(|tuple| tuple.len() == 1);
                Ok(self
                    .text("IN (")
                    .list(tuples, ", ", |sql, tuple| match one_column {
                        true => sql.literal_or_null(tuple[0]),
                        false => sql
                            .text("(")
                            .list(tuple, ", ", |sql, value| sql.literal_or_null(*value))
                            .text(")"),
                    })
                    .text(")"))
            }
        }
    }

    fn bounds(self, bounds: &[Bound<'_>]) -> Sql {
        self.text("(")
            .list(bounds, ", ", |sql, bound| match bound {
                Bound::Value(value) => sql.literal(value),
                Bound::MaxValue => sql.text("MAXVALUE"),
            })
            .text(")")
    }
}

/// The step of an automatic table; only a step of 1 can be added by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Step {
    fn as_sql(self) -> &'static str {
        match self {
            Step::Minute => "MINUTE",
            Step::Hour => "HOUR",
            Step::Day => "DAY",
            Step::Week => "WEEK",
            Step::Month => "MONTH",
            Step::Quarter => "QUARTER",
            Step::Year => "YEAR",
        }
    }
}

/// All periods from `start` up to but not including `end`. The engine names them itself, as it does
/// on INSERT. There is no IF NOT EXISTS here: if one of them exists, none is added.
pub fn add_automatic_partitions(
    table: &QualifiedTable,
    start: &str,
    end: &str,
    step: Step,
) -> Statement {
    Sql::new("ALTER TABLE ")
        .table(table)
        .text(" ADD PARTITIONS START (")
        .literal(start)
        .text(") END (")
        .literal(end)
        .text(") EVERY (INTERVAL 1 ")
        .text(step.as_sql())
        .text(")")
        .writes("ADD PARTITIONS")
}

/// One step: the temporary partition takes the place, and the old content is gone.
pub fn replace_partition(
    table: &QualifiedTable,
    partition: &PartitionName,
    temporary: &PartitionName,
) -> Statement {
    Sql::new("ALTER TABLE ")
        .table(table)
        .text(" REPLACE PARTITION (")
        .name(partition)
        .text(") WITH TEMPORARY PARTITION (")
        .name(temporary)
        .text(")")
        .writes("REPLACE PARTITION")
}

pub fn drop_temporary_partition(table: &QualifiedTable, partition: &PartitionName) -> Statement {
    Sql::new("ALTER TABLE ")
        .table(table)
        .text(" DROP TEMPORARY PARTITION IF EXISTS ")
        .name(partition)
        .writes("DROP TEMPORARY PARTITION")
}

/// Into the recycle bin, from which the engine's RECOVER PARTITION brings it back for a day.
pub fn drop_partition(table: &QualifiedTable, partition: &PartitionName) -> Statement {
    Sql::new("ALTER TABLE ")
        .table(table)
        .text(" DROP PARTITION IF EXISTS ")
        .name(partition)
        .writes("DROP PARTITION")
}

/// Empties partitions, or the whole table where `None`.
pub fn truncate(
    table: &QualifiedTable,
    partitions: Option<&[PartitionName]>,
) -> Result<Statement, EmptyList> {
    Ok(Sql::new("TRUNCATE TABLE ")
        .table(table)
        .partition_list(partitions)?
        .writes("TRUNCATE"))
}

/// Empties a temporary partition.
pub fn truncate_temporary(table: &QualifiedTable, partition: &PartitionName) -> Statement {
    Sql::new("TRUNCATE TABLE ")
        .table(table)
        .text(" TEMPORARY PARTITION (")
        .name(partition)
        .text(")")
        .writes("TRUNCATE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> QualifiedTable {
        QualifiedTable::new(&"sales".parse().unwrap(), &"orders".parse().unwrap())
    }

    #[test]
    fn statements() {
        let name: PartitionName = "p20260301".parse().unwrap();
        let temporary: PartitionName = "tp20260301".parse().unwrap();
        let day = NewPartition {
            name: &name,
            values: PartitionValues::Range {
                lower: vec![Bound::Value("2026-03-01")],
                upper: vec![Bound::Value("2026-03-02")],
            },
            distribution: None,
        };
        insta::assert_snapshot!(add_partition(&orders(), &day).unwrap(), @"ALTER TABLE `sales`.`orders` ADD PARTITION IF NOT EXISTS `p20260301` VALUES [('2026-03-01'), ('2026-03-02'))");
        insta::assert_snapshot!(add_temporary_partition(&orders(), &NewPartition { name: &temporary, ..day.clone() }).unwrap(), @"ALTER TABLE `sales`.`orders` ADD TEMPORARY PARTITION `tp20260301` VALUES [('2026-03-01'), ('2026-03-02'))");
        let columns = ["id".parse().unwrap()];
        let last = NewPartition {
            values: PartitionValues::Range {
                lower: vec![Bound::Value("10"), Bound::Value("2026-03-01")],
                upper: vec![Bound::MaxValue, Bound::MaxValue],
            },
            distribution: Some(HashBuckets {
                columns: &columns,
                buckets: 12,
            }),
            ..day
        };
        insta::assert_snapshot!(add_partition(&orders(), &last).unwrap(), @"ALTER TABLE `sales`.`orders` ADD PARTITION IF NOT EXISTS `p20260301` VALUES [('10', '2026-03-01'), (MAXVALUE, MAXVALUE)) DISTRIBUTED BY HASH(`id`) BUCKETS 12");
        insta::assert_snapshot!(add_automatic_partitions(&orders(), "2026-03-01", "2026-03-02", Step::Day), @"ALTER TABLE `sales`.`orders` ADD PARTITIONS START ('2026-03-01') END ('2026-03-02') EVERY (INTERVAL 1 DAY)");
        insta::assert_snapshot!(replace_partition(&orders(), &name, &temporary), @"ALTER TABLE `sales`.`orders` REPLACE PARTITION (`p20260301`) WITH TEMPORARY PARTITION (`tp20260301`)");
        insta::assert_snapshot!(drop_temporary_partition(&orders(), &temporary), @"ALTER TABLE `sales`.`orders` DROP TEMPORARY PARTITION IF EXISTS `tp20260301`");
        insta::assert_snapshot!(truncate(&orders(), Some(std::slice::from_ref(&name))).unwrap(), @"TRUNCATE TABLE `sales`.`orders` PARTITION (`p20260301`)");
        insta::assert_snapshot!(truncate(&orders(), None).unwrap(), @"TRUNCATE TABLE `sales`.`orders`");
    }

    #[test]
    fn lists() {
        let name: PartitionName = "p_east".parse().unwrap();
        let text = |tuples: Vec<Vec<Option<&str>>>| {
            let partition = NewPartition {
                name: &name,
                values: PartitionValues::List { tuples },
                distribution: None,
            };
            add_partition(&orders(), &partition).map(|statement| statement.to_string())
        };
        insta::assert_snapshot!(text(vec![vec![Some("ny")], vec![None]]).unwrap(), @"ALTER TABLE `sales`.`orders` ADD PARTITION IF NOT EXISTS `p_east` VALUES IN ('ny', NULL)");
        insta::assert_snapshot!(text(vec![vec![Some("it's"), Some("2026-03-01")]]).unwrap(), @r"ALTER TABLE `sales`.`orders` ADD PARTITION IF NOT EXISTS `p_east` VALUES IN (('it\'s', '2026-03-01'))");
        assert!(text(vec![]).is_err());
        assert!(text(vec![vec![]]).is_err());
    }
}
