//! What stands around a table and keeps to its id: grants and routine loads. Also how old it is and
//! when it was last loaded, for people to read.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::Error,
    ident::{DatabaseName, QualifiedTable},
    sql::{
        admin::regrant,
        show::{self, Grant},
    },
    starrocks::{Client, ClientError, FailureKind},
    time::age,
};

#[derive(Debug, Clone, Default)]
pub struct Around {
    /// GRANT statements on the single tables, by the names that these have now.
    pub grants: BTreeMap<QualifiedTable, Vec<String>>,
    /// `name (STATE)`
    pub routine_loads: BTreeMap<QualifiedTable, Vec<String>>,
    /// As shown to people: `3 days`.
    pub ages: BTreeMap<QualifiedTable, String>,
    /// As the engine prints it: shown, never parsed.
    pub last_loads: BTreeMap<QualifiedTable, String>,
    /// What could not be read, in the engine's words, and what follows.
    pub unread: Vec<String>,
}

/// Reads what keeps to the ids of `tables`, and figures of every table in `databases`. What this user
/// may not read is said in `unread`: it changes nothing that a restore does.
pub async fn read_around(
    client: &mut Client,
    databases: &BTreeSet<DatabaseName>,
    tables: &BTreeSet<QualifiedTable>,
) -> Result<Around, Error> {
    let mut around = Around::default();
    figures(client, databases, &mut around).await?;
    if !tables.is_empty() {
        grants(client, tables, &mut around).await?;
        routine_loads(client, tables, &mut around).await?;
    }
    Ok(around)
}

async fn figures(
    client: &mut Client,
    databases: &BTreeSet<DatabaseName>,
    around: &mut Around,
) -> Result<(), Error> {
    if databases.is_empty() {
        return Ok(());
    }
    for row in client.fetch(&show::table_figures(databases)).await? {
        let table = QualifiedTable::new(&row.database, &row.table);
        if let Some(seconds) = row.age_seconds {
            around.ages.insert(table.clone(), age(seconds));
        }
        if let Some(time) = row.last_load {
            around.last_loads.insert(table, time);
        }
    }
    Ok(())
}

async fn grants(
    client: &mut Client,
    tables: &BTreeSet<QualifiedTable>,
    around: &mut Around,
) -> Result<(), Error> {
    let all = match all_grants(client).await {
        Ok(all) => all,
        Err(error) if error.kind() == FailureKind::AccessDenied => {
            around.unread.push(format!(
                "grants of other users and roles on single tables were not read ({}); they stay with \
                 the old data, so look at SHOW GRANTS before promoting, or GRANT ... ON ALL TABLES IN \
                 DATABASE, which stays",
                error.engine_words().unwrap_or_default()
            ));
            client.fetch(&show::grants()).await?
        }
        Err(error) => return Err(error.into()),
    };
    for grant in all.into_iter().filter(Grant::is_on_own_data) {
        for table in tables {
            if let Some(again) = again(&grant.text, table) {
                let grants = around.grants.entry(table.clone()).or_default();
                if !grants.contains(&again) {
                    grants.push(again);
                }
            }
        }
    }
    Ok(())
}

async fn all_grants(client: &mut Client) -> Result<Vec<Grant>, ClientError> {
    let mut grants = Vec::new();
    for user in client.fetch(&show::users()).await? {
        grants.extend(client.fetch(&show::grants_for_user(&user)).await?);
    }
    for role in client.fetch(&show::roles()).await? {
        if !role.builtin {
            grants.extend(client.fetch(&show::grants_for_role(&role)).await?);
        }
    }
    Ok(grants)
}

/// The statement that grants the same on the table that has the name then, if the grant is one on this
/// single table. The engine prints names without quotes: `GRANT SELECT ON TABLE d.t TO USER 'u'@'%'`.
fn again(grant: &str, table: &QualifiedTable) -> Option<String> {
    let (privileges, rest) = grant.strip_prefix("GRANT ")?.split_once(" ON TABLE ")?;
    let grantee = [" TO USER ", " TO ROLE "]
        .into_iter()
        .filter_map(|word| rest.rfind(word))
        .max()?;
    let (names, grantee) = rest.split_at(grantee);
    let printed = format!("{}.{}", table.database, table.table);
    let is_on = names.split(", ").any(|name| name == printed);
    is_on.then(|| regrant(privileges, table, grantee).to_string())
}

async fn routine_loads(
    client: &mut Client,
    tables: &BTreeSet<QualifiedTable>,
    around: &mut Around,
) -> Result<(), Error> {
    let databases: BTreeSet<&DatabaseName> = tables.iter().map(|table| &table.database).collect();
    for database in databases {
        let loads = match client.fetch(&show::routine_loads(database)).await {
            Ok(loads) => loads,
            Err(error) => match error.engine_words() {
                Some(words) => {
                    around.unread.push(format!(
                        "routine loads of database {database} were not read ({words}); those that \
                         write to a table go on with the old data"
                    ));
                    continue;
                }
                None => return Err(error.into()),
            },
        };
        for load in loads {
            let found = tables
                .iter()
                .find(|table| table.database == *database && table.table.as_str() == load.table);
            if let Some(table) = found {
                let loads = around.routine_loads.entry(table.clone()).or_default();
                loads.push(format!("{} ({})", load.name, load.state));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_on_single_tables_are_made_again() {
        let table = QualifiedTable::new(&"sales".parse().unwrap(), &"orders".parse().unwrap());
        for (text, expected) in [
            (
                "GRANT EXPORT, SELECT ON TABLE sales.orders TO USER 'br'@'%'",
                Some("GRANT EXPORT, SELECT ON TABLE `sales`.`orders` TO USER 'br'@'%'"),
            ),
            (
                "GRANT SELECT ON TABLE a.b, sales.orders TO ROLE 'r' WITH GRANT OPTION",
                Some("GRANT SELECT ON TABLE `sales`.`orders` TO ROLE 'r' WITH GRANT OPTION"),
            ),
            ("GRANT SELECT ON TABLE sales.orders2 TO USER 'br'@'%'", None),
            (
                "GRANT SELECT ON ALL TABLES IN DATABASE sales TO USER 'br'@'%'",
                None,
            ),
            ("GRANT 'root' TO 'root'@'%'", None),
        ] {
            let again = again(text, &table);
            assert_eq!(again.as_deref(), expected, "{text}");
        }
    }
}
