//! Columns of the information schema's tables, as DESC prints them, and which version has them.

use crate::profile::Profile;

/// The versions that have a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum In {
    All,
    Before41,
    From35,
    Only41,
}

impl In {
    fn has(self, profile: Profile) -> bool {
        match self {
            In::All => true,
            In::Before41 => profile != Profile::V4_1,
            In::From35 => !profile.is_3_3(),
            In::Only41 => profile == Profile::V4_1,
        }
    }
}

type Described = &'static [(&'static str, &'static str, In)];

#[rustfmt::skip]
const BE_TABLETS: Described = &[
    ("BE_ID", "bigint", In::All),
    ("TABLE_ID", "bigint", In::All),
    ("PARTITION_ID", "bigint", In::All),
    ("TABLET_ID", "bigint", In::All),
    ("NUM_VERSION", "bigint", In::All),
    ("MAX_VERSION", "bigint", In::All),
    ("MIN_VERSION", "bigint", In::All),
    ("NUM_ROWSET", "bigint", In::All),
    ("NUM_ROW", "bigint", In::All),
    ("DATA_SIZE", "bigint", In::All),
    ("INDEX_MEM", "bigint", In::All),
    ("CREATE_TIME", "bigint", In::All),
    ("STATE", "varchar(2048)", In::All),
    ("TYPE", "varchar(2048)", In::All),
    ("DATA_DIR", "varchar(2048)", In::All),
    ("SHARD_ID", "bigint", In::All),
    ("SCHEMA_HASH", "bigint", In::All),
    ("INDEX_DISK", "bigint", In::All),
    ("MEDIUM_TYPE", "varchar(2048)", In::All),
    ("NUM_SEGMENT", "bigint", In::All),
];

#[rustfmt::skip]
const COLUMNS: Described = &[
    ("TABLE_CATALOG", "varchar(512)", In::All),
    ("TABLE_SCHEMA", "varchar(64)", In::All),
    ("TABLE_NAME", "varchar(64)", In::All),
    ("COLUMN_NAME", "varchar(64)", In::All),
    ("ORDINAL_POSITION", "bigint", In::All),
    ("COLUMN_DEFAULT", "varchar(1024)", In::All),
    ("IS_NULLABLE", "varchar(3)", In::All),
    ("DATA_TYPE", "varchar(64)", In::All),
    ("CHARACTER_MAXIMUM_LENGTH", "bigint", In::All),
    ("CHARACTER_OCTET_LENGTH", "bigint", In::All),
    ("NUMERIC_PRECISION", "bigint", In::All),
    ("NUMERIC_SCALE", "bigint", In::All),
    ("DATETIME_PRECISION", "bigint", In::All),
    ("CHARACTER_SET_NAME", "varchar(32)", In::All),
    ("COLLATION_NAME", "varchar(32)", In::All),
    ("COLUMN_TYPE", "varchar(32)", In::All),
    ("COLUMN_KEY", "varchar(3)", In::All),
    ("EXTRA", "varchar(27)", In::All),
    ("PRIVILEGES", "varchar(80)", In::All),
    ("COLUMN_COMMENT", "varchar(255)", In::All),
    ("COLUMN_SIZE", "bigint", In::All),
    ("DECIMAL_DIGITS", "bigint", In::All),
    ("GENERATION_EXPRESSION", "varchar(64)", In::All),
    ("SRS_ID", "bigint", In::All),
];

