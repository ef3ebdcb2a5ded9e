//! The cluster as a whole. What needs a privilege that the user may lack is `None` without it.

use crate::{
    error::{Error, ErrorName},
    ident::{ClusterId, RepositoryName},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    pub cluster_id: Option<ClusterId>,
    /// As the leader prints it: `3.5.7-abc1234`.
    pub engine_version: String,
    /// `shared_nothing` or `shared_data`; only the former has BACKUP of tables.
    pub run_mode: Option<String>,
    pub frontends: Option<Vec<FrontendFacts>>,
    pub backends: Option<Vec<BackendFacts>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontendFacts {
    pub host: String,
    pub leader: bool,
    pub alive: bool,
}

/// Capacities lag up to a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendFacts {
    pub id: i64,
    pub host: String,
    pub alive: bool,
    pub decommissioned: bool,
    /// Bytes, over all disks.
    pub available: u64,
    pub total: u64,
    /// Empty where `SHOW PROC '/backends/<id>'` could not be read.
    pub disks: Vec<DiskFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFacts {
    pub path: String,
    pub available: u64,
    pub total: u64,
    pub online: bool,
}

/// A row of SHOW REPOSITORIES, and whether the engine could list the repository just now: its own
/// error column is filled by a ping every ten minutes and proves nothing while it is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFacts {
    pub name: RepositoryName,
    pub location: String,
    pub read_only: bool,
    /// The engine's words for why SHOW SNAPSHOT failed.
    pub unreachable: Option<String>,
    /// SHOW SNAPSHOT is not allowed, so nothing is known of that.
    pub unseen: bool,
}

impl BackendFacts {
    /// Of the fullest disk that is online: one full disk stops loads and snapshots on its backend.
    pub fn free_percent(&self) -> Option<u8> {
        let percent = |available: u64, total: u64| {
            let percent = u128::from(available) * 100 / u128::from(total);
            u8::try_from(percent).ok()
        };
        let online = self
            .disks
            .iter()
            .filter(|disk| disk.online && disk.total > 0);
        let disks = online.filter_map(|disk| percent(disk.available, disk.total));
        match disks.min() {
            None if self.total > 0 => percent(self.available, self.total),
            fullest => fullest,
        }
    }
}

impl ClusterFacts {
    /// A full of another cluster must never become a baseline.
    pub fn known_id(&self) -> Result<&ClusterId, Error> {
        self.cluster_id.as_ref().ok_or_else(|| {
            Error::new(
                ErrorName::AccessDenied,
                "which cluster this is cannot be read from SHOW FRONTENDS",
            )
            .hint(
                "a full of another cluster must never become a baseline: the backup user needs OPERATE ON SYSTEM; \
                 `starrocks-br doctor` prints the GRANT",
            )
        })
    }

    /// The fullest disk of the living backends, as its free share in percent and its host.
    pub fn fullest_disk(&self) -> Option<(u8, &str)> {
        let alive = self
            .backends
            .as_ref()?
            .iter()
            .filter(|backend| backend.alive);
        alive
            .filter_map(|backend| Some((backend.free_percent()?, backend.host.as_str())))
            .min()
    }

    /// Backends that can take replicas: alive and not on their way out.
    pub fn live_backends(&self) -> Option<usize> {
        let live = |backend: &&BackendFacts| backend.alive && !backend.decommissioned;
        Some(self.backends.as_ref()?.iter().filter(live).count())
    }
}
