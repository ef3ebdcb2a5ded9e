//! Everything that stands against a restore.

use std::{collections::BTreeMap, sync::Arc};

use super::{Case, name, shop, strategy};
use crate::{
    digest::SchemaHash,
    error::{Error, ErrorName},
    facts::{DatabaseFacts, ObjectKind, TableEngine, TableState},
    ident::{DatabaseId, QualifiedTable, TableId},
    manifest::{BackupStatus, ManifestObject},
    plan::restore::{LiveFate, Promotion, Strategy, plan, samples},
};

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
        let empty = DatabaseFacts {
            database: shop(),
            database_id: DatabaseId(1),
            tables: BTreeMap::new(),
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
        case.live("orders").schema_hash = SchemaHash::of([&b"x"[..]]);
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
