//! What ALTER TABLE does to columns: at once where only the schema has to know, else as a job.

use super::{
    alter::Target,
    analysis::column_def,
    bounds::type_word,
    jobs::{AlterJob, AlterKind, AlterState, Change},
};
use crate::{
    catalog::{ColumnDef, Distribution, KeyModel, Partitioning},
    engine::Engine,
    parse::ddl::{alter::ColumnPlace, table::ColumnSpec},
    reply::{SqlError, SqlResult},
    show::column_sql,
};

/// What SHOW ALTER TABLE COLUMN prints as the timeout of an immediate change, in seconds.
const FAST_TIMEOUT: &str = "1";
/// `alter_table_timeout_second`.
const JOB_TIMEOUT: &str = "86400";

impl Engine {
    pub(super) fn add_columns(
        &mut self,
        target: &Target,
        specs: Vec<ColumnSpec>,
        place: &ColumnPlace,
    ) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, &target.name)?;
        let mut columns = table.columns.clone();
        let mut immediate = true;
        let mut at = position(&columns, place)?;
        for spec in &specs {
            if let Some(other) = find(&columns, &spec.name) {
                return Err(SqlError::plain(format!(
                    "Can not add column which already exists in column id: {}, you can remove {} and try again.",
                    spec.name,
                    column_sql(&columns[other])
                )));
            }
            let unique_id = next_unique_id(&columns);
            let mut column = column_def(spec, unique_id);
            let is_key_of_aggregate =
                table.key_model == KeyModel::Aggregate && column.aggregation.is_none();
            column.is_key |= is_key_of_aggregate;
            if column.is_key && table.key_model == KeyModel::Primary {
                return Err(SqlError::plain(format!(
                    "Can not add key column {} for primary key table",
                    spec.name
                )));
            }
            let has_value =
                column.nullable || column.default.is_some() || column.generated.is_some();
            if !has_value && !column.auto_increment {
                return Err(SqlError::plain(format!(
                    "The emulator does not know what fills the NOT NULL column {} without a default: \
                     give it one.",
                    spec.name
                )));
            }
            immediate &= !column.is_key && column.generated.is_none();
            let keys = columns.iter().filter(|column| column.is_key).count();
            let index = match at {
                Some(at) => at,
                None if column.is_key => keys,
                None => columns.len(),
            };
            if column.is_key != (index < keys || (column.is_key && index == keys)) {
                return Err(SqlError::plain(format!(
                    "Invalid column order. Key column should come before value columns: {}",
                    spec.name
                )));
            }
            columns.insert(index, column);
            at = at.map(|at| at + 1);
        }
        self.change_columns(target, columns, immediate)
    }

    pub(super) fn drop_column(&mut self, target: &Target, name: &str) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, &target.name)?;
        let Some(at) = find(&table.columns, name) else {
            return Err(SqlError::plain(format!("Column does not exists: {name}")));
        };
        let column = &table.columns[at];
        let same = |other: &String| other.eq_ignore_ascii_case(name);
        if table.partitioning.columns().iter().any(same) {
            return Err(SqlError::plain(format!(
                "Partition column[{name}] cannot be dropped"
            )));
        }
        if matches!(&table.distribution, Distribution::Hash { columns, .. } if columns.iter().any(same))
        {
            return Err(SqlError::plain(format!(
                "Distribution column[{name}] cannot be dropped"
            )));
        }
        if column.is_key && matches!(table.key_model, KeyModel::Primary | KeyModel::Unique) {
            return Err(SqlError::plain(format!(
                "Can not drop key column {name} in {} data model table",
                if table.key_model == KeyModel::Primary {
                    "primary"
                } else {
                    "unique"
                }
            )));
        }
        let immediate = !column.is_key;
        let mut columns = table.columns.clone();
        columns.remove(at);
        self.change_columns(target, columns, immediate)
    }

    pub(super) fn modify_column(
        &mut self,
        target: &Target,
        spec: ColumnSpec,
        place: &ColumnPlace,
    ) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, &target.name)?;
        let mut columns = table.columns.clone();
        let Some(at) = find(&columns, &spec.name) else {
            return Err(SqlError::plain(format!(
                "Column[{}] does not exists",
                spec.name
            )));
        };
        let old = columns.remove(at);
        check_type_change(&old.sql_type, &spec.sql_type)?;
        if old.nullable && spec.nullable == Some(false) {
            return Err(SqlError::plain(
                "Can not change from nullable to non-nullable",
            ));
        }
        let mut new = column_def(&spec, old.unique_id);
        new.name.clone_from(&old.name);
        new.is_key = old.is_key;
        if new.aggregation.is_none() {
            new.aggregation.clone_from(&old.aggregation);
        }
        if new.comment.is_empty() {
            new.comment.clone_from(&old.comment);
        }
        let to = position(&columns, place)?.unwrap_or(match place {
            ColumnPlace::Last => at,
            _ => columns.len(),
        });
        columns.insert(to, new);
        self.change_columns(target, columns, false)
    }

    /// Names are not part of the schema's version.
    pub(super) fn rename_column(
        &mut self,
        target: &Target,
        name: &str,
        new_name: &str,
    ) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, &target.name)?;
        let Some(at) = find(&table.columns, name) else {
            return Err(SqlError::plain(format!("Column [{name}] does not exist")));
        };
        if find(&table.columns, new_name).is_some_and(|other| other != at) {
            return Err(SqlError::plain(format!(
                "Column name[{new_name}] is already used"
            )));
        }
        if matches!(&table.partitioning, Partitioning::Expression { column, .. } if column.eq_ignore_ascii_case(name))
        {
            return Err(SqlError::plain(format!(
                "Can not rename column {name}: the partition expression names it"
            )));
        }
        let before = table.clone_without_partitions();
        let mut after = table.clone_without_partitions();
        let old_name = std::mem::replace(&mut after.columns[at].name, new_name.to_owned());
        self.alter_rows(&before, &after)?;
        let table = self.altered(target)?;
        table.columns = after.columns;
        let rename = |other: &mut String| {
            if other.eq_ignore_ascii_case(&old_name) {
                new_name.clone_into(other);
            }
        };
        table.key_columns.iter_mut().for_each(rename);
        table.sort_key.iter_mut().for_each(rename);
        if let Distribution::Hash { columns, .. } = &mut table.distribution {
            columns.iter_mut().for_each(rename);
        }
        table.partitioning.rename_column(&old_name, new_name);
        for index in &mut table.indexes {
            index.columns.iter_mut().for_each(rename);
        }
        Ok(())
    }

    pub(super) fn order_columns(&mut self, target: &Target, order: &[String]) -> SqlResult<()> {
        let table = self.catalog.table(&target.database, &target.name)?;
        let mut columns = Vec::new();
        for name in order {
            let at = find(&table.columns, name)
                .ok_or_else(|| SqlError::plain(format!("Column[{name}] not exists")))?;
            columns.push(table.columns[at].clone());
        }
        if columns.len() != table.columns.len() {
            return Err(SqlError::plain(format!(
                "Reorder stmt should contains all columns of table {}",
                target.name
            )));
        }
        self.change_columns(target, columns, false)
    }

    fn change_columns(
        &mut self,
        target: &Target,
        columns: Vec<ColumnDef>,
        immediate: bool,
    ) -> SqlResult<()> {
        let now = self.clock.now();
        let table = self.catalog.table(&target.database, &target.name)?;
        let evolves = table.properties.get("fast_schema_evolution");
        let immediate = immediate && evolves.is_some_and(|evolves| evolves == "true");
        let id = self.catalog.next_id();
        let transaction_id = self.catalog.next_id();
        let new_index_id = self.catalog.next_id();
        let table = self.altered(target)?;
        let table_id = table.id;
        let base = table
            .indexes
            .first_mut()
            .ok_or_else(|| SqlError::plain(format!("Table {} has no index", target.name)))?;
        let mut job = AlterJob {
            id,
            kind: AlterKind::Columns,
            database: target.database.clone(),
            table_id,
            table: target.name.clone(),
            created: now,
            finished: None,
            index_name: base.name.clone(),
            index_id: base.id,
            origin_index_id: base.id,
            schema_version: base.schema_version + 1,
            schema_hash: base.schema_hash,
            transaction_id: Some(transaction_id),
            state: AlterState::Finished,
            message: String::new(),
            timeout: FAST_TIMEOUT.to_owned(),
            change: None,
        };
        if immediate {
            base.schema_version += 1;
            job.finished = Some(now);
            let before = table.clone_without_partitions();
            let mut after = table.clone_without_partitions();
            after.columns = columns;
            self.alter_rows(&before, &after)?;
            self.altered(target)?.columns = after.columns;
        } else {
            job.index_id = new_index_id;
            job.schema_hash = super::schema_hash::schema_hash(job.schema_version, columns.iter());
            job.transaction_id = None;
            job.state = AlterState::Pending;
            job.timeout = JOB_TIMEOUT.to_owned();
            job.change = Some(Change::Columns(columns));
            table.state = crate::catalog::TableState::SchemaChange;
        }
        self.alter_jobs.push(job);
        Ok(())
    }
}

