//! Every command once as text and once as JSON: data on standard output, everything else on standard
//! error, and readable.

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::cluster::Cluster;

use super::support::{Run, Shell, Ticking, fill, shop};

/// The day in the labels of this process.
fn day(shell_list: &Value) -> String {
    let label = shell_list[0]["label"].as_str().expect("a label");
    label.split('_').nth(1).expect("a day").to_owned()
}

/// Times and ids stand for any.
fn masked(text: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(text.to_owned(), |text, (word, mask)| {
        text.replace(word, mask)
    })
}

/// `[  0:05] sales: ...`, and never the same line twice in a row for a database.
#[track_caller]
fn check_progress(run: &Run, subjects: &[&str]) {
    let mut last = std::collections::BTreeMap::new();
    for line in run.err.lines() {
        let (time, text) = line
            .split_once("] ")
            .unwrap_or_else(|| panic!("{line}: {run:#?}"));
        let (minutes, seconds) = time
            .trim_start_matches('[')
            .trim()
            .split_once(':')
            .expect("a time");
        assert!(
            minutes.parse::<u32>().is_ok() && seconds.len() == 2,
            "{line}"
        );
        let (subject, said) = text.split_once(": ").expect("a subject");
        assert!(subjects.contains(&subject), "{line}");
        assert_ne!(
            last.insert(subject, said),
            Some(said),
            "{line} adds nothing"
        );
    }
    assert!(!last.is_empty(), "{run:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_restore_and_back() {
    let cluster = Cluster::start(Profile::V3_5).await;
    fill(&cluster).await;
    cluster.sql("DROP DATABASE ops FORCE").await;
    let shell = Shell::at(&cluster);
    let text = async |line: &str| shell.run(line).await.succeeded();
    let json = async |line: &str| {
        let run = shell
            .run(&format!("{line} --output json"))
            .await
            .succeeded();
        (run.json(), run.err)
    };

    let init = text("init").await;
    assert_eq!(init.out.lines().count(), 8, "{init:#?}");
    assert!(
        init.err.contains("next: put tables into a group"),
        "{init:#?}"
    );
    assert_eq!(
        text("init").await.out,
        "everything is there already: nothing to do\n"
    );
    assert_eq!(json("init").await.0, json!({ "actions": [] }));

    assert!(
        text("group list")
            .await
            .out
            .contains("there is no group yet")
    );
    assert!(text("list").await.out.contains("no backup is recorded yet"));
    assert_eq!(json("list").await, (json!([]), String::new()));
    assert_eq!(text("status").await.out, "nothing is running\n");
    let added = text("group add nightly sales.* crm.customers").await;
    assert_eq!(added.out, "group nightly: added sales.*, crm.customers\n");
    assert_eq!(added.err, "");
    let (added, note) = json("group add other sales.ordres nope.*").await;
    assert_eq!(
        added,
        json!({ "group": "other", "added": ["sales.ordres", "nope.*"] })
    );
    assert!(note.contains("note: sales.ordres does not exist"), "{note}");
    assert!(note.contains("note: nope.* does not exist"), "{note}");
    let removed = text("group remove other sales.ordres").await;
    assert_eq!(removed.out, "group other: removed sales.ordres\n");
    let (removed, _) = json("group remove other nope.*").await;
    assert_eq!(removed, json!({ "group": "other", "removed": ["nope.*"] }));
    assert_eq!(
        text("group list").await.out,
        "GROUP    DATABASE  TABLE\n\
         nightly  crm       customers\n\
         nightly  sales     *\n"
    );
    assert_eq!(json("group list").await.0.as_array().unwrap().len(), 2);

    let ticking = Ticking::of(&cluster);
    let full = text("backup full --group nightly").await;
    check_progress(&full, &["crm", "sales"]);
    assert!(full.err.contains("FINISHED 100 % of "), "{full:#?}");
    assert!(
        full.err.contains("sales: recorded as FINISHED"),
        "{full:#?}"
    );
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 3)")
        .await;
    let (inc, err) = json("backup incremental --group nightly").await;
    assert!(err.lines().all(|line| line.starts_with('[')), "{err}");
    assert_eq!(inc["databases"][1]["partitions_stored"], 1, "{inc}");
    let unchanged = text("backup incremental --group nightly --name again").await;
    assert!(
        !unchanged.out.contains("nothing changed"),
        "sales has a change: {unchanged:#?}"
    );

    let (list, _) = json("list").await;
    assert_eq!(list.as_array().unwrap().len(), 6);
    let day = day(&list.as_array().unwrap().iter().rev().cloned().collect());
    let day: &[(&str, &str)] = &[(&day, "DAY")];
    assert_eq!(
        masked(&full.out, day)
            .lines()
            .next()
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>(),
        [
            "DATABASE",
            "LABEL",
            "STATUS",
            "CUT",
            "PARTITIONS",
            "STORED",
            "BYTES"
        ]
    );
    let rows = masked(&full.out, day);
    let rows: Vec<&str> = rows.lines().skip(1).collect();
    assert!(
        rows[0].starts_with("crm       crm_DAY_full    FINISHED  exact  1 of 1"),
        "{rows:?}"
    );
    assert!(
        rows[1].starts_with("sales     sales_DAY_full  FINISHED  exact  4 of 4"),
        "{rows:?}"
    );
    let listed = masked(&text("list").await.out, day);
    assert_eq!(listed.lines().count(), 7, "{listed}");
    let widths: Vec<usize> = listed
        .lines()
        .map(|line| line.find("  ").unwrap())
        .collect();
    assert!(
        widths.iter().all(|width| *width <= "sales_DAY_full".len()),
        "{listed}"
    );
    assert_eq!(json("list --group nightly").await.0, list);

    let label = list.as_array().unwrap().iter().find(|row| {
        row["kind"] == "incremental" && row["database"] == "sales" && row["label"] != "again_sales"
    });
    let label = label.unwrap()["label"].as_str().unwrap().to_owned();
    let full_label = label.replace("_inc", "_full");
    let shown = text(&format!("show {label}")).await;
    for words in [
        "cut          exact: everything in it is of one instant",
        " UTC\n",
        "TABLE   PARTITIONS  STORED HERE  BYTES",
    ] {
        assert!(shown.out.contains(words), "'{words}': {shown:#?}");
    }
    let (shown, _) = json(&format!("show {label}")).await;
    assert_eq!(shown["baseline_label"], json!(full_label));
    assert_eq!(shown["tables"].as_array().unwrap().len(), 2);
    let all = text(&format!("show {label} --ddl --partitions")).await;
    assert!(
        all.out.contains("CREATE TABLE `orders`") && all.out.contains(&full_label),
        "{all:#?}"
    );
    assert_eq!(
        text(&format!("diff {full_label} {label}")).await.out,
        "TABLE   PARTITION  CHANGE\norders  p2         changed\n"
    );
    assert_eq!(
        text(&format!("diff {label} {label}")).await.out,
        "no difference\n"
    );
    let other = full_label.replace("sales", "crm");
    let strangers = shell.run(&format!("diff {full_label} {other}")).await;
    assert_eq!(strangers.code, Some(2), "{strangers:#?}");
    for words in [&full_label, &other, "database sales", "one of crm"] {
        assert!(strangers.err.contains(words), "'{words}': {strangers:#?}");
    }
    assert_eq!(
        json(&format!("diff {full_label} {label}")).await.0,
        json!([{ "table": "orders", "partition": "p2", "change": "changed" }])
    );

    cluster.sql("TRUNCATE TABLE sales.orders").await;
    let target = format!("restore --target-label {label} --table orders");
    let refused = shell.run(&target).await;
    assert_eq!(
        (refused.code, refused.out.as_str()),
        (Some(2), ""),
        "{refused:#?}"
    );
    for words in [
        "is kept as orders_before_",
        "overlay",
        &format!("the snapshot of '{full_label}' holds what did not change until '{label}'"),
        "1 table, 2 partitions",
        "add --yes",
    ] {
        assert!(refused.err.contains(words), "'{words}': {refused:#?}");
    }
    let as_json = shell.run(&format!("{target} --output json")).await;
    assert_eq!(
        (as_json.code, &as_json.json()["error"]),
        (Some(2), &json!("InvalidInput"))
    );
    let held = text(&format!("{target} --swap manual -y")).await;
    assert!(
        held.out.contains("VERIFIED") && held.out.contains("next: starrocks-br restore promote ")
    );
    let (status, _) = json("status").await;
    let id = status["restores"][0]["restore_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = text("status").await.out;
    assert!(
        shown.contains(&format!("VERIFIED  starrocks-br restore promote {id}")),
        "{shown}"
    );
    assert_eq!(cluster.rows("SELECT id FROM sales.orders").await.len(), 0);
    let unasked = shell.run(&format!("restore promote {id}")).await;
    assert_eq!(unasked.code, Some(2), "{unasked:#?}");
    assert!(unasked.err.contains("add --yes"), "{unasked:#?}");
    let promoted = text(&format!("restore promote {id} --yes")).await;
    assert!(
        promoted
            .out
            .contains(&format!("next: starrocks-br restore undo {id}")),
        "{promoted:#?}"
    );
    assert_eq!(cluster.rows("SELECT id FROM sales.orders").await.len(), 3);
    let (again, _) = json(&format!("restore resume {id}")).await;
    assert_eq!(again["state"], "PROMOTED");
    let (undone, _) = json(&format!("restore undo {id} --yes")).await;
    assert_eq!(undone["state"], "UNDONE");
    assert_eq!(cluster.rows("SELECT id FROM sales.orders").await.len(), 0);
    let twice = shell.run(&format!("restore undo {id} --yes")).await;
    assert_eq!(twice.code, Some(2), "{twice:#?}");
    assert!(!twice.err.contains("resume"), "{twice:#?}");
    let (done, err) = json(&format!("{target} --yes")).await;
    assert_eq!(
        (&done["state"], &done["rows_verified"]),
        (&json!("PROMOTED"), &json!("3"))
    );
    assert!(err.contains("restore: verifying"), "{err}");
    assert_eq!(cluster.rows("SELECT id FROM sales.orders").await.len(), 3);
    drop(ticking);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_watched_and_cancelled() {
    let cluster = shop().await;
    let shell = Shell::at(&cluster);
    let running = shell.start("backup full --group nightly --name once");
    while cluster.rows("SHOW BACKUP FROM sales").await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let status = loop {
        let status = shell.run("status").await.succeeded().out;
        if status.contains("once_sales SUBMITTED") {
            break status;
        }
    };
    for words in ["UNTIL (UTC)", "BACKUP IN STARROCKS", "PENDING", "once_crm"] {
        assert!(status.contains(words), "'{words}': {status}");
    }
    let json = shell.run("status --output json").await.succeeded().json();
    assert_eq!(json["databases"].as_array().unwrap().len(), 2, "{json}");
    assert_eq!(json["backups"][0]["state"], "PENDING", "{json}");
    let conflict = shell.run("doctor").await;
    assert!(
        conflict.code == Some(0) || conflict.code == Some(4),
        "{conflict:#?}"
    );

    let cancelled = shell.run("cancel sales --yes").await.succeeded();
    assert!(
        cancelled
            .out
            .contains("cancelled once_sales in database sales"),
        "{cancelled:#?}"
    );
    let what = "backup once_sales in database sales: PENDING, begun ";
    assert!(cancelled.err.starts_with(what), "{cancelled:#?}");
    let cancelled = shell
        .run("cancel crm --yes --output json")
        .await
        .succeeded()
        .json();
    assert_eq!(cancelled["database"], "crm");
    assert_eq!(cancelled["cancelled"], "once_crm");
    assert!(cancelled["execution_id"].is_string(), "{cancelled}");
    let _ticking = Ticking::of(&cluster);
    let run = running.end().await;
    assert_eq!(run.code, Some(5), "{run:#?}");
    assert!(run.err.contains("BackupFailed: "), "{run:#?}");
    for database in ["  crm: ", "  sales: "] {
        let mut lines = run.err.lines();
        assert!(lines.any(|line| line.starts_with(database)), "{run:#?}");
    }
    assert!(run.err.contains("cancelled"), "{run:#?}");
    assert_eq!(
        shell.run("status").await.succeeded().out,
        "nothing is running\n"
    );
    let list = shell.run("list").await.succeeded().out;
    assert!(
        list.contains("once_sales") && !list.contains("FINISHED"),
        "{list}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_that_a_run_is_dead() {
    let cluster = shop().await;
    let shell = Shell::at(&cluster);
    let running = shell.start("backup full --group nightly --name once");
    let status = loop {
        let status = shell.run("status").await.succeeded().out;
        if status.contains("once_sales SUBMITTED") {
            break status;
        }
    };
    assert!(!status.contains("expired"), "{status}");
    running.signal("KILL");
    running.end().await;
    cluster.advance(21 * 60);
    let status = shell.run("status").await.succeeded().out;
    for words in [
        ", expired",
        "expired: that run is dead. The next backup of its group",
    ] {
        assert!(status.contains(words), "'{words}': {status}");
    }
    let json = shell.run("status --output json").await.succeeded().json();
    assert_eq!(json["databases"][0]["expired"], true, "{json}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let cluster = shop().await;
    let shell = Shell::at(&cluster);
    let well = shell.run("doctor").await.succeeded();
    let mut notes = well.out.lines().filter(|line| !line.starts_with("ok     "));
    // The cluster of a test has a clock of its own.
    let note = notes.next().expect("a note on the clock");
    assert!(
        note.starts_with("note   clock: the leader's is "),
        "{well:#?}"
    );
    let hint = notes.next().expect("what to do");
    assert!(
        hint.contains("What is backed up depends on no clock"),
        "{well:#?}"
    );
    assert_eq!(notes.next(), None, "{well:#?}");
    assert!(
        well.out.contains("ok     frontends: 1 of 1 alive\n"),
        "{well:#?}"
    );
    let well = shell
        .run("doctor --orphans --output json")
        .await
        .succeeded()
        .json();
    assert_eq!(well["audit"]["findings"], json!([]));

    let other = shell.clone().with("STARROCKS_REPOSITORY", "nope");
    let ill = other.run("doctor").await;
    assert_eq!(ill.code, Some(4), "{ill:#?}");
    assert!(
        ill.out
            .contains("FAILED repository nope: it does not exist\n         create it"),
        "{ill:#?}"
    );
    assert!(
        ill.err.contains("PrecheckFailed: 1 check failed"),
        "{ill:#?}"
    );
    let ill = other.run("doctor --output json").await;
    assert_eq!(ill.code, Some(4), "{ill:#?}");

    cluster.group("typo", &["sales.ordres"]).await;
    let ill = shell.run("doctor").await;
    assert_eq!(ill.code, Some(4), "{ill:#?}");
    assert!(ill.out.contains("FAILED table sales.ordres: "), "{ill:#?}");
    cluster
        .sql("DELETE FROM ops.table_inventory WHERE inventory_group = 'typo'")
        .await;

    tests::flow::full(&cluster, "nightly").await;
    let audited = shell.run("doctor --orphans").await.succeeded();
    assert!(
        audited
            .out
            .contains("ok     snapshots: 2 in repository repo, all recorded"),
        "{audited:#?}"
    );
    std::fs::remove_dir_all(cluster.bucket().join("starrocks")).unwrap();
    let lost = shell.run("doctor --orphans").await;
    assert_eq!(lost.code, Some(4), "{lost:#?}");
    assert!(
        lost.out.contains("FAILED snapshot ") && lost.out.contains("sales_20260301_full"),
        "{lost:#?}"
    );
}
