//! One binary of all integration tests.

mod audit_orphans;
mod concurrency;
mod crash;
mod events;
mod full_backup;
mod groups;
mod incremental_backup;
mod interleavings;
mod layers;
mod polling;
mod precheck;
mod promote;
mod restore;
mod row_counts;
mod scale;
mod schedules;
mod secrets;
