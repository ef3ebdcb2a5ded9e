//! Partition descriptions, as CREATE TABLE and ALTER TABLE ADD PARTITION take them.

use super::identifier_or_text;
use crate::{
    catalog::Bound,
    parse::token::{Cursor, Spanned, Token},
    reply::{SqlError, SqlResult},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionDesc {
    Named(NamedPartition),
    Multi(MultiPartition),
}

/// `PARTITION p VALUES ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPartition {
    pub name: String,
    pub if_not_exists: bool,
    pub values: Values,
    pub properties: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    LessThan(Vec<Bound>),
    Fixed {
        lower: Vec<Bound>,
        upper: Vec<Bound>,
    },
    In(Vec<Vec<Option<String>>>),
}

/// `START ("a") END ("b") EVERY (...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiPartition {
    pub start: String,
    pub end: String,
    pub every: Every,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    Number(i64),
    Interval(i64, TimeUnit),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl TimeUnit {
    pub fn from_word(word: &str) -> Option<TimeUnit> {
        Some(match word.to_ascii_uppercase().as_str() {
            "SECOND" => TimeUnit::Second,
            "MINUTE" => TimeUnit::Minute,
            "HOUR" => TimeUnit::Hour,
            "DAY" => TimeUnit::Day,
            "WEEK" => TimeUnit::Week,
            "MONTH" => TimeUnit::Month,
            "QUARTER" => TimeUnit::Quarter,
            "YEAR" => TimeUnit::Year,
            _ => return None,
        })
    }
}

/// `(desc, desc, ...)`, which may be empty.
pub fn descriptions(cursor: &mut Cursor) -> SqlResult<Vec<PartitionDesc>> {
    cursor.expect_symbol("(")?;
    let mut all = Vec::new();
    while !cursor.take_symbol(")") {
        if !all.is_empty() {
            cursor.expect_symbol(",")?;
        }
        all.push(description(cursor)?);
    }
    Ok(all)
}

fn description(cursor: &mut Cursor) -> SqlResult<PartitionDesc> {
    if cursor.take(&["PARTITION"]) {
        named(cursor).map(PartitionDesc::Named)
    } else {
        multi(cursor).map(PartitionDesc::Multi)
    }
}

/// After the word PARTITION.
pub fn named(cursor: &mut Cursor) -> SqlResult<NamedPartition> {
    let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
    let name = identifier_or_text(cursor)?;
    cursor.expect("VALUES")?;
    let values = if cursor.take(&["LESS", "THAN"]) {
        if cursor.take(&["MAXVALUE"]) {
            Values::LessThan(vec![Bound::Max])
        } else {
            Values::LessThan(bounds(cursor)?)
        }
    } else if cursor.take(&["IN"]) {
        Values::In(list_values(cursor)?)
    } else {
        cursor.expect_symbol("[")?;
        let lower = bounds(cursor)?;
        cursor.expect_symbol(",")?;
        let upper = bounds(cursor)?;
        cursor.expect_symbol(")")?;
        Values::Fixed { lower, upper }
    };
    Ok(NamedPartition {
        name,
        if_not_exists,
        values,
        properties: trailing_properties(cursor)?,
    })
}

/// `("storage_medium" = "SSD")` straight after a partition.
fn trailing_properties(cursor: &mut Cursor) -> SqlResult<Vec<(String, String)>> {
    let quoted = matches!(
        cursor.peek_ahead(1),
        Some(Spanned {
            token: Token::Text(_),
            ..
        })
    );
    if cursor.is_symbol("(") && quoted {
        cursor.properties()
    } else {
        Ok(Vec::new())
    }
}

pub fn multi(cursor: &mut Cursor) -> SqlResult<MultiPartition> {
    cursor.expect("START")?;
    let start = parenthesized_value(cursor)?;
    cursor.expect("END")?;
    let end = parenthesized_value(cursor)?;
    cursor.expect("EVERY")?;
    cursor.expect_symbol("(")?;
    let every = if cursor.take(&["INTERVAL"]) {
        let (amount, unit) = interval(cursor)?;
        Every::Interval(amount, unit)
    } else {
        Every::Number(cursor.number()?)
    };
    cursor.expect_symbol(")")?;
    Ok(MultiPartition { start, end, every })
}

