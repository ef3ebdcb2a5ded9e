//! SHOW CREATE TABLE, VIEW, MATERIALIZED VIEW and DATABASE.

use std::fmt::Write;

use super::{cell, result};
use crate::{
    catalog::{
        Bound, ColumnDef, ColumnDefault, Distribution, KeyModel, PartitionValue, Partitioning,
        Table, TableKind, is_system_database, table_not_found,
    },
    ddl::partitions::bound_types,
    engine::Engine,
    information_schema,
    parse::ddl::ObjectName,
    profile::Profile,
    reply::{Column, ResultSet, SqlError, SqlResult},
    session::Session,
};

impl Engine {
    pub(super) fn show_create_database(&self, name: &str) -> SqlResult<ResultSet> {
        if !self.catalog.has_database(name) {
            return Err(SqlError::unknown_database(name));
        }
        Ok(result(
            vec![
                Column::varchar("Database", 20),
                Column::varchar("Create Database", 30),
            ],
            vec![vec![cell(name), cell(format!("CREATE DATABASE `{name}`"))]],
        ))
    }

    pub(super) fn show_create_table(
        &self,
        session: &Session,
        name: &ObjectName,
    ) -> SqlResult<ResultSet> {
        let (database, name) = self.resolve(session, name)?;
        if is_system_database(&database) {
            return self.show_create_system_table(&name);
        }
        self.catalog.database(&database)?;
        let table = self.catalog.table(&database, &name)?;
        self.require_something(session, self.object(&database, &name))?;
        match table.kind {
            TableKind::View { .. } => self.show_create_view(session, table),
            TableKind::MaterializedView { .. } => Ok(result(
                vec![
                    Column::varchar("Materialized View", 20),
                    Column::varchar("Create Materialized View", 30),
                ],
                vec![vec![
                    cell(&table.name),
                    cell(materialized_view_sql(self.profile, table)),
                ]],
            )),
            TableKind::Olap | TableKind::External { .. } => {
                Ok(create_table_reply(&table.name, table_sql(table)))
            }
        }
    }

    fn show_create_system_table(&self, name: &str) -> SqlResult<ResultSet> {
        let columns =
            information_schema::columns(self.profile, name).ok_or_else(|| table_not_found(name))?;
        let lines: Vec<String> = columns
            .iter()
            .map(|(name, sql_type)| {
                let sql_type = match *sql_type {
                    "bigint" => "bigint(20)",
                    "int" => "int(11)",
                    other => other,
                };
                format!("  `{name}` {sql_type} NULL COMMENT \"\"")
            })
            .collect();
        let name = name.to_lowercase();
        let sql = format!(
            "CREATE TABLE `{name}` (\n{}\n) ENGINE=SCHEMA ;",
            lines.join(",\n")
        );
        Ok(create_table_reply(&name, sql))
    }

    pub(super) fn show_create_view_named(
        &self,
        session: &Session,
        name: &ObjectName,
    ) -> SqlResult<ResultSet> {
        let (database, name) = self.resolve_in_database(session, name)?;
        let table = self.catalog.table(&database, &name)?;
        self.show_create_view(session, table)
    }

    fn show_create_view(&self, _session: &Session, view: &Table) -> SqlResult<ResultSet> {
        let TableKind::View { definition, typed } = &view.kind else {
            return Err(SqlError::analyzing(format!("{} is not VIEW", view.name)));
        };
        let query = if self.profile == Profile::V4_1 {
            typed
        } else {
            definition
        };
        let mut sql = format!(
            "CREATE VIEW `{}` ({})",
            view.name,
            names(view.columns.iter())
        );
        if !view.comment.is_empty() {
            let _ = write!(sql, " COMMENT \"{}\"", view.comment);
        }
        if !self.profile.is_3_3() {
            sql.push_str(" SECURITY NONE");
        }
        let _ = write!(sql, " AS {query};");
        Ok(result(
            vec![
                Column::varchar("View", 20),
                Column::varchar("Create View", 30),
                Column::varchar("character_set_client", 30),
                Column::varchar("collation_connection", 30),
            ],
            vec![vec![
                cell(&view.name),
                cell(sql),
                cell("utf8"),
                cell("utf8_general_ci"),
            ]],
        ))
    }
}

