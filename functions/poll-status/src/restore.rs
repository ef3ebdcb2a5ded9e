//! Following the RESTORE jobs of a restore. Copies inside the cluster are looked at by the steps
//! themselves, each by its own task.

use serde::Serialize;
use shared::{
    config::Settings,
    error::Error,
    flow::RestoreRun,
    job::{Phase, RestoreState},
    ops::Ops,
    sql::show::{self, RestoreJob},
    starrocks::Client,
};

use crate::progress;

#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    state: SeenState,
    wait_seconds: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum SeenState {
    Running,
    Ready,
}

pub(crate) async fn poll(
    settings: &Settings,
    client: &mut Client,
    run: &RestoreRun,
    waited: u64,
) -> Result<Seen, Error> {
    let ops = settings.ops_database();
    let restore = Ops::new(client, ops).known_restore(&run.restore_id).await?;
    let databases = restore.databases().map_err(|error| {
        Error::internal(format!(
            "the plan of restore {} does not name its databases: {error}",
            run.restore_id
        ))
    })?;
    let mut running = false;
    let mut wait_seconds = progress::wait_seconds(waited, 0);
    for database in databases {
        Ops::new(client, ops)
            .renew_lease(&database, &run.execution_id)
            .await?;
        for job in client.fetch(&show::restore(&database)).await? {
            if job.state.phase() == Phase::Running {
                running = true;
                wait_seconds = wait_seconds.min(wait_for(&job, waited));
            }
        }
    }
    let state = if running {
        SeenState::Running
    } else {
        SeenState::Ready
    };
    Ok(Seen {
        state,
        wait_seconds,
    })
}

/// COMMITTING takes moments, and the tables cannot be read before it ends.
fn wait_for(job: &RestoreJob, waited: u64) -> u64 {
    match job.state {
        RestoreState::Commit | RestoreState::Committing => 1,
        _ => progress::wait_seconds(waited, 0),
    }
}
