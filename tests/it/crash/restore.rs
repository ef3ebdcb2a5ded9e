//! Restores that are killed: what is live, what was put aside and what is recorded are what they would
//! have been.

use serde_json::{Value, json};
use tests::{cluster::Cluster, flow, kill::Kill};

use super::{
    LEASE_SECONDS, kills,
    restore_ways::{ORDERS, Picture, Way, damaged, picture, target},
};

async fn undisturbed(way: Way) -> (u64, Picture) {
    let (cluster, input) = way.prepared().await;
    cluster.emulator.faults().reset_journal();
    flow::restore(&cluster, input).await.output();
    let count = cluster.emulator.faults().journal().len() as u64;
    (count, picture(&cluster).await)
}

async fn function_killed(way: Way, stride: usize) {
    let (count, expected) = undisturbed(way).await;
    for kill in kills(count, stride) {
        let (cluster, input) = way.prepared().await;
        let before = live(&cluster).await;
        let (ended, fired) = flow::restore_with_kill(&cluster, input, kill).await;
        assert!(fired, "{way:?} {kill:?}");
        assert!(ended.result.is_ok(), "{way:?} {kill:?}: {:?}", ended.result);
        assert_eq!(picture(&cluster).await, expected, "{way:?} {kill:?}");
        if matches!(way, Way::Splice | Way::Overwrite) {
            let undo = ended.output()["summary"]["next_input"].clone();
            assert!(undo["undo"].is_string(), "{way:?} {kill:?}");
            flow::restore(&cluster, undo).await.output();
            assert_eq!(live(&cluster).await, before, "{way:?} {kill:?}: undone");
        }
    }
}

/// What the live tables hold.
async fn live(cluster: &Cluster) -> Vec<(String, Vec<Vec<String>>)> {
    let mut tables = picture(cluster).await.tables;
    tables.retain(|(name, _)| !name.ends_with('_'));
    tables
}

async fn process_killed(way: Way, stride: usize) {
    let (count, expected) = undisturbed(way).await;
    for kill in kills(count, stride) {
        a_killed_process_is_followed(way, kill, &expected).await;
    }
}

async fn a_killed_process_is_followed(way: Way, kill: Kill, expected: &Picture) {
    let (cluster, input) = way.prepared().await;
    let fired = flow::restore_until_killed(&cluster, input.clone(), kill).await;
    assert!(fired, "{way:?} {kill:?}");
    // The job goes on without us; the lease runs out.
    cluster.advance(LEASE_SECONDS);
    if let Some(next) = next_input(&cluster, input).await {
        let ended = flow::restore(&cluster, next).await;
        assert!(ended.result.is_ok(), "{way:?} {kill:?}: {:?}", ended.result);
    }
    assert_eq!(&picture(&cluster).await, expected, "{way:?} {kill:?}");
}

/// What a person asks for who finds a restore that broke off.
async fn next_input(cluster: &Cluster, input: Value) -> Option<Value> {
    let rows = cluster
        .rows("SELECT job_id, state, status FROM ops.restore_history")
        .await;
    let [id, state, status] = match rows.as_slice() {
        [] => return Some(input),
        [one] => [one[0].clone(), one[1].clone(), one[2].clone()],
        more => panic!("one restore: {more:?}"),
    };
    let end = if input["undo"].is_string() {
        "UNDONE"
    } else {
        "PROMOTED"
    };
    // `starrocks-br status` calls it dead as long as its end is not written.
    let ended = state == end && status == "FINISHED";
    match (ended, input["target_label"].is_string()) {
        (true, _) => None,
        (false, true) => Some(json!({ "resume": id })),
        // Promotion and undo are asked for again.
        (false, false) => Some(input),
    }
}

