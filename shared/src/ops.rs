//! The ops tables through one borrowed client: who works on what, what was backed up, what a label
//! stands for, what a restore has done.
//!
//! INSERT may answer COMMITTED before its rows can be read: whoever writes here reads back until what
//! was written is visible.

pub mod history;
pub mod inventory;
pub mod manifest;
pub mod run_status;
pub mod schema;
pub mod start;
pub mod steps;

use std::time::Duration;

use crate::{
    error::{Error, ErrorName},
    ident::DatabaseName,
    sql::Statement,
    starrocks::{Client, FailureKind},
};

/// The ops database of a cluster.
#[derive(Debug)]
pub struct Ops<'a> {
    pub client: &'a mut Client,
    pub database: &'a DatabaseName,
}

impl<'a> Ops<'a> {
    pub fn new(client: &'a mut Client, database: &'a DatabaseName) -> Ops<'a> {
        Ops { client, database }
    }

    /// Sends an INSERT that carries a load label, which StarRocks lets succeed once: its
    /// compare-and-set.
    async fn insert_once(&mut self, statement: &Statement) -> Result<Once, Error> {
        match self.client.run(statement).await {
            Ok(_) => Ok(Once::Inserted),
            Err(error) => match error.kind() {
                FailureKind::LoadLabelUsed => Ok(Once::Taken),
                FailureKind::ConnectionLost | FailureKind::Timeout => Ok(Once::Unknown),
                _ => Err(error.into()),
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Once {
    Inserted,
    /// Somebody was faster, or an earlier call of ours.
    Taken,
    /// No answer: it may have succeeded. The row tells.
    Unknown,
}

/// How long a write may stay invisible before that is an error: StarRocks waits 10 s itself before it
/// answers COMMITTED.
const VISIBLE_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Waits until `$look` is true: until what was written can be read. The engine publishes a transaction
/// on its own; there is nothing to do but look again. A macro, because a future that borrows through an
/// async closure is not `Send` for every lifetime.
macro_rules! until_visible {
    ($what:expr, $look:expr) => {{
        let mut visible = false;
        for _ in 0..$crate::ops::looks() {
            if $look {
                visible = true;
                break;
            }
            $crate::ops::pause().await;
        }
        if visible {
            Ok(())
        } else {
            Err($crate::ops::invisible(&$what))
        }
    }};
}
use until_visible;

fn looks() -> u128 {
    VISIBLE_WITHIN.as_millis() / LOOK_EVERY.as_millis()
}

#[expect(
    clippy::disallowed_methods,
    reason = "waits for a publish inside the engine"
)]
async fn pause() {
    tokio::time::sleep(LOOK_EVERY).await;
}

fn invisible(what: &str) -> Error {
    Error::new(
        ErrorName::Unreachable,
        format!(
            "{what} was written but cannot be read after {} s",
            VISIBLE_WITHIN.as_secs()
        ),
    )
    .hint("SHOW PROC '/transactions' shows what waits to be published; a backend may be down")
}
