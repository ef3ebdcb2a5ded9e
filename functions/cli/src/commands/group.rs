//! `group`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::{
    audit::{Action, Subject},
    error::Error,
    sql::{ops::inventory::InventoryRow, show},
    starrocks::Client,
};

use super::Session;
use crate::{
    Done,
    args::{Group, Output},
    render,
};

impl Session<'_> {
    pub(super) async fn group(&mut self, action: Group) -> Done {
        let mut client = self.connect_to_ops().await?;
        match action {
            Group::Add { group, tables } => {
                let rows = rows(&group, &tables)?;
                self.ops(&mut client).add_to_inventory(&rows).await?;
                for row in unknown(&mut client, &rows).await? {
                    self.terminal.say(&format!(
                        "note: {}.{} does not exist, or may not be seen: backups of group {group} \
                         fail until it does",
                        row.database, row.table
                    ));
                }
                self.changed(&group, "added", &rows);
            }
            Group::Remove { group, tables } => {
                let rows = rows(&group, &tables)?;
                let object = format!("group {group}: {}", tables.join(", "));
                let subject = Subject {
                    action: Action::Delete,
                    execution: "",
                    label: "",
                    restore: "",
                    databases: &[],
                    object: &object,
                };
                subject.started();
                let removed = self.ops(&mut client).remove_from_inventory(&rows).await;
                match &removed {
                    Ok(_) => subject.done(),
                    Err(error) => subject.failed(error.name),
                }
                removed?;
                self.changed(&group, "removed", &rows);
            }
            Group::List => {
                let rows = self.ops(&mut client).inventory().await?;
                self.list_groups(rows);
            }
        }
        client.close().await;
        Ok(())
    }

    fn changed(&mut self, group: &str, what: &str, rows: &[InventoryRow]) {
        let names: Vec<String> = rows
            .iter()
            .map(|row| format!("{}.{}", row.database, row.table))
            .collect();
        match self.output {
            Output::Json => self
                .terminal
                .print(&render::pretty(&json!({ "group": group, what: names }))),
            Output::Text => self
                .terminal
                .print(&format!("group {group}: {what} {}", names.join(", "))),
        }
    }

    fn list_groups(&mut self, rows: Vec<InventoryRow>) {
        match self.output {
            Output::Json => {
                let rows: Vec<Value> = rows
                    .iter()
                    .map(|row| {
                        json!({ "group": row.group, "database": row.database, "table": row.table })
                    })
                    .collect();
                self.terminal.print(&render::pretty(&json!(rows)));
            }
            Output::Text if rows.is_empty() => self
                .terminal
                .print("there is no group yet: starrocks-br group add NAME DATABASE.TABLE ..."),
            Output::Text => {
                let rows: Vec<[String; 3]> = rows
                    .into_iter()
                    .map(|row| [row.group, row.database, row.table])
                    .collect();
                self.terminal
                    .print(&render::table(["GROUP", "DATABASE", "TABLE"], &rows));
            }
        }
    }
}

/// Rows that name nothing that can be seen now. They may well be meant for later.
async fn unknown<'r>(
    client: &mut Client,
    rows: &'r [InventoryRow],
) -> Result<Vec<&'r InventoryRow>, Error> {
    let databases = client.fetch(&show::databases()).await?;
    let mut tables: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let known = databases
            .iter()
            .find(|known| known.0.as_str() == row.database);
        if let Some(known) = known
            && !tables.contains_key(row.database.as_str())
        {
            let visible = client.fetch(&show::visible_tables(&known.0)).await?;
            let names = visible.into_iter().map(|table| table.name.to_string());
            tables.insert(&row.database, names.collect());
        }
    }
    Ok(rows
        .iter()
        .filter(|row| match tables.get(row.database.as_str()) {
            None => true,
            Some(names) => row.table != "*" && !names.contains(&row.table),
        })
        .collect())
}

/// `database.table`, split at the first dot: a database has none, a table may.
fn rows(group: &str, tables: &[String]) -> Result<Vec<InventoryRow>, Error> {
    tables
        .iter()
        .map(|text| {
            let (database, table) = text.split_once('.').ok_or_else(|| {
                Error::invalid_input(format!("'{text}' names no table: DATABASE.TABLE is needed"))
                    .hint("DATABASE.* stands for everything in a database")
            })?;
            Ok(InventoryRow {
                group: group.to_owned(),
                database: database.to_owned(),
                table: table.to_owned(),
            })
        })
        .collect()
}
