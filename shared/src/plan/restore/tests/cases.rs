//! One case for every refusal, every notice and every choice of a strategy.

use crate::{
    error::{Error, ErrorName},
    facts::{ObjectFacts, ObjectKind, TableFacts},
    ident::{DatabaseName, QualifiedTable, TableId, TableName},
    manifest::{Cut, ManifestObject, ManifestTable},
    plan::promote::GoesAside,
    plan::restore::{
        LiveFate, Promotion, RestorePlan, RestoreRequest, Source, Step, Strategy, Target,
        check::moments, plan, samples,
    },
};

mod refusals;

/// A restore of the shop onto a cluster where the shop lives.
struct Case {
    request: RestoreRequest,
    sources: Vec<Source>,
    target: Target,
}

fn shop() -> DatabaseName {
    "shop".parse().unwrap()
}

fn name(text: &str) -> TableName {
    text.parse().unwrap()
}

impl Case {
    fn new() -> Case {
        let source = samples::shop();
        Case {
            request: samples::request(),
            target: samples::target_of(&source),
            sources: vec![source],
        }
    }

    fn source(&mut self) -> &mut Source {
        &mut self.sources[0]
    }

    fn live(&mut self, table: &str) -> &mut TableFacts {
        let shop = self.target.databases.get_mut(&shop()).unwrap();
        shop.tables.get_mut(&name(table)).unwrap()
    }

    fn only(mut self, table: &str, partitions: &[&str]) -> Case {
        self.request.scope.tables = vec![name(table)];
        self.request.scope.partitions = partitions.iter().map(|p| p.parse().unwrap()).collect();
        self
    }

    /// Something under `table`, made by nobody known.
    fn stands(mut self, table: &str, id: i64) -> Case {
        let manifest = self.sources[0].manifest.tables[1].clone();
        let facts = TableFacts {
            table: name(table),
            ..samples::live(&manifest, TableId(id))
        };
        let shop = self.target.databases.get_mut(&shop()).unwrap();
        shop.tables.insert(name(table), facts);
        self
    }

    fn plan(&self) -> RestorePlan {
        plan(&self.request, &self.sources, &self.target).unwrap()
    }

    fn with(mut self, change: impl FnOnce(&mut Case)) -> Case {
        change(&mut self);
        self
    }

    /// The one reason that stands against it.
    fn refused(self, error: ErrorName, reason: &str) {
        let refused = plan(&self.request, &self.sources, &self.target).unwrap_err();
        assert_eq!(refused.0.len(), 1, "{refused}");
        let text = refused.0[0].to_string();
        assert!(text.contains(reason), "{text}");
        assert!(!refused.0[0].hint.is_empty());
        assert_eq!(Error::from(refused).name, error);
    }

    fn says(&self, expected: &str) {
        let notices: Vec<String> = self.plan().notices.iter().map(|n| n.to_string()).collect();
        assert!(
            notices.iter().any(|notice| notice.contains(expected)),
            "{notices:#?}"
        );
    }

    /// Said, and said again at the end.
    fn asks(&self, expected: &str) {
        self.says(expected);
        let reported = self
            .plan()
            .steps
            .into_iter()
            .any(|planned| match planned.step {
                Step::Report { text } => text.contains(expected),
                _ => false,
            });
        assert!(reported, "{expected}");
    }
}

fn strategy(plan: &RestorePlan, table: &str) -> (Strategy, Promotion) {
    let found = plan.tables.iter().find(|t| t.table.table.as_str() == table);
    let found = found.unwrap();
    (found.strategy, found.promotion.clone())
}

#[test]
fn several_databases_are_of_one_instant_in_no_case() {
    let time = |text: &str| text.parse().unwrap();
    for (last, expected) in [
        (
            "2026-03-01 04:00:09",
            "were pinned one by one, from 2026-03-01 04:00:07 to 2026-03-01 04:00:09 UTC",
        ),
        (
            "2026-03-01 04:00:07",
            "were pinned one by one, all within the second 2026-03-01 04:00:07 UTC",
        ),
    ] {
        let said = moments(time("2026-03-01 04:00:07"), time(last));
        assert_eq!(said, expected);
    }
}

