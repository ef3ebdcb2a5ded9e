//! One binary of all integration tests.

mod full_backup;
mod restore;
