use jiff::SignedDuration;

use super::Fixture;
use crate::Profile;

fn fixture() -> Fixture {
    let mut f = Fixture::new(Profile::V4_1);
    f.run("CREATE TABLE t (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1");
    f.run("INSERT INTO t VALUES (1)");
    f
}

/// State and error of the runs of a task.
fn runs(f: &mut Fixture, task: &str) -> String {
    f.rows(&format!(
        "SELECT STATE, ERROR_MESSAGE FROM information_schema.task_runs WHERE TASK_NAME = '{task}'"
    ))
}

#[test]
fn a_task_takes_its_time_and_then_has_its_effect() {
    let mut f = fixture();
    f.engine.tasks.duration = SignedDuration::from_secs(10);
    f.check(
        "SUBMIT /*+set_var(query_timeout=100,insert_timeout=100)*/ TASK d.copy AS INSERT INTO t SELECT id + 1 FROM t",
        "copy|SUBMITTED",
    );
    assert_eq!(runs(&mut f, "copy"), "PENDING|NULL");
    let error = f.fail("SUBMIT TASK copy AS INSERT INTO t SELECT * FROM t");
    assert_eq!(error.message, "Task [copy] already exists");
    f.advance(5);
    assert_eq!(runs(&mut f, "copy"), "RUNNING|NULL");
    f.check("SELECT COUNT(*) FROM t", "1");
    f.advance(5);
    assert_eq!(runs(&mut f, "copy"), "SUCCESS|NULL");
    f.check("SELECT id FROM t ORDER BY id", "1\n2");
    f.run("DROP TASK copy");
    let error = f.fail("DROP TASK copy");
    assert_eq!(
        error.message,
        "Getting analyzing error. Detail message: Task copy is not exist."
    );
}

#[test]
fn a_failed_task_says_why() {
    let mut f = fixture();
    f.run("SUBMIT TASK bad AS INSERT INTO t SELECT NULL");
    f.advance(3);
    let runs = runs(&mut f, "bad");
    assert!(
        runs.starts_with("FAILED|Insert has filtered data"),
        "{runs}"
    );
    f.fail("SUBMIT TASK worse AS INSERT INTO nope SELECT 1");
}

#[test]
fn tasks_expire_and_periodic_ones_repeat() {
    let mut f = fixture();
    f.run("SUBMIT TASK once AS INSERT INTO t SELECT 5");
    f.run("SUBMIT TASK often SCHEDULE EVERY(INTERVAL 1 DAY) AS INSERT INTO t SELECT 6");
    f.advance(24 * 3600 + 10);
    f.fail("DROP TASK once");
    f.check("SELECT COUNT(*) FROM t WHERE id = 6", "2");
    f.run("DROP TASK often");
}
