//! SHOW PROC: the frontend's own tree of facts.

use super::{cell, result, show_columns};
use crate::{
    catalog::{Database, Partitioning, SYSTEM_DATABASES, Table, TableKind},
    engine::Engine,
    information_schema,
    nodes::capacity,
    privileges::{Object, Privilege},
    reply::{Cell, Reply, ResultSet, SqlError, SqlResult},
    session::Session,
};

/// Quotas of a database that nobody limited: 8 EB and 2^63 - 1 replicas.
const QUOTA: &str = "8388608.000 TB";
const REPLICA_QUOTA: &str = "9223372036854775807";

impl Engine {
    pub(super) fn show_proc(&mut self, session: &mut Session, path: &str) -> SqlResult<ResultSet> {
        self.require(session, Privilege::Operate, Object::System)?;
        let trimmed = path.trim_end_matches('/');
        let parts: Vec<&str> = trimmed.split('/').skip(1).collect();
        match parts[..] {
            [] => Ok(self.proc_root()),
            ["dbs"] => Ok(self.proc_databases()),
            ["dbs", database] => self.proc_database(path, database),
            ["dbs", database, table] => {
                let table = self.proc_table(path, database, table)?;
                Ok(proc_table_entries(table))
            }
            ["dbs", database, table, "index_schema"] => {
                let table = self.proc_table(path, database, table)?;
                Ok(proc_index_schema(table))
            }
            ["dbs", database, table, "partitions"] => {
                let table = self.proc_table(path, database, table)?;
                Ok(self.partition_rows(session, table, false))
            }
            ["dbs", database, table, "temp_partitions"] => {
                let table = self.proc_table(path, database, table)?;
                Ok(self.partition_rows(session, table, true))
            }
            ["backends", id] => self.proc_backend(path, id),
            ["statistic"] => Ok(self.proc_statistic()),
            ["tasks"] => Ok(self.proc_tasks()),
            ["cluster_balance"] => Ok(proc_cluster_balance()),
            ["transactions"] => Ok(self.proc_transactions()),
            ["backends"] => self.proc_statement(session, "SHOW BACKENDS"),
            ["frontends"] => self.proc_statement(session, "SHOW FRONTENDS"),
            ["compute_nodes"] => self.proc_statement(session, "SHOW COMPUTE NODES"),
            ["brokers"] => self.proc_statement(session, "SHOW BROKER"),
            [first, ..] if super::proc_names::root(self.profile).contains(&first) => Err(
                SqlError::plain(format!("The emulator does not know this proc path: {path}")),
            ),
            _ => Err(SqlError::analyzing(format!(
                "Unknown proc node path: {path}. msg: Cannot find path: {path}"
            ))),
        }
    }

    /// Nodes that list the same as a SHOW statement.
    fn proc_statement(&mut self, session: &mut Session, sql: &str) -> SqlResult<ResultSet> {
        match self.execute(session, sql)? {
            Reply::Rows(rows) => Ok(rows),
            Reply::Ok(_) => Ok(ResultSet::default()),
        }
    }

    fn proc_tasks(&self) -> ResultSet {
        let rows = super::proc_names::tasks(self.profile)
            .into_iter()
            .map(|name| vec![cell(name), cell("0"), cell("0")])
            .collect();
        result(show_columns(&["TaskType", "FailedNum", "TotalNum"]), rows)
    }

    fn proc_transactions(&self) -> ResultSet {
        let rows = self
            .catalog
            .databases
            .values()
            .map(|database| vec![cell(database.id.to_string()), cell(&database.name)])
            .collect();
        result(show_columns(&["DbId", "DbName"]), rows)
    }

    /// The disks of a backend: one each.
    fn proc_backend(&self, path: &str, id: &str) -> SqlResult<ResultSet> {
        let backend = self
            .nodes
            .backends
            .iter()
            .find(|backend| backend.id.to_string() == id);
        let Some(backend) = backend else {
            return Err(SqlError::analyzing(format!(
                "Unknown proc node path: {path}. msg: Backend[{id}] does not exist."
            )));
        };
        let rows = (1_u64..)
            .zip(&backend.disks)
            .map(|(number, disk)| {
                let used = disk.total.saturating_sub(disk.available);
                let for_data = disk.data + disk.available;
                vec![
                    cell(&disk.path),
                    cell(capacity(disk.data)),
                    cell(capacity(used.saturating_sub(disk.data))),
                    cell(capacity(disk.available)),
                    cell(capacity(disk.total)),
                    cell(percent(used, disk.total)),
                    cell(if disk.online { "ONLINE" } else { "OFFLINE" }),
                    cell((backend.id.unsigned_abs() << 32 | number).to_string()),
                    cell(self.storage_medium()),
                    cell(self.tablets_of(backend.id).to_string()),
                    cell(capacity(for_data)),
                    cell(percent(disk.data, for_data)),
                ]
            })
            .collect();
        Ok(result(
            show_columns(&[
                "RootPath",
                "DataUsedCapacity",
                "OtherUsedCapacity",
                "AvailCapacity",
                "TotalCapacity",
                "TotalUsedPct",
                "State",
                "PathHash",
                "StorageMedium",
                "TabletNum",
                "DataTotalCapacity",
                "DataUsedPct",
            ]),
            rows,
        ))
    }

