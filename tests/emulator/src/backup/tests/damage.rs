//! Snapshots that are not whole, and stores that do not answer.

use super::support::{Fixture, PLAIN, RANGES};
use crate::{
    Profile,
    jobs::{At, BackupState},
};

fn fixture() -> Fixture {
    let mut f = Fixture::new(Profile::V4_1);
    f.run("CREATE DATABASE d");
    f.create(&format!("d.rng {RANGES}"));
    f.load("d.rng", "p1", &[(1, "a"), (2, "b"), (3, "c")]);
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (rng)");
    f
}

/// A restore of `rng` that does not get beyond this state, and its TaskErrMsg.
fn stuck(f: &mut Fixture, state: &str) -> String {
    f.start_restore("d", "l", "ON (rng AS rng2)");
    f.ticks(30);
    assert_eq!(f.cell("SHOW RESTORE FROM d", "State"), state);
    assert_eq!(f.cell("SHOW RESTORE FROM d", "Status"), "[OK]");
    f.cell("SHOW RESTORE FROM d", "TaskErrMsg")
}

#[test]
fn a_file_that_was_changed_is_noticed_and_tried_again() {
    let mut f = fixture();
    let path = f.objects("_0.dat.").remove(0);
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, "other").unwrap();
    let message = stuck(&mut f, "DOWNLOADING");
    assert!(
        message.contains("invalid md5 of downloaded file: s3://backups/x/"),
        "{message}"
    );
    std::fs::write(&path, good).unwrap();
    f.finish("SHOW RESTORE FROM d");
    assert_eq!(f.cell("SHOW RESTORE FROM d", "Status"), "[OK]");
    assert_eq!(f.content("d.rng2", "p1"), ["1:a", "2:b", "3:c"]);
}

#[test]
fn a_tablet_without_objects_hangs_the_download() {
    let mut f = fixture();
    let tablet = f.objects("_0.dat.").remove(0);
    std::fs::remove_dir_all(tablet.parent().unwrap()).unwrap();
    let message = stuck(&mut f, "DOWNLOADING");
    assert!(
        message.contains("get nothing from remote path: s3://backups/x/"),
        "{message}"
    );
    f.run("CANCEL RESTORE FROM d");
    assert_eq!(
        f.cell("SHOW RESTORE FROM d", "Status"),
        "[COMMON_ERROR, msg: user cancelled, current state: DOWNLOADING]"
    );
    assert!(f.engine.catalog.find_table("d", "rng2").is_none());
}

#[test]
fn a_missing_file_is_not_missed_before_the_tablet_is_loaded() {
    let mut f = fixture();
    std::fs::remove_file(f.objects("_0.dat.").remove(0)).unwrap();
    let message = stuck(&mut f, "COMMITTING");
    assert!(message.contains("does not exist"), "{message}");
}

#[test]
fn a_snapshot_without_meta_says_ok_and_cannot_be_restored() {
    let mut f = fixture();
    std::fs::remove_file(f.objects("/__meta.").remove(0)).unwrap();
    assert_eq!(f.cell("SHOW SNAPSHOT ON r", "Status"), "OK");
    assert_eq!(
        f.restore("d", "l", "ON (rng AS rng2)"),
        "[COMMON_ERROR, msg: Failed to read backup meta from file]"
    );
}

#[test]
fn a_store_that_is_away_fails_statements_and_stalls_jobs() {
    let mut f = fixture();
    f.run("BACKUP SNAPSHOT d.l2 TO r ON (rng)");
    f.ticks(3);
    f.engine
        .store
        .fail_with(Some("connection refused".to_owned()));
    f.ticks(5);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "UPLOADING");
    assert!(
        f.cell("SHOW BACKUP FROM d", "TaskErrMsg")
            .contains(": connection refused]")
    );
    assert_eq!(f.cell("SHOW BACKUP FROM d", "Status"), "[OK]");

    let path = "s3://backups/x/__starrocks_repository_r";
    f.run("CREATE DATABASE e");
    f.create(&format!("e.t {PLAIN}"));
    let error = f.fail("BACKUP SNAPSHOT e.l3 TO r ON (t)");
    assert_eq!(error.code, 5064);
    assert_eq!(
        error.message,
        format!("failed to list remote path: {path}/__ss_*. msg: connection refused")
    );
    let error = f.fail("SHOW SNAPSHOT ON r");
    assert_eq!(error.code, 1064);
    assert_eq!(
        error.message,
        format!(
            "Getting analyzing error. Detail message: Failed to list snapshot in repo: r, err: failed to \
             list remote path: {path}/__ss_*. msg: connection refused."
        )
    );
    let error = f.fail(
        r#"RESTORE SNAPSHOT e.l FROM r ON (rng) PROPERTIES ("backup_timestamp" = "2026-11-21-09-58-25-099")"#,
    );
    assert_eq!(error.code, 5064);
    assert_eq!(
        error.message,
        format!(
            "Failed to get info of snapshot 'l' because: failed to list remote path: \
             {path}/__ss_l/__info_2026-11-21-09-58-25-099*. msg: connection refused. Maybe specified \
             wrong backup timestamp"
        )
    );
    let error = f.fail(r#"CREATE REPOSITORY r2 WITH BROKER ON LOCATION "s3://backups/y""#);
    assert_eq!(error.code, 5064);
    assert_eq!(f.cell("SHOW REPOSITORIES", "ErrMsg"), "NULL");

    f.engine.store.fail_with(None);
    assert_eq!(f.finish("SHOW BACKUP FROM d").last().unwrap(), "FINISHED");
    let message = f.cell("SHOW BACKUP FROM d", "TaskErrMsg");
    assert!(message.contains("connection refused"), "it stays filled");
}

#[test]
fn the_last_step_is_repeated_until_it_works() {
    let mut f = fixture();
    f.engine
        .jobs
        .faults
        .at_state(At::backup("d", BackupState::UploadInfo), |engine| {
            engine.store.fail_with(Some("away".to_owned()));
        });
    f.run("BACKUP SNAPSHOT d.l2 TO r ON (rng)");
    f.ticks(20);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "UPLOAD_INFO");
    assert_eq!(
        f.cell("SHOW BACKUP FROM d", "Status"),
        "[COMMON_ERROR, msg: away]"
    );
    f.engine.store.fail_with(None);
    f.finish("SHOW BACKUP FROM d");
    assert_eq!(f.cell("SHOW BACKUP FROM d", "Status"), "[OK]");
}
