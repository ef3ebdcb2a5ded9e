//! SHOW and DESC statements about databases, tables, partitions and running ALTERs.

use super::ObjectName;
use crate::{
    parse::{clauses::Clauses, token::Cursor},
    reply::SqlResult,
};

#[derive(Debug, Clone)]
pub enum Show {
    Databases(Clauses),
    Tables {
        full: bool,
        database: Option<String>,
        clauses: Clauses,
    },
    TableStatus {
        database: Option<String>,
        clauses: Clauses,
    },
    Columns {
        full: bool,
        table: ObjectName,
        clauses: Clauses,
    },
    Describe {
        table: ObjectName,
        all: bool,
    },
    CreateDatabase(String),
    CreateTable(ObjectName),
    CreateView(ObjectName),
    CreateMaterializedView(ObjectName),
    Partitions {
        temporary: bool,
        table: ObjectName,
        clauses: Clauses,
    },
    OptimizeJobs {
        database: Option<String>,
        clauses: Clauses,
    },
    AlterTable {
        rollup: bool,
        database: Option<String>,
        clauses: Clauses,
    },
    MaterializedViews {
        database: Option<String>,
        clauses: Clauses,
    },
    DynamicPartitionTables {
        database: Option<String>,
        clauses: Clauses,
    },
    Functions {
        database: Option<String>,
        full: bool,
        clauses: Clauses,
    },
    Data(Option<ObjectName>),
    Index(ObjectName),
    Tablets {
        table: ObjectName,
        clauses: Clauses,
    },
    Proc {
        path: String,
        clauses: Clauses,
    },
}

pub fn parse(cursor: &mut Cursor) -> SqlResult<Option<Show>> {
    if describes_table(cursor) {
        cursor.advance();
        let table = ObjectName::parse(cursor)?;
        let all = cursor.take(&["ALL"]);
        return Ok(Some(Show::Describe { table, all }));
    }
    let show = if cursor.take(&["SHOW", "DATABASES"]) || cursor.take(&["SHOW", "SCHEMAS"]) {
        from(cursor)?;
        Show::Databases(Clauses::parse(cursor)?)
    } else if cursor.take(&["SHOW", "TABLES"]) {
        tables(cursor, false)?
    } else if cursor.take(&["SHOW", "FULL", "TABLES"]) {
        tables(cursor, true)?
    } else if cursor.take(&["SHOW", "TABLE", "STATUS"]) {
        Show::TableStatus {
            database: from(cursor)?,
            clauses: Clauses::parse(cursor)?,
        }
    } else if cursor.take(&["SHOW", "COLUMNS"]) || cursor.take(&["SHOW", "FIELDS"]) {
        columns(cursor, false)?
    } else if cursor.take(&["SHOW", "FULL", "COLUMNS"]) || cursor.take(&["SHOW", "FULL", "FIELDS"])
    {
        columns(cursor, true)?
    } else if cursor.take(&["SHOW", "CREATE", "DATABASE"])
        || cursor.take(&["SHOW", "CREATE", "SCHEMA"])
    {
        Show::CreateDatabase(cursor.identifier()?)
    } else if cursor.take(&["SHOW", "CREATE", "TABLE"]) {
        Show::CreateTable(ObjectName::parse(cursor)?)
    } else if cursor.take(&["SHOW", "CREATE", "VIEW"]) {
        Show::CreateView(ObjectName::parse(cursor)?)
    } else if cursor.take(&["SHOW", "CREATE", "MATERIALIZED", "VIEW"]) {
        Show::CreateMaterializedView(ObjectName::parse(cursor)?)
    } else if cursor.take(&["SHOW", "PARTITIONS"]) {
        partitions(cursor, false)?
    } else if cursor.take(&["SHOW", "TEMPORARY", "PARTITIONS"]) {
        partitions(cursor, true)?
    } else if cursor.take(&["SHOW", "ALTER", "TABLE", "COLUMN"]) {
        alter_table(cursor, false)?
    } else if cursor.take(&["SHOW", "ALTER", "TABLE", "ROLLUP"])
        || cursor.take(&["SHOW", "ALTER", "MATERIALIZED", "VIEW"])
    {
        alter_table(cursor, true)?
    } else if cursor.take(&["SHOW", "ALTER", "TABLE", "OPTIMIZE"]) {
        Show::OptimizeJobs {
            database: from(cursor)?,
            clauses: Clauses::parse(cursor)?,
        }
    } else if cursor.take(&["SHOW", "MATERIALIZED", "VIEWS"])
        || cursor.take(&["SHOW", "MATERIALIZED", "VIEW"])
    {
        Show::MaterializedViews {
            database: from(cursor)?,
            clauses: Clauses::parse(cursor)?,
        }
    } else if cursor.take(&["SHOW", "DYNAMIC", "PARTITION", "TABLES"]) {
        Show::DynamicPartitionTables {
            database: from(cursor)?,
            clauses: Clauses::parse(cursor)?,
        }
    } else if cursor.take(&["SHOW", "FUNCTIONS"]) {
        functions(cursor, false)?
    } else if cursor.take(&["SHOW", "FULL", "FUNCTIONS"]) {
        functions(cursor, true)?
    } else if cursor.take(&["SHOW", "DATA"]) {
        Show::Data(if cursor.take(&["FROM"]) {
            Some(ObjectName::parse(cursor)?)
        } else {
            None
        })
    } else if cursor.take(&["SHOW", "INDEX"]) || cursor.take(&["SHOW", "INDEXES"]) {
        cursor.expect("FROM")?;
        Show::Index(ObjectName::parse(cursor)?)
    } else if cursor.take(&["SHOW", "TABLET"]) || cursor.take(&["SHOW", "TABLETS"]) {
        cursor.expect("FROM")?;
        Show::Tablets {
            table: ObjectName::parse(cursor)?,
            clauses: Clauses::parse(cursor)?,
        }
    } else if cursor.take(&["SHOW", "PROC"]) {
        Show::Proc {
            path: cursor.text()?,
            clauses: Clauses::parse(cursor)?,
        }
    } else {
        return Ok(None);
    };
    Ok(Some(show))
}

