//! The frontend's state, and the one place where a statement runs.

use crate::{catalog::Catalog, clock::Clock, profile::Profile};

/// Everything a frontend knows. All statements run under one lock, one at a time; a statement's
/// effect is therefore atomic, as DDL is on a real leader.
#[derive(Debug)]
pub struct Engine {
    pub profile: Profile,
    pub clock: Clock,
    /// Zone of the FE's JVM: snapshot timestamps are in it.
    pub time_zone: jiff::tz::TimeZone,
    pub catalog: Catalog,
}
