//! What stands behind ON: tables with partitions, or the kinds of objects of 3.4 and later.

use std::fmt;

use crate::{
    parse::token::{Cursor, Token},
    reply::SqlResult,
};

/// The content of `ON ( ... )`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    pub objects: Vec<Object>,
    pub all_tables: bool,
    pub all_materialized_views: bool,
    pub all_views: bool,
    pub all_functions: bool,
}

impl Selection {
    pub fn has_alias(&self) -> bool {
        self.objects.iter().any(|object| object.alias.is_some())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub kind: ObjectKind,
    /// The last part of the name: a database in front of it is accepted and ignored.
    pub name: String,
    pub partitions: Option<PartitionList>,
    pub alias: Option<String>,
    pub span: Span,
    /// Of the name alone.
    pub name_span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// Without a word in front: a table, a view or a materialized view.
    Any,
    Table,
    MaterializedView,
    View,
    Function,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionList {
    pub temporary: bool,
    pub names: Vec<String>,
    pub span: Span,
}

/// Where something stands, from its first to its last token, as error messages quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: (usize, usize),
    pub to: (usize, usize),
}

impl Span {
    /// From the token at `start` to the token read last.
    pub fn of(cursor: &Cursor, start: usize) -> Span {
        let from = cursor
            .token_at(start)
            .map_or((1, 0), |token| (token.line, token.column));
        let to = cursor
            .previous()
            .map_or(from, |token| (token.line, token.column));
        Span { from, to }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { from, to } = self;
        if from == to {
            write!(f, "at line {}, column {}", from.0, from.1)
        } else {
            write!(
                f,
                "from line {}, column {} to line {}, column {}",
                from.0, from.1, to.0, to.1
            )
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statement {
    Backup,
    Restore,
}

pub(super) fn selection(cursor: &mut Cursor, statement: Statement) -> SqlResult<Selection> {
    let mut selection = Selection::default();
    cursor.expect_symbol("(")?;
    loop {
        if cursor.profile.is_3_3() || !whole_kind(cursor, &mut selection) {
            let object = object(cursor, statement)?;
            selection.objects.push(object);
        }
        if !cursor.take_symbol(",") {
            break;
        }
    }
    if !cursor.take_symbol(")") {
        return Err(cursor.unexpected("',', ')'"));
    }
    Ok(selection)
}

/// `ALL TABLES` and the like.
fn whole_kind(cursor: &mut Cursor, selection: &mut Selection) -> bool {
    let flag = if cursor.take(&["ALL", "TABLES"]) || cursor.take(&["ALL", "TABLE"]) {
        &mut selection.all_tables
    } else if cursor.take(&["ALL", "MATERIALIZED", "VIEWS"])
        || cursor.take(&["ALL", "MATERIALIZED", "VIEW"])
    {
        &mut selection.all_materialized_views
    } else if cursor.take(&["ALL", "VIEWS"]) || cursor.take(&["ALL", "VIEW"]) {
        &mut selection.all_views
    } else if cursor.take(&["ALL", "FUNCTIONS"]) || cursor.take(&["ALL", "FUNCTION"]) {
        &mut selection.all_functions
    } else {
        return false;
    };
    *flag = true;
    true
}

fn object(cursor: &mut Cursor, statement: Statement) -> SqlResult<Object> {
    let kind = if cursor.profile.is_3_3() {
        ObjectKind::Any
    } else {
        kind(cursor)
    };
    let start = cursor.position();
    let mut name = super::name(cursor)?;
    while cursor.take_symbol(".") {
        name = super::name(cursor)?;
    }
    let name_span = Span::of(cursor, start);
    let partitions = if matches!(kind, ObjectKind::Any | ObjectKind::Table) {
        partitions(cursor)?
    } else {
        None
    };
    // Only RESTORE of 3.3 knows aliases; later parsers read them in BACKUP too and refuse them.
    let may_alias = statement == Statement::Restore || !cursor.profile.is_3_3();
    let alias = if may_alias && cursor.take(&["AS"]) {
        Some(super::name(cursor)?)
    } else {
        None
    };
    Ok(Object {
        kind,
        name,
        partitions,
        alias,
        span: Span::of(cursor, start),
        name_span,
    })
}

/// The word in front of a name. `view` alone may as well be the name of a table.
fn kind(cursor: &mut Cursor) -> ObjectKind {
    let named = |offset: usize| {
        matches!(
            cursor.peek_ahead(offset).map(|spanned| &spanned.token),
            Some(Token::Word(_) | Token::Quoted(_))
        )
    };
    let (kind, words) = if cursor.is_next(&["TABLE"]) || cursor.is_next(&["TABLES"]) {
        (ObjectKind::Table, 1)
    } else if cursor.is_next(&["MATERIALIZED", "VIEW"])
        || cursor.is_next(&["MATERIALIZED", "VIEWS"])
    {
        (ObjectKind::MaterializedView, 2)
    } else if cursor.is_next(&["VIEW"]) || cursor.is_next(&["VIEWS"]) {
        (ObjectKind::View, 1)
    } else if cursor.is_next(&["FUNCTION"]) || cursor.is_next(&["FUNCTIONS"]) {
        (ObjectKind::Function, 1)
    } else {
        return ObjectKind::Any;
    };
    let is_name = cursor.is_next(&["TABLES", "AS"])
        || cursor.is_next(&["VIEW", "AS"])
        || cursor.is_next(&["VIEWS", "AS"])
        || cursor.is_next(&["TABLES", "PARTITION"])
        || cursor.is_next(&["VIEW", "PARTITION"])
        || cursor.is_next(&["VIEWS", "PARTITION"]);
    if is_name || !named(words) {
        return ObjectKind::Any;
    }
    for _ in 0..words {
        cursor.advance();
    }
    kind
}

fn partitions(cursor: &mut Cursor) -> SqlResult<Option<PartitionList>> {
    let start = cursor.position();
    let temporary =
        cursor.is_next(&["TEMPORARY", "PARTITION"]) || cursor.is_next(&["TEMPORARY", "PARTITIONS"]);
    if temporary {
        cursor.advance();
    }
    if !cursor.take(&["PARTITION"]) && !cursor.take(&["PARTITIONS"]) {
        return Ok(None);
    }
    let mut names = Vec::new();
    if cursor.take_symbol("(") {
        if cursor.is_symbol(")") {
            return Err(no_viable_list(cursor, start));
        }
        loop {
            names.push(cursor.identifier_or_text()?);
            if !cursor.take_symbol(",") {
                break;
            }
        }
        cursor.expect_symbol(")")?;
    } else {
        names.push(cursor.identifier_or_text()?);
    }
    Ok(Some(PartitionList {
        temporary,
        names,
        span: Span::of(cursor, start),
    }))
}

/// `PARTITION ()`: the real parser quotes the text from the list's first word on.
fn no_viable_list(cursor: &Cursor, start: usize) -> crate::reply::SqlError {
    match (cursor.token_at(start), cursor.peek()) {
        (Some(first), Some(last)) => cursor.no_viable(&cursor.sql[first.start..last.end]),
        _ => cursor.unexpected("a legal identifier"),
    }
}