/// `DESC name`; DESC before a query is EXPLAIN.
fn describes_table(cursor: &Cursor) -> bool {
    let mut ahead = cursor.clone();
    (ahead.take(&["DESC"]) || ahead.take(&["DESCRIBE"]))
        && !["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "FILES"]
            .iter()
            .any(|word| ahead.is_next(&[word]))
}

/// `[FROM | IN database]`, with or without a catalog before it.
fn from(cursor: &mut Cursor) -> SqlResult<Option<String>> {
    if cursor.take(&["FROM"]) || cursor.take(&["IN"]) {
        Ok(cursor.qualified_name()?.pop())
    } else {
        Ok(None)
    }
}

fn tables(cursor: &mut Cursor, full: bool) -> SqlResult<Show> {
    Ok(Show::Tables {
        full,
        database: from(cursor)?,
        clauses: Clauses::parse(cursor)?,
    })
}

/// `FROM table [FROM database]`.
fn columns(cursor: &mut Cursor, full: bool) -> SqlResult<Show> {
    if !cursor.take(&["FROM"]) && !cursor.take(&["IN"]) {
        return Err(cursor.unexpected("FROM"));
    }
    let mut table = ObjectName::parse(cursor)?;
    if let Some(database) = from(cursor)? {
        table.database = Some(database);
    }
    Ok(Show::Columns {
        full,
        table,
        clauses: Clauses::parse(cursor)?,
    })
}

fn partitions(cursor: &mut Cursor, temporary: bool) -> SqlResult<Show> {
    cursor.expect("FROM")?;
    Ok(Show::Partitions {
        temporary,
        table: ObjectName::parse(cursor)?,
        clauses: Clauses::parse(cursor)?,
    })
}

fn alter_table(cursor: &mut Cursor, rollup: bool) -> SqlResult<Show> {
    Ok(Show::AlterTable {
        rollup,
        database: from(cursor)?,
        clauses: Clauses::parse(cursor)?,
    })
}

fn functions(cursor: &mut Cursor, full: bool) -> SqlResult<Show> {
    Ok(Show::Functions {
        database: from(cursor)?,
        full,
        clauses: Clauses::parse(cursor)?,
    })
}
