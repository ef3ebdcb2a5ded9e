//! Slots, ticks, timeouts, restarts and what tests can do to jobs.

use super::support::{Fixture, PLAIN};
use crate::{
    Profile,
    jobs::{At, BackupState, RestoreState},
};

fn fixture(profile: Profile) -> Fixture {
    let mut f = Fixture::new(profile);
    for database in ["d", "e"] {
        f.run(&format!("CREATE DATABASE {database}"));
        f.create(&format!("{database}.t {PLAIN}"));
        f.load(&format!("{database}.t"), "t", &[(1, "a"), (2, "b")]);
    }
    f
}

#[test]
fn states_follow_each_other_one_a_tick() {
    for profile in Profile::ALL {
        let mut f = fixture(profile);
        f.run("BACKUP SNAPSHOT d.l TO r ON (t)");
        assert_eq!(f.cell("SHOW BACKUP FROM d", "JobId"), "-1");
        assert_eq!(
            f.finish("SHOW BACKUP FROM d"),
            [
                "PENDING",
                "SNAPSHOTING",
                "UPLOAD_SNAPSHOT",
                "UPLOADING",
                "SAVE_META",
                "UPLOAD_INFO",
                "FINISHED"
            ]
        );
        f.start_restore("d", "l", "ON (t AS t2)");
        assert!(
            f.rows("SHOW BACKUP FROM d").is_empty(),
            "one slot a database"
        );
        assert_eq!(
            f.finish("SHOW RESTORE FROM d"),
            [
                "PENDING",
                "SNAPSHOTING",
                "DOWNLOAD",
                "DOWNLOADING",
                "COMMIT",
                "COMMITTING",
                "FINISHED"
            ]
        );
    }
}

#[test]
fn databases_go_on_together() {
    let mut f = fixture(Profile::V4_1);
    f.run("BACKUP SNAPSHOT d.l1 TO r ON (t)");
    f.run("BACKUP SNAPSHOT e.l2 TO r ON (t)");
    let error = f.fail("BACKUP SNAPSHOT d.l3 TO r ON (t)");
    assert_eq!(
        (error.code, error.sqlstate, error.message.as_str()),
        (
            5064,
            "42000",
            "Can only run one backup or restore job of a database at same time"
        )
    );
    f.ticks(6);
    for row in f.rows("SHOW BACKUP") {
        assert_eq!(row[3], "FINISHED");
    }
    assert_eq!(f.rows("SHOW BACKUP").len(), 2);
    f.run("DROP DATABASE e FORCE");
    assert_eq!(f.rows("SHOW BACKUP").len(), 1, "no database, no row");
}

#[test]
fn done_jobs_are_forgotten_after_a_week() {
    let mut f = fixture(Profile::V4_1);
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (t)");
    let day = jiff::SignedDuration::from_hours(24);
    f.engine.clock.advance(day * 7 - f.engine.tick);
    assert_eq!(f.rows("SHOW BACKUP FROM d").len(), 1);
    f.engine.clock.advance(f.engine.tick * 2);
    assert!(f.rows("SHOW BACKUP FROM d").is_empty());
}

#[test]
fn timeouts_count_from_the_statement() {
    let mut f = fixture(Profile::V4_1);
    let uploading = At::backup("d", BackupState::Uploading);
    f.engine
        .jobs
        .faults
        .fail_tasks(uploading, "upload failed: Access Denied");
    f.run("BACKUP SNAPSHOT d.l TO r ON (t) PROPERTIES ('timeout' = '600')");
    f.ticks(200);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "UPLOADING");
    assert_eq!(f.cell("SHOW BACKUP FROM d", "Status"), "[OK]");
    assert!(
        f.cell("SHOW BACKUP FROM d", "TaskErrMsg")
            .ends_with(": upload failed: Access Denied]")
    );
    f.ticks(1);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "CANCELLED");
    assert_eq!(f.cell("SHOW BACKUP FROM d", "Status"), "[TIMEOUT, msg: ]");

    f.engine
        .jobs
        .faults
        .heal_tasks(&At::backup("d", BackupState::Uploading));
    f.backup("d", "BACKUP SNAPSHOT d.l2 TO r ON (t)");
    let at = At::restore("d", RestoreState::Download);
    f.engine.jobs.faults.hold(at);
    f.start_restore("d", "l2", "ON (t AS t2)");
    f.ticks(30_000);
    assert_eq!(
        f.cell("SHOW RESTORE FROM d", "Status"),
        "[TIMEOUT, msg: restore job with label: l2  timeout.]"
    );
    assert!(f.engine.catalog.find_table("d", "t2").is_none());
}

