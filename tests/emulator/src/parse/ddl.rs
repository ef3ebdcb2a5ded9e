//! Statements on databases, tables and views.

use super::token::Cursor;
use crate::reply::SqlResult;

#[derive(Debug)]
pub enum Ddl {}

pub fn parse(_cursor: &mut Cursor<'_>) -> SqlResult<Option<Ddl>> {
    Ok(None)
}
