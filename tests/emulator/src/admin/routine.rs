//! Routine loads: who writes to which table. They never load anything here. A job keeps to the id of
//! its table, so SWAP and RENAME take it along under the other name.

use jiff::Timestamp;

use crate::{
    clock::Clock,
    engine::Engine,
    information_schema::NamedRow,
    parse::admin::NewRoutineLoad,
    privileges::{Object, Privilege},
    reply::{Column, ResultSet, SqlError, SqlResult},
    session::Session,
};

#[derive(Debug, Clone)]
pub struct RoutineLoad {
    id: i64,
    name: String,
    database: i64,
    table: i64,
    created: Timestamp,
}

const COLUMNS: [&str; 21] = [
    "Id",
    "Name",
    "CreateTime",
    "PauseTime",
    "EndTime",
    "DbName",
    "TableName",
    "State",
    "DataSourceType",
    "CurrentTaskNum",
    "JobProperties",
    "DataSourceProperties",
    "CustomProperties",
    "Statistic",
    "Progress",
    "TimestampProgress",
    "ReasonOfStateChanged",
    "ErrorLogUrls",
    "TrackingSQL",
    "OtherMsg",
    "LatestSourcePosition",
];

impl Engine {
    pub(super) fn create_routine_load(
        &mut self,
        session: &Session,
        new: NewRoutineLoad,
    ) -> SqlResult<()> {
        let database = match new.database {
            Some(database) => database,
            None => self.current_database(session)?,
        };
        let database_id = self.catalog.database(&database)?.id;
        let table = self.catalog.table(&database, &new.table)?.id;
        let object = Object::Table {
            database: &database,
            table: &new.table,
        };
        self.require(session, Privilege::Insert, object)?;
        let taken = self
            .routine_loads
            .iter()
            .any(|load| load.database == database_id && load.name == new.name);
        if taken {
            return Err(SqlError::plain(format!(
                "Name {} already used in db {database}",
                new.name
            )));
        }
        let id = self.catalog.next_id();
        self.routine_loads.push(RoutineLoad {
            id,
            name: new.name,
            database: database_id,
            table,
            created: self.clock.now(),
        });
        Ok(())
    }

    pub(super) fn show_routine_loads(
        &self,
        session: &Session,
        database: Option<String>,
    ) -> SqlResult<ResultSet> {
        let database = match database {
            Some(database) => database,
            None => self.current_database(session)?,
        };
        let id = self.catalog.database(&database)?.id;
        let mut rows = Vec::new();
        for load in self.routine_loads.iter().filter(|load| load.database == id) {
            let Some(table) = self.routine_target(session, load) else {
                continue;
            };
            let cell = |column: &str| match column {
                "Id" => Some(load.id.to_string()),
                "Name" => Some(load.name.clone()),
                "CreateTime" => Some(Clock::format(load.created, &session.time_zone)),
                "PauseTime" | "EndTime" => None,
                "DbName" => Some(database.clone()),
                "TableName" => Some(table.clone()),
                "State" => Some("RUNNING".to_owned()),
                "DataSourceType" => Some("KAFKA".to_owned()),
                "CurrentTaskNum" => Some("0".to_owned()),
                _ => Some(String::new()),
            };
            rows.push(COLUMNS.iter().map(|column| cell(column)).collect());
        }
        Ok(ResultSet {
            columns: COLUMNS.iter().map(|name| Column::show(*name)).collect(),
            rows,
        })
    }

    /// `information_schema.routine_load_jobs`.
    pub(crate) fn routine_load_rows(&self, session: &Session) -> Vec<NamedRow> {
        let row = |load: &RoutineLoad| {
            let table = self.routine_target(session, load)?;
            let database = &self.catalog.database_by_id(load.database)?.name;
            Some(NamedRow::from([
                ("ID", load.id.to_string()),
                ("NAME", load.name.clone()),
                (
                    "CREATE_TIME",
                    Clock::format(load.created, &session.time_zone),
                ),
                ("DB_NAME", database.clone()),
                ("TABLE_NAME", table),
                ("STATE", "RUNNING".to_owned()),
                ("DATA_SOURCE_TYPE", "KAFKA".to_owned()),
                ("CURRENT_TASK_NUM", "0".to_owned()),
            ]))
        };
        self.routine_loads.iter().filter_map(row).collect()
    }

    /// The name that the table of a job has now, if the session may see it.
    fn routine_target(&self, session: &Session, load: &RoutineLoad) -> Option<String> {
        let (database, table) = self.catalog.table_by_id(load.table)?;
        self.can_see_table(session, &database.name, &table.name)
            .then(|| table.name.clone())
    }
}
