//! The planner against hand-made cases, and against random ones on a small model of the engine.

mod cases;
mod generate;
mod properties;
mod run;
mod statements;
mod world;
