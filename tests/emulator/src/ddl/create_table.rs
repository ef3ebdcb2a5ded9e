//! CREATE TABLE, CREATE TABLE LIKE and CREATE TABLE AS SELECT.

use std::collections::BTreeMap;

use super::{bounds::BoundType, partitions, properties, schema_hash::schema_hash};
use crate::{
    catalog::{
        ColumnDef, Distribution, Index, KeyModel, PartitionValue, Partitioning, Partitions,
        SHADOW_PARTITION, Table, TableKind, TableState,
    },
    engine::Engine,
    parse::ddl::{
        ObjectName,
        table::{ColumnSpec, CreateTable, PartitionBy, PartitionFunction},
    },
    privileges::{Object, Privilege},
    reply::{Reply, SqlError, SqlResult},
    session::Session,
};

/// How far the key of a table without a key clause reaches: three columns, 36 bytes.
const SHORT_KEY_COLUMNS: usize = 3;
const SHORT_KEY_BYTES: u32 = 36;

impl Engine {
    pub(super) fn create_table(&mut self, session: &mut Session, spec: CreateTable) -> SqlResult {
        if spec.query.is_some() {
            return Err(SqlError::plain(
                "The emulator does not know CREATE TABLE AS SELECT: create the table, then insert.",
            ));
        }
        let (database, name) = self.resolve_in_database(session, &spec.name)?;
        if name.is_empty() {
            return Err(SqlError::analyzing("Table name is null"));
        }
        self.require(session, Privilege::CreateTable, Object::Database(&database))?;
        if self.name_is_taken(&database, &name, spec.if_not_exists)? {
            return Ok(Reply::ok());
        }
        if !matches!(spec.engine.as_str(), "" | "olap") {
            return self.create_external_table(&database, &name, spec);
        }
        self.make_table(&database, &name, &spec)?;
        Ok(Reply::ok())
    }

    /// Makes an OLAP table with its partitions and rollups.
    pub(super) fn make_table(
        &mut self,
        database: &str,
        name: &str,
        spec: &CreateTable,
    ) -> SqlResult<()> {
        let mut table = self.table_of(name, spec)?;
        let descriptions = match &spec.partitioning {
            PartitionBy::None => &[][..],
            PartitionBy::Range { partitions, .. }
            | PartitionBy::List { partitions, .. }
            | PartitionBy::Expression { partitions, .. } => partitions,
        };
        let values = partitions::initial(&table, descriptions)?;
        self.check_replication(&table)?;
        let buckets = self.buckets(&table.distribution);
        let replication_num = self.table_replication_num(&table);
        let now = self.clock.now();
        for (name, value) in values {
            let partition = self
                .catalog
                .new_partition(name, value, buckets, replication_num, now);
            table.partitions.push(partition);
        }
        for rollup in &spec.rollups {
            let index = self.rollup_index(&table, &rollup.name, &rollup.columns)?;
            table.indexes.push(index);
        }
        self.rows.create_table(&table)?;
        let id = table.id;
        self.catalog.insert_table(database, table)?;
        self.run_dynamic_partition(id)
    }

