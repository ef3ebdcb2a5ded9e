//! Partition bounds: literals in a column's type, and ranges cut in steps.

use jiff::{
    Span,
    civil::{Date, DateTime, Time},
};

use crate::{
    catalog::{Bound, PartitionValue},
    parse::ddl::partition::{Every, MultiPartition, TimeUnit},
    reply::{SqlError, SqlResult},
};

/// What a partition column's bounds are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BoundType {
    Date,
    DateTime,
    /// Whole numbers, with their least value.
    Integer {
        minimum: i128,
    },
    Text,
}

impl BoundType {
    /// From a type in SHOW CREATE TABLE's spelling.
    pub(crate) fn of(sql_type: &str) -> BoundType {
        match type_word(sql_type).as_str() {
            "DATE" => BoundType::Date,
            "DATETIME" => BoundType::DateTime,
            "TINYINT" => BoundType::Integer {
                minimum: i128::from(i8::MIN),
            },
            "SMALLINT" => BoundType::Integer {
                minimum: i128::from(i16::MIN),
            },
            "INT" => BoundType::Integer {
                minimum: i128::from(i32::MIN),
            },
            "BIGINT" => BoundType::Integer {
                minimum: i128::from(i64::MIN),
            },
            "LARGEINT" => BoundType::Integer { minimum: i128::MIN },
            _ => BoundType::Text,
        }
    }

    /// A literal as this type is printed: `2025-01-02`, `2025-01-02 00:00:00`, `-5`.
    pub(crate) fn normalize(self, literal: &str) -> SqlResult<String> {
        let invalid = |kind: &str| {
            SqlError::analyzing(format!("Invalid {kind} partition value: '{literal}'"))
        };
        match self {
            BoundType::Date => {
                let at = parse_time(literal).ok_or_else(|| invalid("date"))?;
                Ok(print_date(at.date()))
            }
            BoundType::DateTime => {
                let at = parse_time(literal).ok_or_else(|| invalid("datetime"))?;
                Ok(print_time(at))
            }
            BoundType::Integer { .. } => literal
                .trim()
                .parse::<i128>()
                .map(|number| number.to_string())
                .map_err(|_| SqlError::analyzing(format!("Invalid number format: {literal}"))),
            BoundType::Text => Ok(literal.to_owned()),
        }
    }

    /// The least value, which is what an open lower bound prints as.
    pub(crate) fn minimum(self) -> String {
        match self {
            BoundType::Date => "0000-01-01".into(),
            BoundType::DateTime => "0000-01-01 00:00:00".into(),
            BoundType::Integer { minimum } => minimum.to_string(),
            BoundType::Text => String::new(),
        }
    }

    pub(crate) fn print(self, bound: &Bound) -> String {
        match bound {
            Bound::Min => self.minimum(),
            Bound::Value(text) => text.clone(),
            Bound::Max => "MAXVALUE".into(),
        }
    }
}

/// `INT` of `int(11)`.
pub(crate) fn type_word(sql_type: &str) -> String {
    let end = sql_type
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(sql_type.len());
    sql_type[..end].to_uppercase()
}

/// `yyyy-MM-dd[ HH:mm:ss[.f]]` or `yyyyMMdd`.
pub(crate) fn parse_time(literal: &str) -> Option<DateTime> {
    let literal = literal.trim();
    let (date, time) = literal
        .split_once([' ', 'T'])
        .map_or((literal, None), |(date, time)| (date, Some(time)));
    let date = if date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()) {
        Date::strptime("%Y%m%d", date).ok()?
    } else {
        Date::strptime("%Y-%m-%d", date).ok()?
    };
    let time = match time {
        None => Time::midnight(),
        Some(time) => Time::strptime("%H:%M:%S%.f", time).ok()?,
    };
    Some(date.to_datetime(time))
}

pub(crate) fn print_date(date: Date) -> String {
    date.strftime("%Y-%m-%d").to_string()
}

pub(crate) fn print_time(at: DateTime) -> String {
    let digits = if at.subsec_nanosecond() == 0 {
        "%Y-%m-%d %H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S%.6f"
    };
    at.strftime(digits).to_string()
}

