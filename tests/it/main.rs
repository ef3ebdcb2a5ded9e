//! One binary of all integration tests.

mod crash;
mod full_backup;
mod incremental_backup;
mod restore;
