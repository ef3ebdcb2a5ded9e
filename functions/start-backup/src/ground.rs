//! What a plan stands on, and the decision: read and decided alike for a backup and for its preview.

use std::collections::BTreeMap;

use shared::{
    error::{Error, ErrorName},
    ident::{ClusterId, PlanId, TableName},
    label::{BackupKind, SnapshotLabel},
    manifest::Manifest,
    plan::{
        backup::{self, BackupPlan, BackupRequest, Basis, Leftovers, Selection},
        partition_diff::Limits,
    },
    read,
    starrocks::Client,
    time::UtcTime,
    track,
};

use crate::Work;

/// Read before a label is taken.
pub(crate) struct Ground {
    pub(crate) cluster_id: ClusterId,
    pub(crate) engine_version: String,
    last_full: Option<Manifest>,
    selection: Selection,
    leftovers: Leftovers,
}

impl Ground {
    /// The full that an incremental is compared with.
    pub(crate) fn baseline(&self, kind: BackupKind) -> Option<&SnapshotLabel> {
        match kind {
            BackupKind::Full => None,
            BackupKind::Incremental => self.last_full.as_ref().map(|manifest| &manifest.label),
        }
    }
}

/// The first reading (R0) and what follows from it.
pub(crate) struct Decided {
    pub(crate) plan: BackupPlan,
    pub(crate) planned_at: UtcTime,
}

impl Work<'_> {
    pub(crate) async fn ground(&self, client: &mut Client) -> Result<Ground, Error> {
        let cluster = read::read_cluster(client).await?;
        let cluster_id = cluster.known_id()?.clone();
        let last_full = self.last_full(client, &cluster_id).await?;
        let selection = self.selection(client).await?;
        let leftovers = self.ops(client).leftovers().await?;
        Ok(Ground {
            cluster_id,
            engine_version: cluster.engine_version,
            last_full,
            selection,
            leftovers,
        })
    }

    /// Reads the database (R0) and decides what `label` will hold.
    pub(crate) async fn decide(
        &self,
        client: &mut Client,
        ground: &Ground,
        label: &SnapshotLabel,
        list_supported: bool,
    ) -> Result<Decided, Error> {
        let planned_at = read::utc_now(client).await?;
        let reading = read::read_database(
            client,
            self.database,
            &ground.selection,
            &self.run.execution_id,
        )
        .await?;
        if !reading.unreadable.is_empty() {
            return Err(unreadable(self, &reading.unreadable));
        }
        let plan = backup::plan(
            reading.facts,
            BackupRequest {
                label: label.clone(),
                plan_id: self.plan_id(label),
                basis: self.basis(ground.last_full.as_ref())?,
                selection: &ground.selection,
                leftovers: &ground.leftovers,
                list_supported,
                on_unsupported: self.run.on_unsupported,
                limits: Limits::DEFAULT,
            },
        )?;
        Ok(Decided { plan, planned_at })
    }

    /// Unique for a label, which is never used again.
    fn plan_id(&self, label: &SnapshotLabel) -> PlanId {
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
        "the backup user needs SELECT, EXPORT ON ALL TABLES IN DATABASE {}; `starrocks-br doctor` prints the GRANT",
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
