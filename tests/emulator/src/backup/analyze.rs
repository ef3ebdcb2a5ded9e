//! BACKUP: what is meant, whether it may be, and the job that does it. The order of the checks is the
//! real frontend's: analyzer, privileges, handler.

use std::collections::{BTreeMap, BTreeSet};

use super::{properties, refused};
use crate::{
    catalog::{Database, Partitioning, Table, TableKind},
    engine::Engine,
    jobs::{BackupJob, BackupObject, BackupRequest, Job},
    parse::backup::{
        BackupStatement, ExternalCatalogs, Object, ObjectKind, PartitionList, Selection,
    },
    privileges::{self, Privilege},
    profile::Profile,
    reply::{Reply, SqlError, SqlResult},
    repository::Repository,
    session::Session,
};

/// The tables and functions of a BACKUP.
#[derive(Debug, Default)]
struct Chosen {
    /// Sorted by name.
    tables: BTreeMap<String, Option<PartitionList>>,
    functions: BTreeMap<String, String>,
}

impl Engine {
    pub(super) fn backup(&mut self, session: &Session, statement: BackupStatement) -> SqlResult {
        refuse_catalogs(statement.external_catalogs.as_ref())?;
        let database_name = statement
            .database
            .as_deref()
            .or(session.database.as_deref())
            .unwrap_or_default();
        let database = self.catalog.database(database_name)?;
        refuse_empty_label(&statement.label)?;
        let repository = self
            .repositories
            .get(&statement.repository)
            .ok_or_else(|| {
                refused(format!(
                    "Repository [{}] does not exist",
                    statement.repository
                ))
            })?;
        let chosen = self.choose(database, statement.selection.as_ref())?;
        let properties = properties::of_backup(&statement.properties, &self.config)?;

        self.require(session, Privilege::Repository, privileges::Object::System)?;
        let names: Vec<&str> = chosen.tables.keys().map(String::as_str).collect();
        self.require_export(session, database_name, &names)?;
        for signature in chosen.functions.keys() {
            let function = privileges::Object::Function {
                database: database_name,
                name: function_name(signature),
            };
            self.require(session, Privilege::Usage, function)?;
        }

        refuse_session_database(statement.database.as_deref(), self.profile)?;
        self.refuse_second_job(database.id)?;
        if repository.read_only {
            let message = format!("Repository {} is read only", repository.name);
            return Err(SqlError::ddl(message));
        }
        for (name, partitions) in &chosen.tables {
            self.check_table(database, name, partitions.as_ref())?;
        }
        self.check_label(repository, &statement.label, properties.incremental)?;

        let request = BackupRequest {
            label: statement.label,
            database_id: database.id,
            database: database.name.clone(),
            repository_id: repository.id,
            objects: self.in_order(database, chosen.tables),
            functions: chosen.functions,
            timeout: properties.timeout,
        };
        let job = BackupJob::new(request, self.clock.now());
        self.submit_job(Job::Backup(Box::new(job)));
        Ok(Reply::ok())
    }

    fn choose(&self, database: &Database, selection: Option<&Selection>) -> SqlResult<Chosen> {
        let mut chosen = Chosen::default();
        match selection {
            None => {
                for table in database.tables.values() {
                    if !self.skips_view(table) {
                        self.refuse_list(table)?;
                        chosen.tables.insert(table.name.clone(), None);
                    }
                }
                if !self.profile.is_3_3() {
                    chosen.functions = database.functions.clone();
                }
                if chosen.tables.is_empty() && chosen.functions.is_empty() {
                    let detail = format!("Database: {} is empty", database.name);
                    return Err(SqlError::analyzing(detail));
                }
            }
            Some(selection) => {
                for table in database.tables.values() {
                    let wanted = match table.kind {
                        TableKind::Olap | TableKind::External { .. } => selection.all_tables,
                        TableKind::MaterializedView { .. } => selection.all_materialized_views,
                        TableKind::View { .. } => selection.all_views,
                    };
                    if wanted {
                        chosen.tables.insert(table.name.clone(), None);
                    }
                }
                if selection.all_functions {
                    chosen.functions = database.functions.clone();
                }
                for object in &selection.objects {
                    self.choose_object(database, object, &mut chosen)?;
                }
            }
        }
        Ok(chosen)
    }

    fn choose_object(
        &self,
        database: &Database,
        object: &Object,
        chosen: &mut Chosen,
    ) -> SqlResult<()> {
        let name = &object.name;
        if object.kind == ObjectKind::Function {
            let functions: Vec<_> = database
                .functions
                .iter()
                .filter(|(signature, _)| function_name(signature) == name)
                .collect();
            if functions.is_empty() {
                // 3.5 says where it looked.
                let place = match self.profile {
                    Profile::V4_1 => String::new(),
                    _ => format!("{}.", database.name),
                };
                return Err(refused(format!(
                    "Invalid backup function(s), function name: {place}{name}"
                )));
            }
            for (signature, statement) in functions {
                chosen
                    .functions
                    .insert(signature.clone(), statement.clone());
            }
            return Ok(());
        }
        let table = database
            .tables
            .get(name)
            .ok_or_else(|| SqlError::analyzing(format!("Incorrect table name '{name}'")))?;
        self.refuse_list(table)?;
        if let Some(partitions) = &object.partitions {
            check_partitions(table, partitions)?;
        }
        if chosen
            .tables
            .insert(name.clone(), object.partitions.clone())
            .is_some()
        {
            let place = match self.profile {
                Profile::V4_1 => object.span,
                _ => object.name_span,
            };
            return Err(SqlError::plain(format!(
                "Getting analyzing error {place}. Detail message: Duplicated table: {name}."
            )));
        }
        Ok(())
    }

