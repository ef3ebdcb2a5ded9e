//! Users and roles, what was granted to each, and what they execute now.

use super::cluster::Grant;
use crate::sql::{FromRow, Query, Row, RowError, Sql};

/// The account of this connection, which is not always the user's name at any host.
pub fn account() -> Query<Account> {
    Sql::new("SELECT CURRENT_USER() AS account").query("SELECT CURRENT_USER()")
}

/// Who a GRANT is to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub user: String,
    /// An address or a pattern of such.
    pub host: String,
    /// The host is a domain, which the engine looks up.
    pub is_domain: bool,
}

impl std::str::FromStr for Account {
    type Err = String;

    /// `'br'@'%'`, `'br'@['example.com']`, as the engine prints it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || format!("'{text}' is not an account");
        let (user, host) = text.rsplit_once('@').ok_or_else(invalid)?;
        let unquoted = |text: &str| {
            let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
            Some(inner.to_owned())
        };
        let domain = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        Ok(Account {
            user: unquoted(user).ok_or_else(invalid)?,
            host: unquoted(domain.unwrap_or(host)).ok_or_else(invalid)?,
            is_domain: domain.is_some(),
        })
    }
}

impl FromRow for Account {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        row.parse("account")
    }
}

/// Every account. Needs GRANT on SYSTEM.
pub fn users() -> Query<User> {
    Sql::new("SHOW USERS").query("SHOW USERS")
}

/// As the engine prints it, and as it takes it: `'br'@'%'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User(pub String);

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(User(row.text("User")?.to_owned()))
    }
}

/// Every role. Needs GRANT on SYSTEM.
pub fn roles() -> Query<Role> {
    Sql::new("SHOW ROLES").query("SHOW ROLES")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub name: String,
    /// Such a role holds nothing on single tables.
    pub builtin: bool,
}

impl FromRow for Role {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(Role {
            name: row.text("Name")?.to_owned(),
            builtin: row.flag("Builtin")?,
        })
    }
}

pub fn grants_for_user(user: &User) -> Query<Grant> {
    Sql::new("SHOW GRANTS FOR ")
        .engine_text(&user.0)
        .query("SHOW GRANTS")
}

pub fn grants_for_role(role: &Role) -> Query<Grant> {
    Sql::new("SHOW GRANTS FOR ROLE ")
        .literal(&role.name)
        .query("SHOW GRANTS")
}

/// What is executed now on this frontend: by everybody with OPERATE on SYSTEM, else by our user.
pub fn processes() -> Query<Process> {
    Sql::new("SHOW FULL PROCESSLIST").query("SHOW PROCESSLIST")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub connection_id: i64,
    pub user: String,
    /// The one that `USE` chose; empty if none was.
    pub database: String,
    /// Empty while the connection sleeps.
    pub statement: String,
}

impl FromRow for Process {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        let text = |column| -> Result<String, RowError> {
            Ok(row.optional(column)?.unwrap_or_default().to_owned())
        };
        Ok(Process {
            connection_id: row.parse("Id")?,
            user: text("User")?,
            database: text("Db")?,
            statement: text("Info")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_as_they_are_printed() {
        for (text, expected) in [
            ("'br'@'%'", Some(("br", "%", false))),
            ("'b@r'@'10.0.%'", Some(("b@r", "10.0.%", false))),
            ("'br'@['example.com']", Some(("br", "example.com", true))),
            ("br", None),
            ("br@%", None),
        ] {
            let account = text.parse::<Account>().ok();
            let account = account.as_ref().map(|account| {
                (
                    account.user.as_str(),
                    account.host.as_str(),
                    account.is_domain,
                )
            });
            assert_eq!(account, expected, "{text}");
        }
    }

    #[test]
    fn statements() {
        insta::assert_snapshot!(account(), @"SELECT CURRENT_USER() AS account");
        insta::assert_snapshot!(users(), @"SHOW USERS");
        insta::assert_snapshot!(processes(), @"SHOW FULL PROCESSLIST");
        insta::assert_snapshot!(roles(), @"SHOW ROLES");
        insta::assert_snapshot!(grants_for_user(&User("'br'@'%'".into())), @"SHOW GRANTS FOR 'br'@'%'");
        let role = Role {
            name: "o'role".into(),
            builtin: false,
        };
        insta::assert_snapshot!(grants_for_role(&role), @r"SHOW GRANTS FOR ROLE 'o\'role'");
    }
}
