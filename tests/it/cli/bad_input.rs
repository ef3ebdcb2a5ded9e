//! What is wrong is said once, with its name and exit code, on what it is, and what to do next; and
//! nothing in the cluster has changed.

mod surroundings;

use shared::error::ErrorName;
use tests::{cluster::Cluster, flow};

use super::support::{Run, Shell, assert_same, dump, shop};

const FULL: &str = "sales_20260301_full";

/// Of a command that fails: words that its message must have, and words of its hints.
struct Case<'a> {
    line: &'a str,
    name: ErrorName,
    says: &'a [&'a str],
    hints: &'a [&'a str],
}

fn case<'a>(line: &'a str, name: ErrorName, says: &'a [&'a str], hints: &'a [&'a str]) -> Case<'a> {
    Case {
        line,
        name,
        says,
        hints,
    }
}

/// As a person reads it: one error, with something to do.
#[track_caller]
fn check_text(run: &Run, case: &Case<'_>) {
    assert_eq!(run.code, Some(case.name.exit_code().into()), "{run:#?}");
    assert_eq!(run.out, "", "{run:#?}");
    let errors = run.err.lines().filter(|line| {
        ErrorName::ALL
            .iter()
            .any(|name| line.starts_with(&format!("{name}: ")))
    });
    assert_eq!(errors.count(), 1, "{run:#?}");
    assert!(
        run.err.contains(&format!("{}: ", case.name)),
        "{} is another error: {run:#?}",
        case.name
    );
    for words in case.says.iter().chain(case.hints) {
        assert!(run.err.contains(words), "'{words}' is not said: {run:#?}");
    }
    assert!(run.err.contains("\n  hint: "), "{run:#?}");
}

/// As a program reads it: one document.
#[track_caller]
fn check_json(run: &Run, case: &Case<'_>) {
    assert_eq!(run.code, Some(case.name.exit_code().into()), "{run:#?}");
    let error = run.json();
    assert_eq!(error["error"], case.name.as_str(), "{run:#?}");
    let said = format!("{} {}", error["message"], error["engine"]);
    for words in case.says {
        let quoted = words.replace('"', "\\\"");
        assert!(said.contains(&quoted), "'{words}' is not said: {run:#?}");
    }
    let hints = error["hints"].to_string();
    for words in case.hints {
        let quoted = words.replace('"', "\\\"");
        assert!(hints.contains(&quoted), "'{words}' is not hinted: {run:#?}");
    }
    let noise = run.err.lines().filter(|line| !line.starts_with('['));
    assert_eq!(noise.count(), 0, "{run:#?}");
}

