//! The cluster as a whole, and its repository.

use crate::{
    error::Error,
    facts::cluster::{BackendFacts, ClusterFacts, DiskFacts, FrontendFacts, RepositoryFacts},
    ident::RepositoryName,
    sql::show::{self, FrontendRole},
    starrocks::{Client, ClientError, FailureKind},
    time::UtcTime,
};

pub async fn read_cluster(client: &mut Client) -> Result<ClusterFacts, Error> {
    let frontends = if_allowed(client.fetch(&show::frontends()).await)?;
    let backends = match if_allowed(client.fetch(&show::backends()).await)? {
        Some(rows) => Some(read_disks(client, rows).await?),
        None => None,
    };
    let version = client.fetch_optional(&show::version()).await?;
    let run_mode = if_allowed(client.fetch(&show::frontend_config("run_mode")).await)?;
    Ok(ClusterFacts {
        cluster_id: frontends
            .iter()
            .flatten()
            .next()
            .map(|frontend| frontend.cluster_id.clone()),
        engine_version: version.map(|row| row.value).unwrap_or_default(),
        run_mode: run_mode
            .iter()
            .flatten()
            .find(|entry| entry.name == "run_mode")
            .map(|entry| entry.value.clone()),
        frontends: frontends.map(|rows| {
            rows.into_iter()
                .map(|row| FrontendFacts {
                    host: row.host,
                    leader: row.role == FrontendRole::Leader,
                    alive: row.alive,
                })
                .collect()
        }),
        backends,
    })
}

async fn read_disks(
    client: &mut Client,
    rows: Vec<show::Backend>,
) -> Result<Vec<BackendFacts>, Error> {
    let mut backends = Vec::new();
    for row in rows {
        // A dead backend may never have told of its disks.
        let disks = match client.fetch(&show::disks(row.id)).await {
            Ok(disks) => disks,
            Err(error) if error.engine_words().is_some() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        backends.push(BackendFacts {
            id: row.id,
            host: row.host,
            alive: row.alive,
            decommissioned: row.decommissioned,
            available: row.available.0,
            total: row.total.0,
            disks: disks
                .into_iter()
                .map(|disk| DiskFacts {
                    path: disk.path,
                    available: disk.available.0,
                    total: disk.total.0,
                    online: disk.online,
                })
                .collect(),
        });
    }
    Ok(backends)
}

/// The leader's clock: the only one that is written anywhere.
pub async fn utc_now(client: &mut Client) -> Result<UtcTime, Error> {
    match client.fetch_optional(&show::utc_now()).await? {
        Some(row) => Ok(row.0),
        None => Err(Error::internal("SELECT UTC_TIMESTAMP() answered no row")),
    }
}

/// `None`: there is no repository of this name. Looking for a label that cannot exist makes the
/// engine list the object store, which is what shows that it can be reached.
pub async fn read_repository(
    client: &mut Client,
    name: &RepositoryName,
) -> Result<Option<RepositoryFacts>, Error> {
    let rows = client.fetch(&show::repositories()).await?;
    let Some(row) = rows.into_iter().find(|row| row.name == *name) else {
        return Ok(None);
    };
    let probe = "br_probe".parse().map_err(Error::from)?;
    let looked = client.fetch(&show::snapshots_named(name, [&probe])).await;
    let (unreachable, unseen) = match looked {
        Ok(_) => (None, false),
        Err(error) if error.kind() == FailureKind::AccessDenied => (None, true),
        Err(error) if error.kind() == FailureKind::RepositoryUnreachable => {
            let words = error.engine_words().unwrap_or_default().to_owned();
            (Some(words), false)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Some(RepositoryFacts {
        name: row.name,
        location: row.location,
        read_only: row.read_only,
        unreachable,
        unseen,
    }))
}

fn if_allowed<T>(answer: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == FailureKind::AccessDenied => Ok(None),
        Err(error) => Err(error),
    }
}