#[test]
fn jobs_can_be_held_and_cancelled_at_a_state() {
    let mut f = fixture(Profile::V3_5);
    let at = At::backup("d", BackupState::SaveMeta);
    f.engine.jobs.faults.hold(at.clone());
    f.run("BACKUP SNAPSHOT d.l TO r ON (t)");
    f.ticks(20);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "SAVE_META");
    f.engine.jobs.faults.release(&at);
    assert_eq!(
        f.finish("SHOW BACKUP FROM d"),
        ["SAVE_META", "UPLOAD_INFO", "FINISHED"]
    );

    f.engine.jobs.faults.cancel(
        At::backup("d", BackupState::Snapshoting),
        "OLAP_VERSION_ALREADY_MERGED",
        "make snapshot failed, version already merged",
    );
    f.run("BACKUP SNAPSHOT d.l2 TO r ON (t)");
    assert_eq!(
        f.finish("SHOW BACKUP FROM d"),
        ["PENDING", "SNAPSHOTING", "CANCELLED"]
    );
    assert_eq!(
        f.cell("SHOW BACKUP FROM d", "Status"),
        "[OLAP_VERSION_ALREADY_MERGED, msg: make snapshot failed, version already merged]"
    );
    f.backup("d", "BACKUP SNAPSHOT d.l2 TO r ON (t)");
}

#[test]
fn a_restart_repeats_what_was_not_journaled() {
    let mut f = fixture(Profile::V4_1);
    f.run("BACKUP SNAPSHOT d.l TO r ON (t)");
    f.ticks(1);
    let id = f.cell("SHOW BACKUP FROM d", "JobId");
    f.load("d.t", "t", &[(3, "after the first pin")]);
    f.engine.restart_jobs();
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "PENDING");
    assert_eq!(f.cell("SHOW BACKUP FROM d", "JobId"), "-1");
    f.ticks(3);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "UPLOADING");
    assert_ne!(f.cell("SHOW BACKUP FROM d", "JobId"), id);
    f.load("d.t", "t", &[(4, "after the second pin")]);
    f.engine.restart_jobs();
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "UPLOAD_SNAPSHOT");
    f.finish("SHOW BACKUP FROM d");

    f.start_restore("d", "l", "ON (t AS t2)");
    f.ticks(1);
    assert!(f.engine.catalog.find_table("d", "t2").is_some());
    f.engine.restart_jobs();
    assert_eq!(f.cell("SHOW RESTORE FROM d", "State"), "PENDING");
    assert!(f.engine.catalog.find_table("d", "t2").is_none());
    f.ticks(3);
    f.engine.restart_jobs();
    assert_eq!(f.cell("SHOW RESTORE FROM d", "State"), "DOWNLOAD");
    f.finish("SHOW RESTORE FROM d");
    assert_eq!(
        f.content("d.t2", "t2"),
        ["1:a", "2:b", "3:after the first pin"],
        "the second pin decides"
    );
}

#[test]
fn a_new_leader_misses_the_files_of_the_old_one() {
    let mut f = fixture(Profile::V4_1);
    f.run("BACKUP SNAPSHOT d.l TO r ON (t)");
    f.ticks(5);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "UPLOAD_INFO");
    f.engine.move_jobs_to_new_leader();
    f.ticks(10);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "UPLOAD_INFO");
    let status = f.cell("SHOW BACKUP FROM d", "Status");
    assert!(
        status.starts_with("[COMMON_ERROR, msg: file is invalid: "),
        "{status}"
    );
    f.run("CANCEL BACKUP FROM d");
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "CANCELLED");
}

