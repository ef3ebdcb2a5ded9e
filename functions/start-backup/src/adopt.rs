//! What is left of earlier work on the database: of an earlier call of this execution, or of an
//! execution that died. Read from the engine, under the new lease.

use shared::{
    error::Error,
    flow::{Job, JobState},
    manifest::{BackupRecord, BackupStatus},
    ops::run_status::Lease,
    sql::ops::run_status::{ClaimRow, Phase},
    starrocks::Client,
    track::{self, Whereabouts},
};

use crate::{
    Work,
    plan::{Prepared, size},
};

pub(crate) enum Adopted {
    /// A job to follow or to record, whoever started it. When it was another execution's other work,
    /// `record-history` asks for this execution's own work afterwards.
    Job(Job),
    /// A plan of this execution that was written and never submitted.
    Plan(Prepared),
    Nothing,
}

impl Work<'_> {
    pub(crate) async fn adopt(&self, client: &mut Client, lease: &Lease) -> Result<Adopted, Error> {
        for claim in self.ops(client).open_claims(self.database).await? {
            if claim.phase < Phase::Planned {
                // BACKUP is sent only for a label that is PLANNED.
                let reason = "its execution ended before the plan was complete";
                self.abandon(client, lease, &claim.label, reason).await?;
                continue;
            }
            match self.adopt_planned(client, lease, &claim).await? {
                Adopted::Nothing => {}
                found => return Ok(found),
            }
        }
        Ok(Adopted::Nothing)
    }

    async fn adopt_planned(
        &self,
        client: &mut Client,
        lease: &Lease,
        claim: &ClaimRow,
    ) -> Result<Adopted, Error> {
        let record = self.ops(client).known_backup(&claim.label).await?;
        let own = claim.execution == self.run.execution_id;
        // What an earlier call of this execution began, and may not have lived to say.
        let found_begun = || match own {
            true => self.audit(&claim.label).started(),
            false => self.audit(&claim.label).adopted(),
        };
        if record.partitions_stored == Some(0) {
            found_begun();
            return Ok(Adopted::Job(job(&record, JobState::Unchanged, None)));
        }
        let repository = record.repository.parse()?;
        let found = track::find_label(client, &repository, self.database, &claim.label).await?;
        let (state, detail) = match found {
            // Of a finished one, the look that finds it so writes down what there is to say.
            Whereabouts::Running(_) | Whereabouts::Finished => (JobState::Running, None),
            Whereabouts::Cancelled(words) => (JobState::Cancelled, Some(words)),
            // Looked for in vain already. If it turns up after all, the audit finds it.
            Whereabouts::Nowhere | Whereabouts::Unfinished
                if record.status == BackupStatus::Lost =>
            {
                self.ops(client)
                    .set_phase(lease, &claim.label, Phase::Abandoned, None)
                    .await?;
                return Ok(Adopted::Nothing);
            }
            // What is wrong with an unusable one is said where it is recorded.
            Whereabouts::Unusable(_) if claim.phase >= Phase::Submitted => {
                (JobState::Finished, None)
            }
            // Sent, and shown nowhere yet or no more: followed until it shows up or is lost.
            _ if claim.phase >= Phase::Submitted => (JobState::Running, None),
            // Whose failure is in history already was on its way to be abandoned.
            Whereabouts::Nowhere if own && record.status == BackupStatus::Running => {
                return Ok(Adopted::Plan(Prepared::read(self, client, &record).await?));
            }
            Whereabouts::Nowhere => {
                let reason = "its execution ended before BACKUP was sent";
                self.abandon(client, lease, &claim.label, reason).await?;
                return Ok(Adopted::Nothing);
            }
            // Not known to be sent, and this cluster does not show it: what may be another cluster's is
            // never recorded as ours.
            Whereabouts::InRepository | Whereabouts::Unfinished | Whereabouts::Unusable(_) => {
                let reason = "the repository holds its label, SHOW BACKUP does not show it, and it is \
                              not known that BACKUP was sent: another cluster may have made it";
                self.abandon(client, lease, &claim.label, reason).await?;
                return Ok(Adopted::Nothing);
            }
        };
        let phase = claim.phase.max(Phase::Submitted);
        self.ops(client)
            .set_phase(lease, &claim.label, phase, None)
            .await?;
        found_begun();
        tracing::info!(
            label = %claim.label,
            database = %self.database,
            execution.id = %claim.execution,
            "adopted a label that was in work"
        );
        Ok(Adopted::Job(job(&record, state, detail)))
    }
}

fn job(record: &BackupRecord, state: JobState, detail: Option<String>) -> Job {
    Job {
        database: record
            .database
            .clone()
            .expect("a record of ours names its database"),
        label: Some(record.label.clone()),
        plan_id: record.plan_id.clone(),
        state,
        detail,
        error: None,
        progress: None,
        size: record.bytes_stored.and_then(size),
        counted: false,
    }
}
