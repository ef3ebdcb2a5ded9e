//! Typed statements, rendered to text that a DBA can read and run.
//!
//! A text is made of four things only: static text, quoted identifiers, quoted literals and numbers
//! (and, where an object is created again, the DDL that the engine itself printed). The text protocol
//! is used throughout: StarRocks cannot prepare anything but SELECT.

use std::{fmt, marker::PhantomData};

use crate::{
    ident::{
        ColumnName, DatabaseName, PartitionName, QualifiedTable, RepositoryName, TableName,
        TaskName,
    },
    label::{LoadLabel, SnapshotLabel},
};

pub mod admin;
pub mod backup;
pub mod checksum;
pub mod copy;
pub mod ops;
pub mod partition;
pub mod restore;
pub mod row;
pub mod show;

pub use row::{FromRow, Row, RowError};

/// Whether sending a statement a second time, after an answer that never came, could do harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It reads only: SHOW, SELECT.
    Safe,
    /// It changes something. Whoever sent it must look before sending it again.
    Never,
}

/// One statement, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    text: String,
    kind: &'static str,
    repeat: Repeat,
}

impl Statement {
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it is, for logs and messages: `SHOW BACKUP`, `BACKUP`, `SWAP`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whether something is gone afterwards.
    pub fn deletes(&self) -> bool {
        self.kind.starts_with("DROP ") || self.kind == "TRUNCATE"
    }

    pub fn repeat(&self) -> Repeat {
        self.repeat
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// A BACKUP can name 50,000 partitions: what is logged is cut.
impl fmt::Debug for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 500;
        match self.text.char_indices().nth(SHOWN) {
            Some((cut, _)) => write!(
                formatter,
                "{}... ({} bytes)",
                &self.text[..cut],
                self.text.len()
            ),
            None => formatter.write_str(&self.text),
        }
    }
}

/// A statement that answers rows of type `R`.
pub struct Query<R> {
    statement: Statement,
    row: PhantomData<fn() -> R>,
}

impl<R> Query<R> {
    pub fn statement(&self) -> &Statement {
        &self.statement
    }
}

impl<R> Clone for Query<R> {
    fn clone(&self) -> Self {
        Query {
            statement: self.statement.clone(),
            row: PhantomData,
        }
    }
}

impl<R> fmt::Debug for Query<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.statement.fmt(formatter)
    }
}

impl<R> fmt::Display for Query<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.statement, formatter)
    }
}

/// A list that must name something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {of} list without a name would stand for something else than nothing")]
pub struct EmptyList {
    pub of: &'static str,
}

/// A checked name: without a backtick, so that quoting it is all there is to do.
pub trait Identifier {
    fn as_identifier(&self) -> &str;
}

macro_rules! identifiers {
    ($($name:ty),+ $(,)?) => {
        $(impl Identifier for $name {
            fn as_identifier(&self) -> &str {
                self.as_str()
            }
        })+
    };
}

identifiers!(
    ColumnName,
    DatabaseName,
    LoadLabel,
    PartitionName,
    RepositoryName,
    SnapshotLabel,
    TableName,
    TaskName,
);

/// A statement under construction.
#[derive(Debug, Clone)]
pub struct Sql {
    text: String,
}

impl Sql {
    pub fn new(text: &'static str) -> Sql {
        Sql { text: text.into() }
    }

    pub fn text(mut self, text: &'static str) -> Sql {
        self.text.push_str(text);
        self
    }

    /// `` `name` ``
    pub fn name(mut self, name: &impl Identifier) -> Sql {
        push_identifier(&mut self.text, name.as_identifier());
        self
    }

    /// `` `database`.`name` ``
    pub fn qualified(self, database: &DatabaseName, name: &impl Identifier) -> Sql {
        self.name(database).text(".").name(name)
    }

    pub fn table(self, table: &QualifiedTable) -> Sql {
        self.qualified(&table.database, &table.table)
    }

    /// `'text'`
    pub fn literal(mut self, text: &str) -> Sql {
        push_literal(&mut self.text, text);
        self
    }

    /// `'text'` or `NULL`
    pub fn literal_or_null(self, text: Option<&str>) -> Sql {
        match text {
            Some(text) => self.literal(text),
            None => self.text("NULL"),
        }
    }

