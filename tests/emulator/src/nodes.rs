//! The cluster's nodes, as SHOW FRONTENDS and SHOW BACKENDS print them. Tests set liveness, disks and
//! versions; nothing else in the emulator changes them.

use jiff::Timestamp;

use crate::{
    catalog::FIRST_BACKEND_ID,
    clock::Clock,
    engine::Engine,
    profile::Profile,
    reply::{Cell, Column, ResultSet},
    session::Session,
};

#[derive(Debug)]
pub struct Nodes {
    pub frontends: Vec<Frontend>,
    pub backends: Vec<Backend>,
    pub cluster_id: i64,
}

#[derive(Debug, Clone)]
pub struct Frontend {
    pub id: i64,
    pub host: String,
    pub edit_log_port: u16,
    pub query_port: u16,
    pub role: FrontendRole,
    pub alive: bool,
    pub started: Timestamp,
    pub version: String,
    pub error: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontendRole {
    Leader,
    Follower,
    Observer,
}

#[derive(Debug, Clone)]
pub struct Backend {
    pub id: i64,
    pub host: String,
    pub alive: bool,
    pub decommissioned: bool,
    pub disks: Vec<Disk>,
    /// `None` where the backend never reported it.
    pub started: Option<Timestamp>,
    pub version: String,
    pub cpu_cores: u32,
    pub memory_limit: u64,
    pub error: String,
}

#[derive(Debug, Clone)]
pub struct Disk {
    pub path: String,
    pub total: u64,
    pub available: u64,
    /// Bytes of tablets.
    pub data: u64,
    pub online: bool,
}

const GB: u64 = 1 << 30;

impl Nodes {
    pub fn new(
        profile: Profile,
        backends: u32,
        started: Timestamp,
        stand_in_backend: bool,
    ) -> Nodes {
        let backend = |id: i64| Backend {
            id,
            host: "127.0.0.1".to_owned(),
            alive: true,
            decommissioned: false,
            disks: vec![Disk {
                path: "/opt/starrocks/be/storage".to_owned(),
                total: 1000 * GB,
                available: 700 * GB,
                data: 0,
                online: true,
            }],
            // A stand-in has no start time, which 3.3 printed as one all the same.
            started: (!stand_in_backend || profile.is_3_3()).then_some(started),
            version: if stand_in_backend {
                ""
            } else {
                profile.version_comment()
            }
            .to_owned(),
            cpu_cores: if stand_in_backend { 0 } else { 8 },
            memory_limit: if stand_in_backend { 0 } else { 32 * GB },
            error: String::new(),
        };
        Nodes {
            frontends: vec![Frontend {
                id: 1,
                host: "127.0.0.1".to_owned(),
                edit_log_port: 9010,
                query_port: 0,
                role: FrontendRole::Leader,
                alive: true,
                started,
                version: profile.version_comment().to_owned(),
                error: String::new(),
            }],
            backends: (FIRST_BACKEND_ID..)
                .take(backends as usize)
                .map(backend)
                .collect(),
            cluster_id: 1_402_186_318,
        }
    }

    /// A second frontend beside the first. Gives its id.
    pub(crate) fn add_follower(&mut self, query_port: u16) -> i64 {
        let follower = Frontend {
            id: 2,
            edit_log_port: 9011,
            query_port,
            role: FrontendRole::Follower,
            ..self.frontends[0].clone()
        };
        self.frontends.push(follower);
        2
    }

    /// The first live follower becomes the leader.
    pub(crate) fn change_leader(&mut self) -> Result<(), String> {
        let follower = self
            .frontends
            .iter()
            .position(|frontend| frontend.role == FrontendRole::Follower && frontend.alive)
            .ok_or("no live follower: start the emulator with Options::follower")?;
        for frontend in &mut self.frontends {
            if frontend.role == FrontendRole::Leader {
                frontend.role = FrontendRole::Follower;
            }
        }
        self.frontends[follower].role = FrontendRole::Leader;
        Ok(())
    }

    pub fn is_follower(&self, frontend: i64) -> bool {
        self.frontends
            .iter()
            .any(|one| one.id == frontend && one.role != FrontendRole::Leader)
    }

    pub fn leader(&self) -> Option<&Frontend> {
        self.frontends
            .iter()
            .find(|frontend| frontend.role == FrontendRole::Leader)
    }
}

impl Frontend {
    /// `host_editlogport_starttime`, as a frontend names itself when it joins.
    pub fn name(&self) -> String {
        let started = self.started.as_millisecond();
        format!("{}_{}_{started}", self.host, self.edit_log_port)
    }
}

impl Engine {
    /// Backends that can take a replica.
    pub fn live_backends(&self) -> usize {
        self.nodes
            .backends
            .iter()
            .filter(|backend| backend.alive && !backend.decommissioned)
            .count()
    }

