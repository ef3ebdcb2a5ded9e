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
pub fn looks(seconds: u32) -> u64 {
    let (mut looks, mut waited, mut age) = (1, 0, 0_u64);
    while age < u64::from(seconds) {
        waited = wait_seconds(waited, i64::try_from(age).unwrap_or(i64::MAX));
        age += waited;
        looks += 1;
    }
    looks
}

/// Events in the history of a backup that takes its whole window.
pub fn history_events(databases: usize, window_seconds: u32) -> u64 {
    let databases = u64::try_from(databases).unwrap_or(u64::MAX);
    PER_EXECUTION + PER_DATABASE.saturating_mul(databases) + PER_LOOK * looks(window_seconds)
}

/// Refuses what would pass [`HISTORY_LIMIT`].
pub fn check_history(databases: usize, window_seconds: u32) -> Result<(), Error> {
    let events = history_events(databases, window_seconds);
    if events <= HISTORY_LIMIT {
        return Ok(());
    }
    let hours = window_seconds / 3600;
    let error = Error::new(
        ErrorName::InvalidConfig,
        format!(
            "a backup of {databases} databases that is followed for {hours} hours writes {events} events into \
             the history of its execution, more than {HISTORY_LIMIT}; with 25000 AWS Step Functions would end it"
        ),
    );
    let fitting =
        (1..hours).rfind(|hours| history_events(databases, hours * 3600) <= HISTORY_LIMIT);
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
        for (databases, hours, most) in [(1, 24, 4_000), (4, 24, 4_000), (20, 24, 4_000)] {
            let events = history_events(databases, hours * 3600);
            assert!((3_000..most).contains(&events), "{databases}: {events}");
        }
        assert_eq!(check_history(500, 86_400), Ok(()));
    }

    #[test]
    fn what_would_pass_the_limit_is_refused_with_what_would_not() {
        assert_eq!(check_history(1, 100 * 3600), Ok(()));
        let error = check_history(20, 720 * 3600).unwrap_err();
        assert_eq!(error.name, ErrorName::InvalidConfig);
        assert!(error.message.contains("20 databases"), "{error}");
        let hours: u32 = error.hints[0].rsplit(' ').next().unwrap().parse().unwrap();
        assert_eq!(check_history(20, hours * 3600), Ok(()));
        assert!(check_history(20, (hours + 1) * 3600).is_err());

        let error = check_history(1_000, 86_400).unwrap_err();
        assert!(error.hints[0].contains("several groups"), "{error}");
    }
}