#[rustfmt::skip]
const MATERIALIZED_VIEWS: Described = &[
    ("MATERIALIZED_VIEW_ID", "varchar(50)", In::Before41),
    ("MATERIALIZED_VIEW_ID", "bigint", In::Only41),
    ("TABLE_SCHEMA", "varchar(20)", In::All),
    ("TABLE_NAME", "varchar(50)", In::All),
    ("REFRESH_TYPE", "varchar(20)", In::All),
    ("IS_ACTIVE", "varchar(10)", In::All),
    ("INACTIVE_REASON", "varchar(1024)", In::All),
    ("PARTITION_TYPE", "varchar(16)", In::All),
    ("TASK_ID", "varchar(20)", In::Before41),
    ("TASK_ID", "bigint", In::Only41),
    ("TASK_NAME", "varchar(50)", In::All),
    ("LAST_REFRESH_START_TIME", "varchar(20)", In::Before41),
    ("LAST_REFRESH_FINISHED_TIME", "varchar(20)", In::Before41),
    ("LAST_REFRESH_DURATION", "varchar(20)", In::Before41),
    ("LAST_REFRESH_START_TIME", "datetime", In::Only41),
    ("LAST_REFRESH_FINISHED_TIME", "datetime", In::Only41),
    ("LAST_REFRESH_DURATION", "double", In::Only41),
    ("LAST_REFRESH_STATE", "varchar(20)", In::All),
    ("LAST_REFRESH_FORCE_REFRESH", "varchar(8)", In::All),
    ("LAST_REFRESH_START_PARTITION", "varchar(1024)", In::All),
    ("LAST_REFRESH_END_PARTITION", "varchar(1024)", In::All),
    ("LAST_REFRESH_BASE_REFRESH_PARTITIONS", "varchar(1024)", In::All),
    ("LAST_REFRESH_MV_REFRESH_PARTITIONS", "varchar(1024)", In::All),
    ("LAST_REFRESH_ERROR_CODE", "varchar(20)", In::All),
    ("LAST_REFRESH_ERROR_MESSAGE", "varchar(1024)", In::All),
    ("TABLE_ROWS", "varchar(50)", In::Before41),
    ("TABLE_ROWS", "bigint", In::Only41),
    ("MATERIALIZED_VIEW_DEFINITION", "varchar(65535)", In::All),
    ("EXTRA_MESSAGE", "varchar(1024)", In::All),
    ("QUERY_REWRITE_STATUS", "varchar(64)", In::All),
    ("CREATOR", "varchar(64)", In::All),
    ("LAST_REFRESH_PROCESS_TIME", "datetime", In::Only41),
    ("LAST_REFRESH_JOB_ID", "varchar(64)", In::Only41),
];

#[rustfmt::skip]
const PARTITIONS: Described = &[
    ("TABLE_CATALOG", "varchar(512)", In::All),
    ("TABLE_SCHEMA", "varchar(2048)", In::All),
    ("TABLE_NAME", "varchar(2048)", In::All),
    ("PARTITION_NAME", "varchar(2048)", In::All),
    ("SUBPARTITION_NAME", "varchar(2048)", In::All),
    ("PARTITION_ORDINAL_POSITION", "bigint", In::All),
    ("PARTITION_METHOD", "varchar(2048)", In::All),
    ("SUBPARTITION_METHOD", "varchar(2048)", In::All),
    ("PARTITION_EXPRESSION", "varchar(2048)", In::All),
    ("SUBPARTITION_EXPRESSION", "varchar(2048)", In::All),
    ("PARTITION_DESCRIPTION", "varchar(2048)", In::All),
    ("TABLE_ROWS", "bigint", In::All),
    ("AVG_ROW_LENGTH", "bigint", In::All),
    ("DATA_LENGTH", "bigint", In::All),
    ("MAX_DATA_LENGTH", "bigint", In::All),
    ("INDEX_LENGTH", "bigint", In::All),
    ("DATA_FREE", "bigint", In::All),
    ("CREATE_TIME", "datetime", In::All),
    ("UPDATE_TIME", "datetime", In::All),
    ("CHECK_TIME", "datetime", In::All),
    ("CHECKSUM", "bigint", In::All),
    ("PARTITION_COMMENT", "varchar(2048)", In::All),
    ("NODEGROUP", "varchar(2048)", In::All),
    ("TABLESPACE_NAME", "varchar(2048)", In::All),
    ("SUBPARTITION_ORDINAL_POSITION", "bigint", In::From35),
];