    pub fn number(mut self, number: impl Into<i128>) -> Sql {
        self.text.push_str(&number.into().to_string());
        self
    }

    /// `number` or `NULL`
    pub fn number_or_null(self, number: Option<impl Into<i128>>) -> Sql {
        match number {
            Some(number) => self.number(number),
            None => self.text("NULL"),
        }
    }

    /// Of a column whose text begins so. LIKE would take `_` for any character.
    pub fn starts_with(self, column: &'static str, prefix: &str) -> Sql {
        self.text("SUBSTR(")
            .text(column)
            .text(", 1, ")
            .number(prefix.chars().count() as u64)
            .text(") = ")
            .literal(prefix)
    }

    /// `items`, each rendered by `render`, with `separator` between them.
    pub fn list<T>(
        mut self,
        items: impl IntoIterator<Item = T>,
        separator: &'static str,
        mut render: impl FnMut(Sql, T) -> Sql,
    ) -> Sql {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.text.push_str(separator);
            }
            self = render(self, item);
        }
        self
    }

    /// `` `a`, `b` ``
    pub fn names<'a, N: Identifier + 'a>(self, names: impl IntoIterator<Item = &'a N>) -> Sql {
        self.list(names, ", ", |sql, name| sql.name(name))
    }

    /// `` PARTITION (`p1`, `p2`)``, or nothing for the whole table. An empty list is refused.
    pub fn partition_list(self, partitions: Option<&[PartitionName]>) -> Result<Sql, EmptyList> {
        match partitions {
            None => Ok(self),
            Some([]) => Err(EmptyList { of: "PARTITION" }),
            Some(names) => Ok(self.text(" PARTITION (").names(names).text(")")),
        }
    }

    /// `'a', 'b'`
    pub fn literals<'a>(self, texts: impl IntoIterator<Item = &'a str>) -> Sql {
        self.list(texts, ", ", |sql, text| sql.literal(text))
    }

    /// `("key" = "value", ...)`, as after PROPERTIES and SET.
    pub fn properties<'a>(self, properties: impl IntoIterator<Item = (&'a str, &'a str)>) -> Sql {
        self.text("(")
            .list(properties, ", ", |mut sql, (key, value)| {
                push_quoted(&mut sql.text, '"', key);
                sql.text.push_str(" = ");
                push_quoted(&mut sql.text, '"', value);
                sql
            })
            .text(")")
    }

    /// A piece of SQL that the engine itself printed, such as the DDL of an object or the expression
    /// of a generated column. Never anything that a person typed.
    pub fn engine_text(mut self, text: &str) -> Sql {
        self.text.push_str(text);
        self
    }

    /// Ends a statement that reads only.
    pub fn reads(self, kind: &'static str) -> Statement {
        Statement {
            text: self.text,
            kind,
            repeat: Repeat::Safe,
        }
    }

    /// Ends a statement that changes something.
    pub fn writes(self, kind: &'static str) -> Statement {
        Statement {
            text: self.text,
            kind,
            repeat: Repeat::Never,
        }
    }

    /// Ends a statement that answers rows of type `R` and changes nothing.
    pub fn query<R>(self, kind: &'static str) -> Query<R> {
        Query {
            statement: self.reads(kind),
            row: PhantomData,
        }
    }

    /// Ends a statement that changes something and yet answers rows, as SUBMIT TASK does.
    pub fn query_that_writes<R>(self, kind: &'static str) -> Query<R> {
        Query {
            statement: self.writes(kind),
            row: PhantomData,
        }
    }
}

/// Between backticks nothing is an escape, not even a backslash.
fn push_identifier(out: &mut String, name: &str) {
    debug_assert!(!name.contains('`'), "names are checked when they enter");
    out.push('`');
    out.push_str(name);
    out.push('`');
}

fn push_literal(out: &mut String, text: &str) {
    push_quoted(out, '\'', text);
}

/// StarRocks knows MySQL's backslash escapes; `\%` and `\_` would keep their backslash, so nothing
/// but these is escaped.
fn push_quoted(out: &mut String, quote: char, text: &str) {
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{1a}' => out.push_str("\\Z"),
            character if character == quote => {
                out.push('\\');
                out.push(quote);
            }
            other => out.push(other),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests;
