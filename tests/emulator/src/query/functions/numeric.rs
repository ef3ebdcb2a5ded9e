//! Functions on numbers, and exact arithmetic on those that are kept as text.

use rusqlite::{
    Connection, Error,
    functions::FunctionFlags,
    types::{Value, ValueRef},
};

use super::{
    Arguments, Outcome,
    Returns::{Argument, BigInt, Double, Int, Text},
    Scalar, nullable, text_value,
};
use crate::number::{Decimal, Overflow};

pub(super) const FUNCTIONS: &[Scalar] = &[
    Scalar::new("abs", (1, 1), Argument(0), abs),
    Scalar::new("negative", (1, 1), Argument(0), negative),
    Scalar::new("round", (1, 2), Argument(0), |arguments| {
        round(
            arguments,
            |decimal, scale| decimal.rescale(scale),
            f64::round,
        )
    }),
    Scalar::new("truncate", (2, 2), Argument(0), |arguments| {
        round(arguments, cut, f64::trunc)
    }),
    Scalar::new("floor", (1, 1), BigInt, |arguments| {
        whole(arguments, f64::floor)
    }),
    Scalar::new("dfloor", (1, 1), BigInt, |arguments| {
        whole(arguments, f64::floor)
    }),
    Scalar::new("ceil", (1, 1), BigInt, |arguments| {
        whole(arguments, f64::ceil)
    }),
    Scalar::new("ceiling", (1, 1), BigInt, |arguments| {
        whole(arguments, f64::ceil)
    }),
    Scalar::new("sign", (1, 1), Double, |arguments| {
        nullable(
            arguments
                .real(0)
                .map(|number| if number == 0.0 { 0.0 } else { number.signum() }),
        )
    }),
    Scalar::new("sqrt", (1, 1), Double, |arguments| {
        real(arguments, f64::sqrt)
    }),
    Scalar::new("exp", (1, 1), Double, |arguments| real(arguments, f64::exp)),
    Scalar::new("ln", (1, 1), Double, |arguments| real(arguments, f64::ln)),
    Scalar::new("log2", (1, 1), Double, |arguments| {
        real(arguments, f64::log2)
    }),
    Scalar::new("log10", (1, 1), Double, |arguments| {
        real(arguments, f64::log10)
    }),
    Scalar::new("log", (1, 2), Double, |arguments| {
        let first = arguments.real(0);
        let result = match arguments.real(1) {
            Some(number) => first.map(|base| number.ln() / base.ln()),
            None => first.map(f64::ln),
        };
        nullable(result.filter(|number| number.is_finite()))
    }),
    Scalar::new("pow", (2, 2), Double, power),
    Scalar::new("power", (2, 2), Double, power),
    Scalar::new("sin", (1, 1), Double, |arguments| real(arguments, f64::sin)),
    Scalar::new("cos", (1, 1), Double, |arguments| real(arguments, f64::cos)),
    Scalar::new("bin", (1, 1), Text, |arguments| {
        nullable(arguments.integer(0).map(|number| format!("{number:b}")))
    }),
    Scalar::new("conv", (3, 3), Text, conv),
    Scalar::new("bitnot", (1, 1), BigInt, |arguments| {
        nullable(arguments.integer(0).map(|number| !number))
    }),
    Scalar::new("bit_shift_left", (2, 2), BigInt, |arguments| {
        shift(arguments, i64::checked_shl)
    }),
    Scalar::new("bit_shift_right", (2, 2), BigInt, |arguments| {
        shift(arguments, i64::checked_shr)
    }),
    Scalar::new("bit_count", (1, 1), Int, |arguments| {
        nullable(
            arguments
                .integer(0)
                .map(|number| i64::from(number.count_ones())),
        )
    }),
];

fn real(arguments: &Arguments<'_>, function: fn(f64) -> f64) -> Outcome {
    nullable(
        arguments
            .real(0)
            .map(function)
            .filter(|number| number.is_finite()),
    )
}

fn power(arguments: &Arguments<'_>) -> Outcome {
    let result = arguments.real(0).zip(arguments.real(1));
    nullable(
        result
            .map(|(base, exponent)| base.powf(exponent))
            .filter(|number| number.is_finite()),
    )
}

fn whole(arguments: &Arguments<'_>, function: fn(f64) -> f64) -> Outcome {
    nullable(arguments.real(0).map(|number| function(number) as i64))
}

fn shift(arguments: &Arguments<'_>, by: fn(i64, u32) -> Option<i64>) -> Outcome {
    let shifted = arguments
        .integer(0)
        .zip(arguments.integer(1).and_then(|n| u32::try_from(n).ok()))
        .and_then(|(number, count)| by(number, count));
    nullable(shifted)
}

fn abs(arguments: &Arguments<'_>) -> Outcome {
    match arguments.get(0) {
        ValueRef::Integer(number) => Ok(Value::Integer(number.wrapping_abs())),
        ValueRef::Real(number) => Ok(Value::Real(number.abs())),
        _ => text_value(arguments.text(0).trim_start_matches('-')),
    }
}

