//! Aggregate functions that SQLite lacks or computes with less precision.

use std::collections::BTreeSet;

use rusqlite::{
    Connection, Error, Result,
    functions::{Aggregate, Context, FunctionFlags, WindowAggregate},
    types::{Value, ValueRef},
};

use crate::{number::Decimal, sketch, types::SqlType, value};

pub fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_window_function("agg_sum_integer", 1, flags, ExactSum(Form::Integer))?;
    connection.create_window_function("agg_sum_wide", 1, flags, ExactSum(Form::Wide))?;
    connection.create_window_function("agg_average_wide", 2, flags, ExactSum(Form::Average))?;
    connection.create_aggregate_function("agg_join", 2, flags, Join)?;
    connection.create_aggregate_function("agg_array", 2, flags, Array)?;
    connection.create_aggregate_function("agg_array_distinct", 1, flags, DistinctArray)?;
    connection.create_aggregate_function("agg_union", 1, flags, Union)?;
    connection.create_aggregate_function("agg_percentiles", 1, flags, Percentiles)?;
    connection.create_aggregate_function("agg_variance", 2, flags, Variance)?;
    connection.create_aggregate_function("agg_by", 3, flags, By)?;
    connection.create_aggregate_function("agg_single", 1, flags, Single)
}

fn failure(message: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::UserFunctionError(message.into())
}

#[derive(Clone, Copy)]
enum Form {
    Integer,
    Wide,
    /// The sum divided by the count, with as many digits after the point as the second argument says.
    Average,
}

/// Sums in 128 bits, so that no order of rows changes the result.
struct ExactSum(Form);

struct Sum {
    total: Decimal,
    count: i64,
    scale: u32,
}

impl ExactSum {
    fn operand(context: &Context<'_>) -> Option<Decimal> {
        match context.get_raw(0) {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(Decimal::integer(number.into())),
            other => match value::cast(other, &SqlType::STRING) {
                Value::Text(text) => Decimal::parse(&text),
                _ => None,
            },
        }
    }

    fn result(&self, sum: Option<&Sum>) -> Result<Value> {
        let Some(sum) = sum.filter(|sum| sum.count > 0) else {
            return Ok(Value::Null);
        };
        Ok(match self.0 {
            // A BIGINT that overflows wraps.
            Form::Integer => Value::Integer(sum.total.unscaled as i64),
            Form::Wide => Value::Text(sum.total.to_string()),
            Form::Average => sum
                .total
                .divide(Decimal::integer(sum.count.into()), sum.scale)
                .map_err(failure)?
                .map_or(Value::Null, |average| Value::Text(average.to_string())),
        })
    }
}

impl Aggregate<Sum, Value> for ExactSum {
    fn init(&self, _: &mut Context<'_>) -> Result<Sum> {
        Ok(Sum {
            total: Decimal::integer(0),
            count: 0,
            scale: 0,
        })
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Sum) -> Result<()> {
        if context.len() > 1 {
            sum.scale = context.get(1)?;
        }
        if let Some(operand) = ExactSum::operand(context) {
            sum.total = sum.total.plus(operand).map_err(failure)?;
            sum.count += 1;
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Sum>) -> Result<Value> {
        self.result(sum.as_ref())
    }
}

impl WindowAggregate<Sum, Value> for ExactSum {
    fn value(&self, sum: Option<&mut Sum>) -> Result<Value> {
        self.result(sum.as_deref())
    }

    fn inverse(&self, context: &mut Context<'_>, sum: &mut Sum) -> Result<()> {
        if let Some(operand) = ExactSum::operand(context) {
            let negative = operand.negate().map_err(failure)?;
            sum.total = sum.total.plus(negative).map_err(failure)?;
            sum.count -= 1;
        }
        Ok(())
    }
}

/// GROUP_CONCAT(value, separator): the rows come in the order that the query gives.
struct Join;

impl Aggregate<Option<String>, Option<String>> for Join {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<String>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, joined: &mut Option<String>) -> Result<()> {
        let Value::Text(text) = value::cast(context.get_raw(0), &SqlType::STRING) else {
            return Ok(());
        };
        let separator: String = context.get(1)?;
        match joined {
            None => *joined = Some(text),
            Some(joined) => {
                joined.push_str(&separator);
                joined.push_str(&text);
            }
        }
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        joined: Option<Option<String>>,
    ) -> Result<Option<String>> {
        Ok(joined.flatten())
    }
}

/// ARRAY_AGG(value, kind of item as for `sr_array_of`).
struct Array;

