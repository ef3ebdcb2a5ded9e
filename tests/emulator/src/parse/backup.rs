//! Grammar of BACKUP, RESTORE, repositories and what shows them.
//!
//! The forms with DATABASE and with kinds of objects (`TABLE t`, `ALL VIEWS`) came with 3.4, the
//! clauses behind SHOW with 4.1; an older profile answers the syntax error of its own parser.

mod objects;
mod show;

pub use objects::{Object, ObjectKind, PartitionList, Selection, Span};
pub use show::{ShowFilter, ShowOrder, SnapshotFilter};

use crate::{
    parse::token::{Cursor, is_reserved},
    reply::{SqlError, SqlResult},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backup {
    CreateRepository(CreateRepository),
    DropRepository {
        name: String,
    },
    ShowRepositories(ShowFilter),
    Backup(BackupStatement),
    Restore(RestoreStatement),
    CancelBackup {
        database: String,
    },
    CancelRestore {
        database: String,
    },
    ShowBackup {
        database: Option<String>,
        filter: ShowFilter,
    },
    ShowRestore {
        database: Option<String>,
        filter: ShowFilter,
    },
    ShowSnapshot {
        repository: String,
        snapshot: SnapshotFilter,
        filter: ShowFilter,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRepository {
    pub name: String,
    pub read_only: bool,
    /// Empty when WITH BROKER names none: the frontend reaches the store itself.
    pub broker: String,
    pub location: String,
    pub properties: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupStatement {
    /// Of `DATABASE db` or `db.label`; without either it is the session's, and the statement fails.
    pub database: Option<String>,
    pub label: String,
    pub repository: String,
    pub selection: Option<Selection>,
    pub external_catalogs: Option<ExternalCatalogs>,
    pub properties: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreStatement {
    /// Where to: `DATABASE source AS target`, or the qualifier of the label.
    pub database: Option<String>,
    /// `DATABASE source`: has to be the snapshot's own database.
    pub source: Option<String>,
    pub label: String,
    pub repository: String,
    pub selection: Option<Selection>,
    pub external_catalogs: Option<ExternalCatalogs>,
    pub properties: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExternalCatalogs {
    All,
    Named(Vec<String>),
}

/// `Ok(None)` when the statement belongs to another area.
pub fn parse(cursor: &mut Cursor) -> SqlResult<Option<Backup>> {
    let statement = if cursor.is_next(&["CREATE", "REPOSITORY"])
        || cursor.is_next(&["CREATE", "READ", "ONLY", "REPOSITORY"])
    {
        create_repository(cursor)?
    } else if cursor.take(&["DROP", "REPOSITORY"]) {
        Backup::DropRepository {
            name: name(cursor)?,
        }
    } else if cursor.is_next(&["DROP", "SNAPSHOT"]) {
        cursor.advance();
        return Err(cursor.no_viable("DROP SNAPSHOT"));
    } else if cursor.take(&["SHOW", "REPOSITORIES"]) {
        Backup::ShowRepositories(show::filter(cursor)?)
    } else if cursor.take(&["SHOW", "BACKUP"]) {
        Backup::ShowBackup {
            database: database_of_show(cursor)?,
            filter: show::filter(cursor)?,
        }
    } else if cursor.take(&["SHOW", "RESTORE"]) {
        Backup::ShowRestore {
            database: database_of_show(cursor)?,
            filter: show::filter_of_restore(cursor)?,
        }
    } else if cursor.take(&["SHOW", "SNAPSHOT"]) {
        cursor.expect("ON")?;
        let repository = name(cursor)?;
        let (snapshot, filter) = show::snapshot_filter(cursor)?;
        Backup::ShowSnapshot {
            repository,
            snapshot,
            filter,
        }
    } else if cursor.take(&["CANCEL", "BACKUP"]) {
        Backup::CancelBackup {
            database: database_of_cancel(cursor)?,
        }
    } else if cursor.take(&["CANCEL", "RESTORE"]) {
        Backup::CancelRestore {
            database: database_of_cancel(cursor)?,
        }
    } else if cursor.take(&["BACKUP"]) {
        Backup::Backup(backup(cursor)?)
    } else if cursor.take(&["RESTORE"]) {
        Backup::Restore(restore(cursor)?)
    } else {
        return Ok(None);
    };
    end(cursor)?;
    Ok(Some(statement))
}

fn create_repository(cursor: &mut Cursor) -> SqlResult<Backup> {
    cursor.expect("CREATE")?;
    let read_only = cursor.take(&["READ", "ONLY"]);
    cursor.expect("REPOSITORY")?;
    let name = name(cursor)?;
    cursor.expect("WITH")?;
    cursor.expect("BROKER")?;
    let broker = if cursor.is_next(&["ON", "LOCATION"]) {
        String::new()
    } else {
        cursor.identifier_or_text()?
    };
    cursor.expect("ON")?;
    cursor.expect("LOCATION")?;
    let location = cursor.text()?;
    Ok(Backup::CreateRepository(CreateRepository {
        name,
        read_only,
        broker,
        location,
        properties: properties(cursor)?,
    }))
}

fn backup(cursor: &mut Cursor) -> SqlResult<BackupStatement> {
    let modern = !cursor.profile.is_3_3();
    let external_catalogs = if modern { external(cursor)? } else { None };
    let explicit = if modern && cursor.take(&["DATABASE"]) {
        Some(name(cursor)?)
    } else {
        None
    };
    cursor.expect("SNAPSHOT")?;
    let (qualifier, label) = label(cursor)?;
    forbid_two_databases(explicit.as_deref(), qualifier.as_deref())?;
    cursor.expect("TO")?;
    let repository = name(cursor)?;
    let selection = if cursor.take(&["ON"]) {
        Some(objects::selection(cursor, objects::Statement::Backup)?)
    } else {
        None
    };
    let database = explicit.or(qualifier);
    refuse_mixed_catalogs(
        external_catalogs.is_some(),
        database.is_some(),
        selection.is_some(),
    )?;
    if selection.as_ref().is_some_and(Selection::has_alias) {
        return Err(SqlError::plain(
            "Getting syntax error. Detail message: Specifying alias for backup object is forbidden \
             in BACKUP stmt.",
        ));
    }
    Ok(BackupStatement {
        database,
        label,
        repository,
        selection,
        external_catalogs,
        properties: properties(cursor)?,
    })
}

fn restore(cursor: &mut Cursor) -> SqlResult<RestoreStatement> {
    let modern = !cursor.profile.is_3_3();
    cursor.expect("SNAPSHOT")?;
    let (qualifier, label) = label(cursor)?;
    cursor.expect("FROM")?;
    let repository = name(cursor)?;
    let external_catalogs = if modern { external(cursor)? } else { None };
    let mut source = None;
    let mut database = qualifier;
    if modern && cursor.take(&["DATABASE"]) {
        let from = name(cursor)?;
        forbid_two_databases(Some(&from), database.as_deref())?;
        database = Some(if cursor.take(&["AS"]) {
            name(cursor)?
        } else {
            from.clone()
        });
        source = Some(from);
    }
    let selection = if cursor.take(&["ON"]) {
        Some(objects::selection(cursor, objects::Statement::Restore)?)
    } else {
        None
    };
    refuse_mixed_catalogs(
        external_catalogs.is_some(),
        database.is_some(),
        selection.is_some(),
    )?;
    if modern && selection.is_some() && database.is_none() {
        return Err(SqlError::plain(
            "Getting syntax error. Detail message: `ON` clause is forbidden if no Database explicitly \
             specified in Restore stmt.",
        ));
    }
    Ok(RestoreStatement {
        database,
        source,
        label,
        repository,
        selection,
        external_catalogs,
        properties: properties(cursor)?,
    })
}

/// `ALL EXTERNAL CATALOGS` or `EXTERNAL CATALOG (a, b AS c)`.
fn external(cursor: &mut Cursor) -> SqlResult<Option<ExternalCatalogs>> {
    if cursor.take(&["ALL", "EXTERNAL", "CATALOGS"]) {
        return Ok(Some(ExternalCatalogs::All));
    }
    if !cursor.take(&["EXTERNAL", "CATALOG"]) && !cursor.take(&["EXTERNAL", "CATALOGS"]) {
        return Ok(None);
    }
    cursor.expect_symbol("(")?;
    let mut names = Vec::new();
    loop {
        names.push(name(cursor)?);
        if cursor.take(&["AS"]) {
            name(cursor)?;
        }
        if !cursor.take_symbol(",") {
            break;
        }
    }
    cursor.expect_symbol(")")?;
    Ok(Some(ExternalCatalogs::Named(names)))
}

/// The words of these two are the real server's, spelling included.
fn refuse_mixed_catalogs(catalogs: bool, database: bool, on: bool) -> SqlResult<()> {
    let refused = match (catalogs, database, on) {
        (true, true, _) => "database name",
        (true, _, true) => "`ON` clause",
        _ => return Ok(()),
    };
    Err(SqlError::plain(format!(
        "Getting syntax error. Detail message: Can not sepcify {refused} for external catalog \
         Backup/Restore."
    )))
}

fn forbid_two_databases(explicit: Option<&str>, qualifier: Option<&str>) -> SqlResult<()> {
    if explicit.is_some() && qualifier.is_some() {
        return Err(SqlError::plain(
            "Getting syntax error. Detail message: Specifying dbName before snapshot name is \
             forbidden if the DbName is specified explicitly in BACKUP/RESTORE.",
        ));
    }
    Ok(())
}

/// `label` or `database.label`.
fn label(cursor: &mut Cursor) -> SqlResult<(Option<String>, String)> {
    let start = cursor.position();
    let mut parts = vec![name(cursor)?];
    while cursor.is_symbol(".") {
        // The parser of 3.3 gives up on the whole name when a reserved word follows the dot.
        if cursor.profile.is_3_3() && is_reserved_next(cursor, 1) {
            return Err(cursor.unexpected("'TO'"));
        }
        cursor.advance();
        parts.push(name(cursor)?);
    }
    if parts.len() > 2 {
        return Err(SqlError::plain(format!(
            "Getting syntax error {}. Detail message: Invalid table name format '{}'.",
            Span::of(cursor, start),
            parts.join(".")
        )));
    }
    let label = parts.pop().unwrap_or_default();
    Ok((parts.pop(), label))
}

fn is_reserved_next(cursor: &Cursor, offset: usize) -> bool {
    use crate::parse::token::{Spanned, Token};
    matches!(cursor.peek_ahead(offset), Some(Spanned { token: Token::Word(word), .. }) if is_reserved(word))
}

/// An identifier; a reserved word has to be quoted.
fn name(cursor: &mut Cursor) -> SqlResult<String> {
    if is_reserved_next(cursor, 0) {
        return Err(cursor.unexpected("a legal identifier"));
    }
    cursor.identifier()
}

fn database_of_show(cursor: &mut Cursor) -> SqlResult<Option<String>> {
    if cursor.take(&["FROM"]) || cursor.take(&["IN"]) {
        Ok(Some(name(cursor)?))
    } else {
        Ok(None)
    }
}

/// The session's database does not count.
fn database_of_cancel(cursor: &mut Cursor) -> SqlResult<String> {
    database_of_show(cursor)?.ok_or_else(|| {
        SqlError::plain(
            "Getting syntax error. Detail message: No selected database for cancel BACKUP/RESTORE.",
        )
    })
}

fn properties(cursor: &mut Cursor) -> SqlResult<Vec<(String, String)>> {
    if cursor.take(&["PROPERTIES"]) {
        cursor.properties()
    } else {
        Ok(Vec::new())
    }
}

fn end(cursor: &mut Cursor) -> SqlResult<()> {
    cursor.take_symbol(";");
    if cursor.at_end() {
        Ok(())
    } else {
        Err(cursor.unexpected("<EOF>, ';'"))
    }
}

#[cfg(test)]
mod tests;
