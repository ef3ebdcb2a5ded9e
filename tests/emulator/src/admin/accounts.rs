//! Users, roles, grants.

use crate::{
    engine::Engine,
    parse::admin::{
        AccountChange, Admin, Grant, GrantObject, Grantee, PrivilegeList, RoleSelection, Within,
    },
    privileges::{Coverage, Entry, Grants, Identity, Object, ObjectKind, Privilege, Role, User},
    profile::Profile,
    reply::{Cell, Column, Reply, ResultSet, SqlError, SqlResult},
    session::Session,
    wire::handshake::stored_password,
};

impl Engine {
    pub(super) fn execute_account(&mut self, session: &mut Session, statement: Admin) -> SqlResult {
        match statement {
            // What concerns the session itself needs no privilege.
            Admin::SetRole(roles) => self.set_role(session, roles)?,
            Admin::SetPassword(change) if change.user.is_none() => {
                let identity = session.identity.clone();
                self.set_password(&identity, &change.text, change.hashed)?;
            }
            Admin::SetDefaultRole { roles, users } => {
                if users.iter().any(|user| *user != session.identity) {
                    self.require(session, Privilege::Grant, Object::System)?;
                }
                for user in users {
                    self.set_default_role(&user, &roles)?;
                }
            }
            other => {
                self.require(session, Privilege::Grant, Object::System)?;
                self.administer(other)?;
            }
        }
        Ok(Reply::ok())
    }

    fn administer(&mut self, statement: Admin) -> SqlResult<()> {
        match statement {
            Admin::CreateUser {
                if_not_exists,
                user,
                change,
            } => {
                if self.privileges.users.contains_key(&user) {
                    return if if_not_exists {
                        Ok(())
                    } else {
                        Err(self.user_exists(&user))
                    };
                }
                self.privileges.users.insert(user.clone(), User::default());
                self.change_account(&user, change)
            }
            Admin::AlterUser { user, change } => {
                self.user_mut(&user)?;
                self.change_account(&user, change)
            }
            Admin::DropUser { if_exists, user } => {
                if self.privileges.users.remove(&user).is_none() && !if_exists {
                    return Err(self.no_such_user("DROP USER", &user));
                }
                Ok(())
            }
            Admin::CreateRole {
                if_not_exists,
                names,
                comment,
            } => {
                for name in names {
                    if self.privileges.role(&name).is_some() {
                        if if_not_exists {
                            continue;
                        }
                        return Err(SqlError::analyzing(format!(
                            "Operation CREATE ROLE failed for {name} : role already exists"
                        )));
                    }
                    let role = Role {
                        comment: comment.clone(),
                        ..Role::default()
                    };
                    self.privileges.roles.push((name, role));
                }
                Ok(())
            }
            Admin::DropRole { if_exists, names } => {
                for name in names {
                    match self.privileges.role(&name) {
                        Some(role) if role.builtin => {
                            return Err(SqlError::analyzing(format!(
                                "role {name} cannot be dropped!"
                            )));
                        }
                        Some(_) => self.drop_role(&name),
                        None if if_exists => {}
                        None => return Err(no_such_role(&name)),
                    }
                }
                Ok(())
            }
            Admin::Grant(grant) => self.grant(grant, true),
            Admin::Revoke(grant) => self.grant(grant, false),
            Admin::SetPassword(change) => match change.user {
                Some(user) => self.set_password(&user, &change.text, change.hashed),
                None => Ok(()),
            },
            other => Err(SqlError::plain(format!(
                "The emulator does not know this statement: {other:?}"
            ))),
        }
    }

    fn user_mut(&mut self, user: &Identity) -> SqlResult<&mut User> {
        let missing = self.no_such_user("ALTER USER", user);
        self.privileges.users.get_mut(user).ok_or(missing)
    }

    fn user_exists(&self, user: &Identity) -> SqlError {
        SqlError::analyzing(if self.profile == Profile::V4_1 {
            format!("user {user} already exists!")
        } else {
            format!("Operation CREATE USER failed for {user} : user already exists")
        })
    }

    fn no_such_user(&self, operation: &str, user: &Identity) -> SqlError {
        SqlError::analyzing(if self.profile == Profile::V4_1 {
            format!("cannot find user {user}!")
        } else {
            format!("Operation {operation} failed for {user} : user not exists")
        })
    }

    fn change_account(&mut self, user: &Identity, change: AccountChange) -> SqlResult<()> {
        if let Some(password) = change.password {
            self.set_password(user, &password, false)?;
        }
        if let Some(hash) = change.password_hash {
            self.set_password(user, &hash, true)?;
        }
        if let Some(roles) = change.default_roles {
            for role in &roles {
                if self.privileges.role(role).is_none() {
                    return Err(no_such_role(role));
                }
            }
            let account = self.user_mut(user)?;
            for role in &roles {
                if !account.grants.roles.contains(role) {
                    account.grants.roles.push(role.clone());
                }
            }
            account.default_roles = roles;
        }
        Ok(())
    }

