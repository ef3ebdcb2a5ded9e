//! Fixed lists of SHOW PROC.

use crate::profile::Profile;

/// Nodes below `/`, in the hash order of a real frontend.
pub(super) fn root(profile: Profile) -> Vec<&'static str> {
    let mut names = vec![
        "brokers",
        "frontends",
        "routine_loads",
        "catalog",
        "colocation_group",
        "cluster_balance",
        "load_error_hub",
        "meta_recovery",
        "global_current_queries",
        "tasks",
        "compute_nodes",
        "statistic",
        "jobs",
    ];
    if !profile.is_3_3() {
        names.push("warehouses");
    }
    names.extend(["resources", "monitor", "transactions"]);
    if profile != Profile::V4_1 {
        names.push("tablet_mapping");
    }
    names.extend([
        "backends",
        "current_queries",
        "stream_loads",
        "replications",
        "dbs",
        "current_backend_instances",
    ]);
    if !profile.is_3_3() {
        names.push("historical_nodes");
    }
    names.push("compactions");
    names
}

/// Kinds of tasks that a frontend sends to backends.
pub(super) fn tasks(profile: Profile) -> Vec<&'static str> {
    let mut names = vec![
        "CREATE",
        "DROP",
        "PUSH",
        "CLONE",
        "STORAGE_MEDIUM_MIGRATE",
        "ROLLUP",
        "SCHEMA_CHANGE",
        "CANCEL_DELETE",
        "MAKE_SNAPSHOT",
        "RELEASE_SNAPSHOT",
        "CHECK_CONSISTENCY",
        "UPLOAD",
        "DOWNLOAD",
        "CLEAR_REMOTE_FILE",
        "MOVE",
        "REALTIME_PUSH",
        "PUBLISH_VERSION",
        "CLEAR_ALTER_TASK",
        "CLEAR_TRANSACTION_TASK",
        "RECOVER_TABLET",
        "STREAM_LOAD",
        "UPDATE_TABLET_META_INFO",
        "ALTER",
        "INSTALL_PLUGIN",
        "UNINSTALL_PLUGIN",
        "DROP_AUTO_INCREMENT_MAP",
        "COMPACTION",
        "REMOTE_SNAPSHOT",
        "REPLICATE_SNAPSHOT",
        "UPDATE_SCHEMA",
        "COMPACTION_CONTROL",
    ];
    if profile == Profile::V4_1 {
        names.push("EXTERNAL_CLUSTER_SNAPSHOT");
    }
    names.extend(["NUM_TASK_TYPE", "Total"]);
    names
}

/// Items of `/cluster_balance` of a cluster that has nothing to balance.
pub(super) const CLUSTER_BALANCE: [(&str, &str); 9] = [
    ("balance_stat", "1"),
    ("cluster_load_stat", "1"),
    ("working_slots", "1"),
    ("sched_stat", "1"),
    ("priority_repair", "0"),
    ("pending_tablets", "0"),
    ("running_tablets", "0"),
    ("history_tablets", "0"),
    ("all_tablets", "0"),
];
