//! Units of time.

use jiff::{
    SignedDuration, Span,
    civil::{Date, DateTime},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
}

impl Unit {
    pub fn parse(name: &str) -> Option<Unit> {
        let lower = name.to_ascii_lowercase();
        Some(match lower.strip_suffix('s').unwrap_or(&lower) {
            "year" => Unit::Year,
            "quarter" => Unit::Quarter,
            "month" => Unit::Month,
            "week" => Unit::Week,
            "day" => Unit::Day,
            "hour" => Unit::Hour,
            "minute" => Unit::Minute,
            "second" => Unit::Second,
            "millisecond" => Unit::Millisecond,
            "microsecond" => Unit::Microsecond,
            _ => return None,
        })
    }

    /// Months of the unit, or else its duration.
    fn months(self) -> Option<i64> {
        match self {
            Unit::Year => Some(12),
            Unit::Quarter => Some(3),
            Unit::Month => Some(1),
            _ => None,
        }
    }

    fn duration(self) -> SignedDuration {
        match self {
            Unit::Week => SignedDuration::from_hours(7 * 24),
            Unit::Day => SignedDuration::from_hours(24),
            Unit::Hour => SignedDuration::from_hours(1),
            Unit::Minute => SignedDuration::from_mins(1),
            Unit::Second => SignedDuration::from_secs(1),
            Unit::Millisecond => SignedDuration::from_millis(1),
            _ => SignedDuration::from_micros(1),
        }
    }

    /// `None` if the result is no DATETIME any more.
    pub fn add(self, at: DateTime, count: i64) -> Option<DateTime> {
        match self.months() {
            Some(months) => at
                .checked_add(Span::new().try_months(count.checked_mul(months)?).ok()?)
                .ok(),
            None => {
                let unit = self.duration();
                let nanos = unit.as_nanos().checked_mul(count.into())?;
                let seconds = i64::try_from(nanos / 1_000_000_000).ok()?;
                let rest = (nanos % 1_000_000_000) as i32;
                at.checked_add(SignedDuration::new(seconds, rest)).ok()
            }
        }
    }

    /// Whole units from one time to another, cut off.
    pub fn between(self, from: DateTime, to: DateTime) -> i64 {
        match self.months() {
            Some(months) => {
                let mut count = (i64::from(to.year()) - i64::from(from.year())) * 12
                    + i64::from(to.month())
                    - i64::from(from.month());
                let in_month = |at: DateTime| (at.day(), at.time());
                if count > 0 && in_month(to) < in_month(from) {
                    count -= 1;
                } else if count < 0 && in_month(to) > in_month(from) {
                    count += 1;
                }
                count / months
            }
            None => {
                let elapsed = to.duration_since(from).as_nanos();
                i64::try_from(elapsed / self.duration().as_nanos()).unwrap_or(i64::MAX)
            }
        }
    }

    /// The start of the unit that holds `at`.
    pub fn floor(self, at: DateTime) -> DateTime {
        let date = at.date();
        match self {
            Unit::Year => date.first_of_year().at(0, 0, 0, 0),
            Unit::Quarter => {
                let month = (date.month() - 1) / 3 * 3 + 1;
                Date::new(date.year(), month, 1)
                    .unwrap_or(date)
                    .at(0, 0, 0, 0)
            }
            Unit::Month => date.first_of_month().at(0, 0, 0, 0),
            Unit::Week => {
                let back = date.weekday().to_monday_zero_offset();
                Unit::Day
                    .add(date.at(0, 0, 0, 0), -i64::from(back))
                    .unwrap_or(at)
            }
            Unit::Day => date.at(0, 0, 0, 0),
            Unit::Hour => date.at(at.hour(), 0, 0, 0),
            Unit::Minute => date.at(at.hour(), at.minute(), 0, 0),
            Unit::Second => date.at(at.hour(), at.minute(), at.second(), 0),
            Unit::Millisecond => date.at(
                at.hour(),
                at.minute(),
                at.second(),
                at.subsec_nanosecond() / 1_000_000 * 1_000_000,
            ),
            Unit::Microsecond => at,
        }
    }

    /// The start of the slice of `count` units that holds `at`; slices are counted from year 1.
    pub fn slice(self, at: DateTime, count: i64) -> Option<DateTime> {
        let origin = Date::constant(1, 1, 1).at(0, 0, 0, 0);
        let units = match self.months() {
            Some(months) => {
                let total = (i64::from(at.year()) - 1) * 12 + i64::from(at.month()) - 1;
                total.div_euclid(months)
            }
            None => {
                let elapsed = at.duration_since(origin).as_nanos();
                i64::try_from(elapsed.div_euclid(self.duration().as_nanos())).ok()?
            }
        };
        self.add(origin, units.div_euclid(count) * count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::time::{format, parse};

    fn at(text: &str) -> DateTime {
        parse(text).unwrap()
    }

    #[test]
    fn months_end_with_the_month() {
        let added = Unit::Month.add(at("2025-01-31"), 1).unwrap();
        assert_eq!(format(added), "2025-02-28 00:00:00");
        assert_eq!(Unit::Month.between(at("2025-01-31"), at("2025-02-28")), 0);
        assert_eq!(Unit::Month.between(at("2025-03-01"), at("2025-01-15")), -1);
    }

    #[test]
    fn slices_start_at_multiples() {
        for (time, count, unit, expect) in [
            ("2025-01-02 17:30:00", 6, Unit::Hour, "2025-01-02 12:00:00"),
            (
                "2025-01-02 17:34:00",
                15,
                Unit::Minute,
                "2025-01-02 17:30:00",
            ),
            ("2025-08-02", 1, Unit::Quarter, "2025-07-01 00:00:00"),
        ] {
            assert_eq!(format(unit.slice(at(time), count).unwrap()), expect);
        }
    }

    #[test]
    fn weeks_start_on_monday() {
        assert_eq!(
            format(Unit::Week.floor(at("2025-01-05 10:00:00"))),
            "2024-12-30 00:00:00"
        );
    }
}
