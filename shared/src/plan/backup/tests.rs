use super::*;
use crate::{
    digest::{Fingerprint, SchemaHash},
    facts::{
        ColumnFacts, Distribution, KeyModel, ObjectFacts, SHADOW_PARTITION, TableEngine, TableState,
    },
    ident::DatabaseId,
};

fn print(number: u64) -> Fingerprint {
    Fingerprint::of([number.to_le_bytes().as_slice()])
}

fn schema(number: u64) -> SchemaHash {
    SchemaHash::of([number.to_le_bytes().as_slice()])
}

fn name(text: &str) -> TableName {
    text.parse().unwrap()
}

/// `p1 = 7` is partition p1 with fingerprint 7; a name with `!` has invisible transactions.
fn partitions(text: &str) -> Vec<PartitionFacts> {
    text.split_whitespace()
        .map(|item| {
            let (name, number) = item.split_once('=').unwrap();
            PartitionFacts {
                name: name.trim_end_matches('!').parse().unwrap(),
                fingerprint: print(number.parse().unwrap()),
                pending: name.ends_with('!'),
                system: name == SHADOW_PARTITION,
                value: "[types: [INT]; keys: [1]; ..types: [INT]; keys: [2]; )".into(),
                buckets: 1,
                replication_num: 1,
                row_count: 0,
                data_size: 1,
            }
        })
        .collect()
}

fn table(text: &str) -> TableFacts {
    TableFacts {
        table: name("t"),
        table_id: TableId(1),
        state: TableState::Normal,
        engine: TableEngine::Olap,
        schema_hash: schema(1),
        ddl: "CREATE TABLE".into(),
        key_model: KeyModel::Duplicate,
        partitioning: Partitioning::Range {
            columns: vec!["k".parse().unwrap()],
        },
        distribution: Distribution::Hash,
        columns: vec![ColumnFacts {
            name: "k".parse().unwrap(),
            sql_type: "int(11)".into(),
            nullable: false,
            is_key: true,
            aggregation: None,
            default: None,
            auto_increment: false,
            generated: None,
        }],
        schema_job_running: false,
        has_temp_partitions: false,
        partitions: partitions(text),
    }
}

fn facts(tables: impl IntoIterator<Item = (&'static str, TableFacts)>) -> DatabaseFacts {
    let tables: std::collections::BTreeMap<_, _> = tables
        .into_iter()
        .map(|(text, table)| {
            let table = TableFacts {
                table: name(text),
                ..table
            };
            (name(text), table)
        })
        .collect();
    DatabaseFacts {
        database: "sales".parse().unwrap(),
        database_id: DatabaseId(1),
        listing: Some(tables.keys().cloned().collect()),
        tables,
        objects: Vec::new(),
    }
}

fn request<'a>(label: &str, basis: Basis<'a>) -> BackupRequest<'a> {
    static NO_LEFTOVERS: Leftovers = Leftovers {
        ids: BTreeSet::new(),
        suffixes: BTreeSet::new(),
    };
    BackupRequest {
        label: label.parse().unwrap(),
        plan_id: "plan".parse().unwrap(),
        basis,
        selection: &Selection::Everything,
        leftovers: &NO_LEFTOVERS,
        list_supported: true,
        on_unsupported: OnUnsupported::Fail,
        limits: Limits::DEFAULT,
    }
}

const FULL: Basis<'static> = Basis::Full { last: None };

fn full(facts: DatabaseFacts) -> Manifest {
    plan(facts, request("full", FULL)).unwrap().manifest
}

fn incremental(baseline: &Manifest, facts: DatabaseFacts) -> BackupPlan {
    plan(facts, request("inc", Basis::Incremental { baseline })).unwrap()
}

/// The partitions of table `t`, each with where it is stored, and what BACKUP names of it.
fn outcome(plan: &BackupPlan) -> String {
    let stored = plan
        .manifest
        .tables
        .iter()
        .flat_map(|table| &table.partitions)
        .map(|partition| format!("{}@{}", partition.name, partition.stored_in))
        .collect::<Vec<_>>()
        .join(" ");
    let named = plan
        .named_tables()
        .into_iter()
        .map(|named| match named.partitions {
            None => format!("{}", named.table),
            Some(partitions) => {
                let names: Vec<&str> = partitions.iter().map(PartitionName::as_str).collect();
                format!("{}({})", named.table, names.join(" "))
            }
        })
        .collect::<Vec<_>>()
        .join(" ");
    format!("{stored} | {named}")
}

