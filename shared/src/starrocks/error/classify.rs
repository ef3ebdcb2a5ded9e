//! The texts by which StarRocks 3.3 to 4.1 tells failures apart. The analyzer puts `Getting analyzing
//! error ... Detail message:` before some and a full stop after them, so texts are looked for, not
//! compared.

use super::FailureKind;

pub(super) fn classify(code: u16, message: &str) -> FailureKind {
    by_text(message)
        .or_else(|| by_code(code))
        .unwrap_or(FailureKind::Other)
}

fn by_code(code: u16) -> Option<FailureKind> {
    match code {
        1044 | 1045 | 1130 | 1142 | 1227 | 5203 | 5204 => Some(FailureKind::AccessDenied),
        1007 | 1050 | 1517 => Some(FailureKind::AlreadyExists),
        1008 | 1049 | 5501 => Some(FailureKind::UnknownDatabase),
        1051 | 1146 | 5502 => Some(FailureKind::UnknownTable),
        1507 | 1735 | 1749 => Some(FailureKind::UnknownPartition),
        5014 => Some(FailureKind::TableBusy),
        5024 => Some(FailureKind::Timeout),
        5401 => Some(FailureKind::NotMaster),
        5503 => Some(FailureKind::UnsupportedTable),
        _ => None,
    }
}

/// All parts of a text must occur. The first row that fits decides, so that a text which contains
/// another stands above it.
fn by_text(message: &str) -> Option<FailureKind> {
    use FailureKind::*;
    const TEXTS: &[(&[&str], FailureKind)] = &[
        (&["Access denied"], AccessDenied),
        (
            &["Snapshot with name '", "already exist in repository"],
            LabelExists,
        ),
        (&["Can only run one backup or restore job of"], JobRunning),
        (
            &["Another backup or restore job is being submitted"],
            JobRunning,
        ),
        (&["No backup job is currently running"], NothingToCancel),
        (&["No restore is currently running"], NothingToCancel),
        (&["Job with label", "can not be cancelled"], NothingToCancel),
        (&["Repository [", "does not exist"], RepositoryUnknown),
        (&["Repository ", "does not exist"], RepositoryUnknown),
        (&["Repository ", "is read only"], RepositoryReadOnly),
        (
            &["Failed to get info of snapshot", "Expected one file"],
            SnapshotMissing,
        ),
        (
            &["Failed to get info of snapshot", "File does not exist"],
            SnapshotMissing,
        ),
        (&["Failed to get info of snapshot"], RepositoryUnreachable),
        (&["does not exist in snapshot"], SnapshotMissing),
        (&["is not existed in snapshot"], SnapshotMissing),
        (&["failed to list remote path"], RepositoryUnreachable),
        (&["Failed to list snapshot in repo"], RepositoryUnreachable),
        (&["Label [", "has already been used"], LoadLabelUsed),
        (&["temp partitions"], TempPartitions),
        (&["temporary partitions"], TempPartitions),
        (
            &["List partition table does not support backup/restore"],
            ListUnsupported,
        ),
        (&["can not support backup restore"], UnsupportedTable),
        (&["is not a OLAP table"], UnsupportedTable),
        (&["snapshot restore operation is in progress"], RestoreState),
        (&["Cannot write RESTORE state table"], RestoreState),
        (&["Table state is not NORMAL: 'RESTOR"], RestoreState),
        (&["operation is in progress on the table"], TableBusy),
        (&["state is not NORMAL"], TableBusy),
        (&["Task [", "already exists"], TaskExists),
        (&["Task ", "is not exist"], TaskMissing),
        (
            &["exceeded the maximum limit", "expr_children_limit"],
            TooManyRows,
        ),
        (&["oo many versions"], TooManyVersions),
        (&["Getting syntax error"], Syntax),
        (&["Unknown database"], UnknownDatabase),
        (&["Database ", "does not exist."], UnknownDatabase),
        (&["Database ", "does not exsit"], UnknownDatabase),
        (&["unknown table id or name"], UnknownTable),
        (&["Unknown table"], UnknownTable),
        (&["Incorrect table name"], UnknownTable),
        (&["Table ", " is not found"], UnknownTable),
        (&["does not exist or is not OLAP"], UnknownTable),
        (&["does not exists or is not OLAP"], UnknownTable),
        (
            &["partition[", "does not exist  in table"],
            UnknownPartition,
        ),
        (&["Partition ", "does not exist"], UnknownPartition),
        (&["Table name[", "is already used"], AlreadyExists),
        (&["reached its timeout of"], Timeout),
        (&["exceeded time limit of"], Timeout),
        (&["Query timeout"], Timeout),
        (&["Cannot open null host"], NotMaster),
        (&["non-master FE"], NotMaster),
        // How a follower says that the leader did not answer it.
        (&["java.net.ConnectException"], NotMaster),
        (&["TTransportException"], NotMaster),
        (&["forward too many times"], NotMaster),
    ];
    TEXTS
        .iter()
        .find(|(parts, _)| parts.iter().all(|part| message.contains(part)))
        .map(|(_, kind)| *kind)
}