    fn proc_root(&self) -> ResultSet {
        let rows = super::proc_names::root(self.profile)
            .iter()
            .map(|name| vec![cell(*name)])
            .collect();
        result(show_columns(&["name"]), rows)
    }

    /// All databases with their ids, by id.
    fn proc_databases(&self) -> ResultSet {
        let mut rows: Vec<(i64, Vec<Cell>)> = Vec::new();
        for (id, name) in (0..).zip(SYSTEM_DATABASES) {
            let tables = information_schema::table_names(self.profile, name).len();
            rows.push((id, database_row(system_database_id(id), name, tables)));
        }
        for database in self.catalog.databases.values() {
            let row = database_row(database.id, &database.name, database.tables.len());
            rows.push((database.id, row));
        }
        rows.sort_by_key(|(id, _)| *id);
        result(
            show_columns(&[
                "DbId",
                "DbName",
                "TableNum",
                "Quota",
                "LastConsistencyCheckTime",
                "ReplicaQuota",
            ]),
            rows.into_iter().map(|(_, row)| row).collect(),
        )
    }

    fn proc_find_database(&self, path: &str, name: &str) -> SqlResult<&Database> {
        let by_id = || {
            let id = name.parse().ok()?;
            self.catalog.database_by_id(id)
        };
        self.catalog
            .databases
            .get(name)
            .or_else(by_id)
            .ok_or_else(|| {
                SqlError::analyzing(format!(
                    "Unknown proc node path: {path}. msg: Unknown database id or name \"{name}\""
                ))
            })
    }

    fn proc_table(&self, path: &str, database: &str, name: &str) -> SqlResult<&Table> {
        let database = self.proc_find_database(path, database)?;
        let by_id = || {
            let id: i64 = name.parse().ok()?;
            database.tables.values().find(|table| table.id == id)
        };
        database.tables.get(name).or_else(by_id).ok_or_else(|| {
            SqlError::analyzing(format!(
                "Unknown proc node path: {path}. msg: unknown table id or name \"{name}\""
            ))
        })
    }

    /// The tables of a database by id, whoever asks: the list is not filtered by privileges.
    fn proc_database(&self, path: &str, name: &str) -> SqlResult<ResultSet> {
        let database = self.proc_find_database(path, name)?;
        let mut tables: Vec<&Table> = database.tables.values().collect();
        tables.sort_by_key(|table| table.id);
        let rows = tables.into_iter().map(proc_table_row).collect();
        Ok(result(
            show_columns(&[
                "TableId",
                "TableName",
                "IndexNum",
                "PartitionColumnName",
                "PartitionNum",
                "State",
                "Type",
                "LastConsistencyCheckTime",
                "ReplicaCount",
                "PartitionType",
                "StoragePath",
            ]),
            rows,
        ))
    }

    /// Numbers of objects a database, and their sum.
    fn proc_statistic(&self) -> ResultSet {
        let mut rows = Vec::new();
        let mut total = [0_usize; 5];
        for (id, name) in (0..).zip(SYSTEM_DATABASES) {
            rows.push(statistic_row(
                &system_database_id(id).to_string(),
                name,
                [0; 5],
            ));
        }
        for database in self.catalog.databases.values() {
            let mut counts: [usize; 5] = [0; 5];
            for table in database
                .tables
                .values()
                .filter(|table| table.has_partitions())
            {
                let tablets: usize = table
                    .partitions
                    .iter()
                    .map(|partition| partition.buckets as usize * table.indexes.len())
                    .sum();
                counts[0] += 1;
                counts[1] += table.partitions.len();
                counts[2] += table.partitions.len() * table.indexes.len();
                counts[3] += tablets;
                counts[4] += replica_count(table);
            }
            for (sum, count) in total.iter_mut().zip(counts) {
                *sum += count;
            }
            rows.push(statistic_row(
                &database.id.to_string(),
                &database.name,
                counts,
            ));
        }
        rows.sort_by(|left, right| left[1].cmp(&right[1]));
        let databases = self.catalog.databases.len() + SYSTEM_DATABASES.len();
        rows.push(statistic_row("Total", &databases.to_string(), total));
        result(
            show_columns(&[
                "DbId",
                "DbName",
                "TableNum",
                "PartitionNum",
                "IndexNum",
                "TabletNum",
                "ReplicaNum",
                "UnhealthyTabletNum",
                "InconsistentTabletNum",
                "CloningTabletNum",
                "ErrorStateTabletNum",
            ]),
            rows,
        )
    }
}

