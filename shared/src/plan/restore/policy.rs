//! Policies by which a table drops its own partitions: how they are told from its properties, and
//! whether one would drop what was restored.
//!
//! RESTORE brings properties back as they were backed up, and the schedulers pick the table up at
//! once: a history table with `dynamic_partition.start = -30` can lose everything that was restored
//! within minutes. So policies are held as soon as the table is there, and switched on again only
//! where that is certain to drop nothing.

use jiff::{Span, civil::DateTime, tz::TimeZone};

use super::step::Policy;
use crate::time::UtcTime;

const ENABLE: &str = "dynamic_partition.enable";
const START: &str = "dynamic_partition.start";
const UNIT: &str = "dynamic_partition.time_unit";
const ZONE: &str = "dynamic_partition.time_zone";
const LIVE_NUMBER: &str = "partition_live_number";
const TTL: &str = "partition_ttl";
const RETENTION: &str = "partition_retention_condition";

/// The properties of a table, as SHOW CREATE TABLE prints them.
pub type Properties = [(String, String)];

fn get<'p>(properties: &'p Properties, key: &str) -> Option<&'p str> {
    properties
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.as_str())
}

impl Policy {
    pub const ALL: [Policy; 4] = [
        Policy::DynamicPartition,
        Policy::LiveNumber,
        Policy::Ttl,
        Policy::Retention,
    ];

    /// The property that switches the policy.
    pub fn property(self) -> &'static str {
        match self {
            Policy::DynamicPartition => ENABLE,
            Policy::LiveNumber => LIVE_NUMBER,
            Policy::Ttl => TTL,
            Policy::Retention => RETENTION,
        }
    }

    /// The value at which it does nothing.
    pub fn off(self) -> &'static str {
        match self {
            Policy::DynamicPartition => "false",
            Policy::LiveNumber => "-1",
            Policy::Ttl => "0 day",
            Policy::Retention => "",
        }
    }

    /// What the property is set to.
    pub fn value(self, properties: &Properties) -> Option<&str> {
        get(properties, self.property())
    }

    /// Whether the policy drops partitions. A value that is not understood counts as active.
    pub fn is_active(self, properties: &Properties) -> bool {
        let Some(value) = get(properties, self.property()) else {
            return false;
        };
        match self {
            Policy::DynamicPartition => !value.eq_ignore_ascii_case("false"),
            Policy::LiveNumber => value.trim() != "-1",
            Policy::Ttl => !matches!(parse_period(value), Some((0, _))) && !value.is_empty(),
            Policy::Retention => !value.trim().is_empty(),
        }
    }
}

/// The active policies of a table.
pub fn active(properties: &Properties) -> Vec<Policy> {
    Policy::ALL
        .into_iter()
        .filter(|policy| policy.is_active(properties))
        .collect()
}

/// The end of a partition's range, `None` where it has none that is a time: MAXVALUE, a list, a
/// number.
pub type UpperBound = Option<DateTime>;

/// Whether `policy` is certain to keep all of the partitions, right now. Everything that cannot be
/// computed is not certain.
pub fn keeps_all(
    policy: Policy,
    properties: &Properties,
    partitions: &[UpperBound],
    now: UtcTime,
) -> bool {
    match policy {
        Policy::DynamicPartition => {
            let never = get(properties, START).is_none_or(|start| start == "-2147483648");
            never
                || dynamic_limit(properties, now)
                    .is_some_and(|limit| all_end_after(partitions, limit))
        }
        // The newest are kept, those of the future not counted: with no more than that in all, none
        // goes.
        Policy::LiveNumber => get(properties, LIVE_NUMBER)
            .and_then(|number| number.parse::<usize>().ok())
            .is_some_and(|number| partitions.len() <= number),
        Policy::Ttl => get(properties, TTL)
            .and_then(|ttl| ttl_limit(ttl, now))
            .is_some_and(|limit| all_end_after(partitions, limit)),
        // An expression over partition columns, evaluated by the engine.
        Policy::Retention => false,
    }
}

fn all_end_after(partitions: &[UpperBound], limit: DateTime) -> bool {
    partitions
        .iter()
        .all(|end| end.is_some_and(|end| end > limit))
}

/// The engine keeps from the start of the current unit, so this limit is never too early.
fn dynamic_limit(properties: &Properties, now: UtcTime) -> Option<DateTime> {
    let start: i64 = get(properties, START)?.parse().ok()?;
    let zone = match get(properties, ZONE) {
        Some(name) => TimeZone::get(name).ok()?,
        None => return None,
    };
    let span = span(start.checked_neg()?, get(properties, UNIT)?)?;
    let local = now.timestamp().to_zoned_datetime(zone).datetime();
    local.checked_sub(span).ok()
}

