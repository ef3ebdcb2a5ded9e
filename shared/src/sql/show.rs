//! What is asked of a cluster, with the rows that come back.
//!
//! Times in these rows are never parsed (see [`crate::time`]); whether one is set is all that counts.

mod accounts;
mod catalog;
mod cluster;
mod jobs;
mod partitions;

pub use accounts::*;
pub use catalog::*;
pub use cluster::*;
pub use jobs::*;
pub use partitions::*;
