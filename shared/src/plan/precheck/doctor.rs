//! What is worth knowing although nothing is asked for now: `doctor` alone says it, and nothing is
//! ever decided by it.

use std::collections::BTreeMap;

use crate::{
    ddl::Ddl,
    facts::{TableFacts, cluster::ClusterFacts},
    ident::QualifiedTable,
    plan::{
        Finding,
        restore::{policy, step::Policy},
    },
    sql::restore::set_partition_properties,
    time::{UtcTime, age},
};

/// Beyond this, dates and ages in the two places do not fit together for a person who reads both.
const CLOCK_BOUND_SECONDS: i64 = 60;
/// As many as `init` gives a table where there are enough backends.
pub const OPS_REPLICAS: u16 = 3;

/// `here`: halfway between asking and the answer. The answer is in whole seconds.
pub fn clock(here: UtcTime, leader: UtcTime) -> Finding {
    const CHECK: &str = "clock";
    let ahead = leader.timestamp().as_second() - here.timestamp().as_second();
    if ahead.abs() <= CLOCK_BOUND_SECONDS {
        let message = format!(
            "the leader's and this machine's differ by {} s",
            ahead.abs()
        );
        return Finding::passed(CHECK, message);
    }
    let (by, how) = (
        age(ahead.abs()),
        if ahead > 0 { "ahead of" } else { "behind" },
    );
    Finding::advice(
        CHECK,
        format!("the leader's is {by} {how} this machine's: it shows {leader} UTC"),
        format!(
            "set them by NTP (up to {CLOCK_BOUND_SECONDS} s is well). What is backed up depends on no \
             clock, but labels have the date of the machine that starts executions, records the \
             leader's time, and AWS refuses requests that are five minutes off"
        ),
    )
}

/// The ops tables as they were read: what is recorded is as safe as its replicas.
pub fn ops_replicas<'a>(
    cluster: &ClusterFacts,
    tables: impl Iterator<Item = (QualifiedTable, &'a TableFacts)>,
) -> Option<Finding> {
    const CHECK: &str = "ops replicas";
    let live = u16::try_from(cluster.live_backends()?).unwrap_or(u16::MAX);
    let wanted = live.clamp(1, OPS_REPLICAS);
    let mut other: BTreeMap<u16, Vec<QualifiedTable>> = BTreeMap::new();
    let mut alters = Vec::new();
    for (name, table) in tables {
        for partition in &table.partitions {
            let replicas = partition.replication_num;
            // More than there are backends for is as bad: a write needs most of them.
            if replicas >= wanted && replicas <= live.max(wanted) {
                continue;
            }
            other.entry(replicas).or_default().push(name.clone());
            let wanted = wanted.to_string();
            let properties = [("replication_num", wanted.as_str())];
            let names = [partition.name.clone()];
            if let Ok(alter) = set_partition_properties(&name, &names, properties) {
                alters.push(alter.to_string());
            }
        }
    }
    if other.is_empty() {
        let message = format!("they fit {live} live backends");
        return Some(Finding::passed(CHECK, message));
    }
    let said: Vec<String> = other
        .iter()
        .map(|(replicas, names)| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            format!("{replicas} of {}", names.join(", "))
        })
        .collect();
    Some(Finding::advice(
        CHECK,
        format!("{live} backends live, and there are {}", said.join("; ")),
        alters.join("; "),
    ))
}

/// Tables whose partitions StarRocks drops by itself, where that can hit what a restore brings back.
pub fn policies(name: &QualifiedTable, table: &TableFacts, now: UtcTime) -> Option<Finding> {
    let ddl = Ddl::parse(&table.ddl).ok()?;
    // A partition of which nothing is known, as those of a label are here.
    let never_drops = |policy: Policy| {
        policy == Policy::DynamicPartition
            && policy::keeps_all(policy, &ddl.properties, &[None], now)
    };
    let dropping: Vec<String> = policy::active(&ddl.properties)
        .into_iter()
        .filter(|policy| !never_drops(*policy))
        .map(|policy| {
            let value = policy.value(&ddl.properties).unwrap_or_default();
            format!("{} = {value}", policy.property())
        })
        .collect();
    if dropping.is_empty() {
        return None;
    }
    Some(
        Finding::advice(
            "policies",
            format!(
                "StarRocks drops its partitions by itself ({}), also old ones that were just restored",
                dropping.join(", ")
            ),
            "a restore switches this off first, and on again only if nothing of what was restored would \
             go; what stays off is said, with the ALTER to run. RESTORE by hand does not",
        )
        .about(name),
    )
}

/// `value`: of `enable_backup_materialized_view`.
pub fn materialized_views(value: &str) -> Finding {
    Finding::passed(
        "materialized views",
        format!(
            "recorded by their definitions; enable_backup_materialized_view = {value} changes nothing, \
             because every BACKUP names its tables"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Verdict;

    #[test]
    fn clocks_are_compared_and_a_minute_is_allowed() {
        let here = UtcTime::from_user("2026-03-01 04:00:00").unwrap();
        for (leader, verdict, said) in [
            ("2026-03-01 04:00:01", Verdict::Passed, "differ by 1 s"),
            ("2026-03-01 03:59:00", Verdict::Passed, "differ by 60 s"),
            (
                "2026-03-01 04:01:01",
                Verdict::Advice,
                "61 seconds ahead of this",
            ),
            (
                "2026-02-28 04:00:00",
                Verdict::Advice,
                "24 hours behind this machine's: it shows 2026-02-28 04:00:00",
            ),
        ] {
            let finding = clock(here, UtcTime::from_user(leader).unwrap());
            assert_eq!(finding.verdict, verdict, "{leader}");
            assert!(finding.message.contains(said), "{}", finding.message);
        }
    }
}
