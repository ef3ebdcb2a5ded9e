//! `tables`, `tables_config`, `columns`, `schemata`, `views` and `materialized_views`.

use jiff::Timestamp;

use super::{cell, number, table_names};
use crate::{
    catalog::{ColumnDef, Distribution, KeyModel, SYSTEM_DATABASES, Table, TableKind},
    clock::Clock,
    engine::Engine,
    profile::Profile,
    reply::Cell,
    session::Session,
    show::{default_cell, materialized_view_sql, short_type},
};

/// The catalog's name in the standard's columns.
const STANDARD_CATALOG: &str = "def";

impl Engine {
    pub(super) fn schema_tables(&self, session: &Session) -> Vec<Vec<Cell>> {
        let time = |at: Timestamp| cell(Clock::format(at, &session.time_zone));
        let mut rows = Vec::new();
        for (database, table) in self.visible_tables(session) {
            let (table_type, engine) = match &table.kind {
                TableKind::Olap => ("BASE TABLE", "StarRocks"),
                TableKind::View { .. } => ("VIEW", ""),
                TableKind::MaterializedView { .. } => ("VIEW", "StarRocks"),
                TableKind::External { .. } => ("EXTERNAL TABLE", "MySQL"),
            };
            let stored = table.has_partitions();
            let (bytes, count) = self.table_size(table);
            let counted = |value: u64| if stored { number(value) } else { None };
            rows.push(vec![
                cell(STANDARD_CATALOG),
                cell(&database.name),
                cell(&table.name),
                cell(table_type),
                cell(engine),
                None,
                cell(""),
                counted(count),
                counted(bytes.checked_div(count).unwrap_or(0)),
                counted(bytes),
                None,
                None,
                None,
                None,
                time(table.created),
                time(self.updated(table)),
                None,
                cell("utf8_general_ci"),
                None,
                cell(""),
                cell(&table.comment),
            ]);
        }
        for name in table_names(self.profile, "information_schema") {
            let mut row = vec![
                cell(STANDARD_CATALOG),
                cell("information_schema"),
                cell(name),
                cell("SYSTEM VIEW"),
                cell("MEMORY"),
                None,
                cell(""),
            ];
            row.extend((0..7).map(|_| None));
            row.extend([
                None,
                None,
                None,
                cell("utf8_general_ci"),
                None,
                cell(""),
                cell(""),
            ]);
            rows.push(row);
        }
        rows
    }

    /// The time of the newest visible version; the creation time where nothing is stored.
    pub(crate) fn updated(&self, table: &Table) -> Timestamp {
        table
            .partitions
            .iter()
            .map(|partition| partition.visible_version_time)
            .max()
            .unwrap_or(table.created)
    }

    pub(super) fn schema_tables_config(&self, session: &Session) -> Vec<Vec<Cell>> {
        self.visible_tables(session)
            .filter(|(_, table)| table.has_partitions())
            .map(|(database, table)| {
                let keys = quoted(&table.key_columns);
                let has_primary = matches!(table.key_model, KeyModel::Primary | KeyModel::Unique);
                let (kind, distribute_key) = match &table.distribution {
                    Distribution::Hash { columns, .. } => ("HASH", quoted(columns)),
                    Distribution::Random { .. } => ("RANDOM", String::new()),
                };
                let sort_key = if table.sort_key.is_empty() {
                    keys.clone()
                } else {
                    quoted(&table.sort_key)
                };
                vec![
                    cell(&database.name),
                    cell(&table.name),
                    cell(match table.kind {
                        TableKind::MaterializedView { .. } => "MATERIALIZED_VIEW",
                        _ => "OLAP",
                    }),
                    cell(table.keys_type()),
                    cell(if has_primary { keys } else { String::new() }),
                    cell(quoted(table.partitioning.columns())),
                    cell(distribute_key),
                    cell(kind),
                    number(self.buckets(&table.distribution)),
                    cell(sort_key),
                    cell(serde_json::json!(table.properties).to_string()),
                    number(table.id),
                ]
            })
            .collect()
    }