async fn check(cluster: &Cluster, shell: &Shell, cases: &[Case<'_>]) {
    let before = dump(cluster).await;
    for case in cases {
        check_text(&shell.run(case.line).await, case);
        check_json(
            &shell.run(&format!("{} --output json", case.line)).await,
            case,
        );
    }
    assert_same("bad input", &before, &dump(cluster).await);
}

/// With a full label, and one that failed.
async fn backed_up() -> Cluster {
    let cluster = shop().await;
    flow::full(&cluster, "nightly").await;
    flow::full(&cluster, "nightly").await;
    cluster.group("one", &["sales.*"]).await;
    cluster
        .sql(
            "UPDATE ops.backup_history SET status = 'FAILED', error_message = 'no space left' \
             WHERE label = 'sales_20260301_full_r1'",
        )
        .await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_do_not_exist() {
    use ErrorName::*;
    let cluster = backed_up().await;
    check(
        &cluster,
        &Shell::at(&cluster),
        &[
            case(
                "backup full --group typo",
                NotFound,
                &["group 'typo'"],
                &["nightly"],
            ),
            case(
                "plan backup --group typo",
                NotFound,
                &["group 'typo'"],
                &["nightly"],
            ),
            case(
                "list --group typo",
                NotFound,
                &["group 'typo'"],
                &["nightly"],
            ),
            case(
                "backup incremental --group nightly --baseline-backup nope",
                NotFound,
                &["'nope'"],
                &["starrocks-br list"],
            ),
            case(
                "backup incremental --group one --baseline-backup sales_20260301_full_r1",
                NotFound,
                &["sales_20260301_full_r1", "FAILED"],
                &["starrocks-br list"],
            ),
            case(
                "show nope",
                NotFound,
                &["label 'nope'"],
                &["starrocks-br list"],
            ),
            case(
                &format!("diff {FULL} nope"),
                NotFound,
                &["label 'nope'"],
                &["starrocks-br list"],
            ),
            case(
                "restore --target-label nope",
                NotFound,
                &["label 'nope'"],
                &["starrocks-br list"],
            ),
            case(
                "plan restore --target-label nope",
                NotFound,
                &["label 'nope'"],
                &[],
            ),
            case(
                &format!("restore --target-label {FULL} --table nope --yes"),
                NotFound,
                &["nope", FULL],
                &["starrocks-br show"],
            ),
            case(
                &format!("restore --target-label {FULL} --table sales.orders --yes"),
                NotFound,
                &["sales.orders", FULL],
                &["without its database"],
            ),
            case(
                &format!("restore --target-label {FULL} --table orders --partition nope --yes"),
                NotFound,
                &["orders", "nope", FULL],
                &["starrocks-br show"],
            ),
            case(
                &format!("restore --target-label {FULL} --group typo --yes"),
                NotFound,
                &["group 'typo'"],
                &["nightly"],
            ),
            case(
                "restore --group typo --yes",
                NotFound,
                &["group 'typo'"],
                &[],
            ),
            case(
                "restore --group nightly --as-of 2020-01-01T00:00 --yes",
                NotFound,
                &["nightly", "2020-01-01"],
                &["starrocks-br list"],
            ),
            case(
                "restore promote nope --yes",
                NotFound,
                &["restore 'nope'"],
                &["starrocks-br status"],
            ),
            case(
                "restore undo nope --yes",
                NotFound,
                &["restore 'nope'"],
                &["starrocks-br status"],
            ),
            case(
                "restore resume nope",
                NotFound,
                &["restore 'nope'"],
                &["starrocks-br status"],
            ),
            case(
                "cancel nope",
                NotFound,
                &["database 'nope'"],
                &["starrocks-br status"],
            ),
            case(
                "cancel sales",
                NotFound,
                &["sales"],
                &["starrocks-br status"],
            ),
            case(
                "group remove nightly sales.nope",
                NotFound,
                &["sales.nope", "nothing was removed"],
                &["starrocks-br group list"],
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_as_it_was_asked_for() {
    use ErrorName::*;
    let cluster = backed_up().await;
    let files = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let unknown_field = write("unknown.json", r#"{"operation": "report", "surprise": 1}"#);
    let unknown_input = write(
        "input.json",
        r#"{"operation": "backup", "input": {"group": "nightly", "kind": "full", "nmae": "x"},
            "execution": {"Id": "one", "StartTime": "2026-03-01T04:00:00Z"}}"#,
    );
    let no_json = write("no.json", "group: nightly");
    let invoke = |path: &str| format!("invoke precheck --event {path}");
    check(
        &cluster,
        &Shell::at(&cluster),
        &[
            case(
                &format!("backup incremental --group nightly --baseline-backup {FULL}"),
                InvalidInput,
                &[FULL, "the group has 2"],
                &["leave the baseline out"],
            ),
            case(
                "restore --target-label sales_20260301_full_r1 --yes",
                NotFound,
                &["sales_20260301_full_r1", "FAILED", "no space left"],
                &["starrocks-br list"],
            ),
            case(
                "backup full --group nightly --name a:b",
                InvalidInput,
                &["a:b"],
                &["letters, digits and underscores"],
            ),
            case(
                "group add nightly orders",
                InvalidInput,
                &["'orders'"],
                &["DATABASE.*"],
            ),
            case(
                &format!("restore --target-label {FULL} --group nightly --table orders"),
                InvalidInput,
                &["--group", "--table"],
                &["leave one of them out"],
            ),
            case(
                &format!(
                    "restore --target-label {FULL} --table orders --table events --partition p1"
                ),
                InvalidInput,
                &["exactly one table"],
                &[],
            ),
            case(
                "restore --group nightly --as-of yesterday --yes",
                InvalidInput,
                &["yesterday"],
                &["2026-"],
            ),
            case(
                &invoke(&unknown_field),
                InvalidInput,
                &["surprise"],
                &["events/"],
            ),
            case(
                &invoke(&unknown_input),
                InvalidInput,
                &["'nmae'", "did you mean 'name'?"],
                &["on_unsupported"],
            ),
            case(
                &invoke(&no_json),
                InvalidInput,
                &["no.json", "not JSON"],
                &["events/"],
            ),
            case(
                &invoke("/nowhere.json"),
                InvalidInput,
                &["/nowhere.json"],
                &["events/"],
            ),
        ],
    )
    .await;
}

/// Read by the command line's parser: its own words, the same exit code, and JSON where it is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn flags_that_do_not_go_together() {
    let shell = Shell::empty();
    for (line, words) in [
        ("restore --target-label l --partition p", "--table"),
        ("restore --target-label l --as-of 2026-01-01", "--as-of"),
        ("restore --as-of 2026-01-01", "--group"),
        ("restore", "--target-label"),
        ("restore promote", "<ID>"),
        (
            "plan backup --group g --full --incremental",
            "--incremental",
        ),
        (
            "plan backup --group g --full --baseline-backup l",
            "--baseline-backup",
        ),
        ("plan backup --full", "--group"),
        (
            "backup full --group g --baseline-backup l",
            "--baseline-backup",
        ),
        ("backup full", "--group"),
        ("backup", "full"),
        ("restore --target-label l --swap later", "manual"),
        ("backup full --group g --on-unsupported ignore", "skip"),
        ("lst", "list"),
        ("list --gruop g", "--group"),
        ("show", "<LABEL>"),
        ("diff one", "<TO>"),
        ("group add g", "<DATABASE.TABLE>"),
        ("invoke nothing --event f", "precheck"),
        ("init --expected-partitions many", "many"),
    ] {
        let text = shell.run(line).await;
        assert_eq!(text.code, Some(2), "{text:#?}");
        assert_eq!(text.out, "", "{text:#?}");
        assert!(text.err.contains(words), "{text:#?}");
        let json = shell.run(&format!("{line} --output json")).await;
        assert_eq!((json.code, json.err.as_str()), (Some(2), ""), "{json:#?}");
        assert_eq!(json.json()["error"], "InvalidInput");
        assert!(json.out.contains(words), "{json:#?}");
    }
}

/// Found when the database is read, under its lease: of that the ops tables keep a row, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_reading_shows_leaves_no_trace_but_the_lease() {
    use ErrorName::*;
    let cluster = shop().await;
    let shell = Shell::at(&cluster);
    cluster.group("typo", &["sales.ordres"]).await;
    cluster.group("nowhere", &["slaes.orders"]).await;
    let ours = |query: &String| !query.contains("ops") || query.contains("backup_history");
    for case in [
        case(
            "backup full --group typo",
            PrecheckFailed,
            &["ordres"],
            &["correct its name"],
        ),
        case(
            "backup full --group nowhere",
            NotFound,
            &["slaes"],
            &["starrocks-br group list"],
        ),
        case(
            "backup incremental --group nightly",
            NotFound,
            &["no full backup", "nightly"],
            &["starrocks-br backup full --group nightly"],
        ),
    ] {
        let mut before = dump(&cluster).await;
        check_text(&shell.run(case.line).await, &case);
        check_json(
            &shell.run(&format!("{} --output json", case.line)).await,
            &case,
        );
        let mut after = dump(&cluster).await;
        before.retain(|query, _| ours(query));
        after.retain(|query, _| ours(query));
        assert_same(case.line, &before, &after);
        let status = shell.run("status").await.succeeded();
        assert!(status.out.contains("nothing is running"), "{status:#?}");
    }
}
