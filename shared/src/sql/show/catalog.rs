//! Databases, tables and their definitions.

use crate::{
    facts::{TableEngine, TableState},
    ident::{ColumnName, DatabaseId, DatabaseName, QualifiedTable, TableId, TableName},
    sql::{FromRow, Query, Row, RowError, Sql},
};

/// Every database, unfiltered by privileges. Needs OPERATE on SYSTEM.
pub fn proc_databases() -> Query<ProcDatabase> {
    Sql::new("SHOW PROC '/dbs'").query("SHOW PROC dbs")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcDatabase {
    pub id: DatabaseId,
    pub name: DatabaseName,
}

impl FromRow for ProcDatabase {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(ProcDatabase {
            id: DatabaseId(row.parse("DbId")?),
            name: row.parse("DbName")?,
        })
    }
}

/// Every table, view and materialized view of a database, unfiltered by privileges. Needs OPERATE on
/// SYSTEM. By id, because a name may contain the `/` that separates the parts of the path.
pub fn proc_tables(database: DatabaseId) -> Query<ProcTable> {
    Sql::new("SHOW PROC ")
        .literal(&format!("/dbs/{database}"))
        .query("SHOW PROC db")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcTable {
    pub id: TableId,
    pub name: TableName,
    pub state: TableState,
    pub kind: ProcKind,
    /// Includes the hidden partition of an automatic table, but no temporary one.
    pub partitions: u64,
}

/// The Type column of `SHOW PROC '/dbs/<db>'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcKind {
    Table(TableEngine),
    View,
    MaterializedView,
}

impl FromRow for ProcTable {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(ProcTable {
            id: TableId(row.parse("TableId")?),
            name: row.parse("TableName")?,
            state: TableState::from_engine(row.optional("State")?.unwrap_or_default()),
            kind: match row.text("Type")? {
                "OLAP" => ProcKind::Table(TableEngine::Olap),
                "VIEW" => ProcKind::View,
                "MATERIALIZED_VIEW" => ProcKind::MaterializedView,
                other => ProcKind::Table(TableEngine::Other(other.to_owned())),
            },
            partitions: row.parse_optional("PartitionNum")?.unwrap_or_default(),
        })
    }
}

/// The base index and the rollups of a table. Needs OPERATE on SYSTEM.
pub fn index_schema(database: DatabaseId, table: TableId) -> Query<IndexSchema> {
    Sql::new("SHOW PROC ")
        .literal(&format!("/dbs/{database}/{table}/index_schema"))
        .query("SHOW PROC index_schema")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSchema {
    pub id: i64,
    pub name: String,
    /// Rises with every change of the columns.
    pub schema_version: i64,
    pub schema_hash: i64,
    /// `DUP_KEYS(k)`
    pub keys: String,
}

impl FromRow for IndexSchema {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(IndexSchema {
            id: row.parse("IndexId")?,
            name: row.text("IndexName")?.to_owned(),
            schema_version: row.parse("SchemaVersion")?,
            schema_hash: row.parse("SchemaHash")?,
            keys: row.text("Keys")?.to_owned(),
        })
    }
}

/// Databases that the user may see.
pub fn databases() -> Query<DatabaseRow> {
    Sql::new("SHOW DATABASES").query("SHOW DATABASES")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseRow(pub DatabaseName);

impl FromRow for DatabaseRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(DatabaseRow(row.parse("Database")?))
    }
}

/// Tables on which the user has any privilege, with their ids: the way to them without OPERATE.
pub fn tables_config<'a>(
    databases: impl IntoIterator<Item = &'a DatabaseName>,
) -> Query<TableConfig> {
    Sql::new("SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ENGINE, TABLE_ID")
        .text(" FROM information_schema.tables_config WHERE TABLE_SCHEMA IN (")
        .literals(databases.into_iter().map(DatabaseName::as_str))
        .text(")")
        .query("SELECT tables_config")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableConfig {
    pub database: DatabaseName,
    pub table: TableName,
    pub table_id: TableId,
    pub engine: TableEngine,
}

impl FromRow for TableConfig {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(TableConfig {
            database: row.parse("TABLE_SCHEMA")?,
            table: row.parse("TABLE_NAME")?,
            table_id: TableId(row.parse("TABLE_ID")?),
            engine: match row.text("TABLE_ENGINE")? {
                "OLAP" => TableEngine::Olap,
                other => TableEngine::Other(other.to_owned()),
            },
        })
    }
}

