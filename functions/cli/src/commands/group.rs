//! `group`.

use serde_json::{Value, json};
use shared::{error::Error, sql::ops::inventory::InventoryRow};

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
                self.terminal
                    .print(&format!("group {group}: {} entries are in", rows.len()));
            }
            Group::Remove { group, tables } => {
                let rows = rows(&group, &tables)?;
                let removed = self.ops(&mut client).remove_from_inventory(&rows).await?;
                self.terminal
                    .print(&format!("group {group}: {removed} entries removed"));
            }
            Group::List => {
                let rows = self.ops(&mut client).inventory().await?;
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
        client.close().await;
        Ok(())
    }
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
