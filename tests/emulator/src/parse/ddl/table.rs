//! CREATE TABLE and column definitions.

use super::{
    Ddl, ObjectName, identifier_list,
    partition::{self, PartitionDesc, TimeUnit},
    text_since,
    types::sql_type,
};
use crate::{
    catalog::{ColumnDefault, Distribution, KeyModel},
    parse::token::{Cursor, Spanned, Token},
    reply::{SqlError, SqlResult},
};

#[derive(Debug, Clone, Default)]
pub struct CreateTable {
    pub name: ObjectName,
    pub if_not_exists: bool,
    pub columns: Vec<ColumnSpec>,
    /// In lower case; empty is `olap`.
    pub engine: String,
    pub keys: Option<(KeyModel, Vec<String>)>,
    pub comment: String,
    pub partitioning: PartitionBy,
    pub distribution: Option<Distribution>,
    pub order_by: Vec<String>,
    pub rollups: Vec<RollupSpec>,
    pub properties: Vec<(String, String)>,
    /// `AS SELECT ...`.
    pub query: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSpec {
    pub name: String,
    /// In the spelling of SHOW CREATE TABLE. Empty where CREATE TABLE AS gives a name only.
    pub sql_type: String,
    pub is_key: bool,
    pub aggregation: Option<String>,
    pub nullable: Option<bool>,
    pub default: Option<ColumnDefault>,
    pub auto_increment: bool,
    pub generated: Option<String>,
    pub comment: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PartitionBy {
    #[default]
    None,
    Range {
        columns: Vec<String>,
        partitions: Vec<PartitionDesc>,
    },
    /// `PARTITION BY LIST (a, b) (...)`, or `PARTITION BY (a, b)` where `automatic`.
    List {
        columns: Vec<String>,
        automatic: bool,
        partitions: Vec<PartitionDesc>,
    },
    Expression {
        function: PartitionFunction,
        partitions: Vec<PartitionDesc>,
    },
}

/// What an automatic RANGE table computes of its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionFunction {
    DateTrunc {
        unit: String,
        column: String,
    },
    TimeSlice {
        column: String,
        amount: i64,
        unit: TimeUnit,
        /// As typed, for messages and SHOW CREATE TABLE.
        text: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupSpec {
    pub name: String,
    pub columns: Vec<String>,
}

/// After `CREATE [EXTERNAL] TABLE`.
pub fn create(cursor: &mut Cursor) -> SqlResult<Ddl> {
    let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
    let name = ObjectName::parse(cursor)?;
    if cursor.take(&["LIKE"]) {
        let source = ObjectName::parse(cursor)?;
        return Ok(Ddl::CreateTableLike {
            name,
            source,
            if_not_exists,
        });
    }
    let mut table = CreateTable {
        name,
        if_not_exists,
        ..CreateTable::default()
    };
    if cursor.take_symbol("(") {
        elements(cursor, &mut table)?;
    }
    while clause(cursor, &mut table)? {}
    Ok(Ddl::CreateTable(Box::new(table)))
}

fn elements(cursor: &mut Cursor, table: &mut CreateTable) -> SqlResult<()> {
    loop {
        if cursor.is_next(&["INDEX"]) {
            return Err(SqlError::plain(
                "The emulator does not know secondary indexes: leave the INDEX clause out.",
            ));
        }
        let names_only = matches!(
            cursor.peek_ahead(1),
            Some(Spanned { token: Token::Symbol(symbol), .. }) if symbol == "," || symbol == ")"
        );
        if names_only {
            let name = cursor.identifier()?;
            table.columns.push(ColumnSpec::named(name));
        } else {
            table.columns.push(column(cursor)?);
        }
        if !cursor.take_symbol(",") {
            break;
        }
    }
    cursor.expect_symbol(")")
}

impl ColumnSpec {
    pub fn named(name: String) -> ColumnSpec {
        ColumnSpec {
            name,
            sql_type: String::new(),
            is_key: false,
            aggregation: None,
            nullable: None,
            default: None,
            auto_increment: false,
            generated: None,
            comment: String::new(),
        }
    }
}

/// One clause after the column list; `false` at the end.
fn clause(cursor: &mut Cursor, table: &mut CreateTable) -> SqlResult<bool> {
    let key_models = [
        ("DUPLICATE", KeyModel::Duplicate),
        ("AGGREGATE", KeyModel::Aggregate),
        ("UNIQUE", KeyModel::Unique),
        ("PRIMARY", KeyModel::Primary),
    ];
    if let Some((_, model)) = key_models
        .into_iter()
        .find(|(word, _)| cursor.take(&[word, "KEY"]))
    {
        table.keys = Some((model, identifier_list(cursor)?));
    } else if cursor.take(&["ENGINE"]) {
        cursor.expect_symbol("=")?;
        table.engine = cursor.identifier()?.to_lowercase();
    } else if cursor.take(&["COMMENT"]) {
        table.comment = cursor.text()?;
    } else if cursor.take(&["PARTITION", "BY"]) {
        table.partitioning = partition_by(cursor)?;
    } else if cursor.take(&["DISTRIBUTED", "BY"]) {
        table.distribution = Some(distribution(cursor)?);
    } else if cursor.take(&["ORDER", "BY"]) {
        table.order_by = identifier_list(cursor)?;
    } else if cursor.take(&["ROLLUP"]) {
        cursor.expect_symbol("(")?;
        table.rollups = rollups(cursor)?;
        cursor.expect_symbol(")")?;
    } else if cursor.take(&["PROPERTIES"]) {
        table.properties = cursor.properties()?;
    } else if cursor.take(&["AS"]) {
        table.query = Some(cursor.rest().to_owned());
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// `name (columns) [FROM base] [PROPERTIES (...)], ...`.
pub fn rollups(cursor: &mut Cursor) -> SqlResult<Vec<RollupSpec>> {
    let mut all = Vec::new();
    loop {
        let name = cursor.identifier()?;
        let columns = identifier_list(cursor)?;
        if cursor.take(&["DUPLICATE", "KEY"]) {
            identifier_list(cursor)?;
        }
        if cursor.take(&["FROM"]) {
            cursor.identifier()?;
        }
        if cursor.take(&["PROPERTIES"]) {
            cursor.properties()?;
        }
        all.push(RollupSpec { name, columns });
        if !cursor.take_symbol(",") {
            break;
        }
    }
    Ok(all)
}

pub fn distribution(cursor: &mut Cursor) -> SqlResult<Distribution> {
    let random = cursor.take(&["RANDOM"]);
    let columns = if random {
        Vec::new()
    } else {
        cursor.expect("HASH")?;
        identifier_list(cursor)?
    };
    let buckets = if cursor.take(&["BUCKETS"]) {
        Some(u32::try_from(cursor.number()?).map_err(|_| cursor.unexpected("a number"))?)
    } else {
        None
    };
    Ok(if random {
        Distribution::Random { buckets }
    } else {
        Distribution::Hash { columns, buckets }
    })
}

/// After PARTITION BY.
pub fn partition_by(cursor: &mut Cursor) -> SqlResult<PartitionBy> {
    let range = cursor.take(&["RANGE"]);
    if range || cursor.take(&["LIST"]) {
        let columns = identifier_list(cursor)?;
        let partitions = partition::descriptions(cursor)?;
        return Ok(if range {
            PartitionBy::Range {
                columns,
                partitions,
            }
        } else {
            PartitionBy::List {
                columns,
                automatic: false,
                partitions,
            }
        });
    }
    if cursor.is_next(&["date_trunc"]) || cursor.is_next(&["time_slice"]) {
        let function = partition_function(cursor)?;
        if cursor.is_symbol(",") {
            return Err(SqlError::plain(
                "The emulator does not know partitioning by several expressions: use one, or columns.",
            ));
        }
        let partitions = if cursor.is_symbol("(") {
            partition::descriptions(cursor)?
        } else {
            Vec::new()
        };
        return Ok(PartitionBy::Expression {
            function,
            partitions,
        });
    }
    let columns = if cursor.is_symbol("(") {
        identifier_list(cursor)?
    } else {
        let mut columns = vec![cursor.identifier()?];
        while cursor.take_symbol(",") {
            columns.push(cursor.identifier()?);
        }
        columns
    };
    Ok(PartitionBy::List {
        columns,
        automatic: true,
        partitions: Vec::new(),
    })
}

pub fn partition_function(cursor: &mut Cursor) -> SqlResult<PartitionFunction> {
    let start = cursor.peek().map_or(0, |token| token.start);
    if cursor.take(&["date_trunc"]) {
        cursor.expect_symbol("(")?;
        let unit = cursor.text()?.to_lowercase();
        cursor.expect_symbol(",")?;
        let column = cursor.identifier()?;
        cursor.expect_symbol(")")?;
        return Ok(PartitionFunction::DateTrunc { unit, column });
    }
    cursor.expect("time_slice")?;
    cursor.expect_symbol("(")?;
    let column = cursor.identifier()?;
    cursor.expect_symbol(",")?;
    cursor.expect("INTERVAL")?;
    let (amount, unit) = partition::interval(cursor)?;
    if cursor.take_symbol(",") {
        cursor.identifier()?;
    }
    cursor.expect_symbol(")")?;
    Ok(PartitionFunction::TimeSlice {
        column,
        amount,
        unit,
        text: text_since(cursor, start).to_owned(),
    })
}

pub fn column(cursor: &mut Cursor) -> SqlResult<ColumnSpec> {
    let mut column = ColumnSpec::named(cursor.identifier()?);
    column.sql_type = sql_type(cursor)?;
    loop {
        if cursor.take(&["CHARACTER", "SET"]) || cursor.take(&["CHARSET"]) {
            cursor.identifier()?;
        } else if cursor.take(&["KEY"]) {
            column.is_key = true;
        } else if cursor.take(&["NOT", "NULL"]) {
            column.nullable = Some(false);
        } else if cursor.take(&["NULL"]) {
            column.nullable = Some(true);
        } else if cursor.take(&["DEFAULT"]) {
            column.default = default(cursor)?;
        } else if cursor.take(&["AUTO_INCREMENT"]) {
            column.auto_increment = true;
        } else if cursor.take(&["AS"]) {
            column.generated = Some(expression(cursor)?);
        } else if cursor.take(&["COMMENT"]) {
            column.comment = cursor.text()?;
        } else if let Some(word) = aggregation(cursor) {
            column.aggregation = Some(word);
        } else {
            return Ok(column);
        }
    }
}

fn aggregation(cursor: &mut Cursor) -> Option<String> {
    let words = [
        "SUM",
        "MIN",
        "MAX",
        "REPLACE",
        "REPLACE_IF_NOT_NULL",
        "HLL_UNION",
        "BITMAP_UNION",
        "PERCENTILE_UNION",
    ];
    let word = words.into_iter().find(|word| cursor.take(&[word]))?;
    Some(word.to_owned())
}

/// `DEFAULT NULL` is the same as none.
fn default(cursor: &mut Cursor) -> SqlResult<Option<ColumnDefault>> {
    if cursor.take(&["NULL"]) {
        return Ok(None);
    }
    if cursor.take(&["CURRENT_TIMESTAMP"]) {
        if cursor.take_symbol("(") {
            if !cursor.is_symbol(")") {
                cursor.number()?;
            }
            cursor.expect_symbol(")")?;
        }
        return Ok(Some(ColumnDefault::CurrentTimestamp));
    }
    if cursor.is_symbol("(") {
        let start = cursor.peek().map_or(0, |token| token.start);
        balanced(cursor)?;
        let text = text_since(cursor, start);
        let inner = text.trim_start_matches('(').trim_end();
        let inner = inner.strip_suffix(')').unwrap_or(inner);
        return Ok(Some(ColumnDefault::Expression(inner.trim().to_owned())));
    }
    let sign = if cursor.take_symbol("-") { "-" } else { "" };
    match cursor.advance().map(|spanned| &spanned.token) {
        Some(Token::Text(text) | Token::Number(text)) => {
            Ok(Some(ColumnDefault::Literal(format!("{sign}{text}"))))
        }
        _ => Err(cursor.unexpected("a default value")),
    }
}

/// Up to the comma or parenthesis that ends the column, or to its comment.
fn expression(cursor: &mut Cursor) -> SqlResult<String> {
    let start = cursor.peek().map_or(0, |token| token.start);
    while !cursor.at_end() && !cursor.is_symbol(",") && !cursor.is_symbol(")") {
        if cursor.is_next(&["COMMENT"]) {
            break;
        }
        if cursor.is_symbol("(") {
            balanced(cursor)?;
        } else {
            cursor.advance();
        }
    }
    Ok(text_since(cursor, start).to_owned())
}

/// Skips `( ... )` with everything in it.
fn balanced(cursor: &mut Cursor) -> SqlResult<()> {
    cursor.expect_symbol("(")?;
    let mut depth = 1;
    while depth > 0 {
        if cursor.take_symbol("(") {
            depth += 1;
        } else if cursor.take_symbol(")") {
            depth -= 1;
        } else if cursor.advance().is_none() {
            return Err(cursor.unexpected(")"));
        }
    }
    Ok(())
}
