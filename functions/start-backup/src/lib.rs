//! Takes one database, plans its backup, and sends BACKUP once.
//!
//! May be called again at any moment, also while an abandoned call of itself is still running: the
//! lease's generation tells which one is in charge, and everything that was done is read from the
//! engine and the ops tables. The order is what makes that safe:
//!
//! 1. lease; what an earlier call or another execution left behind is looked at first ([`adopt`]);
//! 2. a free label, taken in `run_status` (CLAIMED);
//! 3. first reading R0 and plan ([`plan`]), written to `backup_tables` and `backup_partitions`, read
//!    back (PLANNED);
//! 4. lease once more, foreign runs once more, then BACKUP ([`submit`]); SUBMITTED.

mod adopt;
mod ground;
mod label;
mod plan;
mod preview;
mod submit;

use serde::Deserialize;
use serde_json::Value;
use shared::{
    audit::{Action, Subject},
    config::Settings,
    context::Context,
    error::Error,
    flow::{BackupRun, Job, JobState, one_of_many},
    ident::{DatabaseName, InvocationId, RepositoryName},
    label::SnapshotLabel,
    manifest::BackupStatus,
    ops::{Ops, run_status::Lease},
    sql::ops::run_status::Phase,
    starrocks::Client,
};

use crate::{adopt::Adopted, submit::Submitted};

/// How often a refusal that is normal life of a busy cluster (a table or partition that went between
/// plan and BACKUP) is answered with a new plan under the next label.
const MAX_PLANS: u32 = 5;

#[derive(Debug, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Start {
        run: BackupRun,
        database: DatabaseName,
    },
    /// What `start` would do now; nothing is taken, written or sent.
    Plan {
        run: BackupRun,
        database: DatabaseName,
    },
}

/// Answers a [`Job`] (running, finished already, or unchanged), or the preview of one.
pub async fn handle(context: &Context, event: Value) -> Result<Value, Error> {
    let request: Request = shared::context::parse(event)?;
    let (Request::Start { run, database } | Request::Plan { run, database }) = &request;
    let mut client = context.connect().await?;
    let work = Work {
        settings: context.settings(),
        repository: context.settings().repository()?,
        run,
        database,
        invocation: context.new_invocation(),
    };
    let answer = match request {
        Request::Start { .. } => work
            .start(&mut client)
            .await
            .map_err(|error| one_of_many(error, run.databases.len()))
            .and_then(|job| shared::context::reply(&job)),
        Request::Plan { .. } => work
            .preview(&mut client)
            .await
            .and_then(|preview| shared::context::reply(&preview)),
    };
    client.close().await;
    answer
}

/// One call for one database.
struct Work<'a> {
    settings: &'a Settings,
    repository: &'a RepositoryName,
    run: &'a BackupRun,
    database: &'a DatabaseName,
    invocation: InvocationId,
}

impl Work<'_> {
    fn ops<'c>(&'c self, client: &'c mut Client) -> Ops<'c> {
        Ops::new(client, self.settings.ops_database())
    }

    async fn start(&self, client: &mut Client) -> Result<Job, Error> {
        let lease = self
            .ops(client)
            .acquire_lease(self.database, &self.run.execution_id, &self.invocation)
            .await?;
        match self.adopt(client, &lease).await? {
            Adopted::Job(job) => return Ok(job),
            Adopted::Plan(prepared) => {
                if let Submitted::Yes(job) = self.submit(client, &lease, prepared).await? {
                    return Ok(job);
                }
            }
            Adopted::Nothing => {}
        }
        let mut refusal = None;
        // Whether LIST tables can be backed up differs inside the 3.3 line: the engine is asked.
        let mut list_supported = true;
        for _ in 0..MAX_PLANS {
            let prepared = self.prepare(client, &lease, list_supported).await?;
            if prepared.is_unchanged() {
                self.audit(&prepared.label).started();
                return Ok(prepared.job(self.database, JobState::Unchanged));
            }
            match self.submit(client, &lease, prepared).await? {
                Submitted::Yes(job) => return Ok(job),
                Submitted::Refused(error) => refusal = Some(error),
                Submitted::ListRefused => list_supported = false,
            }
        }
        let error =
            refusal.expect("LIST tables are refused once, so the loop ends after another refusal");
        Err(error.hint(format!(
            "{MAX_PLANS} plans in a row were refused because objects came and went meanwhile: run the \
             backup when fewer tables or partitions are created and dropped"
        )))
    }

    fn audit<'a>(&'a self, label: &'a SnapshotLabel) -> Subject<'a> {
        Subject {
            action: Action::Backup,
            execution: self.run.execution_id.as_str(),
            label: label.as_str(),
            restore: "",
            databases: std::slice::from_ref(self.database),
            object: self.run.group.as_str(),
        }
    }

    /// Ends a label under which nothing was submitted and nothing will be.
    async fn abandon(
        &self,
        client: &mut Client,
        lease: &Lease,
        label: &SnapshotLabel,
        reason: &str,
    ) -> Result<(), Error> {
        let mut ops = self.ops(client);
        // A call that was superseded ends nothing: its successor may have submitted this label.
        ops.verify_lease(lease).await?;
        tracing::warn!(label = %label, database = %self.database, reason, "label abandoned");
        if ops.backup(label).await?.is_some() {
            ops.record_failed(label, BackupStatus::Failed, reason)
                .await?;
        }
        ops.set_phase(lease, label, Phase::Abandoned, None).await
    }
}