fn negative(arguments: &Arguments<'_>) -> Outcome {
    match arguments.get(0) {
        ValueRef::Integer(number) => Ok(Value::Integer(number.wrapping_neg())),
        ValueRef::Real(number) => Ok(Value::Real(-number)),
        _ => match arguments.decimal(0).map(Decimal::negate) {
            Some(Ok(decimal)) => text_value(decimal.to_string()),
            Some(Err(overflow)) => Err(overflow.to_string()),
            None => Ok(Value::Null),
        },
    }
}

fn cut(decimal: Decimal, scale: u32) -> Result<Decimal, Overflow> {
    let factor = 10_i128
        .checked_pow(decimal.scale.saturating_sub(scale))
        .ok_or(Overflow)?;
    Decimal {
        unscaled: decimal.unscaled / factor * factor,
        scale: decimal.scale,
    }
    .rescale(scale)
}

fn round(
    arguments: &Arguments<'_>,
    exact: fn(Decimal, u32) -> Result<Decimal, Overflow>,
    inexact: fn(f64) -> f64,
) -> Outcome {
    let places = arguments.integer(1).unwrap_or(0);
    match arguments.get(0) {
        ValueRef::Integer(number) if places >= 0 => Ok(Value::Integer(number)),
        ValueRef::Text(_) => {
            let Some(decimal) = arguments.decimal(0) else {
                return Ok(Value::Null);
            };
            let kept = u32::try_from(places).unwrap_or(0).min(decimal.scale);
            // The type keeps its scale.
            exact(decimal, kept)
                .and_then(|rounded| rounded.rescale(decimal.scale))
                .map(|rounded| Value::Text(rounded.to_string()))
                .map_err(|overflow| overflow.to_string())
        }
        other => {
            let factor = 10_f64.powi(places as i32);
            let rounded = arguments
                .real(0)
                .map(|number| inexact(number * factor) / factor);
            Ok(match (other, rounded) {
                (_, None) => Value::Null,
                (ValueRef::Integer(_), Some(number)) => Value::Integer(number as i64),
                (_, Some(number)) => Value::Real(number),
            })
        }
    }
}

fn conv(arguments: &Arguments<'_>) -> Outcome {
    let bases = arguments.integer(1).zip(arguments.integer(2));
    let Some((from, to)) = bases
        .and_then(|(from, to)| Some((u32::try_from(from).ok()?, u64::try_from(to).ok()?)))
        .filter(|(from, to)| (2..=36).contains(from) && (2..=36).contains(to))
    else {
        return Ok(Value::Null);
    };
    let Ok(mut number) = u64::from_str_radix(arguments.text(0).trim(), from) else {
        return text_value("0");
    };
    let mut digits = Vec::new();
    loop {
        digits.push(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(number % to) as usize]);
        number /= to;
        if number == 0 {
            break;
        }
    }
    text_value(
        digits
            .iter()
            .rev()
            .map(|byte| char::from(*byte))
            .collect::<String>(),
    )
}

type Exact = fn(Decimal, Decimal, u32) -> Result<Option<Decimal>, Overflow>;

/// `wide_add(left, right, scale)` and its like: operands of any number type, a result kept as text
/// with exactly `scale` digits after the point.
pub(super) fn register_wide(connection: &Connection, flags: FunctionFlags) -> rusqlite::Result<()> {
    let operations: [(&str, Exact); 5] = [
        ("wide_add", |left, right, _| left.plus(right).map(Some)),
        ("wide_subtract", |left, right, _| {
            left.plus(right.negate()?).map(Some)
        }),
        ("wide_multiply", |left, right, _| {
            left.multiply(right).map(Some)
        }),
        ("wide_divide", |left, right, scale| {
            left.divide(right, scale)
        }),
        ("wide_modulo", |left, right, _| left.remainder(right)),
    ];
    for (name, operation) in operations {
        connection.create_scalar_function(name, 3, flags, move |context| {
            let scale: u32 = context.get(2)?;
            let (Some(left), Some(right)) =
                (operand(context.get_raw(0)), operand(context.get_raw(1)))
            else {
                return Ok(Value::Null);
            };
            operation(left, right, scale)
                .and_then(|result| result.map(|result| result.rescale(scale)).transpose())
                .map(|result| result.map_or(Value::Null, |result| Value::Text(result.to_string())))
                .map_err(|overflow| Error::UserFunctionError(overflow.into()))
        })?;
    }
    connection.create_scalar_function("real_modulo", 2, flags, |context| {
        let (left, right): (Option<f64>, Option<f64>) = (context.get(0)?, context.get(1)?);
        Ok(left
            .zip(right)
            .filter(|(_, right)| *right != 0.0)
            .map(|(left, right)| left % right))
    })
}

fn operand(value: ValueRef<'_>) -> Option<Decimal> {
    match value {
        ValueRef::Integer(number) => Some(Decimal::integer(number.into())),
        ValueRef::Text(text) => Decimal::parse(std::str::from_utf8(text).ok()?),
        ValueRef::Real(number) => Decimal::parse(&format!("{number:e}")),
        _ => None,
    }
}
