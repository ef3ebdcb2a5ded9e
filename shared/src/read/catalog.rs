//! Which tables and views there are, with their ids and states.
//!
//! With OPERATE, SHOW PROC tells it of everything, whatever the user may read. Without it, tables are
//! those on which the user has a privilege, and two things cannot be known: that a table which is not
//! seen is gone (unless a grant on all tables of the database proves it), and the versions of a
//! table's schema, without which a column that was dropped and added again looks unchanged. Then a
//! schema is taken for another one in every execution, so that each one stores its tables whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::{Error, ErrorName},
    facts::{TableEngine, TableState},
    ident::{DatabaseId, DatabaseName, QualifiedTable, TableId, TableName},
    sql::show::{self, ProcKind, SchemaJobState},
    starrocks::{Client, ClientError, FailureKind},
};

/// One look at several databases.
#[derive(Debug)]
pub(super) struct Catalog {
    databases: BTreeMap<DatabaseName, Database>,
}

#[derive(Debug)]
struct Database {
    /// `None` without OPERATE.
    id: Option<DatabaseId>,
    tables: BTreeMap<TableName, Listed>,
    views: BTreeMap<TableName, ViewKind>,
    /// The names above are all that there are.
    complete: bool,
    /// Unfinished and finished schema jobs by table; only read without OPERATE.
    jobs: BTreeMap<TableName, Vec<i64>>,
}

/// A table as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub name: TableName,
    pub id: TableId,
    pub state: TableState,
    pub engine: TableEngine,
    pub schema_job_running: bool,
    /// `None` without OPERATE.
    pub partitions: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ViewKind {
    View,
    MaterializedView,
}

impl Catalog {
    pub(super) async fn read(
        client: &mut Client,
        databases: impl IntoIterator<Item = &DatabaseName>,
    ) -> Result<Catalog, Error> {
        let databases: Vec<&DatabaseName> = databases.into_iter().collect();
        let ids = match client.fetch(&show::proc_databases()).await {
            Ok(rows) => rows,
            Err(error) if error.kind() == FailureKind::AccessDenied => {
                return without_operate(client, &databases).await;
            }
            Err(error) => return Err(error.into()),
        };
        let mut read = BTreeMap::new();
        for database in databases {
            let id = ids.iter().find(|row| row.name == *database);
            let Some(id) = id.map(|row| row.id) else {
                return Err(no_database(database));
            };
            let rows = match client.fetch(&show::proc_tables(id)).await {
                Ok(rows) => rows,
                Err(error) if error.kind() == FailureKind::UnknownDatabase => {
                    return Err(no_database(database));
                }
                Err(error) => return Err(error.into()),
            };
            let mut tables = BTreeMap::new();
            let mut views = BTreeMap::new();
            for row in rows {
                match row.kind {
                    ProcKind::View => {
                        views.insert(row.name, ViewKind::View);
                    }
                    ProcKind::MaterializedView => {
                        views.insert(row.name, ViewKind::MaterializedView);
                    }
                    ProcKind::Table(engine) => {
                        let listed = Listed {
                            name: row.name.clone(),
                            id: row.id,
                            schema_job_running: is_schema_job(&row.state),
                            state: row.state,
                            engine,
                            partitions: Some(row.partitions),
                        };
                        tables.insert(row.name, listed);
                    }
                }
            }
            let content = Database {
                id: Some(id),
                tables,
                views,
                complete: true,
                jobs: BTreeMap::new(),
            };
            read.insert(database.clone(), content);
        }
        Ok(Catalog { databases: read })
    }

    pub(super) fn table(&self, table: &QualifiedTable) -> Option<&Listed> {
        self.databases
            .get(&table.database)?
            .tables
            .get(&table.table)
    }

    pub(super) fn tables(&self, database: &DatabaseName) -> impl Iterator<Item = &Listed> {
        self.databases
            .get(database)
            .into_iter()
            .flat_map(|content| content.tables.values())
    }

    pub(super) fn views(
        &self,
        database: &DatabaseName,
    ) -> impl Iterator<Item = (&TableName, ViewKind)> {
        self.databases
            .get(database)
            .into_iter()
            .flat_map(|content| content.views.iter())
            .map(|(name, kind)| (name, *kind))
    }

    /// `None` without OPERATE.
    pub(super) fn proc_id(&self, database: &DatabaseName) -> Option<DatabaseId> {
        self.databases.get(database)?.id
    }

    /// Without OPERATE a database has no id that could be read; -1 is no id of any database.
    pub(super) fn database_id(&self, database: &DatabaseName) -> Result<DatabaseId, Error> {
        match self.databases.get(database) {
            Some(content) => Ok(content.id.unwrap_or(DatabaseId(-1))),
            None => Err(no_database(database)),
        }
    }

