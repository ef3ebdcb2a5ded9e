//! Functions on DATE and DATETIME.

mod format;
mod unit;

use jiff::civil::{Date, DateTime, Weekday};
use rusqlite::types::Value;

use self::unit::Unit;
use super::{
    Arguments, Outcome,
    Returns::{self, BigInt, Date as ADate, DateTime as ADateTime, Int, Text},
    Scalar, nullable, text_value,
};
use crate::{
    engine,
    value::time::{format as print, format_date, parse},
};

macro_rules! part {
    ($name:literal, $function:expr) => {
        Scalar::new($name, (1, 1), Int, |arguments| {
            let part: fn(DateTime) -> i64 = $function;
            nullable(arguments.time(0).map(part))
        })
    };
}

macro_rules! shift {
    ($name:literal, $unit:expr, $sign:expr) => {
        Scalar::new($name, (2, 2), ADateTime, |arguments| {
            let shifted = arguments
                .time(0)
                .zip(arguments.integer(1))
                .and_then(|(at, count)| $unit.add(at, $sign(count)));
            nullable(shifted.map(print))
        })
    };
}

pub(super) const FUNCTIONS: &[Scalar] = &[
    part!("year", |at| at.year().into()),
    part!("quarter", |at| i64::from((at.month() - 1) / 3 + 1)),
    part!("month", |at| at.month().into()),
    part!("day", |at| at.day().into()),
    part!("dayofmonth", |at| at.day().into()),
    part!("hour", |at| at.hour().into()),
    part!("minute", |at| at.minute().into()),
    part!("second", |at| at.second().into()),
    part!("microsecond", |at| (at.subsec_nanosecond() / 1_000).into()),
    part!("dayofyear", |at| at.day_of_year().into()),
    part!("dayofweek", |at| at.weekday().to_sunday_one_offset().into()),
    part!("dayofweek_iso", |at| at
        .weekday()
        .to_monday_one_offset()
        .into()),
    part!("weekday", |at| at.weekday().to_monday_zero_offset().into()),
    part!("weekofyear", |at| at.iso_week_date().week().into()),
    part!("week_iso", |at| at.iso_week_date().week().into()),
    part!("week", |at| format::week_from_sunday(at.date())),
    part!("to_days", |at| days(at.date())),
    shift!("years_add", Unit::Year, std::convert::identity),
    shift!("years_sub", Unit::Year, i64::wrapping_neg),
    shift!("quarters_add", Unit::Quarter, std::convert::identity),
    shift!("months_add", Unit::Month, std::convert::identity),
    shift!("add_months", Unit::Month, std::convert::identity),
    shift!("months_sub", Unit::Month, i64::wrapping_neg),
    shift!("weeks_add", Unit::Week, std::convert::identity),
    shift!("weeks_sub", Unit::Week, i64::wrapping_neg),
    shift!("days_add", Unit::Day, std::convert::identity),
    shift!("days_sub", Unit::Day, i64::wrapping_neg),
    shift!("hours_add", Unit::Hour, std::convert::identity),
    shift!("hours_sub", Unit::Hour, i64::wrapping_neg),
    shift!("minutes_add", Unit::Minute, std::convert::identity),
    shift!("minutes_sub", Unit::Minute, i64::wrapping_neg),
    shift!("seconds_add", Unit::Second, std::convert::identity),
    shift!("seconds_sub", Unit::Second, i64::wrapping_neg),
    shift!(
        "milliseconds_add",
        Unit::Millisecond,
        std::convert::identity
    ),
    shift!(
        "microseconds_add",
        Unit::Microsecond,
        std::convert::identity
    ),
    shift!("microseconds_sub", Unit::Microsecond, i64::wrapping_neg),
    // date, 'unit', count: what DATE_ADD with an INTERVAL becomes.
    Scalar::new("add_interval", (3, 3), ADateTime, |arguments| {
        let unit = Unit::parse(&arguments.text(1));
        let shifted = arguments.time(0).zip(unit).zip(arguments.integer(2));
        nullable(
            shifted
                .and_then(|((at, unit), count)| unit.add(at, count))
                .map(print),
        )
    }),
    Scalar::new("datediff", (2, 2), Int, |arguments| {
        nullable(both(arguments).map(|(left, right)| days(left.date()) - days(right.date())))
    }),
    Scalar::new("timediff", (2, 2), Returns::Text, timediff),
    Scalar::new("timestampdiff", (3, 3), BigInt, |arguments| {
        let unit = Unit::parse(&arguments.text(0));
        let times = arguments.time(1).zip(arguments.time(2));
        nullable(
            unit.zip(times)
                .map(|(unit, (from, to))| unit.between(from, to)),
        )
    }),
    Scalar::new("date_diff", (3, 3), BigInt, |arguments| {
        let unit = Unit::parse(&arguments.text(0));
        let times = arguments.time(2).zip(arguments.time(1));
        nullable(
            unit.zip(times)
                .map(|(unit, (from, to))| unit.between(from, to)),
        )
    }),
    Scalar::new("date", (1, 1), ADate, to_date),
    Scalar::new("to_date", (1, 1), ADate, to_date),
    Scalar::new("timestamp", (1, 1), ADateTime, |arguments| {
        nullable(arguments.time(0).map(print))
    }),
    Scalar::new("last_day", (1, 2), ADate, |arguments| {
        nullable(
            arguments
                .time(0)
                .map(|at| format_date(at.date().last_of_month())),
        )
    }),
    Scalar::new("makedate", (2, 2), ADate, |arguments| {
        let first = arguments
            .integer(0)
            .and_then(|year| Date::new(i16::try_from(year).ok()?, 1, 1).ok());
        let made = first
            .zip(arguments.integer(1).filter(|day| *day > 0))
            .and_then(|(first, day)| Unit::Day.add(first.at(0, 0, 0, 0), day - 1));
        nullable(made.map(|at| format_date(at.date())))
    }),
    Scalar::new("from_days", (1, 1), ADate, |arguments| {
        let epoch = Date::constant(1970, 1, 1).at(0, 0, 0, 0);
        let at = arguments
            .integer(0)
            .and_then(|number| Unit::Day.add(epoch, number - days(epoch.date())));
        nullable(at.map(|at| format_date(at.date())))
    }),
    Scalar::new("dayname", (1, 1), Text, |arguments| {
        nullable(
            arguments
                .time(0)
                .map(|at| day_name(at.weekday()).to_owned()),
        )
    }),
    Scalar::new("monthname", (1, 1), Text, |arguments| {
        nullable(
            arguments
                .time(0)
                .map(|at| format::MONTHS[at.month() as usize - 1].to_owned()),
        )
    }),
    // The first form with ('day', ts), the second with (ts, 'day'): the names say which.
    Scalar::new("date_trunc", (2, 2), Returns::Argument(1), |arguments| {
        truncate(arguments, 0, 1)
    }),
    Scalar::new("alignmt_trunc", (2, 2), ADateTime, |arguments| {
        truncate(arguments, 1, 0)
    }),
    // date, count, 'unit', 'floor' or 'ceil'.
    Scalar::new("time_slice", (3, 4), Returns::Argument(0), time_slice),
    Scalar::new("date_slice", (3, 4), Returns::Argument(0), time_slice),
    Scalar::new("date_format", (2, 2), Text, |arguments| {
        nullable(
            arguments
                .time(0)
                .map(|at| format::render(at, &arguments.text(1))),
        )
    }),
    Scalar::new("str_to_date", (2, 2), ADateTime, |arguments| {
        nullable(format::read(&arguments.text(0), &arguments.text(1)).map(print))
    }),
    Scalar::new("str2date", (2, 2), ADate, |arguments| {
        nullable(
            format::read(&arguments.text(0), &arguments.text(1)).map(|at| format_date(at.date())),
        )
    }),
    // The last argument of these is the session's time zone, put there by the compiler.
    Scalar::new("unix_timestamp_in", (2, 3), BigInt, |arguments| {
        let at = if arguments.len() == 3 {
            format::read(&arguments.text(0), &arguments.text(1))
        } else {
            arguments.time(0)
        };
        let zone = engine::zone(&arguments.text(arguments.len() - 1))?;
        let seconds = at
            .and_then(|at| at.to_zoned_datetime(zone).ok())
            .map(|at| at.timestamp().as_second());
        nullable(seconds)
    }),
    Scalar::new("from_unixtime_in", (2, 3), Text, |arguments| {
        let zone = engine::zone(&arguments.text(arguments.len() - 1))?;
        let at = arguments
            .integer(0)
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .map(|at| at.to_zoned_datetime(zone).datetime());
        nullable(at.map(|at| {
            if arguments.len() == 3 {
                format::render(at, &arguments.text(1))
            } else {
                print(at)
            }
        }))
    }),
    Scalar::new("convert_tz", (3, 3), ADateTime, |arguments| {
        let zones = engine::zone(&arguments.text(1))
            .ok()
            .zip(engine::zone(&arguments.text(2)).ok());
        let converted = arguments.time(0).zip(zones).and_then(|(at, (from, to))| {
            let at = at.to_zoned_datetime(from).ok()?;
            Some(at.timestamp().to_zoned_datetime(to).datetime())
        });
        nullable(converted.map(print))
    }),
];

