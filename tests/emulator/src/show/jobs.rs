//! SHOW ALTER TABLE, MATERIALIZED VIEWS, DYNAMIC PARTITION TABLES, FUNCTIONS and DATA.

use std::collections::BTreeMap;

use super::{cell, result, show_columns};
use crate::{
    catalog::Table,
    ddl::{AlterJob, AlterKind},
    engine::Engine,
    nodes::capacity,
    parse::{
        ddl::ObjectName,
        token::{Cursor, tokenize},
    },
    profile::Profile,
    reply::{CHARSET_BINARY, Cell, Column, ResultSet, SqlResult, WireType},
    session::Session,
};

impl Engine {
    pub(super) fn show_alter(
        &self,
        session: &Session,
        database: Option<String>,
        rollup: bool,
    ) -> SqlResult<ResultSet> {
        let database = self.shown_database(session, database)?;
        let kind = if rollup {
            AlterKind::Rollup
        } else {
            AlterKind::Columns
        };
        let rows = self
            .alter_jobs
            .iter()
            .filter(|job| job.kind == kind && job.database == database)
            .filter(|job| self.can_see_table(session, &database, &job.table))
            .map(|job| self.alter_row(session, job))
            .collect();
        let names: &[&str] = if rollup {
            &[
                "JobId",
                "TableName",
                "CreateTime",
                "FinishedTime",
                "BaseIndexName",
                "RollupIndexName",
                "RollupId",
                "TransactionId",
                "State",
                "Msg",
                "Progress",
                "Timeout",
            ]
        } else {
            &[
                "JobId",
                "TableName",
                "CreateTime",
                "FinishTime",
                "IndexName",
                "IndexId",
                "OriginIndexId",
                "SchemaVersion",
                "TransactionId",
                "State",
                "Msg",
                "Progress",
                "Timeout",
            ]
        };
        Ok(result(show_columns(names), rows))
    }

    fn alter_row(&self, session: &Session, job: &AlterJob) -> Vec<Cell> {
        let mut row = vec![
            cell(job.id.to_string()),
            cell(&job.table),
            cell(self.show_time(session, job.created)),
            job.finished.map(|at| self.show_time(session, at)),
        ];
        match job.kind {
            AlterKind::Columns => row.extend([
                cell(&job.index_name),
                cell(job.index_id.to_string()),
                cell(job.origin_index_id.to_string()),
                cell(format!("{}:{}", job.schema_version, job.schema_hash)),
            ]),
            AlterKind::Rollup => row.extend([
                cell(&job.table),
                cell(&job.index_name),
                cell(job.index_id.to_string()),
            ]),
        }
        let running = job.state.name() == "RUNNING";
        row.extend([
            cell(job.transaction_id.unwrap_or(-1).to_string()),
            cell(job.state.name()),
            cell(&job.message),
            running.then(|| "1/1".to_owned()),
            cell(&job.timeout),
        ]);
        row
    }

    /// Always empty: an ALTER that changes the distribution is refused here.
    pub(super) fn show_optimize(
        &self,
        session: &Session,
        database: Option<String>,
    ) -> SqlResult<ResultSet> {
        self.shown_database(session, database)?;
        let names = [
            "JobId",
            "TableName",
            "CreateTime",
            "FinishTime",
            "Operation",
            "TransactionId",
            "State",
            "Msg",
            "Progress",
            "Timeout",
        ];
        Ok(result(show_columns(&names), Vec::new()))
    }

    pub(super) fn show_dynamic_partition_tables(
        &self,
        session: &Session,
        database: Option<String>,
    ) -> SqlResult<ResultSet> {
        let database = self.shown_database(session, database)?;
        let names = [
            "TableName",
            "Enable",
            "TimeUnit",
            "Start",
            "End",
            "Prefix",
            "Buckets",
            "ReplicationNum",
            "StartOf",
            "LastUpdateTime",
            "LastSchedulerTime",
            "State",
            "LastCreatePartitionMsg",
            "LastDropPartitionMsg",
            "InScheduler",
        ];
        let columns = names
            .iter()
            .map(|name| Column::varchar(*name, 20))
            .collect();
        let rows = self
            .tables_of(&database)
            .filter(|table| table.properties.contains_key("dynamic_partition.enable"))
            .filter(|table| self.can_see_table(session, &database, &table.name))
            .map(|table| self.dynamic_partition_row(session, table))
            .collect();
        Ok(result(columns, rows))
    }

