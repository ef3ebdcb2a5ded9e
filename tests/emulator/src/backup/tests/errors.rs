use super::support::Fixture;
use crate::Profile;

#[test]
fn a_backup_runs_from_start_to_end() {
    for profile in Profile::ALL {
        let mut f = Fixture::new(profile);
        f.run("CREATE DATABASE d");
        f.run("CREATE TABLE d.un (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2");
        f.run("BACKUP SNAPSHOT d.l TO r ON (un)");
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
        assert_eq!(f.timestamp("l"), "2026-11-21-09-58-25-099");
        f.run(r#"RESTORE SNAPSHOT d.l FROM r ON (un AS un2) PROPERTIES ("backup_timestamp" = "2026-11-21-09-58-25-099")"#);
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