    /// The same schema, partitions and properties; no rows, no rollup.
    pub(super) fn create_table_like(
        &mut self,
        session: &Session,
        name: &ObjectName,
        source: &ObjectName,
        if_not_exists: bool,
    ) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, name)?;
        let (source_database, source) = self.resolve_in_database(session, source)?;
        self.require(session, Privilege::CreateTable, Object::Database(&database))?;
        let source = self.catalog.table(&source_database, &source)?;
        if source.kind != TableKind::Olap {
            return Err(SqlError::analyzing(format!(
                "Table {} is not a table that can be copied",
                source.name
            )));
        }
        let mut table = source.clone_without_partitions();
        let partitions: Vec<(String, PartitionValue, u32, u32)> = source
            .partitions
            .iter()
            .map(|partition| {
                let name = match partition.value {
                    PartitionValue::Unpartitioned => name.clone(),
                    _ => partition.name.clone(),
                };
                let value = partition.value.clone();
                (name, value, partition.buckets, partition.replication_num)
            })
            .collect();
        if self.name_is_taken(&database, &name, if_not_exists)? {
            return Ok(Reply::ok());
        }
        let now = self.clock.now();
        table.id = self.catalog.next_id();
        table.created = now;
        table.state = TableState::Normal;
        table.auto_increment = table.auto_increment.map(|_| 1);
        table.indexes.truncate(1);
        for index in &mut table.indexes {
            index.id = self.catalog.next_id();
            index.schema_version = 0;
            index.schema_hash = schema_hash(0, table.columns.iter());
        }
        for (name, value, buckets, replication_num) in partitions {
            let partition = self
                .catalog
                .new_partition(name, value, buckets, replication_num, now);
            table.partitions.push(partition);
        }
        table.rename(&name);
        self.rows.create_table(&table)?;
        self.catalog.insert_table(&database, table)?;
        Ok(Reply::ok())
    }

    /// 1050, or `true` where IF NOT EXISTS was given.
    pub(super) fn name_is_taken(
        &self,
        database: &str,
        name: &str,
        if_not_exists: bool,
    ) -> SqlResult<bool> {
        if self.catalog.find_table(database, name).is_none() {
            return Ok(false);
        }
        if if_not_exists {
            return Ok(true);
        }
        Err(SqlError::new(
            1050,
            "42S01",
            format!("Getting analyzing error. Detail message: Table '{name}' already exists."),
        ))
    }

    /// The table without partitions.
    fn table_of(&mut self, name: &str, spec: &CreateTable) -> SqlResult<Table> {
        if spec.columns.is_empty() {
            return Err(SqlError::analyzing(
                "Table must contain at least one column",
            ));
        }
        let mut columns = Vec::new();
        for column in &spec.columns {
            let unique_id = columns.len() as i64;
            let column = column_def(column, unique_id);
            if columns
                .iter()
                .any(|other: &ColumnDef| other.name.eq_ignore_ascii_case(&column.name))
            {
                return Err(SqlError::analyzing(format!(
                    "Duplicate column name '{}'",
                    column.name
                )));
            }
            columns.push(column);
        }
        let (key_model, key_columns) = keys(spec, &columns)?;
        for column in &mut columns {
            column.is_key = key_columns
                .iter()
                .any(|key| key.eq_ignore_ascii_case(&column.name));
            if column.is_key && key_model == KeyModel::Primary {
                column.nullable = false;
            }
        }
        let partitioning = partitioning(spec, &columns)?;
        let distribution = distribution(spec, key_model, &key_columns, &columns)?;
        let auto_increment = columns
            .iter()
            .any(|column| column.auto_increment)
            .then_some(1);
        let id = self.catalog.next_id();
        let index = Index {
            id: self.catalog.next_id(),
            name: name.to_owned(),
            schema_version: 0,
            schema_hash: schema_hash(0, columns.iter()),
            columns: Vec::new(),
        };
        let mut table = Table {
            id,
            name: name.to_owned(),
            kind: TableKind::Olap,
            columns,
            key_model,
            key_columns,
            partitioning,
            partitions: Partitions::default(),
            temp_partitions: Partitions::default(),
            distribution,
            indexes: vec![index],
            sort_key: spec.order_by.clone(),
            comment: spec.comment.clone(),
            properties: BTreeMap::new(),
            state: TableState::Normal,
            auto_increment,
            created: self.clock.now(),
        };
        table.properties = properties::of_new_table(self, &table, &spec.properties)?;
        Ok(table)
    }

    /// Buckets of a new partition. Where the table leaves them to the frontend: two for each of the
    /// first twelve backends, then fewer; one for RANDOM.
    pub(crate) fn buckets(&self, distribution: &Distribution) -> u32 {
        match distribution {
            Distribution::Hash {
                buckets: Some(buckets),
                ..
            }
            | Distribution::Random {
                buckets: Some(buckets),
            } => *buckets,
            Distribution::Random { buckets: None } => 1,
            Distribution::Hash { buckets: None, .. } => match self.nodes.backends.len() as u32 {
                few @ 0..=12 => 2 * few.max(1),
                many @ 13..=24 => many * 3 / 2,
                more => more.min(48),
            },
        }
    }

    /// A partition has at most as many replicas as there are backends.
    fn check_replication(&self, table: &Table) -> SqlResult<()> {
        let backends: Vec<String> = self
            .nodes
            .backends
            .iter()
            .filter(|backend| backend.alive)
            .map(|backend| backend.id.to_string())
            .collect();
        if self.table_replication_num(table) as usize <= backends.len() {
            return Ok(());
        }
        Err(SqlError::analyzing(format!(
            "Table replication num should be less than of equal to the number of available BE nodes. \
             You can change this default by setting the replication_num table properties. \
             Current alive backend is [{}].",
            backends.join(",")
        )))
    }

    /// The configuration's `default_replication_num`.
    pub(crate) fn default_replication_num(&self) -> u32 {
        u32::try_from(self.config.number("default_replication_num")).unwrap_or(1)
    }

    /// What `replication_num` of the table says, or the cluster's default.
    pub(crate) fn table_replication_num(&self, table: &Table) -> u32 {
        table
            .properties
            .get("replication_num")
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| self.default_replication_num())
    }

    /// A rollup with the given columns; its hash follows from them.
    pub(super) fn rollup_index(
        &mut self,
        table: &Table,
        name: &str,
        columns: &[String],
    ) -> SqlResult<Index> {
        let mut defs = Vec::new();
        for column in columns {
            defs.push(
                table
                    .column(column)
                    .ok_or_else(|| SqlError::plain(format!("Column[{column}] does not exist")))?,
            );
        }
        Ok(Index {
            id: self.catalog.next_id(),
            name: name.to_owned(),
            schema_version: 0,
            schema_hash: schema_hash(0, defs.into_iter()),
            columns: columns.to_vec(),
        })
    }

    fn create_external_table(
        &mut self,
        database: &str,
        name: &str,
        spec: CreateTable,
    ) -> SqlResult {
        let table = Table {
            id: self.catalog.next_id(),
            name: name.to_owned(),
            kind: TableKind::External {
                engine: spec.engine.to_uppercase(),
            },
            columns: spec
                .columns
                .iter()
                .zip(0..)
                .map(|(column, unique_id)| column_def(column, unique_id))
                .collect(),
            key_model: KeyModel::Duplicate,
            key_columns: Vec::new(),
            partitioning: Partitioning::None,
            partitions: Partitions::default(),
            temp_partitions: Partitions::default(),
            distribution: Distribution::Random { buckets: None },
            indexes: Vec::new(),
            sort_key: Vec::new(),
            comment: spec.comment,
            properties: spec.properties.into_iter().collect(),
            state: TableState::Normal,
            auto_increment: None,
            created: self.clock.now(),
        };
        self.catalog.insert_table(database, table)?;
        Ok(Reply::ok())
    }
}

