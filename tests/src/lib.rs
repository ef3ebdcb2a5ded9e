//! The harness: an emulated cluster, the real handlers, and the real state machines on top of it.

pub mod cluster;
pub mod command;
pub mod cost;
pub mod flow;
pub mod kill;
pub mod meddle;
pub mod shop;
pub mod witness;

/// No test may hang: what is waited for must come within this time, also on a busy machine.
pub const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(180);
