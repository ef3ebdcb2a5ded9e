//! Clauses behind SHOW BACKUP, RESTORE, SNAPSHOT and REPOSITORIES.

use crate::{
    parse::token::{Cursor, Token},
    profile::Profile,
    reply::{SqlError, SqlResult},
};

/// `WHERE column = 'value' ORDER BY column LIMIT n` on a finished result: 4.1 only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShowFilter {
    /// Column and value, all of which have to match.
    pub equals: Vec<(String, String)>,
    pub order: Vec<ShowOrder>,
    pub limit: Option<usize>,
    pub offset: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShowOrder {
    pub column: String,
    pub descending: bool,
}

/// The WHERE that SHOW SNAPSHOT reads by its own rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotFilter {
    /// No WHERE, or LIKE, which is accepted and ignored.
    All,
    /// `SNAPSHOT = 'label'`: one row, whether the label exists or not.
    Label(String),
    /// `SNAPSHOT IN ('a', 'b')`: those that exist.
    Labels(Vec<String>),
    /// `SNAPSHOT = 'label' AND TIMESTAMP = 'stamp'`: the form with details.
    Exact { label: String, timestamp: String },
}

pub(super) fn filter(cursor: &mut Cursor) -> SqlResult<ShowFilter> {
    let mut filter = ShowFilter::default();
    if cursor.profile != Profile::V4_1 {
        return Ok(filter);
    }
    if cursor.take(&["WHERE"]) {
        filter.equals = equalities(cursor)?;
    }
    order_and_limit(cursor, &mut filter)?;
    Ok(filter)
}

/// SHOW RESTORE reads a WHERE in every version, and ignores it.
pub(super) fn filter_of_restore(cursor: &mut Cursor) -> SqlResult<ShowFilter> {
    let mut filter = ShowFilter::default();
    if cursor.take(&["WHERE"]) {
        equalities(cursor)?;
    }
    if cursor.profile == Profile::V4_1 {
        order_and_limit(cursor, &mut filter)?;
    }
    Ok(filter)
}

pub(super) fn snapshot_filter(cursor: &mut Cursor) -> SqlResult<(SnapshotFilter, ShowFilter)> {
    let snapshot = if cursor.take(&["WHERE"]) {
        snapshot_condition(cursor)?
    } else {
        SnapshotFilter::All
    };
    let mut filter = ShowFilter::default();
    if cursor.profile == Profile::V4_1 {
        order_and_limit(cursor, &mut filter)?;
    }
    Ok((snapshot, filter))
}

fn snapshot_condition(cursor: &mut Cursor) -> SqlResult<SnapshotFilter> {
    let mut label = None;
    let mut timestamp = None;
    loop {
        let column = cursor.identifier()?;
        let is_label = column.eq_ignore_ascii_case("SNAPSHOT");
        if cursor.take(&["LIKE"]) {
            cursor.text()?;
            if is_label && label.is_none() && at_clause_end(cursor) {
                return Ok(SnapshotFilter::All);
            }
            return Err(should_look_like());
        }
        if cursor.take(&["IN"]) {
            let labels = texts(cursor)?;
            if is_label && label.is_none() && at_clause_end(cursor) {
                return Ok(SnapshotFilter::Labels(labels));
            }
            return Err(should_look_like());
        }
        if !["=", "!=", "<>", "<", "<=", ">", ">="]
            .iter()
            .any(|operator| cursor.take_symbol(operator))
        {
            return Err(should_look_like());
        }
        // The operator is not looked at by the real analyzer either.
        let value = cursor.text()?;
        let slot = if is_label {
            &mut label
        } else if column.eq_ignore_ascii_case("TIMESTAMP") {
            &mut timestamp
        } else {
            return Err(should_look_like());
        };
        if slot.replace(value).is_some() {
            return Err(should_look_like());
        }
        if cursor.take(&["AND"]) {
            continue;
        }
        if cursor.is_next(&["OR"]) {
            return Err(should_look_like());
        }
        break;
    }
    match (label, timestamp) {
        (Some(label), None) => Ok(SnapshotFilter::Label(label)),
        (Some(label), Some(timestamp)) => Ok(SnapshotFilter::Exact { label, timestamp }),
        _ => Err(should_look_like()),
    }
}

fn at_clause_end(cursor: &Cursor) -> bool {
    cursor.at_end()
        || cursor.is_symbol(";")
        || cursor.is_next(&["ORDER"])
        || cursor.is_next(&["LIMIT"])
}

fn should_look_like() -> SqlError {
    SqlError::analyzing(
        "Where clause should looks like: SNAPSHOT = 'your_snapshot_name' [AND TIMESTAMP = \
         '2018-04-18-19-19-10']",
    )
}

fn texts(cursor: &mut Cursor) -> SqlResult<Vec<String>> {
    cursor.expect_symbol("(")?;
    let mut texts = Vec::new();
    loop {
        texts.push(cursor.text()?);
        if !cursor.take_symbol(",") {
            break;
        }
    }
    cursor.expect_symbol(")")?;
    Ok(texts)
}

fn equalities(cursor: &mut Cursor) -> SqlResult<Vec<(String, String)>> {
    let mut equalities = Vec::new();
    loop {
        let column = cursor.identifier()?;
        cursor.expect_symbol("=")?;
        let value = match cursor.peek().map(|spanned| &spanned.token) {
            Some(Token::Text(text) | Token::Number(text) | Token::Word(text)) => {
                cursor.advance();
                text.clone()
            }
            _ => return Err(cursor.unexpected("a string literal")),
        };
        equalities.push((column, value));
        if !cursor.take(&["AND"]) {
            return Ok(equalities);
        }
    }
}

fn order_and_limit(cursor: &mut Cursor, filter: &mut ShowFilter) -> SqlResult<()> {
    if cursor.take(&["ORDER", "BY"]) {
        loop {
            let column = cursor.identifier()?;
            let descending = cursor.take(&["DESC"]);
            if !descending {
                cursor.take(&["ASC"]);
            }
            filter.order.push(ShowOrder { column, descending });
            if !cursor.take_symbol(",") {
                break;
            }
        }
    }
    if cursor.take(&["LIMIT"]) {
        let first = count(cursor)?;
        if cursor.take_symbol(",") {
            filter.offset = first;
            filter.limit = Some(count(cursor)?);
        } else {
            filter.limit = Some(first);
            if cursor.take(&["OFFSET"]) {
                filter.offset = count(cursor)?;
            }
        }
    }
    Ok(())
}

fn count(cursor: &mut Cursor) -> SqlResult<usize> {
    usize::try_from(cursor.number()?).map_err(|_| cursor.unexpected("a number"))
}