fn automatic(text: &str) -> TableFacts {
    TableFacts {
        partitioning: Partitioning::List {
            columns: vec!["k".parse().unwrap()],
            automatic: true,
        },
        partitions: partitions(text)
            .into_iter()
            .map(|partition| PartitionFacts {
                value: "[[\"1\"]]".into(),
                ..partition
            })
            .collect(),
        ..table("")
    }
}

fn unpartitioned(text: &str) -> TableFacts {
    TableFacts {
        partitioning: Partitioning::Unpartitioned,
        partitions: partitions(text),
        ..table("")
    }
}

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

fn refusal(facts: DatabaseFacts, request: BackupRequest<'_>) -> Vec<String> {
    let refused = plan(facts, request).unwrap_err();
    refused.findings.iter().map(Finding::to_string).collect()
}

#[test]
fn everything_unsupported_is_listed_at_once_or_skipped_with_its_reason() {
    let now = || {
        facts([
            (
                "external",
                TableFacts {
                    engine: TableEngine::Other("MYSQL".into()),
                    ..table("")
                },
            ),
            ("list", automatic("p1=1")),
            ("ok", table("p1=1")),
            (
                "restoring",
                TableFacts {
                    state: TableState::Restore,
                    ..table("p1=1")
                },
            ),
            (
                "temporary",
                TableFacts {
                    has_temp_partitions: true,
                    ..table("p1=1")
                },
            ),
        ])
    };
    let request = |on_unsupported| BackupRequest {
        list_supported: false,
        on_unsupported,
        ..request("full", FULL)
    };
    let expected = [
        "table external: StarRocks backs up no table of engine MYSQL",
        "table list: this version of StarRocks backs up no LIST partitioned table",
        "table restoring: it is being restored",
        "table temporary: StarRocks backs up no table with temporary partitions",
    ];
    assert_eq!(refusal(now(), request(OnUnsupported::Fail)), expected);

    let plan = plan(now(), request(OnUnsupported::Skip)).unwrap();
    assert_eq!(outcome(&plan), "p1@full | ok");
    let skipped: Vec<String> = plan
        .skipped()
        .map(|object| {
            format!(
                "table {}: {}",
                object.name,
                object.skipped_reason.as_ref().unwrap()
            )
        })
        .collect();
    assert_eq!(skipped, expected);
}

#[test]
fn gone_is_believed_only_with_proof() {
    let two = || facts([("t", table("p1=1")), ("u", table("p1=1"))]);
    let one = || facts([("t", table("p1=1"))]);
    let baseline = full(two());
    let check = |now: DatabaseFacts, expected: &[&str]| {
        for basis in [
            Basis::Incremental {
                baseline: &baseline,
            },
            Basis::Full {
                last: Some(&baseline),
            },
        ] {
            match plan(now.clone(), request("next", basis)) {
                Ok(plan) => {
                    let drop = plan
                        .decisions
                        .iter()
                        .any(|decision| decision.action == "drop" && decision.subject == "table u");
                    assert!(expected.is_empty() && drop);
                    assert_eq!(plan.manifest.tables.len(), 1);
                }
                Err(refused) => {
                    let findings = refused.findings.iter().map(Finding::to_string);
                    assert_eq!(findings.collect::<Vec<_>>(), expected);
                }
            }
        }
    };
    check(one(), &[]);
    let unseen = || DatabaseFacts {
        listing: Some([name("t"), name("u")].into()),
        ..one()
    };
    check(unseen(), &["table u: it exists and cannot be read"]);
    let unproven = || DatabaseFacts {
        listing: None,
        ..one()
    };
    check(
        unproven(),
        &["table u: it cannot be seen, and whether it was dropped cannot be proven"],
    );
    // The very first full has nothing to miss, but sees what it cannot read.
    assert!(plan(unproven(), request("full", FULL)).is_ok());
    assert_eq!(
        refusal(unseen(), request("full", FULL)),
        ["table u: it exists and cannot be read"]
    );
}

#[test]
fn a_named_group_misses_what_it_names_and_nothing_else() {
    let selection = Selection::Names([name("t"), name("typo")].into());
    let now = || facts([("t", table("p1=1"))]);
    let with = |basis, on_unsupported| BackupRequest {
        selection: &selection,
        on_unsupported,
        ..request("next", basis)
    };
    assert_eq!(
        refusal(now(), with(FULL, OnUnsupported::Fail)),
        ["table typo: the group names it, and it does not exist"]
    );
    let skipping = plan(now(), with(FULL, OnUnsupported::Skip)).unwrap();
    assert_eq!(skipping.skipped().count(), 1);
    // Left out before, it is still missed.
    let next = with(
        Basis::Incremental {
            baseline: &skipping.manifest,
        },
        OnUnsupported::Fail,
    );
    let next = BackupRequest {
        label: "third".parse().unwrap(),
        ..next
    };
    assert_eq!(refusal(now(), next).len(), 1);
    // A table that the group does not name any more needs no proof.
    let baseline = full(facts([("t", table("p1=1")), ("other", table("p1=1"))]));
    let only = Selection::Names([name("t")].into());
    let request = BackupRequest {
        selection: &only,
        ..request(
            "next",
            Basis::Incremental {
                baseline: &baseline,
            },
        )
    };
    let unproven = DatabaseFacts {
        listing: None,
        ..now()
    };
    assert_eq!(
        plan(unproven, request).unwrap().decisions[0].action,
        "leave out"
    );
}

