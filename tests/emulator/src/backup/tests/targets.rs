//! RESTORE against what is there already.

use super::support::{Fixture, PLAIN, RANGES};
use crate::{
    Profile,
    catalog::TableState,
    jobs::{At, RestoreState},
};

fn fixture() -> Fixture {
    let mut f = Fixture::new(Profile::V4_1);
    f.run("CREATE DATABASE d");
    f.create(&format!("d.rng {RANGES}"));
    f.create(&format!("d.un {PLAIN}"));
    f.load("d.rng", "p1", &[(1, "a")]);
    f.load("d.rng", "p2", &[(11, "b")]);
    f.load("d.un", "un", &[(1, "x")]);
    f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (rng, un)");
    f
}

fn ranges(bounds: &[(&str, &str)]) -> String {
    let partitions: Vec<String> = bounds
        .iter()
        .map(|(name, below)| format!("PARTITION {name} VALUES LESS THAN ('{below}')"))
        .collect();
    format!(
        "(id INT NOT NULL, v STRING) DUPLICATE KEY(id) PARTITION BY RANGE(id) ({}) DISTRIBUTED BY \
         HASH(id) BUCKETS 3",
        partitions.join(", ")
    )
}

/// Restores `rng` into a database where this table of that name is, and gives the status.
fn onto(f: &mut Fixture, definition: &str) -> String {
    f.run("DROP DATABASE IF EXISTS o FORCE");
    f.run("CREATE DATABASE o");
    f.create(&format!("o.rng {definition}"));
    let status = f.restore("o", "l", "ON (rng)");
    let table = f.engine.catalog.find_table("o", "rng").unwrap();
    assert_eq!(table.state, TableState::Normal, "{definition}");
    status
}

fn common(message: &str) -> String {
    format!("[COMMON_ERROR, msg: {message}]")
}

#[test]
fn what_differs_in_the_schema_is_refused_with_its_reason() {
    let mut f = fixture();
    let schema = |reason: &str| {
        common(&format!(
            "Table rng already exist but with different schema, errMsg: {reason}"
        ))
    };
    let range = "PARTITION BY RANGE(id) (PARTITION p1 VALUES LESS THAN ('10'))";
    let cases = [
        (
            PLAIN.to_owned(),
            common("Table's partition type is different"),
        ),
        (
            format!(
                "(id INT NOT NULL, v STRING, w INT) DUPLICATE KEY(id) {range} DISTRIBUTED BY HASH(id) BUCKETS 3"
            ),
            schema(""),
        ),
        (
            format!(
                "(id INT NOT NULL, v STRING) DUPLICATE KEY(id, v) {range} DISTRIBUTED BY HASH(id) BUCKETS 3"
            ),
            schema("short key column count is inconsistent"),
        ),
        (
            format!(
                "(id INT NOT NULL, v STRING) DUPLICATE KEY(id) {range} DISTRIBUTED BY HASH(id) BUCKETS 4"
            ),
            schema("bucket num is inconsistent"),
        ),
        (
            format!(
                "(id INT NOT NULL, w STRING) DUPLICATE KEY(id) {range} DISTRIBUTED BY HASH(id) BUCKETS 3"
            ),
            common(
                "Table rng already exist but with different schema, column: w in existed table is \
                 different from the column in backup snapshot, column: v",
            ),
        ),
        (
            format!(
                "(id INT NOT NULL, v STRING) UNIQUE KEY(id) {range} DISTRIBUTED BY HASH(id) BUCKETS 3"
            ),
            common("Table rng already exist but with different key type"),
        ),
    ];
    for (definition, expected) in cases {
        assert_eq!(onto(&mut f, &definition), expected, "{definition}");
    }
}

#[test]
fn ranges_are_added_overwritten_or_refused() {
    let mut f = fixture();
    assert_eq!(
        onto(&mut f, &ranges(&[("p1", "15")])),
        common("Partition p1 in table rng has different range with partition in repository")
    );
    assert_eq!(
        onto(&mut f, &ranges(&[("q", "5")])),
        common("Partition p1 in table rng has conflict range with existing ranges")
    );
    assert_eq!(onto(&mut f, &ranges(&[("p1", "10"), ("p2", "20")])), "[OK]");
    assert_eq!(f.content("o.rng", "p1"), ["1:a"]);
    assert_eq!(f.content("o.rng", "p2"), ["11:b"]);
    assert_eq!(f.version("o.rng", "p3"), 1, "p3 was added");
}

