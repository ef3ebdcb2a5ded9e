//! The database `_statistics_`, which every cluster has and no backup wants.

use super::Ddl;
use crate::{
    engine::Engine,
    parse::{
        ddl,
        token::{Cursor, tokenize},
    },
    profile::Profile,
    reply::SqlResult,
};

const NAME: &str = "_statistics_";

/// Tables and their buckets; the second part came with 3.5, the third after it.
const TABLES: [(&str, u32); 7] = [
    ("column_statistics", 10),
    ("external_column_statistics", 10),
    ("external_histogram_statistics", 10),
    ("histogram_statistics", 10),
    ("pipe_file_list", 8),
    ("table_statistic_v1", 10),
    ("task_run_history", 8),
];
const TABLES_3_5: [(&str, u32); 3] = [
    ("loads_history", 3),
    ("multi_column_statistics", 10),
    ("predicate_columns", 8),
];
const TABLES_4_1: [(&str, u32); 2] = [("query_history", 3), ("spm_baselines", 10)];

impl Engine {
    /// Makes the tables, empty: nothing here computes statistics. Their columns are not those of a
    /// real frontend.
    pub(super) fn make_statistics_database(&mut self) -> SqlResult<()> {
        if self.catalog.has_database(NAME) {
            return Ok(());
        }
        self.catalog.create_database(NAME);
        let mut tables = TABLES.to_vec();
        if !self.profile.is_3_3() {
            tables.extend(TABLES_3_5);
        }
        if self.profile == Profile::V4_1 {
            tables.extend(TABLES_4_1);
        }
        for (name, buckets) in tables {
            let sql = format!(
                "CREATE TABLE {name} (table_id BIGINT NOT NULL, content STRING) PRIMARY KEY(table_id) \
                 DISTRIBUTED BY HASH(table_id) BUCKETS {buckets}"
            );
            let tokens = tokenize(&sql)?;
            if let Some(Ddl::CreateTable(spec)) = ddl::parse(&mut Cursor::new(&sql, &tokens))? {
                self.make_table(NAME, name, &spec)?;
            }
        }
        Ok(())
    }
}
