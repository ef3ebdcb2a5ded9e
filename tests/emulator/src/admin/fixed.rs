//! SHOW statements whose answers are the same on every cluster of a version. Clients send them when
//! they connect or look around.

use crate::{
    engine::Engine,
    profile::Profile,
    reply::{Cell, Column, ResultSet},
};

/// Columns with their widths in characters.
type Columns = &'static [(&'static str, u32)];

const CATALOGS: Columns = &[("Catalog", 256), ("Type", 20), ("Comment", 30)];
const CHARSET: Columns = &[
    ("Charset", 20),
    ("Description", 20),
    ("Default collation", 20),
    ("Maxlen", 20),
];
const ENGINES: Columns = &[
    ("Engine", 64),
    ("Support", 8),
    ("Comment", 80),
    ("Transactions", 3),
    ("XA", 3),
    ("Savepoints", 3),
];
const ERRORS: Columns = &[("Level", 20), ("Code", 20), ("Message", 20)];
/// The real one names Status twice as well.
const EVENTS: Columns = &[
    ("Db", 20),
    ("Name", 30),
    ("Definer", 20),
    ("Time", 20),
    ("Type", 20),
    ("Execute at", 20),
    ("Interval value", 30),
    ("Interval field", 30),
    ("Status", 30),
    ("Ends", 30),
    ("Status", 30),
    ("Originator", 30),
    ("character_set_client", 30),
    ("collation_connection", 30),
    ("Database Collation", 30),
];
const PLUGINS: Columns = &[
    ("Name", 64),
    ("Type", 10),
    ("Description", 200),
    ("Version", 20),
    ("JavaVersion", 20),
    ("ClassName", 64),
    ("SoName", 64),
    ("Sources", 200),
    ("Status", 20),
    ("Properties", 250),
];
const PROCEDURES: Columns = &[
    ("Db", 10),
    ("Name", 10),
    ("Type", 10),
    ("Definer", 64),
    ("Modified", 20),
    ("Created", 20),
    ("Security_type", 10),
    ("Comment", 64),
    ("character_set_client", 10),
    ("collation_connection", 10),
    ("Database Collation", 10),
];
const RESOURCE_GROUPS_OLD: Columns = &[
    ("name", 100),
    ("id", 200),
    ("cpu_weight", 200),
    ("exclusive_cpu_cores", 200),
    ("mem_limit", 200),
    ("big_query_cpu_second_limit", 200),
    ("big_query_scan_rows_limit", 200),
    ("big_query_mem_limit", 200),
    ("concurrency_limit", 200),
    ("spill_mem_limit_threshold", 200),
    ("classifiers", 1024),
];
const RESOURCE_GROUPS: Columns = &[
    ("name", 100),
    ("id", 200),
    ("cpu_weight_percent", 200),
    ("exclusive_cpu_percent", 200),
    ("mem_limit", 200),
    ("big_query_cpu_second_limit", 200),
    ("big_query_scan_rows_limit", 200),
    ("big_query_mem_limit", 200),
    ("concurrency_limit", 200),
    ("spill_mem_limit_threshold", 200),
    ("classifiers", 1024),
    ("warehouses", 1024),
];
const STORAGE_VOLUMES: Columns = &[("Storage Volume", 256)];
const TRIGGERS: Columns = &[
    ("Trigger", 64),
    ("Event", 10),
    ("Table", 80),
    ("Statement", 64),
    ("Timing", 80),
    ("Created", 80),
    ("sql_mode", 80),
    ("Definer", 80),
    ("character_set_client", 80),
    ("collation_connection", 80),
    ("Database Collation", 80),
];
const WAREHOUSES: Columns = &[("Id", 256), ("Name", 256), ("State", 20)];

impl Engine {
    pub(super) fn show_fixed(&self, words: &str) -> ResultSet {
        match words {
            "CATALOGS" => table(
                CATALOGS,
                &[&[
                    "default_catalog",
                    "Internal",
                    "An internal catalog contains this cluster's self-managed tables.",
                ]],
            ),
            "CHARSET" | "CHARACTER SET" => table(
                CHARSET,
                &[&["utf8", "UTF-8 Unicode", "utf8_general_ci", "3"]],
            ),
            "COLLATION" => collations(),
            "ENGINES" | "STORAGE ENGINES" => table(
                ENGINES,
                &[
                    &engine("OLAP", "Default storage engine of StarRocks"),
                    &engine("MySQL", "MySQL server which data is in it"),
                    &engine("ELASTICSEARCH", "ELASTICSEARCH cluster which data is in it"),
                    &engine("HIVE", "HIVE database which data is in it"),
                    &engine("ICEBERG", "ICEBERG data lake which data is in it"),
                ],
            ),
            "ERRORS" => table(ERRORS, &[]),
            "EVENTS" => table(EVENTS, &[]),
            "PLUGINS" => plugins(),
            "PROCEDURE STATUS" => table(PROCEDURES, &[]),
            "RESOURCE GROUPS" | "RESOURCE GROUPS ALL" if self.profile == Profile::V4_1 => {
                table(RESOURCE_GROUPS, &[])
            }
            "RESOURCE GROUPS" | "RESOURCE GROUPS ALL" => table(RESOURCE_GROUPS_OLD, &[]),
            "STORAGE VOLUMES" => table(STORAGE_VOLUMES, &[]),
            "TRIGGERS" => table(TRIGGERS, &[]),
            _ => table(WAREHOUSES, &[&["0", "default_warehouse", "AVAILABLE"]]),
        }
    }
}

fn engine(name: &'static str, comment: &'static str) -> [&'static str; 6] {
    [name, "YES", comment, "NO", "NO", "NO"]
}

fn table(columns: Columns, rows: &[&[&str]]) -> ResultSet {
    ResultSet {
        columns: columns
            .iter()
            .map(|(name, chars)| Column::varchar(*name, *chars))
            .collect(),
        rows: rows
            .iter()
            .map(|row| row.iter().map(|cell| Some((*cell).to_owned())).collect())
            .collect(),
    }
}

fn collations() -> ResultSet {
    let text = |name: &str| Column::varchar(name, 20);
    let row = |name: &str, charset: &str, id: &str| -> Vec<Cell> {
        [name, charset, id, "Yes", "Yes", "1"]
            .map(|cell| Some(cell.to_owned()))
            .to_vec()
    };
    ResultSet {
        columns: vec![
            text("Collation"),
            text("Charset"),
            Column::bigint("Id"),
            text("Default"),
            text("Compiled"),
            Column::bigint("Sortlen"),
        ],
        rows: vec![
            row("utf8_general_ci", "utf8", "33"),
            row("binary", "binary", "63"),
            row("gbk_chinese_ci", "gbk", "28"),
        ],
    }
}

fn plugins() -> ResultSet {
    let mut set = table(
        PLUGINS,
        &[&[
            "__builtin_AuditLogBuilder",
            "AUDIT",
            "builtin audit logger",
            "0.12.0",
            "1.8.31",
            "com.starrocks.qe.AuditLogBuilder",
            "",
            "Builtin",
            "INSTALLED",
            "{}",
        ]],
    );
    for row in &mut set.rows {
        row[6] = None;
    }
    set
}
