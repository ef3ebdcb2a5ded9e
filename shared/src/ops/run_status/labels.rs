//! The labels that are in work.

use sha2::{Digest as _, Sha256};

use super::Lease;
use crate::{
    error::Error,
    ident::{DatabaseName, PlanId},
    label::{LoadLabel, SnapshotLabel},
    ops::{Once, Ops, until_visible},
    sql::ops::run_status::{self, ClaimRow, EndedClaimRow, Phase},
};

/// Unique per snapshot label. After StarRocks has forgotten it, the row still says that it is taken.
fn claim_load_label(label: &SnapshotLabel) -> LoadLabel {
    let hash = hex::encode(Sha256::digest(label.as_str()));
    format!("br_claim_{hash}")
        .parse()
        .expect("hexadecimal digits, letters and underscores, 73 characters")
}

impl Ops<'_> {
    pub async fn open_claims(&mut self, database: &DatabaseName) -> Result<Vec<ClaimRow>, Error> {
        Ok(self
            .client
            .fetch(&run_status::open_claims(self.database, database))
            .await?)
    }

    /// Labels that were taken and under which nothing was sent.
    pub async fn given_up(&mut self) -> Result<Vec<EndedClaimRow>, Error> {
        Ok(self
            .client
            .fetch(&run_status::given_up(self.database))
            .await?)
    }

    pub async fn claim(&mut self, label: &SnapshotLabel) -> Result<Option<ClaimRow>, Error> {
        Ok(self
            .client
            .fetch(&run_status::claim(self.database, label))
            .await?
            .pop())
    }

    /// Takes a label for this lease and waits until everybody can see that it is taken. `false` where
    /// somebody else was faster: another database with the same name, or a newer generation of this one.
    pub async fn claim_label(
        &mut self,
        lease: &Lease,
        label: &SnapshotLabel,
    ) -> Result<bool, Error> {
        let statement = run_status::insert_claim(
            self.database,
            &claim_load_label(label),
            label,
            &lease.database,
            lease.generation,
            &lease.execution,
        );
        if self.insert_once(&statement).await? == Once::Taken {
            return Ok(false);
        }
        let mut ours = false;
        until_visible!(format!("the claim of label {label}"), {
            let claim = self.claim(label).await?;
            ours = claim.as_ref().is_some_and(|row| {
                row.execution == lease.execution && row.generation == lease.generation
            });
            claim.is_some()
        })?;
        Ok(ours)
    }

    /// Moves a label to `phase` and waits until that can be read.
    pub async fn set_phase(
        &mut self,
        lease: &Lease,
        label: &SnapshotLabel,
        phase: Phase,
        plan: Option<&PlanId>,
    ) -> Result<(), Error> {
        let statement = run_status::set_phase(self.database, label, lease.generation, phase, plan);
        self.client.run(&statement).await?;
        until_visible!(format!("phase {} of label {label}", phase.as_str()), {
            let claim = self.claim(label).await?;
            claim.is_some_and(|row| row.phase == phase)
        })
    }

    pub async fn set_progress(&mut self, label: &SnapshotLabel, digest: &str) -> Result<(), Error> {
        self.client
            .run(&run_status::set_progress(self.database, label, digest))
            .await?;
        Ok(())
    }
}
