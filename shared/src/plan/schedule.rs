//! Which kind of backup is due, and how long it is kept: `kind: auto`.
//!
//! Decided from the local date and from the fulls that are there, so that one schedule a day is
//! enough, and a full that was missed is made up by the next run. Cron cannot express "every Sunday but
//! the first of the month", so no cron decides.
//!
//! Dates name what is due. Whether data is backed up is never decided here: an incremental that is
//! chosen finds changes by ids and versions.

use std::collections::BTreeMap;

use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};
use serde::Deserialize;

use crate::{flow::Retention, ident::DatabaseName, label::BackupKind, manifest::RetentionClass};

/// What a group is to have. Defaults: a full every Sunday kept 90 days, the month's first one 365;
/// incrementals on the other days, kept 14.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    pub full_on: FullOn,
    pub monthly_days: u16,
    pub weekly_days: u16,
    pub daily_days: u16,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            full_on: FullOn::Sunday,
            monthly_days: 365,
            weekly_days: 90,
            daily_days: 14,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FullOn {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl FullOn {
    fn weekday(self) -> Weekday {
        match self {
            FullOn::Monday => Weekday::Monday,
            FullOn::Tuesday => Weekday::Tuesday,
            FullOn::Wednesday => Weekday::Wednesday,
            FullOn::Thursday => Weekday::Thursday,
            FullOn::Friday => Weekday::Friday,
            FullOn::Saturday => Weekday::Saturday,
            FullOn::Sunday => Weekday::Sunday,
        }
    }
}

/// A full that an incremental could be planned against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full {
    /// Local, of the moment it was planned.
    pub date: Date,
    /// `None`: made by hand, for no class.
    pub class: Option<RetentionClass>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub kind: BackupKind,
    pub retention: Retention,
    pub reason: String,
}

impl Choice {
    fn new(kind: BackupKind, class: RetentionClass, days: u16, reason: String) -> Choice {
        Choice {
            kind,
            retention: Retention { class, days },
            reason,
        }
    }
}

/// `fulls`: of every database of the group. All of its databases get the same kind, so that one
/// execution is one state of the group: what one of them lacks is made for all.
pub fn choose(policy: &Policy, today: Date, fulls: &BTreeMap<DatabaseName, Vec<Full>>) -> Choice {
    let weekly_due = latest_due(policy, today);
    let monthly_due = latest_first_due(policy, today);
    let lacking = |due: Date, class: Option<RetentionClass>| {
        fulls.iter().find(|(_, fulls)| {
            !fulls
                .iter()
                .any(|full| full.date >= due && (class.is_none() || full.class == class))
        })
    };
    if let Some((database, _)) = lacking(monthly_due, Some(RetentionClass::Monthly)) {
        return Choice::new(
            BackupKind::Full,
            RetentionClass::Monthly,
            policy.monthly_days,
            reason("monthly", database, monthly_due, today),
        );
    }
    if let Some((database, _)) = lacking(weekly_due, None) {
        return Choice::new(
            BackupKind::Full,
            RetentionClass::Weekly,
            policy.weekly_days,
            reason("weekly", database, weekly_due, today),
        );
    }
    Choice::new(
        BackupKind::Incremental,
        RetentionClass::Daily,
        policy.daily_days,
        format!("the full of {weekly_due} is there"),
    )
}

fn reason(class: &str, database: &DatabaseName, due: Date, today: Date) -> String {
    match due == today {
        true => format!("the {class} full is due today"),
        false => format!("database {database} has no {class} full since {due}, when it was due"),
    }
}

/// The newest day, today included, on which a full was due.
fn latest_due(policy: &Policy, today: Date) -> Date {
    let back = policy.full_on.weekday().until(today.weekday());
    today.saturating_sub(i64::from(back).days())
}

