//! Statements about the session, users and the cluster.

use super::token::{Cursor, Token};
use crate::reply::SqlResult;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admin {
    Use(String),
}

pub fn parse(cursor: &mut Cursor<'_>) -> SqlResult<Option<Admin>> {
    let Some(Token::Word(first)) = cursor.peek().map(|spanned| &spanned.token) else {
        return Ok(None);
    };
    match first.to_ascii_uppercase().as_str() {
        "USE" => {
            cursor.advance();
            let name = cursor.identifier()?;
            cursor.end()?;
            Ok(Some(Admin::Use(name)))
        }
        _ => Ok(None),
    }
}