    /// Ids of the schema jobs of a table that the engine still knows.
    pub(super) fn jobs(&self, table: &QualifiedTable) -> &[i64] {
        self.databases
            .get(&table.database)
            .and_then(|content| content.jobs.get(&table.table))
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn listing(&self, database: &DatabaseName) -> Option<BTreeSet<TableName>> {
        let content = self.databases.get(database)?;
        let names = content.tables.keys().chain(content.views.keys());
        content.complete.then(|| names.cloned().collect())
    }
}

/// Every state but the normal one and that of a restore belongs to a job that may change the schema.
fn is_schema_job(state: &TableState) -> bool {
    !matches!(state, TableState::Normal | TableState::Restore)
}

fn no_database(database: &DatabaseName) -> Error {
    Error::new(
        ErrorName::NotFound,
        format!("there is no database {database}"),
    )
    .hint("SHOW DATABASES lists the databases that the user may see")
}

async fn without_operate(
    client: &mut Client,
    databases: &[&DatabaseName],
) -> Result<Catalog, Error> {
    let seen: BTreeSet<DatabaseName> = client
        .fetch(&show::databases())
        .await?
        .into_iter()
        .map(|row| row.0)
        .collect();
    if let Some(missing) = databases.iter().find(|database| !seen.contains(**database)) {
        return Err(no_database(missing).hint("without a privilege on it, a database is not seen"));
    }
    let grants = client.fetch(&show::grants()).await?;
    let configs = client
        .fetch(&show::tables_config(databases.iter().copied()))
        .await?;
    let mut read = BTreeMap::new();
    for database in databases {
        let (jobs, running) = schema_jobs(client, database).await?;
        let views = views(client, database).await?;
        let tables = configs
            .iter()
            .filter(|config| config.database == **database && !views.contains_key(&config.table))
            .map(|config| {
                let listed = Listed {
                    name: config.table.clone(),
                    id: config.table_id,
                    // What else it may be shows when it is read.
                    state: TableState::Normal,
                    engine: config.engine.clone(),
                    schema_job_running: running.contains(&config.table),
                    partitions: None,
                };
                (config.table.clone(), listed)
            })
            .collect();
        let content = Database {
            id: None,
            tables,
            views,
            complete: grants
                .iter()
                .any(|grant| grant.is_on_own_data() && is_on_all_tables(&grant.text, database)),
            jobs,
        };
        read.insert((*database).clone(), content);
    }
    Ok(Catalog { databases: read })
}

/// Jobs by table, and the tables where one is not finished.
async fn schema_jobs(
    client: &mut Client,
    database: &DatabaseName,
) -> Result<(BTreeMap<TableName, Vec<i64>>, BTreeSet<TableName>), ClientError> {
    let mut jobs: BTreeMap<TableName, Vec<i64>> = BTreeMap::new();
    let mut running = BTreeSet::new();
    for query in [
        show::column_jobs(database),
        show::rollup_jobs(database),
        show::optimize_jobs(database),
    ] {
        for job in client.fetch(&query).await? {
            if job.state == SchemaJobState::Running {
                running.insert(job.table.clone());
            }
            jobs.entry(job.table).or_default().push(job.job_id);
        }
    }
    for ids in jobs.values_mut() {
        ids.sort_unstable();
    }
    Ok((jobs, running))
}

async fn views(
    client: &mut Client,
    database: &DatabaseName,
) -> Result<BTreeMap<TableName, ViewKind>, ClientError> {
    let mut views: BTreeMap<TableName, ViewKind> = client
        .fetch(&show::visible_tables(database))
        .await?
        .into_iter()
        .filter(|row| row.is_view)
        .map(|row| (row.name, ViewKind::View))
        .collect();
    if views.is_empty() {
        return Ok(views);
    }
    for row in client.fetch(&show::materialized_views(database)).await? {
        views.insert(row.name, ViewKind::MaterializedView);
    }
    Ok(views)
}

/// `GRANT SELECT, EXPORT ON ALL TABLES IN DATABASE sales TO USER ...`, or IN ALL DATABASES. What a
/// role grants is not looked into: it only makes a proof the rarer.
fn is_on_all_tables(grant: &str, database: &DatabaseName) -> bool {
    let Some((_, scope)) = grant.split_once(" ON ALL TABLES IN ") else {
        return false;
    };
    scope.starts_with("ALL DATABASES ") || scope.starts_with(&format!("DATABASE {database} "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_on_all_tables_proves_a_listing() {
        let check = |grant: &str, expected: bool| {
            assert_eq!(
                is_on_all_tables(grant, &"g1".parse().unwrap()),
                expected,
                "{grant}"
            );
        };
        check(
            "GRANT DROP, INSERT, SELECT, ALTER ON ALL TABLES IN DATABASE g1 TO USER 'br'@'%'",
            true,
        );
        check(
            "GRANT SELECT ON ALL TABLES IN ALL DATABASES TO USER 'br'@'%'",
            true,
        );
        check(
            "GRANT SELECT ON ALL TABLES IN DATABASE g10 TO USER 'br'@'%'",
            false,
        );
        check("GRANT EXPORT ON TABLE g1.t TO USER 'br'@'%'", false);
        check("GRANT CREATE TABLE ON DATABASE g1 TO USER 'br'@'%'", false);
    }

    #[test]
    fn only_normal_and_restoring_tables_have_no_schema_job() {
        for (state, expected) in [
            ("NORMAL", false),
            ("RESTORE", false),
            ("SCHEMA_CHANGE", true),
            ("ROLLUP", true),
            ("OPTIMIZE", true),
        ] {
            assert_eq!(is_schema_job(&TableState::from_engine(state)), expected);
        }
    }
}
