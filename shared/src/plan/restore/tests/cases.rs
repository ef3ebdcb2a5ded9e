//! One case for every refusal, every notice and every choice of a strategy.

use std::sync::Arc;

use crate::{
    error::{Error, ErrorName},
    facts::{ObjectFacts, ObjectKind, TableEngine, TableFacts, TableState},
    ident::{DatabaseName, QualifiedTable, TableId, TableName},
    manifest::{BackupStatus, Cut, ManifestObject, ManifestTable},
    plan::restore::{
        LiveFate, Promotion, RestorePlan, RestoreRequest, Source, Step, Strategy, Target, plan,
        samples,
    },
};

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
fn labels_that_cannot_be_restored() {
    let failed = |case: &mut Case| case.source().record.status = BackupStatus::Failed;
    Case::new()
        .with(failed)
        .refused(ErrorName::NotFound, "its backup ended FAILED");

    let gone = |case: &mut Case| {
        case.source()
            .snapshots
            .remove(&samples::FULL.parse().unwrap());
    };
    Case::new()
        .with(gone)
        .refused(ErrorName::NotFound, "needs its snapshot");
    // Nothing that is wanted is in that snapshot.
    let plan = Case::new().with(gone).only("users", &[]).plan();
    assert_eq!(plan.totals.tables, 1);

    let newer = |case: &mut Case| {
        let own = samples::INC.parse().unwrap();
        let snapshot = case.source().snapshots.get_mut(&own).unwrap();
        snapshot.engine_version = Some("4.1.0-x".into());
    };
    Case::new()
        .with(newer)
        .refused(ErrorName::UnsupportedCluster, "made by StarRocks 4.1.0-x");
}

#[test]
fn requests_that_make_no_sense() {
    let twice = |case: &mut Case| {
        let again = case.sources[0].clone();
        case.sources.push(again);
    };
    let refused = {
        let case = Case::new().with(twice);
        plan(&case.request, &case.sources, &case.target).unwrap_err()
    };
    assert!(
        refused
            .to_string()
            .contains("another label of database 'shop'"),
        "{refused}"
    );

    let into_one = |case: &mut Case| {
        let mut other = samples::shop();
        other.manifest.database = "crm".parse().unwrap();
        other.manifest.label = "crm_20260301_full".parse().unwrap();
        other.manifest.tables.clear();
        case.sources.push(other);
        case.request.into_database = Some("drill".parse().unwrap());
    };
    let case = Case::new().with(into_one);
    let refused = plan(&case.request, &case.sources, &case.target).unwrap_err();
    assert!(
        refused.to_string().contains("2 labels of 2 databases"),
        "{refused}"
    );
    assert_eq!(Error::from(refused).name, ErrorName::InvalidInput);

    let no_backend = |case: &mut Case| case.target.live_backends = 0;
    Case::new()
        .with(no_backend)
        .refused(ErrorName::UnsupportedCluster, "no backend is alive");
}

#[test]
fn scopes() {
    let skipped = |case: &mut Case| {
        case.source().manifest.objects.push(ManifestObject {
            name: name("ext"),
            kind: ObjectKind::Table,
            ddl: String::new(),
            skipped_reason: Some("it is a MYSQL table".into()),
        });
    };
    Case::new()
        .only("ordres", &[])
        .refused(ErrorName::NotFound, "ordres: is in none of");
    Case::new()
        .with(skipped)
        .only("ext", &[])
        .refused(ErrorName::NotFound, "shop.ext: is not in label");
    Case::new().with(skipped).says("shop.ext is not in label");
    Case::new()
        .only("orders", &["p9"])
        .refused(ErrorName::NotFound, "orders, partition p9");
    Case::new()
        .only("users", &["users"])
        .refused(ErrorName::InvalidInput, "is not partitioned");
    Case::new()
        .with(|case| case.request.scope.partitions = vec!["p1".parse().unwrap()])
        .refused(ErrorName::InvalidInput, "name exactly one table, not 4");
    let hidden = ["$shadow_automatic_partition"];
    Case::new()
        .only("events", &hidden)
        .refused(ErrorName::NotFound, "is in none of");
}

