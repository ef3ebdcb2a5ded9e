//! One column of the list: name, type, and what follows it.

use super::{
    DdlError,
    parse::column_name,
    token::{Cursor, Kind},
};
use crate::facts::ColumnFacts;

const ATTRIBUTES: [&str; 6] = ["NULL", "NOT", "AUTO_INCREMENT", "DEFAULT", "AS", "COMMENT"];

pub(super) fn column(cursor: &mut Cursor<'_>) -> Result<ColumnFacts, DdlError> {
    let name = column_name(cursor)?;
    let sql_type = sql_type(cursor)?;
    let aggregation = until(cursor, |next| {
        ends_element(next) || ATTRIBUTES.iter().any(|word| next.is_word(word))
    })?;
    let mut column = ColumnFacts {
        name,
        sql_type,
        nullable: true,
        is_key: false,
        aggregation: Some(aggregation).filter(|text| !text.is_empty()),
        default: None,
        auto_increment: false,
        generated: None,
    };
    while !ends_element(cursor) {
        if cursor.take_word("NOT") {
            cursor.expect_word("NULL")?;
            column.nullable = false;
        } else if cursor.take_word("NULL") {
            column.nullable = true;
        } else if cursor.take_word("AUTO_INCREMENT") {
            column.auto_increment = true;
        } else if cursor.take_word("DEFAULT") {
            let ends = |next: &Cursor<'_>| ends_element(next) || next.is_word("COMMENT");
            column.default = Some(until(cursor, ends)?);
        } else if cursor.take_word("AS") {
            let ends = |next: &Cursor<'_>| ends_element(next) || is_last_comment(*next);
            column.generated = Some(until(cursor, ends)?);
        } else if is_last_comment(*cursor) {
            cursor.next();
            cursor.next();
        } else {
            return Err(cursor.missing("the end of a column"));
        }
    }
    Ok(column)
}

/// `decimal(18, 2)`, `array<struct<a int(11)>>`: lower case, except where struct fields are named.
fn sql_type(cursor: &mut Cursor<'_>) -> Result<String, DdlError> {
    let first = cursor.next();
    if first.kind != Kind::Word {
        return Err(cursor.missing("a column type"));
    }
    if cursor.is_symbol('(') {
        cursor.skip_group('(', ')')?;
    } else if cursor.is_symbol('<') {
        cursor.skip_group('<', '>')?;
    }
    let text = &cursor.text[first.range.start..cursor.at];
    match text.contains('<') {
        true => Ok(text.to_owned()),
        false => Ok(text.to_lowercase()),
    }
}

/// The text from here to where `ends` says so, bracketed groups skipped as a whole.
fn until(cursor: &mut Cursor<'_>, ends: impl Fn(&Cursor<'_>) -> bool) -> Result<String, DdlError> {
    let start = cursor.peek().range.start;
    let mut end = start;
    while !ends(cursor) {
        match cursor.peek().kind {
            Kind::Symbol('(') => cursor.skip_group('(', ')')?,
            Kind::Symbol('[') => cursor.skip_group('[', ']')?,
            Kind::Symbol('{') => cursor.skip_group('{', '}')?,
            Kind::End => return Err(cursor.missing("the end of a column")),
            _ => {
                cursor.next();
            }
        }
        end = cursor.at;
    }
    Ok(cursor.text[start..end].to_owned())
}

fn ends_element(cursor: &Cursor<'_>) -> bool {
    cursor.is_symbol(',') || cursor.is_symbol(')')
}

/// `COMMENT "..."` as the last thing of a column: an expression may name a column `comment`.
fn is_last_comment(mut cursor: Cursor<'_>) -> bool {
    cursor.take_word("COMMENT") && cursor.next().kind == Kind::Text && ends_element(&cursor)
}
