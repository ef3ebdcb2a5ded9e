//! Groups: which tables, in which databases.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ops, until_visible};
use crate::{
    error::{Error, ErrorName},
    ident::{DatabaseName, GroupName, TableName},
    plan::backup::Selection,
    sql::ops::inventory::{self, InventoryRow},
};

/// The databases of a group, each with what is selected in it.
pub type Group = BTreeMap<DatabaseName, Selection>;

impl Ops<'_> {
    pub async fn group(&mut self, name: &GroupName) -> Result<Group, Error> {
        let rows = self
            .client
            .fetch(&inventory::of_group(self.database, name))
            .await?;
        if rows.is_empty() {
            let known = self.client.fetch(&inventory::all(self.database)).await?;
            return Err(unknown_group(name, &known));
        }
        selections(&rows)
    }

    /// What any group asks for, per database.
    pub async fn all_groups(&mut self) -> Result<Group, Error> {
        selections(&self.inventory().await?)
    }

    pub async fn inventory(&mut self) -> Result<Vec<InventoryRow>, Error> {
        Ok(self.client.fetch(&inventory::all(self.database)).await?)
    }

    /// Adds rows; one that is there already stays as it is.
    pub async fn add_to_inventory(&mut self, rows: &[InventoryRow]) -> Result<(), Error> {
        // Nothing could ever be asked of a group whose name is none.
        for row in rows {
            row.group.parse::<GroupName>()?;
        }
        selections(rows)?;
        if !rows.is_empty() {
            self.client
                .run(&inventory::insert(self.database, rows))
                .await?;
        }
        until_visible!("the new rows of table_inventory", {
            let known = self.inventory().await?;
            rows.iter().all(|row| known.contains(row))
        })
    }

    /// Removes rows, all of which must be there: StarRocks does not say how many a DELETE removed.
    pub async fn remove_from_inventory(&mut self, rows: &[InventoryRow]) -> Result<(), Error> {
        let known = self.inventory().await?;
        if let Some(missing) = rows.iter().find(|row| !known.contains(row)) {
            let InventoryRow {
                group,
                database,
                table,
            } = missing;
            return Err(Error::new(
                ErrorName::NotFound,
                format!("group '{group}' has no entry {database}.{table}: nothing was removed"),
            )
            .hint("starrocks-br group list shows what the groups hold"));
        }
        for row in rows {
            self.client
                .run(&inventory::delete(self.database, row))
                .await?;
        }
        until_visible!("the removal from table_inventory", {
            let known = self.inventory().await?;
            rows.iter().all(|row| !known.contains(row))
        })
    }
}

fn selections(rows: &[InventoryRow]) -> Result<Group, Error> {
    let mut group = Group::new();
    for row in rows {
        let database = row.database.parse::<DatabaseName>()?;
        if row.table == "*" {
            group.insert(database, Selection::Everything);
            continue;
        }
        let table = row.table.parse::<TableName>()?;
        match group
            .entry(database)
            .or_insert_with(|| Selection::Names(BTreeSet::new()))
        {
            Selection::Everything => {}
            Selection::Names(tables) => {
                tables.insert(table);
            }
        }
    }
    Ok(group)
}

fn unknown_group(name: &GroupName, known: &[InventoryRow]) -> Error {
    let mut groups: Vec<&str> = known.iter().map(|row| row.group.as_str()).collect();
    groups.dedup();
    let error = Error::new(ErrorName::NotFound, format!("there is no group '{name}'"));
    if groups.is_empty() {
        error.hint(format!(
            "add tables to it: starrocks-br group add {name} DATABASE.TABLE ..."
        ))
    } else {
        error.hint(format!("the groups are: {}", groups.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(database: &str, table: &str) -> InventoryRow {
        InventoryRow {
            group: "g".into(),
            database: database.into(),
            table: table.into(),
        }
    }

    #[test]
    fn a_star_takes_everything_whatever_stands_beside_it() {
        for rows in [
            [row("d", "*"), row("d", "t")],
            [row("d", "t"), row("d", "*")],
        ] {
            assert_eq!(
                selections(&rows).unwrap(),
                Group::from([("d".parse().unwrap(), Selection::Everything)])
            );
        }
    }

    #[test]
    fn a_row_that_names_no_possible_table_is_an_error() {
        assert_eq!(
            selections(&[row("d", "a`b")]).unwrap_err().name,
            ErrorName::InvalidInput
        );
    }
}