#[test]
fn names_that_are_taken() {
    let case = || Case::new().only("orders", &[]);
    case().stands("orders_restored", 900).refused(
        ErrorName::PrecheckFailed,
        "exists already, not made by a restore",
    );
    case()
        .stands("orders_restored_inc", 900)
        .refused(ErrorName::PrecheckFailed, "shop.orders_restored_inc");
    case().stands("orders_before_20260301_040000", 900).refused(
        ErrorName::PrecheckFailed,
        "shop.orders_before_20260301_040000",
    );
    let known = |case: &mut Case| {
        case.target
            .ours
            .insert(TableId(900), "01JOTHER".parse().unwrap());
        let table = QualifiedTable::new(&shop(), &name("orders_restored"));
        case.target.ages.insert(table, "3 days".into());
    };
    case().stands("orders_restored", 900).with(known).refused(
        ErrorName::PrecheckFailed,
        "exists already, 3 days old, made by restore 01JOTHER",
    );
    let mine = |case: &mut Case| {
        case.target
            .ours
            .insert(TableId(900), case.request.id.clone());
    };
    let _ = case().stands("orders_restored", 900).with(mine).plan();

    let too_long = |case: &mut Case| {
        case.source().manifest.tables[3].table = name(&"x".repeat(1_020));
        case.source().manifest.tables.drain(..3);
    };
    Case::new()
        .with(too_long)
        .refused(ErrorName::InvalidInput, "more than 1,024 characters");

    let meets = |case: &mut Case| {
        case.source().manifest.tables[3].table = name("orders_restored");
        case.target = samples::empty_target();
        let empty = crate::facts::DatabaseFacts {
            database: shop(),
            database_id: crate::ident::DatabaseId(1),
            tables: Default::default(),
            objects: Vec::new(),
            listing: None,
        };
        case.target.databases.insert(shop(), empty);
    };
    Case::new()
        .with(meets)
        .refused(ErrorName::InvalidInput, "'orders_restored' is restored too");
}

#[test]
fn live_names_that_cannot_change_hands() {
    let view = |case: &mut Case| {
        let shop = case.target.databases.get_mut(&shop()).unwrap();
        shop.tables.remove(&name("orders"));
    };
    // The listing still has the name.
    Case::new()
        .with(view)
        .refused(ErrorName::PrecheckFailed, "something that is not a table");
    let external = |case: &mut Case| {
        case.live("orders").engine = TableEngine::Other("MYSQL".into());
    };
    Case::new()
        .with(external)
        .refused(ErrorName::PrecheckFailed, "engine MYSQL");
    let busy = |case: &mut Case| case.live("orders").state = TableState::Restore;
    Case::new()
        .with(busy)
        .refused(ErrorName::JobConflict, "is being restored");
    let broken = |case: &mut Case| case.source().manifest.tables[1].ddl = "CREATE VIEW v".into();
    Case::new()
        .with(broken)
        .refused(ErrorName::PrecheckFailed, "definition cannot be read");
}