    pub(crate) fn show_frontends(&self, session: &Session) -> ResultSet {
        let mut columns = vec![
            "Name",
            "IP",
            "EditLogPort",
            "HttpPort",
            "QueryPort",
            "RpcPort",
            "Role",
            "ClusterId",
            "Join",
            "Alive",
            "ReplayedJournalId",
            "LastHeartbeat",
            "IsHelper",
            "ErrMsg",
            "StartTime",
            "Version",
        ];
        let has_id = !self.profile.is_3_3();
        let has_group = self.profile != Profile::V4_1;
        if has_id {
            columns.insert(0, "Id");
        }
        if has_group {
            columns.push("ResourceIsolationGroup");
        }
        let now = self.clock.now();
        let rows = self.nodes.frontends.iter().map(|frontend| {
            let role = match frontend.role {
                FrontendRole::Leader => "LEADER",
                FrontendRole::Follower => "FOLLOWER",
                FrontendRole::Observer => "OBSERVER",
            };
            let mut row = vec![
                text(frontend.name()),
                text(&frontend.host),
                text(frontend.edit_log_port),
                text("8030"),
                text(frontend.query_port),
                text("9020"),
                text(role),
                text(self.nodes.cluster_id),
                text("true"),
                text(frontend.alive),
                text("1000"),
                self.cluster_time(session, now),
                text("true"),
                text(&frontend.error),
                self.cluster_time(session, frontend.started),
                text(&frontend.version),
            ];
            if has_id {
                row.insert(0, text(frontend.id));
            }
            if has_group {
                row.push(text(""));
            }
            row
        });
        shown(&columns, rows.collect())
    }

    /// SHOW BACKENDS and SHOW PROC '/backends'.
    pub(crate) fn show_backends(&self, session: &Session) -> ResultSet {
        let mut columns = vec![
            "BackendId",
            "IP",
            "HeartbeatPort",
            "BePort",
            "HttpPort",
            "BrpcPort",
            "LastStartTime",
            "LastHeartbeat",
            "Alive",
            "SystemDecommissioned",
            "ClusterDecommissioned",
            "TabletNum",
            "DataUsedCapacity",
            "AvailCapacity",
            "TotalCapacity",
            "UsedPct",
            "MaxDiskUsedPct",
            "ErrMsg",
            "Version",
            "Status",
            "DataTotalCapacity",
            "DataUsedPct",
            "CpuCores",
            "MemLimit",
            "NumRunningQueries",
            "MemUsedPct",
            "CpuUsedPct",
            "DataCacheMetrics",
            "Location",
        ];
        let has_code = !self.profile.is_3_3();
        if has_code {
            columns.push("StatusCode");
        }
        let now = self.clock.now();
        let rows = self.nodes.backends.iter().map(|backend| {
            let sum = |of: fn(&Disk) -> u64| backend.disks.iter().map(of).sum::<u64>();
            let total = sum(|disk| disk.total);
            let available = sum(|disk| disk.available);
            let data = sum(|disk| disk.data);
            let fullest = backend
                .disks
                .iter()
                .map(|disk| used_percent(disk.total, disk.available))
                .fold(0.0, f64::max);
            let report = Clock::format(now, &session.time_zone);
            let mut row = vec![
                text(backend.id),
                text(&backend.host),
                text("9050"),
                text("9060"),
                text("8040"),
                text("8060"),
                backend
                    .started
                    .and_then(|started| self.cluster_time(session, started)),
                self.cluster_time(session, now),
                text(backend.alive),
                text(backend.decommissioned),
                text("false"),
                text(self.tablets_of(backend.id)),
                text(capacity(data)),
                text(capacity(available)),
                text(capacity(total)),
                text(format!("{:.2} %", used_percent(total, available))),
                text(format!("{fullest:.2} %")),
                text(&backend.error),
                text(&backend.version),
                text(format!(r#"{{"lastSuccessReportTabletsTime":"{report}"}}"#)),
                text(capacity(data + available)),
                text(format!(
                    "{:.2} %",
                    used_percent(data + available, available)
                )),
                text(backend.cpu_cores),
                text(memory(backend.memory_limit)),
                text("0"),
                text("0.00 %"),
                text("0.0 %"),
                text("N/A"),
                text(""),
            ];
            if has_code {
                row.push(text(if backend.alive { "OK" } else { "DISCONNECTED" }));
            }
            row
        });
        shown(&columns, rows.collect())
    }

    /// Tablets are spread evenly, as many replicas of each as its partition asks for.
    pub(crate) fn tablets_of(&self, backend: i64) -> u64 {
        let count = self.nodes.backends.len() as u64;
        let position = backend.abs_diff(FIRST_BACKEND_ID) % count.max(1);
        let replicas: u64 = self
            .catalog
            .databases
            .values()
            .flat_map(|database| database.tables.values())
            .flat_map(|table| table.partitions.iter())
            .map(|partition| partition.tablets.len() as u64 * u64::from(partition.replication_num))
            .sum();
        replicas / count.max(1) + u64::from(position < replicas % count.max(1))
    }

    /// A time as SHOW statements print it: fixed UTC+8 in 4.1, the session's zone before.
    pub(crate) fn cluster_time(&self, session: &Session, at: Timestamp) -> Cell {
        Some(Clock::format(at, &self.show_time_zone(session)))
    }
}

fn used_percent(total: u64, available: u64) -> f64 {
    if total == 0 {
        return 0.0;
    }
    (total.saturating_sub(available)) as f64 * 100.0 / total as f64
}

/// `1.234 GB`: three decimals, a space, 1024-based units.
pub(crate) fn capacity(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.3} {}", UNITS[unit])
}

/// As [`capacity`] but without the space, which MemLimit does not have.
fn memory(bytes: u64) -> String {
    capacity(bytes).replace(' ', "")
}

fn text(value: impl ToString) -> Cell {
    Some(value.to_string())
}

fn shown(columns: &[&str], rows: Vec<Vec<Cell>>) -> ResultSet {
    ResultSet {
        columns: columns.iter().map(|name| Column::show(*name)).collect(),
        rows,
    }
}