fn find(columns: &[ColumnDef], name: &str) -> Option<usize> {
    columns
        .iter()
        .position(|column| column.name.eq_ignore_ascii_case(name))
}

fn next_unique_id(columns: &[ColumnDef]) -> i64 {
    columns
        .iter()
        .map(|column| column.unique_id + 1)
        .max()
        .unwrap_or(0)
}

/// Where FIRST and AFTER put a column; `None` is the end.
fn position(columns: &[ColumnDef], place: &ColumnPlace) -> SqlResult<Option<usize>> {
    match place {
        ColumnPlace::Last => Ok(None),
        ColumnPlace::First => Ok(Some(0)),
        ColumnPlace::After(name) => match find(columns, name) {
            Some(at) => Ok(Some(at + 1)),
            None => Err(SqlError::plain(format!("Column[{name}] does not found"))),
        },
    }
}

/// Numbers may widen, text may lengthen, and anything may become text; dates become datetimes.
fn check_type_change(from: &str, to: &str) -> SqlResult<()> {
    const WIDENING: [&str; 5] = ["TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT"];
    let (old, new) = (type_word(from), type_word(to));
    let is_text = |word: &str| word == "VARCHAR" || word == "CHAR";
    if is_text(&old) && is_text(&new) {
        let length = |text: &str| -> i64 {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            digits.parse().unwrap_or(0)
        };
        return if length(to) < length(from) {
            Err(SqlError::plain("Cannot shorten string length"))
        } else {
            Ok(())
        };
    }
    let rank = |word: &str| WIDENING.iter().position(|wide| *wide == word);
    let widens = matches!((rank(&old), rank(&new)), (Some(old), Some(new)) if old <= new);
    let fits = old == new
        || widens
        || new == "VARCHAR"
        || (rank(&old).is_some() && matches!(new.as_str(), "DOUBLE" | "FLOAT" | "DECIMAL"))
        || (old == "FLOAT" && new == "DOUBLE")
        || (old == "DATE" && new == "DATETIME")
        || (old == "DATETIME" && new == "DATE")
        || (is_text(&old) && (rank(&new).is_some() || new == "DATE" || new == "JSON"));
    if fits {
        Ok(())
    } else {
        Err(SqlError::plain(format!("Can not change {old} to {new}")))
    }
}