/// Tables and views on which the user has any privilege. Materialized views are VIEW here.
pub fn visible_tables(database: &DatabaseName) -> Query<VisibleTable> {
    Sql::new("SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.tables WHERE TABLE_SCHEMA = ")
        .literal(database.as_str())
        .query("SELECT tables")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleTable {
    pub name: TableName,
    pub is_view: bool,
}

impl FromRow for VisibleTable {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(VisibleTable {
            name: row.parse("TABLE_NAME")?,
            is_view: row.text("TABLE_TYPE")?.ends_with("VIEW"),
        })
    }
}

/// How old the tables of some databases are and when each was last loaded, as far as this user may see
/// them. For people to read: decides nothing.
pub fn table_figures<'a>(
    databases: impl IntoIterator<Item = &'a DatabaseName>,
) -> Query<TableFigures> {
    Sql::new("SELECT TABLE_SCHEMA, TABLE_NAME, UPDATE_TIME,")
        .text(" TIMESTAMPDIFF(SECOND, CREATE_TIME, UTC_TIMESTAMP()) AS age_seconds")
        .text(" FROM information_schema.tables WHERE TABLE_SCHEMA IN (")
        .literals(databases.into_iter().map(DatabaseName::as_str))
        .text(")")
        .query("SELECT tables")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFigures {
    pub database: DatabaseName,
    pub table: TableName,
    pub age_seconds: Option<i64>,
    pub last_load: Option<String>,
}

impl FromRow for TableFigures {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(TableFigures {
            database: row.parse("TABLE_SCHEMA")?,
            table: row.parse("TABLE_NAME")?,
            age_seconds: row.parse_optional("age_seconds")?,
            last_load: super::cluster::non_empty(row.optional("UPDATE_TIME")?),
        })
    }
}

/// The columns of a table in order, for messages and for rows that are written by name.
pub fn columns(table: &QualifiedTable) -> Query<ColumnRow> {
    Sql::new("SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.columns")
        .text(" WHERE TABLE_SCHEMA = ")
        .literal(table.database.as_str())
        .text(" AND TABLE_NAME = ")
        .literal(table.table.as_str())
        .text(" ORDER BY ORDINAL_POSITION")
        .query("SELECT columns")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRow {
    pub name: ColumnName,
    pub column_type: String,
}

impl FromRow for ColumnRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(ColumnRow {
            name: row.parse("COLUMN_NAME")?,
            column_type: row.optional("COLUMN_TYPE")?.unwrap_or_default().to_owned(),
        })
    }
}

/// The text that makes an object again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateText(pub String);

impl FromRow for CreateText {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        for column in ["Create Table", "Create View", "Create Materialized View"] {
            if row.has(column) {
                return Ok(CreateText(row.text(column)?.to_owned()));
            }
        }
        Ok(CreateText(row.text("Create Table")?.to_owned()))
    }
}

pub fn create_table(table: &QualifiedTable) -> Query<CreateText> {
    Sql::new("SHOW CREATE TABLE ")
        .table(table)
        .query("SHOW CREATE TABLE")
}

pub fn create_view(view: &QualifiedTable) -> Query<CreateText> {
    Sql::new("SHOW CREATE VIEW ")
        .table(view)
        .query("SHOW CREATE VIEW")
}

pub fn create_materialized_view(view: &QualifiedTable) -> Query<CreateText> {
    Sql::new("SHOW CREATE MATERIALIZED VIEW ")
        .table(view)
        .query("SHOW CREATE MATERIALIZED VIEW")
}

/// May fail for the first minute of a frontend's life, while the database `_statistics_` is made.
pub fn materialized_views(database: &DatabaseName) -> Query<MaterializedView> {
    Sql::new("SHOW MATERIALIZED VIEWS FROM ")
        .name(database)
        .query("SHOW MATERIALIZED VIEWS")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaterializedView {
    pub name: TableName,
    pub active: bool,
    pub inactive_reason: Option<String>,
    pub text: String,
}

impl FromRow for MaterializedView {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(MaterializedView {
            name: row.parse("name")?,
            active: row.flag("is_active")?,
            inactive_reason: super::cluster::non_empty(row.optional("inactive_reason")?),
            text: row.text("text")?.to_owned(),
        })
    }
}

/// The functions of a database, with what is needed to make them again.
pub fn functions(database: &DatabaseName) -> Query<FunctionRow> {
    Sql::new("SHOW FULL FUNCTIONS FROM ")
        .name(database)
        .query("SHOW FULL FUNCTIONS")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionRow {
    /// `f(INT, VARCHAR)`
    pub signature: String,
    pub return_type: String,
    pub function_type: String,
    /// JSON, as the engine prints it.
    pub properties: String,
}

impl FromRow for FunctionRow {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(FunctionRow {
            signature: row.text("Signature")?.to_owned(),
            return_type: row.text("Return Type")?.to_owned(),
            function_type: row.text("Function Type")?.to_owned(),
            properties: row.optional("Properties")?.unwrap_or_default().to_owned(),
        })
    }
}