fn both(arguments: &Arguments<'_>) -> Option<(DateTime, DateTime)> {
    arguments.time(0).zip(arguments.time(1))
}

fn to_date(arguments: &Arguments<'_>) -> Outcome {
    nullable(arguments.time(0).map(|at| format_date(at.date())))
}

/// Days since year 0, as MySQL counts them.
fn days(date: Date) -> i64 {
    let epoch = Date::constant(1970, 1, 1);
    date.duration_since(epoch).as_hours() / 24 + 719_528
}

fn timediff(arguments: &Arguments<'_>) -> Outcome {
    let Some((left, right)) = both(arguments) else {
        return Ok(Value::Null);
    };
    let seconds = left.duration_since(right).as_secs();
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.abs();
    text_value(format!(
        "{sign}{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    ))
}

/// A DATE stays a DATE.
fn keep_kind(original: &str, at: DateTime) -> String {
    if original.len() == 10 {
        format_date(at.date())
    } else {
        print(at)
    }
}

fn truncate(arguments: &Arguments<'_>, unit: usize, time: usize) -> Outcome {
    let name = arguments.text(unit);
    let unit = Unit::parse(&name)
        .ok_or_else(|| format!("date_trunc function can't support argument {name}"))?;
    let text = arguments.text(time);
    nullable(parse(&text).map(|at| keep_kind(&text, unit.floor(at))))
}

fn time_slice(arguments: &Arguments<'_>) -> Outcome {
    let unit = Unit::parse(&arguments.text(2));
    let up = arguments.text(3).eq_ignore_ascii_case("ceil");
    let text = arguments.text(0);
    let sliced = parse(&text)
        .zip(unit)
        .zip(arguments.integer(1).filter(|count| *count > 0))
        .and_then(|((at, unit), count)| {
            let start = unit.slice(at, count)?;
            if up {
                unit.add(start, count)
            } else {
                Some(start)
            }
        });
    nullable(sliced.map(|at| keep_kind(&text, at)))
}

fn day_name(day: Weekday) -> &'static str {
    format::DAYS[day.to_sunday_zero_offset() as usize]
}
