//! How often a job is looked at, and what that makes of an execution's history on AWS.
//!
//! Step Functions ends an execution whose history has 25,000 events, whatever StarRocks does meanwhile. So
//! a backup that might come near is refused before anything is begun.

use crate::error::{Error, ErrorName};

pub const SHORTEST_WAIT: u64 = 5;
/// The lease is 20 minutes: several looks may fail before it expires.
pub const LONGEST_WAIT: u64 = 300;
const USUAL_WAIT: u64 = 60;
const AN_HOUR: i64 = 3600;

/// Events of `backup.asl.json`, counted as Step Functions counts them; a test holds them against a run.
/// A look is a Task (entered, scheduled, started, succeeded, exited), a Choice and a Wait.
const PER_LOOK: u64 = 9;
/// Two iterations of a Map (started, succeeded) with one Task each.
const PER_DATABASE: u64 = 14;
/// Everything that happens once.
const PER_EXECUTION: u64 = 60;
/// Less than half of the limit: retries, further rounds and redrives write into the same history.
pub const HISTORY_LIMIT: u64 = 12_000;

/// From 5 s on, doubling up to 60 s; once the job is an hour old, 300 s.
pub fn wait_seconds(waited: u64, age_seconds: i64) -> u64 {
    if age_seconds >= AN_HOUR {
        return LONGEST_WAIT;
    }
    (waited * 2).clamp(SHORTEST_WAIT, USUAL_WAIT)
}

/// Looks at a job that takes so long.
pub fn looks(seconds: u64) -> u64 {
    let (mut looks, mut waited, mut age) = (1, 0, 0_u64);
    while age < seconds {
        waited = wait_seconds(waited, i64::try_from(age).unwrap_or(i64::MAX));
        age += waited;
        looks += 1;
    }
    looks
}

/// Events in the history of a backup that is followed for so long.
pub fn history_events(databases: usize, seconds: u64) -> u64 {
    let databases = u64::try_from(databases).unwrap_or(u64::MAX);
    PER_EXECUTION + PER_DATABASE.saturating_mul(databases) + PER_LOOK * looks(seconds)
}

/// Refuses what would pass [`HISTORY_LIMIT`]. A backup is followed until StarRocks ends it, which may be
/// after `windows` times its window.
pub fn check_history(databases: usize, window_hours: u64, windows: u64) -> Result<(), Error> {
    let events_with = |hours: u64| history_events(databases, hours * windows * 3600);
    let events = events_with(window_hours);
    if events <= HISTORY_LIMIT {
        return Ok(());
    }
    let error = Error::new(
        ErrorName::InvalidConfig,
        format!(
            "a backup of {databases} databases that is followed for {} hours writes {events} events into the \
             history of its execution, more than {HISTORY_LIMIT}; with 25000 AWS Step Functions would end it",
            window_hours * windows
        ),
    );
    let fitting = (1..window_hours).rfind(|&hours| events_with(hours) <= HISTORY_LIMIT);
    Err(match fitting {
        Some(hours) => error.hint(format!(
            "divide the databases among several groups, or set STARROCKS_BR_WINDOW_HOURS to at most {hours}"
        )),
        None => error.hint("divide the databases among several groups"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_at_five_minutes() {
        for (waited, age, wait) in [
            (0, 0, 5),
            (5, 5, 10),
            (10, 15, 20),
            (40, 75, 60),
            (60, 3599, 60),
            (60, 3600, 300),
        ] {
            assert_eq!(
                wait_seconds(waited, age),
                wait,
                "after {waited} s at {age} s"
            );
        }
    }

    #[test]
    fn a_day_is_far_below_the_limit_for_any_group() {
        for databases in [1, 4, 20] {
            let events = history_events(databases, 24 * 3600);
            assert!((3_000..4_000).contains(&events), "{databases}: {events}");
            assert_eq!(check_history(databases, 24, 2), Ok(()));
        }
    }

    #[test]
    fn what_would_pass_the_limit_is_refused_with_what_would_not() {
        for (windows, most) in [(1, 106), (2, 53)] {
            assert_eq!(check_history(1, most, windows), Ok(()));
            let error = check_history(1, most + 1, windows).unwrap_err();
            assert_eq!(error.name, ErrorName::InvalidConfig);
            let hint = format!("at most {most}");
            assert!(error.hints[0].ends_with(&hint), "{error}");
        }
        let error = check_history(1_000, 24, 1).unwrap_err();
        assert!(error.message.contains("1000 databases"), "{error}");
        assert!(error.hints[0].ends_with("several groups"), "{error}");
    }
}
