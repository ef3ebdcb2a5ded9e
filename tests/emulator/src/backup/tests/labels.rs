//! Labels are checked by nobody, and what they do to a repository.

use super::support::{Fixture, PLAIN};
use crate::Profile;

fn fixture() -> Fixture {
    let mut f = Fixture::new(Profile::V4_1);
    for database in ["d", "e"] {
        f.run(&format!("CREATE DATABASE {database}"));
        f.create(&format!("{database}.t {PLAIN}"));
        f.load(&format!("{database}.t"), "t", &[(1, database)]);
    }
    f.backup("d", "BACKUP SNAPSHOT d.good TO r ON (t)");
    f
}

#[test]
fn one_colon_makes_a_repository_unusable() {
    let mut f = fixture();
    f.backup("d", "BACKUP SNAPSHOT d.`a:b` TO r ON (t)");
    let error = f.fail("BACKUP SNAPSHOT d.after TO r ON (t)");
    assert_eq!(error.code, 5064);
    assert_eq!(
        error.message,
        "failed to list remote path: s3://backups/x/__starrocks_repository_r/__ss_*. msg: The arguments \
         of blob store(S3/Azure) may be wrong. You can check the arguments like region, IAM, instance \
         profile and so on."
    );
    assert_eq!(f.fail("SHOW SNAPSHOT ON r").code, 1064);
    // Each snapshot by itself is still there.
    assert_eq!(f.restore("d", "good", "ON (t AS t2)"), "[OK]");
}

#[test]
fn a_slash_takes_the_label_before_it() {
    let mut f = fixture();
    f.backup("d", "BACKUP SNAPSHOT d.`x/y` TO r ON (t)");
    assert_eq!(
        f.rows("SHOW SNAPSHOT ON r"),
        [
            ["good", "2026-11-21-09-58-25-099", "OK"],
            ["x", "", "ERROR: no snapshot"]
        ]
    );
    assert_eq!(
        f.fail("BACKUP SNAPSHOT d.x TO r ON (t)").message,
        "Snapshot with name 'x' already exist in repository"
    );
}

#[test]
fn a_newline_sticks_in_the_last_step() {
    let mut f = fixture();
    f.run("BACKUP SNAPSHOT d.`a\nb` TO r ON (t) PROPERTIES ('timeout' = '600')");
    f.ticks(100);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "UPLOAD_INFO");
    f.ticks(101);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "CANCELLED");
    assert_eq!(f.cell("SHOW BACKUP FROM d", "Status"), "[TIMEOUT, msg: ]");
}

#[test]
fn long_labels_end_when_a_file_is_named_after_them() {
    let mut f = fixture();
    f.backup(
        "d",
        &format!("BACKUP SNAPSHOT d.{} TO r ON (t)", "a".repeat(128)),
    );
    f.run(&format!(
        "BACKUP SNAPSHOT d.{} TO r ON (t)",
        "a".repeat(256)
    ));
    assert_eq!(f.finish("SHOW BACKUP FROM d").last().unwrap(), "CANCELLED");
    let status = f.cell("SHOW BACKUP FROM d", "Status");
    assert!(
        status.starts_with("[COMMON_ERROR, msg: Failed to create tmp dir: "),
        "{status}"
    );
}

#[test]
fn two_databases_that_race_for_a_label_lose_both_snapshots() {
    let mut f = fixture();
    f.run("BACKUP SNAPSHOT d.same TO r ON (t)");
    f.engine.clock.advance(jiff::SignedDuration::from_millis(1));
    f.run("BACKUP SNAPSHOT e.same TO r ON (t)");
    f.finish("SHOW BACKUP FROM d");
    f.finish("SHOW BACKUP FROM e");
    for database in ["d", "e"] {
        let show = format!("SHOW BACKUP FROM {database}");
        assert_eq!(f.cell(&show, "State"), "FINISHED");
    }
    let timestamps = f.timestamp("same");
    assert_eq!(timestamps.lines().count(), 2, "{timestamps}");
    let timestamp = timestamps.lines().next().unwrap().to_owned();
    f.run(&format!(
        r#"RESTORE SNAPSHOT d.same FROM r ON (t AS t2) PROPERTIES ("backup_timestamp" = "{timestamp}")"#
    ));
    f.finish("SHOW RESTORE FROM d");
    assert_eq!(
        f.cell("SHOW RESTORE FROM d", "Status"),
        "[COMMON_ERROR, msg: Failed to read backup meta from file]"
    );
}

#[test]
fn a_cancelled_backup_blocks_its_label_once_anything_is_uploaded() {
    let mut f = fixture();
    f.run("BACKUP SNAPSHOT d.c TO r ON (t)");
    f.ticks(3);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "UPLOADING");
    f.run("CANCEL BACKUP FROM d");
    assert_eq!(
        f.cell("SHOW BACKUP FROM d", "Status"),
        "[COMMON_ERROR, msg: user cancelled]"
    );
    assert_eq!(
        f.fail("CANCEL BACKUP FROM d").message,
        "Failed to cancel job: Job with label c can not be cancelled. state: CANCELLED"
    );

    f.engine.jobs.upload_ticks = 2;
    f.run("BACKUP SNAPSHOT d.c TO r ON (t)");
    f.ticks(4);
    assert_eq!(f.cell("SHOW BACKUP FROM d", "State"), "UPLOADING");
    assert!(f.cell("SHOW BACKUP FROM d", "Progress").ends_with(": 0/1]"));
    f.run("CANCEL BACKUP FROM d");
    assert_eq!(
        f.rows("SHOW SNAPSHOT ON r WHERE SNAPSHOT = 'c'"),
        [["c", "", "ERROR: no snapshot"]]
    );
    assert_eq!(
        f.fail("BACKUP SNAPSHOT d.c TO r ON (t)").message,
        "Snapshot with name 'c' already exist in repository"
    );
    assert_eq!(
        f.fail(r#"BACKUP SNAPSHOT d.c TO r ON (t) PROPERTIES ("type" = "incremental")"#)
            .message,
        "Currently does not support incremental backup"
    );
}
