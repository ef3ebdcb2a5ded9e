//! A step of a restore as it is on record.

use shared::{
    error::Error,
    plan::restore::{Detail, PlannedStep},
    sql::ops::steps::{StepRow, StepState},
};

#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) planned: PlannedStep,
    pub(crate) row: StepRow,
    pub(crate) detail: Detail,
}

impl Stored {
    pub(crate) fn is_done(&self) -> bool {
        self.row.state == StepState::Done
    }

    pub(crate) fn of(row: StepRow) -> Result<Stored, Error> {
        let planned = PlannedStep::parse(&row.step, row.number)?;
        let detail = Detail::parse(row.detail.as_deref(), row.number)?;
        Ok(Stored {
            planned,
            row,
            detail,
        })
    }
}