impl TimeUnit {
    pub(crate) fn span(self, amount: i64) -> Span {
        match self {
            TimeUnit::Second => Span::new().seconds(amount),
            TimeUnit::Minute => Span::new().minutes(amount),
            TimeUnit::Hour => Span::new().hours(amount),
            TimeUnit::Day => Span::new().days(amount),
            TimeUnit::Week => Span::new().weeks(amount),
            TimeUnit::Month => Span::new().months(amount),
            TimeUnit::Quarter => Span::new().months(amount * 3),
            TimeUnit::Year => Span::new().years(amount),
        }
    }

    /// The start of the unit that holds a time; weeks start on Monday.
    pub(crate) fn floor(self, at: DateTime) -> DateTime {
        let date = at.date();
        let midnight = |date: Date| date.to_datetime(Time::midnight());
        match self {
            TimeUnit::Second => at.with().subsec_nanosecond(0).build().unwrap_or(at),
            TimeUnit::Minute => date.at(at.hour(), at.minute(), 0, 0),
            TimeUnit::Hour => date.at(at.hour(), 0, 0, 0),
            TimeUnit::Day => midnight(date),
            TimeUnit::Week => {
                let back = i64::from(date.weekday().to_monday_zero_offset());
                midnight(date.saturating_sub(Span::new().days(back)))
            }
            TimeUnit::Month => midnight(date.first_of_month()),
            TimeUnit::Quarter => {
                let month = (date.month() - 1) / 3 * 3 + 1;
                midnight(Date::new(date.year(), month, 1).unwrap_or(date))
            }
            TimeUnit::Year => midnight(date.first_of_year()),
        }
    }

    /// The name of the partition that starts at a time.
    pub(crate) fn partition_name(self, prefix: &str, at: DateTime) -> String {
        let format = match self {
            TimeUnit::Second => "%Y%m%d%H%M%S",
            TimeUnit::Minute => "%Y%m%d%H%M",
            TimeUnit::Hour => "%Y%m%d%H",
            TimeUnit::Day => "%Y%m%d",
            TimeUnit::Week => {
                let week = at.date().iso_week_date();
                return format!("{prefix}{}_{:02}", week.year(), week.week());
            }
            TimeUnit::Month => "%Y%m",
            TimeUnit::Quarter => {
                let quarter = (at.month() - 1) / 3 + 1;
                return format!("{prefix}{}Q{quarter}", at.year());
            }
            TimeUnit::Year => "%Y",
        };
        format!("{prefix}{}", at.strftime(format))
    }
}

/// One range of a `START ... END ... EVERY`, with the name it gets.
pub(crate) type NamedRange = (String, PartitionValue);

/// Cuts `[start, end)` in steps; a last short step is cut at the end, as the frontend does.
pub(crate) fn steps(
    bound_type: BoundType,
    description: &MultiPartition,
    prefix: &str,
) -> SqlResult<Vec<NamedRange>> {
    match description.every {
        Every::Number(step) => number_steps(bound_type, description, step, prefix),
        Every::Interval(amount, unit) => time_steps(bound_type, description, amount, unit, prefix),
    }
}

fn out_of_order() -> SqlError {
    SqlError::analyzing(
        "Batch build partition getInfo start value is not less than end value: the range is empty",
    )
}

fn number_steps(
    bound_type: BoundType,
    description: &MultiPartition,
    step: i64,
    prefix: &str,
) -> SqlResult<Vec<NamedRange>> {
    let number = |literal: &str| -> SqlResult<i128> {
        let text = bound_type.normalize(literal)?;
        text.parse().map_err(|_| {
            SqlError::analyzing(
                "Batch build partition EVERY is date type but START or END does not type match",
            )
        })
    };
    let (mut lower, end) = (number(&description.start)?, number(&description.end)?);
    if step <= 0 {
        return Err(SqlError::analyzing(
            "The value of EVERY must be larger than zero",
        ));
    }
    if lower >= end {
        return Err(out_of_order());
    }
    let mut ranges = Vec::new();
    while lower < end {
        let upper = lower + i128::from(step);
        let name = format!("{prefix}{lower}").replace('-', "_");
        ranges.push((name, range(lower.to_string(), upper.to_string())));
        lower = upper;
    }
    Ok(ranges)
}