    fn dynamic_partition_row(&self, session: &Session, table: &Table) -> Vec<Cell> {
        let property = |key: &str| {
            table
                .properties
                .get(&format!("dynamic_partition.{key}"))
                .cloned()
        };
        let start_of = match property("time_unit").as_deref() {
            Some("WEEK") => Some(weekday(property("start_day_of_week").as_deref())),
            Some("MONTH") => property("start_day_of_month").map(|day| format!("{day}st")),
            _ => None,
        };
        let enabled = property("enable");
        let in_scheduler = enabled.as_deref() == Some("true");
        let looked = self.show_time(session, self.last_partition_schedule(table));
        vec![
            cell(&table.name),
            enabled,
            property("time_unit"),
            property("start"),
            property("end"),
            property("prefix"),
            property("buckets").or_else(|| cell("0")),
            property("replication_num")
                .or_else(|| cell(self.table_replication_num(table).to_string())),
            start_of,
            cell(self.show_time(session, table.created)),
            cell(looked),
            cell("NORMAL"),
            None,
            None,
            cell(in_scheduler.to_string()),
        ]
    }

    pub(super) fn show_functions(
        &self,
        session: &Session,
        database: Option<String>,
        full: bool,
    ) -> SqlResult<ResultSet> {
        let database = self.shown_database(session, database)?;
        let functions = self
            .catalog
            .databases
            .get(&database)
            .map(|database| &database.functions);
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        for (signature, sql) in functions.into_iter().flatten() {
            if full {
                rows.push(vec![
                    cell(signature),
                    cell(returned_type(sql)),
                    cell("Scalar"),
                    cell("NULL"),
                    cell(shown_properties(sql)?),
                ]);
            } else {
                rows.push(vec![cell(signature)]);
            }
        }
        let columns = if full {
            let names = [
                "Signature",
                "Return Type",
                "Function Type",
                "Intermediate Type",
                "Properties",
            ];
            names
                .iter()
                .map(|name| Column::varchar(*name, 256))
                .collect()
        } else {
            vec![Column::varchar("Function Name", 256)]
        };
        Ok(result(columns, rows))
    }

    pub(super) fn show_data(
        &self,
        session: &Session,
        table: Option<ObjectName>,
    ) -> SqlResult<ResultSet> {
        if let Some(name) = table {
            let (database, name) = self.resolve_in_database(session, &name)?;
            let table = self.catalog.table(&database, &name)?;
            let (bytes, rows) = self.table_size(table);
            let replicas = self.replicas(table);
            let line = |index: &str| {
                vec![
                    cell(&table.name),
                    cell(index),
                    cell(capacity(bytes)),
                    cell(replicas.to_string()),
                    cell(rows.to_string()),
                ]
            };
            let mut lines: Vec<Vec<Cell>> = table
                .indexes
                .iter()
                .map(|index| line(&index.name))
                .collect();
            let mut total = line("Total");
            total[0] = cell("");
            lines.push(total);
            return Ok(result(
                show_columns(&["TableName", "IndexName", "Size", "ReplicaCount", "RowCount"]),
                lines,
            ));
        }
        let database = self.shown_database(session, None)?;
        let (mut bytes, mut replicas) = (0, 0);
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        for table in self
            .tables_of(&database)
            .filter(|table| table.has_partitions())
        {
            let (size, count) = (self.table_size(table).0, self.replicas(table));
            bytes += size;
            replicas += count;
            rows.push(vec![
                cell(&table.name),
                cell(capacity(size)),
                cell(count.to_string()),
            ]);
        }
        rows.push(vec![
            cell("Total"),
            cell(capacity(bytes)),
            cell(replicas.to_string()),
        ]);
        rows.push(vec![
            cell("Quota"),
            cell("8388608.000 TB"),
            cell("9223372036854775807"),
        ]);
        rows.push(vec![
            cell("Left"),
            cell("8388608.000 TB"),
            cell((i64::MAX as u64 - replicas).to_string()),
        ]);
        Ok(result(
            show_columns(&["TableName", "Size", "ReplicaCount"]),
            rows,
        ))
    }

    fn replicas(&self, table: &Table) -> u64 {
        table
            .partitions
            .iter()
            .map(|partition| u64::from(partition.buckets * partition.replication_num))
            .sum()
    }

    /// Bytes and rows of all partitions.
    pub(crate) fn table_size(&self, table: &Table) -> (u64, u64) {
        // Backends report them, and a stand-in reports none.
        if self.stand_in_backend {
            return (0, 0);
        }
        table
            .partitions
            .iter()
            .fold((0, 0), |(bytes, rows), partition| {
                let size = self.rows.size(partition.physical_id);
                (bytes + size.bytes, rows + size.rows)
            })
    }

    fn tables_of(&self, database: &str) -> impl Iterator<Item = &Table> {
        let found = self.catalog.databases.get(database);
        found.into_iter().flat_map(|found| found.tables.values())
    }

