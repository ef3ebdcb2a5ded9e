//! Functions on BITMAP, HLL and PERCENTILE.

use rusqlite::types::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Arguments, Outcome,
    Returns::{self, BigInt, Boolean, Double, Hll, Percentile, Text},
    Scalar, nullable, text_value, truth,
};
use crate::sketch;

const BITMAP: Returns = Returns::Bitmap;

pub(super) const FUNCTIONS: &[Scalar] = &[
    Scalar::new("to_bitmap", (1, 1), BITMAP, |arguments| {
        let member = arguments
            .integer(0)
            .and_then(|number| u64::try_from(number).ok());
        nullable(member.map(|member| member.to_string()))
    }),
    Scalar::new("bitmap_hash", (1, 1), BITMAP, |arguments| {
        text_value(xxh3_64(&arguments.bytes(0)).to_string())
    }),
    Scalar::new("bitmap_empty", (0, 0), BITMAP, |_| text_value("")),
    Scalar::new("bitmap_from_string", (1, 1), BITMAP, |arguments| {
        text_value(sketch::union(&arguments.text(0), ""))
    }),
    Scalar::new("bitmap_to_string", (1, 1), Text, |arguments| {
        text_value(arguments.text(0))
    }),
    Scalar::new("bitmap_to_binary", (1, 1), Text, |arguments| {
        Ok(Value::Blob(arguments.bytes(0).into_owned()))
    }),
    Scalar::new("bitmap_count", (1, 1), BigInt, |arguments| {
        Ok(Value::Integer(sketch::count(&arguments.text(0))))
    }),
    Scalar::new("bitmap_contains", (2, 2), Boolean, |arguments| {
        let members = sketch::parse(&arguments.text(0));
        truth(
            arguments
                .integer(1)
                .and_then(|number| u64::try_from(number).ok())
                .is_some_and(|member| members.contains(&member)),
        )
    }),
    Scalar::new("bitmap_or", (2, 2), BITMAP, |arguments| {
        text_value(sketch::union(&arguments.text(0), &arguments.text(1)))
    }),
    Scalar::new("bitmap_and", (2, 2), BITMAP, |arguments| {
        let left = sketch::parse(&arguments.text(0));
        let right = sketch::parse(&arguments.text(1));
        text_value(sketch::render(
            &left.intersection(&right).copied().collect(),
        ))
    }),
    Scalar::new("hll_hash", (1, 1), Hll, |arguments| {
        text_value(xxh3_64(&arguments.bytes(0)).to_string())
    }),
    Scalar::new("hll_empty", (0, 0), Hll, |_| text_value("")),
    Scalar::new("hll_cardinality", (1, 1), BigInt, |arguments| {
        Ok(Value::Integer(sketch::count(&arguments.text(0))))
    }),
    Scalar::new("percentile_hash", (1, 1), Percentile, |arguments| {
        text_value(arguments.text(0))
    }),
    Scalar::new("percentile_empty", (0, 0), Percentile, |_| text_value("")),
    Scalar::new("percentile_approx_raw", (2, 2), Double, percentile),
];

/// Interpolated between the neighbours of the wanted place.
fn percentile(arguments: &Arguments<'_>) -> Outcome {
    let mut numbers: Vec<f64> = arguments
        .text(0)
        .split(',')
        .filter_map(|number| number.parse().ok())
        .collect();
    numbers.sort_by(f64::total_cmp);
    let Some((last, wanted)) = numbers.len().checked_sub(1).zip(
        arguments
            .real(1)
            .filter(|wanted| (0.0..=1.0).contains(wanted)),
    ) else {
        return Ok(Value::Null);
    };
    let place = wanted * last as f64;
    let (below, above) = (
        numbers[place.floor() as usize],
        numbers[place.ceil() as usize],
    );
    Ok(Value::Real(below + (above - below) * place.fract()))
}