/// Which privileges on what, as `Access denied; you need (at least one of) the X privilege(s) on Y
/// for this operation` tells.
pub(super) fn missing_privilege(message: &str) -> Option<(&str, &str)> {
    let (_, rest) = message.split_once("(at least one of) the ")?;
    let (privileges, rest) = rest.split_once(" privilege(s) on ")?;
    let (object, _) = rest.split_once(" for this operation")?;
    Some((privileges, object))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each text as a real frontend sent it, except where a line says otherwise.
    #[test]
    #[rustfmt::skip]
    fn texts_of_real_frontends() {
        use FailureKind::*;
        let rows: &[(u16, &str, FailureKind)] = &[
            (5064, "Snapshot with name 'l1' already exist in repository", LabelExists),
            (5064, "Can only run one backup or restore job of a database at same time", JobRunning),
            // From the source: two submissions within seconds.
            (5064, "Another backup or restore job is being submitted. Please wait and try again", JobRunning),
            (5064, "No backup job is currently running", NothingToCancel),
            (5064, "No restore is currently running", NothingToCancel),
            (5064, "Failed to cancel job: Job with label l1 can not be cancelled. state: FINISHED", NothingToCancel),
            (5501, "Getting analyzing error. Detail message: Unknown database 'nope'.", UnknownDatabase),
            (5501, "Unknown database 'null'", UnknownDatabase),
            (1064, "Getting analyzing error. Detail message: Unknown proc node path: /dbs/nope. msg: Unknown database id or name \"nope\".", UnknownDatabase),
            (1064, "Getting analyzing error. Detail message: Database nope does not exist.", UnknownDatabase),
            (1064, "Getting analyzing error. Detail message: Database nope does not exsit.", UnknownDatabase),
            (1008, "Can't drop database 'nope'; database doesn't exist", UnknownDatabase),
            (1064, "Getting analyzing error. Detail message: Incorrect table name 'nope'.", UnknownTable),
            (5502, "Getting analyzing error. Detail message: Unknown table 'x1.nope'.", UnknownTable),
            (1064, "Getting analyzing error. Detail message: Table nope is not found.", UnknownTable),
            (1064, "Table nope does not exist or is not OLAP/LAKE table", UnknownTable),
            (1064, "Getting analyzing error. Detail message: Unknown proc node path: /dbs/q1/nope. msg: unknown table id or name \"nope\".", UnknownTable),
            (1064, "Getting analyzing error. Detail message: Table[vw] does not exists or is not OLAP table.", UnknownTable),
            (1064, "Getting analyzing error from line 1, column 36 to line 1, column 59. Detail message: partition[nope] does not exist  in tablerng.", UnknownPartition),
            (1064, "Partition nope does not exist", UnknownPartition),
            (1507, "Error in list of partitions to [p9]", UnknownPartition),
            (1007, "Can't create database 'd1'; database exists", AlreadyExists),
            (1050, "Getting analyzing error. Detail message: Table 'r' already exists.", AlreadyExists),
            (1064, "Table name[un] is already used", AlreadyExists),
            (1517, "Getting analyzing error. Detail message: Duplicate partition name p3.", AlreadyExists),
            (5064, "Getting analyzing error. Detail message: Repository [nope] does not exist.", RepositoryUnknown),
            (5064, "Repository nope does not exist", RepositoryUnknown),
            (5064, "Getting analyzing error. Detail message: Repository does not exist.", RepositoryUnknown),
            // From the source.
            (5064, "Repository ro is read only", RepositoryReadOnly),
            (5064, "failed to list remote path: s3://backups/rd_35/__starrocks_repository_rd/__ss_*. msg: The arguments of blob store(S3/Azure) may be wrong. You can check the arguments like region, IAM, instance profile and so on.", RepositoryUnreachable),
            (1064, "Getting analyzing error. Detail message: Failed to list snapshot in repo: rd, err: failed to list remote path: s3://backups/rd_35/__starrocks_repository_rd/__ss_*. msg: The arguments of blob store(S3/Azure) may be wrong. You can check the arguments like region, IAM, instance profile and so on..", RepositoryUnreachable),
            (5064, "Failed to get info of snapshot 'full1' because: Expected one file with path: s3://backups/rr/__starrocks_repository_rr/__ss_full1/__info_2020-01-01-00-00-00-000. get: 0. Maybe specified wrong backup timestamp", SnapshotMissing),
            (5064, "Table nope does not exist in snapshot full1", SnapshotMissing),
            (5064, "Partition nope of table rng does not exist in snapshot full1", SnapshotMissing),
            (5064, "target database: nope is not existed in snapshot", SnapshotMissing),
            (5203, "Access denied; you need (at least one of) the REPOSITORY privilege(s) on SYSTEM for this operation. Please ask the admin to grant permission(s) or try activating existing roles using <set [default] role>. Current role(s): NONE. Inactivated role(s): NONE.", AccessDenied),
            (1045, "Access denied for user 'br' (using password: YES)", AccessDenied),
            (1064, "Getting analyzing error. Detail message: fail to begin transaction. Label [lease_a_1] has already been used..", LoadLabelUsed),
            (1064, "A snapshot restore operation is in progress on the table rng. Please wait until the current operation completes. To check the status of the operation, see https://docs.starrocks.io/docs/sql-reference/sql-statements/backup_restore/SHOW_RESTORE", RestoreState),
            (1064, "A snapshot restore operation is in progress on the table \"rng\". Please wait until the current operation completes.\nTo check the status of the operation, see https://docs.starrocks.io/docs/sql-reference/sql-statements/data-manipulation/SHOW_RESTORE", RestoreState),
            (1064, "fail to execute commit task: Cannot write RESTORE state table \"rng\"", RestoreState),
            (5014, "Getting analyzing error. Detail message: Table state is not NORMAL: 'RESTORING'.", RestoreState),
            // From the source.
            (1064, "A schema change operation is in progress on the table un. Please wait until the current operation completes.", TableBusy),
            (5064, "Do not support backing up table with temp partitions", TempPartitions),
            (5064, "Do not support backing up temp partitions", TempPartitions),
            (5064, "Do not support restoring temporary partitions", TempPartitions),
            (5503, "Table 'vw' is not a OLAP table", UnsupportedTable),
            // From the source.
            (5064, "Table: ext can not support backup restore, type: MYSQL", UnsupportedTable),
            (1064, "Getting analyzing error. Detail message: List partition table does not support backup/restore job.", ListUnsupported),
            (1064, "Task [t_copy] already exists", TaskExists),
            (1064, "Getting analyzing error. Detail message: Task nope is not exist.", TaskMissing),
            (1064, "Getting syntax error from line 1, column 0 to line 1, column 68,923. Detail message: The inserted rows are 10,001 exceeded the maximum limit 10,000, please consider modify 'expr_children_limit' in FE conf.", TooManyRows),
            (1064, "Getting syntax error at line 1, column 7. Detail message: Unexpected input 'DATABASE', the most similar input is {'SNAPSHOT'}.", Syntax),
            // From reports of users and the source: these need a broken or an overloaded cluster.
            (1064, "Failed to load data into tablet 10105, because of too many versions, current/limit: 1001/1000.", TooManyVersions),
            (5024, "Query reached its timeout of 300 seconds, please increase the 'query_timeout' session variable and retry", Timeout),
            (1064, "Cannot open null host.", NotMaster),
            (1064, "java.net.ConnectException: Connection refused (Connection refused)", NotMaster),
            (5401, "forward too many times 31", NotMaster),
            (1064, "Getting analyzing error. Detail message: Column 'nocolumn' cannot be resolved.", Other),
            (5064, "Getting analyzing error. Detail message: timeout must be at least 10 min.", Other),
        ];
        for (code, text, expected) in rows {
            assert_eq!(classify(*code, text), *expected, "{text}");
        }
    }
}
