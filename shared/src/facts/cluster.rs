//! The cluster as a whole. What needs a privilege that the user may lack is `None` without it.

use crate::ident::{ClusterId, RepositoryName};

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
}

impl ClusterFacts {
    /// Backends that can take replicas: alive and not on their way out.
    pub fn live_backends(&self) -> Option<usize> {
        let live = |backend: &&BackendFacts| backend.alive && !backend.decommissioned;
        Some(self.backends.as_ref()?.iter().filter(live).count())
    }
}
