//! Judgments around the moment when a live name changes hands.
//!
//! SWAP and RENAME carry no condition and SWAP sent twice undoes itself, so what was done is read from
//! table ids: they travel with the data and are never reused.

use std::fmt;

use serde::Serialize;

use crate::{
    digest::Digest,
    error::{Error, ErrorName},
    facts::TableState,
    ident::{TableId, TableName},
};

pub mod undo;

/// What the names of a table stand for at this moment; `None` where nothing has the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SwapIds {
    pub live: Option<TableId>,
    pub staged: Option<TableId>,
    /// `t_before_{stamp}`: where the old table goes after the swap.
    pub before: Option<TableId>,
}

/// Whether a step on names is still to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameState {
    NotDone,
    Done,
    /// Neither: somebody else changed something.
    Refuse(String),
}

/// Judges `ALTER TABLE live SWAP WITH other`: `live_id` has the live name before it, `other_id` after
/// it. `live` and `other` are what the two names stand for now.
pub fn swap_state(
    live_id: TableId,
    other_id: TableId,
    live: Option<TableId>,
    other: Option<TableId>,
) -> NameState {
    match (live, other) {
        (Some(live), _) if live == other_id => NameState::Done,
        (Some(live), Some(other)) if live == live_id && other == other_id => NameState::NotDone,
        (None, _) => NameState::Refuse(format!(
            "the live table (id {live_id}) is gone: somebody dropped or renamed it"
        )),
        (Some(live), _) if live != live_id => NameState::Refuse(format!(
            "the live table was id {live_id} when this was planned and is now id {live}: somebody \
             replaced it"
        )),
        (_, None) => NameState::Refuse(format!(
            "the table to swap with (id {other_id}) is gone: somebody dropped or renamed it"
        )),
        (_, Some(other)) => NameState::Refuse(format!(
            "the table to swap with was verified as id {other_id} and is now id {other}: somebody \
             replaced it"
        )),
    }
}

/// Judges `ALTER TABLE from RENAME to` of the table `id`.
pub fn rename_state(id: TableId, from: Option<TableId>, to: Option<TableId>) -> NameState {
    match (from, to) {
        (_, Some(to)) if to == id => NameState::Done,
        (Some(from), None) if from == id => NameState::NotDone,
        (_, Some(to)) => NameState::Refuse(format!(
            "the new name is taken by a table with id {to}, not by {id}"
        )),
        (Some(from), None) => NameState::Refuse(format!(
            "the table to rename was id {id} and is now id {from}: somebody replaced it"
        )),
        (None, None) => NameState::Refuse(format!(
            "the table to rename (id {id}) is gone: somebody dropped or renamed it"
        )),
    }
}

/// One table right before its name changes hands, and what it was when it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    pub table: TableName,
    pub state: TableState,
    /// Over the names and fingerprints of its partitions (see [`crate::plan::verify::content_digest`]).
    pub content: Digest,
}

/// What stands in the way of changing names, or `Ok` if nothing does. SWAP of a table in State
/// RESTORE leaves it in that state for ever, so both must be NORMAL, and no RESTORE may run.
pub fn ready_to_promote(
    staged: &Moment,
    verified: Digest,
    live: Option<&Moment>,
    restore_running: bool,
) -> Result<(), Vec<String>> {
    let mut reasons = Vec::new();
    if restore_running {
        reasons.push(
            "a RESTORE is running in this database: swapping a table that is being restored leaves \
             it unusable for ever"
                .to_owned(),
        );
    }
    if staged.content != verified {
        reasons.push(format!("'{}' changed after it was verified", staged.table));
    }
    for moment in [Some(staged), live].into_iter().flatten() {
        if moment.state != TableState::Normal {
            reasons.push(format!(
                "'{}' is in state {}, not NORMAL",
                moment.table,
                moment.state.as_str()
            ));
        }
    }
    if reasons.is_empty() {
        Ok(())
    } else {
        Err(reasons)
    }
}

/// Whether what was kept of live partitions still is what they hold, right before they are replaced.
/// Both are [`crate::plan::verify::content_digest`] of those partitions: when the copy was begun, and
/// now.
pub fn ready_to_replace(kept: Digest, now: Digest) -> Result<(), String> {
    if kept == now {
        Ok(())
    } else {
        Err("a live partition changed after it was copied aside: it is copied again".to_owned())
    }
}

/// What a person reads before a live table, or some partitions of it, goes aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoesAside {
    pub table: TableName,
    pub under: TableName,
    /// `None`: all of it.
    pub partitions: Option<u64>,
    /// By the engine's reports, which are up to a minute old.
    pub rows: u64,
    /// As the engine prints it: shown, never parsed.
    pub last_load: Option<String>,
}

impl fmt::Display for GoesAside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.partitions {
            None => write!(formatter, "{} goes aside as {}", self.table, self.under)?,
            Some(number) => write!(
                formatter,
                "{number} partitions of {} go aside into {}",
                self.table, self.under
            )?,
        }
        write!(formatter, ": about {} rows", self.rows)?;
        match &self.last_load {
            Some(time) => write!(formatter, ", last load {time} UTC"),
            None => formatter.write_str(", never loaded"),
        }
    }
}

/// Where a restore stands, as far as promote and undo care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Building,
    Verified,
    /// Some live names were changed, not all.
    Promoting,
    Promoted,
    /// Some live names were changed back, not all.
    Undoing,
    Undone,
}

