//! Every kind of table through every way of restoring it, on every version.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::flow;

use super::kinds::{Content, Kind, Prepared, content, prepared};
use super::shop;

const FULL: &str = "sales_20260301_full";
const INCREMENTAL: &str = "sales_20260301_inc";

impl Prepared {
    async fn restore(&self, input: Value) -> Value {
        let output = flow::restore(&self.cluster, input).await.output();
        assert_eq!(output["summary"]["state"], json!("PROMOTED"), "{output}");
        output
    }

    /// How each table would be restored.
    async fn strategies(&self, mut input: Value) -> BTreeMap<String, String> {
        input["dry_run"] = json!(true);
        let output = flow::restore(&self.cluster, input).await.output();
        let tables = output["summary"]["plan"]["summary"]["tables"]
            .as_array()
            .unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        tables
            .iter()
            .map(|table| (text(&table["table"]["table"]), text(&table["strategy"])))
            .collect()
    }

    /// Rows of each table, partition by partition. The partition of an unpartitioned table has the
    /// table's name, which is that of the source again.
    async fn assert_equal(&self, database: &str, expected: &[(&'static Kind, Content)]) {
        for (kind, content_then) in expected {
            let content_now = content(&self.cluster, database, kind.name).await;
            assert_eq!(content_now, *content_then, "{database}.{}", kind.name);
        }
    }

    async fn assert_next_period(&self, database: &str) {
        for (kind, _) in &self.at_full {
            if kind.next.is_empty() {
                continue;
            }
            let table = format!("{database}.{}", kind.name);
            let before: u64 = self.count(&table).await;
            let next = kind.next.replace(&format!("sales.{}", kind.name), &table);
            self.cluster.sql(&next).await;
            assert_eq!(self.count(&table).await, before + 1, "{table}");
        }
    }

    async fn count(&self, table: &str) -> u64 {
        let count = self
            .cluster
            .one(&format!("SELECT COUNT(*) FROM {table}"))
            .await;
        count.parse().unwrap()
    }

    async fn ids(&self, table: &str) -> Vec<Vec<String>> {
        self.cluster.rows(&format!("SELECT id FROM {table}")).await
    }
}

async fn overlay_and_stage(profile: Profile) {
    let prepared = prepared(profile).await;
    let strategies = prepared
        .strategies(json!({ "target_label": INCREMENTAL }))
        .await;
    for (table, strategy) in [
        ("ranged", "overlay"),
        ("automatic", "overlay"),
        ("keyed", "overlay"),
        ("uniq", "overlay"),
        ("summed", "overlay"),
        ("computed", "overlay"),
        ("two_columns", "overlay"),
        ("hourly", "overlay"),
        ("typed", "overlay"),
        ("sketched", "stage"),
        ("random", "stage"),
        ("counting", "stage"),
        ("whole", "stage"),
        ("calm", "stage"),
        ("bare", "create"),
    ] {
        assert_eq!(strategies[table], strategy, "{table}");
    }
    if profile != Profile::V3_3 {
        assert_eq!(strategies["listed"], "overlay");
        // NULL is printed like the text.
        assert_eq!(strategies["with_null"], "stage");
    }
    prepared
        .restore(json!({ "target_label": INCREMENTAL, "checksum": true }))
        .await;
    prepared
        .assert_equal("sales", &prepared.at_incremental)
        .await;
    assert_eq!(
        prepared.ids("sales.calm").await,
        [["1"], ["2"]],
        "it did not change"
    );
    assert_eq!(
        prepared.ids("sales.newcomer").await,
        [["42"]],
        "made after the label"
    );
    let doomed = prepared
        .cluster
        .rows("SHOW TABLES FROM sales LIKE 'doomed'")
        .await;
    assert!(doomed.is_empty(), "dropped before the label");
    prepared.assert_next_period("sales").await;

    // The second restore finds a live table that a restore put there.
    prepared.cluster.advance(60);
    prepared.restore(json!({ "target_label": FULL })).await;
    prepared.assert_equal("sales", &prepared.at_full).await;
    assert_eq!(prepared.ids("sales.doomed").await, [["1"]]);
    prepared.assert_next_period("sales").await;
}

async fn direct(profile: Profile) {
    let prepared = prepared(profile).await;
    for (label, database, expected) in [
        (FULL, "copy_full", &prepared.at_full),
        (INCREMENTAL, "copy_inc", &prepared.at_incremental),
    ] {
        prepared
            .restore(json!({ "target_label": label, "into_database": database }))
            .await;
        prepared.assert_equal(database, expected).await;
        prepared.assert_next_period(database).await;
    }
    assert_eq!(prepared.ids("copy_inc.calm").await, [["1"], ["2"]]);
    let tables = prepared.cluster.rows("SHOW TABLES FROM copy_inc").await;
    let strange = tables.iter().find(|name| {
        ["_restored", "_before_", "doomed", "newcomer"]
            .iter()
            .any(|part| name[0].contains(part))
    });
    assert_eq!(strange, None, "{tables:?}");
}

async fn splice(profile: Profile) {
    let prepared = prepared(profile).await;
    for (kind, content_then) in &prepared.at_incremental {
        if kind.splice.is_empty() {
            continue;
        }
        let damaged = content(&prepared.cluster, "sales", kind.name).await;
        prepared.cluster.advance(60);
        let input = json!({
            "target_label": INCREMENTAL,
            "tables": [kind.name],
            "partitions": kind.splice,
        });
        if profile.is_3_3() && ["automatic", "monthly", "hourly"].contains(&kind.name) {
            let error = flow::restore(&prepared.cluster, input).await.error();
            assert_eq!(error.error, "PrecheckFailed", "{error:?}");
            assert!(
                error.cause.contains("cannot replace single partitions"),
                "{error:?}"
            );
            assert_eq!(
                content(&prepared.cluster, "sales", kind.name).await,
                damaged
            );
            continue;
        }
        prepared.restore(input).await;
        let now = content(&prepared.cluster, "sales", kind.name).await;
        for (partition, rows) in &now {
            let source = match kind.splice.contains(&partition.as_str()) {
                true => content_then,
                false => &damaged,
            };
            let expected = source.iter().find(|(name, _)| name == partition);
            assert_eq!(
                Some(rows),
                expected.map(|(_, rows)| rows),
                "{}.{partition}",
                kind.name
            );
        }
        for partition in kind.splice {
            assert!(
                now.iter().any(|(name, _)| name == partition),
                "{}.{partition}",
                kind.name
            );
        }
    }
}

macro_rules! on_every_version {
    ($($way:ident: $($name:ident $profile:ident),+;)+) => {$($(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $way(Profile::$profile).await;
        }
    )+)+};
}

on_every_version! {
    overlay_and_stage: overlay_and_stage_3_3 V3_3, overlay_and_stage_3_3_list V3_3List,
        overlay_and_stage_3_5 V3_5, overlay_and_stage_4_1 V4_1;
    direct: direct_3_3 V3_3, direct_3_3_list V3_3List, direct_3_5 V3_5, direct_4_1 V4_1;
    splice: splice_3_3 V3_3, splice_3_3_list V3_3List, splice_3_5 V3_5, splice_4_1 V4_1;
}

#[tokio::test(flavor = "multi_thread")]
async fn rollups_come_back_with_their_table() {
    for profile in Profile::ALL {
        let cluster = shop(profile).await;
        cluster
            .sql("ALTER TABLE sales.orders ADD ROLLUP by_v (v, k)")
            .await;
        for _ in 0..20 {
            cluster.advance(10);
            cluster.rows("SHOW ALTER TABLE ROLLUP FROM sales").await;
        }
        cluster.group("nightly", &["sales.*"]).await;
        flow::full(&cluster, "nightly").await;
        let before = cluster.rows("SELECT * FROM sales.orders").await;
        cluster.sql("DROP TABLE sales.orders FORCE").await;
        flow::restore(&cluster, json!({ "target_label": FULL }))
            .await
            .output();
        let indexes = cluster
            .rows("SHOW PROC '/dbs/sales/orders/index_schema'")
            .await;
        let names: Vec<&str> = indexes.iter().map(|row| row[1].as_str()).collect();
        assert!(
            names.contains(&"by_v") && names.contains(&"orders"),
            "{profile:?} {indexes:?}"
        );
        assert_eq!(cluster.rows("SELECT * FROM sales.orders").await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_views_are_made_again_in_order_of_dependency() {
    for profile in Profile::ALL {
        let cluster = shop(profile).await;
        // By name the dependent ones come first.
        cluster
            .sql(
                "CREATE VIEW sales.z_base AS SELECT k, id FROM sales.orders;\n\
                 CREATE VIEW sales.m_middle AS SELECT id FROM sales.z_base;\n\
                 CREATE VIEW sales.a_top AS SELECT id FROM sales.m_middle WHERE id > 1;\n\
                 CREATE VIEW sales.kept AS SELECT id FROM sales.orders",
            )
            .await;
        cluster.group("nightly", &["sales.*"]).await;
        flow::full(&cluster, "nightly").await;
        let before = cluster.rows("SELECT * FROM sales.a_top").await;
        cluster
            .sql(
                "DROP VIEW sales.a_top;\nDROP VIEW sales.m_middle;\nDROP VIEW sales.z_base;\n\
                 DROP TABLE sales.orders FORCE",
            )
            .await;
        let output = flow::restore(&cluster, json!({ "target_label": FULL }))
            .await
            .output();
        assert_eq!(
            cluster.rows("SELECT * FROM sales.a_top").await,
            before,
            "{profile:?} {output}"
        );
        assert_eq!(cluster.rows("SELECT * FROM sales.kept").await.len(), 2);
    }
}
