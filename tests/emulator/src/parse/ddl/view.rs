//! Views and materialized views.

use super::{Ddl, ObjectName, text_since};
use crate::{
    catalog::Distribution,
    parse::{
        ddl::table::{PartitionBy, distribution, partition_by},
        token::Cursor,
    },
    reply::SqlResult,
};

#[derive(Debug, Clone)]
pub struct CreateView {
    pub name: ObjectName,
    pub if_not_exists: bool,
    pub or_replace: bool,
    /// Names given to the columns, with their comments; empty takes those of the query.
    pub columns: Vec<(String, String)>,
    pub comment: String,
    pub query: String,
}

#[derive(Debug, Clone)]
pub struct CreateMaterializedView {
    pub name: ObjectName,
    pub if_not_exists: bool,
    pub columns: Vec<(String, String)>,
    pub comment: String,
    pub partitioning: PartitionBy,
    pub distribution: Option<Distribution>,
    /// What follows REFRESH, as typed; empty for a synchronous one, which is a rollup.
    pub refresh: String,
    pub properties: Vec<(String, String)>,
    pub query: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterMaterializedView {
    Rename(String),
    Active(bool),
    Swap(String),
    Refresh(String),
    Set(Vec<(String, String)>),
}

fn columns(cursor: &mut Cursor) -> SqlResult<Vec<(String, String)>> {
    let mut all = Vec::new();
    if !cursor.take_symbol("(") {
        return Ok(all);
    }
    loop {
        let name = cursor.identifier()?;
        let comment = if cursor.take(&["COMMENT"]) {
            cursor.text()?
        } else {
            String::new()
        };
        all.push((name, comment));
        if !cursor.take_symbol(",") {
            break;
        }
    }
    cursor.expect_symbol(")")?;
    Ok(all)
}

/// After CREATE [OR REPLACE] VIEW.
pub fn create(cursor: &mut Cursor, or_replace: bool) -> SqlResult<Ddl> {
    let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
    let name = ObjectName::parse(cursor)?;
    let columns = columns(cursor)?;
    let comment = if cursor.take(&["COMMENT"]) {
        cursor.text()?
    } else {
        String::new()
    };
    if cursor.take(&["SECURITY"]) {
        cursor.identifier()?;
    }
    cursor.expect("AS")?;
    Ok(Ddl::CreateView(Box::new(CreateView {
        name,
        if_not_exists,
        or_replace,
        columns,
        comment,
        query: cursor.rest().to_owned(),
    })))
}

/// After ALTER VIEW.
pub fn alter_view(cursor: &mut Cursor) -> SqlResult<Ddl> {
    let name = ObjectName::parse(cursor)?;
    columns(cursor)?;
    cursor.expect("AS")?;
    let query = cursor.rest().to_owned();
    Ok(Ddl::AlterView { name, query })
}

/// After CREATE MATERIALIZED VIEW.
pub fn create_materialized_view(cursor: &mut Cursor) -> SqlResult<Ddl> {
    let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
    let mut view = CreateMaterializedView {
        name: ObjectName::parse(cursor)?,
        if_not_exists,
        columns: columns(cursor)?,
        comment: String::new(),
        partitioning: PartitionBy::None,
        distribution: None,
        refresh: String::new(),
        properties: Vec::new(),
        query: String::new(),
    };
    loop {
        if cursor.take(&["COMMENT"]) {
            view.comment = cursor.text()?;
        } else if cursor.take(&["PARTITION", "BY"]) {
            view.partitioning = partition_by(cursor)?;
        } else if cursor.take(&["DISTRIBUTED", "BY"]) {
            view.distribution = Some(distribution(cursor)?);
        } else if cursor.take(&["REFRESH"]) {
            view.refresh = refresh_scheme(cursor);
        } else if cursor.take(&["ORDER", "BY"]) {
            super::identifier_list(cursor)?;
        } else if cursor.take(&["PROPERTIES"]) {
            view.properties = cursor.properties()?;
        } else {
            cursor.expect("AS")?;
            view.query = cursor.rest().to_owned();
            return Ok(Ddl::CreateMaterializedView(Box::new(view)));
        }
    }
}

/// `ASYNC`, `MANUAL`, `ASYNC START(...) EVERY(...)`, as typed.
fn refresh_scheme(cursor: &mut Cursor) -> String {
    let start = cursor.peek().map_or(0, |token| token.start);
    let mut depth = 0;
    while !cursor.at_end() {
        let next_clause = ["AS", "PROPERTIES", "PARTITION", "DISTRIBUTED", "ORDER"];
        if depth == 0 && next_clause.iter().any(|word| cursor.is_next(&[word])) {
            break;
        }
        if cursor.is_symbol("(") {
            depth += 1;
        } else if cursor.is_symbol(")") {
            depth -= 1;
        }
        cursor.advance();
    }
    text_since(cursor, start).to_owned()
}

/// After ALTER MATERIALIZED VIEW.
pub fn alter_materialized_view(cursor: &mut Cursor) -> SqlResult<Ddl> {
    let name = ObjectName::parse(cursor)?;
    let action = if cursor.take(&["RENAME"]) {
        AlterMaterializedView::Rename(cursor.identifier()?)
    } else if cursor.take(&["ACTIVE"]) {
        AlterMaterializedView::Active(true)
    } else if cursor.take(&["INACTIVE"]) {
        AlterMaterializedView::Active(false)
    } else if cursor.take(&["SWAP", "WITH"]) {
        AlterMaterializedView::Swap(cursor.identifier()?)
    } else if cursor.take(&["REFRESH"]) {
        AlterMaterializedView::Refresh(refresh_scheme(cursor))
    } else {
        cursor.expect("SET")?;
        AlterMaterializedView::Set(cursor.properties()?)
    };
    Ok(Ddl::AlterMaterializedView { name, action })
}

/// After REFRESH MATERIALIZED VIEW.
pub fn refresh(cursor: &mut Cursor) -> SqlResult<Ddl> {
    let name = ObjectName::parse(cursor)?;
    if cursor.take(&["PARTITION"]) {
        cursor.expect("START")?;
        cursor.expect_symbol("(")?;
        cursor.text()?;
        cursor.expect_symbol(")")?;
        cursor.expect("END")?;
        cursor.expect_symbol("(")?;
        cursor.text()?;
        cursor.expect_symbol(")")?;
    }
    cursor.take(&["FORCE"]);
    if cursor.take(&["WITH"]) {
        cursor.identifier()?;
        cursor.expect("MODE")?;
    }
    Ok(Ddl::RefreshMaterializedView { name })
}