/// Runs are alike in long stretches, such as one verified table after the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_killed_during_a_restore_is_called_again_and_ends_alike() {
    function_killed(Way::Overlay, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_killed_during_an_undo_is_called_again_and_ends_alike() {
    function_killed(Way::Undo, 11).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_killed_during_a_promotion_is_called_again_and_ends_alike() {
    function_killed(Way::Promote, 11).await;
}

macro_rules! every_statement {
    ($($name:ident: $killed:ident $way:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "kills every statement: tests/run --slow"]
        async fn $name() {
            $killed(Way::$way, 1).await;
        }
    )+};
}

every_statement! {
    an_overlay_killed_at_any_statement_ends_alike: function_killed Overlay;
    a_stage_killed_at_any_statement_ends_alike: function_killed Stage;
    a_direct_restore_killed_at_any_statement_ends_alike: function_killed Direct;
    a_created_table_killed_at_any_statement_ends_alike: function_killed Create;
    a_splice_killed_at_any_statement_ends_alike: function_killed Splice;
    an_overwrite_killed_at_any_statement_ends_alike: function_killed Overwrite;
    two_databases_killed_at_any_statement_end_alike: function_killed TwoDatabases;
    a_promotion_killed_at_any_statement_ends_alike: function_killed Promote;
    an_undo_killed_at_any_statement_ends_alike: function_killed Undo;
    an_undo_of_a_splice_killed_at_any_statement_ends_alike: function_killed UndoSplice;
    an_overlay_whose_process_is_killed_goes_on: process_killed Overlay;
    a_stage_whose_process_is_killed_goes_on: process_killed Stage;
    a_direct_restore_whose_process_is_killed_goes_on: process_killed Direct;
    a_splice_whose_process_is_killed_goes_on: process_killed Splice;
    an_overwrite_whose_process_is_killed_goes_on: process_killed Overwrite;
    a_promotion_whose_process_is_killed_goes_on: process_killed Promote;
    an_undo_whose_process_is_killed_goes_on: process_killed Undo;
}

/// What was put aside is kept whole, whatever dies: a second copy of what was replaced already would be a
/// copy of the restore. The way back from there is tried too.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_killed_while_it_puts_partitions_into_a_live_table_loses_nothing() {
    function_killed(Way::Splice, 23).await;
    function_killed(Way::Overwrite, 23).await;
}

/// What is undone cannot be undone, unless by the call that did it and could not say so.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_is_killed_after_its_last_word_is_a_success() {
    let (undisturbed, input) = Way::Undo.prepared().await;
    undisturbed.emulator.faults().reset_journal();
    flow::restore(&undisturbed, input).await.output();
    let expected = picture(&undisturbed).await;
    let journal = undisturbed.emulator.faults().journal();
    let undone = journal
        .iter()
        .find(|entry| entry.sql.contains("SET state = 'UNDONE'"))
        .expect("its last word");
    let (cluster, input) = Way::Undo.prepared().await;
    let kill = Kill {
        statement: undone.number,
        executed: true,
    };
    let (ended, fired) = flow::restore_with_kill(&cluster, input.clone(), kill).await;
    assert!(fired && ended.result.is_ok(), "{:?}", ended.result);
    assert_eq!(picture(&cluster).await, expected);
    let twice = flow::restore(&cluster, input).await.error();
    assert_eq!(twice.error, "InvalidInput", "{twice:?}");
}

/// Everything is live, and nobody wrote that it is: `status` names it, and to resume it writes its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_whose_process_dies_after_its_promotion_is_ended_by_resume() {
    let way = Way::Stage;
    let (undisturbed, input) = way.prepared().await;
    undisturbed.emulator.faults().reset_journal();
    flow::restore(&undisturbed, input).await.output();
    let journal = undisturbed.emulator.faults().journal();
    let expected = picture(&undisturbed).await;
    let promoted = journal
        .iter()
        .position(|entry| entry.sql.contains("SET state = 'PROMOTED'"))
        .expect("its promotion");
    for entry in journal[promoted..].iter().step_by(3) {
        let kill = Kill {
            statement: entry.number,
            executed: true,
        };
        a_killed_process_is_followed(way, kill, &expected).await;
    }
}

/// The one statement that undoes itself when it is sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_swap_whose_answer_was_lost_is_not_sent_again() {
    let undisturbed = damaged().await;
    undisturbed.emulator.faults().reset_journal();
    flow::restore(&undisturbed, target()).await.output();
    let rows = undisturbed.rows(ORDERS).await;
    let journal = undisturbed.emulator.faults().journal();
    let swap = journal
        .iter()
        .find(|entry| entry.sql.contains("SWAP WITH"))
        .expect("a swap");
    for after in 0..3 {
        let cluster = damaged().await;
        let kill = Kill {
            statement: swap.number + after,
            executed: after == 0,
        };
        let (ended, fired) = flow::restore_with_kill(&cluster, target(), kill).await;
        assert!(
            fired && ended.result.is_ok(),
            "{kill:?}: {:?}",
            ended.result
        );
        assert_eq!(cluster.rows(ORDERS).await, rows, "{kill:?}");
        let swaps = cluster.emulator.faults().journal();
        let swaps = swaps
            .iter()
            .filter(|entry| entry.sql.contains("SWAP WITH"))
            .count();
        assert_eq!(swaps, 1, "{kill:?}");
    }
}
