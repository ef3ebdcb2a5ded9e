//! What is stored, and what is referenced.

use super::*;
use crate::facts::{Distribution, TableState};

#[test]
fn a_full_names_every_table_whole() {
    let plan = plan(
        facts([
            ("a", table("p1=1 p2=2")),
            ("b", unpartitioned("b=3")),
            ("empty", table("")),
        ]),
        request("full", FULL),
    )
    .unwrap();
    assert_eq!(outcome(&plan), "p1@full p2@full *@full | a b");
    assert!(plan.manifest.tables[1].unpartitioned);
    assert_eq!(plan.manifest.tables[2].partitions, []);
}

#[test]
fn one_table_against_its_baseline() {
    let ten = "p0=0 p1=1 p2=2 p3=3 p4=4 p5=5 p6=6 p7=7 p8=8 p9=9";
    let shadow = "$shadow_automatic_partition=99";
    let with_id = |id, table| TableFacts {
        table_id: TableId(id),
        ..table
    };
    let random = |text| TableFacts {
        distribution: Distribution::Random,
        ..table(text)
    };
    let cases: Vec<(TableFacts, TableFacts, &str, &str)> = vec![
        // Nothing changed.
        (
            table("p1=1 p2=2"),
            table("p2=2 p1=1"),
            "p1@full p2@full | ",
            "unchanged",
        ),
        (
            unpartitioned("t=1"),
            unpartitioned("t=1"),
            "*@full | ",
            "unchanged",
        ),
        // Any difference is a change, also to an older version.
        (
            table("p1=5 p2=2 p3=3"),
            table("p1=4 p2=2 p3=3"),
            "p1@inc p2@full p3@full | t(p1)",
            "1 of 3 partitions are new or changed: p1",
        ),
        (
            table("p1=1 p2=2 p3=3"),
            table("p1!=1 p2=2 p3=3"),
            "p1@inc p2@full p3@full | t(p1)",
            "1 of 3",
        ),
        (
            table("p1=1 p2=2"),
            table("p1=1 p2=2 p3=3"),
            "p1@full p2@full p3@inc | t(p3)",
            "p3",
        ),
        // Dropped partitions stay dropped.
        (
            table("p1=1 p2=2 p3=3"),
            table("p1=1 p2=2"),
            "p1@full p2@full | ",
            "1 partitions of",
        ),
        // Most of it changed.
        (
            table("p1=1 p2=2 p3=3"),
            table("p1=7 p2=8 p3=3"),
            "p1@inc p2@inc p3@inc | t",
            "2 of its 3 partitions changed",
        ),
        (
            table("p1=1 p2=2 p3=3 p4=4"),
            table("p1=7 p2=8 p3=3 p4=4"),
            "p1@inc p2@inc p3@full p4@full | t(p1 p2)",
            "2 of 4",
        ),
        // Another table, another schema.
        (table(ten), with_id(2, table(ten)), "", "another table"),
        (
            table(ten),
            TableFacts {
                schema_hash: schema(2),
                ..table(ten)
            },
            "",
            "schema changed",
        ),
        (
            table(ten),
            TableFacts {
                schema_job_running: true,
                ..table(ten)
            },
            "",
            "schema change of it is running",
        ),
        (
            table(ten),
            TableFacts {
                state: TableState::Rollup,
                ..table(ten)
            },
            "",
            "schema change of it is running",
        ),
        // With or without partitions: a snapshot of the one is no part of the other.
        (unpartitioned("t=1"), table("t=1"), "", "schema changed"),
        (table("t=1"), unpartitioned("t=1"), "", "schema changed"),
        (
            unpartitioned("t=1"),
            unpartitioned("t=2"),
            "*@inc | t",
            "no partitions to tell apart",
        ),
        // Whole or nothing.
        (
            random("p1=1 p2=2 p3=3"),
            random("p1=1 p2=2 p3=4"),
            "",
            "distributed randomly",
        ),
        (
            random("p1=1 p2=2"),
            random("p1=1"),
            "p1@full | ",
            "unchanged",
        ),
        // The shadow partition is always listed, and never a change.
        (
            automatic(&format!("{shadow} p1=1 p2=2 p3=3")),
            automatic(&format!("{shadow} p1=1 p2=2 p3=4")),
            "$shadow_automatic_partition@inc p1@full p2@full p3@inc | t($shadow_automatic_partition p3)",
            "1 of 3 partitions are new or changed: p3",
        ),
        (
            automatic("$shadow_automatic_partition=1 p1=1"),
            automatic("$shadow_automatic_partition=2 p1=1"),
            "$shadow_automatic_partition@full p1@full | ",
            "all 1 partitions",
        ),
        (table(""), table(""), " | ", "no partition"),
        (table("p1=1"), table(""), " | ", "no partition"),
        (table(""), table("p1=1"), "p1@inc | t", "1 of its 1"),
    ];
    for (then, now, expected, reason) in cases {
        let baseline = full(facts([("t", then)]));
        let plan = incremental(&baseline, facts([("t", now)]));
        let outcome = outcome(&plan);
        match expected {
            "" => assert!(
                outcome.ends_with("| t") && !outcome.contains("@full"),
                "{outcome}"
            ),
            _ => assert_eq!(outcome, expected),
        }
        let decision = &plan.decisions[0];
        assert!(
            decision.reason.contains(reason),
            "{decision:?} for {reason}"
        );
        assert_eq!(plan.nothing_to_store(), outcome.ends_with("| "));
    }
}

