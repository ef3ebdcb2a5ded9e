use super::*;

mod refused;
mod stored;
mod support;

use support::*;
