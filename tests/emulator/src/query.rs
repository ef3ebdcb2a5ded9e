//! SELECT: StarRocks' SQL is parsed, resolved against the catalog, given types, and written again as
//! SQL that SQLite runs on the stored rows.
//!
//! The generated SQL never leaves a conversion to SQLite: each operand has a StarRocks type, and where
//! types meet, the conversion is spelled out. Numbers too wide for SQLite go through exact functions.

mod aggregates;
mod call;
mod condition;
mod expression;
mod functions;
mod literal;
mod names;
pub(crate) mod parser;
mod relation;
mod rows;
mod scope;
mod select;
mod set;
mod special;
mod system;
mod table_function;
mod typed;
mod variables;

use jiff::Timestamp;
use rusqlite::{Connection, types::Value};

pub(crate) use self::{
    expression::constant,
    literal::value as literal_of,
    relation::unknown_partition,
    typed::{Typed, spelling},
};
use self::{scope::Scope, select::Body};
use crate::{
    engine::Engine,
    reply::{Cell, Column, Reply, ResultSet, SqlError, SqlResult},
    session::Session,
    types::SqlType,
    value,
};

/// Makes StarRocks' functions known to SQLite.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    functions::register(connection)?;
    aggregates::register(connection)
}

/// A column of a result.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub name: String,
    pub sql_type: SqlType,
}

/// Rows with typed columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typeset {
    pub outputs: Vec<Output>,
    pub rows: Vec<Vec<Value>>,
}

impl Typeset {
    fn into_reply(self) -> Reply {
        let columns: Vec<Column> = self
            .outputs
            .iter()
            .map(|output| output.sql_type.column(&output.name))
            .collect();
        let cell = |(value, output): (&Value, &Output)| -> Cell {
            value::to_text(value.into(), &output.sql_type)
        };
        let rows = self
            .rows
            .iter()
            .map(|row| row.iter().zip(&self.outputs).map(cell).collect())
            .collect();
        Reply::Rows(ResultSet { columns, rows })
    }
}

/// A system table that a query reads: its rows are put into SQLite before the query runs.
#[derive(Debug)]
struct SystemTable {
    sqlite_name: String,
    /// What the generated SQL calls it.
    alias: String,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// One SELECT while its expressions are compiled.
#[derive(Debug, Default)]
struct Frame {
    scope: Scope,
    /// The compiled GROUP BY expressions, if there are any.
    groups: Option<Vec<String>>,
    /// Depth of aggregate calls around the current expression.
    in_aggregate: usize,
    saw_aggregate: bool,
    /// The first column that stands outside of aggregates.
    bare_column: Option<String>,
    /// Select items by alias, for ORDER BY, GROUP BY and HAVING.
    aliases: Vec<(String, Typed)>,
}

pub(crate) struct Compiler<'a> {
    engine: &'a Engine,
    session: &'a Session,
    /// The database of unqualified names.
    database: Option<String>,
    now: Timestamp,
    frames: Vec<Frame>,
    inside_view: bool,
    /// Names of WITH, innermost last, and what they stand for.
    common: Vec<(String, Body)>,
    system_tables: Vec<SystemTable>,
    /// Ids of the tables that are read.
    pub(crate) reads: Vec<i64>,
    /// A backend has to take part: what the frontend computes alone needs no rows.
    needs_backend: bool,
    last_alias: usize,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(engine: &'a Engine, session: &'a Session) -> Compiler<'a> {
        Compiler {
            engine,
            session,
            database: session.database.clone(),
            now: engine.clock.now(),
            frames: Vec::new(),
            inside_view: false,
            common: Vec::new(),
            system_tables: Vec::new(),
            reads: Vec::new(),
            needs_backend: false,
            last_alias: 0,
        }
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.last_alias += 1;
        format!("{prefix}{}", self.last_alias)
    }

    /// Puts the system tables that the SQL reads into SQLite, for as long as `work` runs.
    fn with_system_tables<T>(
        &mut self,
        sql: &str,
        work: impl FnOnce(&Connection) -> SqlResult<T>,
    ) -> SqlResult<T> {
        let connection = self.engine.rows.connection();
        let tables = std::mem::take(&mut self.system_tables);
        for table in &tables {
            table.fill(connection, sql)?;
        }
        let result = work(connection);
        for table in &tables {
            connection
                .execute_batch(&format!("DROP TABLE temp.{}", table.sqlite_name))
                .map_err(crate::rows::internal)?;
        }
        result
    }
}

