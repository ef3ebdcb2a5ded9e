//! What becomes of each case at each moment: a backup that always planned again, always called itself
//! torn or always ended partial would be safe, and of no use.

use serde_json::json;
use starrocks_emulator::Profile;
use tests::flow;

use super::{Moment, meddle, next_incremental_misses_nothing, restored, rows, shop_of, watch_pins};

/// What somebody else does meanwhile, and how the backup ends at each of the four moments: the suffix of
/// its label if it was planned again, its cut, and how many partitions it lists and stores; or why it is
/// partial.
struct Case {
    name: &'static str,
    statements: &'static str,
    full: [&'static str; 4],
    incremental: [&'static str; 4],
}

const MOMENTS: [Moment; 4] = [
    Moment::Planned,
    Moment::Submitted,
    Moment::Pinned,
    Moment::Read,
];

const CASES: [Case; 11] = [
    Case {
        name: "load",
        statements: "INSERT INTO sales.orders VALUES ('2026-01-02', 22)",
        full: ["exact, 12 of 12"; 4],
        incremental: ["exact, 2 of 12"; 4],
    },
    Case {
        name: "load into another table",
        statements: "INSERT INTO sales.still VALUES ('2026-01-02', 22)",
        full: ["exact, 12 of 12"; 4],
        incremental: [
            "torn, 2 of 12",
            "torn, 2 of 12",
            "torn, 2 of 12",
            "exact, 2 of 12",
        ],
    },
    Case {
        name: "load into a new partition",
        statements: "ALTER TABLE sales.orders ADD PARTITION p5 VALUES LESS THAN ('2026-01-06');\nINSERT INTO sales.orders VALUES ('2026-01-05', 5)",
        full: [
            "exact, 13 of 13",
            "exact, 13 of 13",
            "exact, 12 of 12",
            "exact, 12 of 12",
        ],
        incremental: [
            "torn, 2 of 12",
            "torn, 2 of 12",
            "torn, 2 of 12",
            "exact, 2 of 12",
        ],
    },
    Case {
        name: "drop partition",
        statements: "ALTER TABLE sales.orders DROP PARTITION p2 FORCE",
        full: [
            "exact, 11 of 11",
            "exact, 11 of 11",
            "exact, 12 of 12",
            "exact, 12 of 12",
        ],
        incremental: [
            "r1 exact, 1 of 11",
            "r1 exact, 1 of 11",
            "exact, 2 of 12",
            "exact, 2 of 12",
        ],
    },
    Case {
        name: "drop a partition that is referenced",
        statements: "ALTER TABLE sales.orders DROP PARTITION p4 FORCE",
        full: [
            "exact, 11 of 11",
            "exact, 11 of 11",
            "exact, 12 of 12",
            "exact, 12 of 12",
        ],
        incremental: [
            "torn, 2 of 12",
            "torn, 2 of 12",
            "torn, 2 of 12",
            "exact, 2 of 12",
        ],
    },
    Case {
        name: "truncate",
        statements: "TRUNCATE TABLE sales.orders PARTITION (p2)",
        full: ["exact, 12 of 12"; 4],
        incremental: ["exact, 2 of 12"; 4],
    },
    Case {
        name: "overwrite",
        statements: "INSERT OVERWRITE sales.orders PARTITION(p2) SELECT '2026-01-02', 77",
        full: ["exact, 12 of 12"; 4],
        incremental: ["exact, 2 of 12"; 4],
    },
    Case {
        name: "schema change",
        statements: "ALTER TABLE sales.orders ADD COLUMN x INT NULL",
        full: [
            "r1 exact, 12 of 12",
            "r1 exact, 12 of 12",
            "r1 exact, 12 of 12",
            "exact, 12 of 12",
        ],
        incremental: [
            "r1 exact, 4 of 12",
            "r1 exact, 4 of 12",
            "r1 exact, 4 of 12",
            "exact, 2 of 12",
        ],
    },
    Case {
        name: "swap",
        statements: "ALTER TABLE sales.orders SWAP WITH other",
        full: [
            "r1 exact, 12 of 12",
            "r1 exact, 12 of 12",
            "r1 exact, 12 of 12",
            "exact, 12 of 12",
        ],
        incremental: [
            "r1 exact, 8 of 12",
            "r1 exact, 8 of 12",
            "r1 exact, 8 of 12",
            "exact, 2 of 12",
        ],
    },
    Case {
        name: "drop table",
        statements: "DROP TABLE sales.orders FORCE",
        full: [
            "r1 exact, 8 of 8",
            "r1 exact, 8 of 8",
            "exact, 12 of 12",
            "exact, 12 of 12",
        ],
        incremental: [
            "r1 exact, 0 of 8",
            "r1 exact, 0 of 8",
            "r1 exact, 0 of 8",
            "exact, 2 of 12",
        ],
    },
    Case {
        name: "drop and make again",
        statements: "DROP TABLE sales.orders FORCE;\nCREATE TABLE sales.orders LIKE sales.still;\nINSERT INTO sales.orders VALUES ('2026-01-01', 100)",
        full: [
            "r1 exact, 12 of 12",
            "r1 exact, 12 of 12",
            "r1 exact, 12 of 12",
            "exact, 12 of 12",
        ],
        incremental: [
            "r1 exact, 4 of 12",
            "r1 exact, 4 of 12",
            "r1 exact, 4 of 12",
            "exact, 2 of 12",
        ],
    },
];

/// How it ended, in the words of the table; that its rows are those of the pin is checked on the way.
async fn end(profile: Profile, kind: &str, moment: Moment, case: &Case) -> String {
    let what = format!("{profile:?}, {kind}, {moment:?}: {}", case.name);
    let cluster = shop_of(profile).await;
    if kind == "incremental" {
        flow::full(&cluster, "nightly").await;
        // p1 and p2 are stored by the incremental, p3 and p4 referenced.
        cluster
            .sql("INSERT INTO sales.orders VALUES ('2026-01-01', 11), ('2026-01-02', 12)")
            .await;
    }
    let pins = watch_pins(&cluster);
    meddle(&cluster, moment, case.statements);
    let input = json!({ "group": "nightly", "kind": kind });
    let ended = flow::backup(&cluster, input.clone()).await;
    cluster.emulator.faults().clear();
    let end = match ended.result {
        Ok(output) => {
            let database = &output["summary"]["databases"][0];
            let label = database["label"].as_str().expect("a label");
            let cut = database["cut"].as_str().expect("a cut");
            let pinned = match database["snapshot_timestamp"].is_null() {
                // Nothing was left to store, so no BACKUP was sent: the label is what is there.
                true => cluster.emulator.with_engine(|engine| rows(engine, "sales")),
                false => pins.lock().unwrap().last().cloned().expect("a pin"),
            };
            let found = restored(&cluster, label).await;
            if cut == "exact" {
                assert_eq!(found, pinned, "{what}: {label}");
            }
            let attempt = label.rsplit_once("_r").map_or("", |(_, number)| number);
            let (total, stored) = (
                &database["partitions_total"],
                &database["partitions_stored"],
            );
            let attempt = match attempt {
                "" => String::new(),
                number => format!("r{number} "),
            };
            format!("{attempt}{cut}, {stored} of {total}")
        }
        Err(error) => {
            let text = error.to_string();
            // What is recorded as partial is no baseline: the next one starts from what is.
            if kind == "full" {
                cluster.advance(60);
                flow::full(&cluster, "nightly").await;
            }
            text
        }
    };
    next_incremental_misses_nothing(&cluster, &what).await;
    end
}

async fn all(profile: Profile, kind: &str, moment: Moment) {
    let at = MOMENTS
        .iter()
        .position(|known| *known == moment)
        .expect("a moment");
    let mut other = Vec::new();
    for case in &CASES {
        let expected = match kind {
            "full" => case.full[at],
            _ => case.incremental[at],
        };
        let end = end(profile, kind, moment, case).await;
        if end != expected {
            other.push(format!("{}: '{end}' instead of '{expected}'", case.name));
        }
    }
    assert!(
        other.is_empty(),
        "{profile:?}, {kind}, {moment:?}:\n{}",
        other.join("\n")
    );
}

macro_rules! at_every_moment {
    ($($name:ident: $kind:literal $moment:ident;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                all(Profile::V3_5, $kind, Moment::$moment).await;
            }
        )+

        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "the other versions: tests/run --slow"]
        async fn on_the_other_versions() {
            for profile in [Profile::V3_3, Profile::V4_1] {
                $(all(profile, $kind, Moment::$moment).await;)+
            }
        }
    };
}

at_every_moment! {
    full_between_plan_and_submit: "full" Planned;
    full_between_submit_and_pin: "full" Submitted;
    full_after_the_pin: "full" Pinned;
    full_during_a_long_upload: "full" Read;
    incremental_between_plan_and_submit: "incremental" Planned;
    incremental_between_submit_and_pin: "incremental" Submitted;
    incremental_after_the_pin: "incremental" Pinned;
    incremental_during_a_long_upload: "incremental" Read;
}
