//! The executors against the emulator, over the wire.

mod client;
mod support;