    fn set_password(&mut self, user: &Identity, text: &str, hashed: bool) -> SqlResult<()> {
        let password = match hashed {
            false => stored_password(text),
            true if text.is_empty() => Vec::new(),
            true => text
                .strip_prefix('*')
                .filter(|digits| digits.len() == 40)
                .and_then(|digits| hex::decode(digits).ok())
                .ok_or_else(|| {
                    SqlError::analyzing("Password hash should be a 41-digit hexadecimal number")
                })?,
        };
        self.user_mut(user)?.password = password;
        Ok(())
    }

    fn drop_role(&mut self, name: &str) {
        self.privileges.roles.retain(|(other, _)| other != name);
        for user in self.privileges.users.values_mut() {
            user.grants.roles.retain(|role| role != name);
            user.default_roles.retain(|role| role != name);
        }
        for (_, role) in &mut self.privileges.roles {
            role.grants.roles.retain(|role| role != name);
        }
    }

    fn set_role(&mut self, session: &mut Session, selection: RoleSelection) -> SqlResult<()> {
        let Some(user) = self.privileges.users.get(&session.identity) else {
            return Ok(());
        };
        session.active_roles = match selection {
            RoleSelection::Default => Some(user.default_roles.clone()),
            selection => Some(select_roles(user, &session.identity, selection)?),
        };
        Ok(())
    }

    fn set_default_role(&mut self, user: &Identity, selection: &RoleSelection) -> SqlResult<()> {
        let account = self.user_mut(user)?;
        account.default_roles = select_roles(account, user, selection.clone())?;
        Ok(())
    }

    fn grant(&mut self, grant: Grant, add: bool) -> SqlResult<()> {
        match grant {
            Grant::Roles { roles, to } => {
                for role in &roles {
                    if self.privileges.role(role).is_none() {
                        return Err(no_such_role(role));
                    }
                }
                let held = &mut self.grants_of(&to)?.roles;
                for role in roles {
                    if !add {
                        held.retain(|other| *other != role);
                    } else if !held.contains(&role) {
                        held.push(role);
                    }
                }
                Ok(())
            }
            Grant::Privileges {
                privileges,
                on,
                to,
                with_grant_option,
            } => {
                for (kind, coverage) in self.coverages(on)? {
                    let entry = Entry {
                        kind,
                        coverage,
                        privileges: privileges_of(kind, &privileges)?,
                        with_grant_option,
                    };
                    let grants = self.grants_of(&to)?;
                    if add {
                        grants.add(entry);
                    } else {
                        grants.remove(&entry);
                    }
                }
                Ok(())
            }
        }
    }

    fn grants_of(&mut self, grantee: &Grantee) -> SqlResult<&mut Grants> {
        match grantee {
            Grantee::User(user) => Ok(&mut self.user_mut(user)?.grants),
            Grantee::Role(name) => self
                .privileges
                .role_mut(name)
                .map(|role| &mut role.grants)
                .ok_or_else(|| no_such_role(name)),
        }
    }

    fn coverages(&self, on: GrantObject) -> SqlResult<Vec<(ObjectKind, Coverage)>> {
        Ok(match on {
            GrantObject::System => vec![(ObjectKind::System, Coverage::All)],
            GrantObject::User(user) => {
                vec![(ObjectKind::User, Coverage::Named(0, user.to_string()))]
            }
            GrantObject::All { kind, within } => vec![match within {
                Within::AllDatabases => (kind, Coverage::All),
                Within::Database(name) => (kind, Coverage::InDatabase(self.database_id(&name)?)),
            }],
            GrantObject::Named { kind, names } => names
                .into_iter()
                .map(|name| Ok((kind, self.coverage(kind, name)?)))
                .collect::<SqlResult<_>>()?,
        })
    }

    fn coverage(&self, kind: ObjectKind, mut name: Vec<String>) -> SqlResult<Coverage> {
        let last = name.pop().unwrap_or_default();
        match kind {
            ObjectKind::Catalog if last == "default_catalog" => Ok(Coverage::All),
            ObjectKind::Catalog => Err(SqlError::analyzing(format!("cannot find catalog: {last}"))),
            ObjectKind::Database => {
                let id = self.database_id(&last)?;
                Ok(Coverage::One(id, id))
            }
            _ => {
                let database = name.pop().ok_or_else(|| {
                    SqlError::new(
                        1046,
                        "3D000",
                        "Getting analyzing error. Detail message: No database selected.",
                    )
                })?;
                let id = self.database_id(&database)?;
                if kind == ObjectKind::Function {
                    return Ok(Coverage::Named(id, last));
                }
                let table = self.catalog.find_table(&database, &last).ok_or_else(|| {
                    SqlError::analyzing(format!("cannot find table {last} in db {database}"))
                })?;
                Ok(Coverage::One(id, table.id))
            }
        }
    }

    fn database_id(&self, name: &str) -> SqlResult<i64> {
        self.catalog
            .databases
            .get(name)
            .map(|database| database.id)
            .ok_or_else(|| SqlError::analyzing(format!("cannot find db: {name}")))
    }

