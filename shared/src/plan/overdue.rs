//! Which groups have no backup that is young enough.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ident::{DatabaseName, GroupName};

/// What is expected of a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub group: GroupName,
    /// Between two starts of its schedule.
    pub interval_hours: u32,
    /// How long a backup may take, with all its retries, before it is late.
    pub grace_hours: u32,
}

/// Of one database of a group, in minutes by the leader's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// Since the newest FINISHED label was planned: it holds nothing newer.
    pub good: Option<i64>,
    /// Since the group got its first table of this database.
    pub created: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overdue {
    pub group: GroupName,
    pub reason: String,
}

pub type Ages = BTreeMap<GroupName, BTreeMap<DatabaseName, Age>>;

/// A group is as old as the oldest of its databases.
pub fn overdue(expected: &[Expected], ages: &Ages) -> Vec<Overdue> {
    expected
        .iter()
        .filter_map(|expected| {
            let reason = reason(expected, ages.get(&expected.group))?;
            Some(Overdue {
                group: expected.group.clone(),
                reason,
            })
        })
        .collect()
}

/// In minutes, how old each group's newest good backup is. A group that does not exist has none.
pub fn newest(expected: &[Expected], ages: &Ages) -> Vec<(GroupName, i64)> {
    expected
        .iter()
        .filter_map(|expected| {
            let databases = ages.get(&expected.group)?;
            let oldest = databases
                .values()
                .map(|age| age.good.unwrap_or(age.created));
            Some((expected.group.clone(), oldest.max()?))
        })
        .collect()
}

fn reason(expected: &Expected, databases: Option<&BTreeMap<DatabaseName, Age>>) -> Option<String> {
    let Some(databases) = databases else {
        return Some("there is no such group".to_owned());
    };
    let limit = 60 * i64::from(expected.interval_hours + expected.grace_hours);
    databases.iter().find_map(|(database, age)| {
        let hours = |minutes: i64| format!("{}.{} h", minutes / 60, minutes % 60 / 6);
        match age.good {
            Some(good) if good > limit => Some(format!(
                "the newest good backup of database {database} is {} old; {} h are allowed",
                hours(good),
                limit / 60
            )),
            None if age.created > limit => Some(format!(
                "database {database} was never backed up, {} after it was added",
                hours(age.created)
            )),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ages: &[(&str, Option<i64>, i64)]) -> Ages {
        let databases = ages.iter().map(|(database, good, created)| {
            let age = Age {
                good: *good,
                created: *created,
            };
            (database.parse().unwrap(), age)
        });
        [("nightly".parse().unwrap(), databases.collect())].into()
    }

    #[test]
    fn the_oldest_database_counts() {
        let nightly = Expected {
            group: "nightly".parse().unwrap(),
            interval_hours: 24,
            grace_hours: 3,
        };
        let limit = 27 * 60;
        let age = |ages| newest(std::slice::from_ref(&nightly), &ages);
        let [(group, minutes)] = &*age(of(&[("a", Some(10), 99), ("b", None, 50)])) else {
            panic!("one group");
        };
        assert_eq!((group, *minutes), (&nightly.group, 50));
        assert_eq!(age(Ages::new()), []);
        for (ages, expected) in [
            (of(&[("a", Some(10), 99_999)]), None),
            (of(&[("a", Some(limit), 99_999)]), None),
            (
                of(&[("a", Some(10), 99_999), ("b", Some(limit + 6), 99_999)]),
                Some("the newest good backup of database b is 27.1 h old; 27 h are allowed"),
            ),
            (of(&[("a", None, limit)]), None),
            (
                of(&[("a", None, limit + 60)]),
                Some("database a was never backed up, 28.0 h after it was added"),
            ),
            (Ages::new(), Some("there is no such group")),
        ] {
            let found = overdue(std::slice::from_ref(&nightly), &ages);
            let reason = found.first().map(|found| found.reason.as_str());
            assert_eq!(reason, expected);
        }
    }
}
