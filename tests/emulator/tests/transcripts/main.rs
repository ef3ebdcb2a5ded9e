//! The emulator's acceptance suite: what real frontends answered, replayed statement by statement.
//!
//! A test a version and scenario; `cargo test -p starrocks-emulator --test transcripts v4_1_05` runs
//! one. Each difference is printed with what was recorded and what the emulator answered. A
//! difference that is meant is listed in `tests/transcripts/deviations.jsonl` with its reason; a
//! listed one that no longer differs fails the test too.

mod client;
mod compare;
mod recording;
mod replay;

macro_rules! scenarios {
    ($($name:ident: $file:literal,)*) => {
        $(
            #[test]
            fn $name() {
                replay::scenario($file);
            }
        )*

        #[test]
        fn every_recording_has_a_test() {
            recording::assert_complete(&[$($file),*]);
        }
    };
}

scenarios! {
    v3_3_01_session: "3.3/01-session",
    v3_3_02_tables: "3.3/02-tables",
    v3_3_03_alter: "3.3/03-alter",
    v3_3_04_repositories: "3.3/04-repositories",
    v3_3_05_backup: "3.3/05-backup",
    v3_3_06_restore: "3.3/06-restore",
    v3_3_07_privileges: "3.3/07-privileges",
    v3_3_08_admin: "3.3/08-admin",
    v3_3_09_automatic: "3.3/09-automatic-tables-rollups-tasks",
    v3_3_10_extras: "3.3/10-extras",
    v3_3_11_whole: "3.3/11-whole",
    v3_3_12_backup_errors: "3.3/12-backup-errors",
    v3_3_list_05_backup: "3.3-list/05-backup",
    v3_3_list_06_restore: "3.3-list/06-restore",
    v3_5_01_session: "3.5/01-session",
    v3_5_02_tables: "3.5/02-tables",
    v3_5_03_alter: "3.5/03-alter",
    v3_5_04_repositories: "3.5/04-repositories",
    v3_5_05_backup: "3.5/05-backup",
    v3_5_06_restore: "3.5/06-restore",
    v3_5_07_privileges: "3.5/07-privileges",
    v3_5_08_admin: "3.5/08-admin",
    v3_5_09_automatic: "3.5/09-automatic-tables-rollups-tasks",
    v3_5_10_extra: "3.5/10-extra",
    v3_5_11_danger: "3.5/11-danger",
    v4_1_01_session: "4.1/01-session",
    v4_1_02_tables: "4.1/02-tables",
    v4_1_03_alter: "4.1/03-alter",
    v4_1_04_repositories: "4.1/04-repositories",
    v4_1_05_backup: "4.1/05-backup",
    v4_1_06_restore: "4.1/06-restore",
    v4_1_07_privileges: "4.1/07-privileges",
    v4_1_08_admin: "4.1/08-admin",
    v4_1_09_automatic: "4.1/09-automatic-tables-rollups-tasks",
    v4_1_10_extra: "4.1/10-extra",
}