    pub(super) fn show_grants(
        &self,
        session: &Session,
        grantee: Option<Grantee>,
    ) -> SqlResult<ResultSet> {
        let is_own = match &grantee {
            None => true,
            Some(Grantee::User(user)) => *user == session.identity,
            Some(Grantee::Role(role)) => self.active_roles(session).contains(role),
        };
        if !is_own {
            self.require(session, Privilege::Grant, Object::System)?;
        }
        let grantee = grantee.unwrap_or_else(|| Grantee::User(session.identity.clone()));
        let (title, name, to, grants) = match &grantee {
            Grantee::User(user) => {
                let account = self
                    .privileges
                    .users
                    .get(user)
                    .ok_or_else(|| self.no_such_user("SHOW GRANTS", user))?;
                (
                    "UserIdentity",
                    user.to_string(),
                    format!("USER {user}"),
                    &account.grants,
                )
            }
            Grantee::Role(role) => {
                let grants = self
                    .privileges
                    .role(role)
                    .ok_or_else(|| no_such_role(role))?;
                (
                    "RoleName",
                    role.clone(),
                    format!("ROLE '{role}'"),
                    &grants.grants,
                )
            }
        };
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        if !grants.roles.is_empty() {
            let roles: Vec<String> = grants
                .roles
                .iter()
                .map(|role| format!("'{role}'"))
                .collect();
            let to = to.trim_start_matches("USER ");
            rows.push(vec![
                Some(name.clone()),
                None,
                Some(format!("GRANT {} TO {to}", roles.join(", "))),
            ]);
        }
        for entry in &grants.entries {
            let Some(object) = self.describe(entry) else {
                continue;
            };
            let names: Vec<&str> = entry.privileges.iter().map(|one| one.name()).collect();
            let option = if entry.with_grant_option {
                " WITH GRANT OPTION"
            } else {
                ""
            };
            rows.push(vec![
                Some(name.clone()),
                Some("default_catalog".to_owned()),
                Some(format!(
                    "GRANT {} ON {object} TO {to}{option}",
                    names.join(", ")
                )),
            ]);
        }
        Ok(ResultSet {
            columns: vec![
                Column::varchar(title, 100),
                Column::varchar("Catalog", 400),
                Column::varchar("Grants", 400),
            ],
            rows,
        })
    }

    /// What an entry covers, by the names that its objects have now; `None` if they are gone.
    fn describe(&self, entry: &Entry) -> Option<String> {
        let kind = entry.kind.name();
        let database = |id: i64| {
            self.catalog
                .database_by_id(id)
                .map(|database| &database.name)
        };
        Some(match &entry.coverage {
            Coverage::All if entry.kind == ObjectKind::System => kind.to_owned(),
            Coverage::All if entry.kind == ObjectKind::Catalog => {
                format!("{kind} default_catalog")
            }
            Coverage::All => match entry.kind {
                ObjectKind::Database | ObjectKind::User => format!("ALL {kind}S"),
                _ => format!("ALL {kind}S IN ALL DATABASES"),
            },
            Coverage::InDatabase(id) => format!("ALL {kind}S IN DATABASE {}", database(*id)?),
            Coverage::One(id, object) if id == object => format!("{kind} {}", database(*id)?),
            Coverage::One(_, object) => {
                let (database, table) = self.catalog.table_by_id(*object)?;
                format!("{kind} {}.{}", database.name, table.name)
            }
            Coverage::Named(0, name) => format!("{kind} {name}"),
            Coverage::Named(id, name) => format!("{kind} {}.{name}", database(*id)?),
        })
    }
}

fn no_such_role(name: &str) -> SqlError {
    SqlError::analyzing(format!("cannot find role {name}!"))
}

fn select_roles(
    user: &User,
    identity: &Identity,
    selection: RoleSelection,
) -> SqlResult<Vec<String>> {
    match selection {
        RoleSelection::None => Ok(Vec::new()),
        RoleSelection::Default => Ok(user.default_roles.clone()),
        RoleSelection::All { except } => Ok(user
            .grants
            .roles
            .iter()
            .filter(|role| !except.contains(role))
            .cloned()
            .collect()),
        RoleSelection::Some(roles) => {
            for role in &roles {
                if !user.grants.roles.contains(role) {
                    return Err(SqlError::analyzing(format!(
                        "Role {role} is not granted to {identity}"
                    )));
                }
            }
            Ok(roles)
        }
    }
}

fn privileges_of(
    kind: ObjectKind,
    list: &PrivilegeList,
) -> SqlResult<std::collections::BTreeSet<Privilege>> {
    let possible = kind.privileges();
    match list {
        PrivilegeList::All => Ok(possible.iter().copied().collect()),
        PrivilegeList::Some(names) => names
            .iter()
            .map(|name| {
                Privilege::from_name(name)
                    .filter(|privilege| possible.contains(privilege))
                    .ok_or_else(|| {
                        SqlError::analyzing(format!("Cant grant {name} to object {}", kind.name()))
                    })
            })
            .collect(),
    }
}
