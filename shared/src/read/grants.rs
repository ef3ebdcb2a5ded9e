//! Everything that the user of this connection holds, as far as it may look.

use std::collections::BTreeSet;

use crate::{
    error::Error,
    plan::privileges::{self, Granted, Held},
    sql::show::{self, Account, Grant, Role},
    starrocks::{Client, FailureKind},
};

/// Held by everybody, and shown by no SHOW GRANTS but its own.
const PUBLIC: &str = "public";

/// Whom this connection is.
pub async fn account(client: &mut Client) -> Result<Account, Error> {
    let account = client.fetch_optional(&show::account()).await?;
    account.ok_or_else(|| Error::internal("SELECT CURRENT_USER() answered no row"))
}

/// SHOW GRANTS, and the same for each role and the roles of roles.
pub async fn read_grants(client: &mut Client) -> Result<Held, Error> {
    let mut held = Held::default();
    let mut open = add(&mut held, client.fetch(&show::grants()).await?);
    open.push(PUBLIC.to_owned());
    let mut seen = BTreeSet::new();
    if open.iter().any(|role| role == privileges::ROOT) {
        held.add_everything();
        return Ok(held);
    }
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        if name == privileges::ROOT {
            held.add_everything();
        }
        let role = Role {
            name,
            builtin: false,
        };
        match client.fetch(&show::grants_for_role(&role)).await {
            Ok(grants) => open.extend(add(&mut held, grants)),
            // It has no privilege unless somebody gave it one, and few may look.
            Err(error) if role.name == PUBLIC && error.engine_words().is_some() => {}
            Err(error) if error.kind() == FailureKind::AccessDenied => {
                held.add_unread(format!("SHOW GRANTS FOR ROLE '{}' is refused", role.name));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(held)
}

/// Answers the roles among them.
fn add(held: &mut Held, grants: Vec<Grant>) -> Vec<String> {
    let mut roles = Vec::new();
    for grant in grants.into_iter().filter(Grant::is_on_own_data) {
        match privileges::parse(&grant.text) {
            Some(Granted::Roles(names)) => roles.extend(names),
            Some(Granted::Privileges {
                privileges,
                objects,
            }) => held.add(privileges, objects),
            None => held.add_unread(format!("a grant is not understood: {}", grant.text)),
        }
    }
    roles
}
