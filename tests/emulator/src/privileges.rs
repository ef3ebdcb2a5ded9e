//! Users, roles, and who may do what.

mod check;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    reply::{SqlError, SqlResult},
    wire::handshake,
};

pub use names::{Identity, ObjectKind, Privilege};

/// What a privilege is needed on. Names are those of the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object<'a> {
    System,
    Catalog,
    Database(&'a str),
    Table { database: &'a str, table: &'a str },
    View { database: &'a str, view: &'a str },
    MaterializedView { database: &'a str, view: &'a str },
    Function { database: &'a str, name: &'a str },
    User(&'a Identity),
}

/// Which objects of a kind a grant covers. Objects are known by id: a grant goes with the data through
/// SWAP and is gone with DROP.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    All,
    InDatabase(i64),
    /// Database and object; for a database or the system the second says which.
    One(i64, i64),
    /// Functions and users, which have no ids here.
    Named(i64, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: ObjectKind,
    pub coverage: Coverage,
    pub privileges: BTreeSet<Privilege>,
    pub with_grant_option: bool,
}

/// What was granted to one user or role: in the order of SHOW GRANTS.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    pub entries: Vec<Entry>,
    /// Names of roles.
    pub roles: Vec<String>,
}

impl Grants {
    pub fn add(&mut self, entry: Entry) {
        let same = self.entries.iter_mut().find(|other| {
            other.kind == entry.kind
                && other.coverage == entry.coverage
                && other.with_grant_option == entry.with_grant_option
        });
        match same {
            Some(other) => other.privileges.extend(entry.privileges),
            None => self.entries.push(entry),
        }
        self.entries.sort_by(|a, b| {
            (a.kind, &a.coverage, a.with_grant_option).cmp(&(
                b.kind,
                &b.coverage,
                b.with_grant_option,
            ))
        });
    }

    pub fn remove(&mut self, entry: &Entry) {
        for other in &mut self.entries {
            if other.kind == entry.kind && other.coverage == entry.coverage {
                other
                    .privileges
                    .retain(|privilege| !entry.privileges.contains(privilege));
            }
        }
        self.entries.retain(|other| !other.privileges.is_empty());
    }
}

#[derive(Debug, Clone, Default)]
pub struct User {
    /// SHA1(SHA1(password)), empty without a password.
    pub password: Vec<u8>,
    pub grants: Grants,
    pub default_roles: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Role {
    pub builtin: bool,
    pub comment: String,
    pub grants: Grants,
}

#[derive(Debug)]
pub struct Privileges {
    pub users: BTreeMap<Identity, User>,
    /// In the order of SHOW ROLES.
    pub roles: Vec<(String, Role)>,
}

pub const ROOT_ROLE: &str = "root";

impl Privileges {
    pub fn new(root_password: &str, has_security_admin: bool) -> Privileges {
        let root = User {
            password: handshake::stored_password(root_password),
            grants: Grants {
                roles: vec![ROOT_ROLE.to_owned()],
                ..Grants::default()
            },
            default_roles: vec![ROOT_ROLE.to_owned()],
        };
        Privileges {
            users: BTreeMap::from([(Identity::root(), root)]),
            roles: builtin_roles(has_security_admin),
        }
    }

    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, role)| role)
    }

    pub fn role_mut(&mut self, name: &str) -> Option<&mut Role> {
        self.roles
            .iter_mut()
            .find(|(other, _)| other == name)
            .map(|(_, role)| role)
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

fn builtin_roles(has_security_admin: bool) -> Vec<(String, Role)> {
    let all_of = |kind: ObjectKind| Entry {
        kind,
        coverage: Coverage::All,
        privileges: kind.privileges().iter().copied().collect(),
        with_grant_option: false,
    };
    let system = |privileges: &[Privilege]| Entry {
        kind: ObjectKind::System,
        coverage: Coverage::All,
        privileges: privileges.iter().copied().collect(),
        with_grant_option: false,
    };
    let data = [
        ObjectKind::Table,
        ObjectKind::Database,
        ObjectKind::View,
        ObjectKind::Catalog,
        ObjectKind::MaterializedView,
        ObjectKind::Function,
    ];
    let db_admin = data
        .into_iter()
        .map(all_of)
        .chain([system(&[Privilege::Repository, Privilege::Operate])])
        .collect();
    let mut roles = vec![
        (
            ROOT_ROLE,
            "built-in root role which has all privileges on all objects",
            ObjectKind::ALL.map(all_of).to_vec(),
        ),
        (
            "db_admin",
            "built-in database administration role",
            db_admin,
        ),
        (
            "cluster_admin",
            "built-in cluster administration role",
            vec![system(&[Privilege::Node])],
        ),
        (
            "user_admin",
            "built-in user administration role",
            vec![system(&[Privilege::Grant]), all_of(ObjectKind::User)],
        ),
        (
            "public",
            "built-in public role which is owned by any user",
            Vec::new(),
        ),
    ];
    if has_security_admin {
        roles.push((
            "security_admin",
            "built-in security administration role",
            vec![system(&[Privilege::Grant])],
        ));
    }
    roles
        .into_iter()
        .map(|(name, comment, entries)| {
            let role = Role {
                builtin: true,
                comment: comment.to_owned(),
                grants: Grants {
                    entries,
                    roles: Vec::new(),
                },
            };
            (name.to_owned(), role)
        })
        .collect()
}
