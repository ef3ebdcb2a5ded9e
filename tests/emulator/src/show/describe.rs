//! DESC, `SHOW [FULL] COLUMNS` and SHOW INDEX.

use super::{cell, result, show_columns};
use crate::{
    catalog::{ColumnDef, ColumnDefault, KeyModel, Table, is_system_database, table_not_found},
    engine::Engine,
    information_schema,
    parse::ddl::ObjectName,
    profile::Profile,
    reply::{Cell, Column, ResultSet, SqlError, SqlResult},
    session::Session,
};

impl Engine {
    pub(super) fn describe_table(
        &self,
        session: &Session,
        name: &ObjectName,
    ) -> SqlResult<ResultSet> {
        let columns = show_columns(&["Field", "Type", "Null", "Key", "Default", "Extra"]);
        let (database, name) = self.resolve(session, name)?;
        if is_system_database(&database) {
            let described =
                information_schema::columns(self.profile, &name).ok_or_else(|| unknown(&name))?;
            let rows = described
                .iter()
                .map(|(name, sql_type)| {
                    vec![
                        cell(*name),
                        cell(*sql_type),
                        cell("YES"),
                        cell("false"),
                        None,
                        cell(""),
                    ]
                })
                .collect();
            return Ok(result(columns, rows));
        }
        let table = self.described(session, &database, &name)?;
        let rows = table
            .columns
            .iter()
            .map(|column| described_row(column, &extra(column)))
            .collect();
        Ok(result(columns, rows))
    }

    /// `DESC t ALL`: the base index and its rollups, an empty line between them.
    pub(super) fn describe_indexes(
        &self,
        session: &Session,
        name: &ObjectName,
    ) -> SqlResult<ResultSet> {
        let (database, name) = self.resolve(session, name)?;
        let table = self.described(session, &database, &name)?;
        let mut rows = Vec::new();
        for (at, index) in table.indexes.iter().enumerate() {
            if at > 0 {
                rows.push(vec![cell(""); 8]);
            }
            let mut first = true;
            for column in table.index_columns(index) {
                let shown = if column.is_key {
                    if column.nullable && at > 0 {
                        "NONE"
                    } else {
                        ""
                    }
                    .to_owned()
                } else {
                    implied_aggregation(table, &column)
                };
                let mut row = if first {
                    vec![cell(&index.name), cell(table.keys_type())]
                } else {
                    vec![cell(""), cell("")]
                };
                first = false;
                row.extend(described_row(&column, &shown));
                rows.push(row);
            }
        }
        let columns = vec![
            Column::varchar("IndexName", 20),
            Column::varchar("IndexKeysType", 20),
            Column::varchar("Field", 20),
            Column::varchar("Type", 20),
            Column::varchar("Null", 10),
            Column::varchar("Key", 10),
            Column::varchar("Default", 30),
            Column::varchar("Extra", 30),
        ];
        Ok(result(columns, rows))
    }

    fn described(&self, session: &Session, database: &str, name: &str) -> SqlResult<&Table> {
        self.catalog.database(database)?;
        let table = self
            .catalog
            .find_table(database, name)
            .ok_or_else(|| unknown(name))?;
        self.require_something(session, self.object(database, name))?;
        Ok(table)
    }