#[test]
fn a_cancel_before_commit_takes_everything_back() {
    let mut f = fixture();
    f.run("CREATE DATABASE o");
    f.create(&format!("o.rng {}", ranges(&[("p1", "10")])));
    f.load("o.rng", "p1", &[(9, "mine")]);
    for state in [
        RestoreState::Pending,
        RestoreState::Snapshoting,
        RestoreState::Download,
        RestoreState::Downloading,
        RestoreState::Commit,
    ] {
        let at = At::restore("o", state);
        f.engine.jobs.faults.hold(at.clone());
        f.start_restore("o", "l", "ON (rng, un AS fresh)");
        f.ticks(8);
        assert_eq!(f.cell("SHOW RESTORE FROM o", "State"), state.to_string());
        f.run("CANCEL RESTORE FROM o");
        f.engine.jobs.faults.release(&at);
        let table = f.engine.catalog.find_table("o", "rng").unwrap();
        assert_eq!(table.state, TableState::Normal);
        assert_eq!(table.partitions.len(), 1);
        assert!(f.engine.catalog.find_table("o", "fresh").is_none());
        assert_eq!(f.content("o.rng", "p1"), ["9:mine"]);
        assert_eq!(f.version("o.rng", "p1"), 2);
    }
}

#[test]
fn a_cancel_while_committing_leaves_a_mixture() {
    let mut f = fixture();
    f.run("CREATE DATABASE o");
    f.create(&format!("o.rng {}", ranges(&[("p1", "10"), ("p2", "20")])));
    f.load("o.rng", "p1", &[(9, "mine")]);
    f.load("o.rng", "p2", &[(19, "mine")]);
    f.start_restore("o", "l", "ON (rng PARTITION (p1, p2))");
    f.ticks(5);
    assert_eq!(f.cell("SHOW RESTORE FROM o", "State"), "COMMITTING");
    f.run("CANCEL RESTORE FROM o");
    assert_eq!(f.content("o.rng", "p1"), ["1:a"]);
    assert_eq!(f.content("o.rng", "p2"), ["19:mine"]);
}

#[test]
fn what_is_dropped_or_truncated_meanwhile_cancels() {
    let mut f = fixture();
    f.start_restore("d", "l", "ON (un AS u2)");
    f.ticks(3);
    let id = f.engine.catalog.find_table("d", "u2").unwrap().id;
    f.engine
        .catalog
        .databases
        .get_mut("d")
        .unwrap()
        .tables
        .remove("u2");
    f.finish("SHOW RESTORE FROM d");
    assert_eq!(
        f.cell("SHOW RESTORE FROM d", "Status"),
        format!("[NOT_FOUND, msg: table {id} has been dropped]")
    );

    f.start_restore("d", "l", "ON (rng PARTITION (p1))");
    f.ticks(3);
    let now = f.engine.clock.now();
    let table = f.engine.catalog.find_table("d", "rng").unwrap();
    let old = table.partitions.get("p1").unwrap().clone();
    let new = f
        .engine
        .catalog
        .new_partition("p1", old.value, old.buckets, 1, now);
    let table = f.engine.catalog.find_table_mut("d", "rng").unwrap();
    table.partitions.replace("p1", new);
    f.finish("SHOW RESTORE FROM d");
    assert_eq!(
        f.cell("SHOW RESTORE FROM d", "Status"),
        format!(
            "[NOT_FOUND, msg: partition {} has been dropped]",
            old.physical_id
        )
    );
    let table = f.engine.catalog.find_table("d", "rng").unwrap();
    assert_eq!(table.state, TableState::Normal);

    let database_id = f.engine.catalog.database("d").unwrap().id;
    f.start_restore("d", "l", "ON (rng PARTITION (p1))");
    f.ticks(2);
    f.run("DROP DATABASE d FORCE");
    f.ticks(1);
    let job = f.engine.jobs.of(database_id).unwrap();
    assert!(job.is_done(), "{job:?}");
}

