//! Whether the repository can be written, found out by writing: a backup of one small table of ours.
//!
//! Only when asked for: StarRocks cannot delete what it leaves, and says of a repository that cannot be
//! written no more than that it can be listed.

use std::time::Duration;

use shared::{
    audit::{Action, Subject},
    config::Settings,
    error::{Error, ErrorName},
    ident::{DatabaseName, RepositoryName},
    job::Phase,
    label::{PROBE_PREFIX, SnapshotLabel},
    plan::{Finding, Verdict},
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
    subject(Action::Backup, &label, database).started();
    let found = follow(client, &label, database, repository).await;
    match &found {
        Ok(finding) if finding.verdict == Verdict::Passed => {
            subject(Action::Backup, &label, database).done()
        }
        Ok(_) => subject(Action::Backup, &label, database).failed(ErrorName::RepositoryUnavailable),
        Err(error) => subject(Action::Backup, &label, database).failed(error.name),
    }
    found
}

fn subject<'a>(
    action: Action,
    label: &'a SnapshotLabel,
    database: &'a DatabaseName,
) -> Subject<'a> {
    Subject {
        action,
        execution: "",
        label: label.as_str(),
        restore: "",
        databases: std::slice::from_ref(database),
        object: "the doctor's probe",
    }
}

async fn cancel(
    client: &mut Client,
    label: &SnapshotLabel,
    database: &DatabaseName,
) -> Result<(), Error> {
    subject(Action::Cancel, label, database)
        .around(client.run(&cancel_backup(database)))
        .await?;
    Ok(())
}

async fn follow(
    client: &mut Client,
    label: &SnapshotLabel,
    database: &DatabaseName,
    repository: &RepositoryName,
) -> Result<Finding, Error> {
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
                cancel(client, label, database).await?;
                return Ok(failed(&words).about(repository));
            }
            (Phase::Running, None) => pause().await,
        }
    }
    cancel(client, label, database).await?;
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
