//! Jobs from statement to end, on an engine without a server around it.

mod support;

mod damage;
mod data;
mod jobs;
mod labels;
mod sql;
mod targets;
