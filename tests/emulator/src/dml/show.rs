//! SHOW LOAD and SHOW TRANSACTION.

use jiff::Timestamp;

use super::loads::{LoadRecord, LoadState};
use crate::{
    clock::Clock,
    engine::Engine,
    information_schema::NamedRow,
    privileges::Object,
    reply::{Cell, Column, Reply, ResultSet, SqlError, SqlResult},
    session::Session,
};

const LOAD_COLUMNS: [&str; 21] = [
    "JobId",
    "Label",
    "State",
    "Progress",
    "Type",
    "Priority",
    "ScanRows",
    "FilteredRows",
    "UnselectedRows",
    "SinkRows",
    "EtlInfo",
    "TaskInfo",
    "ErrorMsg",
    "CreateTime",
    "EtlStartTime",
    "EtlFinishTime",
    "LoadStartTime",
    "LoadFinishTime",
    "TrackingSQL",
    "JobDetails",
    // Since 3.4.
    "Warehouse",
];

const TRANSACTION_COLUMNS: [&str; 13] = [
    "TransactionId",
    "Label",
    "Coordinator",
    "TransactionStatus",
    "LoadJobSourceType",
    "PrepareTime",
    "CommitTime",
    "PublishTime",
    "FinishTime",
    "Reason",
    "ErrorReplicasCount",
    "ListenerId",
    "TimeoutMs",
];

impl Engine {
    fn database_of(&self, session: &Session, database: Option<String>) -> SqlResult<i64> {
        let database = match database {
            Some(database) => database,
            None => self.current_database(session)?,
        };
        Ok(self.catalog.database(&database)?.id)
    }

    pub(super) fn show_load(
        &self,
        session: &Session,
        database: Option<String>,
        label: Option<&str>,
    ) -> SqlResult {
        let database_id = self.database_of(session, database)?;
        let names = if self.profile.is_3_3() {
            &LOAD_COLUMNS[..20]
        } else {
            &LOAD_COLUMNS[..]
        };
        let rows = self
            .loads
            .records(database_id)
            .filter(|record| label.is_none_or(|label| record.label == label))
            .map(|record| {
                let mut row = self.load_row(session, record);
                row.truncate(names.len());
                row
            })
            .collect();
        Ok(Reply::Rows(ResultSet {
            columns: names.iter().map(|name| Column::show(*name)).collect(),
            rows,
        }))
    }

    fn load_row(&self, session: &Session, record: &LoadRecord) -> Vec<Cell> {
        let zone = self.show_time_zone(session);
        let time = |at: Timestamp| Clock::format(at, &zone);
        let [state, progress] = state_and_progress(record.state);
        // The stand-in backend of the recordings counts nothing.
        let loaded = if self.stand_in_backend {
            0
        } else {
            record.loaded
        };
        let timeout = if self.profile.is_3_3() { 300 } else { 14_400 };
        let backend = self.nodes.backends.first().map_or(0, |backend| backend.id);
        let query = format!("{{\"{}\":[{backend}]}}", uuid_of(record));
        let details = format!(
            "{{\"All backends\":{query},\"FileNumber\":0,\"FileSize\":0,\
             \"InternalTableLoadBytes\":0,\"InternalTableLoadRows\":{loaded},\"ScanBytes\":0,\
             \"ScanRows\":0,\"TaskNumber\":1,\"Unfinished backends\":{query}}}"
        );
        let created = time(record.created);
        let error = record
            .error
            .as_ref()
            .map(|error| format!("type:LOAD_RUN_FAIL; msg:{error}"));
        let some = |text: &str| Some(text.to_owned());
        vec![
            Some(record.job_id.to_string()),
            some(&record.label),
            some(state),
            some(progress),
            some("INSERT"),
            some("NORMAL"),
            some("0"),
            Some(record.filtered.to_string()),
            some("0"),
            Some(loaded.to_string()),
            None,
            Some(format!(
                "resource:N/A; timeout(s):{timeout}; max_filter_ratio:0.0"
            )),
            error,
            some(&created),
            some(&created),
            some(&created),
            some(&created),
            record.finished.map(time),
            Some(if record.rejected.is_empty() {
                String::new()
            } else {
                tracking_sql(record.job_id)
            }),
            Some(details),
            some(""),
        ]
    }