pub(super) fn column_def(spec: &ColumnSpec, unique_id: i64) -> ColumnDef {
    ColumnDef {
        name: spec.name.clone(),
        sql_type: spec.sql_type.clone(),
        nullable: spec.nullable.unwrap_or(!spec.auto_increment),
        is_key: spec.is_key,
        aggregation: spec.aggregation.clone(),
        default: spec.default.clone(),
        auto_increment: spec.auto_increment,
        generated: spec.generated.clone(),
        comment: spec.comment.clone(),
        unique_id,
    }
}

fn keys(spec: &CreateTable, columns: &[ColumnDef]) -> SqlResult<(KeyModel, Vec<String>)> {
    if let Some((model, names)) = &spec.keys {
        for (at, name) in names.iter().enumerate() {
            let column = columns.get(at);
            if column.is_none_or(|column| !column.name.eq_ignore_ascii_case(name)) {
                return Err(SqlError::analyzing(
                    "Key columns must be the first few columns of the schema and the order of the \
                     key columns must be consistent with the order of the schema",
                ));
            }
        }
        return Ok((*model, names.clone()));
    }
    if columns.iter().any(|column| column.aggregation.is_some()) {
        let names = columns
            .iter()
            .take_while(|column| column.aggregation.is_none())
            .map(|column| column.name.clone());
        return Ok((KeyModel::Aggregate, names.collect()));
    }
    Ok((KeyModel::Duplicate, short_key(columns)))
}