fn create_table_reply(name: &str, sql: String) -> ResultSet {
    result(
        vec![
            Column::varchar("Table", 20),
            Column::varchar("Create Table", 30),
        ],
        vec![vec![cell(name), cell(sql)]],
    )
}

fn names<'a>(columns: impl Iterator<Item = &'a ColumnDef>) -> String {
    let quoted: Vec<String> = columns.map(|column| format!("`{}`", column.name)).collect();
    quoted.join(", ")
}

fn quoted(names: &[String], separator: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(separator)
}

/// `` `v` varchar(20) NULL DEFAULT "x" COMMENT "the value" ``.
pub(crate) fn column_sql(column: &ColumnDef) -> String {
    let mut sql = format!("`{}` {}", column.name, column.sql_type);
    if let Some(aggregation) = &column.aggregation {
        let _ = write!(sql, " {aggregation}");
    }
    sql.push_str(if column.nullable {
        " NULL"
    } else {
        " NOT NULL"
    });
    if column.auto_increment {
        sql.push_str(" AUTO_INCREMENT");
    }
    match &column.default {
        None => {}
        Some(ColumnDefault::Literal(text)) => {
            let _ = write!(sql, " DEFAULT \"{}\"", escaped(text));
        }
        Some(ColumnDefault::CurrentTimestamp) => sql.push_str(" DEFAULT CURRENT_TIMESTAMP"),
        Some(ColumnDefault::Expression(text)) => {
            let _ = write!(sql, " DEFAULT ({text})");
        }
    }
    if let Some(expression) = &column.generated {
        let _ = write!(sql, " AS {expression}");
    }
    let _ = write!(sql, " COMMENT \"{}\"", escaped(&column.comment));
    sql
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn key_word(model: KeyModel) -> &'static str {
    match model {
        KeyModel::Duplicate => "DUPLICATE",
        KeyModel::Aggregate => "AGGREGATE",
        KeyModel::Unique => "UNIQUE",
        KeyModel::Primary => "PRIMARY",
    }
}

/// What SHOW CREATE TABLE prints of a table.
pub(crate) fn table_sql(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("  {}", column_sql(column)))
        .collect();
    let mut sql = format!(
        "CREATE TABLE `{}` (\n{}\n) ",
        table.name,
        columns.join(",\n")
    );
    if let TableKind::External { engine } = &table.kind {
        let _ = write!(sql, "ENGINE={engine} ");
        if !table.comment.is_empty() {
            let _ = write!(sql, "\nCOMMENT \"{}\"", escaped(&table.comment));
        }
        sql.push_str(&properties(table));
        sql.push(';');
        return sql;
    }
    let _ = write!(
        sql,
        "ENGINE=OLAP \n{} KEY({})",
        key_word(table.key_model),
        quoted(&table.key_columns, ", ")
    );
    if !table.comment.is_empty() {
        let _ = write!(sql, "\nCOMMENT \"{}\"", escaped(&table.comment));
    }
    sql.push_str(&partition_by(table));
    sql.push_str(&distributed_by(&table.distribution));
    if !table.sort_key.is_empty() {
        let _ = write!(sql, "\nORDER BY({})", quoted(&table.sort_key, ", "));
    }
    sql.push_str(&properties(table));
    sql.push(';');
    sql
}

fn properties(table: &Table) -> String {
    let lines: Vec<String> = table
        .properties
        .iter()
        .map(|(key, value)| format!("\"{key}\" = \"{value}\""))
        .collect();
    format!("\nPROPERTIES (\n{}\n)", lines.join(",\n"))
}

