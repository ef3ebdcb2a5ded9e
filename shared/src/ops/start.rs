//! Scheduled starts: a schedule delivers at least once, and only one delivery may do anything.

use sha2::{Digest as _, Sha256};

use super::{Ops, until_visible};
use crate::{
    error::Error,
    ident::{ExecutionId, GroupName},
    label::LoadLabel,
    sql::ops::run_status,
    time::UtcTime,
};

impl Ops<'_> {
    /// Claims the start of a group at a scheduled time, and answers whose it is: this execution's, or
    /// that of the delivery that was faster.
    pub async fn claim_start(
        &mut self,
        group: &GroupName,
        scheduled_at: UtcTime,
        execution: &ExecutionId,
    ) -> Result<ExecutionId, Error> {
        let label = load_label(group, scheduled_at);
        if let Some(holder) = self.start_holder(&label).await? {
            return Ok(holder);
        }
        let statement = run_status::insert_start(self.database, &label, execution);
        // Whoever was faster, the row tells.
        self.insert_once(&statement).await?;
        let mut holder = None;
        until_visible!(format!("the start of group {group} at {scheduled_at}"), {
            holder = self.start_holder(&label).await?;
            holder.is_some()
        })?;
        holder.ok_or_else(|| Error::internal("a start that can be read has no execution"))
    }

    async fn start_holder(&mut self, label: &LoadLabel) -> Result<Option<ExecutionId>, Error> {
        let rows = self
            .client
            .fetch(&run_status::start(self.database, label))
            .await?;
        Ok(rows.into_iter().next().map(|row| row.execution))
    }
}

fn load_label(group: &GroupName, scheduled_at: UtcTime) -> LoadLabel {
    let hash = hex::encode(Sha256::digest(group.as_str()));
    let seconds = scheduled_at.timestamp().as_second();
    format!("br_start_{}_{seconds}", &hash[..16])
        .parse()
        .expect("hexadecimal digits, digits and underscores, about 40 characters")
}