/// Whether `restore promote` may run. Going on with one that broke off is promoting too.
pub fn may_promote(progress: Progress) -> Result<(), Error> {
    let refuse = |reason: &str| Err(Error::invalid_input(reason.to_owned()));
    match progress {
        Progress::Verified | Progress::Promoting => Ok(()),
        Progress::Promoted => refuse("the restore is promoted already"),
        Progress::Building => Err(Error::new(
            ErrorName::VerificationFailed,
            "the restore is not verified, so nothing of it can become live",
        )
        .hint("starrocks-br restore resume ID goes on with it")),
        Progress::Undoing | Progress::Undone => refuse(
            "the restore was undone: its data is kept aside, but it is no longer what was verified; \
             restore the label again",
        ),
    }
}

/// Whether `restore undo` may run.
pub fn may_undo(progress: Progress) -> Result<(), Error> {
    let refuse = |reason: &str| Err(Error::invalid_input(reason.to_owned()));
    match progress {
        Progress::Promoting | Progress::Promoted | Progress::Undoing => Ok(()),
        Progress::Building | Progress::Verified => {
            refuse("nothing of the restore is live, so there is nothing to undo")
        }
        Progress::Undone => refuse("the restore is undone already"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    const LIVE: TableId = TableId(1);
    const STAGED: TableId = TableId(2);
    const OTHER: TableId = TableId(3);

    #[test]
    fn a_swap_is_judged_by_ids() {
        for (live, staged, expected) in [
            (Some(LIVE), Some(STAGED), Some(false)),
            (Some(STAGED), Some(LIVE), Some(true)),
            // Renamed aside, or dropped by somebody, after the swap.
            (Some(STAGED), None, Some(true)),
            (Some(LIVE), None, None),
            (Some(LIVE), Some(OTHER), None),
            (Some(OTHER), Some(STAGED), None),
            (None, Some(STAGED), None),
            (None, None, None),
        ] {
            let done = match swap_state(LIVE, STAGED, live, staged) {
                NameState::NotDone => Some(false),
                NameState::Done => Some(true),
                NameState::Refuse(_) => None,
            };
            assert_eq!(done, expected, "{live:?} {staged:?}");
        }
    }

    #[test]
    fn a_rename_is_judged_by_ids() {
        for (from, to, expected) in [
            (Some(LIVE), None, Some(false)),
            (None, Some(LIVE), Some(true)),
            // The old name was taken again by a table of somebody else.
            (Some(OTHER), Some(LIVE), Some(true)),
            (Some(LIVE), Some(OTHER), None),
            (Some(OTHER), None, None),
            (None, None, None),
        ] {
            let done = match rename_state(LIVE, from, to) {
                NameState::NotDone => Some(false),
                NameState::Done => Some(true),
                NameState::Refuse(_) => None,
            };
            assert_eq!(done, expected, "{from:?} {to:?}");
        }
    }

    fn moment(state: TableState, content: &str) -> Moment {
        Moment {
            table: "t".parse().unwrap(),
            state,
            content: Digest::of([content.as_bytes()]),
        }
    }

    #[test]
    fn everything_that_stands_against_a_promotion_is_said() {
        let verified = Digest::of([&b"a"[..]]);
        let staged = moment(TableState::Normal, "a");
        let live = moment(TableState::Normal, "live");
        assert_eq!(
            ready_to_promote(&staged, verified, Some(&live), false),
            Ok(())
        );
        assert_eq!(ready_to_promote(&staged, verified, None, false), Ok(()));
        let changed = moment(TableState::Rollup, "b");
        let busy = moment(TableState::SchemaChange, "live");
        let reasons = ready_to_promote(&changed, verified, Some(&busy), true).unwrap_err();
        assert_eq!(reasons.len(), 4, "{reasons:?}");
    }

    #[test]
    fn only_what_was_kept_as_it_is_may_be_replaced() {
        let [kept, loaded] = [&b"kept"[..], &b"loaded"[..]].map(|text| Digest::of([text]));
        assert!(ready_to_replace(kept, kept).is_ok());
        assert!(ready_to_replace(kept, loaded).is_err());
    }

    #[test]
    fn promote_and_undo_have_their_time() {
        use Progress::{Building, Promoted, Promoting, Undoing, Undone, Verified};
        for (progress, promote, undo) in [
            (Building, false, false),
            (Verified, true, false),
            (Promoting, true, true),
            (Promoted, false, true),
            (Undoing, false, true),
            (Undone, false, false),
        ] {
            assert_eq!(may_promote(progress).is_ok(), promote, "{progress:?}");
            assert_eq!(may_undo(progress).is_ok(), undo, "{progress:?}");
        }
    }

    #[test]
    fn what_goes_aside_is_said() {
        let aside = GoesAside {
            table: "orders".parse().unwrap(),
            under: "orders_before_20260301_040000".parse().unwrap(),
            partitions: None,
            rows: 12,
            last_load: Some("2026-03-01 03:59:00".into()),
        };
        let some = GoesAside {
            partitions: Some(2),
            last_load: None,
            ..aside.clone()
        };
        insta::assert_snapshot!(some, @"2 partitions of orders go aside into orders_before_20260301_040000: about 12 rows, never loaded");
        insta::assert_snapshot!(aside, @"orders goes aside as orders_before_20260301_040000: about 12 rows, last load 2026-03-01 03:59:00 UTC");
    }
}