impl Aggregate<Vec<String>, Option<String>> for Array {
    fn init(&self, _: &mut Context<'_>) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn step(&self, context: &mut Context<'_>, items: &mut Vec<String>) -> Result<()> {
        let bare: bool = context.get::<i64>(1)? != 0;
        items.push(match value::cast(context.get_raw(0), &SqlType::STRING) {
            Value::Text(text) if bare => text,
            Value::Text(text) => serde_json::Value::from(text).to_string(),
            _ => "null".to_owned(),
        });
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, items: Option<Vec<String>>) -> Result<Option<String>> {
        Ok(items.map(|items| format!("[{}]", items.join(","))))
    }
}

/// The different values as an array of texts, without NULL: GROUP_CONCAT(DISTINCT ...).
struct DistinctArray;

impl Aggregate<Vec<String>, Option<String>> for DistinctArray {
    fn init(&self, _: &mut Context<'_>) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn step(&self, context: &mut Context<'_>, items: &mut Vec<String>) -> Result<()> {
        if let Value::Text(text) = value::cast(context.get_raw(0), &SqlType::STRING)
            && !items.contains(&text)
        {
            items.push(text);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, items: Option<Vec<String>>) -> Result<Option<String>> {
        Ok(items
            .filter(|items| !items.is_empty())
            .map(|items| serde_json::Value::from(items).to_string()))
    }
}

/// BITMAP_UNION and HLL_UNION.
struct Union;

impl Aggregate<BTreeSet<u64>, String> for Union {
    fn init(&self, _: &mut Context<'_>) -> Result<BTreeSet<u64>> {
        Ok(BTreeSet::new())
    }

    fn step(&self, context: &mut Context<'_>, members: &mut BTreeSet<u64>) -> Result<()> {
        if let Some(text) = context.get::<Option<String>>(0)? {
            members.extend(sketch::parse(&text));
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, members: Option<BTreeSet<u64>>) -> Result<String> {
        Ok(sketch::render(&members.unwrap_or_default()))
    }
}

/// PERCENTILE_UNION: equal numbers count each.
struct Percentiles;

impl Aggregate<Vec<String>, String> for Percentiles {
    fn init(&self, _: &mut Context<'_>) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn step(&self, context: &mut Context<'_>, numbers: &mut Vec<String>) -> Result<()> {
        if let Value::Text(text) = value::cast(context.get_raw(0), &SqlType::STRING)
            && !text.is_empty()
        {
            numbers.push(text);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, numbers: Option<Vec<String>>) -> Result<String> {
        Ok(numbers.unwrap_or_default().join(","))
    }
}

/// (value, 0 for the population or 1 for a sample).
struct Variance;

#[derive(Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
    degrees: f64,
}

impl Aggregate<Moments, Option<f64>> for Variance {
    fn init(&self, _: &mut Context<'_>) -> Result<Moments> {
        Ok(Moments::default())
    }

    fn step(&self, context: &mut Context<'_>, moments: &mut Moments) -> Result<()> {
        moments.degrees = context.get(1)?;
        if let Value::Real(number) = value::cast(context.get_raw(0), &SqlType::Double) {
            moments.count += 1.0;
            let difference = number - moments.mean;
            moments.mean += difference / moments.count;
            moments.squares += difference * (number - moments.mean);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, moments: Option<Moments>) -> Result<Option<f64>> {
        Ok(moments
            .filter(|moments| moments.count > moments.degrees)
            .map(|moments| moments.squares / (moments.count - moments.degrees)))
    }
}

/// MAX_BY and MIN_BY: (value, key, 1 or -1). Keys are numbers or texts that order as they are kept.
struct By;

impl Aggregate<Option<(Value, Value)>, Value> for By {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<(Value, Value)>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, best: &mut Option<(Value, Value)>) -> Result<()> {
        let (candidate, key): (Value, Value) = (context.get(0)?, context.get(1)?);
        let sign: i64 = context.get(2)?;
        if key == Value::Null {
            return Ok(());
        }
        let is_better = match best {
            None => true,
            Some((_, best)) => {
                let order = compare(&key, best);
                if sign > 0 {
                    order.is_gt()
                } else {
                    order.is_lt()
                }
            }
        };
        if is_better {
            *best = Some((candidate, key));
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, best: Option<Option<(Value, Value)>>) -> Result<Value> {
        Ok(best.flatten().map_or(Value::Null, |(value, _)| value))
    }
}

/// The value of a scalar subquery, which may have one row only.
struct Single;

impl Aggregate<Option<Value>, Value> for Single {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<Value>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, value: &mut Option<Value>) -> Result<()> {
        if value.is_some() {
            return Err(failure("Expected LE 1 to be returned by expression"));
        }
        *value = Some(context.get(0)?);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, value: Option<Option<Value>>) -> Result<Value> {
        Ok(value.flatten().unwrap_or(Value::Null))
    }
}

fn compare(left: &Value, right: &Value) -> std::cmp::Ordering {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Real(left), Value::Real(right)) => left.total_cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Blob(left), Value::Blob(right)) => left.cmp(right),
        _ => std::cmp::Ordering::Equal,
    }
}