#[test]
fn leftovers_are_known_by_id_and_by_name() {
    let leftovers = Leftovers {
        ids: [TableId(1), TableId(2)].into(),
        suffixes: ["_restored".to_owned()].into(),
    };
    let with_id = |id| TableFacts {
        table_id: TableId(id),
        ..table("p1=1")
    };
    let now = || {
        facts([
            // Swapped in: one of our ids, and live.
            ("t", with_id(1)),
            // Put aside by the swap.
            ("t_restored", with_id(2)),
            ("u_restored_inc", with_id(2)),
            ("u_before_20260301", with_id(2)),
            // A user's own.
            ("v_restored", with_id(3)),
        ])
    };
    let named = |selection: &Selection| {
        let request = BackupRequest {
            leftovers: &leftovers,
            selection,
            ..request("full", FULL)
        };
        let named = plan(now(), request).unwrap().named_tables();
        named
            .iter()
            .map(|named| named.table.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(named(&Selection::Everything), ["t", "v_restored"]);
    let all = Selection::Names(now().tables.keys().cloned().collect());
    assert_eq!(named(&all).len(), 5);
}

#[test]
fn a_baseline_must_be_a_full_of_this_database() {
    let now = || facts([("t", table("p1=1"))]);
    let baseline = full(now());
    let not_full = incremental(&baseline, now()).manifest;
    let findings = refusal(
        now(),
        request(
            "next",
            Basis::Incremental {
                baseline: &not_full,
            },
        ),
    );
    assert_eq!(findings, ["baseline inc: it is not a full backup"]);
    let elsewhere = DatabaseFacts {
        database: "other".parse().unwrap(),
        ..now()
    };
    let findings = refusal(
        elsewhere,
        request(
            "full",
            Basis::Incremental {
                baseline: &baseline,
            },
        ),
    );
    assert_eq!(
        findings,
        [
            "baseline full: it is of database sales",
            "baseline full: the new backup has the same label"
        ]
    );
}

#[test]
fn facts_that_cannot_be_are_refused() {
    for broken in [
        table("p1=1 p1=2"),
        unpartitioned(""),
        unpartitioned("a=1 b=2"),
    ] {
        let refused = plan(facts([("t", broken)]), request("full", FULL)).unwrap_err();
        assert_eq!(Error::from(refused).name, ErrorName::Internal);
    }
}

#[test]
fn views_and_functions_are_kept_as_definitions() {
    let mut now = facts([("t", table("p1=1"))]);
    for (text, kind) in [("v", ObjectKind::View), ("f(INT)", ObjectKind::Function)] {
        now.objects.push(ObjectFacts {
            name: name(text),
            kind,
            ddl: "CREATE".into(),
        });
    }
    let baseline = full(now.clone());
    let kinds: Vec<ObjectKind> = baseline.objects.iter().map(|object| object.kind).collect();
    assert_eq!(kinds, [ObjectKind::View, ObjectKind::Function]);
    // A function is in no listing, so nobody can prove that it was dropped; a view is.
    now.objects.clear();
    assert!(incremental(&baseline, now.clone()).nothing_to_store());
    now.listing = None;
    let findings = refusal(
        now,
        request(
            "inc",
            Basis::Incremental {
                baseline: &baseline,
            },
        ),
    );
    assert_eq!(findings.len(), 1);
}

#[test]
fn the_digest_stands_for_the_plan() {
    let now = || facts([("t", table("p1=1 p2=2 p3=3"))]);
    let baseline = full(now());
    let digest = |text| {
        let plan = incremental(&baseline, facts([("t", table(text))]));
        plan.manifest.digest()
    };
    assert_eq!(digest("p1=1 p2=2 p3=4"), digest("p3=4 p2=2 p1=1"));
    assert_ne!(digest("p1=1 p2=2 p3=4"), digest("p1=1 p2=2 p3=5"));
    assert_ne!(digest("p1=1 p2=2 p3=4"), digest("p1=1 p2=2"));
}
