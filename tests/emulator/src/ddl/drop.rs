//! DROP, RECOVER and TRUNCATE.

use jiff::SignedDuration;

use crate::{
    catalog::{Database, Table, TableKind},
    engine::Engine,
    parse::ddl::ObjectName,
    privileges::Privilege,
    reply::{Reply, SqlError, SqlResult},
    session::Session,
};

fn unknown_table(name: &str) -> SqlError {
    SqlError::new(
        5502,
        "42602",
        format!("Getting analyzing error. Detail message: Unknown table '{name}'."),
    )
}

/// Which DROP statement a table, view or materialized view goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    Table,
    View,
    MaterializedView,
}

impl Dropped {
    fn fits(self, kind: &TableKind) -> bool {
        match kind {
            TableKind::Olap | TableKind::External { .. } => self == Dropped::Table,
            TableKind::View { .. } => self == Dropped::View,
            TableKind::MaterializedView { .. } => self == Dropped::MaterializedView,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Dropped::Table => "TABLE",
            Dropped::View => "VIEW",
            Dropped::MaterializedView => "MATERIALIZED VIEW",
        }
    }
}

impl Engine {
    /// Without FORCE the object can be recovered.
    pub(super) fn drop_object(
        &mut self,
        session: &Session,
        name: &ObjectName,
        dropped: Dropped,
        if_exists: bool,
        force: bool,
    ) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, name)?;
        let Some(table) = self.catalog.find_table(&database, &name) else {
            return if if_exists {
                Ok(Reply::ok())
            } else {
                Err(unknown_table(&name))
            };
        };
        if !dropped.fits(&table.kind) {
            return Err(SqlError::plain(format!(
                "'{database}.{name}' is not '{}', check it and drop it by its own statement",
                dropped.word()
            )));
        }
        self.require(session, Privilege::Drop, self.object(&database, &name))?;
        let database_id = self.catalog.database(&database)?.id;
        let removed = self.catalog.database_mut(&database)?.tables.remove(&name);
        if let Some(table) = removed {
            self.deactivate_dependents(&database, &name, "dropped");
            if force || !table.has_partitions() {
                self.rows.drop_table(table.id)?;
            } else {
                self.recycle_table(database_id, table)?;
            }
        }
        Ok(Reply::ok())
    }

    fn recycle_table(&mut self, database_id: i64, table: Table) -> SqlResult<()> {
        let key = (database_id, table.name.clone());
        let now = self.clock.now();
        if let Some((_, older)) = self.catalog.recycle_bin.tables.insert(key, (now, table)) {
            self.rows.drop_table(older.id)?;
        }
        Ok(())
    }

    pub(super) fn recycle_database(&mut self, database: Database) -> SqlResult<()> {
        let now = self.clock.now();
        let name = database.name.clone();
        let older = self
            .catalog
            .recycle_bin
            .databases
            .insert(name, (now, database));
        if let Some((_, older)) = older {
            for table in older.tables.values() {
                self.rows.drop_table(table.id)?;
            }
        }
        Ok(())
    }

    /// Forgets what was dropped longer ago than `catalog_trash_expire_second`.
    pub(super) fn empty_recycle_bin(&mut self) -> SqlResult<()> {
        let seconds = self.config.number("catalog_trash_expire_second");
        let before = self.clock.now() - SignedDuration::from_secs(seconds);
        for id in self.catalog.recycle_bin.expire(before) {
            self.rows.drop_table(id)?;
        }
        Ok(())
    }

    pub(super) fn recover_table(&mut self, session: &Session, name: &ObjectName) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, name)?;
        if self.catalog.find_table(&database, &name).is_some() {
            return Err(SqlError::new(
                1050,
                "42S01",
                format!("Table '{name}' already exists"),
            ));
        }
        let id = self.catalog.database(&database)?.id;
        match self.catalog.recycle_bin.tables.remove(&(id, name.clone())) {
            Some((_, table)) => self.catalog.insert_table(&database, table)?,
            None => {
                return Err(SqlError::new(
                    5502,
                    "42602",
                    format!("Unknown table '{name}'"),
                ));
            }
        }
        Ok(Reply::ok())
    }

    pub(super) fn recover_database(&mut self, name: &str) -> SqlResult {
        if self.catalog.has_database(name) {
            return Err(SqlError::new(
                1007,
                "HY000",
                format!("Can't create database '{name}'; database exists"),
            ));
        }
        match self.catalog.recycle_bin.databases.remove(name) {
            Some((_, database)) => {
                self.catalog.databases.insert(name.to_owned(), database);
                Ok(Reply::ok())
            }
            None => Err(SqlError::new(
                5501,
                "3F000",
                format!("Unknown database '{name}'"),
            )),
        }
    }

    /// Gives partitions new ids at version 1, without rows. Allowed while a RESTORE works on the
    /// table, as on a real frontend.
    pub(super) fn truncate(
        &mut self,
        session: &Session,
        name: &ObjectName,
        partitions: Option<Vec<String>>,
    ) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, name)?;
        let table = self.catalog.table(&database, &name)?;
        self.require(session, Privilege::Delete, self.object(&database, &name))?;
        if table.kind != TableKind::Olap {
            return Err(SqlError::plain(format!(
                "Only support truncate OLAP table: {name} is not one"
            )));
        }
        let names = match partitions {
            None => table
                .partitions
                .iter()
                .map(|partition| partition.name.clone())
                .collect(),
            Some(names) => names,
        };
        for partition in &names {
            if !table.partitions.contains(partition) {
                return Err(SqlError::plain(format!(
                    "Partition {partition} does not exist"
                )));
            }
        }
        for partition in &names {
            self.replace_with_empty(&database, &name, partition)?;
        }
        Ok(Reply::ok())
    }

    /// Puts a new, empty partition in the place of one: same name and value, new ids, version 1.
    pub(crate) fn replace_with_empty(
        &mut self,
        database: &str,
        table: &str,
        partition: &str,
    ) -> SqlResult<()> {
        let now = self.clock.now();
        let Some(old) = self
            .catalog
            .table(database, table)?
            .partitions
            .get(partition)
        else {
            return Err(SqlError::plain(format!(
                "Partition {partition} does not exist"
            )));
        };
        let (name, value) = (old.name.clone(), old.value.clone());
        let (buckets, replication_num) = (old.buckets, old.replication_num);
        let fresh = self
            .catalog
            .new_partition(name, value, buckets, replication_num, now);
        let old = self
            .catalog
            .table_mut(database, table)?
            .partitions
            .replace(partition, fresh);
        if let Some(old) = old {
            self.rows.drop_partition(old.physical_id)?;
        }
        Ok(())
    }
}
