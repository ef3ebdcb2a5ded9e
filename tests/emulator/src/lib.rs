//! A StarRocks frontend that a stock MySQL client cannot tell from a real one, for the statements
//! that backup and restore use, and that is right about what matters: data.
//!
//! Rows live in partitions with real ids and versions. BACKUP captures versions at its pin (when the
//! job leaves PENDING), RESTORE brings back exactly those rows, and the repository is real objects in
//! StarRocks' layout in a directory, or in a bucket of an object store that is plugged in (see
//! [`repository::Service`]). Jobs advance on a clock that tests move. A statement that the emulator
//! does not know is an error that quotes it, never an empty success.
//!
//! What it must answer, to the letter, are the recordings of real frontends in `tests/transcripts`.
//! This package depends on no other package of the workspace, so that a wrong rule cannot be shared
//! by both sides of a test.
//!
//! The way of a statement: [`wire`] reads a packet, [`session`] applies faults and privileges,
//! [`parse`] makes a typed statement of the text, [`engine`] runs it against [`catalog`] (names, ids,
//! versions), [`rows`] (data), [`jobs`] and [`repository`] (snapshots), and answers a [`reply`].

mod admin;
mod backup;
pub mod catalog;
pub mod clock;
pub mod config;
pub mod control;
mod ddl;
mod dml;
pub mod engine;
pub mod faults;
pub mod information_schema;
pub mod jobs;
pub mod nodes;
pub mod number;
pub mod options;
pub mod parse;
pub mod privileges;
pub mod profile;
pub mod program;
mod query;
pub mod reply;
pub mod repository;
pub mod rows;
pub mod server;
pub mod session;
mod show;
mod sketch;
pub mod types;
mod value;
pub mod variables;

pub mod wire;

pub use clock::Clock;
pub use options::{Options, Tls};
pub use profile::Profile;
pub use server::Emulator;