    /// Rows of `information_schema.loads`: 3.3 has other columns than later versions.
    pub(crate) fn load_rows(&self, session: &Session) -> Vec<NamedRow> {
        let time = |at: Timestamp| Clock::format(at, &session.time_zone);
        let mut rows = Vec::new();
        for database in self.catalog.databases.values() {
            if !self.has_something(session, Object::Database(&database.name)) {
                continue;
            }
            for record in self.loads.records(database.id) {
                let [state, progress] = state_and_progress(record.state);
                let created = time(record.created);
                let mut row = NamedRow::from([
                    ("ID", record.job_id.to_string()),
                    ("JOB_ID", record.job_id.to_string()),
                    ("LABEL", record.label.clone()),
                    ("PROFILE_ID", uuid_of(record)),
                    ("DB_NAME", database.name.clone()),
                    ("DATABASE_NAME", database.name.clone()),
                    ("TABLE_NAME", record.table.clone()),
                    ("USER", record.user.clone()),
                    ("WAREHOUSE", String::new()),
                    ("STATE", state.to_owned()),
                    ("PROGRESS", progress.to_owned()),
                    ("TYPE", "INSERT".to_owned()),
                    ("PRIORITY", "NORMAL".to_owned()),
                    ("SCAN_ROWS", "0".to_owned()),
                    ("SCAN_BYTES", "0".to_owned()),
                    ("FILTERED_ROWS", record.filtered.to_string()),
                    ("UNSELECTED_ROWS", "0".to_owned()),
                    ("SINK_ROWS", record.loaded.to_string()),
                    ("CREATE_TIME", created.clone()),
                    ("ETL_START_TIME", created.clone()),
                    ("ETL_FINISH_TIME", created.clone()),
                    ("LOAD_START_TIME", created),
                ]);
                if let Some(finished) = record.finished {
                    row.insert("LOAD_FINISH_TIME", time(finished));
                    row.insert("LOAD_COMMIT_TIME", time(finished));
                }
                if let Some(error) = &record.error {
                    row.insert("ERROR_MSG", error.clone());
                }
                if !record.rejected.is_empty() {
                    row.insert("TRACKING_SQL", tracking_sql(record.job_id));
                }
                rows.push(row);
            }
        }
        rows
    }

    /// Rows of `information_schema.load_tracking_logs`: why rows were filtered.
    pub(crate) fn tracking_rows(&self, session: &Session) -> Vec<NamedRow> {
        let mut rows = Vec::new();
        for database in self.catalog.databases.values() {
            if !self.has_something(session, Object::Database(&database.name)) {
                continue;
            }
            for record in self.loads.records(database.id) {
                if !record.rejected.is_empty() {
                    rows.push(NamedRow::from([
                        ("JOB_ID", record.job_id.to_string()),
                        ("LABEL", record.label.clone()),
                        ("DATABASE_NAME", database.name.clone()),
                        ("TRACKING_LOG", record.rejected.join("\n")),
                        ("TYPE", "INSERT".to_owned()),
                    ]));
                }
            }
        }
        rows
    }

    pub(super) fn show_transaction(
        &self,
        session: &Session,
        database: Option<String>,
        id: Option<i64>,
    ) -> SqlResult {
        let Some(id) = id else {
            return Err(SqlError::new(
                5064,
                "42000",
                "Getting analyzing error. Detail message: Where clause should looks like: ID = \
                 $transaction_id.",
            ));
        };
        let database_id = self.database_of(session, database)?;
        let zone = self.show_time_zone(session);
        let time = |at: Timestamp| Clock::format(at, &zone);
        let Some(record) = self
            .loads
            .records(database_id)
            .find(|record| record.transaction == id)
        else {
            return Err(SqlError::plain(format!(
                "transaction with id {id} does not exist"
            )));
        };
        let some = |text: &str| Some(text.to_owned());
        let finished = record.finished.map(time);
        let row = vec![
            Some(record.transaction.to_string()),
            some(&record.label),
            some("FE: 127.0.0.1"),
            some(record.state.name()),
            some("INSERT_STREAMING"),
            Some(time(record.created)),
            finished.clone(),
            finished.clone(),
            finished,
            Some(record.error.clone().unwrap_or_default()),
            some("0"),
            Some(record.job_id.to_string()),
            some("300000"),
        ];
        Ok(Reply::Rows(ResultSet {
            columns: TRANSACTION_COLUMNS
                .iter()
                .map(|name| Column::show(*name))
                .collect(),
            rows: vec![row],
        }))
    }
}

fn state_and_progress(state: LoadState) -> [&'static str; 2] {
    match state {
        LoadState::Prepare => ["LOADING", "ETL:100%; LOAD:0%"],
        LoadState::Committed | LoadState::Visible => ["FINISHED", "ETL:100%; LOAD:100%"],
        LoadState::Aborted => ["CANCELLED", "ETL:N/A; LOAD:N/A"],
    }
}

/// Where the frontend says why rows were filtered.
pub(super) fn tracking_sql(job_id: i64) -> String {
    format!("select tracking_log from information_schema.load_tracking_logs where job_id={job_id}")
}

/// The query id of a load: that of its made-up label, else one made of its job.
fn uuid_of(record: &LoadRecord) -> String {
    match record.label.strip_prefix("insert_") {
        Some(uuid) if uuid.len() == 36 => uuid.to_owned(),
        _ => {
            let digits = format!("{:032x}", record.job_id);
            format!(
                "{}-{}-{}-{}-{}",
                &digits[..8],
                &digits[8..12],
                &digits[12..16],
                &digits[16..20],
                &digits[20..]
            )
        }
    }
}
