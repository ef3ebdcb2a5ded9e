//! One binary of all integration tests.

mod audit_orphans;
mod cli;
mod concurrency;
mod contracts;
mod crash;
mod events;
mod following;
mod foreign;
mod full_backup;
mod groups;
mod incremental_backup;
mod interleavings;
mod layers;
mod lost_cluster;
mod metrics;
mod names;
mod polling;
mod precheck;
mod promote;
mod recording;
mod restore;
mod row_counts;
mod scale;
mod schedules;
mod secrets;
mod stopped;
