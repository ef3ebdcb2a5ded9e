//! What is in the way, what is left out, and what is gone.

use super::*;
use crate::facts::{ObjectFacts, TableEngine, TableState};

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
        &[
            "database sales: the group is of all its tables, and which those are cannot be known",
            "table u: it cannot be seen, and whether it was dropped cannot be proven",
        ],
    );
    // Whom a GRANT is to is known to the doctor alone.
    for (facts, needed) in [
        (
            unseen(),
            "the backup user needs SELECT, EXPORT ON ALL TABLES",
        ),
        (unproven(), "the backup user needs OPERATE ON SYSTEM"),
    ] {
        let basis = Basis::Incremental {
            baseline: &baseline,
        };
        let refused = plan(facts, request("next", basis)).unwrap_err();
        let hint = refused.findings[0].hint.as_deref().unwrap();
        assert!(
            hint.contains(needed) && hint.contains("doctor` prints the GRANT"),
            "{hint}"
        );
    }
    // The very first full misses nothing that was there before, but sees what it cannot read.
    assert_eq!(
        refusal(unseen(), request("full", FULL)),
        ["table u: it exists and cannot be read"]
    );
}

/// A first full of everything that one user happens to see would be called a backup of the database.
#[test]
fn everything_is_what_a_listing_proves() {
    let unproven = || DatabaseFacts {
        listing: None,
        ..facts([("t", table("p1=1"))])
    };
    assert_eq!(
        refusal(unproven(), request("full", FULL)),
        ["database sales: the group is of all its tables, and which those are cannot be known"]
    );
    // Who names tables wants these and no others.
    let names = Selection::Names([name("t")].into());
    let named = BackupRequest {
        selection: &names,
        ..request("full", FULL)
    };
    assert!(plan(unproven(), named).is_ok());
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
        tables: [
            (1, "t_restored"),
            (2, "t_restored"),
            (2, "u_restored_inc"),
            (2, "u_before_20260301"),
        ]
        .map(|(id, name)| (TableId(id), name.parse().unwrap()))
        .into(),
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
            // A user's own, and one of a user's that was restored and is live.
            ("v_restored", with_id(3)),
            ("w_restored", with_id(1)),
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
    assert_eq!(
        named(&Selection::Everything),
        ["t", "v_restored", "w_restored"]
    );
    let all = Selection::Names(now().tables.keys().cloned().collect());
    assert_eq!(named(&all).len(), 6);
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
    assert_eq!(
        findings.len(),
        2,
        "of all its tables, and of the view: {findings:?}"
    );
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
