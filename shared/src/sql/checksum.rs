//! Rows compared without moving them.

use crate::{
    facts::ColumnFacts,
    ident::{ColumnName, PartitionName, QualifiedTable},
    sql::{EmptyList, FromRow, Query, Row, RowError, Sql},
};

/// A checksum over rows that does not depend on their order.
#[derive(Debug, Clone)]
pub struct ChecksumPlan {
    pub query: Query<Checksum>,
    /// Columns that have no text to compare, each with the reason.
    pub left_out: Vec<(ColumnName, &'static str)>,
    /// Columns of which different values can have the same text, each with the reason.
    pub approximate: Vec<(ColumnName, &'static str)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    pub row_count: u64,
    /// The sum of one 64-bit hash per row; `0` without rows.
    pub sum: String,
}

impl FromRow for Checksum {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Checksum {
            row_count: row.parse("row_count")?,
            sum: row.optional("row_sum")?.unwrap_or("0").to_owned(),
        })
    }
}

/// `partitions`: `None` for the whole table.
pub fn checksum(
    table: &QualifiedTable,
    partitions: Option<&[PartitionName]>,
    columns: &[ColumnFacts],
) -> Result<ChecksumPlan, EmptyList> {
    let mut compared = Vec::new();
    let mut left_out = Vec::new();
    let mut approximate = Vec::new();
    for column in columns {
        if let Some(reason) = approximation(&column.sql_type) {
            approximate.push((column.name.clone(), reason));
        }
        match TextForm::of(&column.sql_type) {
            Ok(form) => compared.push((&column.name, form)),
            Err(reason) => left_out.push((column.name.clone(), reason)),
        }
    }
    if compared.is_empty() {
        return Err(EmptyList { of: "column" });
    }
    // NULL would make the whole hash NULL, and without its length a text could lend characters to
    // its neighbour.
    let query = Sql::new("SELECT COUNT(*) AS row_count,\n  CAST(SUM(CAST(xx_hash3_64(")
        .list(compared, ",\n    ", |sql, (name, form)| {
            sql.text("IF(")
                .name(name)
                .text(" IS NULL, 'NULL', CONCAT(LENGTH(")
                .text(form.before)
                .name(name)
                .text(form.after)
                .text("), ':', ")
                .text(form.before)
                .name(name)
                .text(form.after)
                .text("))")
        })
        .text(") AS LARGEINT)) AS STRING) AS row_sum\nFROM ")
        .table(table)
        .partition_list(partitions)?
        .query("SELECT checksum");
    Ok(ChecksumPlan {
        query,
        left_out,
        approximate,
    })
}

/// How a value becomes text that is equal for equal values.
#[derive(Debug, Clone, Copy)]
struct TextForm {
    before: &'static str,
    after: &'static str,
}

impl TextForm {
    fn of(sql_type: &str) -> Result<TextForm, &'static str> {
        let form = |before, after| Ok(TextForm { before, after });
        let sql_type = sql_type.to_ascii_lowercase();
        let name = sql_type.split(['(', '<', ' ']).next().unwrap_or_default();
        match name {
            "array" if sql_type.matches('<').count() == 1 => form("array_join(", ", ',', 'NULL')"),
            "array" => Err("an ARRAY of nested values has no text form in StarRocks"),
            "map" | "struct" => form("CAST(to_json(", ") AS STRING)"),
            "varbinary" | "binary" => form("hex(", ")"),
            "bitmap" => form("bitmap_to_string(", ")"),
            "hll" => form("CAST(hll_cardinality(", ") AS STRING)"),
            "percentile" => Err("a PERCENTILE has no exact text form in StarRocks"),
            _ => form("CAST(", " AS STRING)"),
        }
    }
}

/// Why equal texts do not prove equal values of this type. `None`: they do, or it has no text at all.
fn approximation(sql_type: &str) -> Option<&'static str> {
    let sql_type = sql_type.to_ascii_lowercase();
    match sql_type.split(['(', '<', ' ']).next().unwrap_or_default() {
        "float" | "double" => Some("a FLOAT or DOUBLE is compared as it is printed"),
        "hll" => Some("an HLL is compared by its estimated cardinality"),
        "json" => Some("JSON is compared as it is printed"),
        "array" if sql_type.matches('<').count() == 1 => {
            Some("an ARRAY is compared as its joined elements")
        }
        "map" | "struct" => Some("a MAP or STRUCT is compared as JSON"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> QualifiedTable {
        QualifiedTable::new(&"sales".parse().unwrap(), &name.parse().unwrap())
    }

    fn column(name: &str, sql_type: &str) -> ColumnFacts {
        ColumnFacts {
            name: name.parse().unwrap(),
            sql_type: sql_type.into(),
            nullable: true,
            is_key: false,
            aggregation: None,
            default: None,
            auto_increment: false,
            generated: None,
        }
    }

    #[test]
    fn checksums() {
        let columns = [
            column("id", "int(11)"),
            column("tags", "ARRAY<varchar(20)>"),
            column("raw", "varbinary"),
            column("nested", "array<array<int(11)>>"),
            column("doc", "json"),
            column("m", "map<int(11),varchar(20)>"),
        ];
        let plan = checksum(&table("orders"), None, &columns).unwrap();
        insta::assert_snapshot!(plan.query, @"
        SELECT COUNT(*) AS row_count,
          CAST(SUM(CAST(xx_hash3_64(IF(`id` IS NULL, 'NULL', CONCAT(LENGTH(CAST(`id` AS STRING)), ':', CAST(`id` AS STRING))),
            IF(`tags` IS NULL, 'NULL', CONCAT(LENGTH(array_join(`tags`, ',', 'NULL')), ':', array_join(`tags`, ',', 'NULL'))),
            IF(`raw` IS NULL, 'NULL', CONCAT(LENGTH(hex(`raw`)), ':', hex(`raw`))),
            IF(`doc` IS NULL, 'NULL', CONCAT(LENGTH(CAST(`doc` AS STRING)), ':', CAST(`doc` AS STRING))),
            IF(`m` IS NULL, 'NULL', CONCAT(LENGTH(CAST(to_json(`m`) AS STRING)), ':', CAST(to_json(`m`) AS STRING)))) AS LARGEINT)) AS STRING) AS row_sum
        FROM `sales`.`orders`
        ");
        assert_eq!(plan.left_out[0].0.as_str(), "nested");
        let approximate: Vec<&str> = plan
            .approximate
            .iter()
            .map(|(column, _)| column.as_str())
            .collect();
        assert_eq!(approximate, ["tags", "doc", "m"]);
        assert!(checksum(&table("orders"), None, &[column("p", "percentile")]).is_err());
        let partitions = ["p1".parse().unwrap()];
        let plan = checksum(&table("orders"), Some(&partitions), &columns[..1]).unwrap();
        assert!(
            plan.query
                .to_string()
                .ends_with("FROM `sales`.`orders` PARTITION (`p1`)")
        );
    }
}