#[test]
fn strategies() {
    let plan = Case::new().plan();
    assert_eq!(
        strategy(&plan, "orders"),
        (Strategy::Overlay, Promotion::Swap)
    );
    assert_eq!(
        strategy(&plan, "regions"),
        (Strategy::Stage, Promotion::Swap)
    );
    assert_eq!(strategy(&plan, "users"), (Strategy::Stage, Promotion::Swap));
    let orders = &plan.tables[1];
    assert_eq!((orders.partitions, orders.copied_partitions), (3, 2));
    assert_eq!(
        orders.live,
        LiveFate::Aside(GoesAside {
            table: name("orders"),
            under: name("orders_before_20260301_040000"),
            partitions: None,
            rows: 0,
            last_load: None,
        })
    );

    let gone = |case: &mut Case| {
        let shop = case.target.databases.get_mut(&shop()).unwrap();
        shop.tables.remove(&name("orders"));
        shop.listing.as_mut().unwrap().remove(&name("orders"));
    };
    let plan = Case::new().with(gone).plan();
    assert_eq!(
        strategy(&plan, "orders"),
        (Strategy::Overlay, Promotion::Rename)
    );

    let drill = |case: &mut Case| case.request.into_database = Some("drill".parse().unwrap());
    let plan = Case::new().with(drill).plan();
    assert_eq!(
        strategy(&plan, "orders"),
        (Strategy::Direct, Promotion::InPlace)
    );
    assert_eq!(
        plan.steps[0].step,
        Step::CreateDatabase {
            database: "drill".parse().unwrap()
        }
    );

    let empty = |case: &mut Case| case.source().manifest.tables[1].partitions.clear();
    let plan = Case::new().with(empty).plan();
    assert_eq!(
        strategy(&plan, "orders"),
        (Strategy::Create, Promotion::Swap)
    );

    let constrained = |case: &mut Case| {
        let live = case.live("orders");
        live.ddl = live.ddl.replace(
            "\"compression\"",
            "\"unique_constraints\" = \"k\",\n\"compression\"",
        );
    };
    let plan = Case::new().with(constrained).plan();
    assert!(matches!(
        strategy(&plan, "orders").1,
        Promotion::RenamePair { .. }
    ));
}

#[test]
fn what_will_not_travel_is_said() {
    let orders = || QualifiedTable::new(&shop(), &name("orders"));
    Case::new()
        .with(|case| case.source().record.cut = Some(Cut::Torn))
        .says("shop_20260301_inc is torn");
    Case::new()
        .with(|case| {
            let grant = "GRANT SELECT ON TABLE shop.orders TO USER 'bi'@'%'".into();
            case.target.grants.insert(orders(), vec![grant]);
        })
        .asks("Run again: GRANT SELECT ON TABLE shop.orders");
    Case::new()
        .with(|case| {
            case.target
                .routine_loads
                .insert(orders(), vec!["kafka_orders".into()]);
        })
        .asks("routine load kafka_orders");
    Case::new()
        .with(|case| {
            let shop = case.target.databases.get_mut(&shop()).unwrap();
            shop.objects.push(ObjectFacts {
                name: name("daily"),
                kind: ObjectKind::MaterializedView,
                ddl: "CREATE MATERIALIZED VIEW `daily` AS SELECT k FROM orders".into(),
            });
        })
        .asks("ALTER MATERIALIZED VIEW `shop`.`daily` ACTIVE");
    Case::new()
        .with(|case| {
            let shop = case.target.databases.get_mut(&shop()).unwrap();
            shop.listing = None;
        })
        .says("shop was read without the OPERATE privilege");
    Case::new()
        .with(|case| case.target.live_backends = 2)
        .says("shop.orders had up to 3 replicas and gets 2");
    Case::new()
        .with(|case| {
            case.source().manifest.tables[0].partitions.remove(0);
        })
        .says("shop.events was backed up without its hidden partition");
    Case::new()
        .with(|case| case.source().manifest.tables[1].partitions.clear())
        .says("does not hold rollups");
    Case::new()
        .with(|case| {
            let own = samples::INC.parse().unwrap();
            case.source()
                .snapshots
                .get_mut(&own)
                .unwrap()
                .engine_version = None;
        })
        .says("has no engine version on record");
    let colocated = |table: &mut ManifestTable| {
        let with = "\"colocate_with\" = \"g1\",\n\"compression\"";
        table.ddl = table.ddl.replace("\"compression\"", with);
    };
    Case::new()
        .with(|case| colocated(&mut case.source().manifest.tables[1]))
        .says("loses colocate_with = 'g1'");
}