/// Databases of the system have small ids.
fn system_database_id(at: i64) -> i64 {
    at + 1
}

fn database_row(id: i64, name: &str, tables: usize) -> Vec<Cell> {
    vec![
        cell(id.to_string()),
        cell(name),
        cell(tables.to_string()),
        cell(QUOTA),
        None,
        cell(REPLICA_QUOTA),
    ]
}

fn statistic_row(id: &str, name: &str, counts: [usize; 5]) -> Vec<Cell> {
    let mut row = vec![cell(id), cell(name)];
    row.extend(counts.map(|count| cell(count.to_string())));
    row.extend((0..4).map(|_| cell("0")));
    row
}

fn replica_count(table: &Table) -> usize {
    table
        .partitions
        .iter()
        .map(|partition| {
            (partition.buckets * partition.replication_num) as usize * table.indexes.len()
        })
        .sum()
}

fn proc_table_row(table: &Table) -> Vec<Cell> {
    let kind = match &table.kind {
        TableKind::Olap => "OLAP".to_owned(),
        TableKind::View { .. } => "VIEW".into(),
        TableKind::MaterializedView { .. } => "MATERIALIZED_VIEW".into(),
        TableKind::External { engine } => engine.clone(),
    };
    if !table.has_partitions() {
        let mut row = vec![cell(table.id.to_string()), cell(&table.name)];
        row.extend([
            None,
            None,
            cell("1"),
            None,
            cell(kind),
            None,
            None,
            cell("UNPARTITIONED"),
            None,
        ]);
        return row;
    }
    let partition_type = match table.partitioning {
        Partitioning::None => "UNPARTITIONED",
        Partitioning::Range { .. } => "RANGE",
        Partitioning::List { .. } => "LIST",
        Partitioning::Expression { .. } => "EXPR_RANGE",
    };
    vec![
        cell(table.id.to_string()),
        cell(&table.name),
        cell(table.indexes.len().to_string()),
        cell(table.partitioning.columns().join(", ")),
        cell(table.partitions.len().to_string()),
        cell(table.state_name()),
        cell(kind),
        None,
        cell(replica_count(table).to_string()),
        cell(partition_type),
        None,
    ]
}

fn proc_table_entries(table: &Table) -> ResultSet {
    let mut names = vec!["partitions", "temp_partitions", "index_schema"];
    if !table.has_partitions() {
        names = vec!["schema"];
    }
    result(
        show_columns(&["Nodes"]),
        names.into_iter().map(|name| vec![cell(name)]).collect(),
    )
}

fn proc_index_schema(table: &Table) -> ResultSet {
    let rows = table
        .indexes
        .iter()
        .map(|index| {
            let keys: Vec<String> = table
                .index_columns(index)
                .filter(|column| column.is_key)
                .map(|column| column.name.clone())
                .collect();
            vec![
                cell(index.id.to_string()),
                cell(&index.name),
                cell(index.schema_version.to_string()),
                cell(index.schema_hash.to_string()),
                cell(keys.len().min(3).to_string()),
                cell("COLUMN"),
                cell(format!("{}({})", table.keys_type(), keys.join(", "))),
            ]
        })
        .collect();
    result(
        show_columns(&[
            "IndexId",
            "IndexName",
            "SchemaVersion",
            "SchemaHash",
            "ShortKeyColumnCount",
            "StorageType",
            "Keys",
        ]),
        rows,
    )
}

fn proc_cluster_balance() -> ResultSet {
    let rows = super::proc_names::CLUSTER_BALANCE
        .iter()
        .map(|(item, number)| vec![cell(*item), cell(*number)])
        .collect();
    result(show_columns(&["Item", "Number"]), rows)
}

fn percent(part: u64, whole: u64) -> String {
    let percent = if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    };
    format!("{percent:.2} %")
}
