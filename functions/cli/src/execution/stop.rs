//! Ctrl-C and SIGTERM: what is left, and what happens next.

use std::{future::pending, time::Duration};

use serde_json::{Value, json};
use shared::error::{Error, ErrorName};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use super::Subject;
use crate::handlers::Handlers;

/// To look what is left. With the time that a handler has to finish, below the ten seconds after
/// which a container is killed.
const LOOK: Duration = Duration::from_secs(2);

const NOTHING_BEGUN: &str =
    "nothing was begun, and nothing is held: run the command again at any time";

/// Returns when the process is asked to end.
pub(crate) async fn asked_to_end() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => terminate.recv().await,
            Err(_) => pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
}

fn stopped(subject: Subject<'_>) -> Error {
    Error::new(
        ErrorName::Interrupted,
        match subject {
            Subject::Backup => "the backup was stopped".to_owned(),
            Subject::Restore => "the restore was stopped".to_owned(),
            Subject::RestoreOf(id, _) => format!("restore {id} was stopped"),
        },
    )
}

/// Stopped before anything was asked for.
pub(super) fn nothing_begun(subject: Subject<'_>) -> Error {
    stopped(subject).hint(NOTHING_BEGUN)
}

/// Gives back what can be given back, and says what goes on.
pub(super) async fn left(handlers: &Handlers, execution: &str, subject: Subject<'_>) -> Error {
    let restore = match subject {
        Subject::Backup => None,
        Subject::Restore => Some(execution),
        Subject::RestoreOf(id, _) => Some(id),
    };
    let event = json!({
        "operation": "stop",
        "execution_id": execution,
        "restore_id": restore,
    });
    let answer = timeout(LOOK, handlers.call("RecordHistory", event)).await;
    let error = stopped(subject);
    match answer {
        Ok(Ok(left)) => said(error, &left, subject, execution),
        // The cluster does not answer: what is true in any case.
        Ok(Err(_)) | Err(_) => error
            .hint(
                "what StarRocks has accepted goes on there; what this run holds is free again in 20 \
                 minutes at the latest",
            )
            .hint(next(subject, execution)),
    }
}

fn said(mut error: Error, left: &Value, subject: Subject<'_>, execution: &str) -> Error {
    let list = |key: &str| left[key].as_array().cloned().unwrap_or_default();
    let (databases, recorded) = (list("databases"), list("recorded"));
    for row in &recorded {
        let word = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
        let (label, status) = (word("label"), word("status"));
        error = error.hint(format!("label {label} is recorded as {status}"));
    }
    if databases.is_empty() {
        return error.hint(match recorded.is_empty() {
            true => NOTHING_BEGUN,
            false => "nothing is held any more: starrocks-br list shows what is recorded",
        });
    }
    let mut all_released = true;
    for row in &databases {
        let word = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
        let (database, label, until) = (word("database"), word("label"), word("held_until"));
        all_released &= row["state"] == "released";
        error = error.hint(match row["state"].as_str() {
            Some("released") => format!("database {database}: nothing was sent; it is free again"),
            Some("submitted") => format!(
                "database {database}: BACKUP of label {label} goes on in StarRocks; the database is \
                 held until {until} UTC"
            ),
            Some("restoring") => format!(
                "database {database}: what StarRocks has accepted goes on there, and each step that \
                 was begun is on record; the database is held until {until} UTC"
            ),
            _ => format!(
                "database {database}: whether BACKUP of label {label} was accepted is not known yet; \
                 the database is held until {until} UTC"
            ),
        });
    }
    match all_released {
        true => error.hint("run the command again at any time"),
        false => error.hint(next(subject, execution)),
    }
}

fn next(subject: Subject<'_>, execution: &str) -> String {
    match subject {
        Subject::Backup => "run the same command again after that: it finds what was begun, and \
                            brings it to its end without a second BACKUP"
            .to_owned(),
        Subject::Restore => {
            format!("then go on with: starrocks-br restore resume {execution}")
        }
        Subject::RestoreOf(..) => "then run the same command again".to_owned(),
    }
}
