//! Whether the disks have room, and whether what a restore brings fits.

use crate::{
    error::ErrorName,
    facts::cluster::{BackendFacts, ClusterFacts},
    plan::Finding,
    sql::show::ByteSize,
};

/// Where a disk is called full: less than 5 % and less than 100 GB free, both at once.
const RESERVE_BYTES: u64 = 100 << 30;
const RESERVE_PERCENT: u64 = 5;
/// Above this share of the room, somebody should look before it is used.
const TIGHT_PERCENT: u128 = 80;

/// What a restore may fill before backends refuse to write: on living backends that stay, the space
/// above the engine's reserve of each disk and above the share that is configured to stay free.
/// `None` without the privilege to see backends.
pub fn usable_bytes(cluster: &ClusterFacts, min_free_percent: u8) -> Option<u64> {
    let backends = cluster.backends.as_ref()?.iter();
    let taking = backends.filter(|backend| backend.alive && !backend.decommissioned);
    Some(
        taking
            .map(|backend| usable_of(backend, min_free_percent))
            .sum(),
    )
}

fn usable_of(backend: &BackendFacts, min_free_percent: u8) -> u64 {
    if backend.disks.is_empty() {
        return above_reserve(backend.available, backend.total, min_free_percent);
    }
    let online = backend.disks.iter().filter(|disk| disk.online);
    online
        .map(|disk| above_reserve(disk.available, disk.total, min_free_percent))
        .sum()
}

fn above_reserve(available: u64, total: u64, min_free_percent: u8) -> u64 {
    let engine = RESERVE_BYTES.min(total / 100 * RESERVE_PERCENT);
    let configured = total / 100 * u64::from(min_free_percent);
    available.saturating_sub(engine.max(configured))
}

/// Snapshots keep files that compaction would delete, so a backup fills a disk too.
pub(super) fn check_free(cluster: &ClusterFacts, least: u8) -> Option<Finding> {
    const CHECK: &str = "free space";
    let (percent, host) = cluster.fullest_disk()?;
    let message = format!("{percent} % on the fullest disk ({host})");
    Some(match percent < least {
        false => Finding::passed(CHECK, message),
        true => Finding::failed(
            CHECK,
            ErrorName::InsufficientStorage,
            format!("{message}; {least} % are asked for"),
            "free space there, or lower min_free_disk_percent (STARROCKS_BR_MIN_FREE_DISK_PERCENT)",
        ),
    })
}

/// Whether there is room for `needed`: everything that a restore will have on disk at the same time, with
/// all replicas.
pub fn restore_room(cluster: &ClusterFacts, needed: u64, min_free_percent: u8) -> Finding {
    const CHECK: &str = "room";
    let Some(usable) = usable_bytes(cluster, min_free_percent) else {
        return Finding::advice(
            CHECK,
            format!(
                "{} are needed, and free space is not known",
                ByteSize(needed)
            ),
            "let SHOW BACKENDS be seen (starrocks-br doctor prints the GRANT), or look at the disks yourself",
        );
    };
    let message = format!(
        "{} are needed with all replicas, and the backends take {} more ({min_free_percent} % of each \
         disk stay free)",
        ByteSize(needed),
        ByteSize(usable)
    );
    if needed > usable {
        let hint = "add disks or backends, drop what an earlier restore left behind, restore fewer tables \
                    at a time, or lower `min_free_disk_percent`";
        return Finding::failed(CHECK, ErrorName::InsufficientStorage, message, hint);
    }
    if u128::from(needed) * 100 > u128::from(usable) * TIGHT_PERCENT {
        let hint = "data does not spread evenly: one disk may be full before the others";
        return Finding::advice(CHECK, message, hint);
    }
    Finding::passed(CHECK, message)
}