fn time_steps(
    bound_type: BoundType,
    description: &MultiPartition,
    amount: i64,
    unit: TimeUnit,
    prefix: &str,
) -> SqlResult<Vec<NamedRange>> {
    let time = |literal: &str| -> SqlResult<DateTime> {
        parse_time(literal).ok_or_else(|| {
            SqlError::analyzing(format!("Invalid date literal in partition: '{literal}'"))
        })
    };
    if amount <= 0 {
        return Err(SqlError::analyzing(
            "The value of EVERY must be larger than zero",
        ));
    }
    let (mut lower, end) = (time(&description.start)?, time(&description.end)?);
    if lower >= end {
        return Err(out_of_order());
    }
    let mut ranges = Vec::new();
    while lower < end {
        let upper = next_boundary(lower, amount, unit);
        ranges.push((
            unit.partition_name(prefix, lower),
            range(
                print_bound(bound_type, lower),
                print_bound(bound_type, upper),
            ),
        ));
        lower = upper;
    }
    Ok(ranges)
}

/// Whole units: a range that starts inside of one ends where the unit ends.
fn next_boundary(at: DateTime, amount: i64, unit: TimeUnit) -> DateTime {
    let start = match unit {
        TimeUnit::Week | TimeUnit::Month | TimeUnit::Quarter | TimeUnit::Year => unit.floor(at),
        _ => at,
    };
    start.saturating_add(unit.span(amount))
}

pub(crate) fn print_bound(bound_type: BoundType, at: DateTime) -> String {
    match bound_type {
        BoundType::Date => print_date(at.date()),
        _ => print_time(at),
    }
}

pub(crate) fn range(lower: String, upper: String) -> PartitionValue {
    PartitionValue::Range {
        lower: vec![Bound::Value(lower)],
        upper: vec![Bound::Value(upper)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql_type: &str, start: &str, end: &str, every: Every, expected: &[(&str, &str)]) {
        let description = MultiPartition {
            start: start.into(),
            end: end.into(),
            every,
        };
        let got: Vec<(String, String)> = steps(BoundType::of(sql_type), &description, "p")
            .unwrap()
            .into_iter()
            .map(|(name, value)| match value {
                PartitionValue::Range { upper, .. } => {
                    (name, BoundType::of(sql_type).print(&upper[0]))
                }
                other => panic!("{other:?}"),
            })
            .collect();
        let got: Vec<(&str, &str)> = got.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn ranges_are_cut_and_named() {
        check(
            "date",
            "2025-01-30",
            "2025-02-01",
            Every::Interval(1, TimeUnit::Day),
            &[("p20250130", "2025-01-31"), ("p20250131", "2025-02-01")],
        );
        check(
            "datetime",
            "2026-01-01",
            "2026-03-01",
            Every::Interval(1, TimeUnit::Month),
            &[
                ("p202601", "2026-02-01 00:00:00"),
                ("p202602", "2026-03-01 00:00:00"),
            ],
        );
        check(
            "datetime",
            "2026-01-01 22:00:00",
            "2026-01-02 00:00:00",
            Every::Interval(1, TimeUnit::Hour),
            &[
                ("p2026010122", "2026-01-01 23:00:00"),
                ("p2026010123", "2026-01-02 00:00:00"),
            ],
        );
        check(
            "int(11)",
            "1",
            "5",
            Every::Number(2),
            &[("p1", "3"), ("p3", "5")],
        );
    }

    #[test]
    fn literals_take_the_type_of_their_column() {
        let rows = [
            ("date", "2025-01-02", "2025-01-02"),
            ("date", "20250102", "2025-01-02"),
            ("date", "2025-01-02 00:00:00", "2025-01-02"),
            ("datetime", "2025-01-02", "2025-01-02 00:00:00"),
            ("int(11)", "007", "7"),
            ("varchar(10)", "it's", "it's"),
        ];
        for (sql_type, literal, expected) in rows {
            let got = BoundType::of(sql_type).normalize(literal).unwrap();
            assert_eq!(got, expected);
        }
        assert!(BoundType::Date.normalize("soon").is_err());
    }
}
