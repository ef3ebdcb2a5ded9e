//! Which column a name means.

use super::typed::Typed;
use crate::{
    reply::{SqlError, SqlResult},
    types::SqlType,
};

/// One column that a FROM item offers.
#[derive(Debug, Clone)]
pub struct ScopeColumn {
    pub name: String,
    /// How the generated SQL reads it.
    pub sql: String,
    pub sql_type: SqlType,
}

impl ScopeColumn {
    pub fn typed(&self) -> Typed {
        Typed::new(self.sql.clone(), self.sql_type.clone())
    }
}

/// One FROM item under the name that the query gives it.
#[derive(Debug, Clone)]
pub struct Relation {
    pub database: Option<String>,
    pub name: String,
    pub columns: Vec<ScopeColumn>,
    /// Columns of a USING join that `*` shows once, by the relation before.
    pub hidden: Vec<String>,
}

/// The relations of one SELECT.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub relations: Vec<Relation>,
}

impl Scope {
    /// Finds `column`, `table.column` or `database.table.column`; `None` if nothing here has it.
    pub fn find(&self, path: &[String]) -> SqlResult<Option<&ScopeColumn>> {
        let Some((name, qualifier)) = path.split_last() else {
            return Ok(None);
        };
        let mut found = None;
        for relation in &self.relations {
            if !relation.is_meant_by(qualifier) {
                continue;
            }
            let is_hidden = |name: &str| {
                qualifier.is_empty()
                    && relation
                        .hidden
                        .iter()
                        .any(|hidden| hidden.eq_ignore_ascii_case(name))
            };
            for column in &relation.columns {
                if !column.name.eq_ignore_ascii_case(name) || is_hidden(&column.name) {
                    continue;
                }
                if found.is_some() {
                    return Err(SqlError::analyzing(format!("Column '{name}' is ambiguous")));
                }
                found = Some(column);
            }
        }
        Ok(found)
    }
}

impl Relation {
    pub fn is_meant_by(&self, qualifier: &[String]) -> bool {
        match qualifier {
            [] => true,
            [table] => self.name.eq_ignore_ascii_case(table),
            [.., database, table] => {
                self.name.eq_ignore_ascii_case(table)
                    && self
                        .database
                        .as_ref()
                        .is_some_and(|own| own.eq_ignore_ascii_case(database))
            }
        }
    }
}

pub fn unresolved(path: &[String]) -> SqlError {
    SqlError::analyzing(format!("Column '{}' cannot be resolved", path.join(".")))
}