/// The engine compares in its own zone, which is not known here: a day is the margin for it.
fn ttl_limit(ttl: &str, now: UtcTime) -> Option<DateTime> {
    let (number, unit) = parse_period(ttl)?;
    let latest = now
        .timestamp()
        .to_zoned_datetime(TimeZone::UTC)
        .datetime()
        .checked_add(Span::new().days(1))
        .ok()?;
    latest.checked_sub(span(number, unit)?).ok()
}

/// `2 week`, `7 days`
fn parse_period(text: &str) -> Option<(i64, &str)> {
    let (number, unit) = text.trim().split_once(' ')?;
    Some((number.parse().ok()?, unit.trim()))
}

fn span(number: i64, unit: &str) -> Option<Span> {
    let unit = unit.to_ascii_lowercase();
    let span = Span::new();
    match unit.strip_suffix('s').unwrap_or(&unit) {
        "minute" => span.try_minutes(number),
        "hour" => span.try_hours(number),
        "day" => span.try_days(number),
        "week" => span.try_weeks(number),
        "month" => span.try_months(number),
        "year" => span.try_years(number),
        _ => return None,
    }
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn ends(days: &[&str]) -> Vec<UpperBound> {
        days.iter()
            .map(|day| Some(format!("{day}T00:00:00").parse().unwrap()))
            .collect()
    }

    fn now() -> UtcTime {
        "2026-03-10 12:00:00".parse().unwrap()
    }

    fn dynamic(start: &str) -> Vec<(String, String)> {
        properties(&[
            (ENABLE, "true"),
            (START, start),
            (UNIT, "DAY"),
            (ZONE, "UTC"),
        ])
    }

    #[test]
    fn active_policies() {
        for (property, value, expected) in [
            (ENABLE, "true", Some(Policy::DynamicPartition)),
            (ENABLE, "false", None),
            (LIVE_NUMBER, "5", Some(Policy::LiveNumber)),
            (LIVE_NUMBER, "-1", None),
            (TTL, "2 week", Some(Policy::Ttl)),
            (TTL, "P3M", Some(Policy::Ttl)),
            (TTL, "0 day", None),
            (RETENTION, "dt > current_date()", Some(Policy::Retention)),
            (RETENTION, "", None),
            ("replication_num", "3", None),
        ] {
            assert_eq!(
                active(&properties(&[(property, value)])),
                expected.into_iter().collect::<Vec<_>>(),
                "{property}={value}"
            );
        }
    }

    #[test]
    fn what_is_switched_off_is_not_active() {
        for policy in Policy::ALL {
            assert!(!policy.is_active(&properties(&[(policy.property(), policy.off())])));
        }
    }

    #[test]
    fn dynamic_partitions_go_by_their_end() {
        let policy = Policy::DynamicPartition;
        let keeps =
            |start: &str, ends: &[UpperBound]| keeps_all(policy, &dynamic(start), ends, now());
        assert!(keeps("-3", &ends(&["2026-03-08", "2026-03-12"])));
        assert!(!keeps("-3", &ends(&["2026-03-06", "2026-03-12"])));
        assert!(keeps("-2147483648", &ends(&["1970-01-02"])));
        assert!(!keeps("-3", &[None]));
        let mut no_zone = dynamic("-3");
        no_zone[3].1 = "Nowhere/Land".into();
        assert!(!keeps_all(policy, &no_zone, &ends(&["2026-03-12"]), now()));
    }

    #[test]
    fn other_policies() {
        let keeps = |property: &str, value: &str, policy, ends: &[UpperBound]| {
            keeps_all(policy, &properties(&[(property, value)]), ends, now())
        };
        let days = ends(&["2026-03-01", "2026-03-02"]);
        assert!(keeps(LIVE_NUMBER, "2", Policy::LiveNumber, &days));
        assert!(!keeps(LIVE_NUMBER, "1", Policy::LiveNumber, &days));
        assert!(keeps(TTL, "1 month", Policy::Ttl, &days));
        assert!(!keeps(TTL, "1 week", Policy::Ttl, &days));
        assert!(!keeps(TTL, "P9Y", Policy::Ttl, &days));
        assert!(!keeps(RETENTION, "dt > 0", Policy::Retention, &days));
    }
}
