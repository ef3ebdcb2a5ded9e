//! `cancel`: what would be cancelled is shown first, and nothing else is cancelled.

use serde_json::json;
use shared::{
    audit::{Action, Subject},
    error::{Error, ErrorName},
    ident::DatabaseName,
    job::Phase,
    label::SnapshotLabel,
    plan::cancel::{self, AtWork, Run},
    sql::{
        backup::cancel_backup,
        show::{self, BackupJob},
    },
    starrocks::Client,
    time::age,
};

use super::Session;
use crate::{Done, args::Output, render};

impl Session<'_> {
    pub(super) async fn cancel(&mut self, database: &str, named: Option<&str>, yes: bool) -> Done {
        let database: DatabaseName = database.parse()?;
        let mut client = self.connect_to_ops().await?;
        let known = client.fetch(&show::databases()).await?;
        if !known.iter().any(|known| known.0 == database) {
            return Err(Error::new(
                ErrorName::NotFound,
                format!("there is no database '{database}', or it may not be seen"),
            )
            .hint("starrocks-br status shows what is running"));
        }
        let Some(job) = at_work(&mut client, &database).await? else {
            return Err(nothing_runs(&mut client, &database).await?);
        };
        let run = self.run_of(&mut client, &job).await?;
        let work = AtWork { database, job, run };
        let shown = self.shown(&mut client, &work).await?;
        self.terminal.say(&shown);
        cancel::check(&work, named)?;
        let question = format!("Cancel {}?", work.job.label);
        self.ask(yes, &question, "what is said above").await?;

        // A person takes their time, and the statement has no label.
        let now = at_work(&mut client, &work.database).await?;
        cancel::is_still(&work, now.as_ref())?;
        let execution = work.run.as_ref().map(|run| run.execution.as_str());
        Subject {
            action: Action::Cancel,
            execution: execution.unwrap_or_default(),
            label: &work.job.label,
            restore: "",
            databases: std::slice::from_ref(&work.database),
            object: "",
        }
        .around(client.run(&cancel_backup(&work.database)))
        .await?;
        client.close().await;
        match self.output {
            Output::Json => self.terminal.print(&render::pretty(&json!({
                "database": work.database,
                "cancelled": work.job.label,
                "execution_id": execution,
            }))),
            Output::Text => self.terminal.print(&format!(
                "cancelled {} in database {}{}",
                work.job.label,
                work.database,
                match execution {
                    Some(_) => "; the run that waits for it records it as CANCELLED",
                    None => "",
                }
            )),
        }
        Ok(())
    }

    /// A label that cannot be one of ours is somebody else's.
    async fn run_of(&self, client: &mut Client, job: &BackupJob) -> Result<Option<Run>, Error> {
        let Ok(label) = job.label.parse::<SnapshotLabel>() else {
            return Ok(None);
        };
        let claim = self.ops(client).claim(&label).await?;
        Ok(claim.map(|claim| Run {
            execution: claim.execution,
            seconds: claim.seconds_since_start,
        }))
    }

    async fn shown(&self, client: &mut Client, work: &AtWork) -> Result<String, Error> {
        let AtWork { database, job, run } = work;
        let what = format!(
            "backup {} in database {database}: {}",
            job.label,
            job.state.as_str()
        );
        let Some(run) = run else {
            return Ok(format!(
                "{what}, sent at {} as StarRocks prints it\n  no run of ours knows this label",
                job.created
            ));
        };
        let lease = self.ops(client).newest_lease(database).await?;
        let followed = match lease {
            Some(lease) if lease.seconds_left > 0 => format!(
                "execution {} holds the database until {} UTC",
                lease.execution, lease.expires_at
            ),
            _ => "nobody follows it now; the next run of its group would adopt it".to_owned(),
        };
        Ok(format!(
            "{what}, begun {} ago\n  by execution {}; {followed}",
            age(run.seconds),
            run.execution
        ))
    }
}

async fn at_work(client: &mut Client, database: &DatabaseName) -> Result<Option<BackupJob>, Error> {
    let jobs = client.fetch(&show::backup(database)).await?;
    let mut running = jobs
        .into_iter()
        .filter(|job| job.state.phase() == Phase::Running);
    Ok(running.next())
}

async fn nothing_runs(client: &mut Client, database: &DatabaseName) -> Result<Error, Error> {
    let error = Error::new(
        ErrorName::NotFound,
        format!("no backup is running in database {database}"),
    );
    let restores = client.fetch(&show::restore(database)).await?;
    let restore = restores
        .iter()
        .find(|job| job.state.phase() == Phase::Running);
    Ok(match restore {
        None => error.hint("starrocks-br status shows what is running"),
        Some(job) => error.hint(format!(
            "a RESTORE of {} is, in state {}: stop the command or execution that waits for it, and \
             starrocks-br restore resume goes on with it later; from COMMIT on it must not be cancelled",
            job.label,
            job.state.as_str()
        )),
    })
}
