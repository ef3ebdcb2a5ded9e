//! Whether a running backup may be cancelled for a person. CANCEL BACKUP takes no label and ends
//! whatever runs in the database, so what is asked for, what was shown and what runs are compared.

use crate::{
    error::{Error, ErrorName},
    ident::{DatabaseName, ExecutionId},
    sql::show::BackupJob,
};

/// A backup at work, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtWork {
    pub database: DatabaseName,
    pub job: BackupJob,
    /// `None`: no run of ours knows its label.
    pub run: Option<Run>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub execution: ExecutionId,
    /// Since it claimed the label, by the leader's clock.
    pub seconds: i64,
}

/// `named`: the label that the person says.
pub fn check(work: &AtWork, named: Option<&str>) -> Result<(), Error> {
    let AtWork { database, job, run } = work;
    match named {
        Some(named) if named != job.label => Err(Error::new(
            ErrorName::NotFound,
            format!(
                "label '{named}' is not at work in database {database}, but '{}' is: nothing was cancelled",
                job.label
            ),
        )
        .hint("starrocks-br status shows what is running")),
        None if run.is_none() => Err(Error::new(
            ErrorName::JobConflict,
            format!(
                "'{}' in database {database} is a backup of somebody else: no run of ours knows the \
                 label, and nothing was cancelled",
                job.label
            ),
        )
        .hint("ask whoever sent it; to end it all the same, name it with --label")),
        _ => Ok(()),
    }
}

/// Right before CANCEL is sent: `now` is what SHOW BACKUP shows at work. A label can be used again
/// where the first job of that name left nothing, and that job began at another time.
pub fn is_still(shown: &AtWork, now: Option<&BackupJob>) -> Result<(), Error> {
    let same =
        now.is_some_and(|now| now.label == shown.job.label && now.created == shown.job.created);
    match same {
        true => Ok(()),
        false => Err(Error::new(
            ErrorName::JobConflict,
            format!(
                "'{}' is not at work in database {} any more{}: nothing was cancelled",
                shown.job.label,
                shown.database,
                match now {
                    Some(other) => format!(", and '{}' is", other.label),
                    None => String::new(),
                }
            ),
        )
        .hint("starrocks-br list shows how it ended, starrocks-br status what is running")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{job::BackupState, sql::show::JobWork};

    fn job(label: &str, created: &str) -> BackupJob {
        BackupJob {
            label: label.to_owned(),
            database: "sales".to_owned(),
            state: BackupState::Uploading,
            created: created.to_owned(),
            pin: None,
            work: JobWork {
                unfinished_tasks: String::new(),
                progress: String::new(),
                task_errors: None,
                status: "[OK]".to_owned(),
                timeout_seconds: 600,
            },
        }
    }

    fn work(run: bool) -> AtWork {
        AtWork {
            database: "sales".parse().unwrap(),
            job: job("own", "04:00"),
            run: run.then(|| Run {
                execution: "one".parse().unwrap(),
                seconds: 60,
            }),
        }
    }

    #[test]
    fn somebody_elses_job_has_to_be_named_and_a_name_has_to_fit() {
        for (run, named, expected) in [
            (true, None, None),
            (true, Some("own"), None),
            (true, Some("other"), Some(ErrorName::NotFound)),
            (false, None, Some(ErrorName::JobConflict)),
            (false, Some("own"), None),
            (false, Some("other"), Some(ErrorName::NotFound)),
        ] {
            let judged = check(&work(run), named).err().map(|error| error.name);
            assert_eq!(judged, expected, "{run} {named:?}");
        }
    }

    #[test]
    fn only_the_very_job_that_was_shown_is_cancelled() {
        for (now, same) in [
            (Some(job("own", "04:00")), true),
            (Some(job("own", "04:09")), false),
            (Some(job("other", "04:00")), false),
            (None, false),
        ] {
            assert_eq!(is_still(&work(true), now.as_ref()).is_ok(), same, "{now:?}");
        }
    }
}
