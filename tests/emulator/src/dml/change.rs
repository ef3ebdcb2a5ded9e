//! UPDATE and DELETE.

use rusqlite::types::Value;
use sqlparser::ast::{
    AssignmentTarget, Expr, FromTable, ObjectName, TableFactor, TableWithJoins, UpdateTableFromKind,
};

use super::{
    commit::{Change, Prepared, Work},
    target::Target,
};
use crate::{
    catalog::KeyModel,
    engine::Engine,
    privileges::Privilege,
    query::{Compiler, parser},
    reply::{Reply, SqlError, SqlResult},
    rows::sqlite_column,
    session::Session,
};

/// The name and the partitions of the table that a statement changes.
fn changed_table(table: &TableWithJoins) -> SqlResult<(Vec<String>, bool)> {
    match &table.relation {
        TableFactor::Table {
            name, partitions, ..
        } if table.joins.is_empty() => Ok((parts(name), !partitions.is_empty())),
        other => Err(parser::unsupported(&other.to_string())),
    }
}

fn parts(name: &ObjectName) -> Vec<String> {
    name.0
        .iter()
        .filter_map(|part| part.as_ident().map(|identifier| identifier.value.clone()))
        .collect()
}

impl Engine {
    pub(super) fn update(&mut self, session: &Session, sql: &str) -> SqlResult {
        let update = parser::update(sql)?;
        let (name, _) = changed_table(&update.table)?;
        let target = self.load_target(session, &name, Privilege::Update)?;
        let label = format!("update_{}", self.next_uuid());
        if target.table.key_model != KeyModel::Primary {
            return Err(SqlError::plain(format!(
                "table {} does not support update",
                target.name()
            )));
        }
        let mut assignments = Vec::new();
        for assignment in &update.assignments {
            let AssignmentTarget::ColumnName(column) = &assignment.target else {
                return Err(parser::unsupported(&assignment.to_string()));
            };
            let column = parts(column).pop().unwrap_or_default();
            let at = target
                .table
                .columns
                .iter()
                .position(|known| known.name.eq_ignore_ascii_case(&column))
                .ok_or_else(|| {
                    SqlError::analyzing(format!(
                        "table '{}' do not existing column '{column}'",
                        target.name()
                    ))
                })?;
            if target.table.columns[at].is_key {
                return Err(SqlError::analyzing(format!(
                    "primary key column cannot be updated: {column}"
                )));
            }
            assignments.push((at, &assignment.value));
        }
        let others: &[TableWithJoins] = match &update.from {
            None => &[],
            Some(
                UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables),
            ) => tables,
        };
        let mut tables = vec![update.table.clone()];
        tables.extend_from_slice(others);
        let rows = self.matching_rows(
            session,
            &target,
            &tables,
            update.selection.as_ref(),
            &assignments,
        )?;
        let transaction = self.begin_load(session, &target, &label)?;
        let loaded = rows.len() as u64;
        let mut rows: Vec<Vec<Value>> = rows.into_iter().map(|(_, row)| row).collect();
        self.generate(session, &target, &mut rows)?;
        let fits = |row: &Vec<Value>| {
            row.iter()
                .zip(&target.table.columns)
                .zip(&target.types)
                .all(|((value, column), sql_type)| {
                    (column.nullable || *value != Value::Null)
                        && !crate::value::is_too_long(value, sql_type)
                })
        };
        if !rows.iter().all(fits) {
            let error = self.has_filtered_data(transaction, 0);
            let now = self.clock.now();
            self.loads
                .abort(target.database_id, transaction, &error, now);
            return Err(error);
        }
        let routed = self.route(&target, None, rows)?;
        let received = routed.parts.iter().map(|(id, _)| *id).collect();
        let prepared = Prepared {
            change: Change {
                table_id: target.table.id,
                work: Work::Write {
                    parts: routed.parts,
                    assigned: None,
                },
                touched: self.touched(&target, received, |_| true)?,
            },
            loaded,
            filtered: 0,
        };
        self.commit(target.database_id, transaction, &label, vec![prepared])
            .map(Reply::Ok)
    }

    pub(super) fn delete(&mut self, session: &Session, sql: &str) -> SqlResult {
        let delete = parser::delete(sql)?;
        let FromTable::WithFromKeyword(from) = &delete.from else {
            return Err(parser::unsupported(sql));
        };
        let [table] = from.as_slice() else {
            return Err(parser::unsupported(sql));
        };
        let (name, has_partitions) = changed_table(table)?;
        let target = self.load_target(session, &name, Privilege::Delete)?;
        let is_primary = target.table.key_model == KeyModel::Primary;
        if delete.selection.is_none() {
            return Err(SqlError::analyzing(
                "Delete must specify where clause to prevent full table delete",
            ));
        }
        if is_primary && has_partitions {
            return Err(SqlError::analyzing(
                "Delete for primary key table do not support specifying partitions",
            ));
        }
        let mut tables = from.clone();
        tables.extend(delete.using.clone().unwrap_or_default());
        let rows = self.matching_rows(session, &target, &tables, delete.selection.as_ref(), &[])?;
        let label = format!("delete_{}", self.next_uuid());
        let transaction = self.begin_load(session, &target, &label)?;
        let found: Vec<i64> = rows.iter().map(|(row, _)| *row).collect();
        let touched = if is_primary {
            let received = self.rows.partitions_of(target.table.id, &found)?;
            self.touched(&target, received, |_| true)?
        } else {
            // A delete condition goes to every partition, whether it has such rows or not.
            self.all_partitions(&target, table)?
        };
        let prepared = Prepared {
            loaded: found.len() as u64,
            filtered: 0,
            change: Change {
                table_id: target.table.id,
                work: Work::Delete(found),
                touched,
            },
        };
        let mut reply = self.commit(target.database_id, transaction, &label, vec![prepared])?;
        if !is_primary {
            // The frontend only hands the condition on: it does not count rows.
            reply.affected = 0;
            if !self.profile.is_3_3() {
                reply.info.clear();
            }
        }
        Ok(Reply::Ok(reply))
    }

    fn all_partitions(&self, target: &Target, table: &TableWithJoins) -> SqlResult<Vec<i64>> {
        let names: Vec<String> = match &table.relation {
            TableFactor::Table { partitions, .. } => {
                partitions.iter().map(|name| name.value.clone()).collect()
            }
            _ => Vec::new(),
        };
        let table = self.catalog.table(&target.database, target.name())?;
        Ok(table
            .partitions
            .iter()
            .filter(|partition| {
                names.is_empty()
                    || names
                        .iter()
                        .any(|name| name.eq_ignore_ascii_case(&partition.name))
            })
            .map(|partition| partition.physical_id)
            .collect())
    }

    /// The rows of the target that a condition selects, with some of their columns assigned anew.
    fn matching_rows(
        &self,
        session: &Session,
        target: &Target,
        tables: &[TableWithJoins],
        condition: Option<&Expr>,
        assignments: &[(usize, &Expr)],
    ) -> SqlResult<Vec<(i64, Vec<Value>)>> {
        let mut compiler = Compiler::new(self, session);
        let (alias, from) = compiler.changed_rows(tables)?;
        let mut columns = vec![format!("{alias}._row")];
        for (at, column) in target.table.columns.iter().enumerate() {
            let assigned = assignments
                .iter()
                .find(|(place, _)| *place == at)
                .map(|(_, expression)| *expression);
            columns.push(match assigned {
                // `SET c = DEFAULT` is not a value, but its name resolves to none either.
                Some(expression) => compiler.expression(expression)?.cast(&target.types[at]).sql,
                None => format!("{alias}.{}", sqlite_column(&column.name)),
            });
        }
        let condition = match condition {
            Some(condition) => format!(" WHERE {}", compiler.expression(condition)?.sql),
            None => String::new(),
        };
        let sql = format!(
            "SELECT {} FROM {from}{condition} GROUP BY {alias}._row",
            columns.join(", ")
        );
        let rows = compiler.fetch(&sql, columns.len())?;
        Ok(rows
            .into_iter()
            .filter_map(|mut row| match row.remove(0) {
                Value::Integer(id) => Some((id, row)),
                _ => None,
            })
            .collect())
    }
}
