//! Where the rows of an answer go. The client knows it as a trait object: the code that sends a statement is in
//! a function's program once, and not once for every kind of row.

use std::marker::PhantomData;

use crate::sql::{FromRow, Row, RowError};

pub(super) trait TakeRows: Send {
    fn take(&mut self, row: &Row) -> Result<(), RowError>;

    /// Forgets what was taken: the statement is sent again.
    fn again(&mut self);
}

/// Of a statement that answers none.
pub(super) struct NoRows;

impl TakeRows for NoRows {
    fn take(&mut self, _: &Row) -> Result<(), RowError> {
        Ok(())
    }

    fn again(&mut self) {}
}

pub(super) struct Folded<R, A, S, F> {
    pub(super) result: A,
    start: S,
    add: F,
    row: PhantomData<fn(R)>,
}

impl<R: FromRow, A: Send, S: Fn() -> A + Send, F: FnMut(&mut A, R) + Send> Folded<R, A, S, F> {
    pub(super) fn new(start: S, add: F) -> Folded<R, A, S, F> {
        Folded {
            result: start(),
            start,
            add,
            row: PhantomData,
        }
    }
}

impl<R: FromRow, A: Send, S: Fn() -> A + Send, F: FnMut(&mut A, R) + Send> TakeRows
    for Folded<R, A, S, F>
{
    fn take(&mut self, row: &Row) -> Result<(), RowError> {
        (self.add)(&mut self.result, R::from_row(row)?);
        Ok(())
    }

    fn again(&mut self) {
        self.result = (self.start)();
    }
}
