//! Everything that a restore may be about to do when it is killed, and what stands there afterwards.

use serde_json::{Value, json};
use starrocks_emulator::Profile;
use tests::{cluster::Cluster, flow};

use super::{backup::two_databases, end_state, input, shop};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Overlay,
    Stage,
    Direct,
    Create,
    /// Partitions of a live table, replaced by temporary ones.
    Splice,
    /// Partitions of an automatic table, replaced by INSERT OVERWRITE.
    Overwrite,
    TwoDatabases,
    /// What waits for its promotion.
    Promote,
    Undo,
    UndoSplice,
}

impl Way {
    /// A cluster, and what is asked for.
    pub(super) async fn prepared(self) -> (Cluster, Value) {
        match self {
            Way::Overlay => (damaged().await, target()),
            Way::Stage => (
                damaged().await,
                json!({ "target_label": "sales_20260301_full" }),
            ),
            Way::Direct => {
                let mut input = target();
                input["into_database"] = json!("copy");
                (damaged().await, input)
            }
            Way::Create => (without_partitions().await, {
                json!({ "target_label": "sales_20260301_full", "tables": ["bare"] })
            }),
            Way::Splice => (live_partitions().await, splice()),
            Way::Overwrite => (live_partitions().await, overwrite()),
            Way::TwoDatabases => {
                let cluster = damaged_databases().await;
                let as_of = cluster.at("2026-03-02 00:00:00");
                (cluster, json!({ "group": "nightly", "as_of": as_of }))
            }
            Way::Promote => {
                let cluster = damaged().await;
                let mut input = target();
                input["swap"] = json!("manual");
                let held = flow::restore(&cluster, input).await.output();
                (cluster, held["summary"]["next_input"].clone())
            }
            Way::Undo => undo_of(damaged().await, target()).await,
            Way::UndoSplice => undo_of(live_partitions().await, splice()).await,
        }
    }
}

pub(super) const ORDERS: &str = "SELECT k, id FROM sales.orders";

pub(super) fn target() -> Value {
    json!({ "target_label": "sales_20260301_inc" })
}

fn splice() -> Value {
    json!({ "target_label": "sales_20260301_inc", "tables": ["orders"], "partitions": ["p1", "p2"] })
}

fn overwrite() -> Value {
    json!({
        "target_label": "sales_20260302_full",
        "tables": ["events"],
        "partitions": ["p20260101", "p20260102"],
    })
}

async fn undo_of(cluster: Cluster, input: Value) -> (Cluster, Value) {
    let done = flow::restore(&cluster, input).await.output();
    let undo = done["summary"]["next_input"].clone();
    assert!(undo["undo"].is_string(), "{done}");
    cluster.advance(60);
    (cluster, undo)
}

/// A full, a change, an incremental, and damage: what a restore of the incremental has to lay over.
pub(super) async fn damaged() -> Cluster {
    let cluster = shop().await;
    cluster
        .sql(
            "ALTER TABLE sales.orders ADD PARTITION p3 VALUES LESS THAN ('2026-01-04');
             ALTER TABLE sales.orders ADD PARTITION p4 VALUES LESS THAN ('2026-01-05');
             INSERT INTO sales.orders VALUES ('2026-01-03', 3), ('2026-01-04', 4)",
        )
        .await;
    flow::backup(&cluster, input("full")).await.output();
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 22)")
        .await;
    flow::backup(&cluster, input("incremental")).await.output();
    cluster.sql("TRUNCATE TABLE sales.orders").await;
    cluster
}

const EVENTS: &str = "(d DATETIME NOT NULL, id INT NOT NULL) DUPLICATE KEY(d, id) \
     PARTITION BY date_trunc('day', d) DISTRIBUTED BY HASH(id) BUCKETS 1 \
     PROPERTIES('replication_num'='1')";

async fn without_partitions() -> Cluster {
    let cluster = shop().await;
    cluster
        .sql(&format!("CREATE TABLE sales.bare {EVENTS}"))
        .await;
    flow::backup(&cluster, input("full")).await.output();
    cluster
        .sql("INSERT INTO sales.bare VALUES ('2026-01-01 10:00:00', 1)")
        .await;
    cluster
}

/// Labels of an ordinary and of an automatic table, and rows that came later.
async fn live_partitions() -> Cluster {
    let cluster = damaged().await;
    cluster
        .sql(&format!(
            "CREATE TABLE sales.events {EVENTS};
             INSERT INTO sales.events VALUES ('2026-01-01 10:00:00', 1), ('2026-01-02 10:00:00', 2)"
        ))
        .await;
    cluster.advance(86_400);
    flow::backup(&cluster, input("full")).await.output();
    cluster
        .sql(
            "INSERT INTO sales.events VALUES ('2026-01-01 11:00:00', 91), ('2026-01-02 11:00:00', 92);\n\
             INSERT INTO sales.orders VALUES ('2026-01-01', 93), ('2026-01-02', 94)",
        )
        .await;
    cluster
}

async fn damaged_databases() -> Cluster {
    let cluster = two_databases(Profile::V3_5).await;
    flow::backup(&cluster, input("full")).await.output();
    cluster
        .sql("TRUNCATE TABLE sales.orders;\nDELETE FROM crm.customers WHERE id = 2")
        .await;
    cluster
}

/// Everything that stands in the user's databases, and what the ops tables say of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Names are without the stamp, which is the time of the attempt.
    pub(super) tables: Vec<(String, Vec<Vec<String>>)>,
    restores: Vec<Vec<String>>,
    held: Vec<Vec<String>>,
    open: Vec<Vec<String>>,
}

pub(super) async fn picture(cluster: &Cluster) -> Picture {
    let mut tables = Vec::new();
    for database in ["sales", "crm", "copy"] {
        let like = format!("SHOW DATABASES LIKE '{database}'");
        if cluster.rows(&like).await.is_empty() {
            continue;
        }
        for row in cluster.rows(&format!("SHOW TABLES FROM {database}")).await {
            let table = format!("{database}.{}", row[0]);
            let rows = cluster.rows(&format!("SELECT * FROM {table}")).await;
            let stamp = ["_before_", "_undone_"]
                .iter()
                .find_map(|word| table.find(word).map(|at| at + word.len()));
            let name = stamp.map_or(table.as_str(), |end| &table[..end]);
            tables.push((name.to_owned(), rows));
        }
    }
    tables.sort();
    let end = end_state(cluster).await;
    Picture {
        tables,
        restores: cluster
            .rows("SELECT state, status, rows_verified FROM ops.restore_history")
            .await,
        held: end.held,
        open: end.open,
    }
}
