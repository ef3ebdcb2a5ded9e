//! `heartbeat`: what has to be looked at although nothing failed, as metrics.
//!
//! Hourly. If the cluster cannot be reached there are no metrics, and the alarm on missing ones says so.

use serde_json::{Value, json};
use shared::{
    config::Settings,
    error::Error,
    metrics::{self, Metric},
    ops::Ops,
    plan::overdue::{Expected, newest, overdue},
    starrocks::Client,
};

use crate::facts::Gathered;

/// Answers `{"overdue": [{"group", "reason"}], "min_free_disk_percent", "repository_error",
/// "leases_expired": [database]}`.
pub(crate) async fn heartbeat(
    settings: &Settings,
    client: &mut Client,
    groups: &[Expected],
) -> Result<Value, Error> {
    let ops = settings.ops_database();
    let state = Ops::new(client, ops).schema_state().await?;
    if let Some(error) = state.to_error(ops) {
        return Err(error);
    }
    let gathered = Gathered::read(settings, client, &[]).await?;
    let ages = Ops::new(client, ops).ages().await?;
    let overdue = overdue(groups, &ages);
    let expired = Ops::new(client, ops).expired_leases().await?;
    let repository_error = gathered.repository_error();
    let free = gathered.min_free_disk_percent();
    for group in &overdue {
        tracing::error!(group = %group.group, reason = group.reason, "overdue");
    }
    for database in &expired {
        tracing::warn!(%database, "its run died; the next one adopts what it left");
    }
    let mut values = vec![
        (Metric::OverdueGroups, count(overdue.len())),
        (
            Metric::RepositoryErrors,
            count(usize::from(repository_error.is_some())),
        ),
        (Metric::ActiveLeasesExpired, count(expired.len())),
    ];
    values.extend(free.map(|percent| (Metric::MinFreeDiskPercent, f64::from(percent))));
    metrics::emit(None, &values);
    for (group, minutes) in newest(groups, &ages) {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let seconds = (60 * minutes) as f64;
        metrics::emit(Some(&group), &[(Metric::NewestBackupAge, seconds)]);
    }
    Ok(json!({
        "overdue": overdue,
        "min_free_disk_percent": free,
        "repository_error": repository_error,
        "leases_expired": expired,
    }))
}

#[expect(clippy::cast_precision_loss, reason = "groups and databases are few")]
fn count(number: usize) -> f64 {
    number as f64
}
