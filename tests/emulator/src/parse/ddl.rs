//! Statements that define databases, tables and views, and SHOW statements about them.

pub mod alter;
pub mod partition;
pub mod show;
pub mod table;
mod types;
pub mod view;

use self::{
    alter::AlterTable,
    show::Show,
    table::CreateTable,
    view::{AlterMaterializedView, CreateMaterializedView, CreateView},
};
use crate::{
    parse::token::{Cursor, Spanned, Token},
    reply::{SqlError, SqlResult},
};

#[derive(Debug, Clone)]
pub enum Ddl {
    CreateDatabase {
        name: String,
        if_not_exists: bool,
    },
    DropDatabase {
        name: String,
        if_exists: bool,
        force: bool,
    },
    RenameDatabase {
        name: String,
        new_name: String,
    },
    RecoverDatabase(String),
    RecoverTable(ObjectName),
    CreateTable(Box<CreateTable>),
    CreateTableLike {
        name: ObjectName,
        source: ObjectName,
        if_not_exists: bool,
    },
    AlterTable(Box<AlterTable>),
    CancelAlter {
        rollup: bool,
        table: ObjectName,
    },
    DropTable {
        name: ObjectName,
        if_exists: bool,
        force: bool,
    },
    Truncate {
        name: ObjectName,
        /// `None` is the whole table.
        partitions: Option<Vec<String>>,
    },
    CreateView(Box<CreateView>),
    AlterView {
        name: ObjectName,
        query: String,
    },
    DropView {
        name: ObjectName,
        if_exists: bool,
    },
    CreateMaterializedView(Box<CreateMaterializedView>),
    AlterMaterializedView {
        name: ObjectName,
        action: AlterMaterializedView,
    },
    RefreshMaterializedView {
        name: ObjectName,
    },
    DropMaterializedView {
        name: ObjectName,
        if_exists: bool,
    },
    CreateFunction {
        name: ObjectName,
        arguments: Vec<String>,
        returns: String,
        or_replace: bool,
        if_not_exists: bool,
        sql: String,
    },
    DropFunction {
        name: ObjectName,
        arguments: Vec<String>,
        if_exists: bool,
    },
    Show(Show),
}

/// `[catalog.][database.]name` as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectName {
    pub catalog: Option<String>,
    pub database: Option<String>,
    pub name: String,
}

impl ObjectName {
    pub fn parse(cursor: &mut Cursor) -> SqlResult<ObjectName> {
        let mut parts = cursor.qualified_name()?;
        let name = parts.pop().unwrap_or_default();
        let database = parts.pop();
        let catalog = parts.pop();
        if !parts.is_empty() {
            return Err(SqlError::plain(format!(
                "Getting syntax error. Detail message: Invalid table name format '{}'.",
                cursor.sql
            )));
        }
        Ok(ObjectName {
            catalog,
            database,
            name,
        })
    }
}

/// Where a clause stands. Messages quote the start of its first and of its last token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

impl Position {
    pub fn between(first: Option<&Spanned>, last: Option<&Spanned>) -> Position {
        let at = |token: Option<&Spanned>| token.map_or((0, 0), |token| (token.line, token.column));
        let ((line, column), (end_line, end_column)) = (at(first), at(last));
        Position {
            line,
            column,
            end_line,
            end_column,
        }
    }

    /// `Getting analyzing error from line .. to line ... Detail message: <detail>.`
    pub fn analyzing(&self, detail: &str) -> SqlError {
        let place = if (self.line, self.column) == (self.end_line, self.end_column) {
            format!("at line {}, column {}", self.line, self.column)
        } else {
            format!(
                "from line {}, column {} to line {}, column {}",
                self.line, self.column, self.end_line, self.end_column
            )
        };
        SqlError::plain(format!(
            "Getting analyzing error {place}. Detail message: {detail}."
        ))
    }
}

