//! The range or list text of a partition, read back into values that ADD PARTITION takes.
//!
//! A range is printed alike in all versions: `[types: [DATE]; keys: [2026-03-01]; ..types: [DATE];
//! keys: [2026-03-02]; )`. A list is JSON from 3.5 on (`[["ny","2026-03-01"]]`), and in 3.3 quoted
//! without any escaping (`(('ny', '2026-03-01'))`, or `('ny', 'boston')` for one column). In both,
//! NULL looks like the text "NULL".

use crate::{
    facts::Partitioning,
    sql::partition::{Bound, PartitionValues},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionValue {
    /// The one partition of a table without any.
    All,
    /// From `lower` on, up to but not including `upper`; one bound per partition column.
    Range {
        lower: Vec<RangeBound>,
        upper: Vec<RangeBound>,
    },
    /// One value per partition column in each tuple; `None` is NULL.
    List { tuples: Vec<Vec<Option<String>>> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeBound {
    Value(String),
    MaxValue,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("its value is NULL or the text 'NULL', and the engine prints both alike")]
    NullOrText,
    #[error("its values have {found} columns where the table is partitioned by {expected}")]
    Columns { expected: usize, found: usize },
    #[error("it has {0} value tuples, and a partition of an automatic table has one")]
    Tuples(usize),
    #[error("its values are printed as '{0}', which is not understood")]
    Unknown(String),
}

impl PartitionValue {
    pub fn parse(text: &str, partitioning: &Partitioning) -> Result<PartitionValue, ValueError> {
        match partitioning {
            Partitioning::Unpartitioned if text.is_empty() => Ok(PartitionValue::All),
            Partitioning::Unpartitioned | Partitioning::Opaque { .. } => Err(unknown(text)),
            Partitioning::Range { columns } => range(text, columns.len()),
            Partitioning::Expression { .. } => range(text, 1),
            Partitioning::List { columns, automatic } => list(text, columns.len(), *automatic),
        }
    }

    /// As a statement takes it; `None` for the partition of an unpartitioned table.
    pub fn to_sql(&self) -> Option<PartitionValues<'_>> {
        match self {
            PartitionValue::All => None,
            PartitionValue::Range { lower, upper } => Some(PartitionValues::Range {
                lower: lower.iter().map(RangeBound::to_sql).collect(),
                upper: upper.iter().map(RangeBound::to_sql).collect(),
            }),
            PartitionValue::List { tuples } => Some(PartitionValues::List {
                tuples: tuples
                    .iter()
                    .map(|tuple| tuple.iter().map(Option::as_deref).collect())
                    .collect(),
            }),
        }
    }
}

impl RangeBound {
    fn to_sql(&self) -> Bound<'_> {
        match self {
            RangeBound::Value(value) => Bound::Value(value),
            RangeBound::MaxValue => Bound::MaxValue,
        }
    }
}

fn unknown(text: &str) -> ValueError {
    ValueError::Unknown(text.chars().take(200).collect())
}

fn range(text: &str, columns: usize) -> Result<PartitionValue, ValueError> {
    let borders = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(')'))
        .and_then(|text| text.split_once(".."));
    let (lower, upper) = borders.ok_or_else(|| unknown(text))?;
    let border = |border: &str| {
        let bounds = bounds(border).ok_or_else(|| unknown(text))?;
        match bounds.len() == columns {
            true => Ok(bounds),
            false => Err(ValueError::Columns {
                expected: columns,
                found: bounds.len(),
            }),
        }
    };
    Ok(PartitionValue::Range {
        lower: border(lower)?,
        upper: border(upper)?,
    })
}

/// `types: [DATE, INT]; keys: [2026-03-01, 5]; `. Partition columns are dates and integers only, so
/// no value has a comma in it.
fn bounds(border: &str) -> Option<Vec<RangeBound>> {
    let (types, keys) = border
        .strip_prefix("types: [")?
        .strip_suffix("]; ")?
        .split_once("]; keys: [")?;
    let keys: Vec<&str> = keys.split(", ").collect();
    if types.split(", ").count() != keys.len() {
        return None;
    }
    keys.into_iter()
        .map(|key| match key {
            "MAXVALUE" => Some(RangeBound::MaxValue),
            _ if is_date_or_integer(key) => Some(RangeBound::Value(key.to_owned())),
            _ => None,
        })
        .collect()
}

fn is_date_or_integer(text: &str) -> bool {
    let legal = |character: char| character.is_ascii_digit() || "-: .".contains(character);
    text.chars().all(legal) && text.contains(|character: char| character.is_ascii_digit())
}

fn list(text: &str, columns: usize, automatic: bool) -> Result<PartitionValue, ValueError> {
    let tuples: Vec<Vec<Option<String>>> = match text.starts_with('[') {
        true => serde_json::from_str(text).map_err(|_| unknown(text))?,
        false => quoted(text, columns, automatic).ok_or_else(|| unknown(text))?,
    };
    if tuples.is_empty() {
        return Err(unknown(text));
    }
    let arity = tuples.iter().map(Vec::len).find(|found| *found != columns);
    if let Some(found) = arity {
        return Err(ValueError::Columns {
            expected: columns,
            found,
        });
    }
    if automatic && tuples.len() != 1 {
        return Err(ValueError::Tuples(tuples.len()));
    }
    let ambiguous = |value: &Option<String>| value.as_deref() == Some("NULL");
    match tuples.iter().flatten().any(ambiguous) {
        true => Err(ValueError::NullOrText),
        false => Ok(PartitionValue::List { tuples }),
    }
}

/// The form of 3.3. A value that contains `', '` looks like two. In an automatic table, where there is
/// one tuple with a known number of columns, any such doubt is refused; in a hand-made list the number
/// of columns finds out all but a list of one column.
fn quoted(text: &str, columns: usize, automatic: bool) -> Option<Vec<Vec<Option<String>>>> {
    const SEPARATOR: &str = "', '";
    let split = |text: &str| -> Vec<Option<String>> {
        text.split(SEPARATOR)
            .map(|value| Some(value.to_owned()))
            .collect()
    };
    let nested = strip(text, "(('", "'))");
    let flat = strip(text, "('", "')");
    if automatic {
        let tuple = nested.or(flat)?;
        // Counted with overlaps: two places that share a quote cannot both be separators.
        let places = (0..tuple.len())
            .filter(|at| tuple.as_bytes()[*at..].starts_with(SEPARATOR.as_bytes()))
            .count();
        return match places + 1 == columns {
            true => Some(vec![split(tuple)]),
            false => None,
        };
    }
    match nested {
        Some(tuples) => Some(tuples.split("'), ('").map(split).collect()),
        None => Some(split(flat?).into_iter().map(|value| vec![value]).collect()),
    }
}

fn strip<'a>(text: &'a str, prefix: &str, suffix: &str) -> Option<&'a str> {
    text.strip_prefix(prefix)?.strip_suffix(suffix)
}
