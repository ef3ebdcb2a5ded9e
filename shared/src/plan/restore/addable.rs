//! Partitions that a restore adds by hand, because no RESTORE can add them where they are needed.

use jiff::civil::DateTime;

use super::policy::UpperBound;
use crate::{
    ddl::Ddl,
    facts::{Distribution, Partitioning},
    ident::ColumnName,
    manifest::ManifestPartition,
    plan::whole::{self, PartitionValue, RangeBound, period},
    sql::partition::Step,
};

/// A partition in the form in which it is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addable {
    /// `ADD PARTITION name VALUES ...`
    Named(PartitionValue),
    /// `ADD PARTITIONS START ... END ... EVERY ...`: the engine gives the name.
    Period {
        start: String,
        end: String,
        step: Step,
    },
}

impl Addable {
    /// Reads the text of a partition's values, whatever its name.
    fn parse(value: &str, ddl: &Ddl) -> Result<Addable, String> {
        let parsed =
            PartitionValue::parse(value, &ddl.partitioning).map_err(|error| error.to_string())?;
        let Partitioning::Expression { expression, .. } = &ddl.partitioning else {
            return Ok(Addable::Named(parsed));
        };
        let step = period::step_of(expression)?;
        match single_range(&parsed) {
            Some((start, end)) => Ok(Addable::Period {
                start: start.to_owned(),
                end: end.to_owned(),
                step,
            }),
            None => Err("its range has no start or no end".to_owned()),
        }
    }
}

/// How a partition can be added to a table of this definition, or why it cannot.
pub fn addable(ddl: &Ddl, partition: &ManifestPartition) -> Result<Addable, String> {
    let form = Addable::parse(&partition.value, ddl)?;
    if let Addable::Period { step, .. } = &form {
        let value = PartitionValue::parse(&partition.value, &ddl.partitioning)
            .map_err(|error| error.to_string())?;
        if !period::is_made_by_engine(&partition.name, &value, *step) {
            return Err("the engine would give it another name or another range".to_owned());
        }
    }
    Ok(form)
}

/// Whether rows of such a table can be copied into another without losing anything. Distribution and
/// AUTO_INCREMENT do not matter for that: rows carry their values with them.
pub fn copyable(ddl: &Ddl) -> Result<(), String> {
    match whole::not_copyable(&ddl.columns, ddl.key_model) {
        Some(reason) => Err(reason.to_string()),
        None => Ok(()),
    }
}

/// Whether two snapshots of such a table can be put together as far as the table itself goes.
pub fn mergeable(ddl: &Ddl) -> Result<(), String> {
    if ddl.distribution == Distribution::Random {
        return Err("it is distributed randomly".to_owned());
    }
    if let Some(column) = ddl.columns.iter().find(|column| column.auto_increment) {
        return Err(format!(
            "column {} counts by itself (AUTO_INCREMENT)",
            column.name
        ));
    }
    copyable(ddl)
}

/// The columns that an INSERT names: all but the generated ones.
pub fn copied_columns(ddl: &Ddl) -> Vec<ColumnName> {
    ddl.columns
        .iter()
        .filter(|column| column.generated.is_none())
        .map(|column| column.name.clone())
        .collect()
}

/// Where the range of a partition ends, if it is a range of one time column.
pub fn upper_bound(ddl: &Ddl, value: &str) -> UpperBound {
    let value = PartitionValue::parse(value, &ddl.partitioning).ok()?;
    let (_, end) = single_range(&value)?;
    time(end)
}

fn single_range(value: &PartitionValue) -> Option<(&str, &str)> {
    match value {
        PartitionValue::Range { lower, upper } => match (lower.as_slice(), upper.as_slice()) {
            ([RangeBound::Value(lower)], [RangeBound::Value(upper)]) => Some((lower, upper)),
            _ => None,
        },
        PartitionValue::All | PartitionValue::List { .. } => None,
    }
}

fn time(text: &str) -> Option<DateTime> {
    match text.len() {
        10 => format!("{text}T00:00:00").parse().ok(),
        _ => text.replacen(' ', "T", 1).parse().ok(),
    }
}
