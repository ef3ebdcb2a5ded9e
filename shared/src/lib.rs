//! Everything that the six functions and the command line share.
//!
//! Layers, each using only those above it in this list (`tests/it/layers.rs` holds them to it):
//!
//! 1. vocabulary: [`ident`], [`label`], [`time`], [`job`], [`version`], [`digest`],
//!    [`secret`], [`error`] - checked names and values;
//! 2. [`facts`], [`ddl`], [`manifest`], [`flow`] and [`state_size`]: what was read from a cluster, how a
//!    table is defined, what a label stands for, what travels between the states of a state machine, and
//!    how much of that there is room for;
//! 3. [`sql`]: typed statements in, text out; text rows in, typed rows out. No clock, no I/O, no
//!    environment, no `async`;
//! 4. [`plan`]: facts in, plan with reasons out. Just as pure;
//! 5. executors, the only `async` code: [`starrocks`], [`read`], [`ops`], [`track`], [`foreign`],
//!    [`aws`].

pub mod audit;
pub mod aws;
pub mod config;
pub mod context;
pub mod ddl;
pub mod digest;
pub mod error;
pub mod facts;
pub mod flow;
pub mod foreign;
pub mod ident;
pub mod job;
pub mod label;
pub mod lambda;
pub mod manifest;
pub mod metrics;
pub mod ops;
pub mod plan;
pub mod read;
pub mod secret;
pub mod sql;
pub mod starrocks;
pub mod state_size;
pub mod telemetry;
pub mod time;
pub mod track;
pub mod version;
