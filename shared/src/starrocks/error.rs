//! What went wrong with a statement, told by code and text: 5064 and 1064 stand for nearly anything.

use std::fmt;

use super::{settings::FrontendAddress, tls::TlsError};
use crate::{
    error::{Error, ErrorName},
    sql::RowError,
};

mod classify;
mod obstacle;

use obstacle::Obstacle;

/// What a failure means to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// The label is in the repository, complete or not.
    LabelExists,
    /// Another backup or restore runs in the database, or is being submitted.
    JobRunning,
    /// CANCEL came too late, or too early.
    NothingToCancel,
    UnknownDatabase,
    UnknownTable,
    UnknownPartition,
    /// CREATE of a database or table that is there.
    AlreadyExists,
    RepositoryUnknown,
    RepositoryUnreachable,
    RepositoryReadOnly,
    /// The snapshot is not in the repository under this timestamp, or does not hold what was named.
    SnapshotMissing,
    /// A name, password or privilege.
    AccessDenied,
    /// Another load of the database had this label.
    LoadLabelUsed,
    /// A restore runs on the table.
    RestoreState,
    /// A schema change, rollup or another job runs on the table.
    TableBusy,
    TempPartitions,
    /// An external table, or a view where views cannot be backed up.
    UnsupportedTable,
    /// LIST partitions, which early 3.3 cannot back up.
    ListUnsupported,
    TaskExists,
    TaskMissing,
    /// More rows in VALUES than the frontend takes.
    TooManyRows,
    /// Loads came faster than compaction.
    TooManyVersions,
    /// The frontend is not the leader and cannot reach it.
    NotMaster,
    Syntax,
    /// The server gave up, or we did.
    Timeout,
    /// Whether the statement was executed is not known.
    ConnectionLost,
    /// Nothing was sent.
    Unreachable,
    /// An answer that this program does not understand.
    Reply,
    Other,
}

/// An error packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineError {
    pub code: u16,
    pub sqlstate: String,
    pub message: String,
}

impl EngineError {
    pub fn kind(&self) -> FailureKind {
        classify::classify(self.code, &self.message)
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.message, self.code)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("no frontend of StarRocks can be reached")]
    Unreachable {
        tried: Vec<(FrontendAddress, String)>,
    },
    #[error("the connection to {frontend} broke during {statement}")]
    ConnectionLost {
        statement: &'static str,
        frontend: FrontendAddress,
        detail: String,
    },
    #[error("{statement} was not answered within {seconds} s")]
    Timeout {
        statement: &'static str,
        seconds: u64,
    },
    #[error("{statement} failed")]
    Engine {
        statement: &'static str,
        error: EngineError,
    },
    #[error("the answer to {statement} is not understood: {error}")]
    Reply {
        statement: &'static str,
        error: RowError,
    },
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] TlsError),
}

impl ClientError {
    pub fn kind(&self) -> FailureKind {
        match self {
            ClientError::Unreachable { .. } | ClientError::Tls(_) => FailureKind::Unreachable,
            ClientError::ConnectionLost { .. } => FailureKind::ConnectionLost,
            ClientError::Timeout { .. } => FailureKind::Timeout,
            ClientError::Engine { error, .. } => error.kind(),
            ClientError::Reply { .. } => FailureKind::Reply,
        }
    }

    /// StarRocks' own words, where it said something.
    pub fn engine_words(&self) -> Option<&str> {
        match self {
            ClientError::Engine { error, .. } => Some(&error.message),
            _ => None,
        }
    }

    /// The same statement may succeed in a moment, through another frontend perhaps.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            ClientError::Unreachable { .. } | ClientError::ConnectionLost { .. } => true,
            ClientError::Engine { error, .. } => error.kind() == FailureKind::NotMaster,
            ClientError::Timeout { .. } | ClientError::Reply { .. } | ClientError::Tls(_) => false,
        }
    }

    /// The name of what means the same wherever it occurs.
    pub fn name(&self) -> Option<ErrorName> {
        self.kind().error_name()
    }

    /// What a person sees. `doing` says what was attempted, on what; `otherwise` names the error
    /// where the kind of failure alone does not.
    pub fn explain(&self, otherwise: ErrorName, doing: impl fmt::Display) -> Error {
        let name = self.name().unwrap_or(otherwise);
        let mut error = match self {
            ClientError::Engine { error, .. } => {
                Error::new(name, doing.to_string()).engine(error.to_string())
            }
            ClientError::Unreachable { tried } => unreachable(name, &doing, tried),
            other => Error::new(name, format!("{doing}: {other}")),
        };
        match self {
            ClientError::ConnectionLost { detail, .. } => {
                error = error.hint(format!("the driver says: {detail}"));
            }
            ClientError::Tls(_) => {
                error = Error {
                    name: ErrorName::InvalidConfig,
                    ..error
                }
            }
            _ => {}
        }
        for hint in self.hints() {
            error = error.hint(hint);
        }
        error
    }

    fn hints(&self) -> Vec<String> {
        match self.kind() {
            FailureKind::AccessDenied => {
                let words = self.engine_words().unwrap_or_default();
                match classify::missing_privilege(words) {
                    Some((privileges, object)) => {
                        vec![format!(
                            "the backup user needs {privileges} ON {object}; `starrocks-br doctor` prints each \
                             missing GRANT"
                        )]
                    }
                    None => vec!["check `user` and STARROCKS_PASSWORD".into()],
                }
            }
            FailureKind::RepositoryUnknown => vec![
                "SHOW REPOSITORIES lists the repositories; check `repository` in the configuration"
                    .into(),
            ],
            FailureKind::RepositoryUnreachable => vec![
                "the frontends cannot list the object store: check its endpoint, its credentials in \
                 the repository, and the way to it"
                    .into(),
            ],
            FailureKind::RepositoryReadOnly => {
                vec!["choose a repository that was created without READ ONLY".into()]
            }
            FailureKind::NotMaster => {
                vec!["SHOW FRONTENDS shows whether a leader is elected".into()]
            }
            FailureKind::Timeout => {
                vec!["raise `query_timeout_seconds` in the configuration".into()]
            }
            FailureKind::TooManyVersions => {
                vec!["wait for compaction, and load in fewer and larger batches".into()]
            }
            FailureKind::Syntax | FailureKind::Reply => vec![
                "this version of StarRocks may be too old or too new: 3.3 to 4.1 are supported".into(),
            ],
            _ => Vec::new(),
        }
    }
}

