//! What to do with what an execution had begun when it was stopped, ran out of time or failed.
//!
//! A stopped execution runs nothing of its own any more, but its last call may still be at work: it is
//! never known that it is not. So a database is not simply given back. First its lease is taken anew, in
//! the execution's own name: from then on no call passes the check before BACKUP, RESTORE, SWAP, DROP and
//! CANCEL. What passed it before may be on its way for as long as that check asks a lease to last, two
//! minutes; so long the new lease is held, and no longer. A lease of another execution is never touched,
//! and with it nothing of the database: who holds it brings all its labels to their end.

use serde::Serialize;

use crate::{
    flow::JobState, ident::ExecutionId, manifest::BackupStatus, sql::ops::run_status::Phase,
};

/// Whose the newest lease of a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The execution's that ended; `held` until it expires or is given back.
    Own {
        held: bool,
    },
    Other {
        execution: ExecutionId,
        held: bool,
    },
}

/// A label that nobody has brought to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLabel {
    pub phase: Phase,
    /// As history has it; nothing before it is planned.
    pub status: Option<BackupStatus>,
    /// Nothing had changed, so no BACKUP is sent for it.
    pub stores_nothing: bool,
    pub shown: Shown,
}

/// What StarRocks shows of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    Running,
    /// SHOW BACKUP shows it FINISHED.
    Finished,
    /// In the engine's words.
    Cancelled(String),
    /// Complete, and not in SHOW BACKUP.
    InRepository,
    /// Two clusters used it at the same moment.
    Unusable,
    /// Nowhere, or only a part of it.
    Nowhere,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It has ended: to be recorded as its execution would have.
    Record(JobState, Option<String>),
    /// CANCEL BACKUP, if it is still running then.
    Cancel,
    Leave(Left),
}

/// Why a label is left to the next execution of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// StarRocks works on it.
    Running,
    /// Looked for in vain before; it may still be at work unseen.
    Lost,
    /// Its plan was not complete: no BACKUP was sent.
    NotPlanned,
    /// StarRocks shows it nowhere, or not as this cluster's: a call may just be sending it.
    Unknown,
}

pub fn fate(label: &OpenLabel, may_cancel: bool) -> Fate {
    if label.phase < Phase::Planned {
        return Fate::Leave(Left::NotPlanned);
    }
    match label.status {
        None => return Fate::Leave(Left::NotPlanned),
        Some(BackupStatus::Running | BackupStatus::Lost) => {}
        // History has its end, and only run_status lags behind.
        Some(_) => return Fate::Record(JobState::Finished, None),
    }
    if label.stores_nothing {
        return Fate::Record(JobState::Unchanged, None);
    }
    let sent = label.phase >= Phase::Submitted;
    match &label.shown {
        Shown::Running if may_cancel => Fate::Cancel,
        Shown::Running => Fate::Leave(Left::Running),
        Shown::Finished => Fate::Record(JobState::Finished, None),
        Shown::Cancelled(words) => Fate::Record(JobState::Cancelled, Some(words.clone())),
        // What is wrong with an unusable one is said where it is recorded. Not known to be sent, either
        // may be another cluster's.
        Shown::InRepository | Shown::Unusable if sent => Fate::Record(JobState::Finished, None),
        _ if label.status == Some(BackupStatus::Lost) => Fate::Leave(Left::Lost),
        Shown::InRepository | Shown::Unusable | Shown::Nowhere => Fate::Leave(Left::Unknown),
    }
}

/// What becomes of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takeover {
    /// The lease is taken anew, labels are brought to their end, and it is given back.
    Take,
    /// Nothing is left to do.
    Free,
    /// This execution brings it to its end, or has done so.
    Others(ExecutionId),
    /// The lease runs out by itself.
    Keep,
}

pub fn takeover(holder: &Holder, labels: &[Fate]) -> Takeover {
    match holder {
        Holder::Other { held: false, .. } if labels.is_empty() => Takeover::Free,
        Holder::Other { execution, .. } => Takeover::Others(execution.clone()),
        Holder::Own { held: false } if labels.is_empty() => Takeover::Free,
        // Its job may be at work unseen, and the time until the lease expires is what protects it.
        Holder::Own { .. } if labels.contains(&Fate::Leave(Left::Lost)) => Takeover::Keep,
        // Nobody is kept out, and there is nothing to write: what runs is adopted at any time.
        Holder::Own { held: false }
            if labels.iter().all(|label| matches!(label, Fate::Leave(_))) =>
        {
            Takeover::Keep
        }
        Holder::Own { .. } => Takeover::Take,
    }
}

