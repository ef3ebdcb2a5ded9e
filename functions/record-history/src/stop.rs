//! An execution that is stopped on purpose: a database in which nothing was begun is given back at
//! once, everything else is left to adoption, and it is said which is which.
//!
//! To be called when nothing of the execution runs any more.

use serde::Serialize;
use shared::{
    config::Settings,
    error::Error,
    ident::{DatabaseName, ExecutionId, RestoreId},
    label::SnapshotLabel,
    manifest::BackupStatus,
    ops::{Ops, run_status::Lease},
    sql::ops::{
        run_status::{ClaimRow, LeaseRow, Phase},
        steps::StepState,
    },
    starrocks::Client,
    time::UtcTime,
};

#[derive(Debug, Serialize)]
pub(crate) struct Left {
    /// What it still held.
    databases: Vec<LeftDatabase>,
    /// Labels that it brought to their end.
    recorded: Vec<Recorded>,
}

#[derive(Debug, Serialize)]
struct Recorded {
    label: SnapshotLabel,
    status: BackupStatus,
}

#[derive(Debug, Serialize)]
struct LeftDatabase {
    database: DatabaseName,
    label: Option<SnapshotLabel>,
    state: LeftState,
    /// When somebody else can take the database, where it was not given back.
    held_until: Option<UtcTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum LeftState {
    /// Nothing was sent: given back.
    Released,
    /// BACKUP may be under way: only what StarRocks shows later can tell.
    Unknown,
    /// StarRocks works on the label.
    Submitted,
    /// Steps of a restore were begun.
    Restoring,
}

pub(crate) async fn stop(
    settings: &Settings,
    client: &mut Client,
    execution: &ExecutionId,
    restore: Option<&RestoreId>,
) -> Result<Left, Error> {
    let mut ops = Ops::new(client, settings.ops_database());
    let restoring = has_begun(&mut ops, restore).await?;
    let mut databases = Vec::new();
    for (database, lease) in ops.leases_of(execution).await? {
        let claims = ops.open_claims(&database).await?;
        // The one that went furthest says what may still happen.
        let claim = claims
            .into_iter()
            .filter(|claim| claim.generation == lease.generation || claim.execution == *execution)
            .max_by_key(|claim| claim.phase);
        let state = match (&claim, restoring) {
            (_, true) => LeftState::Restoring,
            (Some(claim), _) if claim.phase >= Phase::Submitted => LeftState::Submitted,
            (Some(claim), _) if may_be_sent(&mut ops, claim).await? => LeftState::Unknown,
            _ => LeftState::Released,
        };
        if state == LeftState::Released {
            give_back(&mut ops, execution, &database, &lease, claim.as_ref()).await?;
        }
        databases.push(LeftDatabase {
            database,
            label: claim.map(|claim| claim.label),
            state,
            held_until: (state != LeftState::Released).then_some(lease.expires_at),
        });
    }
    let recorded = ops
        .backups_of_execution(execution)
        .await?
        .into_iter()
        .filter(|record| record.status != BackupStatus::Running)
        .map(|record| Recorded {
            label: record.label,
            status: record.status,
        })
        .collect();
    Ok(Left {
        databases,
        recorded,
    })
}

/// BACKUP is sent only for a label that is PLANNED, and not if there is nothing to store.
async fn may_be_sent(ops: &mut Ops<'_>, claim: &ClaimRow) -> Result<bool, Error> {
    if claim.phase < Phase::Planned {
        return Ok(false);
    }
    let record = ops.backup(&claim.label).await?;
    Ok(record.is_none_or(|record| record.partitions_stored != Some(0)))
}

async fn give_back(
    ops: &mut Ops<'_>,
    execution: &ExecutionId,
    database: &DatabaseName,
    lease: &LeaseRow,
    claim: Option<&ClaimRow>,
) -> Result<(), Error> {
    // A plan with nothing to store stays: the next run records it.
    if let Some(claim) = claim.filter(|claim| claim.phase < Phase::Planned) {
        let lease = Lease {
            database: database.clone(),
            generation: lease.generation,
            execution: execution.clone(),
        };
        ops.set_phase(&lease, &claim.label, Phase::Abandoned, None)
            .await?;
    }
    ops.release_lease(database, execution).await
}

/// A step that waits for its turn has not been sent, and can still be begun by whoever resumes.
async fn has_begun(ops: &mut Ops<'_>, restore: Option<&RestoreId>) -> Result<bool, Error> {
    let Some(restore) = restore else {
        return Ok(false);
    };
    let steps = ops.restore_steps(restore).await?;
    Ok(steps.iter().any(|step| step.state != StepState::Pending))
}
