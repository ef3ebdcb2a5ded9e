//! What the user may do is known before anything is done, and the README's grants are enough for all of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::plan::privileges::{Granted, parse};
use starrocks_emulator::Profile;
use tests::{
    cluster::{Cluster, create_repository},
    flow,
    shop::{damaged_shop, shop},
};

const BR: [(&str, &str); 2] = [("STARROCKS_USER", "br"), ("STARROCKS_PASSWORD", "...")];
const OPS: &str =
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN DATABASE ops TO USER 'br'@'%'";
const SYSTEM: &str = "GRANT REPOSITORY, OPERATE ON SYSTEM TO USER 'br'@'%'";

/// The statements of the README, as they are printed there.
fn grants_of_the_readme() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(path).expect("README.md");
    let (_, section) = readme.split_once("\n## Privileges\n").expect("a section");
    let (_, block) = section.split_once("```sql\n").expect("its statements");
    let (block, _) = block.split_once("```").expect("their end");
    let lines = block.lines().map(|line| match line.split_once("--") {
        Some((statement, _comment)) => statement,
        None => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

async fn as_br(cluster: &Cluster, input: Value) -> Value {
    flow::restore_as(cluster, input, &BR).await.output()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grants_of_the_readme_are_enough() {
    for profile in [Profile::V3_3, Profile::V3_5, Profile::V4_1] {
        let elsewhere = Cluster::start(profile).await;
        let cluster = elsewhere.beside(profile);
        cluster.sql(&create_repository()).await;
        cluster
            .sql(
                "CREATE DATABASE sales;
                 CREATE TABLE sales.orders (d DATE NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
                 PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2026-01-02'), \
                 PARTITION p2 VALUES LESS THAN ('2026-01-03')) \
                 DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num'='1');
                 INSERT INTO sales.orders VALUES ('2026-01-01', 1), ('2026-01-02', 2);
                 CREATE VIEW sales.ids AS SELECT id FROM sales.orders;
                 CREATE VIEW sales.all_ids AS SELECT id FROM sales.ids",
            )
            .await;
        cluster.sql(&grants_of_the_readme()).await;
        let context = shared::context::Context::new(cluster.settings_with(&BR));
        let mut client = context.connect().await.expect("br may connect");
        let ops = "ops".parse().expect("a name");
        let mut ops = shared::ops::Ops::new(&mut client, &ops);
        ops.init(1, 1_000).await.expect("br may init");
        cluster.group("nightly", &["sales.*"]).await;

        for kind in ["full", "incremental"] {
            cluster
                .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 3)")
                .await;
            let input = json!({ "group": "nightly", "kind": kind });
            let done = flow::backup_as(&cluster, input, &BR).await.output();
            let exact = &done["summary"]["databases"][0]["status"];
            assert_eq!(*exact, json!("FINISHED"), "{profile:?}: {done}");
        }
        let rows = "SELECT id FROM sales.orders ORDER BY id";
        let backed_up = cluster.rows(rows).await;
        cluster
            .sql(
                "INSERT INTO sales.orders VALUES ('2026-01-01', 9);
                 DROP VIEW sales.all_ids;
                 DROP VIEW sales.ids",
            )
            .await;
        let damaged = cluster.rows(rows).await;
        let held = as_br(
            &cluster,
            json!({ "target_label": "sales_20260305_inc", "swap": "manual", "checksum": true }),
        )
        .await;
        let id = held["summary"]["restore_id"].as_str().expect("an id");
        as_br(&cluster, json!({ "promote": id })).await;
        assert_eq!(cluster.rows(rows).await, backed_up, "{profile:?}");
        let of_view = "SELECT id FROM sales.all_ids ORDER BY id";
        assert_eq!(cluster.rows(of_view).await, backed_up, "{profile:?}");
        as_br(&cluster, json!({ "undo": id })).await;
        assert_eq!(cluster.rows(rows).await, damaged, "{profile:?}");

        // Everything that is asked for is there, so nothing is said.
        let event = json!({ "operation": "report" });
        let report = flow::call(&context, "Precheck", event)
            .await
            .expect("a report");
        assert_eq!(privileges(&report, "passed").len(), 4, "{report}");
        assert_eq!(privileges(&report, "advice"), Vec::<String>::new());
        assert_eq!(privileges(&report, "failed"), Vec::<String>::new());
    }
}

/// The findings on privileges with a verdict: what is missing, and the GRANT.
fn privileges(report: &Value, verdict: &str) -> Vec<String> {
    let findings = report["findings"].as_array().into_iter().flatten();
    let of_it = findings.filter(|finding| {
        finding["check"] == json!("privilege") && finding["verdict"]["verdict"] == json!(verdict)
    });
    of_it
        .map(|finding| format!("{} -> {}", finding["subject"], finding["hint"]))
        .collect()
}

/// `br` with these grants and no other.
async fn br(cluster: &Cluster, grants: &[&str]) {
    cluster
        .sql("CREATE USER 'br'@'%' IDENTIFIED BY '...'")
        .await;
    cluster.sql(&grants.join(";\n")).await;
}

/// By object, as the engine calls it, what these statements grant.
fn granted<'a>(statements: impl Iterator<Item = &'a str>) -> BTreeMap<String, BTreeSet<String>> {
    let mut granted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for statement in statements {
        let statement = statement.trim().replace('`', "");
        if let Some(Granted::Privileges {
            privileges,
            objects,
        }) = parse(&statement)
        {
            for object in objects {
                granted
                    .entry(object)
                    .or_default()
                    .extend(privileges.clone());
            }
        }
    }
    granted
}

/// What is said to be missing is granted by running what is printed, until nothing is said any more.
#[tokio::test(flavor = "multi_thread")]
async fn every_grant_that_is_said_runs_as_it_stands() {
    let readme = grants_of_the_readme();
    let readme = granted(readme.split(';'));
    for profile in [Profile::V3_3, Profile::V3_5, Profile::V4_1] {
        let cluster = shop(profile).await;
        // As much as lets it see what it is to ask for.
        let seen = [
            "GRANT SELECT ON ALL TABLES IN DATABASE ops TO USER 'br'@'%'",
            "GRANT SELECT ON TABLE sales.orders TO USER 'br'@'%'",
        ];
        br(&cluster, &seen).await;
        let context = shared::context::Context::new(cluster.settings_with(&BR));
        let mut said: BTreeSet<String> = BTreeSet::new();
        loop {
            let event = json!({ "operation": "report" });
            let report = flow::call(&context, "Precheck", event)
                .await
                .expect("a report");
            let findings = report["findings"].as_array().expect("findings");
            let hints = findings
                .iter()
                .filter_map(|finding| finding["hint"].as_str());
            let grants: BTreeSet<String> = hints
                .filter(|hint| hint.contains("GRANT"))
                .map(str::to_owned)
                .collect();
            if grants.is_empty() {
                break;
            }
            assert!(
                grants.is_disjoint(&said),
                "{grants:?} did not help: {report}"
            );
            for grant in &grants {
                cluster.sql(grant).await;
            }
            said.extend(grants);
        }
        let said = granted(said.iter().map(String::as_str));
        assert_eq!(
            said.keys().map(String::as_str).collect::<Vec<_>>(),
            [
                "ALL TABLES IN DATABASE ops",
                "ALL TABLES IN DATABASE sales",
                "DATABASE sales",
                "SYSTEM",
            ],
            "{profile:?}"
        );
        for (object, privileges) in said {
            assert!(
                privileges.is_subset(&readme[&object]),
                "{object}: {privileges:?}"
            );
        }
        let input = json!({ "group": "nightly", "kind": "full" });
        flow::backup_as(&cluster, input, &BR).await.output();
        as_br(&cluster, json!({ "target_label": "sales_20260301_full" })).await;
    }
}

fn jobs(cluster: &Cluster) -> Vec<String> {
    let journal = cluster.emulator.faults().journal().into_iter();
    let sent = journal.map(|entry| entry.sql);
    sent.filter(|sql| {
        ["BACKUP ", "RESTORE ", "INSERT "]
            .iter()
            .any(|word| sql.starts_with(word))
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_without_export_is_refused_before_it_begins() {
    let cluster = shop(Profile::V3_5).await;
    let select = "GRANT SELECT ON ALL TABLES IN DATABASE sales TO USER 'br'@'%'";
    br(&cluster, &[SYSTEM, OPS, select]).await;
    cluster.emulator.faults().reset_journal();
    let input = json!({ "group": "nightly", "kind": "full" });
    let error = flow::backup_as(&cluster, input.clone(), &BR).await.error();
    assert_eq!(error.error, "AccessDenied", "{error:?}");
    for words in [
        "EXPORT on orders of sales",
        "GRANT EXPORT, SELECT ON ALL TABLES IN DATABASE `sales` TO USER 'br'@'%'",
    ] {
        assert!(error.cause.contains(words), "{words}: {error:?}");
    }
    assert_eq!(jobs(&cluster), Vec::<String>::new());
    // What it says is enough.
    cluster
        .sql("GRANT EXPORT, SELECT ON ALL TABLES IN DATABASE `sales` TO USER 'br'@'%'")
        .await;
    flow::backup_as(&cluster, input, &BR).await.output();
}

/// Hours of download before the SWAP is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_without_its_privileges_is_refused_before_it_begins() {
    let cluster = damaged_shop(Profile::V3_5).await;
    let select = "GRANT SELECT ON ALL TABLES IN DATABASE sales TO USER 'br'@'%'";
    br(&cluster, &[SYSTEM, OPS, select]).await;
    cluster.emulator.faults().reset_journal();
    let input = json!({ "target_label": "sales_20260301_full" });
    let error = flow::restore_as(&cluster, input.clone(), &BR).await.error();
    assert_eq!(error.error, "AccessDenied", "{error:?}");
    for words in [
        "CREATE TABLE on database sales",
        "INSERT, ALTER on all tables of sales",
        "GRANT SELECT, INSERT, ALTER, DROP ON ALL TABLES IN DATABASE `sales` TO USER 'br'@'%'",
    ] {
        assert!(error.cause.contains(words), "{words}: {error:?}");
    }
    assert_eq!(jobs(&cluster), Vec::<String>::new());

    // Elsewhere it may no more.
    let mut elsewhere = input.clone();
    elsewhere["into_database"] = json!("copy");
    let error = flow::restore_as(&cluster, elsewhere, &BR).await.error();
    for words in [
        "CREATE DATABASE on CATALOG",
        "CREATE TABLE on database copy",
    ] {
        assert!(error.cause.contains(words), "{words}: {error:?}");
    }

    cluster
        .sql(
            "GRANT CREATE TABLE ON DATABASE `sales` TO USER 'br'@'%';
             GRANT SELECT, INSERT, ALTER, DROP ON ALL TABLES IN DATABASE `sales` TO USER 'br'@'%'",
        )
        .await;
    flow::restore_as(&cluster, input, &BR).await.output();
}

/// A role of a role holds it; one that nobody lets us look at may hold it.
#[tokio::test(flavor = "multi_thread")]
async fn roles_are_looked_into_and_what_cannot_be_seen_refuses_nothing() {
    let cluster = shop(Profile::V4_1).await;
    br(
        &cluster,
        &[
            SYSTEM,
            OPS,
            "CREATE ROLE exporters",
            "CREATE ROLE br_role",
            "GRANT EXPORT, SELECT ON ALL TABLES IN DATABASE sales TO ROLE exporters",
            "GRANT exporters TO ROLE br_role",
            "GRANT br_role TO USER 'br'@'%'",
            "SET DEFAULT ROLE br_role TO 'br'@'%'",
            // Without any privilege of its own on it, it would not even see the database.
            "GRANT INSERT ON ALL TABLES IN DATABASE sales TO USER 'br'@'%'",
        ],
    )
    .await;
    let context = shared::context::Context::new(cluster.settings_with(&BR));
    let event = json!({ "operation": "report" });
    let report = flow::call(&context, "Precheck", event.clone())
        .await
        .expect("a report");
    let failed: Vec<String> = privileges(&report, "failed");
    assert_eq!(failed, Vec::<String>::new(), "{report}");
    let input = json!({ "group": "nightly", "kind": "full" });
    flow::backup_as(&cluster, input, &BR).await.output();

    // An inactive role is not shown, and gives nothing: BACKUP itself has the last word.
    cluster.sql("SET DEFAULT ROLE NONE TO 'br'@'%'").await;
    let report = flow::call(&context, "Precheck", event)
        .await
        .expect("a report");
    assert_eq!(
        privileges(&report, "failed"),
        Vec::<String>::new(),
        "{report}"
    );
    let advice = privileges(&report, "advice");
    assert!(
        advice
            .iter()
            .any(|line| line.contains("EXPORT on orders of sales")),
        "{advice:?}"
    );
}

/// A grant on the table alone is enough, whatever restores left beside it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_restore_left_needs_no_privilege() {
    let cluster = damaged_shop(Profile::V3_5).await;
    let held = json!({ "target_label": "sales_20260301_full", "swap": "manual" });
    flow::restore(&cluster, held).await.output();
    let single = "GRANT EXPORT, SELECT ON TABLE sales.orders TO USER 'br'@'%'";
    br(&cluster, &[SYSTEM, OPS, single]).await;
    let context = shared::context::Context::new(cluster.settings_with(&BR));
    let event = json!({
        "operation": "backup",
        "input": { "group": "nightly", "kind": "full" },
        "execution": { "Id": "one", "StartTime": "2026-03-01T04:00:00Z" },
    });
    let answer = flow::call(&context, "Precheck", event)
        .await
        .expect("enough");
    assert_eq!(answer["next"]["decision"], json!("start"));
}
