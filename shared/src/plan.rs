//! Pure planners: facts in, a plan out, with a reason for every decision. No clock, no I/O.

use serde::Serialize;

pub mod activity;
pub mod aftermath;
pub mod backup;
pub mod cancel;
pub mod finding;
pub mod foreign;
pub mod kept;
pub mod kept_reading;
pub mod label;
pub mod left;
pub mod orphans;
pub mod overdue;
pub mod partition_diff;
pub mod polling;
pub mod precheck;
pub mod privileges;
pub mod promote;
pub mod reconcile;
pub mod restore;
pub mod row_counts;
pub mod schedule;
pub mod second_reading;
pub mod verify;
pub mod whole;

pub use finding::{Finding, Verdict};

/// One decision of a planner, as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What it is about: a database, table, partition or label.
    pub subject: String,
    /// What will be done: `store`, `reference`, `drop`, `stage`, `swap` ...
    pub action: &'static str,
    pub reason: String,
}

impl Decision {
    pub fn new(
        subject: impl Into<String>,
        action: &'static str,
        reason: impl Into<String>,
    ) -> Decision {
        Decision {
            subject: subject.into(),
            action,
            reason: reason.into(),
        }
    }
}