/// `6 HOUR`, after the word INTERVAL.
pub fn interval(cursor: &mut Cursor) -> SqlResult<(i64, TimeUnit)> {
    let amount = match cursor.peek().map(|spanned| &spanned.token) {
        Some(Token::Text(text)) => {
            let amount = text.parse().map_err(|_| cursor.unexpected("a number"))?;
            cursor.advance();
            amount
        }
        _ => cursor.number()?,
    };
    let unit = match cursor.peek().map(|spanned| &spanned.token) {
        Some(Token::Word(word)) => TimeUnit::from_word(word),
        _ => None,
    };
    let unit = unit.ok_or_else(|| cursor.unexpected("a unit of time"))?;
    cursor.advance();
    Ok((amount, unit))
}

fn parenthesized_value(cursor: &mut Cursor) -> SqlResult<String> {
    cursor.expect_symbol("(")?;
    let value = value(cursor)?.ok_or_else(|| cursor.unexpected("a value"))?;
    cursor.expect_symbol(")")?;
    Ok(value)
}

fn bounds(cursor: &mut Cursor) -> SqlResult<Vec<Bound>> {
    cursor.expect_symbol("(")?;
    let mut all = Vec::new();
    loop {
        if cursor.take(&["MAXVALUE"]) {
            all.push(Bound::Max);
        } else {
            let value = value(cursor)?.ok_or_else(|| cursor.unexpected("a value"))?;
            all.push(Bound::Value(value));
        }
        if !cursor.take_symbol(",") {
            break;
        }
    }
    cursor.expect_symbol(")")?;
    Ok(all)
}

/// `("a", "b")` or `(("a", "1"), ("b", NULL))`.
fn list_values(cursor: &mut Cursor) -> SqlResult<Vec<Vec<Option<String>>>> {
    cursor.expect_symbol("(")?;
    let mut tuples = Vec::new();
    loop {
        if cursor.take_symbol("(") {
            let mut tuple = vec![value(cursor)?];
            while cursor.take_symbol(",") {
                tuple.push(value(cursor)?);
            }
            cursor.expect_symbol(")")?;
            tuples.push(tuple);
        } else {
            tuples.push(vec![value(cursor)?]);
        }
        if !cursor.take_symbol(",") {
            break;
        }
    }
    cursor.expect_symbol(")")?;
    Ok(tuples)
}

/// A literal; `None` is NULL.
fn value(cursor: &mut Cursor) -> SqlResult<Option<String>> {
    if cursor.take(&["NULL"]) {
        return Ok(None);
    }
    if cursor.take(&["TRUE"]) {
        return Ok(Some("true".into()));
    }
    if cursor.take(&["FALSE"]) {
        return Ok(Some("false".into()));
    }
    let sign = if cursor.take_symbol("-") { "-" } else { "" };
    match cursor.peek().map(|spanned| &spanned.token) {
        Some(Token::Text(text) | Token::Number(text)) => {
            cursor.advance();
            Ok(Some(format!("{sign}{text}")))
        }
        _ => Err(cursor.unexpected("a value")),
    }
}

/// `PARTITION(p1, p2)`, `PARTITIONS (p1)`, `PARTITION p1`; `None` without the word. The list without
/// parentheses is one name, as it is on every recorded version.
pub fn names(cursor: &mut Cursor) -> SqlResult<Option<Vec<String>>> {
    if cursor.take(&["PARTITION"]) || cursor.take(&["PARTITIONS"]) {
        names_only(cursor).map(Some)
    } else {
        Ok(None)
    }
}

/// After the word PARTITION.
pub fn names_only(cursor: &mut Cursor) -> SqlResult<Vec<String>> {
    if !cursor.take_symbol("(") {
        return Ok(vec![identifier_or_text(cursor)?]);
    }
    let mut names = vec![identifier_or_text(cursor)?];
    while cursor.take_symbol(",") {
        names.push(identifier_or_text(cursor)?);
    }
    cursor.expect_symbol(")")?;
    Ok(names)
}

/// The partition name, or 1567: letters, digits and underscores, starting with a letter or an
/// underscore, at most 64.
pub fn check_name(name: &str) -> SqlResult<()> {
    let mut characters = name.chars();
    let first = characters.next().unwrap_or(' ');
    let legal = (first.is_ascii_alphabetic() || (first == '_' && name.len() > 1))
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 64
        && !name.starts_with("placeholder_");
    if legal {
        Ok(())
    } else {
        Err(SqlError::new(
            1567,
            "HY000",
            format!("Getting analyzing error. Detail message: Incorrect partition name '{name}'."),
        ))
    }
}
