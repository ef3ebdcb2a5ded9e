//! The plan of a label is made once: read, decided, written, read back. Afterwards it is only read.

use std::collections::BTreeMap;

use shared::{
    error::{Error, ErrorName},
    flow::{Job, JobState},
    ident::{ClusterId, DatabaseName, TableName},
    label::{BackupKind, SnapshotLabel},
    manifest::{BackupRecord, Manifest},
    ops::run_status::Lease,
    plan::{
        backup::{self, BackupRequest, Basis, NamedTable, Selection},
        partition_diff::Limits,
    },
    read,
    sql::{
        backup::BackupObject,
        ops::{history::PlannedRow, run_status::Phase},
    },
    starrocks::Client,
    track,
};

use crate::Work;

/// A label with its plan, written and readable.
pub(crate) struct Prepared {
    pub(crate) label: SnapshotLabel,
    manifest: Manifest,
    named: Vec<NamedTable>,
}

impl Prepared {
    fn new(manifest: Manifest) -> Prepared {
        let named = backup::named_tables(&manifest);
        Prepared {
            label: manifest.label.clone(),
            manifest,
            named,
        }
    }

    /// The plan of a label that was written by an earlier call.
    pub(crate) async fn read(
        work: &Work<'_>,
        client: &mut Client,
        record: &BackupRecord,
    ) -> Result<Prepared, Error> {
        Ok(Prepared::new(work.ops(client).manifest(record).await?))
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
            detail: None,
            error: None,
            progress: None,
            counted: false,
        }
    }
}

impl Work<'_> {
    /// Takes a free label, reads the database (R0), decides, and writes the plan.
    pub(crate) async fn prepare(
        &self,
        client: &mut Client,
        lease: &Lease,
        list_supported: bool,
    ) -> Result<Prepared, Error> {
        let cluster = read::read_cluster(client).await?;
        let cluster_id = cluster.cluster_id.ok_or_else(unknown_cluster)?;
        let last_full = self.last_full(client, &cluster_id).await?;
        let selection = self.selection(client).await?;
        let leftovers = self.ops(client).leftovers().await?;

        let label = self.free_label(client).await?;
        self.ops(client).claim_label(lease, &label).await?;

        let planned_at = read::utc_now(client).await?;
        let reading =
            read::read_database(client, self.database, &selection, &self.run.execution_id).await?;
        if !reading.unreadable.is_empty() {
            return Err(unreadable(self, &reading.unreadable));
        }
        let plan = backup::plan(
            reading.facts,
            BackupRequest {
                label: label.clone(),
                plan_id: self.plan_id(&label),
                basis: self.basis(last_full.as_ref())?,
                selection: &selection,
                leftovers: &leftovers,
                list_supported,
                on_unsupported: self.run.on_unsupported,
                limits: Limits::DEFAULT,
            },
        )?;
        for decision in &plan.decisions {
            tracing::info!(
                subject = decision.subject,
                action = decision.action,
                reason = decision.reason,
                label = %label,
                "planned"
            );
        }
        let manifest = plan.manifest;
        self.ops(client).write_manifest(&manifest).await?;
        self.ops(client)
            .record_planned(&PlannedRow {
                label: &label,
                kind: self.run.kind,
                repository: self.repository.as_str(),
                execution: &self.run.execution_id,
                group: &self.run.group,
                database: self.database,
                cluster: &cluster_id,
                baseline: self.baseline_label(last_full.as_ref()),
                plan: &manifest.plan_id,
                digest: manifest.digest(),
                planned_at,
                partitions_total: manifest.partitions_total(),
                partitions_stored: manifest.partitions_stored(),
                bytes_stored: manifest.bytes_stored(),
                engine_version: &cluster.engine_version,
                retention: self.run.retention,
            })
            .await?;
        self.ops(client)
            .set_phase(lease, &label, Phase::Planned, Some(&manifest.plan_id))
            .await?;
        Ok(Prepared::new(manifest))
    }

    /// Unique for a label, which is never used again.
    fn plan_id(&self, label: &SnapshotLabel) -> shared::ident::PlanId {
        format!("{label}@{}", self.invocation)
            .parse()
            .expect("a label and an id have no white space")
    }

    fn basis<'m>(&self, last_full: Option<&'m Manifest>) -> Result<Basis<'m>, Error> {
        match (self.run.kind, last_full) {
            (BackupKind::Full, last) => Ok(Basis::Full { last }),
            (BackupKind::Incremental, Some(baseline)) => Ok(Basis::Incremental { baseline }),
            (BackupKind::Incremental, None) => Err(no_baseline(self)),
        }
    }

    fn baseline_label<'m>(&self, last_full: Option<&'m Manifest>) -> Option<&'m SnapshotLabel> {
        match self.run.kind {
            BackupKind::Full => None,
            BackupKind::Incremental => last_full.map(|manifest| &manifest.label),
        }
    }

    async fn selection(&self, client: &mut Client) -> Result<Selection, Error> {
        let mut group = self.ops(client).group(&self.run.group).await?;
        group.remove(self.database).ok_or_else(|| {
            Error::new(
                ErrorName::NotFound,
                format!(
                    "group '{}' has no table in database {} any more",
                    self.run.group, self.database
                ),
            )
            .hint("starrocks-br group list shows what the groups hold")
        })
    }

    /// The newest full of the same group, database and cluster whose snapshot still exists, or the one
    /// that the user names.
    async fn last_full(
        &self,
        client: &mut Client,
        cluster: &ClusterId,
    ) -> Result<Option<Manifest>, Error> {
        let mut candidates = self
            .ops(client)
            .baselines(&self.run.group, self.database, cluster)
            .await?;
        if let Some(named) = &self.run.baseline {
            candidates.retain(|record| record.label == *named);
            if candidates.is_empty() {
                return Err(unusable_baseline(self, named));
            }
        }
        let restorable = track::restorable(client, self.repository, candidates).await?;
        match (restorable.first(), &self.run.baseline) {
            (Some(record), _) => Ok(Some(self.ops(client).manifest(record).await?)),
            (None, Some(named)) => Err(unusable_baseline(self, named)),
            (None, None) => Ok(None),
        }
    }
}

