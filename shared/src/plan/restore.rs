//! The restore planner: manifests and facts of the target in, a strategy per table and ordered steps
//! out.

pub mod step;

pub use step::{
    CopyMode, PartitionRange, Phase, PlannedStep, Policy, Slot, Step, TableRange, TableRef,
};
