//! The executors against the emulator, over the wire.

mod client;
mod read;
mod support;
mod text;
