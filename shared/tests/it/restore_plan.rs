//! Planned restores, executed on the emulator in every version: what comes back is what was there
//! when the label was made.

mod shop;

use std::collections::BTreeMap;

use shared::{
    flow::RestoreScope,
    ident::TableName,
    plan::{
        promote::{
            SwapIds,
            undo::{StoredStep, UndoTable, undo},
        },
        restore::{self, RestoreRequest, Slot, Strategy},
    },
};
use starrocks_emulator::Profile;

use self::shop::{Shop, database, has_lists};
use crate::support::{run_all, within};

/// After the incremental: everything that must not come back, or must come back.
const DAMAGE: &[&str] = &[
    "INSERT INTO d1.rng VALUES ('2026-01-01', 99, 'bad'), ('2026-01-02', 98, 'bad')",
    "ALTER TABLE d1.rng DROP PARTITION p4 FORCE",
    "TRUNCATE TABLE d1.un",
    "INSERT INTO d1.ex VALUES ('2026-01-02 12:00:00', 97), ('2026-01-09 00:00:00', 96)",
];

#[tokio::test]
async fn beside_swapped_and_taken_back() {
    within(240, async {
        for profile in Profile::ALL {
            let mut shop = Shop::open(profile).await;
            run_all(&mut shop.client, DAMAGE).await;
            let damaged = shop.content(&database()).await;
            let request = shop.request();
            let plan = shop.plan(&request).await;
            let overlays = plan
                .tables
                .iter()
                .filter(|t| t.strategy == Strategy::Overlay);
            assert!(overlays.count() >= 2);
            let live = shop.ids(&database()).await;

            let promote = plan
                .steps
                .iter()
                .position(|planned| planned.phase == restore::Phase::Promote)
                .unwrap();
            shop.execute(&request, &plan.steps[..promote]).await;
            let staged = shop.ids(&database()).await;
            shop.execute(&request, &plan.steps[promote..]).await;
            assert_eq!(
                shop.content(&database()).await,
                shop.expected,
                "{profile:?}"
            );

            let now = shop.ids(&database()).await;
            let mut tables = BTreeMap::new();
            for table in plan.tables {
                let name = |slot| request.name(&table.table.table, slot).unwrap();
                assert_eq!(live.get(&name(Slot::Live)), now.get(&name(Slot::Before)));
                let found = UndoTable {
                    staged_id: staged.get(&name(Slot::Staged)).copied(),
                    now: SwapIds {
                        live: now.get(&name(Slot::Live)).copied(),
                        staged: now.get(&name(Slot::Staged)).copied(),
                        before: now.get(&name(Slot::Before)).copied(),
                    },
                };
                tables.insert(table.table, found);
            }
            let stored: Vec<StoredStep> = plan
                .steps
                .into_iter()
                .map(|planned| StoredStep {
                    planned,
                    begun: true,
                    held: Default::default(),
                })
                .collect();
            let back = undo(&stored, &tables).unwrap();
            shop.execute(&request, &back).await;
            assert_eq!(shop.content(&database()).await, damaged, "{profile:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn into_a_database_that_is_gone() {
    within(240, async {
        for profile in Profile::ALL {
            let mut shop = Shop::open(profile).await;
            run_all(&mut shop.client, &["DROP DATABASE d1 FORCE"]).await;
            let request = shop.request();
            let plan = shop.plan(&request).await;
            shop.execute(&request, &plan.steps).await;
            assert_eq!(
                shop.content(&database()).await,
                shop.expected,
                "{profile:?}"
            );
            shop.policies_are_on(&database()).await;
            // The hidden partition came along: a new period is accepted.
            run_all(
                &mut shop.client,
                &["INSERT INTO d1.ex VALUES ('2026-05-05 00:00:00', 9)"],
            )
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn into_another_database() {
    within(240, async {
        for profile in Profile::ALL {
            let mut shop = Shop::open(profile).await;
            let request = RestoreRequest {
                into_database: Some("drill".parse().unwrap()),
                ..shop.request()
            };
            let plan = shop.plan(&request).await;
            shop.execute(&request, &plan.steps).await;
            let drill = "drill".parse().unwrap();
            assert_eq!(shop.content(&drill).await, shop.expected, "{profile:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn single_partitions() {
    within(240, async {
        for profile in Profile::ALL {
            let mut shop = Shop::open(profile).await;
            run_all(&mut shop.client, DAMAGE).await;
            let mut cases = vec![("rng", vec!["p2", "p4"])];
            if !profile.is_3_3() {
                cases.push(("ex", vec!["p20260102"]));
            }
            if has_lists(profile) {
                run_all(
                    &mut shop.client,
                    &[
                        "INSERT INTO d1.lst VALUES ('la', 95), ('miami', 94)",
                        "INSERT INTO d1.al VALUES ('ny', '2026-01-01', 93)",
                    ],
                )
                .await;
                cases.push(("lst", vec!["p_west", "p_south"]));
                cases.push(("al", vec!["pny_20260101"]));
            }
            for (table, partitions) in cases {
                let table: TableName = table.parse().unwrap();
                let before = shop.content(&database()).await;
                let request = RestoreRequest {
                    id: format!("01JRESTORE_{table}").parse().unwrap(),
                    scope: RestoreScope {
                        tables: vec![table.clone()],
                        partitions: partitions.iter().map(|p| p.parse().unwrap()).collect(),
                    },
                    ..shop.request()
                };
                let live = shop.ids(&database()).await[&table];
                let plan = shop.plan(&request).await;
                assert_eq!(plan.tables[0].strategy, Strategy::Splice);
                shop.execute(&request, &plan.steps).await;
                let mut expected = before;
                for partition in partitions {
                    let restored = shop.expected[&table][partition].clone();
                    let content = expected.get_mut(&table).unwrap();
                    content.insert(partition.to_owned(), restored);
                }
                assert_eq!(
                    shop.content(&database()).await,
                    expected,
                    "{profile:?} {table}"
                );
                assert_eq!(shop.ids(&database()).await[&table], live);
            }
        }
    })
    .await;
}