#[test]
fn partitions_that_were_only_in_the_snapshot_count_as_changed() {
    let mut baseline = full(facts([("t", table("p1=1 p2=2 p3=3"))]));
    baseline.tables[0].partitions[1].fingerprint = None;
    let plan = incremental(&baseline, facts([("t", table("p1=1 p2=2 p3=3"))]));
    assert_eq!(outcome(&plan), "p1@full p2@inc p3@full | t(p2)");
}

/// A label touches two snapshots, its own and its baseline's.
#[test]
fn what_the_baseline_itself_only_references_is_stored() {
    let mut baseline = full(facts([("t", table("p1=1 p2=2 p3=3"))]));
    baseline.tables[0].partitions[1].stored_in = Arc::new("older".parse().unwrap());
    let plan = incremental(&baseline, facts([("t", table("p1=1 p2=2 p3=3"))]));
    assert_eq!(outcome(&plan), "p1@full p2@inc p3@full | t(p2)");
}

#[test]
fn a_shadow_that_may_be_another_tables_is_stored_again() {
    let text = "$shadow_automatic_partition=99 p1=1 p2=2";
    let mut baseline = full(facts([("t", automatic(text))]));
    baseline.tables[0].partitions[0].fingerprint = None;
    let plan = incremental(&baseline, facts([("t", automatic(text))]));
    assert_eq!(
        outcome(&plan),
        "$shadow_automatic_partition@inc p1@full p2@full | t($shadow_automatic_partition)"
    );
}

#[test]
fn counts_are_kept_for_what_is_referenced() {
    let mut baseline = full(facts([
        ("t", table("p1=1 p2=2 p3=3")),
        ("u", unpartitioned("u=1")),
    ]));
    for (count, partition) in baseline
        .tables
        .iter_mut()
        .flat_map(|table| &mut table.partitions)
        .enumerate()
    {
        partition.row_count = Some(count as u64);
    }
    let now = facts([("t", table("p2=7 p3=3")), ("u", unpartitioned("u=1"))]);
    let mut request = request(
        "inc",
        Basis::Incremental {
            baseline: &baseline,
        },
    );
    request.limits.listed_per_table = 1;
    let counts: Vec<Option<u64>> = plan(now, request)
        .unwrap()
        .manifest
        .tables
        .iter()
        .flat_map(|table| &table.partitions)
        .map(|partition| partition.row_count)
        .collect();
    assert_eq!(counts, [None, Some(2), Some(3)]);
}

#[test]
fn long_lists_become_whole_tables() {
    let many = |changed: usize| -> String {
        (0..20)
            .map(|number| match number < changed {
                true => format!("p{number:02}=1000 "),
                false => format!("p{number:02}={number} "),
            })
            .collect()
    };
    let check = |listed_per_table, listed_per_statement, expected: &str| {
        let baseline = full(facts([("a", table(&many(0))), ("b", table(&many(0)))]));
        let now = facts([("a", table(&many(3))), ("b", table(&many(4)))]);
        let mut request = request(
            "inc",
            Basis::Incremental {
                baseline: &baseline,
            },
        );
        request.limits = Limits {
            listed_per_table,
            listed_per_statement,
        };
        let named: Vec<String> = plan(now, request)
            .unwrap()
            .named_tables()
            .into_iter()
            .map(|named| match named.partitions {
                None => named.table.to_string(),
                Some(partitions) => format!("{}({})", named.table, partitions.len()),
            })
            .collect();
        assert_eq!(named.join(" "), expected);
    };
    check(4, 7, "a(3) b(4)");
    check(3, 7, "a(3) b");
    check(4, 6, "a(3) b");
    check(4, 2, "a b");
}
