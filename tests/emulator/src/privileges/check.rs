//! Whether a session may do something.

use std::collections::BTreeSet;

use super::{Coverage, Entry, Object, ObjectKind, Privilege, ROOT_ROLE};
use crate::{
    catalog::TableKind,
    engine::Engine,
    reply::{SqlError, SqlResult},
    session::Session,
};

/// An object by ids, as grants know it.
struct Target {
    kind: ObjectKind,
    database: i64,
    object: Option<i64>,
    name: Option<String>,
}

impl Target {
    fn is_covered_by(&self, entry: &Entry) -> bool {
        entry.kind == self.kind
            && match &entry.coverage {
                Coverage::All => true,
                Coverage::InDatabase(database) => *database == self.database,
                Coverage::One(database, object) => {
                    *database == self.database && Some(*object) == self.object
                }
                Coverage::Named(database, name) => {
                    *database == self.database && Some(name) == self.name.as_ref()
                }
            }
    }
}

impl Engine {
    /// Error 5203 unless the session may do this. An object that does not exist is allowed: the
    /// statement itself has to say that it is missing.
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
        privileges: &[Privilege],
        object: Object<'_>,
    ) -> SqlResult<()> {
        let Some(target) = self.target(object) else {
            return Ok(());
        };
        if self.holds(session, &target, |entry| {
            privileges
                .iter()
                .any(|privilege| entry.privileges.contains(privilege))
        }) {
            return Ok(());
        }
        let names: Vec<&str> = privileges
            .iter()
            .map(|privilege| privilege.name())
            .collect();
        Err(self.denied(session, &names.join(" OR "), object))
    }

    /// Error 5203 unless the session has some privilege on the object.
    pub fn require_something(&self, session: &Session, object: Object<'_>) -> SqlResult<()> {
        if self.has_something(session, object) {
            Ok(())
        } else {
            Err(self.denied(session, "ANY", object))
        }
    }

    /// Whether the session has some privilege on the object: what SHOW and information_schema list.
    /// A database is visible through anything in it.
    pub fn has_something(&self, session: &Session, object: Object<'_>) -> bool {
        let Some(target) = self.target(object) else {
            return true;
        };
        if self.holds(session, &target, |_| true) {
            return true;
        }
        let is_database = target.kind == ObjectKind::Database;
        is_database
            && self.entries(session, |entry| {
                let in_database = match &entry.coverage {
                    Coverage::All => true,
                    Coverage::InDatabase(id) | Coverage::One(id, _) | Coverage::Named(id, _) => {
                        *id == target.database
                    }
                };
                in_database
                    && matches!(
                        entry.kind,
                        ObjectKind::Table
                            | ObjectKind::View
                            | ObjectKind::MaterializedView
                            | ObjectKind::Function
                    )
            })
    }

    /// A table-like object as what it is; a name that is nothing counts as a table.
    pub fn object<'a>(&self, database: &'a str, name: &'a str) -> Object<'a> {
        let kind = self
            .catalog
            .find_table(database, name)
            .map(|table| &table.kind);
        match kind {
            Some(TableKind::View { .. }) => Object::View {
                database,
                view: name,
            },
            Some(TableKind::MaterializedView { .. }) => Object::MaterializedView {
                database,
                view: name,
            },
            _ => Object::Table {
                database,
                table: name,
            },
        }
    }

    pub(crate) fn active_roles(&self, session: &Session) -> Vec<String> {
        let Some(user) = self.privileges.users.get(&session.identity) else {
            return Vec::new();
        };
        match &session.active_roles {
            Some(roles) => roles.clone(),
            None if session.is_on("activate_all_roles_on_login") => user.grants.roles.clone(),
            None => user.default_roles.clone(),
        }
        .into_iter()
        .filter(|role| user.grants.roles.contains(role))
        .collect()
    }

    fn holds(&self, session: &Session, target: &Target, enough: impl Fn(&Entry) -> bool) -> bool {
        self.entries(session, |entry| {
            target.is_covered_by(entry) && enough(entry)
        })
    }

    /// Whether any entry fits that the user has, directly or through active roles and their parents.
    fn entries(&self, session: &Session, fits: impl Fn(&Entry) -> bool) -> bool {
        let Some(user) = self.privileges.users.get(&session.identity) else {
            return false;
        };
        if user.grants.entries.iter().any(&fits) {
            return true;
        }
        let mut roles = self.active_roles(session);
        let mut seen = BTreeSet::new();
        while let Some(name) = roles.pop() {
            if name == ROOT_ROLE {
                return true;
            }
            if !seen.insert(name.clone()) {
                continue;
            }
            if let Some(role) = self.privileges.role(&name) {
                if role.grants.entries.iter().any(&fits) {
                    return true;
                }
                roles.extend(role.grants.roles.iter().cloned());
            }
        }
        false
    }

    /// `None` if there is no such object.
    fn target(&self, object: Object<'_>) -> Option<Target> {
        let target = |kind, database, object| Target {
            kind,
            database,
            object: Some(object),
            name: None,
        };
        let table = |kind, database: &str, name: &str| {
            let database = self.catalog.databases.get(database)?;
            let table = database.tables.get(name)?;
            Some(target(kind, database.id, table.id))
        };
        match object {
            Object::System => Some(target(ObjectKind::System, 0, 0)),
            Object::Catalog => Some(target(ObjectKind::Catalog, 0, 0)),
            Object::Database(name) => {
                let database = self.catalog.databases.get(name)?;
                Some(target(ObjectKind::Database, database.id, database.id))
            }
            Object::Table {
                database,
                table: name,
            } => table(ObjectKind::Table, database, name),
            Object::View { database, view } => table(ObjectKind::View, database, view),
            Object::MaterializedView { database, view } => {
                table(ObjectKind::MaterializedView, database, view)
            }
            Object::Function { database, name } => {
                let database = self.catalog.databases.get(database)?;
                Some(Target {
                    kind: ObjectKind::Function,
                    database: database.id,
                    object: None,
                    name: Some(name.to_owned()),
                })
            }
            Object::User(identity) => Some(Target {
                kind: ObjectKind::User,
                database: 0,
                object: None,
                name: Some(identity.to_string()),
            }),
        }
    }

    fn denied(&self, session: &Session, privileges: &str, object: Object<'_>) -> SqlError {
        let object = match object {
            Object::System => "SYSTEM".to_owned(),
            Object::Catalog => "CATALOG default_catalog".to_owned(),
            Object::Database(name) => format!("DATABASE {name}"),
            Object::Table { table, .. } => format!("TABLE {table}"),
            Object::View { view, .. } => format!("VIEW {view}"),
            Object::MaterializedView { view, .. } => format!("MATERIALIZED VIEW {view}"),
            Object::Function { name, .. } => format!("FUNCTION {name}"),
            Object::User(identity) => format!("USER {identity}"),
        };
        let active = self.active_roles(session);
        let inactive: Vec<String> = self
            .privileges
            .users
            .get(&session.identity)
            .map(|user| user.grants.roles.clone())
            .unwrap_or_default()
            .into_iter()
            .filter(|role| !active.contains(role))
            .collect();
        SqlError::new(
            5203,
            "42000",
            format!(
                "Access denied; you need (at least one of) the {privileges} privilege(s) on \
                 {object} for this operation. Please ask the admin to grant permission(s) or try \
                 activating existing roles using <set [default] role>. Current role(s): {}. \
                 Inactivated role(s): {}.",
                role_list(&active),
                role_list(&inactive)
            ),
        )
    }
}

fn role_list(roles: &[String]) -> String {
    if roles.is_empty() {
        "NONE".to_owned()
    } else {
        format!("[{}]", roles.join(", "))
    }
}
