//! Users, roles and grants.

use super::Admin;
use crate::{
    parse::token::{Cursor, Token},
    privileges::{Identity, ObjectKind},
    reply::SqlResult,
};

/// What CREATE USER and ALTER USER say about an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// As typed.
    pub password: Option<String>,
    /// `*` and 40 hexadecimal digits.
    pub password_hash: Option<String>,
    pub default_roles: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPassword {
    /// `None`: the session's own.
    pub user: Option<Identity>,
    pub text: String,
    pub hashed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleSelection {
    None,
    Default,
    All { except: Vec<String> },
    Some(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantee {
    User(Identity),
    Role(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrivilegeList {
    All,
    /// Upper-case names, as written.
    Some(Vec<String>),
}

/// GRANT and REVOKE differ in what they do with this only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    Roles {
        roles: Vec<String>,
        to: Grantee,
    },
    Privileges {
        privileges: PrivilegeList,
        on: GrantObject,
        to: Grantee,
        with_grant_option: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantObject {
    System,
    User(Identity),
    /// `ALL TABLES IN ...`, `ALL DATABASES`.
    All {
        kind: ObjectKind,
        within: Within,
    },
    /// Names with what qualifies them.
    Named {
        kind: ObjectKind,
        names: Vec<Vec<String>>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Within {
    AllDatabases,
    Database(String),
}

pub(super) fn parse(cursor: &mut Cursor<'_>) -> SqlResult<Option<Admin>> {
    let statement = if cursor.take(&["CREATE", "USER"]) {
        let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
        Admin::CreateUser {
            if_not_exists,
            user: user(cursor)?,
            change: account_change(cursor)?,
        }
    } else if cursor.take(&["ALTER", "USER"]) {
        cursor.take(&["IF", "EXISTS"]);
        Admin::AlterUser {
            user: user(cursor)?,
            change: account_change(cursor)?,
        }
    } else if cursor.take(&["DROP", "USER"]) {
        let if_exists = cursor.take(&["IF", "EXISTS"]);
        Admin::DropUser {
            if_exists,
            user: user(cursor)?,
        }
    } else if cursor.take(&["CREATE", "ROLE"]) {
        let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
        let names = role_names(cursor)?;
        let comment = if cursor.take(&["COMMENT"]) {
            cursor.take_symbol("=");
            cursor.text()?
        } else {
            String::new()
        };
        Admin::CreateRole {
            if_not_exists,
            names,
            comment,
        }
    } else if cursor.take(&["DROP", "ROLE"]) {
        let if_exists = cursor.take(&["IF", "EXISTS"]);
        Admin::DropRole {
            if_exists,
            names: role_names(cursor)?,
        }
    } else if cursor.take(&["GRANT"]) {
        Admin::Grant(grant(cursor, "TO")?)
    } else if cursor.take(&["REVOKE"]) {
        Admin::Revoke(grant(cursor, "FROM")?)
    } else {
        return Ok(None);
    };
    Ok(Some(statement))
}

/// `'name'@'host'`, `name@host`, `'name'`: without a host it is `%`.
pub(super) fn user(cursor: &mut Cursor<'_>) -> SqlResult<Identity> {
    let name = name(cursor)?;
    let host = match cursor.peek().map(|spanned| &spanned.token) {
        Some(Token::Variable(at)) if at == "@" => {
            cursor.advance();
            if cursor.take_symbol("%") {
                "%".to_owned()
            } else if cursor.take_symbol("[") {
                let domain = self::name(cursor)?;
                cursor.expect_symbol("]")?;
                domain
            } else {
                self::name(cursor)?
            }
        }
        Some(Token::Variable(host)) => {
            cursor.advance();
            host.trim_start_matches('@').to_owned()
        }
        _ => "%".to_owned(),
    };
    Ok(Identity { user: name, host })
}

fn name(cursor: &mut Cursor<'_>) -> SqlResult<String> {
    match cursor.peek().map(|spanned| &spanned.token) {
        Some(Token::Text(text)) => {
            cursor.advance();
            Ok(text.clone())
        }
        _ => cursor.identifier(),
    }
}

fn role_names(cursor: &mut Cursor<'_>) -> SqlResult<Vec<String>> {
    let mut names = vec![name(cursor)?];
    while cursor.take_symbol(",") {
        names.push(name(cursor)?);
    }
    Ok(names)
}

fn account_change(cursor: &mut Cursor<'_>) -> SqlResult<AccountChange> {
    let mut change = AccountChange::default();
    loop {
        if cursor.take(&["IDENTIFIED", "BY"]) {
            let hashed = cursor.take(&["PASSWORD"]);
            let text = cursor.text()?;
            if hashed {
                change.password_hash = Some(text);
            } else {
                change.password = Some(text);
            }
        } else if cursor.take(&["IDENTIFIED", "WITH"]) {
            name(cursor)?;
            if cursor.take(&["BY"]) {
                change.password = Some(cursor.text()?);
            } else if cursor.take(&["AS"]) {
                change.password_hash = Some(cursor.text()?);
            } else {
                change.password = Some(String::new());
            }
        } else if cursor.take(&["DEFAULT", "ROLE"]) {
            change.default_roles = Some(role_names(cursor)?);
        } else if cursor.take(&["PROPERTIES"]) {
            cursor.properties()?;
        } else {
            return Ok(change);
        }
    }
}

pub(super) fn role_selection(cursor: &mut Cursor<'_>) -> SqlResult<RoleSelection> {
    if cursor.take(&["NONE"]) {
        return Ok(RoleSelection::None);
    }
    if cursor.take(&["ALL"]) {
        let except = if cursor.take(&["EXCEPT"]) {
            role_names(cursor)?
        } else {
            Vec::new()
        };
        return Ok(RoleSelection::All { except });
    }
    Ok(RoleSelection::Some(role_names(cursor)?))
}

pub(super) fn grantee(cursor: &mut Cursor<'_>) -> SqlResult<Grantee> {
    if cursor.take(&["ROLE"]) {
        return Ok(Grantee::Role(name(cursor)?));
    }
    cursor.take(&["USER"]);
    Ok(Grantee::User(user(cursor)?))
}

fn grant(cursor: &mut Cursor<'_>, preposition: &str) -> SqlResult<Grant> {
    if !grants_privileges(cursor) {
        let roles = role_names(cursor)?;
        cursor.expect(preposition)?;
        return Ok(Grant::Roles {
            roles,
            to: grantee(cursor)?,
        });
    }
    let privileges = privilege_list(cursor)?;
    cursor.expect("ON")?;
    let on = grant_object(cursor)?;
    cursor.expect(preposition)?;
    let to = grantee(cursor)?;
    Ok(Grant::Privileges {
        privileges,
        on,
        to,
        with_grant_option: cursor.take(&["WITH", "GRANT", "OPTION"]),
    })
}

/// Privileges are granted ON something, roles are not.
fn grants_privileges(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    while !ahead.at_end() {
        if ahead.is_next(&["ON"]) {
            return true;
        }
        if ahead.is_next(&["TO"]) || ahead.is_next(&["FROM"]) {
            return false;
        }
        ahead.advance();
    }
    false
}

fn privilege_list(cursor: &mut Cursor<'_>) -> SqlResult<PrivilegeList> {
    if cursor.take(&["ALL"]) {
        cursor.take(&["PRIVILEGES"]);
        return Ok(PrivilegeList::All);
    }
    let mut names = Vec::new();
    loop {
        let mut words = Vec::new();
        while !cursor.is_next(&["ON"]) && !cursor.is_symbol(",") && !cursor.at_end() {
            words.push(cursor.identifier()?.to_ascii_uppercase());
        }
        names.push(words.join(" "));
        if !cursor.take_symbol(",") {
            return Ok(PrivilegeList::Some(names));
        }
    }
}

fn grant_object(cursor: &mut Cursor<'_>) -> SqlResult<GrantObject> {
    if cursor.take(&["SYSTEM"]) {
        return Ok(GrantObject::System);
    }
    if cursor.take(&["USER"]) {
        return Ok(GrantObject::User(user(cursor)?));
    }
    if cursor.take(&["ALL"]) {
        let kind = object_kind(cursor).ok_or_else(|| cursor.unexpected("TABLES"))?;
        let within = if cursor.take(&["IN", "ALL", "DATABASES"]) {
            Within::AllDatabases
        } else if cursor.take(&["IN", "DATABASE"]) {
            Within::Database(cursor.identifier()?)
        } else {
            Within::AllDatabases
        };
        return Ok(GrantObject::All { kind, within });
    }
    // Without a kind it is a table.
    let kind = object_kind(cursor).unwrap_or(ObjectKind::Table);
    let mut names = vec![object_name(cursor)?];
    while cursor.take_symbol(",") {
        names.push(object_name(cursor)?);
    }
    Ok(GrantObject::Named { kind, names })
}

/// A function is named with its argument types, which tell overloads apart and nothing else here.
fn object_name(cursor: &mut Cursor<'_>) -> SqlResult<Vec<String>> {
    let name = cursor.qualified_name()?;
    if cursor.take_symbol("(") {
        while !cursor.take_symbol(")") {
            if cursor.advance().is_none() {
                return Err(cursor.unexpected(")"));
            }
        }
    }
    Ok(name)
}

fn object_kind(cursor: &mut Cursor<'_>) -> Option<ObjectKind> {
    const KINDS: [(&[&str], ObjectKind); 14] = [
        (&["TABLE"], ObjectKind::Table),
        (&["TABLES"], ObjectKind::Table),
        (&["VIEW"], ObjectKind::View),
        (&["VIEWS"], ObjectKind::View),
        (&["MATERIALIZED", "VIEW"], ObjectKind::MaterializedView),
        (&["MATERIALIZED", "VIEWS"], ObjectKind::MaterializedView),
        (&["DATABASE"], ObjectKind::Database),
        (&["DATABASES"], ObjectKind::Database),
        (&["CATALOG"], ObjectKind::Catalog),
        (&["CATALOGS"], ObjectKind::Catalog),
        (&["FUNCTION"], ObjectKind::Function),
        (&["FUNCTIONS"], ObjectKind::Function),
        (&["USERS"], ObjectKind::User),
        (&["SYSTEM"], ObjectKind::System),
    ];
    KINDS
        .into_iter()
        .find_map(|(words, kind)| cursor.take(words).then_some(kind))
}
