//! `starrocks-br` as a person meets it: the real program as a process of its own, against the emulator.

mod audit;
mod bad_input;
mod commands;
mod confirmation;
mod invoke;
mod plan;
mod python;
mod secrets;
mod secrets_manager;
mod signals;
mod support;
mod tls;