#[test]
fn splices_that_do_not_fit() {
    let splice = || Case::new().only("orders", &["p1"]);
    let plan = splice().plan();
    assert_eq!(
        strategy(&plan, "orders"),
        (Strategy::Splice, Promotion::Splice)
    );
    assert!(matches!(plan.tables[0].live, LiveFate::Spliced { .. }));

    let schema = |case: &mut Case| {
        case.live("orders").schema_hash = crate::digest::SchemaHash::of([&b"x"[..]]);
    };
    splice()
        .with(schema)
        .refused(ErrorName::PrecheckFailed, "its schema is not what it was");
    let temporary = |case: &mut Case| case.live("orders").has_temp_partitions = true;
    splice()
        .with(temporary)
        .refused(ErrorName::PrecheckFailed, "temporary partitions");
    let other_range = |case: &mut Case| {
        case.live("orders").partitions[0].value =
            samples::range("DATE", "2026-03-01", "2026-03-05").into();
    };
    splice()
        .with(other_range)
        .refused(ErrorName::PrecheckFailed, "the label's holds");
    let other_name = |case: &mut Case| {
        case.live("orders").partitions[0].name = "p_one".parse().unwrap();
    };
    splice().with(other_name).refused(
        ErrorName::PrecheckFailed,
        "belongs to partition p_one in the live table",
    );
    let few = |case: &mut Case| case.target.live_backends = 2;
    splice().with(few).refused(
        ErrorName::PrecheckFailed,
        "more replicas than the 2 backends",
    );

    let old = |case: &mut Case| {
        case.target.engine = "3.3".parse().unwrap();
        for snapshot in case.source().snapshots.values_mut() {
            snapshot.engine_version = Some("3.3.4".into());
        }
    };
    let automatic = || Case::new().only("events", &["p20260301"]);
    let _ = automatic().plan();
    automatic()
        .with(old)
        .refused(ErrorName::PrecheckFailed, "of an automatic table");
    let unaligned = |case: &mut Case| {
        case.source().manifest.tables[0].partitions[1].name = "p_march".parse().unwrap();
    };
    Case::new()
        .with(unaligned)
        .only("events", &["p_march"])
        .refused(ErrorName::PrecheckFailed, "cannot be added by hand");
    let sketch = |case: &mut Case| {
        let table = &mut case.source().manifest.tables[1];
        table.ddl = table.ddl.replace("`v` int(11)", "`v` percentile");
    };
    splice()
        .with(sketch)
        .refused(ErrorName::PrecheckFailed, "cannot be copied");
}

#[test]
fn parts_that_cannot_be_put_together() {
    let random = |case: &mut Case| {
        let table = &mut case.source().manifest.tables[1];
        table.ddl = table.ddl.replace("HASH(`k`)", "RANDOM");
    };
    Case::new()
        .with(random)
        .refused(ErrorName::PrecheckFailed, "it is distributed randomly");
    let null = |case: &mut Case| {
        let table = &mut case.source().manifest.tables[2];
        table.partitions[1].stored_in = Arc::new(samples::INC.parse().unwrap());
        table.partitions[1].value = "[[\"NULL\"]]".into();
    };
    Case::new().with(null).refused(
        ErrorName::PrecheckFailed,
        "partition p_west: cannot be added",
    );
    // In one snapshot it needs no hand.
    let whole = |case: &mut Case| {
        case.source().manifest.tables[2].partitions[1].value = "[[\"NULL\"]]".into();
    };
    let _ = Case::new().with(whole).plan();
}

#[test]
fn all_reasons_at_once() {
    let case = Case::new().stands("orders_restored", 900).with(|case| {
        case.source().record.status = BackupStatus::Lost;
        case.live("users").state = TableState::Restore;
    });
    let refused = plan(&case.request, &case.sources, &case.target).unwrap_err();
    assert_eq!(refused.0.len(), 3, "{refused}");
    assert_eq!(Error::from(refused).name, ErrorName::PrecheckFailed);
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
        LiveFate::Aside {
            under: name("orders_before_20260301_040000")
        }
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
fn policies_stay_off_where_they_could_drop_something() {
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
    dynamic("-3").asks("ALTER TABLE `shop`.`orders` SET (\"dynamic_partition.enable\" = \"true\")");
    let resumes = |case: Case| {
        let mut steps = case.plan().steps.into_iter();
        steps.any(|planned| planned.step.kind() == "resume_partitions")
    };
    assert!(!resumes(dynamic("-3")));
    assert!(resumes(dynamic("-30")));
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