/// The newest such day that was the first of its month.
fn latest_first_due(policy: &Policy, today: Date) -> Date {
    let mut due = latest_due(policy, today);
    while due.day() > 7 {
        due = due.saturating_sub(7.days());
    }
    due
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, civil::date, tz::TimeZone};
    use proptest::prelude::*;

    use super::*;

    fn database() -> DatabaseName {
        "sales".parse().unwrap()
    }

    fn of(fulls: Vec<Full>) -> BTreeMap<DatabaseName, Vec<Full>> {
        [(database(), fulls)].into()
    }

    fn full(date: Date, class: RetentionClass) -> Full {
        Full {
            date,
            class: Some(class),
        }
    }

    /// 2026-03-01 is a Sunday.
    #[test]
    fn sundays_and_other_days() {
        let monthly = full(date(2026, 3, 1), RetentionClass::Monthly);
        let weekly = full(date(2026, 3, 8), RetentionClass::Weekly);
        let by_hand = Full {
            date: date(2026, 3, 9),
            class: None,
        };
        for (today, fulls, class) in [
            (date(2026, 3, 1), vec![], RetentionClass::Monthly),
            (date(2026, 3, 2), vec![monthly], RetentionClass::Daily),
            (date(2026, 3, 8), vec![monthly], RetentionClass::Weekly),
            // Missed, and made up the next day.
            (date(2026, 3, 9), vec![monthly], RetentionClass::Weekly),
            (
                date(2026, 3, 9),
                vec![monthly, weekly],
                RetentionClass::Daily,
            ),
            (
                date(2026, 3, 10),
                vec![monthly, by_hand],
                RetentionClass::Daily,
            ),
            // The whole first week was missed.
            (date(2026, 3, 8), vec![], RetentionClass::Monthly),
            // Before the month's first Sunday the last month's counts.
            (date(2026, 4, 4), vec![monthly], RetentionClass::Weekly),
            (date(2026, 4, 5), vec![monthly], RetentionClass::Monthly),
            // A new group starts with a full, whatever the day.
            (date(2026, 3, 11), vec![], RetentionClass::Monthly),
        ] {
            let choice = choose(&Policy::default(), today, &of(fulls.clone()));
            assert_eq!(
                choice.retention.class, class,
                "{today} with {fulls:?}: {}",
                choice.reason
            );
            let is_full = class != RetentionClass::Daily;
            assert_eq!(choice.kind == BackupKind::Full, is_full);
        }
    }

    #[test]
    fn what_one_database_lacks_is_made_for_all() {
        let mut fulls = of(vec![full(date(2026, 3, 1), RetentionClass::Monthly)]);
        fulls.insert("new".parse().unwrap(), Vec::new());
        let choice = choose(&Policy::default(), date(2026, 3, 4), &fulls);
        assert_eq!(choice.kind, BackupKind::Full);
        assert!(choice.reason.contains("database new"), "{}", choice.reason);
    }

    /// Every local day from 2026 to 2035 that is run at 04:15, with the days in `missed` left out.
    fn run(
        policy: &Policy,
        zone: &TimeZone,
        missed: impl Fn(usize) -> bool,
    ) -> Vec<(Date, Choice)> {
        let mut fulls = Vec::new();
        let mut chosen = Vec::new();
        let mut day = date(2026, 1, 1);
        for number in 0..3652 {
            // As a schedule does: a moment, seen in the zone.
            let moment: Timestamp = day
                .at(4, 15, 0, 0)
                .to_zoned_datetime(zone.clone())
                .unwrap()
                .timestamp();
            let today = moment.to_zoned_datetime(zone.clone()).date();
            assert_eq!(today, day);
            if !missed(number) {
                let choice = choose(policy, today, &of(fulls.clone()));
                if choice.kind == BackupKind::Full {
                    fulls.push(full(today, choice.retention.class));
                }
                chosen.push((today, choice));
            }
            day = day.tomorrow().unwrap();
        }
        chosen
    }

    #[test]
    fn ten_years_in_three_zones() {
        for zone in ["UTC", "Asia/Shanghai", "America/New_York"] {
            let zone = TimeZone::get(zone).unwrap();
            let chosen = run(&Policy::default(), &zone, |_| false);
            assert_eq!(chosen.len(), 3652);
            // The first run of all has no full to build on.
            for (day, choice) in chosen.iter().skip(1) {
                let sunday = day.weekday() == Weekday::Sunday;
                let expected = match (sunday, day.day() <= 7) {
                    (true, true) => RetentionClass::Monthly,
                    (true, false) => RetentionClass::Weekly,
                    (false, _) => RetentionClass::Daily,
                };
                assert_eq!(choice.retention.class, expected, "{day}: {}", choice.reason);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever is missed, at the end of every day that ran there is a full of the week, and one
        /// of the month, and no week has more than two.
        #[test]
        fn what_was_missed_is_made_up(missed in proptest::collection::vec(any::<bool>(), 3652)) {
            let chosen = run(&Policy::default(), &TimeZone::UTC, |number| missed[number]);
            let mut fulls: Vec<(Date, RetentionClass)> = Vec::new();
            for (day, choice) in &chosen {
                if choice.kind == BackupKind::Full {
                    fulls.push((*day, choice.retention.class));
                }
                let sunday = latest_due(&Policy::default(), *day);
                let first = latest_first_due(&Policy::default(), *day);
                prop_assert!(fulls.iter().any(|(made, _)| *made >= sunday), "{}", day);
                prop_assert!(
                    fulls.iter().any(|(made, class)| *made >= first && *class == RetentionClass::Monthly),
                    "{}", day
                );
                prop_assert_eq!(
                    fulls.iter().filter(|(made, _)| *made >= sunday).count(), 1, "{}", day
                );
            }
        }
    }
}