#[test]
fn a_policy_that_could_drop_something_is_named() {
    let dynamic = |start: &str| {
        Case::new().only("orders", &[]).with(|case| {
            let table = &mut case.source().manifest.tables[1];
            let with = format!(
                "\"dynamic_partition.enable\" = \"true\",\n\"dynamic_partition.start\" = \"{start}\",\n\
                 \"dynamic_partition.time_unit\" = \"DAY\",\n\"dynamic_partition.time_zone\" = \
                 \"UTC\",\n\"compression\""
            );
            table.ddl = table.ddl.replace("\"compression\"", &with);
        })
    };
    let named = "could drop restored partitions by dynamic_partition.enable = 'true'";
    dynamic("-3").says(named);
    for start in ["-3", "-30"] {
        let plan = dynamic(start).plan();
        let mut notices = plan.notices.iter();
        let is_named = notices.any(|notice| notice.text.contains(named));
        assert_eq!(is_named, start == "-3");
        // Judged once more when it is done.
        let mut steps = plan.steps.into_iter();
        assert!(steps.any(|planned| planned.step.kind() == "resume_partitions"));
    }
}

#[test]
fn objects_are_made_where_they_are_missing() {
    let object = |name: &str, kind, ddl: &str| ManifestObject {
        name: name.parse().unwrap(),
        kind,
        ddl: ddl.into(),
        skipped_reason: None,
    };
    let case = Case::new().with(|case| {
        case.source().manifest.objects = vec![
            object(
                "v1",
                ObjectKind::View,
                "CREATE VIEW `v1` AS SELECT k FROM `v2`",
            ),
            object(
                "v2",
                ObjectKind::View,
                "CREATE VIEW `v2` AS SELECT k FROM `orders`",
            ),
            object(
                "v3",
                ObjectKind::View,
                "CREATE VIEW `v3` AS SELECT k FROM `orders`",
            ),
            object(
                "m",
                ObjectKind::MaterializedView,
                "CREATE MATERIALIZED VIEW `m` AS SELECT 1",
            ),
        ];
        let shop = case.target.databases.get_mut(&shop()).unwrap();
        shop.listing.as_mut().unwrap().insert(name("v3"));
    });
    let made: Vec<u32> = case
        .plan()
        .steps
        .into_iter()
        .filter_map(|planned| match planned.step {
            Step::RecreateObject { object, .. } => Some(object),
            _ => None,
        })
        .collect();
    assert_eq!(made, [1, 0, 3]);
    case.says("shop.v1 is missing, and is made again from its definition");
    case.says("shop.v3 exists and stays as it is");
    case.asks("REFRESH MATERIALIZED VIEW `shop`.`m`");
    let drill = |case: &mut Case| case.request.into_database = Some("drill".parse().unwrap());
    case.with(drill).asks("drill.v1 is not made");
}

#[test]
fn statements_are_cut() {
    let mut case = Case::new().with(|case| {
        let tables = &mut case.source().manifest.tables;
        let users = tables.remove(3);
        *tables = (0..1_200)
            .map(|number| ManifestTable {
                table: name(&format!("t{number:04}")),
                ..users.clone()
            })
            .collect();
        case.target = samples::empty_target();
    });
    let restores = |case: &Case| -> Vec<u32> {
        let steps = case.plan().steps.into_iter();
        steps
            .filter_map(|planned| match planned.step {
                Step::RestoreSnapshot { tables, .. } => {
                    Some(tables.iter().map(|range| range.to - range.from).sum())
                }
                _ => None,
            })
            .collect()
    };
    assert_eq!(restores(&case), [500, 500, 200]);

    let orders = samples::shop().manifest.tables.remove(1);
    case.source().manifest.tables = [15_000, 4_000, 4_000, 30_000, 10]
        .into_iter()
        .enumerate()
        .map(|(number, count)| ManifestTable {
            table: name(&format!("t{number}")),
            partitions: (0..count)
                .map(|partition| {
                    let mut found = orders.partitions[0].clone();
                    found.name = format!("p{partition:05}").parse().unwrap();
                    found
                })
                .collect(),
            ..orders.clone()
        })
        .collect();
    // A table is never split: an alias can be restored only once.
    assert_eq!(restores(&case), [2, 1, 1, 1]);
}
