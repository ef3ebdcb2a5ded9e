//! Killing what runs, at any statement: before the server executes it, or after it did and before the
//! answer arrives.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use starrocks_emulator::{
    Emulator,
    engine::Engine,
    faults::{Fault, When},
};

/// Where to kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// The running number of the statement, from 1.
    pub statement: u64,
    /// Whether the server executes it.
    pub executed: bool,
}

/// What dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// One function: its caller sees that, and may call it again.
    Function,
    /// All of it: nobody is left who could call anything again.
    Process,
}

type Act = Box<dyn FnOnce(&mut Engine) + Send>;

/// From the statement on, nothing reaches the server until the dead process is known to be dead.
#[derive(Clone)]
pub struct Killer {
    emulator: Arc<Emulator>,
    victim: Victim,
    dead: Arc<AtomicBool>,
    fired: Arc<AtomicBool>,
    meanwhile: Arc<Mutex<Option<Act>>>,
}

impl fmt::Debug for Killer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Killer")
            .field("victim", &self.victim)
            .field("dead", &self.dead)
            .field("fired", &self.fired)
            .finish_non_exhaustive()
    }
}

impl Killer {
    pub fn arm(emulator: &Arc<Emulator>, kill: Kill, victim: Victim) -> Killer {
        let dead = Arc::new(AtomicBool::new(false));
        let fired = Arc::new(AtomicBool::new(false));
        let seen = AtomicU64::new(0);
        let faults = emulator.faults();
        faults.clear();
        faults.reset_journal();
        let (flag, once) = (Arc::clone(&dead), Arc::clone(&fired));
        let is_for_the_dead = move |_: &str| {
            if flag.load(Ordering::SeqCst) {
                return true;
            }
            if once.load(Ordering::SeqCst)
                || seen.fetch_add(1, Ordering::SeqCst) + 1 != kill.statement
            {
                return false;
            }
            once.store(true, Ordering::SeqCst);
            flag.store(true, Ordering::SeqCst);
            !kill.executed
        };
        faults.always(When::Matches(Box::new(is_for_the_dead)), Fault::DropBefore);
        if kill.executed {
            faults.once(When::Number(kill.statement), Fault::DropAfter);
        }
        Killer {
            emulator: Arc::clone(emulator),
            victim,
            dead,
            fired,
            meanwhile: Arc::default(),
        }
    }

    /// What somebody else does between the death and whatever is called next.
    pub fn meanwhile(self, act: impl FnOnce(&mut Engine) + Send + 'static) -> Killer {
        *self
            .meanwhile
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Box::new(act));
        self
    }

    /// Returns when the statement has arrived.
    pub async fn died(&self) {
        while !self.dead.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // The statement that is executed is executed to its end before the process is gone.
        self.emulator.with_engine(|engine| {
            let mut meanwhile = self
                .meanwhile
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(act) = meanwhile.take() {
                act(engine);
            }
        });
    }

    /// The end of a function: what comes next is another call. Of a process there is no next.
    pub async fn bury(&self) {
        if self.victim == Victim::Process {
            std::future::pending::<()>().await;
        }
        self.dead.store(false, Ordering::SeqCst);
    }

    pub fn victim(&self) -> Victim {
        self.victim
    }

    /// `false`: the run ended before it got that far.
    pub fn has_fired(&self) -> bool {
        self.fired.load(Ordering::SeqCst)
    }
}
