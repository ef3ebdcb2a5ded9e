//! PARTITION BY, in each of its forms.

use std::ops::Range;

use super::{
    DdlError,
    parse::{Partitioned, Tail, column_list, tail},
    token::{Cursor, Kind, unquote},
};
use crate::{
    facts::{ColumnFacts, Partitioning},
    ident::ColumnName,
};

/// What stands behind PARTITION BY, and the rest of the statement.
pub(super) fn partitioning(
    mut cursor: Cursor<'_>,
    columns: &[ColumnFacts],
) -> Result<Partitioned, DdlError> {
    let start = cursor.peek().range.start;
    let range = cursor.take_word("RANGE");
    if !range && !cursor.take_word("LIST") {
        return automatic(cursor, columns);
    }
    let by = column_list(&mut cursor.clone());
    cursor.skip_group('(', ')')?;
    let partitioning = match by {
        Ok(columns) if range => Partitioning::Range { columns },
        Ok(columns) => Partitioning::List {
            columns,
            automatic: false,
        },
        Err(_) => Partitioning::Opaque {
            text: cursor.text[start..cursor.at].to_owned(),
            automatic: false,
        },
    };
    let (list, tail) = partition_list(cursor)?;
    Ok((partitioning, Some(list), tail))
}

/// The list of partitions and what follows it. LIST values in it are not escaped, so its end is the
/// first place behind which the text is a valid rest of the statement, up to its last character.
fn partition_list(cursor: Cursor<'_>) -> Result<(Range<usize>, Tail), DdlError> {
    const END: &str = ")\nDISTRIBUTED BY ";
    let list = cursor.peek();
    let inner = cursor.text[list.range.end..].trim_start();
    let known = inner.starts_with("PARTITION ") || inner.starts_with(')');
    if list.kind != Kind::Symbol('(') || !known {
        return Err(cursor.missing("a list of partitions"));
    }
    let mut from = list.range.start;
    let mut failure = cursor.missing("the end of the partitions");
    while let Some(length) = cursor.text[from..].find(END) {
        let end = from + length + 1;
        let behind = Cursor {
            text: cursor.text,
            at: end,
        };
        match tail(behind) {
            Ok(tail) => return Ok((list.range.start..end, tail)),
            Err(error) => failure = error,
        }
        from = end;
    }
    Err(failure)
}

/// An automatic table: names in parentheses, an expression, or several of both.
fn automatic(mut cursor: Cursor<'_>, columns: &[ColumnFacts]) -> Result<Partitioned, DdlError> {
    let start = cursor.peek().range.start;
    let plain = column_list(&mut cursor.clone());
    let mut several = cursor.is_symbol('(');
    let mut mentioned: Vec<&ColumnName> = Vec::new();
    let mut depth = 0_usize;
    let mut end = start;
    while depth > 0 || !cursor.is_word("DISTRIBUTED") {
        let token = cursor.next();
        match token.kind {
            Kind::Symbol('(') => depth += 1,
            Kind::Symbol(')') => depth = depth.saturating_sub(1),
            Kind::Symbol(',') if depth == 0 => several = true,
            Kind::End => return Err(cursor.missing("DISTRIBUTED BY")),
            Kind::Word | Kind::Name => {
                let word = unquote(cursor.slice(&token));
                let same = |column: &&ColumnFacts| column.name.as_str().eq_ignore_ascii_case(&word);
                mentioned.extend(columns.iter().find(same).map(|column| &column.name));
            }
            _ => {}
        }
        end = token.range.end;
    }
    let text = &cursor.text[start..end];
    let partitioning = match (plain, mentioned.as_slice()) {
        (Ok(columns), _) => Partitioning::List {
            columns,
            automatic: true,
        },
        (Err(_), [column]) if !several => Partitioning::Expression {
            column: (*column).clone(),
            expression: text.to_owned(),
        },
        (Err(_), _) => Partitioning::Opaque {
            text: text.to_owned(),
            automatic: true,
        },
    };
    Ok((partitioning, None, tail(cursor)?))
}
