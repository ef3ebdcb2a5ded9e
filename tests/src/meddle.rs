//! Somebody else, who does something at the very moment when a statement arrives.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use starrocks_emulator::{
    engine::Engine,
    faults::{Fault, When},
    reply::SqlError,
};

use crate::cluster::Cluster;

/// Whether it came about.
#[derive(Debug, Clone, Default)]
pub struct Done(Arc<AtomicBool>);

impl Done {
    pub fn has_come_about(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Executes `statements` once, right before the first statement for which `when` holds.
pub fn once_before(
    cluster: &Cluster,
    when: impl FnMut(&str) -> bool + Send + 'static,
    statements: &'static str,
) -> Done {
    before(cluster, when, 1, move |engine| run(engine, statements))
}

/// Acts right before each of the first `times` statements for which `when` holds.
pub fn before(
    cluster: &Cluster,
    when: impl FnMut(&str) -> bool + Send + 'static,
    times: u32,
    act: impl FnMut(&mut Engine) + Send + 'static,
) -> Done {
    let done = Done::default();
    let fired = done.clone();
    let emulator = Arc::clone(&cluster.emulator);
    let state = Mutex::new((when, times, act));
    let look = move |sql: &str| {
        let mut state = state.lock().expect("no panic meanwhile");
        let (when, left, act) = &mut *state;
        if *left > 0 && when(sql) {
            *left -= 1;
            emulator.with_engine(|engine| act(engine));
            fired.0.store(true, Ordering::SeqCst);
        }
        false
    };
    let faults = cluster.emulator.faults();
    faults.always(When::Matches(Box::new(look)), Fault::DropBefore);
    done
}

/// Statements, separated by `;` and a line break, each of which must succeed.
pub fn run(engine: &mut Engine, statements: &str) {
    for statement in statements.split(";\n") {
        engine
            .execute_as_root(None, statement)
            .unwrap_or_else(|error| panic!("{statement}: {}", error.message));
    }
}

/// The first statement that contains `text` is refused.
pub fn refuse_once(cluster: &Cluster, text: &str) {
    let error = SqlError::plain("the disk of backend 10001 is full");
    cluster
        .emulator
        .faults()
        .once(When::Contains(text.to_owned()), Fault::Refuse(error));
}