/// The statement, or `None` if it belongs to another area.
pub fn parse(cursor: &mut Cursor) -> SqlResult<Option<Ddl>> {
    let Some(ddl) = statement(cursor)? else {
        return Ok(None);
    };
    end(cursor)?;
    Ok(Some(ddl))
}

fn statement(cursor: &mut Cursor) -> SqlResult<Option<Ddl>> {
    let ddl = if cursor.is_next(&["CREATE"]) {
        return create(cursor);
    } else if cursor.is_next(&["DROP"]) {
        return drop(cursor);
    } else if cursor.take(&["ALTER", "TABLE"]) {
        alter::parse(cursor)?
    } else if cursor.take(&["ALTER", "VIEW"]) {
        view::alter_view(cursor)?
    } else if cursor.take(&["ALTER", "MATERIALIZED", "VIEW"]) {
        view::alter_materialized_view(cursor)?
    } else if cursor.take(&["ALTER", "DATABASE"]) {
        let name = cursor.identifier()?;
        cursor.expect("RENAME")?;
        let new_name = cursor.identifier()?;
        Ddl::RenameDatabase { name, new_name }
    } else if cursor.take(&["TRUNCATE", "TABLE"]) {
        let name = ObjectName::parse(cursor)?;
        let partitions = partition::names(cursor)?;
        Ddl::Truncate { name, partitions }
    } else if cursor.take(&["REFRESH", "MATERIALIZED", "VIEW"]) {
        view::refresh(cursor)?
    } else if cursor.take(&["CANCEL", "ALTER", "TABLE"]) {
        let rollup = cursor.take(&["ROLLUP"]);
        if !rollup && !cursor.take(&["COLUMN"]) {
            return Err(cursor.unexpected("COLUMN"));
        }
        cursor.expect("FROM")?;
        let table = ObjectName::parse(cursor)?;
        Ddl::CancelAlter { rollup, table }
    } else if cursor.take(&["RECOVER", "DATABASE"]) {
        Ddl::RecoverDatabase(cursor.identifier()?)
    } else if cursor.take(&["RECOVER", "TABLE"]) {
        Ddl::RecoverTable(ObjectName::parse(cursor)?)
    } else {
        return Ok(show::parse(cursor)?.map(Ddl::Show));
    };
    Ok(Some(ddl))
}

fn create(cursor: &mut Cursor) -> SqlResult<Option<Ddl>> {
    let start = cursor.peek().map_or(0, |token| token.start);
    let ddl = if cursor.take(&["CREATE", "DATABASE"]) || cursor.take(&["CREATE", "SCHEMA"]) {
        let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
        let name = cursor.identifier()?;
        if cursor.take(&["PROPERTIES"]) {
            cursor.properties()?;
        }
        Ddl::CreateDatabase {
            name,
            if_not_exists,
        }
    } else if cursor.take(&["CREATE", "TABLE"]) || cursor.take(&["CREATE", "EXTERNAL", "TABLE"]) {
        table::create(cursor)?
    } else if cursor.take(&["CREATE", "VIEW"]) {
        view::create(cursor, false)?
    } else if cursor.take(&["CREATE", "OR", "REPLACE", "VIEW"]) {
        view::create(cursor, true)?
    } else if cursor.take(&["CREATE", "MATERIALIZED", "VIEW"]) {
        view::create_materialized_view(cursor)?
    } else {
        let kinds: [&[&str]; 5] = [
            &[],
            &["GLOBAL"],
            &["AGGREGATE"],
            &["TABLE"],
            &["OR", "REPLACE"],
        ];
        let Some(kind) = kinds.into_iter().find(|kind| {
            let mut words = vec!["CREATE"];
            words.extend_from_slice(kind);
            words.push("FUNCTION");
            cursor.take(&words)
        }) else {
            return Ok(None);
        };
        create_function(cursor, kind == ["OR", "REPLACE"], start)?
    };
    Ok(Some(ddl))
}