fn unknown_cluster() -> Error {
    Error::new(
        ErrorName::AccessDenied,
        "which cluster this is cannot be read from SHOW FRONTENDS",
    )
    .hint("a full of another cluster must never become a baseline: GRANT OPERATE ON SYSTEM TO ...")
}

fn unreadable(work: &Work<'_>, tables: &BTreeMap<TableName, String>) -> Error {
    let listed: Vec<String> = tables
        .iter()
        .map(|(table, words)| format!("{table}: {words}"))
        .collect();
    Error::new(
        ErrorName::AccessDenied,
        format!(
            "not every table of database {} can be read: {}",
            work.database,
            listed.join("; ")
        ),
    )
    .hint(format!(
        "GRANT SELECT, EXPORT ON ALL TABLES IN DATABASE {} TO ...",
        work.database
    ))
}

fn no_baseline(work: &Work<'_>) -> Error {
    Error::new(
        ErrorName::NotFound,
        format!(
            "there is no full backup of group '{}' in database {} to compare with",
            work.run.group, work.database
        ),
    )
    .hint(format!(
        "make one first: starrocks-br backup full --group {}",
        work.run.group
    ))
    .hint(
        "a full counts if it is FINISHED, of the same group, database and cluster, made by this \
         program, and still in the repository",
    )
}

fn unusable_baseline(work: &Work<'_>, named: &SnapshotLabel) -> Error {
    Error::new(
        ErrorName::NotFound,
        format!(
            "label '{named}' cannot be the baseline for group '{}' in database {}",
            work.run.group, work.database
        ),
    )
    .hint(
        "a baseline is a FINISHED full of the same group, database and cluster, made by this program, \
         and still in the repository: starrocks-br list",
    )
}
