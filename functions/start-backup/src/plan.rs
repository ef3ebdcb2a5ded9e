//! The plan of a label is made once: read, decided, written, read back. Afterwards it is only read.

use shared::{
    error::Error,
    flow::{Job, JobState},
    ident::{DatabaseName, RepositoryName},
    label::SnapshotLabel,
    manifest::{BackupRecord, Manifest},
    ops::run_status::Lease,
    plan::{
        Decision,
        backup::{self, NamedTable},
    },
    sql::{
        backup::BackupObject,
        ops::{history::PlannedRow, run_status::Phase},
        show::ByteSize,
    },
    starrocks::Client,
};

use crate::{Work, ground::Decided};

/// A label with its plan, written and readable.
pub(crate) struct Prepared {
    pub(crate) label: SnapshotLabel,
    /// On record with the label: the configured one may be another by now.
    pub(crate) repository: RepositoryName,
    manifest: Manifest,
    named: Vec<NamedTable>,
    /// What is there and does not belong to the group, for people.
    left_out: Option<String>,
}

impl Prepared {
    fn new(manifest: Manifest, repository: RepositoryName) -> Prepared {
        let named = backup::named_tables(&manifest);
        Prepared {
            label: manifest.label.clone(),
            repository,
            manifest,
            named,
            left_out: None,
        }
    }

    /// The plan of a label that was written by an earlier call.
    pub(crate) async fn read(
        work: &Work<'_>,
        client: &mut Client,
        record: &BackupRecord,
    ) -> Result<Prepared, Error> {
        let manifest = work.ops(client).manifest(record).await?;
        Ok(Prepared::new(manifest, record.repository.parse()?))
    }

    pub(crate) fn is_unchanged(&self) -> bool {
        self.named.is_empty()
    }

    pub(crate) fn partitions_stored(&self) -> u64 {
        self.manifest.partitions_stored()
    }

    pub(crate) fn objects(&self) -> Vec<BackupObject<'_>> {
        self.named.iter().map(NamedTable::as_sql).collect()
    }

    pub(crate) fn job(&self, database: &DatabaseName, state: JobState) -> Job {
        Job {
            database: database.clone(),
            label: Some(self.label.clone()),
            plan_id: Some(self.manifest.plan_id.clone()),
            state,
            detail: self.left_out.clone(),
            error: None,
            progress: None,
            size: size(self.manifest.bytes_stored()),
            counted: false,
        }
    }
}

/// `None` where the engine does not know yet, as right after a load.
pub(crate) fn size(bytes: u64) -> Option<String> {
    (bytes > 0).then(|| ByteSize(bytes).to_string())
}

impl Work<'_> {
    /// Takes a free label, reads the database (R0), decides, and writes the plan.
    pub(crate) async fn prepare(
        &self,
        client: &mut Client,
        lease: &Lease,
        list_supported: bool,
    ) -> Result<Prepared, Error> {
        let ground = self.ground(client).await?;
        let label = self.take_label(client, lease).await?;
        let decided = self.decide(client, &ground, &label, list_supported).await;
        let Decided { plan, planned_at } = match decided {
            Ok(decided) => decided,
            Err(error) => {
                // Nobody is to look for work under a label that never got a plan. If that fails too,
                // the next run does it.
                let _ = self.abandon(client, lease, &label, &error.message).await;
                return Err(error);
            }
        };
        for decision in &plan.decisions {
            tracing::info!(
                subject = decision.subject,
                action = decision.action,
                reason = decision.reason,
                label = %label,
                "planned"
            );
        }
        let left_out = left_out(&plan.decisions);
        let manifest = plan.manifest;
        self.ops(client).write_manifest(&manifest).await?;
        // A call that was superseded meanwhile writes no history.
        self.ops(client).verify_lease(lease).await?;
        self.ops(client)
            .record_planned(&PlannedRow {
                label: &label,
                kind: self.run.kind,
                repository: self.repository.as_str(),
                execution: &self.run.execution_id,
                group: &self.run.group,
                database: self.database,
                cluster: &ground.cluster_id,
                baseline: ground.baseline(self.run.kind),
                plan: &manifest.plan_id,
                digest: manifest.digest(),
                planned_at,
                partitions_total: manifest.partitions_total(),
                partitions_stored: manifest.partitions_stored(),
                bytes_stored: manifest.bytes_stored(),
                engine_version: &ground.engine_version,
                retention: self.run.retention,
            })
            .await?;
        self.ops(client)
            .set_phase(lease, &label, Phase::Planned, Some(&manifest.plan_id))
            .await?;
        Ok(Prepared {
            left_out,
            ..Prepared::new(manifest, self.repository.clone())
        })
    }
}

/// Tables of a `*` group that are not backed up, with the reason.
fn left_out(decisions: &[Decision]) -> Option<String> {
    const SHOWN: usize = 10;
    let left: Vec<String> = decisions
        .iter()
        .filter(|decision| decision.action == "leave out")
        .map(|decision| format!("{} ({})", decision.subject, decision.reason))
        .collect();
    if left.is_empty() {
        return None;
    }
    let more = match left.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!(" and {more} more"),
        _ => String::new(),
    };
    let shown = &left[..left.len().min(SHOWN)];
    Some(format!("leaves out {}{more}", shown.join(", ")))
}