/// Those of `known` that are one execution: its ARN and its start, as the execution itself wrote it. A
/// name can be used again 90 days after it ended, so starts within a day of each other are one start,
/// however they are printed: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>
pub fn is_execution(id: &ExecutionId, arn: &str, started_ms: i64) -> bool {
    const DAY: i64 = 24 * 3600;
    let Some(start) = id
        .as_str()
        .strip_prefix(arn)
        .and_then(|rest| rest.strip_prefix('@'))
    else {
        return false;
    };
    crate::time::UtcTime::from_user(start).is_ok_and(|start| {
        (start.timestamp().as_second() - started_ms.div_euclid(1000)).abs() < DAY
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(phase: Phase, status: BackupStatus, shown: Shown) -> OpenLabel {
        OpenLabel {
            phase,
            status: Some(status),
            stores_nothing: false,
            shown,
        }
    }

    #[test]
    fn each_label_has_one_fate() {
        use BackupStatus::{Failed, Finished, Lost, Running};
        use JobState::Finished as Ended;
        use Left::{NotPlanned, Unknown};
        use Phase::{Claimed, Pinned, Planned, Submitted};
        let words = || "[COMMON_ERROR, msg: user cancelled]".to_owned();
        let recorded = || Fate::Record(Ended, None);
        for (phase, status, shown, expected) in [
            (Claimed, Running, Shown::Nowhere, Fate::Leave(NotPlanned)),
            // The name that was claimed is another tool's, or another cluster's.
            (Claimed, Running, Shown::Finished, Fate::Leave(NotPlanned)),
            (Planned, Running, Shown::Nowhere, Fate::Leave(Unknown)),
            (Planned, Running, Shown::Running, Fate::Leave(Left::Running)),
            (Planned, Running, Shown::Finished, recorded()),
            (Planned, Running, Shown::InRepository, Fate::Leave(Unknown)),
            (Planned, Running, Shown::Unusable, Fate::Leave(Unknown)),
            (Submitted, Running, Shown::Nowhere, Fate::Leave(Unknown)),
            (Submitted, Running, Shown::InRepository, recorded()),
            (Submitted, Running, Shown::Unusable, recorded()),
            (Pinned, Running, Shown::Running, Fate::Leave(Left::Running)),
            (Pinned, Running, Shown::Finished, recorded()),
            (
                Pinned,
                Running,
                Shown::Cancelled(words()),
                Fate::Record(JobState::Cancelled, Some(words())),
            ),
            (Pinned, Lost, Shown::Nowhere, Fate::Leave(Left::Lost)),
            (Pinned, Lost, Shown::InRepository, recorded()),
            (Pinned, Lost, Shown::Running, Fate::Leave(Left::Running)),
            // Written, and not closed.
            (Pinned, Finished, Shown::Nowhere, recorded()),
            (Planned, Failed, Shown::Nowhere, recorded()),
        ] {
            let label = label(phase, status, shown);
            assert_eq!(fate(&label, false), expected, "{label:?}");
            // Only what runs can be cancelled.
            let cancelled = match label.shown {
                Shown::Running => Fate::Cancel,
                _ => expected,
            };
            assert_eq!(fate(&label, true), cancelled, "{label:?}");
        }
    }

    #[test]
    fn nothing_to_store_is_never_looked_for() {
        let mut unchanged = label(Phase::Planned, BackupStatus::Running, Shown::Nowhere);
        unchanged.stores_nothing = true;
        assert_eq!(
            fate(&unchanged, true),
            Fate::Record(JobState::Unchanged, None)
        );
        unchanged.status = None;
        assert_eq!(fate(&unchanged, true), Fate::Leave(Left::NotPlanned));
    }

    #[test]
    fn a_database_is_taken_only_from_the_execution_itself() {
        let other: ExecutionId = "other".parse().unwrap();
        let of_other = |held| Holder::Other {
            execution: other.clone(),
            held,
        };
        let own = |held| Holder::Own { held };
        let others = || Takeover::Others(other.clone());
        let done = || Fate::Record(JobState::Finished, None);
        let running = || Fate::Leave(Left::Running);
        let lost = || Fate::Leave(Left::Lost);
        for (holder, labels, expected) in [
            (of_other(true), vec![], others()),
            (of_other(true), vec![done()], others()),
            (of_other(false), vec![], Takeover::Free),
            // That one's run died too: whoever comes next adopts both.
            (of_other(false), vec![done(), Fate::Cancel], others()),
            (own(false), vec![], Takeover::Free),
            (own(true), vec![], Takeover::Take),
            (own(true), vec![running()], Takeover::Take),
            (own(true), vec![done()], Takeover::Take),
            (own(false), vec![done()], Takeover::Take),
            (own(false), vec![Fate::Cancel], Takeover::Take),
            (own(false), vec![running()], Takeover::Keep),
            (own(false), vec![running(), done()], Takeover::Take),
            (own(true), vec![done(), lost()], Takeover::Keep),
        ] {
            assert_eq!(
                takeover(&holder, &labels),
                expected,
                "{holder:?} {labels:?}"
            );
        }
    }

    #[test]
    fn an_execution_is_known_by_its_name_and_its_day() {
        let arn = "arn:aws:states:eu-central-1:123456789012:execution:backup:nightly";
        // 2026-03-01T04:00:00.250Z
        let started_ms = 1_772_337_600_250;
        for (id, expected) in [
            (format!("{arn}@2026-03-01T04:00:00.250Z"), true),
            (format!("{arn}@2026-03-01T04:00:00+00:00"), true),
            (format!("{arn}@2026-06-01T04:00:00.250Z"), false),
            (format!("{arn}ly@2026-03-01T04:00:00.250Z"), false),
            (format!("{arn}@yesterday"), false),
            (arn.to_owned(), false),
        ] {
            let id: ExecutionId = id.parse().unwrap();
            assert_eq!(is_execution(&id, arn, started_ms), expected, "{id}");
        }
    }
}
