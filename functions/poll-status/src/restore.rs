//! Following the RESTORE jobs of a restore. Copies inside the cluster are looked at by the steps
//! themselves, each by its own task.

use serde::Serialize;
use shared::{
    config::Settings,
    error::Error,
    flow::RestoreRun,
    ident::DatabaseName,
    job::{Phase, RestoreState},
    ops::Ops,
    plan::restore::RestoreRequest,
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
    let scope = restore.scope.unwrap_or_default();
    let request: RestoreRequest = serde_json::from_str(&scope).map_err(|error| {
        Error::internal(format!(
            "the request of restore {} is not JSON: {error}",
            run.restore_id
        ))
    })?;
    let mut running = false;
    let mut wait_seconds = progress::wait_seconds(waited, 0);
    for database in databases(settings, client, &request).await? {
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

async fn databases(
    settings: &Settings,
    client: &mut Client,
    request: &RestoreRequest,
) -> Result<Vec<DatabaseName>, Error> {
    let mut databases = Vec::with_capacity(request.labels.len());
    for label in &request.labels {
        let record = Ops::new(client, settings.ops_database())
            .known_backup(label)
            .await?;
        let Some(source) = record.database else {
            continue;
        };
        let target = request.target(&source).clone();
        if !databases.contains(&target) {
            databases.push(target);
        }
    }
    Ok(databases)
}
