//! The log of what was done, as a machine's own log keeps it: on standard error, at every log level.

use std::collections::BTreeMap;

use tests::cluster::{Cluster, PASSWORD};

use super::support::{Run, Shell, Ticking, shop};

/// `key="value"` of one line.
fn fields(line: &str) -> BTreeMap<&str, &str> {
    let parts: Vec<&str> = line.split('"').collect();
    parts
        .chunks_exact(2)
        .map(|pair| {
            let key = pair[0].split_whitespace().next_back().expect("a key");
            (key.trim_end_matches('='), pair[1])
        })
        .collect()
}

const FIELDS: [&str; 9] = [
    "audit",
    "databases",
    "error_name",
    "execution",
    "label",
    "object",
    "outcome",
    "restore",
    "who",
];

/// The lines of what was done: all but the one of what was asked for, which holds an input.
fn did(run: &Run) -> impl Iterator<Item = &String> {
    let requested = |line: &&String| !line.contains(r#" outcome="requested" "#);
    run.audit.iter().filter(requested)
}

/// What each line says was done, and how it went; in the order of names, because databases go on side
/// by side.
#[track_caller]
fn done(run: &Run) -> Vec<String> {
    let mut done = Vec::new();
    let mut executions = Vec::new();
    for line in did(run) {
        let fields = fields(line);
        assert_eq!(fields.keys().copied().collect::<Vec<_>>(), FIELDS, "{line}");
        assert!(!line.contains(PASSWORD), "{line}");
        assert!(!fields["who"].is_empty(), "{line}");
        executions.push(fields["execution"].to_owned());
        let words = ["audit", "outcome", "error_name", "databases"].map(|key| fields[key]);
        done.push(words.join(" ").replace("  ", " "));
    }
    executions.dedup();
    assert!(executions.len() <= 1, "one command is one execution");
    done.sort();
    done
}

async fn label_of(cluster: &Cluster, kind: &str) -> String {
    let query = format!("SELECT label FROM ops.backup_history WHERE label LIKE 'sales_%_{kind}'");
    cluster.one(&query).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_that_does_something_leaves_one_line_when_it_begins_and_one_when_it_ends() {
    let cluster = shop().await;
    // The least that can be logged.
    let shell = Shell::at(&cluster).with("STARROCKS_BR_LOG", "error");
    let ticking = Ticking::of(&cluster);
    let run = async |line: &str| shell.run(line).await;

    let full = run("backup full --group nightly").await.succeeded();
    assert_eq!(
        done(&full),
        [
            "backup done crm",
            "backup done sales",
            "backup started crm",
            "backup started sales"
        ]
    );
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 3)")
        .await;
    let inc = run("backup incremental --group nightly").await.succeeded();
    assert_eq!(done(&inc), done(&full), "also where nothing had changed");
    let asked = &inc.audit[0];
    let words = [r#"outcome="requested""#, r#"\"kind\":\"incremental\""#];
    assert!(words.iter().all(|word| asked.contains(word)), "{asked}");
    let labels: Vec<&str> = did(&inc).map(|line| fields(line)["label"]).collect();
    assert!(labels.iter().all(|label| label.ends_with("_inc")));
    assert_eq!(
        done(&run("backup full --group nobody").await),
        ["backup refused NotFound "]
    );

    // An overlay: what it needs on the way is dropped again.
    let label = label_of(&cluster, "inc").await;
    let restored = run(&format!(
        "restore --target-label {label} --table orders --swap manual --yes"
    ))
    .await
    .succeeded();
    assert_eq!(
        done(&restored),
        [
            "delete done sales",
            "delete started sales",
            "restore done sales",
            "restore started sales"
        ]
    );
    let dropped = did(&restored).map(|line| fields(line)["object"]);
    let dropped: Vec<&str> = dropped.filter(|object| !object.is_empty()).collect();
    let statement = "DROP TABLE IF EXISTS `sales`.`orders_restored_inc` FORCE";
    assert_eq!(dropped, [statement, statement]);
    let last = fields(restored.audit.last().expect("lines"));
    let id = last["restore"].to_owned();
    assert_eq!(last["label"], label);

    let promoted = run(&format!("restore promote {id} --yes"))
        .await
        .succeeded();
    assert_eq!(
        done(&promoted),
        ["promote done sales", "promote started sales"]
    );
    let again = run(&format!("restore promote {id} --yes")).await;
    assert_eq!(again.code, Some(2));
    assert_eq!(done(&again), Vec::<String>::new(), "its preview is refused");
    let undone = run(&format!("restore undo {id} --yes")).await.succeeded();
    assert_eq!(done(&undone), ["undo done sales", "undo started sales"]);
    assert!(
        [&promoted, &undone]
            .into_iter()
            .flat_map(did)
            .all(|line| fields(line)["restore"] == id && fields(line)["label"] == label)
    );
    // All in one.
    let swapped = run(&format!(
        "restore --target-label {label} --table orders --yes"
    ))
    .await
    .succeeded();
    assert_eq!(
        done(&swapped),
        [
            "delete done sales",
            "delete started sales",
            "promote done sales",
            "promote started sales",
            "restore done sales",
            "restore started sales"
        ]
    );
    drop(ticking);

    let running = shell.start("backup full --group nightly --name once");
    let is_sent = async || {
        let jobs = cluster.rows("SHOW BACKUP FROM sales").await;
        jobs.iter().any(|job| job[1] == "once_sales")
    };
    while !is_sent().await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let cancelled = run("cancel sales --yes").await.succeeded();
    assert_eq!(
        done(&cancelled),
        ["cancel done sales", "cancel started sales"]
    );
    assert_eq!(fields(&cancelled.audit[0])["label"], "once_sales");
    let _ticking = Ticking::of(&cluster);
    assert_eq!(
        done(&running.end().await),
        [
            "backup done crm",
            "backup failed BackupFailed sales",
            "backup started crm",
            "backup started sales"
        ]
    );

    let removed = run("group remove nightly sales.*").await.succeeded();
    assert_eq!(done(&removed), ["delete done ", "delete started "]);
    assert_eq!(
        fields(&removed.audit[0])["object"],
        "group nightly: sales.*"
    );
    for line in [
        "list",
        "status",
        "plan backup --group nightly",
        "plan backup --group nobody",
        &format!("plan restore --target-label {label}"),
        "plan restore --target-label nobody",
    ] {
        assert_eq!(run(line).await.audit, Vec::<String>::new(), "{line}");
    }
    let doctor = run("doctor --orphans").await;
    assert_eq!(doctor.audit, Vec::<String>::new());
    let activity = "activity: in 8 days backups 1 cancelled, 5 finished; restores 2 finished; \
                    promoted 2, undone 1, cancelled 1";
    assert!(doctor.out.contains(activity), "{doctor:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_or_silenced_or_only_a_probe() {
    let cluster = shop().await;
    let shell = Shell::at(&cluster);
    let ticking = Ticking::of(&cluster);
    let silent = shell.clone().with("STARROCKS_BR_LOG", "error,audit=off");
    let silent = silent.run("backup full --group nightly").await.succeeded();
    assert_eq!(silent.audit, Vec::<String>::new());
    let probe = shell.run("doctor --probe").await;
    assert_eq!(done(&probe), ["backup done ops", "backup started ops"]);
    drop(ticking);

    let running = shell.start("backup full --group nightly --name late");
    let are_sent = async || {
        let mut jobs = cluster.rows("SHOW BACKUP FROM sales").await;
        jobs.extend(cluster.rows("SHOW BACKUP FROM crm").await);
        jobs.iter().filter(|job| job[1].starts_with("late")).count() == 2
    };
    while !are_sent().await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    running.signal("TERM");
    let run = running.end().await;
    let last = fields(run.audit.last().expect("lines"));
    assert_eq!(
        (last["audit"], last["outcome"], last["error_name"]),
        ("backup", "failed", "Interrupted"),
        "{run:#?}"
    );
    assert_eq!(did(&run).count(), 3, "{run:#?}");
}
