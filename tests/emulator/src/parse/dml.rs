//! Statements about rows: queries, loads, tasks and transactions.

mod insert;
mod values;

pub use self::{
    insert::{Insert, Source, TargetPartitions},
    values::{Literal, ValueRows},
};
use super::token::Cursor;
use crate::{profile::Profile, reply::SqlResult};

#[derive(Debug, Clone, PartialEq)]
pub enum Dml {
    /// SELECT, WITH or a parenthesised query, as written.
    Query(String),
    Insert(Box<Insert>),
    /// UPDATE and DELETE, as written.
    Update(String),
    Delete(String),
    /// EXPLAIN of the statement that follows.
    Explain(String),
    Begin {
        /// `WITH LABEL x`, from 4.1 on.
        label: Option<String>,
    },
    Commit,
    Rollback,
    SubmitTask(SubmitTask),
    DropTask {
        name: String,
        if_exists: bool,
    },
    ShowLoad {
        database: Option<String>,
        label: Option<String>,
    },
    ShowTransaction {
        database: Option<String>,
        id: Option<i64>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitTask {
    pub database: Option<String>,
    /// The frontend makes one up if there is none.
    pub name: Option<String>,
    /// `SCHEDULE ... EVERY(INTERVAL n unit)`, in seconds.
    pub every: Option<i64>,
    pub properties: Vec<(String, String)>,
    /// The INSERT or CREATE TABLE AS that the task runs.
    pub definition: String,
}

/// Reads a statement of this area; `Ok(None)` if it is of another.
pub fn parse(cursor: &mut Cursor<'_>) -> SqlResult<Option<Dml>> {
    if cursor.is_next(&["SELECT"]) || cursor.is_next(&["WITH"]) || cursor.is_symbol("(") {
        return Ok(Some(Dml::Query(cursor.rest().to_owned())));
    }
    if cursor.is_next(&["INSERT"]) {
        // Read from the text: its values never become tokens, there may be 10,000 rows of them.
        return insert::parse(cursor.rest()).map(|insert| Some(Dml::Insert(Box::new(insert))));
    }
    if cursor.is_next(&["UPDATE"]) {
        return Ok(Some(Dml::Update(cursor.rest().to_owned())));
    }
    if cursor.is_next(&["DELETE"]) {
        return Ok(Some(Dml::Delete(cursor.rest().to_owned())));
    }
    if cursor.take(&["EXPLAIN"]) {
        for level in ["LOGICAL", "ANALYZE", "VERBOSE", "COSTS"] {
            cursor.take(&[level]);
        }
        return Ok(Some(Dml::Explain(cursor.rest().to_owned())));
    }
    if cursor.take(&["BEGIN"]) {
        cursor.take(&["WORK"]);
        let label = if cursor.profile == Profile::V4_1 && cursor.take(&["WITH", "LABEL"]) {
            Some(cursor.identifier()?)
        } else {
            None
        };
        return finish(cursor, Dml::Begin { label });
    }
    if cursor.take(&["START", "TRANSACTION"]) {
        cursor.take(&["WITH", "CONSISTENT", "SNAPSHOT"]);
        return finish(cursor, Dml::Begin { label: None });
    }
    if cursor.take(&["COMMIT"]) {
        cursor.take(&["WORK"]);
        return finish(cursor, Dml::Commit);
    }
    if cursor.take(&["ROLLBACK"]) {
        cursor.take(&["WORK"]);
        return finish(cursor, Dml::Rollback);
    }
    if cursor.take(&["SUBMIT", "TASK"]) {
        return submit_task(cursor).map(Some);
    }
    if cursor.take(&["DROP", "TASK"]) {
        return drop_task(cursor).map(Some);
    }
    if cursor.take(&["SHOW", "LOAD"]) {
        return show_load(cursor).map(Some);
    }
    if cursor.take(&["SHOW", "TRANSACTION"]) {
        return show_transaction(cursor).map(Some);
    }
    Ok(None)
}

fn finish(cursor: &mut Cursor<'_>, statement: Dml) -> SqlResult<Option<Dml>> {
    cursor.end()?;
    Ok(Some(statement))
}

fn submit_task(cursor: &mut Cursor<'_>) -> SqlResult<Dml> {
    let mut task = SubmitTask {
        database: None,
        name: None,
        every: None,
        properties: Vec::new(),
        definition: String::new(),
    };
    if !cursor.is_next(&["AS"]) && !cursor.is_next(&["SCHEDULE"]) {
        let mut parts = cursor.qualified_name()?;
        task.name = parts.pop();
        task.database = parts.pop();
    }
    if cursor.take(&["SCHEDULE"]) {
        if cursor.take(&["START"]) {
            cursor.expect_symbol("(")?;
            cursor.text()?;
            cursor.expect_symbol(")")?;
        }
        cursor.expect("EVERY")?;
        cursor.expect_symbol("(")?;
        cursor.expect("INTERVAL")?;
        let count = cursor.number()?;
        task.every = Some(count * unit_seconds(cursor)?);
        cursor.expect_symbol(")")?;
    }
    if cursor.take(&["PROPERTIES"]) {
        task.properties = cursor.properties()?;
    }
    cursor.expect("AS")?;
    task.definition = cursor.rest().to_owned();
    Ok(Dml::SubmitTask(task))
}

fn unit_seconds(cursor: &mut Cursor<'_>) -> SqlResult<i64> {
    for (unit, seconds) in [
        ("SECOND", 1),
        ("MINUTE", 60),
        ("HOUR", 3_600),
        ("DAY", 86_400),
        ("WEEK", 604_800),
    ] {
        if cursor.take(&[unit]) {
            return Ok(seconds);
        }
    }
    Err(cursor.unexpected("SECOND, MINUTE, HOUR, DAY, WEEK"))
}

fn drop_task(cursor: &mut Cursor<'_>) -> SqlResult<Dml> {
    let if_exists = cursor.take(&["IF", "EXISTS"]);
    let name = cursor.identifier()?;
    cursor.take(&["FORCE"]);
    cursor.end()?;
    Ok(Dml::DropTask { name, if_exists })
}

fn from_database(cursor: &mut Cursor<'_>) -> SqlResult<Option<String>> {
    if cursor.take(&["FROM"]) || cursor.take(&["IN"]) {
        cursor.identifier().map(Some)
    } else {
        Ok(None)
    }
}

fn show_load(cursor: &mut Cursor<'_>) -> SqlResult<Dml> {
    let database = from_database(cursor)?;
    let mut label = None;
    if cursor.take(&["WHERE"]) {
        cursor.expect("LABEL")?;
        cursor.expect_symbol("=")?;
        label = Some(cursor.text()?);
    }
    cursor.end()?;
    Ok(Dml::ShowLoad { database, label })
}

fn show_transaction(cursor: &mut Cursor<'_>) -> SqlResult<Dml> {
    let database = from_database(cursor)?;
    let mut id = None;
    if cursor.take(&["WHERE"]) && cursor.take(&["ID"]) {
        cursor.expect_symbol("=")?;
        id = Some(cursor.number()?);
    }
    cursor.rest();
    Ok(Dml::ShowTransaction { database, id })
}
