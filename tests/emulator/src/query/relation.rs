//! FROM: tables, views, system tables, subqueries and joins.

use sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, TableAlias, TableFactor,
    TableWithJoins,
};

use super::{
    Compiler, SystemTable, column_type as system_type, literal,
    parser::{self, TEMPORARY_MARK, unsupported},
    scope::{Relation, Scope, ScopeColumn, unresolved},
    select::{Body, rename},
    typed::compare,
};
use crate::{
    catalog::{DEFAULT_CATALOG, Table, TableKind, TableState, is_system_database},
    privileges::Privilege,
    reply::{SqlError, SqlResult},
    rows::{column_type, sqlite_column, sqlite_table},
};

/// The identifiers of a qualified name.
pub(super) fn parts(name: &ObjectName) -> SqlResult<Vec<String>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(identifier) => Ok(identifier.value.clone()),
            other => Err(unsupported(&other.to_string())),
        })
        .collect()
}

impl Compiler<'_> {
    /// Puts the relations into the frame's scope and returns their SQL, and what must hold besides the
    /// join conditions.
    pub(super) fn from(&mut self, tables: &[TableWithJoins]) -> SqlResult<(String, Vec<String>)> {
        let mut sql = Vec::new();
        let mut conditions = Vec::new();
        for table in tables {
            sql.push(self.table_with_joins(table, &mut conditions)?);
        }
        Ok((sql.join(" JOIN "), conditions))
    }

    /// FROM of UPDATE and DELETE: the first table is the one that is changed. Returns its alias and
    /// the SQL.
    pub(crate) fn changed_rows(
        &mut self,
        tables: &[TableWithJoins],
    ) -> SqlResult<(String, String)> {
        // The first relation gets the next alias.
        let alias = format!("r{}", self.last_alias + 1);
        let (sql, conditions) = self.from(tables)?;
        if conditions.is_empty() {
            Ok((alias, sql))
        } else {
            Err(unsupported("semi joins in UPDATE and DELETE"))
        }
    }

    fn table_with_joins(
        &mut self,
        table: &TableWithJoins,
        conditions: &mut Vec<String>,
    ) -> SqlResult<String> {
        let mut sql = self.factor(&table.relation, conditions)?;
        for join in &table.joins {
            let (keyword, constraint) = match &join.join_operator {
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::CrossJoin(constraint)
                | JoinOperator::StraightJoin(constraint) => ("JOIN", constraint),
                JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                    ("LEFT JOIN", constraint)
                }
                JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                    ("RIGHT JOIN", constraint)
                }
                JoinOperator::FullOuter(constraint) => ("FULL JOIN", constraint),
                JoinOperator::Semi(constraint) | JoinOperator::LeftSemi(constraint) => {
                    conditions.push(self.exists(&join.relation, constraint, "EXISTS")?);
                    continue;
                }
                JoinOperator::Anti(constraint) | JoinOperator::LeftAnti(constraint) => {
                    conditions.push(self.exists(&join.relation, constraint, "NOT EXISTS")?);
                    continue;
                }
                other => return Err(unsupported(&format!("{other:?}"))),
            };
            let joined_from = self.frame().scope.relations.len();
            let right = self.factor(&join.relation, conditions)?;
            sql.push_str(&format!(" {keyword} {right}"));
            if let Some(on) = self.constraint(constraint, joined_from)? {
                sql.push_str(&format!(" ON {on}"));
            }
        }
        Ok(sql)
    }

    /// A semi join is a condition on the left side; its right side is not in the scope.
    fn exists(
        &mut self,
        relation: &TableFactor,
        constraint: &JoinConstraint,
        keyword: &str,
    ) -> SqlResult<String> {
        let joined_from = self.frame().scope.relations.len();
        let mut inner = Vec::new();
        let right = self.factor(relation, &mut inner)?;
        inner.extend(self.constraint(constraint, joined_from)?);
        self.frame().scope.relations.truncate(joined_from);
        let condition = if inner.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", inner.join(" AND "))
        };
        Ok(format!("{keyword} (SELECT 1 FROM {right}{condition})"))
    }

    fn constraint(
        &mut self,
        constraint: &JoinConstraint,
        joined_from: usize,
    ) -> SqlResult<Option<String>> {
        match constraint {
            JoinConstraint::None => Ok(None),
            JoinConstraint::On(condition) => Ok(Some(self.expression(condition)?.sql)),
            JoinConstraint::Using(columns) => {
                let mut equal = Vec::new();
                for column in columns {
                    let path = parts(column)?;
                    let mut left = Scope {
                        relations: self.frame().scope.relations.clone(),
                    };
                    let right = Scope {
                        relations: left.relations.split_off(joined_from),
                    };
                    let find = |scope: &Scope| {
                        scope
                            .find(&path)?
                            .map(ScopeColumn::typed)
                            .ok_or_else(|| unresolved(&path))
                    };
                    equal.push(compare(find(&left)?, "=", find(&right)?).sql);
                    for relation in &mut self.frame().scope.relations[joined_from..] {
                        relation.hidden.extend(path.iter().cloned());
                    }
                }
                Ok(Some(equal.join(" AND ")))
            }
            other => Err(unsupported(&format!("{other:?}"))),
        }
    }

    fn factor(&mut self, factor: &TableFactor, conditions: &mut Vec<String>) -> SqlResult<String> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                partitions,
                ..
            } => self.named(&parts(name)?, alias.as_ref(), partitions),
            TableFactor::Table {
                name,
                alias,
                args: Some(arguments),
                ..
            } => self.table_function(&parts(name)?, &arguments.args, alias.as_ref()),
            TableFactor::TableFunction { expr, alias } => match expr {
                Expr::Function(function) => match &function.args {
                    sqlparser::ast::FunctionArguments::List(list) => {
                        self.table_function(&parts(&function.name)?, &list.args, alias.as_ref())
                    }
                    _ => Err(unsupported(&expr.to_string())),
                },
                other => Err(unsupported(&other.to_string())),
            },
            TableFactor::Function {
                name, args, alias, ..
            } => self.table_function(&parts(name)?, args, alias.as_ref()),
            TableFactor::UNNEST {
                alias, array_exprs, ..
            } => match array_exprs.as_slice() {
                [array] => self.unnest(array, alias.as_ref()),
                _ => Err(unsupported("unnest of several arrays")),
            },
            TableFactor::Derived {
                subquery, alias, ..
            } => {
                // A derived table does not see the relations beside it.
                let frame = std::mem::take(self.frame());
                let body = self.query(subquery);
                *self.frame() = frame;
                self.derived(body?, alias.as_ref(), None)
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => Ok(format!(
                "({})",
                self.table_with_joins(table_with_joins, conditions)?
            )),
            other => Err(unsupported(&other.to_string())),
        }
    }

    /// A subquery as a relation.
    pub(super) fn derived(
        &mut self,
        mut body: Body,
        alias: Option<&TableAlias>,
        name: Option<(Option<String>, String)>,
    ) -> SqlResult<String> {
        let internal = self.fresh("r");
        if let Some(alias) = alias {
            rename(
                &mut body.outputs,
                alias.columns.iter().map(|column| &column.name.value),
            );
        }
        let columns = body
            .outputs
            .iter()
            .enumerate()
            .map(|(at, output)| ScopeColumn {
                name: output.name.clone(),
                sql: format!("{internal}.o{}", at + 1),
                sql_type: output.sql_type.clone(),
            })
            .collect();
        let (database, own_name) = name.unwrap_or_default();
        self.add_relation(Relation {
            database,
            name: alias.map_or(own_name, |alias| alias.name.value.clone()),
            columns,
            hidden: Vec::new(),
        })?;
        Ok(format!("({}) AS {internal}", body.sql))
    }

    pub(super) fn add_relation(&mut self, relation: Relation) -> SqlResult<()> {
        let relations = &mut self.frame().scope.relations;
        let is_taken = relations.iter().any(|other| {
            !relation.name.is_empty()
                && other.name == relation.name
                && other.database == relation.database
        });
        if is_taken {
            return Err(SqlError::analyzing(format!(
                "Not unique table/alias: '{}'",
                relation.name
            )));
        }
        relations.push(relation);
        Ok(())
    }

    fn named(
        &mut self,
        name: &[String],
        alias: Option<&TableAlias>,
        partitions: &[Ident],
    ) -> SqlResult<String> {
        if let [name] = name
            && let Some((_, body)) = self
                .common
                .iter()
                .rev()
                .find(|(common, _)| common.eq_ignore_ascii_case(name))
        {
            let body = body.clone();
            return self.derived(body, alias, Some((None, name.clone())));
        }
        let (database, table) = match name {
            [table] => (
                self.database.clone().ok_or_else(no_database)?,
                table.clone(),
            ),
            [database, table] => (database.clone(), table.clone()),
            [catalog, database, table] if catalog == DEFAULT_CATALOG => {
                (database.clone(), table.clone())
            }
            _ => {
                return Err(SqlError::analyzing(format!(
                    "Unknown catalog '{}'",
                    name.first().map_or("", String::as_str)
                )));
            }
        };
        if is_system_database(&database) {
            return self.system_table(&database, &table, alias);
        }
        self.engine.catalog.database(&database)?;
        let Some(found) = self.engine.catalog.find_table(&database, &table) else {
            return Err(SqlError::new(
                5502,
                "42602",
                format!(
                    "Getting analyzing error. Detail message: Unknown table '{database}.{table}'."
                ),
            ));
        };
        // Who may read a view needs no right on what the view reads.
        if !self.inside_view {
            self.engine.require(
                self.session,
                Privilege::Select,
                self.engine.object(&database, &table),
            )?;
        }
        match &found.kind {
            TableKind::View { definition, .. } => {
                let body = self.view(&database, definition)?;
                let mut body = body;
                rename(
                    &mut body.outputs,
                    found.columns.iter().map(|column| &column.name),
                );
                self.derived(body, alias, Some((Some(database), table)))
            }
            TableKind::External { .. } => Err(unsupported(&format!("external table {table}"))),
            TableKind::Olap | TableKind::MaterializedView { .. } => {
                if found.state == TableState::Restore {
                    return Err(SqlError::new(
                        5014,
                        "HY000",
                        "Getting analyzing error. Detail message: Table state is not NORMAL: \
                         'RESTORING'.",
                    ));
                }
                self.stored_table(&database, found, alias, partitions)
            }
        }
    }

    /// A view is compiled where it is used, in its own database and with no name from around it.
    fn view(&mut self, database: &str, definition: &str) -> SqlResult<Body> {
        let query = parser::query(definition)?;
        let outer_database = self.database.replace(database.to_owned());
        let outer_frames = std::mem::take(&mut self.frames);
        let outer_common = std::mem::take(&mut self.common);
        let outer_view = std::mem::replace(&mut self.inside_view, true);
        let body = self.query(&query);
        self.inside_view = outer_view;
        self.database = outer_database;
        self.frames = outer_frames;
        self.common = outer_common;
        body
    }

    pub(crate) fn stored_table(
        &mut self,
        database: &str,
        table: &Table,
        alias: Option<&TableAlias>,
        partitions: &[Ident],
    ) -> SqlResult<String> {
        let internal = self.fresh("r");
        let mut columns = Vec::new();
        for column in &table.columns {
            columns.push(ScopeColumn {
                name: column.name.clone(),
                sql: format!("{internal}.{}", sqlite_column(&column.name)),
                sql_type: column_type(column)?,
            });
        }
        self.add_relation(Relation {
            database: Some(database.to_owned()),
            name: alias.map_or_else(|| table.name.clone(), |alias| alias.name.value.clone()),
            columns,
            hidden: Vec::new(),
        })?;
        self.reads.push(table.id);
        self.needs_backend = true;
        let stored = sqlite_table(table.id);
        let ids = |ids: Vec<i64>| {
            let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
            ids.join(", ")
        };
        Ok(if !partitions.is_empty() {
            let chosen = chosen_partitions(table, partitions)?;
            format!(
                "(SELECT * FROM {stored} WHERE _part IN ({})) AS {internal}",
                ids(chosen)
            )
        } else if !table.temp_partitions.is_empty() {
            let hidden = table
                .temp_partitions
                .iter()
                .map(|partition| partition.physical_id)
                .collect();
            format!(
                "(SELECT * FROM {stored} WHERE _part NOT IN ({})) AS {internal}",
                ids(hidden)
            )
        } else {
            format!("{stored} AS {internal}")
        })
    }

    fn system_table(
        &mut self,
        database: &str,
        table: &str,
        alias: Option<&TableAlias>,
    ) -> SqlResult<String> {
        let (columns, rows) = self.engine.system_table(self.session, database, table)?;
        let internal = self.fresh("r");
        let sqlite_name = self.fresh("system_");
        self.add_relation(Relation {
            database: Some(database.to_owned()),
            name: alias.map_or_else(|| table.to_owned(), |alias| alias.name.value.clone()),
            columns: columns
                .iter()
                .map(|column| ScopeColumn {
                    name: column.name.clone(),
                    sql: format!("{internal}.{}", literal::name(&column.name)),
                    sql_type: system_type(column),
                })
                .collect(),
            hidden: Vec::new(),
        })?;
        self.needs_backend = true;
        self.system_tables.push(SystemTable {
            sqlite_name: sqlite_name.clone(),
            alias: internal.clone(),
            columns,
            rows,
        });
        Ok(format!("temp.{sqlite_name} AS {internal}"))
    }
}

/// The physical ids of `PARTITION (...)`; names of temporary partitions carry a mark.
fn chosen_partitions(table: &Table, names: &[Ident]) -> SqlResult<Vec<i64>> {
    names
        .iter()
        .map(|name| {
            let (partitions, name) = match name.value.strip_prefix(TEMPORARY_MARK) {
                Some(name) => (&table.temp_partitions, name),
                None => (&table.partitions, name.value.as_str()),
            };
            partitions
                .get(name)
                .map(|partition| partition.physical_id)
                .ok_or_else(|| unknown_partition(name, &table.name))
        })
        .collect()
}

pub(crate) fn unknown_partition(partition: &str, table: &str) -> SqlError {
    SqlError::analyzing(format!(
        "Unknown partition '{partition}' in table '{table}'"
    ))
}

fn no_database() -> SqlError {
    SqlError::new(
        1046,
        "3D000",
        "Getting analyzing error. Detail message: No database selected.",
    )
}
