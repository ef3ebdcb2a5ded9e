//! CREATE TABLE, CREATE TABLE LIKE and CREATE TABLE AS SELECT.

use std::collections::BTreeMap;

use super::{analysis, partitions, properties, schema_hash::schema_hash};
use crate::{
    catalog::{
        ColumnDef, Distribution, Index, KeyModel, PartitionValue, Partitioning, Partitions, Table,
        TableKind, TableState,
    },
    engine::Engine,
    parse::ddl::{
        ObjectName,
        table::{ColumnSpec, CreateTable, PartitionBy},
    },
    privileges::{Object, Privilege},
    query::spelling,
    reply::{Reply, SqlError, SqlResult},
    session::Session,
};

/// Any text of at most 1,024 characters but NUL, which is 1103.
pub(super) fn check_name(name: &str) -> SqlResult<()> {
    if name.is_empty() {
        return Err(SqlError::analyzing("Table name is null"));
    }
    if name.contains('\0') || name.chars().count() > 1_024 {
        return Err(SqlError::new(
            1103,
            "42000",
            format!("Getting analyzing error. Detail message: Incorrect table name '{name}'."),
        ));
    }
    Ok(())
}

impl Engine {
    pub(super) fn create_table(
        &mut self,
        session: &mut Session,
        mut spec: CreateTable,
    ) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, &spec.name)?;
        check_name(&name)?;
        self.require(session, Privilege::CreateTable, Object::Database(&database))?;
        if self.name_is_taken(&database, &name, spec.if_not_exists)? {
            return Ok(Reply::ok());
        }
        if !matches!(spec.engine.as_str(), "" | "olap") {
            return self.create_external_table(&database, &name, spec);
        }
        let Some(query) = spec.query.take() else {
            self.make_table(&database, &name, &spec)?;
            return Ok(Reply::ok());
        };
        self.take_columns_of(session, &query, &mut spec)?;
        self.make_table(&database, &name, &spec)?;
        let filled = self.run(
            session,
            &format!("INSERT INTO `{database}`.`{name}` {query}"),
        );
        if filled.is_err()
            && let Some(table) = self.catalog.database_mut(&database)?.tables.remove(&name)
        {
            self.rows.drop_table(table.id)?;
        }
        filled
    }

    /// CREATE TABLE AS SELECT has the columns of its query, under names of its own where it gives
    /// some.
    fn take_columns_of(
        &self,
        session: &Session,
        query: &str,
        spec: &mut CreateTable,
    ) -> SqlResult<()> {
        let outputs = self.query_outputs(session, query)?;
        if !spec.columns.is_empty() && spec.columns.len() != outputs.len() {
            return Err(SqlError::analyzing(
                "Number of select columns not equal columns specified in create table as select",
            ));
        }
        let own = std::mem::take(&mut spec.columns);
        let mut names = own.into_iter().map(|column| column.name);
        spec.columns = outputs
            .into_iter()
            .map(|output| ColumnSpec {
                sql_type: spelling(&output.sql_type),
                ..ColumnSpec::named(names.next().unwrap_or(output.name))
            })
            .collect();
        Ok(())
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
            let column = analysis::column_def(column, unique_id);
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
        let (key_model, key_columns) = analysis::keys(spec, &columns)?;
        for column in &mut columns {
            column.is_key = key_columns
                .iter()
                .any(|key| key.eq_ignore_ascii_case(&column.name));
            if column.is_key && key_model == KeyModel::Primary {
                column.nullable = false;
            }
        }
        let partitioning = analysis::partitioning(spec, &columns)?;
        let distribution = analysis::distribution(spec, key_model, &key_columns, &columns)?;
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
                .map(|(column, unique_id)| analysis::column_def(column, unique_id))
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