    pub(super) fn show_materialized_views(
        &self,
        session: &Session,
        database: Option<String>,
        conditional: bool,
    ) -> SqlResult<ResultSet> {
        let database = self.shown_database(session, database)?;
        // With a condition the old frontend asks its backends.
        let unanswered = conditional && self.stand_in_backend && self.profile.is_3_3();
        let rows = self
            .tables_of(&database)
            .filter(|_| !unanswered)
            .filter(|table| self.can_see_table(session, &database, &table.name))
            .filter_map(|table| self.materialized_view_cells(&database, table))
            .collect();
        Ok(result(
            materialized_view_columns(self.profile, conditional),
            rows,
        ))
    }
}

/// Widths differ between SHOW with a condition, which reads the information schema, and without.
fn materialized_view_columns(profile: Profile, conditional: bool) -> Vec<Column> {
    let new = profile == Profile::V4_1;
    let number = |name: &str, chars: u32| {
        if new {
            Column::bigint(name)
        } else {
            Column::varchar(name, chars)
        }
    };
    let time = |name: &str| {
        if new {
            datetime(name)
        } else {
            Column::varchar(name, 20)
        }
    };
    let mut columns = vec![
        number("id", 50),
        Column::varchar("database_name", 20),
        Column::varchar("name", 50),
        Column::varchar("refresh_type", if conditional { 20 } else { 10 }),
        Column::varchar("is_active", 10),
        Column::varchar("inactive_reason", if conditional { 1024 } else { 64 }),
        Column::varchar("partition_type", 16),
        number("task_id", 20),
        Column::varchar("task_name", 50),
        time("last_refresh_start_time"),
        time("last_refresh_finished_time"),
        if new {
            Column {
                name: "last_refresh_duration".into(),
                wire_type: WireType::Double,
                length: 22,
                charset: CHARSET_BINARY,
                decimals: 31,
            }
        } else {
            Column::varchar("last_refresh_duration", 20)
        },
    ];
    columns.extend(
        [
            ("last_refresh_state", 20),
            ("last_refresh_force_refresh", 8),
            ("last_refresh_start_partition", 1024),
            ("last_refresh_end_partition", 1024),
            ("last_refresh_base_refresh_partitions", 1024),
            ("last_refresh_mv_refresh_partitions", 1024),
            ("last_refresh_error_code", 20),
            ("last_refresh_error_message", 1024),
        ]
        .map(|(name, chars)| Column::varchar(name, chars)),
    );
    columns.push(number("rows", 50));
    columns.extend(
        [
            ("text", if conditional { 65_535 } else { 1024 }),
            ("extra_message", 1024),
            ("query_rewrite_status", 64),
            ("creator", 64),
        ]
        .map(|(name, chars)| Column::varchar(name, chars)),
    );
    if new {
        columns.push(datetime("last_refresh_process_time"));
        columns.push(Column::varchar("last_refresh_job_id", 64));
    }
    columns
}

fn datetime(name: &str) -> Column {
    Column {
        name: name.into(),
        wire_type: WireType::DateTime,
        length: 19,
        charset: CHARSET_BINARY,
        decimals: 0,
    }
}

fn weekday(number: Option<&str>) -> String {
    match number {
        Some("2") => "TUESDAY",
        Some("3") => "WEDNESDAY",
        Some("4") => "THURSDAY",
        Some("5") => "FRIDAY",
        Some("6") => "SATURDAY",
        Some("7") => "SUNDAY",
        _ => "MONDAY",
    }
    .to_owned()
}

/// What a frontend shows of a CREATE FUNCTION: the kind of binary by its own name, the checksum of a
/// file that nobody fetched, and never the body of an inline function.
fn shown_properties(sql: &str) -> SqlResult<String> {
    let tokens = tokenize(sql)?;
    let mut cursor = Cursor::new(sql, &tokens);
    while !cursor.at_end() && !cursor.is_next(&["PROPERTIES"]) {
        cursor.advance();
    }
    let mut shown = BTreeMap::from([
        ("file", String::new()),
        ("isolation", "isolated".to_owned()),
        ("md5", String::new()),
        ("symbol", String::new()),
        ("type", "SRJAR".to_owned()),
    ]);
    if cursor.take(&["PROPERTIES"]) {
        for (key, value) in cursor.properties()? {
            match key.to_lowercase().as_str() {
                "type" if value.eq_ignore_ascii_case("python") => {
                    shown.insert("type", "PYTHON".to_owned());
                }
                "file" => {
                    shown.insert("file", value);
                }
                "symbol" => {
                    shown.insert("symbol", value);
                }
                "isolation" => {
                    shown.insert("isolation", value);
                }
                _ => {}
            }
        }
    }
    serde_json::to_string(&shown).map_err(|error| crate::reply::SqlError::plain(error.to_string()))
}

/// The word after RETURNS.
fn returned_type(sql: &str) -> String {
    sql.split_whitespace()
        .skip_while(|word| !word.eq_ignore_ascii_case("RETURNS"))
        .nth(1)
        .unwrap_or_default()
        .to_uppercase()
}