/// Names what is in the way of each frontend, the driver's words, and what to do about it.
fn unreachable(
    name: ErrorName,
    doing: &dyn fmt::Display,
    tried: &[(FrontendAddress, String)],
) -> Error {
    let mut obstacles: Vec<Obstacle> = Vec::new();
    let mut said = Vec::new();
    for (frontend, reason) in tried {
        let obstacle = Obstacle::of(reason);
        said.push(format!(
            "{frontend}: {} ({})",
            obstacle.message(),
            reason.trim()
        ));
        if !obstacles.contains(&obstacle) {
            obstacles.push(obstacle);
        }
    }
    let error = Error::new(name, format!("{doing}: {}", said.join("; ")));
    obstacles
        .iter()
        .fold(error, |error, obstacle| error.hint(obstacle.hint()))
}

impl FailureKind {
    /// The name of kinds that mean the same wherever they occur.
    fn error_name(self) -> Option<ErrorName> {
        match self {
            FailureKind::Unreachable
            | FailureKind::ConnectionLost
            | FailureKind::NotMaster
            | FailureKind::Timeout => Some(ErrorName::Unreachable),
            FailureKind::AccessDenied => Some(ErrorName::AccessDenied),
            FailureKind::RepositoryUnknown
            | FailureKind::RepositoryUnreachable
            | FailureKind::RepositoryReadOnly => Some(ErrorName::RepositoryUnavailable),
            FailureKind::JobRunning
            | FailureKind::LoadLabelUsed
            | FailureKind::RestoreState
            | FailureKind::TableBusy => Some(ErrorName::JobConflict),
            FailureKind::UnknownDatabase
            | FailureKind::UnknownTable
            | FailureKind::UnknownPartition
            | FailureKind::SnapshotMissing => Some(ErrorName::NotFound),
            FailureKind::ListUnsupported => Some(ErrorName::UnsupportedCluster),
            FailureKind::Syntax | FailureKind::Reply => Some(ErrorName::Internal),
            _ => None,
        }
    }
}

/// Where no caller knows better: the statement itself is what was attempted.
impl From<ClientError> for Error {
    fn from(error: ClientError) -> Error {
        let doing = match &error {
            ClientError::Engine { statement, .. } => format!("{statement} failed"),
            _ => "StarRocks cannot be asked".into(),
        };
        error.explain(ErrorName::Internal, doing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(code: u16, message: &str) -> ClientError {
        ClientError::Engine {
            statement: "BACKUP",
            error: EngineError {
                code,
                sqlstate: "42000".into(),
                message: message.into(),
            },
        }
    }

    #[test]
    fn says_what_failed_on_what_with_the_engines_words_and_what_to_do() {
        let error = engine(5064, "Repository nope does not exist").explain(
            ErrorName::BackupFailed,
            "BACKUP of sales to repository nope",
        );
        insta::assert_snapshot!(error, @"
        BACKUP of sales to repository nope: StarRocks says: Repository nope does not exist (5064)
        hint: SHOW REPOSITORIES lists the repositories; check `repository` in the configuration
        ");
        assert_eq!(error.name, ErrorName::RepositoryUnavailable);
    }

    #[test]
    fn names_the_missing_privilege() {
        let error: Error = engine(
            5203,
            "Access denied; you need (at least one of) the EXPORT privilege(s) on TABLE t2 for this \
             operation. Please ask the admin to grant permission(s) or try activating existing roles \
             using <set [default] role>. Current role(s): NONE. Inactivated role(s): NONE.",
        )
        .into();
        assert_eq!(error.name, ErrorName::AccessDenied);
        assert_eq!(
            error.hints,
            [
                "the backup user needs EXPORT ON TABLE t2; `starrocks-br doctor` prints each missing GRANT"
            ]
        );
    }

    #[test]
    fn lists_every_frontend_that_was_tried() {
        let address = |host: &str| FrontendAddress::parse(host, 9030).unwrap();
        let error: Error = ClientError::Unreachable {
            tried: vec![
                (address("fe1"), "connection refused".into()),
                (address("fe2"), "no answer within 5 s".into()),
            ],
        }
        .into();
        insta::assert_snapshot!(error, @"
        StarRocks cannot be asked: fe1:9030: it cannot be reached (connection refused); fe2:9030: it cannot be reached (no answer within 5 s)
        hint: check `host` and `port` (9030 by default), and that a frontend listens there
        ");
    }

    #[test]
    fn a_failure_that_means_nothing_by_itself_is_named_by_the_caller() {
        let error =
            engine(1064, "something new").explain(ErrorName::RestoreFailed, "RESTORE of l1");
        assert_eq!(error.name, ErrorName::RestoreFailed);
    }
}
