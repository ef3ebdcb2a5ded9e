//! `kind: auto`: what is due, from the fulls that are there.

use std::collections::BTreeMap;

use shared::{
    config::Settings,
    error::Error,
    ident::{ClusterId, DatabaseName, GroupName},
    ops::Ops,
    plan::schedule::{self, Choice, Full, Policy},
    starrocks::Client,
    time::UtcTime,
    track,
};

/// Of each database, the fulls that an incremental could be planned against.
pub(crate) async fn fulls(
    settings: &Settings,
    client: &mut Client,
    group: &GroupName,
    databases: &[DatabaseName],
    cluster: &ClusterId,
) -> Result<BTreeMap<DatabaseName, Vec<Full>>, Error> {
    let mut fulls = BTreeMap::new();
    for database in databases {
        let records = Ops::new(client, settings.ops_database())
            .baselines(group, database, cluster)
            .await?;
        let restorable = track::restorable(client, settings.repository()?, records).await?;
        let of_database = restorable.iter().filter_map(|record| {
            Some(Full {
                date: record.planned_at?.date_in(settings.label_time_zone()),
                class: record.retention_class,
            })
        });
        fulls.insert(database.clone(), of_database.collect());
    }
    Ok(fulls)
}

pub(crate) fn choose(
    settings: &Settings,
    policy: &Policy,
    started_at: UtcTime,
    fulls: &BTreeMap<DatabaseName, Vec<Full>>,
) -> Choice {
    let today = started_at.date_in(settings.label_time_zone());
    let choice = schedule::choose(policy, today, fulls);
    tracing::info!(
        kind = choice.kind.as_str(),
        class = choice.retention.class.as_str(),
        reason = choice.reason,
        "due"
    );
    choice
}
