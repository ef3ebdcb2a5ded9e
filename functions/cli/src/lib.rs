//! `starrocks-br`: the six functions and the state machines on one machine.

pub mod asl;
