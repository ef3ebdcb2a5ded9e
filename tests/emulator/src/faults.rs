//! What a test may do to statements on their way: refuse, drop, delay, hold; and what it may read about
//! them: the journal of all statements that arrived.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::{reply::SqlError, session::Session};

#[derive(Debug, Clone)]
pub enum Fault {
    /// Answer this error; nothing is executed.
    Refuse(SqlError),
    /// Close the connection; nothing is executed.
    DropBefore,
    /// Execute, then close the connection instead of answering.
    DropAfter,
    /// Execute, answer, and close the connection one byte before the end of the answer.
    DropInAnswer,
    /// Execute after this time of the wall clock.
    Delay(Duration),
    /// Execute once the test says so.
    Hold(Hold),
}

/// What a test releases: all statements that wait for it go on, and those that come later do not wait.
#[derive(Debug, Clone)]
pub struct Hold(Arc<Semaphore>);

impl Default for Hold {
    fn default() -> Hold {
        Hold(Arc::new(Semaphore::new(0)))
    }
}

impl Hold {
    pub fn release(&self) {
        self.0.close();
    }

    pub(crate) async fn wait(&self) {
        // Closed is all that it ever becomes.
        let _ = self.0.acquire().await;
    }
}

/// Which statements a fault is for.
pub enum When {
    /// The text contains this.
    Contains(String),
    /// The running number of the statement, as in [`JournalEntry::number`].
    Number(u64),
    Matches(Box<dyn Fn(&str) -> bool + Send>),
}

impl fmt::Debug for When {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Contains(text) => write!(out, "Contains({text:?})"),
            When::Number(number) => write!(out, "Number({number})"),
            When::Matches(_) => write!(out, "Matches(..)"),
        }
    }
}

/// One statement as it arrived, before any fault was applied to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Counts statements of all sessions, from 1.
    pub number: u64,
    pub session: u32,
    pub user: String,
    pub sql: String,
    pub at: Timestamp,
}

#[derive(Debug)]
struct Rule {
    when: When,
    fault: Fault,
    /// How often it may still fire.
    left: u64,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    journal: Vec<JournalEntry>,
    refuses_connections: bool,
}

/// Shared by the server and the test that started it. Rules fire in the order in which they were set;
/// the first that matches decides.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn once(&self, when: When, fault: Fault) {
        self.times(when, fault, 1);
    }

    /// Fires for the next `count` statements that match.
    pub fn times(&self, when: When, fault: Fault, count: u64) {
        self.state().rules.push(Rule {
            when,
            fault,
            left: count,
        });
    }

    pub fn always(&self, when: When, fault: Fault) {
        self.times(when, fault, u64::MAX);
    }

    /// Removes all rules. The journal stays.
    pub fn clear(&self) {
        self.state().rules.clear();
    }

    /// Rules that have not fired as often as they were set to, as text: a test that meant to disturb
    /// something can prove that it did.
    pub fn pending(&self) -> Vec<String> {
        self.state()
            .rules
            .iter()
            .filter(|rule| rule.left > 0)
            .map(|rule| format!("{:?} -> {:?}", rule.when, rule.fault))
            .collect()
    }

    /// Closes new connections before the greeting, as a frontend does that is not there.
    pub fn refuse_connections(&self, refuse: bool) {
        self.state().refuses_connections = refuse;
    }

    pub(crate) fn refuses_connections(&self) -> bool {
        self.state().refuses_connections
    }

    pub fn journal(&self) -> Vec<JournalEntry> {
        self.state().journal.clone()
    }

    /// Empties the journal and starts counting at 1 again.
    pub fn reset_journal(&self) {
        self.state().journal.clear();
    }

    /// Notes a statement and finds what is to be done to it.
    pub(crate) fn receive(&self, session: &Session, sql: &str, at: Timestamp) -> Option<Fault> {
        let mut state = self.state();
        let number = state.journal.len() as u64 + 1;
        state.journal.push(JournalEntry {
            number,
            session: session.id,
            user: session.identity.user.clone(),
            sql: sql.to_owned(),
            at,
        });
        let rule = state.rules.iter_mut().find(|rule| {
            rule.left > 0
                && match &rule.when {
                    When::Contains(text) => sql.contains(text.as_str()),
                    When::Number(wanted) => *wanted == number,
                    When::Matches(matches) => matches(sql),
                }
        })?;
        rule.left -= 1;
        Some(rule.fault.clone())
    }
}
