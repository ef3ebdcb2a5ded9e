//! Mode, version, frontends and backends.

use super::Surroundings;
use crate::{
    error::ErrorName,
    facts::cluster::{BackendFacts, ClusterFacts, FrontendFacts},
    plan::Finding,
    sql::admin::{Privilege, grant},
    version::EngineLine,
};

const OLDEST: EngineLine = EngineLine::new(3, 3);
const NEWEST_KNOWN: EngineLine = EngineLine::new(4, 1);
/// From here on BACKUP reads from healthy replicas only.
const CHOOSES_HEALTHY_REPLICAS: EngineLine = EngineLine::new(4, 1);

pub(super) fn check(around: &Surroundings<'_>, least_replicas: Option<u16>) -> Vec<Finding> {
    let cluster = around.cluster;
    let line = cluster.engine_version.parse::<EngineLine>().ok();
    let mut findings = vec![mode(around), version(cluster, line)];
    match &cluster.frontends {
        None => findings.push(unseen(around, "frontends", "SHOW FRONTENDS")),
        Some(frontends) => findings.push(check_frontends(frontends)),
    }
    match &cluster.backends {
        None => findings.push(unseen(around, "backends", "SHOW BACKENDS")),
        Some(backends) => {
            findings.extend(check_backends(backends, line, least_replicas));
            findings.extend(check_disks(backends));
        }
    }
    findings
}

fn unseen(around: &Surroundings<'_>, check: &'static str, statement: &str) -> Finding {
    let message = format!("{statement} is not allowed, so their state is not known");
    Finding::advice(check, message, operate(around))
}

/// What shows all of it.
fn operate(around: &Surroundings<'_>) -> String {
    grant(Privilege::Operate, around.account).to_string()
}

fn mode(around: &Surroundings<'_>) -> Finding {
    const CHECK: &str = "run mode";
    match around.cluster.run_mode.as_deref() {
        Some("shared_nothing") => Finding::passed(CHECK, "shared_nothing"),
        Some(other) => Finding::failed(
            CHECK,
            ErrorName::UnsupportedCluster,
            format!("{other}: StarRocks has BACKUP of tables in shared_nothing clusters only"),
            "use the snapshots of the object store that holds the data",
        ),
        None => Finding::advice(CHECK, "it cannot be read", operate(around)),
    }
}

fn version(cluster: &ClusterFacts, line: Option<EngineLine>) -> Finding {
    const CHECK: &str = "version";
    let text = &cluster.engine_version;
    match line {
        Some(line) if line < OLDEST => Finding::failed(
            CHECK,
            ErrorName::UnsupportedCluster,
            format!("{text} is older than {OLDEST}"),
            format!("upgrade StarRocks to {OLDEST} or newer"),
        ),
        Some(line) if line > NEWEST_KNOWN => Finding::advice(
            CHECK,
            format!("{text} is newer than {NEWEST_KNOWN}, the newest that is known"),
            "restore a backup on a test cluster before relying on it",
        ),
        Some(_) => Finding::passed(CHECK, text.clone()),
        None => Finding::advice(
            CHECK,
            format!("'{text}' is not a version that is understood"),
            format!("make sure that it is {OLDEST} or newer"),
        ),
    }
}

/// A baseline of another cluster must never be planned against, so its id has to be known.
pub(super) fn identity(around: &Surroundings<'_>) -> Finding {
    const CHECK: &str = "cluster id";
    match &around.cluster.cluster_id {
        Some(id) => Finding::passed(CHECK, id.to_string()),
        None => Finding::failed(
            CHECK,
            ErrorName::AccessDenied,
            "SHOW FRONTENDS is not allowed, so which cluster this is cannot be known",
            operate(around),
        ),
    }
}

fn check_frontends(frontends: &[FrontendFacts]) -> Finding {
    const CHECK: &str = "frontends";
    if !frontends
        .iter()
        .any(|frontend| frontend.leader && frontend.alive)
    {
        return Finding::failed(
            CHECK,
            ErrorName::Unreachable,
            "none is a living leader",
            "SHOW FRONTENDS: wait for the election, or start the frontends that are down",
        );
    }
    let dead: Vec<&str> = frontends
        .iter()
        .filter(|frontend| !frontend.alive)
        .map(|frontend| frontend.host.as_str())
        .collect();
    if dead.is_empty() {
        return Finding::passed(CHECK, format!("{0} of {0} alive", frontends.len()));
    }
    Finding::advice(
        CHECK,
        format!(
            "{} of {} are down: {}",
            dead.len(),
            frontends.len(),
            dead.join(", ")
        ),
        "start them: another one down may cost the leader, and a job its metadata",
    )
}

fn check_backends(
    backends: &[BackendFacts],
    line: Option<EngineLine>,
    least_replicas: Option<u16>,
) -> Vec<Finding> {
    const CHECK: &str = "backends";
    let alive = backends.iter().filter(|backend| backend.alive).count();
    if alive == 0 {
        return vec![Finding::failed(
            CHECK,
            ErrorName::PrecheckFailed,
            format!("none of {} is alive", backends.len()),
            "start the backends: SHOW BACKENDS says why each is down",
        )];
    }
    let mut findings = Vec::new();
    let dead: Vec<&str> = backends
        .iter()
        .filter(|backend| !backend.alive)
        .map(|backend| backend.host.as_str())
        .collect();
    if dead.is_empty() {
        findings.push(Finding::passed(CHECK, format!("{alive} of {alive} alive")));
    } else {
        let mut message = format!(
            "{} of {} are down: {}",
            dead.len(),
            backends.len(),
            dead.join(", ")
        );
        if let Some(least) = least_replicas
            && dead.len() >= usize::from(least)
        {
            message += &format!(
                "; partitions with {least} replicas may have no living one, and a backup that needs \
                 them is cancelled by StarRocks: failed to choose replica"
            );
        } else if line.is_some_and(|line| line < CHOOSES_HEALTHY_REPLICAS) {
            message += "; this version may choose a replica on them and wait for it";
        }
        findings.push(Finding::advice(
            CHECK,
            message,
            "start them, or drop them from the cluster",
        ));
    }
    let leaving: Vec<&str> = backends
        .iter()
        .filter(|backend| backend.alive && backend.decommissioned)
        .map(|backend| backend.host.as_str())
        .collect();
    if !leaving.is_empty() {
        findings.push(Finding::advice(
            CHECK,
            format!(
                "being decommissioned, and taking no new replicas: {}",
                leaving.join(", ")
            ),
            "wait until SHOW BACKENDS does not show them any more, for full speed and room",
        ));
    }
    findings
}

fn check_disks(backends: &[BackendFacts]) -> Vec<Finding> {
    let offline = backends
        .iter()
        .filter(|backend| backend.alive)
        .flat_map(|backend| backend.disks.iter().map(move |disk| (backend, disk)))
        .filter(|(_, disk)| !disk.online);
    offline
        .map(|(backend, disk)| {
            let hint =
                "replace the disk; until then tables with one replica on it cannot be backed up";
            Finding::advice("disks", "offline", hint)
                .about(format!("{}:{}", backend.host, disk.path))
        })
        .collect()
}