/// The trap of SWAP with a restoring table as its second operand.
#[test]
fn a_table_swapped_away_while_restoring_stays_in_restore() {
    let mut f = fixture();
    f.start_restore("d", "l", "ON (un AS u2)");
    f.ticks(3);
    let tables = &mut f.engine.catalog.databases.get_mut("d").unwrap().tables;
    let (mut restoring, mut live) = (tables.remove("u2").unwrap(), tables.remove("un").unwrap());
    restoring.rename("un");
    live.rename("u2");
    tables.insert("un".into(), restoring);
    tables.insert("u2".into(), live);
    f.finish("SHOW RESTORE FROM d");
    assert_eq!(f.cell("SHOW RESTORE FROM d", "State"), "FINISHED");
    let state = |f: &Fixture, name| f.engine.catalog.find_table("d", name).unwrap().state;
    assert_eq!(state(&f, "un"), TableState::Restore);
    assert_eq!(state(&f, "u2"), TableState::Normal);
    assert_eq!(f.content("d.un", "un"), ["1:x"]);
}

#[test]
fn replication_has_to_fit_the_cluster_and_the_partition() {
    let mut f = fixture();
    let timestamp = f.timestamp("l");
    let mut restore = |on: &str| {
        f.run(&format!(
            r#"RESTORE SNAPSHOT d.l FROM r ON ({on}) PROPERTIES ("backup_timestamp" = "{timestamp}", "replication_num" = "3")"#
        ));
        f.finish("SHOW RESTORE FROM d");
        f.cell("SHOW RESTORE FROM d", "Status")
    };
    assert_eq!(
        restore("un AS un2"),
        common("failed to find 3 different hosts to create table: un")
    );
    assert_eq!(
        restore("rng PARTITION (p1)"),
        common(
            "Partition p1 in table rng has different replication num '1' with partition in repository, \
             which is 3"
        )
    );
    for id in [10_002, 10_003] {
        let mut backend = f.engine.nodes.backends[0].clone();
        backend.id = id;
        f.engine.nodes.backends.push(backend);
    }
    f.run(&format!(
        r#"RESTORE SNAPSHOT d.l FROM r ON (un AS un3) PROPERTIES ("backup_timestamp" = "{timestamp}", "replication_num" = "3")"#
    ));
    f.ticks(3);
    let tasks = f.cell("SHOW RESTORE FROM d", "UnfinishedTasks");
    assert_eq!(
        tasks.split(", ").count(),
        6,
        "2 tablets of 3 replicas: {tasks}"
    );
    f.finish("SHOW RESTORE FROM d");
    let table = f.engine.catalog.find_table("d", "un3").unwrap();
    assert_eq!(table.partitions.get("un3").unwrap().replication_num, 3);
    assert_eq!(table.properties["replication_num"], "3");
    assert_eq!(f.content("d.un3", "un3"), ["1:x"]);
}

#[test]
fn a_mistyped_database_is_made_from_3_4_on() {
    for profile in Profile::ALL {
        let mut f = Fixture::new(profile);
        f.run("CREATE DATABASE d");
        f.create(&format!("d.un {PLAIN}"));
        f.backup("d", "BACKUP SNAPSHOT d.l TO r ON (un)");
        let timestamp = f.timestamp("l");
        let sql = format!(
            r#"RESTORE SNAPSHOT dd.l FROM r ON (nope) PROPERTIES ("backup_timestamp" = "{timestamp}")"#
        );
        let error = f.fail(&sql);
        if profile.is_3_3() {
            assert_eq!(
                (error.code, error.message.as_str()),
                (5501, "Unknown database 'dd'")
            );
        } else {
            assert_eq!(error.message, "Table nope does not exist in snapshot l");
        }
        assert_eq!(
            f.engine.catalog.databases.contains_key("dd"),
            !profile.is_3_3()
        );
    }
}
