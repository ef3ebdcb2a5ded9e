use jiff::SignedDuration;

use super::Fixture;
use crate::Profile;

fn fixture(profile: Profile) -> Fixture {
    let mut f = Fixture::new(profile);
    f.run("CREATE TABLE t (id INT NOT NULL, v VARCHAR(3)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    f
}

#[test]
fn ok_tells_label_status_and_transaction() {
    let mut f = fixture(Profile::V3_5);
    let ok = f.ok("INSERT INTO t WITH LABEL br_1 VALUES (1, 'a'), (2, 'b')");
    assert_eq!(
        (ok.affected, ok.warnings, ok.info.as_str()),
        (2, 0, "{'label':'br_1', 'status':'VISIBLE', 'txnId':'1'}")
    );
    let ok = f.ok("INSERT INTO t SELECT * FROM t");
    assert!(ok.info.starts_with("{'label':'insert_"), "{ok:?}");
    f.check("SELECT COUNT(*) FROM t", "4");
    assert_eq!(f.versions("t"), "t:3");
}

#[test]
fn a_label_is_unique_in_its_database_until_it_is_forgotten() {
    let mut f = fixture(Profile::V4_1);
    f.run("INSERT INTO t WITH LABEL lease VALUES (1, 'a')");
    let error = f.fail("INSERT INTO t WITH LABEL lease VALUES (2, 'a')");
    assert_eq!(
        (error.code, error.message.as_str()),
        (
            1064,
            "Getting analyzing error. Detail message: fail to begin transaction. Label [lease] has \
             already been used.."
        )
    );
    f.check("SELECT id FROM t", "1");
    // Case counts, and so does the database.
    f.run("INSERT INTO t WITH LABEL Lease VALUES (3, 'a')");
    f.run("CREATE DATABASE e");
    f.run("CREATE TABLE e.t LIKE d.t");
    f.run("INSERT INTO e.t WITH LABEL lease VALUES (1, 'a')");
    // A failed load frees its label.
    f.fail("INSERT INTO t WITH LABEL again VALUES (NULL, 'a')");
    f.run("INSERT INTO t WITH LABEL again VALUES (4, 'a')");

    f.advance(3 * 24 * 3600 - 1);
    f.fail("INSERT INTO t WITH LABEL lease VALUES (2, 'a')");
    f.advance(2);
    f.run("INSERT INTO t WITH LABEL lease VALUES (2, 'a')");
}

#[test]
fn rows_of_a_statement_are_limited() {
    let mut f = fixture(Profile::V4_1);
    f.run("ADMIN SET FRONTEND CONFIG ('expr_children_limit' = '2')");
    f.run("INSERT INTO t VALUES (1, 'a'), (2, 'a')");
    let error = f.fail("INSERT INTO t VALUES (1, 'a'), (2, 'a'), (3, 'a')");
    assert!(
        error
            .message
            .contains("The inserted rows are 3 exceeded the maximum limit 2"),
        "{error:?}"
    );
}

#[test]
fn a_thousand_other_loads_push_a_label_out() {
    let mut f = fixture(Profile::V4_1);
    f.run("ADMIN SET FRONTEND CONFIG ('label_keep_max_num' = '10')");
    f.run("INSERT INTO t WITH LABEL lease VALUES (1, 'a')");
    for _ in 0..9 {
        f.run("INSERT INTO t VALUES (1, 'a')");
    }
    f.fail("INSERT INTO t WITH LABEL lease VALUES (2, 'a')");
    f.run("INSERT INTO t VALUES (1, 'a')");
    f.run("INSERT INTO t WITH LABEL lease VALUES (2, 'a')");
}

#[test]
fn rows_that_do_not_fit_fail_the_load_in_strict_mode() {
    for (profile, text) in [
        (
            Profile::V3_3,
            "Insert has filtered data in strict mode, txn_id = ",
        ),
        (Profile::V4_1, "Insert has filtered data, txn_id = "),
    ] {
        let mut f = fixture(profile);
        for values in ["(NULL, 'a')", "(3000000000, 'a')", "(1, 'toolong')"] {
            let error = f.fail(&format!("INSERT INTO t VALUES (7, 'x'), {values}"));
            assert!(error.message.starts_with(text), "{error:?}");
        }
        f.check("SELECT COUNT(*) FROM t", "0");
        assert_eq!(f.versions("t"), "t:1");

        f.run("SET enable_insert_strict = false");
        let ok = f.ok("INSERT INTO t VALUES (7, 'x'), (NULL, 'a'), (8, 'toolong')");
        assert_eq!((ok.affected, ok.warnings), (1, 2));
        f.check("SELECT * FROM t", "7|x");
        f.fail("INSERT INTO t VALUES (NULL, 'a')");
        f.check(
            "SELECT tracking_log FROM information_schema.load_tracking_logs ORDER BY job_id DESC LIMIT 1",
            "Error: NULL value in non-nullable column 'id'.",
        );
        f.check(
            "SELECT COUNT(*) FROM information_schema.loads WHERE state = 'CANCELLED'",
            "4",
        );
    }
}

#[test]
fn a_slow_publish_answers_committed_and_shows_rows_later() {
    let mut f = fixture(Profile::V4_1);
    f.engine.loads.publish_delay = SignedDuration::from_secs(5);
    let ok = f.ok("INSERT INTO t WITH LABEL l VALUES (1, 'a')");
    assert_eq!(
        ok.info,
        "{'label':'l', 'status':'COMMITTED', 'txnId':'1', 'err':'Publish timeout 10000'}"
    );
    f.check("SELECT COUNT(*) FROM t", "0");
    let table = f.engine.catalog.table("d", "t").unwrap();
    let partition = table.partitions.iter().next().unwrap();
    assert_eq!((partition.visible_version, partition.next_version), (1, 3));
    let committed = f.engine.clock.now();
    // The label is taken although nothing is visible.
    f.fail("INSERT INTO t WITH LABEL l VALUES (2, 'a')");
    f.advance(5);
    f.check("SELECT COUNT(*) FROM t", "1");
    let table = f.engine.catalog.table("d", "t").unwrap();
    let partition = table.partitions.iter().next().unwrap();
    assert_eq!(
        (
            partition.visible_version,
            partition.next_version,
            partition.visible_version_time
        ),
        (2, 3, committed)
    );
}

#[test]
fn a_change_of_columns_waits_for_what_is_committed() {
    let mut f = fixture(Profile::V4_1);
    f.engine.loads.publish_delay = SignedDuration::from_secs(3600);
    f.run("INSERT INTO t VALUES (1, 'a')");
    f.run("ALTER TABLE t ADD COLUMN w INT DEFAULT \"7\"");
    f.check("SELECT * FROM t", "1|a|7");

    f.engine.loads.publish_delay = SignedDuration::ZERO;
    f.run("BEGIN");
    f.run("INSERT INTO t VALUES (2, 'b', 8)");
    let mut other = f
        .engine
        .new_session(2, f.session.identity.clone(), "127.0.0.1:2".into(), 1);
    other.database = Some("d".into());
    f.engine
        .execute(&mut other, "ALTER TABLE t DROP COLUMN w")
        .unwrap();
    let error = f.fail("COMMIT");
    assert!(error.message.contains("has changed"), "{error:?}");
    f.check("SELECT * FROM t", "1|a");
}

#[test]
fn transactions_show_their_rows_at_commit() {
    let mut f = fixture(Profile::V3_5);
    f.run("CREATE TABLE u LIKE t");
    let ok = f.ok("BEGIN");
    assert!(ok.info.contains("'status':'PREPARE'"), "{ok:?}");
    f.run("INSERT INTO t VALUES (1, 'a')");
    f.run("INSERT INTO u VALUES (1, 'a')");
    assert_eq!(f.fail("INSERT INTO t VALUES (2, 'a')").code, 5303);
    assert_eq!(f.fail("SELECT * FROM t").code, 5303);
    assert_eq!(f.fail("UPDATE t SET v = 'x' WHERE id = 1").code, 5305);
    assert_eq!(f.versions("t"), "t:1");
    let ok = f.ok("COMMIT");
    assert!(ok.info.contains("'status':'VISIBLE'"), "{ok:?}");
    f.check("SELECT COUNT(*) FROM t JOIN u ON t.id = u.id", "1");

    f.run("BEGIN");
    f.run("INSERT INTO t VALUES (2, 'a')");
    let ok = f.ok("ROLLBACK");
    assert!(ok.info.contains("'status':'ABORTED'"), "{ok:?}");
    f.check("SELECT COUNT(*) FROM t", "1");
    assert_eq!(f.versions("t"), "t:2");

    let mut f = fixture(Profile::V3_3);
    f.run("BEGIN");
    f.run("INSERT INTO t VALUES (2, 'a')");
    f.run("ROLLBACK");
    f.check("SELECT COUNT(*) FROM t", "1");
}

#[test]
fn columns_may_be_left_out() {
    let mut f = Fixture::new(Profile::V4_1);
    f.run(
        "CREATE TABLE t (id BIGINT NOT NULL AUTO_INCREMENT, a INT NOT NULL DEFAULT \"7\", b VARCHAR(10), \
         c DATETIME DEFAULT CURRENT_TIMESTAMP, g INT AS a + 1) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
    );
    f.run("INSERT INTO t (b) VALUES ('x'), ('y')");
    f.run("INSERT INTO t (id, a, b) VALUES (DEFAULT, DEFAULT, 'z'), (100, 1, NULL)");
    f.run("INSERT INTO t (a, b) SELECT 5, 'w'");
    f.check(
        "SELECT id, a, b, c, g FROM t ORDER BY id",
        "1|7|x|2026-11-21 10:00:00|8\n2|7|y|2026-11-21 10:00:00|8\n3|7|z|2026-11-21 10:00:00|8\n\
         4|5|w|2026-11-21 10:00:00|6\n100|1|NULL|2026-11-21 10:00:00|2",
    );
    f.run("INSERT INTO t (id, b) VALUES (200, left(uuid(), 8)), (201, left(uuid(), 8))");
    f.check("SELECT COUNT(DISTINCT b) FROM t WHERE id >= 200", "2");
    let error = f.fail("INSERT INTO t (nope) VALUES (1)");
    assert_eq!(
        error.message,
        "Getting analyzing error. Detail message: Unknown column 'nope' in 't'."
    );
    assert_eq!(f.fail("INSERT INTO t VALUES (1, 2)").code, 5604);
    f.fail("INSERT INTO t (g) VALUES (1)");
    f.fail("INSERT INTO t (a, a) VALUES (1, 1)");
}