    pub(super) fn schema_columns(&self, session: &Session) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        for (database, table) in self.visible_tables(session) {
            for (at, column) in (1_i64..).zip(&table.columns) {
                rows.push(column_row(&database.name, table, at, column));
            }
        }
        rows
    }

    pub(super) fn schema_schemata(&self, session: &Session) -> Vec<Vec<Cell>> {
        let mut names: Vec<&str> = self
            .catalog
            .databases
            .keys()
            .map(String::as_str)
            .chain(SYSTEM_DATABASES)
            .filter(|name| self.can_see_database(session, name))
            .collect();
        names.sort_unstable();
        names
            .into_iter()
            .map(|name| {
                vec![
                    cell(STANDARD_CATALOG),
                    cell(name),
                    cell("utf8"),
                    cell("utf8_general_ci"),
                    None,
                ]
            })
            .collect()
    }

    pub(super) fn schema_views(&self, session: &Session) -> Vec<Vec<Cell>> {
        self.visible_tables(session)
            .filter_map(|(database, table)| {
                let TableKind::View { definition, typed } = &table.kind else {
                    return None;
                };
                let query = if self.profile == Profile::V4_1 {
                    typed
                } else {
                    definition
                };
                Some(vec![
                    cell(STANDARD_CATALOG),
                    cell(&database.name),
                    cell(&table.name),
                    cell(query),
                    cell("NONE"),
                    cell("NO"),
                    cell(""),
                    cell("DEFINER"),
                    cell("utf8"),
                    cell("utf8_general_ci"),
                ])
            })
            .collect()
    }

    pub(super) fn schema_materialized_views(&self, session: &Session) -> Vec<Vec<Cell>> {
        self.visible_tables(session)
            .filter_map(|(database, table)| self.materialized_view_cells(&database.name, table))
            .collect()
    }

    /// The columns of `materialized_views`, which SHOW MATERIALIZED VIEWS prints too.
    pub(crate) fn materialized_view_cells(
        &self,
        database: &str,
        view: &Table,
    ) -> Option<Vec<Cell>> {
        let TableKind::MaterializedView {
            refresh,
            inactive_reason,
            ..
        } = &view.kind
        else {
            return None;
        };
        let new = self.profile == Profile::V4_1;
        let scheme = refresh
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_uppercase();
        let task = view.indexes.first().map_or(0, |index| index.id);
        let status = match inactive_reason {
            None => "VALID",
            Some(_) => "INVALID: MV is not active",
        };
        let mut row = vec![
            number(view.id),
            cell(database),
            cell(&view.name),
            cell(scheme),
            cell(inactive_reason.is_none().to_string()),
            cell(inactive_reason.clone().unwrap_or_default()),
            cell("UNPARTITIONED"),
            number(task),
            cell(format!("mv-{}", view.id)),
            None,
            None,
            cell("0.000"),
            cell(""),
            cell("false"),
        ];
        row.extend((0..6).map(|_| cell("")));
        row.extend([
            number(self.table_size(view).1),
            cell(materialized_view_sql(self.profile, view)),
            cell(""),
            cell(status),
            cell(""),
        ]);
        if new {
            row.extend([None, cell("")]);
        }
        Some(row)
    }
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn column_row(database: &str, table: &Table, at: i64, column: &ColumnDef) -> Vec<Cell> {
    let spelled = short_type(&column.sql_type);
    let word = spelled
        .split(['(', '<'])
        .next()
        .unwrap_or_default()
        .to_owned();
    let arguments: Vec<&str> = spelled
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .map_or(Vec::new(), |inner| {
            inner.split(',').map(str::trim).collect()
        });
    let is_text = matches!(word.as_str(), "varchar" | "char" | "varbinary");
    let length = arguments
        .first()
        .filter(|_| is_text)
        .map(|length| (*length).to_owned());
    let (precision, scale) = match word.as_str() {
        "tinyint" => (cell("3"), cell("0")),
        "smallint" => (cell("5"), cell("0")),
        "int" => (cell("10"), cell("0")),
        "bigint" => (cell("19"), cell("0")),
        "largeint" => (cell("39"), cell("0")),
        "float" => (cell("7"), cell("7")),
        "double" => (cell("15"), cell("15")),
        "decimal" => (
            arguments.first().map(|digits| (*digits).to_owned()),
            arguments.get(1).map(|digits| (*digits).to_owned()),
        ),
        _ => (None, None),
    };
    let key = match (column.is_key, table.key_model) {
        (false, _) => "",
        (true, KeyModel::Duplicate) => "DUP",
        (true, KeyModel::Aggregate) => "AGG",
        (true, KeyModel::Unique) => "UNI",
        (true, KeyModel::Primary) => "PRI",
    };
    let data_type = match word.as_str() {
        "largeint" => "bigint unsigned".to_owned(),
        "boolean" => "tinyint".to_owned(),
        _ => word,
    };
    vec![
        cell(STANDARD_CATALOG),
        cell(database),
        cell(&table.name),
        cell(&column.name),
        number(at),
        default_cell(column),
        cell(if column.nullable { "YES" } else { "NO" }),
        cell(data_type),
        length.clone(),
        length,
        precision.clone(),
        scale.clone(),
        None,
        None,
        None,
        cell(&column.sql_type),
        cell(key),
        cell(if column.auto_increment {
            "auto_increment"
        } else {
            ""
        }),
        cell(""),
        cell(&column.comment),
        precision,
        scale,
        cell(column.generated.clone().unwrap_or_default()),
        None,
    ]
}
