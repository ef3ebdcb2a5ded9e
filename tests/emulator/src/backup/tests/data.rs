//! Which rows a snapshot holds, and where they come back.

use super::support::{Fixture, PLAIN, RANGES, load, row};
use crate::{
    Profile,
    jobs::{At, BackupState},
};

fn fixture(profile: Profile) -> Fixture {
    let mut f = Fixture::new(profile);
    f.run("CREATE DATABASE d");
    f.create(&format!("d.rng {RANGES}"));
    f.create(&format!("d.un {PLAIN}"));
    f.load("d.rng", "p1", &[(1, "a"), (2, "b"), (3, "c")]);
    f.load("d.rng", "p2", &[(11, "d")]);
    f.load(
        "d.un",
        "un",
        &[(1, "x"), (2, "y"), (3, "z"), (4, "it's \"q\"\n")],
    );
    f
}

#[test]
fn rows_come_back_under_an_alias_and_in_place() {
    for profile in Profile::ALL {
        let mut f = fixture(profile);
        f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (rng, un)");
        f.load("d.rng", "p1", &[(4, "later")]);
        f.load("d.rng", "p3", &[(21, "later")]);
        f.load("d.un", "un", &[(5, "later")]);

        assert_eq!(f.restore("d", "l", "ON (rng AS rng2, un AS un2)"), "[OK]");
        assert_eq!(f.content("d.rng2", "p1"), ["1:a", "2:b", "3:c"]);
        assert_eq!(f.content("d.rng2", "p2"), ["11:d"]);
        assert!(f.content("d.rng2", "p3").is_empty());
        assert_eq!(
            f.content("d.un2", "un2"),
            ["1:x", "2:y", "3:z", "4:it's \"q\"\n"]
        );
        assert_eq!(f.content("d.rng", "p1"), ["1:a", "2:b", "3:c", "4:later"]);

        assert_eq!(f.restore("d", "l", "ON (rng PARTITION (p1), un)"), "[OK]");
        assert_eq!(f.content("d.rng", "p1"), ["1:a", "2:b", "3:c"]);
        assert_eq!(
            f.content("d.rng", "p3"),
            ["21:later"],
            "not named, so left alone"
        );
        assert_eq!(f.content("d.un", "un").len(), 4);
    }
}

#[test]
fn ids_are_new_and_versions_are_those_of_the_snapshot() {
    for profile in Profile::ALL {
        let mut f = fixture(profile);
        f.load("d.rng", "p1", &[(4, "e")]);
        f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (rng)");
        f.load("d.rng", "p1", &[(5, "f")]);
        f.load("d.rng", "p2", &[(12, "g")]);
        let live = f.engine.catalog.find_table("d", "rng").unwrap().clone();
        f.ticks(100);
        assert_eq!(f.restore("d", "l", "ON (rng AS rng2)"), "[OK]");
        let copy = f.engine.catalog.find_table("d", "rng2").unwrap().clone();
        assert_ne!(copy.id, live.id);
        assert_ne!(copy.indexes[0].id, live.indexes[0].id);
        assert_eq!(copy.indexes[0].name, "rng2");
        for (old, new) in live.partitions.iter().zip(&copy.partitions) {
            assert_ne!((new.id, new.physical_id), (old.id, old.physical_id));
            assert_eq!(new.version_epoch, old.version_epoch);
            assert!(
                new.tablets
                    .iter()
                    .all(|tablet| !old.tablets.contains(tablet))
            );
        }
        let p1 = copy.partitions.get("p1").unwrap();
        assert_eq!(
            (p1.visible_version, p1.next_version, p1.data_version),
            (3, 4, 3)
        );
        let live_p3 = live.partitions.get("p3").unwrap();
        let copy_p3 = copy.partitions.get("p3").unwrap();
        assert_eq!(copy_p3.visible_version_time, live_p3.visible_version_time);

        // In place: ids and epoch stay, the version goes back, the time is that of the restore.
        assert_eq!(f.restore("d", "l", "ON (rng PARTITION (p1))"), "[OK]");
        let after = f.engine.catalog.find_table("d", "rng").unwrap();
        let (old, new) = (
            live.partitions.get("p1").unwrap(),
            after.partitions.get("p1").unwrap(),
        );
        assert_eq!(
            (after.id, new.id, new.physical_id),
            (live.id, old.id, old.physical_id)
        );
        assert_eq!(new.version_epoch, old.version_epoch);
        assert_eq!((old.visible_version, new.visible_version), (4, 3));
        assert!(new.visible_version_time > old.visible_version_time);
        let data_version = if profile == Profile::V4_1 { 3 } else { 4 };
        assert_eq!(new.data_version, data_version);
    }
}

#[test]
fn the_pin_decides_and_neither_submit_nor_end() {
    let mut f = fixture(Profile::V4_1);
    let faults = &mut f.engine.jobs.faults;
    faults.at_state(At::backup("d", BackupState::Pending), |engine| {
        load(
            engine,
            "d",
            "rng",
            "p1",
            &[row(5, "between submit and pin")],
        );
    });
    faults.at_state(At::backup("d", BackupState::Snapshoting), |engine| {
        load(engine, "d", "rng", "p1", &[row(6, "right after the pin")]);
    });
    faults.at_state(At::backup("d", BackupState::Uploading), |engine| {
        load(engine, "d", "rng", "p1", &[row(7, "while uploading")]);
    });
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (rng)");
    assert!(f.engine.jobs.faults.pending().is_empty());
    assert_eq!(f.restore("d", "l", "ON (rng AS rng2)"), "[OK]");
    assert_eq!(
        f.content("d.rng2", "p1"),
        ["1:a", "2:b", "3:c", "5:between submit and pin"]
    );
    assert_eq!(f.version("d.rng2", "p1"), 3);
    assert_eq!(f.version("d.rng", "p1"), 5);
}