#[rustfmt::skip]
const PARTITIONS_META: Described = &[
    ("DB_NAME", "varchar(2048)", In::All),
    ("TABLE_NAME", "varchar(2048)", In::All),
    ("PARTITION_NAME", "varchar(2048)", In::All),
    ("PARTITION_ID", "bigint", In::All),
    ("COMPACT_VERSION", "bigint", In::All),
    ("VISIBLE_VERSION", "bigint", In::All),
    ("VISIBLE_VERSION_TIME", "datetime", In::All),
    ("NEXT_VERSION", "bigint", In::All),
    ("DATA_VERSION", "bigint", In::All),
    ("VERSION_EPOCH", "bigint", In::All),
    ("VERSION_TXN_TYPE", "varchar(2048)", In::All),
    ("PARTITION_KEY", "varchar(2048)", In::All),
    ("PARTITION_VALUE", "varchar(2048)", In::All),
    ("DISTRIBUTION_KEY", "varchar(2048)", In::All),
    ("BUCKETS", "int", In::All),
    ("REPLICATION_NUM", "int", In::All),
    ("STORAGE_MEDIUM", "varchar(2048)", In::All),
    ("COOLDOWN_TIME", "datetime", In::All),
    ("LAST_CONSISTENCY_CHECK_TIME", "datetime", In::All),
    ("IS_IN_MEMORY", "boolean", In::All),
    ("IS_TEMP", "boolean", In::All),
    ("DATA_SIZE", "varchar(2048)", In::Before41),
    ("DATA_SIZE", "bigint", In::Only41),
    ("ROW_COUNT", "bigint", In::All),
    ("ENABLE_DATACACHE", "boolean", In::All),
    ("AVG_CS", "double", In::All),
    ("P50_CS", "double", In::All),
    ("MAX_CS", "double", In::All),
    ("STORAGE_PATH", "varchar(2048)", In::All),
    ("STORAGE_SIZE", "bigint", In::From35),
    ("TABLET_BALANCED", "boolean", In::From35),
    ("METADATA_SWITCH_VERSION", "bigint", In::Only41),
];

#[rustfmt::skip]
const TABLES: Described = &[
    ("TABLE_CATALOG", "varchar(512)", In::All),
    ("TABLE_SCHEMA", "varchar(2048)", In::All),
    ("TABLE_NAME", "varchar(2048)", In::All),
    ("TABLE_TYPE", "varchar(2048)", In::All),
    ("ENGINE", "varchar(2048)", In::All),
    ("VERSION", "bigint", In::All),
    ("ROW_FORMAT", "varchar(10)", In::All),
    ("TABLE_ROWS", "bigint", In::All),
    ("AVG_ROW_LENGTH", "bigint", In::All),
    ("DATA_LENGTH", "bigint", In::All),
    ("MAX_DATA_LENGTH", "bigint", In::All),
    ("INDEX_LENGTH", "bigint", In::All),
    ("DATA_FREE", "bigint", In::All),
    ("AUTO_INCREMENT", "bigint", In::All),
    ("CREATE_TIME", "datetime", In::All),
    ("UPDATE_TIME", "datetime", In::All),
    ("CHECK_TIME", "datetime", In::All),
    ("TABLE_COLLATION", "varchar(32)", In::All),
    ("CHECKSUM", "bigint", In::All),
    ("CREATE_OPTIONS", "varchar(255)", In::All),
    ("TABLE_COMMENT", "varchar(2048)", In::All),
];

#[rustfmt::skip]
const TABLES_CONFIG: Described = &[
    ("TABLE_SCHEMA", "varchar(2048)", In::All),
    ("TABLE_NAME", "varchar(2048)", In::All),
    ("TABLE_ENGINE", "varchar(2048)", In::All),
    ("TABLE_MODEL", "varchar(2048)", In::All),
    ("PRIMARY_KEY", "varchar(2048)", In::All),
    ("PARTITION_KEY", "varchar(2048)", In::All),
    ("DISTRIBUTE_KEY", "varchar(2048)", In::All),
    ("DISTRIBUTE_TYPE", "varchar(2048)", In::All),
    ("DISTRIBUTE_BUCKET", "int", In::All),
    ("SORT_KEY", "varchar(2048)", In::All),
    ("PROPERTIES", "varchar(65535)", In::All),
    ("TABLE_ID", "bigint", In::All),
];

