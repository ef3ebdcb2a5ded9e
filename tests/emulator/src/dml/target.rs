//! The table that a load writes to, and which values its statement gives.

use super::show::tracking_sql;
use crate::{
    catalog::{Table, TableKind},
    engine::Engine,
    parse::dml::TargetPartitions,
    privileges::{Object, Privilege},
    profile::Profile,
    query::unknown_partition,
    reply::{SqlError, SqlResult},
    rows::column_type,
    session::Session,
    types::SqlType,
};

/// A table to be changed: its schema as it is now, without partitions.
#[derive(Debug)]
pub(super) struct Target {
    pub database: String,
    pub database_id: i64,
    pub table: Table,
    pub types: Vec<SqlType>,
}

impl Target {
    pub(super) fn name(&self) -> &str {
        &self.table.name
    }
}

impl Engine {
    /// Finds the table that a statement names, and checks that the session may change it.
    pub(super) fn load_target(
        &self,
        session: &Session,
        name: &[String],
        privilege: Privilege,
    ) -> SqlResult<Target> {
        let (database, table) = match name {
            [table] => (self.current_database(session)?, table.as_str()),
            [.., database, table] => (database.clone(), table.as_str()),
            [] => return Err(SqlError::plain("A statement names no table")),
        };
        let found = self.catalog.table(&database, table)?;
        self.require(
            session,
            privilege,
            Object::Table {
                database: &database,
                table,
            },
        )?;
        if found.kind != TableKind::Olap {
            return Err(SqlError::analyzing(format!(
                "The data of '{table}' cannot be inserted, updated or deleted"
            )));
        }
        let types = found
            .columns
            .iter()
            .map(column_type)
            .collect::<SqlResult<_>>()?;
        Ok(Target {
            database_id: self.catalog.database(&database)?.id,
            table: found.clone_without_partitions(),
            database,
            types,
        })
    }

    /// The columns that an INSERT gives values for, as places in the table's columns.
    pub(super) fn target_columns(
        &self,
        target: &Target,
        columns: Option<&[String]>,
    ) -> SqlResult<Vec<usize>> {
        let table = &target.table;
        let Some(names) = columns else {
            return Ok((0..table.columns.len())
                .filter(|at| table.columns[*at].generated.is_none())
                .collect());
        };
        let mut places: Vec<usize> = Vec::with_capacity(names.len());
        for name in names {
            let at = table
                .columns
                .iter()
                .position(|column| column.name.eq_ignore_ascii_case(name))
                .ok_or_else(|| {
                    SqlError::analyzing(format!("Unknown column '{name}' in '{}'", table.name))
                })?;
            if table.columns[at].generated.is_some() {
                return Err(SqlError::analyzing(format!(
                    "generated column '{name}' can not be specified"
                )));
            }
            if places.contains(&at) {
                return Err(SqlError::analyzing(format!(
                    "Column '{name}' specified twice"
                )));
            }
            places.push(at);
        }
        for (at, column) in table.columns.iter().enumerate() {
            let can_be_left_out = column.nullable
                || column.default.is_some()
                || column.auto_increment
                || column.generated.is_some();
            if !can_be_left_out && !places.contains(&at) {
                return Err(SqlError::analyzing(format!(
                    "'{}' must be explicitly mentioned in column permutation",
                    column.name
                )));
            }
        }
        Ok(places)
    }

    /// Every partition that a PARTITION clause names has to exist.
    pub(super) fn check_partitions(
        &self,
        target: &Target,
        partitions: Option<&TargetPartitions>,
    ) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, target.name())?;
        let Some(wanted) = partitions else {
            if table.partitions.is_empty() && table.partitioning.columns().is_empty() {
                return Ok(());
            }
            if table.partitions.is_empty() && !table.partitioning.is_automatic() {
                return Err(SqlError::new(
                    1748,
                    "HY000",
                    format!(
                        "Getting analyzing error. Detail message: data cannot be inserted into table \
                         with empty partition.Use `SHOW PARTITIONS FROM {}` to see the currently \
                         partitions of this table. .",
                        table.name
                    ),
                ));
            }
            return Ok(());
        };
        let known = if wanted.temporary {
            &table.temp_partitions
        } else {
            &table.partitions
        };
        match wanted.names.iter().find(|name| !known.contains(name)) {
            Some(name) => Err(unknown_partition(name, &table.name)),
            None => Ok(()),
        }
    }

    /// The number of values differs from the number of columns.
    pub(super) fn wrong_count(&self, columns: usize, values: usize) -> SqlError {
        let sqlstate = if self.profile.is_3_3() {
            "22000"
        } else {
            "42601"
        };
        SqlError::new(
            5604,
            sqlstate,
            format!(
                "Getting analyzing error. Detail message: Inserted target column count: {columns} \
                 doesn't match select/value column count: {values}."
            ),
        )
    }

    /// What a load answers whose rows did not all fit. 3.4 dropped the words "in strict mode".
    pub(super) fn has_filtered_data(&self, transaction: i64, job_id: i64) -> SqlError {
        let strict = if self.profile.is_3_3() {
            " in strict mode"
        } else {
            ""
        };
        SqlError::plain(format!(
            "Insert has filtered data{strict}, txn_id = {transaction}, tracking sql = {}",
            tracking_sql(job_id)
        ))
    }

    /// Whether an INSERT of some columns leaves the others of an existing row as they are.
    pub(super) fn updates_partially(&self, session: &Session) -> bool {
        self.profile >= Profile::V4_1
            && session
                .variables
                .get("enable_insert_partial_update")
                .is_none_or(|value| value == "true")
    }
}
