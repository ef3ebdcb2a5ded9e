//! Views and materialized views.

use std::collections::BTreeMap;

use super::view_text::{self, Qualify};
use crate::{
    catalog::{
        ColumnDef, Distribution, Index, KeyModel, PartitionValue, Partitioning, Partitions, Table,
        TableKind, TableState,
    },
    engine::Engine,
    parse::ddl::{
        ObjectName,
        table::PartitionBy,
        view::{AlterMaterializedView, CreateMaterializedView, CreateView},
    },
    privileges::{Object, Privilege},
    query::spelling,
    reply::{Reply, SqlError, SqlResult},
    session::Session,
};

impl Engine {
    pub(super) fn create_view(&mut self, session: &mut Session, spec: CreateView) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, &spec.name)?;
        super::create_table::check_name(&name)?;
        self.require(session, Privilege::CreateView, Object::Database(&database))?;
        let is_view = self
            .catalog
            .find_table(&database, &name)
            .is_some_and(|table| matches!(table.kind, TableKind::View { .. }));
        if !(spec.or_replace && is_view)
            && self.name_is_taken(&database, &name, spec.if_not_exists)?
        {
            return Ok(Reply::ok());
        }
        let columns = self.query_columns(session, &database, &spec.query, &spec.columns)?;
        let definition = view_text::qualified(
            &self.catalog,
            &spec.query,
            &database,
            Qualify::DatabaseAndTable,
        )?;
        let kind = TableKind::View {
            definition,
            typed: spec.query,
        };
        let view = self.empty_table(&name, kind, columns, spec.comment);
        self.catalog.insert_table(&database, view)?;
        Ok(Reply::ok())
    }

    pub(super) fn alter_view(
        &mut self,
        session: &mut Session,
        name: &ObjectName,
        query: String,
    ) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, name)?;
        let view = self.catalog.table(&database, &name)?;
        if !matches!(view.kind, TableKind::View { .. }) {
            return Err(SqlError::analyzing(format!(
                "The specified table [{name}] is not a view"
            )));
        }
        self.require(session, Privilege::Alter, self.object(&database, &name))?;
        let columns = self.query_columns(session, &database, &query, &[])?;
        let definition =
            view_text::qualified(&self.catalog, &query, &database, Qualify::DatabaseAndTable)?;
        let view = self.catalog.table_mut(&database, &name)?;
        view.columns = columns;
        view.kind = TableKind::View {
            definition,
            typed: query,
        };
        Ok(Reply::ok())
    }

    pub(super) fn create_materialized_view(
        &mut self,
        session: &mut Session,
        spec: CreateMaterializedView,
    ) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, &spec.name)?;
        self.require(
            session,
            Privilege::CreateMaterializedView,
            Object::Database(&database),
        )?;
        if self.name_is_taken(&database, &name, spec.if_not_exists)? {
            return Ok(Reply::ok());
        }
        if spec.refresh.is_empty() {
            return Err(SqlError::plain(
                "The emulator does not know synchronous materialized views: use ALTER TABLE ADD ROLLUP, \
                 or give a REFRESH clause.",
            ));
        }
        if spec.partitioning != PartitionBy::None {
            return Err(SqlError::plain(
                "The emulator does not know partitioned materialized views: leave PARTITION BY out.",
            ));
        }
        let columns = self.query_columns(session, &database, &spec.query, &spec.columns)?;
        let definition =
            view_text::qualified(&self.catalog, &spec.query, &database, Qualify::Table)?;
        let deferred = spec.refresh.to_uppercase().starts_with("DEFERRED");
        let kind = TableKind::MaterializedView {
            definition,
            typed: spec.query,
            refresh: spec.refresh,
            inactive_reason: None,
        };
        let mut view = self.empty_table(&name, kind, columns, spec.comment);
        view.distribution = spec
            .distribution
            .unwrap_or(Distribution::Random { buckets: None });
        view.properties = BTreeMap::from([
            ("replicated_storage".to_owned(), "true".to_owned()),
            (
                "replication_num".to_owned(),
                self.default_replication_num().to_string(),
            ),
            ("storage_medium".to_owned(), "HDD".to_owned()),
        ]);
        view.properties.extend(spec.properties);
        view.indexes = vec![Index {
            id: self.catalog.next_id(),
            name: name.clone(),
            schema_version: 0,
            schema_hash: super::schema_hash::schema_hash(0, view.columns.iter()),
            columns: Vec::new(),
        }];
        let buckets = self.buckets(&view.distribution);
        let replication_num = self.table_replication_num(&view);
        let now = self.clock.now();
        let partition = self.catalog.new_partition(
            name,
            PartitionValue::Unpartitioned,
            buckets,
            replication_num,
            now,
        );
        view.partitions.push(partition);
        self.rows.create_table(&view)?;
        let name = view.name.clone();
        self.catalog.insert_table(&database, view)?;
        // The stand-in backend never ran a refresh.
        if !deferred && !self.stand_in_backend {
            self.refresh(session, &database, &name)?;
        }
        Ok(Reply::ok())
    }

    /// Names and types of what a query answers.
    fn query_columns(
        &mut self,
        session: &mut Session,
        database: &str,
        query: &str,
        names: &[(String, String)],
    ) -> SqlResult<Vec<ColumnDef>> {
        let own = session.database.replace(database.to_owned());
        let outputs = self.query_outputs(session, query);
        session.database = own;
        let outputs = outputs?;
        if !names.is_empty() && names.len() != outputs.len() {
            return Err(SqlError::analyzing(format!(
                "Column names count {} does not match the query's columns count {}",
                names.len(),
                outputs.len()
            )));
        }
        let columns = outputs.iter().enumerate().map(|(at, output)| {
            let (name, comment) = names
                .get(at)
                .cloned()
                .unwrap_or_else(|| (output.name.clone(), String::new()));
            ColumnDef {
                name,
                sql_type: spelling(&output.sql_type),
                nullable: true,
                is_key: false,
                aggregation: None,
                default: None,
                auto_increment: false,
                generated: None,
                comment,
                unique_id: at as i64,
            }
        });
        Ok(columns.collect())
    }

    fn empty_table(
        &mut self,
        name: &str,
        kind: TableKind,
        columns: Vec<ColumnDef>,
        comment: String,
    ) -> Table {
        Table {
            id: self.catalog.next_id(),
            name: name.to_owned(),
            kind,
            columns,
            key_model: KeyModel::Duplicate,
            key_columns: Vec::new(),
            partitioning: Partitioning::None,
            partitions: Partitions::default(),
            temp_partitions: Partitions::default(),
            distribution: Distribution::Random { buckets: None },
            indexes: Vec::new(),
            sort_key: Vec::new(),
            comment,
            properties: BTreeMap::new(),
            state: TableState::Normal,
            auto_increment: None,
            created: self.clock.now(),
        }
    }

    pub(super) fn alter_materialized_view(
        &mut self,
        session: &Session,
        name: &ObjectName,
        action: AlterMaterializedView,
    ) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, name)?;
        self.require(session, Privilege::Alter, self.object(&database, &name))?;
        let tables = &mut self.catalog.database_mut(&database)?.tables;
        let Some(Table {
            kind:
                TableKind::MaterializedView {
                    refresh,
                    inactive_reason,
                    ..
                },
            ..
        }) = tables.get_mut(&name)
        else {
            return Err(SqlError::analyzing(format!(
                "Can not find materialized view:{name}"
            )));
        };
        match action {
            AlterMaterializedView::Active(true) => *inactive_reason = None,
            AlterMaterializedView::Active(false) => {
                *inactive_reason =
                    Some("user use alter materialized view set status to inactive".into());
            }
            AlterMaterializedView::Refresh(scheme) => *refresh = scheme,
            AlterMaterializedView::Rename(new_name) => {
                if tables.contains_key(&new_name) {
                    return Err(SqlError::plain(format!(
                        "Materialized view [{new_name}] is already used"
                    )));
                }
                if let Some(mut view) = tables.remove(&name) {
                    view.rename(&new_name);
                    tables.insert(new_name, view);
                }
            }
            AlterMaterializedView::Swap(other) => {
                let is_view = tables
                    .get(&other)
                    .is_some_and(|table| matches!(table.kind, TableKind::MaterializedView { .. }));
                if !is_view {
                    return Err(SqlError::plain(format!(
                        "Materialized view [{other}] does not exist"
                    )));
                }
                if let (Some(mut first), Some(mut second)) =
                    (tables.remove(&name), tables.remove(&other))
                {
                    first.rename(&other);
                    second.rename(&name);
                    tables.insert(other, first);
                    tables.insert(name, second);
                }
            }
            AlterMaterializedView::Set(properties) => {
                if let Some(view) = tables.get_mut(&name) {
                    view.properties.extend(properties);
                }
            }
        }
        Ok(Reply::ok())
    }

    /// Runs the query and puts its rows in place of what the view held.
    pub(super) fn refresh_materialized_view(
        &mut self,
        session: &Session,
        name: &ObjectName,
    ) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, name)?;
        self.require(
            session,
            Privilege::Refresh,
            Object::MaterializedView {
                database: &database,
                view: &name,
            },
        )?;
        self.refresh(session, &database, &name)?;
        Ok(Reply::ok())
    }

    fn refresh(&mut self, session: &Session, database: &str, name: &str) -> SqlResult<()> {
        let view = self.catalog.table(database, name)?;
        let TableKind::MaterializedView {
            definition,
            inactive_reason,
            ..
        } = &view.kind
        else {
            return Err(SqlError::analyzing(format!(
                "Can not find materialized view:{name}"
            )));
        };
        if let Some(reason) = inactive_reason {
            return Err(SqlError::plain(format!(
                "Refresh materialized view {name} failed because [{reason}] is not active. You can try \
                 to active it with ALTER MATERIALIZED VIEW {name} ACTIVE; ."
            )));
        }
        let rows = self.query(session, definition)?.rows;
        self.replace_with_empty(database, name, name)?;
        let view = self.catalog.table(database, name)?.clone();
        let now = self.clock.now();
        if let Some(partition) = view.partitions.get(name) {
            self.rows.write(&view, partition.physical_id, &rows)?;
            self.catalog
                .bump_version(view.id, partition.physical_id, now);
        }
        Ok(())
    }

    /// Materialized views over a table stop to be refreshed when the table changes its name.
    pub(super) fn deactivate_dependents(&mut self, database: &str, table: &str, what: &str) {
        for (home, holder) in &mut self.catalog.databases {
            for view in holder.tables.values_mut() {
                let TableKind::MaterializedView {
                    typed,
                    inactive_reason,
                    ..
                } = &mut view.kind
                else {
                    continue;
                };
                let reads = view_text::sources(typed, home).is_ok_and(|sources| {
                    sources
                        .iter()
                        .any(|source| source.database == database && source.table == table)
                });
                if reads && inactive_reason.is_none() {
                    *inactive_reason = Some(format!("base-table {what}: {table}"));
                }
            }
        }
    }

    pub(super) fn create_function(
        &mut self,
        session: &Session,
        name: &ObjectName,
        arguments: &[String],
        sql: String,
        or_replace: bool,
        if_not_exists: bool,
    ) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, name)?;
        self.require(
            session,
            Privilege::CreateFunction,
            Object::Database(&database),
        )?;
        let signature = signature(&name, arguments);
        let functions = &mut self.catalog.database_mut(&database)?.functions;
        if functions.contains_key(&signature) && !or_replace {
            if if_not_exists {
                return Ok(Reply::ok());
            }
            return Err(SqlError::plain(format!(
                "function already exists: {signature}"
            )));
        }
        functions.insert(signature, sql);
        Ok(Reply::ok())
    }

    pub(super) fn drop_function(
        &mut self,
        session: &Session,
        name: &ObjectName,
        arguments: &[String],
        if_exists: bool,
    ) -> SqlResult {
        let (database, name) = self.resolve_in_database(session, name)?;
        self.require(
            session,
            Privilege::Drop,
            Object::Function {
                database: &database,
                name: &name,
            },
        )?;
        let signature = signature(&name, arguments);
        let functions = &mut self.catalog.database_mut(&database)?.functions;
        if functions.remove(&signature).is_none() && !if_exists {
            return Err(SqlError::plain(format!("Unknown function: {signature}")));
        }
        Ok(Reply::ok())
    }
}

/// `f(INT,VARCHAR)`, the name that a function is known by.
fn signature(name: &str, arguments: &[String]) -> String {
    let words: Vec<String> = arguments
        .iter()
        .map(|argument| super::bounds::type_word(argument))
        .collect();
    format!("{name}({})", words.join(","))
}