/// The first columns, as far as they fit a short key; a text column ends it.
fn short_key(columns: &[ColumnDef]) -> Vec<String> {
    let mut names = Vec::new();
    let mut bytes = 0;
    for column in columns {
        let word = super::bounds::type_word(&column.sql_type);
        let width = match word.as_str() {
            "BOOLEAN" | "TINYINT" => 1,
            "SMALLINT" => 2,
            "DATE" => 3,
            "INT" => 4,
            "BIGINT" | "DATETIME" => 8,
            "LARGEINT" | "DECIMAL" => 16,
            "CHAR" | "VARCHAR" => 20,
            _ => break,
        };
        bytes += width;
        if names.len() >= SHORT_KEY_COLUMNS || (bytes > SHORT_KEY_BYTES && !names.is_empty()) {
            break;
        }
        names.push(column.name.clone());
        if word == "VARCHAR" {
            break;
        }
    }
    names
}

fn partitioning(spec: &CreateTable, columns: &[ColumnDef]) -> SqlResult<Partitioning> {
    let known = |names: &[String]| -> SqlResult<Vec<String>> {
        names
            .iter()
            .map(|name| {
                columns
                    .iter()
                    .find(|column| column.name.eq_ignore_ascii_case(name))
                    .map(|column| column.name.clone())
                    .ok_or_else(|| {
                        SqlError::analyzing(format!("Partition column[{name}] does not found"))
                    })
            })
            .collect()
    };
    Ok(match &spec.partitioning {
        PartitionBy::None => Partitioning::None,
        PartitionBy::Range { columns, .. } => Partitioning::Range {
            columns: known(columns)?,
        },
        PartitionBy::List {
            columns, automatic, ..
        } => Partitioning::List {
            columns: known(columns)?,
            automatic: *automatic,
        },
        PartitionBy::Expression { function, .. } => {
            let (column, expression) = match function {
                PartitionFunction::DateTrunc { unit, column } => {
                    (column, format!("date_trunc('{unit}', {column})"))
                }
                PartitionFunction::TimeSlice { column, text, .. } => (column, text.clone()),
            };
            let column = known(std::slice::from_ref(column))?.remove(0);
            let sql_type = columns
                .iter()
                .find(|other| other.name == column)
                .map_or("", |other| other.sql_type.as_str());
            if !matches!(
                BoundType::of(sql_type),
                BoundType::Date | BoundType::DateTime
            ) {
                return Err(SqlError::analyzing(format!(
                    "Unsupported partition expression '{expression}' for column {column} type {sql_type}"
                )));
            }
            Partitioning::Expression { column, expression }
        }
    })
}

fn distribution(
    spec: &CreateTable,
    key_model: KeyModel,
    key_columns: &[String],
    columns: &[ColumnDef],
) -> SqlResult<Distribution> {
    match &spec.distribution {
        Some(Distribution::Hash {
            columns: names,
            buckets,
        }) => {
            for name in names {
                if !columns
                    .iter()
                    .any(|column| column.name.eq_ignore_ascii_case(name))
                {
                    return Err(SqlError::analyzing(format!(
                        "Distribution column({name}) doesn't exist"
                    )));
                }
            }
            Ok(Distribution::Hash {
                columns: names.clone(),
                buckets: *buckets,
            })
        }
        Some(random) => Ok(random.clone()),
        None if key_model == KeyModel::Primary || key_model == KeyModel::Unique => {
            Ok(Distribution::Hash {
                columns: key_columns.to_vec(),
                buckets: None,
            })
        }
        None => Ok(Distribution::Random { buckets: None }),
    }
}

/// The partition that a new table has besides those described.
pub(super) fn implied_partition(table: &Table) -> Option<(String, PartitionValue)> {
    if table.partitioning == Partitioning::None {
        Some((table.name.clone(), PartitionValue::Unpartitioned))
    } else if table.partitioning.is_automatic() {
        Some((SHADOW_PARTITION.to_owned(), PartitionValue::Shadow))
    } else {
        None
    }
}
