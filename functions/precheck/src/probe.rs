//! Whether the repository can be written, found out by writing: a backup of one small table of ours.
//!
//! Only when asked for: StarRocks cannot delete what it leaves, and says of a repository that cannot be
//! written no more than that it can be listed.

use std::time::Duration;

use shared::{
    config::Settings,
    error::{Error, ErrorName},
    job::Phase,
    label::{PROBE_PREFIX, SnapshotLabel},
    plan::Finding,
    sql::{
        backup::{BackupObject, backup, cancel_backup},
        show::{self, BackupJob},
    },
    starrocks::Client,
};

const CHECK: &str = "writable";
const LOOKS: u32 = 60;
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// `id` makes the label unique.
pub(crate) async fn probe(
    settings: &Settings,
    client: &mut Client,
    id: &str,
) -> Result<Finding, Error> {
    let repository = settings.repository()?;
    let database = settings.ops_database();
    let label: SnapshotLabel = format!("{PROBE_PREFIX}{id}").parse()?;
    let table = "table_inventory".parse()?;
    let objects = [BackupObject {
        table: &table,
        partitions: None,
    }];
    let statement = backup(
        database,
        &label,
        repository,
        &objects,
        Duration::from_secs(600),
    )
    .map_err(|error| Error::internal(error.to_string()))?;
    if let Err(error) = client.run(&statement).await {
        let Some(words) = error.engine_words() else {
            return Err(error.into());
        };
        return Ok(failed(words).about(repository));
    }
    for _ in 0..LOOKS {
        let jobs: Vec<BackupJob> = client.fetch(&show::backup(database)).await?;
        let Some(job) = jobs.into_iter().find(|job| job.label == label.as_str()) else {
            return Ok(failed("SHOW BACKUP does not show the probe").about(repository));
        };
        match (job.state.phase(), job.work.task_errors) {
            (Phase::Finished, _) => {
                let message = format!("snapshot {label} was written, and stays there");
                return Ok(Finding::passed(CHECK, message).about(repository));
            }
            (Phase::Cancelled, _) => return Ok(failed(&job.work.status).about(repository)),
            // Backends retry a failed upload until the timeout of the job.
            (Phase::Running, Some(words)) => {
                client.run(&cancel_backup(database)).await?;
                return Ok(failed(&words).about(repository));
            }
            (Phase::Running, None) => pause().await,
        }
    }
    client.run(&cancel_backup(database)).await?;
    let seconds = LOOKS * u32::try_from(LOOK_EVERY.as_secs()).unwrap_or(u32::MAX);
    Ok(failed(&format!("not written within {seconds} s, and cancelled")).about(repository))
}

fn failed(words: &str) -> Finding {
    Finding::failed(
        CHECK,
        ErrorName::RepositoryUnavailable,
        words,
        "check that the object store lets StarRocks' frontends and backends write and delete, and that \
         Object Lock has no default retention there",
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person waits for the answer; no state machine does"
)]
async fn pause() {
    tokio::time::sleep(LOOK_EVERY).await;
}
