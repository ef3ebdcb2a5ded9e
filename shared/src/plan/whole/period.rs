//! Partitions of automatic tables that the engine can be asked to add: `ADD PARTITIONS START (..) END
//! (..) EVERY (INTERVAL 1 DAY)` names them itself, so a partition can be made again by hand only if
//! it is one step long and has the name that the engine would give it.

use jiff::{Span, ToSpan, civil::DateTime};

use super::{PartitionValue, RangeBound};
use crate::{ident::PartitionName, sql::partition::Step};

/// The step of an automatic table, or why its partitions cannot be added by hand.
///
/// `time_slice(d, INTERVAL 6 HOUR)` is printed as `time_slice(d, 6, 'hour', 'floor')`; the engine
/// refuses to add such partitions: "The step of the auto-partitioned table should be 1."
pub fn step_of(expression: &str) -> Result<Step, String> {
    let (function, arguments) = expression
        .trim()
        .strip_suffix(')')
        .and_then(|call| call.split_once('('))
        .ok_or("it is not a call of a function")?;
    let arguments: Vec<String> = arguments
        .split(',')
        .map(|argument| argument.trim().trim_matches(['\'', '"']).to_lowercase())
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match (
        function.trim().to_lowercase().as_str(),
        arguments.as_slice(),
    ) {
        ("date_trunc", [unit, _]) => step(unit),
        ("time_slice", [_, interval] | [_, interval, "floor"]) => time_slice(interval),
        ("time_slice", [_, amount, unit] | [_, amount, unit, "floor"]) => single(amount, unit),
        _ => Err("only date_trunc and time_slice are known to be".to_owned()),
    }
}

/// `INTERVAL 1 DAY` as it was typed.
fn time_slice(interval: &str) -> Result<Step, String> {
    match interval.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["interval", amount, unit] => single(amount, unit),
        _ => Err(format!("'{interval}' is not an interval")),
    }
}

fn single(amount: &str, unit: &str) -> Result<Step, String> {
    match amount {
        "1" => step(unit),
        _ => Err(format!("the engine adds steps of 1 only, not of {amount}")),
    }
}

/// Units that the engine's documentation allows in both places.
fn step(unit: &str) -> Result<Step, String> {
    match unit {
        "hour" => Ok(Step::Hour),
        "day" => Ok(Step::Day),
        "month" => Ok(Step::Month),
        "year" => Ok(Step::Year),
        _ => Err(format!("a step of one {unit} is not known to be accepted")),
    }
}

/// How long one step is, and how the engine names it: `p20260301`, `p202603`.
fn shape(step: Step) -> Option<(Span, &'static str)> {
    match step {
        Step::Hour => Some((1.hour(), "p%Y%m%d%H")),
        Step::Day => Some((1.day(), "p%Y%m%d")),
        Step::Month => Some((1.month(), "p%Y%m")),
        Step::Year => Some((1.year(), "p%Y")),
        Step::Minute | Step::Week | Step::Quarter => None,
    }
}

/// Whether adding one step from the lower border gives this very partition, name included. Not so
/// for one that was merged from several, or made under an older granularity.
pub fn is_made_by_engine(name: &PartitionName, value: &PartitionValue, step: Step) -> bool {
    let PartitionValue::Range { lower, upper } = value else {
        return false;
    };
    let ([RangeBound::Value(lower)], [RangeBound::Value(upper)]) =
        (lower.as_slice(), upper.as_slice())
    else {
        return false;
    };
    let (Some(lower), Some(upper), Some((length, format))) =
        (civil(lower), civil(upper), shape(step))
    else {
        return false;
    };
    let one_step = lower.checked_add(length).is_ok_and(|end| end == upper);
    one_step && lower.strftime(format).to_string() == name.as_str() && starts_period(lower, step)
}

fn starts_period(at: DateTime, step: Step) -> bool {
    let midnight = at.hour() == 0;
    let whole_hour = at.minute() == 0 && at.second() == 0 && at.subsec_nanosecond() == 0;
    match step {
        Step::Hour => whole_hour,
        Step::Day => whole_hour && midnight,
        Step::Month => whole_hour && midnight && at.day() == 1,
        Step::Year => whole_hour && midnight && at.day() == 1 && at.month() == 1,
        Step::Minute | Step::Week | Step::Quarter => false,
    }
}

/// A border of a DATE or DATETIME column.
fn civil(text: &str) -> Option<DateTime> {
    match text.len() {
        10 => format!("{text}T00:00:00").parse().ok(),
        _ => text.replacen(' ', "T", 1).parse().ok(),
    }
}
