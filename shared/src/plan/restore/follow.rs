//! Judging a RESTORE that was submitted, look by look.

use super::detail::Seen;
use crate::{
    digest::Digest,
    job::{Phase, RestoreState},
    time::UtcTime,
};

/// RESTORE needs seconds to leave PENDING; this long means that the job handler is blocked.
const PENDING_LIMIT_SECONDS: i64 = 30 * 60;
/// A job that SHOW RESTORE does not show, while its tables are being restored, is looked for this long:
/// the leader may just be replaced.
const LOST_AFTER_SECONDS: i64 = 600;

/// The step's own job, as SHOW RESTORE prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobNow {
    pub state: RestoreState,
    pub unfinished_tasks: String,
    pub progress: String,
    pub task_errors: Option<String>,
}

impl JobNow {
    /// Changes whenever anything moves.
    pub fn digest(&self) -> Digest {
        let parts = [self.state.as_str(), &self.unfinished_tasks, &self.progress];
        Digest::of(parts.map(str::as_bytes))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// At work; what was seen is to be remembered.
    Running(Seen),
    /// To be cancelled, for this reason.
    Stalled(String),
    /// At its end, or never there: the step itself tells which.
    Ended,
    /// Not shown, though tables are being restored. To be looked for again.
    Unseen(Seen),
    /// ... and that for too long.
    Lost,
}

/// Judges a look. `restoring`: a table of the step is in State RESTORE.
pub fn follow(
    before: Option<&Seen>,
    job: Option<&JobNow>,
    restoring: bool,
    now: UtcTime,
    stall_minutes: u32,
) -> Look {
    let digest = match job {
        Some(job) if job.state.phase() != Phase::Running => return Look::Ended,
        None if !restoring => return Look::Ended,
        job => job.map(JobNow::digest),
    };
    let seen = match before {
        Some(before) if before.digest == digest => before.clone(),
        _ => Seen { digest, since: now },
    };
    let still = now.timestamp().as_second() - seen.since.timestamp().as_second();
    let Some(job) = job else {
        return match still >= LOST_AFTER_SECONDS {
            true => Look::Lost,
            false => Look::Unseen(seen),
        };
    };
    let words = match (&job.task_errors, job.state) {
        // From here on a cancel can leave data unreadable.
        (_, state) if state.is_past_commit() => None,
        (errors, RestoreState::Pending) if still >= PENDING_LIMIT_SECONDS => {
            Some(errors.clone().unwrap_or_else(|| "State PENDING".to_owned()))
        }
        // Backends retry a failed task for ever and the job's status stays OK: errors together with a
        // standstill are the only sign.
        (Some(errors), _) if still >= i64::from(stall_minutes) * 60 => Some(errors.clone()),
        _ => None,
    };
    match words {
        Some(words) => Look::Stalled(format!("{words} (no progress for {} minutes)", still / 60)),
        None => Look::Running(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u32) -> UtcTime {
        format!("2026-03-01 {:02}:{:02}:00", 4 + minute / 60, minute % 60)
            .parse()
            .unwrap()
    }

    fn job(state: RestoreState, errors: Option<&str>) -> JobNow {
        JobNow {
            state,
            unfinished_tasks: "[1=2]".into(),
            progress: String::new(),
            task_errors: errors.map(str::to_owned),
        }
    }

    /// The look after so many minutes at which the same was shown.
    fn look(job: Option<&JobNow>, restoring: bool, minutes: u32) -> Look {
        let before = Seen {
            digest: job.map(JobNow::digest),
            since: at(0),
        };
        follow(Some(&before), job, restoring, at(minutes), 60)
    }

    fn stalls(state: RestoreState, errors: Option<&str>, minutes: u32) -> bool {
        matches!(
            look(Some(&job(state, errors)), true, minutes),
            Look::Stalled(_)
        )
    }

    #[test]
    fn errors_and_a_standstill_are_a_stall_and_neither_alone() {
        use RestoreState::{Commit, Committing, Downloading, Pending, Snapshoting};
        for (state, errors, minutes, stalled) in [
            (Downloading, Some("no such bucket"), 60, true),
            (Snapshoting, Some("disk full"), 61, true),
            (Downloading, Some("no such bucket"), 59, false),
            (Downloading, None, 600, false),
            (Pending, None, 30, true),
            (Pending, None, 29, false),
            // Never from COMMIT on.
            (Commit, Some("x"), 600, false),
            (Committing, Some("x"), 600, false),
        ] {
            assert_eq!(
                stalls(state, errors, minutes),
                stalled,
                "{state:?} {minutes}"
            );
        }
    }

    #[test]
    fn anything_that_moves_starts_the_clock_again() {
        let mut moved = job(RestoreState::Downloading, Some("timeout"));
        let before = Seen {
            digest: Some(moved.digest()),
            since: at(0),
        };
        moved.progress = "[7: 1/2]".into();
        let Look::Running(seen) = follow(Some(&before), Some(&moved), true, at(90), 60) else {
            panic!("it moves");
        };
        assert_eq!(seen.since, at(90));
    }

    #[test]
    fn what_is_not_shown_is_looked_for_while_its_tables_are_restored() {
        assert_eq!(look(None, false, 0), Look::Ended);
        assert!(matches!(look(None, true, 9), Look::Unseen(_)));
        assert_eq!(look(None, true, 10), Look::Lost);
        // The first look that does not find it.
        let shown = job(RestoreState::Downloading, None);
        let before = Seen {
            digest: Some(shown.digest()),
            since: at(0),
        };
        let look = follow(Some(&before), None, true, at(50), 60);
        assert!(matches!(look, Look::Unseen(seen) if seen.since == at(50)));
    }
}