#[test]
fn names_are_looked_up_at_the_pin() {
    let mut f = fixture(Profile::V4_1);
    f.create(&format!("d.gone {PLAIN}"));
    f.run("BACKUP SNAPSHOT d.g TO r ON (gone)");
    f.engine
        .catalog
        .databases
        .get_mut("d")
        .unwrap()
        .tables
        .remove("gone");
    assert_eq!(f.finish("SHOW BACKUP FROM d"), ["PENDING", "CANCELLED"]);
    assert_eq!(
        f.cell("SHOW BACKUP FROM d", "Status"),
        "[NOT_FOUND, msg: table gone does not exist]"
    );
    assert!(
        f.rows("SHOW SNAPSHOT ON r").is_empty(),
        "nothing was uploaded"
    );

    let drop_p3 = |engine: &mut crate::engine::Engine| {
        let table = engine.catalog.find_table_mut("d", "rng").unwrap();
        table.partitions.remove("p3");
    };
    f.run("BACKUP SNAPSHOT d.g TO r ON (rng PARTITION (p1, p3))");
    drop_p3(&mut f.engine);
    f.finish("SHOW BACKUP FROM d");
    assert_eq!(
        f.cell("SHOW BACKUP FROM d", "Status"),
        "[NOT_FOUND, msg: partition p3 does not exist  in tablerng]"
    );

    f.backup("d", "BACKUP SNAPSHOT d.g TO r ON (rng)");
    assert_eq!(f.restore("d", "g", "ON (rng AS rng2)"), "[OK]");
    assert!(
        !f.engine
            .catalog
            .find_table("d", "rng2")
            .unwrap()
            .partitions
            .contains("p3")
    );
}

#[test]
fn rows_are_spread_over_tablets_under_their_digests() {
    let mut f = fixture(Profile::V3_5);
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (rng)");
    let table = f.engine.catalog.find_table("d", "rng").unwrap();
    let database_id = f.engine.catalog.database("d").unwrap().id;
    let p1 = table.partitions.get("p1").unwrap();
    let prefix = format!(
        "backups/x/__starrocks_repository_r/__ss_l/__ss_content/__db_{database_id}/__tbl_{}/__part_{}/__idx_{}/",
        table.id, p1.physical_id, table.indexes[0].id
    );
    let files = f.objects(&prefix);
    assert_eq!(
        files
            .iter()
            .filter(|path| path.to_string_lossy().contains(".hdr."))
            .count(),
        3,
        "{files:?}"
    );
    let data: Vec<_> = files
        .iter()
        .filter(|path| path.to_string_lossy().contains("_0.dat."))
        .collect();
    assert!(data.len() > 1, "{files:?}");
    for path in data {
        let bytes = std::fs::read(path).unwrap();
        let digest = crate::repository::content::digest_text(&bytes);
        assert_eq!(path.extension().unwrap().to_string_lossy(), digest);
    }
    for name in [
        "__ss_l/__meta.",
        "__ss_l/__info_2026-11-21-09-58-25-099.",
        "r/__repo_info",
    ] {
        assert_eq!(f.objects(name).len(), 1, "{name}");
    }
}

/// Another cluster over the same store: nothing of a repository is in memory.
#[test]
fn another_cluster_restores_what_the_first_backed_up() {
    for (writer, reader) in [
        (Profile::V3_3, Profile::V4_1),
        (Profile::V3_5, Profile::V4_1),
        (Profile::V4_1, Profile::V4_1),
        (Profile::V3_3List, Profile::V3_3),
    ] {
        let mut a = fixture(writer);
        a.backup("d", "BACKUP SNAPSHOT d.l TO r ON (rng, un)");
        let mut b = Fixture::over(reader, a.directory);
        b.run(r#"CREATE READ ONLY REPOSITORY r WITH BROKER ON LOCATION "s3a://backups/x""#);
        b.run("CREATE DATABASE other");
        assert_eq!(b.restore("other", "l", "ON (rng, un AS un2)"), "[OK]");
        assert_eq!(b.content("other.rng", "p1"), ["1:a", "2:b", "3:c"]);
        assert_eq!(b.content("other.un2", "un2").len(), 4);
        assert_eq!(b.version("other.rng", "p1"), 2);
        b.create(&format!("other.t {PLAIN}"));
        let error = b.fail("BACKUP SNAPSHOT other.l2 TO r ON (t)");
        assert_eq!(
            (error.code, error.message.as_str()),
            (5064, "Repository r is read only")
        );
    }
}

#[test]
fn a_snapshot_of_a_newer_line_is_refused_and_leaves_a_database_behind() {
    let mut a = fixture(Profile::V4_1);
    a.backup("d", "BACKUP SNAPSHOT d.l TO r ON (un)");
    let mut b = Fixture::over(Profile::V3_5, a.directory);
    b.run(r#"CREATE REPOSITORY r WITH BROKER ON LOCATION "s3://backups/x""#);
    let timestamp = b.timestamp("l");
    let error = b.fail(&format!(
        r#"RESTORE SNAPSHOT other.l FROM r ON (un) PROPERTIES ("backup_timestamp" = "{timestamp}")"#
    ));
    assert!(error.message.contains("4.1"), "{error:?}");
    assert!(b.engine.catalog.databases.contains_key("other"));
    assert!(b.rows("SHOW RESTORE FROM other").is_empty());
}