    pub(super) fn show_full_columns(
        &self,
        session: &Session,
        name: &ObjectName,
        full: bool,
    ) -> SqlResult<ResultSet> {
        let (database, name) = self.resolve(session, name)?;
        let described: Vec<(String, String, bool, bool, Cell, String, String)> =
            if is_system_database(&database) {
                information_schema::columns(self.profile, &name)
                    .ok_or_else(|| table_not_found(&name))?
                    .iter()
                    .map(|(name, sql_type)| {
                        let (name, sql_type) = ((*name).to_owned(), (*sql_type).to_owned());
                        (
                            name,
                            sql_type,
                            true,
                            false,
                            None,
                            String::new(),
                            String::new(),
                        )
                    })
                    .collect()
            } else {
                self.described(session, &database, &name)?
                    .columns
                    .iter()
                    .map(|column| {
                        (
                            column.name.clone(),
                            short_type(&column.sql_type),
                            column.nullable,
                            column.is_key,
                            default_cell(column),
                            extra(column),
                            column.comment.clone(),
                        )
                    })
                    .collect()
            };
        let mut columns = Vec::new();
        let names: &[&str] = if full {
            &[
                "Field",
                "Type",
                "Collation",
                "Null",
                "Key",
                "Default",
                "Extra",
                "Privileges",
                "Comment",
            ]
        } else {
            &["Field", "Type", "Null", "Key", "Default", "Extra"]
        };
        for name in names {
            let width = match *name {
                "Privileges" if self.profile == Profile::V4_1 => 80,
                _ => 20,
            };
            columns.push(Column::varchar(*name, width));
        }
        let yes = |yes: bool| cell(if yes { "YES" } else { "NO" });
        let rows = described
            .into_iter()
            .map(
                |(field, sql_type, nullable, key, default, extra, comment)| {
                    let mut row = vec![cell(field), cell(sql_type)];
                    if full {
                        row.push(cell(""));
                    }
                    row.extend([yes(nullable), yes(key), default, cell(extra)]);
                    if full {
                        row.extend([cell(""), cell(comment)]);
                    }
                    row
                },
            )
            .collect();
        Ok(result(columns, rows))
    }

    /// There are no secondary indexes.
    pub(super) fn show_index(&self, session: &Session, name: &ObjectName) -> SqlResult<ResultSet> {
        let (database, name) = self.resolve(session, name)?;
        self.described(session, &database, &name)?;
        let names = [
            "Table",
            "Non_unique",
            "Key_name",
            "Seq_in_index",
            "Column_name",
            "Collation",
            "Cardinality",
            "Sub_part",
            "Packed",
            "Null",
            "Index_type",
            "Comment",
        ];
        let columns = names
            .iter()
            .map(|name| Column::varchar(*name, 20))
            .collect();
        Ok(result(columns, Vec::new()))
    }
}

fn unknown(name: &str) -> SqlError {
    SqlError::new(
        5502,
        "42602",
        format!("Getting analyzing error. Detail message: Unknown table '{name}'."),
    )
}

fn described_row(column: &ColumnDef, extra: &str) -> Vec<Cell> {
    vec![
        cell(&column.name),
        cell(short_type(&column.sql_type)),
        cell(if column.nullable { "YES" } else { "NO" }),
        cell(if column.is_key { "true" } else { "false" }),
        default_cell(column),
        cell(extra),
    ]
}

fn extra(column: &ColumnDef) -> String {
    if column.auto_increment {
        "auto_increment".into()
    } else if column.generated.is_some() {
        "STORED GENERATED".into()
    } else {
        column.aggregation.clone().unwrap_or_default()
    }
}

/// What DESC ALL says of a value column of a model without aggregates of its own.
fn implied_aggregation(table: &Table, column: &ColumnDef) -> String {
    match (&column.aggregation, table.key_model) {
        (Some(aggregation), _) => aggregation.clone(),
        (None, KeyModel::Primary | KeyModel::Unique) => "REPLACE".into(),
        (None, _) => "NONE".into(),
    }
}

pub(crate) fn default_cell(column: &ColumnDef) -> Cell {
    match &column.default {
        None => None,
        Some(ColumnDefault::Literal(text)) => cell(text),
        Some(ColumnDefault::CurrentTimestamp) => cell("CURRENT_TIMESTAMP"),
        Some(ColumnDefault::Expression(text)) => cell(text),
    }
}

/// A type without display widths: `int`, `decimal(18,2)`.
pub(crate) fn short_type(sql_type: &str) -> String {
    let mut text = sql_type.to_owned();
    for (long, short) in [
        ("tinyint(4)", "tinyint"),
        ("smallint(6)", "smallint"),
        ("bigint(20)", "bigint"),
        ("largeint(40)", "largeint"),
        ("int(11)", "int"),
    ] {
        text = text.replace(long, short);
    }
    if text.starts_with("decimal") {
        text = text.replace(", ", ",");
    }
    text
}
