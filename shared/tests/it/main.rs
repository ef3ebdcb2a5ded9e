//! The executors against the emulator, over the wire.

mod certificates;
mod client;
mod read;
mod restore_plan;
mod statements;
mod support;
mod text;
mod tls;
