//! RESTORE: what is meant, whether it may be, and the job that does it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    analyze::{function_name, no_database, refuse_empty_label},
    properties::{self, RestoreProperties},
};
use crate::{
    catalog::TableKind,
    engine::Engine,
    jobs::{Job, RestoreJob, RestoreRequest},
    parse::backup::{Object, ObjectKind, RestoreStatement, Selection},
    privileges::{self, Privilege},
    profile::Profile,
    reply::{Reply, SqlError, SqlResult},
    repository::{
        Repository, SnapshotInfo, content,
        info::{MetaError, SnapshotMeta, TableInfo},
    },
    session::Session,
};

impl Engine {
    pub(super) fn restore(&mut self, session: &Session, statement: RestoreStatement) -> SqlResult {
        if statement.external_catalogs.is_some() {
            return Err(SqlError::plain(
                "The emulator does not know this statement: RESTORE of external catalogs",
            ));
        }
        refuse_empty_label(&statement.label)?;
        self.refuse_duplicates(statement.selection.as_ref())?;
        let properties = properties::of_restore(&statement.properties, &self.config)?;
        self.authorize_restore(session, &statement)?;

        let repository = self
            .repositories
            .get(&statement.repository)
            .cloned()
            .ok_or_else(|| {
                SqlError::ddl(format!(
                    "Repository {} does not exist",
                    statement.repository
                ))
            })?;
        if self.profile.is_3_3() {
            self.restore_3_3(&repository, statement, properties)?;
        } else {
            self.restore_3_4(&repository, statement, properties)?;
        }
        Ok(Reply::ok())
    }

    /// Up to 3.3 the database has to be there, and a running job is found before the snapshot is read.
    fn restore_3_3(
        &mut self,
        repository: &Repository,
        statement: RestoreStatement,
        properties: RestoreProperties,
    ) -> SqlResult<()> {
        let database = statement.database.clone().ok_or_else(no_database)?;
        let unknown = || SqlError::new(5501, "3F000", format!("Unknown database '{database}'"));
        let database_id = self
            .catalog
            .databases
            .get(&database)
            .ok_or_else(unknown)?
            .id;
        self.refuse_second_job(database_id)?;
        let info = self.read_info(repository, &statement.label, &properties.timestamp)?;
        self.submit_restore(
            repository,
            &statement,
            properties,
            info,
            database,
            database_id,
        )
    }

    /// From 3.4 on the snapshot is read first, and **the database is made if there is none**, whatever
    /// becomes of the statement: a mistyped name leaves an empty database behind.
    fn restore_3_4(
        &mut self,
        repository: &Repository,
        statement: RestoreStatement,
        properties: RestoreProperties,
    ) -> SqlResult<()> {
        let info = self.read_info(repository, &statement.label, &properties.timestamp)?;
        let database = statement
            .database
            .clone()
            .unwrap_or_else(|| info.database.clone());
        let database_id = match self.catalog.databases.get(&database) {
            Some(database) => database.id,
            None => self.catalog.create_database(&database),
        };
        if let Some(source) = &statement.source
            && *source != info.database
        {
            return Err(SqlError::ddl(format!(
                "target database: {source} is not existed in snapshot"
            )));
        }
        self.refuse_second_job(database_id)?;
        self.submit_restore(
            repository,
            &statement,
            properties,
            info,
            database,
            database_id,
        )
    }

    fn read_info(
        &self,
        repository: &Repository,
        label: &str,
        timestamp: &str,
    ) -> SqlResult<SnapshotInfo> {
        repository
            .snapshot_info(&self.store, label, timestamp)
            .map_err(|reason| {
                SqlError::ddl(format!(
                    "Failed to get info of snapshot '{label}' because: {reason}. Maybe specified wrong \
                     backup timestamp"
                ))
            })
    }

    fn submit_restore(
        &mut self,
        repository: &Repository,
        statement: &RestoreStatement,
        properties: RestoreProperties,
        mut info: SnapshotInfo,
        database: String,
        database_id: i64,
    ) -> SqlResult<()> {
        let tables_held = info.backup_objects.len();
        let partitions_held: HashMap<String, usize> = info
            .backup_objects
            .0
            .iter()
            .map(|(name, table)| (name.clone(), table.partitions.len()))
            .collect();
        let mut meta = self.read_meta(repository, &statement.label)?;
        let mut aliases = BTreeMap::new();
        if let Some(selection) = &statement.selection {
            narrow(&mut info, meta.as_mut(), selection, &mut aliases)?;
        }
        let request = RestoreRequest {
            database_id,
            database,
            repository_id: repository.id,
            label: statement.label.clone(),
            timestamp: properties.timestamp,
            replication_num: properties.replication_num,
            allow_load: properties.allow_load,
            timeout: properties.timeout,
            info,
            tables_held,
            partitions_held,
            aliases,
            meta,
        };
        let job = RestoreJob::new(request, self.clock.now());
        self.submit_job(Job::Restore(Box::new(job)));
        Ok(())
    }

    /// `None` when it cannot be read, which ends the job at its first step. One that was written by a
    /// newer line fails the statement itself; what the real frontend says then is not recorded.
    fn read_meta(&self, repository: &Repository, label: &str) -> SqlResult<Option<SnapshotMeta>> {
        let url = format!("{}/__meta", repository.snapshot(label));
        let Ok(bytes) = content::download(&repository.store(&self.store), &url) else {
            return Ok(None);
        };
        match SnapshotMeta::decode(&bytes, self.profile) {
            Ok(meta) => Ok(Some(meta)),
            Err(MetaError::Damaged(reason)) => {
                tracing::warn!(label, reason, "the meta of a snapshot cannot be read");
                Ok(None)
            }
            Err(MetaError::Newer(engine)) => Err(SqlError::plain(format!(
                "Failed to read backup meta of snapshot '{label}': it was written by StarRocks {engine}, \
                 which is newer than this frontend ({})",
                self.profile.name()
            ))),
        }
    }