#[rustfmt::skip]
const TASK_RUNS: Described = &[
    ("QUERY_ID", "varchar(64)", In::All),
    ("TASK_NAME", "varchar(64)", In::All),
    ("CREATE_TIME", "datetime", In::All),
    ("FINISH_TIME", "datetime", In::All),
    ("STATE", "varchar(16)", In::All),
    ("CATALOG", "varchar(64)", In::All),
    ("WAREHOUSE", "varchar(64)", In::Only41),
    ("DATABASE", "varchar(64)", In::All),
    ("DEFINITION", "varchar(65535)", In::All),
    ("EXPIRE_TIME", "datetime", In::All),
    ("ERROR_CODE", "bigint", In::All),
    ("ERROR_MESSAGE", "varchar(65535)", In::All),
    ("PROGRESS", "varchar(64)", In::All),
    ("EXTRA_MESSAGE", "varchar(8192)", In::All),
    ("PROPERTIES", "varchar(512)", In::All),
    ("JOB_ID", "varchar(64)", In::Only41),
    ("PROCESS_TIME", "datetime", In::Only41),
];

#[rustfmt::skip]
const TASKS: Described = &[
    ("TASK_NAME", "varchar(64)", In::All),
    ("CREATE_TIME", "datetime", In::All),
    ("SCHEDULE", "varchar(64)", In::All),
    ("CATALOG", "varchar(64)", In::All),
    ("DATABASE", "varchar(64)", In::All),
    ("DEFINITION", "varchar(65535)", In::All),
    ("EXPIRE_TIME", "datetime", In::All),
    ("PROPERTIES", "varchar(65535)", In::All),
    ("CREATOR", "varchar(64)", In::All),
];

#[rustfmt::skip]
const LOAD_TRACKING_LOGS: Described = &[
    ("JOB_ID", "bigint", In::All),
    ("LABEL", "varchar(2048)", In::All),
    ("DATABASE_NAME", "varchar(2048)", In::All),
    ("TRACKING_LOG", "varchar(65535)", In::All),
    ("TYPE", "varchar(2048)", In::All),
];

#[rustfmt::skip]
const VIEWS: Described = &[
    ("TABLE_CATALOG", "varchar(512)", In::All),
    ("TABLE_SCHEMA", "varchar(64)", In::All),
    ("TABLE_NAME", "varchar(64)", In::All),
    ("VIEW_DEFINITION", "varchar(65535)", In::All),
    ("CHECK_OPTION", "varchar(8)", In::All),
    ("IS_UPDATABLE", "varchar(3)", In::All),
    ("DEFINER", "varchar(77)", In::All),
    ("SECURITY_TYPE", "varchar(7)", In::All),
    ("CHARACTER_SET_CLIENT", "varchar(32)", In::All),
    ("COLLATION_CONNECTION", "varchar(32)", In::All),
];

