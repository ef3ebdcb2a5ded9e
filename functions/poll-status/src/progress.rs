//! What people are shown of a job at work.

use shared::{digest::Digest, flow::Progress, sql::show::BackupJob};

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