    fn refuse_duplicates(&self, selection: Option<&Selection>) -> SqlResult<()> {
        let mut names = HashSet::new();
        let mut aliases = HashSet::new();
        for object in selection.iter().flat_map(|selection| &selection.objects) {
            if object.kind == ObjectKind::Function {
                continue;
            }
            if !names.insert(&object.name) {
                let place = match self.profile {
                    Profile::V4_1 => object.span,
                    _ => object.name_span,
                };
                return Err(SqlError::plain(format!(
                    "Getting analyzing error {place}. Detail message: Duplicated table: {}.",
                    object.name
                )));
            }
            if let Some(alias) = &object.alias
                && !aliases.insert(alias)
            {
                return Err(SqlError::plain(format!(
                    "Getting analyzing error {}. Detail message: Duplicated alias name: {alias}.",
                    object.span
                )));
            }
        }
        Ok(())
    }

    /// With ON: CREATE TABLE in the target database, and INSERT on the tables of the **original**
    /// names, aliases or not; into a database that does not exist, REPOSITORY alone is enough.
    fn authorize_restore(&self, session: &Session, statement: &RestoreStatement) -> SqlResult<()> {
        self.require(session, Privilege::Repository, privileges::Object::System)?;
        let Some(selection) = &statement.selection else {
            let catalog = privileges::Object::Catalog;
            return self.require(session, Privilege::CreateDatabase, catalog);
        };
        let Some(database) = statement.database.as_deref() else {
            return Ok(());
        };
        if !self.catalog.databases.contains_key(database) {
            return Ok(());
        }
        self.require(
            session,
            Privilege::CreateTable,
            privileges::Object::Database(database),
        )?;
        for object in &selection.objects {
            if self.catalog.find_table(database, &object.name).is_some() {
                let table = privileges::Object::Table {
                    database,
                    table: &object.name,
                };
                self.require(session, Privilege::Insert, table)?;
            }
        }
        Ok(())
    }
}

/// Leaves of a snapshot what ON names.
fn narrow(
    info: &mut SnapshotInfo,
    meta: Option<&mut SnapshotMeta>,
    selection: &Selection,
    aliases: &mut BTreeMap<String, String>,
) -> SqlResult<()> {
    let label = info.name.clone();
    let mut kept: BTreeSet<String> = BTreeSet::new();
    let mut kept_functions: BTreeSet<String> = BTreeSet::new();
    for (name, _) in &info.backup_objects.0 {
        let kind = meta
            .as_deref()
            .and_then(|meta| meta.table(name))
            .map(|table| &table.kind);
        let wanted = match kind {
            Some(TableKind::View { .. }) => selection.all_views,
            Some(TableKind::MaterializedView { .. }) => selection.all_materialized_views,
            _ => selection.all_tables,
        };
        if wanted {
            kept.insert(name.clone());
        }
    }
    for object in &selection.objects {
        if object.kind == ObjectKind::Function {
            let functions = meta.as_deref().map(|meta| &meta.functions);
            let signatures: Vec<&String> = functions
                .into_iter()
                .flat_map(BTreeMap::keys)
                .filter(|signature| function_name(signature) == object.name)
                .collect();
            if signatures.is_empty() {
                return Err(SqlError::ddl(format!(
                    "Can not find restore function: {}",
                    object.name
                )));
            }
            kept_functions.extend(signatures.into_iter().cloned());
            continue;
        }
        let table = info
            .backup_objects
            .0
            .iter_mut()
            .find(|(name, _)| *name == object.name)
            .map(|(_, table)| table)
            .ok_or_else(|| {
                SqlError::ddl(format!(
                    "Table {} does not exist in snapshot {label}",
                    object.name
                ))
            })?;
        narrow_partitions(table, object, &label)?;
        if let Some(alias) = &object.alias {
            aliases.insert(object.name.clone(), alias.clone());
        }
        kept.insert(object.name.clone());
    }
    info.backup_objects
        .0
        .retain(|(name, _)| kept.contains(name));
    if let Some(meta) = meta
        && !selection.all_functions
    {
        meta.functions
            .retain(|signature, _| kept_functions.contains(signature));
    }
    Ok(())
}

/// Names are compared exactly here, in contrast to BACKUP.
fn narrow_partitions(table: &mut TableInfo, object: &Object, label: &str) -> SqlResult<()> {
    let Some(list) = &object.partitions else {
        return Ok(());
    };
    if list.temporary {
        return Err(SqlError::ddl(
            "Do not support restoring temporary partitions",
        ));
    }
    let existing: HashSet<&str> = table.partitions.names().collect();
    if let Some(missing) = list
        .names
        .iter()
        .find(|name| !existing.contains(name.as_str()))
    {
        return Err(SqlError::ddl(format!(
            "Partition {missing} of table {} does not exist in snapshot {label}",
            object.name
        )));
    }
    let wanted: HashSet<&str> = list.names.iter().map(String::as_str).collect();
    table
        .partitions
        .0
        .retain(|(name, _)| wanted.contains(name.as_str()));
    Ok(())
}