#[rustfmt::skip]
const ROUTINE_LOAD_JOBS: Described = &[
    ("ID", "bigint", In::All),
    ("NAME", "varchar(2048)", In::All),
    ("CREATE_TIME", "datetime", In::All),
    ("PAUSE_TIME", "datetime", In::All),
    ("END_TIME", "datetime", In::All),
    ("DB_NAME", "varchar(2048)", In::All),
    ("TABLE_NAME", "varchar(2048)", In::All),
    ("STATE", "varchar(2048)", In::All),
    ("DATA_SOURCE_TYPE", "varchar(2048)", In::All),
    ("CURRENT_TASK_NUM", "bigint", In::All),
    ("JOB_PROPERTIES", "varchar(2048)", In::All),
    ("DATA_SOURCE_PROPERTIES", "varchar(2048)", In::All),
    ("CUSTOM_PROPERTIES", "varchar(2048)", In::All),
    ("STATISTICS", "varchar(2048)", In::All),
    ("PROGRESS", "varchar(2048)", In::All),
    ("TIMESTAMP_PROGRESS", "varchar(2048)", In::All),
    ("REASONS_OF_STATE_CHANGED", "varchar(2048)", In::All),
    ("ERROR_LOG_URLS", "varchar(2048)", In::All),
    ("TRACKING_SQL", "varchar(2048)", In::All),
    ("OTHER_MSG", "varchar(2048)", In::All),
    ("LATEST_SOURCE_POSITION", "json", In::From35),
    ("OFFSET_LAG", "json", In::From35),
];

#[rustfmt::skip]
const SCHEMATA: Described = &[
    ("CATALOG_NAME", "varchar(512)", In::All),
    ("SCHEMA_NAME", "varchar(32)", In::All),
    ("DEFAULT_CHARACTER_SET_NAME", "varchar(32)", In::All),
    ("DEFAULT_COLLATION_NAME", "varchar(32)", In::All),
    ("SQL_PATH", "varchar(512)", In::All),
];

#[rustfmt::skip]
const LOADS_3_3: Described = &[
    ("JOB_ID", "bigint", In::All),
    ("LABEL", "varchar(2048)", In::All),
    ("DATABASE_NAME", "varchar(2048)", In::All),
    ("STATE", "varchar(2048)", In::All),
    ("PROGRESS", "varchar(2048)", In::All),
    ("TYPE", "varchar(2048)", In::All),
    ("PRIORITY", "varchar(2048)", In::All),
    ("SCAN_ROWS", "bigint", In::All),
    ("FILTERED_ROWS", "bigint", In::All),
    ("UNSELECTED_ROWS", "bigint", In::All),
    ("SINK_ROWS", "bigint", In::All),
    ("ETL_INFO", "varchar(2048)", In::All),
    ("TASK_INFO", "varchar(2048)", In::All),
    ("CREATE_TIME", "datetime", In::All),
    ("ETL_START_TIME", "datetime", In::All),
    ("ETL_FINISH_TIME", "datetime", In::All),
    ("LOAD_START_TIME", "datetime", In::All),
    ("LOAD_FINISH_TIME", "datetime", In::All),
    ("JOB_DETAILS", "varchar(2048)", In::All),
    ("ERROR_MSG", "varchar(2048)", In::All),
    ("TRACKING_URL", "varchar(2048)", In::All),
    ("TRACKING_SQL", "varchar(2048)", In::All),
    ("REJECTED_RECORD_PATH", "varchar(2048)", In::All),
];

#[rustfmt::skip]
const LOADS: Described = &[
    ("ID", "bigint", In::All),
    ("LABEL", "varchar(2048)", In::All),
    ("PROFILE_ID", "varchar(2048)", In::All),
    ("DB_NAME", "varchar(2048)", In::All),
    ("TABLE_NAME", "varchar(2048)", In::All),
    ("USER", "varchar(2048)", In::All),
    ("WAREHOUSE", "varchar(2048)", In::All),
    ("STATE", "varchar(2048)", In::All),
    ("PROGRESS", "varchar(2048)", In::All),
    ("TYPE", "varchar(2048)", In::All),
    ("PRIORITY", "varchar(2048)", In::All),
    ("SCAN_ROWS", "bigint", In::All),
    ("SCAN_BYTES", "bigint", In::All),
    ("FILTERED_ROWS", "bigint", In::All),
    ("UNSELECTED_ROWS", "bigint", In::All),
    ("SINK_ROWS", "bigint", In::All),
    ("RUNTIME_DETAILS", "json", In::All),
    ("CREATE_TIME", "datetime", In::All),
    ("LOAD_START_TIME", "datetime", In::All),
    ("LOAD_COMMIT_TIME", "datetime", In::All),
    ("LOAD_FINISH_TIME", "datetime", In::All),
    ("PROPERTIES", "json", In::All),
    ("ERROR_MSG", "varchar(2048)", In::All),
    ("TRACKING_SQL", "varchar(2048)", In::All),
    ("REJECTED_RECORD_PATH", "varchar(2048)", In::All),
    ("JOB_ID", "bigint", In::All),
];

