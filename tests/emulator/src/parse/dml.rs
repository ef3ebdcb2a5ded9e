//! Statements on rows.

use super::token::Cursor;
use crate::reply::SqlResult;

#[derive(Debug)]
pub enum Dml {}

pub fn parse(_cursor: &mut Cursor<'_>) -> SqlResult<Option<Dml>> {
    Ok(None)
}