/// Jobs that change columns; a fast change is FINISHED at once.
pub fn column_jobs(database: &DatabaseName) -> Query<SchemaJob> {
    Sql::new("SHOW ALTER TABLE COLUMN FROM ")
        .name(database)
        .query("SHOW ALTER TABLE COLUMN")
}

pub fn rollup_jobs(database: &DatabaseName) -> Query<SchemaJob> {
    Sql::new("SHOW ALTER TABLE ROLLUP FROM ")
        .name(database)
        .query("SHOW ALTER TABLE ROLLUP")
}

/// Jobs that change distribution or partitioning.
pub fn optimize_jobs(database: &DatabaseName) -> Query<SchemaJob> {
    Sql::new("SHOW ALTER TABLE OPTIMIZE FROM ")
        .name(database)
        .query("SHOW ALTER TABLE OPTIMIZE")
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaJob {
    pub job_id: i64,
    pub table: TableName,
    pub state: SchemaJobState,
    pub message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaJobState {
    Finished,
    Cancelled,
    /// PENDING, WAITING_TXN, RUNNING, FINISHED_REWRITING ...
    Running,
}

impl FromRow for SchemaJob {
    fn from_row(row: &Row) -> Result<Self, RowError> {
        Ok(SchemaJob {
            job_id: row.parse("JobId")?,
            table: row.parse("TableName")?,
            state: match row.text("State")? {
                "FINISHED" => SchemaJobState::Finished,
                "CANCELLED" => SchemaJobState::Cancelled,
                _ => SchemaJobState::Running,
            },
            message: super::cluster::non_empty(row.optional("Msg")?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements() {
        let sales: DatabaseName = "sales".parse().unwrap();
        let odd = QualifiedTable::new(&sales, &"a/b 'c'".parse().unwrap());
        insta::assert_snapshot!(proc_databases(), @"SHOW PROC '/dbs'");
        insta::assert_snapshot!(proc_tables(DatabaseId(10)), @"SHOW PROC '/dbs/10'");
        insta::assert_snapshot!(index_schema(DatabaseId(10), TableId(11)), @"SHOW PROC '/dbs/10/11/index_schema'");
        insta::assert_snapshot!(databases(), @"SHOW DATABASES");
        insta::assert_snapshot!(tables_config([&sales, &"crm".parse().unwrap()]), @"SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ENGINE, TABLE_ID FROM information_schema.tables_config WHERE TABLE_SCHEMA IN ('sales', 'crm')");
        insta::assert_snapshot!(visible_tables(&sales), @"SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.tables WHERE TABLE_SCHEMA = 'sales'");
        insta::assert_snapshot!(table_figures([&sales]), @"SELECT TABLE_SCHEMA, TABLE_NAME, UPDATE_TIME, TIMESTAMPDIFF(SECOND, CREATE_TIME, UTC_TIMESTAMP()) AS age_seconds FROM information_schema.tables WHERE TABLE_SCHEMA IN ('sales')");
        insta::assert_snapshot!(columns(&odd), @r"SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.columns WHERE TABLE_SCHEMA = 'sales' AND TABLE_NAME = 'a/b \'c\'' ORDER BY ORDINAL_POSITION");
        insta::assert_snapshot!(create_table(&odd), @"SHOW CREATE TABLE `sales`.`a/b 'c'`");
        insta::assert_snapshot!(create_view(&odd), @"SHOW CREATE VIEW `sales`.`a/b 'c'`");
        insta::assert_snapshot!(create_materialized_view(&odd), @"SHOW CREATE MATERIALIZED VIEW `sales`.`a/b 'c'`");
        insta::assert_snapshot!(materialized_views(&sales), @"SHOW MATERIALIZED VIEWS FROM `sales`");
        insta::assert_snapshot!(functions(&sales), @"SHOW FULL FUNCTIONS FROM `sales`");
        insta::assert_snapshot!(column_jobs(&sales), @"SHOW ALTER TABLE COLUMN FROM `sales`");
        insta::assert_snapshot!(rollup_jobs(&sales), @"SHOW ALTER TABLE ROLLUP FROM `sales`");
        insta::assert_snapshot!(optimize_jobs(&sales), @"SHOW ALTER TABLE OPTIMIZE FROM `sales`");
    }
}
