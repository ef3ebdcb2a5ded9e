//! `init`: an empty cluster, the Python tool's tables or our own older ones become our tables.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ops, until_visible};
use crate::{
    error::{Error, ErrorName},
    ident::DatabaseName,
    plan::precheck::doctor::OPS_REPLICAS,
    sql::{
        ops::{
            OpsTable,
            schema::{self, AddedColumn},
        },
        show::{self, SchemaJobState},
    },
};

/// Partitions that one bucket of `backup_partitions` is meant to hold: about a gigabyte.
const PARTITION_ROWS_PER_BUCKET: u64 = 5_000_000;

/// What `init` did, in order, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InitReport {
    pub actions: Vec<String>,
}

/// How far the ops database is from what we need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    Current,
    /// Nothing of it is there.
    Missing,
    /// Tables or columns of ours are missing, as after the Python tool's `init`.
    Outdated {
        missing: Vec<String>,
    },
}

impl SchemaState {
    /// What to say where a command needs the ops tables and they are not as they must be.
    pub fn to_error(&self, ops: &DatabaseName) -> Option<Error> {
        let message = match self {
            SchemaState::Current => return None,
            SchemaState::Missing => format!("the ops database {ops} does not exist"),
            SchemaState::Outdated { missing } => {
                format!("the ops database {ops} lacks {}", missing.join(", "))
            }
        };
        Some(
            Error::new(ErrorName::PrecheckFailed, message)
                .hint("starrocks-br init creates and completes it; it can be repeated at any time"),
        )
    }
}

impl Ops<'_> {
    pub async fn schema_state(&mut self) -> Result<SchemaState, Error> {
        let present = self.present_columns().await?;
        if present.is_empty() {
            return Ok(SchemaState::Missing);
        }
        let mut missing = Vec::new();
        for table in OpsTable::ALL {
            match present.get(table.as_str()) {
                None => missing.push(table.as_str().to_owned()),
                Some(columns) => missing.extend(
                    missing_columns(table, columns)
                        .iter()
                        .map(|column| format!("{}.{}", table.as_str(), column.name)),
                ),
            }
        }
        Ok(if missing.is_empty() {
            SchemaState::Current
        } else {
            SchemaState::Outdated { missing }
        })
    }

    async fn is_there(&mut self) -> Result<bool, Error> {
        let databases = self.client.fetch(&show::databases()).await?;
        Ok(databases.iter().any(|row| row.0 == *self.database))
    }

    /// Creates or completes the ops database. `live_backends` bounds the replicas of new tables,
    /// `expected_partitions` is what `backup_partitions` will hold.
    pub async fn init(
        &mut self,
        live_backends: u16,
        expected_partitions: u64,
    ) -> Result<InitReport, Error> {
        let mut report = InitReport::default();
        let mut present = self.present_columns().await?;
        // An administrator may have made it, for a user who may not.
        if present.is_empty() && !self.is_there().await? {
            self.client
                .run(&schema::create_database(self.database))
                .await?;
            report
                .actions
                .push(format!("created database {}", self.database));
        }
        let replication = live_backends.clamp(1, OPS_REPLICAS);
        for table in OpsTable::ALL {
            let name = format!("{}.{}", self.database, table.as_str());
            let Some(columns) = present.remove(table.as_str()) else {
                let buckets = buckets(table, expected_partitions);
                let statement = schema::create_table(self.database, table, replication, buckets);
                self.client.run(&statement).await?;
                report.actions.push(format!(
                    "created {name}: replicas {replication}, buckets {buckets}"
                ));
                continue;
            };
            let missing = missing_columns(table, &columns);
            if !missing.is_empty() {
                self.add_columns(table, &missing).await?;
                report
                    .actions
                    .push(format!("added {} columns to {name}", missing.len()));
            }
        }
        Ok(report)
    }

    /// One ALTER, then waits until its job (if it became one) says FINISHED.
    async fn add_columns(&mut self, table: OpsTable, columns: &[AddedColumn]) -> Result<(), Error> {
        self.client
            .run(&schema::add_columns(self.database, table, columns))
            .await?;
        until_visible!(format!("the new columns of {}", table.as_str()), {
            let jobs = self.client.fetch(&show::column_jobs(self.database)).await?;
            let own = || jobs.iter().filter(|job| job.table == table.name());
            if let Some(job) = own().find(|job| job.state == SchemaJobState::Cancelled) {
                return Err(Error::new(
                    ErrorName::PrecheckFailed,
                    format!(
                        "adding columns to {}.{} was cancelled",
                        self.database, job.table
                    ),
                )
                .engine(job.message.clone().unwrap_or_default()));
            }
            let present = self.present_columns().await?;
            let complete = present
                .get(table.as_str())
                .is_some_and(|present| missing_columns(table, present).is_empty());
            complete && own().all(|job| job.state == SchemaJobState::Finished)
        })
    }

    async fn present_columns(&mut self) -> Result<BTreeMap<String, BTreeSet<String>>, Error> {
        let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in self.client.fetch(&schema::columns(self.database)).await? {
            tables.entry(row.table).or_default().insert(row.column);
        }
        Ok(tables)
    }
}

fn missing_columns(table: OpsTable, present: &BTreeSet<String>) -> Vec<AddedColumn> {
    table
        .added_columns()
        .iter()
        .filter(|column| !present.contains(column.name))
        .copied()
        .collect()
}

fn buckets(table: OpsTable, expected_partitions: u64) -> u32 {
    match table {
        OpsTable::BackupPartitions => {
            let buckets = expected_partitions
                .div_ceil(PARTITION_ROWS_PER_BUCKET)
                .clamp(1, 32);
            u32::try_from(buckets).expect("at most 32")
        }
        _ => 1,
    }
}
