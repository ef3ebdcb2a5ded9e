//! Statements about the session, users and the cluster.

mod accounts;
mod set;

pub use accounts::{
    AccountChange, Grant, GrantObject, Grantee, PrivilegeList, RoleSelection, SetPassword, Within,
};
pub use set::{Scope, SetItem, SetValue};

use super::{
    clauses::Clauses,
    token::{Cursor, Token},
};
use crate::{privileges::Identity, profile::Profile, reply::SqlResult};

#[derive(Debug, Clone)]
pub enum Admin {
    Use(String),
    Set(Vec<SetItem>),
    SetCatalog(String),
    SetRole(RoleSelection),
    SetDefaultRole {
        roles: RoleSelection,
        users: Vec<Identity>,
    },
    SetPassword(SetPassword),
    Kill {
        id: i64,
        query_only: bool,
    },
    CreateUser {
        if_not_exists: bool,
        user: Identity,
        change: AccountChange,
    },
    AlterUser {
        user: Identity,
        change: AccountChange,
    },
    DropUser {
        if_exists: bool,
        user: Identity,
    },
    CreateRole {
        if_not_exists: bool,
        names: Vec<String>,
        comment: String,
    },
    DropRole {
        if_exists: bool,
        names: Vec<String>,
    },
    Grant(Grant),
    Revoke(Grant),
    Show(Show, Clauses),
    SetConfig(Vec<(String, String)>),
    CreateRoutineLoad(NewRoutineLoad),
}

/// `CREATE ROUTINE LOAD [database.]name ON table [PROPERTIES (...)] FROM KAFKA (...)`
#[derive(Debug, Clone)]
pub struct NewRoutineLoad {
    pub database: Option<String>,
    pub name: String,
    pub table: String,
}

