//! One table: its definition and its indexes.

use super::catalog::{Catalog, Listed};
use crate::{
    ddl::{self, Ddl, DdlError},
    digest::SchemaHash,
    facts::{Distribution, IndexFacts, KeyModel, Partitioning, TableEngine, TableFacts},
    ident::{ExecutionId, QualifiedTable},
    sql::show,
    starrocks::{Client, ClientError},
};

/// Why a table cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    Engine(ClientError),
    /// Its definition is not understood.
    Text(String),
}

impl From<ClientError> for Unreadable {
    fn from(error: ClientError) -> Unreadable {
        Unreadable::Engine(error)
    }
}

/// Everything but the partitions.
pub(super) async fn read(
    client: &mut Client,
    catalog: &Catalog,
    name: &QualifiedTable,
    listed: &Listed,
    execution: &ExecutionId,
) -> Result<TableFacts, Unreadable> {
    let Some(text) = client.fetch_optional(&show::create_table(name)).await? else {
        return Err(Unreadable::Text("SHOW CREATE TABLE answers nothing".into()));
    };
    let ddl = match (&listed.engine, Ddl::parse(&text.0)) {
        (TableEngine::Olap, Ok(ddl)) => ddl,
        (TableEngine::Other(_), _) => return Ok(foreign(listed, listed.engine.clone(), text.0)),
        (TableEngine::Olap, Err(DdlError::OtherEngine(engine))) => {
            return Ok(foreign(listed, TableEngine::Other(engine), text.0));
        }
        (TableEngine::Olap, Err(error)) => return Err(Unreadable::Text(error.to_string())),
    };
    let schema_hash = match catalog.proc_id(&name.database) {
        Some(database_id) => {
            let indexes = client
                .fetch(&show::index_schema(database_id, listed.id))
                .await?;
            let indexes: Vec<IndexFacts> = indexes
                .into_iter()
                .map(|row| IndexFacts {
                    id: row.id,
                    name: row.name,
                    schema_version: row.schema_version,
                    schema_hash: row.schema_hash,
                })
                .collect();
            ddl::schema_hash(&indexes, &ddl)
        }
        None => hash_of_one_execution(execution, catalog.jobs(name), &ddl),
    };
    Ok(TableFacts {
        table: listed.name.clone(),
        table_id: listed.id,
        state: listed.state.clone(),
        engine: TableEngine::Olap,
        schema_hash,
        ddl: ddl.without_partitions(),
        key_model: ddl.key_model,
        partitioning: ddl.partitioning,
        distribution: ddl.distribution,
        columns: ddl.columns,
        schema_job_running: listed.schema_job_running,
        has_temp_partitions: false,
        partitions: Vec::new(),
    })
}

/// Equal for two readings of one execution between which no job changed the schema, and never for
/// readings of two executions.
fn hash_of_one_execution(execution: &ExecutionId, jobs: &[i64], ddl: &Ddl) -> SchemaHash {
    let schema = ddl::schema_hash(&[], ddl).to_string();
    let jobs = format!("{jobs:?}");
    SchemaHash::of([execution.as_str(), &schema, &jobs].map(str::as_bytes))
}

/// A table that StarRocks only points to. Nothing of it can be backed up but its definition.
fn foreign(listed: &Listed, engine: TableEngine, ddl: String) -> TableFacts {
    TableFacts {
        table: listed.name.clone(),
        table_id: listed.id,
        state: listed.state.clone(),
        engine,
        schema_hash: SchemaHash::of([ddl.as_bytes()]),
        ddl,
        key_model: KeyModel::Duplicate,
        partitioning: Partitioning::Unpartitioned,
        distribution: Distribution::Hash,
        columns: Vec::new(),
        schema_job_running: listed.schema_job_running,
        has_temp_partitions: false,
        partitions: Vec::new(),
    }
}
