//! No live partition is replaced of which not everything was kept, also where it is on its way or was taken away
//! again.

use jiff::SignedDuration;
use serde_json::json;
use starrocks_emulator::{Profile, engine::Engine, reply::Reply};
use tests::{flow, meddle};

use super::{
    ORDERS,
    live::{P2, damaged, input, kept},
};

/// What is committed can be read some seconds later.
fn load_slowly(engine: &mut Engine, row: &str) {
    engine.loads.publish_delay = SignedDuration::from_secs(20);
    meddle::run(engine, &format!("INSERT INTO sales.orders VALUES {row}"));
    engine.loads.publish_delay = SignedDuration::ZERO;
}

/// It is in the partition, and nothing that is read shows it yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_committed_and_not_yet_visible_is_kept() {
    for moment in ["ADD TEMPORARY PARTITION", "`sales`.`orders_before_"] {
        let cluster = damaged(Profile::V3_5).await;
        let load = meddle::before(
            &cluster,
            move |sql| sql.contains(moment),
            1,
            |engine| load_slowly(engine, "('2026-01-02', 77, 'on its way')"),
        );
        let done = flow::restore(&cluster, input(json!({}))).await.output();
        assert!(load.has_come_about());
        assert_eq!(cluster.rows(P2).await, [["2"]], "{moment}");
        assert_eq!(kept(&cluster).await, [["2"], ["77"], ["99"]], "{moment}");
        // The way back has it too.
        flow::restore(&cluster, done["summary"]["next_input"].clone())
            .await
            .output();
        assert_eq!(cluster.rows(P2).await, [["2"], ["77"], ["99"]], "{moment}");
    }
}

/// Somebody empties the table into which it was copied aside.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_and_is_gone_again_is_kept_once_more() {
    let cluster = damaged(Profile::V3_5).await;
    let empties = |engine: &mut Engine| {
        let shown = engine.execute_as_root(None, "SHOW TABLES FROM sales LIKE 'orders_before%'");
        let Ok(Reply::Rows(tables)) = shown else {
            panic!("a list of tables");
        };
        let name = tables.rows[0][0].clone().expect("a name");
        meddle::run(engine, &format!("TRUNCATE TABLE sales.{name}"));
    };
    let emptied = meddle::before(
        &cluster,
        |sql| sql.contains("ADD TEMPORARY PARTITION"),
        1,
        empties,
    );
    flow::restore(&cluster, input(json!({}))).await.output();
    assert!(emptied.has_come_about());
    assert_eq!(cluster.rows(P2).await, [["2"]]);
    assert_eq!(kept(&cluster).await, [["2"], ["99"]]);
}

/// The live table lacks it, and it is loaded into as soon as it is there.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_loaded_into_a_partition_that_was_just_added_is_not_thrown_away() {
    let cluster = damaged(Profile::V3_5).await;
    cluster
        .sql("ALTER TABLE sales.orders DROP PARTITION p2 FORCE")
        .await;
    let load = meddle::once_before(
        &cluster,
        |sql| sql.contains("ADD TEMPORARY PARTITION"),
        "INSERT INTO sales.orders VALUES ('2026-01-02', 55, 'mine')",
    );
    let error = flow::restore(&cluster, input(json!({}))).await.error();
    assert!(load.has_come_about());
    assert!(error.cause.contains("is not thrown away"), "{error:?}");
    assert_eq!(cluster.rows(P2).await, [["55"]]);
    let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
    flow::restore(&cluster, json!({ "undo": id }))
        .await
        .output();
    assert_eq!(cluster.rows(P2).await, [["55"]], "an undo leaves it too");
}

/// The first partition holds restored rows already: they are no user's, and what was the user's is kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_of_a_replaced_partition_stays_when_another_one_is_kept_again() {
    let cluster = damaged(Profile::V3_5).await;
    let before = cluster.rows(ORDERS).await;
    meddle::refuse_once(&cluster, "REPLACE PARTITION (`p2`)");
    let both = input(json!({ "partitions": ["p1", "p2"] }));
    let error = flow::restore(&cluster, both).await.error();
    assert!(error.cause.contains("is full"), "{error:?}");
    cluster
        .sql("INSERT INTO sales.orders VALUES ('2026-01-02', 77, 'between')")
        .await;
    let id = cluster.one("SELECT job_id FROM ops.restore_history").await;
    let done = flow::restore(&cluster, json!({ "resume": id }))
        .await
        .output();
    assert_eq!(kept(&cluster).await, [["1"], ["2"], ["77"], ["9"], ["99"]]);
    flow::restore(&cluster, done["summary"]["next_input"].clone())
        .await
        .output();
    let mut expected = before;
    expected.push(["2026-01-02", "77", "between"].map(str::to_owned).into());
    expected.sort();
    assert_eq!(cluster.rows(ORDERS).await, expected);
}
