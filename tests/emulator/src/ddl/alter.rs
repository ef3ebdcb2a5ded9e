//! ALTER TABLE: what is checked first, and which clause does what.

use crate::{
    catalog::{Table, TableKind, TableState},
    engine::Engine,
    parse::ddl::Position,
    parse::ddl::alter::{AlterClause, AlterTable},
    privileges::Privilege,
    profile::Profile,
    reply::{Reply, SqlError, SqlResult},
    session::Session,
};

const DOCUMENTS: &str = "https://docs.starrocks.io/docs/sql-reference/sql-statements";

/// The error of an ALTER on a table that something else works on. `None` in state NORMAL.
fn busy(profile: Profile, state: TableState, table: &str) -> Option<SqlError> {
    let old = profile.is_3_3();
    let (what, page) = match state {
        TableState::Normal => return None,
        TableState::Restore => (
            "A snapshot restore operation is in progress on the table",
            if old {
                "data-manipulation/SHOW_RESTORE"
            } else {
                "backup_restore/SHOW_RESTORE"
            },
        ),
        TableState::SchemaChange => (
            "A schema change operation is in progress on the table",
            if old {
                "data-manipulation/SHOW_ALTER"
            } else {
                "table_bucket_part_index/SHOW_ALTER"
            },
        ),
        TableState::Rollup => (
            "A materialized view or rollup index is being created on the table",
            if old {
                "data-manipulation/SHOW_ALTER_MATERIALIZED_VIEW"
            } else {
                "materialized_view/SHOW_ALTER_MATERIALIZED_VIEW"
            },
        ),
    };
    let (quote, link) = if old { ("\"", "\n") } else { ("", " ") };
    Some(SqlError::plain(format!(
        "{what} {quote}{table}{quote}. Please wait until the current operation completes.{link}\
         To check the status of the operation, see {DOCUMENTS}/{page}"
    )))
}