#[derive(Debug, Clone)]
pub enum Show {
    Variables,
    Status,
    Warnings,
    ProcessList,
    Frontends,
    Backends,
    ComputeNodes,
    Brokers,
    Users,
    Roles,
    Grants(Option<Grantee>),
    /// ADMIN SHOW FRONTEND CONFIG.
    Config,
    /// ADMIN SHOW REPLICA STATUS.
    ReplicaStatus {
        database: Option<String>,
        table: String,
    },
    RoutineLoads {
        database: Option<String>,
    },
    /// A statement whose answer never changes, by its words.
    Fixed(&'static str),
}

pub fn parse(cursor: &mut Cursor<'_>) -> SqlResult<Option<Admin>> {
    let Some(Token::Word(first)) = cursor.peek().map(|spanned| &spanned.token) else {
        return Ok(None);
    };
    let statement = match first.to_ascii_uppercase().as_str() {
        "USE" => {
            cursor.advance();
            // `USE catalog.database` names the only catalog there is.
            let name = cursor.qualified_name()?.pop().unwrap_or_default();
            Some(Admin::Use(name))
        }
        "KILL" => {
            cursor.advance();
            let query_only = cursor.take(&["QUERY"]);
            let _ = query_only || cursor.take(&["CONNECTION"]);
            Some(Admin::Kill {
                id: cursor.number()?,
                query_only,
            })
        }
        "SET" => {
            cursor.advance();
            Some(set::parse(cursor)?)
        }
        "CREATE" if cursor.is_next(&["CREATE", "ROUTINE", "LOAD"]) => {
            Some(Admin::CreateRoutineLoad(routine_load(cursor)?))
        }
        "CREATE" | "ALTER" | "DROP" | "GRANT" | "REVOKE" => accounts::parse(cursor)?,
        "SHOW" => show(cursor)?,
        "ADMIN" => admin(cursor)?,
        _ => None,
    };
    if statement.is_some() {
        cursor.end()?;
    }
    Ok(statement)
}

fn routine_load(cursor: &mut Cursor<'_>) -> SqlResult<NewRoutineLoad> {
    cursor.take(&["CREATE", "ROUTINE", "LOAD"]);
    let mut name = cursor.qualified_name()?;
    let own = name.pop().unwrap_or_default();
    cursor.expect("ON")?;
    let table = cursor.identifier()?;
    if cursor.take(&["PROPERTIES"]) {
        cursor.properties()?;
    }
    cursor.expect("FROM")?;
    cursor.expect("KAFKA")?;
    cursor.properties()?;
    Ok(NewRoutineLoad {
        database: name.pop(),
        name: own,
        table,
    })
}

/// Statements whose answers are the same on every cluster of a version, as they are written.
const FIXED: [&str; 15] = [
    "CATALOGS",
    "CHARACTER SET",
    "CHARSET",
    "COLLATION",
    "ENGINES",
    "ERRORS",
    "EVENTS",
    "PLUGINS",
    "PROCEDURE STATUS",
    "RESOURCE GROUPS ALL",
    "RESOURCE GROUPS",
    "STORAGE ENGINES",
    "STORAGE VOLUMES",
    "TRIGGERS",
    "WAREHOUSES",
];

fn show(cursor: &mut Cursor<'_>) -> SqlResult<Option<Admin>> {
    let mut ahead = cursor.clone();
    ahead.advance();
    let scoped = ["GLOBAL", "SESSION", "LOCAL", "FULL", "ALL"]
        .iter()
        .any(|word| ahead.take(&[word]));
    let show = if ahead.take(&["VARIABLES"]) {
        Show::Variables
    } else if ahead.take(&["STATUS"]) {
        Show::Status
    } else if ahead.take(&["PROCESSLIST"]) {
        Show::ProcessList
    } else if ahead.take(&["GRANTS"]) {
        let grantee = if ahead.take(&["FOR"]) {
            Some(accounts::grantee(&mut ahead)?)
        } else {
            None
        };
        Show::Grants(grantee)
    } else if ahead.take(&["ROUTINE", "LOAD"]) {
        let database = if ahead.take(&["FROM"]) {
            Some(ahead.identifier()?)
        } else {
            None
        };
        Show::RoutineLoads { database }
    } else if scoped {
        return Ok(None);
    } else if ahead.take(&["WARNINGS"]) {
        Show::Warnings
    } else if ahead.take(&["FRONTENDS"]) {
        Show::Frontends
    } else if ahead.take(&["BACKENDS"]) {
        Show::Backends
    } else if ahead.take(&["COMPUTE", "NODES"]) {
        Show::ComputeNodes
    } else if ahead.take(&["BROKER"]) {
        Show::Brokers
    } else if ahead.take(&["USERS"]) {
        Show::Users
    } else if ahead.take(&["ROLES"]) {
        Show::Roles
    } else {
        let fixed = FIXED.iter().find(|words| {
            let words: Vec<&str> = words.split(' ').collect();
            ahead.take(&words)
        });
        match fixed {
            Some(words) => Show::Fixed(words),
            None => return Ok(None),
        }
    };
    // Before 4.1 nothing may follow SHOW FRONTENDS and its like.
    let takes_clauses = matches!(show, Show::Variables | Show::Status | Show::Fixed(_))
        || cursor.profile == Profile::V4_1;
    let clauses = if takes_clauses {
        Clauses::parse(&mut ahead)?
    } else {
        Clauses::default()
    };
    *cursor = ahead;
    Ok(Some(Admin::Show(show, clauses)))
}

fn admin(cursor: &mut Cursor<'_>) -> SqlResult<Option<Admin>> {
    if cursor.take(&["ADMIN", "SHOW", "FRONTEND", "CONFIG"]) {
        return Ok(Some(Admin::Show(Show::Config, Clauses::parse(cursor)?)));
    }
    if cursor.take(&["ADMIN", "SET", "FRONTEND", "CONFIG"]) {
        return Ok(Some(Admin::SetConfig(cursor.properties()?)));
    }
    if cursor.take(&["ADMIN", "SHOW", "REPLICA", "STATUS", "FROM"]) {
        let mut name = cursor.qualified_name()?;
        let table = name.pop().unwrap_or_default();
        let show = Show::ReplicaStatus {
            database: name.pop(),
            table,
        };
        return Ok(Some(Admin::Show(show, Clauses::parse(cursor)?)));
    }
    Ok(None)
}
