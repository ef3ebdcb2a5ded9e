//! Definitions against their effects on names, ids, versions and rows.

mod columns;
mod partitions;
mod scheduler;
mod support;
mod tables;