fn distributed_by(distribution: &Distribution) -> String {
    let (text, buckets) = match distribution {
        Distribution::Hash { columns, buckets } => (
            format!("\nDISTRIBUTED BY HASH({})", quoted(columns, ", ")),
            buckets,
        ),
        Distribution::Random { buckets } => ("\nDISTRIBUTED BY RANDOM".to_owned(), buckets),
    };
    match buckets {
        Some(buckets) => format!("{text} BUCKETS {buckets} "),
        None => text,
    }
}

fn partition_by(table: &Table) -> String {
    match &table.partitioning {
        Partitioning::None => String::new(),
        Partitioning::Expression { expression, .. } => format!("\nPARTITION BY {expression}"),
        Partitioning::List {
            columns,
            automatic: true,
        } => format!("\nPARTITION BY ({})", quoted(columns, ",")),
        Partitioning::List { columns, .. } => {
            let partitions: Vec<String> = table
                .partitions
                .iter()
                .map(|partition| {
                    format!(
                        "  PARTITION {} VALUES IN {}",
                        partition.name,
                        list_text(&partition.value)
                    )
                })
                .collect();
            format!(
                "\nPARTITION BY LIST({})(\n{}\n)",
                quoted(columns, ","),
                partitions.join(",\n")
            )
        }
        Partitioning::Range { columns } => {
            let default = table.properties.get("replication_num");
            let partitions: Vec<String> = table
                .partitions
                .iter_ordered()
                .map(|partition| {
                    let replicas = partition.replication_num.to_string();
                    let odd = if default.is_none_or(|default| *default == replicas) {
                        String::new()
                    } else {
                        format!("(\"replication_num\" = \"{replicas}\")")
                    };
                    format!(
                        "PARTITION {} VALUES {}{odd}",
                        partition.name,
                        range_sql(table, &partition.value)
                    )
                })
                .collect();
            format!(
                "\nPARTITION BY RANGE({})\n({})",
                quoted(columns, ", "),
                partitions.join(",\n")
            )
        }
    }
}

/// `[("2025-01-02"), ("2025-01-03"))`.
fn range_sql(table: &Table, value: &PartitionValue) -> String {
    let PartitionValue::Range { lower, upper } = value else {
        return String::new();
    };
    let types = bound_types(table);
    let side = |bounds: &[Bound]| {
        let keys: Vec<String> = bounds
            .iter()
            .zip(&types)
            .map(|(bound, bound_type)| match bound {
                Bound::Max => "MAXVALUE".to_owned(),
                other => format!("\"{}\"", bound_type.print(other)),
            })
            .collect();
        format!("({})", keys.join(", "))
    };
    format!("[{}, {})", side(lower), side(upper))
}

/// `('ny', 'boston')`, `(('x', '1'))`: quotes are not escaped.
pub(super) fn list_text(value: &PartitionValue) -> String {
    let PartitionValue::List(tuples) = value else {
        return String::new();
    };
    let tuples: Vec<String> = tuples
        .iter()
        .map(|tuple| {
            let values: Vec<String> = tuple
                .iter()
                .map(|value| format!("'{}'", value.as_deref().unwrap_or("NULL")))
                .collect();
            if values.len() == 1 {
                values.concat()
            } else {
                format!("({})", values.join(", "))
            }
        })
        .collect();
    format!("({})", tuples.join(", "))
}

pub(crate) fn materialized_view_sql(profile: Profile, view: &Table) -> String {
    let TableKind::MaterializedView {
        definition,
        typed,
        refresh,
        ..
    } = &view.kind
    else {
        return String::new();
    };
    let query = if profile == Profile::V4_1 {
        typed
    } else {
        definition
    };
    let mut sql = format!(
        "CREATE MATERIALIZED VIEW `{}` ({})",
        view.name,
        names(view.columns.iter())
    );
    if !view.comment.is_empty() {
        let _ = write!(sql, "\nCOMMENT \"{}\"", escaped(&view.comment));
    }
    sql.push_str(&distributed_by(&view.distribution));
    let _ = write!(sql, "\nREFRESH {refresh}{}\nAS {query};", properties(view));
    sql
}
