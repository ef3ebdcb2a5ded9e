//! What `doctor` reads besides what every job needs.

use shared::{
    error::Error,
    plan::{Finding, precheck::doctor},
    read,
    sql::show,
    starrocks::{Client, FailureKind},
    time::UtcTime,
};

pub(crate) async fn clock(client: &mut Client) -> Result<(UtcTime, Finding), Error> {
    let before = now();
    let leader = read::utc_now(client).await?;
    let half = now().duration_since(before) / 2;
    let here = UtcTime::from_timestamp(before.checked_add(half).unwrap_or(before));
    Ok((leader, doctor::clock(here, leader)))
}

/// `None` where the configuration cannot be seen, which is said elsewhere, or has no such item.
pub(crate) async fn materialized_views(client: &mut Client) -> Result<Option<Finding>, Error> {
    const NAME: &str = "enable_backup_materialized_view";
    let entries = match client.fetch(&show::frontend_config(NAME)).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == FailureKind::AccessDenied => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let entry = entries.into_iter().find(|entry| entry.name == NAME);
    Ok(entry.map(|entry| doctor::materialized_views(&entry.value)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with the leader's for a person to read; nothing is decided by it"
)]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
