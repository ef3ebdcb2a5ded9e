//! Users, and who may do what.

use std::collections::BTreeMap;

use crate::{
    engine::Engine,
    reply::{SqlError, SqlResult},
    session::Session,
    wire::handshake,
};

/// `'user'@'host'`: the account that a session acts for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    pub user: String,
    /// `%` or an address.
    pub host: String,
}

impl Identity {
    pub fn new(user: impl Into<String>, host: impl Into<String>) -> Identity {
        Identity {
            user: user.into(),
            host: host.into(),
        }
    }

    pub fn root() -> Identity {
        Identity::new("root", "%")
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "'{}'@'{}'", self.user, self.host)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    Select,
    Insert,
    Update,
    Delete,
    Alter,
    Drop,
    Export,
    Refresh,
    Usage,
    CreateTable,
    CreateView,
    CreateFunction,
    CreateMaterializedView,
    CreateDatabase,
    Repository,
    Operate,
    Node,
    Grant,
}

/// What a privilege is needed on. Names are those of the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object<'a> {
    System,
    Catalog,
    Database(&'a str),
    Table { database: &'a str, table: &'a str },
    Function { database: &'a str, name: &'a str },
}

#[derive(Debug)]
pub struct User {
    /// SHA1(SHA1(password)), empty without a password.
    pub password: Vec<u8>,
}

#[derive(Debug)]
pub struct Privileges {
    pub users: BTreeMap<Identity, User>,
}

impl Privileges {
    pub fn new(root_password: &str) -> Privileges {
        let root = User {
            password: handshake::stored_password(root_password),
        };
        Privileges {
            users: BTreeMap::from([(Identity::root(), root)]),
        }
    }

    /// Finds the account for a login. An account for the client's address wins over `%`.
    pub fn authenticate(
        &self,
        user: &str,
        peer: &str,
        salt: &[u8; 20],
        scramble: &[u8],
    ) -> SqlResult<Identity> {
        let address = peer.rsplit_once(':').map_or(peer, |(address, _)| address);
        let account = [Identity::new(user, address), Identity::new(user, "%")]
            .into_iter()
            .find_map(|identity| self.users.get_key_value(&identity));
        match account {
            Some((identity, account))
                if handshake::is_password_right(salt, &account.password, scramble) =>
            {
                Ok(identity.clone())
            }
            _ => Err(SqlError::new(
                1045,
                "28000",
                format!(
                    "Access denied for user '{user}' (using password: {})",
                    if scramble.is_empty() { "NO" } else { "YES" }
                ),
            )),
        }
    }
}

impl Engine {
    /// Errors 5203 unless the session may do this.
    pub fn require(
        &self,
        session: &Session,
        privilege: Privilege,
        object: Object<'_>,
    ) -> SqlResult<()> {
        self.require_any(session, &[privilege], object)
    }

    /// As [`Engine::require`], where any one of several privileges is enough.
    pub fn require_any(
        &self,
        session: &Session,
        _privileges: &[Privilege],
        _object: Object<'_>,
    ) -> SqlResult<()> {
        if session.identity == Identity::root() {
            return Ok(());
        }
        Err(SqlError::new(5203, "42000", "Access denied"))
    }
}