impl SystemTable {
    /// Stores the columns that the SQL reads: there may be many, of many rows.
    fn fill(&self, connection: &Connection, sql: &str) -> SqlResult<()> {
        let read: Vec<usize> = (0..self.columns.len())
            .filter(|at| {
                let column = literal::name(&self.columns[*at].name);
                sql.contains(&format!("{}.{column}", self.alias))
            })
            .collect();
        let mut names: Vec<String> = read
            .iter()
            .map(|at| literal::name(&self.columns[*at].name))
            .collect();
        // A table needs a column even if only its rows are counted.
        names.push("_row".to_owned());
        let places: Vec<String> = (1..=names.len()).map(|at| format!("?{at}")).collect();
        let types: Vec<SqlType> = self.columns.iter().map(column_type).collect();
        let fill = || -> rusqlite::Result<()> {
            connection.execute_batch(&format!(
                "SAVEPOINT fill; CREATE TABLE temp.{} ({})",
                self.sqlite_name,
                names.join(", ")
            ))?;
            let mut insert = connection.prepare(&format!(
                "INSERT INTO temp.{} VALUES ({})",
                self.sqlite_name,
                places.join(", ")
            ))?;
            for row in &self.rows {
                for (place, at) in read.iter().enumerate() {
                    match &row[*at] {
                        None => insert.raw_bind_parameter(place + 1, Value::Null)?,
                        Some(text) if types[*at].is_text() => {
                            insert.raw_bind_parameter(place + 1, text.as_str())?;
                        }
                        Some(text) => {
                            let stored = value::from_text(text, &types[*at]).unwrap_or(Value::Null);
                            insert.raw_bind_parameter(place + 1, stored)?;
                        }
                    }
                }
                insert.raw_execute()?;
            }
            connection.execute_batch("RELEASE fill")
        };
        fill().map_err(crate::rows::internal)
    }
}

/// The type of a system table's column, by its shape on the wire.
fn column_type(column: &Column) -> SqlType {
    use crate::reply::WireType;
    match column.wire_type {
        WireType::Tiny if column.length == 1 => SqlType::Boolean,
        WireType::Tiny => SqlType::TinyInt,
        WireType::Short => SqlType::SmallInt,
        WireType::Long => SqlType::Int,
        WireType::LongLong => SqlType::BigInt,
        WireType::Float => SqlType::Float,
        WireType::Double => SqlType::Double,
        WireType::NewDecimal => SqlType::Decimal {
            precision: 38,
            scale: column.decimals,
        },
        WireType::Date => SqlType::Date,
        WireType::DateTime => SqlType::DateTime,
        WireType::Time => SqlType::Time,
        WireType::VarString => SqlType::Varchar(Some(column.length / 3)),
        WireType::String => SqlType::Json,
        WireType::Blob => SqlType::Varbinary(None),
    }
}

/// An error of SQLite while a query ran: what our own functions refused is told in their words.
fn query_error(error: rusqlite::Error) -> SqlError {
    match error {
        rusqlite::Error::UserFunctionError(message) => SqlError::plain(message.to_string()),
        rusqlite::Error::SqliteFailure(_, Some(message)) => SqlError::plain(message),
        other => crate::rows::internal(other),
    }
}

impl Engine {
    /// Runs a query and answers its rows as a client sees them.
    pub(crate) fn select(&self, session: &Session, sql: &str) -> SqlResult {
        self.query(session, sql).map(Typeset::into_reply)
    }

    /// Runs a query for its typed rows.
    pub(crate) fn query(&self, session: &Session, sql: &str) -> SqlResult<Typeset> {
        let query = parser::query(sql)?;
        let mut compiler = Compiler::new(self, session);
        let body = compiler.query(&query)?;
        self.check_transaction_reads(session, &compiler.reads)?;
        if self.stand_in_backend && compiler.needs_backend {
            return Ok(Typeset {
                outputs: body.outputs,
                rows: Vec::new(),
            });
        }
        compiler.run(&body)
    }

    /// Names and types of a query's columns, without running it.
    pub(crate) fn query_outputs(&self, session: &Session, sql: &str) -> SqlResult<Vec<Output>> {
        let query = parser::query(sql)?;
        Ok(Compiler::new(self, session).query(&query)?.outputs)
    }
}

impl Compiler<'_> {
    /// Runs what was compiled.
    pub(crate) fn run(&mut self, body: &Body) -> SqlResult<Typeset> {
        let rows = self.fetch(&body.sql, body.outputs.len())?;
        Ok(Typeset {
            outputs: body.outputs.clone(),
            rows,
        })
    }

    /// The rows of generated SQL with `width` columns.
    pub(crate) fn fetch(&mut self, sql: &str, width: usize) -> SqlResult<Vec<Vec<Value>>> {
        self.with_system_tables(sql, |connection| {
            let fetch = || -> rusqlite::Result<Vec<Vec<Value>>> {
                let mut statement = connection.prepare(sql)?;
                let mut cursor = statement.query([])?;
                let mut rows = Vec::new();
                while let Some(row) = cursor.next()? {
                    let mut cells = Vec::with_capacity(width);
                    for at in 0..width {
                        cells.push(row.get(at)?);
                    }
                    rows.push(cells);
                }
                Ok(rows)
            };
            fetch().map_err(query_error)
        })
    }
}
