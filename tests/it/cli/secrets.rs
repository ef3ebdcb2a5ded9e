//! The password is in no argument, no help and no output; whoever lists processes does not see it.

use tests::cluster::PASSWORD;

use super::support::{Shell, Ticking, shop};

const COMMANDS: &[&str] = &[
    "",
    "init",
    "backup",
    "backup full",
    "backup incremental",
    "plan",
    "plan backup",
    "plan restore",
    "restore",
    "restore promote",
    "restore undo",
    "restore resume",
    "list",
    "show",
    "diff",
    "status",
    "cancel",
    "doctor",
    "group",
    "group add",
    "group remove",
    "group list",
    "invoke",
    "completions",
];

#[tokio::test(flavor = "multi_thread")]
async fn help_shows_what_there_is_and_no_value_of_the_environment() {
    let shell = Shell::empty()
        .with("STARROCKS_HOST", "canary-host")
        .with("STARROCKS_USER", "canary-user")
        .with("STARROCKS_PASSWORD", PASSWORD)
        .with("STARROCKS_REPOSITORY", "canary-repository");
    for command in COMMANDS {
        let run = shell.run(&format!("{command} --help")).await.succeeded();
        assert!(!run.out.contains("canary"), "{run:#?}");
        assert!(run.out.contains("Usage: starrocks-br"), "{run:#?}");
        assert_eq!(run.err, "", "{run:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn a_process_at_work_shows_no_password() {
    let cluster = shop().await;
    let secrets = tempfile::tempdir().unwrap();
    let file = secrets.path().join("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let shell = Shell::at(&cluster)
        .with("STARROCKS_PASSWORD", "")
        .with("STARROCKS_PASSWORD_FILE", &file.display().to_string());
    let running = shell.start("--verbose backup full --group nightly");
    let of = |what: &str| format!("/proc/{}/{what}", running.pid());
    // Until BACKUP is followed, everything that could be started has been.
    while cluster.rows("SHOW BACKUP FROM sales").await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for what in ["cmdline", "environ", "comm", "status"] {
        let text = std::fs::read(of(what)).expect(what);
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains(PASSWORD), "{what}: {text}");
    }
    for task in std::fs::read_dir(of("task")).unwrap() {
        let children = task.unwrap().path().join("children");
        let children = std::fs::read_to_string(children).unwrap_or_default();
        assert_eq!(children, "", "a backup starts no other process");
    }
    let _ticking = Ticking::of(&cluster);
    let run = running.end().await.succeeded();
    assert!(!run.out.contains(PASSWORD) && !run.err.contains(PASSWORD));
    assert!(run.audit.iter().all(|line| !line.contains(PASSWORD)));
    assert!(
        run.err.contains(" INFO planned"),
        "it was verbose: {run:#?}"
    );
}