/// Names of the tables of 3.3; what came with 3.5 and with 4.1 below.
#[rustfmt::skip]
const NAMES: [&str; 46] = [
    "be_bvars",
    "be_cloud_native_compactions",
    "be_compactions",
    "be_configs",
    "be_datacache_metrics",
    "be_logs",
    "be_metrics",
    "be_tablets",
    "be_threads",
    "be_txns",
    "character_sets",
    "collations",
    "column_privileges",
    "columns",
    "engines",
    "events",
    "fe_metrics",
    "fe_tablet_schedules",
    "global_variables",
    "key_column_usage",
    "load_tracking_logs",
    "loads",
    "materialized_views",
    "partitions",
    "partitions_meta",
    "pipe_files",
    "pipes",
    "referential_constraints",
    "routine_load_jobs",
    "routines",
    "schema_privileges",
    "schemata",
    "session_variables",
    "statistics",
    "stream_loads",
    "table_constraints",
    "table_privileges",
    "tables",
    "tables_config",
    "task_runs",
    "tasks",
    "temp_tables",
    "triggers",
    "user_privileges",
    "verbose_session_variables",
    "views",
];
#[rustfmt::skip]
const NAMES_3_5: [&str; 8] = [
    "analyze_status",
    "applicable_roles",
    "cluster_snapshot_jobs",
    "cluster_snapshots",
    "column_stats_usage",
    "keywords",
    "warehouse_metrics",
    "warehouse_queries",
];
#[rustfmt::skip]
const NAMES_4_1: [&str; 4] = [
    "be_tablet_write_log",
    "fe_threads",
    "recyclebin_catalogs",
    "tablet_reshard_jobs",
];

/// Columns and types of a table, or `None` if the emulator does not know the table.
pub(super) fn columns(profile: Profile, table: &str) -> Option<Vec<(&'static str, &'static str)>> {
    let described = match table.to_lowercase().as_str() {
        "be_tablets" => BE_TABLETS,
        "columns" => COLUMNS,
        "loads" if profile.is_3_3() => LOADS_3_3,
        "loads" => LOADS,
        "materialized_views" => MATERIALIZED_VIEWS,
        "partitions" => PARTITIONS,
        "partitions_meta" => PARTITIONS_META,
        "routine_load_jobs" => ROUTINE_LOAD_JOBS,
        "schemata" => SCHEMATA,
        "tables" => TABLES,
        "tables_config" => TABLES_CONFIG,
        "load_tracking_logs" => LOAD_TRACKING_LOGS,
        "task_runs" => TASK_RUNS,
        "tasks" => TASKS,
        "views" => VIEWS,
        _ => return None,
    };
    let present = described
        .iter()
        .filter(|(_, _, versions)| versions.has(profile));
    Some(
        present
            .map(|(name, sql_type, _)| (*name, *sql_type))
            .collect(),
    )
}

/// All tables that a version lists, sorted.
pub(super) fn names(profile: Profile) -> Vec<&'static str> {
    let mut names = NAMES.to_vec();
    if !profile.is_3_3() {
        names.extend(NAMES_3_5);
    }
    if profile == Profile::V4_1 {
        names.extend(NAMES_4_1);
    }
    names.sort_unstable();
    names
}

/// The tables of database `sys`.
pub(super) const SYS: [&str; 6] = [
    "fe_locks",
    "fe_memory_usage",
    "grants_to_roles",
    "grants_to_users",
    "object_dependencies",
    "role_edges",
];
