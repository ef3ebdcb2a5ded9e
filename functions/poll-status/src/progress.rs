//! What people are shown of a job at work, and how long until the next look.

use shared::{digest::Digest, flow::Progress, sql::show::BackupJob};

pub(crate) const SHORTEST_WAIT: u64 = 5;
/// The lease is 20 minutes: several looks may fail before it expires.
pub(crate) const LONGEST_WAIT: u64 = 300;
const USUAL_WAIT: u64 = 60;
const AN_HOUR: i64 = 3600;

/// From 5 s on, doubling up to 60 s; once the job is an hour old, 300 s.
pub(crate) fn wait_seconds(waited: u64, age_seconds: i64) -> u64 {
    if age_seconds >= AN_HOUR {
        return LONGEST_WAIT;
    }
    (waited * 2).clamp(SHORTEST_WAIT, USUAL_WAIT)
}

/// Changes whenever anything moves.
pub(crate) fn digest_of(job: &BackupJob) -> String {
    let parts = [
        job.state.as_str(),
        &job.work.unfinished_tasks,
        &job.work.progress,
    ];
    Digest::of(parts.map(str::as_bytes)).to_string()
}

pub(crate) fn of_backup(job: &BackupJob) -> Progress {
    Progress {
        state: job.state.as_str().to_owned(),
        percent: percent(&job.work.progress),
        detail: job.work.task_errors.clone(),
    }
}

pub(crate) fn finished() -> Progress {
    Progress {
        state: "FINISHED".to_owned(),
        percent: Some(100),
        detail: None,
    }
}

/// The column Progress is `[taskId: done/total], ...` while files move, else empty.
pub(crate) fn percent(progress: &str) -> Option<u8> {
    let mut done_sum = 0_u64;
    let mut total_sum = 0_u64;
    for task in progress.split(['[', ']']) {
        let Some((_, counts)) = task.split_once(':') else {
            continue;
        };
        let (done, total) = counts.trim().split_once('/')?;
        done_sum += done.trim().parse::<u64>().ok()?;
        total_sum += total.trim().parse::<u64>().ok()?;
    }
    let percent = (done_sum * 100).checked_div(total_sum)?;
    u8::try_from(percent.min(100)).ok()
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
    fn percent_over_all_tasks() {
        for (progress, expected) in [
            ("", None),
            ("[10: 1/4]", Some(25)),
            ("[10: 1/4], [11: 3/4]", Some(50)),
            ("[10: 0/0]", None),
            ("[x]", None),
        ] {
            assert_eq!(percent(progress), expected, "{progress:?}");
        }
    }
}