impl Engine {
    pub(super) fn alter_table(&mut self, session: &Session, statement: AlterTable) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, &statement.name)?;
        let table = self.catalog.table(&database, &name)?;
        self.require(session, Privilege::Alter, self.object(&database, &name))?;
        if table.kind != TableKind::Olap {
            return Err(SqlError::plain(format!(
                "Do not support alter non-native table/materialized-view[{name}]"
            )));
        }
        for (clause, position) in &statement.clauses {
            check_clause(table, clause, *position)?;
        }
        if let Some(busy) = busy(self.profile, table.state, &name) {
            return Err(busy);
        }
        let mut target = Target { database, name };
        for (clause, _) in statement.clauses {
            self.alter_clause(session, &mut target, clause)?;
        }
        Ok(Reply::ok())
    }

    fn alter_clause(
        &mut self,
        session: &Session,
        target: &mut Target,
        clause: AlterClause,
    ) -> SqlResult<()> {
        match clause {
            AlterClause::AddColumn { column, place } => {
                self.add_columns(target, vec![column], &place)
            }
            AlterClause::AddColumns(columns) => self.add_columns(
                target,
                columns,
                &crate::parse::ddl::alter::ColumnPlace::Last,
            ),
            AlterClause::DropColumn(name) => self.drop_column(target, &name),
            AlterClause::ModifyColumn { column, place } => {
                self.modify_column(target, column, &place)
            }
            AlterClause::RenameColumn { name, new_name } => {
                self.rename_column(target, &name, &new_name)
            }
            AlterClause::OrderBy(columns) => self.order_columns(target, &columns),
            AlterClause::AddRollups(rollups) => self.add_rollups(target, &rollups),
            AlterClause::DropRollups(names) => self.drop_rollups(target, &names),
            AlterClause::RenameRollup { name, new_name } => {
                self.rename_rollup(target, &name, &new_name)
            }
            AlterClause::AddPartition {
                temporary,
                partition,
                distribution,
            } => self.add_partition(target, temporary, &partition, distribution.as_ref()),
            AlterClause::AddPartitions {
                temporary,
                if_not_exists,
                partitions,
            } => self.add_partitions(target, temporary, if_not_exists, &partitions),
            AlterClause::DropPartitions {
                temporary,
                if_exists,
                force: _,
                selection,
            } => self.drop_partitions(target, temporary, if_exists, selection),
            AlterClause::ReplacePartition {
                partitions,
                temporary_partitions,
                properties,
            } => self.replace_partitions(target, &partitions, &temporary_partitions, &properties),
            AlterClause::TruncatePartitions(names) => {
                let name = crate::parse::ddl::ObjectName {
                    catalog: None,
                    database: Some(target.database.clone()),
                    name: target.name.clone(),
                };
                self.truncate(session, &name, Some(names)).map(drop)
            }
            AlterClause::ModifyPartition {
                partitions,
                properties,
            } => self.modify_partitions(target, partitions, &properties),
            AlterClause::RenamePartition { name, new_name } => {
                self.rename_partition(target, &name, &new_name)
            }
            AlterClause::Rename(new_name) => self.rename_table(target, new_name),
            AlterClause::Swap(other) => self.swap_tables(target, &other),
            AlterClause::SetProperties(properties) => self.set_properties(target, &properties),
            AlterClause::Comment(comment) => {
                self.altered(target)?.comment = comment;
                Ok(())
            }
            AlterClause::AutoIncrement(next) => {
                self.altered(target)?.auto_increment = Some(next);
                Ok(())
            }
            AlterClause::Compact(partitions) => self.compact(target, &partitions),
        }
    }

    /// Files become fewer and smaller. Versions and rows stay what they are.
    fn compact(&mut self, target: &Target, partitions: &[String]) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, &target.name)?;
        if let Some(name) = partitions
            .iter()
            .find(|name| !table.partitions.contains(name))
        {
            return Err(SqlError::plain(format!(
                "Partition {name} does not exist in table {}",
                target.name
            )));
        }
        let compacted: Vec<i64> = table
            .partitions
            .iter()
            .filter(|partition| partitions.is_empty() || partitions.contains(&partition.name))
            .map(|partition| partition.physical_id)
            .collect();
        for physical_id in compacted {
            self.rows.compact(physical_id);
        }
        Ok(())
    }

    /// The table that the clauses work on.
    pub(super) fn altered(&mut self, target: &Target) -> SqlResult<&mut Table> {
        self.catalog.table_mut(&target.database, &target.name)
    }

    fn rename_table(&mut self, target: &mut Target, new_name: String) -> SqlResult<()> {
        super::create_table::check_name(&new_name)?;
        let tables = &self.catalog.database(&target.database)?.tables;
        if tables.contains_key(&new_name) {
            return Err(SqlError::plain(format!(
                "Table name[{new_name}] is already used"
            )));
        }
        let has_rollup = tables[&target.name]
            .indexes
            .iter()
            .any(|index| index.name == new_name);
        if has_rollup {
            return Err(SqlError::plain(format!(
                "New name conflicts with rollup index name: {new_name}"
            )));
        }
        let tables = &mut self.catalog.database_mut(&target.database)?.tables;
        if let Some(mut table) = tables.remove(&target.name) {
            table.rename(&new_name);
            tables.insert(new_name.clone(), table);
        }
        self.deactivate_dependents(&target.database, &target.name, "renamed");
        target.name = new_name;
        Ok(())
    }

    /// Swaps names. Ids, and with them rows, grants and versions, stay with the tables. Only the
    /// first table has to be in state NORMAL: a real frontend does not look at the second one's.
    fn swap_tables(&mut self, target: &Target, other: &str) -> SqlResult<()> {
        let tables = &self.catalog.database(&target.database)?.tables;
        let second = tables
            .get(other)
            .filter(|table| table.kind == TableKind::Olap)
            .ok_or_else(|| {
                SqlError::plain(format!(
                    "Table {other} does not exist or is not OLAP/LAKE table"
                ))
            })?;
        let first = &tables[&target.name];
        let conflict = |table: &Table, name: &str| {
            table
                .indexes
                .iter()
                .any(|index| index.name == name)
                .then(|| {
                    SqlError::plain(format!("New name conflicts with rollup index name: {name}"))
                })
        };
        if let Some(error) = conflict(first, other).or_else(|| conflict(second, &target.name)) {
            return Err(error);
        }
        if !self.profile.is_3_3() {
            let origin = constraints(first, &target.database);
            let new = constraints(second, &target.database);
            if origin != new {
                return Err(SqlError::plain(format!(
                    "Table {other} does not contain the same unique constraints, \
                     origin: {origin}, new: {new}"
                )));
            }
        }
        let tables = &mut self.catalog.database_mut(&target.database)?.tables;
        if let (Some(mut first), Some(mut second)) =
            (tables.remove(&target.name), tables.remove(other))
        {
            first.rename(other);
            second.rename(&target.name);
            tables.insert(other.to_owned(), first);
            tables.insert(target.name.clone(), second);
        }
        self.deactivate_dependents(&target.database, &target.name, "swapped");
        self.deactivate_dependents(&target.database, other, "swapped");
        Ok(())
    }
}

/// `[default_catalog.q1.s1.k]`.
fn constraints(table: &Table, database: &str) -> String {
    let Some(text) = table.properties.get("unique_constraints") else {
        return "[]".into();
    };
    let all: Vec<String> = text
        .split(';')
        .map(str::trim)
        .filter(|constraint| !constraint.is_empty())
        .map(|constraint| {
            let columns: Vec<&str> = constraint.split(',').map(str::trim).collect();
            format!(
                "default_catalog.{database}.{}.{}",
                table.name,
                columns.join(",")
            )
        })
        .collect();
    format!("[{}]", all.join(", "))
}

/// What the analyzer refuses before it looks at the table's state.
fn check_clause(table: &Table, clause: &AlterClause, position: Position) -> SqlResult<()> {
    match clause {
        AlterClause::Rename(new_name) if *new_name == table.name => {
            Err(position.analyzing(&format!("Same table name {new_name}")))
        }
        AlterClause::SetProperties(properties) => super::properties::check_altered(properties),
        AlterClause::AddPartition { partition, .. } if table.partitioning.is_automatic() => {
            use crate::parse::ddl::partition::Values;
            if matches!(partition.values, Values::In(_)) {
                Ok(())
            } else {
                Err(SqlError::analyzing(
                    "Currently, you cannot manually add a single range partition to a table that is \
                     automatically partition",
                ))
            }
        }
        _ => Ok(()),
    }
}

/// The table that ALTER works on; a RENAME among the clauses moves it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) database: String,
    pub(super) name: String,
}