#[test]
fn a_follower_shows_journaled_states_only() {
    let mut f = fixture(Profile::V4_1);
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (t)");
    f.start_restore("d", "l", "ON (t AS t2)");
    f.session.frontend = f.engine.nodes.add_follower(1);
    assert_eq!(
        f.finish("SHOW RESTORE FROM d"),
        [
            "PENDING", "PENDING", "DOWNLOAD", "DOWNLOAD", "COMMIT", "COMMIT", "FINISHED"
        ]
    );
}

#[test]
fn times_are_in_the_zone_that_the_version_prints() {
    for (profile, expected) in [
        (Profile::V3_3, "2026-11-21 04:58:25"),
        (Profile::V3_5, "2026-11-21 04:58:25"),
        (Profile::V4_1, "2026-11-21 17:58:25"),
    ] {
        let mut f = fixture(profile);
        f.session.time_zone = crate::engine::zone("America/New_York").unwrap();
        f.run("BACKUP SNAPSHOT d.l TO r ON (t)");
        assert_eq!(f.cell("SHOW BACKUP FROM d", "CreateTime"), expected);
        assert_eq!(f.cell("SHOW BACKUP FROM d", "FinishedTime"), "NULL");
        assert_eq!(f.cell("SHOW REPOSITORIES", "CreateTime"), expected);
        f.finish("SHOW BACKUP FROM d");
        assert_eq!(
            f.timestamp("l"),
            "2026-11-21-09-58-25-099",
            "the zone of the frontend"
        );
    }
}

#[test]
fn a_job_that_throws_starves_the_databases_behind_it() {
    let mut f = fixture(Profile::V3_5);
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (t)");
    let timestamp = f.timestamp("l");
    f.run(&format!(
        r#"RESTORE SNAPSHOT d.l FROM r ON (t AS t2) PROPERTIES ("backup_timestamp" = "{timestamp}", "replication_num" = "0")"#
    ));
    f.run("BACKUP SNAPSHOT e.l2 TO r ON (t)");
    f.ticks(10);
    assert_eq!(f.cell("SHOW RESTORE FROM d", "State"), "PENDING");
    assert_ne!(f.cell("SHOW RESTORE FROM d", "JobId"), "-1");
    assert_eq!(f.cell("SHOW BACKUP FROM e", "State"), "PENDING");
    f.run("CANCEL RESTORE FROM d");
    assert_eq!(
        f.cell("SHOW RESTORE FROM d", "Status"),
        "[COMMON_ERROR, msg: user cancelled, current state: PENDING]"
    );
    assert_eq!(f.finish("SHOW BACKUP FROM e").last().unwrap(), "FINISHED");
}

/// Before 4.1 the replica may be one on a backend that is down, and the job waits.
#[test]
fn a_backend_that_is_down_cancels_or_stalls() {
    for profile in [Profile::V3_5, Profile::V4_1] {
        let mut f = fixture(profile);
        f.engine.nodes.backends[0].alive = false;
        let tablet = f
            .engine
            .catalog
            .find_table("d", "t")
            .unwrap()
            .partitions
            .get("t")
            .unwrap()
            .tablets[0];
        f.run("BACKUP SNAPSHOT d.l TO r ON (t)");
        f.ticks(10);
        let status = f.cell("SHOW BACKUP FROM d", "Status");
        if profile == Profile::V4_1 {
            assert_eq!(
                status,
                format!(
                    "[COMMON_ERROR, msg: failed to choose replica to make snapshot for tablet {tablet}. \
                     visible version: 2]"
                )
            );
            continue;
        }
        assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "SNAPSHOTING");
        f.engine.nodes.backends[0].alive = true;
        assert_eq!(f.finish("SHOW BACKUP FROM d").last().unwrap(), "FINISHED");
    }
}

#[test]
fn full_disks_cancel_a_restore() {
    let mut f = fixture(Profile::V4_1);
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (t)");
    let disk = &mut f.engine.nodes.backends[0].disks[0];
    disk.available = disk.total / 100;
    let status = f.restore("d", "l", "ON (t AS t2)");
    assert!(
        status.ends_with(" on backend 10001 exceed limit usage]"),
        "{status}"
    );
    assert!(f.engine.catalog.find_table("d", "t2").is_none());
}
