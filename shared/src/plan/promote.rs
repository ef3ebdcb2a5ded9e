//! Judgments around the moment when a live name changes hands.
//!
//! SWAP and RENAME carry no condition and SWAP sent twice undoes itself, so what was done is read from
//! table ids: they travel with the data and are never reused.

use std::fmt;

use crate::{
    error::{Error, ErrorName},
    facts::TableState,
    ident::{TableId, TableName},
};

/// What names stand for at this moment; `None` where nothing has the name.
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

/// Judges `ALTER TABLE live SWAP WITH staged`.
pub fn swap_state(live_id: TableId, staged_id: TableId, now: SwapIds) -> NameState {
    if now.live == Some(staged_id) {
        return NameState::Done;
    }
    match (now.live, now.staged) {
        (Some(live), Some(staged)) if live == live_id && staged == staged_id => NameState::NotDone,
        (None, _) => NameState::Refuse(format!(
            "the live table (id {live_id}) is gone: somebody dropped or renamed it"
        )),
        (Some(live), _) if live != live_id => NameState::Refuse(format!(
            "the live table was planned with id {live_id} and now has id {live}: somebody replaced it"
        )),
        (_, None) => NameState::Refuse(format!(
            "the staged table (id {staged_id}) is gone: somebody dropped or renamed it"
        )),
        (_, Some(staged)) => NameState::Refuse(format!(
            "the staged table was verified with id {staged_id} and now has id {staged}: somebody \
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
    pub content: crate::digest::Digest,
}

/// What stands in the way of changing names, or `Ok` if nothing does. SWAP of a table in State
/// RESTORE leaves it in that state for ever, so both must be NORMAL, and no RESTORE may run.
pub fn ready_to_promote(
    staged: &Moment,
    verified: crate::digest::Digest,
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

/// What a person reads before a live table goes aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoesAside {
    pub table: TableName,
    pub under: TableName,
    pub rows: u64,
    /// As the engine prints it: shown, never parsed.
    pub last_load: Option<String>,
}

impl fmt::Display for GoesAside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} goes aside as {}: {} rows",
            self.table, self.under, self.rows
        )?;
        match &self.last_load {
            Some(time) => write!(formatter, ", last load {time}"),
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