fn create_function(cursor: &mut Cursor, or_replace: bool, start: usize) -> SqlResult<Ddl> {
    let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
    let name = ObjectName::parse(cursor)?;
    let arguments = argument_types(cursor)?;
    cursor.expect("RETURNS")?;
    let returns = types::sql_type(cursor)?;
    cursor.rest();
    Ok(Ddl::CreateFunction {
        name,
        arguments,
        returns,
        or_replace,
        if_not_exists,
        sql: cursor.sql[start..]
            .trim_end_matches([';', ' ', '\n'])
            .to_owned(),
    })
}

fn argument_types(cursor: &mut Cursor) -> SqlResult<Vec<String>> {
    cursor.expect_symbol("(")?;
    let mut types = Vec::new();
    while !cursor.take_symbol(")") {
        if !types.is_empty() {
            cursor.expect_symbol(",")?;
        }
        types.push(types::sql_type(cursor)?);
    }
    Ok(types)
}

fn drop(cursor: &mut Cursor) -> SqlResult<Option<Ddl>> {
    let if_exists = |cursor: &mut Cursor| cursor.take(&["IF", "EXISTS"]);
    let ddl = if cursor.take(&["DROP", "DATABASE"]) || cursor.take(&["DROP", "SCHEMA"]) {
        let if_exists = if_exists(cursor);
        let name = cursor.identifier()?;
        let force = cursor.take(&["FORCE"]);
        Ddl::DropDatabase {
            name,
            if_exists,
            force,
        }
    } else if cursor.take(&["DROP", "TABLE"]) {
        let if_exists = if_exists(cursor);
        let name = ObjectName::parse(cursor)?;
        let force = cursor.take(&["FORCE"]);
        Ddl::DropTable {
            name,
            if_exists,
            force,
        }
    } else if cursor.take(&["DROP", "VIEW"]) {
        let if_exists = if_exists(cursor);
        let name = ObjectName::parse(cursor)?;
        Ddl::DropView { name, if_exists }
    } else if cursor.take(&["DROP", "MATERIALIZED", "VIEW"]) {
        let if_exists = if_exists(cursor);
        let name = ObjectName::parse(cursor)?;
        Ddl::DropMaterializedView { name, if_exists }
    } else if cursor.take(&["DROP", "FUNCTION"]) || cursor.take(&["DROP", "GLOBAL", "FUNCTION"]) {
        let if_exists = if_exists(cursor);
        let name = ObjectName::parse(cursor)?;
        let arguments = argument_types(cursor)?;
        Ddl::DropFunction {
            name,
            arguments,
            if_exists,
        }
    } else {
        return Ok(None);
    };
    Ok(Some(ddl))
}

/// Nothing but a semicolon may follow.
pub fn end(cursor: &mut Cursor) -> SqlResult<()> {
    cursor.take_symbol(";");
    if cursor.at_end() {
        Ok(())
    } else {
        Err(cursor.unexpected("<EOF>, ';'"))
    }
}

/// `(a, b, c)`.
pub fn identifier_list(cursor: &mut Cursor) -> SqlResult<Vec<String>> {
    cursor.expect_symbol("(")?;
    let mut names = vec![cursor.identifier()?];
    while cursor.take_symbol(",") {
        names.push(cursor.identifier()?);
    }
    cursor.expect_symbol(")")?;
    Ok(names)
}

/// An identifier, or a name in quotes.
pub fn identifier_or_text(cursor: &mut Cursor) -> SqlResult<String> {
    match cursor.peek().map(|spanned| &spanned.token) {
        Some(Token::Text(_)) => cursor.text(),
        _ => cursor.identifier(),
    }
}

/// The text from the token at `first` (a position in the statement) to the one read last.
pub fn text_since<'a>(cursor: &Cursor<'a>, start: usize) -> &'a str {
    let end = cursor.previous().map_or(start, |token| token.end);
    &cursor.sql[start..end.max(start)]
}