    /// Materialized views are left out unless they are named or the configuration wants them.
    fn skips_view(&self, table: &Table) -> bool {
        matches!(table.kind, TableKind::MaterializedView { .. })
            && !self.config.is_on("enable_backup_materialized_view")
    }

    fn refuse_list(&self, table: &Table) -> SqlResult<()> {
        let is_list = matches!(table.partitioning, Partitioning::List { .. });
        if self.profile == Profile::V3_3 && is_list {
            return Err(SqlError::analyzing(
                "List partition table does not support backup/restore job",
            ));
        }
        Ok(())
    }

    fn check_table(
        &self,
        database: &Database,
        name: &str,
        partitions: Option<&PartitionList>,
    ) -> SqlResult<()> {
        let Some(table) = database.tables.get(name) else {
            return Err(SqlError::new(
                5502,
                "42602",
                format!("Unknown table '{name}'"),
            ));
        };
        let kind = match &table.kind {
            TableKind::External { engine } => Some(engine.to_uppercase()),
            TableKind::View { .. } if self.profile.is_3_3() => Some("VIEW".to_owned()),
            _ => None,
        };
        if let Some(kind) = kind {
            return Err(if self.profile.is_3_3() {
                SqlError::new(5503, "42000", format!("Table '{name}' is not a OLAP table"))
            } else {
                SqlError::ddl(format!(
                    "Table: {name} can not support backup restore, type: {kind}"
                ))
            });
        }
        if !table.temp_partitions.is_empty() {
            return Err(SqlError::ddl(
                "Do not support backing up table with temp partitions",
            ));
        }
        if partitions.is_some_and(|partitions| partitions.temporary) {
            return Err(SqlError::ddl("Do not support backing up temp partitions"));
        }
        Ok(())
    }

    /// What is in the store decides, complete or not. Two databases that send one label before either
    /// has uploaded anything both pass.
    fn check_label(
        &self,
        repository: &Repository,
        label: &str,
        incremental: bool,
    ) -> SqlResult<()> {
        let labels = repository
            .labels(&self.store)
            .map_err(|error| SqlError::ddl(error.0))?;
        if !labels.iter().any(|existing| existing == label) {
            return Ok(());
        }
        Err(SqlError::ddl(if incremental {
            "Currently does not support incremental backup".to_owned()
        } else {
            format!("Snapshot with name '{label}' already exist in repository")
        }))
    }

    /// By name; only materialized views come behind what they read from, which moves up to them.
    fn in_order(
        &self,
        database: &Database,
        mut tables: BTreeMap<String, Option<PartitionList>>,
    ) -> Vec<BackupObject> {
        let names: BTreeSet<String> = tables.keys().cloned().collect();
        let mut order: Vec<String> = Vec::new();
        for name in &names {
            if let Some(TableKind::MaterializedView { definition, .. }) =
                database.tables.get(name).map(|table| &table.kind)
            {
                let bases = names
                    .iter()
                    .filter(|base| *base != name && mentions(definition, base));
                order.extend(bases.cloned());
            }
            order.push(name.clone());
        }
        order
            .into_iter()
            .filter_map(|name| {
                let partitions = tables.remove(&name)?;
                Some(BackupObject {
                    name,
                    partitions: partitions.map(|list| list.names),
                })
            })
            .collect()
    }
}

fn check_partitions(table: &Table, partitions: &PartitionList) -> SqlResult<()> {
    if !table.has_partitions() {
        return Err(SqlError::new(
            1104,
            "HY000",
            SqlError::analyzing(format!("Table '{}' is not a OLAP table", table.name)).message,
        ));
    }
    let missing = partitions
        .names
        .iter()
        .find(|name| !table.partitions.contains(name));
    match missing {
        Some(name) => Err(SqlError::plain(format!(
            "Getting analyzing error {}. Detail message: partition[{name}] does not exist  in table{}.",
            partitions.span, table.name
        ))),
        None => Ok(()),
    }
}

/// `f` of `f(int)`.
pub(super) fn function_name(signature: &str) -> &str {
    signature.split('(').next().unwrap_or(signature)
}

fn mentions(definition: &str, table: &str) -> bool {
    definition
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
        .any(|word| word == table)
}

pub(super) fn refuse_empty_label(label: &str) -> SqlResult<()> {
    if label.is_empty() {
        return Err(SqlError::new(
            5082,
            "42000",
            SqlError::analyzing("Incorrect label name ''").message,
        ));
    }
    Ok(())
}

/// A label without a database passes the analyzer, by the session's, and falls over behind it.
fn refuse_session_database(database: Option<&str>, profile: Profile) -> SqlResult<()> {
    match database {
        Some(_) => Ok(()),
        None if profile.is_3_3() => Err(no_database()),
        None => Err(SqlError::plain(
            "Cannot read field \"dbName\" because \"jobInfo\" is null",
        )),
    }
}

/// What 3.3 answers where a label has no database.
pub(super) fn no_database() -> SqlError {
    SqlError::new(5501, "3F000", "Unknown database 'null'")
}

/// The emulator has no external catalogs, so none can be named.
fn refuse_catalogs(catalogs: Option<&ExternalCatalogs>) -> SqlResult<()> {
    match catalogs {
        None => Ok(()),
        Some(ExternalCatalogs::Named(names)) => {
            let name = names.first().map_or("", String::as_str);
            Err(refused(format!(
                "external catalog {name} does not existed."
            )))
        }
        Some(ExternalCatalogs::All) => Err(SqlError::plain(
            "The emulator does not know this statement: BACKUP ALL EXTERNAL CATALOGS",
        )),
    }
}
