//! Whatever handlers answer, in whatever order: an execution ends.

use proptest::prelude::*;
use serde_json::json;
use shared::error::ErrorName;

use super::{
    backup, restore,
    script::{Answer, Call, Run, raise, run},
};
use crate::asl::{ExecutionError, Machine, definition::PLATFORM_ERRORS, execute::HISTORY_LIMIT};

/// What one call answers.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Well,
    Error(&'static str),
    Hang,
    Panic,
    /// A value that no handler returns.
    Nonsense,
}

fn mood() -> impl Strategy<Value = Mood> {
    let ours = ErrorName::ALL.iter().map(|name| name.as_str());
    let names: Vec<_> = ours.chain(PLATFORM_ERRORS.iter().copied()).collect();
    prop_oneof![
        4 => Just(Mood::Well),
        4 => proptest::sample::select(names).prop_map(Mood::Error),
        1 => Just(Mood::Hang),
        1 => Just(Mood::Panic),
        1 => Just(Mood::Nonsense),
    ]
}

/// Calls are answered in the order in which they come, the list over and over: what is bad stays bad.
fn play(machine: &Machine, well: fn(&Call) -> Answer, moods: Vec<Mood>) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let number = std::sync::atomic::AtomicUsize::new(0);
    runtime.block_on(run(machine, json!({}), move |call| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        match moods[number % moods.len()] {
            Mood::Well => well(call),
            Mood::Error(name) => raise(name),
            Mood::Hang => Answer::Hang,
            Mood::Panic => Answer::Panic,
            Mood::Nonsense => {
                Answer::Return(json!({"next": 1, "state": ["?"], "wait_seconds": "soon"}))
            }
        }
    }))
}

fn check(machine: &Machine, run: &Run, last: &str) -> Result<(), TestCaseError> {
    match &run.result {
        Ok(output) => prop_assert!(output.get("summary").is_some(), "{output}"),
        Err(ExecutionError::Failed(failure)) => {
            let uncatchable = failure.error.error == "States.Runtime";
            let place = failure.state.as_str();
            // Every other error is caught and brought to the last handler.
            prop_assert!(
                uncatchable || place == "Precheck" || place == last,
                "{failure}"
            );
            prop_assert!(
                machine
                    .flow()
                    .states
                    .contains_key(&failure.checkpoint.state)
            );
        }
        Err(other) => prop_assert!(false, "nobody stopped or redrove it: {other}"),
    }
    prop_assert!(run.entered.len() < usize::try_from(HISTORY_LIMIT).unwrap());
    // Every Task is bounded by its timeout and its retries; a month is far beyond them all.
    prop_assert!(run.seconds < 30.0 * 86_400.0, "{}", run.seconds);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_backup_ends(moods in proptest::collection::vec(mood(), 1..40)) {
        let machine = backup::machine();
        let run = play(&machine, backup::well, moods);
        check(&machine, &run, "Raise")?;
    }

    #[test]
    fn a_restore_ends(moods in proptest::collection::vec(mood(), 1..40)) {
        let machine = restore::machine();
        let run = play(&machine, restore::well, moods);
        check(&machine, &run, "Raise")?;
    }
}
